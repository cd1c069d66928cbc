//! Decoding within bounds: the first frame of a picture, as it is stored.

use crate::error::SpoolError;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use ir_model::Format;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

/// Longest side that is decoded (`07-security.md`, "Pictures as attack").
pub(super) const DECODE_SIDE: u32 = 8192;

/// Most bytes that one decode may allocate (the same place). The coefficients of a progressive JPEG,
/// which its decoder does not count, come on top: up to twice the output.
pub(super) const DECODE_MEMORY: u64 = 128 * 1024 * 1024;

/// A decoded picture.
pub(super) struct Decoded {
    /// Its first frame, not yet upright.
    pub(super) image: DynamicImage,
    /// What makes it upright.
    pub(super) orientation: Orientation,
    /// Its colour profile, if it has one that could be read.
    pub(super) profile: Option<Vec<u8>>,
}

/// Decodes the first frame. Blocks; for whoever holds one of the store's permits.
///
/// # Errors
/// `InvalidData` for what cannot be decoded; [`SpoolError::TooLarge`] above 128 MiB of memory.
pub(super) fn first_frame(file: &File, format: Format) -> Result<Decoded, SpoolError> {
    let format = match format {
        Format::Png => ImageFormat::Png,
        Format::Jpeg => ImageFormat::Jpeg,
        Format::Webp => ImageFormat::WebP,
        Format::Gif => ImageFormat::Gif,
    };
    let mut limits = Limits::default();
    limits.max_image_width = Some(DECODE_SIDE);
    limits.max_image_height = Some(DECODE_SIDE);
    limits.max_alloc = Some(DECODE_MEMORY);
    let source = Positioned { file, at: 0, end: end(file, format)? };
    let mut reader = ImageReader::with_format(BufReader::with_capacity(crate::BLOCK, source), format);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(decode_error)?;
    // What the decoder makes room for by itself it counts by itself; this is its output.
    limits.reserve(decoder.total_bytes()).map_err(decode_error)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let profile = decoder.icc_profile().unwrap_or_default();
    let image = DynamicImage::from_decoder(decoder).map_err(decode_error)?;
    Ok(Decoded { image, orientation, profile })
}

/// Where a picture ends in its file, for its decoder. The one for WebP looks for chunks behind the container too,
/// which no inspector saw, and makes room for as much as their heads say: up to 4 GiB.
fn end(file: &File, format: ImageFormat) -> io::Result<u64> {
    if format != ImageFormat::WebP {
        return Ok(u64::MAX);
    }
    let mut length = [0; 4];
    file.read_exact_at(&mut length, 4)?;
    Ok(8 + u64::from(u32::from_le_bytes(length)))
}

pub(super) fn decode_error(error: ImageError) -> SpoolError {
    match error {
        ImageError::Limits(_) => SpoolError::TooLarge { limit: DECODE_MEMORY },
        // A frame that ends too early, in a file that does not: the picture's fault, not the disk's.
        ImageError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            SpoolError::Io(io::Error::new(io::ErrorKind::InvalidData, error))
        }
        ImageError::IoError(error) => SpoolError::Io(error),
        other => SpoolError::Io(io::Error::new(io::ErrorKind::InvalidData, other)),
    }
}

/// Reads a shared file without moving anybody else's position.
pub(super) struct Positioned<'a> {
    pub(super) file: &'a File,
    pub(super) at: u64,
    /// Nothing is read from here on, as if the file ended.
    pub(super) end: u64,
}

impl Read for Positioned<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX).min(out.len());
        let n = self.file.read_at(&mut out[..left], self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for Positioned<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.file.metadata()?.len().min(self.end).checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
