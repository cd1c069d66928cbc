//! A task that a platform has taken is paid for: whatever becomes of asking for it, it is not
//! submitted again at the same platform.

use crate::support::{Answered, Bench, Still, ask, bench, bench_with, client, end, json, png};
use crate::watched::{Listener, Watched};
use async_trait::async_trait;
use ir_egress::{Recorded, WireFault, WireFaultKind, WireReply};
use ir_engine::{Failure, NewKey, Summary, Terms};
use ir_model::{Charge, Class, Gate, RequestId, Secret};
use ir_store::Store;
use std::any::Any;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
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
        add_key(&bench, key).await;
    }
    (bench, times)
}

async fn add_key(bench: &Bench, key: &str) {
    let new = NewKey { secret: Secret::new(key), name: String::new(), base_url: None, models: vec![], enabled: true };
    bench.engine.add_keys("ModelScope", vec![new]).await.expect("key");
}

/// The same request under the same idempotency key, each time.
async fn keyed(bench: &Bench, n: u32) -> (Vec<String>, Result<Summary, Failure>) {
    let terms = Terms { what: "what".to_owned(), key: Some("k".to_owned()), ..Terms::default() };
    end(bench.engine.request(ask(n), client(), RequestId::random(&**bench.engine.dice()), terms).await.expect("taken")).await
}

fn asked_for(bench: &Bench, path: &str) -> usize {
    bench.wire.recorded().iter().filter(|request| request.url.path() == path).count()
}

fn submitted(bench: &Bench) -> usize {
    bench.wire.recorded().iter().filter(|request| request.method == "POST").count()
}

/// The answers to all questions after a task have this status.
async fn is_not_drawn_again_with_another_key(status: u16) {
    let spent = [("modelscope-ratelimit-requests-remaining", "0")];
    let (bench, times) = asking(move |_| json(status, &spent, r#"{"errors":{"message":"no"}}"#)).await;
    let failure = bench.draw(ask(1)).await.1.expect_err("never told");
    let asked = times.lock().expect("lock").len();
    // Somebody may be asking on behind it by now.
    assert_eq!((submitted(&bench), asked >= 6, failure.fault.class), (1, true, Class::UpstreamFault));
    for key in &bench.engine.snapshot().upstreams.iter().find(|u| u.name() == "ModelScope").expect("upstream").keys {
        assert!(!key.health.is_disabled() && key.health.cooling_until(crate::support::NOW).is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_may_not_be_asked_for_is_not_drawn_again_with_another_key() {
    is_not_drawn_again_with_another_key(401).await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_must_not_be_asked_for_is_not_drawn_again_with_another_key() {
    is_not_drawn_again_with_another_key(403).await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_asked_for_too_often_is_not_drawn_again_with_another_key() {
    is_not_drawn_again_with_another_key(429).await;
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
    add_key(&bench, "ms-0123456789").await;
    let began = Instant::now();
    let failure = bench.draw(ask(1)).await.1.expect_err("it had not ended");
    assert_eq!((failure.fault.class, failure.fault.charge), (Class::Timeout, Charge::Maybe));
    let took = began.elapsed();
    assert!((Duration::from_secs(299)..=Duration::from_secs(301)).contains(&took), "{took:?}");
    assert_eq!(bench.store.count().await.expect("store"), 0);
    done.store(true, Ordering::Relaxed);
    let still = Still::begin();
    for _ in 0..6000 {
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

/// A platform that is away for longer than a request waits is asked again and again, and so is the server that its
/// picture lies at. The picture is what the request's repetition gets, which was told of a failure before.
///
/// Proves F-46.
#[tokio::test(start_paused = true)]
async fn a_task_whose_platform_is_away_is_not_lost() {
    let phase = Arc::new(AtomicU8::new(0));
    let seen = Arc::clone(&phase);
    let bench = bench(ALONE, &[], move |request: &Recorded| match (request.url.path(), seen.load(Ordering::Relaxed)) {
        ("/v1/images/generations", _) => json(200, &[], r#"{"task_status":"SUCCEED","task_id":"T1"}"#),
        ("/boat.png", 2) => Ok(WireReply::scripted(200, &[("content-type", "image/png")], png(7))),
        ("/boat.png", _) | (_, 0) => json(503, &[], "{}"),
        _ => json(200, &[], r#"{"task_status":"SUCCEED","output_images":["https://pictures.example/boat.png"]}"#),
    })
    .await;
    add_key(&bench, "ms-0123456789").await;
    let request = async || keyed(&bench, 1).await;
    let failure = request().await.1.expect_err("it could not be asked for");
    assert_eq!((failure.fault.class, failure.fault.charge), (Class::Overloaded, Charge::Maybe));
    let asked = |path: &str| asked_for(&bench, path);
    let still = Still::begin();
    let (mut turns, before) = (0, asked("/v1/tasks/T1"));
    while asked("/v1/tasks/T1") < before + 7 {
        still.pass(10).await;
        turns += 1;
        assert!(turns < 600, "a second turn does not come");
    }
    phase.store(1, Ordering::Relaxed);
    while asked("/boat.png") < 4 {
        still.pass(10).await;
        turns += 1;
        assert!(turns < 2000, "its picture is not asked for again");
    }
    assert_eq!((bench.store.count().await.expect("store"), request().await.1.is_err()), (0, true));
    phase.store(2, Ordering::Relaxed);
    let names = loop {
        still.pass(10).await;
        turns += 1;
        assert!(turns < 4000, "its picture does not come");
        if let (names, Ok(_)) = request().await {
            break names;
        }
    };
    assert_eq!((names.len(), bench.store.count().await.expect("store"), submitted(&bench)), (1, 1, 1));
}

/// A gallery that cannot be read while this is set.
struct Unread(Arc<AtomicBool>);

#[async_trait]
impl Listener for Unread {
    async fn before(&self, _: &'static str) -> Box<dyn Any + Send> {
        Box::new(())
    }

    fn is_unread(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A picture that an earlier turn may have stored is not stored while nobody can tell, as when the process ends: it is
/// asked for again.
///
/// Proves C-6.
#[tokio::test(start_paused = true)]
async fn a_picture_that_may_be_stored_already_is_not_stored_blindly() {
    let (unread, is_back) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(false)));
    let seen = Arc::clone(&is_back);
    let answer = move |request: &Recorded| match (request.url.path(), seen.load(Ordering::Relaxed)) {
        ("/v1/images/generations", _) => json(200, &[], r#"{"task_status":"SUCCEED","task_id":"T1"}"#),
        (_, false) => json(503, &[], "{}"),
        ("/boat.png", _) => Ok(WireReply::scripted(200, &[("content-type", "image/png")], png(7))),
        _ => json(200, &[], r#"{"task_status":"SUCCEED","output_images":["https://pictures.example/boat.png"]}"#),
    };
    let listener = Arc::new(Unread(Arc::clone(&unread)));
    let around = move |store: Arc<dyn Store>| Arc::new(Watched::new(store, listener)) as Arc<dyn Store>;
    let bench = bench_with(ALONE, &[], answer, |wire| wire, around).await;
    add_key(&bench, "ms-0123456789").await;
    assert!(keyed(&bench, 1).await.1.is_err());
    // The turn of the request itself is over by then.
    let still = Still::begin();
    let (mut turns, before) = (0, asked_for(&bench, "/v1/tasks/T1"));
    while asked_for(&bench, "/v1/tasks/T1") < before + 7 {
        still.pass(10).await;
        turns += 1;
        assert!(turns < 600, "a second turn does not come");
    }
    is_back.store(true, Ordering::Relaxed);
    while asked_for(&bench, "/boat.png") < 2 {
        still.pass(10).await;
        turns += 1;
        assert!(turns < 1200, "its picture is not asked for again");
    }
    assert_eq!(bench.store.count().await.expect("store"), 0);
    unread.store(false, Ordering::Relaxed);
    while bench.store.count().await.expect("store") == 0 {
        still.pass(10).await;
        turns += 1;
        assert!(turns < 4000, "its picture does not come");
    }
    assert_eq!((bench.store.count().await.expect("store"), submitted(&bench)), (1, 1));
}

/// Of two tasks of a request that are left, each is taken once: the first one's picture is there while the other is still asked for,
/// and it is not asked for again.
#[tokio::test(start_paused = true)]
async fn each_task_that_is_left_is_taken_once() {
    let phase = Arc::new(AtomicU8::new(0));
    let seen = Arc::clone(&phase);
    let orders = AtomicU8::new(0);
    let bench = bench(ALONE, &[], move |request: &Recorded| match (request.url.path(), seen.load(Ordering::Relaxed)) {
        ("/v1/images/generations", _) => {
            let order = orders.fetch_add(1, Ordering::Relaxed) + 1;
            json(200, &[], &format!(r#"{{"task_status":"SUCCEED","task_id":"T{order}"}}"#))
        }
        ("/1.png", _) => Ok(WireReply::scripted(200, &[("content-type", "image/png")], png(1))),
        ("/2.png", _) => Ok(WireReply::scripted(200, &[("content-type", "image/png")], png(2))),
        (_, 0) | ("/v1/tasks/T2", 1) => json(503, &[], "{}"),
        (path, _) => {
            let body =
                format!(r#"{{"task_status":"SUCCEED","output_images":["https://pictures.example/{}.png"]}}"#, &path[path.len() - 1..]);
            json(200, &[], &body)
        }
    })
    .await;
    add_key(&bench, "ms-0123456789").await;
    let request = async || keyed(&bench, 2).await;
    assert!(request().await.1.is_err());
    let asked = |path: &str| asked_for(&bench, path);
    let still = Still::begin();
    let mut turns = 0;
    phase.store(1, Ordering::Relaxed);
    while request().await.1.is_err() {
        still.pass(10).await;
        turns += 1;
        assert!(turns < 1000, "the first picture does not come");
    }
    let (first, second) = (asked("/v1/tasks/T1"), asked("/v1/tasks/T2"));
    while asked("/v1/tasks/T2") < second + 7 {
        still.pass(10).await;
        turns += 1;
        assert!(turns < 2000, "the second one is not asked for");
    }
    assert_eq!((asked("/v1/tasks/T1"), asked("/1.png")), (first, 1));
    phase.store(2, Ordering::Relaxed);
    while bench.store.count().await.expect("store") < 2 {
        still.pass(10).await;
        turns += 1;
        assert!(turns < 4000, "the second picture does not come");
    }
    assert_eq!((request().await.0.len(), submitted(&bench)), (1, 2));
}

/// What this machine lacks while it asks for a task says nothing of the task, and does not make it free.
///
/// Proves F-60.
#[tokio::test(start_paused = true)]
async fn a_task_outlasts_a_want_of_descriptors() {
    let none = || Err(WireFault { kind: WireFaultKind::Exhausted, sent: false, detail: "too many open files".to_owned() });
    let (bench, times) = asking(move |before| match before {
        0..3 => none(),
        _ => json(200, &[], r#"{"task_status":"FAILED","errors":{"message":"boom"}}"#),
    })
    .await;
    assert_eq!(bench.draw(ask(1)).await.1.expect_err("it failed").fault.class, Class::TaskFailed);
    assert_eq!(times.lock().expect("lock").len(), 4);
    let (bench, _) = asking(move |_| none()).await;
    let failure = bench.draw(ask(1)).await.1.expect_err("never asked");
    assert_eq!((failure.fault.class, failure.fault.charge), (Class::Gate(Gate::Overloaded), Charge::Maybe));
    assert_eq!(submitted(&bench), 1);
}

/// A Space that took the call and cannot be reached afterwards may have drawn: what it draws is fetched a few times, and
/// it is not asked to draw again.
#[tokio::test(start_paused = true)]
async fn a_call_that_was_taken_may_have_been_charged() {
    const SPACE: &str = r#"{"system":{"modes":{"relay":false,"backend":true}},"providers":{"HuggingFace":{"enabled":true}},
      "hfModelMap":{"z-image-turbo":{"main":"https://own.example"}}}"#;
    let config = r#"{"version":"6.31.0","api_prefix":"/g","protocol":"sse_v3","dependencies":[{"id":7,"api_name":"draw"}]}"#;
    let info = r#"{"named_endpoints":{"/draw":{"returns":[{"component":"Image"}],"parameters":[{"label":"prompt","parameter_name":"prompt",
      "parameter_has_default":false,"type":{"type":"x","description":""},"component":"Textbox"}]}}}"#;
    let bench = bench(SPACE, &[], move |request: &Recorded| match request.url.path() {
        "/config" => json(200, &[], config),
        "/g/info" => json(200, &[], info),
        "/g/queue/join" => json(200, &[], r#"{"event_id":"e1"}"#),
        _ => Err(WireFault { kind: WireFaultKind::Connect, sent: false, detail: "connection refused".to_owned() }),
    })
    .await;
    let asked = ir_model::Ask { model: "z-image-turbo".to_owned(), ..ask(1) };
    let failure = bench.draw(asked).await.1.expect_err("out of reach");
    let asked = |path: &str| asked_for(&bench, path);
    assert_eq!((failure.fault.charge, asked("/g/queue/join"), asked("/g/queue/data")), (Charge::Maybe, 1, 3), "{failure:?}");
}
