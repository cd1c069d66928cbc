//! The routes of the public dialect.

use crate::auth;
use crate::entry::{peer_of, reader_of, refuse};
use crate::responses_memory::Given;
use crate::{blend, chat, edits, error, generations, models, requests, responses, variations};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::routing::{get, post};
use http::Response;
use http::request::Parts;
use ir_engine::Engine;
use ir_model::{Caller, Class, Fault, Gate, Known};
use std::sync::Arc;

/// What the handlers share.
#[derive(Clone)]
pub struct Api {
    engine: Arc<Engine>,
    pub(crate) given: Arc<Given>,
}

impl Api {
    /// The public dialect over an engine.
    pub fn new(engine: Arc<Engine>) -> Self {
        Self { engine, given: Arc::default() }
    }

    /// The engine.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }
}

/// The routes. The listener adds CORS, request ids ([`ir_model::RequestId`] in the extensions),
/// [`ir_model::Peer`], limits on connections, and [`not_found`] for everything else.
pub fn router() -> Router<Arc<Api>> {
    Router::new()
        .route("/v1/images/generations", post(generations::handle))
        .route("/v1/images/edits", post(edits::handle))
        .route("/v1/images/blend", post(blend::handle))
        .route("/v1/images/variations", post(variations::handle))
        .route("/v1/images/requests/{id}", get(requests::one))
        .route("/v1/chat/completions", post(chat::handle))
        .route("/v1/responses", post(responses::handle))
        .route("/v1/models", get(models::list))
        .route("/v1/models/{*id}", get(models::one))
        .method_not_allowed_fallback(method_not_allowed)
}

/// The answer for a path that nobody has.
pub async fn not_found(State(api): State<Arc<Api>>, request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    error::render(&Fault::new(Class::Gate(Gate::NotFound)), &reader_of(&parts, api.engine()))
}

/// The answer for a method that a path does not take; the router adds `Allow`.
pub async fn method_not_allowed(State(api): State<Arc<Api>>, request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    error::render(&Fault::new(ir_model::Class::Gate(Gate::MethodNotAllowed)), &reader_of(&parts, api.engine()))
}

/// Renders a refusal of which only the request's head was read, and logs it.
pub fn refuse_head(api: &Api, parts: &Parts, fault: &Fault) -> Response<Body> {
    refuse(&fault.clone().into(), &reader_of(parts, api.engine()))
}

/// Who sent a request, by its head. Whoever guesses at keys waits for the answer.
///
/// # Errors
/// As `Engine::identify`; 400 for contradictory credentials.
pub async fn identify_head(api: &Api, parts: &Parts) -> Result<Caller, Fault> {
    if let Some(known) = parts.extensions.get::<Known>() {
        return Ok(known.0.clone());
    }
    let peer = peer_of(parts);
    let caller = auth::token(&parts.headers).and_then(|token| api.engine().identify(token, peer));
    if caller.as_ref().is_err_and(|fault| fault.class == Class::Gate(Gate::BadKey)) {
        api.engine().hold_back(peer).await;
    }
    caller
}
