//! What of somebody's words may be shown to him again, and in the log.

/// Most characters of an echo.
const MOST: usize = 64;
/// Most characters of a sentence that others made of somebody's words.
const SENTENCE: usize = 600;

/// At most 64 characters of what a caller wrote, escaped so that they stay on one line and cannot
/// steer a terminal or reverse the text around them.
pub fn echo(text: &str) -> String {
    let mut out = String::new();
    let mut count = 0;
    for ch in text.chars() {
        let shown = escaped(ch, &['"', '\\']);
        count += shown.chars().count();
        if count >= MOST {
            out.push('…');
            break;
        }
        out.push_str(&shown);
    }
    out
}

/// A sentence of a parser that quotes what it read: a quotation, and a word outside of one, is as short
/// and tame as an [`echo`], and the whole is short.
pub fn tame(text: &str) -> String {
    let mut out = String::new();
    let (mut quoted, mut run) = (false, 0);
    for ch in text.chars().take(SENTENCE) {
        if matches!(ch, '`' | '"') {
            quoted = !quoted;
            run = 0;
        } else if quoted || (ch.is_ascii() && !ch.is_ascii_whitespace()) {
            run += 1;
        } else {
            run = 0;
        }
        match run {
            _ if run < MOST => out.push_str(&escaped(ch, &[])),
            MOST => out.push('…'),
            _ => {}
        }
    }
    out
}

fn escaped(ch: char, also: &[char]) -> String {
    let steering = matches!(ch, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    if ch.is_control() || steering || also.contains(&ch) { ch.escape_unicode().to_string() } else { ch.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Proves R-LOG-3.
    #[test]
    fn echoes_are_short_and_tame() {
        assert_eq!(echo("1024×1024"), "1024×1024");
        assert_eq!(echo("a\n\u{1b}[31m\u{202e}"), "a\\u{a}\\u{1b}[31m\\u{202e}");
        for long in ["x".repeat(5000), "\u{0}".repeat(5000), "é".repeat(5000)] {
            assert!(echo(&long).chars().count() <= 64);
        }
    }

    #[test]
    fn sentences_of_parsers_are_tamed() {
        assert_eq!(
            tame("unknown field `id`, expected `key` or `name` at line 1"),
            "unknown field `id`, expected `key` or `name` at line 1"
        );
        let own = "Our own sentences may be long, as long as they are made of words: this one is.";
        assert_eq!(tame(own), own);
        assert_eq!(tame(&"长".repeat(200)), "长".repeat(200));
        let long = tame(&format!("unknown field `{}`, expected `key`\n", "x".repeat(5000)));
        assert_eq!(long, format!("unknown field `{}…", "x".repeat(63)));
        let long = tame(&format!("unknown field `{}`, expected `key`\n", "x y".repeat(100)));
        assert_eq!(long, format!("unknown field `{}…`, expected `key`\\u{{a}}", "x y".repeat(21)));
    }
}
