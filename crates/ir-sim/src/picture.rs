//! Valid pictures of an exact size, each different, made once and shared.
//!
//! A file is a short head that holds the picture's number and a long tail that all share. The head's length is a multiple of three, so the
//! tail's base64 can be shared too: 64 answers of 4 MB under way cost one copy.

use std::collections::HashMap;
use std::io::{self, Cursor};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{Rgb, RgbImage};

use crate::config::{PictureFormat, PictureSpec};

/// Largest side in pixels.
pub(crate) const MAX_SIDE: u32 = 4_096;
/// Largest file in bytes.
const MAX_BYTES: u64 = 256 << 20;
/// Most templates kept.
const MAX_TEMPLATES: usize = 16;
/// Largest piece of padding: readers of PNG limit what they hold of an unknown chunk.
const MAX_PADDING: usize = 32_768;
/// Length of the text in a stamp. With its frame it makes every head a multiple of three bytes long.
const STAMP: usize = 36;

/// Everything but a picture's number.
#[derive(Debug)]
pub(crate) struct Template {
    format: PictureFormat,
    before: Vec<u8>,
    pub(crate) tail: Bytes,
    pub(crate) tail_base64: Bytes,
}

impl Template {
    fn new(spec: PictureSpec) -> io::Result<Self> {
        if !(1..=MAX_SIDE).contains(&spec.width) || !(1..=MAX_SIDE).contains(&spec.height) || spec.bytes > Some(MAX_BYTES) {
            return Err(invalid(format!("a picture has sides of 1 to {MAX_SIDE} pixels and at most {MAX_BYTES} bytes")));
        }
        let file = natural(spec)?;
        // The signature and IHDR, or the start marker: what must come before a comment.
        let (before, rest) = file.split_at(if spec.format == PictureFormat::Png { 33 } else { 2 });
        let mut template = Self { format: spec.format, before: before.to_vec(), tail: Bytes::new(), tail_base64: Bytes::new() };
        let least = template.head(0).len() + rest.len();
        let room = match spec.bytes {
            None => 0,
            Some(bytes) => usize::try_from(bytes)
                .ok()
                .and_then(|bytes| bytes.checked_sub(least))
                .ok_or_else(|| invalid(format!("a {}x{} {} has at least {least} bytes", spec.width, spec.height, spec.format.name())))?,
        };
        let mut tail = padding(spec.format, room)?;
        tail.extend_from_slice(rest);
        template.tail_base64 = STANDARD.encode(&tail).into();
        template.tail = tail.into();
        Ok(template)
    }

    /// The head of picture number `number`.
    pub(crate) fn head(&self, number: u64) -> Vec<u8> {
        let mut head = self.before.clone();
        match self.format {
            PictureFormat::Png => chunk(&mut head, *b"tEXt", format!("Comment\0picture {number:020}").as_bytes()),
            PictureFormat::Jpeg => comment(&mut head, format!("ir-sim: picture {number:020}").as_bytes()),
        }
        debug_assert_eq!(head.len() % 3, 0, "{STAMP} bytes of stamp keep the head a multiple of three");
        head
    }

    /// The length of every file of this template.
    pub(crate) fn len(&self) -> usize {
        self.head(0).len() + self.tail.len()
    }
}

/// Templates by what they look like.
#[derive(Debug, Default)]
pub(crate) struct Studio {
    templates: Mutex<HashMap<PictureSpec, Arc<Template>>>,
}

impl Studio {
    /// The template for `spec`, made when it is first asked for.
    pub(crate) fn template(&self, spec: PictureSpec) -> io::Result<Arc<Template>> {
        let spec = PictureSpec { follow_size: false, ..spec };
        let mut templates = self.templates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = templates.get(&spec) {
            return Ok(found.clone());
        }
        if templates.len() >= MAX_TEMPLATES {
            templates.clear();
        }
        let made = Arc::new(Template::new(spec)?);
        templates.insert(spec, made.clone());
        Ok(made)
    }
}

/// One picture as a file: valid, of exactly the size that `spec` asks for, different for every `number`.
///
/// # Errors
/// `InvalidInput` when the spec is out of range, or the size is one that cannot be met (too small, or closer than a dozen bytes to the least).
pub fn make_picture(spec: PictureSpec, number: u64) -> io::Result<Bytes> {
    let template = Template::new(spec)?;
    let mut file = template.head(number);
    file.extend_from_slice(&template.tail);
    Ok(file.into())
}

/// A picture of colour bands whose rows are mostly alike: even a large one is a small file, made quickly.
fn natural(spec: PictureSpec) -> io::Result<Vec<u8>> {
    let shade = |at: u32, of: u32| u8::try_from(at * 255 / of).unwrap_or(u8::MAX);
    let band = |y: u32| y * 8 / spec.height;
    let picture = RgbImage::from_fn(spec.width, spec.height, |x, y| Rgb([shade(x, spec.width), shade(band(y), 8), 128]));
    let mut file = Cursor::new(Vec::new());
    match spec.format {
        PictureFormat::Png => picture.write_with_encoder(PngEncoder::new_with_quality(&mut file, CompressionType::Default, FilterType::Up)),
        PictureFormat::Jpeg => picture.write_with_encoder(JpegEncoder::new_with_quality(&mut file, 85)),
    }
    .map_err(io::Error::other)?;
    Ok(file.into_inner())
}

/// Exactly `room` bytes that readers skip, made of noise so that no compression on the way flatters a measurement.
fn padding(format: PictureFormat, room: usize) -> io::Result<Vec<u8>> {
    let frame = match format {
        PictureFormat::Png => 12,
        PictureFormat::Jpeg => 4,
    };
    let mut noise = Noise(0x9E37_79B9_7F4A_7C15);
    let mut padding = Vec::with_capacity(room);
    while padding.len() < room {
        let left = room - padding.len();
        // A rest too short to hold a frame of its own is taken from this piece.
        let piece = if left <= MAX_PADDING { left } else { MAX_PADDING.min(left - frame) };
        let content = piece.checked_sub(frame).ok_or_else(|| invalid(format!("{left} bytes of padding cannot be made")))?;
        let content = noise.bytes(content);
        match format {
            PictureFormat::Png => chunk(&mut padding, *b"siMp", &content),
            PictureFormat::Jpeg => comment(&mut padding, &content),
        }
    }
    Ok(padding)
}

/// Appends a PNG chunk: length, type, data, CRC of type and data.
pub(crate) fn chunk(file: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&kind);
    crc.update(data);
    file.extend_from_slice(&u32::try_from(data.len()).expect("chunks are short").to_be_bytes());
    file.extend_from_slice(&kind);
    file.extend_from_slice(data);
    file.extend_from_slice(&crc.finalize().to_be_bytes());
}

/// Appends a JPEG comment: marker, length with itself, data.
fn comment(file: &mut Vec<u8>, data: &[u8]) {
    file.extend_from_slice(&[0xFF, 0xFE]);
    file.extend_from_slice(&u16::try_from(data.len() + 2).expect("comments are short").to_be_bytes());
    file.extend_from_slice(data);
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

/// Marsaglia's xorshift: the same bytes in every run.
struct Noise(u64);

impl Noise {
    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count + 8);
        while bytes.len() < count {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            bytes.extend_from_slice(&self.0.to_le_bytes());
        }
        bytes.truncate(count);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(format: PictureFormat, bytes: Option<u64>) -> PictureSpec {
        PictureSpec { bytes, format, width: 64, height: 48, follow_size: false }
    }

    #[test]
    fn every_size_is_exact_and_decodes() {
        for format in [PictureFormat::Png, PictureFormat::Jpeg] {
            let least = make_picture(spec(format, None), 0).unwrap().len() as u64;
            for more in [12, 13, 32_767, 32_768, 32_769, 32_779, 32_780, 65_539, 1_500_000] {
                let file = make_picture(spec(format, Some(least + more)), 7).unwrap();
                assert_eq!(file.len() as u64, least + more);
                let picture = image::load_from_memory(&file).unwrap();
                assert_eq!((picture.width(), picture.height()), (64, 48));
            }
        }
    }

    #[test]
    fn numbers_differ_and_share_the_tail() {
        let template = Template::new(spec(PictureFormat::Png, Some(100_000))).unwrap();
        assert_ne!(template.head(1), template.head(2));
        assert_eq!(template.len(), 100_000);
        let mut whole = template.head(3);
        whole.extend_from_slice(&template.tail);
        let joined = STANDARD.encode(template.head(3)) + std::str::from_utf8(&template.tail_base64).unwrap();
        assert_eq!(STANDARD.encode(whole), joined);
    }

    #[test]
    fn a_large_picture_is_a_small_file_unless_asked() {
        assert!(make_picture(PictureSpec::default(), 0).unwrap().len() < 16_000);
    }

    #[test]
    fn impossible_sizes_are_refused() {
        assert_eq!(make_picture(spec(PictureFormat::Png, Some(10)), 0).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert!(make_picture(PictureSpec { width: 0, ..PictureSpec::default() }, 0).is_err());
    }
}
