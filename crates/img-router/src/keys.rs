//! `img-router keys`

use crate::cli::{AddArgs, KeysAction, KeysArgs};
use crate::out;
use ir_engine::NewKey;
use ir_model::{KeyId, Secret};
use ir_server::Gateway;
use ir_settings::Env;
use ir_store::{KeyHealth, KeyRecord};
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

/// Longest list of keys that is read.
const MAX_INPUT: u64 = 4 * 1024 * 1024;

pub(crate) async fn run(args: KeysArgs) -> ExitCode {
    let gateway = match Gateway::open(Env::from_process()).await {
        Ok(gateway) => gateway,
        Err(error) => return out::fail(&error.to_string(), error.exit_code()),
    };
    let code = act(&gateway, args.action).await;
    gateway.engine.store().close().await;
    code
}

async fn act(gateway: &Gateway, action: KeysAction) -> ExitCode {
    match action {
        KeysAction::Add(args) => add(gateway, args).await,
        KeysAction::Import { platform, file, base_url } => match read(&file) {
            Ok(text) => store(gateway, &platform, split(&text), base_url, Vec::new(), "").await,
            Err(error) => out::fail(&format!("{} cannot be read: {error}", file.display()), 66),
        },
        KeysAction::List { platform, json } => list(gateway, platform.as_deref(), json).await,
        KeysAction::Export { platform } => export(gateway, &platform).await,
        KeysAction::Enable { id } => {
            change(gateway, &id, |record| {
                record.enabled = true;
                record.health = KeyHealth {
                    id: record.id.clone(),
                    calls: record.health.calls,
                    successes: record.health.successes,
                    errors: record.health.errors,
                    ..KeyHealth::default()
                };
            })
            .await
        }
        KeysAction::Disable { id } => change(gateway, &id, |record| record.enabled = false).await,
        KeysAction::Delete { id } => match gateway.engine.store().delete_key(&KeyId(id.clone())).await {
            Ok(true) => {
                out::line("deleted");
                ExitCode::SUCCESS
            }
            Ok(false) => out::fail(&format!("there is no key '{id}'"), 1),
            Err(error) => out::fail(&error.to_string(), 74),
        },
    }
}

async fn add(gateway: &Gateway, args: AddArgs) -> ExitCode {
    let keys = if args.keys.is_empty() {
        match read(Path::new("-")) {
            Ok(text) => split(&text),
            Err(error) => return out::fail(&format!("standard input cannot be read: {error}"), 66),
        }
    } else {
        args.keys
    };
    store(gateway, &args.platform, keys, args.base_url, args.models, &args.name).await
}

async fn store(
    gateway: &Gateway,
    platform: &str,
    keys: Vec<String>,
    base_url: Option<String>,
    models: Vec<String>,
    name: &str,
) -> ExitCode {
    if keys.is_empty() {
        return out::fail("no key was given", 64);
    }
    if let Some(bad) = keys.iter().position(|key| !key.bytes().all(|b| b.is_ascii_graphic())) {
        return out::fail(&format!("key number {} has characters that no key has", bad + 1), 65);
    }
    let new = keys
        .into_iter()
        .map(|key| NewKey {
            secret: Secret::new(key),
            name: name.to_owned(),
            base_url: base_url.clone(),
            models: models.clone(),
            enabled: true,
        })
        .collect();
    match gateway.engine.add_keys(platform, new).await {
        Ok(added) => {
            out::line(format_args!("{} added, {} already there", added.added, added.duplicates));
            ExitCode::SUCCESS
        }
        Err(fault) => out::fail_with(&fault),
    }
}

/// Keys one per line or comma-separated, also by the full-width comma; lines that begin with # are
/// comments.
fn split(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(|line| line.split([',', '，']))
        .map(str::trim)
        .filter(|key| !key.is_empty())
        .map(str::to_owned)
        .collect()
}

fn read(file: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().lock().take(MAX_INPUT).read_to_string(&mut text)?;
    } else {
        std::fs::File::open(file)?.take(MAX_INPUT).read_to_string(&mut text)?;
    }
    Ok(text)
}

async fn records(gateway: &Gateway, platform: Option<&str>) -> Result<Vec<KeyRecord>, ExitCode> {
    match gateway.engine.store().keys().await {
        Ok(mut records) => {
            records.retain(|record| platform.is_none_or(|name| record.platform.eq_ignore_ascii_case(name)));
            Ok(records)
        }
        Err(error) => Err(out::fail(&error.to_string(), 74)),
    }
}

async fn list(gateway: &Gateway, platform: Option<&str>, json: bool) -> ExitCode {
    let records = match records(gateway, platform).await {
        Ok(records) => records,
        Err(code) => return code,
    };
    if json {
        let list: Vec<_> = records
            .iter()
            .map(|r| serde_json::json!({ "id": r.id.0, "platform": r.platform, "name": r.name, "key": r.tail, "baseUrl": r.base_url, "models": r.models, "state": state(r), "calls": r.health.calls, "successes": r.health.successes, "errors": r.health.errors, "lastError": r.health.last_error }))
            .collect();
        out::line(serde_json::Value::Array(list));
        return ExitCode::SUCCESS;
    }
    let mut table = vec![["ID", "PLATFORM", "KEY", "STATE", "CALLS", "GOOD", "NAME", "ADDRESS"].map(str::to_owned).to_vec()];
    table.extend(records.iter().map(|r| {
        vec![
            r.id.0.clone(),
            r.platform.clone(),
            r.tail.clone(),
            state(r),
            r.health.calls.to_string(),
            r.health.successes.to_string(),
            r.name.clone(),
            r.base_url.clone().unwrap_or_default(),
        ]
    }));
    out::table(&table);
    ExitCode::SUCCESS
}

fn state(record: &KeyRecord) -> String {
    if !record.enabled {
        return "off".to_owned();
    }
    match (&record.health.disabled_reason, record.health.cooling_until) {
        (Some(reason), _) => format!("disabled ({reason})"),
        (None, Some(until)) => {
            let (_, month, day, hour, minute, _) = until.civil();
            format!("cooling until {month:02}-{day:02} {hour:02}:{minute:02} UTC")
        }
        (None, None) => "good".to_owned(),
    }
}

async fn export(gateway: &Gateway, platform: &str) -> ExitCode {
    match gateway.engine.export_keys(platform).await {
        Ok(keys) => {
            for key in keys {
                out::line(key.expose());
            }
            ExitCode::SUCCESS
        }
        Err(error) => out::fail(&error.to_string(), 74),
    }
}

async fn change(gateway: &Gateway, id: &str, edit: impl FnOnce(&mut KeyRecord)) -> ExitCode {
    let mut records = match records(gateway, None).await {
        Ok(records) => records,
        Err(code) => return code,
    };
    let Some(record) = records.iter_mut().find(|record| record.id.0 == id) else {
        return out::fail(&format!("there is no key '{id}'; `img-router keys list` shows the ids"), 1);
    };
    edit(record);
    match gateway.engine.store().update_key(record.clone()).await {
        Ok(_) => {
            out::line(format_args!("{id}: {}", state(record)));
            ExitCode::SUCCESS
        }
        Err(error) => out::fail(&error.to_string(), 74),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_keys() {
        assert_eq!(split("a,b\n# no\n c ，d\n\n"), ["a", "b", "c", "d"]);
    }
}
