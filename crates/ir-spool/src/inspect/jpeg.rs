//! JPEG: the marker walk of ITU-T T.81, annex B.

use super::{Field, be16, judge, skip, weigh};
use ir_model::{Flaw, Format, Limits, Probe, Size};
use memchr::memchr;

/// Most scans. Encoders write about ten for a progressive picture; thousands cost a decoder minutes.
const SCANS: u32 = 128;

/// A walk over the markers after the start of image.
#[derive(Debug)]
pub(super) struct Jpeg {
    step: Step,
    size: Option<Size>,
    components: u8,
    scans: u32,
    metadata: u64,
}

#[derive(Debug)]
enum Step {
    /// Between segments; stray bytes here are passed over, as decoders do.
    Between,
    /// After 0xFF; `scan`: within entropy-coded data, `any`: of which at least a byte was seen.
    Code {
        scan: bool,
        any: bool,
    },
    Length {
        code: u8,
        field: Field<2>,
    },
    /// A frame header: precision, height, width, count, and up to four components of 3 bytes.
    Frame {
        want: usize,
        field: Field<18>,
    },
    Skip {
        left: u64,
        then: Then,
    },
    /// The head of a table: what says how long it is.
    Table {
        tables: Tables,
        field: Field<17>,
    },
    /// Entropy-coded data.
    Scan {
        any: bool,
    },
    End,
}

/// What follows bytes that are skipped.
#[derive(Clone, Copy, Debug)]
enum Then {
    Between,
    Scan,
    Table(Tables),
}

/// A segment of tables. Decoders go by the tables' own lengths or by the segment's: where these differ,
/// they take different bytes for the picture, and none of the careful ones takes any.
#[derive(Clone, Copy, Debug)]
struct Tables {
    /// Huffman tables (B.2.4.2), or else quantization tables (B.2.4.1).
    huffman: bool,
    left: u64,
}

impl Tables {
    /// Bytes of a table's head: its place and how many codes there are of each length; or its place.
    fn head(self) -> usize {
        if self.huffman { 17 } else { 1 }
    }

    fn begin(self) -> Step {
        Step::Table { tables: self, field: Field::new() }
    }

    /// Past a table of which the head is read.
    fn pass(self, head: &[u8; 17]) -> Result<Step, Flaw> {
        let size = if self.huffman { head[1..].iter().map(|&count| u64::from(count)).sum() } else { 64 << (head[0] >> 4).min(2) };
        let most = if self.huffman { 256 } else { 128 };
        let left = self.left.checked_sub(self.head() as u64 + size).filter(|_| size <= most).ok_or(Flaw::Corrupt)?;
        let then = if left == 0 { Then::Between } else { Then::Table(Self { left, ..self }) };
        Ok(Step::Skip { left: size, then })
    }
}

impl Jpeg {
    pub(super) fn new() -> Self {
        Self { step: Step::Between, size: None, components: 0, scans: 0, metadata: 0 }
    }

    pub(super) fn take(&mut self, mut input: &[u8], limits: &Limits) -> Result<(), Flaw> {
        while let Some(&byte) = input.first() {
            match &mut self.step {
                Step::Between => match memchr(0xff, input) {
                    Some(at) => {
                        input = &input[at + 1..];
                        self.step = Step::Code { scan: false, any: false };
                    }
                    None => return Ok(()),
                },
                Step::Scan { any } => match memchr(0xff, input) {
                    Some(at) => {
                        input = &input[at + 1..];
                        self.step = Step::Code { scan: true, any: *any || at > 0 };
                    }
                    None => {
                        *any = true;
                        return Ok(());
                    }
                },
                Step::Code { scan, any } => {
                    let (scan, any) = (*scan, *any);
                    input = &input[1..];
                    self.step = self.marker(byte, scan, any)?;
                }
                Step::Length { code, field } => {
                    if field.fill(&mut input) {
                        let (code, length) = (*code, be16(field.bytes(), 0));
                        self.step = self.segment(code, length)?;
                    }
                }
                Step::Frame { want, field } => {
                    if field.fill_to(*want, &mut input) {
                        let (header, want) = (*field.bytes(), *want);
                        self.frame(&header[..want], limits)?;
                        self.step = Step::Between;
                    }
                }
                Step::Table { tables, field } => {
                    if field.fill_to(tables.head(), &mut input) {
                        self.step = tables.pass(field.bytes())?;
                    }
                }
                Step::Skip { left, then } => {
                    if skip(left, &mut input) {
                        self.step = match *then {
                            Then::Between => Step::Between,
                            Then::Scan => Step::Scan { any: false },
                            Then::Table(tables) => tables.begin(),
                        };
                    }
                }
                Step::End => return Ok(()),
            }
        }
        Ok(())
    }

    /// The byte after 0xFF (table B.1).
    fn marker(&mut self, code: u8, scan: bool, any: bool) -> Result<Step, Flaw> {
        Ok(match code {
            0xff => Step::Code { scan, any },
            // A stuffed 0xFF of the data, or a restart within it.
            0x00 if scan => Step::Scan { any: true },
            0xd0..=0xd7 if scan => Step::Scan { any },
            // A scan without data, or a picture without a scan.
            _ if scan && !any => return Err(Flaw::Corrupt),
            0xd9 if self.scans == 0 => return Err(Flaw::Corrupt),
            0xd9 => Step::End,
            // Among them what stands alone and has no place here (B.1.1.3): decoders differ on whether a length follows.
            0x00..=0xbf | 0xd0..=0xd8 => return Err(Flaw::Corrupt),
            // Lossless, hierarchical and arithmetic coding: nobody's decoder takes them.
            0xc3 | 0xc5..=0xc7 | 0xc8..=0xcb | 0xcd..=0xcf => return Err(Flaw::Unsupported),
            _ => Step::Length { code, field: Field::new() },
        })
    }

    /// A segment of `length` bytes, which count themselves.
    fn segment(&mut self, code: u8, length: u32) -> Result<Step, Flaw> {
        let left = length.checked_sub(2).ok_or(Flaw::Corrupt)?;
        let skip = |then| Step::Skip { left: u64::from(left), then };
        match code {
            0xc0..=0xc2 => {
                let want = usize::try_from(left).unwrap_or(usize::MAX);
                let one_frame_of_1_to_4 = self.size.is_none() && matches!(want, 9 | 12 | 15 | 18);
                if !one_frame_of_1_to_4 {
                    return Err(Flaw::Corrupt);
                }
                Ok(Step::Frame { want, field: Field::new() })
            }
            0xda => {
                self.scans += 1;
                // 1 count, 2 for each of 1–4 components, 3 of spectral selection.
                let fits = matches!(left, 6 | 8 | 10 | 12) && (left - 4) / 2 <= u32::from(self.components);
                if self.size.is_none() || self.scans > SCANS || !fits {
                    return Err(Flaw::Corrupt);
                }
                Ok(skip(Then::Scan))
            }
            0xc4 | 0xdb => Ok(Tables { huffman: code == 0xc4, left: u64::from(left) }.begin()),
            0xdd if left != 2 => Err(Flaw::Corrupt),
            0xe0..=0xef | 0xfe => {
                weigh(&mut self.metadata, u64::from(left))?;
                Ok(skip(Then::Between))
            }
            _ => Ok(skip(Then::Between)),
        }
    }

    /// A frame header (B.2.2).
    fn frame(&mut self, header: &[u8], limits: &Limits) -> Result<(), Flaw> {
        let (precision, height, width, components) = (header[0], be16(header, 1), be16(header, 3), header[5]);
        if header.len() != 6 + 3 * usize::from(components) {
            return Err(Flaw::Corrupt);
        }
        let sampled = header[6..].chunks_exact(3).all(|c| (1..=4).contains(&(c[1] >> 4)) && (1..=4).contains(&(c[1] & 15)));
        if !sampled {
            return Err(Flaw::Corrupt);
        }
        // 12 bits and two components are legal and undecodable nearly everywhere.
        if precision != 8 || components == 2 {
            return Err(Flaw::Unsupported);
        }
        // A height of 0 would be told after the first scan: decoders refuse that, and so do we.
        self.size = Some(judge(width, height, limits)?);
        self.components = components;
        Ok(())
    }

    pub(super) fn header(&self) -> Option<Probe> {
        self.size.map(|size| Probe { format: Format::Jpeg, size, alpha: false })
    }

    pub(super) fn finish(&self) -> Result<Probe, Flaw> {
        match self.step {
            Step::End => self.header().ok_or(Flaw::Corrupt),
            _ => Err(Flaw::Truncated),
        }
    }
}
