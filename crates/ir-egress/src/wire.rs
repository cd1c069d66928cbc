//! One exchange over the wire, as the rest of the gateway sees it: a request, a reply whose body
//! is read piece by piece, or a fault that says whether anything was sent. [`crate::EgressWire`] is
//! the real one; [`crate::ScriptedWire`] and simulated networks stand in for it.

use crate::live::LiveBody;
use crate::refusals::Refusals;
use crate::rules::Purpose;
use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method};
use ir_spool::PieceBody;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// What carries requests to the outside.
#[async_trait]
pub trait Wire: Send + Sync + 'static {
    /// Sends one request and waits for the head of its reply. Redirects are replies like others.
    /// Dropping the future, or the reply before its end, closes the connection.
    ///
    /// # Errors
    /// [`WireFault`].
    async fn send(&self, request: WireRequest) -> Result<WireReply, WireFault>;

    /// Where it notes what it refuses, if it refuses anything.
    fn refusals(&self) -> Option<Arc<Refusals>> {
        None
    }
}

/// One request. `host` and `content-length` are set by the wire.
pub struct WireRequest {
    /// The method.
    pub method: Method,
    /// Where to. Judged by the wire.
    pub url: Url,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, of known length.
    pub body: Option<PieceBody>,
    /// On whose word.
    pub purpose: Purpose,
    /// How long each step may take.
    pub timing: Timing,
    /// The end of everything, whatever `timing` says.
    pub deadline: Instant,
}

impl fmt::Debug for WireRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No query (it may hold a signature), no header values, no body.
        f.debug_struct("WireRequest")
            .field("method", &self.method)
            .field("host", &self.url.host_str())
            .field("path", &self.url.path())
            .field("purpose", &self.purpose)
            .finish_non_exhaustive()
    }
}

/// How long each step of an exchange may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Establishing TCP, over all addresses of a name.
    pub connect: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// From a ready connection to the head of the reply, writing the request included.
    pub first_byte: Duration,
    /// Between two pieces of the body.
    pub idle: Duration,
    /// Everything, from the call to the last byte.
    pub total: Duration,
}

impl Timing {
    /// For a platform's API: connect 10 s, TLS 10 s, idle 60 s (`07-security.md`), total 600 s, and
    /// the time to the first byte that setting and card allow.
    pub const fn provider(first_byte: Duration) -> Self {
        Self {
            connect: Duration::from_secs(10),
            tls: Duration::from_secs(10),
            first_byte,
            idle: Duration::from_secs(60),
            total: Duration::from_secs(600),
        }
    }

    /// For addresses of callers: 10 s to the first byte, 30 s in all (R-SSRF-10). Applied by
    /// [`crate::Door::download`] as an upper bound.
    pub const fn user_url() -> Self {
        Self {
            connect: Duration::from_secs(10),
            tls: Duration::from_secs(10),
            first_byte: Duration::from_secs(10),
            idle: Duration::from_secs(10),
            total: Duration::from_secs(30),
        }
    }

    /// For pictures that platforms drew and host: 30 s to the first byte, 120 s in all.
    pub const fn drawn() -> Self {
        Self { first_byte: Duration::from_secs(30), idle: Duration::from_secs(30), total: Duration::from_secs(120), ..Self::user_url() }
    }

    /// The shorter time of each.
    #[must_use]
    pub fn at_most(self, other: Self) -> Self {
        Self {
            connect: self.connect.min(other.connect),
            tls: self.tls.min(other.tls),
            first_byte: self.first_byte.min(other.first_byte),
            idle: self.idle.min(other.idle),
            total: self.total.min(other.total),
        }
    }
}

/// The head of a reply, and its body to be read.
#[derive(Debug)]
pub struct WireReply {
    /// The status.
    pub status: u16,
    /// The headers; at most 100, together at most 64 KiB.
    pub headers: HeaderMap,
    /// The body.
    pub body: WireBody,
}

impl WireReply {
    /// A header's value, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// A reply's body.
#[derive(Debug)]
pub struct WireBody(Source);

#[derive(Debug)]
enum Source {
    Live(Box<LiveBody>),
    Scripted(VecDeque<Result<Bytes, WireFault>>),
}

impl WireBody {
    /// A body from a connection.
    pub(crate) fn live(body: LiveBody) -> Self {
        Self(Source::Live(Box::new(body)))
    }

    /// A body that gives these pieces, and a fault where one stands. For wires that simulate.
    pub fn scripted(pieces: impl IntoIterator<Item = Result<Bytes, WireFault>>) -> Self {
        Self(Source::Scripted(pieces.into_iter().collect()))
    }

    /// The next piece, never empty; `None` at the end. Idle time, pace and total are watched here.
    ///
    /// # Errors
    /// [`WireFault`] with `sent`; after one, the body is over.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, WireFault> {
        match &mut self.0 {
            Source::Live(body) => body.chunk().await,
            Source::Scripted(pieces) => loop {
                match pieces.pop_front().transpose() {
                    Ok(Some(piece)) if piece.is_empty() => {}
                    Ok(next) => return Ok(next),
                    Err(fault) => {
                        pieces.clear();
                        return Err(fault);
                    }
                }
            },
        }
    }
}

/// Why an exchange broke off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireFault {
    /// What happened.
    pub kind: WireFaultKind,
    /// Whether a byte of the request may have reached the other side. False only if certainly not.
    pub sent: bool,
    /// For the log: host and error chain, never a query, a header or a body.
    pub detail: String,
}

impl fmt::Display for WireFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} ({}): {}", self.kind, if self.sent { "sent" } else { "not sent" }, self.detail)
    }
}

impl std::error::Error for WireFault {}

/// Kinds of [`WireFault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WireFaultKind {
    /// The rules forbid the address as it is written.
    Refused,
    /// The rules forbid what the name leads to, or what was connected to. Told apart from
    /// [`WireFaultKind::Refused`] so that callers do not learn how names resolve in here.
    Blocked,
    /// The name has no addresses, or the lookup failed.
    Resolve,
    /// No connection.
    Connect,
    /// No connection, since this process has no file descriptor left for one.
    Exhausted,
    /// No TLS, or not with the host that was meant.
    Tls,
    /// A step took too long.
    Timeout(Phase),
    /// The connection ended or failed in the midst.
    Broken,
    /// The reply's head is too large.
    TooLarge,
    /// What came is not HTTP as we take it.
    Protocol,
}

/// Steps that have a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Looking the name up.
    Resolve,
    /// Establishing TCP.
    Connect,
    /// The TLS handshake.
    Tls,
    /// Waiting for the head of the reply.
    FirstByte,
    /// Waiting for the next piece of the body.
    Idle,
    /// The sender is slower than [`crate::Pace`].
    Pace,
    /// Everything.
    Total,
}
