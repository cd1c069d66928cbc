//! `DELETE /api/client-keys/{id}`

use super::view::no_such_key;
use crate::admin::Admin;
use crate::authority::Operator;
use crate::body::Path;
use crate::refusal::{ErrorBody, Refusal};
use axum::extract::State;
use http::StatusCode;
use std::sync::Arc;

/// Deletes a client key. Nobody is let in with it from now on; what is being drawn is finished.
#[utoipa::path(delete, path = "/api/client-keys/{id}", tag = "client keys", params(("id" = String, Path)), responses(
    (status = 204), (status = 404, body = ErrorBody)))]
pub(super) async fn delete(State(admin): State<Arc<Admin>>, operator: Operator, Path(id): Path) -> Result<StatusCode, Refusal> {
    let name = admin.engine.snapshot().clients.by_id(&id).map(|key| key.record.name.clone());
    if !admin.engine.delete_client_key(&id).await? {
        return Err(no_such_key());
    }
    admin.audit(&operator.who, "delete client key", &id, &format!("ok: {}", name.unwrap_or_default())).await;
    Ok(StatusCode::NO_CONTENT)
}
