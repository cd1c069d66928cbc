//! The key pools of 1.x, which stood in the configuration file in plain text.

use crate::platforms::canonical;
use ir_model::Secret;
use serde_json::{Map, Value as Json};

/// One key of a 1.x pool.
#[derive(Clone, Debug)]
pub struct LegacyKey {
    /// The platform: its canonical name, or what the file says if there is no such platform.
    pub platform: String,
    /// Its id in 1.x; empty if it had none.
    pub id: String,
    /// The key.
    pub key: Secret,
    /// The name that the operator gave it; may be empty.
    pub name: String,
    /// Whether it may be used.
    pub enabled: bool,
    /// The address that it is for, where it is not the platform's.
    pub base_url: Option<String>,
    /// The models that it is for. Empty: all.
    pub models: Vec<String>,
    /// What 1.x thought of it: `active`, `rate_limited`, `disabled`, …
    pub status: Option<String>,
}

/// Reads the section `keyPools`. What is no key is passed over.
pub(crate) fn read(pools: Option<&Json>) -> Vec<LegacyKey> {
    let pools = pools.and_then(Json::as_object);
    let of_platform = |(name, pool): (&String, &Json)| {
        let platform = canonical(name).map_or_else(|| name.clone(), str::to_owned);
        let entries = pool.as_array().cloned().unwrap_or_default();
        entries.into_iter().filter_map(move |entry| one(&platform, &entry)).collect::<Vec<_>>()
    };
    pools.into_iter().flatten().flat_map(of_platform).collect()
}

fn one(platform: &str, entry: &Json) -> Option<LegacyKey> {
    let empty = Map::new();
    let members = entry.as_object().unwrap_or(&empty);
    let text = |name: &str| members.get(name).and_then(Json::as_str).map(str::trim).filter(|text| !text.is_empty());
    let key = entry.as_str().map(str::trim).filter(|text| !text.is_empty()).or_else(|| text("key"))?;
    let models = match members.get("models") {
        Some(Json::Array(items)) => {
            items.iter().filter_map(Json::as_str).map(str::trim).filter(|m| !m.is_empty()).map(str::to_owned).collect()
        }
        Some(Json::String(list)) => list.split([',', '，']).map(str::trim).filter(|m| !m.is_empty()).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let off = |json: &Json| json == &Json::Bool(false) || json.as_str().is_some_and(|text| text.eq_ignore_ascii_case("false"));
    Some(LegacyKey {
        platform: platform.to_owned(),
        id: text("id").unwrap_or_default().to_owned(),
        key: Secret::new(key),
        name: text("name").unwrap_or_default().to_owned(),
        enabled: !members.get("enabled").is_some_and(off),
        base_url: text("baseUrl").map(str::to_owned),
        models,
        status: text("status").map(str::to_owned),
    })
}
