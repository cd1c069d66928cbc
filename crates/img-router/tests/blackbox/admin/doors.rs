//! Who is let in.

use super::{Operator, PASSWORD, code, cookie, fresh, send, text};
use crate::client::Answer;
use crate::support::{KEY, Setup};
use serde_json::{Value, json};

/// Every route and method that `/openapi.json` tells of, below `/api`.
pub(super) async fn routes(port: u16) -> Vec<(String, String)> {
    let document = send(port, "GET", "/openapi.json", &[], &Value::Null).await.json();
    let paths = document["paths"].as_object().unwrap();
    let mut all = Vec::new();
    for (path, operations) in paths.iter().filter(|(path, _)| path.starts_with("/api/")) {
        all.extend(operations.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())));
    }
    assert!(all.len() > 30, "{all:?}");
    all
}

/// Who, with which headers, and the status that is due.
type Stranger<'a> = (&'a str, Vec<(&'a str, &'a str)>, u16);

const OPEN: [(&str, &str); 4] = [("GET", "/api/info"), ("GET", "/api/session"), ("POST", "/api/session"), ("POST", "/api/setup")];

/// What must not change: settings, keys, pictures.
async fn state(operator: &Operator) -> Vec<Value> {
    let mut all = Vec::new();
    for path in ["/api/runtime-config", "/api/key-pool?provider=Gitee", "/api/gallery?limit=10", "/api/sessions", "/api/client-keys"] {
        let mut document = operator.read(path).await;
        for session in document["sessions"].as_array_mut().into_iter().flatten() {
            session["lastSeen"].take();
        }
        all.push(document);
    }
    all
}

/// Proves R-AUTH-1, R-AUTH-7, R-WEB-2, R-WEB-3.
#[tokio::test]
async fn every_route_is_closed_to_all_but_the_operator() {
    let setup = fresh().env("IMG_ROUTER_GLOBAL_ACCESS_KEY", KEY).env("IMG_ROUTER_SYSTEM_MODES_BACKEND", "1").env("IMG_ROUTER_DEMO", "1");
    setup.run(&["keys", "add", "Gitee", "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6"]);
    let running = setup.start();
    let port = running.port;
    let operator = Operator::first(&running).await;
    operator.change("/api/playground/v1/images/generations", json!({"prompt": "a boat"})).await;
    let made = operator.change("/api/client-keys", json!({"name": "somebody"})).await;
    let client_key = format!("Bearer {}", made["key"].as_str().unwrap());
    let before = state(&operator).await;
    let ended = operator.change_sessions().await;
    let bearer = format!("Bearer {KEY}");
    let own = operator.cookie.clone();
    let behind = format!("img-router=of-another-port; {own}");
    assert_eq!(send(port, "GET", "/api/config", &[("cookie", &behind)], &Value::Null).await.status, 200);
    let strangers: [Stranger<'_>; 7] = [
        ("nobody", vec![], 401),
        ("a caller's key", vec![("authorization", &bearer)], 403),
        ("a client key", vec![("authorization", &client_key)], 403),
        ("a session that has ended", vec![("cookie", &ended)], 401),
        ("a made-up session", vec![("cookie", "img-router=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff")], 401),
        ("another site", vec![("cookie", &own), ("origin", "https://evil.example")], 403),
        ("a rebound name", vec![("cookie", &own), ("host", "evil.example")], 421),
    ];
    let mut all = routes(port).await;
    all.extend(
        [("GET", "/api/nothing"), ("POST", "/api"), ("GET", "/metrics"), ("POST", "/api/playground/v1/images/generations")]
            .map(|(a, b)| (a.to_owned(), b.to_owned())),
    );
    for (method, path) in all {
        let open = OPEN.contains(&(method.as_str(), path.as_str()));
        let path = path.replace("{id}", "some-id").replace("{ticket}", "some-ticket").replace("{filename}", "some-name");
        for (who, headers, status) in &strangers {
            if open && !who.starts_with("another") && !who.starts_with("a rebound") {
                continue;
            }
            let body = if method == "GET" { Value::Null } else { json!({"system": {"requestLogging": false}, "filenames": ["x"]}) };
            let answer = send(port, &method, &path, headers, &body).await;
            assert_eq!(answer.status, *status, "{method} {path} by {who}: {}", text(&answer));
            assert_eq!(answer.header("access-control-allow-origin"), "", "{method} {path} by {who}");
        }
        // Methods that the path does not take are as closed as those that it takes.
        for other in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            let known = if other == "HEAD" { "GET" } else { other };
            if !OPEN.contains(&(known, path.as_str())) {
                let preflight = [("origin", &*format!("http://localhost:{port}")), ("access-control-request-method", "POST")];
                let answer = send(port, other, &path, &preflight, &Value::Null).await;
                assert_eq!(answer.status, 401, "{other} {path}: {}", text(&answer));
                assert_eq!(answer.header("access-control-allow-origin"), "", "{other} {path}");
            }
        }
    }
    assert_eq!(state(&operator).await, before, "nothing has changed");
}

impl Operator {
    /// A second session that has ended.
    async fn change_sessions(&self) -> String {
        let answer = sign_in(self.port, PASSWORD).await;
        let other = Operator { port: self.port, cookie: cookie(&answer) };
        assert_eq!(other.send("DELETE", "/api/session", &Value::Null).await.status, 204);
        other.cookie
    }
}

pub(super) async fn sign_in(port: u16, password: &str) -> Answer {
    send(port, "POST", "/api/session", &[], &json!({"password": password})).await
}

/// Proves R-AUTH-2.
#[tokio::test]
async fn the_link_of_the_log_is_good_once() {
    let setup = fresh();
    let running = setup.start();
    let port = running.port;
    assert!(send(port, "GET", "/api/session", &[], &Value::Null).await.json()["setupRequired"].as_bool().unwrap());
    assert_eq!(code(&send(port, "GET", "/api/config", &[], &Value::Null).await), "setup_required");
    let short = json!({"token": "x", "password": "short"});
    let refused = send(port, "POST", "/api/setup", &[], &short).await;
    assert_eq!((refused.status, refused.json()["error"]["param"].as_str()), (400, Some("password")), "{}", text(&refused));
    let wrong = send(port, "POST", "/api/setup", &[], &json!({"token": "0".repeat(64), "password": PASSWORD})).await;
    assert_eq!((wrong.status, code(&wrong)), (401, "invalid_token".to_owned()));
    let operator = Operator::first(&running).await;
    assert!(operator.read("/api/session").await["signedIn"].as_bool().unwrap());
    let token = running.log().split("/setup?token=").last().unwrap().split_whitespace().next().unwrap().to_owned();
    let again = send(port, "POST", "/api/setup", &[], &json!({"token": token, "password": "another password"})).await;
    assert_eq!(again.status, 401, "{}", text(&again));
    // The password holds after a restart, and no new link is printed.
    let links = running.log().matches("/setup?token=").count();
    running.stop();
    let running = setup.start();
    assert_eq!(running.log().matches("/setup?token=").count(), links);
    assert_eq!(sign_in(port, PASSWORD).await.status, 200);
    assert_eq!(operator.get("/api/config").await.status, 200, "sessions survive");
}

/// Proves R-AUTH-6.
#[tokio::test]
async fn an_admin_key_opens_and_speaks_the_readers_language() {
    let setup = Setup::new().env("IMG_ROUTER_ADMIN_KEY", "an-admin-key-of-mine");
    let running = setup.start();
    let key = ("authorization", "Bearer an-admin-key-of-mine");
    assert_eq!(send(running.port, "GET", "/api/config", &[key], &Value::Null).await.status, 200);
    assert!(!running.log().contains("/setup?token="));
    let wrong =
        send(running.port, "GET", "/api/config", &[("authorization", "Bearer wrong"), ("accept-language", "zh-CN")], &Value::Null).await;
    assert_eq!((wrong.status, wrong.json()["error"]["message"].as_str()), (401, Some("管理密钥无效。")));
    let audit = send(running.port, "GET", "/api/audit", &[key], &Value::Null).await.json();
    assert_eq!((&audit["items"][0]["actor"], &audit["items"][0]["outcome"]), (&json!("unknown key"), &json!("wrong key")), "{audit}");
    let form = send(running.port, "POST", "/api/runtime-config", &[key, ("content-type", "text/plain")], &Value::Null).await;
    assert_eq!(form.status, 415);
    let refused =
        send(running.port, "POST", "/api/key-pool", &[key], &json!({"provider": "Gitee", "action": "add", "keyItem": {"kye": 1}})).await;
    assert_eq!(refused.status, 400, "{}", text(&refused));
    let page = send(running.port, "GET", "/admin", &[("host", "evil.example")], &Value::Null).await;
    assert_eq!(page.status, 421);
}
