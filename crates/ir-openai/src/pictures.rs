//! Pictures as callers write them: lifted base64, short base64, data URIs, addresses.

use crate::body::spool_fault;
use crate::language::echo;
use crate::params::wrong;
use ir_model::{AskPicture, Blob, Fault, Flaw, Format, Gate, LiftedBytes, Node, Picture};
use ir_spool::{Alphabet, Piece, PieceBody, Spool};

/// Most pictures of one request (R-API-4).
pub(crate) const MOST: usize = 16;
/// Longest address in bytes.
const LONGEST_URL: usize = 8192;

/// One picture.
///
/// # Errors
/// 400 naming the parameter: not a picture, a format that is not taken, a scheme that is not taken.
pub(crate) async fn read(spool: &Spool, node: Node, param: &str) -> Result<AskPicture, Fault> {
    match node {
        Node::Bytes(lifted) => from_lifted(lifted, param).await,
        Node::String(text) => from_text(spool, &text, param).await,
        Node::Object(mut map) => {
            let url = map.take("image_url").filter(|node| !node.is_null());
            let file = map.take("file_id").filter(|node| !node.is_null());
            match (url, file) {
                (Some(_), Some(_)) => Err(Fault::bad(param, "Give image_url or file_id, not both.", "image_url 与 file_id 只能给一个。")),
                (None, Some(_)) => Err(Fault::gate(
                    Gate::Unsupported,
                    "file_id is not supported: there are no uploaded files here. Give image_url with an address or a data URI.",
                    "不支持 file_id，请使用 image_url（地址或 data URI）。",
                )
                .param(param)),
                (Some(url), None) => Box::pin(read_url(spool, url, param)).await,
                (None, None) => Box::pin(read_url(spool, Node::Object(map), param)).await,
            }
        }
        other => Err(not_a_picture(param, &other)),
    }
}

/// The value of `image_url`: a string, or `{url, detail}` as in chat.
pub(crate) async fn read_url(spool: &Spool, node: Node, param: &str) -> Result<AskPicture, Fault> {
    let node = match node {
        Node::Object(mut map) => map.take("url").unwrap_or_default(),
        other => other,
    };
    match node {
        Node::Bytes(lifted) => from_lifted(lifted, param).await,
        Node::String(text) => from_text(spool, &text, param).await,
        other => Err(not_a_picture(param, &other)),
    }
}

fn not_a_picture(param: &str, node: &Node) -> Fault {
    wrong(param, "a picture: base64, a data URI or an http(s) address", "图片：base64、data URI 或 http(s) 地址", node)
}

/// Adds a picture, within the limit.
///
/// # Errors
/// 400 when there are too many.
pub(crate) fn push(pictures: &mut Vec<AskPicture>, picture: AskPicture, param: &str) -> Result<(), Fault> {
    if pictures.len() == MOST {
        return Err(too_many(param));
    }
    pictures.push(picture);
    Ok(())
}

/// The refusal of too many pictures.
pub(crate) fn too_many(param: &str) -> Fault {
    Fault::bad(param, format!("At most {MOST} pictures can be given."), format!("最多可提供 {MOST} 张图片。"))
}

/// A picture decoded while the request was read.
pub(crate) async fn from_lifted(lifted: LiftedBytes, param: &str) -> Result<AskPicture, Fault> {
    if let Some(label) = &lifted.data_uri {
        let format = label_format(label, param)?;
        let picture = from_blob(lifted.blob, param).await?;
        return agrees(picture, format, param);
    }
    Ok(AskPicture::Here(from_blob(lifted.blob, param).await?))
}

/// A text that stayed in memory: an address, a data URI or base64.
pub(crate) async fn from_text(spool: &Spool, text: &str, param: &str) -> Result<AskPicture, Fault> {
    let text = text.trim_ascii();
    if text.is_empty() {
        return Err(Fault::gate(Gate::ImageInvalid, format!("{param} is empty."), format!("{param} 为空。")).param(param));
    }
    if let Some(rest) = text.strip_prefix("data:") {
        let (head, data) = rest.split_once(',').ok_or_else(|| bad_data_uri(param, "it has no comma", "缺少逗号"))?;
        let label = head
            .strip_suffix(";base64")
            .ok_or_else(|| bad_data_uri(param, "it must be data:image/<format>;base64,", "格式应为 data:image/<格式>;base64,"))?;
        let format = label_format(label, param)?;
        if data.contains(':') {
            return Err(bad_data_uri(param, "it holds another address", "其中含有另一个地址"));
        }
        let blob = spool.from_base64(data, Alphabet::Standard).await.map_err(|error| spool_fault(&error, param))?;
        return agrees(from_blob(blob, param).await?, format, param);
    }
    if has_scheme(text) {
        return address(text, param);
    }
    let blob = spool.from_base64(text, Alphabet::Standard).await.map_err(|error| spool_fault(&error, param))?;
    Ok(AskPicture::Here(from_blob(blob, param).await?))
}

/// `name:` at the beginning; base64 knows no colon.
fn has_scheme(text: &str) -> bool {
    let head = text.as_bytes().iter().take(64).position(|b| *b == b':').map_or("", |at| &text[..at]);
    head.starts_with(|ch: char| ch.is_ascii_alphabetic()) && head.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

/// Only the form is judged here; egress judges where it leads.
fn address(text: &str, param: &str) -> Result<AskPicture, Fault> {
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    if !lower.starts_with("http://") && !lower.starts_with("https://") {
        return Err(Fault::gate(
            Gate::UrlNotAllowed,
            format!("{param} must be an http or https address, a data URI or base64; got \"{}\".", echo(text)),
            format!("{param} 必须是 http/https 地址、data URI 或 base64，收到 \"{}\"。", echo(text)),
        )
        .param(param));
    }
    if text.len() > LONGEST_URL || text.chars().any(|ch| ch.is_control() || ch.is_whitespace()) {
        return Err(Fault::bad(param, format!("{param} is not a valid address."), format!("{param} 不是有效的地址。")));
    }
    Ok(AskPicture::Url(text.to_owned()))
}

/// The format that a data URI's label names. Strict: browsers, platforms and clients disagree on
/// everything but the plain form.
fn label_format(label: &str, param: &str) -> Result<Format, Fault> {
    match label {
        "image/png" => Ok(Format::Png),
        "image/jpeg" | "image/jpg" => Ok(Format::Jpeg),
        "image/webp" => Ok(Format::Webp),
        "image/gif" => Ok(Format::Gif),
        other if other.starts_with("image/") && !other.contains(';') => {
            Err(unsupported(param, &format!("its data URI says {}", echo(other))))
        }
        other => Err(bad_data_uri(
            param,
            &format!("its label is \"{}\"", echo(other)),
            "标签无效，应为 image/png、image/jpeg、image/webp 或 image/gif",
        )),
    }
}

fn agrees(picture: Picture, label: Format, param: &str) -> Result<AskPicture, Fault> {
    let format = picture.probe.format;
    if format == label {
        return Ok(AskPicture::Here(picture));
    }
    let (said, is) = (label.media_type(), format.media_type());
    Err(Fault::gate(
        Gate::ImageInvalid,
        format!("{param} says {said}, but its bytes are {is}."),
        format!("{param} 标明为 {said}，实际内容是 {is}。"),
    )
    .param(param))
}

/// A media type that came beside a picture must agree with its bytes, too.
pub(crate) fn agrees_with_media_type(picture: AskPicture, media_type: &str, param: &str) -> Result<AskPicture, Fault> {
    match picture {
        AskPicture::Here(picture) => agrees(picture, label_format(media_type, param)?, param),
        AskPicture::Url(_) => Ok(picture),
    }
}

fn bad_data_uri(param: &str, en: &str, zh: &str) -> Fault {
    Fault::gate(Gate::BadInput, format!("{param} is not a valid data URI: {en}."), format!("{param} 不是有效的 data URI：{zh}。"))
        .param(param)
}

fn unsupported(param: &str, why: &str) -> Fault {
    Fault::gate(
        Gate::ImageType,
        format!("{param} is not a format that is taken ({why}). Use PNG, JPEG, WebP or GIF."),
        format!("不支持 {param} 的图片格式，请使用 PNG、JPEG、WebP 或 GIF。"),
    )
    .param(param)
}

/// Takes bytes as a picture.
///
/// # Errors
/// 400 with what is wrong with them.
pub(crate) async fn from_blob(blob: Blob, param: &str) -> Result<Picture, Fault> {
    let flaw = match Picture::from_blob(blob.clone()) {
        Ok(picture) => return Ok(picture),
        Err(flaw) => flaw,
    };
    let invalid = |why: &str, zh: &str| {
        Fault::gate(Gate::ImageInvalid, format!("{param} is not a valid picture: {why}."), format!("{param} 不是有效的图片：{zh}。"))
            .param(param)
    };
    Err(match flaw {
        Flaw::Empty => invalid("it is empty", "内容为空"),
        Flaw::Truncated => invalid("it ends before it is whole", "内容不完整"),
        Flaw::Corrupt => invalid("it is damaged", "数据损坏"),
        Flaw::TooLarge => Fault::gate(
            Gate::ImageTooLarge,
            format!("{param} is too large: its dimensions are above the limit."),
            format!("{param} 的图片尺寸超过限制。"),
        )
        .param(param),
        Flaw::Unsupported => match other_format(&head(blob).await) {
            Some(name) => unsupported(param, &format!("it is {name}")),
            None => invalid("it is not a PNG, JPEG, WebP or GIF", "不是 PNG、JPEG、WebP 或 GIF"),
        },
    })
}

/// The first bytes of a blob; none when they cannot be read.
async fn head(blob: Blob) -> Vec<u8> {
    let mut body = PieceBody::new(vec![Piece::Raw(blob)]);
    let data = body.next().await.and_then(Result::ok);
    data.map(|data| data.iter().take(64).copied().collect()).unwrap_or_default()
}

/// Picture and document formats that are recognised only to be refused by name.
fn other_format(head: &[u8]) -> Option<&'static str> {
    const BEGINNINGS: [(&[u8], &str); 17] = [
        (b"BM", "BMP"),
        (b"II*\0", "TIFF"),
        (b"MM\0*", "TIFF"),
        (b"\0\0\x01\0", "ICO"),
        (b"8BPS", "PSD"),
        (b"\x76\x2f\x31\x01", "OpenEXR"),
        (b"%PDF", "PDF"),
        (b"%!PS", "PostScript"),
        (b"<svg", "SVG"),
        (b"<?xml", "XML or SVG"),
        (b"<image", "an ImageMagick script"),
        (b"push graphic-context", "an ImageMagick script"),
        (b"<!doctype html", "HTML"),
        (b"<html", "HTML"),
        (b"\x1f\x8b", "compressed"),
        (b"PK\x03\x04", "ZIP"),
        (b"\0\0\0\x0cJXL ", "JPEG XL"),
    ];
    if head.get(4..8) == Some(b"ftyp") {
        return Some(match head.get(8..12) {
            Some(b"avif" | b"avis") => "AVIF",
            Some(b"heic" | b"heix" | b"mif1" | b"heim" | b"hevc") => "HEIC",
            Some(_) | None => "a video",
        });
    }
    // A JPEG that the inspector does not take: arithmetic coding, lossless, 12 bits, two colours.
    if head.starts_with(b"\xff\xd8\xff") {
        return Some("a kind of JPEG that hardly anything reads");
    }
    let start = head.trim_ascii_start();
    let begins = |magic: &[u8]| start.get(..magic.len()).is_some_and(|start| start.eq_ignore_ascii_case(magic));
    BEGINNINGS.iter().find(|(magic, _)| head.starts_with(magic) || begins(magic)).map(|(_, name)| *name)
}

#[cfg(test)]
#[path = "pictures_tests.rs"]
mod tests;
