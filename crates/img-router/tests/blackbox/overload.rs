//! More than can be served: who is refused is told early, who is served is served in turn, and nothing falls over.

mod bombs;
mod slow;
mod small;
mod spool;

use crate::client::{self, Answer};
use crate::support::{KEY, Running, SOON, Setup};
use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use ir_sim::{Behaviour, PictureSpec, Sim, SimConfig};
use serde_json::json;
use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const GENERATE: &str = "/v1/images/generations";

/// A platform that takes a while, and a gateway before it that draws a few pictures at once.
async fn slow_platform(delay: u64, draws: usize) -> (Sim, Setup) {
    let config = SimConfig {
        picture: PictureSpec::exactly(8000),
        default: Behaviour::delayed(Duration::from_millis(delay)),
        ..SimConfig::default()
    };
    let sim = Sim::start(config).await.unwrap();
    let setup = Setup::new()
        .env("IMG_ROUTER_ALLOW_PRIVATE", sim.url().strip_prefix("http://").unwrap())
        .env("IMG_ROUTER_PROVIDERS_NEWAPI_ENABLED", "1")
        .env("IMG_ROUTER_LIMITS_CONCURRENT_DRAWS", draws.to_string())
        .env("IMG_ROUTER_LIMITS_KEY_CONCURRENCY", "64")
        .env("LOG_LEVEL", "warn");
    setup.run(&["keys", "add", "NewApi", "--base-url", sim.url(), "sk-overload-0123456789abcdef"]);
    (sim, setup)
}

/// A connection from one of loopback's many addresses.
#[expect(clippy::disallowed_methods, reason = "the test is the client")]
async fn dial_from(port: u16, from: Ipv4Addr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    socket.connect((Ipv4Addr::LOCALHOST, port).into()).await
}

async fn ask_from(port: u16, from: Ipv4Addr, request: Request<Full<Bytes>>) -> Result<Answer, String> {
    let told = |error: hyper::Error| error.to_string();
    let stream = dial_from(port, from).await.map_err(|error| error.to_string())?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(told)?;
    let connection = tokio::spawn(connection);
    let mut response = sender.send_request(request).await.map_err(told)?;
    let mut body = Vec::new();
    while let Some(frame) = response.body_mut().frame().await {
        body.extend_from_slice(frame.map_err(told)?.data_ref().map_or(&[], |data| data));
    }
    connection.abort();
    Ok(Answer { status: response.status().as_u16(), headers: response.headers().clone(), body })
}

fn drawing(n: u32) -> Request<Full<Bytes>> {
    let body = json!({"model": "any", "prompt": "a crowd", "n": n, "response_format": "url"}).to_string();
    let request = Request::post(GENERATE).header("host", "localhost").header("authorization", format!("Bearer {KEY}"));
    request.header("content-type", "application/json").body(Full::from(body)).unwrap()
}

const GREEDY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 1);
const MODEST: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Proves R-DOS-6.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_greedy_caller_starves_nobody() {
    const MANY: usize = 80;
    let (_sim, setup) = slow_platform(150, 2).await;
    let running = setup.start();
    let port = running.port;
    let served = Arc::new(AtomicUsize::new(0));
    let greedy: Vec<_> = (0..MANY)
        .map(|_| {
            let served = Arc::clone(&served);
            tokio::spawn(async move {
                let answer = ask_from(port, GREEDY, drawing(1)).await.unwrap();
                served.fetch_add(1, Ordering::Relaxed);
                answer.status
            })
        })
        .collect();
    while served.load(Ordering::Relaxed) < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for turn in 0..4 {
        let answer = ask_from(port, MODEST, drawing(1)).await.unwrap();
        assert_eq!(answer.status, 200, "turn {turn}: {answer:?}");
    }
    // First come, first served would have let all of them go before.
    let before = served.load(Ordering::Relaxed);
    assert!(before < MANY / 2, "{before} of {MANY} went before four requests of another caller");
    for answer in join_all(greedy).await {
        assert_eq!(answer.unwrap(), 200);
    }
    running.stop();
}

/// What has no room is refused before its body is read, with the time to come back; another caller still gets in.
///
/// Proves R-DOS-6.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_refuses_early_and_who_has_least_gets_in() {
    let (sim, setup) = slow_platform(2500, 1).await;
    let running = setup.start();
    let port = running.port;
    // One is drawn and 1024 wait: 64 times sixteen, and single ones for what is left then.
    let mut greedy: Vec<_> = (0..64).map(|_| tokio::spawn(ask_from(port, GREEDY, drawing(16)))).collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    greedy.extend((0..20).map(|_| tokio::spawn(ask_from(port, GREEDY, drawing(1)))));
    let began = Instant::now();
    let mut head = loop {
        let mut stream = dial_from(port, GREEDY).await.unwrap();
        let request = format!(
            "POST {GENERATE} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\ncontent-length: 900000\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = vec![0; 4096];
        // Without a body, an answer is one that did not wait for it.
        if let Ok(Ok(length)) = tokio::time::timeout(Duration::from_millis(500), stream.read(&mut head)).await {
            head.truncate(length);
            break String::from_utf8_lossy(&head).to_lowercase();
        }
        assert!(began.elapsed() < SOON, "the queue never fills");
    };
    assert!(head.starts_with("http/1.1 503"), "{head}");
    let wait: u64 = head.split_off(head.find("retry-after: ").expect("a time")).lines().next().unwrap()[13..].trim().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    let answer = ask_from(port, MODEST, drawing(1)).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    // Others are served meanwhile.
    assert_eq!(client::get(port, "/health").await.unwrap().status, 200);
    greedy.iter().for_each(tokio::task::JoinHandle::abort);
    let drawn = sim.ledger().drawings().len();
    assert!(drawn < 100, "what nobody waits for is not drawn: {drawn}");
    drop(running);
}

/// Sets the soft limit of open files of a process that runs.
fn limit_files(running: &Running, most: usize) {
    let most = format!("--nofile={most}:");
    assert!(Command::new("prlimit").args(["--pid", &running.pid().to_string(), &most]).status().unwrap().success());
}

fn open_files(running: &Running) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", running.pid())).unwrap().count()
}

/// User and system time of a process so far.
fn cpu(running: &Running) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", running.pid())).unwrap();
    let ticks: u64 = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

/// A figure of a process's memory, in bytes.
fn memory(running: &Running, figure: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", running.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(figure)).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
}

/// Peak of a process's memory so far, in bytes.
fn peak_memory(running: &Running) -> u64 {
    memory(running, "VmHWM:")
}

/// What a process's memory is now, in bytes. The peak is counted from here.
#[expect(clippy::disallowed_methods, reason = "a switch of the kernel, no file")]
fn memory_from_now(running: &Running) -> u64 {
    let _ = std::fs::write(format!("/proc/{}/clear_refs", running.pid()), "5");
    memory(running, "VmRSS:")
}

/// Proves F-60.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_file_descriptors_it_waits_and_goes_on() {
    let (sim, setup) = slow_platform(0, 8).await;
    let running = setup.start();
    let port = running.port;
    // One who is let in finds that there is nothing left for a connection to the platform.
    let mut kept = client::dial(port).await.unwrap();
    kept.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 8192];
    assert!(kept.read(&mut answer).await.unwrap() > 0);
    limit_files(&running, open_files(&running));
    let mut crowd = Vec::new();
    for _ in 0..40 {
        crowd.push(client::dial(port).await.unwrap());
    }
    let body = json!({"model": "any", "prompt": "in between", "response_format": "url"}).to_string();
    let request = format!(
        "POST {GENERATE} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    kept.write_all(request.as_bytes()).await.unwrap();
    let length = tokio::time::timeout(SOON, kept.read(&mut answer)).await.expect("an answer").unwrap();
    let said = String::from_utf8_lossy(&answer[..length]).into_owned();
    assert!(said.starts_with("HTTP/1.1 503") && said.contains("retry-after: "), "{said}");
    let before = cpu(&running);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let spent = cpu(&running) - before;
    assert!(spent < Duration::from_secs(1), "it spins: {spent:?} of processor time in 2 s");
    drop(crowd);
    limit_files(&running, 1024);
    let answer = client::post(port, GENERATE, &json!({"model": "any", "prompt": "after", "response_format": "url"})).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    running.stop();
    let keys: serde_json::Value = serde_json::from_str(&setup.run(&["keys", "list", "--json"])).unwrap();
    assert_eq!(keys[0]["state"], "good", "neither key nor platform is to blame: {keys}");
    drop(sim);
}

/// Proves R-DOS-6.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_connections_make_room_for_others() {
    let (_sim, setup) = slow_platform(0, 8).await;
    let setup = setup.env("IMG_ROUTER_LIMITS_MAX_CONNECTIONS", "60").env("IMG_ROUTER_LIMITS_HEADER_TIMEOUT", "60");
    let running = setup.start();
    let port = running.port;
    let drips: Vec<_> = (0..90u8)
        .map(|number| {
            tokio::spawn(async move {
                let mut stream = dial_from(port, Ipv4Addr::new(127, 0, 1, 1 + number)).await.unwrap();
                let whole = "POST /v1/images/generations HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ";
                let head = format!("{whole}{KEY}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n");
                // Half are slow with their heads, half with their bodies.
                let begin = if number % 2 == 0 { whole } else { head.as_str() };
                if stream.write_all(begin.as_bytes()).await.is_err() {
                    return;
                }
                loop {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                    if stream.write_all(b" ").await.is_err() {
                        return;
                    }
                }
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    for turn in 0..5 {
        let ask = json!({"model": "any", "prompt": "a cat", "response_format": "url"});
        let (health, drawn) = tokio::join!(client::get(port, "/health"), client::post(port, GENERATE, &ask));
        assert_eq!((health.unwrap().status, drawn.unwrap().status), (200, 200), "turn {turn}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    drips.iter().for_each(tokio::task::JoinHandle::abort);
    running.stop();
}

/// A hundred guesses of the password at once, from as many addresses: they wait for each other, and nobody else does.
///
/// Proves R-AUTH-6.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_logins_takes_neither_memory_nor_time_of_others() {
    let setup = Setup::new().env("IMG_ROUTER_ADMIN_PASSWORD", "correct-horse-battery");
    let running = setup.start();
    let port = running.port;
    let before = peak_memory(&running);
    let guesses = (0..100u8).map(|number| async move {
        let request = Request::post("/api/session").header("host", format!("localhost:{port}")).header("content-type", "application/json");
        let body = json!({"password": format!("wrong guess {number}")}).to_string();
        ask_from(port, Ipv4Addr::new(127, 0, 2, 1 + number), request.body(Full::from(body)).unwrap()).await.unwrap()
    });
    let storm = tokio::spawn(join_all(guesses.collect::<Vec<_>>()));
    let mut looks = 0;
    while !storm.is_finished() {
        let health = client::get(port, "/health").await.unwrap();
        assert_eq!(health.status, 200);
        looks += 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let answers = storm.await.unwrap();
    let of = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!(of(401) + of(503) + of(429), 100, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    assert!(answers.iter().filter(|answer| answer.status != 401).all(|answer| !answer.header("retry-after").is_empty()));
    assert!(of(401) >= 2, "some are looked at");
    // A hundred hashes at once would be 1.9 GB.
    let grown = peak_memory(&running) - before;
    assert!(grown < 128 * 1024 * 1024, "{grown} bytes more");
    println!("{} wrong, {} refused, {looks} looks at /health meanwhile, {} MB more", of(401), of(503) + of(429), grown / 1_000_000);
    running.stop();
}
