//! Copies in the operator's bucket: what is sent, repeated and linked, on a scripted S3 service.

use crate::support::{Answered, Bench, ask, bench, bench_on, picture};
use async_trait::async_trait;
use ir_egress::{Phase, Recorded, Wire, WireFault, WireFaultKind, WireReply, WireRequest};
use ir_model::{Ask, Clock, ResponseForm};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

const CONFIG: &str = r#"{"system":{"modes":{"relay":false,"backend":true}},
  "providers":{"NewApi":{"enabled":true,"text":{"model":"m"}}},"retention":{"pictureDays":1},
  "storage":{"s3":{"endpoint":"https://s3.example","bucket":"pictures","accessKey":"id","secretKey":"secret-of-the-bucket",
                   "prefix":"img","publicUrl":"https://cdn.example"}}}"#;
const KEY: [(&str, &str); 1] = [("https://one.example", "sk-one")];
const PROBE: &str = "/img/.img-router-probe";
/// Long enough for anything; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(30);

/// What an S3 service holds: bytes by path.
#[derive(Clone, Default)]
struct Service(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

impl Service {
    fn answer(&self, request: &Recorded) -> Answered {
        let path = request.url.path().to_owned();
        let mut objects = self.0.lock().expect("objects");
        match request.method.as_str() {
            "PUT" => drop(objects.insert(path, request.body.clone())),
            "DELETE" => drop(objects.remove(&path)),
            method => panic!("{method}"),
        }
        Ok(WireReply::scripted(200, &[], ""))
    }

    fn keys(&self) -> Vec<String> {
        self.0.lock().expect("objects").keys().cloned().collect()
    }
}

fn fault(kind: WireFaultKind) -> Answered {
    Err(WireFault { kind, sent: !matches!(kind, WireFaultKind::Connect), detail: "scripted".to_owned() })
}

/// A gateway that copies. `bucket` answers what is asked of the bucket.
async fn copying(bucket: impl Fn(&Recorded) -> Answered + Send + Sync + 'static) -> Bench {
    let bench = bench(CONFIG, &KEY, move |request| if is_bucket(request) { bucket(request) } else { picture(3) }).await;
    bench.engine.spawn_upkeep();
    bench
}

fn is_bucket(request: &Recorded) -> bool {
    request.url.host_str().is_some_and(|host| host.ends_with("s3.example"))
}

/// What was asked of the bucket, but for the probes.
fn asked(bench: &Bench) -> Vec<String> {
    let line = |request: &Recorded| format!("{} {}", request.method, request.url.path());
    let recorded = bench.wire.recorded();
    recorded.iter().filter(|request| is_bucket(request) && request.url.path() != PROBE).map(line).collect()
}

/// A bucket that takes metadata, and no picture to its end.
struct Stalling {
    inner: Arc<dyn Wire>,
    host: &'static str,
}

#[async_trait]
impl Wire for Stalling {
    async fn send(&self, request: WireRequest) -> Result<WireReply, WireFault> {
        if request.url.host_str() == Some(self.host) && request.url.path().ends_with(".png") {
            return std::future::pending().await;
        }
        self.inner.send(request).await
    }
}

/// A gateway whose bucket of [`CONFIG`] is stalling.
async fn stalled(service: &Service) -> Bench {
    let held = service.clone();
    let answer = move |request: &Recorded| if is_bucket(request) { held.answer(request) } else { picture(3) };
    let around = |inner| Arc::new(Stalling { inner, host: "pictures.s3.example" }) as Arc<dyn Wire>;
    let bench = bench_on(CONFIG, &KEY, answer, around).await;
    bench.engine.spawn_upkeep();
    until("the bucket is open", async || is_open(&bench).await).await;
    bench
}

async fn is_open(bench: &Bench) -> bool {
    bench.engine.outbox().status().await.expect("status").is_some_and(|status| status.open)
}

async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("waited in vain: {what}"));
}

async fn draw_one(bench: &Bench) -> String {
    let (pictures, _) = bench.draw(ask(1)).await;
    pictures[0].1.name.clone().expect("stored")
}

/// Proves R-DUR-3, F-52.
#[tokio::test]
async fn a_link_is_given_only_after_the_bucket_has_confirmed() {
    let service = Service::default();
    let (away, held) = (Arc::new(AtomicUsize::new(1)), service.clone());
    let gone = Arc::clone(&away);
    let bench =
        copying(move |request| if gone.load(Ordering::Relaxed) == 1 { fault(WireFaultKind::Connect) } else { held.answer(request) }).await;
    let name = draw_one(&bench).await;
    until("the bucket is known to be away", async || {
        bench.engine.outbox().status().await.expect("status").is_some_and(|status| status.trouble.is_some())
    })
    .await;
    assert_eq!(bench.engine.outbox().public_link(&name, PATIENCE).await, None, "nobody waits for a bucket that is away");
    assert_eq!(asked(&bench), Vec::<String>::new(), "only probes are sent to a bucket that is away");
    away.store(0, Ordering::Relaxed);
    until("the bucket is back", async || bench.engine.outbox().status().await.expect("status").is_some_and(|status| status.open)).await;
    let link = bench.engine.outbox().public_link(&name, PATIENCE).await.expect("confirmed");
    assert_eq!(link, format!("https://cdn.example/img/2026-11-22/{name}"));
    let key = format!("/img/2026-11-22/{name}");
    assert_eq!(service.keys(), [key.clone(), format!("{key}.json")]);
    assert_eq!(asked(&bench), [format!("PUT {key}.json"), format!("PUT {key}")], "the metadata comes first");
    assert_eq!(service.0.lock().expect("objects")[&key], crate::support::png(3));
    let status = bench.engine.outbox().status().await.expect("status").expect("configured");
    assert_eq!((status.open, status.backlog.waiting), (true, 0));
    assert_eq!(bench.engine.outbox().public_link("20261122T225358-0.png", PATIENCE).await, None, "there is no such picture");
}

#[tokio::test]
async fn an_answer_names_the_public_address_if_the_bucket_is_quick() {
    let service = Service::default();
    let held = service.clone();
    let bench = copying(move |request| held.answer(request)).await;
    until("the bucket is open", async || bench.engine.outbox().status().await.expect("status").is_some_and(|status| status.open)).await;
    // On a busy machine the bucket is not always quick.
    let began = std::time::Instant::now();
    let pictures = loop {
        let (pictures, _) = bench.draw(Ask { form: ResponseForm::Url, ..ask(2) }).await;
        assert_eq!(pictures.len(), 2);
        if pictures.iter().all(|(_, drawn)| drawn.url.is_some()) {
            break pictures;
        }
        assert!(began.elapsed() < PATIENCE, "it is never quick");
    };
    for (_, drawn) in pictures {
        let name = drawn.name.expect("stored");
        assert_eq!(drawn.url, Some(format!("https://cdn.example/img/2026-11-22/{name}")));
        assert!(service.keys().contains(&format!("/img/2026-11-22/{name}")), "it is there already");
    }
}

/// Proves F-53.
#[tokio::test]
async fn a_put_that_was_stored_and_timed_out_is_the_same_object_again() {
    let service = Service::default();
    let (turns, held) = (AtomicUsize::new(0), service.clone());
    let bench = copying(move |request| {
        let answer = held.answer(request);
        let first = request.url.path().ends_with(".png") && turns.fetch_add(1, Ordering::Relaxed) == 0;
        if first { fault(WireFaultKind::Timeout(Phase::FirstByte)) } else { answer }
    })
    .await;
    let name = draw_one(&bench).await;
    until("the first try failed", async || {
        bench.engine.outbox().status().await.expect("status").is_some_and(|status| status.backlog.last_error.is_some())
    })
    .await;
    assert!(bench.engine.outbox().public_link(&name, Duration::ZERO).await.is_none(), "it is not confirmed");
    bench.clock.advance_ms(1000);
    assert!(bench.engine.outbox().public_link(&name, PATIENCE).await.is_some());
    let key = format!("/img/2026-11-22/{name}");
    assert_eq!(asked(&bench).iter().filter(|line| **line == format!("PUT {key}")).count(), 2);
    assert_eq!(service.keys(), [key.clone(), format!("{key}.json")]);
}

#[tokio::test]
async fn what_is_past_its_retention_leaves_the_bucket_too() {
    let service = Service::default();
    let held = service.clone();
    let bench = copying(move |request| held.answer(request)).await;
    let name = draw_one(&bench).await;
    assert!(bench.engine.outbox().public_link(&name, PATIENCE).await.is_some());
    bench.clock.advance_ms(2 * 86_400_000);
    let newer = draw_one(&bench).await;
    assert!(bench.engine.outbox().public_link(&newer, PATIENCE).await.is_some());
    bench.engine.sweep().await.expect("swept");
    bench.engine.outbox().wake();
    until("it has left the bucket", async || !service.keys().iter().any(|key| key.contains(&name))).await;
    let deletes: Vec<_> = asked(&bench).into_iter().filter(|line| line.starts_with("DELETE")).collect();
    let key = format!("DELETE /img/2026-11-22/{name}");
    assert_eq!(deletes, [key.clone(), format!("{key}.json")], "the picture goes first");
    assert_eq!(bench.engine.outbox().public_link(&name, PATIENCE).await, None);
}

/// Proves F-52.
#[tokio::test]
async fn refused_credentials_are_tried_by_probes_alone() {
    let bench = copying(|_| Ok(WireReply::scripted(403, &[], "<Error><Code>InvalidAccessKeyId</Code></Error>"))).await;
    draw_one(&bench).await;
    until("it is told", async || {
        let status = bench.engine.outbox().status().await.expect("status");
        status.is_some_and(|status| status.trouble.as_deref() == Some("status 403, InvalidAccessKeyId"))
    })
    .await;
    let status = bench.engine.outbox().status().await.expect("status").expect("configured");
    assert_eq!((status.open, status.backlog.waiting, status.backlog.last_error), (false, 1, None));
    assert_eq!(asked(&bench), Vec::<String>::new());
    assert_eq!(bench.engine.drain(PATIENCE).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_delete_never_overtakes_the_put_of_its_picture() {
    let service = Service::default();
    let (let_go, held_back) = mpsc::channel::<()>();
    let turns = Arc::new(AtomicUsize::new(0));
    let (held_back, held, begun) = (Mutex::new(held_back), service.clone(), Arc::clone(&turns));
    let bench = copying(move |request| {
        if request.url.path().ends_with(".png") && begun.fetch_add(1, Ordering::Relaxed) == 0 {
            held_back.lock().expect("gate").recv_timeout(PATIENCE).expect("let go");
        }
        held.answer(request)
    })
    .await;
    let name = draw_one(&bench).await;
    until("the put has begun", async || turns.load(Ordering::Relaxed) == 1).await;
    bench.store.remove(std::slice::from_ref(&name), bench.clock.now()).await.expect("removed");
    bench.engine.expire_removed().await.expect("for good");
    // The worker has been round after that once another picture is there.
    let other = draw_one(&bench).await;
    assert!(bench.engine.outbox().public_link(&other, PATIENCE).await.is_some());
    assert!(asked(&bench).iter().all(|line| !line.starts_with("DELETE")), "the put is under way");
    let_go.send(()).expect("a put waits");
    let rest = [format!("/img/2026-11-22/{other}"), format!("/img/2026-11-22/{other}.json")];
    until("only the other picture is there", async || {
        asked(&bench).iter().any(|line| line.starts_with("DELETE")) && service.keys() == rest
    })
    .await;
}

#[tokio::test]
async fn what_can_be_undone_stays_in_the_bucket_and_on_the_disk() {
    let service = Service::default();
    let held = service.clone();
    let bench = copying(move |request| held.answer(request)).await;
    let name = draw_one(&bench).await;
    let names = std::slice::from_ref(&name);
    assert!(bench.engine.outbox().public_link(&name, PATIENCE).await.is_some());
    let picture = bench.store.get(&name).await.expect("gallery").expect("listed");
    let file = bench.dir.path().join("storage").join(&picture.path);
    let window = i64::try_from(ir_engine::UNDO_WINDOW.as_millis()).expect("minutes");

    for undone in [true, false] {
        bench.store.remove(names, bench.clock.now().plus_ms(window)).await.expect("removed");
        bench.clock.advance_ms(window - 1);
        bench.engine.sweep().await.expect("swept");
        assert!(file.exists() && service.keys().len() == 2, "the window is not over");
        if undone {
            assert_eq!(bench.store.restore(names).await.expect("restored"), names);
            assert_eq!(bench.store.get(&name).await.expect("gallery"), Some(picture.clone()));
        }
        bench.clock.advance_ms(1);
        bench.engine.expire_removed().await.expect("expired");
        assert_eq!(file.exists(), undone);
    }
    until("the bucket is empty", async || service.keys().is_empty()).await;
    assert!(bench.store.removed(10).await.expect("removed").is_empty());
    assert!(bench.store.restore(names).await.expect("too late").is_empty());
}

/// Proves F-52.
#[tokio::test]
async fn nobody_waits_behind_a_backlog() {
    let bench = stalled(&Service::default()).await;
    let _pictures = bench.draw(ask(16)).await;
    bench.clock.advance_ms(1);
    let name = draw_one(&bench).await;
    let link = tokio::time::timeout(PATIENCE / 2, bench.engine.outbox().public_link(&name, PATIENCE)).await;
    assert_eq!(link.expect("at once"), None);
}

/// Proves R-CFG-1.
#[tokio::test]
async fn a_dead_bucket_does_not_hold_up_the_next_one() {
    let service = Service::default();
    let bench = stalled(&service).await;
    let _pictures = bench.draw(ask(6)).await;
    until("the places are taken", async || service.keys().len() == 4).await;
    let other = serde_json::json!({"storage": {"s3": {"bucket": "others"}}});
    bench.settings.patch(&other).expect("another bucket");
    until("the other bucket holds everything", async || service.keys().iter().filter(|key| key.ends_with(".png")).count() == 6).await;
}

#[tokio::test]
async fn a_picture_whose_disk_is_away_is_copied_when_it_is_back() {
    let service = Service::default();
    let held = service.clone();
    let away = Arc::new(AtomicUsize::new(1));
    let gone = Arc::clone(&away);
    let bench =
        copying(move |request| if gone.load(Ordering::Relaxed) == 1 { fault(WireFaultKind::Connect) } else { held.answer(request) }).await;
    let name = draw_one(&bench).await;
    let (storage, elsewhere) = (bench.dir.path().join("storage"), bench.dir.path().join("elsewhere"));
    std::fs::rename(&storage, &elsewhere).expect("unmounted");
    away.store(0, Ordering::Relaxed);
    until("it was looked for", async || {
        let status = bench.engine.outbox().status().await.expect("status").expect("configured");
        status.backlog.last_error.is_some_and(|error| error.contains("cannot be read"))
    })
    .await;
    std::fs::rename(&elsewhere, &storage).expect("mounted");
    bench.clock.advance_ms(1000);
    assert!(bench.engine.outbox().public_link(&name, PATIENCE).await.is_some());
    assert_eq!(service.keys().len(), 2);
}
