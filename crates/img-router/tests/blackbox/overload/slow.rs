//! Thousands of connections that hardly say anything.

use super::{GENERATE, dial_from, drawing, memory_from_now, open_files, peak_memory, slow_platform};
use crate::client;
use crate::faults::until;
use crate::support::{KEY, SOON};
use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// What the requirements name.
const MANY: usize = 5000;
/// Those of them for which there is no place in `limits.maxConnections`: so many must make room.
const OVER: usize = 100;
/// Descriptors that this process needs besides: the runtime's, the platform's, those of ordinary callers.
const OWN: usize = 256;
/// Connections of one address, below `limits.connectionsPerIp`.
const OF_ONE_ADDRESS: usize = 100;
/// Connections that wait to be accepted: fewer than the listener's queue holds. Whoever finds it full is tried again by the system, a second
/// later at first and many seconds later in the end.
const QUEUED: usize = 100;
/// Between two bytes of a slow request.
const DRIP: Duration = Duration::from_secs(2);
/// Between two turns of ordinary callers.
const PAUSE: Duration = Duration::from_millis(100);
/// Connections to platforms that may stay open for the next request.
const KEPT: usize = 8;
/// A read buffer of 8 KiB, the tasks of an unoptimised build and a request each; nothing of what they announce.
const OF_ONE_CONNECTION: usize = 40 * 1024;

/// Takes as many descriptors as this process may have; how many those are.
fn all_descriptors() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let hard = line.split_whitespace().nth(1).unwrap();
    let all = format!("--nofile={hard}:{hard}");
    assert!(Command::new("prlimit").args(["--pid", &std::process::id().to_string(), &all]).status().unwrap().success());
    hard.parse().unwrap_or(usize::MAX)
}

/// Where the slow connection of this number comes from.
fn address(number: usize) -> Ipv4Addr {
    let (net, host) = (number / OF_ONE_ADDRESS, number % OF_ONE_ADDRESS);
    Ipv4Addr::new(127, 1, u8::try_from(net % 250).unwrap(), u8::try_from(host + 1).unwrap())
}

/// Opens a connection, and sends a head or a body byte by byte for as long as it is let.
async fn drip(port: u16, number: usize, dialling: Arc<Semaphore>, counts: Arc<Counts>) {
    dialling.acquire().await.unwrap().forget();
    let Ok(mut stream) = dial_from(port, address(number)).await else { return };
    let whole = format!("POST {GENERATE} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ");
    let head = format!("{whole}{KEY}\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n");
    let begin = if number.is_multiple_of(2) { &whole } else { &head };
    let mut sent = stream.write_all(begin.as_bytes()).await;
    counts.begun.fetch_add(1, Ordering::Relaxed);
    let mut answer = [0; 512];
    while sent.is_ok() {
        match timeout(DRIP, stream.read(&mut answer)).await {
            Ok(Ok(0) | Err(_)) => break,
            Ok(Ok(_)) => {}
            Err(_) => sent = stream.write_all(b" ").await,
        }
    }
    counts.ended.fetch_add(1, Ordering::Relaxed);
}

/// Lets connections be opened as the gateway accepts them.
async fn pace(pid: u32, files: usize, dialling: Arc<Semaphore>, counts: Arc<Counts>) {
    let mut let_go = 0;
    loop {
        let open = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count().saturating_sub(files);
        let accepted = open + counts.ended.load(Ordering::Relaxed);
        let more = (accepted + QUEUED).saturating_sub(let_go);
        dialling.add_permits(more);
        let_go += more;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[derive(Default)]
struct Counts {
    begun: AtomicUsize,
    ended: AtomicUsize,
}

/// Five thousand requests whose heads or bodies come byte by byte: others are served meanwhile, and nothing of them is left afterwards.
///
/// Proves R-DOS-6, B-20.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_slow_requests_keep_nobody_out() {
    let descriptors = all_descriptors();
    // The gateway takes no more connections than it has three descriptors for each.
    let places = (MANY - OVER).min(descriptors.saturating_sub(OWN) / 3);
    let many = places + OVER;
    if many < MANY {
        println!("only {descriptors} descriptors may be had here: {many} slow connections instead of {MANY}");
    }
    let (_sim, setup) = slow_platform(0, 8).await;
    // Nothing but the need for room ends them while this lasts.
    let waits = ["HEADER_TIMEOUT", "BODY_IDLE_TIMEOUT", "BODY_TIMEOUT"];
    let setup = waits.iter().fold(setup, |setup, name| setup.env(&format!("IMG_ROUTER_LIMITS_{name}"), "300"));
    let setup = setup.env("IMG_ROUTER_LIMITS_MAX_CONNECTIONS", places.to_string());
    let running = setup.start();
    let port = running.port;
    let ordinary = async || {
        let (health, drawn) = tokio::join!(client::get(port, "/health"), client::ask(port, drawing(1)));
        assert_eq!((health.unwrap().status, drawn.unwrap().status), (200, 200));
    };
    ordinary().await;
    let (files, memory) = (open_files(&running), memory_from_now(&running));

    let began = Instant::now();
    let (dialling, counts) = (Arc::new(Semaphore::new(0)), Arc::new(Counts::default()));
    let slow: Vec<_> = (0..many).map(|number| tokio::spawn(drip(port, number, Arc::clone(&dialling), Arc::clone(&counts)))).collect();
    let pace = tokio::spawn(pace(running.pid(), files, dialling, Arc::clone(&counts)));
    let (mut turns, mut held) = (0, 0);
    // All are there, and as many as there is no place for made room.
    let settled = || counts.begun.load(Ordering::Relaxed) >= many && counts.ended.load(Ordering::Relaxed) >= OVER;
    while !settled() || turns < 5 {
        assert!(
            began.elapsed() < 2 * SOON,
            "{} begun, {} ended",
            counts.begun.load(Ordering::Relaxed),
            counts.ended.load(Ordering::Relaxed)
        );
        ordinary().await;
        turns += 1;
        held = held.max(open_files(&running) - files);
        tokio::time::sleep(PAUSE).await;
    }
    let grown = peak_memory(&running) - memory;
    let ended = counts.ended.load(Ordering::Relaxed);
    println!(
        "{many} slow connections in {:?}, {held} held at once, {ended} made room; {turns} turns of others; {} MB more",
        began.elapsed(),
        grown / 1_000_000
    );
    assert!(held * 10 >= places * 8, "the limit was never reached: {held} of {places}");
    assert!(held <= places + OWN, "more than limits.maxConnections: {held}");
    assert!(grown < (held * OF_ONE_CONNECTION) as u64, "{grown} bytes more for {held} connections");

    slow.iter().chain([&pace]).for_each(tokio::task::JoinHandle::abort);
    until("its descriptors come back", async || open_files(&running) <= files + KEPT).await;
    ordinary().await;
    assert!(std::fs::read_dir(setup.data().join("spool")).unwrap().next().is_none(), "nothing is left of half a body");
    assert!(!running.log().contains("panicked"), "{}", running.log());
    running.stop();
}
