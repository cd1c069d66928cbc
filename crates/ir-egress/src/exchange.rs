//! A described exchange, performed: the call is written as a request, and the reply read into a
//! small document or the spool.

use crate::events::Events;
use crate::faults::{from_wire, nonsense};
use crate::multipart;
use crate::refusals::Refusals;
use crate::reply::{ReplyLimits, read_reply};
use crate::rules::Purpose;
use crate::wire::{Timing, Wire, WireRequest};
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use ir_model::{Charge, Class, Clock, Fault, Gate, Timestamp};
use ir_platforms::{Call, CallBody, HeaderValue as CallHeader, Method as CallMethod, Reply, Target};
use ir_spool::{PieceBody, Spool, render_json};
use std::fmt;
use std::sync::Arc;
use tokio::time::Instant;
use url::Url;

/// How the gateway names itself to others.
pub(crate) const AGENT: HeaderValue = HeaderValue::from_static(concat!("img-router/", env!("CARGO_PKG_VERSION")));

/// What one exchange may take.
#[derive(Clone, Copy, Debug)]
pub struct ExchangeLimits {
    /// How long each step may take.
    pub timing: Timing,
    /// The end of everything: the request's own deadline.
    pub deadline: Instant,
    /// Most bytes of a document as it comes over the wire, pictures in it included.
    pub max_json: u64,
    /// Most bytes of one picture, decoded.
    pub max_picture: u64,
}

/// Where exchanges and downloads go through. Cloning is cheap.
#[derive(Clone)]
pub struct Door {
    pub(crate) wire: Arc<dyn Wire>,
    pub(crate) spool: Spool,
    pub(crate) refusals: Arc<Refusals>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").finish_non_exhaustive()
    }
}

/// A reply, by how it comes.
#[derive(Debug)]
pub enum Answer {
    /// It was read to its end.
    Whole(Reply),
    /// Status 2xx, one event after another.
    Events(Box<Events>),
}

fn is_event_stream(content_type: &str) -> bool {
    content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/event-stream")
}

impl Door {
    /// A door over a wire. `clock` resolves `Retry-After` dates.
    pub fn new(wire: Arc<dyn Wire>, spool: Spool, clock: Arc<dyn Clock>) -> Self {
        let refusals = wire.refusals().unwrap_or_default();
        Self { wire, spool, refusals, clock }
    }

    /// What was refused on this way out.
    pub fn refusals(&self) -> &Arc<Refusals> {
        &self.refusals
    }

    /// The time, as the door's clock has it.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Performs one exchange whose reply is no stream of events. See [`Door::call`].
    ///
    /// # Errors
    /// As [`Door::call`]; `UpstreamFault`, charged `Maybe`, for a stream of events.
    pub async fn exchange(&self, call: &Call, limits: &ExchangeLimits) -> Result<Reply, Fault> {
        match self.call(call, limits).await? {
            Answer::Whole(reply) => Ok(reply),
            Answer::Events(_) => Err(nonsense("a stream of events that nobody asked for")),
        }
    }

    /// Performs one exchange with a platform. Statuses are the adapter's to judge, but for 3xx: an
    /// API's redirect is never followed, lest the key go elsewhere.
    ///
    /// # Errors
    /// `Timeout` or `UpstreamFault`, charged `No` when nothing was sent or the call cannot be charged,
    /// else `Maybe`; `KeyRejected` for a key that no header can carry; a [`Gate`] fault when our own
    /// disk fails.
    pub async fn call(&self, call: &Call, limits: &ExchangeLimits) -> Result<Answer, Fault> {
        let answer = self.send(call, limits).await;
        if call.harmless { answer.map_err(|fault| fault.charged(Charge::No)) } else { answer }
    }

    async fn send(&self, call: &Call, limits: &ExchangeLimits) -> Result<Answer, Fault> {
        let request = render(call, limits)?;
        let reply = self.wire.send(request).await.map_err(|fault| from_wire(&fault))?;
        if (300..400).contains(&reply.status) {
            let detail = format!("status {} from an API is not followed", reply.status);
            return Err(Fault::new(Class::UpstreamFault).charged(Charge::No).detail(detail));
        }
        let limits = ReplyLimits { max_json: limits.max_json, max_picture: limits.max_picture };
        if (200..300).contains(&reply.status) && reply.header("content-type").is_some_and(is_event_stream) {
            return Ok(Answer::Events(Box::new(Events::new(reply.body, self.spool.clone(), limits))));
        }
        let reply = read_reply(reply, &self.spool, limits, self.clock.now()).await?;
        Ok(Answer::Whole(Reply { memo: call.memo.clone(), ..reply }))
    }
}

/// Writes a call as a request.
fn render(call: &Call, limits: &ExchangeLimits) -> Result<WireRequest, Fault> {
    let Target::Http { method, url, headers } = &call.target else {
        return Err(Fault::new(Class::Gate(Gate::Internal)).detail("a recipe is drawn by the engine, not sent"));
    };
    let unsendable = |what: String| Fault::new(Class::UpstreamFault).charged(Charge::No).detail(what);
    let url = Url::parse(url).map_err(|error| unsendable(format!("the call's address: {error}")))?;
    let mut out = HeaderMap::new();
    out.insert(USER_AGENT, AGENT);
    out.insert(ACCEPT, HeaderValue::from_static("*/*"));
    for (name, value) in headers {
        out.insert(HeaderName::from_static(name), header_value(name, value)?);
    }
    out.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let (body, content_type) = match &call.body {
        CallBody::None => (None, None),
        CallBody::Json(node) => (Some(PieceBody::new(render_json(node))), Some("application/json".to_owned())),
        CallBody::Multipart(parts) => {
            let boundary = multipart::boundary(parts);
            let body = PieceBody::new(multipart::render(parts, &boundary));
            (Some(body), Some(format!("multipart/form-data; boundary={boundary}")))
        }
    };
    if let Some(text) = content_type {
        out.insert(CONTENT_TYPE, HeaderValue::try_from(text).expect("invariant: a boundary is made of letters and digits"));
    }
    let method = match method {
        CallMethod::Get => Method::GET,
        CallMethod::Post => Method::POST,
    };
    let (timing, deadline) = (limits.timing, limits.deadline);
    Ok(WireRequest { method, url, headers: out, body, purpose: Purpose::Provider, timing, deadline })
}

fn header_value(name: &str, value: &CallHeader) -> Result<HeaderValue, Fault> {
    let (text, secret) = match value {
        CallHeader::Plain(text) => (HeaderValue::from_str(text), false),
        CallHeader::Bearer(key) => (HeaderValue::try_from(format!("Bearer {}", key.expose())), true),
        CallHeader::Secret(key) => (HeaderValue::from_str(key.expose()), true),
    };
    let class = if secret { Class::KeyRejected } else { Class::UpstreamFault };
    // The error does not repeat the value.
    let mut value = text.map_err(|_| Fault::new(class).charged(Charge::No).detail(format!("the value of {name} cannot be sent")))?;
    value.set_sensitive(secret);
    Ok(value)
}
