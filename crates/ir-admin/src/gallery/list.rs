//! `GET /api/gallery`

use super::{GalleryItem, MOST, item};
use crate::admin::Admin;
use crate::body::{Answer, Query, page_size, page_start};
use crate::refusal::Refusal;
use axum::extract::State;
use ir_model::Timestamp;
use ir_store::{Gallery, GalleryFilter};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Pictures of one page, at most.
const PAGE: u32 = 200;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct GalleryQuery {
    /// From 1 to 200. Without any parameter the answer has 1.x's form: an array of at most 1000.
    limit: Option<u32>,
    cursor: Option<i64>,
    /// Words of the prompt.
    q: Option<String>,
    model: Option<String>,
    provider: Option<String>,
    task: Option<String>,
    from: Option<i64>,
    to: Option<i64>,
    /// `1`: only favourites.
    favorite: Option<String>,
}

impl GalleryQuery {
    fn is_1x(&self) -> bool {
        let texts = [&self.q, &self.model, &self.provider, &self.task, &self.favorite];
        self.limit.is_none() && self.cursor.is_none() && self.from.is_none() && self.to.is_none() && texts.iter().all(|text| text.is_none())
    }
}

/// A page, or 1.x's array.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum GalleryAnswer {
    #[serde(rename_all = "camelCase")]
    Page {
        items: Vec<GalleryItem>,
        next_cursor: Option<String>,
        /// Pictures that match; with words only as far as they were counted.
        total: u64,
    },
    Array(Vec<GalleryItem>),
}

/// The gallery, newest first.
#[utoipa::path(get, path = "/api/gallery", tag = "gallery", params(GalleryQuery), responses(
    (status = 200, body = GalleryAnswer)))]
pub(super) async fn list(State(admin): State<Arc<Admin>>, Query(query): Query<GalleryQuery>) -> Result<Answer<GalleryAnswer>, Refusal> {
    let store = admin.engine.store();
    if query.is_1x() {
        let pictures = Gallery::page(&**store, None, u32::try_from(MOST).unwrap_or(u32::MAX)).await?;
        return Ok(Answer(GalleryAnswer::Array(pictures.into_iter().map(|picture| item(picture, false)).collect())));
    }
    let (limit, cursor) = (page_size(query.limit, 60, PAGE)?, page_start(query.cursor, "cursor")?);
    let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let filter = GalleryFilter {
        text: given(query.q),
        provider: given(query.provider),
        model: given(query.model),
        task: given(query.task),
        from: query.from.map(Timestamp),
        to: query.to.map(Timestamp),
        favorite: matches!(query.favorite.as_deref(), Some("1" | "true")),
    };
    let total = store.count_matching(filter.clone()).await?.pictures;
    let found = Gallery::search(&**store, filter, cursor, limit).await?;
    let next_cursor = (found.len() == limit as usize).then(|| found.last().map(|last| last.id.to_string())).flatten();
    let items = found.into_iter().map(|listed| item(listed.picture, listed.favorite)).collect();
    Ok(Answer(GalleryAnswer::Page { items, next_cursor, total }))
}
