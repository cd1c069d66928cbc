//! Every way to fail, as a plain client sees it.
#![expect(clippy::unwrap_used, reason = "a helper's failure is the test's failure")]

mod common;

use std::error::Error as _;
use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use bytes::Bytes;
use common::{Answer, connect, draw, exchange, generation, get, raw};
use http::Request;
use http_body_util::Full;
use ir_sim::{Behaviour, Body, Cut, Outcome, Script, Sim, SimConfig, When};
use serde_json::json;

async fn sim() -> Sim {
    Sim::start(SimConfig::default()).await.unwrap()
}

async fn play(behaviour: Behaviour) -> Answer {
    let sim = sim().await;
    sim.script(Script::always(behaviour));
    draw(sim.url(), "x").await
}

/// A generation request as bytes.
fn wire(prompt: &str) -> String {
    let body = json!({"prompt": prompt, "size": "64x64"}).to_string();
    let length = body.len();
    format!("POST /v1/images/generations HTTP/1.1\r\nhost: sim\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
}

/// The system's error below hyper's.
fn io_kind(error: &hyper::Error) -> Option<io::ErrorKind> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        source = error.source();
    }
    None
}

async fn try_ask(url: &str, request: Request<Full<Bytes>>) -> Result<Answer, hyper::Error> {
    exchange(&mut connect(url).await, request).await
}

#[tokio::test]
async fn statuses_carry_the_platforms_errors_and_headers() {
    let sim = sim().await;
    for (directives, status, kind, code) in [
        ("status=401", 401, "invalid_request_error", "invalid_api_key"),
        ("status=402", 402, "insufficient_quota", "insufficient_quota"),
        ("status=429 code=insufficient_quota", 429, "rate_limit_error", "insufficient_quota"),
        ("moderation", 400, "image_generation_user_error", "moderation_blocked"),
        ("status=403 shape=new-api code=insufficient_user_quota", 403, "new_api_error", "insufficient_user_quota"),
        ("status=529", 529, "server_error", "server_error"),
        ("status=200 code=insufficient_user_quota type=new_api_error", 200, "new_api_error", "insufficient_user_quota"),
    ] {
        let answer = draw(sim.url(), &format!("x [sim {directives}]")).await;
        let error = &answer.json()["error"];
        assert_eq!((answer.status, error["type"].as_str(), error["code"].as_str()), (status, Some(kind), Some(code)), "{directives}");
    }
    let limited = draw(sim.url(), "x [sim status=429 retry-after=2 header=x-ratelimit-reset-requests:1s message=slow_down]").await;
    assert_eq!(
        (&limited.headers["retry-after"], &limited.headers["x-ratelimit-reset-requests"]),
        (&"2".parse().unwrap(), &"1s".parse().unwrap())
    );
    assert_eq!(limited.json()["error"]["message"], "slow down");
    let router = draw(sim.url(), "x [sim status=402 shape=open-router]").await;
    assert_eq!(router.json()["error"]["code"], 402);
    let moved = draw(sim.url(), "x [sim status=307 location=http://127.0.0.1:1/]").await;
    assert_eq!((moved.status, moved.headers["location"].to_str().unwrap()), (307, "http://127.0.0.1:1/"));
}

#[tokio::test]
async fn bodies_that_are_no_pictures() {
    let html = play(Behaviour::with_body(Body::Html)).await;
    assert_eq!((html.status, html.headers["content-type"].to_str().unwrap()), (200, "text/html; charset=utf-8"));
    assert!(html.text().starts_with("<!doctype html>"));
    assert!(play(Behaviour::with_body(Body::Empty)).await.body.is_empty());
    assert_eq!(play(Behaviour::with_body(Body::EmptyData)).await.json()["data"], json!([]));
    assert_eq!(play(Behaviour::with_body(Body::Json(json!({"a": [1]})))).await.json(), json!({"a": [1]}));
    let raw = play(Behaviour::with_body(Body::Raw { content_type: "application/json".into(), bytes: b"{\"a\":\"\xff\"}".to_vec() })).await;
    assert_eq!(raw.body, b"{\"a\":\"\xff\"}");
    let deep = play(Behaviour::with_body(Body::Deep(10_000))).await;
    assert_eq!(deep.text().matches('[').count(), 10_000);
    let empty = play(Behaviour { status: Some(204), ..Behaviour::with_body(Body::Empty) }).await;
    assert_eq!((empty.status, empty.body.len()), (204, 0));
}

#[tokio::test]
async fn a_bomb_is_small_on_the_wire() {
    let bomb = draw(sim().await.url(), "x [sim gzip-bomb=8MiB]").await;
    assert_eq!(bomb.headers["content-encoding"].to_str().unwrap(), "gzip");
    assert!(bomb.body.starts_with(&[0x1f, 0x8b]) && bomb.body.len() < 20_000);
}

#[tokio::test]
async fn an_endless_body_has_no_length_and_the_caller_that_had_enough_is_noted() {
    let sim = sim().await;
    let body = draw(sim.url(), "x [sim endless=3MB]").await;
    assert!(!body.headers.contains_key("content-length"));
    assert!(body.body.len() > 3_000_000 && body.text().ends_with("AAAA"));
    let mut sender = connect(sim.url()).await;
    let response = sender.send_request(generation("x [sim endless=900GB]")).await.unwrap();
    drop((response, sender));
    assert!(sim.ledger().wait(common::SOON, |entries| entries.last().unwrap().client_gone).await);
}

#[tokio::test]
async fn pictures_that_are_none() {
    let sim = sim().await;
    let picture = async |words: &str| draw(sim.url(), &format!("x [sim {words}]")).await.pictures().remove(0);
    assert!(picture("picture=html").await.starts_with(b"<!doctype html>"));
    assert!(picture("picture=svg").await.starts_with(b"<svg"));
    assert!(picture("picture=json").await.starts_with(b"{\"error\""));
    let truncated = picture("picture=truncated bytes=10000").await;
    assert_eq!(truncated.len(), 6_000);
    assert!(truncated.starts_with(b"\x89PNG") && image::load_from_memory(&truncated).is_err());
    let broken = picture("picture=bad-crc bytes=10000").await;
    let whole = picture("bytes=10000").await;
    // The stamp ends at byte 81; its number and CRC are all that may differ.
    assert_eq!((&broken[81..], broken.len()), (&whole[81..], 10_000));
    assert_ne!(crc32fast::hash(&broken[37..77]).to_be_bytes(), broken[77..81]);
    assert_eq!(crc32fast::hash(&whole[37..77]).to_be_bytes(), whole[77..81]);
}

#[tokio::test]
async fn base64_comes_in_every_dialect() {
    let sim = sim().await;
    let text =
        async |words: &str| draw(sim.url(), &format!("x [sim {words}]")).await.json()["data"][0]["b64_json"].as_str().unwrap().to_owned();
    let whole = |bytes: Vec<u8>| image::load_from_memory(&bytes).unwrap();
    let uri = text("coding=data-uri").await;
    whole(STANDARD.decode(uri.strip_prefix("data:image/png;base64,").unwrap()).unwrap());
    let safe = text("coding=url-safe").await;
    assert!(safe.contains(['-', '_']));
    whole(URL_SAFE.decode(safe).unwrap());
    let unpadded = text("coding=unpadded bytes=1000").await;
    assert_eq!(STANDARD_NO_PAD.decode(&unpadded).unwrap().len(), 1_000);
    assert!(STANDARD.decode(unpadded).is_err());
    let wrapped = text("coding=wrapped").await;
    assert!(wrapped.lines().count() > 2 && wrapped.lines().all(|line| line.len() <= 76));
    whole(STANDARD.decode(wrapped.replace('\n', "")).unwrap());
    assert!(STANDARD.decode(text("coding=bad").await).is_err());
}

#[tokio::test]
async fn more_and_fewer_pictures_than_asked() {
    let sim = sim().await;
    assert_eq!(draw(sim.url(), "x [sim n=3]").await.pictures().len(), 3);
    assert_eq!(draw(sim.url(), "x [sim n=0]").await.pictures().len(), 0);
}

#[tokio::test]
async fn cuts_before_an_answer() {
    let sim = sim().await;
    let (bytes, error) = raw(sim.url(), &wire("x [sim cut=request]")).await;
    assert!(bytes.is_empty() && error.is_none(), "closed in order");
    assert_eq!(sim.ledger().last().unwrap().outcome, Outcome::Cut { bytes: None, reset: false });
    let (bytes, error) = raw(sim.url(), &wire("x [sim cut=reset]")).await;
    assert_eq!((bytes.len(), error.unwrap().kind()), (0, ErrorKind::ConnectionReset));
    assert_eq!(sim.ledger().last().unwrap().outcome, Outcome::Cut { bytes: None, reset: true });
    assert!(!sim.ledger().last().unwrap().client_gone);
    let error = try_ask(sim.url(), generation("x [sim cut=request]")).await.unwrap_err();
    assert!(error.is_incomplete_message());
    let error = try_ask(sim.url(), generation("x [sim cut=reset]")).await.unwrap_err();
    assert_eq!(io_kind(&error), Some(ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn cuts_within_an_answer() {
    let sim = sim().await;
    let (bytes, error) = raw(sim.url(), &wire("x [sim cut=headers]")).await;
    assert!(bytes.starts_with(b"HTTP/1.1 200 OK") && bytes.ends_with(b"\r\n\r\n") && error.is_none());
    assert_eq!(sim.ledger().last().unwrap().outcome, Outcome::Cut { bytes: Some(0), reset: false });
    for (words, part) in [("cut=mid bytes=900000", 0.5), ("cut=0.25 bytes=900000 chunked", 0.25), ("cut=1 bytes=1000", 1.0)] {
        let answer = draw(sim.url(), &format!("x [sim {words}]")).await;
        let Outcome::Cut { bytes: Some(bytes), reset: false } = sim.ledger().last().unwrap().outcome else { panic!("{words}") };
        assert_eq!((answer.status, answer.body.len() as u64), (200, bytes), "every byte before the cut arrives");
        if part < 1.0 {
            assert!(answer.broken.is_some(), "{words}");
            assert!((bytes as f64 - 1_200_000.0 * part).abs() < 2_000.0, "{words}: {bytes}");
        }
    }
    let (_, error) = raw(sim.url(), &wire("x [sim cut=reset-mid bytes=9000000]")).await;
    assert_eq!(error.unwrap().kind(), ErrorKind::ConnectionReset);
    sim.script(Script::always(Behaviour { delay_before_body: Duration::from_millis(1), ..Behaviour::cut(Cut::AfterHeaders) }));
    assert!(draw(sim.url(), "x").await.broken.is_some());
}

#[tokio::test]
async fn a_connection_that_was_promised_to_live_dies_after_the_answer() {
    let sim = sim().await;
    let mut sender = connect(sim.url()).await;
    for words in ["cut=after", "cut=after chunked"] {
        let answer = exchange(&mut sender, generation(&format!("x [sim {words}]"))).await.unwrap();
        assert!(answer.broken.is_none() && !answer.headers.contains_key("connection"));
        image::load_from_memory(&answer.pictures()[0]).unwrap();
        assert!(exchange(&mut sender, generation("x")).await.is_err());
        sender = connect(sim.url()).await;
    }
}

#[tokio::test]
async fn lengths_that_lie() {
    let sim = sim().await;
    let longer = draw(sim.url(), "x [sim length=longer]").await;
    assert!(longer.broken.is_some());
    let announced: usize = longer.headers["content-length"].to_str().unwrap().parse().unwrap();
    assert_eq!(announced, longer.body.len() + 100);
    longer.json();
    let (bytes, _) = raw(sim.url(), &wire("x [sim length=shorter]")).await;
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let announced: usize = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    assert_eq!(announced + 16, body.len());
    serde_json::from_str::<serde_json::Value>(body).unwrap();
    sim.script(Script::always(Behaviour::from_directives("length=smuggled").unwrap()).rule(When::default(), None, Behaviour::error(500)));
    let both = format!("{}{}", wire("x"), wire("y").replace("host: sim", "host: sim\r\nconnection: close"));
    let (bytes, error) = raw(sim.url(), &both).await;
    assert!(error.is_none());
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 4, "two answers, each with a forged one");
    assert!(text.contains("}}HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 16\r\n\r\n{\"forged\": true}HTTP"));
}

#[tokio::test]
async fn slow_answers_are_slow() {
    let sim = sim().await;
    let timed = async |words: &str| {
        let start = Instant::now();
        let answer = draw(sim.url(), &format!("x [sim {words}]")).await;
        assert!(answer.broken.is_none() && answer.status == 200);
        start.elapsed()
    };
    assert!(timed("delay=150").await >= Duration::from_millis(150));
    assert!(timed("body-delay=150").await >= Duration::from_millis(150));
    assert!(timed("body-delay=150 chunked").await >= Duration::from_millis(150));
    // 30 bytes in portions of 5, with a pause after each but the last.
    sim.script(Script::always(Behaviour {
        body: Body::Text { content_type: "text/plain".into(), text: "x".repeat(30) },
        ..Behaviour::from_directives("drip=5/30").unwrap()
    }));
    assert!(timed("").await >= Duration::from_millis(150));
}

#[tokio::test]
async fn downloads_fail_as_the_link_or_the_script_says() {
    let sim = sim().await;
    let link = async |words: &str| {
        let answer = draw(sim.url(), &format!("x [sim {words}]")).await.json();
        let link = answer["data"][0]["url"].as_str().unwrap();
        link.strip_prefix(sim.url()).unwrap().to_owned()
    };
    assert_eq!(get(sim.url(), &link("pic:status=404").await).await.status, 404);
    let moved = get(sim.url(), &link("pic:status=302 pic:location=http://169.254.169.254/").await).await;
    assert_eq!((moved.status, moved.headers["location"].to_str().unwrap()), (302, "http://169.254.169.254/"));
    assert!(get(sim.url(), &link("pic:picture=html").await).await.text().starts_with("<!doctype"));
    assert!(get(sim.url(), &link("pic:cut=mid").await).await.broken.is_some());
    let endless = get(sim.url(), &link("pic:endless=1MB").await).await;
    assert!(endless.body.starts_with(b"\x89PNG") && endless.body.len() > 1_000_000);
    sim.script(Script::default().rule(When::path("/pic/"), Some(1), Behaviour::error(403)));
    let path = link("url").await;
    assert_eq!((get(sim.url(), &path).await.status, get(sim.url(), &path).await.status), (403, 200));
}
