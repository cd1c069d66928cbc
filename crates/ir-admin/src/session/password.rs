//! `POST /api/password`: another password.

use super::begin;
use super::login::is_right;
use crate::admin::Admin;
use crate::attempts::Guess;
use crate::authority::{Operator, Via, too_many};
use crate::body::{self, Answer, Done};
use crate::refusal::{ErrorBody, Refusal};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::SET_COOKIE;
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

/// Sets another password and ends all sessions; who did it in one goes on in a new one, whose cookie the
/// answer sets.
#[utoipa::path(post, path = "/api/password", tag = "session", request_body = Change, responses(
    (status = 200, body = Done), (status = 409, body = ErrorBody)))]
pub(super) async fn change(State(admin): State<Arc<Admin>>, operator: Operator, request: Request) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let change: Change = body::password(Request::from_parts(parts.clone(), body)).await?;
    if admin.settings.current().settings.security.admin_password.is_some() {
        let (en, zh) = (
            "The password is set by IMG_ROUTER_ADMIN_PASSWORD, or security.adminPassword in the configuration file: change it there.",
            "密码由环境变量 IMG_ROUTER_ADMIN_PASSWORD 或配置文件中的 security.adminPassword 设置，请在那里修改。",
        );
        return Err(Refusal::new(StatusCode::CONFLICT, "set_by_environment", en, zh));
    }
    let (address, now) = (operator.who.address, admin.now());
    admin.attempts.reserve(Guess::Password, address, now).map_err(too_many)?;
    if admin.has_password() && !is_right(&admin, Secret::new(change.current.unwrap_or_default())).await? {
        admin.audit(&operator.who, "set password", "", "wrong password").await;
        return Err(Refusal::bad("current", "The present password is wrong.", "当前密码错误。"));
    }
    admin.attempts.right(address, now);
    let hash = admin.passwords.hash(Secret::new(change.password), &**admin.engine.dice()).await?;
    admin.change(&json!({"security": {"adminPasswordHash": hash}}), None).await?;
    admin.engine.store().delete_other_sessions(None).await?;
    admin.audit(&operator.who, "set password", "", "ok").await;
    let mut answer = Answer(Done::YES).into_response();
    if matches!(operator.via, Via::Session(..)) {
        let cookie = begin(&admin, &parts).await?.headers_mut().remove(SET_COOKIE);
        answer.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    }
    Ok(answer)
}
