//! `/health`: the process is up. `/ready`: it can serve.

use crate::gateway::Gateway;
use axum::body::Body;
use axum::extract::State;
use http::{Response, StatusCode, header};
use serde_json::json;
use std::sync::Arc;

pub(crate) async fn health(State(gateway): State<Arc<Gateway>>) -> Response<Body> {
    if !gateway.engine.snapshot().settings.system.health_check {
        return answer(StatusCode::NOT_FOUND, &json!({ "status": "off" }));
    }
    answer(StatusCode::OK, &json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))
}

pub(crate) async fn ready(State(gateway): State<Arc<Gateway>>) -> Response<Body> {
    match gateway.engine.ready().await {
        Ok(()) => answer(StatusCode::OK, &json!({ "status": "ready" })),
        Err(reasons) => answer(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "not ready", "reasons": reasons })),
    }
}

fn answer(status: StatusCode, value: &serde_json::Value) -> Response<Body> {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CACHE_CONTROL, "no-store")
        .body(Body::from(value.to_string()))
        .expect("invariant: fixed headers are valid")
}
