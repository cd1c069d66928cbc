//! GIF: the block walk of the GIF89a specification, appendix B.

use super::{Field, judge, le16, skip, weigh};
use ir_model::{Flaw, Format, Limits, Probe, Size};

/// A walk over the blocks after the signature.
#[derive(Debug)]
pub(super) struct Gif {
    step: Step,
    size: Option<Size>,
    transparent: bool,
    frames: u64,
    metadata: u64,
}

#[derive(Debug)]
enum Step {
    /// Logical screen descriptor: width, height, flags, background, aspect ratio.
    Screen(Field<7>),
    /// A table of colours; after the image descriptor's own table an image's data follows.
    Colours {
        left: u64,
        image: bool,
    },
    /// The byte that tells a block's kind.
    Block,
    /// The byte that tells an extension's kind.
    Label,
    /// A graphic control extension: size 4, flags, delay, colour, terminator.
    Control(Field<2>),
    /// Image descriptor: left, top, width, height, flags.
    Image(Field<9>),
    /// The code size before an image's data.
    CodeSize,
    /// The length byte of a sub-block; `image`: of the first frame's data, which must not be empty.
    Length {
        image: bool,
    },
    Data {
        left: u64,
    },
    End,
}

impl Gif {
    pub(super) fn new() -> Self {
        Self { step: Step::Screen(Field::new()), size: None, transparent: false, frames: 0, metadata: 0 }
    }

    pub(super) fn take(&mut self, mut input: &[u8], limits: &Limits) -> Result<(), Flaw> {
        while let Some(&byte) = input.first() {
            let next = match &mut self.step {
                Step::Screen(field) => field.fill(&mut input).then(|| *field.bytes()).map(|screen| {
                    self.size = Some(judge(le16(&screen, 0), le16(&screen, 2), limits)?);
                    Ok(colours(screen[4], false))
                }),
                Step::Colours { left, image } => skip(left, &mut input).then_some(Ok(if *image { Step::CodeSize } else { Step::Block })),
                Step::Control(field) => field.fill(&mut input).then(|| *field.bytes()).map(|[size, flags]| {
                    // The first frame's transparency counts: it is the one that is shown.
                    self.transparent |= self.frames == 0 && flags & 1 == 1;
                    // Two of the announced bytes are taken; nothing but 4 was ever specified.
                    if size == 4 { Ok(Step::Data { left: 3 }) } else { Err(Flaw::Corrupt) }
                }),
                Step::Image(field) => field.fill(&mut input).then(|| *field.bytes()).map(|image| {
                    // A frame may be larger than the screen: it is what a decoder makes room for.
                    judge(le16(&image, 4), le16(&image, 6), limits)?;
                    self.frames += 1;
                    Ok(colours(image[8], true))
                }),
                Step::Data { left } => skip(left, &mut input).then_some(Ok(Step::Length { image: false })),
                Step::End => return Ok(()),
                Step::Block | Step::Label | Step::CodeSize | Step::Length { .. } => {
                    input = &input[1..];
                    Some(self.byte(byte))
                }
            };
            if let Some(step) = next {
                self.step = step?;
            }
        }
        Ok(())
    }

    /// The steps that hang on one byte.
    fn byte(&mut self, byte: u8) -> Result<Step, Flaw> {
        match (&self.step, byte) {
            (Step::Block, 0x21) => Ok(Step::Label),
            (Step::Block, 0x2c) => Ok(Step::Image(Field::new())),
            (Step::Block, 0x3b) if self.frames > 0 => Ok(Step::End),
            (Step::Label, 0xf9) => Ok(Step::Control(Field::new())),
            (Step::Label, _) => Ok(Step::Length { image: false }),
            // 2–8 by the specification, 1 and up to 11 in what decoders take.
            (Step::CodeSize, 1..=11) => Ok(Step::Length { image: self.frames == 1 }),
            (Step::Length { image: true }, 0) => Err(Flaw::Corrupt),
            (Step::Length { .. }, 0) => Ok(Step::Block),
            (Step::Length { .. }, length) => {
                if self.frames == 0 {
                    weigh(&mut self.metadata, u64::from(length))?;
                }
                Ok(Step::Data { left: u64::from(length) })
            }
            _ => Err(Flaw::Corrupt),
        }
    }

    pub(super) fn header(&self) -> Option<Probe> {
        (self.frames > 0).then(|| self.probe()).flatten()
    }

    fn probe(&self) -> Option<Probe> {
        self.size.map(|size| Probe { format: Format::Gif, size, alpha: self.transparent })
    }

    pub(super) fn finish(&self) -> Result<Probe, Flaw> {
        match self.step {
            Step::End => self.probe().ok_or(Flaw::Corrupt),
            _ => Err(Flaw::Truncated),
        }
    }
}

/// What follows a descriptor: its table of 2^(n+1) colours, if its flags announce one.
fn colours(flags: u8, image: bool) -> Step {
    match (flags & 0x80 != 0, image) {
        (true, image) => Step::Colours { left: 3 << ((flags & 7) + 1), image },
        (false, true) => Step::CodeSize,
        (false, false) => Step::Block,
    }
}
