//! What is left of a picture's file without its metadata: a list of ranges to copy and a few bytes
//! to put between them. Nothing is decoded; one pass over the container makes the list.

use super::{gif, jpeg, png, webp};
use image::metadata::Orientation;
use ir_model::Format;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Most parts of a plan. Encoders write their metadata in a handful of places.
const PARTS: usize = 4096;

/// Longest EXIF that is read for its orientation, in bytes: what a JPEG segment holds.
const EXIF: u64 = 64 * 1024;

/// How to write a picture without its metadata.
#[derive(Debug)]
pub(super) struct Plan {
    /// In order; neighbouring ranges are one.
    pub(super) parts: Vec<Part>,
    /// Whether anything is left out or written anew.
    pub(super) dropped: bool,
}

/// A part of the new file.
#[derive(Debug)]
pub(super) enum Part {
    /// The old file's bytes from `start` up to, and without, `end`.
    Range { start: u64, end: u64 },
    /// These bytes, at most some dozen.
    Bytes(Vec<u8>),
}

impl Plan {
    /// The plan for an open file. Blocks: reads the file once at most.
    ///
    /// # Errors
    /// The file system's; `InvalidData` for what is not a whole picture of this format, or is made of
    /// more parts than any encoder makes.
    pub(super) fn of(file: &File, format: Format) -> io::Result<Self> {
        let mut source = Source::new(file)?;
        let plan = match format {
            Format::Png => png::plan(&mut source),
            Format::Jpeg => jpeg::plan(&mut source),
            Format::Webp => webp::plan(&mut source),
            Format::Gif => gif::plan(&mut source),
        }?;
        if plan.parts.len() > PARTS { Err(damaged()) } else { Ok(plan) }
    }

    pub(super) fn new() -> Self {
        Self { parts: Vec::new(), dropped: false }
    }

    /// Keeps a range that lies behind all that were kept.
    pub(super) fn keep(&mut self, start: u64, end: u64) -> io::Result<()> {
        match self.parts.last_mut() {
            Some(Part::Range { end: before, .. }) if *before == start => *before = end,
            _ => self.push(Part::Range { start, end })?,
        }
        Ok(())
    }

    /// Puts other bytes where something is left out.
    pub(super) fn replace(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        self.dropped = true;
        self.push(Part::Bytes(bytes))
    }

    /// Bytes of the new file.
    pub(super) fn size(&self) -> u64 {
        let size = |part: &Part| match part {
            Part::Range { start, end } => end - start,
            Part::Bytes(bytes) => bytes.len() as u64,
        };
        self.parts.iter().map(size).sum()
    }

    fn push(&mut self, part: Part) -> io::Result<()> {
        if self.parts.len() > PARTS {
            return Err(damaged());
        }
        self.parts.push(part);
        Ok(())
    }
}

/// What becomes of an EXIF block: it goes, but for the orientation, without which the picture would
/// lie on its side.
pub(super) enum Exif {
    /// There is no orientation worth telling.
    Drop,
    /// It holds nothing but an orientation already.
    Keep,
    /// This TIFF structure takes its place.
    Replace(Vec<u8>),
}

impl Exif {
    /// Judges the TIFF structure that stands from `start` to `end`.
    pub(super) fn judge(source: &mut Source<'_>, start: u64, end: u64) -> io::Result<Self> {
        if end - start > EXIF {
            return Ok(Self::Drop);
        }
        let tiff = source.copy(start, end)?;
        Ok(match Orientation::from_exif_chunk(&tiff) {
            None | Some(Orientation::NoTransforms) => Self::Drop,
            Some(orientation) => {
                let minimal = minimal(orientation);
                if tiff == minimal { Self::Keep } else { Self::Replace(minimal) }
            }
        })
    }
}

/// TIFF, big endian, with one entry: orientation (0x0112), one short.
fn minimal(orientation: Orientation) -> Vec<u8> {
    let mut tiff = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x00\0\0\0\0\0\0".to_vec();
    tiff[19] = orientation.to_exif();
    tiff
}

/// Reads a file here and there, a block at a time.
pub(super) struct Source<'a> {
    file: &'a File,
    size: u64,
    block: Vec<u8>,
    /// Where the block stands in the file.
    at: u64,
    filled: usize,
}

impl<'a> Source<'a> {
    fn new(file: &'a File) -> io::Result<Self> {
        Ok(Self { file, size: file.metadata()?.len(), block: vec![0; crate::BLOCK], at: 0, filled: 0 })
    }

    /// Bytes of the file.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The bytes from `at` on, at least one.
    pub(super) fn rest(&mut self, at: u64) -> io::Result<&[u8]> {
        let inside = at.checked_sub(self.at).and_then(|by| usize::try_from(by).ok()).filter(|by| *by < self.filled);
        let by = match inside {
            Some(by) => by,
            None => {
                self.filled = 0;
                self.filled = self.file.read_at(&mut self.block, at)?;
                self.at = at;
                0
            }
        };
        if by < self.filled { Ok(&self.block[by..self.filled]) } else { Err(damaged()) }
    }

    /// One byte.
    pub(super) fn byte(&mut self, at: u64) -> io::Result<u8> {
        Ok(self.rest(at)?[0])
    }

    /// `N` bytes.
    pub(super) fn array<const N: usize>(&mut self, at: u64) -> io::Result<[u8; N]> {
        let mut array = [0; N];
        for (byte, at) in array.iter_mut().zip(at..) {
            *byte = self.byte(at)?;
        }
        Ok(array)
    }

    /// Whether the bytes from `at` on are these.
    pub(super) fn is(&mut self, at: u64, end: u64, what: &[u8]) -> io::Result<bool> {
        if end - at < what.len() as u64 {
            return Ok(false);
        }
        for (byte, at) in what.iter().zip(at..) {
            if self.byte(at)? != *byte {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A copy of a range that the caller knows to be small.
    pub(super) fn copy(&mut self, start: u64, end: u64) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        while start + (out.len() as u64) < end {
            let at = start + out.len() as u64;
            let piece = self.rest(at)?;
            let n = usize::try_from(end - at).map_or(piece.len(), |left| left.min(piece.len()));
            out.extend_from_slice(&piece[..n]);
        }
        Ok(out)
    }
}

/// The picture is not what the spool saw.
pub(super) fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a picture's container is damaged")
}
