//! What the operator's doors get that no list of single requests can say: sign-ins, sessions, changes one after another.

use super::{ADMIN_KEY, AT_MOST, raw};
use crate::admin::{Operator, PASSWORD, code, cookie, fresh, send, text};
use crate::client;
use crate::platforms::NEW_API;
use crate::support::{KEY, Setup};
use serde_json::{Value, json};
use std::time::Duration;

/// Proves B-88.
#[tokio::test]
async fn passwords_that_are_wrong_in_every_way() {
    let setup = fresh();
    let running = setup.start();
    Operator::first(&running).await;
    let sign_in = async |password: Value| send(running.port, "POST", "/api/session", &[], &json!({"password": password})).await;
    for odd in [Value::Null, json!(1), json!(["correct horse battery"]), json!({"$ne": ""}), json!(true)] {
        let answer = sign_in(odd.clone()).await;
        assert_eq!((answer.status, code(&answer)), (400, "invalid_request".to_owned()), "{odd}");
    }
    // What cannot be a password is no guess.
    for odd in ["", "correct horse battery\0", &"x".repeat(5000)] {
        let answer = sign_in(json!(odd)).await;
        assert_eq!((answer.status, code(&answer)), (400, "invalid_request".to_owned()), "{}", odd.len());
        assert!(!text(&answer).contains("xxxx"), "nothing is echoed");
    }
    for odd in ["wrong password", "correct horse battery ", "correct horse batter", "x", "CORRECT HORSE BATTERY"] {
        let answer = sign_in(json!(odd)).await;
        assert_eq!((answer.status, code(&answer)), (401, "invalid_password".to_owned()), "{odd:?}: {}", text(&answer));
        assert!(!text(&answer).contains("xxxx"), "nothing is echoed");
    }
    let sixth = sign_in(json!(PASSWORD)).await;
    assert_eq!((sixth.status, code(&sixth)), (429, "too_many_attempts".to_owned()), "the sixth waits, right or wrong");
}

/// Proves B-89.
#[tokio::test]
async fn sessions_that_are_none() {
    let setup = fresh();
    let running = setup.start();
    let port = running.port;
    let operator = Operator::first(&running).await;
    let sign_in = async |headers: &[(&str, &str)]| send(port, "POST", "/api/session", headers, &json!({"password": PASSWORD})).await;
    let ended = cookie(&sign_in(&[]).await);
    assert_eq!(send(port, "DELETE", "/api/session", &[("cookie", &ended)], &Value::Null).await.status, 204);
    let fixed = "img-router=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let begun = cookie(&sign_in(&[("cookie", fixed), ("sec-fetch-site", "same-origin")]).await);
    assert_ne!(begun, fixed, "a session that was there before the sign-in is not taken over");
    let (name, token) = operator.cookie.split_once('=').unwrap();
    let forged = [
        ended.clone(),
        fixed.to_owned(),
        format!("{name}={}", &token[..token.len() - 1]),
        format!("{name}={token}0"),
        format!("{name}={}", token.to_uppercase()),
        format!("{name}="),
        format!("{name}={}", "0".repeat(8000)),
        format!("{name}=' OR 1=1--"),
        format!("{name}=%00"),
        format!("x{name}={token}"),
        format!("{name}x={token}"),
        token.to_owned(),
    ];
    for bad in &forged {
        let answer = send(port, "GET", "/api/config", &[("cookie", bad)], &Value::Null).await;
        assert_eq!(answer.status, 401, "{bad}: {}", text(&answer));
    }
    // The id by which the database and the panel know a session opens nothing.
    for session in operator.read("/api/sessions").await["sessions"].as_array().unwrap() {
        let id = session["id"].as_str().unwrap();
        assert_eq!(send(port, "GET", "/api/config", &[("cookie", &format!("{name}={id}"))], &Value::Null).await.status, 401, "{id}");
    }
    let other = Operator { port, cookie: begun };
    assert_eq!(other.get("/api/config").await.status, 200);
    operator.change("/api/password", json!({"current": PASSWORD, "password": "another password"})).await;
    assert_eq!(other.get("/api/config").await.status, 401, "another password ends the other sessions");
}

/// Proves B-90.
#[tokio::test]
async fn changes_say_where_they_come_from() {
    let setup = fresh().env("IMG_ROUTER_ADMIN_KEY", ADMIN_KEY);
    let running = setup.start();
    let port = running.port;
    let signed_in = send(port, "POST", "/api/session", &[], &json!({"password": ADMIN_KEY})).await;
    let cookie = format!("cookie: {}\r\n", cookie(&signed_in));
    let key = format!("authorization: Bearer {ADMIN_KEY}\r\n");
    let post = async |more: &str, media: &str| {
        let body = "{\"system\":{\"requestLogging\":true}}";
        let request = format!(
            "POST /api/runtime-config HTTP/1.1\r\nhost: localhost:{port}\r\nconnection: close\r\ncontent-type: {media}\r\ncontent-length: {}\r\n{more}\r\n{body}",
            body.len()
        );
        raw::exchange(port, request.as_bytes(), false, AT_MOST).await.unwrap()
    };
    let own = format!("origin: http://localhost:{port}\r\n");
    let json = "application/json";
    let rows = [
        (key.clone(), json, 200, "a key is never sent by a browser by itself"),
        (cookie.clone(), json, 403, "a session, and no word of where from"),
        (format!("{cookie}{own}"), json, 200, "its own page"),
        (format!("{cookie}sec-fetch-site: same-origin\r\n"), json, 200, "its own page"),
        (format!("{cookie}sec-fetch-site: none\r\n"), json, 200, "the address line"),
        (format!("{cookie}sec-fetch-site: cross-site\r\n{own}"), json, 403, "another site"),
        (format!("{cookie}sec-fetch-site: same-site\r\n{own}"), json, 403, "a neighbour"),
        (format!("{cookie}origin: null\r\n"), json, 403, "nowhere"),
        (format!("{cookie}origin: http://localhost:{}\r\n", port + 1), json, 403, "another port"),
        (format!("{cookie}origin: https://localhost:{port}.evil.example\r\n"), json, 403, "a longer name"),
        (format!("{key}sec-fetch-site: cross-site\r\n"), json, 403, "another site, with a key"),
        (format!("{cookie}{own}"), "application/x-www-form-urlencoded", 415, "a form"),
        (format!("{cookie}{own}"), "text/plain", 415, "a form of text"),
        (format!("{cookie}{own}"), "multipart/form-data; boundary=x", 415, "a form of parts"),
    ];
    for (headers, media, status, who) in rows {
        let reply = post(&headers, media).await;
        assert_eq!(reply.status, status, "{who}: {}", reply.text(200));
    }
}

/// Proves B-94, B-98.
#[tokio::test]
async fn a_masked_key_does_not_move() {
    let setup = fresh();
    let running = setup.start();
    let operator = Operator::first(&running).await;
    let saved = json!({
        "promptOptimizer": {"baseUrl": "https://llm.example/v1", "apiKey": "sk-of-the-llm-0123456789", "model": "m"},
        "storage": {"s3": {"endpoint": "https://s3.example", "bucket": "pictures", "accessKey": "id", "secretKey": "secret-of-the-bucket"}},
        "providers": {"NewApi": {"baseUrl": "https://relay.example/v1"}},
    });
    operator.change("/api/runtime-config", saved).await;
    let added = json!({"provider": "NewApi", "action": "add", "keyItem": {"key": NEW_API.key, "name": "mine"}});
    let id = operator.change("/api/key-pool", added).await["id"].as_str().unwrap().to_owned();
    let before = operator.read("/api/runtime-config").await;
    let moves = [
        json!({"promptOptimizer": {"baseUrl": "https://evil.example/v1", "apiKey": "********"}}),
        json!({"storage": {"s3": {"endpoint": "https://evil.example", "secretKey": "********"}}}),
        json!({"storage": {"s3": {"bucket": "../x"}}}),
        json!({"storage": {"s3": {"bucket": "Pictures!"}}}),
        json!({"storage": {"s3": {"prefix": "../../etc"}}}),
    ];
    for change in moves {
        let answer = operator.post("/api/runtime-config", &change).await;
        assert_eq!(answer.status, 400, "{change}: {}", text(&answer));
        assert_eq!(operator.read("/api/runtime-config").await, before, "{change}");
    }
    for url in ["https://evil.example/v1", "https://relay.example:444/v1", "http://relay.example/v1"] {
        for key in [json!({"baseUrl": url, "key": "********"}), json!({"baseUrl": url})] {
            let change = json!({"provider": "NewApi", "action": "update", "id": id, "keyItem": key});
            let answer = operator.post("/api/key-pool", &change).await;
            assert_eq!((answer.status, text(&answer).contains("Enter it again")), (400, true), "{url}: {}", text(&answer));
        }
    }
    // The bucket may be at no address that is not public, whatever its name.
    let metadata = json!({"storage": {"s3": {"endpoint": "http://169.254.169.254", "secretKey": "another-secret-of-it"}}});
    if operator.post("/api/runtime-config", &metadata).await.status == 200 {
        let tried = operator.post("/api/tools/test-storage", &json!({})).await;
        assert!(tried.status >= 400 || tried.json()["ok"] == false, "{}", text(&tried));
    }
}

/// Proves B-100.
#[tokio::test]
async fn a_last_event_that_never_was_means_nothing() {
    let setup = fresh();
    let running = setup.start();
    let operator = Operator::first(&running).await;
    for last in ["garbage", "-1", "99999999999999999999-99999999999999999999", "' OR 1=1", "%00", &"9".repeat(4000)] {
        for path in ["/api/events", "/api/logs/stream"] {
            let stream = client::first_bytes_after(running.port, path, &operator.cookie, last).await;
            let begin = String::from_utf8_lossy(&stream).into_owned();
            assert!(begin.contains("hello") || begin.contains("connected"), "{path} {last}: {begin}");
        }
    }
}

/// Proves B-102.
#[tokio::test]
async fn names_are_text_and_nothing_else() {
    let setup = fresh();
    let running = setup.start();
    let operator = Operator::first(&running).await;
    let names = ["<img src=x onerror=alert(1)>", "line one\nline two", "👩‍👩‍👧‍👦", "'; DROP TABLE keys;--", "\u{202e}reversed", &"n".repeat(200)];
    for (number, name) in names.iter().enumerate() {
        let item = json!({"key": format!("A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p{number}"), "name": name});
        operator.change("/api/key-pool", json!({"provider": "Gitee", "action": "add", "keyItem": item})).await;
    }
    let answer = operator.get("/api/key-pool?provider=Gitee").await;
    assert_eq!((answer.header("content-type"), answer.header("x-content-type-options")), ("application/json", "nosniff"));
    let pool = answer.json();
    let stored: Vec<&str> = pool["pool"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap()).collect();
    assert_eq!(stored, names);
    assert!(
        running.log().lines().all(|line| line.is_empty() || line.starts_with("20") || line.contains("/setup?token=")),
        "{}",
        running.log()
    );
}

/// Proves B-104.
#[tokio::test]
async fn a_platform_that_is_drawing_is_switched_off() {
    let sim = NEW_API.sim().await;
    let setup = NEW_API.add(Setup::new().env("IMG_ROUTER_ADMIN_KEY", ADMIN_KEY), &sim).without("IMG_ROUTER_PROVIDERS_NEWAPI_ENABLED");
    crate::admin::configure(&setup, &json!({"providers": {"NewApi": {"enabled": true}}}));
    let running = setup.start();
    let port = running.port;
    let key = format!("Bearer {ADMIN_KEY}");
    let drawing = tokio::spawn(async move {
        let ask = json!({"prompt": "a boat [sim delay=1500]", "response_format": "b64_json"});
        client::post_as(port, "/v1/images/generations", KEY, &ask).await
    });
    assert!(sim.ledger().wait(Duration::from_secs(10), |entries| entries.iter().any(|entry| entry.draws)).await);
    let off = json!({"providers": {"NewApi": {"enabled": false}}});
    let changed = send(port, "POST", "/api/runtime-config", &[("authorization", &key)], &off).await;
    assert_eq!(changed.status, 200, "{}", text(&changed));
    let next = client::post(port, "/v1/images/generations", &json!({"prompt": "a second boat"})).await.unwrap();
    assert_eq!(next.status, 503, "{}", text(&next));
    let pool = send(port, "GET", "/api/key-pool?provider=NewApi", &[("authorization", &key)], &Value::Null).await.json();
    let id = pool["pool"][0]["id"].as_str().unwrap().to_owned();
    let gone = json!({"provider": "NewApi", "action": "delete", "id": id});
    assert_eq!(send(port, "POST", "/api/key-pool", &[("authorization", &key)], &gone).await.status, 200);
    let drawn = drawing.await.unwrap().unwrap();
    assert_eq!(drawn.status, 200, "what was begun is finished: {}", text(&drawn));
    assert_eq!(sim.ledger().drawings().len(), 1);
    running.stop();
}
