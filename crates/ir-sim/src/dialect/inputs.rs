//! What platforms find in a request: sizes, queries, pictures sent along.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;

/// `WxH`, whatever it can be drawn as.
pub(crate) fn size(text: &str) -> Option<(u32, u32)> {
    let (width, height) = text.split_once(['x', '*'])?;
    let (width, height) = (width.parse().ok()?, height.parse().ok()?);
    (width > 0 && height > 0).then_some((width, height))
}

/// A field of the query, decoded.
pub(crate) fn query(head: &Parts, name: &str) -> Option<String> {
    let pairs = head.uri.query()?.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.into_iter().find(|(found, _)| *found == name).map(|(_, value)| decoded(&value.replace('+', " ")))
}

/// A text without its percent signs.
pub(crate) fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((&first, more)) = rest.split_first() {
        let hex = (first == b'%').then(|| more.get(..2)).flatten().and_then(|two| std::str::from_utf8(two).ok());
        match hex.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &more[2..];
            }
            None => {
                bytes.push(first);
                rest = more;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Why an input is no picture.
#[derive(Debug)]
pub(crate) enum NoPicture {
    /// Neither an address nor a `data:` URI.
    Form,
    /// A type that is not in lower case, or no picture's.
    Type,
    /// Bytes that cannot be decoded.
    Bytes,
}

/// An input as an address (nothing is fetched) or as a `data:` URI with a whole picture.
pub(crate) fn check(input: &str) -> Result<(), NoPicture> {
    if input.starts_with("http://") || input.starts_with("https://") {
        return Ok(());
    }
    let (kind, data) = input.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")).ok_or(NoPicture::Form)?;
    let subtype = kind.strip_prefix("image/").ok_or(NoPicture::Type)?;
    if subtype.is_empty() || subtype.chars().any(|c| c.is_ascii_uppercase()) {
        return Err(NoPicture::Type);
    }
    real(&STANDARD.decode(data).map_err(|_| NoPicture::Bytes)?)
}

/// Whether bytes are a whole picture.
pub(crate) fn real(bytes: &[u8]) -> Result<(), NoPicture> {
    image::load_from_memory(bytes).map(|_| ()).map_err(|_| NoPicture::Bytes)
}
