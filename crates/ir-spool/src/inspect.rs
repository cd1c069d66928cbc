//! Is it a whole picture? Answered while the bytes pass by, without keeping or decoding them.
//!
//! One machine per format walks the container: it knows where the picture ends, checks what can be
//! checked without decompressing (PNG: the CRC of every chunk), and judges the dimensions as soon
//! as the header has passed, so that an oversized picture costs its first few dozen bytes. State is
//! a few hundred bytes, whatever the picture's size; how the bytes are cut makes no difference.
//!
//! Data after a picture's end is let through (cameras and generators write it): what makes a
//! polyglot harmless are the rules for serving, which never let a browser guess a type.

mod gif;
mod jpeg;
mod png;
#[cfg(test)]
mod tests;
mod webp;

use ir_model::{Flaw, Limits, Probe, Size};

/// Most bytes of metadata (EXIF, ICC, XMP, texts, …) in one picture. Decoding skips them; a picture
/// that mostly consists of them is an attack on whoever parses it next.
const METADATA_LIMIT: u64 = 32 * 1024 * 1024;

/// Bytes that are enough to tell the format: `RIFF`, length, `WEBP` is the longest.
const MAGIC: usize = 12;

const PNG_MAGIC: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG_MAGIC: &[u8] = b"\xff\xd8\xff";
const GIF_MAGICS: [&[u8]; 2] = [b"GIF87a", b"GIF89a"];

/// A streaming check of one picture. Feed it all bytes in order, then ask for the verdict.
#[derive(Debug)]
pub struct Inspector {
    limits: Limits,
    bytes: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    Sniffing(Field<MAGIC>),
    Png(png::Png),
    Jpeg(jpeg::Jpeg),
    Webp(webp::Webp),
    Gif(gif::Gif),
    Failed(Flaw),
}

impl Inspector {
    /// An inspector that has seen nothing yet and refuses what is above `limits`.
    pub fn new(limits: Limits) -> Self {
        Self { limits, bytes: 0, state: State::Sniffing(Field::new()) }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// Why this cannot become a picture any more; the same from then on. Bytes beyond
    /// [`Limits::bytes`] and dimensions above the limits are [`Flaw::TooLarge`], the latter as soon
    /// as the header has passed.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Flaw> {
        if let State::Failed(flaw) = self.state {
            return Err(flaw);
        }
        // What stands before the limit is judged first, so that the verdict does not depend on cuts.
        let room = usize::try_from(self.limits.bytes.saturating_sub(self.bytes)).unwrap_or(usize::MAX);
        let (inside, above) = bytes.split_at(bytes.len().min(room));
        self.bytes += inside.len() as u64;
        let verdict = self.advance(inside).and(if above.is_empty() { Ok(()) } else { Err(Flaw::TooLarge) });
        verdict.inspect_err(|flaw| self.state = State::Failed(*flaw))
    }

    /// The verdict, once all bytes were fed. May be asked again.
    ///
    /// # Errors
    /// Why the bytes are not a whole picture within the limits.
    pub fn finish(&mut self) -> Result<Probe, Flaw> {
        match &self.state {
            State::Sniffing(field) => Err(short(field.filled())),
            State::Png(png) => png.finish(),
            State::Jpeg(jpeg) => jpeg.finish(),
            State::Webp(webp) => webp.finish(),
            State::Gif(gif) => gif.finish(),
            State::Failed(flaw) => Err(*flaw),
        }
    }

    /// What the header says, as soon as it has passed and even though the rest has not.
    pub fn header(&self) -> Option<Probe> {
        match &self.state {
            State::Sniffing(_) | State::Failed(_) => None,
            State::Png(png) => png.header(),
            State::Jpeg(jpeg) => jpeg.header(),
            State::Webp(webp) => webp.header(),
            State::Gif(gif) => gif.header(),
        }
    }

    fn advance(&mut self, mut bytes: &[u8]) -> Result<(), Flaw> {
        if let State::Sniffing(field) = &mut self.state {
            if !field.fill(&mut bytes) {
                return Ok(());
            }
            let magic = *field.bytes();
            let (state, consumed) = begin(&magic, &self.limits)?;
            self.state = state;
            self.walk(&magic[consumed..])?;
        }
        self.walk(bytes)
    }

    fn walk(&mut self, bytes: &[u8]) -> Result<(), Flaw> {
        match &mut self.state {
            State::Png(png) => png.take(bytes, &self.limits),
            State::Jpeg(jpeg) => jpeg.take(bytes, &self.limits),
            State::Webp(webp) => webp.take(bytes, &self.limits),
            State::Gif(gif) => gif.take(bytes, &self.limits),
            State::Failed(flaw) => Err(*flaw),
            State::Sniffing(_) => unreachable!("the magic bytes were just told apart"),
        }
    }
}

/// The machine for the format, and how many of the magic bytes it need not see.
fn begin(magic: &[u8; MAGIC], limits: &Limits) -> Result<(State, usize), Flaw> {
    if magic.starts_with(PNG_MAGIC) {
        Ok((State::Png(png::Png::new()), PNG_MAGIC.len()))
    } else if magic.starts_with(JPEG_MAGIC) {
        // The third byte is the first of a marker.
        Ok((State::Jpeg(jpeg::Jpeg::new()), 2))
    } else if GIF_MAGICS.iter().any(|gif| magic.starts_with(gif)) {
        Ok((State::Gif(gif::Gif::new()), GIF_MAGICS[0].len()))
    } else if let [b'R', b'I', b'F', b'F', a, b, c, d, b'W', b'E', b'B', b'P'] = *magic {
        Ok((State::Webp(webp::Webp::new(u32::from_le_bytes([a, b, c, d]), limits)?), MAGIC))
    } else {
        Err(Flaw::Unsupported)
    }
}

/// What fewer bytes than the magic are: nothing, the beginning of a picture, or something else.
fn short(bytes: &[u8]) -> Flaw {
    let begins = |magic: &[u8]| bytes.starts_with(&magic[..magic.len().min(bytes.len())]);
    let webp = bytes.iter().zip(b"RIFF....WEBP").enumerate().all(|(i, (a, b))| a == b || (4..8).contains(&i));
    if bytes.is_empty() {
        Flaw::Empty
    } else if begins(PNG_MAGIC) || begins(JPEG_MAGIC) || GIF_MAGICS.iter().any(|gif| begins(gif)) || webp {
        Flaw::Truncated
    } else {
        Flaw::Unsupported
    }
}

/// Judges dimensions: 0 is damage, more than the limits too large.
fn judge(width: u32, height: u32, limits: &Limits) -> Result<Size, Flaw> {
    let size = Size::new(width, height);
    if width == 0 || height == 0 {
        Err(Flaw::Corrupt)
    } else if width.max(height) > limits.side || size.pixels() > limits.pixels {
        Err(Flaw::TooLarge)
    } else {
        Ok(size)
    }
}

/// Adds metadata to the sum so far.
fn weigh(sum: &mut u64, more: u64) -> Result<(), Flaw> {
    *sum += more;
    if *sum > METADATA_LIMIT { Err(Flaw::TooLarge) } else { Ok(()) }
}

/// `N` bytes that may arrive in pieces.
#[derive(Debug)]
struct Field<const N: usize> {
    bytes: [u8; N],
    have: usize,
}

impl<const N: usize> Field<N> {
    const fn new() -> Self {
        Self { bytes: [0; N], have: 0 }
    }

    /// Takes what is missing from the front of `input`; whether all is there.
    fn fill(&mut self, input: &mut &[u8]) -> bool {
        self.fill_to(N, input)
    }

    /// The same for the first `want` (≤ `N`) bytes.
    fn fill_to(&mut self, want: usize, input: &mut &[u8]) -> bool {
        let want = want.min(N);
        let (now, rest) = input.split_at(want.saturating_sub(self.have).min(input.len()));
        self.bytes[self.have..self.have + now.len()].copy_from_slice(now);
        self.have += now.len();
        *input = rest;
        self.have >= want
    }

    fn bytes(&self) -> &[u8; N] {
        &self.bytes
    }

    fn filled(&self) -> &[u8] {
        &self.bytes[..self.have]
    }
}

/// Drops up to `left` bytes from the front of `input`; whether all are dropped.
fn skip(left: &mut u64, input: &mut &[u8]) -> bool {
    let now = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
    *input = &input[now..];
    *left -= now as u64;
    *left == 0
}

fn le16(bytes: &[u8], at: usize) -> u32 {
    u32::from(bytes[at]) | u32::from(bytes[at + 1]) << 8
}

fn le24(bytes: &[u8], at: usize) -> u32 {
    le16(bytes, at) | u32::from(bytes[at + 2]) << 16
}

fn be16(bytes: &[u8], at: usize) -> u32 {
    u32::from(bytes[at]) << 8 | u32::from(bytes[at + 1])
}

fn be32(bytes: &[u8], at: usize) -> u32 {
    be16(bytes, at) << 16 | be16(bytes, at + 2)
}
