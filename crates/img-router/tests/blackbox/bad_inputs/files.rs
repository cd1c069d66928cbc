//! Names of stored pictures, and what lies beside a picture.

use super::{AT_MOST, raw};
use crate::platforms::NEW_API;
use crate::support::{KEY, Running, Setup};
use crate::{admin, client};
use ir_sim::samples;
use serde_json::json;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A demo gateway, and the name of a stored picture.
async fn with_picture(setup: &Setup) -> (Running, String) {
    let running = setup.start();
    let name = draw(&running).await;
    (running, name)
}

async fn draw(running: &Running) -> String {
    let ask = json!({"model": "Local/local", "prompt": "a boat", "size": "64x64", "response_format": "url"});
    let answer = client::post(running.port, "/v1/images/generations", &ask).await.unwrap();
    answer.json()["data"][0]["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

async fn get(port: u16, target: &str) -> raw::Reply {
    let request = format!("GET {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    raw::exchange(port, request.as_bytes(), false, AT_MOST).await.unwrap()
}

/// Watches which files a process opens, where the machine lets us.
struct Trace {
    child: Child,
    out: std::path::PathBuf,
}

impl Trace {
    fn begin(pid: u32, out: std::path::PathBuf) -> Option<Self> {
        let pid_text = pid.to_string();
        let child = Command::new("strace")
            .args(["-f", "-qq", "-e", "trace=%file", "-s", "4096", "-o", out.to_str().unwrap(), "-p", &pid_text])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut trace = Self { child, out };
        let began = Instant::now();
        while !traced(pid) {
            if trace.child.try_wait().unwrap().is_some() || began.elapsed() > Duration::from_secs(10) {
                return None;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(trace)
    }

    /// The paths that were named in calls to the system.
    fn end(mut self) -> Vec<String> {
        let stopped = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(stopped.unwrap().success());
        self.child.wait().unwrap();
        let text = std::fs::read_to_string(&self.out).unwrap();
        text.lines().filter_map(|line| line.split('"').nth(1).map(str::to_owned)).collect()
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether every thread of a process is watched.
fn traced(pid: u32) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let statuses: Vec<String> = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("status")).ok()).collect();
    !statuses.is_empty() && statuses.iter().all(|status| !status.contains("TracerPid:\t0"))
}

/// Names that lead nowhere: ways out of the store, and spellings of a name in it.
fn names_that_are_none(name: &str, day: &str) -> Vec<String> {
    let mut names: Vec<String> = [
        "",
        ".",
        "..",
        "../secret.key",
        "../../secret.key",
        "..%2fsecret.key",
        "..%2Fruntime-config.json",
        "%2e%2e%2fsecret.key",
        "%252e%252e%252fsecret.key",
        "..%252fsecret.key",
        "..%5csecret.key",
        "..\\secret.key",
        "....//secret.key",
        "....%2f%2fsecret.key",
        "%00",
        "%c0%ae%c0%ae%2fsecret.key",
        "..%c0%afsecret.key",
        "%e0%80%ae%e0%80%ae%2fsecret.key",
        "%ff",
        "%2fetc%2fpasswd",
        "/etc/passwd",
        "%2fproc%2fself%2fenviron",
        "C:%5cwindows%5cwin.ini",
        "C:/windows/win.ini",
        "secret.key",
        "img-router.db",
        "%2e",
        "%2e%2e",
        "~root",
        "con",
        "nul",
        "*",
        "%25",
        "%",
        "%2",
        "%zz",
        "%0a",
        "a%0d%0ab",
    ]
    .map(str::to_owned)
    .into();
    let (stem, ending) = name.rsplit_once('.').unwrap();
    names.extend([
        format!("{name}%00"),
        format!("{name}%00.png"),
        format!("{name}::$DATA"),
        format!("{name}:stream"),
        format!("{name}."),
        format!("{name}%20"),
        format!("%20{name}"),
        format!("{name}/"),
        format!("{name}.json"),
        format!("{day}/{name}"),
        format!("{day}%2f{name}"),
        format!("..%2fstorage%2f{day}%2f{name}"),
        name.to_uppercase(),
        format!("{}{ending}", &stem[..stem.len() - 1]),
        format!("{}.{ending}", &stem[..stem.len() - 1]),
        format!("{stem}0.{ending}"),
        format!("{stem}g.{ending}"),
        format!("{stem}.jpg"),
        format!("{stem}\u{202e}.{ending}").replace('\u{202e}', "%e2%80%ae"),
        stem.to_owned(),
        "x".repeat(256),
        "01ARZ3NDEKTSV4RRFFQ69G5FAV".to_owned(),
        "01arz3ndektsv4rrffq69g5fav.png".to_owned(),
        "01ARZ3NDEKTSV4RRFFQ69G5FA".to_owned(),
        "01ARZ3NDEKTSV4RRFFQ69G5FAVV".to_owned(),
        "!!!!!!!!!!!!!!!!!!!!!!!!!!".to_owned(),
    ]);
    names
}

/// Proves B-80, B-82.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_name_leads_out_of_the_store() {
    let setup = Setup::new().env("IMG_ROUTER_DEMO", "1");
    let (running, name) = with_picture(&setup).await;
    let day = std::fs::read_dir(setup.data().join("storage")).unwrap().flatten().next().unwrap().file_name();
    let day = day.to_string_lossy().into_owned();
    let names = names_that_are_none(&name, &day);
    let data = setup.data().canonicalize().unwrap();
    let trace = Trace::begin(running.pid(), setup.beside("trace.txt"));
    let watched = trace.is_some();
    let mut slowest = Duration::ZERO;
    let mut bodies = Vec::new();
    for bad in &names {
        let began = Instant::now();
        let reply = get(running.port, &format!("/storage/{bad}")).await;
        slowest = slowest.max(began.elapsed());
        assert_eq!(reply.status, 404, "{bad}: {}", reply.text(200));
        let document = reply.json().unwrap_or_else(|| panic!("{bad}: {}", reply.text(200)));
        assert_eq!(document["error"]["code"], "not_found", "{bad}");
        bodies.push(reply.body);
    }
    assert!(bodies.windows(2).all(|two| two[0] == two[1]), "every name that is none reads the same");
    assert_eq!(get(running.port, &format!("/storage/{name}")).await.status, 200, "the right name is served under watch");
    match trace {
        None => println!("B-80: strace is not there or may not watch; the files that are opened were not looked at"),
        Some(trace) => {
            let paths = trace.end();
            // The configuration is looked at every second.
            let usual = [data.join("storage"), data.join("runtime-config.json"), data.join("img-router.db")];
            // The allocator asks the kernel how it shares memory out.
            let of_a_request = paths.iter().filter(|path| !path.starts_with("/proc/sys/vm/"));
            let outside: Vec<&String> = of_a_request.filter(|path| !usual.iter().any(|usual| is_at(path, usual, &data))).collect();
            assert!(outside.is_empty(), "{outside:#?}");
            assert!(paths.iter().any(|path| path.contains(&name)), "the good request was seen: {paths:?}");
            println!("B-80: {} calls with a path, none outside the store", paths.len());
        }
    }
    println!("B-80, B-82: {} names, slowest answer {slowest:?}, files watched: {watched}", names.len());
    running.stop();
}

/// Whether a path of a call is this place, or below it; the store opens files relative to its folder.
fn is_at(path: &str, place: &Path, data: &Path) -> bool {
    let path = Path::new(path);
    let full = if path.is_absolute() { path.to_owned() } else { data.join("storage").join(path) };
    let climbs = full.components().any(|part| part == std::path::Component::ParentDir);
    let journal =
        full.to_string_lossy().strip_prefix(&*place.to_string_lossy()).is_some_and(|rest| ["-wal", "-shm", "-journal"].contains(&rest));
    !climbs && (full.starts_with(place) || journal)
}

/// Proves B-81, B-84.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_picture_and_one_that_never_was_look_the_same() {
    let setup =
        admin::fresh().env("IMG_ROUTER_DEMO", "1").env("IMG_ROUTER_GLOBAL_ACCESS_KEY", KEY).env("IMG_ROUTER_SYSTEM_MODES_BACKEND", "1");
    let running = setup.start();
    let operator = admin::Operator::first(&running).await;
    operator.change("/api/playground/v1/images/generations", json!({"prompt": "a boat", "size": "64x64"})).await;
    let name = operator.read("/api/gallery?limit=1").await["items"][0]["filename"].as_str().unwrap().to_owned();
    let never = "20200101T000000-00000000000000000000000000000000.png".to_owned();
    let names = json!({"filenames": [name, name, never, "../x", "", "../../secret.key"]});
    let answer = operator.send("DELETE", "/api/gallery", &names).await;
    assert_eq!(answer.status, 200, "{}", admin::text(&answer));
    let told = answer.json();
    assert_eq!((told["ok"].as_bool(), &told["deleted"]), (Some(false), &json!([name])), "twice is once");
    let failed: Vec<&str> = told["failed"].as_array().unwrap().iter().map(|one| one["filename"].as_str().unwrap()).collect();
    assert_eq!(failed, [&never, "../x", "", "../../secret.key"], "what was not there is told");
    let mut times = [Vec::new(), Vec::new()];
    let mut bodies = Vec::new();
    for _ in 0..200 {
        for (times, name) in times.iter_mut().zip([&name, &never]) {
            let began = Instant::now();
            let reply = get(running.port, &format!("/storage/{name}")).await;
            times.push(began.elapsed());
            assert_eq!(reply.status, 404);
            bodies.push(reply.body);
        }
    }
    assert!(bodies.windows(2).all(|two| two[0] == two[1]));
    // The rest is the machine's: what was measured is printed, and only what cannot be chance fails.
    let [deleted, never] = times.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    });
    println!("B-81: median answer for a deleted picture {deleted:?}, for one that never was {never:?}");
    assert!(deleted < never * 5 + Duration::from_millis(5) && never < deleted * 5 + Duration::from_millis(5), "{deleted:?} {never:?}");
}

/// Proves B-69.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_picture_was_taken_stays_here() {
    let sim = NEW_API.sim().await;
    let setup = NEW_API.add(Setup::new(), &sim);
    let running = setup.start();
    let (plain, told) = (samples::bytes("jpeg 64x64").unwrap(), samples::bytes("jpeg-gps 64x64").unwrap());
    assert!(told.windows(10).any(|ten| ten == b"GPS-CANARY") && told.len() > plain.len());
    for recipe in ["jpeg 64x64", "jpeg-gps 64x64"] {
        let picture = samples::expand(&format!("data:image/jpeg;base64,{{{{{recipe} | base64}}}}"), &[]).unwrap();
        let ask = json!({"prompt": "brighter", "image": String::from_utf8(picture).unwrap()});
        let answer = client::post(running.port, "/v1/images/edits", &ask).await.unwrap();
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    }
    let sent: Vec<_> = sim.ledger().drawings().iter().map(|entry| (entry.files()[0].len, entry.files()[0].sha256.clone())).collect();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0], sent[1], "the platform gets the same bytes, with and without the position");
    assert!(sent[1].0 < told.len() as u64);
    running.stop();
    let mut folders = vec![setup.data()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                let bytes = std::fs::read(entry.path()).unwrap();
                assert!(!bytes.windows(10).any(|ten| ten == b"GPS-CANARY"), "{}", entry.path().display());
            }
        }
    }
}
