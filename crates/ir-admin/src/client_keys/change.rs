//! `PATCH /api/client-keys/{id}`

use super::view::{ClientKey, judge, no_such_key};
use crate::admin::Admin;
use crate::authority::Operator;
use crate::body::{Answer, Json, Path};
use crate::refusal::{ErrorBody, Refusal};
use axum::extract::State;
use ir_engine::ClientKeyTerms;
use ir_model::Timestamp;
use serde::{Deserialize, Deserializer};
use std::sync::Arc;
use utoipa::ToSchema;

/// What is left out stays as it is; `null` lifts a bound.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ClientKeyPatch {
    /// 1 to 200 characters.
    name: Option<String>,
    /// Switched on or off.
    enabled: Option<bool>,
    /// Milliseconds since the epoch.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<i64>)]
    expires: Option<Option<i64>>,
    /// Models that it may draw with, as callers name them; empty: all.
    models: Option<Vec<String>>,
    /// Requests for pictures in any minute.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    requests_per_minute: Option<Option<u32>>,
    /// Requests drawing at once.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    concurrent_requests: Option<Option<u32>>,
}

/// A field that is there, whatever its value.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

impl ClientKeyPatch {
    fn apply(&self, terms: &mut ClientKeyTerms) {
        if let Some(name) = &self.name {
            name.trim().clone_into(&mut terms.name);
        }
        if let Some(models) = &self.models {
            terms.models.clone_from(models);
        }
        terms.enabled = self.enabled.unwrap_or(terms.enabled);
        terms.expires = self.expires.map_or(terms.expires, |at| at.map(Timestamp));
        terms.per_minute = self.requests_per_minute.unwrap_or(terms.per_minute);
        terms.concurrent = self.concurrent_requests.unwrap_or(terms.concurrent);
    }

    /// What was changed, for the audit log.
    fn told(&self) -> String {
        let fields = [
            ("name", self.name.is_some()),
            ("models", self.models.is_some()),
            ("expires", self.expires.is_some()),
            ("requestsPerMinute", self.requests_per_minute.is_some()),
            ("concurrentRequests", self.concurrent_requests.is_some()),
        ];
        let switched = self.enabled.map(|on| if on { "switched on" } else { "switched off" });
        let changed = fields.into_iter().filter(|(_, is)| *is).map(|(name, _)| name);
        switched.into_iter().chain(changed).collect::<Vec<_>>().join(", ")
    }
}

/// Changes what a client key may do. In force when this answers.
#[utoipa::path(patch, path = "/api/client-keys/{id}", tag = "client keys", params(("id" = String, Path)),
    request_body = ClientKeyPatch, responses((status = 200, body = ClientKey), (status = 404, body = ErrorBody)))]
pub(super) async fn change(
    State(admin): State<Arc<Admin>>,
    operator: Operator,
    Path(id): Path,
    Json(patch): Json<ClientKeyPatch>,
) -> Result<Answer<ClientKey>, Refusal> {
    let sample = ClientKeyTerms { name: "-".to_owned(), expires: None, enabled: true, models: vec![], per_minute: None, concurrent: None };
    let mut wanted = sample;
    patch.apply(&mut wanted);
    judge(&wanted)?;
    admin.engine.change_client_key(&id, |terms| patch.apply(terms)).await?.ok_or_else(no_such_key)?;
    admin.audit(&operator.who, "change client key", &id, &patch.told()).await;
    ClientKey::in_force(&admin, &id).map(Answer)
}
