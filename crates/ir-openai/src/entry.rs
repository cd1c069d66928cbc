//! What every endpoint does first and last: who is asking, in which language to answer, and how a
//! refusal becomes a response.

use crate::api::{Api, identify_head};
use crate::error::{Mode, REQUEST_ID, Reader, render, render_failure};
use crate::language::language_of;
use crate::rules::Rules;
use crate::wants;
use axum::body::Body;
use axum::extract::Request;
use http::request::Parts;
use http::{HeaderValue, Method, Response};
use ir_engine::{Engine, Failure};
use ir_model::{Blame, Caller, Fault, Peer, RequestId};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// A request whose sender is known.
pub(crate) struct Entry {
    pub(crate) engine: Arc<Engine>,
    pub(crate) rules: Rules,
    pub(crate) caller: Caller,
    pub(crate) peer: IpAddr,
    pub(crate) reader: Reader,
}

/// Why there is no answer.
pub(crate) enum Refusal {
    /// The gateway refused, before any attempt.
    Fault(Box<Fault>),
    /// Drawing failed.
    Failure(Box<Failure>),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(Box::new(fault))
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failure(Box::new(failure))
    }
}

/// What an endpoint comes to.
pub(crate) type Answer = Result<Response<Body>, Refusal>;

/// As [`serve`], for endpoints that draw: one that there is no room for is refused before its body is
/// read. One that may repeat an earlier request is read all the same, since that costs no drawing.
pub(crate) async fn serve_drawing<F, W>(api: Arc<Api>, request: Request, work: W) -> Response<Body>
where
    F: Future<Output = Answer>,
    W: FnOnce(Entry, Parts, Body) -> F,
{
    serve(api, request, async move |entry, parts, body| {
        if !parts.headers.contains_key(wants::KEY) {
            entry.engine.has_room(&entry.caller, Some(entry.peer))?;
        }
        work(entry, parts, body).await
    })
    .await
}

/// Identifies the sender, lets the endpoint work, and renders what it comes to. A request without
/// a right to be served is answered before a byte of its body is read.
pub(crate) async fn serve<F, W>(api: Arc<Api>, request: Request, work: W) -> Response<Body>
where
    F: Future<Output = Answer>,
    W: FnOnce(Entry, Parts, Body) -> F,
{
    let (parts, body) = request.into_parts();
    let mut reader = reader_of(&parts, api.engine());
    let rules = Rules::of(&api.engine().snapshot().settings);
    let peer = peer_of(&parts);
    let caller = match identify_head(&api, &parts).await {
        Ok(caller) => caller,
        Err(fault) => return refuse(&fault.into(), &reader),
    };
    reader.mode = match caller {
        Caller::Relay { .. } => Mode::Relay,
        Caller::Client(_) | Caller::Key(_) => Mode::Backend,
    };
    if parts.method == Method::POST
        && let Err(fault) = api.engine().admit(&caller)
    {
        return refuse(&fault.into(), &reader);
    }
    let told = reader.clone();
    match work(Entry { engine: api.engine().clone(), rules, caller, peer, reader }, parts, body).await {
        Ok(response) => stamped(response, &told),
        Err(refusal) => refuse(&refusal, &told),
    }
}

/// The response with the id of its request.
pub(crate) fn stamped(mut response: Response<Body>, reader: &Reader) -> Response<Body> {
    let id = HeaderValue::from_str(reader.id.as_str()).expect("invariant: request ids are visible ASCII");
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// Renders a refusal and writes the one log line about it.
pub(crate) fn refuse(refusal: &Refusal, reader: &Reader) -> Response<Body> {
    let (fault, provider, response) = match refusal {
        Refusal::Fault(fault) => (&**fault, None, render(fault, reader)),
        Refusal::Failure(failure) => (&failure.fault, failure.provider.as_deref(), render_failure(failure, reader)),
    };
    log(fault, provider, response.status().as_u16(), reader);
    response
}

/// One line per failed request: what, whose fault, and what only the operator may know.
pub(crate) fn log(fault: &Fault, provider: Option<&str>, status: u16, reader: &Reader) {
    let (class, id) = (fault.class.name(), reader.id.as_str());
    let detail = fault.detail.as_deref().unwrap_or_default();
    let (param, provider) = (fault.param.as_deref().unwrap_or_default(), provider.unwrap_or_default());
    match fault.blame() {
        Blame::Caller => tracing::info!(request_id = id, status, class, param, provider, detail, "request refused"),
        Blame::Operator | Blame::Platform => tracing::warn!(request_id = id, status, class, param, provider, detail, "request failed"),
    }
}

/// Who reads the answer, as far as the head of the request tells.
pub(crate) fn reader_of(parts: &Parts, engine: &Engine) -> Reader {
    let id = parts.extensions.get::<RequestId>().cloned().unwrap_or_else(|| RequestId::random(&**engine.dice()));
    Reader { id, language: language_of(&parts.headers), mode: Mode::Backend }
}

/// The sender's address. Without a listener that tells it, nobody is taken for local.
pub(crate) fn peer_of(parts: &Parts) -> IpAddr {
    parts.extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip())
}
