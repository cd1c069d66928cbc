//! Platforms that are down for minutes, come back, or become slow: in simulated time.

use crate::support::{Bench, PLAIN, Slow, Still, ask, bench, bench_on, json, picture};
use ir_egress::Recorded;
use ir_model::{Charge, Class};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, advance};

const KEYS: [(&str, &str); 2] = [("https://one.example", "sk-one"), ("https://two.example", "sk-two")];

async fn down(config: &str) -> (Bench, Arc<AtomicBool>) {
    let is_down = Arc::new(AtomicBool::new(true));
    let seen = Arc::clone(&is_down);
    let bench = bench(config, &KEYS, move |request: &Recorded| match request.url.host_str() {
        Some("one.example") if seen.load(Ordering::Relaxed) => json(503, &[], r#"{"error":{"message":"busy"}}"#),
        _ => picture(1),
    })
    .await;
    (bench, is_down)
}

/// A platform is down for five minutes and comes back, while another one draws: it is looked at by one
/// request every half minute, found again within one of them, and gets its share back by and by.
///
/// Proves F-44, P-14.
#[tokio::test(start_paused = true)]
async fn a_platform_that_comes_back_is_found_by_one_and_not_overrun() {
    let (bench, is_down) = down(PLAIN).await;
    let _still = Still::begin();
    let draw = async || assert!(bench.draw(ask(1)).await.1.is_ok(), "the other one draws");
    while !bench.upstream("one.example").is_down() {
        draw().await;
        advance(Duration::from_millis(200)).await;
    }
    let asked = bench.asked("one.example");
    for _ in 0..60 {
        draw().await;
        advance(Duration::from_secs(5)).await;
    }
    let probes = bench.asked("one.example") - asked;
    assert!((8..=11).contains(&probes), "one every half minute, not {probes}");

    is_down.store(false, Ordering::Relaxed);
    let began = Instant::now();
    let before = bench.asked("one.example");
    while bench.upstream("one.example").is_down() {
        draw().await;
        advance(Duration::from_secs(1)).await;
    }
    assert!(began.elapsed() <= Duration::from_secs(32), "found after {:?}", began.elapsed());
    assert_eq!(bench.asked("one.example") - before, 1, "by one request");
    // Both weigh the same: it would have half of them at once.
    let mut shares = Vec::new();
    for _ in 1..12 {
        let before = bench.asked("one.example");
        for _ in 0..10 {
            draw().await;
            advance(Duration::from_millis(100)).await;
        }
        shares.push(bench.asked("one.example") - before);
    }
    println!("of 10 requests in each second after it was found it drew {shares:?}");
    // A plan in ten at first, one more every second; half of those go to the other one.
    assert!(shares.iter().enumerate().all(|(second, share)| *share <= second + 2), "{shares:?}");
    assert!(shares[7..].iter().sum::<usize>() >= 7, "it has its share again: {shares:?}");
    assert!(!bench.upstream("one.example").is_down());
}

/// Every platform is down, for as long as `IR_OUTAGE_SECONDS` says, at twenty requests a second: who
/// asks is told at once, and platforms see hardly more requests than callers make.
///
/// Proves F-45, P-4, R-RTY-2.
#[tokio::test(start_paused = true)]
async fn an_outage_of_all_platforms_does_not_multiply_the_load() {
    #[expect(clippy::disallowed_methods, reason = "whoever runs the test says how long")]
    let seconds: usize = std::env::var("IR_OUTAGE_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(12);
    let bench = bench(PLAIN, &KEYS, |_| json(503, &[], r#"{"error":{"message":"busy"}}"#)).await;
    let _still = Still::begin();
    let requests = seconds * 20;
    for _ in 0..requests {
        let began = Instant::now();
        let failure = bench.draw(ask(1)).await.1.expect_err("down");
        assert_eq!((failure.fault.class, failure.fault.charge), (Class::Overloaded, Charge::No));
        assert_eq!(began.elapsed(), Duration::ZERO, "nobody waits");
        advance(Duration::from_millis(50)).await;
    }
    let asked = bench.wire.recorded().len();
    println!("{asked} attempts for {requests} requests");
    // The reserve of ten is spent once.
    assert!(asked <= requests + requests / 10 + 10, "{asked} attempts for {requests} requests");
    assert!(bench.upstream("one.example").is_down() && bench.upstream("two.example").is_down());
    assert_eq!(bench.upstream("one.example").keys[0].health.in_flight(), 0);
}

/// A platform that becomes slower and slower still answers: its breaker does not flap.
///
/// Proves F-16.
#[tokio::test(start_paused = true)]
async fn a_platform_that_becomes_slow_is_not_thrown_out() {
    let millis = Arc::new(AtomicU64::new(100));
    let slow = Arc::clone(&millis);
    let bench = bench_on(
        PLAIN,
        &KEYS[..1],
        |_| picture(1),
        |inner| Arc::new(Slow { inner, pause: Arc::new(move || Duration::from_millis(slow.load(Ordering::Relaxed))) }),
    )
    .await;
    while millis.load(Ordering::Relaxed) < 50_000 {
        for _ in 0..5 {
            assert!(bench.draw(ask(1)).await.1.is_ok());
            assert!(!bench.upstream("one.example").is_down());
        }
        let _ = millis.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |ms| Some(ms * 2));
    }
    assert!(bench.upstream("one.example").last_failure().is_none());
}

/// What may have been charged stays so, whatever else the request failed of: its key is not given back.
///
/// Proves P-5, F-10.
#[tokio::test(start_paused = true)]
async fn one_attempt_that_may_have_been_charged_makes_the_request_one() {
    let first = Arc::new(AtomicBool::new(true));
    let bench = bench(PLAIN, &KEYS, move |_| {
        if first.swap(false, Ordering::Relaxed) { json(500, &[], "{}") } else { json(429, &[("retry-after", "600")], "{}") }
    })
    .await;
    let failure = bench.draw(ask(1)).await.1.expect_err("nobody draws");
    assert_eq!((failure.fault.class, failure.fault.charge, failure.attempts.len()), (Class::RateLimited, Charge::Maybe, 2));
    assert_eq!(bench.engine.counters().possibly_billed(), 1);
}
