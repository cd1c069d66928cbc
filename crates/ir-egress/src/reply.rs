//! A platform's reply, read: documents lifted, pictures into the spool, anything else as the text
//! of its beginning.

use crate::faults::{from_spool, from_wire, nonsense};
use crate::peek::{Interrupted, Peeked};
use crate::wire::WireReply;
use http::HeaderMap;
use ir_model::{Charge, Class, Fault, Gate, Timestamp};
use ir_platforms::{Reply, ReplyBody};
use ir_spool::{LiftError, LiftErrorKind, LiftLimits, Lifter, Spool, is_out_of_descriptors};
use serde_json::Value;
use std::time::UNIX_EPOCH;

/// Bytes of a body that is neither document nor picture which an adapter gets to see.
pub(crate) const MAX_TEXT: usize = 64 * 1024;
/// Bytes of such a body that are read in all, so that its connection can be used again; above
/// that, a new connection is cheaper.
const MAX_DRAINED: usize = 1024 * 1024;
/// Headers that an adapter gets to see.
const MAX_HEADERS: usize = 100;

/// Bounds of a reply.
#[derive(Clone, Copy)]
pub(crate) struct ReplyLimits {
    pub(crate) max_json: u64,
    pub(crate) max_picture: u64,
}

/// Reads a reply to its end.
pub(crate) async fn read_reply(reply: WireReply, spool: &Spool, limits: ReplyLimits, now: Timestamp) -> Result<Reply, Fault> {
    let status = reply.status;
    let headers = text_headers(&reply.headers, now);
    // An error's status says enough: its body is evidence, not a precondition.
    let lenient = !(200..300).contains(&status);
    let labelled = reply.header("content-type").is_some_and(is_json);
    let body = match Peeked::new(reply.body, limits.max_json).await {
        Ok(body) => body,
        Err(_) if lenient => return Ok(Reply { status, headers, body: ReplyBody::Empty, memo: Value::Null }),
        Err(fault) => return Err(from_wire(&fault)),
    };
    let body = if body.head.is_empty() {
        ReplyBody::Empty
    } else if body.is_picture() {
        ReplyBody::Picture(body.spooled(spool, limits.max_picture).await.map_err(interrupted)?)
    } else if body.is_document() || labelled {
        document(body, spool, limits, if lenient { OrText::Always } else { OrText::IfNoJson(!labelled) }).await?
    } else {
        ReplyBody::Text(text(Vec::new(), body, lenient).await?)
    };
    Ok(Reply { status, headers, body, memo: Value::Null })
}

/// Headers as adapters see them; dates in `Retry-After` and `x-ratelimit-reset*` become seconds.
fn text_headers(headers: &HeaderMap, now: Timestamp) -> Vec<(String, String)> {
    let mut out = Vec::with_capacity(headers.len().min(MAX_HEADERS));
    for (name, value) in headers.iter().take(MAX_HEADERS) {
        let Ok(text) = value.to_str() else { continue };
        let value = match name.as_str() {
            "retry-after" => retry_after(text, now),
            name if name.starts_with("x-ratelimit-reset") => reset(text, now),
            _ => text.to_owned(),
        };
        out.push((name.as_str().to_owned(), value));
    }
    out
}

/// `Retry-After` in seconds: as it is, or from an HTTP date (RFC 9110, 10.2.3), rounded up, 0 for
/// the past.
fn retry_after(text: &str, now: Timestamp) -> String {
    let Ok(date) = httpdate::parse_http_date(text.trim()) else { return text.to_owned() };
    let at = date.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let wait = Timestamp(i64::try_from(at).unwrap_or(i64::MAX)).since(now);
    wait.div_ceil(1000).to_string()
}

/// When a limit is renewed, in seconds from now: platforms also send Unix time, in seconds or in
/// milliseconds, and dates.
fn reset(text: &str, now: Timestamp) -> String {
    const YEAR_2001: f64 = 1e9;
    match text.trim().parse::<f64>() {
        Ok(at) if at.is_finite() && at >= YEAR_2001 => {
            #[expect(clippy::cast_precision_loss, reason = "milliseconds until the year 287,396 are exact")]
            let now = now.0 as f64 / 1000.0;
            let at = if at >= YEAR_2001 * 100.0 { at / 1000.0 } else { at };
            format!("{}", (at - now).max(0.0).ceil())
        }
        Ok(_) => text.to_owned(),
        Err(_) => retry_after(text, now),
    }
}

fn is_json(content_type: &str) -> bool {
    let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media == "application/json" || media.ends_with("+json")
}

/// When a body that was taken for a document is given as text after all.
#[derive(Clone, Copy)]
enum OrText {
    /// Whatever is wrong with it, even if it breaks off: the status says enough.
    Always,
    /// If it is not JSON to begin with and (`true`) nobody said so.
    IfNoJson(bool),
}

impl OrText {
    fn accepts(self, error: &LiftError) -> bool {
        let not_json = matches!(error.kind, LiftErrorKind::Syntax(_) | LiftErrorKind::Utf8);
        matches!(self, Self::Always) || (matches!(self, Self::IfNoJson(true)) && not_json)
    }
}

/// Lifts a document.
async fn document(mut body: Peeked, spool: &Spool, limits: ReplyLimits, or_text: OrText) -> Result<ReplyBody, Fault> {
    let mut lifter = Lifter::new(spool, lift_limits(limits));
    let mut beginning = Vec::new();
    let error = loop {
        match body.chunk().await {
            Ok(Some(chunk)) => {
                if !matches!(or_text, OrText::IfNoJson(false)) {
                    keep(&mut beginning, &chunk);
                }
                if let Err(error) = lifter.push(&chunk).await {
                    break error;
                }
            }
            Ok(None) => match lifter.finish().await {
                Ok(node) => return Ok(ReplyBody::Json(node)),
                Err(error) => break error,
            },
            Err(_) if matches!(or_text, OrText::Always) => return Ok(ReplyBody::Text(lossy(&beginning))),
            Err(fault) => return Err(from_wire(&fault)),
        }
    };
    match ours(&error) {
        Some(fault) => Err(fault),
        None if or_text.accepts(&error) => {
            let lenient = matches!(or_text, OrText::Always);
            Ok(ReplyBody::Text(text(beginning, body, lenient).await?))
        }
        None => Err(nonsense(format!("the reply's document: {error}"))),
    }
}

fn interrupted(why: Interrupted) -> Fault {
    match why {
        Interrupted::Wire(fault) => from_wire(&fault),
        Interrupted::Spool(error) => from_spool(&error),
    }
}

/// The fault that is ours, not the document's.
pub(crate) fn ours(error: &LiftError) -> Option<Fault> {
    let gate = match error.kind {
        LiftErrorKind::Io(ref io) if is_out_of_descriptors(io) => Gate::Overloaded,
        LiftErrorKind::Io(_) => Gate::Internal,
        LiftErrorKind::Full => Gate::StorageFull,
        LiftErrorKind::Syntax(_)
        | LiftErrorKind::Utf8
        | LiftErrorKind::Depth
        | LiftErrorKind::Members
        | LiftErrorKind::DuplicateKey
        | LiftErrorKind::TooLarge { .. }
        | LiftErrorKind::Base64
        | LiftErrorKind::Truncated => return None,
    };
    Some(Fault::new(Class::Gate(gate)).charged(Charge::Maybe).detail(error.to_string()))
}

pub(crate) fn lift_limits(limits: ReplyLimits) -> LiftLimits {
    LiftLimits {
        total: limits.max_json,
        kept: 1024 * 1024,
        text: limits.max_json,
        picture: limits.max_picture,
        depth: 128,
        members: 10_000,
        lift_above: 64 * 1024,
        url_safe: true,
    }
}

/// The beginning of a body as text; the rest is read and dropped, up to a bound. With `lenient`, a
/// connection that breaks ends the text.
async fn text(mut beginning: Vec<u8>, mut body: Peeked, lenient: bool) -> Result<String, Fault> {
    let mut total = beginning.len();
    while total <= MAX_DRAINED {
        match body.chunk().await {
            Ok(Some(chunk)) => {
                keep(&mut beginning, &chunk);
                total += chunk.len();
            }
            Ok(None) => break,
            Err(_) if lenient => break,
            Err(fault) => return Err(from_wire(&fault)),
        }
    }
    Ok(lossy(&beginning))
}

pub(crate) fn keep(beginning: &mut Vec<u8>, chunk: &[u8]) {
    let room = MAX_TEXT - beginning.len();
    beginning.extend_from_slice(&chunk[..chunk.len().min(room)]);
}

pub(crate) fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
