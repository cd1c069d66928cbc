//! Nothing answers with a secret, and nothing writes one down in plain text.

use super::{Operator, PASSWORD, fresh, send};
use crate::client;
use crate::platforms::NEW_API;
use futures_util::future::join_all;
use http::Request;
use http_body_util::Full;
use ir_sim::{Behaviour, Script};
use serde_json::{Value, json};
use std::path::Path;

/// Forty secrets, in every place that takes one.
fn canaries() -> Vec<String> {
    (0..40).map(|number| format!("sk-newapi-canary{number:02}abcdefghijklmnopqrstuvwx")).collect()
}

fn holds_a_canary(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    // Half of one is too much already; the last four characters may be shown.
    text.find("canary").map(|at| text[at.saturating_sub(80)..].chars().take(160).collect())
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => files(&path),
            false => vec![(path.display().to_string(), std::fs::read(&path).unwrap())],
        })
        .collect()
}

/// Secrets in every place that takes one; then every route with every method, bodies that fit, do not
/// fit or are no JSON, and requests of callers that are refused or fail at the platform. Everything that
/// is answered, streamed, counted, logged at TRACE level and written to disk is searched.
///
/// Proves R-SEC-1, R-SEC-2, R-SEC-4, R-LOG-1, R-AUTH-6, P-8.
#[tokio::test]
async fn forty_canaries_are_never_seen_again() {
    let sim = NEW_API.sim().await;
    let setup = fresh().env("IMG_ROUTER_ALLOW_PRIVATE", crate::platforms::host(&sim));
    let setup = setup.env("LOG_LEVEL", "trace").env("IMG_ROUTER_SYSTEM_MODES_BACKEND", "1");
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
    // A key that the gateway makes itself: its answer is the only one that may show it.
    let made = operator.change("/api/client-keys", json!({"name": "somebody"})).await;
    let client_key = made["key"].as_str().unwrap().to_owned();
    seen.extend(callers(running.port, &canaries, &client_key, &sim).await);
    let document = send(running.port, "GET", "/openapi.json", &[], &Value::Null).await.json();
    let paths: Vec<String> =
        document["paths"].as_object().unwrap().keys().filter(|path| !path.ends_with("stream") && *path != "/api/events").cloned().collect();
    for path in paths {
        for method in ["GET", "POST", "DELETE", "PATCH", "PUT", "OPTIONS"] {
            let path = path.replace("{id}", "x").replace("{ticket}", "x").replace("{filename}", "x");
            let body = if method == "GET" { Value::Null } else { json!({}) };
            seen.push((format!("{method} {path} with a canary"), broken(&operator, method, &path, &canaries[39]).await));
            // Signing out ends the crawl, and a new access key may be shown once.
            if path == "/api/session" || path == "/api/access-key/rotate" {
                continue;
            }
            seen.push((format!("{method} {path}"), operator.send(method, &path, &body).await.body));
        }
    }
    for path in [
        "/metrics",
        "/api/client-keys",
        "/api/config",
        "/api/runtime-config",
        "/api/key-pool?provider=NewApi",
        "/api/requests",
        "/api/audit",
        "/v1/models",
        "/ready",
    ] {
        seen.push((path.to_owned(), operator.get(path).await.body));
    }
    let streams = join_all(["/api/events", "/api/logs/stream?level=TRACE"].map(|path| {
        let operator = operator.clone();
        async move { (path.to_owned(), super::super::client::first_bytes(operator.port, path, &operator.cookie).await) }
    }))
    .await;
    seen.extend(streams);
    // What is told at the end is told too.
    let data = running.data();
    let log = running.log();
    running.stop();
    let log = format!("{log}{}", std::fs::read_to_string(setup.beside("log.txt")).unwrap());
    assert!(log.contains("DEBUG") && log.contains("planned") && log.contains(" drawn"), "everything is logged");
    seen.push(("the log".to_owned(), log.into_bytes()));
    let on_disk = files(&data);
    for name in ["runtime-config.json", "runtime-config.json.bak", "img-router.db"] {
        assert!(on_disk.iter().any(|(file, _)| file.ends_with(name)), "{name}");
    }
    seen.extend(on_disk);
    assert!(seen.len() > 300, "{}", seen.len());
    // The password, and what stands for the operator's and a caller's right.
    let session = operator.cookie.split_once('=').unwrap().1;
    for (what, bytes) in seen {
        if let Some(around) = holds_a_canary(&bytes) {
            panic!("{what}: {around}");
        }
        for secret in [PASSWORD, session, &client_key[3..]] {
            let there = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!there, "{what} shows the password, the session's token or the client's key");
        }
    }
}

/// A body that cannot be read, with a canary in it, in the address, and where nobody looks for one.
async fn broken(operator: &Operator, method: &str, path: &str, canary: &str) -> Vec<u8> {
    let request = Request::builder()
        .method(method)
        .uri(format!("{path}?token={canary}&limit={canary}"))
        .header("host", format!("localhost:{}", operator.port))
        .header("cookie", &operator.cookie)
        .header("sec-fetch-site", "same-origin")
        .header("x-api-key", canary)
        .header("content-type", "application/json")
        .header("user-agent", "a browser");
    let body = format!("{{\"key\": \"{canary}\", \"password\": \"{canary}\", ");
    client::ask(operator.port, request.body(Full::from(body)).unwrap()).await.unwrap().body
}

/// What callers read who are refused, whose drawing fails, and who draw.
async fn callers(port: u16, canaries: &[String], client_key: &str, sim: &ir_sim::Sim) -> Vec<(String, Vec<u8>)> {
    let mut seen = Vec::new();
    let draw = json!({"prompt": "a boat", "model": "sim"});
    let mut told = async |what: &str, key: &str| {
        for path in ["/v1/images/generations", "/v1/chat/completions", "/v1/responses", "/api/runtime-config"] {
            let answer = client::post_as(port, path, key, &draw).await.unwrap();
            seen.push((format!("{what}: {path} {}", answer.status), answer.body));
        }
    };
    told("with the global key", &canaries[0]).await;
    told("with a client key", client_key).await;
    told("with nobody's key", "ir-canary-of-nobody").await;
    told("with a platform's key, relayed", &canaries[39]).await;
    for status in [401, 429, 500] {
        sim.script(Script::always(Behaviour::error(status)));
        told("with the global key, at a platform that fails", &canaries[0]).await;
        told("with a platform's key, at one that fails", &canaries[39]).await;
    }
    sim.script(Script::always(Behaviour::default()));
    seen
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

/// What people ask for is in the log only where the operator wants it there.
///
/// Proves R-PRIV-3.
#[tokio::test]
async fn prompts_are_logged_only_where_that_is_switched_on() {
    let sim = NEW_API.sim().await;
    let setup = fresh().env("IMG_ROUTER_ALLOW_PRIVATE", crate::platforms::host(&sim)).env("LOG_LEVEL", "trace");
    let running = setup.start();
    let operator = Operator::first(&running).await;
    let newapi = json!({"enabled": true, "baseUrl": sim.url(), "text": {"model": "sim"}});
    operator.change("/api/runtime-config", json!({"providers": {"NewApi": newapi}})).await;
    operator.change("/api/key-pool", json!({"provider": "NewApi", "action": "add", "keyItem": {"key": NEW_API.key}})).await;
    let draw = async |prompt: &str| {
        let ask = json!({"prompt": prompt, "model": "sim"});
        operator.post("/api/playground/v1/images/generations", &ask).await.status
    };
    assert_eq!(draw("a walrus in secret").await, 200);
    sim.script(Script::always(Behaviour::moderation()));
    assert_eq!(draw("a walrus that a platform refuses").await, 400);
    sim.script(Script::always(Behaviour::default()));
    let long = json!({"prompt": "a walrus, ".repeat(4000), "model": "sim"});
    assert_eq!(operator.post("/api/playground/v1/images/generations", &long).await.status, 400);
    let chat = json!({"messages": [{"role": "user", "content": "a walrus in chat"}], "model": "sim", "n": "two"});
    assert_eq!(operator.post("/api/playground/v1/chat/completions", &chat).await.status, 400);
    // Lines are written in their order: with the last one all are there.
    let last = operator.post("/api/playground/v1/images/generations", &json!({"prompt": "a boat", "model": "sim"})).await;
    running.says(last.header("x-request-id")).await;
    assert!(!running.log().contains("walrus"));
    let began = std::time::Instant::now();
    while !operator.read("/api/requests").await.to_string().contains("a walrus in secret") {
        assert!(began.elapsed() < crate::support::SOON, "the operator does not find it in the request log");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    operator.change("/api/runtime-config", json!({"system": {"logPrompts": true}})).await;
    assert_eq!(draw("a walrus,\n\u{1b}[31mfor all to see").await, 200);
    running.says("a walrus,\\n\\u{1b}[31mfor all to see").await;
    sim.script(Script::always(Behaviour::moderation()));
    assert_eq!(draw("a walrus that failed").await, 400);
    running.says("a walrus that failed").await;
}
