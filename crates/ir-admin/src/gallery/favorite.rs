//! `POST /api/gallery/favorite`

use super::MOST;
use crate::admin::Admin;
use crate::body::{Answer, Done, Json};
use crate::refusal::Refusal;
use axum::extract::State;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Mark {
    #[schema(max_items = 1000)]
    filenames: Vec<String>,
    favorite: bool,
}

/// Marks pictures as favourites, or takes the mark away.
#[utoipa::path(post, path = "/api/gallery/favorite", tag = "gallery", request_body = Mark, responses(
    (status = 200, body = Done)))]
pub(super) async fn mark(State(admin): State<Arc<Admin>>, Json(mark): Json<Mark>) -> Result<Answer<Done>, Refusal> {
    if mark.filenames.len() > MOST {
        return Err(Refusal::bad("filenames", format!("At most {MOST} names."), format!("最多 {MOST} 个文件名。")));
    }
    admin.engine.store().favorite(&mark.filenames, mark.favorite).await?;
    Ok(Answer(Done::YES))
}
