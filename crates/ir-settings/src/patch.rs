//! Changes of the file as merge patches (RFC 7396), and the file as it may be shown.

use crate::error::SettingsError;
use crate::platforms::canonical;
use crate::resolve::{KEY_POOLS, is_section};
use crate::table::{all_defs, index_of};
use crate::value::MASK;
use serde_json::{Map, Value as Json};

/// Deepest nesting of a change; settings are five deep.
const DEEPEST: usize = 32;
/// Where a change comes from, in messages.
pub(crate) const CHANGE: &str = "this change";

/// Makes a change ready to be merged: masks, which stand for secrets that stay as they are, are
/// taken out.
pub(crate) fn prepare(patch: &Json) -> Result<Map<String, Json>, SettingsError> {
    let refuse = |path: &str, message: &str| SettingsError::Invalid {
        path: path.to_owned(),
        source_name: CHANGE.to_owned(),
        message: message.to_owned(),
    };
    let Json::Object(members) = patch else { return Err(refuse("", "must be an object")) };
    if too_deep(patch, DEEPEST) {
        return Err(refuse("", "is nested too deep"));
    }
    if members.contains_key(KEY_POOLS) {
        return Err(refuse(KEY_POOLS, "is no setting any more: keys are kept in the key store (/api/key-pool, img-router keys)"));
    }
    let mut members = members.clone();
    drop_masks(&mut members);
    Ok(members)
}

/// The paths at which a change has masks: secrets that are meant to stay as they are.
pub(crate) fn masks(change: &Json) -> Vec<String> {
    fn walk(json: &Json, path: &str, found: &mut Vec<String>) {
        match json {
            Json::String(text) if text == MASK => found.push(path.to_owned()),
            Json::Object(members) => members.iter().for_each(|(name, member)| {
                walk(member, &if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, found);
            }),
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(change, "", &mut found);
    found
}

fn too_deep(json: &Json, left: usize) -> bool {
    match json {
        Json::Object(members) => left == 0 || members.values().any(|member| too_deep(member, left - 1)),
        Json::Array(items) => left == 0 || items.iter().any(|item| too_deep(item, left - 1)),
        _ => false,
    }
}

fn drop_masks(members: &mut Map<String, Json>) {
    members.retain(|_, member| member.as_str() != Some(MASK));
    members.values_mut().filter_map(Json::as_object_mut).for_each(drop_masks);
}

/// Merges a change into a file: `null` deletes, objects are merged member by member, all else
/// replaces. Platforms are found whatever the case of their names.
pub(crate) fn merge(file: &mut Map<String, Json>, change: Map<String, Json>) {
    merge_at(file, change, "");
}

fn merge_at(target: &mut Map<String, Json>, change: Map<String, Json>, above: &str) {
    for (name, new) in change {
        let name = if above == "providers" { spelling(target, name) } else { name };
        let path = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
        match new {
            Json::Null => {
                target.remove(&name);
            }
            Json::Object(members) => {
                let slot = target.entry(name).or_insert(Json::Null);
                if !slot.is_object() {
                    *slot = Json::Object(Map::new());
                }
                merge_at(slot.as_object_mut().expect("made an object just now"), members, &path);
            }
            other => {
                target.insert(name, other);
            }
        }
    }
}

/// How the file spells a platform, or how it is spelt.
fn spelling(providers: &Map<String, Json>, name: String) -> String {
    let Some(known) = canonical(&name) else { return name };
    providers.keys().rfind(|there| canonical(there) == Some(known)).cloned().unwrap_or_else(|| known.to_owned())
}

/// The file as it may be shown: secrets masked, and in parts that no setting is known for, whatever
/// is named like one.
pub(crate) fn masked(file: &Map<String, Json>) -> Json {
    let mut shown = file.clone();
    mask_known(&mut shown, "");
    Json::Object(shown)
}

fn mask_known(members: &mut Map<String, Json>, above: &str) {
    for (name, json) in members {
        let known = if above == "providers" { canonical(name).unwrap_or(name) } else { name };
        let path = if above.is_empty() { known.to_owned() } else { format!("{above}.{known}") };
        if let Some(index) = index_of(&path) {
            if all_defs()[index].is_secret() && json.as_str().is_some_and(|text| !text.is_empty()) {
                *json = Json::String(MASK.to_owned());
            }
        } else if let (true, Json::Object(inner)) = (is_section(&path), &mut *json) {
            mask_known(inner, &path);
        } else {
            mask_unknown(name, json);
        }
    }
}

fn mask_unknown(name: &str, json: &mut Json) {
    const TELLING: &[&str] = &["key", "secret", "password", "token", "auth", "credential"];
    let named = || TELLING.iter().any(|word| name.to_ascii_lowercase().contains(word));
    match json {
        Json::Object(members) => members.iter_mut().for_each(|(name, json)| mask_unknown(name, json)),
        // Items go by the name of their list: `keys: ["…"]`.
        Json::Array(items) => items.iter_mut().for_each(|item| mask_unknown(name, item)),
        Json::String(text) if !text.is_empty() && named() => *json = Json::String(MASK.to_owned()),
        _ => {}
    }
}
