//! Bodies that are sent from memory and from the spool, with their exact length.

use crate::reader::{file_of, read_waiting, read_without_waiting};
use base64_simd::{AsOut, STANDARD};
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use ir_model::Blob;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::{fmt, io};
use tokio::task::{JoinHandle, spawn_blocking};

/// Bytes of a file that are read at a time: one block of 64 KiB as base64.
const READ: usize = 48 * 1024;

/// A part of a body.
#[derive(Clone, Debug)]
pub enum Piece {
    /// From memory.
    Bytes(Bytes),
    /// A blob as base64, padded.
    Base64(Blob),
    /// A blob as it is.
    Raw(Blob),
    /// A blob of UTF-8, escaped as the inside of a JSON string.
    Text(Blob),
}

/// A body made of pieces. Its length is known from the start; at most one block is in memory
/// besides what the receiver holds. Files are read in place where that does not wait for the disk.
/// Lives inside a tokio runtime.
pub struct PieceBody {
    parts: VecDeque<Part>,
    left: u64,
    /// What came from the file; kept for the next block.
    raw: Vec<u8>,
    /// What goes out; its memory is used again once the receiver has let go of it.
    out: BytesMut,
    reading: Option<JoinHandle<io::Result<Vec<u8>>>>,
    /// Why a length could not be found out, told when the body is read.
    broken: Option<io::Error>,
}

enum Part {
    Bytes(Bytes),
    File { blob: Blob, at: u64, end: u64, form: Form },
}

#[derive(Clone, Copy)]
enum Form {
    Raw,
    Base64,
    Text,
}

impl PieceBody {
    /// A body of these pieces. For [`Piece::Text`] the file is read once here, which blocks, to
    /// know its length when escaped: long texts are rare, and small beside pictures.
    pub fn new(pieces: Vec<Piece>) -> Self {
        let mut body = Self::empty();
        for piece in pieces {
            body.add(piece);
        }
        body
    }

    /// The bytes of a blob from `start` up to, and without, `end`; cut to those that it has.
    pub fn range(blob: Blob, start: u64, end: u64) -> Self {
        let end = end.min(blob.size());
        let start = start.min(end);
        let mut body = Self::empty();
        body.add_file(blob, start, end, Form::Raw, end - start);
        body
    }

    /// Bytes that are still to come.
    pub fn len(&self) -> u64 {
        self.left
    }

    /// Whether nothing is to come any more.
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// The next bytes, at most 64 KiB of a file at a time; `None` at the end.
    ///
    /// # Errors
    /// The file system's.
    pub async fn next(&mut self) -> Option<io::Result<Bytes>> {
        poll_fn(|context| self.poll_bytes(context)).await
    }

    fn empty() -> Self {
        Self { parts: VecDeque::new(), left: 0, raw: Vec::new(), out: BytesMut::new(), reading: None, broken: None }
    }

    fn add(&mut self, piece: Piece) {
        match piece {
            Piece::Bytes(bytes) => {
                self.left += bytes.len() as u64;
                self.parts.push_back(Part::Bytes(bytes));
            }
            Piece::Base64(blob) => {
                let (size, length) = (blob.size(), blob.size().div_ceil(3) * 4);
                self.add_file(blob, 0, size, Form::Base64, length);
            }
            Piece::Raw(blob) => {
                let size = blob.size();
                self.add_file(blob, 0, size, Form::Raw, size);
            }
            Piece::Text(blob) => {
                let size = blob.size();
                match escaped_length(&blob) {
                    Ok(length) => self.add_file(blob, 0, size, Form::Text, length),
                    Err(error) => self.broken = Some(error),
                }
            }
        }
    }

    fn add_file(&mut self, blob: Blob, at: u64, end: u64, form: Form, length: u64) {
        self.left += length;
        self.parts.push_back(Part::File { blob, at, end, form });
    }

    fn poll_bytes(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if let Some(error) = self.broken.take() {
            self.parts.clear();
            return Poll::Ready(Some(Err(error)));
        }
        loop {
            match self.parts.front_mut() {
                None => return Poll::Ready(None),
                Some(Part::Bytes(bytes)) => {
                    let bytes = std::mem::take(bytes);
                    self.parts.pop_front();
                    if !bytes.is_empty() {
                        self.left -= bytes.len() as u64;
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                }
                Some(Part::File { at, end, .. }) if at == end => {
                    self.parts.pop_front();
                }
                Some(Part::File { .. }) => {
                    if let Err(error) = ready!(self.poll_read(context)) {
                        self.parts.clear();
                        return Poll::Ready(Some(Err(error)));
                    }
                    let bytes = self.encode();
                    self.left -= bytes.len() as u64;
                    return Poll::Ready(Some(Ok(bytes)));
                }
            }
        }
    }

    /// Reads the next block of the first part, a file, into `raw`.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(Part::File { blob, at, end, .. }) = self.parts.front() else { unreachable!("invariant: the caller saw a file") };
        if self.reading.is_none() {
            let n = usize::try_from(end - at).unwrap_or(READ).min(READ);
            self.raw.resize(n, 0);
            let filled = match file_of(blob).and_then(|file| read_without_waiting(file.file(), *at, &mut self.raw)) {
                Ok(filled) if filled == n => return Poll::Ready(Ok(())),
                Ok(filled) => filled,
                Err(error) => return Poll::Ready(Err(error)),
            };
            let (blob, at, mut raw) = (blob.clone(), *at, std::mem::take(&mut self.raw));
            self.reading = Some(spawn_blocking(move || read_waiting(&blob, at, &mut raw, filled).map(|()| raw)));
        }
        let Some(reading) = &mut self.reading else { unreachable!("invariant: a read was started above") };
        let read = ready!(Pin::new(reading).poll(context));
        self.reading = None;
        self.raw = read.map_err(io::Error::other)??;
        Poll::Ready(Ok(()))
    }

    /// Brings `raw` into the form of the first part, and moves that on.
    fn encode(&mut self) -> Bytes {
        let Some(Part::File { at, form, .. }) = self.parts.front_mut() else { unreachable!("invariant: the caller saw a file") };
        *at += self.raw.len() as u64;
        self.out.clear();
        match form {
            Form::Raw => self.out.extend_from_slice(&self.raw),
            Form::Base64 => {
                // Blocks are multiples of three bytes, so padding comes at the very end only.
                self.out.resize(self.raw.len().div_ceil(3) * 4, 0);
                let _: &mut [u8] = STANDARD.encode(&self.raw, self.out.as_out());
            }
            Form::Text => self.raw.iter().for_each(|byte| self.out.extend_from_slice(escape(*byte, &mut [0; 6]))),
        }
        self.out.split().freeze()
    }
}

impl Body for PieceBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        ir_crash::point("body.frame");
        self.get_mut().poll_bytes(context).map(|next| next.map(|bytes| bytes.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0 && self.broken.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

impl fmt::Debug for PieceBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PieceBody").field("parts", &self.parts.len()).field("left", &self.left).finish_non_exhaustive()
    }
}

/// A byte of UTF-8 inside a JSON string, as `serde_json` writes it.
fn escape(byte: u8, room: &mut [u8; 6]) -> &[u8] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x09 => b't',
        0x0a => b'n',
        0x0c => b'f',
        0x0d => b'r',
        0x00..=0x1f => {
            *room = [b'\\', b'u', b'0', b'0', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
            return room;
        }
        _ => {
            room[0] = byte;
            return &room[..1];
        }
    };
    room[..2].copy_from_slice(&[b'\\', short]);
    &room[..2]
}

fn escaped_length(blob: &Blob) -> io::Result<u64> {
    let (mut at, mut length, mut block) = (0, 0, vec![0; READ]);
    while at < blob.size() {
        let n = usize::try_from(blob.size() - at).unwrap_or(READ).min(READ);
        read_waiting(blob, at, &mut block[..n], 0)?;
        length += block[..n].iter().map(|byte| escape(*byte, &mut [0; 6]).len() as u64).sum::<u64>();
        at += n as u64;
    }
    Ok(length)
}

#[cfg(test)]
mod tests;
