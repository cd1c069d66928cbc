//! What language models put around an answer, taken away: their thoughts, code fences, labels and
//! quotation marks.

/// Names of the blocks in which models think aloud.
const THOUGHTS: [&str; 4] = ["think", "thinking", "thought", "reasoning"];

/// Labels before the answer, in lower case, without their colon.
const LABELS: [&str; 18] = [
    "translation",
    "english translation",
    "translated prompt",
    "translated text",
    "english",
    "english prompt",
    "prompt",
    "expanded prompt",
    "improved prompt",
    "optimized prompt",
    "final prompt",
    "output",
    "翻译",
    "译文",
    "英文",
    "英文提示词",
    "提示词",
    "扩写",
];

/// Openings of a line that only announces the answer.
const ANNOUNCEMENTS: [&str; 5] = ["here is", "here's", "here are", "sure", "certainly"];

const QUOTES: [(char, char); 6] = [('"', '"'), ('“', '”'), ('「', '」'), ('『', '』'), ('\'', '\''), ('`', '`')];

/// The answer alone; empty when nothing is left.
pub(crate) fn clean(answer: &str) -> String {
    let thoughtless = THOUGHTS.iter().fold(answer.to_owned(), |text, tag| without_blocks(&text, tag));
    let plain: String = thoughtless.chars().filter(|c| matches!(c, '\n' | '\t') || !c.is_control()).collect();
    let mut text = plain.trim();
    // Wrappings are nested at most so deep in practice.
    for _ in 0..4 {
        text = unquoted(unlabelled(unfenced(text)).trim()).trim();
    }
    text.to_owned()
}

/// Without `<tag>…</tag>`. A block that never ends takes the rest with it; an end without a beginning
/// (the beginning stood in the model's own template) takes all before it.
fn without_blocks(text: &str, tag: &str) -> String {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let mut text = text.to_owned();
    loop {
        // ASCII case keeps the positions.
        let lower = text.to_ascii_lowercase();
        match (lower.find(&open), lower.find(&close)) {
            (Some(from), Some(to)) if from < to => text.replace_range(from..to + close.len(), ""),
            (_, Some(to)) => text.replace_range(..to + close.len(), ""),
            (Some(from), None) => text.truncate(from),
            (None, None) => return text,
        }
    }
}

/// What stands in a code fence, when the whole text does.
fn unfenced(text: &str) -> &str {
    let Some(inner) = text.strip_prefix("```").and_then(|rest| rest.strip_suffix("```")) else { return text };
    match inner.split_once('\n') {
        Some((language, body)) if !language.trim().contains(' ') => body.trim(),
        _ => inner.trim(),
    }
}

fn unlabelled(text: &str) -> &str {
    let Some(at) = text.find([':', '：']) else { return text };
    let (label, rest) = text.split_at(at);
    let rest = rest.trim_start_matches([':', '：']).trim_start_matches('*');
    let label = label.trim_matches(|c: char| c.is_whitespace() || c == '*' || c == '#').to_lowercase();
    let announced = rest.starts_with('\n') && !label.contains('\n') && ANNOUNCEMENTS.iter().any(|start| label.starts_with(start));
    if announced || LABELS.contains(&label.as_str()) { rest.trim_start() } else { text }
}

/// What stands in quotation marks, when the whole text does.
fn unquoted(text: &str) -> &str {
    let inside = |(open, close): &(char, char)| {
        let inner = text.strip_prefix(*open)?.strip_suffix(*close)?;
        (!inner.contains([*open, *close])).then_some(inner)
    };
    QUOTES.iter().find_map(inside).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrappings_are_taken_off() {
        for (answer, expected) in [
            ("a red cat", "a red cat"),
            ("  a red cat\n", "a red cat"),
            ("<think>Let me see: a cat.</think>\n\na red cat", "a red cat"),
            ("<Thinking>one</Thinking><think>two</think>a red cat", "a red cat"),
            ("the user wants a cat</think>a red cat", "a red cat"),
            ("<think>never ends", ""),
            ("\"a red cat\"", "a red cat"),
            ("“a red cat”", "a red cat"),
            ("\"red\" and \"blue\"", "\"red\" and \"blue\""),
            ("```\na red cat\n```", "a red cat"),
            ("```text\n\"a red cat\"\n```", "a red cat"),
            ("Translation: a red cat", "a red cat"),
            ("**Prompt:** \"a red cat\"", "a red cat"),
            ("译文：a red cat", "a red cat"),
            ("Here is the translation:\n\na red cat", "a red cat"),
            ("style: oil, subject: cat", "style: oil, subject: cat"),
            ("a cat with a sign: here is home", "a cat with a sign: here is home"),
            ("a\u{0}red\u{1b}cat", "aredcat"),
            ("\"\"", ""),
            ("", ""),
        ] {
            assert_eq!(clean(answer), expected, "{answer:?}");
        }
    }
}
