//! Requests that come slowly, all at once, or say that they are somebody else's.

use super::{AT_MOST, raw};
use crate::client::dial;
use crate::support::{KEY, SOON, Setup};
use futures_util::future::join_all;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Sends a head and a beginning, then a byte at a time; what comes back, and when.
async fn drip(port: u16, path: &str, media: &str, begin: &str, pause: Option<Duration>) -> (String, Duration) {
    let began = Instant::now();
    let (mut from, mut to) = dial(port).await.unwrap().into_split();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {KEY}\r\ncontent-type: {media}\r\ncontent-length: 1000000\r\n\r\n{begin}"
    );
    to.write_all(head.as_bytes()).await.unwrap();
    let send = async {
        while let Some(pause) = pause {
            tokio::time::sleep(pause).await;
            if to.write_all(b" ").await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    let mut first = [0; 4096];
    let read = async {
        let count = from.read(&mut first).await.unwrap_or(0);
        String::from_utf8_lossy(&first[..count]).into_owned()
    };
    let text = tokio::select! {
        text = tokio::time::timeout(SOON, read) => text.expect("a slow body is given up"),
        () = send => unreachable!("it never ends"),
    };
    (text, began.elapsed())
}

/// Proves B-20.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_come_slowly_are_given_up() {
    // Shorter than the defaults (15 s, 120 s), so that nobody waits for two minutes.
    let setup = Setup::new().env("IMG_ROUTER_LIMITS_BODY_IDLE_TIMEOUT", "5").env("IMG_ROUTER_LIMITS_BODY_TIMEOUT", "9");
    let running = setup.start();
    let form = "multipart/form-data; boundary=x";
    let part = "--x\r\nContent-Disposition: form-data; name=\"image\"; filename=\"x.png\"\r\n\r\n\u{89}PNG";
    let ways = [
        ("/v1/images/generations", "application/json", "{\"prompt\":\"a"),
        ("/v1/chat/completions", "application/json", "{\"messages\":["),
        ("/v1/images/edits", "application/json", "{\"image\":\"iVBORw0KGgo"),
        ("/v1/images/edits", form, part),
        ("/v1/images/variations", form, "--x\r\nContent-Dis"),
        ("/v1/images/blend", form, ""),
    ];
    let pauses = [(None, 5), (Some(Duration::from_millis(250)), 9)];
    let all = ways.iter().flat_map(|way| pauses.map(|pause| (way, pause)));
    let answers = join_all(all.map(|((path, media, begin), (pause, least))| async move {
        let (text, took) = drip(running.port, path, media, begin, pause).await;
        let about = format!("{path} {media}, {pause:?}");
        assert!(text.starts_with("HTTP/1.1 408"), "{about}: {text}");
        assert!(text.contains("request_timeout"), "{about}: {text}");
        assert!(took >= Duration::from_millis(least * 1000 - 100), "{about}: given up after {took:?}");
        took
    }))
    .await;
    println!("B-20: {} slow bodies, the last given up after {:?}", answers.len(), answers.iter().max().unwrap());
    assert_eq!(std::fs::read_dir(setup.data().join("spool")).unwrap().count(), 0, "nothing is left in the spool");
    running.stop();
}

/// Proves B-22.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_requests_at_once_on_one_connection() {
    let setup = Setup::new();
    let running = setup.start();
    let one = |number: usize, close: &str| format!("GET /health HTTP/1.1\r\nhost: a\r\nx-request-id: number-{number}\r\n{close}\r\n");
    let all: String = (0..1000).map(|number| one(number, if number == 999 { "connection: close\r\n" } else { "" })).collect();
    let began = Instant::now();
    let replies = raw::conversation(running.port, all.as_bytes(), false, SOON, SOON).await.unwrap();
    println!("B-22: {} answers to 1000 requests in {:?}", replies.len(), began.elapsed());
    assert_eq!(replies.len(), 1000);
    for (number, reply) in replies.iter().enumerate() {
        assert_eq!(
            (reply.status, reply.headers("x-request-id").next()),
            (200, Some(format!("number-{number}").as_str())),
            "in their order"
        );
    }
    // A refusal in the midst: what follows is answered by itself or not at all, and never as a part of the body.
    let refused = format!(
        "POST /v1/images/generations HTTP/1.1\r\nhost: a\r\nx-request-id: refused\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}{}",
        one(1, "connection: close\r\n")
    );
    let replies = raw::conversation(running.port, refused.as_bytes(), false, raw::GRACE, AT_MOST).await.unwrap();
    assert_eq!((replies[0].status, replies[0].headers("x-request-id").next()), (401, Some("refused")));
    assert!(replies.len() <= 2 && replies.iter().skip(1).all(|reply| reply.status == 200), "{replies:?}");
    running.stop();
}

/// Proves B-24.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stranger_says_of_itself_is_ignored() {
    const FORGED: &str = "x-forwarded-for: 203.0.113.7\r\nx-forwarded-host: evil.example\r\nx-forwarded-proto: https\r\nx-real-ip: 203.0.113.7\r\n\
        forwarded: for=203.0.113.7;host=evil.example;proto=https\r\nx-original-url: /api/config\r\nx-rewrite-url: /api/config\r\nx-http-method-override: DELETE\r\n";
    let setup = Setup::new().env("IMG_ROUTER_DEMO", "1").env("IMG_ROUTER_ADMIN_PASSWORD", "correct-horse-battery");
    let running = setup.start();
    let send = async |method: &str, path: &str, more: &str, body: &str| {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{FORGED}{more}\r\n{body}"
        );
        raw::exchange(running.port, request.as_bytes(), false, AT_MOST).await.unwrap()
    };
    let key = format!("authorization: Bearer {KEY}\r\n");
    let ask = json!({"model": "Local/local", "prompt": "a boat", "size": "64x64", "response_format": "url"}).to_string();
    let drawn = send("POST", "/v1/images/generations", &key, &ask).await;
    assert_eq!(drawn.status, 200, "{}", drawn.text(300));
    let url = drawn.json().unwrap()["data"][0]["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with(&format!("http://127.0.0.1:{}/storage/", running.port)), "{url}");
    assert_eq!(send("GET", "/v1/models", &key, "").await.status, 200, "another path and method are no header's");
    let right = json!({"password": "correct-horse-battery"}).to_string();
    let signed_in = send("POST", "/api/session", "", &right).await;
    let cookie = signed_in.headers("set-cookie").next().unwrap().to_owned();
    assert!(signed_in.status == 200 && !cookie.contains("Secure") && !cookie.contains("__Host-"), "plain HTTP stays plain HTTP: {cookie}");
    // Guesses are counted for the one who really asks.
    let mut statuses = Vec::new();
    for guess in 0..6 {
        let more = format!("x-forwarded-for: 198.51.100.{guess}\r\n");
        statuses.push(send("POST", "/api/session", &more, &json!({"password": format!("guess {guess}")}).to_string()).await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429]);
    let log = running.log();
    assert!(log.contains("127.0.0.1") && !log.contains("203.0.113.7") && !log.contains("evil.example"), "{log}");
    running.stop();
}
