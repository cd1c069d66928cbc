//! How often somebody may ask, and how often a platform's key is used.

use crate::client;
use crate::platforms::DOUBAO;
use crate::support::Setup;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const GENERATE: &str = "/v1/images/generations";

/// Callers who bring a platform's key are counted by address, since every one of them could bring many.
///
/// Proves R-AUTH-5.
#[tokio::test]
async fn relayed_requests_are_held_to_a_pace_whatever_keys_they_bring() {
    let sim = DOUBAO.sim().await;
    let setup = DOUBAO.add(Setup::new(), &sim).env("IMG_ROUTER_SYSTEM_MODES_RELAY", "1").env("IMG_ROUTER_LIMITS_RELAY_PER_MINUTE", "3");
    let running = setup.start();
    let ask = json!({"prompt": "a red fox"});
    let key = |number: usize| format!("7c9e6679-7425-40de-944b-e07fc1f90ae{number}");
    for number in 0..3 {
        assert_eq!(client::post_as(running.port, GENERATE, &key(number), &ask).await.unwrap().status, 200);
    }
    let refused = client::post_as(running.port, GENERATE, &key(3), &ask).await.unwrap();
    assert_eq!((refused.status, refused.json()["error"]["code"].clone()), (429, "rate_limit_exceeded".into()));
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(client::post(running.port, GENERATE, &ask).await.unwrap().status, 200, "who is known here is not meant");
    let asked: BTreeSet<_> = sim.ledger().drawings().into_iter().filter_map(|entry| entry.key).collect();
    assert!(!asked.contains(&key(3)) && asked.contains(&key(0)) && asked.len() == 4, "{asked:?}");
    running.stop();
}

/// Proves R-KEY-5.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_has_begun_enough_is_waited_for() {
    let sim = DOUBAO.sim().await;
    let setup = DOUBAO.add(Setup::new(), &sim).env("IMG_ROUTER_LIMITS_KEY_PER_MINUTE", "60");
    let running = setup.start();
    let began = Instant::now();
    let ask = json!({"prompt": "a red fox"});
    let answers = futures_util::future::join_all((0..12).map(|_| client::post(running.port, GENERATE, &ask))).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap().status == 200), "{}", running.log());
    assert_eq!(sim.ledger().drawings().len(), 12);
    // Ten at once, then one each second.
    assert!(began.elapsed() >= Duration::from_millis(1900), "{:?}", began.elapsed());
    running.stop();
}
