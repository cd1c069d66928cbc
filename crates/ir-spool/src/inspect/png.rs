//! PNG: the chunk walk of the PNG specification (third edition), clauses 5, 11 and 13.

use super::{Field, be32, judge, weigh};
use crc32fast::Hasher;
use ir_model::{Flaw, Format, Limits, Probe, Size};

/// Lengths and dimensions are below 2³¹ (clause 7.1).
const LARGEST: u32 = (1 << 31) - 1;

/// A walk over the chunks after the signature.
#[derive(Debug)]
pub(super) struct Png {
    step: Step,
    kind: [u8; 4],
    crc: Hasher,
    ihdr: Field<13>,
    colour: Colour,
    size: Option<Size>,
    transparent: bool,
    palette: bool,
    data: Data,
    metadata: u64,
}

#[derive(Debug)]
enum Step {
    /// Length and type of a chunk.
    Head(Field<8>),
    Body {
        left: u32,
    },
    Crc(Field<4>),
    End,
}

/// Where the walk is with respect to the image data, whose chunks must stand together.
#[derive(Debug, PartialEq, Eq)]
enum Data {
    Ahead,
    Running,
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Colour {
    Grey,
    Rgb,
    Palette,
    GreyAlpha,
    Rgba,
}

impl Png {
    pub(super) fn new() -> Self {
        Self {
            step: Step::Head(Field::new()),
            kind: [0; 4],
            crc: Hasher::new(),
            ihdr: Field::new(),
            colour: Colour::Grey,
            size: None,
            transparent: false,
            palette: false,
            data: Data::Ahead,
            metadata: 0,
        }
    }

    pub(super) fn take(&mut self, mut input: &[u8], limits: &Limits) -> Result<(), Flaw> {
        while !input.is_empty() {
            match &mut self.step {
                Step::Head(field) => {
                    if field.fill(&mut input) {
                        let head = *field.bytes();
                        self.open(be32(&head, 0), [head[4], head[5], head[6], head[7]])?;
                    }
                }
                Step::Body { left } => {
                    let now = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
                    let (mut piece, rest) = input.split_at(now);
                    input = rest;
                    *left -= u32::try_from(now).expect("at most what was left");
                    let over = *left == 0;
                    self.crc.update(piece);
                    if self.kind == *b"IHDR" {
                        self.ihdr.fill(&mut piece);
                    }
                    if over {
                        self.step = Step::Crc(Field::new());
                    }
                }
                Step::Crc(field) => {
                    if field.fill(&mut input) {
                        let stored = be32(field.bytes(), 0);
                        self.close(stored, limits)?;
                    }
                }
                Step::End => return Ok(()),
            }
        }
        Ok(())
    }

    /// A chunk begins.
    fn open(&mut self, length: u32, kind: [u8; 4]) -> Result<(), Flaw> {
        if length > LARGEST || !kind.iter().all(u8::is_ascii_alphabetic) {
            return Err(Flaw::Corrupt);
        }
        let first = self.size.is_none();
        if first != (kind == *b"IHDR") {
            return Err(Flaw::Corrupt);
        }
        if kind != *b"IDAT" && self.data == Data::Running {
            self.data = Data::Over;
        }
        match &kind {
            b"IHDR" if length == 13 => {}
            b"PLTE" if length > 0 && length <= 768 && length.is_multiple_of(3) && !self.palette && self.data == Data::Ahead => {
                self.palette = true
            }
            b"IDAT" => self.open_data(length)?,
            b"IEND" if length == 0 && self.data == Data::Over => {}
            // Frames of an animation: bounded by the size of the file like image data.
            b"fcTL" | b"fdAT" | b"acTL" => {}
            // An unknown chunk without which the picture cannot be understood (clause 5.4).
            _ if kind[0].is_ascii_uppercase() => return Err(Flaw::Corrupt),
            b"tRNS" => {
                // It only counts before the image data (clause 5.6).
                self.transparent |= self.data == Data::Ahead;
                weigh(&mut self.metadata, u64::from(length))?;
            }
            _ => weigh(&mut self.metadata, u64::from(length))?,
        }
        self.kind = kind;
        self.crc = Hasher::new();
        self.crc.update(&kind);
        self.step = if length == 0 { Step::Crc(Field::new()) } else { Step::Body { left: length } };
        Ok(())
    }

    fn open_data(&mut self, length: u32) -> Result<(), Flaw> {
        let missing_palette = self.colour == Colour::Palette && !self.palette;
        if self.data == Data::Over || missing_palette {
            return Err(Flaw::Corrupt);
        }
        if length > 0 {
            self.data = Data::Running;
        }
        Ok(())
    }

    /// A chunk has passed. The dimensions are judged here, not a field earlier: a flipped bit in
    /// them is damage, not a large picture.
    fn close(&mut self, stored: u32, limits: &Limits) -> Result<(), Flaw> {
        if std::mem::take(&mut self.crc).finalize() != stored {
            return Err(Flaw::Corrupt);
        }
        if self.kind == *b"IHDR" {
            self.read_header(limits)?;
        }
        self.step = if self.kind == *b"IEND" { Step::End } else { Step::Head(Field::new()) };
        Ok(())
    }

    fn read_header(&mut self, limits: &Limits) -> Result<(), Flaw> {
        let header = *self.ihdr.bytes();
        let (width, height) = (be32(&header, 0), be32(&header, 4));
        let [depth, colour, compression, filter, interlace] = [header[8], header[9], header[10], header[11], header[12]];
        // Table 12 of the specification.
        self.colour = match (colour, depth) {
            (0, 1 | 2 | 4 | 8 | 16) => Colour::Grey,
            (2, 8 | 16) => Colour::Rgb,
            (3, 1 | 2 | 4 | 8) => Colour::Palette,
            (4, 8 | 16) => Colour::GreyAlpha,
            (6, 8 | 16) => Colour::Rgba,
            _ => return Err(Flaw::Corrupt),
        };
        if compression != 0 || filter != 0 || interlace > 1 || width > LARGEST || height > LARGEST {
            return Err(Flaw::Corrupt);
        }
        self.size = Some(judge(width, height, limits)?);
        Ok(())
    }

    pub(super) fn header(&self) -> Option<Probe> {
        // A transparent colour may be declared until the image data begins.
        (self.data != Data::Ahead).then(|| self.probe()).flatten()
    }

    fn probe(&self) -> Option<Probe> {
        let alpha = matches!(self.colour, Colour::GreyAlpha | Colour::Rgba) || self.transparent;
        self.size.map(|size| Probe { format: Format::Png, size, alpha })
    }

    pub(super) fn finish(&self) -> Result<Probe, Flaw> {
        match self.step {
            Step::End => self.probe().ok_or(Flaw::Corrupt),
            _ => Err(Flaw::Truncated),
        }
    }
}
