//! Writing a canvas as a file.

use super::canvas::Canvas;
use image::codecs::gif::GifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder};
use ir_model::Format;

/// GIF's colours are found on every thirtieth pixel: the fastest, and gradients do not show it.
const GIF_SPEED: i32 = 30;

/// Encodes a canvas. `quality` (0–100) counts for JPEG; the other formats lose nothing (GIF: but 256
/// colours).
pub(super) fn encode(canvas: &Canvas, format: Format, quality: u8) -> Vec<u8> {
    let (width, height) = (canvas.size.width, canvas.size.height);
    let opaque = canvas.rgba.chunks_exact(4).all(|pixel| pixel[3] == 255);
    let mut out = Vec::with_capacity(canvas.rgba.len() / 6);
    let result = match format {
        Format::Png => {
            let (bytes, color) =
                if opaque { (on_white(canvas), ExtendedColorType::Rgb8) } else { (canvas.rgba.clone(), ExtendedColorType::Rgba8) };
            PngEncoder::new_with_quality(&mut out, CompressionType::Fast, FilterType::Paeth).write_image(&bytes, width, height, color)
        }
        Format::Jpeg => {
            let encoder = JpegEncoder::new_with_quality(&mut out, quality.clamp(1, 100));
            encoder.write_image(&on_white(canvas), width, height, ExtendedColorType::Rgb8)
        }
        Format::Webp if opaque => {
            WebPEncoder::new_lossless(&mut out).write_image(&on_white(canvas), width, height, ExtendedColorType::Rgb8)
        }
        Format::Webp => WebPEncoder::new_lossless(&mut out).write_image(&canvas.rgba, width, height, ExtendedColorType::Rgba8),
        Format::Gif => GifEncoder::new_with_speed(&mut out, GIF_SPEED).encode(&canvas.rgba, width, height, ExtendedColorType::Rgba8),
    };
    result.expect("invariant: bytes match the size, sides are within every format's limits, and memory takes every write");
    out
}

/// Three bytes a pixel; what is transparent becomes white.
fn on_white(canvas: &Canvas) -> Vec<u8> {
    let mut out = Vec::with_capacity(canvas.rgba.len() / 4 * 3);
    for pixel in canvas.rgba.chunks_exact(4) {
        let alpha = u16::from(pixel[3]);
        if alpha == 255 {
            out.extend_from_slice(&pixel[..3]);
        } else {
            let over = |channel: u8| (u16::from(channel) * alpha + 255 * (255 - alpha) + 127) / 255;
            out.extend(pixel[..3].iter().map(|&channel| u8::try_from(over(channel)).unwrap_or(255)));
        }
    }
    out
}
