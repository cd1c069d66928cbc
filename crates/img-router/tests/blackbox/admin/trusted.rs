//! What proxies say of their callers counts only where they are trusted.

use super::{Operator, code, fresh, send, text};
use crate::client;
use crate::support::{KEY, SOON};
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};

async fn guess(port: u16, forwarded: &str) -> u16 {
    let headers = [("x-forwarded-for", forwarded), ("x-forwarded-host", "evil.example"), ("x-forwarded-proto", "https")];
    send(port, "POST", "/api/session", &headers, &json!({"password": "a wrong guess"})).await.status
}

/// Whoever says to be somebody else is still the one who connects.
///
/// Proves B-24.
#[tokio::test]
async fn forged_addresses_of_strangers_are_ignored() {
    let setup = fresh().env("IMG_ROUTER_SECURITY_TRUSTED_PROXIES", "203.0.113.0/24");
    let running = setup.start();
    let operator = Operator::first(&running).await;
    let mut statuses = Vec::new();
    for n in 0..6 {
        statuses.push(guess(running.port, &format!("198.51.100.{n}")).await);
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429], "one address, whatever it says");
    let audit = operator.read("/api/audit").await;
    assert_eq!(audit["items"][0]["address"], "127.0.0.1");
    assert!(!running.log().contains("198.51.100"), "{}", running.log());
    let page = send(running.port, "GET", "/admin", &[("x-forwarded-host", "localhost"), ("host", "evil.example")], &Value::Null).await;
    assert_eq!((page.status, code(&page)), (421, "host_not_allowed".to_owned()));
}

/// Proves R-AUTH-6, R-WEB-1.
#[tokio::test]
async fn callers_behind_a_trusted_proxy_are_told_apart() {
    let setup = fresh().env("IMG_ROUTER_SECURITY_TRUSTED_PROXIES", "127.0.0.0/8, 10.0.0.0/8");
    let running = setup.start();
    let operator = Operator::first(&running).await;
    for _ in 0..5 {
        assert_eq!(guess(running.port, "192.0.2.66, 198.51.100.7, 10.1.1.1").await, 401);
    }
    assert_eq!(guess(running.port, "198.51.100.7").await, 429);
    assert_eq!(guess(running.port, "192.0.2.1, 198.51.100.7").await, 429, "what stands before is invented");
    assert_eq!(guess(running.port, "198.51.100.8").await, 401, "others may");
    let audit = operator.read("/api/audit").await;
    assert_eq!(audit["items"][0]["address"], "198.51.100.8");
    running.says("198.51.100.7").await;
    // Over TLS the cookie is one that only TLS takes.
    let sign_in = async |scheme: &str| {
        let headers = [("x-forwarded-for", "198.51.100.9"), ("x-forwarded-proto", scheme)];
        let answer = send(running.port, "POST", "/api/session", &headers, &json!({"password": super::PASSWORD})).await;
        assert_eq!(answer.status, 200, "{}", text(&answer));
        answer.header("set-cookie").to_owned()
    };
    let secure = sign_in("https").await;
    assert!(secure.starts_with("__Host-img-router=") && secure.contains("; Secure"), "{secure}");
    let plain = sign_in("http").await;
    assert!(plain.starts_with("img-router=") && !plain.contains("Secure"), "{plain}");
}

/// The proxy may hold many connections; each of its callers has as many requests at once as one who comes
/// alone has connections.
///
/// Proves R-DOS-6.
#[tokio::test]
async fn a_proxys_connections_are_not_counted_but_its_callers_are() {
    let most = ("IMG_ROUTER_LIMITS_CONNECTIONS_PER_IP", "3");
    let setup = crate::support::Setup::new().env("IMG_ROUTER_DEMO", "1").env(most.0, most.1);
    let setup = setup.env("IMG_ROUTER_SECURITY_TRUSTED_PROXIES", "127.0.0.1");
    let running = setup.start();
    let port = running.port;
    let held: Vec<_> = futures_util::future::join_all((0..8).map(|_| client::dial(port))).await.into_iter().map(Result::unwrap).collect();
    let ask = async |from: &str| {
        let request = Request::get("/v1/models").header("host", "localhost").header("x-forwarded-for", from);
        client::ask(port, request.body(Full::default()).unwrap()).await.unwrap()
    };
    assert_eq!(ask("198.51.100.7").await.status, 200, "eight connections of a proxy are no flood");
    drop(held);
    // Requests of one caller that wait for the rest of their bodies: three, and one more as long as an earlier one is only just over.
    let mut waiting = Vec::new();
    let began = std::time::Instant::now();
    let refused = loop {
        let mut stream = client::dial(port).await.unwrap();
        let head = format!(
            "POST /v1/images/generations HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\nx-forwarded-for: 198.51.100.7\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{{"
        );
        tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.unwrap();
        waiting.push(stream);
        if waiting.len() < 3 {
            continue;
        }
        let answer = ask("198.51.100.7").await;
        if answer.status != 200 {
            break answer;
        }
        assert!(began.elapsed() < SOON, "a caller has more than its share");
    };
    assert_eq!((refused.status, code(&refused)), (429, "rate_limit_exceeded".to_owned()));
    assert!(!refused.header("x-request-id").is_empty() && refused.header("retry-after") == "5");
    assert_eq!(ask("198.51.100.8").await.status, 200, "others have their own");
    drop(waiting);
    let began = std::time::Instant::now();
    while ask("198.51.100.7").await.status != 200 {
        assert!(began.elapsed() < SOON, "places do not come free");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
