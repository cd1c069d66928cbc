//! `POST /api/tools/test-storage`

use super::Tried;
use crate::admin::Admin;
use crate::body::{Answer, Json};
use crate::refusal::Refusal;
use axum::extract::State;
use serde_json::Value;
use std::sync::Arc;

/// Tries the configured bucket: writes a small object, and deletes it.
#[utoipa::path(post, path = "/api/tools/test-storage", tag = "tools", request_body(content = Object), responses(
    (status = 200, body = Tried)))]
pub(super) async fn test(State(admin): State<Arc<Admin>>, Json(_): Json<Value>) -> Result<Answer<Tried>, Refusal> {
    let tried = admin.engine.outbox().probe().await;
    Ok(Answer(match tried {
        None => return Err(Refusal::bad("storage.s3", "No bucket is configured.", "尚未配置存储桶。")),
        Some(Ok(target)) => Tried { ok: true, message: "ok".to_owned(), url: Some(target) },
        Some(Err(why)) => Tried { ok: false, message: why, url: None },
    }))
}
