//! Every row of the table: default, then file, then environment.

use crate::support::{Folder, refusal, row};
use ir_settings::{Def, Kind, Source, all_defs};
use serde_json::{Value as Json, json};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

const SECRET_A: &str = "first-secret-0123";
const SECRET_B: &str = "other-secret-4567";
const MASK: &str = "********";

/// A value for the file with what it shows as, and another for the environment.
fn samples(kind: Kind) -> ((Json, String), (String, String)) {
    let pair = |file: Json, shown: &str, env: &str, env_shown: &str| ((file, shown.to_owned()), (env.to_owned(), env_shown.to_owned()));
    match kind {
        Kind::Bool => pair(json!(true), "true", "off", "false"),
        Kind::Int { min, max, .. } => pair(json!(min), &min.to_string(), &max.to_string(), &max.to_string()),
        Kind::Number { min, max, .. } => pair(json!(min), &min.to_string(), &max.to_string(), &max.to_string()),
        Kind::Text { .. } => pair(json!(" a "), "a", "b", "b"),
        Kind::Choice(words) => pair(json!(words[0]), words[0], &words[1].to_ascii_uppercase(), words[1]),
        Kind::Url { .. } => pair(json!("https://a.example/v1/"), "https://a.example/v1", "http://B.example", "http://b.example"),
        Kind::Secret { .. } => pair(json!(SECRET_A), MASK, SECRET_B, MASK),
        Kind::Ip => pair(json!("::1"), "::1", "10.0.0.1", "10.0.0.1"),
        Kind::Socket => pair(json!("127.0.0.1:9"), "127.0.0.1:9", "[::1]:9", "[::1]:9"),
        Kind::Hosts => pair(json!(["a:1", "[::1]:2"]), "a:1, [::1]:2", "b:2,c:3", "b:2, c:3"),
        Kind::Nets => pair(json!(["10.0.0.0/8"]), "10.0.0.0/8", "::1", "::1/128"),
        Kind::Origins => pair(json!(["https://A.example"]), "https://a.example", "http://b.example:81", "http://b.example:81"),
        Kind::Names => pair(json!(["Panel.Example"]), "panel.example", "a.example, b", "a.example, b"),
        Kind::Size => pair(json!("1024x768"), "1024x768", "16:9", "16:9"),
        Kind::Models => pair(json!("a，b, c,"), "a, b, c", "d", "d"),
        Kind::Spaces => pair(
            json!({"m": {"main": "https://m.example"}}),
            "m = https://m.example",
            r#"{"n": {"main": "https://n.example", "backup": null}}"#,
            "n = https://n.example",
        ),
    }
}

fn nested(path: &str, value: Json) -> Json {
    path.rsplit('.').fold(value, |inner, name| json!({ name: inner }))
}

fn default_of(def: &Def) -> &str {
    match def.path.as_ref() {
        "system.host" => "127.0.0.1",
        "system.globalKeyIsAdmin" => "false",
        _ => def.default.unwrap_or(""),
    }
}

#[test]
fn defaults_then_file_then_environment() {
    let folder = Folder::empty();
    let plain = folder.open().current();
    assert_eq!(plain.rows.len(), all_defs().len());
    assert_eq!(plain.problems, []);
    for def in all_defs() {
        let before = row(&plain, &def.path);
        assert_eq!((before.value.as_str(), &before.source), (default_of(def), &Source::Default), "{}", def.path);

        let ((json, shown), (text, env_shown)) = samples(def.kind);
        folder.write(&nested(&def.path, json).to_string());
        let effective = folder.open().current();
        let from_file = row(&effective, &def.path);
        assert_eq!((&from_file.value, &from_file.source), (&shown, &Source::File), "{}", def.path);

        let effective = folder.open_with(&[(&def.env, &text)]).unwrap().current();
        let from_env = row(&effective, &def.path);
        assert_eq!((&from_env.value, &from_env.source), (&env_shown, &Source::Environment(def.env.to_string())), "{}", def.path);
    }
}

/// Proves R-AUTH-3.
#[test]
fn no_row_takes_a_wrong_type() {
    let folder = Folder::empty();
    for def in all_defs() {
        for wrong in [json!({"a": 1}), json!([[1]]), json!([7]), json!(-1), json!(1e300)] {
            if matches!((def.kind, &wrong), (Kind::Spaces, Json::Object(_))) {
                continue;
            }
            let message = {
                folder.write(&nested(&def.path, wrong.clone()).to_string());
                refusal(folder.open_with(&[]))
            };
            assert!(message.starts_with(&format!("{} (runtime-config.json): must be", def.path)), "{message} for {wrong}");
        }
    }
}

#[test]
fn the_typed_settings_follow() {
    let folder = Folder::with(&json!({
        "system": {"apiTimeout": 90000, "modes": {"relay": false, "backend": true}, "publicBaseUrl": "https://img.example/"},
        "routing": {"strategy": "weighted", "unknownModel": "reject", "deadline": 10},
        "storage": {"durability": "os", "s3": {"endpoint": "https://s3.example", "bucket": "b", "accessKey": "id", "secretKey": "hidden"}},
        "providers": {
            "gitee": {"enabled": true, "baseUrl": "https://g.example/v1/", "defaultSteps": 9,
                "text": {"model": "m", "size": "2K", "n": 2, "weight": 0, "modelMap": "x，m,y"},
                "edit": {"steps": 4, "promptOptimizer": {"translate": true}}},
            "Pollinations": {"api": "legacy"},
        },
        "hfModelMap": {"m": {"main": "https://m.hf.example", "backup": ""}},
    }));
    assert_eq!(Folder::empty().open().current().settings.system.api_timeout, ir_settings::DEFAULT_API_TIMEOUT);
    let settings = folder.open_with(&[("DOUBAO_DEFAULT_COUNT", "3")]).unwrap().current().settings.clone();
    assert_eq!(settings.system.api_timeout, Duration::from_secs(90));
    assert!(!settings.system.relay && settings.system.backend);
    assert!(settings.routing.weighted && !settings.routing.unknown_model_auto);
    assert_eq!(settings.routing.deadline, Duration::from_secs(10));
    assert!(!settings.storage.fsync);
    let s3 = settings.storage.s3.as_ref().unwrap();
    assert_eq!((s3.bucket.as_str(), s3.region.as_str(), s3.secret_key.expose()), ("b", "auto", "hidden"));
    let gitee = &settings.providers["Gitee"];
    assert_eq!((gitee.enabled, gitee.base_url.as_deref()), (Some(true), Some("https://g.example/v1")));
    assert_eq!((gitee.text.steps, gitee.edit.steps, gitee.text.weight, gitee.edit.weight), (Some(9), Some(4), 0, 10));
    assert_eq!(gitee.text.model_map, ["x", "y"], "the model itself is no alias");
    assert_eq!((gitee.edit.prompt_optimizer.translate, gitee.edit.prompt_optimizer.expand), (Some(true), None));
    assert!(ir_model::Task::ALL.iter().all(|task| settings.providers["Doubao"].task(*task).n == Some(3)));
    assert_eq!(settings.hf_model_map["m"].backup, None);
    assert!(!format!("{settings:?}").contains("hidden"));
}

#[test]
fn nobody_is_let_in_from_outside_without_a_credential() {
    let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let host = |content: &Json, env: &[(&str, &str)]| Folder::with(content).open_with(env).unwrap().current().settings.host;
    assert_eq!(host(&json!({}), &[]), local);
    assert_eq!(host(&json!({}), &[("IMG_ROUTER_DEMO", "1")]), local);
    assert_eq!(host(&json!({"system": {"globalAccessKey": ""}}), &[]), local);
    for name in ["IMG_ROUTER_GLOBAL_ACCESS_KEY", "IMG_ROUTER_ADMIN_KEY", "IMG_ROUTER_ADMIN_PASSWORD"] {
        assert_eq!(host(&json!({}), &[(name, SECRET_A)]), IpAddr::V4(Ipv4Addr::UNSPECIFIED), "{name}");
        for bad in ["", "short", "with a blank", "        ", MASK, "line\nbreak"] {
            let message = refusal(Folder::empty().open_with(&[(name, bad)]));
            assert!(message.contains(name) && (bad.is_empty() || !message.contains(bad) || bad == "short"), "{message}");
        }
    }
    assert_eq!(host(&json!({}), &[("IMG_ROUTER_HOST", "0.0.0.0")]), IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    for bad in [json!("short"), json!(123_456_789), json!(true), json!([SECRET_A])] {
        refusal(Folder::with(&json!({"system": {"globalAccessKey": bad}})).open_with(&[]));
    }
}

#[test]
fn demo_mode_switches_backend_mode_on() {
    let effective =
        Folder::with(&json!({"system": {"modes": {"backend": false}}})).open_with(&[("IMG_ROUTER_DEMO", "1")]).unwrap().current();
    assert!(effective.settings.system.demo && effective.settings.system.backend);
    assert_eq!(row(&effective, "system.modes.backend").source, Source::Environment("IMG_ROUTER_DEMO".to_owned()));
    assert!(!Folder::empty().open().current().settings.system.backend);
}

/// Proves R-SEC-5.
#[test]
fn a_default_install_names_no_foreign_host() {
    for def in all_defs() {
        assert!(!matches!(def.kind, Kind::Url { .. } | Kind::Secret { .. } | Kind::Spaces) || def.default.is_none(), "{}", def.path);
        assert!(!def.default.unwrap_or("").contains("://"), "{}", def.path);
    }
}

#[test]
fn variables_that_are_blank_or_misspelt() {
    let effective = Folder::empty().open_with(&[("PORT", " "), ("IMG_ROUTER_PORT", "1"), ("PATH", "/bin")]).unwrap().current();
    assert_eq!(effective.settings.system.port, 10_001);
    assert_eq!(effective.problems.iter().map(|p| p.path.as_str()).collect::<Vec<_>>(), ["IMG_ROUTER_PORT"]);
    for bad in ["0", "65536", "-1", "+80", "80.0", "eighty"] {
        let message = refusal(Folder::empty().open_with(&[("PORT", bad)]));
        assert_eq!(message, "system.port (environment variable PORT): must be a whole number from 1 to 65535");
    }
}

#[test]
fn a_hidden_value_of_the_file_is_judged_too() {
    refusal(Folder::with(&json!({"system": {"port": 0}})).open_with(&[("PORT", "80")]));
}

#[test]
fn the_reference_has_every_setting() {
    let text = ir_settings::reference_markdown();
    for def in all_defs().iter().filter(|def| !def.path.starts_with("providers.")) {
        assert!(text.contains(&format!("| `{}` | `{}` |", def.path, def.env)), "{}", def.path);
    }
    assert!(text.contains("| `providers.<Platform>.<task>.modelMap` | `IMG_ROUTER_PROVIDERS_<PLATFORM>_<TASK>_MODEL_MAP` |"));
    assert!(text.contains("| `providers.<Platform>.baseUrl` | `IMG_ROUTER_PROVIDERS_<PLATFORM>_BASE_URL` |"));
    assert!(text.lines().filter(|line| line.starts_with('|')).all(|line| line.replace("\\|", "").matches('|').count() == 6));
}
