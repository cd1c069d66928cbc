//! Keys of callers: made, held to what they allow, and gone at once.

use super::{Operator, code, configure, fresh, send, text};
use crate::client::{self, Answer};
use crate::platforms::NEW_API;
use crate::support::{KEY, Running, SOON, Setup};
use ir_sim::{Behaviour, Script, Sim};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A gateway that draws by itself, with its operator.
async fn drawing() -> (Setup, Running, Operator) {
    let setup = fresh().env("IMG_ROUTER_DEMO", "1").env("IMG_ROUTER_GLOBAL_ACCESS_KEY", KEY);
    let running = setup.start();
    let operator = Operator::first(&running).await;
    (setup, running, operator)
}

/// A gateway before a simulated platform with two models.
async fn before_a_platform() -> (Sim, Setup, Running, Operator) {
    let sim = NEW_API.sim().await;
    let setup = fresh().env("IMG_ROUTER_ALLOW_PRIVATE", crate::platforms::host(&sim)).env("IMG_ROUTER_SYSTEM_MODES_BACKEND", "1");
    let newapi = json!({"enabled": true, "baseUrl": sim.url(), "text": {"model": "sim", "modelMap": "other, third"}});
    configure(&setup, &json!({"system": {"port": setup.port}, "providers": {"NewApi": newapi}}));
    setup.run(&["keys", "add", "NewApi", NEW_API.key]);
    let running = setup.start();
    let operator = Operator::first(&running).await;
    (sim, setup, running, operator)
}

impl Operator {
    /// Makes a key: the key, and its id.
    async fn client_key(&self, terms: Value) -> (String, String) {
        let made = self.change("/api/client-keys", terms).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&made["key"]), text(&made["item"]["id"]))
    }

    async fn patch(&self, id: &str, patch: Value) -> Value {
        let answer = self.send("PATCH", &format!("/api/client-keys/{id}"), &patch).await;
        assert_eq!(answer.status, 200, "{}", text(&answer));
        answer.json()
    }

    /// The only key that there is.
    async fn only_key(&self) -> Value {
        let keys = self.read("/api/client-keys").await["keys"].clone();
        assert_eq!(keys.as_array().unwrap().len(), 1, "{keys}");
        keys[0].clone()
    }
}

/// Waits until something holds.
async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < SOON, "it never comes about");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn draw(port: u16, key: &str, model: &str) -> Answer {
    client::post_as(port, "/v1/images/generations", key, &json!({"prompt": "a boat", "size": "64x64", "model": model})).await.unwrap()
}

async fn models(port: u16, key: &str) -> Vec<String> {
    let answer = send(port, "GET", "/v1/models", &[("authorization", &format!("Bearer {key}"))], &Value::Null).await;
    let mut ids: Vec<String> =
        answer.json()["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

/// Proves R-AUTH-4, R-AUTH-7, B-6.
#[tokio::test]
async fn a_key_is_good_until_it_is_over_off_or_gone() {
    let (setup, running, operator) = drawing().await;
    let port = running.port;
    let (key, id) = operator.client_key(json!({"name": "  Ana <b>\n🎨 "})).await;
    assert!(key.starts_with("ir-") && key.len() == 46, "{}", key.len());
    let item = operator.only_key().await;
    assert_eq!((&item["name"], &item["status"], &item["lastUsed"]), (&json!("Ana <b>\n🎨"), &json!("active"), &Value::Null), "{item}");
    assert_eq!(item["hint"], json!(format!("****{}", &key[42..])));
    assert_eq!(draw(port, &key, "auto").await.status, 200);
    assert_eq!(draw(port, "demo", "auto").await.status, 200, "others are still let in");

    // The change is in force when it is answered.
    assert_eq!(operator.patch(&id, json!({"enabled": false})).await["status"], "disabled");
    let off = draw(port, &key, "auto").await;
    assert_eq!((off.status, code(&off)), (403, "api_key_disabled".to_owned()));
    operator.patch(&id, json!({"enabled": true, "expires": 1})).await;
    let over = draw(port, &key, "auto").await;
    assert_eq!((over.status, code(&over), over.header("www-authenticate")), (401, "invalid_api_key".to_owned(), "Bearer"));
    assert!(text(&over).contains("expired"), "{}", text(&over));
    assert_eq!(operator.patch(&id, json!({"expires": null})).await["expires"], Value::Null);
    assert_eq!(draw(port, &key, "auto").await.status, 200);

    // What is near a key is none, and neither is what is stored of it.
    let stored = ir_store::SqliteStore::open(&copy(&setup), std::sync::Arc::new(ir_server::SystemClock)).unwrap();
    let record = ir_store::ClientKeyRepo::client_keys(&stored).await.unwrap().remove(0);
    for near in
        [&key[..20], &key[..45], &key[3..], &record.hash, &format!("ir-{}", record.hash), &id, &key.to_uppercase(), &format!("{key}=")]
    {
        assert_eq!(draw(port, near, "auto").await.status, 401, "{near}");
    }

    // It only draws, whatever it is asked for.
    for (method, path) in
        [("GET", "/api/config"), ("POST", "/api/client-keys"), ("DELETE", &*format!("/api/client-keys/{id}")), ("GET", "/metrics")]
    {
        let refused = send(port, method, path, &[("authorization", &format!("Bearer {key}"))], &json!({})).await;
        assert_eq!((refused.status, code(&refused)), (403, "forbidden".to_owned()), "{method} {path}");
    }

    // It outlives the process; what was counted does too.
    running.stop();
    let running = setup.start();
    assert_eq!(draw(port, &key, "auto").await.status, 200);
    let item = operator.only_key().await;
    assert_eq!((&item["requests"], &item["pictures"], item["lastUsed"].is_i64()), (&json!(3), &json!(3), true), "{item}");
    assert_eq!(operator.send("DELETE", &format!("/api/client-keys/{id}"), &Value::Null).await.status, 204);
    let gone = draw(port, &key, "auto").await;
    assert_eq!((gone.status, code(&gone)), (401, "invalid_api_key".to_owned()));
    assert_eq!(operator.send("DELETE", &format!("/api/client-keys/{id}"), &Value::Null).await.status, 404);
    assert_eq!(operator.send("PATCH", &format!("/api/client-keys/{id}"), &json!({"name": "x"})).await.status, 404);

    let audit = operator.read("/api/audit").await;
    let of_it = audit["items"].as_array().unwrap().iter().filter(|entry| entry["target"] == id);
    let told: Vec<String> =
        of_it.map(|entry| format!("{}: {}", entry["action"].as_str().unwrap(), entry["outcome"].as_str().unwrap())).collect();
    assert_eq!(
        told,
        [
            "delete client key: ok: Ana <b>\n🎨",
            "change client key: expires",
            "change client key: switched on, expires",
            "change client key: switched off",
            "new client key: ok"
        ]
    );
    assert!(!audit.to_string().contains(&key[3..]) && !running.log().contains(&key[3..]), "the key is shown once");
}

/// The database as it is now, in a folder of its own.
fn copy(setup: &Setup) -> std::path::PathBuf {
    let folder = setup.beside("copy");
    std::fs::create_dir(&folder).unwrap();
    for name in ["img-router.db", "img-router.db-wal"] {
        std::fs::copy(setup.data().join(name), folder.join(name)).unwrap();
    }
    folder
}

/// Proves R-AUTH-7, B-8.
#[tokio::test]
async fn a_key_draws_with_its_models_only() {
    let (sim, _setup, running, operator) = before_a_platform().await;
    let port = running.port;
    let (key, id) = operator.client_key(json!({"name": "one model", "models": ["other"]})).await;
    assert_eq!(draw(port, &key, "other").await.status, 200);
    for model in ["sim", "third", "auto", "default", "NewApi/other", "NewApi", "OTHER", "unknown", "dall-e-3"] {
        let refused = draw(port, &key, model).await;
        assert_eq!((refused.status, code(&refused)), (403, "model_not_allowed".to_owned()), "{model}: {}", text(&refused));
        assert_eq!(refused.json()["error"]["param"], "model");
        let chat = json!({"model": model, "messages": [{"role": "user", "content": "a boat"}]});
        let refused = client::post_as(port, "/v1/chat/completions", &key, &chat).await.unwrap();
        assert_eq!(refused.status, 403, "{model}: {}", text(&refused));
    }
    let unnamed = client::post_as(port, "/v1/images/generations", &key, &json!({"prompt": "a boat"})).await.unwrap();
    assert_eq!(unnamed.status, 403, "no model is 'auto'");
    assert_eq!(sim.ledger().drawings().len(), 1, "nothing was bought for what was refused");
    assert_eq!(models(port, &key).await, ["other"]);
    operator.patch(&id, json!({"models": ["auto", "third"]})).await;
    assert_eq!(models(port, &key).await, ["auto", "third"]);
    assert_eq!((draw(port, &key, "auto").await.status, draw(port, &key, "other").await.status), (200, 403));
    operator.patch(&id, json!({"models": []})).await;
    assert_eq!(draw(port, &key, "other").await.status, 200);
    assert!(models(port, &key).await.len() > 3);
}

/// Proves R-AUTH-7, R-DOS-6.
#[tokio::test]
async fn a_key_is_held_to_its_pace_and_to_so_much_at_once() {
    let (sim, _setup, running, operator) = before_a_platform().await;
    let port = running.port;
    let (slow, id) = operator.client_key(json!({"name": "slow", "requestsPerMinute": 3})).await;
    for _ in 0..3 {
        assert_eq!(draw(port, &slow, "sim").await.status, 200);
    }
    let refused = draw(port, &slow, "sim").await;
    assert_eq!((refused.status, code(&refused)), (429, "rate_limit_exceeded".to_owned()));
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_ne!(refused.header("x-should-retry"), "false", "waiting helps");
    assert!(models(port, &slow).await.contains(&"sim".to_owned()), "looking is not drawing");
    let (free, _) = operator.client_key(json!({"name": "free"})).await;
    assert_eq!(draw(port, &free, "sim").await.status, 200, "others have their own");
    operator.patch(&id, json!({"requestsPerMinute": 4})).await;
    assert_eq!((draw(port, &slow, "sim").await.status, draw(port, &slow, "sim").await.status), (200, 429));
    operator.patch(&id, json!({"requestsPerMinute": null, "concurrentRequests": 2})).await;
    assert_eq!(draw(port, &slow, "sim").await.status, 200);

    sim.script(Script::always(Behaviour::delayed(Duration::from_secs(8))));
    let two = || (0..2).map(|_| slow.clone()).map(|key| tokio::spawn(async move { draw(port, &key, "sim").await.status }));
    let ahead: Vec<_> = two().collect();
    until(async || operator.read("/api/client-keys").await["keys"][0]["inFlight"] == 2).await;
    let refused = draw(port, &slow, "sim").await;
    assert_eq!((refused.status, code(&refused)), (429, "rate_limit_exceeded".to_owned()));
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 0);
    for status in ahead {
        assert_eq!(status.await.unwrap(), 200);
    }
    sim.script(Script::always(Behaviour::default()));
    assert_eq!(draw(port, &slow, "sim").await.status, 200, "places come free");
}

/// What one caller draws is not another's to see, and neither is it of one who had the key before.
///
/// Proves P-11, F-72.
#[tokio::test]
async fn a_key_comes_back_to_nothing_but_its_own() {
    let (sim, _setup, running, operator) = before_a_platform().await;
    let port = running.port;
    let (first, id) = operator.client_key(json!({"name": "first"})).await;
    let (second, _) = operator.client_key(json!({"name": "second"})).await;
    let named = async |key: &str| {
        let ask = json!({"prompt": "a canary's cage", "model": "sim"});
        let headers = [("authorization", &*format!("Bearer {key}")), ("idempotency-key", "one"), ("x-request-id", "mine")];
        send(port, "POST", "/v1/images/generations", &headers, &ask).await
    };
    let look = async |key: &str| {
        let answer = send(port, "GET", "/v1/images/requests/mine", &[("authorization", &format!("Bearer {key}"))], &Value::Null).await;
        (answer.status, answer.body)
    };
    let drawn = named(&first).await;
    assert_eq!(drawn.status, 200, "{}", text(&drawn));
    assert_eq!(named(&first).await.header("idempotent-replayed"), "true");
    assert_eq!(look(&first).await.0, 200);
    let (status, stranger) = look(&second).await;
    assert_eq!(status, 404, "{}", String::from_utf8_lossy(&stranger));
    assert!(!String::from_utf8_lossy(&stranger).contains("canary"));
    let own = named(&second).await;
    assert_eq!((own.status, own.header("idempotent-replayed")), (200, ""), "one's own request, drawn anew");
    assert_eq!(sim.ledger().drawings().len(), 2);

    // A key that takes the place of another is another key.
    operator.send("DELETE", &format!("/api/client-keys/{id}"), &Value::Null).await;
    assert_eq!((named(&first).await.status, look(&first).await.0), (401, 401));
    let (third, third_id) = operator.client_key(json!({"name": "first"})).await;
    assert_eq!(look(&third).await.0, 404);
    assert_eq!(named(&third).await.header("idempotent-replayed"), "");

    // The operator sees who drew.
    until(async || {
        let rows = operator.read(&format!("/api/requests?client=key:{third_id}")).await;
        rows["items"].as_array().unwrap().len() == 1 && rows["items"][0]["clientName"] == "first"
    })
    .await;
    let rows = operator.read(&format!("/api/requests?client=key:{id}")).await;
    assert_eq!((&rows["items"][0]["client"], &rows["items"][0]["clientName"]), (&json!(format!("key:{id}")), &Value::Null));
    running.says(&format!("key:{third_id}")).await;
}

/// Proves R-API-2, B-33, B-102.
#[tokio::test]
async fn what_cannot_be_chosen_is_refused_by_its_name() {
    let (_setup, _running, operator) = drawing().await;
    let long = "x".repeat(201);
    let rows = [
        (json!({}), "name"),
        (json!({"name": ""}), "name"),
        (json!({"name": "  "}), "name"),
        (json!({"name": long}), "name"),
        (json!({"name": "a", "models": [""]}), "models"),
        (json!({"name": "a", "models": [long]}), "models"),
        (json!({"name": "a", "models": vec!["m"; 201]}), "models"),
        (json!({"name": "a", "models": null}), "models"),
        (json!({"name": "a", "expires": 1}), "expires"),
        (json!({"name": "a", "expires": -1}), "expires"),
        (json!({"name": "a", "expires": "soon"}), "expires"),
        (json!({"name": "a", "requestsPerMinute": 0}), "requestsPerMinute"),
        (json!({"name": "a", "requestsPerMinute": 100_001}), "requestsPerMinute"),
        (json!({"name": "a", "concurrentRequests": 1.5}), "concurrentRequests"),
        (json!({"name": "a", "concurrentRequests": -1}), "concurrentRequests"),
        (json!({"name": "a", "id": "ck_mine"}), "id"),
        (json!({"name": "a", "created": 1}), "created"),
        (json!({"name": "a", "requests": 1}), "requests"),
        (json!({"name": "a", "role": "admin"}), "role"),
    ];
    for (document, field) in rows {
        let refused = operator.post("/api/client-keys", &document).await;
        assert_eq!(refused.status, 400, "{document}");
        let error = refused.json()["error"].clone();
        assert!(error["param"] == field || error["message"].as_str().unwrap().contains(field), "{document}: {error}");
    }
    assert_eq!(operator.read("/api/client-keys").await["keys"], json!([]));
    let (_, id) = operator.client_key(json!({"name": "a", "models": ["m"], "requestsPerMinute": 5})).await;
    for patch in [
        json!({"name": ""}),
        json!({"models": [""]}),
        json!({"requestsPerMinute": 0}),
        json!({"enabled": null, "hash": "x"}),
        json!({"expires": -1}),
    ] {
        let refused = operator.send("PATCH", &format!("/api/client-keys/{id}"), &patch).await;
        assert_eq!(refused.status, 400, "{patch}");
    }
    let item = operator.only_key().await;
    assert_eq!(
        (&item["name"], &item["models"], &item["requestsPerMinute"]),
        (&json!("a"), &json!(["m"]), &json!(5)),
        "nothing was changed"
    );
}
