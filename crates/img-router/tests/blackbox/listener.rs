//! The listener and the pictures behind it, byte by byte.

use crate::client::{self, Answer};
use crate::support::{KEY, SOON, Setup};
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Everything that comes until the peer ends the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset is an end, too.
    let _ = tokio::time::timeout(SOON, stream.read_to_end(&mut bytes)).await.expect("the connection is ended in time");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Sends these bytes; the status of what comes back, 0 for a connection that is only closed.
async fn status_of(port: u16, request: &str) -> u16 {
    let mut stream = client::dial(port).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let answer = rest(&mut stream).await;
    answer.split(' ').nth(1).map_or(0, |status| status.parse().unwrap())
}

async fn send(port: u16, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    client::ask(port, request.body(Full::<Bytes>::default()).unwrap()).await.unwrap()
}

/// What is refused stands in `tests/bad-inputs/http.json`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_versions_of_http_are_served() {
    let setup = Setup::new();
    let running = setup.start();
    for version in ["1.0", "1.1"] {
        let request = format!("GET /health HTTP/{version}\r\nhost: a\r\nconnection: close\r\n\r\n");
        assert_eq!(status_of(running.port, &request).await, 200, "{version}");
    }
    running.stop();
}

/// A forged second request in a body that two length headers disagree about is never answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_smuggled() {
    let setup = Setup::new();
    let running = setup.start();
    let hidden = "GET /health HTTP/1.1\r\nhost: a\r\n\r\n";
    let outer = format!(
        "POST /v1/images/generations HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
        hidden.len() + 5
    );
    let mut stream = client::dial(running.port).await.unwrap();
    stream.write_all(outer.as_bytes()).await.unwrap();
    let answer = rest(&mut stream).await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    running.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_and_idle_connections_are_ended() {
    let limits = ["HEADER_TIMEOUT", "KEEP_ALIVE", "BODY_IDLE_TIMEOUT"];
    let setup = limits.iter().fold(Setup::new(), |setup, name| setup.env(&format!("IMG_ROUTER_LIMITS_{name}"), "4"));
    let running = setup.start();
    let port = running.port;
    let drip = async {
        let began = Instant::now();
        let mut stream = client::dial(port).await.unwrap();
        for byte in b"GET /health HTTP/1.1\r\nhost: a\r\nx-drip: 0123456789".iter().cycle() {
            if stream.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(40)).await;
            assert!(began.elapsed() < SOON, "a head that comes drop by drop is waited for");
        }
        began.elapsed()
    };
    let idle = async {
        let began = Instant::now();
        let mut stream = client::dial(port).await.unwrap();
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        began.elapsed()
    };
    let silent = async {
        let began = Instant::now();
        assert_eq!(rest(&mut client::dial(port).await.unwrap()).await, "");
        began.elapsed()
    };
    let body = async {
        let began = Instant::now();
        let mut stream = client::dial(port).await.unwrap();
        let head = format!(
            "POST /v1/images/generations HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{{"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        began.elapsed()
    };
    let (drip, idle, silent, body) = tokio::join!(drip, idle, silent, body);
    println!("ended after: dripping head {drip:?}, idle {idle:?}, silent {silent:?}, stuck body {body:?}");
    assert!([drip, idle, silent, body].iter().all(|took| *took >= Duration::from_millis(3900)));
    running.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_gets_so_many_connections() {
    let setup = Setup::new().env("IMG_ROUTER_LIMITS_CONNECTIONS_PER_IP", "4");
    let running = setup.start();
    let mut held = Vec::new();
    let began = Instant::now();
    while held.len() < 4 {
        let mut stream = client::dial(running.port).await.unwrap();
        // The one that saw that the gateway is ready may still have its place.
        let mut first = [0; 12];
        let asked = stream.write_all(b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n").await;
        if asked.is_ok() && tokio::time::timeout(SOON, stream.read_exact(&mut first)).await.unwrap().is_ok() {
            assert_eq!(&first, b"HTTP/1.1 200");
            held.push(stream);
        }
        assert!(began.elapsed() < SOON, "four are not let in");
    }
    assert_eq!(rest(&mut client::dial(running.port).await.unwrap()).await, "", "a fifth is closed");
    held.pop();
    let began = Instant::now();
    while !client::get(running.port, "/health").await.is_ok_and(|answer| answer.status == 200) {
        assert!(began.elapsed() < SOON, "a place that came free is not given away");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(held);
    running.stop();
}

/// A running demo gateway, and the path of a stored picture.
async fn with_picture(setup: &Setup) -> (crate::support::Running, String) {
    let running = setup.start();
    let ask = json!({"model": "Local/local", "prompt": "a boat", "size": "320x200", "response_format": "url"});
    let answer = client::post(running.port, "/v1/images/generations", &ask).await.unwrap();
    let url = answer.json()["data"][0]["url"].as_str().unwrap().to_owned();
    let path = url.strip_prefix(&format!("http://127.0.0.1:{}", running.port)).unwrap().to_owned();
    (running, path)
}

/// Proves R-MED-2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_are_served_as_the_web_expects() {
    let setup = Setup::new();
    let (running, path) = with_picture(&setup).await;
    let port = running.port;
    let whole = send(port, "GET", &path, &[]).await;
    let size = whole.body.len();
    assert_eq!((whole.status, whole.header("content-type"), whole.header("content-length")), (200, "image/png", size.to_string().as_str()));
    let safe = [("x-content-type-options", "nosniff"), ("cross-origin-resource-policy", "cross-origin"), ("accept-ranges", "bytes")];
    for (name, value) in safe {
        assert_eq!(whole.header(name), value, "{name}");
    }
    assert!(whole.header("content-security-policy").contains("sandbox") && whole.header("content-disposition").starts_with("inline"));
    assert!(whole.header("cache-control").contains("immutable"));
    let etag = whole.header("etag");
    let head = send(port, "HEAD", &path, &[]).await;
    assert_eq!(
        (head.status, head.body.len(), head.header("content-length"), head.header("etag")),
        (200, 0, whole.header("content-length"), etag)
    );
    for tags in [etag.to_owned(), "*".to_owned(), format!("\"x\", W/{etag}")] {
        let same = send(port, "GET", &path, &[("if-none-match", &tags)]).await;
        assert_eq!((same.status, same.body.len(), same.header("etag")), (304, 0, etag), "{tags}");
    }
    assert_eq!(send(port, "GET", &path, &[("if-none-match", "\"other\"")]).await.status, 200);
    let ranges = [("bytes=0-9", 0..10), ("bytes=100-", 100..size), ("bytes=-7", size - 7..size), ("bytes=5-999999999", 5..size)];
    for (range, wanted) in ranges {
        let part = send(port, "GET", &path, &[("range", range)]).await;
        let told = format!("bytes {}-{}/{size}", wanted.start, wanted.end - 1);
        assert_eq!((part.status, part.header("content-range")), (206, told.as_str()), "{range}");
        assert!(part.body == whole.body[wanted], "{range}");
    }
    let beyond = send(port, "GET", &path, &[("range", "bytes=999999999-")]).await;
    assert_eq!((beyond.status, beyond.header("content-range")), (416, format!("bytes */{size}").as_str()));
    let stale = send(port, "GET", &path, &[("range", "bytes=0-9"), ("if-range", "\"other\"")]).await;
    assert_eq!((stale.status, stale.body.len()), (200, size));
    for _ in 0..2 {
        let thumb = send(port, "GET", &format!("{path}?thumb=256"), &[]).await;
        assert_eq!((thumb.status, thumb.header("content-type"), &thumb.body[8..12]), (200, "image/webp", &b"WEBP"[..]));
        assert_ne!(thumb.header("etag"), etag);
    }
    assert_eq!(send(port, "GET", &format!("{path}?thumb=99999"), &[]).await.status, 400);
    running.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_can_be_closed() {
    let setup = Setup::new();
    let (running, path) = with_picture(&setup).await;
    assert_eq!(send(running.port, "POST", &path, &[]).await.status, 405);
    assert!(send(running.port, "GET", &path, &[]).await.header("cache-control").starts_with("public, "));
    running.stop();
    let locked = setup.env("IMG_ROUTER_STORAGE_REQUIRE_AUTH", "1");
    let running = locked.start();
    assert_eq!(send(running.port, "GET", &path, &[]).await.status, 401);
    let answer = send(running.port, "GET", &path, &[("authorization", &format!("Bearer {KEY}"))]).await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("cache-control").starts_with("private, "), "no cache in between may keep it");
    running.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn browsers_on_other_pages_may_ask() {
    let setup = Setup::new();
    let running = setup.start();
    let asked = "authorization, content-type, x-stainless-lang";
    let headers = [("origin", "https://app.example"), ("access-control-request-method", "POST"), ("access-control-request-headers", asked)];
    let flight = send(running.port, "OPTIONS", "/v1/images/generations", &headers).await;
    assert_eq!(
        (flight.status, flight.header("access-control-allow-origin"), flight.header("access-control-allow-headers")),
        (204, "*", asked)
    );
    assert!(flight.header("access-control-allow-methods").contains("POST"));
    let refused = send(running.port, "POST", "/v1/images/generations", &[("origin", "https://app.example")]).await;
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (401, "*"));
    assert!(refused.header("access-control-expose-headers").contains("x-request-id"));
    assert_eq!(send(running.port, "GET", "/health", &headers[..1]).await.header("access-control-allow-origin"), "");
    running.stop();
    let setup = setup.env("IMG_ROUTER_SECURITY_CORS_ORIGINS", "https://app.example");
    let running = setup.start();
    let friend = send(running.port, "GET", "/v1/models", &[("origin", "https://app.example")]).await;
    assert_eq!((friend.header("access-control-allow-origin"), friend.header("vary")), ("https://app.example", "origin"));
    let stranger = send(running.port, "GET", "/v1/models", &[("origin", "https://evil.example")]).await;
    assert_eq!(stranger.header("access-control-allow-origin"), "");
    running.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_ids_are_kept() {
    let setup = Setup::new();
    let running = setup.start();
    for path in ["/v1/models", "/nothing", "/health", "/v1/images/generations"] {
        assert_eq!(send(running.port, "GET", path, &[("x-request-id", "mine-42")]).await.header("x-request-id"), "mine-42", "{path}");
    }
    let (first, second) = (send(running.port, "GET", "/v1/models", &[]).await, send(running.port, "GET", "/v1/models", &[]).await);
    assert!(first.header("x-request-id").starts_with("req_") && first.header("x-request-id") != second.header("x-request-id"));
    for odd in ["with blank", "\"quoted\"", &"x".repeat(500)] {
        assert_ne!(send(running.port, "GET", "/v1/models", &[("x-request-id", odd)]).await.header("x-request-id"), odd);
    }
    running.stop();
}
