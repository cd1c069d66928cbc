//! Trying what is configured.

mod channel;
mod image_bed;
mod models;
mod newapi_key;
mod optimizer;
mod storage;

use crate::admin::Admin;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn router() -> OpenApiRouter<Arc<Admin>> {
    OpenApiRouter::new()
        .routes(routes!(optimizer::test))
        .routes(routes!(models::fetch))
        .routes(routes!(newapi_key::test))
        .routes(routes!(channel::test))
        .routes(routes!(storage::test))
        .routes(routes!(image_bed::test))
}

/// What trying something came to.
#[derive(Debug, Serialize, ToSchema)]
struct Tried {
    ok: bool,
    /// For people.
    message: String,
    /// What it gave, if that is an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}
