//! A key as the panel shows it: never the key itself.

use ir_engine::{KeyCell, Snapshot};
use ir_model::Timestamp;
use ir_store::KeyRecord;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Key {
    pub(crate) id: String,
    provider: String,
    name: String,
    /// The last characters, where the key is long enough to tell some; else empty.
    key: String,
    enabled: bool,
    status: KeyStatus,
    /// Why it is not used: a class of failure, or what is wrong with it.
    reason: Option<String>,
    cooldown_until: Option<i64>,
    last_error: Option<String>,
    last_used: Option<i64>,
    added_at: i64,
    total_calls: u64,
    success_count: u64,
    error_count: u64,
    /// Exchanges under way with it.
    in_flight: u32,
    base_url: Option<String>,
    models: Vec<String>,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum KeyStatus {
    Active,
    /// Good as far as is known, but never used.
    Unused,
    /// It rests.
    Cooling,
    /// The platform refused it.
    Disabled,
    /// Switched off by the operator.
    Off,
    /// It does not open: another address or another master key.
    Unreadable,
}

impl Key {
    fn of(record: KeyRecord, live: Option<&Arc<KeyCell>>, problem: Option<&str>, now: Timestamp) -> Self {
        let health = live.map_or(record.health, |cell| cell.health.to_record());
        let cooldown_until = health.cooling_until.filter(|until| *until > now);
        let (status, reason) = if !record.enabled {
            (KeyStatus::Off, None)
        } else if let Some(problem) = problem {
            (KeyStatus::Unreadable, Some(problem.to_owned()))
        } else if health.disabled_reason.is_some() {
            (KeyStatus::Disabled, health.disabled_reason.as_deref().map(class))
        } else if cooldown_until.is_some() {
            (KeyStatus::Cooling, health.cooling_reason.as_deref().map(class))
        } else if health.calls == 0 {
            (KeyStatus::Unused, None)
        } else {
            (KeyStatus::Active, None)
        };
        Self {
            id: record.id.0,
            provider: record.platform,
            name: record.name,
            key: record.tail,
            enabled: record.enabled,
            status,
            reason,
            cooldown_until: cooldown_until.map(|until| until.0),
            last_error: health.last_error,
            last_used: health.last_used.map(|time| time.0),
            added_at: record.added.0,
            total_calls: health.calls,
            success_count: health.successes,
            error_count: health.errors,
            in_flight: live.map_or(0, |cell| cell.health.in_flight()),
            base_url: record.base_url,
            models: record.models,
        }
    }

    pub(crate) fn provider(&self) -> &str {
        &self.provider
    }

    /// Its state in a word.
    pub(crate) fn state(&self) -> &'static str {
        match self.status {
            KeyStatus::Active => "active",
            KeyStatus::Unused => "unused",
            KeyStatus::Cooling => "cooling",
            KeyStatus::Disabled => "disabled",
            KeyStatus::Off => "off",
            KeyStatus::Unreadable => "unreadable",
        }
    }

    /// Calls, and those that drew.
    pub(crate) fn calls(&self) -> (u64, u64) {
        (self.total_calls, self.success_count)
    }

    /// Whether it can be used, now or when its rest is over.
    pub(crate) fn is_good(&self) -> bool {
        matches!(self.status, KeyStatus::Active | KeyStatus::Unused | KeyStatus::Cooling)
    }

    pub(crate) fn is_of(&self, provider: &str) -> bool {
        self.provider.eq_ignore_ascii_case(provider)
    }

    /// What to call it where its id would tell nothing.
    pub(crate) fn label(&self) -> String {
        match (self.name.is_empty(), self.key.is_empty()) {
            (false, _) => self.name.clone(),
            (true, false) => self.key.clone(),
            (true, true) => crate::authority::short(self.id.trim_start_matches("key_")).to_owned(),
        }
    }
}

/// The class of failure that a reason begins with; what was said stands in the last error.
fn class(reason: &str) -> String {
    reason.split(':').next().unwrap_or_default().to_owned()
}

/// Stored keys with their present state.
pub(crate) fn views(records: Vec<KeyRecord>, snapshot: &Snapshot, now: Timestamp) -> Vec<Key> {
    let cells: HashMap<_, _> = snapshot.upstreams.iter().flat_map(|upstream| &upstream.keys).map(|key| (key.id.clone(), key)).collect();
    let problems: HashMap<_, _> = snapshot.problems.iter().map(|problem| (&problem.id, problem.why.as_str())).collect();
    records
        .into_iter()
        .map(|record| {
            let (live, problem) = (cells.get(&record.id).copied(), problems.get(&record.id).copied());
            Key::of(record, live, problem, now)
        })
        .collect()
}

/// All keys of all platforms.
pub(crate) async fn all(admin: &crate::admin::Admin) -> Result<Vec<Key>, crate::refusal::Refusal> {
    Ok(views(admin.engine.store().keys().await?, &admin.engine.snapshot(), admin.now()))
}
