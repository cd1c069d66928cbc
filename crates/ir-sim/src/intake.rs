//! Reading a request: what is asked for, and what the ledger keeps of it.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt as _;
use http::HeaderMap;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::behaviour::Form;
use crate::ledger::{FormFile, Recorded};

/// Longest time in which a request's body must have come.
const READING: Duration = Duration::from_secs(300);
/// Largest text part of a form in bytes.
const MAX_TEXT: usize = 1 << 20;
/// Most parts of a form.
const MAX_PARTS: usize = 128;
/// Longest string that the ledger keeps whole.
const LONG: usize = 2_048;
/// Longest document that the ledger keeps, after its strings were shortened.
const MAX_DOCUMENT: usize = 65_536;

/// Which page was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Generations,
    Edits,
    Variations,
    Chat,
    Models,
    Picture,
}

impl Route {
    /// The route of a path; `/v1` (or any prefix) may precede the OpenAI paths, as relays are mounted anywhere.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let ends = |end: &str| path.ends_with(end);
        Some(match path {
            _ if path.starts_with("/pic/") => Self::Picture,
            _ if ends("/images/generations") => Self::Generations,
            _ if ends("/images/edits") => Self::Edits,
            _ if ends("/images/variations") => Self::Variations,
            _ if ends("/chat/completions") => Self::Chat,
            _ if ends("/models") => Self::Models,
            _ => return None,
        })
    }

    pub(crate) fn draws(self) -> bool {
        !matches!(self, Self::Models | Self::Picture)
    }
}

/// What a request asks for, as far as the simulator cares.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) prompt: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) n: Option<i64>,
    pub(crate) size: Option<String>,
    pub(crate) form: Option<Form>,
    pub(crate) response_format: bool,
    pub(crate) output_format: Option<String>,
    pub(crate) stream: bool,
    pub(crate) partials: u32,
    pub(crate) images: usize,
    pub(crate) octet_stream: bool,
    /// The body itself, where it is kept.
    pub(crate) parcel: Parcel,
}

/// The body of a request, for platforms that look at more than the simulator of OpenAI does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parcel {
    pub(crate) json: Value,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) files: Vec<Upload>,
}

/// One file of a form.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) name: String,
    pub(crate) filename: String,
    pub(crate) bytes: Bytes,
}

/// How a request's body is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// Most bytes.
    pub(crate) max: u64,
    /// Whether files are hashed for the ledger.
    pub(crate) hash: bool,
    /// Whether the body itself is kept in [`Asked::parcel`].
    pub(crate) keep: bool,
}

/// Why a request could not be read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// More bytes than are taken.
    TooLarge,
    /// No document of the announced kind; a sentence.
    Malformed(String),
    /// The caller left or was too slow.
    Gone,
}

/// Reads the body of a request to its end.
pub(crate) async fn read(headers: &HeaderMap, body: Incoming, how: Reading) -> Result<(Asked, Recorded), Unread> {
    let kind = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let reading = async {
        if let Ok(boundary) = multer::parse_boundary(&kind) {
            return form(body, boundary, how).await;
        }
        let bytes = whole(body, how.max).await?;
        let len = bytes.len() as u64;
        if len == 0 {
            return Ok((Asked::default(), Recorded::None));
        }
        if !kind.contains("json") {
            return Ok((Asked::default(), Recorded::Other { len }));
        }
        let mut value: Value = serde_json::from_slice(&bytes).map_err(|error| Unread::Malformed(error.to_string()))?;
        drop(bytes);
        let mut asked = Asked::of_json(&value);
        if how.keep {
            asked.parcel.json = value.clone();
        }
        shorten(&mut value);
        let kept = len <= MAX_DOCUMENT as u64 || value.to_string().len() <= MAX_DOCUMENT;
        Ok((asked, if kept { Recorded::Json { len, value } } else { Recorded::Other { len } }))
    };
    tokio::time::timeout(READING, reading).await.unwrap_or(Err(Unread::Gone))
}

async fn whole(mut body: Incoming, max: u64) -> Result<BytesMut, Unread> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Unread::Gone)?.into_data() else { continue };
        if (bytes.len() + data.len()) as u64 > max {
            return Err(Unread::TooLarge);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

async fn form(body: Incoming, boundary: String, how: Reading) -> Result<(Asked, Recorded), Unread> {
    let limits = multer::SizeLimit::new().whole_stream(how.max);
    let stream = body.into_data_stream().map_err(std::io::Error::other);
    let mut parts = multer::Multipart::with_constraints(stream, boundary, multer::Constraints::new().size_limit(limits));
    let (mut fields, mut files, mut asked) = (Vec::new(), Vec::new(), Asked::default());
    while let Some(part) = parts.next_field().await.map_err(unread)? {
        if fields.len() + files.len() == MAX_PARTS {
            return Err(Unread::Malformed(format!("a form has at most {MAX_PARTS} parts")));
        }
        let name = part.name().unwrap_or_default().to_owned();
        if part.file_name().is_some() {
            let (file, bytes) = file(name, part, how).await?;
            if let Some(bytes) = bytes {
                asked.parcel.files.push(Upload { name: file.name.clone(), filename: file.filename.clone(), bytes });
            }
            asked.images += usize::from(file.name == "image" || file.name.starts_with("image["));
            asked.octet_stream |= file.content_type.as_deref() == Some("application/octet-stream");
            files.push(file);
        } else {
            let value = text(part).await?;
            asked.of_field(&name, &value);
            if how.keep {
                asked.parcel.fields.push((name.clone(), value.clone()));
            }
            fields.push((name, shortened(&value).unwrap_or(value)));
        }
    }
    Ok((asked, Recorded::Form { fields, files }))
}

/// What the ledger keeps of a file, and the file itself where it is kept.
async fn file(name: String, mut part: multer::Field<'_>, how: Reading) -> Result<(FormFile, Option<Bytes>), Unread> {
    let filename = part.file_name().unwrap_or_default().to_owned();
    let content_type = part.content_type().map(ToString::to_string);
    let (mut len, mut digest, mut kept) = (0, Sha256::new(), how.keep.then(BytesMut::new));
    while let Some(chunk) = part.chunk().await.map_err(unread)? {
        len += chunk.len() as u64;
        if how.hash {
            digest.update(&chunk);
        }
        if let Some(kept) = &mut kept {
            kept.extend_from_slice(&chunk);
        }
    }
    let sha256 = if how.hash { format!("{:x}", digest.finalize()) } else { String::new() };
    Ok((FormFile { name, filename, content_type, len, sha256 }, kept.map(BytesMut::freeze)))
}

async fn text(mut part: multer::Field<'_>) -> Result<String, Unread> {
    let mut bytes = Vec::new();
    while let Some(chunk) = part.chunk().await.map_err(unread)? {
        if bytes.len() + chunk.len() > MAX_TEXT {
            return Err(Unread::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn unread(error: multer::Error) -> Unread {
    match error {
        multer::Error::StreamSizeExceeded { .. } | multer::Error::FieldSizeExceeded { .. } => Unread::TooLarge,
        multer::Error::StreamReadFailed(_) => Unread::Gone,
        other => Unread::Malformed(other.to_string()),
    }
}

impl Asked {
    fn of_json(value: &Value) -> Self {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let mut asked = Self {
            prompt: text("prompt").or_else(|| last_user_words(value)),
            model: text("model"),
            n: value.get("n").and_then(Value::as_i64),
            size: text("size"),
            output_format: text("output_format"),
            stream: value.get("stream").and_then(Value::as_bool).unwrap_or(false),
            partials: value.get("partial_images").and_then(Value::as_u64).map_or(0, |count| count.min(3) as u32),
            images: value.get("images").and_then(Value::as_array).map_or(0, Vec::len) + usize::from(value.get("image").is_some()),
            ..Self::default()
        };
        asked.respond(text("response_format").as_deref());
        asked
    }

    fn of_field(&mut self, name: &str, value: &str) {
        match name {
            "prompt" => self.prompt = Some(value.into()),
            "model" => self.model = Some(value.into()),
            "n" => self.n = value.parse().ok(),
            "size" => self.size = Some(value.into()),
            "output_format" => self.output_format = Some(value.into()),
            "stream" => self.stream = value == "true",
            "partial_images" => self.partials = value.parse().unwrap_or(0).min(3),
            "response_format" => self.respond(Some(value)),
            _ => {}
        }
    }

    fn respond(&mut self, format: Option<&str>) {
        self.response_format |= format.is_some();
        self.form = match format {
            Some("url") => Some(Form::Url),
            Some("b64_json") => Some(Form::B64),
            _ => self.form,
        };
    }
}

/// The text of the last message of the user, of a chat request.
fn last_user_words(value: &Value) -> Option<String> {
    let messages = value.get("messages")?.as_array()?;
    let content = messages.iter().rev().find(|message| message.get("role").and_then(Value::as_str) == Some("user"))?.get("content")?;
    if let Some(text) = content.as_str() {
        return Some(text.to_owned());
    }
    let parts = content.as_array()?.iter().filter_map(|part| part.get("text").and_then(Value::as_str));
    Some(parts.collect::<Vec<_>>().join(" "))
}

fn shorten(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(short) = shortened(text) {
                *text = short;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(shorten),
        Value::Object(members) => members.values_mut().for_each(shorten),
        _ => {}
    }
}

/// The start of a text that is too long to be kept.
fn shortened(text: &str) -> Option<String> {
    (text.len() > LONG).then(|| format!("{}… [{} bytes]", text.chars().take(64).collect::<String>(), text.len()))
}
