//! A connection that can be made to end badly.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What shall become of a connection, set by whoever answers on it.
#[derive(Debug, Default)]
pub(crate) struct Fate {
    close: AtomicBool,
    reset: AtomicBool,
    extra: Mutex<Bytes>,
}

impl Fate {
    /// Ends the connection once everything written so far has left.
    pub(crate) fn close(&self, reset: bool) {
        self.reset.store(reset, Ordering::Relaxed);
        self.close.store(true, Ordering::Release);
    }

    /// Ends the connection with a reset, when hyper drops it.
    pub(crate) fn reset_on_drop(&self) {
        self.reset.store(true, Ordering::Relaxed);
    }

    /// Writes these bytes, outside of any answer, after everything written so far.
    pub(crate) fn add(&self, extra: Bytes) {
        *self.extra.lock().unwrap_or_else(PoisonError::into_inner) = extra;
    }
}

/// The socket below hyper.
///
/// hyper flushes its transport exactly when its own buffer is empty, so a flush is the moment at which what was written has reached the
/// system: there the extra bytes are written and the end is played.
#[derive(Debug)]
pub(crate) struct FatedStream {
    stream: TcpStream,
    fate: Arc<Fate>,
}

impl FatedStream {
    pub(crate) fn new(stream: TcpStream, fate: Arc<Fate>) -> Self {
        Self { stream, fate }
    }
}

impl Drop for FatedStream {
    fn drop(&mut self) {
        if self.fate.reset.load(Ordering::Relaxed) {
            // With a linger of zero, closing sends RST instead of FIN. If it fails the peer sees a close, which its test will tell.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for FatedStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for FatedStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let mut extra = this.fate.extra.lock().unwrap_or_else(PoisonError::into_inner);
        while !extra.is_empty() {
            let written = ready!(Pin::new(&mut this.stream).poll_write(context, &extra))?;
            extra.advance(written);
        }
        drop(extra);
        if this.fate.close.load(Ordering::Acquire) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut this.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.fate.reset.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
