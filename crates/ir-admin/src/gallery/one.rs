//! `GET /api/gallery/{filename}`

use super::{GalleryItem, item};
use crate::admin::Admin;
use crate::body::{Answer, Path};
use crate::refusal::{ErrorBody, Refusal};
use axum::extract::State;
use std::sync::Arc;

/// One picture, by its name in the index.
#[utoipa::path(get, path = "/api/gallery/{filename}", tag = "gallery", params(("filename" = String, Path)), responses(
    (status = 200, body = GalleryItem), (status = 404, body = ErrorBody)))]
pub(super) async fn read(State(admin): State<Arc<Admin>>, Path(filename): Path) -> Result<Answer<GalleryItem>, Refusal> {
    let listed = admin.engine.store().named(std::slice::from_ref(&filename)).await?.into_iter().next();
    let listed = listed.ok_or_else(|| Refusal::not_found("There is no such picture.", "没有这张图片。"))?;
    Ok(Answer(item(listed.picture, listed.favorite)))
}
