//! From a behaviour to the bytes of an answer.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::behaviour::{Behaviour, Body, ErrorBody, ErrorShape, Length, Pictures};
use crate::body::{Piece, length};
use crate::drawing::{Easel, Order};
use crate::intake::{Asked, Route};

/// What a captive portal or a firewall sends.
pub(crate) const PAGE: &str =
    "<!doctype html>\n<html><head><title>Please wait</title></head><body><h1>Checking your browser</h1></body></html>\n";
/// What is smuggled after an answer.
const FORGED: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 16\r\n\r\n{\"forged\": true}";
/// Deepest document.
const MAX_DEPTH: u32 = 1_000_000;
/// Largest bomb, inflated.
const MAX_BOMB: u64 = 1 << 30;
/// Bytes by which [`Length::Longer`] and [`Length::Shorter`] lie.
const LONGER: u64 = 100;
const SHORTER: u64 = 16;

/// An answer before it is paced and framed.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) gzip: bool,
    pub(crate) chunked: bool,
    pub(crate) pieces: Vec<Piece>,
    /// Headers of the platform's own.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Pictures that the platform bills for this answer.
    pub(crate) pictures: u32,
}

/// How long an answer says to be, and what comes after it.
#[derive(Debug)]
pub(crate) struct Framing {
    pub(crate) announced: Option<u64>,
    pub(crate) close: bool,
    pub(crate) extra: Bytes,
}

impl Draft {
    pub(crate) fn new(status: u16, content_type: &str, pieces: Vec<Piece>) -> Self {
        // A stream of events has no length in advance.
        let chunked = content_type == "text/event-stream";
        Self { status, content_type: content_type.into(), gzip: false, chunked, pieces, headers: Vec::new(), pictures: 0 }
    }

    pub(crate) fn json(status: u16, pieces: Vec<Bytes>) -> Self {
        Self::new(status, "application/json", pieces.into_iter().map(Piece::Bytes).collect())
    }

    pub(crate) fn document(status: u16, value: &Value) -> Self {
        Self::json(status, vec![value.to_string().into()])
    }

    pub(crate) fn bytes(content_type: &str, bytes: impl Into<Bytes>) -> Self {
        Self::new(200, content_type, vec![Piece::Bytes(bytes.into())])
    }

    pub(crate) fn billed(self, pictures: u32) -> Self {
        Self { pictures, ..self }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// What a behaviour says about the head.
    pub(crate) fn finish(&mut self, behaviour: &Behaviour) {
        self.status = behaviour.status.unwrap_or(self.status);
        self.chunked |= behaviour.chunked;
        if matches!(self.status, 204 | 304) {
            self.pieces.clear();
        }
    }

    /// Settles the length; a lie changes what is sent.
    pub(crate) fn frame(&mut self, lie: Option<Length>) -> Framing {
        let total = length(&self.pieces);
        let (mut announced, mut close, mut extra) = ((!self.chunked).then_some(total), false, Bytes::new());
        match lie {
            None => {}
            Some(Length::Longer) => (announced, close) = (Some(total + LONGER), true),
            Some(Length::Shorter) => {
                let kept = total.saturating_sub(SHORTER);
                extra = split(&mut self.pieces, kept);
                (announced, close) = (Some(kept), true);
            }
            Some(Length::Smuggled) => (announced, extra) = (Some(total), Bytes::from_static(FORGED.as_bytes())),
        }
        Framing { announced, close, extra }
    }
}

/// Cuts a list of pieces after `kept` bytes and answers the bytes that followed.
fn split(pieces: &mut Vec<Piece>, mut kept: u64) -> Bytes {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for piece in pieces.drain(..) {
        let Piece::Bytes(mut bytes) = piece else {
            before.push(piece);
            continue;
        };
        let rest = bytes.split_off(usize::try_from(kept).unwrap_or(usize::MAX).min(bytes.len()));
        kept -= bytes.len() as u64;
        after.extend_from_slice(&rest);
        before.push(Piece::Bytes(bytes));
    }
    *pieces = before;
    after.into()
}

/// A string as JSON.
pub(crate) fn text(words: &str) -> String {
    Value::from(words).to_string()
}

/// Writes the answer that `behaviour` gives on `route`.
pub(crate) fn draft(easel: &Easel, behaviour: &Behaviour, route: Route, path: &str, asked: &Asked, models: &[String], age: u64) -> Draft {
    let order = |pictures| Order { route, asked, pictures, age };
    let mut draft = match &behaviour.body {
        Body::Pictures(_) if route == Route::Models => Draft::document(200, &list(models)),
        Body::Pictures(pictures) if route == Route::Picture => match easel.file(path, pictures) {
            Some(drawn) => drawn.unwrap_or_else(|error| undrawable(&error)),
            None => ErrorBody::default().draft(404),
        },
        Body::Pictures(pictures) => easel.draw(&order(pictures)).unwrap_or_else(|error| undrawable(&error)),
        Body::StreamError(error) => easel.fail(&order(&Pictures::default()), error).unwrap_or_else(|error| undrawable(&error)),
        Body::Error(error) => error.draft(behaviour.status.unwrap_or(500)),
        Body::EmptyData => Draft::document(200, &json!({"created": 1_795_305_600, "data": []})),
        other => plain(other, route == Route::Picture),
    };
    draft.finish(behaviour);
    draft
}

/// A body that is the same on every platform. `picture` says whether one is being downloaded.
pub(crate) fn plain(body: &Body, picture: bool) -> Draft {
    match body {
        Body::Html => Draft::bytes("text/html; charset=utf-8", PAGE),
        Body::Json(value) => Draft::document(200, value),
        Body::Text { content_type, text } => Draft::bytes(content_type, text.clone()),
        Body::Raw { content_type, bytes } => Draft::bytes(content_type, bytes.clone()),
        Body::Endless(bytes) => endless(*bytes, picture),
        Body::Deep(depth) => {
            let depth = (*depth).min(MAX_DEPTH) as usize;
            Draft::bytes("application/json", format!("{{\"data\":{}{}}}", "[".repeat(depth), "]".repeat(depth)))
        }
        Body::GzipBomb(bytes) => Draft { gzip: true, ..Draft::bytes("application/json", bomb((*bytes).min(MAX_BOMB))) },
        Body::Empty | Body::EmptyData | Body::Pictures(_) | Body::Error(_) | Body::StreamError(_) => {
            Draft { pieces: Vec::new(), ..Draft::bytes("application/json", "") }
        }
    }
}

pub(crate) fn undrawable(error: &std::io::Error) -> Draft {
    ErrorBody { message: Some(error.to_string()), code: Some("invalid_value".into()), ..ErrorBody::default() }.draft(400)
}

pub(crate) fn list(models: &[String]) -> Value {
    let names: Vec<&str> = if models.is_empty() { vec!["gpt-image-2", "sim"] } else { models.iter().map(String::as_str).collect() };
    let data = names.iter().map(|name| json!({"id": name, "object": "model", "created": 1_795_305_600, "owned_by": "ir-sim"}));
    json!({"object": "list", "data": data.collect::<Vec<_>>()})
}

fn endless(bytes: u64, picture: bool) -> Draft {
    let block = Bytes::from(vec![b'A'; 65_536]);
    let (kind, start): (_, &[u8]) = match picture {
        // What a reader takes for the start of a picture.
        true => ("image/png", b"\x89PNG\r\n\x1a\n"),
        false => ("application/json", b"{\"created\":1795305600,\"data\":[{\"b64_json\":\""),
    };
    Draft { chunked: true, ..Draft::new(200, kind, vec![Piece::Bytes(Bytes::from_static(start)), Piece::Repeat(block, bytes)]) }
}

/// A gzip stream of this many zeros.
fn bomb(bytes: u64) -> Vec<u8> {
    let (block, mut left) = (vec![0; 1 << 20], bytes);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    while left > 0 {
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
        gzip.write_all(&block[..count]).expect("writing to memory cannot fail");
        left -= count as u64;
    }
    gzip.finish().expect("writing to memory cannot fail")
}

impl ErrorBody {
    /// The document for a status, with what the platform says by default (05-providers 6.7).
    pub(crate) fn render(&self, status: u16) -> Value {
        let (kind, code, message) = usual(status);
        let message = self.message.as_deref().unwrap_or(message);
        let code = self.code.as_deref().unwrap_or(code);
        match self.shape {
            ErrorShape::Openai => {
                json!({"error": {"message": message, "type": self.kind.as_deref().unwrap_or(kind), "param": self.param, "code": code}})
            }
            ErrorShape::NewApi => {
                let (kind, param) = (self.kind.as_deref().unwrap_or("new_api_error"), self.param.as_deref().unwrap_or(""));
                json!({"error": {"message": message, "type": kind, "param": param, "code": code}})
            }
            ErrorShape::OpenRouter => json!({"error": {"code": status, "message": message, "metadata": {}}}),
            ErrorShape::Text => Value::from(message),
        }
    }

    pub(crate) fn draft(&self, status: u16) -> Draft {
        let mut draft = match self.render(status) {
            Value::String(words) => Draft::bytes("text/plain; charset=utf-8", words),
            document => Draft::document(status, &document),
        };
        draft.status = status;
        draft
    }
}

/// Type, code and message of an error that says no more than its status.
fn usual(status: u16) -> (&'static str, &'static str, &'static str) {
    let request = "invalid_request_error";
    match status {
        400 => (request, "invalid_value", "Invalid value."),
        401 => (request, "invalid_api_key", "Incorrect API key provided."),
        402 => ("insufficient_quota", "insufficient_quota", "You exceeded your current quota."),
        403 => (request, "unsupported_country_region_territory", "This organisation may not use the model."),
        404 => (request, "model_not_found", "The model or page does not exist."),
        408 => ("timeout", "timeout", "The request took too long."),
        413 => (request, "request_too_large", "The request is too large."),
        429 => ("rate_limit_error", "rate_limit_exceeded", "Rate limit reached for images per minute."),
        503 => ("server_error", "server_overloaded", "The engine is overloaded."),
        _ => ("server_error", "server_error", "The server had an error."),
    }
}
