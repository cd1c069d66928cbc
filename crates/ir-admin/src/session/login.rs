//! `/api/session`: who is signed in; signing in and out.

use super::{Answer, SessionState, begin, cookie, state_of};
use crate::admin::{Admin, Who};
use crate::attempts::Guess;
use crate::authority::{Operator, Via, peer, setup_first, too_many};
use crate::body;
use crate::refusal::{ErrorBody, Refusal};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::SET_COOKIE;
use ir_model::Secret;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Login {
    /// The password, or a key that opens `/api`.
    password: String,
}

/// Whether somebody is signed in.
#[utoipa::path(get, path = "/api/session", tag = "session", responses((status = 200, body = SessionState)))]
pub(super) async fn state(State(admin): State<Arc<Admin>>, request: Request) -> Answer<SessionState> {
    Answer(state_of(&admin, request.extensions().get::<Operator>()))
}

/// Signs in: the answer sets the session's cookie.
#[utoipa::path(post, path = "/api/session", tag = "session", request_body = Login, responses(
    (status = 200, body = SessionState), (status = 401, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn login(State(admin): State<Arc<Admin>>, request: Request) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let Login { password } = body::password(Request::from_parts(parts.clone(), body)).await?;
    let password = Secret::new(password);
    if password.is_empty() || password.expose().chars().any(char::is_control) {
        return Err(Refusal::bad("password", "This cannot be a password.", "密码不能为空，也不能含有控制字符。"));
    }
    if admin.setup_required() {
        return Err(setup_first());
    }
    let (address, now) = (peer(&parts.extensions), admin.now());
    admin.attempts.reserve(Guess::Password, address, now).map_err(too_many)?;
    let who = Who { actor: "password".to_owned(), address };
    if opens(&admin, password).await? {
        admin.attempts.right(address, now);
        admin.audit(&who, "sign in", "", "ok").await;
        return begin(&admin, &parts).await;
    }
    admin.audit(&who, "sign in", "", "wrong password").await;
    Err(Refusal::new(StatusCode::UNAUTHORIZED, "invalid_password", "The password is wrong.", "密码错误。"))
}

/// Whether this opens the panel: the password, or a key that opens `/api`. Who has only a key (a folder
/// of 1.x has) can sign in with it, and set a password.
async fn opens(admin: &Admin, secret: Secret) -> Result<bool, Refusal> {
    let effective = admin.settings.current();
    let settings = &effective.settings;
    let global = settings.system.global_access_key.as_ref().filter(|_| settings.system.global_key_is_admin);
    let by_key = [settings.security.admin_key.as_ref(), global].into_iter().flatten().any(|key| key.same_as(secret.expose()));
    Ok(by_key || (admin.has_password() && is_right(admin, secret).await?))
}

/// Whether this is the admin's password: the one of the environment, or the one that was set here.
pub(super) async fn is_right(admin: &Admin, password: Secret) -> Result<bool, Refusal> {
    let effective = admin.settings.current();
    let security = &effective.settings.security;
    match (&security.admin_password, &security.admin_password_hash) {
        (Some(known), _) => Ok(known.same_as(password.expose())),
        (None, Some(hash)) => admin.passwords.verify(password, hash.clone()).await,
        (None, None) => {
            let (en, zh) = ("No admin password is set.", "尚未设置管理员密码。");
            Err(Refusal::new(StatusCode::CONFLICT, "no_password", en, zh))
        }
    }
}

/// Signs out.
#[utoipa::path(delete, path = "/api/session", tag = "session", responses((status = 204)))]
pub(super) async fn logout(State(admin): State<Arc<Admin>>, operator: Operator, request: Request) -> Result<Response, Refusal> {
    if let Via::Session(id, _) = &operator.via {
        admin.engine.store().delete_session(id).await?;
        admin.audit(&operator.who, "sign out", "", "ok").await;
    }
    let (parts, _) = request.into_parts();
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie(&admin, &parts, "", 0))]).into_response())
}
