//! `GET /api/gallery/facets`

use crate::admin::Admin;
use crate::body::Answer;
use crate::refusal::Refusal;
use axum::extract::State;
use ir_store::Facet;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GalleryFacets {
    models: Vec<NameCount>,
    providers: Vec<NameCount>,
    days: Vec<DayCount>,
}

#[derive(Debug, Serialize, ToSchema)]
struct NameCount {
    name: String,
    count: u64,
}

#[derive(Debug, Serialize, ToSchema)]
struct DayCount {
    /// UTC, as `2026-11-26`.
    day: String,
    count: u64,
}

/// What can be filtered by.
#[utoipa::path(get, path = "/api/gallery/facets", tag = "gallery", responses((status = 200, body = GalleryFacets)))]
pub(super) async fn read(State(admin): State<Arc<Admin>>) -> Result<Answer<GalleryFacets>, Refusal> {
    let facets = admin.engine.store().facets().await?;
    let named = |facets: Vec<Facet>| facets.into_iter().map(|facet| NameCount { name: facet.name, count: facet.pictures }).collect();
    Ok(Answer(GalleryFacets {
        models: named(facets.models),
        providers: named(facets.providers),
        days: facets.days.into_iter().map(|facet| DayCount { day: facet.name, count: facet.pictures }).collect(),
    }))
}
