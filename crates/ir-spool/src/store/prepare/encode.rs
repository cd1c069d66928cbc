//! Encoding within a limit of bytes.

use super::{Wanted, scale};
use crate::error::SpoolError;
use crate::store::decode::decode_error;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, GenericImageView, ImageEncoder, RgbImage};
use ir_model::{Format, Size};
use std::borrow::Cow;
use std::io::{self, Write};

/// JPEG qualities, from the one that is tried first. The last one decides whether a size can work at
/// all, and so is tried second.
const QUALITIES: [u8; 6] = [90, 82, 74, 66, 58, LOWEST];
const LOWEST: u8 = 50;

/// Longest colour profile that is carried over, in bytes. Those of cameras have some hundred;
/// printers' have megabytes.
const PROFILE: usize = 64 * 1024;

/// A picture that is to be encoded: upright, 8 bits a channel.
pub(super) struct Source {
    pub(super) image: DynamicImage,
    pub(super) profile: Option<Vec<u8>>,
}

impl Source {
    /// Made of a decoded picture, with no more channels than it needs. A colour profile that is not made
    /// for such channels (as a printer's is not) is left behind.
    pub(super) fn new(image: DynamicImage, profile: Option<Vec<u8>>) -> Self {
        let image = eight_bits(image);
        let space: &[u8] = if image.color().has_color() { b"RGB " } else { b"GRAY" };
        let profile = profile.filter(|profile| profile.len() <= PROFILE && profile.get(16..20) == Some(space));
        Self { image, profile }
    }

    /// Encodes the picture in the largest of the sizes, and the best quality, that has at most
    /// `limit` bytes. `base` is the first size; `None` if none is small enough.
    ///
    /// # Errors
    /// The encoder's; `InvalidInput` if no wanted format can be written.
    pub(super) fn shrink(&self, base: Size, wanted: &Wanted, limit: u64) -> Result<Option<Vec<u8>>, SpoolError> {
        // JPEG last for a picture that is seen through: it would be laid on white.
        let order = if self.image.color().has_alpha() {
            [Format::Png, Format::Webp, Format::Jpeg]
        } else {
            [Format::Jpeg, Format::Png, Format::Webp]
        };
        if !order.iter().any(|format| wanted.takes(*format)) {
            return Err(crate::store::invalid("none of the wanted formats can be written"));
        }
        for format in order.into_iter().filter(|format| wanted.takes(*format)) {
            let source = if format == Format::Jpeg && self.image.color().has_alpha() {
                Cow::Owned(on_white(&self.image))
            } else {
                Cow::Borrowed(&self.image)
            };
            for size in scale::steps(base, wanted) {
                let same = size == Size::new(source.width(), source.height());
                let image = if same { Cow::Borrowed(&*source) } else { Cow::Owned(scale::resample(&source, size)) };
                if let Some(bytes) = self.encode(&image, format, limit)? {
                    return Ok(Some(bytes));
                }
            }
        }
        Ok(None)
    }

    /// One picture in one format; `None` if that takes more than `limit` bytes.
    fn encode(&self, image: &DynamicImage, format: Format, limit: u64) -> Result<Option<Vec<u8>>, SpoolError> {
        if format != Format::Jpeg {
            return self.write(image, format, LOWEST, limit);
        }
        let best = self.write(image, format, QUALITIES[0], limit)?;
        if best.is_some() {
            return Ok(best);
        }
        let Some(worst) = self.write(image, format, LOWEST, limit)? else { return Ok(None) };
        for quality in &QUALITIES[1..QUALITIES.len() - 1] {
            let better = self.write(image, format, *quality, limit)?;
            if better.is_some() {
                return Ok(better);
            }
        }
        Ok(Some(worst))
    }

    /// The same; `quality` is JPEG's.
    fn write(&self, image: &DynamicImage, format: Format, quality: u8, limit: u64) -> Result<Option<Vec<u8>>, SpoolError> {
        let mut out = Bounded { bytes: Vec::new(), limit, over: false };
        let done = match format {
            Format::Jpeg => self.write_with(JpegEncoder::new_with_quality(&mut out, quality), image),
            Format::Webp => self.write_with(WebPEncoder::new_lossless(&mut out), image),
            _ => self.write_with(PngEncoder::new_with_quality(&mut out, CompressionType::Default, FilterType::Adaptive), image),
        };
        if out.over {
            return Ok(None);
        }
        done.map_err(decode_error)?;
        Ok(Some(out.bytes))
    }

    fn write_with(&self, mut encoder: impl ImageEncoder, image: &DynamicImage) -> image::ImageResult<()> {
        if let Some(profile) = &self.profile {
            // All three encoders take one; colours without it would be a little off, no more.
            let _ = encoder.set_icc_profile(profile.clone());
        }
        encoder.write_image(image.as_bytes(), image.width(), image.height(), image.color().into())
    }
}

/// A mask as a PNG of at most `limit` bytes. Where it is seen through it says all there is to say, so
/// the colours of one that is too large turn black.
///
/// # Errors
/// The encoder's.
pub(super) fn mask(mask: DynamicImage, limit: u64) -> Result<Option<Vec<u8>>, SpoolError> {
    let source = Source::new(mask, None);
    let whole = source.write(&source.image, Format::Png, LOWEST, limit)?;
    if whole.is_some() || !source.image.color().has_alpha() {
        return Ok(whole);
    }
    let mut plain = source.image.into_luma_alpha8();
    plain.pixels_mut().for_each(|pixel| pixel.0[0] = 0);
    let plain = Source { image: plain.into(), profile: None };
    plain.write(&plain.image, Format::Png, LOWEST, limit)
}

/// 8 bits a channel, and an alpha channel only if something is seen through.
fn eight_bits(image: DynamicImage) -> DynamicImage {
    use DynamicImage::{ImageLuma8, ImageLuma16, ImageLumaA8, ImageLumaA16, ImageRgb8, ImageRgba8};
    let image = match image {
        ImageLuma8(_) | ImageLumaA8(_) | ImageRgb8(_) | ImageRgba8(_) => image,
        ImageLuma16(_) => ImageLuma8(image.into_luma8()),
        ImageLumaA16(_) => ImageLumaA8(image.into_luma_alpha8()),
        other if other.color().has_alpha() => ImageRgba8(other.into_rgba8()),
        other => ImageRgb8(other.into_rgb8()),
    };
    match image {
        ImageLumaA8(image) if image.pixels().all(|pixel| pixel.0[1] == 255) => ImageLuma8(ImageLumaA8(image).into_luma8()),
        ImageRgba8(image) if image.pixels().all(|pixel| pixel.0[3] == 255) => ImageRgb8(ImageRgba8(image).into_rgb8()),
        other => other,
    }
}

/// The picture laid on white.
fn on_white(image: &DynamicImage) -> DynamicImage {
    let on_white = |x, y| {
        let [red, green, blue, alpha] = image.get_pixel(x, y).0.map(u16::from);
        let lay = |value: u16| u8::try_from((u32::from(value) * u32::from(alpha) + 255 * u32::from(255 - alpha)) / 255).unwrap_or(255);
        image::Rgb([lay(red), lay(green), lay(blue)])
    };
    RgbImage::from_fn(image.width(), image.height(), on_white).into()
}

/// Memory that takes so much and no more; what does not fit ends the encoding.
struct Bounded {
    bytes: Vec<u8>,
    limit: u64,
    over: bool,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() as u64 + bytes.len() as u64 > self.limit {
            self.over = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
