//! Who is let in (R-AUTH-1, R-AUTH-2, R-AUTH-7, R-WEB-1, R-WEB-2, R-WEB-3).

use super::{Operator, PASSWORD, code, cookie, fresh, send, text};
use crate::client::Answer;
use crate::support::{KEY, Setup};
use serde_json::{Value, json};

/// Every route and method that `/openapi.json` tells of, below `/api`.
async fn routes(port: u16) -> Vec<(String, String)> {
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
    for path in ["/api/runtime-config", "/api/key-pool?provider=Gitee", "/api/gallery?limit=10", "/api/sessions"] {
        let mut document = operator.read(path).await;
        for session in document["sessions"].as_array_mut().into_iter().flatten() {
            session["lastSeen"].take();
        }
        all.push(document);
    }
    all
}

#[tokio::test]
async fn every_route_is_closed_to_all_but_the_operator() {
    let setup = fresh().env("IMG_ROUTER_GLOBAL_ACCESS_KEY", KEY).env("IMG_ROUTER_SYSTEM_MODES_BACKEND", "1").env("IMG_ROUTER_DEMO", "1");
    setup.run(&["keys", "add", "Gitee", "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6"]);
    let running = setup.start();
    let port = running.port;
    let operator = Operator::first(&running).await;
    operator.change("/api/playground/v1/images/generations", json!({"prompt": "a boat"})).await;
    let before = state(&operator).await;
    let ended = operator.change_sessions().await;
    let bearer = format!("Bearer {KEY}");
    let own = operator.cookie.clone();
    let strangers: [Stranger<'_>; 6] = [
        ("nobody", vec![], 401),
        ("a caller's key", vec![("authorization", &bearer)], 403),
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

async fn sign_in(port: u16, password: &str) -> Answer {
    send(port, "POST", "/api/session", &[], &json!({"password": password})).await
}

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

#[tokio::test]
async fn sessions_and_passwords() {
    let setup = fresh();
    let running = setup.start();
    let operator = Operator::first(&running).await;
    let answer = sign_in(running.port, PASSWORD).await;
    let flags = answer.header("set-cookie").to_owned();
    assert!(flags.contains("HttpOnly") && flags.contains("SameSite=Strict") && flags.contains("Path=/"), "{flags}");
    let second = Operator { port: running.port, cookie: cookie(&answer) };
    let sessions = operator.read("/api/sessions").await["sessions"].clone();
    assert_eq!(sessions.as_array().unwrap().len(), 2);
    let wrong = operator.post("/api/password", &json!({"current": "wrong", "password": "a new password"})).await;
    assert_eq!((wrong.status, wrong.json()["error"]["param"].as_str()), (400, Some("current")));
    operator.change("/api/password", json!({"current": PASSWORD, "password": "a new password"})).await;
    assert_eq!(second.get("/api/config").await.status, 401, "other sessions end");
    assert_eq!(operator.get("/api/config").await.status, 200);
    assert_eq!((sign_in(running.port, PASSWORD).await.status, sign_in(running.port, "a new password").await.status), (401, 200));
    let audit = operator.read("/api/audit").await;
    let actions: Vec<&str> = audit["items"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["sign in", "sign in", "set password", "sign in", "set password"]);
    let file = std::fs::read_to_string(running.data().join("runtime-config.json")).unwrap();
    assert!(!file.contains("a new password") && !file.contains("$argon2"), "the hash is sealed: {file}");
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let setup = fresh();
    let running = setup.start();
    Operator::first(&running).await;
    let mut statuses = Vec::new();
    for guess in 0..7 {
        statuses.push(sign_in(running.port, &format!("guess number {guess}")).await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429]);
    let right = sign_in(running.port, PASSWORD).await;
    assert_eq!((right.status, code(&right)), (429, "too_many_attempts".to_owned()), "even the right one waits");
    assert!(right.header("retry-after").parse::<u64>().unwrap() > 0);
}

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
    let form = send(running.port, "POST", "/api/runtime-config", &[key, ("content-type", "text/plain")], &Value::Null).await;
    assert_eq!(form.status, 415);
    let refused =
        send(running.port, "POST", "/api/key-pool", &[key], &json!({"provider": "Gitee", "action": "add", "keyItem": {"kye": 1}})).await;
    assert_eq!(refused.status, 400, "{}", text(&refused));
    let page = send(running.port, "GET", "/admin", &[("host", "evil.example")], &Value::Null).await;
    assert_eq!(page.status, 421);
}
