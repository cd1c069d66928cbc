//! The body of an answer, paced and cut as its behaviour says.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use crate::behaviour::{Cut, Drip};
use crate::connection::Fate;
use crate::ledger::{Outcome, Recording};

/// Most bytes of one frame.
const FRAME: usize = 65_536;

/// A part of a body.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    /// These bytes.
    Bytes(Bytes),
    /// This block over and over, until so many bytes went out.
    Repeat(Bytes, u64),
}

impl Piece {
    fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Repeat(_, left) => *left,
        }
    }

    /// Takes at most `most` bytes off the front; at least one, for no piece in a list is empty.
    fn take(&mut self, most: u64) -> Bytes {
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(FRAME);
        match self {
            Self::Bytes(bytes) => bytes.split_to(most.min(bytes.len())),
            Self::Repeat(block, left) => {
                let count = most.min(block.len()).min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= count as u64;
                block.slice(..count)
            }
        }
    }
}

/// How long a list of pieces is.
pub(crate) fn length(pieces: &[Piece]) -> u64 {
    pieces.iter().map(Piece::len).sum()
}

/// How a body is played.
#[derive(Debug)]
pub(crate) struct Manner {
    pub(crate) status: u16,
    /// What Content-Length announces; `None` for a chunked answer.
    pub(crate) announced: Option<u64>,
    pub(crate) pause: Duration,
    pub(crate) drip: Option<Drip>,
    pub(crate) cut: Option<Cut>,
    /// Close the connection after the last byte, for lengths that lie.
    pub(crate) close: bool,
    /// What is written after the last byte, outside of the answer.
    pub(crate) extra: Bytes,
}

/// An answer's body under way.
#[derive(Debug)]
pub(crate) struct PlayedBody {
    pieces: VecDeque<Piece>,
    manner: Manner,
    sent: u64,
    /// Where it is cut, in bytes from its start.
    stop: Option<(u64, bool)>,
    sleep: Option<Pin<Box<Sleep>>>,
    fate: Arc<Fate>,
    recording: Recording,
}

impl PlayedBody {
    pub(crate) fn new(pieces: Vec<Piece>, manner: Manner, fate: Arc<Fate>, recording: Recording) -> Self {
        let total = length(&pieces);
        // Both factors are sane: a share of 0 to 1, lengths far below 2^52.
        let share = |share: f64| (total as f64 * share.clamp(0.0, 1.0)) as u64;
        let stop = match manner.cut {
            Some(Cut::AfterHeaders) => Some((0, false)),
            Some(Cut::MidBody(part)) => Some((share(part), false)),
            Some(Cut::ResetMidBody(part)) => Some((share(part), true)),
            Some(Cut::AfterRequest | Cut::Reset | Cut::AfterAnswer) | None => None,
        };
        let pieces = pieces.into_iter().filter(|piece| piece.len() > 0).collect();
        let sleep = (!manner.pause.is_zero()).then(|| Box::pin(sleep(manner.pause)));
        let mut body = Self { pieces, manner, sent: 0, stop, sleep, fate, recording };
        if body.stop.is_some_and(|(at, _)| at == 0) {
            if body.sleep.is_none() {
                // hyper does not ask a body of no bytes for anything.
                body.end();
            }
        } else if total == 0 && body.manner.announced == Some(0) {
            body.end();
        }
        body
    }

    /// Notes the end and plays what comes after it.
    fn end(&mut self) {
        match self.stop {
            Some((at, reset)) if at == self.sent => {
                self.fate.close(reset);
                self.recording.finish(Outcome::Cut { bytes: Some(self.sent), reset });
            }
            _ => {
                self.fate.add(std::mem::take(&mut self.manner.extra));
                if self.manner.close || self.manner.cut == Some(Cut::AfterAnswer) {
                    self.fate.close(false);
                }
                self.recording.finish(Outcome::Answered { status: self.manner.status, bytes: self.sent });
            }
        }
    }
}

impl Body for PlayedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        if let Some(sleep) = &mut this.sleep {
            ready!(sleep.as_mut().poll(context));
            this.sleep = None;
        }
        let most = match this.stop {
            Some((at, _)) if at <= this.sent => {
                this.end();
                // The next flush ends the connection: there is nothing to be woken for.
                return Poll::Pending;
            }
            Some((at, _)) => at - this.sent,
            None => u64::MAX,
        };
        let Some(piece) = this.pieces.front_mut() else {
            this.end();
            // A length that announces more than comes must not end as a mistake of ours: the connection is closed by the flush.
            return if this.manner.announced.is_some_and(|announced| announced > this.sent) { Poll::Pending } else { Poll::Ready(None) };
        };
        let frame = piece.take(this.manner.drip.map_or(most, |drip| most.min(drip.bytes as u64)));
        this.sent += frame.len() as u64;
        if piece.len() == 0 {
            this.pieces.pop_front();
        }
        let cut = this.stop.is_some_and(|(at, _)| at == this.sent);
        if cut || this.is_end_stream() {
            // hyper writes this frame before it flushes, and stops asking at the announced length.
            this.end();
        } else if let Some(drip) = this.manner.drip {
            this.sleep = Some(Box::pin(sleep(drip.interval)));
        }
        Poll::Ready(Some(Ok(Frame::data(frame))))
    }

    fn is_end_stream(&self) -> bool {
        self.stop.is_none() && self.pieces.is_empty() && self.manner.announced == Some(self.sent)
    }

    fn size_hint(&self) -> SizeHint {
        self.manner.announced.map_or_else(SizeHint::default, |announced| SizeHint::with_exact(announced.saturating_sub(self.sent)))
    }
}
