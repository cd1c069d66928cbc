//! A task that a platform has taken is paid for: whatever becomes of asking for it, it is not
//! submitted again at the same platform.

use crate::support::{Answered, Bench, ask, bench, json};
use ir_egress::Recorded;
use ir_engine::NewKey;
use ir_model::{Class, Secret};
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
