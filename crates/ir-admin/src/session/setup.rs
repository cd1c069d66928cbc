//! `POST /api/setup`: the first password, by the one-time link of the log.

use super::{SessionState, begin};
use crate::admin::{Admin, Who};
use crate::attempts::Guess;
use crate::authority::{peer, too_many};
use crate::body;
use crate::refusal::{ErrorBody, Refusal};
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use ir_model::Secret;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Setup {
    /// The token of the link.
    token: String,
    /// 8 to 256 characters.
    password: String,
}

/// Sets the admin's first password and signs in.
#[utoipa::path(post, path = "/api/setup", tag = "session", request_body = Setup, responses(
    (status = 200, body = SessionState), (status = 401, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn setup(State(admin): State<Arc<Admin>>, request: Request) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let Setup { token, password } = body::password(Request::from_parts(parts.clone(), body)).await?;
    let (address, now) = (peer(&parts.extensions), admin.now());
    admin.attempts.reserve(Guess::Password, address, now).map_err(too_many)?;
    // Before the link is used up.
    let hash = admin.passwords.hash(Secret::new(password), &**admin.engine.dice()).await?;
    let who = Who { actor: "set-up link".to_owned(), address };
    if !admin.take_setup(&token) {
        admin.audit(&who, "set password", "", "wrong link").await;
        let (en, zh) =
            ("This link is not good (any more). The newest one is in the gateway's log.", "该链接无效或已失效，最新的链接在网关日志中。");
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, "invalid_token", en, zh));
    }
    if let Err(refusal) = admin.change(&json!({"security": {"adminPasswordHash": hash}}), None).await {
        admin.return_setup(&token);
        return Err(refusal);
    }
    admin.attempts.right(address, now);
    admin.audit(&who, "set password", "", "ok").await;
    begin(&admin, &parts).await
}
