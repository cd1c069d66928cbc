//! A described exchange.

use crate::local::Recipe;
use ir_model::{Blob, Node, Secret};
use serde_json::Value;

/// One exchange with a platform, described but not performed.
#[derive(Clone, Debug)]
pub struct Call {
    /// Where it goes.
    pub target: Target,
    /// What it carries.
    pub body: CallBody,
    /// What the adapter wants to remember until the reply: handed back in [`crate::Reply::memo`].
    /// Never a secret.
    pub memo: Value,
    /// Pause before it is sent, in milliseconds; at most 60,000.
    pub after_ms: u64,
    /// It cannot be charged, whatever becomes of it: it asks, or prepares a drawing.
    pub harmless: bool,
}

/// Where a call goes.
#[derive(Clone, Debug)]
pub enum Target {
    /// Over HTTP.
    Http {
        /// The method.
        method: Method,
        /// The absolute address. Never contains a secret.
        url: String,
        /// Headers besides `content-type`, `content-length`, `host`, `accept-encoding`. Names in
        /// lower case.
        headers: Vec<(&'static str, HeaderValue)>,
    },
    /// To the built-in renderer.
    Render(Recipe),
}

/// An HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
}

/// A header's value.
#[derive(Clone, Debug)]
pub enum HeaderValue {
    /// Anything that may be logged.
    Plain(String),
    /// `Bearer <key>`.
    Bearer(Secret),
    /// The key as it is.
    Secret(Secret),
}

/// What a call carries.
#[derive(Clone, Debug)]
pub enum CallBody {
    /// Nothing.
    None,
    /// A JSON document; pictures in it are written as base64 from the spool.
    Json(Node),
    /// `multipart/form-data`.
    Multipart(Vec<Part>),
}

/// One part of a multipart body.
#[derive(Clone, Debug)]
pub struct Part {
    /// The field's name.
    pub name: String,
    /// Its content.
    pub body: PartBody,
}

/// The content of a part.
#[derive(Clone, Debug)]
pub enum PartBody {
    /// A field.
    Text(String),
    /// A file, streamed from the spool.
    File {
        /// The file name told to the platform.
        filename: String,
        /// The media type told to the platform.
        media_type: &'static str,
        /// The bytes.
        blob: Blob,
    },
}

impl Call {
    /// A call that is sent at once and remembers nothing.
    pub const fn new(target: Target, body: CallBody) -> Self {
        Self { target, body, memo: Value::Null, after_ms: 0, harmless: false }
    }

    /// Sets what is handed back with the reply.
    #[must_use]
    pub fn memo(mut self, memo: Value) -> Self {
        self.memo = memo;
        self
    }

    /// Sets the pause before it is sent.
    #[must_use]
    pub fn after(mut self, ms: u64) -> Self {
        self.after_ms = ms;
        self
    }

    /// Marks it as one that cannot be charged.
    #[must_use]
    pub fn harmless(mut self) -> Self {
        self.harmless = true;
        self
    }

    /// The value of a header that may be logged, for tests.
    pub fn header(&self, name: &str) -> Option<&HeaderValue> {
        match &self.target {
            Target::Http { headers, .. } => headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value),
            Target::Render(_) => None,
        }
    }
}
