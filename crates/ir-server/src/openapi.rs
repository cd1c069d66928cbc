//! `/openapi.json`: what `/v1` and `/api` are, made from the code.

use axum::body::Body;
use http::{Response, header};
use std::sync::LazyLock;

pub(crate) async fn document() -> Response<Body> {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let mut api = ir_admin::openapi(env!("CARGO_PKG_VERSION"));
        api.merge(ir_openai::openapi());
        api.to_json().expect("invariant: the document holds only texts and numbers")
    });
    Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CACHE_CONTROL, "no-cache")
        .header(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")
        .body(Body::from(TEXT.as_str()))
        .expect("invariant: fixed headers are valid")
}
