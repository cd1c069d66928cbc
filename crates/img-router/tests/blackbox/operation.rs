//! What the gateway asks of others by itself, and what it says of its own state.

use crate::admin::{Operator, configure};
use crate::client::{self, dial};
use crate::support::{KEY, Setup};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use ir_sim::{Sim, SimConfig};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const CALLERS: usize = 8;
const CALLS: usize = 1250;

/// Asks for a path again and again over one connection.
async fn ask_often(port: u16, path: &str) {
    let (mut sender, connection) = handshake(TokioIo::new(dial(port).await.unwrap())).await.unwrap();
    let connection = tokio::spawn(connection);
    for _ in 0..CALLS {
        let request = Request::get(path).header("host", "localhost").header("authorization", format!("Bearer {KEY}"));
        sender.ready().await.unwrap();
        let mut answer = sender.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200);
        while let Some(frame) = answer.body_mut().frame().await {
            frame.unwrap();
        }
    }
    connection.abort();
}

/// Proves R-DOS-1.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_who_ask_for_models_are_one_question_to_the_platform() {
    let sim = Sim::start(SimConfig { models: vec!["sim".into()], ..SimConfig::default() }).await.unwrap();
    let setup = Setup::new()
        .env("IMG_ROUTER_ALLOW_PRIVATE", sim.url().strip_prefix("http://").unwrap())
        .env("IMG_ROUTER_PROVIDERS_NEWAPI_ENABLED", "1")
        .env("LOG_LEVEL", "warn");
    setup.run(&["keys", "add", "NewApi", "--base-url", sim.url(), "sk-models-0123456789abcdef"]);
    let running = setup.start();
    futures_util::future::join_all((0..CALLERS).map(|_| ask_often(running.port, "/v1/models"))).await;
    let asked: Vec<_> = sim.ledger().entries().into_iter().map(|entry| entry.path).collect();
    assert!(asked.len() <= 1, "{} calls of ours were {} of the platform: {asked:?}", CALLERS * CALLS, asked.len());
    running.stop();
}

/// A host of releases that counts who asks.
async fn releases(newest: &'static str) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            counter.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut head = [0; 2048];
                let _ = stream.read(&mut head).await;
                let body = json!({"tag_name": newest, "body": "notes", "html_url": "https://example.com/releases"}).to_string();
                let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            });
        }
    });
    (host, asked)
}

/// Proves R-DOS-2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn releases_are_looked_up_when_an_operator_asks_and_once() {
    let (host, asked) = releases("v99.0.0").await;
    let setup = Setup::new().env("IMG_ROUTER_ALLOW_PRIVATE", &host);
    configure(&setup, &json!({"update": {"url": format!("http://{host}/latest")}}));
    let setup = setup.without("IMG_ROUTER_GLOBAL_ACCESS_KEY");
    let running = setup.start();
    let operator = Operator::first(&running).await;
    operator.read("/api/info").await;
    assert_eq!(asked.load(Ordering::SeqCst), 0, "it asks by itself");
    let answers = futures_util::future::join_all((0..20).map(|_| operator.read("/api/update/check?force=true"))).await;
    assert!(answers.iter().all(|answer| answer["latest"] == "99.0.0" || answer["latest"] == "v99.0.0"), "{answers:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 1, "twenty who asked at once were more than one question");
    running.stop();
}

/// Proves R-OPS-3, B-101.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_speaks_of_the_process_and_readiness_of_its_folder() {
    let setup = Setup::new();
    let running = setup.start();
    for (path, says) in [("/health", "ok"), ("/ready", "ready"), ("/health?format=xml&x=%00", "ok"), ("/ready?a=b", "ready")] {
        let request = Request::get(path).header("host", "localhost").header("accept", "application/x-nonsense;q=0");
        let answer = client::ask(running.port, request.body(http_body_util::Full::default()).unwrap()).await.unwrap();
        assert_eq!((answer.status, answer.json()["status"].as_str()), (200, Some(says)), "{path}");
        assert!(!String::from_utf8_lossy(&answer.body).contains(KEY));
    }
    let head = Request::head("/ready").header("host", "localhost").body(http_body_util::Full::default()).unwrap();
    assert_eq!(client::ask(running.port, head).await.unwrap().status, 200);

    // The folder of pictures is gone: nothing could be kept.
    let (storage, away) = (setup.data().join("spool"), setup.data().join("spool-away"));
    std::fs::rename(&storage, &away).unwrap();
    let answer = client::get(running.port, "/ready").await.unwrap();
    assert_eq!(answer.status, 503, "{}", String::from_utf8_lossy(&answer.body));
    assert!(answer.json()["reasons"][0].is_string());
    assert_eq!(client::get(running.port, "/health").await.unwrap().status, 200);
    std::fs::rename(&away, &storage).unwrap();
    assert_eq!(client::get(running.port, "/ready").await.unwrap().status, 200);
    running.stop();
}

/// glibc's heaps are bounded by the processors, or as the operator says; the process stays the same.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[tokio::test]
async fn the_allocator_keeps_few_heaps() {
    for (given, wanted) in [(None, std::thread::available_parallelism().map_or(2, usize::from).max(2)), (Some("7"), 7)] {
        let setup = Setup::new();
        let setup = given.into_iter().fold(setup, |setup, given| setup.env("MALLOC_ARENA_MAX", given));
        let running = setup.start();
        let environment = std::fs::read_to_string(format!("/proc/{}/environ", running.pid())).unwrap();
        let name = std::fs::read_to_string(format!("/proc/{}/comm", running.pid())).unwrap();
        assert!(environment.split('\0').any(|variable| variable == format!("MALLOC_ARENA_MAX={wanted}")), "{environment}");
        assert_eq!(name.trim(), "img-router");
        running.stop();
    }
}
