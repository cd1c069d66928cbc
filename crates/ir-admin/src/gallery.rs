//! The gallery: pages, search, favourites, deleting with an undo, and downloads as one zip.

mod delete;
mod facets;
mod favorite;
mod list;
mod one;
mod zip;

pub(crate) use zip::Tickets;

use crate::admin::Admin;
use crate::refusal::Refusal;
use crate::words::TaskName;
use ir_store::PictureRecord;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Pictures of one operation, at most.
const MOST: usize = 1000;

pub(crate) fn router() -> OpenApiRouter<Arc<Admin>> {
    OpenApiRouter::new()
        .routes(routes!(list::list, delete::delete))
        .routes(routes!(delete::restore))
        .routes(routes!(favorite::mark))
        .routes(routes!(facets::read))
        .routes(routes!(one::read))
        .routes(routes!(zip::order))
        .routes(routes!(zip::download))
}

/// A picture as the panel shows it; `filename`, `url` and `metadata` as in 1.x.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GalleryItem {
    filename: String,
    url: String,
    favorite: bool,
    width: u32,
    height: u32,
    bytes: u64,
    format: String,
    provider: String,
    #[schema(value_type = TaskName)]
    task: String,
    request_id: String,
    client: String,
    revised_prompt: Option<String>,
    metadata: GalleryMetadata,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
struct GalleryMetadata {
    prompt: String,
    model: String,
    #[schema(value_type = Object)]
    params: Map<String, Value>,
    timestamp: i64,
}

/// Names of pictures.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Filenames {
    #[schema(min_items = 1, max_items = 1000)]
    filenames: Vec<String>,
}

impl Filenames {
    fn bounded(self) -> Result<Vec<String>, Refusal> {
        if self.filenames.is_empty() || self.filenames.len() > MOST {
            let (en, zh) = (format!("Give 1 to {MOST} names."), format!("请提供 1 至 {MOST} 个文件名。"));
            return Err(Refusal::bad("filenames", en, zh));
        }
        Ok(self.filenames)
    }
}

pub(crate) fn item(picture: PictureRecord, favorite: bool) -> GalleryItem {
    let params = json!({"size": picture.size.to_string(), "provider": picture.provider, "task": picture.task});
    GalleryItem {
        url: format!("/storage/{}", picture.name),
        filename: picture.name,
        favorite,
        width: picture.size.width,
        height: picture.size.height,
        bytes: picture.bytes,
        format: picture.format.openai_name().to_owned(),
        provider: picture.provider,
        task: picture.task,
        request_id: picture.request_id,
        client: picture.client,
        revised_prompt: picture.revised_prompt,
        metadata: GalleryMetadata {
            prompt: picture.prompt,
            model: picture.model,
            params: params.as_object().cloned().unwrap_or_default(),
            timestamp: picture.created.0,
        },
    }
}
