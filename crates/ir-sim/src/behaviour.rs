//! One way to answer a request, good or bad.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::directive;

/// How one request is answered. In JSON it is an object with these fields (durations as `delay_ms`, `body_delay_ms`) or a line of directives.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// Status of the answer; `None` takes the natural one (200, or 500 with an error body).
    pub status: Option<u16>,
    /// Headers to add; one named here replaces the simulator's own.
    pub headers: Vec<(String, String)>,
    /// Silence after the request was read, at most an hour.
    #[serde(rename = "delay_ms", with = "millis")]
    pub delay_before_headers: Duration,
    /// Silence between head and body, at most an hour.
    #[serde(rename = "body_delay_ms", with = "millis")]
    pub delay_before_body: Duration,
    /// Sends the body in small portions.
    pub drip: Option<Drip>,
    /// Ends the connection early.
    pub cut: Option<Cut>,
    /// Whether the answer is chunked instead of carrying a Content-Length.
    pub chunked: bool,
    /// A Content-Length that lies.
    pub length: Option<Length>,
    /// What is sent.
    pub body: Body,
    /// A course of events that only this platform knows, by its name: see [`crate::Dialect`].
    pub case: Option<String>,
}

/// A slow body: `bytes` at a time, `interval` between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drip {
    /// Bytes of one portion, at least 1.
    pub bytes: usize,
    /// Pause after each portion.
    #[serde(rename = "interval_ms", with = "millis")]
    pub interval: Duration,
}

/// Where the connection ends before its time. The request has always been read whole.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// Closed (FIN) before any byte of an answer.
    AfterRequest,
    /// Reset (RST) before any byte of an answer.
    Reset,
    /// Closed after the head.
    AfterHeaders,
    /// Closed after this share (0 to 1) of the body.
    MidBody(f64),
    /// Reset after this share (0 to 1) of the body.
    ResetMidBody(f64),
    /// Closed after a whole answer that promised a connection kept alive: a stale connection in the caller's pool.
    AfterAnswer,
}

/// How Content-Length lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    /// Announces 100 bytes more than come; then the connection is closed.
    Longer,
    /// Announces 16 bytes fewer than come; then the connection is closed.
    Shorter,
    /// The right length, followed by a second, forged answer; the connection stays open.
    Smuggled,
}

/// What is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// Pictures, as the route answers them. The request is validated first, as the platform would.
    Pictures(Pictures),
    /// An error document.
    Error(ErrorBody),
    /// A page, as a captive portal or a firewall sends it.
    Html,
    /// Nothing.
    Empty,
    /// `{"created":…,"data":[]}`.
    EmptyData,
    /// This document.
    Json(Value),
    /// These words with this content type.
    Text {
        /// Value of Content-Type.
        content_type: String,
        /// The body.
        text: String,
    },
    /// These bytes with this content type (in JSON an array of numbers).
    Raw {
        /// Value of Content-Type.
        content_type: String,
        /// The body.
        bytes: Vec<u8>,
    },
    /// A picture document that goes on for this many bytes, chunked, and never closes its string.
    Endless(u64),
    /// A JSON document nested this deep (at most a million).
    Deep(u32),
    /// A gzip stream (`Content-Encoding: gzip`) that inflates to this many zeros (at most 1 GiB).
    GzipBomb(u64),
    /// A stream that fails after its first event (for requests with `stream`).
    StreamError(ErrorBody),
}

impl Default for Body {
    fn default() -> Self {
        Self::Pictures(Pictures::default())
    }
}

/// Details of answered pictures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pictures {
    /// Link or bytes; `None` follows `response_format`, bytes without one.
    pub form: Option<Form>,
    /// How many, at most 64; `None` follows `n`.
    pub count: Option<u32>,
    /// How base64 is written.
    pub coding: Coding,
    /// What is wrong with the bytes.
    pub flaw: Option<Flaw>,
    /// How chat completions carry them.
    pub chat: ChatForm,
    /// Exact size of the file in bytes, instead of the configured one.
    pub bytes: Option<u64>,
    /// Directives for the download of a link, joined with `;`.
    pub download: Option<String>,
    /// The `revised_prompt` of every picture.
    pub revised_prompt: Option<String>,
}

/// Link or bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// `b64_json`.
    B64,
    /// `url`, served below `/pic/`.
    Url,
}

/// How base64 is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coding {
    /// RFC 4648 section 4, padded.
    #[default]
    Plain,
    /// With `data:image/…;base64,` before it.
    DataUri,
    /// The URL-safe alphabet.
    UrlSafe,
    /// Without `=` at the end.
    Unpadded,
    /// A line break (`\n`) every 76 characters.
    Wrapped,
    /// With characters of no alphabet.
    BadAlphabet,
}

/// What is wrong with a picture's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// They are a page.
    Html,
    /// They are an SVG.
    Svg,
    /// They are an error document.
    Json,
    /// The last two fifths are missing.
    Truncated,
    /// A chunk's CRC is wrong (PNG).
    BadCrc,
}

/// How chat completions carry pictures (05-providers 6.9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatForm {
    /// `![picture](data:…)` in the text.
    #[default]
    Markdown,
    /// `message.images[]`, as OpenRouter does.
    Images,
}

/// An error document; what is absent follows from the status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ErrorBody {
    /// `error.code`.
    pub code: Option<String>,
    /// `error.message`.
    pub message: Option<String>,
    /// `error.type`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// `error.param`.
    pub param: Option<String>,
    /// Whose shape it has.
    pub shape: ErrorShape,
}

impl ErrorBody {
    /// An error that says this, and otherwise what its status does.
    pub(crate) fn saying(message: impl Into<String>) -> Self {
        Self { message: Some(message.into()), ..Self::default() }
    }
}

/// Whose shape an error document has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorShape {
    /// `{"error":{message,type,param,code}}` (6.7).
    #[default]
    Openai,
    /// The same with `new_api_error` and an empty `param` (6.10).
    NewApi,
    /// `{"error":{code: status, message, metadata}}` (6.9).
    OpenRouter,
    /// The message as plain text.
    Text,
}

impl Behaviour {
    /// Reads directives, for instance `status=429 retry-after=2`: see [`directive`].
    ///
    /// # Errors
    /// A sentence that names the directive that is not understood.
    pub fn from_directives(text: &str) -> Result<Self, String> {
        directive::parse(text)
    }

    /// The usual answer with `body` instead of pictures.
    #[must_use]
    pub fn with_body(body: Body) -> Self {
        Self { body, ..Self::default() }
    }

    /// An error of this status with the body that OpenAI sends for it.
    #[must_use]
    pub fn error(status: u16) -> Self {
        Self { status: Some(status), ..Self::with_body(Body::Error(ErrorBody::default())) }
    }

    /// 429 with `Retry-After` in seconds.
    #[must_use]
    pub fn rate_limited(retry_after: u64) -> Self {
        Self::error(429).header("retry-after", &retry_after.to_string())
    }

    /// 400 `moderation_blocked`.
    #[must_use]
    pub fn moderation() -> Self {
        let error = ErrorBody {
            code: Some("moderation_blocked".into()),
            kind: Some("image_generation_user_error".into()),
            message: Some("Your request was rejected by the safety system, request id req_sim.".into()),
            ..ErrorBody::default()
        };
        Self { status: Some(400), ..Self::with_body(Body::Error(error)) }
    }

    /// The usual answer, with its connection cut.
    #[must_use]
    pub fn cut(cut: Cut) -> Self {
        Self { cut: Some(cut), ..Self::default() }
    }

    /// The usual answer after this silence.
    #[must_use]
    pub fn delayed(delay: Duration) -> Self {
        Self { delay_before_headers: delay, ..Self::default() }
    }

    /// The usual answer with flawed pictures.
    #[must_use]
    pub fn flawed(flaw: Flaw) -> Self {
        Self::pictures(Pictures { flaw: Some(flaw), ..Pictures::default() })
    }

    /// The usual answer with these details.
    #[must_use]
    pub fn pictures(pictures: Pictures) -> Self {
        Self::with_body(Body::Pictures(pictures))
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// Durations as whole milliseconds in JSON.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}
