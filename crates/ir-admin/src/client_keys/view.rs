//! A client key as the panel shows it, and the bounds of what can be chosen for it.

use crate::admin::Admin;
use crate::refusal::Refusal;
use ir_engine::{ClientKey as Live, ClientKeyState, ClientKeyTerms};
use ir_model::Timestamp;
use serde::Serialize;
use std::collections::HashMap;
use utoipa::ToSchema;

/// Longest name and model id, in characters.
const LONGEST: usize = 200;
/// Most models of one key.
const MOST_MODELS: usize = 200;
/// Most requests a minute, and at once.
const MOST_REQUESTS: u32 = 100_000;

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClientKey {
    id: String,
    name: String,
    /// The last characters.
    hint: String,
    status: ClientKeyStatus,
    enabled: bool,
    created: i64,
    /// From when on it is worth nothing.
    expires: Option<i64>,
    /// Models that it may draw with, as callers name them; empty: all.
    models: Vec<String>,
    /// Requests for pictures in any minute.
    requests_per_minute: Option<u32>,
    /// Requests drawing at once.
    concurrent_requests: Option<u32>,
    /// Requests for pictures that were let in.
    requests: u64,
    /// Pictures drawn.
    pictures: u64,
    last_used: Option<i64>,
    /// Requests that draw now.
    in_flight: u32,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ClientKeyStatus {
    Active,
    Expired,
    /// Switched off by the operator.
    Disabled,
}

impl ClientKey {
    pub(super) fn of(key: &Live, now: Timestamp) -> Self {
        let (record, usage) = (&key.record, key.live.usage());
        Self {
            id: record.id.clone(),
            name: record.name.clone(),
            hint: record.hint.clone(),
            status: match key.state(now) {
                ClientKeyState::Active => ClientKeyStatus::Active,
                ClientKeyState::Expired => ClientKeyStatus::Expired,
                ClientKeyState::Disabled => ClientKeyStatus::Disabled,
            },
            enabled: record.enabled,
            created: record.created.0,
            expires: record.expires.map(|at| at.0),
            models: record.models.clone(),
            requests_per_minute: record.per_minute,
            concurrent_requests: record.concurrent,
            requests: usage.requests,
            pictures: usage.pictures,
            last_used: usage.last_used.map(|at| at.0),
            in_flight: key.live.drawing(),
        }
    }

    /// The key of this id, as it is in force.
    pub(super) fn in_force(admin: &Admin, id: &str) -> Result<Self, Refusal> {
        let snapshot = admin.engine.snapshot();
        snapshot.clients.by_id(id).map(|key| Self::of(key, admin.now())).ok_or_else(no_such_key)
    }
}

pub(super) fn no_such_key() -> Refusal {
    Refusal::not_found("There is no such key.", "没有这个密钥。")
}

/// What keys are called, by the name that requests are logged under.
pub(crate) fn names(admin: &Admin) -> HashMap<String, String> {
    admin.engine.snapshot().clients.all().map(|key| (format!("key:{}", key.record.id), key.record.name.clone())).collect()
}

/// Refuses what cannot be chosen, by the field's name.
pub(super) fn judge(terms: &ClientKeyTerms) -> Result<(), Refusal> {
    let length = terms.name.chars().count();
    if length == 0 || length > LONGEST {
        return Err(Refusal::bad("name", "A name has 1 to 200 characters.", "名称长度须为 1 至 200 个字符。"));
    }
    let bad = |model: &String| model.trim().is_empty() || model.chars().count() > LONGEST || model.chars().any(char::is_control);
    if terms.models.len() > MOST_MODELS || terms.models.iter().any(bad) {
        let (en, zh) = ("'models' lists at most 200 model ids of 1 to 200 characters.", "models 最多 200 个模型，每个 1 至 200 个字符。");
        return Err(Refusal::bad("models", en, zh));
    }
    if terms.expires.is_some_and(|at| at.0 < 0) {
        return Err(Refusal::bad("expires", "'expires' is a time in milliseconds.", "expires 须为毫秒时间戳。"));
    }
    for (name, value) in [("requestsPerMinute", terms.per_minute), ("concurrentRequests", terms.concurrent)] {
        if value.is_some_and(|value| !(1..=MOST_REQUESTS).contains(&value)) {
            let (en, zh) = (format!("'{name}' is 1 to {MOST_REQUESTS}."), format!("{name} 须为 1 至 {MOST_REQUESTS}。"));
            return Err(Refusal::bad(name, en, zh));
        }
    }
    Ok(())
}
