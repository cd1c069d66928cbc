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

    /// `Retry-After` or its relatives in seconds (`retry-after-ms` first, as the SDKs read them),
    /// at most one hour. 0 is no pause that anybody needs to be told of: as if it were absent. HTTP
    /// dates are resolved by egress, which owns the clock, before an adapter sees the reply.
    pub fn retry_after(&self) -> Option<Duration> {
        let hour = Duration::from_secs(3600);
        let ms = self.header("retry-after-ms").and_then(|v| v.trim().parse::<u64>().ok()).filter(|ms| *ms > 0);
        if let Some(ms) = ms {
            return Some(Duration::from_millis(ms).min(hour));
        }
        let seconds = self.header("retry-after")?.trim().parse::<f64>().ok().filter(|s| s.is_finite() && *s > 0.0)?;
        Some(Duration::from_secs_f64(seconds.min(3600.0)))
    }
}
