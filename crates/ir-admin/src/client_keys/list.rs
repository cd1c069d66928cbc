//! `GET /api/client-keys`

use super::view::ClientKey;
use crate::admin::Admin;
use crate::body::Answer;
use axum::extract::State;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ClientKeyList {
    keys: Vec<ClientKey>,
}

/// Keys of callers, in the order in which they were made.
#[utoipa::path(get, path = "/api/client-keys", tag = "client keys", responses((status = 200, body = ClientKeyList)))]
pub(super) async fn list(State(admin): State<Arc<Admin>>) -> Answer<ClientKeyList> {
    let (snapshot, now) = (admin.engine.snapshot(), admin.now());
    let mut keys: Vec<_> = snapshot.clients.all().collect();
    keys.sort_by(|a, b| (a.record.created, &a.record.id).cmp(&(b.record.created, &b.record.id)));
    Answer(ClientKeyList { keys: keys.into_iter().map(|key| ClientKey::of(key, now)).collect() })
}
