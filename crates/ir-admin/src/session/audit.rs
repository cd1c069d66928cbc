//! `GET /api/audit`: what was done, by whom.

use crate::admin::Admin;
use crate::body::{Answer, Query, page_size, page_start};
use crate::refusal::Refusal;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditEntry {
    id: i64,
    time: i64,
    actor: String,
    address: String,
    action: String,
    target: String,
    outcome: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuditPage {
    items: Vec<AuditEntry>,
    next_cursor: Option<i64>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditQuery {
    /// Entries older than this one.
    before: Option<i64>,
    /// From 1 to 100.
    limit: Option<u32>,
}

/// The audit log, newest first.
#[utoipa::path(get, path = "/api/audit", tag = "session", params(AuditQuery), responses((status = 200, body = AuditPage)))]
pub(super) async fn page(State(admin): State<Arc<Admin>>, Query(query): Query<AuditQuery>) -> Result<Answer<AuditPage>, Refusal> {
    let (limit, before) = (page_size(query.limit, 50, 100)?, page_start(query.before, "before")?);
    let records = admin.engine.store().audit(before, limit).await?;
    let next_cursor = (records.len() == limit as usize).then(|| records.last().and_then(|last| last.id)).flatten();
    let items = records
        .into_iter()
        .map(|record| AuditEntry {
            id: record.id.unwrap_or_default(),
            time: record.time.0,
            actor: record.actor,
            address: record.address,
            action: record.action,
            target: record.target,
            outcome: record.outcome,
        })
        .collect();
    Ok(Answer(AuditPage { items, next_cursor }))
}
