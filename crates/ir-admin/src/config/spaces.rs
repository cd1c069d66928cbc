//! `/api/config/hf-map`: HuggingFace Spaces by model, under 1.x's path.

use crate::admin::Admin;
use crate::authority::Operator;
use crate::body::{Answer, Json};
use crate::refusal::{ErrorBody, Refusal};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;

/// The Spaces of one model.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SpacePair {
    main: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    backup: Option<String>,
}

type SpaceMap = BTreeMap<String, SpacePair>;

/// Spaces by model.
#[utoipa::path(get, path = "/api/config/hf-map", tag = "configuration", responses((status = 200, body = BTreeMap<String, SpacePair>)))]
pub(super) async fn read(State(admin): State<Arc<Admin>>) -> Answer<SpaceMap> {
    Answer(shown(&admin))
}

/// Replaces the map whole, as 1.x did.
#[utoipa::path(post, path = "/api/config/hf-map", tag = "configuration", request_body = BTreeMap<String, SpacePair>, responses(
    (status = 200, body = BTreeMap<String, SpacePair>), (status = 409, body = ErrorBody)))]
pub(super) async fn change(
    State(admin): State<Arc<Admin>>,
    operator: Operator,
    Json(map): Json<SpaceMap>,
) -> Result<Answer<SpaceMap>, Refusal> {
    // A merge patch keeps what it does not name: what is to go is named with null.
    let (stored, _) = admin.settings.stored();
    let before = stored["hfModelMap"].as_object().map(|map| map.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    let mut patch: Map<String, Value> = before.into_iter().map(|model| (model, Value::Null)).collect();
    for (model, pair) in &map {
        patch.insert(model.clone(), json!({"main": pair.main, "backup": pair.backup}));
    }
    admin.change(&json!({"hfModelMap": patch}), None).await?;
    admin.audit(&operator.who, "change settings", "hfModelMap", "ok").await;
    Ok(Answer(shown(&admin)))
}

fn shown(admin: &Admin) -> SpaceMap {
    let effective = admin.settings.current();
    let pair = |space: &ir_settings::Space| SpacePair {
        main: space.main.as_str().trim_end_matches('/').to_owned(),
        backup: space.backup.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned()),
    };
    effective.settings.hf_model_map.iter().map(|(model, space)| (model.clone(), pair(space))).collect()
}
