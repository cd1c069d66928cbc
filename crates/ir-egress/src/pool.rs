//! Kept connections. One shelf per purpose and origin, none for addresses of callers. A kept
//! connection remembers the address that was judged for it, so that it is judged anew by the rules
//! of the moment; this is why the pool is not a library's, which would not tell that address.

use crate::connect::Connected;
use crate::rules::{Purpose, Rules};
use crate::url_rules::Destination;
use crate::wire::{WireFault, WireFaultKind};
use bytes::Bytes;
use futures_util::FutureExt;
use http_body::{Body, Frame, SizeHint};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use ir_spool::PieceBody;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

/// Cap of a connection's buffers: what most decides how much memory a transfer takes.
const MAX_BUFFER: usize = 64 * 1024;
/// Connections kept per purpose and origin.
const MAX_IDLE_PER_ORIGIN: usize = 32;
/// Connections kept in all.
const MAX_IDLE: usize = 128;
/// How long a connection is kept unused; shorter than common servers keep theirs (60–75 s).
const IDLE_TIME: Duration = Duration::from_secs(30);
/// How long a finished connection may take to become ready for the next request.
const SETTLE_TIME: Duration = Duration::from_millis(100);

/// A request's body for hyper.
pub(crate) struct OutBody(Option<Pin<Box<PieceBody>>>);

impl OutBody {
    pub(crate) fn new(body: Option<PieceBody>) -> Self {
        Self(body.map(Box::pin))
    }
}

impl Body for OutBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut self.0 {
            Some(body) => body.as_mut().poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(|| SizeHint::with_exact(0), |body| body.size_hint())
    }
}

/// One connection in use. Dropping it closes the socket at once, whatever was going on.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) sender: SendRequest<OutBody>,
    pub(crate) peer: SocketAddr,
    _task: AbortOnDrop,
}

#[derive(Debug)]
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Lease {
    /// Speaks HTTP/1.1 over a fresh connection.
    pub(crate) async fn open(connected: Connected, to: &Destination) -> Result<Self, WireFault> {
        let mut builder = Builder::new();
        builder.max_buf_size(MAX_BUFFER).max_header_size(MAX_BUFFER);
        let (sender, connection) = builder.handshake(TokioIo::new(connected.stream)).await.map_err(|error| WireFault {
            kind: WireFaultKind::Connect,
            sent: false,
            detail: format!("{}:{}: {error}", to.host, to.port),
        })?;
        // Its result reaches the request through `sender`; nobody else wants it.
        let task = tokio::spawn(connection.map(drop)).abort_handle();
        Ok(Self { sender, peer: connected.peer, _task: AbortOnDrop(task) })
    }

    /// Whether it can take a request right now.
    fn is_usable(&mut self) -> bool {
        !self.sender.is_closed() && matches!(self.sender.ready().now_or_never(), Some(Ok(())))
    }
}

/// Where a connection belongs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Shelf {
    pub(crate) purpose: Purpose,
    pub(crate) to: Destination,
}

#[derive(Default)]
struct Kept {
    shelves: HashMap<Shelf, Vec<(Lease, Instant)>>,
    count: usize,
}

/// The kept connections.
#[derive(Default)]
pub(crate) struct Pool {
    kept: Mutex<Kept>,
    sweeping: AtomicBool,
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Every change is complete before the guard is dropped; a panic elsewhere cannot leave it half done.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A kept connection that still works and that the rules of the moment allow; others are closed.
    pub(crate) fn take(&self, shelf: &Shelf, rules: &Rules) -> Option<Lease> {
        loop {
            let mut lease = self.pop(shelf)?;
            if rules.judge_address(lease.peer, &shelf.to).is_ok() && lease.is_usable() {
                return Some(lease);
            }
        }
    }

    fn pop(&self, shelf: &Shelf) -> Option<Lease> {
        let mut kept = self.lock();
        let leases = kept.shelves.get_mut(shelf)?;
        let (lease, _) = leases.pop()?;
        if leases.is_empty() {
            kept.shelves.remove(shelf);
        }
        kept.count -= 1;
        Some(lease)
    }

    /// Keeps a connection whose reply was read to its end, if it is fit for another request.
    pub(crate) async fn put(self: &Arc<Self>, shelf: Shelf, mut lease: Lease) {
        if !shelf.purpose.is_configured() || !matches!(timeout(SETTLE_TIME, lease.sender.ready()).await, Ok(Ok(()))) {
            return;
        }
        {
            let mut kept = self.lock();
            if kept.count >= MAX_IDLE {
                return;
            }
            let leases = kept.shelves.entry(shelf).or_default();
            if leases.len() >= MAX_IDLE_PER_ORIGIN {
                return;
            }
            leases.push((lease, Instant::now() + IDLE_TIME));
            kept.count += 1;
        }
        if !self.sweeping.swap(true, Ordering::AcqRel) {
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }

    /// Closes what was kept too long; says whether anything is left.
    fn drop_old(&self, now: Instant) -> bool {
        let mut kept = self.lock();
        kept.shelves.retain(|_, leases| {
            leases.retain(|(lease, until)| *until > now && !lease.sender.is_closed());
            !leases.is_empty()
        });
        kept.count = kept.shelves.values().map(Vec::len).sum();
        if kept.count == 0 {
            // Under the lock, so that a connection put now starts the next sweep.
            self.sweeping.store(false, Ordering::Release);
        }
        kept.count > 0
    }
}

/// Closes old connections until none is left, or the pool is gone.
async fn sweep(pool: Weak<Pool>) {
    loop {
        sleep(IDLE_TIME / 2).await;
        let Some(pool) = pool.upgrade() else { return };
        if !pool.drop_old(Instant::now()) {
            return;
        }
    }
}
