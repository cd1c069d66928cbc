//! Starts, stops, callers who leave, and operators who change things meanwhile.

use super::{GENERATE, World, always, code, ground, sim, until};
use crate::admin::{Operator, send, text};
use crate::client;
use crate::support::{KEY, SOON, stored};
use futures_util::future::join_all;
use ir_sim::{Behaviour, Script};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;

const ONE: &str = "sk-one-0123456789abcdef";

fn ask(prompt: &str) -> Value {
    json!({"model": "any", "prompt": prompt, "response_format": "b64_json"})
}

/// Five hundred requests, eight of which are being drawn: those end well, the others are told before
/// anything is sent for them, and the process ends.
///
/// Proves F-66, R-LIFE-1, P-13.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_with_five_hundred_requests_sends_nothing_more() {
    const CALLERS: usize = 500;
    let sim = sim().await;
    always(&sim, "delay=1500");
    let setup = ground()
        .env("IMG_ROUTER_LIMITS_CONCURRENT_DRAWS", "8")
        .env("IMG_ROUTER_LIMITS_KEY_CONCURRENCY", "16")
        .env("IMG_ROUTER_LIMITS_CONNECTIONS_PER_IP", "1000")
        .env("IMG_ROUTER_LIMITS_DRAIN", "15");
    let world = World::start(setup, &[sim.url()]).await;
    world.add(sim.url(), ONE, &["any"]).await;
    let port = world.running.port;
    let callers: Vec<_> = (0..CALLERS).map(|_| tokio::spawn(async move { client::post(port, GENERATE, &ask("a boat")).await })).collect();
    until("all requests are there", async || {
        // Who has an answer is no job any more when this is counted.
        let answered = callers.iter().filter(|caller| caller.is_finished()).count();
        answered + super::number(world.numbers().await["img_router_jobs"]) as usize >= CALLERS
    })
    .await;
    until("some are drawn", async || sim.ledger().drawings().len() >= 8).await;
    let began = Instant::now();
    world.running.ask_to_stop();
    until("nobody is let in", async || client::dial(port).await.is_err()).await;
    let mut counts = (0, 0);
    for answer in join_all(callers).await {
        let answer = answer.unwrap().unwrap();
        match answer.status {
            200 => counts.0 += 1,
            _ => {
                counts.1 += 1;
                assert_eq!((answer.status, code(&answer)), (503, "shutting_down".to_owned()), "{}", text(&answer));
                assert!(!answer.header("retry-after").is_empty() && answer.header("x-should-retry") != "false");
            }
        }
    }
    let World { setup, running, .. } = world;
    assert_eq!(running.exit_code(), 0);
    println!("{} drawn, {} told; stopped in {:?}", counts.0, counts.1, began.elapsed());
    assert!(began.elapsed() < SOON);
    // As many as are drawn at once, those whose turn it was meanwhile, and no more.
    let sent = sim.ledger().drawings().len();
    assert!((8..=32).contains(&sent), "{sent} were sent");
    assert_eq!((counts.0, counts.0 + counts.1), (sent, CALLERS));
    assert_eq!(stored(&setup.data()).len(), sent);

    // Nothing is left in the journal that had no end.
    let running = setup.start();
    assert!(!running.log().contains("the last run was cut off while it drew"), "{}", running.log());
    running.stop();
}

/// A caller who leaves while its request waits costs nothing.
///
/// Proves F-68.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_for_a_caller_who_left_while_waiting() {
    let sim = sim().await;
    always(&sim, "delay=5000");
    let world = World::start(ground().env("IMG_ROUTER_LIMITS_CONCURRENT_DRAWS", "1"), &[sim.url()]).await;
    world.add(sim.url(), ONE, &["any"]).await;
    let port = world.running.port;
    let first = tokio::spawn(async move { client::post(port, GENERATE, &ask("first")).await });
    until("the first is drawn", async || sim.ledger().drawings().len() == 1).await;
    let body = ask("left").to_string();
    let mut caller = client::dial(port).await.unwrap();
    let head = format!(
        "POST {GENERATE} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    caller.write_all(head.as_bytes()).await.unwrap();
    until("it waits", async || super::number(world.numbers().await["img_router_jobs"]) == 2).await;
    drop(caller);
    assert_eq!(first.await.unwrap().unwrap().status, 200);
    world.at_rest().await;
    let prompts: Vec<_> = sim.ledger().drawings().iter().filter_map(|entry| entry.field("prompt")).collect();
    assert_eq!(prompts, ["first"]);
    assert_eq!((stored(&world.running.data()).len(), world.billed().await), (1, 0));
    world.running.stop();
}

/// Each change sets two things; no request sees one of them without the other.
///
/// Proves F-73.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_sees_the_settings_before_a_change_or_after_it() {
    let sim = sim().await;
    let world = World::start(ground().without("IMG_ROUTER_PROVIDERS_NEWAPI_TEXT_MODEL"), &[sim.url()]).await;
    let pair = |turn: usize| (["red", "blue"][turn % 2], ["512x512", "1024x1024"][turn % 2]);
    let change = async |turn: usize| {
        let (model, size) = pair(turn);
        let defaults = json!({"providers": {"NewApi": {"text": {"model": model, "size": size}}}});
        world.operator.change("/api/runtime-config", defaults).await;
    };
    change(0).await;
    world.add(sim.url(), ONE, &[]).await;
    let port = world.running.port;
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let stop = std::sync::Arc::clone(&stop);
            tokio::spawn(async move {
                let mut drawn = 0;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let answer = client::post(port, GENERATE, &json!({"model": "auto", "prompt": "a boat"})).await.unwrap();
                    assert_eq!(answer.status, 200, "{}", text(&answer));
                    drawn += 1;
                }
                drawn
            })
        })
        .collect();
    for turn in 1..=40 {
        change(turn).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let drawn: usize = join_all(callers).await.into_iter().map(Result::unwrap).sum();
    let entries = sim.ledger().drawings();
    assert_eq!(entries.len(), drawn);
    let seen: std::collections::BTreeSet<_> =
        entries.iter().map(|entry| (entry.field("model").unwrap(), entry.field("size").unwrap())).collect();
    println!("{drawn} requests during 40 changes: {seen:?}");
    let known: Vec<_> = (0..2).map(|turn| (pair(turn).0.to_owned(), pair(turn).1.to_owned())).collect();
    assert!(seen.iter().all(|found| known.contains(found)), "{seen:?}");
    assert_eq!(seen.len(), 2, "both were met");
    world.running.stop();
}

/// Two operators change settings: different ones at the same time, then the same one from the same
/// beginning.
///
/// Proves F-74.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_operators_lose_nothing_of_each_other() {
    let world = World::start(ground(), &[]).await;
    let operator = &world.operator;
    let all = json!({"system": {"requestLogging": false}});
    let other = json!({"system": {"cors": false}});
    let third = json!({"routing": {"deadline": 123}});
    tokio::join!(
        operator.change("/api/runtime-config", all),
        operator.change("/api/runtime-config", other),
        operator.change("/api/runtime-config", third)
    );
    let config = operator.read("/api/config").await;
    let value = |path: &str| config["settings"].as_array().unwrap().iter().find(|one| one["path"] == path).unwrap()["value"].clone();
    assert_eq!(
        [value("system.requestLogging"), value("system.cors"), value("routing.deadline")],
        [json!("false"), json!("false"), json!("123")]
    );

    let tag = operator.get("/api/runtime-config").await.header("etag").to_owned();
    let headers = [("cookie", operator.cookie.as_str()), ("if-match", tag.as_str())];
    let set = |seconds: u32| json!({"routing": {"deadline": seconds}});
    let (first, second) = (set(200), set(250));
    let (first, second) = tokio::join!(
        send(world.running.port, "POST", "/api/runtime-config", &headers, &first),
        send(world.running.port, "POST", "/api/runtime-config", &headers, &second)
    );
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412], "{} {}", text(&first), text(&second));
    let config = operator.read("/api/config").await;
    let deadline = config["settings"].as_array().unwrap().iter().find(|one| one["path"] == "routing.deadline").unwrap()["value"].clone();
    assert_eq!(deadline, json!(if first.status == 200 { "200" } else { "250" }));
    world.running.stop();
}

/// Nobody reads the log, and its pipe is full: requests do not notice, and what was dropped is counted.
///
/// Proves F-64, R-LOG-2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_nobody_reads_holds_nothing_up() {
    let setup =
        ground().env("LOG_LEVEL", "trace").env("IMG_ROUTER_METRICS_LISTEN", format!("127.0.0.1:{}", crate::support::Setup::new().port));
    let metrics: u16 = setup.value("IMG_ROUTER_METRICS_LISTEN").unwrap().rsplit(':').next().unwrap().parse().unwrap();
    let (mut running, pipe) = setup.spawn_unread();
    running.ready();
    let dropped = async || {
        let text = String::from_utf8(client::get(metrics, "/metrics").await.unwrap().body).unwrap();
        let line = text.lines().find(|line| line.starts_with("img_router_log_lines_dropped_total ")).unwrap().to_owned();
        line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    let (port, began) = (running.port, Instant::now());
    while dropped().await == 0 {
        let answers = join_all((0..50).map(|_| client::get(port, "/v1/models"))).await;
        assert!(answers.iter().all(|answer| answer.as_ref().unwrap().status == 200));
        assert!(began.elapsed() < SOON * 2, "the queue never filled");
    }
    let body = json!({"model": "Local/local", "prompt": "a boat", "size": "64x64"});
    assert_eq!(client::post(port, GENERATE, &body).await.unwrap().status, 200);
    println!("{} lines were dropped after {:?}", dropped().await, began.elapsed());
    // Its reader goes away: writing fails from now on.
    drop(pipe);
    assert_eq!(client::post(port, GENERATE, &body).await.unwrap().status, 200);
    running.ask_to_stop();
    assert_eq!(running.exit_code(), 0);
}

/// A caller who comes back after its connection broke gets what was drawn.
///
/// Proves F-69.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_left_after_the_submit_finds_its_picture() {
    let sim = sim().await;
    sim.script(Script::in_turn([Behaviour::delayed(Duration::from_millis(500))]));
    let world = World::start(ground(), &[sim.url()]).await;
    world.add(sim.url(), ONE, &["any"]).await;
    let port = world.running.port;
    let body = ask("left behind").to_string();
    let head = format!(
        "POST {GENERATE} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\nidempotency-key: mine\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut caller = client::dial(port).await.unwrap();
    caller.write_all(head.as_bytes()).await.unwrap();
    until("it is drawn", async || sim.ledger().drawings().len() == 1).await;
    drop(caller);
    let request = http::Request::post(GENERATE).header("host", "localhost").header("authorization", format!("Bearer {KEY}"));
    let request = request.header("idempotency-key", "mine").header("content-type", "application/json");
    let again = client::ask(port, request.body(http_body_util::Full::from(body)).unwrap()).await.unwrap();
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, "true"), "{}", text(&again));
    assert_eq!((sim.ledger().drawings().len(), stored(&world.running.data()).len()), (1, 1));
    let _: &Operator = &world.operator;
    world.running.stop();
}
