//! Keys that a platform rejects: out of use at once, asked about again, and left alone once that is
//! confirmed.

use crate::support::{Bench, PLAIN, Still, ask, bench, json, picture};
use ir_egress::Recorded;
use ir_model::Class;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Rounds of upkeep after which something that is due has happened, however slow the disk is: a minute.
const ROUNDS: u32 = 6000;

/// One key. `draws` and `lists`: whether the platform takes it for drawing and for its list of models.
async fn platform(draws: &Arc<AtomicBool>, lists: bool) -> Bench {
    let draws = Arc::clone(draws);
    let bench = bench(PLAIN, &[("https://one.example", "sk-one")], move |request: &Recorded| {
        let taken = if request.url.path().ends_with("/models") { lists } else { draws.load(Ordering::Relaxed) };
        match (taken, request.url.path().ends_with("/models")) {
            (false, _) => json(401, &[], r#"{"error":{"message":"no","code":"invalid_api_key"}}"#),
            (true, true) => json(200, &[], r#"{"data":[{"id":"m"}]}"#),
            (true, false) => picture(1),
        }
    })
    .await;
    bench.engine.spawn_upkeep();
    bench
}

fn listed(bench: &Bench) -> usize {
    bench.wire.recorded().iter().filter(|request| request.url.path().ends_with("/models")).count()
}

/// Lets so much time pass by the clock, and upkeep come round until this holds; a few times at least.
async fn pass(bench: &Bench, still: &Still, seconds: i64, holds: impl Fn() -> bool) {
    bench.clock.advance_ms(seconds * 1000);
    still.pass(5).await;
    for _ in 0..ROUNDS {
        if holds() {
            return;
        }
        still.pass(1).await;
    }
}

/// A failure of a platform's sign-in does not cost the pool: the key is taken again within a minute.
///
/// Proves F-33, R-KEY-2.
#[tokio::test(start_paused = true)]
async fn a_key_that_was_rejected_by_mistake_comes_back_by_itself() {
    let draws = Arc::new(AtomicBool::new(false));
    let bench = platform(&draws, true).await;
    let still = Still::begin();
    assert_eq!(bench.draw(ask(1)).await.1.expect_err("rejected").fault.class, Class::KeyRejected);
    let health = Arc::clone(&bench.upstream("one.example").keys[0].health);
    assert!(health.is_disabled());
    assert_eq!(bench.draw(ask(1)).await.1.expect_err("out of use").fault.class, Class::NoKey);
    draws.store(true, Ordering::Relaxed);
    pass(&bench, &still, 61, || !health.is_disabled()).await;
    assert!(!health.is_disabled(), "its platform takes it");
    assert!(bench.draw(ask(1)).await.1.is_ok());
    drop(still);
    bench.engine.drain(Duration::from_secs(5)).await;
    assert!(bench.store.keys().await.expect("store")[0].health.disabled_reason.is_none());
}

/// Proves F-33, R-KEY-2.
#[tokio::test(start_paused = true)]
async fn a_key_that_is_rejected_three_times_is_left_to_the_operator() {
    let draws = Arc::new(AtomicBool::new(false));
    let bench = platform(&draws, false).await;
    let still = Still::begin();
    pass(&bench, &still, 0, || listed(&bench) > 0).await;
    let before = listed(&bench);
    assert_eq!(bench.draw(ask(1)).await.1.expect_err("rejected").fault.class, Class::KeyRejected);
    let health = Arc::clone(&bench.upstream("one.example").keys[0].health);
    for (seconds, asked) in [(61, 1), (61, 1), (61, 2), (600, 2), (86_400, 2)] {
        pass(&bench, &still, seconds, || listed(&bench) - before == asked).await;
        assert_eq!((health.is_disabled(), listed(&bench) - before), (true, asked), "after {seconds} s more");
    }
    // The operator has the last word.
    let id = bench.upstream("one.example").keys[0].id.clone();
    assert!(bench.engine.reset_key(&id).await.expect("store"));
    draws.store(true, Ordering::Relaxed);
    assert!(bench.draw(ask(1)).await.1.is_ok());
}

/// A list of models that is open to everybody proves nothing for long.
///
/// Proves R-KEY-2.
#[tokio::test(start_paused = true)]
async fn a_key_that_is_only_good_for_lists_is_left_to_the_operator_as_well() {
    let draws = Arc::new(AtomicBool::new(false));
    let bench = platform(&draws, true).await;
    let still = Still::begin();
    let health = Arc::clone(&bench.upstream("one.example").keys[0].health);
    let mut rejected = 0;
    for turn in 0..6 {
        if bench.draw(ask(1)).await.1.expect_err("rejected").fault.class == Class::KeyRejected {
            rejected += 1;
        }
        pass(&bench, &still, 3_600, || turn >= 2 || !health.is_disabled()).await;
    }
    assert_eq!((rejected, health.is_disabled()), (3, true));
}
