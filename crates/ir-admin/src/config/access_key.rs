//! `POST /api/access-key/rotate`: a new key for callers.

use crate::admin::Admin;
use crate::authority::Operator;
use crate::body::{Answer, Json};
use crate::refusal::{ErrorBody, Refusal};
use axum::extract::State;
use http::StatusCode;
use ir_engine::ACCESS_KEY;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

#[derive(Serialize, ToSchema)]
pub(super) struct NewAccessKey {
    /// Shown this once.
    key: String,
}

/// Makes a new global access key; the old one ends at once. The answer is the only place that ever
/// shows it.
#[utoipa::path(post, path = "/api/access-key/rotate", tag = "configuration", request_body = Nothing, responses(
    (status = 200, body = NewAccessKey), (status = 409, body = ErrorBody)))]
pub(super) async fn rotate(
    State(admin): State<Arc<Admin>>,
    operator: Operator,
    Json(Nothing {}): Json<Nothing>,
) -> Result<Answer<NewAccessKey>, Refusal> {
    let effective = admin.settings.current();
    let by_environment = ir_settings::all_defs()
        .iter()
        .zip(&effective.rows)
        .any(|(def, row)| def.path == "system.globalAccessKey" && matches!(row.source, ir_settings::Source::Environment(_)));
    if by_environment {
        let (en, zh) = (
            "The access key is set by the environment variable IMG_ROUTER_GLOBAL_ACCESS_KEY: change it there.",
            "访问密钥由环境变量 IMG_ROUTER_GLOBAL_ACCESS_KEY 设置，请在那里修改。",
        );
        return Err(Refusal::new(StatusCode::CONFLICT, "set_by_environment", en, zh));
    }
    let dice = admin.engine.dice();
    let key = format!("{ACCESS_KEY}{}{}", dice.hex128(), &dice.hex128()[..16]);
    admin.change(&json!({"system": {"globalAccessKey": key}}), None).await?;
    admin.audit(&operator.who, "new access key", "system.globalAccessKey", "ok").await;
    Ok(Answer(NewAccessKey { key }))
}
