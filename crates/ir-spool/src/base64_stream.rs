//! Base64 that arrives in pieces. Forgiven are ASCII white space and missing padding; nothing else
//! (`07-security.md`, B-72).

use crate::error::SpoolError;
use crate::spool::Spool;
use base64::DecodeError;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, Engine, GeneralPurpose, GeneralPurposeConfig};
use base64_simd::AsOut;
use ir_model::Blob;

/// Fewest bytes of output that [`Decoder::decode`] can make progress with.
pub(crate) const LEAST_ROOM: usize = 3;

const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireNone);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);

/// Which letters may stand for the last two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    /// `+` and `/`.
    Standard,
    /// `-` and `_` (RFC 4648, section 5) as well: some platforms write them.
    Either,
}

/// Which white space may stand between the letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blanks {
    /// All of ASCII's.
    Any,
    /// Only the space: control characters may not stand in a JSON string as they are.
    SpaceOnly,
}

/// What one step of decoding did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Bytes of input used up, those before a bad byte only.
    pub(crate) read: usize,
    /// Bytes of output made.
    pub(crate) written: usize,
    /// Whether the next byte of input cannot be part of base64 here.
    pub(crate) bad: bool,
}

/// Decodes base64 in pieces; the result does not depend on where they are cut.
#[derive(Debug)]
pub(crate) struct Decoder {
    /// Values (0–63) of the letters of the quad that is not full yet.
    quad: [u8; 4],
    have: usize,
    pads: usize,
    /// Whether `-` and `_` stand for `+` and `/` as well.
    url_safe: bool,
}

impl Decoder {
    /// At the beginning of a text.
    pub(crate) fn new(url_safe: bool) -> Self {
        Self { quad: [0; 4], have: 0, pads: 0, url_safe }
    }

    /// Decodes as much of `input` as fits into `output` (at least [`LEAST_ROOM`] bytes). Stops at a
    /// bad byte; what came before it is decoded.
    pub(crate) fn decode(&mut self, input: &[u8], output: &mut [u8], blanks: Blanks) -> Step {
        let (mut read, mut written) = (0, 0);
        while read < input.len() && output.len() - written >= LEAST_ROOM {
            if self.have == 0 && self.pads == 0 {
                let n = decode_quads(&input[read..], &mut output[written..]);
                read += n;
                written += n / 4 * 3;
            }
            // Letter by letter up to the end of the quad that has something odd in it.
            while read < input.len() && output.len() - written >= LEAST_ROOM {
                let Some(made) = self.letter(input[read], &mut output[written..], blanks) else {
                    return Step { read, written, bad: true };
                };
                read += 1;
                written += made;
                if made > 0 {
                    break;
                }
            }
        }
        Step { read, written, bad: false }
    }

    /// Ends the text; up to two bytes are still to come out of it. `None`: it ends too early.
    pub(crate) fn finish(&mut self) -> Option<([u8; 2], usize)> {
        let [a, b, c, _] = self.quad;
        let bytes = [a << 2 | b >> 4, b << 4 | c >> 2];
        match std::mem::take(&mut self.have) {
            0 => Some((bytes, 0)),
            2 if b & 0x0f == 0 => Some((bytes, 1)),
            3 if c & 0x03 == 0 => Some((bytes, 2)),
            _ => None,
        }
    }

    /// Takes one byte; returns how many bytes came out, `None` if it is a bad one.
    fn letter(&mut self, byte: u8, output: &mut [u8], blanks: Blanks) -> Option<usize> {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'-' if self.url_safe => 62,
            b'_' if self.url_safe => 63,
            b'=' => return self.pad(),
            b' ' => return Some(0),
            b'\t' | b'\n' | b'\r' | 0x0c if blanks == Blanks::Any => return Some(0),
            _ => return None,
        };
        if self.pads > 0 {
            return None;
        }
        self.quad[self.have] = value;
        self.have += 1;
        if self.have < 4 {
            return Some(0);
        }
        let [a, b, c, d] = std::mem::take(&mut self.quad);
        self.have = 0;
        output[..3].copy_from_slice(&[a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]);
        Some(3)
    }

    /// Padding: only after two or three letters, to four at most, and with no bits left over.
    fn pad(&mut self) -> Option<usize> {
        let clean = match self.have {
            2 => self.quad[1] & 0x0f == 0,
            3 => self.quad[2] & 0x03 == 0,
            _ => false,
        };
        if !clean || self.have + self.pads >= 4 {
            return None;
        }
        self.pads += 1;
        Some(0)
    }
}

/// Decodes the whole quads at the beginning of `input`, up to the first odd byte; returns how many
/// letters (a multiple of four) were used.
fn decode_quads(input: &[u8], output: &mut [u8]) -> usize {
    let mut n = (input.len() / 4 * 4).min(output.len() / 3 * 4);
    // Nearly every block is nothing but letters: several times as fast when all of it is decoded at
    // once. What is odd in the others, and where, the careful decoder finds out.
    if base64_simd::STANDARD_NO_PAD.decode(&input[..n], output[..n / 4 * 3].as_out()).is_ok() {
        return n;
    }
    // Twice at most: whole quads of letters cannot fail again.
    while n > 0 {
        n = match STANDARD.decode_slice(&input[..n], output) {
            Ok(_) => return n,
            Err(base64::DecodeSliceError::DecodeError(DecodeError::InvalidByte(at, _))) if at < n => at / 4 * 4,
            Err(_) => memchr::memchr(b'=', &input[..n]).unwrap_or(0) / 4 * 4,
        };
    }
    0
}

/// The media type of a `data:` URI of base64, and where its base64 begins. `None` if `text` is not
/// the beginning of one: the scheme in any case, `;base64` once and last before the first comma.
pub(crate) fn data_uri(text: &[u8]) -> Option<(&str, usize)> {
    let (scheme, rest) = text.split_at_checked(5)?;
    if !scheme.eq_ignore_ascii_case(b"data:") {
        return None;
    }
    let comma = memchr::memchr(b',', &rest[..rest.len().min(MAX_HEADER)])?;
    let cut = comma.checked_sub(7)?;
    let (media, mark) = rest[..comma].split_at(cut);
    let twice = media.len() >= 7 && media[media.len() - 7..].eq_ignore_ascii_case(b";base64");
    if !mark.eq_ignore_ascii_case(b";base64") || twice || !media.iter().all(|b| b.is_ascii_graphic()) {
        return None;
    }
    Some((std::str::from_utf8(media).ok()?, 5 + comma + 1))
}

/// The longest beginning of a `data:` URI, up to its comma, in bytes.
pub(crate) const MAX_HEADER: usize = 512;

/// See [`Spool::from_base64`].
pub(crate) async fn decode_text(spool: &Spool, text: &str, alphabet: Alphabet) -> Result<Blob, SpoolError> {
    let bad = |at: usize| SpoolError::Base64 { at: at as u64 };
    let text = text.as_bytes();
    let lead = text.iter().take_while(|b| b.is_ascii_whitespace()).count();
    let is_uri = text[lead..].get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"data:"));
    let mut at = match data_uri(&text[lead..]) {
        Some((_, start)) => lead + start,
        None if is_uri => return Err(bad(lead + 4)),
        None => 0,
    };
    let mut writer = spool.writer_up_to(spool.limits().bytes)?;
    let mut decoder = Decoder::new(alphabet == Alphabet::Either);
    while at < text.len() {
        let room = writer.room(LEAST_ROOM).await?;
        let step = decoder.decode(&text[at..], room, Blanks::Any);
        writer.advance(step.written)?;
        at += step.read;
        if step.bad {
            return Err(bad(at));
        }
    }
    let (tail, n) = decoder.finish().ok_or_else(|| bad(text.len()))?;
    writer.write(&tail[..n]).await?;
    writer.finish().await
}

#[cfg(test)]
mod tests;
