//! The beginning of a body, looked at before it is decided where the body goes.

use crate::wire::{WireBody, WireFault, WireFaultKind};
use bytes::{Buf, Bytes, BytesMut};
use ir_model::Blob;
use ir_spool::{Spool, SpoolError};

/// Enough to tell a picture: `RIFF`, a length, `WEBP`.
const ENOUGH: usize = 12;

/// A body whose first bytes are known.
pub(crate) struct Peeked {
    /// What the body begins with, leading blanks and a byte order mark left out; empty only if
    /// there is nothing else.
    pub(crate) head: Bytes,
    body: WireBody,
}

impl Peeked {
    /// Reads until the beginning is known. Blanks (some platforms send them to keep a connection
    /// open) may be `limit` at most.
    pub(crate) async fn new(mut body: WireBody, limit: u64) -> Result<Self, WireFault> {
        let mut head = Bytes::new();
        let mut blanks = 0_u64;
        while head.len() < ENOUGH {
            let Some(next) = body.chunk().await? else { break };
            head = join(head, next);
            let before = head.len();
            while head.first().is_some_and(u8::is_ascii_whitespace) {
                head.advance(1);
            }
            blanks = blanks.saturating_add((before - head.len()) as u64);
            if head.starts_with(b"\xef\xbb\xbf") {
                head.advance(3);
            }
            if blanks > limit {
                return Err(WireFault { kind: WireFaultKind::Protocol, sent: true, detail: "nothing but blanks".to_owned() });
            }
        }
        Ok(Self { head, body })
    }

    /// The next piece: first the head, then what follows.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, WireFault> {
        if self.head.is_empty() { self.body.chunk().await } else { Ok(Some(std::mem::take(&mut self.head))) }
    }

    /// Writes the body into the spool; at most `limit` bytes.
    pub(crate) async fn spooled(mut self, spool: &Spool, limit: u64) -> Result<Blob, Interrupted> {
        let mut writer = spool.writer()?;
        let mut total = 0_u64;
        while let Some(chunk) = self.chunk().await? {
            total += chunk.len() as u64;
            if total > limit {
                return Err(SpoolError::TooLarge { limit }.into());
            }
            writer.write(&chunk).await?;
        }
        Ok(writer.finish().await?)
    }

    /// Whether the body begins as a PNG, JPEG, WebP or GIF does.
    pub(crate) fn is_picture(&self) -> bool {
        let head = &*self.head;
        head.starts_with(b"\x89PNG\r\n\x1a\n")
            || head.starts_with(b"\xff\xd8\xff")
            || head.starts_with(b"GIF87a")
            || head.starts_with(b"GIF89a")
            || (head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP"))
    }

    /// Whether the body begins as a JSON object or array does.
    pub(crate) fn is_document(&self) -> bool {
        matches!(self.head.first(), Some(b'{' | b'['))
    }
}

/// Why a body did not get into the spool.
pub(crate) enum Interrupted {
    /// It did not come whole.
    Wire(WireFault),
    /// It could not be kept.
    Spool(SpoolError),
}

impl From<WireFault> for Interrupted {
    fn from(fault: WireFault) -> Self {
        Self::Wire(fault)
    }
}

impl From<SpoolError> for Interrupted {
    fn from(error: SpoolError) -> Self {
        Self::Spool(error)
    }
}

fn join(head: Bytes, next: Bytes) -> Bytes {
    if head.is_empty() {
        return next;
    }
    let mut both = BytesMut::with_capacity(head.len() + next.len());
    both.extend_from_slice(&head);
    both.extend_from_slice(&next);
    both.freeze()
}
