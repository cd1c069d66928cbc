//! Whose claims are whose, how long they last, and what becomes of them when pictures go.

use crate::support::{Bench, PLAIN, ask, bench, client, end, json, picture};
use ir_engine::{Failure, Summary, Terms};
use ir_model::{Ask, Caller, Class, Gate, RequestId, Timestamp};
use std::sync::atomic::{AtomicU8, Ordering};

const KEY: [(&str, &str); 1] = [("https://one.example", "sk-one")];
const DAY_MS: i64 = 86_400_000;

fn keyed(key: &str) -> Terms {
    Terms { memo: "memo".to_owned(), what: "what".to_owned(), key: Some(key.to_owned()), ..Terms::default() }
}

async fn draw(bench: &Bench, caller: Caller, ask: Ask, terms: Terms) -> (Vec<String>, Result<Summary, Failure>) {
    end(bench.engine.request(ask, caller, RequestId::random(&**bench.engine.dice()), terms).await.expect("taken")).await
}

/// A bench on which every picture is another.
async fn shades() -> Bench {
    let shade = AtomicU8::new(0);
    bench(PLAIN, &KEY, move |_| picture(shade.fetch_add(1, Ordering::Relaxed))).await
}

#[tokio::test]
async fn a_key_is_its_callers_own() {
    let bench = shades().await;
    let mut seen = Vec::new();
    for caller in [client(), Caller::Client("other".to_owned())] {
        let (names, _) = draw(&bench, caller.clone(), ask(1), keyed("k")).await;
        assert_eq!(draw(&bench, caller, ask(1), keyed("k")).await.0, names);
        assert!(!seen.contains(&names), "another's picture");
        seen.push(names);
    }
}

#[tokio::test]
async fn a_request_is_found_by_its_caller_for_a_day() {
    let bench = shades().await;
    let id = RequestId::parse("mine").expect("id");
    let drawn = end(bench.engine.request(ask(1), client(), id.clone(), keyed("k")).await.expect("taken")).await;
    let found = bench.engine.pick_up(&client(), &id).await.expect("store").expect("found");
    assert_eq!((found.memo.as_str(), found.asked), ("memo", 1));
    assert_eq!(end(found.drawing).await.0, drawn.0);
    let stranger = Caller::Client("other".to_owned());
    assert!(bench.engine.pick_up(&stranger, &id).await.expect("store").is_none());

    bench.clock.advance_ms(DAY_MS + 1);
    assert!(bench.engine.pick_up(&client(), &id).await.expect("store").is_none());
    let (names, _) = draw(&bench, client(), ask(1), keyed("k")).await;
    assert_ne!(names, drawn.0, "the key is free again");
    bench.engine.sweep().await.expect("sweep");
    assert_eq!(bench.store.prune_claims(Timestamp(i64::MAX)).await.expect("store"), 1, "the old one is swept");
}

#[tokio::test]
async fn pictures_that_were_deleted_are_missed() {
    let bench = shades().await;
    let (names, _) = draw(&bench, client(), ask(1), keyed("k")).await;
    bench.store.remove(&names, Timestamp(i64::MAX)).await.expect("store");
    let (again, result) = draw(&bench, client(), ask(1), keyed("k")).await;
    assert_eq!(again, Vec::<String>::new());
    assert_eq!(result.expect_err("deleted").fault.class, Class::Gate(Gate::NotFound));
    assert_eq!(bench.wire.recorded().len(), 1, "it is not drawn again");
}

#[tokio::test]
async fn what_may_have_been_charged_keeps_its_key() {
    // Broken after it was sent: nobody knows.
    let bench = bench(PLAIN, &KEY, |_| json(200, &[], "{\"data\":\"nonsense\"}")).await;
    let first = draw(&bench, client(), ask(1), keyed("k")).await.1.expect_err("nonsense");
    let asked = bench.wire.recorded().len();
    let again = draw(&bench, client(), ask(1), keyed("k")).await.1.expect_err("the same");
    assert_eq!((again.fault.class, again.fault.charge), (first.fault.class, first.fault.charge));
    assert_eq!(bench.wire.recorded().len(), asked);
}

#[tokio::test]
async fn a_caller_who_wants_to_come_back_may_leave_at_once() {
    let bench = shades().await;
    for (key, kept) in [(Some("k"), false), (None, true)] {
        let terms = Terms { key: key.map(str::to_owned), kept, ..Terms::default() };
        let id = RequestId::random(&**bench.engine.dice());
        drop(bench.engine.request(ask(1), client(), id.clone(), terms).await.expect("taken"));
        let found = bench.engine.pick_up(&client(), &id).await.expect("store").expect("found");
        assert_eq!(end(found.drawing).await.0.len(), 1);
    }
}
