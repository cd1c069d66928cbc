//! Who may: one layer in front of the whole router, which denies by default.
//!
//! Whatever lies below `/api`, and `/metrics`, is the operator's, whether a route answers there or
//! not; what is open stands on the list [`OPEN`]. A token in `Authorization` counts alone; without
//! one the session cookie does. A request of another site is refused before anything is looked at,
//! and so is one whose Host header is a name that is not ours: a page that rebinds its name to this
//! address (DNS rebinding) would otherwise be same-origin.

use crate::admin::{Admin, Who};
use crate::attempts::Guess;
use crate::refusal::Refusal;
use crate::session::{COOKIE, SECURE_COOKIE};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{AUTHORIZATION, COOKIE as COOKIE_HEADER, HOST, ORIGIN};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, Method, StatusCode};
use ir_model::{Caller, Known, Peer, RequestId};
use ir_settings::Settings;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// What may be called without authority, below `/api`.
pub(crate) const OPEN: &[(Method, &str)] = &[
    (Method::GET, "/api/info"),
    (Method::HEAD, "/api/info"),
    (Method::GET, "/api/session"),
    (Method::HEAD, "/api/session"),
    (Method::POST, "/api/session"),
    (Method::POST, "/api/setup"),
];

/// By what right somebody acts as the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    /// A session of the panel, by its id, until when.
    Session(String, ir_model::Timestamp),
    /// `security.adminKey`.
    AdminKey,
    /// `system.globalAccessKey`, where it opens `/api`.
    GlobalKey,
}

/// The operator, known. In the extensions of every request that passed the layer with authority.
#[derive(Clone, Debug)]
pub(crate) struct Operator {
    pub(crate) via: Via,
    pub(crate) who: Who,
}

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Operator {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        parts.extensions.get::<Self>().cloned().ok_or_else(not_signed_in)
    }
}

/// The layer.
pub async fn guard(State(admin): State<Arc<Admin>>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let ours = is_admin(path);
    if path.starts_with("/storage/") {
        if let Some(known) = closed_picture(&admin, request.headers()).await {
            request.extensions_mut().insert(known);
        }
        return next.run(request).await;
    }
    if !ours && !crate::pages::is_page(path) {
        return next.run(request).await;
    }
    let asked = Asked {
        open: OPEN.iter().any(|(method, path)| method == request.method() && *path == request.uri().path()),
        ours,
        changes: !request.method().is_safe(),
        headers: request.headers().clone(),
        address: peer(request.extensions()),
    };
    let refusal = match admit(&admin, &asked).await {
        Ok(None) => return next.run(request).await,
        Ok(Some(operator)) => {
            request.extensions_mut().insert(operator);
            return next.run(request).await;
        }
        Err(refusal) => refusal,
    };
    let id = request.extensions().get::<RequestId>().map(ToString::to_string);
    tracing::info!(request_id = id, method = %request.method(), path = request.uri().path(), code = refusal.code(), "refused at the admin's door");
    refusal.render(request.headers())
}

/// Where stored pictures are closed, the panel's session opens them: its pages show them.
async fn closed_picture(admin: &Admin, headers: &HeaderMap) -> Option<Known> {
    if !admin.settings.current().settings.storage.require_auth || headers.contains_key(AUTHORIZATION) {
        return None;
    }
    let operator = by_cookie(admin, headers, IpAddr::V4(Ipv4Addr::UNSPECIFIED)).await.ok()?;
    tracing::trace!(actor = operator.who.actor, "a closed picture is shown in the panel");
    Some(Known(Caller::Client("panel".to_owned())))
}

fn is_admin(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/") || path == "/metrics"
}

/// What is known of a request at the door.
struct Asked {
    open: bool,
    ours: bool,
    /// It changes something.
    changes: bool,
    headers: HeaderMap,
    address: IpAddr,
}

async fn admit(admin: &Admin, asked: &Asked) -> Result<Option<Operator>, Refusal> {
    known_host(&admin.settings.current().settings, &asked.headers)?;
    if !asked.ours {
        return Ok(None);
    }
    same_site(&asked.headers)?;
    let operator = identify(admin, &asked.headers, asked.address).await.and_then(|operator| said_by_a_page(operator, asked));
    // What is open to all still tells the operator more.
    if asked.open { Ok(operator.ok()) } else { operator.map(Some) }
}

pub(crate) fn peer(extensions: &http::Extensions) -> IpAddr {
    extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip())
}

/// Refuses names that are not ours. Addresses are: nobody can rebind a number.
fn known_host(settings: &Settings, headers: &HeaderMap) -> Result<(), Refusal> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host_name(host).unwrap_or_default();
    let number = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
    let public = settings.system.public_base_url.as_ref().and_then(|url| url.host_str());
    let listed = settings.security.allowed_hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(&name));
    if number || name.eq_ignore_ascii_case("localhost") || listed || public.is_some_and(|public| public.eq_ignore_ascii_case(&name)) {
        return Ok(());
    }
    let (en, zh) = (
        "This name is not known to be the gateway's. List it in security.allowedHosts (IMG_ROUTER_SECURITY_ALLOWED_HOSTS), or set system.publicBaseUrl.",
        "该域名未被允许访问管理界面。请将其加入 security.allowedHosts（IMG_ROUTER_SECURITY_ALLOWED_HOSTS），或设置 system.publicBaseUrl。",
    );
    Err(Refusal::new(StatusCode::MISDIRECTED_REQUEST, "host_not_allowed", en, zh))
}

/// The name in `name:port`, by the parser that everything else uses too.
fn host_name(host: &str) -> Option<String> {
    let authority: Authority = host.parse().ok()?;
    (!host.contains('@')).then(|| authority.host().to_owned())
}

/// Refuses what a page of another site sends. Programs send neither header.
fn same_site(headers: &HeaderMap) -> Result<(), Refusal> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let good = match (text("sec-fetch-site"), headers.get(ORIGIN)) {
        (Some(site), _) => site == "same-origin" || site == "none",
        (None, Some(origin)) => {
            let origin = origin.to_str().unwrap_or_default();
            let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("?");
            origin.split_once("://").is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(host))
        }
        (None, None) => true,
    };
    if good {
        return Ok(());
    }
    let (en, zh) = ("Pages of other sites may not use the admin API.", "其他网站的页面不能调用管理接口。");
    Err(Refusal::new(StatusCode::FORBIDDEN, "cross_site", en, zh))
}

/// Refuses a change that comes with nothing but a cookie: browsers say which page sends it, and programs
/// have keys.
fn said_by_a_page(operator: Operator, asked: &Asked) -> Result<Operator, Refusal> {
    let silent = !asked.headers.contains_key("sec-fetch-site") && !asked.headers.contains_key(ORIGIN);
    if silent && asked.changes && matches!(operator.via, Via::Session(..)) {
        let (en, zh) = (
            "Changes by a session need the header Sec-Fetch-Site or Origin, as browsers send them. Programs use an admin key.",
            "使用会话进行修改时需要 Sec-Fetch-Site 或 Origin 请求头（浏览器会自动发送）；程序请使用管理密钥。",
        );
        return Err(Refusal::new(StatusCode::FORBIDDEN, "cross_site", en, zh));
    }
    Ok(operator)
}

async fn identify(admin: &Admin, headers: &HeaderMap, address: IpAddr) -> Result<Operator, Refusal> {
    if headers.contains_key(AUTHORIZATION) {
        return by_token(admin, headers, address).await;
    }
    by_cookie(admin, headers, address).await
}

/// Cookies of a request that are looked up.
const COOKIES: usize = 4;

async fn by_cookie(admin: &Admin, headers: &HeaderMap, address: IpAddr) -> Result<Operator, Refusal> {
    let cookies = headers.get_all(COOKIE_HEADER).iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(';'));
    // Another host of the same domain, or another port, may have put one of the same name before ours.
    let ours = |(name, _): &(&str, &str)| *name == COOKIE || *name == SECURE_COOKIE;
    for (_, token) in cookies.filter_map(|pair| pair.trim().split_once('=')).filter(ours).take(COOKIES) {
        if let Some(session) = crate::session::find(admin, token).await? {
            let who = Who { actor: format!("session {}", short(&session.id)), address };
            return Ok(Operator { via: Via::Session(session.id, session.expires), who });
        }
    }
    Err(refused_without(admin))
}

fn refused_without(admin: &Admin) -> Refusal {
    if admin.setup_required() {
        return setup_first();
    }
    not_signed_in()
}

/// Nobody can be let in yet.
pub(crate) fn setup_first() -> Refusal {
    let (en, zh) = (
        "No admin password is set yet. Open the one-time link that the gateway printed to its log.",
        "尚未设置管理员密码，请打开网关日志中的一次性链接。",
    );
    Refusal::new(StatusCode::UNAUTHORIZED, "setup_required", en, zh)
}

fn not_signed_in() -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, "not_signed_in", "Sign in first.", "请先登录。")
}

async fn by_token(admin: &Admin, headers: &HeaderMap, address: IpAddr) -> Result<Operator, Refusal> {
    let now = admin.now();
    admin.attempts.admit(Guess::Key, address, now).map_err(too_many)?;
    let current = admin.settings.current();
    let settings = &current.settings;
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let text = values.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    let token = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
    let unknown = || Refusal::new(StatusCode::UNAUTHORIZED, "invalid_token", "This admin key is not known here.", "管理密钥无效。");
    let (Some(token), None) = (token, values.next()) else {
        return Err(unknown());
    };
    let operator = |via: Via, actor: &str| Operator { via, who: Who { actor: actor.to_owned(), address } };
    if settings.security.admin_key.as_ref().is_some_and(|key| key.same_as(token)) {
        return Ok(operator(Via::AdminKey, "admin key"));
    }
    let only_draws = || {
        let (en, zh) = ("This key may draw, but not administer.", "该密钥只能用于绘图，不能用于管理。");
        Refusal::new(StatusCode::FORBIDDEN, "forbidden", en, zh)
    };
    if settings.system.global_access_key.as_ref().is_some_and(|key| key.same_as(token)) {
        return if settings.system.global_key_is_admin { Ok(operator(Via::GlobalKey, "global access key")) } else { Err(only_draws()) };
    }
    if admin.engine.snapshot().clients.find(token).is_some() {
        return Err(only_draws());
    }
    admin.attempts.wrong(Guess::Key, address, now);
    admin.audit(&Who { actor: "unknown key".to_owned(), address }, "use admin key", "", "wrong key").await;
    Err(unknown())
}

pub(crate) fn too_many(seconds: u64) -> Refusal {
    Refusal::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_attempts",
        format!("Too many wrong attempts from this address. Try again in {seconds} s."),
        format!("该地址尝试次数过多，请在 {seconds} 秒后重试。"),
    )
    .retry_after(seconds)
}

/// Enough of an id to tell it from others.
pub(crate) fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn requests_of_other_sites_are_refused() {
        let rows: &[(&[(&'static str, &str)], bool)] = &[
            (&[("host", "localhost:10001")], true),
            (&[("host", "localhost:10001"), ("origin", "http://localhost:10001")], true),
            (&[("host", "localhost:10001"), ("origin", "http://localhost:10002")], false),
            (&[("host", "localhost:10001"), ("origin", "null")], false),
            (&[("host", "localhost:10001"), ("origin", "https://evil.example")], false),
            (&[("host", "localhost"), ("sec-fetch-site", "same-origin")], true),
            (&[("host", "localhost"), ("sec-fetch-site", "none")], true),
            (&[("host", "localhost"), ("sec-fetch-site", "same-site")], false),
            (&[("host", "localhost"), ("sec-fetch-site", "cross-site"), ("origin", "http://localhost")], false),
        ];
        for (given, good) in rows {
            assert_eq!(same_site(&headers(given)).is_ok(), *good, "{given:?}");
        }
    }

    #[test]
    fn names_of_hosts() {
        for (host, name) in [("a.example:1", Some("a.example")), ("[::1]:10001", Some("[::1]")), ("127.0.0.1", Some("127.0.0.1"))] {
            assert_eq!(host_name(host).as_deref(), name, "{host}");
        }
        for none in ["", "x@127.0.0.1", "a.example/b", "a b"] {
            assert_eq!(host_name(none), None, "{none}");
        }
    }
}
