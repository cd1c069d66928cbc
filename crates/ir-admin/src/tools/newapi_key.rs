//! `POST /api/tools/test-newapi-key`

use super::models::{ModelsFound, found};
use crate::admin::Admin;
use crate::body::{Answer, Json};
use crate::refusal::Refusal;
use axum::extract::State;
use http::HeaderMap;
use ir_model::Secret;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewApiKey {
    base_url: String,
    key: String,
}

/// Tries a base address and a key of an OpenAI-compatible endpoint.
#[utoipa::path(post, path = "/api/tools/test-newapi-key", tag = "tools", request_body = NewApiKey, responses(
    (status = 200, body = ModelsFound)))]
pub(super) async fn test(
    State(admin): State<Arc<Admin>>,
    headers: HeaderMap,
    Json(ask): Json<NewApiKey>,
) -> Result<Answer<ModelsFound>, Refusal> {
    if ask.key.is_empty() {
        return Err(Refusal::bad("key", "'key' is missing.", "缺少 key。"));
    }
    let key = Secret::new(ask.key);
    Ok(Answer(found(admin.engine.models_at(&ask.base_url, Some(&key)).await, &headers)))
}
