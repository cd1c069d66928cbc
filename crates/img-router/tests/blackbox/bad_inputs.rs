//! Every input of `tests/bad-inputs/` against the real binary, and the rules that hold for all of them: the stated status and never a failure
//! of the gateway, no call to a platform, no file, no key touched, a short answer that names the parameter and echoes little, a log whose lines
//! stay lines, and a process that lives on.

mod admin;
mod files;
mod raw;
mod slow;

use crate::platforms::{DOUBAO, NEW_API};
use crate::support::{KEY, Running, Setup};
use ir_sim::{BadInput, Sim};
use raw::Reply;
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

const ADMIN_KEY: &str = "an-admin-key-of-these-tests";
/// An answer comes in milliseconds. This is for a busy machine and an unoptimised binary; what was measured is printed.
const AT_MOST: Duration = Duration::from_secs(10);
/// Inputs that took longer are printed.
const REMARKABLE: Duration = Duration::from_millis(300);
const LARGEST_ANSWER: usize = 4 * 1024;
/// What of an input may be read back, in characters.
const ECHO: usize = 64;
/// So much of a request is searched for what was read back.
const SEARCHED: usize = 16 * 1024;

/// A gateway before two simulated platforms.
struct World {
    sims: [Sim; 2],
    running: Running,
    // Its folder goes after the gateway on it.
    _setup: Setup,
    port: String,
    keys: Vec<Value>,
    log_seen: usize,
    files: usize,
}

impl World {
    async fn new(extra: &[(&str, &str)]) -> Self {
        let sims = [NEW_API.sim().await, DOUBAO.sim().await];
        let setup = DOUBAO.add(NEW_API.add(Setup::new(), &sims[0]), &sims[1]);
        let setup = setup.env("IMG_ROUTER_ADMIN_KEY", ADMIN_KEY).env("IMG_ROUTER_ROUTING_UNKNOWN_MODEL", "reject");
        let setup = extra.iter().fold(setup, |setup, (name, value)| setup.env(name, *value));
        let running = setup.start();
        let port = running.port.to_string();
        let mut world = Self { sims, running, _setup: setup, port, keys: Vec::new(), log_seen: 0, files: 0 };
        world.keys = world.keys_now().await;
        world.files = files(&world.running.data());
        world
    }

    /// What is told of the platforms' keys.
    async fn keys_now(&self) -> Vec<Value> {
        let mut all = Vec::new();
        for platform in ["NewApi", "Doubao"] {
            let request = format!(
                "GET /api/key-pool?provider={platform} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {ADMIN_KEY}\r\nconnection: close\r\n\r\n"
            );
            let reply = raw::exchange(self.running.port, request.as_bytes(), false, AT_MOST).await.unwrap();
            all.push(reply.json().unwrap_or_else(|| panic!("{reply:?}")));
        }
        all
    }

    fn variables(&self) -> [(&str, &str); 3] {
        [("key", KEY), ("admin", ADMIN_KEY), ("port", &self.port)]
    }

    fn drawn(&self) -> usize {
        self.sims.iter().map(|sim| sim.ledger().drawings().len()).sum()
    }
}

/// Leaves of a pool what a drawing that ends well does not change: no error, no cooling, no other state.
fn without_uses(pool: &mut Value) {
    for key in pool["pool"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        assert!(key.contains_key("errorCount") && key.contains_key("status"), "{key:?}");
        for name in ["totalCalls", "successCount", "lastUsed"] {
            key.remove(name);
        }
        if key["status"] == "unused" {
            key.insert("status".to_owned(), "active".into());
        }
    }
}

/// Files that hold pictures, whole or not.
fn files(data: &Path) -> usize {
    fn count(folder: &Path) -> usize {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| if entry.path().is_dir() { count(&entry.path()) } else { 1 }).sum()
    }
    ["storage", "spool", "thumbs"].iter().map(|name| count(&data.join(name))).sum()
}

/// A figure of `/proc/<pid>/status`, in KiB.
fn memory(pid: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0)
}

/// Begins to count the most memory anew.
#[expect(clippy::disallowed_methods, reason = "a switch of the kernel, no file")]
fn forget_peak(pid: u32) {
    let _ = std::fs::write(format!("/proc/{pid}/clear_refs"), "5");
}

/// What was measured of the inputs of a row.
#[derive(Default)]
struct Row {
    count: usize,
    slowest: Duration,
    kib: u64,
}

/// Sends every input of a file.
#[expect(clippy::print_stdout, reason = "what was measured is read in the test's output")]
async fn all_of(about: &str, extra: &[(&str, &str)]) {
    let mut world = World::new(extra).await;
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let mut wrong = Vec::new();
    let inputs = BadInput::of(about);
    for input in &inputs {
        let pid = world.running.pid();
        let before = memory(pid, "VmRSS:");
        forget_peak(pid);
        let (took, found) = world.send(input).await;
        if took > REMARKABLE {
            println!("{took:?}: {} {}", input.row, input.name);
        }
        let row = rows.entry(input.row.clone()).or_default();
        row.count += 1;
        row.slowest = row.slowest.max(took);
        let kib = memory(pid, "VmHWM:").saturating_sub(before);
        row.kib = row.kib.max(kib);
        if input.mib.is_some_and(|most| kib > most * 1024) {
            wrong.push(format!("{} {}: {kib} KiB more, {:?} MiB at most", input.row, input.name, input.mib));
        }
        wrong.extend(found.into_iter().map(|what| format!("{} {}: {what}", input.row, input.name)));
    }
    let mut keys = [world.keys.clone(), world.keys_now().await];
    if inputs.iter().any(|input| input.draws) {
        keys.iter_mut().flatten().for_each(without_uses);
    }
    if keys[0] != keys[1] {
        wrong.push(format!("a key was touched: {} before, {} now", Value::from(keys[0].clone()), Value::from(keys[1].clone())));
    }
    wrong.extend(world.log_lines());
    for (row, Row { count, slowest, kib }) in &rows {
        println!("{row}: {count} inputs, slowest answer {slowest:?}, most memory of one input {kib} KiB");
    }
    let resident = memory(world.running.pid(), "VmRSS:");
    println!("memory at the end: {resident} KiB");
    assert!(resident > 0, "memory cannot be measured here");
    let slowest = rows.values().map(|row| row.slowest).max().unwrap_or_default();
    println!("{about}: {} inputs, slowest answer {slowest:?}", inputs.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), inputs.len(), wrong.join("\n"));
}

impl World {
    /// Sends one, and holds what comes of it against the rules.
    async fn send(&mut self, input: &BadInput) -> (Duration, Vec<String>) {
        let request = input.request(&self.variables()).unwrap();
        let drawn = self.drawn();
        let began = Instant::now();
        let reply = raw::exchange(self.running.port, &request, input.hangs_up, AT_MOST).await;
        let took = began.elapsed();
        let mut wrong = match &reply {
            Ok(reply) => judge(input, &request, reply),
            Err(why) => vec![why.clone()],
        };
        if input.draws {
            // What was drawn is no leftover.
            self.settled().await;
            self.files = files(&self.running.data());
        } else {
            if self.drawn() != drawn {
                wrong.push("a platform was called".to_owned());
            }
            if self.settled().await > self.files {
                wrong.push("a file was left".to_owned());
                self.files = files(&self.running.data());
            }
        }
        (took, wrong)
    }

    /// Files, as soon as there are no more than before: the spool's are removed a moment after the answer.
    async fn settled(&self) -> usize {
        let began = Instant::now();
        loop {
            let now = files(&self.running.data());
            let spool = std::fs::read_dir(self.running.data().join("spool")).into_iter().flatten().count();
            if now <= self.files || spool == 0 || began.elapsed() > Duration::from_secs(5) {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Lines of the log that are none, or hold what steers a terminal.
    fn log_lines(&mut self) -> Vec<String> {
        let log = self.running.log();
        let new = log[self.log_seen..].to_owned();
        self.log_seen = log.len();
        let bad =
            |line: &&str| !line.starts_with("20") || line.chars().any(|ch| ch.is_control() || ('\u{202a}'..='\u{202e}').contains(&ch));
        new.lines().filter(bad).map(|line| format!("a line of the log: {:?}", line.chars().take(300).collect::<String>())).collect()
    }
}

fn judge(input: &BadInput, request: &[u8], reply: &Reply) -> Vec<String> {
    let mut wrong = Vec::new();
    if !input.status.has(&reply.status) || reply.status >= 500 {
        wrong.push(format!("status {}: {}", reply.status, reply.text(300)));
        return wrong;
    }
    if input.closes && !reply.closed {
        wrong.push("the connection was kept".to_owned());
    }
    for (name, value) in &input.answer {
        if !reply.headers(name).any(|found| found.contains(value.as_str())) {
            wrong.push(format!("{name} is not {value}: {:?}", reply.headers(name).collect::<Vec<_>>()));
        }
    }
    if reply.status < 400 || (input.bare && reply.body.is_empty()) || reply.is_head {
        return wrong;
    }
    if reply.body.len() > LARGEST_ANSWER {
        wrong.push(format!("an answer of {} bytes", reply.body.len()));
    }
    let Some(document) = reply.json() else {
        wrong.push(format!("no JSON: {}", reply.text(200)));
        return wrong;
    };
    let error = &document["error"];
    let mut names: Vec<&str> = error.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    let public = names == ["code", "message", "param", "type"];
    // The admin API leaves out `param` where there is none.
    let admins = input.path.starts_with("/api") && (names == ["code", "message", "param"] || names == ["code", "message"]);
    if !public && !admins {
        wrong.push(format!("not the form of an error: {document}"));
    }
    let (code, message) = (error["code"].as_str().unwrap_or_default(), error["message"].as_str().unwrap_or_default());
    let param = error["param"].as_str().unwrap_or_default();
    if input.code.as_ref().is_some_and(|wanted| !wanted.has(code)) {
        wrong.push(format!("code {code}: {message}"));
    }
    match &input.param {
        Some(wanted) if wanted != param => wrong.push(format!("param {param:?}, not {wanted:?}: {message}")),
        None if reply.status == 400 && param.is_empty() => wrong.push(format!("no parameter is named: {document}")),
        _ => {}
    }
    for (what, text) in [("message", message), ("param", param)] {
        if let Some(echo) = echoed(text, request) {
            wrong.push(format!("{what} echoes {echo:?}"));
        }
        if text.chars().any(|ch| ch.is_control() || ('\u{202a}'..='\u{202e}').contains(&ch)) {
            wrong.push(format!("{what} steers: {text:?}"));
        }
    }
    wrong
}

/// More of a request than may be read back.
fn echoed(text: &str, request: &[u8]) -> Option<String> {
    let shown: Vec<char> = text.chars().collect();
    let windows: HashSet<String> = shown.windows(ECHO + 1).map(|window| window.iter().collect()).collect();
    if windows.is_empty() {
        return None;
    }
    let sent: Vec<char> = String::from_utf8_lossy(&request[..request.len().min(SEARCHED)]).chars().collect();
    sent.windows(ECHO + 1).map(|window| window.iter().collect::<String>()).find(|window| windows.contains(window))
}

/// Proves B-1, B-2, B-4, B-5, B-9, B-10, B-12, B-13, B-14, B-16, B-17, B-18, B-21, B-25.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_and_framing() {
    all_of("http", &[("IMG_ROUTER_SYSTEM_MAX_BODY_SIZE", "2000000"), ("IMG_ROUTER_SYSTEM_MODES_RELAY", "0")]).await;
}

/// Proves B-26, B-28, B-29, B-30, B-32.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents() {
    all_of("json", &[]).await;
}

/// Proves B-34, B-36, B-37, B-38, B-40, B-41, B-42, B-44, B-45, B-46, B-48, B-49, B-52.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parameters() {
    all_of("parameters", &[]).await;
}

/// Proves B-53, B-54, B-56, B-57, B-58.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chats() {
    all_of("chat", &[]).await;
}

/// Proves B-60, B-61, B-62, B-64, B-65, B-66, B-68, B-70, B-72, B-73.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures() {
    all_of("images", &[]).await;
}

/// Proves B-74, B-76, B-77, B-78.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forms() {
    all_of("forms", &[]).await;
}

/// Proves B-33, B-86, B-92, B-93, B-96, B-97, B-98, B-102.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn admin_calls() {
    all_of("admin", &[]).await;
}

#[test]
fn echoes_are_found() {
    let request = format!("GET /{} HTTP/1.1", "x".repeat(200));
    assert!(echoed(&format!("nothing at {}", "x".repeat(65)), request.as_bytes()).is_some());
    assert!(echoed(&format!("nothing at {}", "x".repeat(64)), request.as_bytes()).is_none());
}
