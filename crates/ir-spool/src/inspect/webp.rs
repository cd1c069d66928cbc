//! WebP: the RIFF chunk walk of RFC 9649, with the headers of VP8 (RFC 6386) and VP8L inside.

use super::{Field, judge, le16, le24, skip, weigh};
use ir_model::{Flaw, Format, Limits, Probe, Size};

/// A walk over the chunks after `WEBP`.
#[derive(Debug)]
pub(super) struct Webp {
    step: Step,
    /// Bytes until the RIFF container ends.
    left: u64,
    /// The canvas, when the file is an extended one.
    canvas: Option<Canvas>,
    /// The still picture, once its header has passed.
    still: Option<Probe>,
    frames: u64,
    metadata: u64,
}

#[derive(Debug, Clone, Copy)]
struct Canvas {
    size: Size,
    alpha: bool,
    animated: bool,
}

#[derive(Debug)]
enum Step {
    /// Type and length of a chunk.
    Head(Field<8>),
    /// The beginning of a chunk that is looked into; `rest` bytes follow it.
    Look {
        kind: Kind,
        want: usize,
        field: Field<12>,
        length: u64,
        rest: u64,
    },
    Skip {
        left: u64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Lossy,
    Lossless,
    Extended,
    Frame,
}

impl Kind {
    /// How much of the chunk is looked at.
    const fn want(self) -> usize {
        match self {
            Self::Lossy | Self::Extended => 10,
            Self::Lossless => 5,
            Self::Frame => 12,
        }
    }
}

impl Webp {
    /// `size` is what the RIFF header says of the bytes after it.
    pub(super) fn new(size: u32, limits: &Limits) -> Result<Self, Flaw> {
        let whole = u64::from(size) + 8;
        // `WEBP` itself is counted.
        let left = u64::from(size).checked_sub(4).ok_or(Flaw::Corrupt)?;
        if whole > limits.bytes {
            return Err(Flaw::TooLarge);
        }
        Ok(Self { step: Step::Head(Field::new()), left, canvas: None, still: None, frames: 0, metadata: 0 })
    }

    pub(super) fn take(&mut self, input: &[u8], limits: &Limits) -> Result<(), Flaw> {
        let inside = usize::try_from(self.left).map_or(input.len(), |left| left.min(input.len()));
        let mut input = &input[..inside];
        while !input.is_empty() {
            let before = input.len();
            match &mut self.step {
                Step::Head(field) => {
                    if field.fill(&mut input) {
                        let head = *field.bytes();
                        self.left -= (before - input.len()) as u64;
                        self.open(&head)?;
                        continue;
                    }
                }
                Step::Look { kind, want, field, length, rest } => {
                    if field.fill_to(*want, &mut input) {
                        let (kind, length, rest, header) = (*kind, *length, *rest, *field.bytes());
                        self.look(kind, length, &header, limits)?;
                        self.step = if rest == 0 { Step::Head(Field::new()) } else { Step::Skip { left: rest } };
                    }
                }
                Step::Skip { left } => {
                    if skip(left, &mut input) {
                        self.step = Step::Head(Field::new());
                    }
                }
            }
            self.left -= (before - input.len()) as u64;
        }
        Ok(())
    }

    /// A chunk begins; `self.left` is what remains of the file after its head.
    fn open(&mut self, head: &[u8; 8]) -> Result<(), Flaw> {
        let length = u64::from(le16(head, 4)) | u64::from(le16(head, 6)) << 16;
        if length > self.left {
            return Err(Flaw::Corrupt);
        }
        // Chunks are padded to even lengths; some writers forget the last padding.
        let padded = (length + length % 2).min(self.left);
        let first = self.canvas.is_none() && self.still.is_none();
        let kind = match &head[..4] {
            b"VP8 " => Some(Kind::Lossy),
            b"VP8L" => Some(Kind::Lossless),
            b"VP8X" if first => Some(Kind::Extended),
            b"ANMF" => Some(Kind::Frame),
            _ if first => return Err(Flaw::Corrupt),
            b"ALPH" | b"ANIM" => None,
            _ => {
                weigh(&mut self.metadata, length)?;
                None
            }
        };
        let Some(kind) = kind else {
            self.step = if padded == 0 { Step::Head(Field::new()) } else { Step::Skip { left: padded } };
            return Ok(());
        };
        let want = kind.want();
        let rest = length.checked_sub(want as u64).ok_or(Flaw::Corrupt)? + (padded - length);
        self.step = Step::Look { kind, want, field: Field::new(), length, rest };
        Ok(())
    }

    fn look(&mut self, kind: Kind, length: u64, header: &[u8], limits: &Limits) -> Result<(), Flaw> {
        match kind {
            Kind::Extended => {
                let size = judge(le24(header, 4) + 1, le24(header, 7) + 1, limits)?;
                self.canvas = Some(Canvas { size, alpha: header[0] & 0x10 != 0, animated: header[0] & 0x02 != 0 });
                Ok(())
            }
            Kind::Frame => {
                let canvas = self.canvas.filter(|canvas| canvas.animated).ok_or(Flaw::Corrupt)?;
                let (x, y) = (le24(header, 0) * 2, le24(header, 3) * 2);
                let (width, height) = (le24(header, 6) + 1, le24(header, 9) + 1);
                if x + width > canvas.size.width || y + height > canvas.size.height {
                    return Err(Flaw::Corrupt);
                }
                self.frames += 1;
                Ok(())
            }
            Kind::Lossy => {
                let tag = le24(header, 0);
                let key_frame = tag & 1 == 0 && header[3..6] == [0x9d, 0x01, 0x2a];
                if !key_frame || u64::from(tag >> 5) > length - 10 {
                    return Err(Flaw::Corrupt);
                }
                self.picture(le16(header, 6) & 0x3fff, le16(header, 8) & 0x3fff, false, limits)
            }
            Kind::Lossless => {
                let bits = le16(header, 1) | le16(header, 3) << 16;
                let (width, height, alpha, version) = ((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1, bits >> 28 & 1 == 1, bits >> 29);
                if header[0] != 0x2f || version != 0 || length == 5 {
                    return Err(Flaw::Corrupt);
                }
                self.picture(width, height, alpha, limits)
            }
        }
    }

    /// A still picture: exactly one, as large as the canvas if there is one.
    fn picture(&mut self, width: u32, height: u32, alpha: bool, limits: &Limits) -> Result<(), Flaw> {
        let size = judge(width, height, limits)?;
        let fits = self.canvas.is_none_or(|canvas| canvas.size == size && !canvas.animated);
        if self.still.is_some() || !fits {
            return Err(Flaw::Corrupt);
        }
        let alpha = self.canvas.map_or(alpha, |canvas| canvas.alpha);
        self.still = Some(Probe { format: Format::Webp, size, alpha });
        Ok(())
    }

    pub(super) fn header(&self) -> Option<Probe> {
        match self.canvas {
            Some(canvas) => Some(Probe { format: Format::Webp, size: canvas.size, alpha: canvas.alpha }),
            None => self.still,
        }
    }

    pub(super) fn finish(&self) -> Result<Probe, Flaw> {
        if self.left > 0 {
            return Err(Flaw::Truncated);
        }
        // A chunk cannot reach beyond the container, but it can be cut short by it.
        let whole = matches!(self.step, Step::Head(_)) && (self.still.is_some() || self.frames > 0);
        if whole { self.header().ok_or(Flaw::Corrupt) } else { Err(Flaw::Corrupt) }
    }
}
