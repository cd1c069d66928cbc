//! A disk that is full, cannot be written to, or fails: what callers get, what the gateway says of
//! itself, and that nothing is bought that cannot be written down.

use crate::admin::{Operator, fresh};
use crate::client::{self, Answer};
use crate::crash::{Shelf, setting};
use crate::crash_points::{picture, send, until_settled};
use crate::platforms::{GITEE, NEW_API};
use crate::support::{Running, SOON, Setup, stored};
use ir_sim::Sim;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What a gateway ends with whose database cannot be written any more.
const BROKEN: i32 = 74;
/// The variable that names the file of faults.
pub(crate) const FAULTS: &str = "IR_CRASH_FAULTS";
const EIO: i64 = 5;
const ENOSPC: i64 = 28;
const EROFS: i64 = 30;

/// The faults in force: those that stand in a file.
pub(crate) struct Faults(PathBuf);

impl Faults {
    pub(crate) fn new(setup: &Setup) -> Self {
        Self(setup.beside("faults"))
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// Puts these in place of those before.
    pub(crate) fn set(&self, faults: &[(&str, i64)]) {
        let text: String = faults.iter().map(|(name, number)| format!("{name} {number}\n")).collect();
        let new = self.0.with_extension("new");
        write(&new, text.as_bytes());
        std::fs::rename(new, &self.0).unwrap();
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's own file")]
fn write(path: &std::path::Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}

fn ask(prompt: &str) -> Value {
    json!({"model": "auto", "prompt": prompt, "response_format": "b64_json"})
}

async fn set_up() -> (Sim, Setup, Faults) {
    let sim = NEW_API.sim().await;
    let setup = NEW_API.add(Setup::new().env("LOG_LEVEL", "warn"), &sim);
    let faults = Faults::new(&setup);
    (sim, setup, faults)
}

fn start(setup: &Setup, faults: &Faults) -> Running {
    let mut running = setup.spawn_in(&[(FAULTS, faults.path())]);
    running.ready();
    running
}

async fn draw(port: u16, prompt: &str) -> Answer {
    client::post(port, "/v1/images/generations", &ask(prompt)).await.unwrap()
}

/// Why it is not ready.
async fn reasons(port: u16) -> String {
    let answer = client::get(port, "/ready").await.unwrap();
    assert_eq!(answer.status, 503);
    answer.json()["reasons"].to_string()
}

fn code(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned())
}

fn drawn(sim: &Sim) -> usize {
    sim.ledger().drawings().len()
}

/// Waits until it is ready again, by itself.
async fn recovers(running: &Running) {
    let began = Instant::now();
    while client::get(running.port, "/ready").await.unwrap().status != 200 {
        assert!(began.elapsed() < SOON, "never ready again: {}", running.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A disk that fails once a picture is drawn takes it from nobody; then nothing more is bought until
/// it works again.
///
/// Proves F-55, F-56, F-57, R-DUR-5, R-DUR-6, R-OPS-3.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_that_cannot_be_stored_is_answered_and_the_last_one() {
    let (sim, setup, faults) = set_up().await;
    let running = start(&setup, &faults);
    let mut bought = 0;
    for (place, errno, refusal) in [
        ("keep.fsync", EIO, (503, "overloaded")),
        ("keep.write", ENOSPC, (507, "storage_full")),
        ("keep.write", EIO, (503, "overloaded")),
        ("keep.rename", EROFS, (503, "overloaded")),
    ] {
        faults.set(&[(place, errno)]);
        let context = format!("{place} {errno}");
        let answer = draw(running.port, &format!("a cat, {context}")).await;
        bought += 1;
        assert_eq!(picture(&answer).len(), 20_000, "{context}");
        let warnings = answer.json()["warnings"].to_string();
        assert!(warnings.contains("could not be stored"), "{context}: {warnings}");
        assert!(answer.header("x-img-router-warning").contains("could not be stored"), "{context}: {:?}", answer.headers);
        assert!(stored(&setup.data()).is_empty(), "{context}: nothing is stored by half");
        assert!(reasons(running.port).await.contains("pictures cannot be stored"), "{context}");
        for _ in 0..3 {
            let refused = draw(running.port, "another").await;
            assert_eq!(code(&refused), (refusal.0, refusal.1.to_owned()), "{context}");
        }
        assert_eq!(drawn(&sim), bought, "{context}: nothing was bought for it");
        faults.set(&[]);
        recovers(&running).await;
        Shelf::default().is_tidy(&setup).await;
    }
    // An address cannot be given then, so the bytes are.
    faults.set(&[("keep.fsync", EIO)]);
    let body = json!({"model": "auto", "prompt": "a dog", "response_format": "url"});
    let answer = client::post(running.port, "/v1/images/generations", &body).await.unwrap();
    assert!(answer.json()["data"][0]["url"].as_str().unwrap().starts_with("data:image/png;base64,"));
    faults.set(&[]);
    recovers(&running).await;
    picture(&draw(running.port, "at last").await);
    assert_eq!(stored(&setup.data()).len(), 1);
    running.stop();
}

/// Proves F-55, F-56, R-DUR-5.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_cannot_be_spooled_is_the_last_one() {
    let (sim, setup, faults) = set_up().await;
    let running = start(&setup, &faults);
    faults.set(&[("spool.write", EIO)]);
    let answer = send(running.port, &ask("a cat"), "k").await.unwrap();
    assert_eq!((code(&answer), answer.header("x-should-retry")), ((500, "internal_error".to_owned()), "false"), "it was paid for");
    assert!(reasons(running.port).await.contains("pictures cannot be stored"));
    assert_eq!(code(&draw(running.port, "another").await), (503, "overloaded".to_owned()));
    assert_eq!(drawn(&sim), 1);
    faults.set(&[]);
    recovers(&running).await;
    assert_eq!(send(running.port, &ask("a cat"), "k").await.unwrap().status, 500, "one key pays once");
    picture(&draw(running.port, "another").await);
    assert_eq!(drawn(&sim), 2);
    running.stop();
}

/// Proves F-55, F-57, R-DUR-11, P-5.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_bought_that_cannot_be_written_down() {
    let (sim, setup, faults) = set_up().await;
    let running = start(&setup, &faults);
    // A full disk passes.
    faults.set(&[("store.commit", ENOSPC)]);
    assert_eq!(code(&draw(running.port, "a cat").await), (507, "storage_full".to_owned()));
    assert_eq!(code(&send(running.port, &ask("a cat"), "k").await.unwrap()), (507, "storage_full".to_owned()));
    assert!(reasons(running.port).await.contains("the database cannot be written"));
    faults.set(&[]);
    recovers(&running).await;
    picture(&send(running.port, &ask("a cat"), "k").await.unwrap());
    // After a failed flush nobody knows what is on the disk: only a start tells, so the process ends.
    faults.set(&[("store.commit", EIO)]);
    // A row of the request before may meet the fault first: then it goes down already, or is gone.
    if let Ok(refused) = send(running.port, &ask("a dog"), "a").await {
        let (status, why) = code(&refused);
        assert!(status == 503 && ["overloaded", "shutting_down"].contains(&why.as_str()), "{status} {why}");
        assert!(!refused.header("retry-after").is_empty());
    }
    assert_eq!(running.exit_code(), BROKEN);
    assert_eq!(drawn(&sim), 1);
    faults.set(&[]);
    let running = start(&setup, &faults);
    picture(&send(running.port, &ask("a dog"), "a").await.unwrap());
    assert_eq!(send(running.port, &ask("a cat"), "k").await.unwrap().header("idempotent-replayed"), "true");
    assert_eq!(drawn(&sim), 2);
    running.stop();
}

/// Proves F-57, C-11.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_whose_row_cannot_be_written_is_answered_and_listed_by_the_next_start() {
    let (sim, setup, faults) = set_up().await;
    let running = start(&setup, &faults);
    let port = running.port;
    let caller = tokio::spawn(async move { send(port, &ask("a cat [sim delay=4000]"), "k").await });
    let began = Instant::now();
    while drawn(&sim) == 0 {
        assert!(began.elapsed() < SOON, "never sent");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    faults.set(&[("store.commit", EIO)]);
    let answer = caller.await.unwrap().unwrap();
    let whole = picture(&answer);
    assert!(answer.json()["warnings"].to_string().contains("could not be stored"), "it is not said to be stored");
    assert_eq!(running.exit_code(), BROKEN);
    faults.set(&[]);
    let running = start(&setup, &faults);
    let again = until_settled(running.port, &ask("a cat [sim delay=4000]"), "k").await;
    assert_eq!((picture(&again), drawn(&sim)), (whole, 1));
    let mut shelf = Shelf::default();
    shelf.read(&setup);
    shelf.check_new(running.port).await;
    assert_eq!(shelf.len(), 1);
    running.stop();
}

/// Proves F-57.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_cannot_be_written_down_is_asked_for_all_the_same() {
    let sim = GITEE.sim().await;
    let setup = GITEE.add(Setup::new().env("LOG_LEVEL", "warn"), &sim);
    let faults = Faults::new(&setup);
    let running = start(&setup, &faults);
    let (port, body) = (running.port, json!({"model": "Qwen-Image", "prompt": "a cat [sim delay=4000]", "response_format": "b64_json"}));
    let caller = tokio::spawn(async move { send(port, &body, "k").await });
    let began = Instant::now();
    while drawn(&sim) == 0 {
        assert!(began.elapsed() < SOON, "never sent");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    faults.set(&[("store.commit", EIO)]);
    assert_eq!(picture(&caller.await.unwrap().unwrap()).len(), 20_000);
    assert_eq!(drawn(&sim), 1);
    assert_eq!(running.exit_code(), BROKEN, "only once the picture was answered");
}

/// Proves F-55, R-DUR-5, R-OPS-3.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn below_the_low_water_mark_nothing_is_begun() {
    let (sim, setup, faults) = set_up().await;
    let running = start(&setup, &faults);
    faults.set(&[("disk.free", ENOSPC)]);
    for path in ["/v1/images/generations", "/v1/chat/completions"] {
        let body = json!({"model": "auto", "prompt": "a cat", "messages": [{"role": "user", "content": "a cat"}]});
        let mut body = body;
        body.as_object_mut().unwrap().remove(if path.contains("chat") { "prompt" } else { "messages" });
        assert_eq!(code(&client::post(running.port, path, &body).await.unwrap()), (507, "storage_full".to_owned()), "{path}");
    }
    assert!(reasons(running.port).await.contains("bytes are free"));
    assert_eq!(client::get(running.port, "/health").await.unwrap().status, 200);
    assert_eq!(drawn(&sim), 0);
    faults.set(&[]);
    recovers(&running).await;
    picture(&draw(running.port, "a cat").await);
}

/// Proves F-58.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_somebody_holds_is_waited_for() {
    let (sim, setup, faults) = set_up().await;
    let running = start(&setup, &faults);
    let db = rusqlite::Connection::open(setup.data().join("img-router.db")).unwrap();
    // As long as it may be waited for.
    db.execute_batch("BEGIN IMMEDIATE").unwrap();
    let port = running.port;
    let caller = tokio::spawn(async move { send(port, &ask("a cat"), "k").await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!caller.is_finished(), "it is not waited for");
    db.execute_batch("ROLLBACK").unwrap();
    picture(&caller.await.unwrap().unwrap());
    // And longer.
    db.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = send(running.port, &ask("a dog"), "d").await.unwrap();
    assert_eq!(code(&refused), (503, "overloaded".to_owned()));
    db.execute_batch("ROLLBACK").unwrap();
    recovers(&running).await;
    picture(&send(running.port, &ask("a dog"), "d").await.unwrap());
    assert_eq!(drawn(&sim), 2);
    running.stop();
}

/// Proves F-55, R-DUR-8, R-DUR-9.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_setting_that_cannot_be_saved_is_not_said_to_be() {
    let setup = fresh();
    let faults = Faults::new(&setup);
    let running = start(&setup, &faults);
    let operator = Operator::first(&running).await;
    let change = |deadline: u32| json!({"routing": {"deadline": deadline}});
    operator.change("/api/runtime-config", change(100)).await;
    let path = setup.data().join("runtime-config.json");
    let before = std::fs::read(&path).unwrap();
    for errno in [ENOSPC, EIO, EROFS] {
        faults.set(&[("file.write", errno)]);
        let refused = operator.post("/api/runtime-config", &change(200)).await;
        assert!(refused.status >= 500, "{errno}: {}", crate::admin::text(&refused));
        assert_eq!(std::fs::read(&path).unwrap(), before, "{errno}");
        assert_eq!(operator.read("/api/runtime-config").await["routing"]["deadline"], json!(100), "{errno}: it is not in force either");
    }
    faults.set(&[]);
    operator.change("/api/runtime-config", change(200)).await;
    let left = Shelf::default().leftovers(&setup);
    assert!(left.is_empty(), "{left:?}");
    running.stop();
}

/// A newer schema, a damaged database, and a master key that is gone with everything that told of it.
///
/// Proves F-65, F-77, R-DUR-8.
#[test]
fn what_cannot_be_opened_is_refused_and_left_as_it_is() {
    let setup = Setup::new();
    setup.run(&["keys", "add", "Gitee", "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6"]);
    let path = setup.data().join("img-router.db");
    let good = std::fs::read(&path).unwrap();
    let refused = |code: i32, about: &str| {
        let before = std::fs::read(&path).unwrap();
        let ran = setup.run_with(&["serve"], "");
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(ran.err.contains(about), "{ran:?}");
        assert_eq!(std::fs::read(&path).unwrap(), before, "{about}: it was touched");
    };
    let mut newer = good.clone();
    newer[60..64].copy_from_slice(&99_u32.to_be_bytes());
    write(&path, &newer);
    refused(73, "has schema 99");
    let mut torn = good.clone();
    torn[100..200].fill(0xA5);
    write(&path, &torn);
    refused(73, "damaged");
    write(&path, &good);
    for name in ["secret.key", "secret.check"] {
        std::fs::rename(setup.data().join(name), setup.beside(name)).unwrap();
    }
    refused(78, "secret.key is missing");
    assert!(!setup.data().join("secret.key").exists(), "no other key is made");
    for name in ["secret.key", "secret.check"] {
        std::fs::rename(setup.beside(name), setup.data().join(name)).unwrap();
    }
    setup.start().stop();
}

/// A mounted file system, gone when dropped.
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// A real file system that fills up, before a drawing and in the midst of one. Only where
/// `IR_CRASH_TMPFS` is set: it takes the right to mount.
///
/// Proves F-55, R-DUR-5.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_disk_that_is_full_buys_nothing() {
    if setting("IR_CRASH_TMPFS", 0) == 0 {
        println!("left out: IR_CRASH_TMPFS is not set");
        return;
    }
    let sim = NEW_API.sim().await;
    let setup = Setup::new().env("LOG_LEVEL", "warn");
    std::fs::create_dir_all(setup.data()).unwrap();
    let mounted = Mounted(setup.data());
    let mount = std::process::Command::new("mount").args(["-t", "tmpfs", "-o", "size=100m", "tmpfs"]).arg(&mounted.0).status();
    assert!(mount.unwrap().success());
    let setup = NEW_API.add(setup, &sim);
    let running = setup.start();
    picture(&draw(running.port, "a cat").await);
    let filler = setup.data().join("filler");
    // Less than the low water mark is left.
    write(&filler, &vec![0; 50 << 20]);
    assert_eq!(code(&draw(running.port, "a cat").await), (507, "storage_full".to_owned()));
    assert!(reasons(running.port).await.contains("bytes are free"));
    assert_eq!(drawn(&sim), 1);
    std::fs::remove_file(&filler).unwrap();
    recovers(&running).await;
    // Full to the last byte while it is drawn.
    let port = running.port;
    let caller = tokio::spawn(async move { send(port, &ask("a dog [sim b64 delay=1500 bytes=300KiB]"), "k").await });
    let began = Instant::now();
    while drawn(&sim) < 2 {
        assert!(began.elapsed() < SOON, "never sent");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut file = std::fs::File::create(&filler).unwrap();
    while std::io::Write::write_all(&mut file, &[0; 4096]).is_ok() {}
    let answer = caller.await.unwrap().unwrap();
    assert_eq!((code(&answer), answer.header("x-should-retry")), ((507, "storage_full".to_owned()), "false"), "it was paid for");
    drop(file);
    std::fs::remove_file(&filler).unwrap();
    recovers(&running).await;
    picture(&draw(running.port, "a bird").await);
    assert_eq!((drawn(&sim), stored(&setup.data()).len()), (3, 2));
    running.kill();
    // What could not be written down then is settled by the next start, without buying anything.
    let running = setup.start();
    assert!(until_settled(running.port, &ask("a dog [sim b64 delay=1500 bytes=300KiB]"), "k").await.status >= 500);
    assert_eq!(drawn(&sim), 3);
    running.stop();
}

/// Each place of the code that can fail is one that a test makes fail.
#[test]
fn every_fault_has_a_test() {
    let tested = ["spool.write", "keep.write", "keep.fsync", "keep.rename", "store.commit", "file.write", "disk.free"];
    assert_eq!(BTreeSet::from(tested), ir_crash::FAULTS.iter().copied().collect());
}
