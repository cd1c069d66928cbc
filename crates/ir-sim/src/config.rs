//! What a simulated platform is started with.

use crate::behaviour::Behaviour;
use crate::dialect::Dialect;

/// How a [`crate::Sim`] is set up. `SimConfig::default()` accepts any key and any model and draws 1024x1024 PNGs.
#[derive(Clone, Debug)]
pub struct SimConfig {
    /// Whose protocol is spoken.
    pub dialect: Dialect,
    /// Port on 127.0.0.1; 0 lets the system choose.
    pub port: u16,
    /// Keys that are accepted; `None` accepts any, even none. A refused key is answered 401 `invalid_api_key`.
    pub keys: Option<Vec<String>>,
    /// Models that exist; empty accepts every name. An unknown one is answered 404 `model_not_found`.
    pub models: Vec<String>,
    /// What the pictures are like.
    pub picture: PictureSpec,
    /// What is played when neither the script nor the prompt says otherwise.
    pub default: Behaviour,
    /// Whether directives in prompts are obeyed.
    pub obey_prompts: bool,
    /// What the platform refuses although others accept it.
    pub strict: Strictness,
    /// Largest request body in bytes; above it 413.
    pub max_body: u64,
    /// Whether files of a form are hashed for the ledger (SHA-256; costs processor time under load).
    pub hash_files: bool,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            dialect: Dialect::OpenAi,
            port: 0,
            keys: None,
            models: Vec::new(),
            picture: PictureSpec::default(),
            default: Behaviour::default(),
            obey_prompts: true,
            strict: Strictness::default(),
            max_body: 512 << 20,
            hash_files: true,
        }
    }
}

/// Refusals that some platforms have and others do not (05-providers 6.2, 6.10).
#[derive(Clone, Copy, Debug, Default)]
pub struct Strictness {
    /// `response_format` is an unknown parameter (GPT image models).
    pub response_format: bool,
    /// File parts of the type `application/octet-stream` are refused (some relays).
    pub octet_stream: bool,
}

/// What the answered pictures are like. Every picture differs from every other in a comment that holds its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PictureSpec {
    /// Exact size of the file in bytes, at most 256 MiB; `None` leaves the natural size (some KB).
    pub bytes: Option<u64>,
    /// File format, unless the request names an `output_format`.
    pub format: PictureFormat,
    /// Width in pixels (1 to 4096), when the request names no size or `follow_size` is off.
    pub width: u32,
    /// Height in pixels (1 to 4096).
    pub height: u32,
    /// Whether a `size` of the form `WxH` in the request decides the dimensions.
    pub follow_size: bool,
}

impl Default for PictureSpec {
    fn default() -> Self {
        Self { bytes: None, format: PictureFormat::Png, width: 1024, height: 1024, follow_size: true }
    }
}

impl PictureSpec {
    /// Small pictures of exactly `bytes` bytes, 64x64 whatever is asked: for tests and load.
    #[must_use]
    pub fn exactly(bytes: u64) -> Self {
        Self { bytes: Some(bytes), width: 64, height: 64, follow_size: false, ..Self::default() }
    }
}

/// The formats that the simulator can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PictureFormat {
    /// PNG with ancillary chunks as padding.
    Png,
    /// JPEG with comments as padding.
    Jpeg,
}

impl PictureFormat {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpeg",
        }
    }

    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "png" => Some(Self::Png),
            "jpeg" | "jpg" => Some(Self::Jpeg),
            _ => None,
        }
    }
}

/// Reads a number of bytes such as `1500000`, `1.5MB` (10^6) or `4MiB` (2^20).
///
/// # Errors
/// A sentence when the text is no number with one of the units B, kB, KB, KiB, MB, MiB, GB, GiB.
pub fn bytes_from_text(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().map_err(|_| format!("{text:?} is no number of bytes"))?;
    let factor = match unit {
        "" | "B" => 1.0,
        "kB" | "KB" => 1e3,
        "KiB" => 1024.0,
        "MB" => 1e6,
        "MiB" => 1_048_576.0,
        "GB" => 1e9,
        "GiB" => 1_073_741_824.0,
        _ => return Err(format!("unknown unit {unit:?} in {text:?}: use B, KB, KiB, MB, MiB, GB or GiB")),
    };
    Ok((number * factor) as u64)
}
