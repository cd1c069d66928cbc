//! Nothing answers with a secret (R-SEC-1, R-SEC-2, R-SEC-3, R-LOG-1).

use super::{Operator, fresh, send};
use crate::platforms::NEW_API;
use futures_util::future::join_all;
use serde_json::{Value, json};

/// Forty secrets, in every place that takes one.
fn canaries() -> Vec<String> {
    (0..40).map(|number| format!("sk-newapi-canary{number:02}abcdefghijklmnopqrstuvwx")).collect()
}

fn holds_a_canary(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    // Half of one is too much already; the last four characters may be shown.
    text.find("canary").map(|at| text[at.saturating_sub(80)..].chars().take(160).collect())
}

#[tokio::test]
async fn forty_canaries_are_never_seen_again() {
    let sim = NEW_API.sim().await;
    let setup = fresh().env("IMG_ROUTER_ALLOW_PRIVATE", crate::platforms::host(&sim));
    let running = setup.start();
    let operator = Operator::first(&running).await;
    let canaries = canaries();
    let settings = json!({
        "system": {"globalAccessKey": canaries[0]},
        "security": {"adminKey": canaries[1]},
        "promptOptimizer": {"baseUrl": "https://llm.example/v1", "apiKey": canaries[2], "model": "m"},
        "imageBed": {"baseUrl": "https://bed.example", "authCode": canaries[3]},
        "storage": {"s3": {"endpoint": sim.url(), "bucket": "pictures", "accessKey": "id", "secretKey": canaries[4]}},
        "providers": {"NewApi": {"enabled": true, "baseUrl": sim.url(), "text": {"model": "sim"}}},
    });
    operator.change("/api/runtime-config", settings).await;
    let keys = canaries[5..39].join("\n");
    let added = operator.change("/api/key-pool", json!({"provider": "NewApi", "action": "batch_add", "keys": keys})).await;
    assert_eq!(added["added"], 34);
    // One that does not fit, so that errors are read too.
    let mut seen: Vec<(String, Vec<u8>)> = Vec::new();
    let wrong = [
        ("/api/runtime-config", json!({"system": {"globalAccessKey": [canaries[39]]}})),
        ("/api/runtime-config", json!({"security": {"adminKey": canaries[39], "nothing": 1}})),
        ("/api/key-pool", json!({"provider": "Nobody", "action": "add", "keyItem": {"key": canaries[39]}})),
        ("/api/key-pool", json!({"provider": "NewApi", "action": "add", "keyItem": {"key": canaries[38]}})),
        ("/api/key-pool", json!({"provider": "NewApi", "action": "preview", "keys": canaries[39]})),
        ("/api/tools/test-newapi-key", json!({"baseUrl": "not an address", "key": canaries[39]})),
        ("/api/tools/test-newapi-key", json!({"baseUrl": sim.url(), "key": canaries[39]})),
        ("/api/tools/fetch-models", json!({"baseUrl": "https://127.0.0.1:1/", "apiKey": canaries[39]})),
        ("/api/tools/test-storage", json!({})),
        ("/api/key-pool", json!({"provider": "NewApi", "action": "test_all"})),
        ("/api/tools/test-channel", json!({"provider": "NewApi"})),
    ];
    for (path, document) in wrong {
        seen.push((path.to_owned(), operator.post(path, &document).await.body));
    }
    let document = send(running.port, "GET", "/openapi.json", &[], &Value::Null).await.json();
    let paths: Vec<String> =
        document["paths"].as_object().unwrap().keys().filter(|path| !path.ends_with("stream") && *path != "/api/events").cloned().collect();
    for path in paths {
        for method in ["GET", "POST", "DELETE", "PATCH"] {
            let path = path.replace("{id}", "x").replace("{ticket}", "x").replace("{filename}", "x");
            let body = if method == "GET" { Value::Null } else { json!({}) };
            // Signing out ends the crawl, and a new access key may be shown once.
            if path == "/api/session" || path == "/api/access-key/rotate" {
                continue;
            }
            seen.push((format!("{method} {path}"), operator.send(method, &path, &body).await.body));
        }
    }
    for path in
        ["/api/config", "/api/runtime-config", "/api/key-pool?provider=NewApi", "/api/requests", "/api/audit", "/v1/models", "/ready"]
    {
        seen.push((path.to_owned(), operator.get(path).await.body));
    }
    let streams = join_all(["/api/events", "/api/logs/stream?level=TRACE"].map(|path| {
        let operator = operator.clone();
        async move { (path.to_owned(), super::super::client::first_bytes(operator.port, path, &operator.cookie).await) }
    }))
    .await;
    seen.extend(streams);
    seen.push(("the log".to_owned(), running.log().into_bytes()));
    seen.push(("the file".to_owned(), std::fs::read(running.data().join("runtime-config.json")).unwrap()));
    seen.push(("the database".to_owned(), std::fs::read(running.data().join("img-router.db")).unwrap()));
    assert!(seen.len() > 100, "{}", seen.len());
    for (what, bytes) in seen {
        if let Some(around) = holds_a_canary(&bytes) {
            panic!("{what}: {around}");
        }
    }
}

/// Proves R-SEC-3, B-94.
#[tokio::test]
async fn a_secret_stays_with_the_address_that_it_was_saved_for() {
    let setup = fresh();
    let running = setup.start();
    let operator = Operator::first(&running).await;
    let own = json!({"promptOptimizer": {"baseUrl": "https://llm.example/v1", "apiKey": "sk-of-the-llm-0123456789", "model": "m"}});
    operator.change("/api/runtime-config", own).await;
    let masked = json!({"promptOptimizer": {"apiKey": "********", "model": "other"}});
    operator.change("/api/runtime-config", masked).await;
    let key = async || operator.read("/api/config/prompt-optimizer").await["apiKey"].clone();
    assert_eq!(key().await, "********", "a mask that is sent back leaves the secret");
    let moved = operator.post("/api/runtime-config", &json!({"promptOptimizer": {"baseUrl": "https://evil.example/v1"}})).await;
    // Either the change is refused, or the secret is gone: it never follows.
    assert!(moved.status == 400 || key().await == "", "{}", super::text(&moved));
}
