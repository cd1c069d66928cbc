//! A job that panics ends like any other: nobody waits for it, and its idempotency key stands as what
//! was sent says.

use crate::support::{Bench, PLAIN, ask, bench_rolling, client, picture};
use ir_engine::{DrawEvent, Failure, Summary, Terms};
use ir_model::{Charge, Class, Dice, Gate, RequestId, SeededDice};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Dice that break when a plan is made, while they are armed.
struct Loaded {
    inner: SeededDice,
    armed: Arc<AtomicBool>,
}

impl Dice for Loaded {
    fn fill(&self, out: &mut [u8]) {
        self.inner.fill(out);
    }

    fn below(&self, bound: u64) -> u64 {
        assert!(!self.armed.load(Ordering::Relaxed), "armed dice");
        self.inner.below(bound)
    }
}

/// A bench whose dice, and whose wire, panic while the flags are set.
async fn fragile() -> (Bench, Arc<AtomicBool>, Arc<AtomicBool>) {
    let (planning, sending) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let dice = Arc::new(Loaded { inner: SeededDice::new(7), armed: Arc::clone(&planning) });
    let broken = Arc::clone(&sending);
    let answer = move |_: &_| {
        assert!(!broken.load(Ordering::Relaxed), "a broken wire");
        picture(1)
    };
    let bench = bench_rolling(PLAIN, &[("https://one.example", "sk-one")], answer, dice).await;
    (bench, planning, sending)
}

async fn draw(bench: &Bench) -> Result<Summary, Failure> {
    let terms = Terms { what: "what".to_owned(), key: Some("k".to_owned()), ..Terms::default() };
    let id = RequestId::parse("mine").expect("id");
    let mut drawing = bench.engine.request(ask(1), client(), id, terms).await.expect("taken");
    loop {
        if let DrawEvent::Done(result) = drawing.next().await {
            return result;
        }
    }
}

/// Proves F-70, P-5.
#[tokio::test]
async fn a_panic_before_anything_was_sent_gives_the_key_back() {
    let (bench, planning, _) = fragile().await;
    planning.store(true, Ordering::Relaxed);
    let failure = draw(&bench).await.expect_err("it panicked");
    assert_eq!((failure.fault.class, failure.fault.charge), (Class::Gate(Gate::Internal), Charge::No));
    assert!(bench.store.open_claims().await.expect("store").is_empty(), "nothing is left open");
    planning.store(false, Ordering::Relaxed);
    assert_eq!(draw(&bench).await.expect("drawn").pictures, 1);
    assert_eq!(bench.wire.recorded().len(), 1);
    assert_eq!(bench.engine.drain(Duration::from_secs(5)).await, 0);
}

#[tokio::test]
async fn a_panic_after_it_was_sent_is_a_failure_that_may_have_been_charged() {
    let (bench, _, sending) = fragile().await;
    sending.store(true, Ordering::Relaxed);
    let failure = draw(&bench).await.expect_err("it panicked");
    assert_eq!((failure.fault.class, failure.fault.charge), (Class::Gate(Gate::Internal), Charge::Maybe));
    assert!(bench.store.open_claims().await.expect("store").is_empty(), "nothing is left open");
    sending.store(false, Ordering::Relaxed);
    // Its key keeps what came of it: a repetition draws nothing.
    let again = draw(&bench).await.expect_err("the same");
    assert_eq!((again.fault.class, again.fault.charge), (failure.fault.class, failure.fault.charge));
    assert_eq!(bench.wire.recorded().len(), 0);
    bench.engine.flush().await;
    assert_eq!(bench.upstream("one.example").keys[0].health.in_flight(), 0);
    assert_eq!(bench.engine.drain(Duration::from_secs(5)).await, 0);
    let claim = bench.engine.pick_up(&client(), &RequestId::parse("mine").expect("id")).await.expect("store").expect("kept");
    assert!(claim.drawing.has_failed());
}
