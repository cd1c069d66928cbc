//! `GET /api/info`: what answers here. Open to all, and tells nothing else.

use crate::admin::Admin;
use crate::body::Answer;
use axum::extract::State;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Info {
    service: &'static str,
    version: &'static str,
    docs: &'static str,
    ui: &'static str,
}

/// What answers here.
#[utoipa::path(get, path = "/api/info", tag = "info", responses((status = 200, body = Info)))]
pub(crate) async fn info(State(admin): State<Arc<Admin>>) -> Answer<Info> {
    Answer(Info { service: "img-router", version: admin.version, docs: "/docs/api", ui: "/admin" })
}
