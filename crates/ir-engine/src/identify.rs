//! Who is asking: the one place where a credential becomes a [`Caller`].
//!
//! A token is compared with the gateway's own keys first: with the global one in constant time, with
//! client keys by a keyed hash of the whole token. Only then is its shape looked at, and a shape alone
//! never opens a pool: it only says to which platform the caller's own token is relayed.

use crate::snapshot::Snapshot;
use ir_model::{Caller, Fault, Gate, Timestamp};
use ir_platforms::ADAPTERS;
use std::net::IpAddr;

/// How access keys begin that the gateway makes.
pub const ACCESS_KEY: &str = "sk-imgrouter-";
/// The key that demo mode takes from loopback addresses.
const DEMO_KEY: &str = "demo";

/// Decides who sent `token` from `peer`.
///
/// # Errors
/// 401 `missing_api_key` or `invalid_api_key`, 403 `relay_disabled` or `api_key_disabled`, 503
/// `service_disabled`.
pub(crate) fn identify(snapshot: &Snapshot, token: Option<&str>, peer: IpAddr, now: Timestamp) -> Result<Caller, Fault> {
    let system = &snapshot.settings.system;
    if !system.relay && !system.backend {
        return Err(Fault::gate(
            Gate::ServiceDisabled,
            "Relay and backend mode are both switched off (system.modes).",
            "中转模式与后端模式均已关闭（system.modes）。",
        ));
    }
    let anonymous = || (system.backend && system.allow_anonymous).then(|| Caller::Client("anonymous".to_owned()));
    let Some(token) = token.filter(|token| !token.is_empty()) else {
        return anonymous().ok_or_else(|| {
            Fault::gate(
                Gate::MissingKey,
                "No API key was given. Send it as 'Authorization: Bearer <key>'.",
                "缺少 API 密钥，请使用 Authorization: Bearer <密钥>。",
            )
        });
    };
    let in_backend = |caller: Caller| {
        system.backend.then_some(caller).ok_or_else(|| {
            Fault::gate(
                Gate::ServiceDisabled,
                "Backend mode is switched off (system.modes.backend).",
                "后端模式已关闭（system.modes.backend）。",
            )
        })
    };
    if system.global_access_key.as_ref().is_some_and(|key| key.same_as(token)) {
        return in_backend(Caller::Client("global".to_owned()));
    }
    if let Some(key) = snapshot.clients.find(token) {
        key.let_in(now)?;
        key.live.came(now);
        return in_backend(Caller::Key(key.record.id.clone()));
    }
    if system.demo && system.backend && token == DEMO_KEY && is_loopback(peer) {
        return Ok(Caller::Client("demo".to_owned()));
    }
    // Nobody but the gateway has a use for its own keys: an old one, or the operator's, is no platform's.
    let security = &snapshot.settings.security;
    let operators = [&security.admin_key, &security.admin_password];
    if token.starts_with(ACCESS_KEY) || operators.into_iter().flatten().any(|own| own.same_as(token)) {
        return anonymous().ok_or_else(unknown);
    }
    let enabled = |name: &str| snapshot.upstreams.iter().any(|u| u.enabled && u.own && u.name() == name);
    let platform = ADAPTERS.iter().map(|adapter| adapter.card()).find(|card| (card.key_format)(token) && enabled(card.name));
    match platform {
        Some(card) if system.relay => Ok(Caller::Relay { platform: card.name, key: ir_model::Secret::new(token), peer }),
        Some(card) if anonymous().is_none() => Err(Fault::gate(
            Gate::RelayDisabled,
            format!("This looks like a key of {}, but relay mode is switched off (system.modes.relay).", card.name),
            format!("该密钥属于 {}，但中转模式已关闭（system.modes.relay）。", card.name),
        )),
        Some(_) | None => anonymous().ok_or_else(unknown),
    }
}

fn unknown() -> Fault {
    Fault::gate(Gate::BadKey, "This API key is not known here.", "API 密钥无效。")
}

fn is_loopback(peer: IpAddr) -> bool {
    match peer {
        IpAddr::V4(v4) => v4.is_loopback(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback()),
    }
}
