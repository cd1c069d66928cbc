//! Whether a picture shows nothing: wholly black, or wholly transparent.

use super::decode::{DECODE_MEMORY, Positioned, first_frame};
use super::{PictureStore, blocking, invalid};
use crate::error::SpoolError;
use crate::spool::SpoolFile;
use ir_model::{Format, Picture};
use png::{ColorType, Decoder, DecodingError, Limits, Transformations};
use std::fs::File;
use std::io::{self, BufReader};

impl PictureStore {
    /// Whether a picture's first frame is wholly black or wholly transparent. A PNG is decoded row by
    /// row, up to the first pixel that is neither: that is a matter of its first rows, unless it is
    /// blank. Others are decoded whole, two at once at most.
    ///
    /// # Errors
    /// `InvalidData` for what cannot be decoded; [`SpoolError::TooLarge`] above 128 MiB of memory;
    /// `TimedOut` after 30 s in the queue.
    pub async fn is_blank(&self, picture: &Picture) -> Result<bool, SpoolError> {
        let permit = match picture.probe.format {
            // Two rows are held, whatever the picture's height.
            Format::Png => None,
            Format::Jpeg | Format::Webp | Format::Gif => Some(self.permit().await?),
        };
        let picture = picture.clone();
        blocking(move || {
            let _permit = permit;
            let file: &SpoolFile = picture.blob.keeper().ok_or_else(|| invalid("not a picture of the spool"))?;
            match picture.probe.format {
                Format::Png => is_blank_png(file.file()),
                format => {
                    let mut still = Still::default();
                    Ok(still.goes_on(&first_frame(file.file(), format)?.image.into_rgba8(), 4, 3))
                }
            }
        })
        .await
    }
}

/// What the pixels so far may still come to.
struct Still {
    black: bool,
    transparent: bool,
}

impl Default for Still {
    fn default() -> Self {
        Self { black: true, transparent: true }
    }
}

impl Still {
    /// Looks at further pixels of `size` bytes, the first `colours` of which are colour and the last of
    /// which is alpha, if any are left. Answers whether the picture may still be blank.
    fn goes_on(&mut self, pixels: &[u8], size: usize, colours: usize) -> bool {
        let pixels = pixels.chunks_exact(size);
        self.black = self.black && pixels.clone().all(|pixel| pixel[..colours].iter().all(|&part| part == 0));
        self.transparent = self.transparent && colours < size && pixels.into_iter().all(|pixel| pixel[colours] == 0);
        self.black || self.transparent
    }
}

fn is_blank_png(file: &File) -> Result<bool, SpoolError> {
    // Small reads: most pictures are told by their first bytes.
    let source = BufReader::with_capacity(8 * 1024, Positioned { file, at: 0, end: u64::MAX });
    let mut decoder = Decoder::new_with_limits(source, Limits { bytes: 1024 * 1024 });
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let mut reader = decoder.read_info().map_err(png_error)?;
    let (size, colours) = match reader.output_color_type().0 {
        ColorType::Grayscale | ColorType::Indexed => (1, 1),
        ColorType::GrayscaleAlpha => (2, 1),
        ColorType::Rgb => (3, 3),
        ColorType::Rgba => (4, 3),
    };
    let mut still = Still::default();
    while let Some(row) = reader.next_row().map_err(png_error)? {
        if !still.goes_on(row.data(), size, colours) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn png_error(error: DecodingError) -> SpoolError {
    match error {
        DecodingError::IoError(error) => SpoolError::Io(error),
        DecodingError::LimitsExceeded => SpoolError::TooLarge { limit: DECODE_MEMORY },
        DecodingError::Format(_) | DecodingError::Parameter(_) => SpoolError::Io(io::Error::new(io::ErrorKind::InvalidData, error)),
    }
}
