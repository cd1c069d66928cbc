//! Jobs belong to the engine: a caller who leaves loses nothing that was sent, and nothing is sent
//! for a caller who has left.

use crate::support::{Mute, PLAIN, ask, bench, bench_on, client, json, picture};
use ir_model::{Caller, Class, Clock, Gate, RequestId, Secret, Task};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

const KEY: [(&str, &str); 1] = [("https://one.example", "sk-one")];

/// Proves R-DUR-7, F-69.
#[tokio::test]
async fn a_caller_that_leaves_does_not_lose_the_picture() {
    let bench = bench(PLAIN, &KEY, |_| picture(3)).await;
    let mut drawing = bench.engine.draw(ask(1), client(), RequestId::random(&**bench.engine.dice()));
    // Leaves as soon as something was sent.
    while bench.wire.recorded().is_empty() {
        tokio::select! {
            biased;
            _ = drawing.next() => break,
            () = tokio::time::sleep(Duration::from_millis(1)) => {}
        }
    }
    drop(drawing);
    assert_eq!(bench.engine.drain(Duration::from_secs(10)).await, 0);
    assert_eq!((bench.wire.recorded().len(), bench.store.count().await.expect("gallery")), (1, 1));
}

/// Proves F-68.
#[tokio::test]
async fn nothing_is_sent_for_a_caller_who_has_left() {
    let bench = bench(PLAIN, &KEY, |_| picture(3)).await;
    drop(bench.engine.draw(ask(1), client(), RequestId::random(&**bench.engine.dice())));
    assert_eq!(bench.engine.drain(Duration::from_secs(10)).await, 0);
    assert_eq!((bench.wire.recorded().len(), bench.store.count().await.expect("gallery")), (0, 0));
}

/// With an optimizer, which is asked before the platform.
const IMPROVED: &str = r#"{"system":{"modes":{"relay":false,"backend":true}},
  "providers":{"NewApi":{"enabled":true,"text":{"model":"m"}}},
  "promptOptimizer":{"baseUrl":"https://llm.example","model":"tiny","enableExpand":true}}"#;

#[tokio::test]
async fn nothing_is_waited_for_when_the_caller_has_left() {
    let around = |inner| Arc::new(Mute { inner, host: "llm.example" }) as Arc<dyn ir_egress::Wire>;
    let bench = bench_on(IMPROVED, &KEY, |_| picture(3), around).await;
    let mut drawing = bench.engine.draw(ask(1), client(), RequestId::random(&**bench.engine.dice()));
    while bench.asked("llm.example") == 0 {
        tokio::select! {
            _ = drawing.next() => panic!("the optimizer is silent"),
            () = tokio::time::sleep(Duration::from_millis(1)) => {}
        }
    }
    drop(drawing);
    assert_eq!(bench.engine.drain(Duration::from_secs(10)).await, 0, "the optimizer would have half a minute");
    assert_eq!(bench.asked("one.example"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_bought_for_a_caller_who_left_while_the_prompt_was_improved() {
    let (let_go, held_back) = mpsc::channel::<()>();
    let (asked, waits) = mpsc::channel::<()>();
    let held_back = Mutex::new(held_back);
    let bench = bench(IMPROVED, &KEY, move |request| {
        if request.url.host_str() != Some("llm.example") {
            return picture(3);
        }
        asked.send(()).expect("the test listens");
        held_back.lock().expect("gate").recv_timeout(Duration::from_secs(10)).expect("let go");
        json(200, &[], r#"{"choices":[{"message":{"content":"a tall lighthouse"},"finish_reason":"stop"}]}"#)
    })
    .await;
    let drawing = bench.engine.draw(ask(1), client(), RequestId::random(&**bench.engine.dice()));
    tokio::task::block_in_place(|| waits.recv_timeout(Duration::from_secs(10))).expect("the optimizer is asked");
    drop(drawing);
    let_go.send(()).expect("the optimizer waits");
    assert_eq!(bench.engine.drain(Duration::from_secs(10)).await, 0);
    assert_eq!((bench.asked("llm.example"), bench.asked("one.example")), (1, 0));
}

/// Proves R-DUR-4, R-DUR-11.
#[tokio::test]
async fn every_answered_picture_is_on_disk_with_its_metadata() {
    let bench = bench(PLAIN, &KEY, |_| picture(3)).await;
    let (pictures, _) = bench.draw(ask(1)).await;
    let name = pictures[0].1.name.as_ref().expect("stored");
    let record = bench.store.get(name).await.expect("gallery").expect("listed");
    let file = bench.dir.path().join("storage").join(&record.path);
    assert_eq!(std::fs::read(&file).expect("on disk"), crate::support::png(3));
    let sidecar = std::fs::read_to_string(format!("{}.json", file.display())).expect("metadata");
    assert!(sidecar.contains("a lighthouse") && sidecar.contains(&record.sha256), "{sidecar}");

    let now = bench.clock.now();
    bench.store.remove(std::slice::from_ref(name), now).await.expect("removed from the index");
    let removed = ir_engine::reindex(bench.engine.pictures(), &bench.store).await.expect("reindexed");
    assert_eq!(removed.added, 0, "what was removed on purpose is not listed again");
    bench.store.expire_removed(now, 10).await.expect("for good");
    bench.store.forget(std::slice::from_ref(name)).await.expect("as if the index were lost");
    let done = ir_engine::reindex(bench.engine.pictures(), &bench.store).await.expect("reindexed");
    assert_eq!((done.found, done.added, done.damaged), (1, 1, 0));
    assert_eq!(bench.store.get(name).await.expect("gallery"), Some(record), "the index is rebuilt from the pictures alone");
}

/// Proves R-AUTH-5.
#[tokio::test]
async fn relayed_keys_and_pool_keys_never_meet() {
    let config = r#"{"system":{"modes":{"relay":true,"backend":true}},"providers":{"NewApi":{"enabled":true,"baseUrl":"https://one.example","text":{"model":"m"}}}}"#;
    let bench = bench(config, &KEY, |_| picture(3)).await;
    let token = "sk-newapi-the-callers-own";
    let peer = "203.0.113.9".parse().expect("address");
    let caller = bench.engine.identify(Some(token), peer).expect("relayed");
    assert!(matches!(&caller, Caller::Relay { platform: "NewApi", key, .. } if key.expose() == token));
    assert!(bench.draw_as(ask(1), caller).await.1.is_ok());
    assert_eq!(bench.wire.recorded()[0].header("authorization"), Some("Bearer sk-newapi-the-callers-own"));
    assert!(bench.draw(ask(1)).await.1.is_ok());
    assert_eq!(bench.wire.recorded()[1].header("authorization"), Some("Bearer sk-one"));

    let dead = Caller::Relay { platform: "NewApi", key: Secret::new(token), peer };
    let refusing = crate::support::bench(config, &KEY, |_| json(401, &[], "{}")).await;
    assert!(refusing.draw_as(ask(1), dead).await.1.is_err());
    assert_eq!(refusing.wire.recorded().len(), 1, "no pool key steps in for a caller's dead one");
}

#[tokio::test]
async fn strangers_are_refused() {
    let config = PLAIN.replace(r#""enabled":true"#, r#""enabled":true,"baseUrl":"https://one.example""#);
    let bench = bench(&config, &KEY, |_| picture(3)).await;
    let peer = "127.0.0.1".parse().expect("address");
    let gate = |token: Option<&str>| match bench.engine.identify(token, peer).expect_err("refused").class {
        Class::Gate(gate) => gate,
        other => panic!("{other:?}"),
    };
    assert_eq!(gate(None), Gate::MissingKey);
    assert_eq!(gate(Some("")), Gate::MissingKey);
    assert_eq!(gate(Some("demo")), Gate::BadKey, "the demo key opens nothing outside demo mode");
    assert_eq!(gate(Some("sk-newapi-abcdefgh")), Gate::RelayDisabled);
    assert_eq!(gate(Some("550e8400-e29b-41d4-a716-446655440000")), Gate::BadKey);
}

/// Proves R-ROUTE-1.
#[tokio::test]
async fn a_plan_says_why_nobody_can_draw() {
    let bench = bench(PLAIN, &[], |_| picture(3)).await;
    let failure = bench.draw(ask(1)).await.1.expect_err("no key");
    assert_eq!(failure.fault.class, Class::NoKey);
    assert!(failure.fault.detail.expect("reasons").contains("Local"), "every platform's reason is kept");

    let config = PLAIN.replacen('{', r#"{"routing":{"unknownModel":"reject"},"#, 1);
    let strict = crate::support::bench(&config, &KEY, |_| picture(3)).await;
    let mut unknown = ask(1);
    unknown.model = "constructor".to_owned();
    let failure = strict.draw(unknown).await.1.expect_err("unknown");
    assert_eq!(
        (failure.fault.class, failure.fault.param.as_deref(), strict.wire.recorded().len()),
        (Class::ModelNotFound, Some("model"), 0)
    );
}

#[tokio::test]
async fn the_built_in_renderer_takes_part_only_in_demo_mode_or_by_name() {
    let bench = bench(PLAIN, &[], |_| picture(3)).await;
    assert!(bench.draw(ask(1)).await.1.is_err(), "a failing gateway hands out no placeholders");
    let mut named = ask(2);
    named.model = "local/auto".to_owned();
    let (pictures, outcome) = bench.draw(named).await;
    assert_eq!((outcome.expect("drawn").provider.as_str(), pictures.len(), bench.wire.recorded().len()), ("Local", 2, 0));
    let mut edit = ask(1);
    edit.task = Task::Edit;
    edit.model = "Local/auto".to_owned();
    edit.pictures = vec![ir_model::AskPicture::Here(pictures[0].1.picture.clone().expect("drawn"))];
    assert!(bench.draw(edit).await.1.is_ok());
}

/// Proves P-13.
#[tokio::test]
async fn a_draining_engine_takes_nothing_new() {
    let bench = bench(PLAIN, &KEY, |_| picture(3)).await;
    assert!(bench.engine.ready().await.is_ok());
    bench.engine.drain(Duration::from_secs(1)).await;
    assert!(bench.engine.ready().await.is_err());
    let failure = bench.draw(ask(1)).await.1.expect_err("going down");
    assert_eq!((failure.fault.class, bench.wire.recorded().len()), (Class::Gate(Gate::ShuttingDown), 0));
}

#[tokio::test]
async fn a_callers_key_never_goes_to_an_address_that_came_with_a_pool_key() {
    let config = r#"{"system":{"modes":{"relay":true,"backend":true}},"providers":{"NewApi":{"enabled":true,"baseUrl":"https://own.example","text":{"model":"m"}}}}"#;
    let keys = [("https://other.example", "sk-other"), ("https://third.example", "sk-third")];
    let bench = bench(config, &keys, |_| json(503, &[], "{}")).await;
    let caller = bench.engine.identify(Some("sk-newapi-the-callers-own"), "203.0.113.9".parse().expect("address")).expect("relayed");
    assert!(bench.draw_as(ask(1), caller).await.1.is_err());
    let asked: Vec<String> =
        bench.wire.recorded().iter().filter(|r| r.method == "POST").filter_map(|r| r.url.host_str().map(str::to_owned)).collect();
    assert_eq!(asked, ["own.example"]);
}

#[tokio::test]
async fn what_is_past_its_retention_goes_and_the_rest_stays() {
    let config = PLAIN.replacen('{', r#"{"retention":{"requestLogDays":30,"pictureDays":10},"#, 1);
    let bench = bench(&config, &KEY, |_| picture(3)).await;
    let (old, _) = bench.draw(ask(1)).await;
    bench.clock.advance_ms(20 * 86_400_000);
    let (new, _) = bench.draw(ask(1)).await;
    bench.engine.sweep().await.expect("swept");
    let name = |pictures: &[(u32, ir_model::Drawn)]| pictures[0].1.name.clone().expect("stored");
    assert!(bench.store.get(&name(&old)).await.expect("gallery").is_none());
    let kept = bench.store.get(&name(&new)).await.expect("gallery").expect("listed");
    let files = walk(&bench.dir.path().join("storage"));
    assert_eq!(files.len(), 2, "one picture with its metadata: {files:?}");
    assert!(files.iter().any(|file| file.ends_with(&kept.path)));
    assert!(bench.store.removed(10).await.expect("removed").is_empty());
}

/// A machine whose clock is wrong as it starts does not lose its gallery: a day later, the clock is right.
///
/// Proves C-11.
#[tokio::test(start_paused = true)]
async fn a_clock_that_is_far_ahead_deletes_no_gallery() {
    let config = PLAIN.replacen('{', r#"{"retention":{"pictureDays":10},"#, 1);
    let bench = bench(&config, &KEY, |_| picture(3)).await;
    bench.draw(ask(1)).await.1.expect("drawn");
    bench.clock.advance_ms(20 * 86_400_000);
    bench.engine.sweep().await.expect("swept");
    assert_eq!(bench.store.count().await.expect("gallery"), 1);
    tokio::time::advance(std::time::Duration::from_secs(86_401)).await;
    bench.engine.sweep().await.expect("swept");
    assert_eq!(bench.store.count().await.expect("gallery"), 0);
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).expect("folder").flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn a_paid_picture_that_cannot_be_stored_is_delivered_and_said_to_be_unstored() {
    let bench = bench(PLAIN, &KEY, |_| picture(3)).await;
    // Where the storage folder was, a file stands: nothing can be kept.
    std::fs::remove_dir_all(bench.dir.path().join("storage")).expect("removed");
    std::fs::File::create_new(bench.dir.path().join("storage")).expect("in the way");
    let (pictures, outcome) = bench.draw(ask(1)).await;
    let summary = outcome.expect("drawn");
    let drawn = &pictures[0].1;
    assert_eq!((drawn.name.as_ref(), summary.warnings.len(), bench.store.count().await.expect("gallery")), (None, 1, 0));
    let bytes = bench.engine.callers_spool().read(&drawn.picture.as_ref().expect("bytes").blob, 1 << 20).await.expect("readable");
    assert_eq!((bytes, bench.wire.recorded().len()), (crate::support::png(3), 1));
}
