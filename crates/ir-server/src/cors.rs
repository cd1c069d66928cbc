//! CORS for browser clients: open on `/v1` and on pictures, by the setting `cors`; nowhere else.
//!
//! `Access-Control-Allow-Headers: *` does not cover `authorization`, so the requested list is echoed.

use crate::gateway::Gateway;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use std::sync::Arc;

const EXPOSED: &str = "x-request-id, x-img-router-provider, x-img-router-model, x-img-router-attempts, x-img-router-ignored, \
     x-img-router-warning, x-img-router-revised-size, retry-after, x-should-retry, location, preference-applied, idempotent-replayed, content-length, etag";
const METHODS: &str = "GET, POST, HEAD, OPTIONS";

pub(crate) async fn layer(State(gateway): State<Arc<Gateway>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let settings = gateway.engine.snapshot().settings.clone();
    let covered = path.starts_with("/v1/") || path.starts_with("/storage/");
    let origin = request.headers().get(header::ORIGIN).cloned();
    let allowed = allowed(&settings.security.cors_origins, origin.as_ref());
    if !covered || !settings.system.cors || allowed.is_none() {
        return next.run(request).await;
    }
    let allowed = allowed.expect("checked above");
    let preflight = request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if preflight || request.method() == Method::OPTIONS {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        if let Some(asked) = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
            response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
        }
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
        headers.insert(header::VARY, HeaderValue::from_static("origin, access-control-request-headers"));
        response
    } else {
        next.run(request).await
    };
    stamp(response.headers_mut(), allowed);
    response
}

/// The value of `Access-Control-Allow-Origin`, if the origin may read answers. No list: anybody.
fn allowed(origins: &[String], origin: Option<&HeaderValue>) -> Option<HeaderValue> {
    if origins.is_empty() {
        return Some(HeaderValue::from_static("*"));
    }
    origin.filter(|origin| origins.iter().any(|known| known.as_bytes() == origin.as_bytes())).cloned()
}

fn stamp(headers: &mut HeaderMap, allowed: HeaderValue) {
    if allowed != "*" {
        headers.append(header::VARY, HeaderValue::from_static("origin"));
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
}
