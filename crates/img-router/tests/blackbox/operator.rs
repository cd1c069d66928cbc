//! The binary as its operator and its callers meet it.

use crate::client;
use crate::support::{KEY, Running, SOON, Setup, stored};
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use ir_sim::{Behaviour, PictureSpec, Script, Sim, SimConfig};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PLATFORM_KEY: &str = "sk-platform-0123456789abcdef";

async fn sim() -> Sim {
    Sim::start(SimConfig { picture: PictureSpec::exactly(8000), models: vec!["sim".into()], ..SimConfig::default() }).await.unwrap()
}

fn host(sim: &Sim) -> &str {
    sim.url().strip_prefix("http://").unwrap()
}

#[expect(clippy::disallowed_methods, reason = "the test is the operator with an editor")]
fn write(path: &Path, text: &str) {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).unwrap();
    }
    std::fs::write(path, text).unwrap();
}

/// A gateway in front of one simulated platform.
fn before(sim: &Sim) -> Setup {
    let setup = Setup::new().env("IMG_ROUTER_ALLOW_PRIVATE", host(sim));
    let config =
        json!({"providers": {"NewApi": {"enabled": true, "text": {"model": "sim"}, "edit": {"model": "sim"}, "blend": {"model": "sim"}}}});
    write(&setup.data().join("runtime-config.json"), &config.to_string());
    setup.run(&["keys", "add", "NewApi", "--base-url", sim.url(), PLATFORM_KEY]);
    setup
}

async fn draw(port: u16) -> client::Answer {
    client::post(port, "/v1/images/generations", &json!({"prompt": "a boat", "response_format": "b64_json"})).await.unwrap()
}

/// Waits until something holds.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < SOON, "never came about: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Every file of a folder with its content; for "nothing was changed".
fn content(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = std::fs::read_dir(folder).unwrap().flatten().filter(|file| file.path().is_file());
    files.map(|file| (file.file_name().to_string_lossy().into_owned(), std::fs::read(file.path()).unwrap())).collect()
}

/// Proves F-69.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_leaves_loses_no_picture() {
    let sim = sim().await;
    sim.script(Script::always(Behaviour::delayed(Duration::from_millis(700))));
    let setup = before(&sim);
    let running = setup.start();
    let body = json!({"prompt": "left alone"}).to_string();
    let head = format!(
        "POST /v1/images/generations HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut caller = client::dial(running.port).await.unwrap();
    caller.write_all(head.as_bytes()).await.unwrap();
    assert!(sim.ledger().wait(SOON, |entries| entries.iter().any(|entry| entry.method == "POST")).await);
    drop(caller);
    until("the picture is stored", async || stored(&setup.data()).len() == 1).await;
    let path = stored(&setup.data()).remove(0);
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    until("the picture is listed", async || client::get(running.port, &format!("/storage/{name}")).await.unwrap().status == 200).await;
    let drawings = sim.ledger().drawings();
    assert_eq!((drawings.len(), drawings[0].client_gone), (1, false));
    running.stop();
}

/// Connections on which nothing happens do not hold a stop up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_does_not_wait_for_idlers() {
    let setup = Setup::new();
    let running = setup.start();
    let silent = client::dial(running.port).await.unwrap();
    let mut idle = client::dial(running.port).await.unwrap();
    idle.write_all(b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    let began = Instant::now();
    running.stop();
    println!("stopped in {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(20), "a stop took {:?}", began.elapsed());
    drop((silent, idle));
}

/// Proves F-66, R-LIFE-1.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_lets_requests_finish() {
    let sim = sim().await;
    sim.script(Script::always(Behaviour::delayed(Duration::from_millis(900))));
    let setup = before(&sim);
    let running = setup.start();
    let port = running.port;
    let callers: Vec<_> = (0..4).map(|_| tokio::spawn(draw(port))).collect();
    assert!(sim.ledger().wait(SOON, |entries| entries.iter().filter(|entry| entry.method == "POST").count() == 4).await);
    running.ask_to_stop();
    until("no new callers are taken", async || client::dial(port).await.is_err()).await;
    for caller in callers {
        let answer = caller.await.unwrap();
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        assert!(answer.json()["data"][0]["b64_json"].as_str().unwrap().len() > 8000);
    }
    let began = Instant::now();
    assert_eq!(running.exit_code(), 0);
    println!("ended {:?} after its last answer", began.elapsed());
    assert_eq!(stored(&setup.data()).len(), 4);
    assert!(!setup.data().join("img-router.db-wal").exists(), "the database was not closed");
}

/// Sockets of a process that are neither its listener nor a caller's connection to it.
#[cfg(target_os = "linux")]
fn outgoing(pid: u32, port: u16) -> Vec<String> {
    let links = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten().filter_map(|fd| std::fs::read_link(fd.path()).ok());
    let own: Vec<String> = links.filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())).collect();
    let listening = format!(":{port:04X}");
    let mut found = Vec::new();
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        for line in std::fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default().lines().skip(1) {
            let columns: Vec<&str> = line.split_whitespace().collect();
            if own.iter().any(|inode| columns[9] == inode) && !columns[1].ends_with(&listening) {
                found.push(format!("{table}: {line}"));
            }
        }
    }
    found
}

/// Proves R-SEC-5.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_install_calls_nobody() {
    let setup = Setup::new().env("IMG_ROUTER_DEMO", "1");
    let running = setup.spawn();
    let (pid, port) = (running.pid(), running.port);
    let mut drawn = 0;
    let began = Instant::now();
    while drawn == 0 || began.elapsed() < Duration::from_millis(1500) {
        assert!(began.elapsed() < SOON, "nothing is drawn");
        let found = outgoing(pid, port);
        assert!(found.is_empty(), "{found:#?}");
        let ask = json!({"prompt": "a boat", "size": "64x64"});
        drawn += usize::from(client::post(port, "/v1/images/generations", &ask).await.is_ok_and(|answer| answer.status == 200));
    }
    running.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_inside_the_network_are_not_fetched() {
    let canary = TcpListener::bind("127.0.0.1:0").unwrap();
    canary.set_nonblocking(true).unwrap();
    let port = canary.local_addr().unwrap().port();
    let running = Setup::new().env("IMG_ROUTER_DEMO", "1").start();
    let hosts =
        ["127.0.0.1", "2130706433", "0x7f.1", "127.1", "0", "[::ffff:127.0.0.1]", "[::1]", "localhost", "LOCALHOST.", "user@127.0.0.1"];
    for host in hosts {
        let url = format!("http://{host}:{port}/x.png");
        let ask = json!({"model": "Local/local", "prompt": "a boat", "image": url});
        let answer = client::post(running.port, "/v1/images/edits", &ask).await.unwrap();
        assert_eq!(answer.status, 400, "{url}: {}", String::from_utf8_lossy(&answer.body));
        assert_eq!(answer.json()["error"]["code"], "url_not_allowed", "{url}");
    }
    for url in [
        format!("file:///proc/self/environ?{port}"),
        format!("gopher://127.0.0.1:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
    ] {
        let chat = json!({"model": "Local/local", "messages": [{"role": "user", "content": [{"type": "text", "text": "a boat"}, {"type": "image_url", "image_url": {"url": url}}]}]});
        let answer = client::post(running.port, "/v1/chat/completions", &chat).await.unwrap();
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (400, &json!("url_not_allowed")), "{url}");
    }
    assert_eq!(canary.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "the canary was called");
    running.stop();
}

/// Proves F-76.
#[test]
fn a_second_process_is_refused() {
    let setup = Setup::new();
    let mut running = setup.start();
    for command in [&["serve"][..], &["keys", "list"], &["reindex"]] {
        let ran = setup.run_with(command, "");
        assert_eq!(ran.code, 73, "{ran:?}");
        assert!(ran.err.contains("another img-router runs on this data folder"), "{ran:?}");
    }
    running.ready();
    running.stop();
}

/// Proves F-65.
#[test]
fn a_wrong_master_key_is_refused() {
    let mut setup = Setup::new().env("IMG_ROUTER_SECRET_KEY", "the first master key");
    setup.run(&["keys", "add", "NewApi", "--base-url", "https://relay.example/v1", PLATFORM_KEY]);
    let before = content(&setup.data());
    for (key, about) in [("another master key, wrong", "not the one"), ("short", "at least")] {
        setup = setup.env("IMG_ROUTER_SECRET_KEY", key);
        for command in [&["serve"][..], &["keys", "export", "NewApi"]] {
            let ran = setup.run_with(command, "");
            assert_eq!(ran.code, 78, "{ran:?}");
            assert!(ran.err.contains(about) && !ran.err.contains(key), "{ran:?}");
        }
    }
    assert!(content(&setup.data()) == before, "the folder was changed");
    let setup = setup.env("IMG_ROUTER_SECRET_KEY", "the first master key");
    assert_eq!(setup.run(&["keys", "export", "NewApi"]).trim(), PLATFORM_KEY);
}

/// Proves R-DUR-8.
#[test]
fn a_broken_configuration_is_refused_and_kept() {
    for (text, about) in [
        ("{\"system\": {\"port\": 1", "line 1"),
        ("[]", "object"),
        ("{\"system\": {\"apiTimeout\": -5}}", "system.apiTimeout"),
        ("", "line 1"),
    ] {
        let setup = Setup::new();
        let path = setup.data().join("runtime-config.json");
        write(&path, text);
        let ran = setup.run_with(&["serve"], "");
        assert_eq!(ran.code, 78, "{text}: {ran:?}");
        assert!(ran.err.contains(about), "{text}: {ran:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}

async fn answers(running: &Running, status: u16) {
    until(&format!("drawing answers {status}"), async || draw(running.port).await.status == status).await;
}

/// Proves R-CFG-2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edits_by_hand_take_effect() {
    let sim = sim().await;
    let setup = before(&sim);
    let running = setup.start();
    let path = setup.data().join("runtime-config.json");
    let config = |enabled: bool| {
        json!({"providers": {"NewApi": {"enabled": enabled, "text": {"model": "sim"}}}, "later": {"kept": null}}).to_string()
    };
    answers(&running, 200).await;
    write(&path, &config(false));
    answers(&running, 503).await;
    let broken = "{\"providers\": {\"NewApi\": {\"enabled\": true,";
    write(&path, broken);
    until("the refusal is logged", async || running.log().contains("the last good one stays in force")).await;
    assert_eq!(draw(running.port).await.status, 503);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), broken);
    write(&path, &config(true));
    answers(&running, 200).await;
    running.stop();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), config(true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_pools_of_1x_are_taken_over_once() {
    let sim = sim().await;
    let setup = Setup::new().env("IMG_ROUTER_ALLOW_PRIVATE", host(&sim));
    let path = setup.data().join("runtime-config.json");
    let old = json!({
        "system": {"port": 10001, "modes": {"relay": true, "backend": true}, "globalAccessKey": KEY},
        "providers": {"NewApi": {"enabled": true, "text": {"model": "sim", "size": null, "weight": "10"}}, "Gone": {"enabled": true}},
        "keyPools": {"NewApi": [
            {"id": "1", "key": PLATFORM_KEY, "name": "first", "enabled": true, "status": "active", "baseUrl": sim.url()},
            {"id": "2", "key": "sk-off-0123456789abcdef", "name": "off", "enabled": false, "status": "disabled", "baseUrl": sim.url()},
            {"id": "3", "key": PLATFORM_KEY, "name": "again", "enabled": true, "baseUrl": sim.url()},
        ]},
    })
    .to_string();
    write(&path, &old);
    let running = setup.start();
    assert_eq!(draw(running.port).await.status, 200);
    running.stop();
    assert_eq!(sim.ledger().drawings()[0].key.as_deref(), Some(PLATFORM_KEY));
    setup.start().stop();
    let keys: Value = serde_json::from_str(&setup.run(&["keys", "list", "--json"])).unwrap();
    let mut states: Vec<(&str, &str)> =
        keys.as_array().unwrap().iter().map(|key| (key["name"].as_str().unwrap(), key["state"].as_str().unwrap())).collect();
    states.sort();
    assert_eq!(states, [("first", "good"), ("off", "off")]);
    let now: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert!(now.get("keyPools").is_none() && now["providers"]["Gone"]["enabled"] == true, "{now}");
    let files = content(&setup.data());
    let backups: Vec<_> = files.iter().filter(|(name, _)| name.contains(".1x-")).collect();
    assert_eq!(backups.len(), 1, "{:?}", files.keys());
    assert_eq!(backups[0].1, old.as_bytes());
    for (name, bytes) in files.iter().filter(|(name, _)| !name.contains(".1x-")) {
        let plain = bytes.windows(PLATFORM_KEY.len()).any(|window| window == PLATFORM_KEY.as_bytes());
        assert!(!plain, "{name} holds a key in plain text");
    }
}

/// A picture given by address from a place that the operator allowed is fetched, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_allowed_address_is_fetched() {
    let sim = sim().await;
    let setup = before(&sim);
    let running = setup.start();
    let listed = client::post(running.port, "/v1/images/generations", &json!({"prompt": "a boat [sim url]", "response_format": "url"}))
        .await
        .unwrap();
    let url = listed.json()["data"][0]["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with(sim.url()), "{url}");
    let request = Request::post("/v1/images/edits").header("host", "localhost").header("authorization", format!("Bearer {KEY}"));
    let body = Full::new(Bytes::from(json!({"prompt": "more red", "image": [url, url]}).to_string()));
    let answer = client::ask(running.port, request.header("content-type", "application/json").body(body).unwrap()).await.unwrap();
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    running.stop();
}
