//! One connection's clock. hyper knows a deadline for request heads only; a connection that idles,
//! sends its head drop by drop or never reads its answer is cut here.

use crate::framing::{Ambiguous, HeadScan};
use hyper_util::rt::TokioIo;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::Instant;

/// A head that takes longer is slow, and so is a body of fewer bytes a second after its first moments.
/// Slow connections are the first to go where there is no room for others.
const SLOW_HEAD: Duration = Duration::from_secs(2);
const SLOW_BODY: Duration = Duration::from_secs(5);
const SLOW_BYTES: u64 = 1024;
/// An idle connection goes only after a slow one, and not at once.
const LONG_IDLE: Duration = Duration::from_secs(1);

/// Limits of one connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// From the first byte of a head to its last.
    pub(crate) head: Duration,
    /// Between requests.
    pub(crate) idle: Duration,
    /// While the peer takes nothing of an answer.
    pub(crate) blocked: Duration,
}

/// Why a connection is over.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// It idled: close it politely.
    Idle,
    /// It is an attack or a corpse: cut it.
    Stalled,
}

const IDLE: u64 = 0;
const HEAD: u64 = 1;
const BUSY: u64 = 2;

/// What a connection is doing, shared by its socket, its service and its watchdog.
#[derive(Debug)]
pub(crate) struct Pulse {
    born: Instant,
    /// The phase (lowest two bits) and since when (milliseconds).
    phase: AtomicU64,
    /// Since when the peer takes no bytes; 0: it does.
    blocked: AtomicU64,
    /// Requests whose heads were read.
    requests: AtomicU64,
    /// What is wrong with a head (lowest two bits), and the number of its request, from 1 on; 0: nothing yet.
    ambiguous: AtomicU64,
    /// The body of the request is still arriving.
    reading: AtomicBool,
    /// Bytes since the head was whole.
    received: AtomicU64,
    /// Others need the room.
    unwanted: Notify,
}

impl Pulse {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            born: Instant::now(),
            phase: AtomicU64::new(IDLE),
            blocked: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            ambiguous: AtomicU64::new(0),
            reading: AtomicBool::new(false),
            received: AtomicU64::new(0),
            unwanted: Notify::new(),
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX >> 2) + 1
    }

    fn enter(&self, phase: u64) {
        self.phase.store(self.now() << 2 | phase, Ordering::Relaxed);
    }

    /// A whole head was read. `reading`: a body follows.
    pub(crate) fn busy(&self, reading: bool) {
        self.received.store(0, Ordering::Relaxed);
        self.reading.store(reading, Ordering::Relaxed);
        self.enter(BUSY);
    }

    /// The body is there.
    pub(crate) fn body_read(&self) {
        self.reading.store(false, Ordering::Relaxed);
    }

    /// How well this connection could be done without, and for how many milliseconds; `None`: not at all.
    pub(crate) fn dispensable(&self) -> Option<(u8, u64)> {
        let word = self.phase.load(Ordering::Relaxed);
        let age = self.now().saturating_sub(word >> 2);
        let longer = |limit: Duration| u128::from(age) > limit.as_millis();
        match word & 3 {
            HEAD if longer(SLOW_HEAD) => Some((2, age)),
            BUSY if self.reading.load(Ordering::Relaxed) && longer(SLOW_BODY) => {
                (self.received.load(Ordering::Relaxed) * 1000 < age * SLOW_BYTES).then_some((2, age))
            }
            IDLE if longer(LONG_IDLE) => Some((1, age)),
            _ => None,
        }
    }

    /// Ends the connection soon, since others need its room.
    pub(crate) fn end(&self) {
        self.unwanted.notify_one();
    }

    /// What is wrong with the head that was just read. To be asked once for each request.
    pub(crate) fn take_ambiguous(&self) -> Option<Ambiguous> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let word = self.ambiguous.load(Ordering::Relaxed);
        match (word >> 2 == number, word & 3) {
            (false, _) => None,
            (true, 1) => Some(Ambiguous::TwoLengths),
            (true, _) => Some(Ambiguous::BareLineFeed),
        }
    }

    fn note(&self, found: Option<(u64, Ambiguous)>) {
        let Some((before, ambiguous)) = found else { return };
        let code = match ambiguous {
            Ambiguous::TwoLengths => 1,
            Ambiguous::BareLineFeed => 2,
        };
        self.ambiguous.store((before + 1) << 2 | code, Ordering::Relaxed);
    }

    /// An answer was written or given up.
    pub(crate) fn idle(&self) {
        self.reading.store(false, Ordering::Relaxed);
        self.enter(IDLE);
    }

    fn check(&self, patience: Patience) -> Option<Over> {
        let now = self.now();
        let longer = |since: u64, limit: Duration| u128::from(now.saturating_sub(since)) > limit.as_millis();
        let blocked = self.blocked.load(Ordering::Relaxed);
        if blocked != 0 && longer(blocked, patience.blocked) {
            return Some(Over::Stalled);
        }
        let word = self.phase.load(Ordering::Relaxed);
        match (word & 3, word >> 2) {
            (IDLE, since) if longer(since, patience.idle) => Some(Over::Idle),
            (HEAD, since) if longer(since, patience.head) => Some(Over::Stalled),
            _ => None,
        }
    }

    /// Ends when the connection is over.
    pub(crate) async fn watch(&self, patience: Patience) -> Over {
        let step = patience.head.min(patience.idle).min(patience.blocked) / 10;
        loop {
            tokio::select! {
                () = tokio::time::sleep(step.clamp(Duration::from_millis(50), Duration::from_secs(1))) => {}
                () = self.unwanted.notified() => return Over::Stalled,
            }
            if let Some(over) = self.check(patience) {
                return over;
            }
        }
    }
}

/// A socket that tells its pulse.
pub(crate) struct Watched {
    socket: TcpStream,
    pulse: Arc<Pulse>,
    scan: HeadScan,
}

impl Watched {
    pub(crate) fn new(socket: TcpStream, pulse: Arc<Pulse>) -> TokioIo<Self> {
        TokioIo::new(Self { socket, pulse, scan: HeadScan::new() })
    }

    fn progress<T>(&self, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match &polled {
            Poll::Pending => {
                let _ = self.pulse.blocked.compare_exchange(0, self.pulse.now(), Ordering::Relaxed, Ordering::Relaxed);
            }
            Poll::Ready(_) => self.pulse.blocked.store(0, Ordering::Relaxed),
        }
        polled
    }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.socket).poll_read(cx, buf);
        if buf.filled().len() > before {
            let this = &mut *self;
            this.pulse.received.fetch_add((buf.filled().len() - before) as u64, Ordering::Relaxed);
            if this.pulse.phase.load(Ordering::Relaxed) & 3 == IDLE {
                this.pulse.enter(HEAD);
            }
            this.scan.feed(&buf.filled()[before..]);
            this.pulse.note(this.scan.ambiguous());
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.socket).poll_write(cx, buf);
        self.progress(polled)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.socket).poll_write_vectored(cx, bufs);
        self.progress(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
