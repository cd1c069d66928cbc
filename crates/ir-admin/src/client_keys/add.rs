//! `POST /api/client-keys`

use super::view::{ClientKey, judge};
use crate::admin::Admin;
use crate::authority::Operator;
use crate::body::{Answer, Json};
use crate::refusal::{ErrorBody, Refusal};
use axum::extract::State;
use http::StatusCode;
use ir_engine::ClientKeyTerms;
use ir_model::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewClientKey {
    /// 1 to 200 characters.
    name: String,
    /// Milliseconds since the epoch; none: it does not expire.
    expires: Option<i64>,
    /// Models that it may draw with, as callers name them; none: all.
    #[serde(default)]
    models: Vec<String>,
    /// Requests for pictures in any minute; none: as many as they like.
    requests_per_minute: Option<u32>,
    /// Requests drawing at once; none: as many as they like.
    concurrent_requests: Option<u32>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct MadeClientKey {
    /// Shown this once.
    key: String,
    item: ClientKey,
}

/// Makes a key for a caller of `/v1`. The answer is the only place that ever shows it.
#[utoipa::path(post, path = "/api/client-keys", tag = "client keys", request_body = NewClientKey, responses(
    (status = 200, body = MadeClientKey), (status = 409, body = ErrorBody)))]
pub(super) async fn add(
    State(admin): State<Arc<Admin>>,
    operator: Operator,
    Json(wanted): Json<NewClientKey>,
) -> Result<Answer<MadeClientKey>, Refusal> {
    let terms = ClientKeyTerms {
        name: wanted.name.trim().to_owned(),
        expires: wanted.expires.map(Timestamp),
        enabled: true,
        models: wanted.models,
        per_minute: wanted.requests_per_minute,
        concurrent: wanted.concurrent_requests,
    };
    judge(&terms)?;
    let now = admin.now();
    if terms.expires.is_some_and(|at| at <= now) {
        return Err(Refusal::bad("expires", "'expires' lies in the past.", "过期时间已过。"));
    }
    let Some((key, record)) = admin.engine.add_client_key(terms, now).await? else {
        let (en, zh) = ("There are 1000 keys already. Delete some that nobody uses.", "密钥数量已达上限（1000），请先删除不再使用的密钥。");
        return Err(Refusal::new(StatusCode::CONFLICT, "too_many_keys", en, zh));
    };
    admin.audit(&operator.who, "new client key", &record.id, "ok").await;
    Ok(Answer(MadeClientKey { key: key.expose().to_owned(), item: ClientKey::in_force(&admin, &record.id)? }))
}
