//! Pixels to draw on.

use super::RecipeInput;
use ir_model::Size;
use std::borrow::Cow;

/// Red, green, blue, each 0–255.
pub(super) type Rgb = [f32; 3];

/// `a` at 0, `b` at 1.
pub(super) fn mix(a: Rgb, b: Rgb, t: f32) -> Rgb {
    [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t]
}

/// Lays light over a colour without burning it out.
pub(super) fn screen(base: Rgb, light: Rgb, strength: f32) -> Rgb {
    let one = |b: f32, l: f32| b + (255.0 - b) * (l / 255.0) * strength;
    [one(base[0], light[0]), one(base[1], light[1]), one(base[2], light[2])]
}

/// An ordered 4×4 matrix: hides the steps of a soft gradient in 8 bits, and compresses well.
const DITHER: [[f32; 4]; 4] = [[0.03, 0.53, 0.16, 0.66], [0.78, 0.28, 0.91, 0.41], [0.22, 0.72, 0.09, 0.59], [0.97, 0.47, 0.84, 0.34]];

/// A picture in memory: four bytes a pixel.
#[derive(Debug)]
pub(super) struct Canvas {
    pub(super) size: Size,
    pub(super) rgba: Vec<u8>,
}

/// A count of pixels as a coordinate.
#[expect(clippy::cast_precision_loss, reason = "sides are at most 4096")]
pub(super) fn real(pixels: usize) -> f32 {
    pixels as f32
}

/// The pixel that a coordinate lies in; 0 for what lies before the first.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates, callers clamp to a side")]
pub(super) fn whole(coordinate: f32) -> usize {
    coordinate as usize
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates at 0 and 255")]
fn byte(value: f32) -> u8 {
    value as u8
}

impl Canvas {
    /// Opaque black.
    pub(super) fn new(size: Size) -> Self {
        let pixels = usize::try_from(size.pixels()).expect("invariant: at most 4096 × 4096");
        Self { size, rgba: [0, 0, 0, 255].repeat(pixels) }
    }

    pub(super) fn width(&self) -> usize {
        self.size.width as usize
    }

    pub(super) fn height(&self) -> usize {
        self.size.height as usize
    }

    /// The bytes of one row.
    pub(super) fn row(&mut self, y: usize) -> &mut [u8] {
        let stride = self.width() * 4;
        &mut self.rgba[y * stride..(y + 1) * stride]
    }

    /// A pixel's colour.
    pub(super) fn get(&self, x: usize, y: usize) -> Rgb {
        let at = (y * self.width() + x) * 4;
        [f32::from(self.rgba[at]), f32::from(self.rgba[at + 1]), f32::from(self.rgba[at + 2])]
    }

    /// Lays a colour over a pixel, `cover` from 0 to 1; nothing outside the canvas.
    pub(super) fn lay(&mut self, x: usize, y: usize, color: Rgb, cover: f32) {
        if x < self.width() && y < self.height() {
            let mixed = mix(self.get(x, y), color, cover);
            let at = (y * self.width() + x) * 4;
            put(&mut self.rgba[at..at + 4], mixed, 0.5);
        }
    }
}

/// Writes a colour; `up` (0–1) is what is added before the fraction is dropped.
fn put(pixel: &mut [u8], color: Rgb, up: f32) {
    for (slot, value) in pixel.iter_mut().zip(color) {
        *slot = byte(value + up);
    }
}

/// Writes a colour with the dither of its place.
pub(super) fn put_dithered(pixel: &mut [u8], color: Rgb, x: usize, y: usize) {
    put(pixel, color, DITHER[y & 3][x & 3]);
}

/// Reads an input picture as if it were scaled to cover a rectangle, cut evenly on both sides.
#[derive(Debug)]
pub(super) struct Sampler<'a> {
    width: usize,
    height: usize,
    rgba: Cow<'a, [u8]>,
    scale: f32,
    left: f32,
    top: f32,
}

impl<'a> Sampler<'a> {
    /// Covers `width` × `height`, whose left edge lies at `from`.
    pub(super) fn cover(input: &'a RecipeInput, from: f32, width: f32, height: f32) -> Self {
        let (mut w, mut h) = (input.size.width as usize, input.size.height as usize);
        let mut rgba = Cow::Borrowed(input.rgba.as_slice());
        let scale = |w: usize, h: usize| (real(w) / width.max(1.0)).min(real(h) / height.max(1.0));
        // Between every second pixel lies nothing to interpolate: average first.
        while scale(w, h) >= 2.0 {
            rgba = Cow::Owned(halve(&rgba, w, h));
            (w, h) = (w / 2, h / 2);
        }
        let scale = scale(w, h);
        let (left, top) = ((real(w) - width * scale) / 2.0 - from * scale, (real(h) - height * scale) / 2.0);
        Self { width: w, height: h, rgba, scale, left, top }
    }

    /// The four channels at a pixel of the rectangle. At scale 1 these are the input's own.
    pub(super) fn at(&self, x: usize, y: usize) -> [f32; 4] {
        let place = |v: usize, start: f32, side: usize| {
            let v = ((real(v) + 0.5) * self.scale + start - 0.5).clamp(0.0, real(side - 1));
            let low = whole(v);
            (low, (low + 1).min(side - 1), v - real(low))
        };
        let (x0, x1, tx) = place(x, self.left, self.width);
        let (y0, y1, ty) = place(y, self.top, self.height);
        let pixel = |x: usize, y: usize| &self.rgba[(y * self.width + x) * 4..][..4];
        let (a, b, c, d) = (pixel(x0, y0), pixel(x1, y0), pixel(x0, y1), pixel(x1, y1));
        std::array::from_fn(|i| {
            let upper = f32::from(a[i]) + (f32::from(b[i]) - f32::from(a[i])) * tx;
            let lower = f32::from(c[i]) + (f32::from(d[i]) - f32::from(c[i])) * tx;
            upper + (lower - upper) * ty
        })
    }
}

/// Every 2×2 pixels as one.
fn halve(rgba: &[u8], width: usize, height: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(rgba.len() / 4);
    for y in 0..height / 2 {
        for x in 0..width / 2 {
            let at = |dx: usize, dy: usize, i: usize| u16::from(rgba[((y * 2 + dy) * width + x * 2 + dx) * 4 + i]);
            out.extend((0..4).map(|i| {
                let sum = at(0, 0, i) + at(1, 0, i) + at(0, 1, i) + at(1, 1, i);
                u8::try_from((sum + 2) / 4).expect("invariant: the mean of four bytes is a byte")
            }));
        }
    }
    out
}
