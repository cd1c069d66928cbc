//! Going down: nothing new is sent, what was sent is finished, and whoever waits is told.

use crate::support::{Bench, Held, PLAIN, ask, bench_on, client, json, picture};
use ir_egress::Recorded;
use ir_engine::{DrawEvent, Drawing};
use ir_model::{Class, Gate, RequestId};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

const KEYS: [(&str, &str); 2] = [("https://one.example", "sk-one"), ("https://two.example", "sk-two")];
const ONE_AT_A_TIME: &str = r#"{"system":{"modes":{"relay":false,"backend":true}},"limits":{"concurrentDraws":1},
  "providers":{"NewApi":{"enabled":true,"text":{"model":"m"}}}}"#;

async fn held(config: &str, keys: &[(&str, &str)], fails: &Arc<AtomicBool>) -> (Bench, Arc<Semaphore>, Arc<Semaphore>) {
    let (arrived, let_go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (rings, waits, fails) = (Arc::clone(&arrived), Arc::clone(&let_go), Arc::clone(fails));
    let answer = move |_: &Recorded| if fails.load(Ordering::Relaxed) { json(503, &[], "{}") } else { picture(1) };
    let bench = bench_on(config, keys, answer, |inner| Arc::new(Held { inner, arrived: rings, let_go: waits })).await;
    (bench, arrived, let_go)
}

fn begin(bench: &Bench) -> Drawing {
    bench.engine.draw(ask(1), client(), RequestId::random(&**bench.engine.dice()))
}

async fn end(mut drawing: Drawing) -> Result<u32, Class> {
    loop {
        if let DrawEvent::Done(result) = drawing.next().await {
            return result.map(|summary| summary.pictures).map_err(|failure| failure.fault.class);
        }
    }
}

/// Proves P-13, R-LIFE-1, F-66.
#[tokio::test]
async fn who_waits_for_a_place_is_told_at_once_and_what_was_sent_is_finished() {
    let (bench, arrived, let_go) = held(ONE_AT_A_TIME, &KEYS[..1], &Arc::default()).await;
    let first = begin(&bench);
    arrived.acquire().await.expect("open").forget();
    let others: Vec<Drawing> = (0..20).map(|_| begin(&bench)).collect();
    while bench.engine.jobs() < 21 {
        tokio::task::yield_now().await;
    }
    let engine = Arc::clone(&bench.engine);
    let drain = tokio::spawn(async move { engine.drain(Duration::from_secs(30)).await });
    for other in others {
        assert_eq!(end(other).await, Err(Class::Gate(Gate::ShuttingDown)));
    }
    assert!(bench.engine.ready().await.is_err_and(|why| why.iter().any(|why| why.contains("shutting down"))));
    assert!(!drain.is_finished(), "it waits for the one that was sent");
    let_go.add_permits(1);
    assert_eq!(end(first).await, Ok(1));
    assert_eq!((drain.await.expect("drained"), bench.wire.recorded().len()), (0, 1));
    assert!(bench.store.unfinished().await.expect("store").is_empty());
}

/// Proves P-13.
#[tokio::test]
async fn nothing_is_tried_again_once_the_gateway_goes_down() {
    let fails = Arc::new(AtomicBool::new(true));
    let (bench, arrived, let_go) = held(PLAIN, &KEYS, &fails).await;
    let drawing = begin(&bench);
    arrived.acquire().await.expect("open").forget();
    let engine = Arc::clone(&bench.engine);
    let drain = tokio::spawn(async move { engine.drain(Duration::from_secs(30)).await });
    while bench.engine.ready().await.is_ok() {
        tokio::task::yield_now().await;
    }
    let_go.add_permits(10);
    assert_eq!(end(drawing).await, Err(Class::Gate(Gate::ShuttingDown)));
    assert_eq!((drain.await.expect("drained"), bench.wire.recorded().len()), (0, 1));
}
