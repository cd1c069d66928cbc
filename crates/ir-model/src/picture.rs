//! Pictures and what is known of them without decoding.

use crate::blob::{Blob, LiftedBytes};
use crate::size::Size;
use std::fmt;

/// Picture formats that are accepted, stored and served. SVG is never among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// PNG (also APNG, of which the first frame counts).
    Png,
    /// JPEG.
    Jpeg,
    /// WebP.
    Webp,
    /// GIF.
    Gif,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 4] = [Self::Png, Self::Jpeg, Self::Webp, Self::Gif];

    /// The media type, such as `image/png`.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
        }
    }

    /// The file name extension, and OpenAI's `output_format` (`jpeg`, never `jpg`, there).
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
            Self::Gif => "gif",
        }
    }

    /// OpenAI's name in `output_format`.
    pub const fn openai_name(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            other => other.extension(),
        }
    }

    /// From `png`, `jpeg`, `jpg`, `webp`, `gif` or the media type, any case.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        Some(match name.strip_prefix("image/").unwrap_or(&name) {
            "png" | "x-png" | "apng" => Self::Png,
            "jpeg" | "jpg" | "pjpeg" => Self::Jpeg,
            "webp" => Self::Webp,
            "gif" => Self::Gif,
            _ => return None,
        })
    }
}

/// What the header of a picture says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Probe {
    /// The format, by magic bytes.
    pub format: Format,
    /// Dimensions in pixels.
    pub size: Size,
    /// Whether the header declares an alpha channel or a transparent colour.
    pub alpha: bool,
}

/// Why bytes are not a picture that we take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// No bytes at all.
    Empty,
    /// Not one of [`Format::ALL`] by its magic bytes.
    Unsupported,
    /// The picture ends before it is whole.
    Truncated,
    /// A checksum or a structure is wrong.
    Corrupt,
    /// Above [`Limits`].
    TooLarge,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "it is empty",
            Self::Unsupported => "it is not a PNG, JPEG, WebP or GIF",
            Self::Truncated => "it ends before it is whole",
            Self::Corrupt => "it is damaged",
            Self::TooLarge => "its dimensions are too large",
        })
    }
}

/// What a picture may measure (`07-security.md`, "Pictures as attack").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest side in pixels.
    pub side: u32,
    /// Most pixels.
    pub pixels: u64,
    /// Most bytes, encoded.
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { side: 8192, pixels: 40_000_000, bytes: 20 * 1024 * 1024 }
    }
}

/// A whole, checked picture in the spool.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Its bytes.
    pub blob: Blob,
    /// What its header says.
    pub probe: Probe,
}

impl Picture {
    /// Takes bytes as a picture.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn from_blob(blob: Blob) -> Result<Self, Flaw> {
        let probe = blob.probe()?;
        Ok(Self { blob, probe })
    }
}

/// A picture that a caller gave to be edited or blended.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its bytes. Pictures given as URL are fetched before a job is made.
    pub picture: Picture,
    /// A public address of the same picture, for platforms that take only URLs.
    pub url: Option<String>,
}

/// Where a drawn picture is to be found in a platform's reply.
#[derive(Clone, Debug)]
pub enum Source {
    /// Decoded into the spool while the reply was read.
    Lifted(LiftedBytes),
    /// The reply's body was the picture.
    Body(Blob),
    /// A short base64 text or data URI that stayed in the document.
    Base64(String),
    /// An address to fetch it from, at once and without credentials.
    Url(String),
}

/// One picture in a platform's reply.
#[derive(Clone, Debug)]
pub struct Output {
    /// Where it is.
    pub source: Source,
    /// The prompt that the platform really used, when it says so.
    pub revised_prompt: Option<String>,
}
