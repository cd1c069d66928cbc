//! `POST /api/tools/test-image-bed`

use super::Tried;
use super::channel::SAMPLE;
use crate::admin::Admin;
use crate::body::{Answer, Json};
use crate::refusal::{ErrorBody, Refusal, language_of, sentence};
use axum::extract::State;
use http::HeaderMap;
use serde_json::Value;
use std::sync::Arc;

/// Uploads a small picture to the image bed.
#[utoipa::path(post, path = "/api/tools/test-image-bed", tag = "tools", request_body(content = Object), responses(
    (status = 200, body = Tried), (status = 502, body = ErrorBody)))]
pub(super) async fn test(State(admin): State<Arc<Admin>>, headers: HeaderMap, Json(_): Json<Value>) -> Result<Answer<Tried>, Refusal> {
    let picture = admin.engine.picture_of(SAMPLE).await?;
    Ok(Answer(match admin.engine.try_image_bed(&picture).await {
        Ok(url) => Tried { ok: true, message: "ok".to_owned(), url: Some(url) },
        Err(fault) => Tried { ok: false, message: language_of(&headers).pick(&sentence(&fault)).to_owned(), url: None },
    }))
}
