//! The request log: pages with filters, and one request with its attempts and pictures.

use crate::admin::Admin;
use crate::body::{Answer, Path, Query, page_size, page_start};
use crate::gallery::{GalleryItem, item};
use crate::refusal::{ErrorBody, Refusal};
use crate::words::{OutcomeName, TaskName};
use axum::extract::State;
use ir_model::Timestamp;
use ir_store::{RequestFilter, RequestLog, RequestRecord};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Rows of one page, at most (`R-DOS-3`).
const MOST: u32 = 100;

pub(crate) fn router() -> OpenApiRouter<Arc<Admin>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(one))
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RequestRow {
    /// The request's id.
    id: String,
    time: i64,
    duration_ms: u64,
    /// Who asked: `key:` and a client key's id, `relay:` and a platform, or what the gateway calls them.
    client: String,
    /// What the client key is called, while there is one.
    client_name: Option<String>,
    #[schema(value_type = TaskName)]
    task: String,
    asked_model: String,
    provider: Option<String>,
    model: Option<String>,
    /// `ok`, or the failure's class.
    outcome: String,
    prompt: String,
    /// Names of its pictures.
    pictures: Vec<String>,
    attempts: Vec<AttemptRow>,
}

impl RequestRow {
    pub(crate) fn attempts(self) -> Vec<AttemptRow> {
        self.attempts
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AttemptRow {
    provider: String,
    model: String,
    /// What the key is called, or its last characters.
    key: Option<String>,
    key_id: Option<String>,
    /// After the request began.
    started_ms: u64,
    duration_ms: u64,
    outcome: String,
    message: String,
    /// What came after it, and so why: `next key`, `next platform`, `retried`.
    next: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RequestPage {
    items: Vec<RequestRow>,
    next_cursor: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct RequestDetail {
    #[serde(flatten)]
    row: RequestRow,
    /// Its pictures that are still there.
    items: Vec<GalleryItem>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct RequestQuery {
    cursor: Option<i64>,
    limit: Option<u32>,
    /// `ok` or `failed`.
    #[param(inline, value_type = Option<OutcomeName>)]
    status: Option<String>,
    provider: Option<String>,
    model: Option<String>,
    /// A key's id.
    key: Option<String>,
    task: Option<String>,
    client: Option<String>,
    /// A part of the prompt or of the id.
    q: Option<String>,
    from: Option<i64>,
    to: Option<i64>,
}

/// The request log, newest first.
#[utoipa::path(get, path = "/api/requests", tag = "requests", params(RequestQuery), responses(
    (status = 200, body = RequestPage)))]
async fn list(State(admin): State<Arc<Admin>>, Query(query): Query<RequestQuery>) -> Result<Answer<RequestPage>, Refusal> {
    let (limit, cursor) = (page_size(query.limit, 50, MOST)?, page_start(query.cursor, "cursor")?);
    let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let ok = match query.status.as_deref() {
        None | Some("") => None,
        Some("ok") => Some(true),
        Some("failed") => Some(false),
        Some(_) => return Err(Refusal::bad("status", "'status' is ok or failed.", "status 须为 ok 或 failed。")),
    };
    let filter = RequestFilter {
        ok,
        provider: given(query.provider),
        model: given(query.model),
        key: given(query.key),
        task: given(query.task),
        client: given(query.client),
        text: given(query.q),
        from: query.from.map(Timestamp),
        to: query.to.map(Timestamp),
    };
    let records = RequestLog::search(&**admin.engine.store(), filter, cursor, limit).await?;
    let next_cursor = (records.len() == limit as usize).then(|| records.last().and_then(|last| last.id)).flatten();
    let labels = labels(&admin).await?;
    Ok(Answer(RequestPage {
        items: records.into_iter().map(|record| row(record, &labels)).collect(),
        next_cursor: next_cursor.map(|id| id.to_string()),
    }))
}

/// One request, with what was tried for it.
#[utoipa::path(get, path = "/api/requests/{id}", tag = "requests", params(("id" = String, Path)), responses(
    (status = 200, body = RequestDetail), (status = 404, body = ErrorBody)))]
async fn one(State(admin): State<Arc<Admin>>, Path(id): Path) -> Result<Answer<RequestDetail>, Refusal> {
    let store = admin.engine.store();
    let record =
        store.request(&id).await?.ok_or_else(|| Refusal::not_found("There is no such request in the log.", "日志中没有这个请求。"))?;
    let items = store.named(&record.pictures).await?.into_iter().map(|listed| item(listed.picture, listed.favorite)).collect();
    Ok(Answer(RequestDetail { row: row(record, &labels(&admin).await?), items }))
}

/// What keys are called: those of platforms by their ids, those of callers by the names of clients.
pub(crate) async fn labels(admin: &Admin) -> Result<HashMap<String, String>, Refusal> {
    let mut labels = crate::client_keys::names(admin);
    labels.extend(crate::keys::all(admin).await?.into_iter().map(|key| (key.id.clone(), key.label())));
    Ok(labels)
}

pub(crate) fn row(record: RequestRecord, labels: &HashMap<String, String>) -> RequestRow {
    let attempts = record.attempts.into_iter().map(|note| AttemptRow {
        provider: note.provider,
        model: note.model,
        key: note.key.as_ref().map(|id| labels.get(id).cloned().unwrap_or_else(|| "deleted".to_owned())),
        key_id: note.key,
        started_ms: note.started_ms,
        duration_ms: note.duration_ms,
        outcome: note.outcome,
        message: ir_model::sanitise(&note.message).unwrap_or_default(),
        next: Some(note.next).filter(|next| !next.is_empty()),
    });
    RequestRow {
        id: record.request_id,
        time: record.time.0,
        duration_ms: record.duration_ms,
        client_name: labels.get(&record.client).cloned(),
        client: record.client,
        task: record.task,
        asked_model: record.asked_model,
        provider: record.provider,
        model: record.model,
        outcome: record.outcome,
        prompt: record.prompt,
        pictures: record.pictures,
        attempts: attempts.collect(),
    }
}
