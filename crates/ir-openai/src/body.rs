//! Reads request bodies: within limits and deadlines, and JSON through the lifting reader, so that
//! no picture is ever in memory.

use crate::language::echo;
use crate::rules::Rules;
use axum::body::Body;
use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::BodyExt;
use ir_model::{Class, Fault, Gate, Node};
use ir_spool::{LiftError, LiftErrorKind, LiftLimits, Lifter, Spool, SpoolError, is_out_of_descriptors};
use std::io;
use tokio::time::{Instant, timeout_at};

/// Strings above this leave the memory.
const LIFT_ABOVE: usize = 64 * 1024;
/// Depth of a document (B-29).
const DEPTH: usize = 128;
/// Members and elements of a document (B-30).
const MEMBERS: usize = 10_000;
/// Bytes of a document that stay in memory.
const KEPT: usize = 1024 * 1024;
/// The same for chat, whose history has many short texts.
const KEPT_CHAT: usize = 4 * 1024 * 1024;
/// One long text; only the prompt of it is ever read back, up to its own limit.
const LONG_TEXT: u64 = 8 * 1024 * 1024;

/// What a body is, by its `Content-Type`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `application/json` in UTF-8.
    Json,
    /// `multipart/form-data` with its boundary.
    Form(String),
}

/// Looks at the head of a request.
///
/// # Errors
/// 415 for a media type, charset or encoding that is not taken, 400 for a bad boundary.
pub(crate) fn kind(headers: &HeaderMap) -> Result<Kind, Fault> {
    if let Some(encoding) = headers.get(CONTENT_ENCODING)
        && !encoding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        let fault = Fault::gate(Gate::MediaType, "Compressed request bodies are not taken.", "不支持压缩的请求体。");
        return Err(fault.param("Content-Encoding"));
    }
    let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = text.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    if media.eq_ignore_ascii_case("multipart/form-data") {
        return boundary(text).map(Kind::Form);
    }
    let utf8 = parts.all(|part| match part.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            let value = value.trim().trim_matches('"');
            value.eq_ignore_ascii_case("utf-8") || value.eq_ignore_ascii_case("utf8")
        }
        Some(_) | None => true,
    });
    if media.eq_ignore_ascii_case("application/json") && utf8 { Ok(Kind::Json) } else { Err(media_type(text, "application/json")) }
}

/// The refusal of a media type.
pub(crate) fn media_type(given: &str, wanted: &str) -> Fault {
    let given = if given.is_empty() { "none".to_owned() } else { echo(given) };
    Fault::gate(
        Gate::MediaType,
        format!("Content-Type must be {wanted}; got {given}."),
        format!("Content-Type 必须是 {wanted}，收到 {given}。"),
    )
    .param("Content-Type")
}

fn boundary(content_type: &str) -> Result<String, Fault> {
    let boundary = multer::parse_boundary(content_type).unwrap_or_default();
    // RFC 2046, 5.1.1: 1 to 70 characters.
    if (1..=70).contains(&boundary.len()) {
        return Ok(boundary);
    }
    Err(Fault::bad(
        "Content-Type",
        "multipart/form-data needs a boundary of 1 to 70 characters.",
        "multipart/form-data 的 boundary 须为 1 到 70 个字符。",
    ))
}

/// A body as a sequence of chunks with a limit and two deadlines.
pub(crate) struct Chunks {
    body: Body,
    left: u64,
    limit: u64,
    idle: std::time::Duration,
    end: Instant,
}

impl Chunks {
    /// # Errors
    /// 413 when the head announces more than the limit.
    pub(crate) fn new(headers: &HeaderMap, body: Body, limit: u64, rules: &Rules) -> Result<Self, Fault> {
        let announced = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
        if announced.is_some_and(|length| length > limit) {
            return Err(too_large(limit));
        }
        Ok(Self { body, left: limit, limit, idle: rules.body_idle, end: Instant::now() + rules.body_total })
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// 413 at the limit, 408 at a deadline, 400 when the connection broke.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            let deadline = (Instant::now() + self.idle).min(self.end);
            let frame = match timeout_at(deadline, self.body.frame()).await {
                Err(_) => return Err(Fault::new(Class::Gate(Gate::SlowBody))),
                Ok(None) => return Ok(None),
                Ok(Some(Err(error))) => return Err(broken(&error)),
                Ok(Some(Ok(frame))) => frame,
            };
            let Ok(data) = frame.into_data() else { continue };
            let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
            self.left = self.left.checked_sub(length).ok_or_else(|| too_large(self.limit))?;
            if !data.is_empty() {
                return Ok(Some(data));
            }
        }
    }
}

fn broken(error: &axum::Error) -> Fault {
    Fault::bad("body", "The request body broke off.", "请求体中断。").detail(error.to_string())
}

/// The refusal of a body above its limit.
fn too_large(limit: u64) -> Fault {
    Fault::gate(
        Gate::TooLarge,
        format!("The request is larger than {limit} bytes (setting system.maxBodySize)."),
        format!("请求超过 {limit} 字节（设置 system.maxBodySize）。"),
    )
}

/// Reads a JSON object. The lifting reader refuses names that stand twice, U+0000 and lone
/// surrogates.
///
/// # Errors
/// As [`Chunks::next`], and 400 with line and column for what is not a JSON object.
pub(crate) async fn json(spool: &Spool, headers: &HeaderMap, body: Body, rules: &Rules, chat: bool) -> Result<Node, Fault> {
    let limit = if chat { rules.chat_body } else { rules.body };
    let mut chunks = Chunks::new(headers, body, limit, rules)?;
    let mut lifter = Lifter::new(spool, limits(rules, limit, chat));
    while let Some(chunk) = chunks.next().await? {
        lifter.push(&chunk).await.map_err(|error| lift_fault(&error))?;
    }
    let node = lifter.finish().await.map_err(|error| lift_fault(&error))?;
    if !matches!(node, Node::Object(_)) {
        let kind = node.kind();
        return Err(Fault::bad("body", format!("The request must be a JSON object, not {kind}."), "请求体必须是 JSON 对象。"));
    }
    Ok(node)
}

/// The limits of the lifting reader.
pub(crate) fn limits(rules: &Rules, total: u64, chat: bool) -> LiftLimits {
    LiftLimits {
        total,
        kept: if chat { KEPT_CHAT } else { KEPT },
        text: LONG_TEXT,
        picture: rules.picture.bytes,
        depth: DEPTH,
        members: MEMBERS,
        lift_above: LIFT_ABOVE,
        url_safe: false,
    }
}

/// What a caller reads when a document is refused.
pub(crate) fn lift_fault(error: &LiftError) -> Fault {
    let (line, column) = (error.line, error.column);
    let param = if error.path.is_empty() { "body".to_owned() } else { echo(&error.path) };
    let at = |en: &str, zh: &str| {
        Fault::bad(
            &param,
            format!("The JSON is not valid at line {line}, column {column}: {en}."),
            format!("JSON 第 {line} 行第 {column} 列无效：{zh}。"),
        )
    };
    match &error.kind {
        LiftErrorKind::Syntax(what) => at(what, "语法错误"),
        LiftErrorKind::Truncated => at("it ends too early", "内容不完整"),
        LiftErrorKind::Utf8 => at("the text is not UTF-8", "文本不是 UTF-8"),
        LiftErrorKind::Depth => at("it is nested too deeply", "嵌套过深"),
        LiftErrorKind::Members => at("it has too many members", "成员过多"),
        LiftErrorKind::DuplicateKey => at("a name stands twice in one object", "同一对象中有重复的键"),
        LiftErrorKind::Base64 => {
            let offset = error.offset;
            Fault::bad(
                &param,
                format!("{param} is not valid base64 at byte {offset} (line {line}, column {column})."),
                format!("{param} 在第 {offset} 字节处不是有效的 base64（第 {line} 行第 {column} 列）。"),
            )
        }
        LiftErrorKind::TooLarge { limit } => too_large_part(&param, *limit),
        LiftErrorKind::Io(io) => io_fault(io),
        LiftErrorKind::Full => full(),
    }
}

/// What a caller reads when the spool refuses.
pub(crate) fn spool_fault(error: &SpoolError, param: &str) -> Fault {
    match error {
        SpoolError::Io(io) => io_fault(io),
        SpoolError::TooLarge { limit } => too_large_part(param, *limit),
        SpoolError::Base64 { at } => {
            Fault::bad(param, format!("{param} is not valid base64 at byte {at}."), format!("{param} 在第 {at} 字节处不是有效的 base64。"))
        }
        SpoolError::Full => full(),
    }
}

fn too_large_part(param: &str, limit: u64) -> Fault {
    Fault::gate(Gate::TooLarge, format!("{param} is larger than {limit} bytes."), format!("{param} 超过 {limit} 字节。")).param(param)
}

fn io_fault(error: &io::Error) -> Fault {
    let gate = match error.kind() {
        io::ErrorKind::StorageFull => Gate::StorageFull,
        _ if is_out_of_descriptors(error) => Gate::Overloaded,
        _ => Gate::Internal,
    };
    Fault::new(Class::Gate(gate)).detail(format!("spool: {error}"))
}

fn full() -> Fault {
    Fault::new(Class::Gate(Gate::Overloaded)).detail("spool: the budget of bytes in flight is used up")
}
