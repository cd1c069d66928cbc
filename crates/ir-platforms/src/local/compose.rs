//! Drawing from given pictures: editing one, blending several.

use super::canvas::{Canvas, Rgb, Sampler, mix, put_dithered, real, screen, whole};
use super::caption::{self, Area, Caption};
use super::chance::smooth;
use super::palette::{Palette, choose};
use super::{Recipe, RecipeInput};
use ir_model::Size;

/// How much of a picture gives way to the prompt's colours.
const EDIT_TINT: f32 = 0.6;
const BLEND_TINT: f32 = 0.22;

/// The first picture in the prompt's light, further ones as insets. With a mask only its transparent
/// pixels change; every other pixel keeps the picture's own bytes.
pub(super) fn edit(recipe: &Recipe, size: Size, first: &RecipeInput, others: &[&RecipeInput], mask: Option<&RecipeInput>) -> Canvas {
    let original = place(size, first);
    let mut canvas = Canvas { size, rgba: original.rgba.clone() };
    grade(&mut canvas, &choose(&recipe.prompt).0, EDIT_TINT, recipe.seed);
    insets(&mut canvas, others);
    finish(recipe, canvas, mask, &original)
}

/// The pictures side by side in their order, each fading into the next along a slanted seam. With a
/// mask, the first picture stays outside of its transparent pixels.
pub(super) fn blend(recipe: &Recipe, size: Size, inputs: &[&RecipeInput], mask: Option<&RecipeInput>) -> Canvas {
    const SLANT: f32 = 0.16;
    let mut canvas = Canvas::new(size);
    let (width, height) = (real(canvas.width()), real(canvas.height()));
    let count = inputs.len();
    let band = width / real(count);
    // A band reaches over its neighbours by the fade and the slant.
    let reach = band * 0.3 + width * SLANT / 2.0;
    let samplers: Vec<Sampler<'_>> = inputs
        .iter()
        .enumerate()
        .map(|(at, input)| {
            let from = (real(at) * band - reach).max(0.0);
            let to = (real(at + 1) * band + reach).min(width);
            Sampler::cover(input, from, to - from, height)
        })
        .collect();
    for y in 0..canvas.height() {
        let slant = (real(y) / height - 0.5) * SLANT * width;
        for (x, pixel) in canvas.row(y).chunks_exact_mut(4).enumerate() {
            let place = ((real(x) + slant) / band).clamp(0.0, real(count) - 0.001);
            let at = whole(place);
            let within = place - real(at);
            let here = samplers[at].at(x, y);
            // Half of each fade lies on either side of a seam.
            let (other, share) =
                if within > 0.5 { (at + 1, smooth((within - 1.0) / 0.6 + 0.5)) } else { (at.wrapping_sub(1), smooth(0.5 - within / 0.6)) };
            let color = match samplers.get(other) {
                Some(next) if share > 0.0 => {
                    let there = next.at(x, y);
                    std::array::from_fn(|i| here[i] + (there[i] - here[i]) * share)
                }
                _ => here,
            };
            write_pixel(pixel, color);
        }
    }
    grade(&mut canvas, &choose(&recipe.prompt).0, BLEND_TINT, recipe.seed);
    let original = match (mask, inputs.first()) {
        (Some(_), Some(first)) => place(size, first),
        _ => Canvas { size, rgba: Vec::new() },
    };
    finish(recipe, canvas, mask, &original)
}

/// Writes the caption and puts back what the mask protects.
fn finish(recipe: &Recipe, mut canvas: Canvas, mask: Option<&RecipeInput>, original: &Canvas) -> Canvas {
    let Some(mask) = mask else {
        caption::write(&mut canvas, &Caption::of(recipe), None);
        return canvas;
    };
    let sampler = Sampler::cover(mask, 0.0, real(canvas.width()), real(canvas.height()));
    let open = open_area(&sampler, canvas.size);
    caption::write(&mut canvas, &Caption::of(recipe), open);
    let stride = canvas.width() * 4;
    for (y, kept) in original.rgba.chunks_exact(stride).enumerate() {
        for (x, (pixel, kept)) in canvas.row(y).chunks_exact_mut(4).zip(kept.chunks_exact(4)).enumerate() {
            let open = 1.0 - sampler.at(x, y)[3] / 255.0;
            let kept: [f32; 4] = std::array::from_fn(|i| f32::from(kept[i]));
            let drawn: [f32; 4] = std::array::from_fn(|i| f32::from(pixel[i]));
            write_pixel(pixel, std::array::from_fn(|i| kept[i] + (drawn[i] - kept[i]) * open));
        }
    }
    canvas
}

/// The rectangle around the mask's transparent pixels.
fn open_area(mask: &Sampler<'_>, size: Size) -> Option<Area> {
    let (width, height) = (size.width as usize, size.height as usize);
    let mut area: Option<Area> = None;
    // Every fourth pixel is enough to place a caption.
    for y in (0..height).step_by(4) {
        for x in (0..width).step_by(4) {
            if mask.at(x, y)[3] < 64.0 {
                let found = area.get_or_insert(Area { left: x, top: y, right: x, bottom: y });
                found.left = found.left.min(x);
                found.right = found.right.max((x + 4).min(width));
                found.bottom = (y + 4).min(height);
            }
        }
    }
    area
}

/// A picture scaled to cover the whole canvas.
fn place(size: Size, input: &RecipeInput) -> Canvas {
    let mut canvas = Canvas::new(size);
    let sampler = Sampler::cover(input, 0.0, real(canvas.width()), real(canvas.height()));
    for y in 0..canvas.height() {
        for (x, pixel) in canvas.row(y).chunks_exact_mut(4).enumerate() {
            write_pixel(pixel, sampler.at(x, y));
        }
    }
    canvas
}

fn write_pixel(pixel: &mut [u8], color: [f32; 4]) {
    let alpha = u8::try_from(whole(color[3] + 0.5)).unwrap_or(255);
    pixel[3] = alpha;
    for (slot, value) in pixel.iter_mut().zip([color[0], color[1], color[2]]) {
        *slot = u8::try_from(whole(value + 0.5)).unwrap_or(255);
    }
}

/// Moves a picture towards a palette: its shadows to the near colour, its lights to the sun, and a
/// soft light from one side, which side by the seed.
fn grade(canvas: &mut Canvas, palette: &Palette, tint: f32, seed: u64) {
    let ramp: Vec<Rgb> = (0..256usize)
        .map(|light| {
            let t = real(light) / 255.0;
            let stops = [palette.near, palette.far, mix(palette.low, palette.top, 0.25), palette.sun];
            let place = t * 3.0;
            let low = whole(place).min(2);
            mix(stops[low], stops[low + 1], place - real(low))
        })
        .collect();
    let (width, height) = (real(canvas.width()), real(canvas.height()));
    let corner = if super::chance::mix(seed) & 1 == 0 { 0.12 } else { 0.88 };
    for y in 0..canvas.height() {
        for (x, pixel) in canvas.row(y).chunks_exact_mut(4).enumerate() {
            let color = [pixel[0], pixel[1], pixel[2]].map(f32::from);
            let light = color[0] * 0.299 + color[1] * 0.587 + color[2] * 0.114;
            let graded = mix(color, ramp[whole(light).min(255)], tint);
            let (dx, dy) = (real(x) / width - corner, real(y) / height - 0.1);
            let glow = 1.0 / (1.0 + (dx * dx + dy * dy) * 9.0);
            put_dithered(&mut pixel[..3], screen(graded, palette.sun, glow * tint * 0.45), x, y);
        }
    }
}

/// Small framed copies of further pictures, from the upper right corner leftwards; as many as fit.
fn insets(canvas: &mut Canvas, others: &[&RecipeInput]) {
    let side = canvas.width().min(canvas.height()) / 5;
    let (gap, frame) = (side / 8, (side / 40).max(1));
    for (at, input) in others.iter().enumerate() {
        let Some(left) = canvas.width().checked_sub((at + 1) * (side + gap)) else { return };
        let sampler = Sampler::cover(input, 0.0, real(side), real(side));
        for y in 0..side {
            for x in 0..side {
                let edge = x.min(y).min(side - 1 - x).min(side - 1 - y);
                let [red, green, blue, alpha] = sampler.at(x, y);
                let (color, cover) = if edge < frame { ([255.0; 3], 1.0) } else { ([red, green, blue], alpha / 255.0) };
                canvas.lay(left + x, gap + y, color, cover);
            }
        }
    }
}
