//! Drawing from a prompt alone: a sky with its light, and layers in front of it.

use super::canvas::{Canvas, Rgb, mix, put_dithered, real, screen, whole};
use super::chance::{self, Chance, fbm1, fbm2, noise1, smooth};
use super::palette::{Motif, Palette, choose};
use ir_model::Size;

/// A silhouette: everything below `edge` is covered.
struct Layer {
    /// For each column, where it begins, in pixels from the top.
    edge: Vec<f32>,
    /// Its colour at the edge.
    upper: Rgb,
    /// Its colour where it has faded into the mist.
    lower: Rgb,
    /// How strong a shadow it throws on what is behind it, 0–1.
    shadow: f32,
}

impl Layer {
    /// How many pixels a point lies below the edge, measured across it: steep edges stay sharp.
    fn depth(&self, x: usize, line: f32) -> f32 {
        let before = self.edge[x.saturating_sub(1)];
        let after = self.edge[(x + 1).min(self.edge.len() - 1)];
        (line + 1.0 - self.edge[x]) / (1.0 + (after - before).abs() * 0.5)
    }
}

/// Where the light comes from.
struct Sun {
    x: f32,
    y: f32,
    radius: f32,
}

/// Paints what a prompt stands for. The prompt chooses colours and motif, the seed the forms.
pub(super) fn paint(size: Size, prompt: &str, seed: u64) -> Canvas {
    let (palette, motif) = choose(prompt);
    let mut chance = Chance::new(chance::hash(prompt) ^ chance::mix(seed));
    let mut canvas = Canvas::new(size);
    let (width, height) = (real(canvas.width()), real(canvas.height()));
    let horizon = chance.between(0.5, 0.62);
    let sun = Sun {
        x: width * chance.between(0.22, 0.78),
        y: height * chance.between(0.2, horizon - 0.08),
        radius: width.min(height) * chance.between(0.05, 0.1),
    };
    sky(&mut canvas, &palette, &sun, horizon, chance.bits());
    if palette.stars {
        stars(&mut canvas, &sun, horizon, &mut chance);
    }
    match motif {
        Motif::Mountains => cover(&mut canvas, &mountains(size, &palette, horizon, 1.0, 6, &mut chance), &palette),
        Motif::Paper => cover(&mut canvas, &paper(size, &palette, &mut chance), &palette),
        Motif::Lake => {
            let shore = chance.between(0.64, 0.72);
            cover(&mut canvas, &mountains(size, &palette, shore - 0.2, shore, 4, &mut chance), &palette);
            water(&mut canvas, &palette, &sun, whole(height * shore), chance.bits());
        }
    }
    canvas
}

/// Gradient, sun, its glow, and clouds from a coarse grid of noise.
fn sky(canvas: &mut Canvas, palette: &Palette, sun: &Sun, horizon: f32, seed: u64) {
    const CELL: usize = 8;
    let (width, height) = (canvas.width(), canvas.height());
    let unit = real(height.max(width));
    let columns = width / CELL + 2;
    let line = |row: usize| -> Vec<f32> {
        let y = real(row * CELL) / unit * 9.0;
        (0..columns).map(|column| smooth((fbm2(seed, real(column * CELL) / unit * 3.2, y, 5) - 0.02) * 3.2)).collect()
    };
    let (mut above, mut below) = (line(0), line(1));
    let reach = sun.radius * sun.radius;
    for y in 0..height {
        if y > 0 && y % CELL == 0 {
            above = below;
            below = line(y / CELL + 1);
        }
        let down = real(y % CELL) / real(CELL);
        let t = real(y) / real(height) / horizon;
        let base = mix(palette.top, palette.low, smooth(t * 0.92));
        // Clouds thin out towards the zenith and the horizon.
        let veil = smooth(t * 1.6) * (1.0 - smooth(t - 0.25) * 0.6) * if palette.stars { 0.28 } else { 0.6 };
        let row = canvas.row(y);
        for (x, pixel) in row.chunks_exact_mut(4).enumerate() {
            let (column, across) = (x / CELL, real(x % CELL) / real(CELL));
            let upper = above[column] + (above[column + 1] - above[column]) * across;
            let lower = below[column] + (below[column + 1] - below[column]) * across;
            let cloud = upper + (lower - upper) * down;
            let (dx, dy) = (real(x) - sun.x, real(y) - sun.y);
            let distance = dx * dx + dy * dy;
            let glow = 1.0 / (1.0 + distance / (reach * 5.0));
            let mut color = screen(base, palette.sun, glow * 0.75);
            color = mix(color, palette.sun, cloud * veil * (0.55 + glow * 0.45));
            if distance < reach * 1.2 {
                let inside = sun.radius - distance.sqrt() + 0.5;
                color = mix(color, palette.sun, inside.clamp(0.0, 1.0) * (1.0 - cloud * veil * 0.4));
            }
            put_dithered(pixel, color, x, y);
        }
    }
}

/// Small soft dots, denser high up, none upon the moon.
fn stars(canvas: &mut Canvas, sun: &Sun, horizon: f32, chance: &mut Chance) {
    let (width, height) = (real(canvas.width()), real(canvas.height()));
    let scale = (width.min(height) / 1024.0).max(0.35);
    for _ in 0..260 {
        let (x, y) = (chance.between(0.0, width), chance.between(0.0, 1.0) * chance.between(0.3, 1.0) * height * horizon);
        let (radius, shine) = (chance.between(0.6, 1.9) * scale, chance.between(0.25, 1.0));
        if (x - sun.x).abs().max((y - sun.y).abs()) < sun.radius * 1.3 {
            continue;
        }
        for py in whole(y - radius - 1.0)..=whole(y + radius + 1.0) {
            for px in whole(x - radius - 1.0)..=whole(x + radius + 1.0) {
                let (dx, dy) = (real(px) - x, real(py) - y);
                let light = (radius + 0.5 - (dx * dx + dy * dy).sqrt()).clamp(0.0, 1.0);
                canvas.lay(px, py, [255.0, 250.0, 240.0], light * shine);
            }
        }
    }
}

/// Ridges from `first` to `last` (shares of the height): sharp and hazy far away, wooded near by.
fn mountains(size: Size, palette: &Palette, first: f32, last: f32, count: u16, chance: &mut Chance) -> Vec<Layer> {
    let height = real(size.height as usize);
    let haze = mix(palette.low, palette.far, 0.45);
    let layer = |at: u16, chance: &mut Chance| {
        let depth = f32::from(at) / f32::from(count - 1);
        let seed = chance.bits();
        let base = first + (last - first) * depth * (0.55 + 0.3 * depth);
        let (amplitude, frequency) = (0.30 - 0.2 * depth, chance.between(1.6, 2.6) + depth);
        let edge = (0..size.width as usize).map(|x| {
            let u = real(x) / height;
            let rough = fbm1(seed, u * frequency, 6);
            // Folding makes crests; near hills stay round.
            let crest = (1.0 - rough.abs() * 2.2) * (1.0 - depth) + rough * depth;
            let trees = smooth((depth - 0.45) * 2.5) * woods(seed, u * (78.0 - 34.0 * depth)) * (0.018 + 0.034 * depth);
            (base - (crest - 0.25) * amplitude * 0.55 - trees) * height
        });
        let tone = depth * depth * 0.35 + depth * 0.65;
        let upper = if depth < 0.5 { mix(haze, palette.far, tone * 2.0) } else { mix(palette.far, palette.near, tone * 2.0 - 1.0) };
        Layer {
            edge: edge.collect(),
            upper,
            lower: mix(upper, palette.low, 0.62 * (1.0 - depth)),
            shadow: 1.0 - smooth((depth - 0.3) * 2.5),
        }
    };
    (0..count).map(|at| layer(at, chance)).collect()
}

/// The outline of a row of firs, 0–1.
fn woods(seed: u64, x: f32) -> f32 {
    let fir = |x: f32, seed: u64| {
        let cell = x.floor();
        let tall = (noise1(seed, cell) + 1.0) / 2.0;
        (1.0 - (x - cell - 0.5).abs() * 2.3).max(0.0) * (0.35 + 0.65 * tall)
    };
    let stand = smooth(fbm1(seed ^ 7, x * 0.05, 3) * 2.5 + 0.75);
    fir(x, seed).max(fir(x * 1.37 + 0.4, seed ^ 11)) * stand
}

/// Waves of cut paper from top to bottom, through all colours of the palette.
fn paper(size: Size, palette: &Palette, chance: &mut Chance) -> Vec<Layer> {
    let (width, height) = (real(size.width as usize), real(size.height as usize));
    let stops = [mix(palette.low, palette.sun, 0.5), palette.low, palette.far, mix(palette.top, palette.near, 0.35), palette.near];
    let slope = chance.between(-0.22, 0.22);
    let count = 9u16;
    let layer = |at: u16, chance: &mut Chance| {
        let t = f32::from(at) / f32::from(count - 1);
        let seed = chance.bits();
        let frequency = chance.between(0.8, 1.5);
        let edge = (0..size.width as usize).map(|x| {
            let u = real(x) / width - 0.5;
            let wave = fbm1(seed, real(x) / width.max(height) * frequency * 2.0, 2);
            (0.34 + t * 0.62 + u * slope + wave * 0.26) * height
        });
        let place = t * real(stops.len() - 1);
        let low = whole(place).min(stops.len() - 2);
        let upper = mix(stops[low], stops[low + 1], place - real(low));
        Layer { edge: edge.collect(), upper: screen(upper, palette.sun, 0.08), lower: mix(upper, palette.near, 0.12), shadow: 1.0 }
    };
    (0..count).map(|at| layer(at, chance)).collect()
}

/// Lays the layers over the sky, the last one in front. A layer darkens what lies just behind its
/// edge, which gives depth.
fn cover(canvas: &mut Canvas, layers: &[Layer], palette: &Palette) {
    let height = canvas.height();
    for y in 0..height {
        for (x, pixel) in canvas.row(y).chunks_exact_mut(4).enumerate() {
            let Some((at, color, covered)) = surface(layers, layers.len(), x, y, height, palette) else { continue };
            let color = if covered < 1.0 {
                let sky = [pixel[0], pixel[1], pixel[2]].map(f32::from);
                let behind = surface(layers, at, x, y, height, palette).map_or(sky, |(_, behind, _)| behind);
                mix(behind, color, covered)
            } else {
                color
            };
            put_dithered(pixel, color, x, y);
        }
    }
}

/// The front one of the first `count` layers at a pixel: which, its colour there, and how much of the
/// pixel it covers.
fn surface(layers: &[Layer], count: usize, x: usize, y: usize, height: usize, palette: &Palette) -> Option<(usize, Rgb, f32)> {
    let (line, height) = (real(y), real(height));
    let at = layers[..count].iter().rposition(|layer| line + 1.0 > layer.edge[x])?;
    let layer = &layers[at];
    let mut color = mix(layer.upper, layer.lower, smooth((line - layer.edge[x]) / (height * 0.22)));
    let reach = height * 0.03;
    let dark = layers[at + 1..].iter().map(|front| (1.0 - (front.edge[x] - line).max(0.0) / reach).max(0.0) * front.shadow);
    let dark = dark.fold(0.0, f32::max);
    color = mix(color, palette.near, dark * dark * 0.3);
    let depth = layer.depth(x, line);
    color = screen(color, palette.sun, (1.0 - (depth - 1.0).abs() / (height * 0.006)).max(0.0) * 0.16);
    Some((at, color, depth.min(1.0)))
}

/// Mirrors what lies above row `shore`, broken by ripples, with the sun's path upon it.
fn water(canvas: &mut Canvas, palette: &Palette, sun: &Sun, shore: usize, seed: u64) {
    let (width, height) = (canvas.width(), canvas.height());
    let shore = shore.clamp(1, height);
    let depth_of = real((height - shore).max(1));
    let stride = width * 4;
    let (above, below) = canvas.rgba.split_at_mut(shore * stride);
    for (down, row) in below.chunks_exact_mut(stride).enumerate() {
        let depth = real(down) / depth_of;
        // Ripples grow towards the eye.
        let phase = real(down) / real(height) * 240.0 / (0.35 + depth * 1.6);
        let sway = noise1(seed, phase) * (0.0015 + 0.012 * depth) * real(width);
        let source = (real(shore - 1) - real(down) * 0.92 + noise1(seed ^ 3, phase * 1.3) * depth * 6.0).clamp(0.0, real(shore - 1));
        let mirrored = &above[whole(source) * stride..][..stride];
        let tint = mix(palette.far, palette.near, 0.45 + 0.35 * depth);
        for (x, pixel) in row.chunks_exact_mut(4).enumerate() {
            let wave = chance::noise2(seed ^ 5, real(x) / real(width) * (26.0 - 16.0 * depth), phase * 0.9);
            let from = whole((real(x) + sway + wave * depth * 7.0).clamp(0.0, real(width - 1))) * 4;
            let seen = [mirrored[from], mirrored[from + 1], mirrored[from + 2]].map(f32::from);
            let mut color = mix(seen, tint, 0.16 + 0.26 * depth);
            let off = (real(x) - sun.x).abs() / (sun.radius * (0.7 + 2.2 * depth));
            let path = (1.0 - off).max(0.0) * (wave - 0.12).max(0.0);
            color = screen(color, palette.sun, (path * 1.5 + (wave - 0.62).max(0.0) * 0.35).min(0.85));
            put_dithered(pixel, color, x, shore + down);
        }
    }
}
