//! Reads `multipart/form-data`: fields become the same document that JSON gives, files go to the
//! spool while they arrive. File names and media types are never trusted: the bytes decide. (Clients
//! guess the type from the name: a PNG called `b.webp` comes as image/webp.)

use crate::body::{Chunks, lift_fault, limits, spool_fault};
use crate::language::echo;
use crate::pictures;
use crate::rules::Rules;
use axum::body::Body;
use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;
use http::HeaderMap;
use ir_model::{AskPicture, Blob, Fault, Gate, Map, Node};
use ir_spool::{LiftError, Lifter, Spool};
use multer::{Field, Multipart};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

/// Most bytes of a text field (R-DOS-4).
const TEXT: usize = 64 * 1024;
/// The same for prompts: 32,000 characters of four bytes.
const PROMPT_TEXT: usize = 128 * 1024;
/// Most parts of a form: 16 pictures, a mask, and the fields.
const PARTS: usize = 96;
/// Most bytes of all text fields together.
const TEXTS: usize = 1024 * 1024;
/// Longest field name in bytes.
const NAME: usize = 128;
/// Bytes that tell a picture from a text.
const MAGIC: usize = 4;
/// Bytes that may be waiting to be understood (a preamble, a part's headers).
const WAITING: usize = 512 * 1024;

/// A form, read.
#[derive(Debug, Default)]
pub(crate) struct Form {
    /// The text fields, typed as JSON would give them.
    pub(crate) fields: Map,
    /// The pictures, in the order of their parts.
    pub(crate) pictures: Vec<AskPicture>,
    /// The mask.
    pub(crate) mask: Option<AskPicture>,
    /// Bytes of text fields so far.
    text: usize,
}

/// What a part is, by its name.
enum Role {
    Picture,
    Mask,
    Scalar,
}

/// Reads a form.
///
/// # Errors
/// 400 naming the part, 408, 413.
pub(crate) async fn read(spool: &Spool, headers: &HeaderMap, body: Body, boundary: String, rules: &Rules) -> Result<Form, Fault> {
    let chunks = Chunks::new(headers, body, rules.body, rules)?;
    let waiting = Arc::new(AtomicUsize::new(0));
    let mut multipart = Multipart::new(Paced::new(chunks, waiting.clone()), boundary);
    let mut form = Form::default();
    for _ in 0..PARTS {
        let Some(field) = multipart.next_field().await.map_err(fault)? else { return Ok(form) };
        waiting.store(0, Ordering::Relaxed);
        let mut part = Part { field, waiting: &waiting };
        read_part(spool, &mut part, &mut form, rules).await?;
    }
    Err(Fault::bad("body", format!("The form has more than {PARTS} parts."), format!("表单超过 {PARTS} 个部分。")))
}

/// One part while it is read.
struct Part<'a> {
    field: Field<'static>,
    waiting: &'a AtomicUsize,
}

impl Part<'_> {
    async fn chunk(&mut self) -> Result<Option<Bytes>, Fault> {
        let chunk = self.field.chunk().await.map_err(fault)?;
        self.waiting.store(0, Ordering::Relaxed);
        Ok(chunk)
    }
}

async fn read_part(spool: &Spool, part: &mut Part<'_>, form: &mut Form, rules: &Rules) -> Result<(), Fault> {
    let name = part.field.name().unwrap_or_default().to_owned();
    if name.is_empty() || name.len() > NAME {
        return Err(Fault::bad("body", "A part of the form has no name, or one that is too long.", "表单中有部分缺少名称或名称过长。"));
    }
    let param = echo(&name);
    if let Some(encoding) = part.field.headers().get("content-transfer-encoding")
        && ![&b"binary"[..], b"8bit", b"7bit"].iter().any(|taken| encoding.as_bytes().eq_ignore_ascii_case(taken))
    {
        return Err(Fault::bad(
            &param,
            "Content-Transfer-Encoding is not supported: send the bytes as they are.",
            "不支持 Content-Transfer-Encoding，请直接发送原始字节。",
        ));
    }
    let is_file = part.field.file_name().is_some();
    match role(&name) {
        Role::Picture => {
            if let Some(picture) = picture_part(spool, part, is_file, &param, rules).await? {
                pictures::push(&mut form.pictures, picture, "image")?;
            }
        }
        Role::Mask => {
            if let Some(picture) = picture_part(spool, part, is_file, &param, rules).await?
                && form.mask.replace(picture).is_some()
            {
                return Err(duplicate(&param));
            }
        }
        Role::Scalar if is_file => {
            return Err(Fault::bad(
                &param,
                format!("{param} is not a file field. Files go into image, image[] and mask."),
                format!("{param} 不是文件字段，文件请放入 image、image[] 或 mask。"),
            ));
        }
        Role::Scalar => {
            let text = text_part(part, &name).await?;
            form.text += text.len();
            if form.text > TEXTS {
                return Err(too_long(&param, TEXTS));
            }
            if let Some(node) = typed(&name, text) {
                add_scalar(&mut form.fields, &name, node)?;
            }
        }
    }
    Ok(())
}

/// `image`, `image[]` and `image[0]` all mean "the input pictures, in order".
fn role(name: &str) -> Role {
    match name {
        "image" | "image[]" => Role::Picture,
        "mask" => Role::Mask,
        _ => {
            let index = name.strip_prefix("image[").and_then(|rest| rest.strip_suffix(']'));
            let numbered = index.is_some_and(|digits| (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()));
            if numbered { Role::Picture } else { Role::Scalar }
        }
    }
}

/// A picture: the bytes of a file, or a text that is an address, a data URI or base64. Some clients
/// send files without a file name: the first bytes tell.
async fn picture_part(spool: &Spool, part: &mut Part<'_>, is_file: bool, param: &str, rules: &Rules) -> Result<Option<AskPicture>, Fault> {
    let first = beginning(part).await?;
    if is_file || looks_like_picture(&first) {
        let blob = file(spool, part, first, param, rules).await?;
        return Ok(Some(AskPicture::Here(pictures::from_blob(blob, param).await?)));
    }
    match lifted(spool, part, first, param, rules).await? {
        Node::String(text) if text.trim().is_empty() => Ok(None),
        node => pictures::read(spool, node, param).await.map(Some),
    }
}

/// The first bytes of a part: enough to tell a picture, wherever the form is cut.
async fn beginning(part: &mut Part<'_>) -> Result<Bytes, Fault> {
    let mut first = Bytes::new();
    while first.len() < MAGIC
        && let Some(chunk) = part.chunk().await?
    {
        first = if first.is_empty() { chunk } else { [first, chunk].concat().into() };
    }
    Ok(first)
}

fn looks_like_picture(first: &[u8]) -> bool {
    [&b"\x89PNG"[..], b"\xff\xd8\xff", b"RIFF", b"GIF8"].iter().any(|magic| first.starts_with(magic))
}

async fn file(spool: &Spool, part: &mut Part<'_>, first: Bytes, param: &str, rules: &Rules) -> Result<Blob, Fault> {
    let mut writer = spool.writer().map_err(|error| spool_fault(&error, param))?;
    let mut left = rules.picture.bytes;
    let mut next = Some(first);
    while let Some(chunk) = next {
        let length = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        left = left.checked_sub(length).ok_or_else(|| picture_too_large(param, rules.picture.bytes))?;
        writer.write(&chunk).await.map_err(|error| spool_fault(&error, param))?;
        next = part.chunk().await?;
    }
    writer.finish().await.map_err(|error| spool_fault(&error, param))
}

fn picture_too_large(param: &str, limit: u64) -> Fault {
    Fault::gate(
        Gate::TooLarge,
        format!("The picture in {param} is larger than {limit} bytes."),
        format!("{param} 的图片超过 {limit} 字节。"),
    )
    .param(param)
}

/// A text of any length, read as a JSON string is: long base64 goes to the spool while it arrives.
async fn lifted(spool: &Spool, part: &mut Part<'_>, first: Bytes, param: &str, rules: &Rules) -> Result<Node, Fault> {
    // Of the text only: a form that breaks off is not the parameter's fault.
    let wrong = |error: LiftError| lift_fault(&error).param(param);
    let mut lifter = Lifter::new(spool, limits(rules, rules.body.saturating_mul(2), false));
    lifter.push(b"\"").await.map_err(wrong)?;
    let mut next = Some(first);
    while let Some(chunk) = next {
        for piece in chunk.split_inclusive(|b| needs_escape(*b)) {
            let (plain, last) = match piece.split_last() {
                Some((last, plain)) if needs_escape(*last) => (plain, Some(*last)),
                Some(_) | None => (piece, None),
            };
            lifter.push(plain).await.map_err(wrong)?;
            if let Some(byte) = last {
                lifter.push(format!("\\u{:04x}", u32::from(byte)).as_bytes()).await.map_err(wrong)?;
            }
        }
        next = part.chunk().await?;
    }
    lifter.push(b"\"").await.map_err(wrong)?;
    lifter.finish().await.map_err(wrong)
}

fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

async fn text_part(part: &mut Part<'_>, name: &str) -> Result<String, Fault> {
    let most = if name == "prompt" || name == "negative_prompt" { PROMPT_TEXT } else { TEXT };
    let param = echo(name);
    let mut bytes = Vec::new();
    while let Some(chunk) = part.chunk().await? {
        if bytes.len() + chunk.len() > most {
            return Err(too_long(&param, most));
        }
        bytes.extend_from_slice(&chunk);
    }
    let text =
        String::from_utf8(bytes).map_err(|_| Fault::bad(&param, format!("{param} is not UTF-8."), format!("{param} 不是 UTF-8。")))?;
    if text.contains('\0') {
        return Err(Fault::bad(&param, format!("{param} must not contain U+0000."), format!("{param} 不能包含 U+0000。")));
    }
    Ok(text)
}

fn too_long(param: &str, most: usize) -> Fault {
    Fault::gate(
        Gate::TooLarge,
        format!("{param} makes the form's text larger than {most} bytes."),
        format!("{param} 使表单文本超过 {most} 字节。"),
    )
    .param(param)
}

/// A field's text as the JSON value that it stands for; `None`: the same as absent. go-openai
/// writes `n=0`, `size=` and `response_format=` when they are not set.
fn typed(name: &str, text: String) -> Option<Node> {
    if text.is_empty() && name != "prompt" {
        return None;
    }
    let number = |text: &str| serde_json::from_str::<serde_json::Number>(text).ok().filter(|_| text.trim() == text);
    match name {
        "n" | "size" | "response_format" if text == "0" => None,
        "n" | "partial_images" | "output_compression" | "seed" | "steps" | "guidance_scale" => {
            Some(number(&text).map_or(Node::String(text), Node::Number))
        }
        "stream" => Some(match text.to_ascii_lowercase().as_str() {
            "true" | "1" => Node::Bool(true),
            "false" | "0" => Node::Bool(false),
            _ => Node::String(text),
        }),
        _ => Some(Node::String(text)),
    }
}

/// A scalar may stand once. One client writes `output_compression` twice with the same value.
fn add_scalar(fields: &mut Map, name: &str, node: Node) -> Result<(), Fault> {
    let again = fields.get(name).map(Node::to_value_lossy);
    match again {
        None => {
            fields.0.push((name.to_owned(), node));
            Ok(())
        }
        Some(value) if name == "output_compression" && value == node.to_value_lossy() => Ok(()),
        Some(_) => Err(duplicate(&echo(name))),
    }
}

fn duplicate(param: &str) -> Fault {
    Fault::bad(param, format!("{param} stands twice in the form."), format!("表单中 {param} 重复。"))
}

/// What a caller reads when the form is refused.
fn fault(error: multer::Error) -> Fault {
    let text = error.to_string();
    if let multer::Error::StreamReadFailed(cause) = error
        && let Ok(broken) = cause.downcast::<Broken>()
    {
        return broken.0;
    }
    Fault::bad("body", "The form is not valid multipart/form-data.", "表单不是有效的 multipart/form-data。").detail(text)
}

/// A fault on its way through the multipart reader.
#[derive(Debug)]
struct Broken(Fault);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body failed")
    }
}

impl std::error::Error for Broken {}

type Inner = Pin<Box<dyn Stream<Item = Result<Bytes, Broken>> + Send>>;

/// The body, one chunk at a time. The multipart reader polls its source until it is pending and
/// would hold the whole body; a pause after every chunk makes it work on what it has.
struct Paced {
    inner: Inner,
    pause: bool,
    waiting: Arc<AtomicUsize>,
}

impl Paced {
    fn new(chunks: Chunks, waiting: Arc<AtomicUsize>) -> Self {
        let inner = unfold(Some(chunks), |state| async move {
            let mut chunks = state?;
            match chunks.next().await {
                Ok(Some(data)) => Some((Ok(data), Some(chunks))),
                Ok(None) => None,
                Err(fault) => Some((Err(Broken(fault)), None)),
            }
        });
        Self { inner: Box::pin(inner), pause: false, waiting }
    }
}

impl Stream for Paced {
    type Item = Result<Bytes, Broken>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.pause) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let polled = self.inner.as_mut().poll_next(cx);
        if let Poll::Ready(Some(Ok(data))) = &polled {
            self.pause = true;
            if self.waiting.fetch_add(data.len(), Ordering::Relaxed) + data.len() > WAITING {
                let fault = Fault::bad("body", "The headers of a part of the form are too long.", "表单某部分的头过长。");
                return Poll::Ready(Some(Err(Broken(fault))));
            }
        }
        polled
    }
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
