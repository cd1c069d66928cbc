//! Signing in and out: guesses, sessions and their ends, and who may send what with a cookie.

use super::doors::sign_in;
use super::{Operator, PASSWORD, code, configure, cookie, fresh, send, text};
use crate::client;
use crate::support::{SOON, Setup};
use http::Request;
use http_body_util::Full;
use ir_model::{Clock, Timestamp};
use ir_store::{AdminRepo, SessionRecord, SqliteStore, Store};
use serde_json::{Value, json};
use std::sync::Arc;

/// Proves R-AUTH-6, R-WEB-1.
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
    let setting = operator.post("/api/runtime-config", &json!({"security": {"adminPassword": "a new password"}})).await;
    assert_eq!((setting.status, setting.json()["error"]["param"].as_str()), (400, Some("security.adminPassword")));
    let changed = operator.post("/api/password", &json!({"current": PASSWORD, "password": "a new password"})).await;
    assert_eq!(changed.status, 200, "{}", text(&changed));
    for ended in [&second, &operator] {
        assert_eq!(ended.get("/api/config").await.status, 401, "all sessions end");
    }
    let operator = Operator { port: running.port, cookie: cookie(&changed) };
    assert_eq!(operator.get("/api/config").await.status, 200, "who did it goes on in a new one");
    assert_eq!((sign_in(running.port, PASSWORD).await.status, sign_in(running.port, "a new password").await.status), (401, 200));
    let audit = operator.read("/api/audit").await;
    let actions: Vec<&str> = audit["items"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["sign in", "sign in", "set password", "set password", "sign in", "set password"]);
    assert_eq!(audit["items"][3]["outcome"], "wrong password");
    let file = std::fs::read_to_string(running.data().join("runtime-config.json")).unwrap();
    assert!(!file.contains("a new password") && !file.contains("$argon2"), "the hash is sealed: {file}");
}

/// Proves R-AUTH-6, B-88.
#[tokio::test]
async fn guessing_is_slowed_down() {
    let setup = fresh();
    let running = setup.start();
    let operator = Operator::first(&running).await;
    // What cannot be a password is no guess.
    for none in [String::new(), "x".repeat(5000), "nul\0inside".to_owned(), "a\nline".to_owned()] {
        let refused = sign_in(running.port, &none).await;
        assert_eq!((refused.status, refused.json()["error"]["param"].as_str()), (400, Some("password")), "{}", text(&refused));
    }
    let named = send(running.port, "POST", "/api/session", &[], &json!({"user": "root", "password": PASSWORD})).await;
    assert_eq!(named.status, 400, "there are no names: {}", text(&named));
    let mut statuses = Vec::new();
    for guess in 0..7 {
        statuses.push(sign_in(running.port, &format!("guess number {guess}")).await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429]);
    let right = sign_in(running.port, PASSWORD).await;
    assert_eq!((right.status, code(&right)), (429, "too_many_attempts".to_owned()), "even the right one waits");
    let wait = right.header("retry-after").parse::<u64>().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(operator.get("/api/config").await.status, 200, "who is in stays in");
    let audit = operator.read("/api/audit").await;
    let wrong = audit["items"].as_array().unwrap().iter().filter(|entry| entry["outcome"] == "wrong password").count();
    assert_eq!(wrong, 5, "{audit}");
}

/// However many guesses come at once, no more are judged than may be wrong.
///
/// Proves R-AUTH-6.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_at_the_same_time_are_counted_before_they_are_judged() {
    let setup = fresh();
    let running = setup.start();
    Operator::first(&running).await;
    let port = running.port;
    let guesses = (0..40).map(|guess| async move { sign_in(port, &format!("guess number {guess}")).await.status });
    let statuses = futures_util::future::join_all(guesses).await;
    let judged = statuses.iter().filter(|status| **status == 401).count();
    assert!(judged <= 5 && statuses.iter().all(|status| [401, 429, 503].contains(status)), "{statuses:?}");
}

/// Proves B-89, R-AUTH-6.
#[tokio::test]
async fn sessions_end() {
    let setup = fresh();
    let running = setup.start();
    let port = running.port;
    let operator = Operator::first(&running).await;
    let with = async |cookie: &str| send(port, "GET", "/api/config", &[("cookie", cookie)], &Value::Null).await.status;

    // A session that somebody put into the browser before is not the one that the sign-in begins.
    let planted = format!("img-router={}", "a1".repeat(32));
    let answer = send(port, "POST", "/api/session", &[("cookie", &planted)], &json!({"password": PASSWORD})).await;
    let second = cookie(&answer);
    assert!(answer.status == 200 && second != planted);
    assert_eq!((with(&planted).await, with(&second).await), (401, 200));
    // Who signs in anew leaves nothing behind.
    let third = cookie(&send(port, "POST", "/api/session", &[("cookie", &second)], &json!({"password": PASSWORD})).await);
    assert_eq!((with(&second).await, with(&third).await), (401, 200));

    let forged = [&third[..third.len() - 1], &format!("{third}0"), "img-router=", "img-router", &third.to_uppercase(), &third[11..]];
    for forged in forged {
        assert_eq!(with(forged).await, 401, "{forged}");
    }
    // What is stored of a session opens nothing.
    let ids = operator.read("/api/sessions").await["sessions"].clone();
    for session in ids.as_array().unwrap() {
        assert_eq!(with(&format!("img-router={}", session["id"].as_str().unwrap())).await, 401);
    }
    let leaver = Operator { port, cookie: third };
    assert_eq!(leaver.send("DELETE", "/api/session", &Value::Null).await.status, 204);
    assert_eq!(with(&leaver.cookie).await, 401);
}

/// Proves B-89.
#[tokio::test]
async fn sessions_are_over_after_a_while() {
    const MINUTE: i64 = 60_000;
    let setup = fresh();
    Operator::first(&setup.start()).await;
    let now = ir_server::SystemClock.now();
    let session = |token: &str, seen: i64, left: i64| {
        let vault = ir_settings::SettingsFile::open(
            ir_settings::Env::from_pairs([("IMG_ROUTER_DATA_DIR", setup.data().to_str().unwrap())]),
            Arc::new(ir_server::OsDice),
        )
        .unwrap();
        SessionRecord {
            id: format!("id of {token}"),
            token_hash: vault.vault().fingerprint(&format!("session|{token}")).into_bytes(),
            created: Timestamp(0),
            last_seen: now.plus_ms(-seen * MINUTE),
            expires: now.plus_ms(left * MINUTE),
            address: String::new(),
            user_agent: String::new(),
        }
    };
    let rows = [("0a", 0, 720, 200), ("0b", 25, 60, 200), ("0c", 31, 600, 401), ("0d", 0, 0, 401), ("0e", 0, -60, 401)];
    let store = SqliteStore::open(&setup.data(), Arc::new(ir_server::SystemClock)).unwrap();
    for (token, seen, left, _) in rows {
        store.create_session(session(&token.repeat(32), seen, left)).await.unwrap();
    }
    store.close().await;
    drop(store);
    let running = setup.start();
    for (token, seen, left, status) in rows {
        let cookie = format!("img-router={}", token.repeat(32));
        let answer = send(running.port, "GET", "/api/config", &[("cookie", &cookie)], &Value::Null).await;
        assert_eq!(answer.status, status, "{seen} minutes idle, {left} left: {}", text(&answer));
    }
    let signed_in = sign_in(running.port, PASSWORD).await;
    assert!(signed_in.header("set-cookie").contains("; Max-Age=43200;"), "{}", signed_in.header("set-cookie"));
    let operator = Operator { port: running.port, cookie: cookie(&signed_in) };
    assert_eq!(operator.read("/api/sessions").await["sessions"].as_array().unwrap().len(), 4, "those that still can be used");
}

/// What somebody watches ends with their session.
///
/// Proves B-89.
#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let setup = fresh();
    let running = setup.start();
    let port = running.port;
    let operator = Operator::first(&running).await;
    let watched = client::Stream::open(port, "/api/logs/stream", &operator.cookie).await;
    let other = Operator { port, cookie: cookie(&sign_in(port, PASSWORD).await) };
    assert_eq!(operator.send("DELETE", "/api/session", &Value::Null).await.status, 204);
    let began = std::time::Instant::now();
    let ended = tokio::spawn(watched.ended());
    // The log has a line for every refusal, so that the stream has something to say.
    while !ended.is_finished() {
        assert!(began.elapsed() < SOON, "the stream goes on");
        operator.get("/api/config").await;
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert_eq!(other.get("/api/config").await.status, 200);
}

/// Headers, the body's media type, and the status that is due.
type Row<'a> = (&'a [(&'a str, &'a str)], &'a str, u16);

/// Proves R-WEB-3, B-90.
#[tokio::test]
async fn a_cookie_changes_something_only_from_our_own_pages() {
    let setup = fresh().env("IMG_ROUTER_ADMIN_KEY", "an-admin-key-of-mine");
    let running = setup.start();
    let port = running.port;
    let cookie = cookie(&sign_in(port, "an-admin-key-of-mine").await);
    let own = format!("http://localhost:{port}");
    let post = async |headers: &[(&str, &str)], kind: &str| {
        let mut request = Request::post("/api/runtime-config").header("host", format!("localhost:{port}")).header("content-type", kind);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        client::ask(port, request.body(Full::from("{}")).unwrap()).await.unwrap().status
    };
    let json = "application/json";
    let cookie = ("cookie", cookie.as_str());
    let key = ("authorization", "Bearer an-admin-key-of-mine");
    let rows: &[Row<'_>] = &[
        (&[cookie], json, 403),
        (&[key], json, 200),
        (&[cookie, ("sec-fetch-site", "same-origin")], json, 200),
        (&[cookie, ("sec-fetch-site", "none")], json, 200),
        (&[cookie, ("sec-fetch-site", "cross-site")], json, 403),
        (&[cookie, ("sec-fetch-site", "same-site")], json, 403),
        (&[cookie, ("origin", own.as_str())], json, 200),
        (&[cookie, ("origin", "null")], json, 403),
        (&[cookie, ("origin", "https://evil.example")], json, 403),
        (&[key, ("origin", "null")], json, 403),
        (&[cookie, ("sec-fetch-site", "same-origin")], "application/x-www-form-urlencoded", 415),
        (&[cookie, ("sec-fetch-site", "same-origin")], "text/plain", 415),
        (&[cookie, ("sec-fetch-site", "cross-site"), ("origin", own.as_str())], json, 403),
    ];
    for (headers, kind, status) in rows {
        assert_eq!(post(headers, kind).await, *status, "{headers:?} {kind}");
    }
    let read = Request::get("/api/config").header("host", format!("localhost:{port}")).header("cookie", cookie.1);
    assert_eq!(client::ask(port, read.body(Full::default()).unwrap()).await.unwrap().status, 200, "reading changes nothing");
}

/// Proves R-AUTH-2.
#[test]
fn a_key_that_is_none_is_a_start_error() {
    for name in ["IMG_ROUTER_GLOBAL_ACCESS_KEY", "IMG_ROUTER_ADMIN_KEY", "IMG_ROUTER_ADMIN_PASSWORD"] {
        for bad in ["", " ", "short", "has a blank in it", "1234567"] {
            let ran = Setup::new().env(name, bad).run_with(&["serve"], "");
            assert_eq!(ran.code, 78, "{name}={bad:?}: {ran:?}");
            assert!(ran.err.contains(name), "{ran:?}");
        }
    }
    for (path, name) in [("system", "globalAccessKey"), ("security", "adminKey"), ("security", "adminPassword")] {
        for bad in [json!("short"), json!(12_345_678), json!(true), json!(["a-key-of-the-gateway"]), json!({"key": "x"})] {
            let setup = fresh();
            configure(&setup, &json!({path: {name: bad}}));
            let ran = setup.run_with(&["serve"], "");
            assert_eq!(ran.code, 78, "{path}.{name} = {bad}: {ran:?}");
            assert!(ran.err.contains(&format!("{path}.{name}")), "{ran:?}");
        }
    }
}

/// What 1.x wrote where there was no key lets nobody in, and nothing else does either.
///
/// Proves R-AUTH-2, R-AUTH-3.
#[tokio::test]
async fn no_key_opens_nothing() {
    let setup = fresh();
    let system = json!({"port": setup.port, "globalAccessKey": "", "modes": {"relay": true, "backend": true}});
    configure(&setup, &json!({"system": system, "security": {"adminKey": null}}));
    let running = setup.start();
    for token in ["Bearer ", "Bearer null", "Bearer undefined", "Bearer \"\"", ""] {
        for path in ["/v1/images/generations", "/api/runtime-config"] {
            let headers = [("authorization", token)];
            let headers = if token.is_empty() { &headers[..0] } else { &headers[..] };
            let answer = send(running.port, "POST", path, headers, &json!({"prompt": "a boat"})).await;
            assert_eq!(answer.status, 401, "{path} with {token:?}: {}", text(&answer));
        }
    }
    // A wrong type is refused before it is stored.
    let operator = Operator::first(&running).await;
    for (path, name) in [("system", "globalAccessKey"), ("security", "adminKey")] {
        for bad in [json!("short"), json!(12_345_678), json!(true), json!([])] {
            let refused = operator.post("/api/runtime-config", &json!({path: {name: bad}})).await;
            assert_eq!((refused.status, refused.json()["error"]["param"].as_str()), (400, Some(&*format!("{path}.{name}"))), "{bad}");
        }
    }
}
