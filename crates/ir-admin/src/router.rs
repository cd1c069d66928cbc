//! All routes, and what they are told to be.

use crate::admin::Admin;
use crate::{client_keys, config, gallery, info, keys, live, metrics, refusal, requests, session, stats, tools, update};
use axum::Router;
use axum::middleware;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn described() -> OpenApiRouter<Arc<Admin>> {
    OpenApiRouter::new()
        .routes(routes!(info::info))
        .merge(session::router())
        .merge(config::router())
        .merge(keys::router())
        .merge(client_keys::router())
        .merge(stats::router())
        .merge(requests::router())
        .merge(live::router())
        .merge(gallery::router())
        .merge(tools::router())
        .merge(update::router())
        .routes(routes!(metrics::read))
}

/// The routes below `/api`. [`crate::guard`] must stand in front of them.
pub fn router(admin: &Arc<Admin>) -> Router {
    let (router, _) = described().split_for_parts();
    router.method_not_allowed_fallback(other_method).layer(middleware::from_fn(refusal::told)).with_state(Arc::clone(admin))
}

/// The answer for a path below `/api` that nobody has.
pub fn nothing(headers: &HeaderMap) -> Response {
    refusal::Refusal::not_found("There is no such operation.", "没有这个接口。").render(headers)
}

async fn other_method() -> refusal::Refusal {
    refusal::Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "This method is not served here.", "不支持该方法。")
}
