//! What is changed is in force at once.

use super::{Operator, code, fresh, send, text};
use crate::platforms::{DOUBAO, NEW_API};
use ir_sim::{Behaviour, Script};
use serde_json::{Value, json};

#[tokio::test]
async fn the_port_moves_while_the_gateway_runs() {
    let setup = fresh();
    let running = setup.start();
    let operator = Operator::first(&running).await;
    let wanted = fresh().port;
    let taken = std::net::TcpListener::bind(("127.0.0.1", wanted)).unwrap();
    let refused = operator.post("/api/runtime-config", &json!({"system": {"port": wanted}})).await;
    assert_eq!((refused.status, refused.json()["error"]["param"].as_str()), (400, Some("system.port")), "{}", text(&refused));
    drop(taken);
    let answer = operator.change("/api/runtime-config", json!({"system": {"port": wanted}})).await;
    assert_eq!(answer["port"], wanted);
    let moved = Operator { port: wanted, ..operator };
    assert_eq!(moved.get("/api/config").await.status, 200, "the session goes on at the new port");
    assert!(crate::client::get(running.port, "/health").await.is_err(), "the old port is closed");
}

/// Proves R-AUTH-3, R-CFG-2.
#[tokio::test]
async fn a_change_is_taken_whole_or_not_at_all() {
    let setup = fresh();
    let running = setup.start();
    let operator = Operator::first(&running).await;
    let before = operator.read("/api/runtime-config").await;
    let bad = json!({"system": {"requestLogging": false}, "routing": {"deadline": 999_999}});
    let refused = operator.post("/api/runtime-config", &bad).await;
    assert_eq!((refused.status, code(&refused)), (400, "invalid_setting".to_owned()));
    assert_eq!(refused.json()["error"]["param"], "routing.deadline");
    assert_eq!(operator.read("/api/runtime-config").await, before);
    let tag = operator.get("/api/runtime-config").await.header("etag").to_owned();
    operator.change("/api/runtime-config", json!({"system": {"requestLogging": false}})).await;
    let late = send(
        running.port,
        "POST",
        "/api/runtime-config",
        &[("cookie", &operator.cookie), ("if-match", &tag)],
        &json!({"system": {"cors": false}}),
    )
    .await;
    assert_eq!((late.status, code(&late)), (412, "changed_meanwhile".to_owned()));
    let config = operator.read("/api/config").await;
    let setting = |path: &str| config["settings"].as_array().unwrap().iter().find(|one| one["path"] == path).unwrap().clone();
    assert_eq!(
        (setting("system.requestLogging")["value"].as_str(), setting("system.requestLogging")["source"].as_str()),
        (Some("false"), Some("runtime"))
    );
    assert_eq!((setting("system.cors")["value"].as_str(), setting("system.cors")["source"].as_str()), (Some("true"), Some("default")));
}

#[tokio::test]
async fn platforms_keys_and_weights_are_steered() {
    let (ark, relay) = (DOUBAO.sim().await, NEW_API.sim().await);
    let allowed = format!("{},{}", crate::platforms::host(&ark), crate::platforms::host(&relay));
    let setup = fresh().env("IMG_ROUTER_ALLOW_PRIVATE", allowed);
    let running = setup.start();
    let operator = Operator::first(&running).await;
    let urls = json!({"providers": {
        "Doubao": {"enabled": true, "baseUrl": format!("{}/api/v3", ark.url()), "text": {"weight": 20, "modelMap": "house"}},
        "NewApi": {"enabled": true, "baseUrl": relay.url(), "text": {"model": "sim", "modelMap": "house", "weight": 10}}}});
    operator.change("/api/runtime-config", urls).await;
    let add = |provider: &str, key: &str| json!({"provider": provider, "action": "add", "keyItem": {"key": key, "name": "mine"}});
    let id = operator.change("/api/key-pool", add("Doubao", DOUBAO.key)).await["id"].as_str().unwrap().to_owned();
    operator.change("/api/key-pool", add("NewApi", NEW_API.key)).await;
    let twice = operator.post("/api/key-pool", &add("Doubao", DOUBAO.key)).await;
    assert_eq!((twice.status, code(&twice)), (409, "duplicate".to_owned()));
    let draw = async || {
        let answer = operator.post("/api/playground/v1/images/generations", &json!({"model": "house", "prompt": "a boat"})).await;
        assert_eq!(answer.status, 200, "{}\n{}", text(&answer), running.log());
        answer.header("x-img-router-provider").to_owned()
    };
    assert_eq!(draw().await, "Doubao");
    // 1.x's form of a change, in force for the next request.
    operator.change("/api/runtime-config", json!({"provider": "Doubao", "task": "text", "defaults": {"weight": 5}})).await;
    assert_eq!(draw().await, "NewApi");
    operator.change("/api/runtime-config", json!({"provider": "NewApi", "enabled": false})).await;
    assert_eq!(draw().await, "Doubao");
    let test = operator.change("/api/key-pool", json!({"provider": "NewApi", "action": "test_all"})).await;
    assert_eq!(test["results"][0]["verdict"], "good", "{test}");
    // A key that its platform refuses is told of, and comes back when the operator says so.
    ark.script(Script::always(Behaviour::from_directives("status=401 code=AuthenticationError").unwrap()));
    let failed = operator.post("/api/playground/v1/images/generations", &json!({"model": "house", "prompt": "a boat"})).await;
    assert_eq!(failed.status, 502, "{}", text(&failed));
    let key = operator.read(&format!("/api/key-pool?provider=Doubao&id={id}")).await;
    assert_eq!((key["status"].as_str(), key["key"].as_str()), (Some("disabled"), Some("****0000")), "{key}");
    ark.script(Script::always(Behaviour::default()));
    operator.change("/api/key-pool", json!({"provider": "Doubao", "action": "reset", "id": id})).await;
    assert_eq!(draw().await, "Doubao");
    operator.change("/api/key-pool", json!({"provider": "Doubao", "action": "update", "id": id, "keyItem": {"enabled": false}})).await;
    let none = operator.post("/api/playground/v1/images/generations", &json!({"model": "house", "prompt": "a boat"})).await;
    assert_eq!(none.status, 503, "{}", text(&none));
    let deleted = operator.change("/api/key-pool", json!({"provider": "Doubao", "action": "delete", "id": id})).await;
    assert_eq!(deleted["deleted"], 1);
    // What happened is in the log, the statistics and the gallery.
    // Rows are written a moment after the answer.
    let mut rows = Value::Null;
    for _ in 0..6000 {
        rows = operator.read("/api/requests?provider=Doubao&status=ok&limit=10").await["items"].clone();
        if rows.as_array().unwrap().len() == 3 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(rows.as_array().unwrap().len(), 3, "{rows}");
    let stats = operator.read("/api/dashboard/stats?window=1h").await;
    assert_eq!((stats["totals"]["pictures"].as_u64(), stats["series"].as_array().unwrap().len()), (Some(4), 60), "{stats}");
    assert_eq!(stats["storage"]["pictures"], 4);
}

/// Proves R-FS-2.
#[tokio::test]
async fn the_gallery_is_searched_marked_deleted_and_brought_back() {
    let setup = fresh().env("IMG_ROUTER_DEMO", "1");
    let running = setup.start();
    let operator = Operator::first(&running).await;
    for prompt in ["a red lighthouse at dusk", "雪地里的一只红狐狸", "a blue boat"] {
        operator.change("/api/playground/v1/images/generations", json!({"prompt": prompt, "size": "256x256"})).await;
    }
    let found = async |query: &str| {
        let page = operator.read(&format!("/api/gallery?{query}")).await;
        page["items"].as_array().unwrap().iter().map(|item| item["filename"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = found("limit=10").await;
    assert_eq!(all.len(), 3);
    let encoded: String = "狐狸".bytes().map(|byte| format!("%{byte:02X}")).collect();
    let fox = found(&format!("q={encoded}")).await;
    assert_eq!(fox, [all[1].clone()]);
    assert_eq!(found("q=LIGHT%20dusk").await, [all[2].clone()]);
    operator.change("/api/gallery/favorite", json!({"filenames": fox, "favorite": true})).await;
    assert_eq!(found("favorite=1").await, fox);
    let page = operator.read("/api/gallery?limit=2").await;
    let rest = found(&format!("limit=2&cursor={}", page["nextCursor"].as_str().unwrap())).await;
    assert_eq!(rest, [all[2].clone()]);
    let deleted = operator.send("DELETE", "/api/gallery", &json!({"filenames": [fox[0], "../../secret.key"]})).await.json();
    assert_eq!(
        (deleted["ok"].as_bool(), &deleted["deleted"], &deleted["failed"][0]["filename"]),
        (Some(false), &json!(fox), &json!("../../secret.key"))
    );
    assert_eq!(found("limit=10").await.len(), 2);
    assert_eq!(send(running.port, "GET", &format!("/storage/{}", fox[0]), &[], &Value::Null).await.status, 404);
    let restored = operator.change("/api/gallery/restore", json!({"filenames": fox})).await;
    assert_eq!(restored["restored"], json!(fox));
    assert_eq!(found("favorite=1").await, fox, "with its mark");
    let order = operator.change("/api/gallery/zip", json!({"filenames": all})).await;
    let zip = operator.get(order["url"].as_str().unwrap()).await;
    assert_eq!((zip.status, zip.header("content-type"), &zip.body[..2]), (200, "application/zip", &b"PK"[..]));
    assert!(zip.body.len() as u64 > order["bytes"].as_u64().unwrap());
    assert_eq!(operator.get(order["url"].as_str().unwrap()).await.status, 404, "once");
    assert!(operator.read("/api/gallery").await.is_array(), "1.x's form");
}

#[tokio::test]
async fn what_could_not_be_put_in_force_is_not_stored() {
    let setup = fresh();
    let running = setup.start();
    let operator = Operator::first(&running).await;
    let before = operator.read("/api/runtime-config").await;
    let refused = operator.post("/api/runtime-config", &json!({"system": {"logLevel": "not a [level", "cors": false}})).await;
    assert_eq!((refused.status, refused.json()["error"]["param"].as_str()), (400, Some("system.logLevel")), "{}", text(&refused));
    assert_eq!(operator.read("/api/runtime-config").await, before);
    operator.change("/api/runtime-config", json!({"system": {"logLevel": "error"}})).await;
    assert_eq!(operator.get("/api/requests/nobody-writes-of-this").await.status, 404);
    running.stop();
    let log = std::fs::read_to_string(setup.beside("log.txt")).unwrap();
    assert!(log.contains("/api/runtime-config") && !log.contains("nobody-writes-of-this"), "{log}");
}

#[tokio::test]
async fn closed_pictures_are_shown_in_the_panel() {
    let setup = fresh().env("IMG_ROUTER_DEMO", "1").env("IMG_ROUTER_STORAGE_REQUIRE_AUTH", "1");
    let running = setup.start();
    let operator = Operator::first(&running).await;
    operator.change("/api/playground/v1/images/generations", json!({"prompt": "a boat", "size": "256x256"})).await;
    let url = operator.read("/api/gallery?limit=1").await["items"][0]["url"].as_str().unwrap().to_owned();
    assert_eq!(send(running.port, "GET", &url, &[], &Value::Null).await.status, 401);
    assert_eq!(send(running.port, "GET", &url, &[("cookie", "img-router=0")], &Value::Null).await.status, 401);
    let shown = operator.get(&format!("{url}?thumb=256")).await;
    assert_eq!((shown.status, shown.header("content-type")), (200, "image/webp"));
}

#[tokio::test]
async fn documents_are_compressed_for_those_who_ask() {
    let setup = fresh();
    let running = setup.start();
    let operator = Operator::first(&running).await;
    let ask = async |path: &str| {
        let headers = [("cookie", operator.cookie.as_str()), ("accept-encoding", "gzip, br")];
        send(running.port, "GET", path, &headers, &Value::Null).await
    };
    for path in ["/api/config", "/openapi.json"] {
        let (plain, packed) = (operator.get(path).await, ask(path).await);
        assert_eq!((plain.header("content-encoding"), packed.header("content-encoding")), ("", "gzip"), "{path}");
        assert!(packed.body.starts_with(&[0x1f, 0x8b]) && packed.body.len() * 3 < plain.body.len(), "{path}");
        assert_eq!(plain.header("etag"), packed.header("etag"), "{path}");
    }
}
