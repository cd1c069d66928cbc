//! `POST /api/password`: another password.

use super::login::is_right;
use crate::admin::Admin;
use crate::authority::{Operator, Via, too_many};
use crate::body::{Answer, Done, Json};
use crate::refusal::{ErrorBody, Refusal};
use axum::extract::State;
use http::StatusCode;
use ir_model::Secret;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    /// The present password, if there is one.
    current: Option<String>,
    /// 8 to 256 characters.
    password: String,
}

/// Sets another password and ends all other sessions.
#[utoipa::path(post, path = "/api/password", tag = "session", request_body = Change, responses(
    (status = 200, body = Done), (status = 409, body = ErrorBody)))]
pub(super) async fn change(
    State(admin): State<Arc<Admin>>,
    operator: Operator,
    Json(change): Json<Change>,
) -> Result<Answer<Done>, Refusal> {
    if admin.settings.current().settings.security.admin_password.is_some() {
        let (en, zh) = (
            "The password is set by the environment variable IMG_ROUTER_ADMIN_PASSWORD: change it there.",
            "密码由环境变量 IMG_ROUTER_ADMIN_PASSWORD 设置，请在那里修改。",
        );
        return Err(Refusal::new(StatusCode::CONFLICT, "set_by_environment", en, zh));
    }
    let (address, now) = (operator.who.address, admin.now());
    admin.attempts.admit(address, now).map_err(too_many)?;
    if admin.has_password() && !is_right(&admin, Secret::new(change.current.unwrap_or_default())).await? {
        admin.attempts.wrong(address, now);
        return Err(Refusal::bad("current", "The present password is wrong.", "当前密码错误。"));
    }
    let hash = admin.passwords.hash(Secret::new(change.password), &**admin.engine.dice()).await?;
    admin.change(&json!({"security": {"adminPasswordHash": hash}}), None).await?;
    let own = match &operator.via {
        Via::Session(id, _) => Some(id.as_str()),
        Via::AdminKey | Via::GlobalKey => None,
    };
    admin.engine.store().delete_other_sessions(own).await?;
    admin.audit(&operator.who, "set password", "", "ok").await;
    Ok(Answer(Done::YES))
}
