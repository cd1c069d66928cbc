//! Files as they are found: written by 1.x, edited by hand, broken.

use crate::support::{Folder, refusal, row};
use ir_settings::{PLATFORMS, SettingsError, Source};
use serde_json::json;

fn oddities() -> serde_json::Value {
    json!({
        "system": {"port": "8080", "cors": "false", "healthCheck": null, "compressThreshold": "0.5", "compressTarget": 0.5, "globalAccessKey": "", "shape": "round"},
        "providers": {
            "Stability": {"enabled": true, "text": 7},
            "doubao": {"enabled": "true", "edit": null, "text": {"weight": "20", "n": "", "size": "", "model": "", "modelMap": "a，b,,a"}},
        },
        "hfModelMap": {"bare": {"main": ""}, "m": {"main": "https://m.example"}},
        "promptOptimizer": null,
        "future": {"deep": [1, {"x": "y"}]},
        "keyPools": {"Gitee": []},
    })
}

#[test]
fn files_of_1x_load_with_their_oddities() {
    let folder = Folder::with(&oddities());
    let file = folder.open();
    let effective = file.current();
    let settings = &effective.settings;
    assert_eq!((settings.system.port, settings.system.cors, settings.system.health_check), (8080, false, true));
    assert!((settings.system.compress_threshold_mb - 0.5).abs() < 1e-9);
    let doubao = &settings.providers["Doubao"];
    assert_eq!((doubao.enabled, doubao.text.weight, doubao.text.n, doubao.text.model.as_deref()), (Some(true), 20, None, None));
    assert_eq!(doubao.text.model_map, ["a", "b"]);
    assert_eq!(settings.hf_model_map.len(), 1);
    assert_eq!(row(&effective, "system.port").source, Source::File);
    assert_eq!(row(&effective, "system.healthCheck").source, Source::Default);
    let mut paths: Vec<&str> = effective.problems.iter().map(|p| p.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(
        paths,
        [
            "future",
            "hfModelMap",
            "promptOptimizer",
            "providers.Doubao.edit",
            "providers.Doubao.enabled",
            "providers.Doubao.text.n",
            "providers.Doubao.text.weight",
            "providers.Stability",
            "system.compressThreshold",
            "system.cors",
            "system.globalAccessKey",
            "system.healthCheck",
            "system.port",
            "system.shape",
        ]
    );
    // A change of something else keeps every part, understood or not.
    file.patch(&json!({"routing": {"deadline": 60}})).unwrap();
    let mut expected = oddities();
    expected["routing"] = json!({"deadline": 60});
    assert_eq!(folder.json(), expected);
}

#[test]
fn out_of_range_values_are_refused_by_path() {
    for (content, path) in [
        (json!({"system": {"port": 0}}), "system.port"),
        (json!({"system": {"port": 65_536}}), "system.port"),
        (json!({"system": {"port": 80.5}}), "system.port"),
        (json!({"system": {"apiTimeout": 0}}), "system.apiTimeout"),
        (json!({"system": {"apiTimeout": -1}}), "system.apiTimeout"),
        (json!({"system": {"apiTimeout": 1_000_000_000}}), "system.apiTimeout"),
        (json!({"system": []}), "system"),
        (json!({"providers": {"Gitee": "on"}}), "providers.Gitee"),
        (json!({"providers": {"gitee": {"text": {"weight": 101}}}}), "providers.Gitee.text.weight"),
        (json!({"providers": {"Gitee": {"text": {"weight": "NaN"}}}}), "providers.Gitee.text.weight"),
        (json!({"limits": {"keyConcurrency": 0}}), "limits.keyConcurrency"),
        (json!({"security": {"allowPrivate": ["10.0.0.1"]}}), "security.allowPrivate"),
        (json!({"security": {"allowedHosts": ["panel.example:443"]}}), "security.allowedHosts"),
        (json!({"security": {"corsOrigins": ["https://a.example/path"]}}), "security.corsOrigins"),
        (json!({"providers": {"Gitee": {"text": {"modelMap": ["a"]}}}}), "providers.Gitee.text.modelMap"),
        (json!({"providers": {"Gitee": {"text": {"modelMap": "a,__proto__"}}}}), "providers.Gitee.text.modelMap"),
        (json!({"hfModelMap": {"m": {"main": "ftp://m.example"}}}), "hfModelMap"),
    ] {
        let error = Folder::with(&content).open_with(&[]).expect_err(path);
        assert_eq!(error.path(), Some(path), "{error}");
        assert!(error.to_string().contains("runtime-config.json"), "{error}");
    }
    let many: Vec<String> = (0..10_000).map(|i| i.to_string()).collect();
    refusal(Folder::with(&json!({"providers": {"Gitee": {"text": {"modelMap": many.join(",")}}}})).open_with(&[]));
}

#[test]
fn addresses_are_plain() {
    for bad in [
        "api.example.com",
        "ftp://a.example",
        "https://user@a.example",
        "https://:pw@a.example",
        "https://a.example/#x",
        "http:a.example",
        "https://",
        "http:\\\\a",
        "https://a.example/\u{7}",
    ] {
        let error = Folder::with(&json!({"providers": {"NewApi": {"baseUrl": bad}}})).open_with(&[]).expect_err(bad);
        assert_eq!(error.path(), Some("providers.NewApi.baseUrl"));
    }
    let effective = Folder::with(&json!({"providers": {"NewApi": {"baseUrl": "https://gооgle.example/v1"}}})).open().current();
    assert!(row(&effective, "providers.NewApi.baseUrl").value.starts_with("https://xn--"), "a look-alike is shown for what it is");
}

#[test]
fn private_addresses_must_be_allowed() {
    let at = |allow: serde_json::Value| {
        let content = json!({"providers": {"NewApi": {"baseUrl": "http://127.0.0.1:3000/v1"}}, "hfModelMap": {"m": {"main": "http://localhost"}}, "security": {"allowPrivate": allow}});
        Folder::with(&content).open().current().problems.iter().map(|p| p.path.clone()).collect::<Vec<_>>()
    };
    assert_eq!(at(json!([])), ["hfModelMap.m", "providers.NewApi.baseUrl"]);
    assert_eq!(at(json!(["127.0.0.1:3000", "LOCALHOST:80"])), Vec::<String>::new());
    assert_eq!(at(json!("127.0.0.1:3000,localhost:80")), Vec::<String>::new());
}

#[test]
fn a_broken_file_is_refused_and_never_written_over() {
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    for broken in ["", "{", "[]", "null", "{\"system\": {\"port\": 1,}}", "\u{0}", deep.as_str()] {
        let folder = Folder::empty();
        folder.write(broken);
        let error = folder.open_with(&[]).expect_err(broken);
        assert!(matches!(error, SettingsError::Broken { .. }), "{error}");
        assert!(error.to_string().contains("runtime-config.json.bak"), "{error}");
        assert_eq!(folder.text(), broken);
        assert_eq!(folder.everything().len(), 1, "nothing was made beside it");
    }
    let folder = Folder::empty();
    folder.write(&" ".repeat(9 * 1024 * 1024));
    assert!(matches!(folder.open_with(&[]), Err(SettingsError::Io { .. })));
}

/// However a file was cut off, it is refused and left as it is, and the version before brings it back.
///
/// Proves R-DUR-8, C-16.
#[test]
fn each_beginning_of_a_file_is_refused_and_the_copy_brings_it_back() {
    let folder = Folder::empty();
    let file = folder.open();
    file.patch(&json!({"system": {"port": 8, "globalAccessKey": "first-key-0123"}})).unwrap();
    file.patch(&json!({"system": {"port": 9}})).unwrap();
    drop(file);
    let whole = folder.text();
    let backup = std::fs::read_to_string(folder.path("runtime-config.json.bak")).unwrap();
    // Only the end of its last line may be missing.
    for cut in 0..whole.trim_end().len() {
        folder.write(&whole[..cut]);
        assert!(matches!(folder.open_with(&[]), Err(SettingsError::Broken { .. })), "{cut}");
        assert_eq!(folder.text(), whole[..cut], "{cut}");
        assert_eq!(std::fs::read_to_string(folder.path("runtime-config.json.bak")).unwrap(), backup, "{cut}");
    }
    folder.write(&backup);
    let back = folder.open().current().settings.system.clone();
    assert_eq!((back.port, back.global_access_key.unwrap().expose()), (8, "first-key-0123"));
}

#[test]
fn what_cut_short_writes_have_left_is_removed() {
    let folder = Folder::empty();
    let file = folder.open();
    let random = "0123456789abcdef0123456789abcdef";
    let left = [format!(".runtime-config.json.{random}.tmp"), format!(".secret.key.{random}.tmp")];
    let others = ["mine.tmp".to_owned(), ".mine.tmp".to_owned(), format!("mine.{random}.tmp"), ".hidden".to_owned()];
    for name in left.iter().chain(&others) {
        std::fs::File::create(folder.path(name)).unwrap();
    }
    file.remove_leftovers().unwrap();
    assert!(left.iter().all(|name| !folder.path(name).exists()));
    assert!(others.iter().all(|name| folder.path(name).exists()), "what is not ours is left alone");
}

#[test]
fn a_byte_order_mark_is_nothing() {
    let folder = Folder::empty();
    folder.write("\u{feff}{\"system\": {\"port\": 7}}");
    assert_eq!(folder.open().current().settings.system.port, 7);
}

#[test]
fn edits_by_hand_are_picked_up() {
    let folder = Folder::with(&json!({"system": {"port": 1}}));
    let file = folder.open();
    assert!(file.poll().is_none());
    folder.write(r#"{"system": {"port": 22}}"#);
    assert_eq!(file.poll().unwrap().unwrap().settings.system.port, 22);
    assert!(file.poll().is_none());
    assert_eq!(file.current().settings.system.port, 22);
    // Broken, then wrong: told once each; the last good one stays, and is not written over it.
    for bad in [r#"{"system": {"port": 33333}"#, r#"{"system": {"port": 70000}}"#] {
        folder.write(bad);
        assert!(file.poll().unwrap().is_err());
        assert!(file.poll().is_none());
        assert_eq!(file.current().settings.system.port, 22);
        file.patch(&json!({"routing": {"deadline": 60}})).unwrap_err();
        assert_eq!(folder.text(), bad);
    }
    folder.write(r#"{"system": {"port": 4444}}"#);
    assert_eq!(file.poll().unwrap().unwrap().settings.system.port, 4444);
    // The same content again is no change.
    folder.write(r#"{"system": {"port": 4444}}"#);
    assert!(file.poll().is_none());
    // Taken away: told once, what was in force stays, a change brings it back.
    std::fs::remove_file(folder.config()).unwrap();
    assert!(file.poll().unwrap().is_err());
    assert!(file.poll().is_none());
    assert_eq!(file.current().settings.system.port, 4444);
    file.patch(&json!({"routing": {"deadline": 60}})).unwrap();
    assert_eq!(folder.json(), json!({"system": {"port": 4444}, "routing": {"deadline": 60}}));
    assert!(file.poll().is_none());
}

#[test]
fn the_folder_is_private() {
    let folder = Folder::empty();
    let inner = folder.path("new/data");
    let env = ir_settings::Env::from_pairs([("IMG_ROUTER_DATA_DIR", inner.to_str().unwrap())]);
    let file = ir_settings::SettingsFile::open(env, std::sync::Arc::new(ir_model::SeededDice::new(1))).unwrap();
    file.patch(&json!({"system": {"port": 1}})).unwrap();
    file.patch(&json!({"system": {"port": 2}})).unwrap();
    assert_eq!(folder.mode("new/data"), 0o700);
    for name in ["runtime-config.json", "runtime-config.json.bak", "secret.key", "secret.check"] {
        assert_eq!(folder.mode(&format!("new/data/{name}")), 0o600, "{name}");
    }
}

#[test]
fn key_pools_of_1x() {
    let folder = Folder::with(&json!({
        "system": {"globalAccessKey": "global-key-of-1x"},
        "keyPools": {
            "gitee": [
                {"id": "1", "key": " KEY1 ", "name": "one", "enabled": true, "status": "active", "totalCalls": 3},
                {"key": "KEY2", "enabled": false, "baseUrl": "https://g.example", "models": "a,b"},
                {"key": ""}, null, 7, "KEY3",
            ],
            "Stability": [{"key": "KEY4", "enabled": "false", "models": ["m"]}],
            "Doubao": null,
        },
    }));
    let original = folder.text();
    let file = folder.open();
    assert!(file.current().settings.system.global_key_is_admin, "in 1.x it was the only key");
    let keys = file.legacy_key_pools();
    let told: Vec<_> = keys.iter().map(|k| (k.platform.as_str(), k.key.expose(), k.enabled, k.models.len())).collect();
    assert_eq!(told.len(), 4);
    for expected in [("Gitee", "KEY1", true, 0), ("Gitee", "KEY2", false, 2), ("Gitee", "KEY3", true, 0), ("Stability", "KEY4", false, 1)] {
        assert!(told.contains(&expected), "{expected:?}");
    }
    assert!(!format!("{keys:?}").contains("KEY1"));

    file.drop_legacy_key_pools().unwrap();
    assert!(file.legacy_key_pools().is_empty());
    assert!(file.current().settings.system.global_key_is_admin, "and stays so");
    let kept: Vec<_> = folder.everything().into_iter().filter(|(_, bytes)| bytes == original.as_bytes()).collect();
    assert_eq!(kept.len(), 1);
    assert!(kept[0].0.starts_with("runtime-config.json.1x-20") && kept[0].0.ends_with(".bak"), "{}", kept[0].0);
    assert_eq!(folder.mode(&kept[0].0), 0o600);
    for (name, bytes) in folder.everything().iter().filter(|(name, _)| *name != kept[0].0) {
        for plain in ["KEY1", "KEY4", "global-key-of-1x"] {
            assert!(!String::from_utf8_lossy(bytes).contains(plain), "{name}");
        }
    }
    file.drop_legacy_key_pools().unwrap();
    assert!(folder.open().current().settings.system.global_key_is_admin);
    assert!(PLATFORMS.contains(&"Gitee"));
}
