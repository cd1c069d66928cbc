//! Clocks that are set while the gateway runs, or while it does not.

use crate::client;
use crate::crash::{Shelf, sha256};
use crate::crash_points::{picture, send, unexplained, until_settled};
use crate::disk::{FAULTS, Faults};
use crate::platforms::NEW_API;
use crate::support::{SOON, Setup, stored};
use serde_json::{Value, json};
use std::time::Instant;

const HOUR_MS: i64 = 3_600_000;

fn ask(prompt: &str) -> Value {
    json!({"model": "auto", "prompt": prompt, "response_format": "b64_json"})
}

/// A picture is drawn and stored, its gateway dies before it is listed, and the next one has another
/// clock.
async fn survives(first_ms: i64, next_ms: i64) {
    let sim = NEW_API.sim().await;
    let setup = NEW_API.add(Setup::new(), &sim);
    let (first, next) = (first_ms.to_string(), next_ms.to_string());
    // Something is listed already, as usual.
    let mut running = setup.spawn_in(&[("IR_CRASH_CLOCK_MS", first.as_str())]);
    running.ready();
    picture(&send(running.port, &ask("before"), "before").await.unwrap());
    running.kill();
    let mut running = setup.spawn_in(&[("IR_CRASH_CLOCK_MS", first.as_str()), ("IR_CRASHPOINT", "picture.kept:1")]);
    running.ready();
    let body = ask("a cat");
    assert!(send(running.port, &body, "k").await.is_err());
    running.kills_itself("picture.kept");
    let mut running = setup.spawn_in(&[("IR_CRASH_CLOCK_MS", next.as_str())]);
    running.ready();
    let mut shelf = Shelf::default();
    shelf.read(&setup);
    shelf.check_new(running.port).await;
    if next_ms - first_ms < 24 * HOUR_MS {
        let again = until_settled(running.port, &body, "k").await;
        assert_eq!(shelf.of_prompt("a cat"), [sha256(&picture(&again))]);
        assert_eq!(again.header("idempotent-replayed"), "true");
    }
    assert_eq!(sim.ledger().drawings().len(), 2);
    running.stop();
    unexplained(&setup, &sim);
}

/// Proves C-22.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_back_between_two_runs_loses_nothing() {
    survives(HOUR_MS, 0).await;
}

/// A claim is kept for a day; a picture is adopted however long nobody started the gateway.
///
/// Proves C-11.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_ahead_by_days_or_hours_loses_nothing() {
    survives(0, 23 * HOUR_MS).await;
    survives(-72 * HOUR_MS, 0).await;
}

/// Proves C-12, C-22.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_back_while_a_picture_is_drawn_loses_nothing() {
    let sim = NEW_API.sim().await;
    let setup = NEW_API.add(Setup::new(), &sim);
    let faults = Faults::new(&setup);
    let mut running = setup.spawn_in(&[(FAULTS, faults.path()), ("IR_CRASHPOINT", "claim.closing:1")]);
    running.ready();
    let body = ask("a cat [sim delay=500]");
    let (port, asked) = (running.port, body.clone());
    let caller = tokio::spawn(async move { send(port, &asked, "k").await });
    let began = Instant::now();
    while sim.ledger().drawings().is_empty() {
        assert!(began.elapsed() < SOON, "never sent");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    faults.set(&[("clock", -HOUR_MS)]);
    assert!(caller.await.unwrap().is_err());
    running.kills_itself("claim.closing");
    let mut running = setup.spawn_in(&[(FAULTS, faults.path())]);
    running.ready();
    let again = until_settled(running.port, &body, "k").await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!((picture(&again).len(), sim.ledger().drawings().len()), (20_000, 1));
}

/// Proves C-22.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_whose_shared_memory_is_gone_opens() {
    let sim = NEW_API.sim().await;
    let setup = NEW_API.add(Setup::new(), &sim);
    let running = setup.start();
    picture(&send(running.port, &ask("a cat"), "k").await.unwrap());
    running.kill();
    let log = std::fs::metadata(setup.data().join("img-router.db-wal")).unwrap();
    assert!(log.len() > 0, "what was answered is in the log only");
    std::fs::remove_file(setup.data().join("img-router.db-shm")).unwrap();
    let mut running = setup.spawn_in(&[("IR_CRASH_CLOCK_MS", "-3600000")]);
    running.ready();
    let name = stored(&setup.data())[0].file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(client::get(running.port, &format!("/storage/{name}")).await.unwrap().status, 200);
    picture(&send(running.port, &ask("a cat"), "k").await.unwrap());
    assert_eq!(sim.ledger().drawings().len(), 1);
}
