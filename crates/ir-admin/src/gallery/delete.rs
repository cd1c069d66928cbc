//! `DELETE /api/gallery` and `POST /api/gallery/restore`: pictures vanish at once and are really
//! deleted, here and in the bucket, when the time to undo it is over.

use super::Filenames;
use crate::admin::Admin;
use crate::authority::Operator;
use crate::body::{Answer, Json};
use crate::refusal::{Refusal, language_of};
use axum::extract::State;
use http::HeaderMap;
use ir_model::Language;
use serde::Serialize;
use std::collections::HashSet;
use std::sync::Arc;
use utoipa::ToSchema;

/// How long a deletion can be undone, in milliseconds.
const UNDO: i64 = 10 * 60_000;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Deleted {
    ok: bool,
    deleted: Vec<String>,
    failed: Vec<NotDeleted>,
    /// Until then `restore` brings them back.
    undo_until: i64,
}

#[derive(Debug, Serialize, ToSchema)]
struct NotDeleted {
    filename: String,
    error: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Restored {
    ok: bool,
    restored: Vec<String>,
}

/// Deletes pictures by their names in the index.
#[utoipa::path(delete, path = "/api/gallery", tag = "gallery", request_body = Filenames, responses(
    (status = 200, body = Deleted)))]
pub(super) async fn delete(
    State(admin): State<Arc<Admin>>,
    operator: Operator,
    headers: HeaderMap,
    Json(names): Json<Filenames>,
) -> Result<Answer<Deleted>, Refusal> {
    let names = names.bounded()?;
    let undo_until = admin.now().plus_ms(UNDO);
    let deleted = admin.engine.store().remove(&names, undo_until).await?;
    ir_crash::point("removal.hidden");
    let error = match language_of(&headers) {
        Language::English => "there is no such picture",
        Language::Chinese => "没有这张图片",
    };
    let known: HashSet<&String> = deleted.iter().collect();
    let missing = names.iter().filter(|name| !known.contains(name));
    let failed: Vec<NotDeleted> = missing.map(|name| NotDeleted { filename: name.clone(), error: error.to_owned() }).collect();
    let target = format!("{} pictures: {}", deleted.len(), deleted.iter().take(5).cloned().collect::<Vec<_>>().join(", "));
    admin.audit(&operator.who, "delete pictures", &target, "ok").await;
    Ok(Answer(Deleted { ok: failed.is_empty(), deleted, failed, undo_until: undo_until.0 }))
}

/// Brings deleted pictures back, as long as that can be undone.
#[utoipa::path(post, path = "/api/gallery/restore", tag = "gallery", request_body = Filenames, responses(
    (status = 200, body = Restored)))]
pub(super) async fn restore(
    State(admin): State<Arc<Admin>>,
    operator: Operator,
    Json(names): Json<Filenames>,
) -> Result<Answer<Restored>, Refusal> {
    let names = names.bounded()?;
    let restored = admin.engine.store().restore(&names).await?;
    admin.engine.outbox().wake();
    admin.audit(&operator.who, "restore pictures", &format!("{} pictures", restored.len()), "ok").await;
    Ok(Answer(Restored { ok: restored.len() == names.len(), restored }))
}
