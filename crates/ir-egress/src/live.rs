//! The real wire: HTTP/1.1 over connections that the connector judged.
//!
//! No proxy is ever used: nothing here reads `HTTP_PROXY` and its relatives. No redirect is
//! followed, no cookie kept, `Alt-Svc` ignored, and no reply with a content encoding is accepted.

use crate::connect::{Connector, EgressParts};
use crate::pool::{Lease, OutBody, Pool, Shelf};
use crate::refusals::Refusals;
use crate::rules::{Pace, Refusal, Rules};
use crate::url_rules::{Destination, judge_url};
use crate::wire::{Phase, Wire, WireBody, WireFault, WireFaultKind, WireReply, WireRequest};
use arc_swap::ArcSwap;
use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HOST, HeaderValue};
use http::{Request, Response, Uri};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use url::{Position, Url};

/// How often a request that was not written (its kept connection had just been closed) is tried on
/// another kept one before a fresh one is opened.
const STALE_TRIES: usize = 2;

/// The wire to the outside.
pub struct EgressWire {
    rules: ArcSwap<Rules>,
    connector: Connector,
    pool: Arc<Pool>,
    refusals: Arc<Refusals>,
}

impl fmt::Debug for EgressWire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EgressWire").field("rules", &self.rules.load()).finish_non_exhaustive()
    }
}

impl EgressWire {
    /// A wire with the system's resolver and sockets, and Mozilla's roots.
    pub fn new(rules: Rules) -> Self {
        Self::with_parts(rules, EgressParts::default())
    }

    /// A wire made of parts of one's own.
    pub fn with_parts(rules: Rules, parts: EgressParts) -> Self {
        let refusals = Arc::<Refusals>::default();
        let connector = Connector::new(parts, Arc::clone(&refusals));
        Self { rules: ArcSwap::from_pointee(rules), connector, pool: Arc::default(), refusals }
    }

    /// Replaces the rules. They hold for the next request, kept connections included.
    pub fn set_rules(&self, rules: Rules) {
        self.rules.store(Arc::new(rules));
    }

    /// The rules in force.
    pub fn rules(&self) -> Arc<Rules> {
        self.rules.load_full()
    }

    fn refused(&self, request: &WireRequest, refusal: Refusal) -> WireFault {
        let host = request.url.host_str().unwrap_or_default();
        tracing::warn!(host, purpose = request.purpose.name(), class = refusal.class(), "outgoing request refused: {refusal}");
        self.refusals.note(request.purpose, host, refusal);
        WireFault { kind: WireFaultKind::Refused, sent: false, detail: format!("{host}: {refusal}") }
    }

    async fn exchange(&self, request: WireRequest) -> Result<WireReply, WireFault> {
        let end = request.deadline.min(Instant::now() + request.timing.total);
        let rules = self.rules.load_full();
        let to = judge_url(&request.url, request.purpose, &rules).map_err(|refusal| self.refused(&request, refusal))?;
        let (timing, purpose) = (request.timing, request.purpose);
        let shelf = Shelf { purpose, to };
        let mut outgoing = outgoing(request, &shelf.to)?;
        for attempt in 0.. {
            let kept = if attempt < STALE_TRIES { self.pool.take(&shelf, &rules) } else { None };
            let fresh = kept.is_none();
            let mut lease = match kept {
                Some(lease) => lease,
                None => {
                    let connected = self.connector.connect(purpose, &shelf.to, &rules, &timing, end).await?;
                    Lease::open(connected, &shelf.to).await?
                }
            };
            let until = end.min(Instant::now() + timing.first_byte);
            match timeout_at(until, lease.sender.try_send_request(outgoing)).await {
                Ok(Ok(response)) => {
                    let deadlines = Deadlines::new(timing.idle, end, rules.pace(purpose));
                    return reply(response, LiveLease { lease, shelf, pool: Arc::clone(&self.pool) }, deadlines);
                }
                Ok(Err(mut error)) => match error.take_message() {
                    // Nothing of it was written: the other side had closed a kept connection.
                    Some(message) if !fresh => outgoing = message,
                    message => return Err(broken(&shelf.to, &error.into_error(), message.is_none())),
                },
                Err(_) => {
                    let phase = if until == end { Phase::Total } else { Phase::FirstByte };
                    return Err(shelf.to.fault(WireFaultKind::Timeout(phase), true, "no reply in time"));
                }
            }
        }
        unreachable!("invariant: after the kept connections a fresh one ends the loop")
    }
}

#[async_trait]
impl Wire for EgressWire {
    async fn send(&self, request: WireRequest) -> Result<WireReply, WireFault> {
        self.exchange(request).await
    }

    fn refusals(&self) -> Option<Arc<Refusals>> {
        Some(Arc::clone(&self.refusals))
    }
}

impl Destination {
    fn fault(&self, kind: WireFaultKind, sent: bool, why: &str) -> WireFault {
        WireFault { kind, sent, detail: format!("{}:{}: {why}", self.host, self.port) }
    }
}

/// A request in origin form, with `host` and `content-length`.
fn outgoing(request: WireRequest, to: &Destination) -> Result<Request<OutBody>, WireFault> {
    let impossible = |why: &str| to.fault(WireFaultKind::Protocol, false, why);
    let path = &request.url[Position::BeforePath..Position::AfterQuery];
    let uri: Uri = path.parse().map_err(|_| impossible("the path cannot be written in a request"))?;
    let host = HeaderValue::from_str(&authority(&request.url)).map_err(|_| impossible("the host cannot be written in a header"))?;
    let length = request.body.as_ref().map(|body| body.len());
    let mut out = Request::new(OutBody::new(request.body));
    *out.method_mut() = request.method;
    *out.uri_mut() = uri;
    *out.headers_mut() = request.headers;
    out.headers_mut().insert(HOST, host);
    if let Some(length) = length.or_else(|| (out.method() == http::Method::POST).then_some(0)) {
        out.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(out)
}

/// Host and port as they stand in the address; the port only if it is not the scheme's own.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn broken(to: &Destination, error: &hyper::Error, sent: bool) -> WireFault {
    let kind = if error.is_parse_too_large() {
        WireFaultKind::TooLarge
    } else if error.is_parse() {
        WireFaultKind::Protocol
    } else {
        WireFaultKind::Broken
    };
    to.fault(kind, sent, &chain(error))
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

fn reply(response: Response<Incoming>, lease: LiveLease, deadlines: Deadlines) -> Result<WireReply, WireFault> {
    let (head, incoming) = response.into_parts();
    let fault = |why: &str| lease.shelf.to.fault(WireFaultKind::Protocol, true, why);
    if head.status.is_informational() {
        return Err(fault("it changed the protocol"));
    }
    let encoded = |value: &HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity") && !value.is_empty();
    if head.headers.get_all(CONTENT_ENCODING).iter().any(encoded) {
        return Err(fault("the reply has a content encoding, which was not accepted"));
    }
    let body = WireBody::live(LiveBody { incoming, lease: Some(lease), deadlines });
    Ok(WireReply { status: head.status.as_u16(), headers: head.headers, body })
}

/// A connection in use, and where it goes afterwards.
#[derive(Debug)]
struct LiveLease {
    lease: Lease,
    shelf: Shelf,
    pool: Arc<Pool>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

/// Until when the next piece of a body must be there.
#[derive(Debug)]
pub(crate) struct Deadlines {
    idle: Duration,
    end: Instant,
    pace: Option<Pace>,
    waited: Duration,
    received: u64,
}

impl Deadlines {
    pub(crate) fn new(idle: Duration, end: Instant, pace: Option<Pace>) -> Self {
        Self { idle, end, pace, waited: Duration::ZERO, received: 0 }
    }

    /// The nearest deadline for a wait that begins `now`, and whose it is.
    pub(crate) fn next(&self, now: Instant) -> (Instant, Phase) {
        let mut nearest = (now + self.idle, Phase::Idle);
        if let Some(pace) = self.pace {
            let millis = self.received.saturating_mul(1000) / pace.bytes_per_second.max(1);
            let earned = pace.grace + Duration::from_millis(millis);
            let until = now + earned.saturating_sub(self.waited);
            if until < nearest.0 {
                nearest = (until, Phase::Pace);
            }
        }
        if self.end < nearest.0 { (self.end, Phase::Total) } else { nearest }
    }

    /// A piece came after this wait.
    pub(crate) fn arrived(&mut self, bytes: usize, waited: Duration) {
        self.waited += waited;
        self.received = self.received.saturating_add(bytes as u64);
    }
}

/// A reply's body on its connection.
#[derive(Debug)]
pub(crate) struct LiveBody {
    incoming: Incoming,
    /// `None` once the body is over. Dropped with the body before that: the connection is closed.
    lease: Option<LiveLease>,
    deadlines: Deadlines,
}

impl LiveBody {
    /// See [`WireBody::chunk`].
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, WireFault> {
        while let Some(lease) = &self.lease {
            let began = Instant::now();
            let (until, phase) = self.deadlines.next(began);
            let result = match timeout_at(until, self.incoming.frame()).await {
                Ok(Some(Ok(frame))) => {
                    let data = frame.into_data().unwrap_or_default();
                    self.deadlines.arrived(data.len(), began.elapsed());
                    if data.is_empty() {
                        continue;
                    }
                    ir_crash::point("reply.chunk");
                    return Ok(Some(data));
                }
                Ok(None) => Ok(None),
                Ok(Some(Err(error))) => Err(broken(&lease.shelf.to, &error, true)),
                Err(_) => Err(lease.shelf.to.fault(WireFaultKind::Timeout(phase), true, "the reply stopped in its midst")),
            };
            if let Some(LiveLease { lease, shelf, pool }) = self.lease.take()
                && result.is_ok()
            {
                pool.put(shelf, lease).await;
            }
            return result;
        }
        Ok(None)
    }
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
