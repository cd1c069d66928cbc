//! The caption: what was asked for, and a small line that says where the picture comes from.

use super::Recipe;
use super::canvas::{Canvas, real, whole};
use super::chance::smooth;
use super::font::{self, Glyph};
use ir_model::Task;

/// Most lines of the prompt; what does not fit ends in dots.
const MAX_LINES: usize = 3;

/// Rows of a line, in font pixels: the glyph and the space below it.
const LINE: f32 = 11.0;

/// What to write.
#[derive(Debug)]
pub(super) struct Caption {
    prompt: String,
    origin: String,
    /// How dark the shade below it is, 0–1.
    shade: f32,
}

impl Caption {
    /// The caption of a recipe.
    pub(super) fn of(recipe: &Recipe) -> Self {
        let (task, size, seed) = (recipe.task, recipe.size, recipe.seed);
        Self {
            prompt: recipe.prompt.clone(),
            origin: format!("img-router  ·  local {task}  ·  {size}  ·  seed {seed}"),
            // A picture that was drawn here has a caption already: hide it below the new one.
            shade: if task == Task::Text { 0.58 } else { 0.94 },
        }
    }
}

/// A rectangle of the canvas, in pixels; right and bottom lie outside.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    pub(super) left: usize,
    pub(super) top: usize,
    pub(super) right: usize,
    pub(super) bottom: usize,
}

/// Writes the caption at the bottom of `area` (of the whole canvas if `None`) upon a soft shade. An
/// area too small for letters stays without.
pub(super) fn write(canvas: &mut Canvas, caption: &Caption, area: Option<Area>) {
    let area = area.unwrap_or(Area { left: 0, top: 0, right: canvas.width(), bottom: canvas.height() });
    let (width, height) = (real(area.right - area.left), real(area.bottom - area.top));
    let margin = (width.min(height) * 0.045).max(3.0);
    let room = width - margin * 2.0;
    // About 46 letters to a line in a landscape, never below a readable size.
    let scale = (width.min(height * 1.6) / 300.0).max(1.0);
    let small = (scale * 0.6).max(1.0);
    if room < 40.0 || height < margin * 2.0 + LINE * (scale + small) {
        return;
    }
    let fitting = (height - margin * 2.0 - LINE * small) / (LINE * scale);
    let lines = wrap(&caption.prompt, room / scale, whole(fitting).clamp(1, MAX_LINES));
    let text_height = real(lines.len()) * LINE * scale;
    let origin_height = LINE * small;
    shade(canvas, area, text_height + origin_height + margin * 2.4, caption.shade);
    let left = real(area.left) + margin;
    let mut top = real(area.bottom) - margin - origin_height - text_height;
    for line in &lines {
        draw(canvas, line, left, top, scale, 0.97);
        top += LINE * scale;
    }
    if let Some(origin) = wrap(&caption.origin, room / small, 1).first() {
        draw(canvas, origin, left, top + small * 3.0, small, 0.7);
    }
}

/// Darkens the lower `depth` pixels of an area by `most`, softly from above; a dark shade begins more
/// suddenly, to be dark where the text begins.
fn shade(canvas: &mut Canvas, area: Area, depth: f32, most: f32) {
    let from = whole(real(area.bottom) - depth).max(area.top);
    for y in from..area.bottom {
        let strength = smooth((real(y) - real(from)) / (depth * if most > 0.6 { 0.3 } else { 0.75 })) * most;
        for pixel in canvas.row(y)[area.left * 4..area.right * 4].chunks_exact_mut(4) {
            for channel in &mut pixel[..3] {
                *channel = u8::try_from(whole(f32::from(*channel) * (1.0 - strength) + 8.0 * strength)).unwrap_or(255);
            }
        }
    }
}

/// Breaks a text into at most `lines` lines of `room` font pixels, between words where possible.
fn wrap(text: &str, room: f32, lines: usize) -> Vec<Vec<Glyph>> {
    // No caption holds more; a prompt of 32,000 characters need not be measured.
    let head: String = text.chars().take(600).collect();
    let wide = |line: &[Glyph]| line.iter().map(|glyph| glyph.advance()).sum::<f32>();
    let space = font::glyph(' ');
    let mut done: Vec<Vec<Glyph>> = Vec::new();
    let mut line: Vec<Glyph> = Vec::new();
    for word in head.split_whitespace() {
        let word: Vec<Glyph> = word.chars().map(font::glyph).collect();
        if !line.is_empty() && wide(&line) + space.advance() + wide(&word) > room {
            done.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(space);
        }
        for glyph in word {
            if wide(&line) + glyph.advance() > room {
                done.push(std::mem::take(&mut line));
            }
            line.push(glyph);
        }
    }
    done.push(line);
    if done.len() > lines || text.chars().nth(600).is_some() {
        done.truncate(lines);
        if let Some(last) = done.last_mut() {
            while wide(last) + 12.0 > room && last.pop().is_some() {}
            last.extend([font::glyph('.'); 3]);
        }
    }
    done
}

/// Draws a line of glyphs, white above a faint shadow.
fn draw(canvas: &mut Canvas, line: &[Glyph], left: f32, top: f32, scale: f32, strength: f32) {
    let shadow = (scale * 0.35).max(0.6);
    for (dx, color, cover) in [(shadow, [0.0; 3], 0.45), (0.0, [255.0; 3], strength)] {
        let mut x = left + dx;
        for glyph in line {
            glyph.draw(x, top + dx, scale, |px, py, ink| canvas.lay(px, py, color, ink * cover));
            x += glyph.advance() * scale;
        }
    }
}
