//! Signing in and out. A session is a random token in a cookie; what is stored is a keyed hash of it.

mod audit;
mod login;
mod password;
mod sessions;
mod setup;

use crate::admin::{Admin, user_agent};
use crate::authority::{Operator, Via, peer};
use crate::body::Answer;
use crate::refusal::Refusal;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::{HOST, SET_COOKIE};
use http::request::Parts;
use ir_model::{OverTls, Secret, Timestamp};
use ir_store::SessionRecord;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The cookie's name where the page came over plain HTTP.
pub(crate) const COOKIE: &str = "img-router";
/// The cookie's name behind TLS: browsers take it only with `Secure`, for this host and path `/`.
pub(crate) const SECURE_COOKIE: &str = "__Host-img-router";
/// How long a session lasts at most, in milliseconds.
const LIFETIME: i64 = 12 * 3_600_000;
/// How long a session lasts without being used, in milliseconds.
const IDLE: u64 = 30 * 60_000;

pub(crate) fn router() -> OpenApiRouter<Arc<Admin>> {
    OpenApiRouter::new()
        .routes(routes!(login::state, login::login, login::logout))
        .routes(routes!(setup::setup))
        .routes(routes!(password::change))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::end))
        .routes(routes!(audit::page))
}

/// Whether somebody is signed in, and what is to be done first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionState {
    /// No way in is set yet: the one-time link of the log sets the password.
    setup_required: bool,
    signed_in: bool,
    via: Option<SignedInBy>,
    /// Milliseconds since the epoch.
    expires: Option<i64>,
    /// Whether a password can be used to sign in.
    has_password: bool,
    /// The gateway's version; only for the operator.
    version: Option<String>,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
enum SignedInBy {
    Session,
    AdminKey,
    GlobalKey,
}

fn state_of(admin: &Admin, operator: Option<&Operator>) -> SessionState {
    let (via, expires) = match operator.map(|operator| &operator.via) {
        None => (None, None),
        Some(Via::Session(_, expires)) => (Some(SignedInBy::Session), Some(expires.0)),
        Some(Via::AdminKey) => (Some(SignedInBy::AdminKey), None),
        Some(Via::GlobalKey) => (Some(SignedInBy::GlobalKey), None),
    };
    SessionState {
        setup_required: admin.setup_required(),
        signed_in: operator.is_some(),
        via,
        expires,
        has_password: admin.has_password(),
        version: operator.map(|_| admin.version.to_owned()),
    }
}

/// The session that a cookie's token names, if it is one and has not ended.
pub(crate) async fn find(admin: &Admin, token: &str) -> Result<Option<SessionRecord>, Refusal> {
    if token.len() != 64 || !token.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(None);
    }
    let store = admin.engine.store();
    let now = admin.now();
    let session = store.find_session(&hash(admin, token), now).await?.filter(|session| lives(session, now));
    if let Some(session) = &session {
        store.touch_session(&session.id, now).await?;
    }
    Ok(session)
}

/// Whether a session can be used.
fn lives(session: &SessionRecord, now: Timestamp) -> bool {
    session.expires > now && now.since(session.last_seen) < IDLE
}

/// Whether what an operator came with is still good: for what goes on after the request was let in. A
/// session is not used by that.
pub(crate) async fn still(admin: &Admin, operator: &Operator) -> bool {
    match &operator.via {
        Via::AdminKey | Via::GlobalKey => true,
        Via::Session(id, _) => match admin.engine.store().session(id).await {
            Ok(session) => session.is_some_and(|session| lives(&session, admin.now())),
            Err(error) => {
                tracing::error!(%error, "sessions cannot be read");
                false
            }
        },
    }
}

fn hash(admin: &Admin, token: &str) -> Vec<u8> {
    admin.settings.vault().fingerprint(&format!("session|{token}")).into_bytes()
}

/// Begins a session and answers with its cookie. The session that the browser came with, if any, ends:
/// what was known before the sign-in is worth nothing after it.
async fn begin(admin: &Admin, parts: &Parts) -> Result<Response, Refusal> {
    if let Some(Operator { via: Via::Session(id, _), .. }) = parts.extensions.get::<Operator>() {
        admin.engine.store().delete_session(id).await?;
    }
    let dice = admin.engine.dice();
    let token = Secret::new(format!("{}{}", dice.hex128(), dice.hex128()));
    let now = admin.now();
    let session = SessionRecord {
        id: dice.hex128(),
        token_hash: hash(admin, token.expose()),
        created: now,
        last_seen: now,
        expires: now.plus_ms(LIFETIME),
        address: peer(&parts.extensions).to_string(),
        user_agent: user_agent(&parts.headers),
    };
    let operator = Operator {
        via: Via::Session(session.id.clone(), session.expires),
        who: crate::admin::Who { actor: String::new(), address: peer(&parts.extensions) },
    };
    admin.engine.store().create_session(session).await?;
    let mut response = Answer(state_of(admin, Some(&operator))).into_response();
    response.headers_mut().append(SET_COOKIE, cookie(admin, parts, token.expose(), LIFETIME / 1000));
    Ok(response)
}

/// The `Set-Cookie` for a token; with `seconds` = 0 the one that takes it away.
fn cookie(admin: &Admin, parts: &Parts, token: &str, seconds: i64) -> HeaderValue {
    let (name, secure) = if is_secure(admin, parts) { (SECURE_COOKIE, "; Secure") } else { (COOKIE, "") };
    let text = format!("{name}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).expect("invariant: tokens are hexadecimal")
}

/// Whether the browser reached the gateway over TLS: a trusted proxy says so, or it came to the public
/// address and that is one of `https`.
fn is_secure(admin: &Admin, parts: &Parts) -> bool {
    if parts.extensions.get::<OverTls>().is_some() {
        return true;
    }
    let settings = &admin.settings.current().settings;
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    settings.system.public_base_url.as_ref().is_some_and(|url| {
        let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
        url.scheme() == "https" && authority.eq_ignore_ascii_case(host.trim_end_matches(":443"))
    })
}
