//! What a Space says when it fails: texts, since Gradio has no codes. Titles are ZeroGPU's.

use ir_model::{Charge, Class, Fault, Node};
use std::time::Duration;

/// What an event says of a failure: title and sentence.
pub(super) fn of(document: &Node) -> String {
    let output = document.get("output");
    let text = |node: Option<&Node>| node.and_then(Node::as_str).unwrap_or_default().to_owned();
    let title = text(output.and_then(|output| output.get("title")).or_else(|| document.get("title")));
    let error = text(output.and_then(|output| output.get("error")).or_else(|| document.get("message")));
    // Gradio 4 wraps its texts in quotes.
    let error = error.trim().trim_matches('\'').to_owned();
    if title.is_empty() || title == "Error" { error } else { format!("{title}: {error}") }
}

/// Words and what they mean. The first row that has a word of the text decides.
const ROWS: &[(&[&str], Class)] = &[
    (&["queue is full", "zerogpu queue timeout", "no gpu is currently available", "no gpu was available"], Class::Overloaded),
    // Limits of the Space's own, though the title speaks of a quota: every key meets them here, and none elsewhere.
    (&["reached its gpu limit", "illegal duration"], Class::Overloaded),
    (&["zerogpu quota", "gpu quota", "runs limit", "credits exceeded", "quota exceeded"], Class::QuotaExhausted),
    (&["rate limit", "too many requests", "429"], Class::RateLimited),
    (&["nsfw", "not safe for work", "safety", "inappropriate", "content policy", "prohibited"], Class::ContentRejected),
    (&["zerogpu client error", "expired"], Class::Overloaded),
    (&["gpu task aborted", "zerogpu worker error", "session not found", "404: not found"], Class::UpstreamFault),
    (&["is less than minimum", "is greater than maximum", "not in the list of choices", "invalid value"], Class::InvalidRequest),
];

/// Whether a text holds a word. A number has to stand by itself: sizes, seeds and prices hold others.
fn says(text: &str, word: &str) -> bool {
    if !word.bytes().all(|b| b.is_ascii_digit()) {
        return text.contains(word);
    }
    let part = |c: char| c.is_alphanumeric() || matches!(c, '.' | ',' | '_');
    text.split(|c| !part(c)).any(|token| token.trim_matches(['.', ',', '_']) == word)
}

/// The fault of a text. What nobody knows is a failed drawing; nothing of it is charged but quota.
pub(super) fn fault(text: &str) -> Fault {
    let lower = text.to_lowercase();
    let class = ROWS.iter().find(|(words, _)| words.iter().any(|word| says(&lower, word))).map_or(Class::TaskFailed, |(_, class)| *class);
    let mut fault = Fault::new(class).charged(Charge::No).detail("the Space's function failed");
    fault.upstream = (!text.is_empty()).then(|| text.chars().take(2000).collect());
    fault.retry_after = if class == Class::QuotaExhausted { wait(&lower) } else { None };
    fault
}

/// The time in `Try again in 1 day, 2:03:04`.
fn wait(text: &str) -> Option<Duration> {
    let rest = text.split("try again in ").nth(1)?;
    let (days, rest) = match rest.split_once(" day") {
        Some((days, rest)) if days.bytes().all(|b| b.is_ascii_digit()) => (days.parse().ok()?, rest.trim_start_matches(['s', ',', ' '])),
        _ => (0_u64, rest),
    };
    let clock: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == ':').collect();
    let parts: Option<Vec<u64>> = clock.split(':').map(|part| part.parse().ok().filter(|n| *n < 1000)).collect();
    let [hours, minutes, seconds] = parts?.try_into().ok()?;
    // Longer than a month is a mistake.
    let days = days.min(31);
    Some(Duration::from_secs(days * 86_400 + hours * 3600 + minutes * 60 + seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_their_class() {
        let quota = "ZeroGPU quota exceeded: You have exceeded your free ZeroGPU quota (60s requested vs. 0s left). Try again in 0:12:34";
        assert_eq!((fault(quota).class, fault(quota).retry_after), (Class::QuotaExhausted, Some(Duration::from_secs(754))));
        let long = "You have exceeded your GPU quota (60s requested vs. -3s left). Try again in 1 day, 2:03:04";
        assert_eq!(fault(long).retry_after, Some(Duration::from_secs(93_784)));
        assert_eq!(fault("You have exceeded your GPU quota. Please retry later").retry_after, None);
        for (text, class) in [
            ("ZeroGPU queue timeout: no GPU within 60s", Class::Overloaded),
            ("Queue is full. Max size is 3 and size is 3.", Class::Overloaded),
            ("ZeroGPU worker error: GPU task aborted", Class::UpstreamFault),
            ("NSFW content was detected", Class::ContentRejected),
            ("ZeroGPU quota exceeded: Space app has reached its GPU limit", Class::Overloaded),
            ("ZeroGPU illegal duration: The requested GPU duration (300s) is larger than the maximum allowed", Class::Overloaded),
            ("HTTP 429: try later", Class::RateLimited),
            ("the server answered 429.", Class::RateLimited),
            ("cannot use a width of 1429", Class::TaskFailed),
            ("cannot reshape 4,429 to 0.429", Class::TaskFailed),
            ("Value 3000 is greater than maximum value 2048.", Class::InvalidRequest),
            ("The sampler does not like this prompt.", Class::TaskFailed),
            ("", Class::TaskFailed),
        ] {
            assert_eq!((fault(text).class, fault(text).charge), (class, Charge::No), "{text}");
        }
    }
}
