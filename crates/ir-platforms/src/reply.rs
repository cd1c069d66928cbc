//! A reply as adapters see it.

use ir_model::{Blob, Node};
use serde_json::Value;
use std::time::Duration;

/// A reply, read into a small document or the spool.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Headers, names in lower case, values that are text. At most 100.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: ReplyBody,
    /// What the call remembered ([`crate::Call::memo`]).
    pub memo: Value,
}

/// One event of a reply with the type `text/event-stream`.
#[derive(Clone, Debug)]
pub struct Event {
    /// The field `event`; empty if there was none.
    pub name: String,
    /// The field `data`: a document, its big strings lifted, or anything else as text.
    pub body: ReplyBody,
}

impl Event {
    /// The document, if the data is one.
    pub fn json(&self) -> Option<&Node> {
        self.body.json()
    }
}

/// A reply's body by what it turned out to be.
#[derive(Clone, Debug)]
pub enum ReplyBody {
    /// Nothing.
    Empty,
    /// A JSON document, its big strings lifted.
    Json(Node),
    /// Bytes whose beginning is a picture's, in the spool.
    Picture(Blob),
    /// Anything else: the first 64 KiB as text.
    Text(String),
}

impl ReplyBody {
    /// The document, if it is one.
    pub fn json(&self) -> Option<&Node> {
        match self {
            Self::Json(node) => Some(node),
            Self::Empty | Self::Picture(_) | Self::Text(_) => None,
        }
    }
}

impl Reply {
    /// A reply without headers and memory.
    pub const fn new(status: u16, body: ReplyBody) -> Self {
        Self { status, headers: Vec::new(), body, memo: Value::Null }
    }

    /// The value of a header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The document, if the body is one.
    pub fn json(&self) -> Option<&Node> {
        self.body.json()
    }

    /// `Retry-After` or its relatives in seconds (`retry-after-ms` first, as the SDKs read them; last
    /// `x-ratelimit-reset-*`), at most one hour. 0 is no pause that anybody needs to be told of: as if it
    /// were absent. Dates are resolved by egress, which owns the clock, before an adapter sees the reply.
    pub fn retry_after(&self) -> Option<Duration> {
        let hour = Duration::from_secs(3600);
        let ms = self.header("retry-after-ms").and_then(|v| v.trim().parse::<u64>().ok()).filter(|ms| *ms > 0);
        if let Some(ms) = ms {
            return Some(Duration::from_millis(ms).min(hour));
        }
        let seconds = self.header("retry-after").and_then(seconds).or_else(|| self.renewed_in())?;
        Some(Duration::from_secs_f64(seconds.min(3600.0)))
    }

    /// When the limits are renewed that this reply says are used up; the last of all, where it does not
    /// say which they are. Forms: `x-ratelimit-reset` with `x-ratelimit-remaining`, and both with
    /// `-requests`, `-tokens`, `-images` and so on behind it.
    fn renewed_in(&self) -> Option<f64> {
        let resets = self.headers.iter().filter_map(|(name, value)| Some((name.strip_prefix("x-ratelimit-reset")?, seconds(value)?)));
        let (used_up, any) = resets.fold((None, None), |(used_up, any): (Option<f64>, Option<f64>), (of, wait)| {
            let left = self.header(&format!("x-ratelimit-remaining{of}"));
            let later = |known: Option<f64>| known.map_or(wait, |known| known.max(wait));
            match left.map(str::trim) {
                Some("0") => (Some(later(used_up)), any),
                Some(_) => (used_up, any),
                None => (used_up, Some(later(any))),
            }
        });
        used_up.or(any)
    }
}

/// Shortest pause that is one, in seconds.
const SHORTEST: f64 = 0.001;

/// Seconds, a thousandth at least: a number (`1.5`), or OpenAI's form (`1h2m3.5s`, `20ms`).
fn seconds(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = |text: &str| text.parse::<f64>().ok().filter(|value| value.is_finite() && *value >= SHORTEST);
    if text.ends_with(|c: char| c.is_ascii_digit()) {
        return plain(text);
    }
    let (mut rest, mut sum) = (text, 0.0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let after = &rest[digits..];
        let unit = &after[..after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len())];
        sum += number
            * match unit {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 0.001,
                _ => return None,
            };
        rest = &after[unit.len()..];
    }
    Some(sum).filter(|sum| sum.is_finite() && *sum >= SHORTEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(headers: &[(&str, &str)]) -> Option<u64> {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let reply = Reply { headers, ..Reply::new(429, ReplyBody::Empty) };
        reply.retry_after().map(|wait| u64::try_from(wait.as_millis()).expect("an hour at most"))
    }

    /// Proves F-38, R-KEY-4.
    #[test]
    fn pauses_are_read_in_every_form() {
        for (headers, wanted) in [
            (&[("retry-after", "2")] as &[(&str, &str)], Some(2_000)),
            (&[("retry-after", "1.5")], Some(1_500)),
            (&[("retry-after-ms", "250"), ("retry-after", "9")], Some(250)),
            (&[("x-ratelimit-reset-requests", "2s")], Some(2_000)),
            (&[("x-ratelimit-reset-requests", "1m30s")], Some(90_000)),
            (&[("x-ratelimit-reset-tokens", "20ms")], Some(20)),
            (&[("x-ratelimit-reset-requests", "1h2m3.5s")], Some(3_600_000)),
            (&[("x-ratelimit-reset", "7")], Some(7_000)),
            // The limit that is used up decides, not the one that has something left.
            (
                &[
                    ("x-ratelimit-remaining-requests", "0"),
                    ("x-ratelimit-reset-requests", "3s"),
                    ("x-ratelimit-remaining-tokens", "100"),
                    ("x-ratelimit-reset-tokens", "50s"),
                ],
                Some(3_000),
            ),
            (&[("x-ratelimit-reset-requests", "3s"), ("x-ratelimit-reset-tokens", "5s")], Some(5_000)),
            (&[("retry-after", "2"), ("x-ratelimit-reset-requests", "60s")], Some(2_000)),
            // Found by fuzzing: a pause of no length.
            (&[("retry-after", "606e-060")], None),
            (&[("retry-after", "0"), ("x-ratelimit-reset-requests", "4s")], Some(4_000)),
            (&[("x-ratelimit-reset-requests", "soon")], None),
            (&[("x-ratelimit-reset-requests", "3")], Some(3_000)),
            (&[("x-ratelimit-reset-requests", "3 s")], None),
            (&[("x-ratelimit-reset-requests", "0s")], None),
            (&[("x-ratelimit-reset-requests", "-1s")], None),
            (&[("retry-after", "99999999999")], Some(3_600_000)),
            (&[("retry-after", "1e400")], None),
            (&[], None),
        ] {
            assert_eq!(wait(headers), wanted, "{headers:?}");
        }
    }
}
