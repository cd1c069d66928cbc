//! A task that a platform has taken is paid for: whatever becomes of asking for it, it is not
//! submitted again at the same platform.

use crate::support::{Answered, Bench, Still, ask, bench, json, png};
use ir_egress::{Recorded, WireReply};
use ir_engine::NewKey;
use ir_model::{Charge, Class, Secret};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::time::{Duration, Instant};

const ALONE: &str = r#"{"system":{"modes":{"relay":false,"backend":true}},
  "providers":{"ModelScope":{"enabled":true,"baseUrl":"https://scope.example"}}}"#;

/// ModelScope with two keys: it takes every task, and answers each question after one with `asked`,
/// which is told how many there were before. When each question came is returned.
async fn asking(asked: impl Fn(usize) -> Answered + Send + Sync + 'static) -> (Bench, Arc<Mutex<Vec<Instant>>>) {
    let times: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let noted = Arc::clone(&times);
    let bench = bench(ALONE, &[], move |request: &Recorded| match request.url.path() {
        "/v1/images/generations" => json(200, &[], r#"{"task_status":"SUCCEED","task_id":"T1"}"#),
        _ => {
            let mut noted = noted.lock().expect("lock");
            noted.push(Instant::now());
            asked(noted.len() - 1)
        }
    })
    .await;
    for key in ["ms-0123456789", "ms-9876543210"] {
        let new = NewKey { secret: Secret::new(key), name: String::new(), base_url: None, models: vec![], enabled: true };
        bench.engine.add_keys("ModelScope", vec![new]).await.expect("key");
    }
    (bench, times)
}

fn submitted(bench: &Bench) -> usize {
    bench.wire.recorded().iter().filter(|request| request.method == "POST").count()
}

#[tokio::test(start_paused = true)]
async fn a_task_that_cannot_be_asked_for_is_not_drawn_again_with_another_key() {
    for status in [401, 403, 429] {
        let spent = [("modelscope-ratelimit-requests-remaining", "0")];
        let (bench, times) = asking(move |_| json(status, &spent, r#"{"errors":{"message":"no"}}"#)).await;
        let failure = bench.draw(ask(1)).await.1.expect_err("never told");
        let asked = times.lock().expect("lock").len();
        assert_eq!((submitted(&bench), asked, failure.fault.class), (1, 6, Class::UpstreamFault), "{status}");
        for key in &bench.engine.snapshot().upstreams.iter().find(|u| u.name() == "ModelScope").expect("upstream").keys {
            assert!(!key.health.is_disabled() && key.health.cooling_until(crate::support::NOW).is_none(), "{status}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_pause_that_a_platform_asks_for_is_kept_between_questions() {
    let (bench, times) = asking(|before| match before {
        0 => json(429, &[("retry-after", "40")], r#"{"errors":{"message":"slow down"}}"#),
        _ => json(200, &[], r#"{"task_status":"FAILED","errors":{"message":"boom"}}"#),
    })
    .await;
    assert_eq!(bench.draw(ask(1)).await.1.expect_err("it failed").fault.class, Class::TaskFailed);
    let times = times.lock().expect("lock").clone();
    assert!(times[1] - times[0] >= Duration::from_secs(40), "{times:?}");
}

/// A task that does not end keeps its ticket: it is asked for once more for as long as a request may
/// take, and its picture is in the gallery then.
///
/// Proves F-46.
#[tokio::test(start_paused = true)]
async fn a_task_that_ends_after_the_deadline_is_not_lost() {
    let done = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&done);
    let bench = bench(ALONE, &[], move |request: &Recorded| match (request.url.path(), seen.load(Ordering::Relaxed)) {
        ("/v1/images/generations", _) => json(200, &[], r#"{"task_status":"SUCCEED","task_id":"T1"}"#),
        ("/boat.png", _) => Ok(WireReply::scripted(200, &[("content-type", "image/png")], png(7))),
        (_, false) => json(200, &[], r#"{"task_status":"RUNNING"}"#),
        (_, true) => json(200, &[], r#"{"task_status":"SUCCEED","output_images":["https://pictures.example/boat.png"]}"#),
    })
    .await;
    let new = NewKey { secret: Secret::new("ms-0123456789"), name: String::new(), base_url: None, models: vec![], enabled: true };
    bench.engine.add_keys("ModelScope", vec![new]).await.expect("key");
    let began = Instant::now();
    let failure = bench.draw(ask(1)).await.1.expect_err("it had not ended");
    assert_eq!((failure.fault.class, failure.fault.charge), (Class::Timeout, Charge::Maybe));
    let took = began.elapsed();
    assert!((Duration::from_secs(299)..=Duration::from_secs(301)).contains(&took), "{took:?}");
    assert_eq!(bench.store.count().await.expect("store"), 0);
    done.store(true, Ordering::Relaxed);
    let still = Still::begin();
    for _ in 0..250 {
        if bench.store.count().await.expect("store") == 1 {
            break;
        }
        still.pass(1).await;
    }
    assert_eq!((bench.store.count().await.expect("store"), submitted(&bench)), (1, 1));
}

/// A task that its platform does not know any more is told as lost, and not as a model that is not there.
///
/// Proves F-48.
#[tokio::test(start_paused = true)]
async fn a_task_that_vanishes_may_have_been_charged() {
    let (bench, times) = asking(|_| json(404, &[], r#"{"errors":{"message":"task not found"}}"#)).await;
    let failure = bench.draw(ask(1)).await.1.expect_err("lost");
    assert_eq!((failure.fault.class, failure.fault.charge), (Class::TaskFailed, Charge::Maybe));
    assert!(failure.fault.message.is_some_and(|message| message.en.contains("lost the task")));
    assert_eq!((submitted(&bench), times.lock().expect("lock").len()), (1, 6), "it may only not be known everywhere yet");
    assert_eq!(bench.engine.counters().possibly_billed(), 1);
}

/// Proves F-49, R-API-5.
#[tokio::test(start_paused = true)]
async fn a_task_that_succeeds_without_a_picture_is_a_failure() {
    let (bench, _) = asking(|_| json(200, &[], r#"{"task_status":"SUCCEED","output_images":[]}"#)).await;
    let failure = bench.draw(ask(1)).await.1.expect_err("no picture");
    assert_eq!((failure.fault.class, failure.fault.charge, submitted(&bench)), (Class::TaskFailed, Charge::Maybe, 1));
}
