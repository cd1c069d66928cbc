//! A data folder of 1.x, opened by the new binary: its channels, keys and gallery; and what its panel
//! called, with the shapes that it read.

use super::{Operator, configure, fresh, send};
use crate::platforms::RED;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::time::Duration;

const KEY: &str = "sk-1x-global-access-key";

#[expect(clippy::disallowed_methods, reason = "a test's own files")]
#[tokio::test]
async fn a_folder_of_1x_shows_its_channels_keys_and_gallery() {
    let setup = fresh();
    let old = json!({
        "system": {"port": setup.port, "globalAccessKey": KEY, "modes": {"relay": true, "backend": true}, "apiTimeout": "60000"},
        "providers": {"Doubao": {"enabled": true, "text": {"model": "doubao-seedream-4-0-250828", "weight": 30, "size": null}},
                      "Gone": {"enabled": true}, "Gitee": {"enabled": false}},
        "keyPools": {"Gitee": [
            {"id": "1", "key": "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6", "name": "home", "enabled": true, "status": "active", "totalCalls": 5},
            {"id": "2", "key": "B1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6", "name": "", "enabled": false, "status": "disabled"}]},
        "hfModelMap": {"z-image-turbo": {"main": "https://a.hf.space"}},
    });
    configure(&setup, &old);
    let storage = setup.data().join("storage");
    std::fs::create_dir_all(&storage).unwrap();
    for name in ["1733000000000_abc.png", "1733000001000_def.png"] {
        std::fs::write(storage.join(name), STANDARD.decode(RED.split(',').nth(1).unwrap()).unwrap()).unwrap();
        let metadata = json!({"prompt": format!("an old boat {name}"), "model": "flux", "params": {"size": "64x64"}, "timestamp": 1_733_000_000_000_i64});
        std::fs::write(storage.join(name.replace(".png", ".json")), metadata.to_string()).unwrap();
        let long_ago = std::time::UNIX_EPOCH + Duration::from_secs(1_733_000_000);
        std::fs::File::options().write(true).open(storage.join(name)).unwrap().set_modified(long_ago).unwrap();
    }
    let running = setup.start();
    // In 1.x that key was the only one: it opens the panel too.
    let bearer = format!("Bearer {KEY}");
    let get = async |path: &str| {
        let answer = send(running.port, "GET", path, &[("authorization", &bearer)], &Value::Null).await;
        assert_eq!(answer.status, 200, "{path}: {}", super::text(&answer));
        answer.json()
    };
    // It signs in to the panel as well.
    let signed_in = send(running.port, "POST", "/api/session", &[], &json!({"password": KEY})).await;
    assert_eq!((signed_in.status, signed_in.json()["signedIn"].as_bool()), (200, Some(true)), "{}", super::text(&signed_in));
    let config = get("/api/config").await;
    let provider = |name: &str| config["providers"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone();
    assert_eq!((provider("Doubao")["enabled"].as_bool(), provider("Gitee")["enabled"].as_bool()), (Some(true), Some(false)));
    assert_eq!(provider("Doubao")["tasks"]["text"]["weight"], 30);
    assert_eq!(provider("Doubao")["defaultModel"], "doubao-seedream-4-0-250828");
    assert_eq!(config["globalKeyIsAdmin"], true);
    let pool = get("/api/key-pool?provider=Gitee").await["pool"].clone();
    let told: Vec<_> =
        pool.as_array().unwrap().iter().map(|key| (key["name"].clone(), key["status"].clone(), key["key"].clone())).collect();
    assert_eq!(told, [(json!("home"), json!("unused"), json!("****O5p6")), (json!(""), json!("off"), json!("****O5p6"))]);
    assert_eq!(get("/api/config/hf-map").await, json!({"z-image-turbo": {"main": "https://a.hf.space"}}));
    let mut gallery = get("/api/gallery").await;
    for _ in 0..6000 {
        if gallery.as_array().unwrap().len() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        gallery = get("/api/gallery").await;
    }
    assert_eq!(gallery.as_array().unwrap().len(), 2, "{gallery}\n{}", running.log());
    let newest = &gallery[0];
    assert_eq!(
        (newest["metadata"]["model"].as_str(), newest["metadata"]["prompt"].as_str().unwrap().starts_with("an old boat")),
        (Some("flux"), true),
        "{newest}"
    );
    let picture = send(running.port, "GET", newest["url"].as_str().unwrap(), &[], &Value::Null).await;
    assert_eq!((picture.status, picture.header("content-type")), (200, "image/png"));
}

/// What the panel of 1.x did, call by call.
#[tokio::test]
async fn the_calls_of_1x_have_their_shapes() {
    let setup = fresh().env("IMG_ROUTER_DEMO", "1");
    let running = setup.start();
    let operator = Operator::first(&running).await;
    let config = operator.read("/api/config").await;
    for field in ["version", "providers", "supportedSizes", "runtimeConfig"] {
        assert!(!config[field].is_null(), "{field}");
    }
    for field in [
        "name",
        "enabled",
        "capabilities",
        "textModels",
        "editModels",
        "blendModels",
        "defaultModel",
        "defaultEditModel",
        "defaultSize",
        "supportsQuality",
    ] {
        assert!(config["providers"].as_array().unwrap().iter().all(|provider| !provider[field].is_null()), "{field}");
    }
    operator.change("/api/runtime-config", json!({"provider": "Gitee", "enabled": true})).await;
    operator
        .change(
            "/api/runtime-config",
            json!({"provider": "Gitee", "task": "text", "defaults": {"model": "Kolors", "size": "1024x1024", "n": 2, "weight": 40}}),
        )
        .await;
    operator.change("/api/runtime-config", json!({"system": {"compressThreshold": 3}, "promptOptimizer": {"enableExpand": true}})).await;
    let runtime = operator.read("/api/runtime-config").await;
    assert_eq!(
        runtime["providers"]["Gitee"],
        json!({"enabled": true, "text": {"model": "Kolors", "size": "1024x1024", "n": 2, "weight": 40}})
    );
    let pool = |action: Value| {
        let operator = operator.clone();
        async move { operator.change("/api/key-pool", action).await }
    };
    pool(json!({"provider": "Gitee", "action": "add", "keyItem": {"key": "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6", "name": "one"}})).await;
    let added = pool(json!({"provider": "Gitee", "action": "batch_add", "format": "auto", "keys": "B1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6，C1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6\nA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6"})).await;
    assert_eq!((added["added"].as_u64(), added["duplicates"].as_u64()), (Some(2), Some(1)));
    let entries = operator.read("/api/key-pool?provider=Gitee").await["pool"].clone();
    let first = entries[0].clone();
    for field in ["id", "name", "key", "enabled", "status", "addedAt", "totalCalls", "successCount", "errorCount"] {
        assert!(!first[field].is_null(), "{field}: {first}");
    }
    pool(json!({"provider": "Gitee", "action": "update", "id": first["id"], "keyItem": {"name": "renamed", "enabled": false}})).await;
    let one = operator.read(&format!("/api/key-pool?provider=Gitee&id={}", first["id"].as_str().unwrap())).await;
    assert_eq!((one["name"].as_str(), one["enabled"].as_bool(), one["status"].as_str()), (Some("renamed"), Some(false), Some("off")));
    pool(json!({"provider": "Gitee", "action": "delete", "id": first["id"]})).await;
    assert_eq!(operator.read("/api/key-pool?provider=Gitee").await["pool"].as_array().unwrap().len(), 2);
    let stats = operator.read("/api/dashboard/stats").await;
    let pool = &stats["providers"]["Gitee"];
    assert_eq!(
        (pool["total"].as_u64(), pool["valid"].as_u64(), pool["unused"].as_u64(), pool["successRate"].as_f64()),
        (Some(2), Some(2), Some(2), Some(0.0))
    );
    let map = json!({"my-model": {"main": "https://a-b.hf.space", "backup": "https://c-d.hf.space"}});
    operator.change("/api/config/hf-map", map.clone()).await;
    assert_eq!(operator.read("/api/config/hf-map").await, map);
    operator.change("/api/config/hf-map", json!({})).await;
    assert_eq!(operator.read("/api/config/hf-map").await, json!({}));
    let optimizer = json!({"baseUrl": "https://llm.example/v1", "model": "m", "apiKey": "sk-0123456789", "enableTranslate": true});
    let stored = operator.change("/api/config/prompt-optimizer", optimizer).await;
    assert_eq!(
        (stored["model"].as_str(), stored["apiKey"].as_str(), stored["enableTranslate"].as_bool()),
        (Some("m"), Some("********"), Some(true))
    );
    let tried = operator.change("/api/tools/fetch-models", json!({"baseUrl": "https://127.0.0.1:9/v1"})).await;
    assert_eq!(tried["ok"], false);
    let update = operator.read("/api/update/check").await;
    assert_eq!((update["newer"].as_bool(), update["latest"].is_null()), (Some(false), true), "nothing is asked unless an address is set");
    let log = super::super::client::first_bytes(running.port, "/api/logs/stream?level=INFO", &operator.cookie).await;
    let log = String::from_utf8_lossy(&log).into_owned();
    assert!(log.contains("\"type\":\"connected\"") && log.contains("\"type\":\"log\""), "{log}");
    let info = send(running.port, "GET", "/api/info", &[], &Value::Null).await.json();
    assert_eq!((info["service"].as_str(), info["ui"].as_str()), (Some("img-router"), Some("/admin")));
}
