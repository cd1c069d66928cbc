//! A machine that has little of something: memory, processor time.

use super::{GENERATE, GREEDY, MODEST, ask_from, cpu, peak_memory};
use crate::client::{self, Answer};
use crate::faults::{self, World, always, code, until};
use crate::support::{KEY, Running, SOON, Setup, stored};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use http_body_util::Full;
use ir_sim::{PictureFormat, PictureSpec, Sim, SimConfig};
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// As the requirement has it. It counts what the process may write to, used or not, which is more than what a container's limit counts; an
/// allocation beyond it ends the process.
const MEMORY: u64 = 512 * 1024 * 1024;
/// Pictures that are drawn at the same time, and the bytes of each: together as much as all memory, in base64 far more.
const DRAWN: usize = 16;
const DRAWN_BYTES: u64 = 24_000_000;
/// Pictures that are uploaded meanwhile, as large as a body may be.
const GIVEN: usize = 8;
const GIVEN_BYTES: u64 = 14_000_000;
/// Thumbnails that are asked for meanwhile, of pictures that take 12 MB decoded.
const THUMBS: usize = 4;
const SIDE: u32 = 2000;
/// More pictures than can be drawn and wait: 64 and 1024.
const CROWD: usize = 80;

const EDITOR: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

fn limit_memory(running: &Running) {
    let most = format!("--data={MEMORY}:{MEMORY}");
    assert!(Command::new("prlimit").args(["--pid", &running.pid().to_string(), &most]).status().unwrap().success());
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", running.pid())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max data size")).unwrap();
    assert!(line.contains(&MEMORY.to_string()), "{line}");
}

fn post(path: &str, body: &Value) -> Request<Full<Bytes>> {
    let request = Request::post(path).header("host", "localhost").header("authorization", format!("Bearer {KEY}"));
    request.header("content-type", "application/json").body(Full::from(body.to_string())).unwrap()
}

fn draw(prompt: &str, n: usize) -> Request<Full<Bytes>> {
    post(GENERATE, &json!({"model": "any", "prompt": prompt, "n": n, "response_format": "url"}))
}

/// The name of the picture that an answer links to.
fn name(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body[..answer.body.len().min(300)]));
    answer.json()["data"][0]["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

/// A platform that draws large pictures, and a gateway before it that draws many at once.
async fn large_pictures() -> (Sim, Setup) {
    let picture = PictureSpec { bytes: None, format: PictureFormat::Png, width: SIDE, height: SIDE, follow_size: false };
    let sim = Sim::start(SimConfig { picture, ..SimConfig::default() }).await.unwrap();
    let setup = Setup::new()
        .env("IMG_ROUTER_ALLOW_PRIVATE", faults::host(sim.url()))
        .env("IMG_ROUTER_PROVIDERS_NEWAPI_ENABLED", "1")
        .env("IMG_ROUTER_LIMITS_CONCURRENT_DRAWS", "64")
        .env("IMG_ROUTER_LIMITS_KEY_CONCURRENCY", "256")
        .env("LOG_LEVEL", "warn");
    setup.run(&["keys", "add", "NewApi", "--base-url", sim.url(), "sk-large-0123456789abcdef"]);
    (sim, setup)
}

/// Large pictures in every direction at once, and a crowd that fills the queue, in 512 MiB: who has no room is refused, nobody is let down,
/// and the process lives.
///
/// Proves F-61.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_little_memory_it_refuses_and_loses_nothing() {
    let (_sim, setup) = large_pictures().await;
    let running = setup.start();
    let port = running.port;
    limit_memory(&running);
    let shown = name(&ask_from(port, MODEST, draw("a wall", 1)).await.unwrap());

    let crowd: Vec<_> = (0..CROWD).map(|_| tokio::spawn(ask_from(port, GREEDY, draw("a crowd [sim delay=1500]", 16)))).collect();
    until("the queue is full", async || crowd.iter().any(tokio::task::JoinHandle::is_finished)).await;
    let given = ir_sim::make_picture(PictureSpec::exactly(GIVEN_BYTES), 1).unwrap();
    let given = Arc::new(json!({"model": "any", "prompt": "brighter", "response_format": "url", "image": STANDARD.encode(given)}));
    let drawn =
        join_all((0..DRAWN).map(|at| ask_from(port, MODEST, draw(&format!("large {at} [sim bytes={DRAWN_BYTES} body-delay=500]"), 1))));
    let edited = join_all((0..GIVEN).map(|_| ask_from(port, EDITOR, post("/v1/images/edits", &given))));
    let looked_at = join_all((0..THUMBS).map(|at| {
        let path = format!("/storage/{shown}?thumb={}", [256, 512][at % 2]);
        async move { client::get(port, &path).await }
    }));
    let (drawn, edited, looked_at) = tokio::time::timeout(2 * SOON, async { tokio::join!(drawn, edited, looked_at) }).await.unwrap();
    let names: Vec<String> = drawn.iter().map(|answer| name(answer.as_ref().unwrap())).collect();
    edited.iter().for_each(|answer| drop(name(answer.as_ref().unwrap())));
    for answer in looked_at {
        assert_eq!(answer.unwrap().status, 200);
    }
    let mut refused = 0;
    for one in crowd {
        // Those that still wait are not waited for.
        if !one.is_finished() {
            one.abort();
            continue;
        }
        let answer = one.await.unwrap().unwrap();
        assert!(matches!(answer.status, 200 | 503), "{answer:?}");
        assert_eq!(answer.status == 503, !answer.header("retry-after").is_empty(), "{answer:?}");
        refused += usize::from(answer.status == 503);
    }
    assert!(refused > 0, "nobody was refused");
    let kept = stored(&setup.data());
    for name in &names {
        let path = kept.iter().find(|path| path.ends_with(name)).unwrap_or_else(|| panic!("{name} is lost"));
        assert_eq!(std::fs::metadata(path).unwrap().len(), DRAWN_BYTES);
    }
    assert_eq!(client::get(port, "/health").await.unwrap().status, 200);
    println!(
        "{DRAWN} drawn, {GIVEN} edited, {THUMBS} thumbnails, {refused} refused; peak of memory {} MB",
        peak_memory(&running) / 1_000_000
    );
    assert!(!running.log().contains("panicked"), "{}", running.log());
    running.stop();
}

/// Processes that do nothing but keep a processor busy. They end with this, and by themselves should this be ended before.
struct Busy(Vec<Child>);

impl Busy {
    fn begin(processor: &str, count: usize) -> Self {
        let one = |_| {
            let mut command = Command::new("taskset");
            command.args(["-c", processor, "sh", "-c", "ulimit -t 30; while :; do :; done"]);
            command.stdin(Stdio::null()).spawn().unwrap()
        };
        Self((0..count).map(one).collect())
    }

    fn are_busy(&mut self) -> bool {
        self.0.iter_mut().all(|child| child.try_wait().unwrap().is_none())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A processor that this process may use.
fn a_processor() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
    list.trim().split([',', '-']).next().unwrap().to_owned()
}

/// A tenth of one processor: everything is slower, and nothing is taken for what it is not.
///
/// Proves F-62.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_little_processor_time_nothing_is_misjudged() {
    const OTHERS: usize = 9;
    const KEYS: usize = 10;
    const CALLERS: usize = 16;
    const TURNS: usize = 5;
    let (good, silent) = (faults::sim().await, faults::sim().await);
    always(&good, "delay=100");
    always(&silent, "delay=60000");
    let world = World::start(faults::ground().env("API_TIMEOUT_MS", "15000"), &[good.url(), silent.url()]).await;
    let mut keys = Vec::new();
    for at in 0..KEYS {
        keys.push(world.add(good.url(), &format!("sk-good-{at}-0123456789abcdef"), &["any"]).await);
    }
    let other = world.add(silent.url(), "sk-silent-0123456789abcdef", &["silent"]).await;
    let port = world.running.port;

    let processor = a_processor();
    let pid = world.running.pid().to_string();
    let pinned = Command::new("taskset").args(["-a", "-c", "-p", &processor, &pid]).stdout(Stdio::null()).status();
    assert!(pinned.unwrap().success());
    let mut busy = Busy::begin(&processor, OTHERS);
    let (began, spent) = (Instant::now(), cpu(&world.running));
    let stop = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&stop);
    let health = tokio::spawn(async move {
        let mut looks = 0;
        while !over.load(Ordering::Relaxed) {
            assert_eq!(client::get(port, "/health").await.unwrap().status, 200);
            looks += 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        looks
    });
    let draw = async |_| {
        for _ in 0..TURNS {
            let answer = world.draw("any").await;
            assert_eq!((answer.status, answer.header("x-img-router-attempts")), (200, "1"), "{answer:?}");
        }
    };
    let late = async {
        let asked = Instant::now();
        (world.draw("silent").await, asked.elapsed())
    };
    let (_, (late, took)) = tokio::join!(join_all((0..CALLERS).map(draw)), late);
    assert_eq!((late.status, code(&late)), (504, "upstream_timeout".to_owned()));
    assert!(took >= Duration::from_secs(15), "cut before its time: {took:?}");
    stop.store(true, Ordering::Relaxed);
    let looks = health.await.unwrap();
    assert!(busy.are_busy(), "the processor was left to the gateway");
    let (spent, lasted) = (cpu(&world.running) - spent, began.elapsed());
    drop(busy);
    println!("{} pictures and {looks} looks at /health with {spent:?} of processor time in {lasted:?}", CALLERS * TURNS);

    world.at_rest().await;
    assert_eq!((world.attempts("ok").await, world.attempts("timeout").await), ((CALLERS * TURNS) as u64, 1));
    for id in keys.iter().chain([&other]) {
        let key = world.key(id).await;
        assert!(matches!(key["status"].as_str(), Some("active" | "unused")), "a key is blamed for a slow machine: {key}");
    }
    assert_eq!(stored(&world.running.data()).len(), CALLERS * TURNS);
    world.running.stop();
}
