//! Sizes and scaling.

use super::Wanted;
use crate::store::decode::DECODE_SIDE;
use image::imageops::{FilterType, thumbnail};
use image::{DynamicImage, GenericImageView, RgbaImage};
use ir_model::Size;

/// Most bytes that resampling may take besides its source and its result. It computes in floating
/// point, 16 bytes for each pixel of a strip as wide as the source and as high as the result.
const RESAMPLE_MEMORY: u64 = 128 * 1024 * 1024;

/// Each step below the first size is 4/5 of the one before.
const STEPS: u32 = 10;

/// Below this shorter side there are no more steps.
const SMALLEST: u32 = 32;

/// The size nearest to a picture's own, of the same shape, that a platform takes (no side becomes 0); `None` if its shape
/// allows none.
pub(super) fn fit(size: Size, wanted: &Wanted) -> Option<Size> {
    let side = wanted.max_side.min(DECODE_SIDE);
    let mut fitting = size;
    if short(fitting) < wanted.min_side {
        fitting = scaled(size, u64::from(wanted.min_side), u64::from(short(size)));
    }
    if long(fitting) > side {
        fitting = scaled(size, u64::from(side), u64::from(long(size)));
    }
    if fitting.pixels() > wanted.max_pixels {
        // Both sides shrink by the same factor, so the pixels by its square. Sides are below 2^17.
        let width = (u128::from(wanted.max_pixels) * u128::from(size.width) / u128::from(size.height.max(1))).isqrt();
        fitting = scaled(size, u64::try_from(width).unwrap_or(u64::MAX), u64::from(size.width));
    }
    let fits = long(fitting) <= side && fitting.pixels() <= wanted.max_pixels && short(fitting) >= wanted.min_side;
    fits.then_some(fitting)
}

/// The sizes to try, from the largest on.
pub(super) fn steps(size: Size, wanted: &Wanted) -> impl Iterator<Item = Size> {
    let floor = wanted.min_side.max(SMALLEST);
    (0..=STEPS)
        .map(move |step| scaled(size, 4_u64.pow(step), 5_u64.pow(step)))
        .enumerate()
        .filter(move |(step, size)| *step == 0 || short(*size) >= floor)
        .map(|(_, size)| size)
}

/// `size` times `up` / `down`, rounded down, no side below 1.
fn scaled(size: Size, up: u64, down: u64) -> Size {
    let side = |side: u32| u32::try_from(u128::from(side) * u128::from(up) / u128::from(down.max(1))).unwrap_or(u32::MAX).max(1);
    Size::new(side(size.width), side(size.height))
}

pub(super) fn short(size: Size) -> u32 {
    size.width.min(size.height)
}

pub(super) fn long(size: Size) -> u32 {
    size.width.max(size.height)
}

/// The picture in another size. Large ones are averaged in integers, which takes no memory.
pub(super) fn resample(image: &DynamicImage, size: Size) -> DynamicImage {
    let (width, height) = (size.width, size.height);
    let memory = 16 * u64::from(image.width()) * u64::from(height);
    if memory <= RESAMPLE_MEMORY {
        return image.resize_exact(width, height, FilterType::Triangle);
    }
    match image {
        DynamicImage::ImageLuma8(image) => thumbnail(image, width, height).into(),
        DynamicImage::ImageLumaA8(image) => thumbnail(image, width, height).into(),
        DynamicImage::ImageRgb8(image) => thumbnail(image, width, height).into(),
        other => other.thumbnail_exact(width, height),
    }
}

/// A mask in another size. Its values stay what they are: half masked means nothing.
pub(super) fn resample_mask(mask: &DynamicImage, size: Size) -> DynamicImage {
    let at = |to: u32, of: u32, from: u32| u32::try_from(u64::from(to) * u64::from(from) / u64::from(of)).unwrap_or(0);
    let pixel = |x, y| mask.get_pixel(at(x, size.width, mask.width()), at(y, size.height, mask.height()));
    RgbaImage::from_fn(size.width, size.height, pixel).into()
}
