//! `/api/sessions`: who is signed in where.

use super::lives;
use crate::admin::Admin;
use crate::authority::{Operator, Via, short};
use crate::body::{Answer, Path};
use crate::refusal::{ErrorBody, Refusal};
use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionInfo {
    id: String,
    created: i64,
    last_seen: i64,
    expires: i64,
    address: String,
    user_agent: String,
    /// The one that asks.
    current: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionList {
    sessions: Vec<SessionInfo>,
}

/// All sessions.
#[utoipa::path(get, path = "/api/sessions", tag = "session", responses((status = 200, body = SessionList)))]
pub(super) async fn list(State(admin): State<Arc<Admin>>, operator: Operator) -> Result<Answer<SessionList>, Refusal> {
    let own = match &operator.via {
        Via::Session(id, _) => Some(id),
        Via::AdminKey | Via::GlobalKey => None,
    };
    let now = admin.now();
    let sessions = admin.engine.store().sessions(now).await?;
    let sessions = sessions
        .into_iter()
        .filter(|session| lives(session, now))
        .map(|session| SessionInfo {
            current: own == Some(&session.id),
            id: session.id,
            created: session.created.0,
            last_seen: session.last_seen.0,
            expires: session.expires.0,
            address: session.address,
            user_agent: session.user_agent,
        })
        .collect();
    Ok(Answer(SessionList { sessions }))
}

/// Ends a session.
#[utoipa::path(delete, path = "/api/sessions/{id}", tag = "session", params(("id" = String, Path)), responses(
    (status = 204), (status = 404, body = ErrorBody)))]
pub(super) async fn end(State(admin): State<Arc<Admin>>, operator: Operator, Path(id): Path) -> Result<StatusCode, Refusal> {
    if !admin.engine.store().delete_session(&id).await? {
        return Err(Refusal::not_found("There is no such session.", "没有这个会话。"));
    }
    admin.audit(&operator.who, "end session", short(&id), "ok").await;
    Ok(StatusCode::NO_CONTENT)
}
