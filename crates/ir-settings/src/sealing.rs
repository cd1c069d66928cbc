//! How secrets stand in the file: `enc:v1:` and the base64 of what the vault sealed, bound to the
//! setting and to the origin that the secret may be sent to.

use crate::error::SettingsError;
use crate::platforms::canonical;
use crate::resolve::Resolved;
use crate::table::all_defs;
use crate::vault::Vault;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ir_model::Secret;
use serde_json::{Map, Value as Json};

const PREFIX: &str = "enc:v1:";

/// Whether a text of the file is a sealed secret.
pub(crate) fn is_sealed(text: &str) -> bool {
    text.starts_with(PREFIX)
}

fn binding(path: &str, origin: &str) -> String {
    format!("setting|{path}|{origin}")
}

pub(crate) fn open(vault: &Vault, text: &str, path: &str, origin: &str) -> Result<Secret, SettingsError> {
    let sealed = text.strip_prefix(PREFIX).and_then(|rest| STANDARD.decode(rest).ok()).ok_or(SettingsError::Sealed)?;
    vault.open(&sealed, &binding(path, origin))
}

/// The member of a file at a path of the table; platforms' names in any case.
pub(crate) fn at_path<'a>(file: &'a mut Map<String, Json>, path: &str) -> Option<&'a mut Json> {
    let mut parts = path.split('.');
    let mut here = file.get_mut(parts.next()?)?;
    let in_providers = path.starts_with("providers.");
    for (depth, part) in parts.enumerate() {
        let members = here.as_object_mut()?;
        let spelling = if in_providers && depth == 0 {
            members.keys().rfind(|name| canonical(name) == Some(part)).cloned()
        } else {
            members.contains_key(part).then(|| part.to_owned())
        };
        here = members.get_mut(&spelling?)?;
    }
    Some(here)
}

/// Seals every secret of a file that stands there in plain text, and takes out those that were
/// sealed for an origin that is no longer configured. Tells whether anything was changed.
pub(crate) fn seal_all(file: &mut Map<String, Json>, resolved: &Resolved, vault: &Vault) -> bool {
    let mut changed = false;
    for def in all_defs().iter().filter(|def| def.is_secret()) {
        let origin = resolved.origin_of(def.kind);
        let Some(member) = at_path(file, &def.path) else { continue };
        let Json::String(text) = &*member else { continue };
        if text.trim().is_empty() {
            continue;
        }
        if is_sealed(text) {
            if open(vault, text, &def.path, &origin).is_err() {
                remove(file, &def.path);
                changed = true;
            }
        } else {
            let sealed = vault.seal(text.trim(), &binding(&def.path, &origin));
            *member = Json::String(format!("{PREFIX}{}", STANDARD.encode(sealed)));
            changed = true;
        }
    }
    changed
}

/// Whether a sealed secret of a file opens.
pub(crate) fn any_opens(file: &Map<String, Json>, resolved: &Resolved, vault: &Vault) -> bool {
    let mut file = file.clone();
    all_defs().iter().filter(|def| def.is_secret()).any(|def| match at_path(&mut file, &def.path) {
        Some(Json::String(text)) => open(vault, text, &def.path, &resolved.origin_of(def.kind)).is_ok(),
        _ => false,
    })
}

/// Takes a member out.
pub(crate) fn remove(file: &mut Map<String, Json>, path: &str) {
    let (section, name) = path.rsplit_once('.').expect("secrets stand in sections");
    if let Some(members) = at_path(file, section).and_then(Json::as_object_mut) {
        members.remove(name);
    }
}
