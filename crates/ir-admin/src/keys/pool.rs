//! `GET /api/key-pool`: a platform's keys, or one of them.

use super::view::{Key, all};
use crate::admin::Admin;
use crate::body::{Answer, Query};
use crate::refusal::{ErrorBody, Refusal};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PoolQuery {
    /// The platform; none: all.
    provider: Option<String>,
    /// One entry.
    id: Option<String>,
}

/// A pool, or one entry of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum PoolAnswer {
    Pool { pool: Vec<Key> },
    Entry(Box<Key>),
}

/// A platform's keys, the newest state of each. The keys themselves are masked, always.
#[utoipa::path(get, path = "/api/key-pool", tag = "keys", params(PoolQuery), responses(
    (status = 200, body = PoolAnswer), (status = 404, body = ErrorBody)))]
pub(super) async fn read(State(admin): State<Arc<Admin>>, Query(query): Query<PoolQuery>) -> Result<Answer<PoolAnswer>, Refusal> {
    let mut pool = all(&admin).await?;
    if let Some(provider) = &query.provider {
        if ir_platforms::by_name(provider).is_none() {
            return Err(Refusal::bad("provider", format!("There is no platform '{provider}'."), format!("没有平台 {provider}。")));
        }
        pool.retain(|key| key.is_of(provider));
    }
    match query.id {
        None => Ok(Answer(PoolAnswer::Pool { pool })),
        Some(id) => match pool.into_iter().find(|key| key.id == id) {
            Some(key) => Ok(Answer(PoolAnswer::Entry(Box::new(key)))),
            None => Err(Refusal::not_found("There is no such key.", "没有这个密钥。")),
        },
    }
}
