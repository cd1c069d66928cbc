//! What every store must do, whatever keeps the rows.

use ir_model::{Charge, Format, KeyId, Size, Timestamp};
use ir_store::{
    AddedKeys, AttemptNote, AttemptRecord, Cursor, Interrupted, JobRecord, JobState, KeyHealth, KeyRecord, PictureRecord, RequestRecord, Store,
};
use std::sync::Arc;

/// Where a store lives: opening it again, after the last handle is gone, shows the same rows.
pub trait Home {
    fn open(&self) -> Arc<dyn Store>;
}

fn key(id: &str, platform: &str, fingerprint: &str) -> KeyRecord {
    let id = KeyId(id.to_owned());
    KeyRecord {
        id: id.clone(),
        platform: platform.to_owned(),
        name: "名字 \"quoted\"".to_owned(),
        sealed: vec![0, 1, 2, 255],
        fingerprint: fingerprint.to_owned(),
        tail: "****abcd".to_owned(),
        base_url: Some("https://relay.example/v1".to_owned()),
        models: vec!["a".to_owned(), "b/c".to_owned()],
        enabled: true,
        added: Timestamp(7),
        health: KeyHealth { id, ..KeyHealth::default() },
    }
}

fn job(id: &str, created: i64) -> JobRecord {
    JobRecord { id: id.to_owned(), client: "global".to_owned(), task: "text".to_owned(), model: "auto".to_owned(), prompt: "猫".to_owned(), created: Timestamp(created) }
}

fn attempt(job: &str, number: u32) -> AttemptRecord {
    AttemptRecord {
        job: job.to_owned(),
        number,
        provider: "NewApi".to_owned(),
        base_url: "https://relay.example".to_owned(),
        model: "m".to_owned(),
        key: Some("key_1".to_owned()),
        began: Timestamp(9),
    }
}

pub fn picture(i: i64) -> PictureRecord {
    PictureRecord {
        name: format!("picture-{i:04}.png"),
        path: format!("2026-11-22/picture-{i:04}.png"),
        sha256: "ab".repeat(32),
        bytes: 123,
        format: Format::Jpeg,
        size: Size::new(640, 480),
        prompt: "a cat".to_owned(),
        revised_prompt: Some("a red cat".to_owned()),
        model: "m".to_owned(),
        provider: "NewApi".to_owned(),
        task: "edit".to_owned(),
        // Several pictures share a moment, as they do when one request draws many.
        created: Timestamp(1000 + i / 7),
        request_id: "req_1".to_owned(),
        client: "global".to_owned(),
    }
}

fn request(i: i64) -> RequestRecord {
    RequestRecord {
        id: None,
        request_id: format!("req_{i}"),
        time: Timestamp(i),
        duration_ms: 1234,
        client: "global".to_owned(),
        task: "text".to_owned(),
        asked_model: "auto".to_owned(),
        provider: Some("NewApi".to_owned()),
        model: None,
        outcome: "rate_limited".to_owned(),
        prompt: "x".to_owned(),
        pictures: vec!["a.png".to_owned(), "b.png".to_owned()],
        attempts: vec![AttemptNote {
            provider: "NewApi".to_owned(),
            model: "m".to_owned(),
            key: None,
            duration_ms: 5,
            outcome: "rate_limited".to_owned(),
            message: "slow down".to_owned(),
        }],
    }
}

pub async fn keys_come_back_as_they_went_in(home: &impl Home) {
    let store = home.open();
    let mut first = key("key_1", "NewApi", "f1");
    first.health.disabled_reason = Some("401".to_owned());
    first.health.cooling_until = Some(Timestamp(99));
    let second = KeyRecord { base_url: None, models: vec![], enabled: false, ..key("key_2", "Gitee", "f2") };
    store.add_keys(vec![first.clone(), second.clone()]).await.expect("added");
    assert_eq!(store.keys().await.expect("keys"), [first.clone(), second.clone()]);
    first.name = "renamed".to_owned();
    first.health.disabled_reason = None;
    assert!(store.update_key(first.clone()).await.expect("updated"));
    assert!(!store.update_key(key("key_9", "NewApi", "f9")).await.expect("not there"));
    assert!(store.delete_key(&second.id).await.expect("deleted"));
    assert!(!store.delete_key(&second.id).await.expect("gone"));
    assert_eq!(store.keys().await.expect("keys"), [first]);
}

pub async fn duplicate_keys_are_counted_and_left_alone(home: &impl Home) {
    let store = home.open();
    let added = store.add_keys(vec![key("key_1", "NewApi", "same"), key("key_2", "NewApi", "same"), key("key_3", "Gitee", "same")]).await.expect("added");
    assert_eq!(added, AddedKeys { added: 2, duplicates: 1 });
    let again = store.add_keys(vec![key("key_4", "NewApi", "same")]).await.expect("added");
    assert_eq!(again, AddedKeys { added: 0, duplicates: 1 });
    // All or none: the second id is taken, so the first is not added either.
    assert!(store.add_keys(vec![key("key_5", "NewApi", "new"), key("key_1", "NewApi", "other")]).await.is_err());
    let ids: Vec<String> = store.keys().await.expect("keys").into_iter().map(|key| key.id.0).collect();
    assert_eq!(ids, ["key_1", "key_3"]);
}

pub async fn health_is_written_and_gone_keys_are_passed_over(home: &impl Home) {
    let store = home.open();
    store.add_keys(vec![key("key_1", "NewApi", "f1")]).await.expect("added");
    let health = KeyHealth {
        id: KeyId("key_1".to_owned()),
        disabled_reason: None,
        cooling_until: Some(Timestamp(5000)),
        cooling_reason: Some("rate".to_owned()),
        backoff_ms: 60_000,
        failures_in_row: 2,
        calls: 10,
        successes: 7,
        errors: 3,
        last_used: Some(Timestamp(4000)),
        last_error: Some("429".to_owned()),
    };
    let gone = KeyHealth { id: KeyId("key_gone".to_owned()), ..health.clone() };
    store.save_key_health(vec![gone, health.clone()]).await.expect("saved");
    let keys = store.keys().await.expect("keys");
    assert_eq!((keys.len(), &keys[0].health), (1, &health));
}

pub async fn an_attempt_stands_in_the_journal_until_it_is_settled(home: &impl Home) {
    let store = home.open();
    store.begin_with_attempt(job("j1", 1), attempt("j1", 1)).await.expect("begun");
    store.begin_with_attempt(job("j1", 1), attempt("j1", 2)).await.expect("second attempt");
    let open = store.unfinished().await.expect("unfinished");
    assert_eq!((open.len(), open[0].open.len(), &open[0].job), (1, 2, &job("j1", 1)));
    store.settle("j1", 1, "rate_limited", Charge::No).await.expect("settled");
    let open = store.unfinished().await.expect("unfinished");
    assert_eq!(open[0].open, [(attempt("j1", 2), None)]);
    store.settle("j1", 2, "ok", Charge::Yes).await.expect("settled");
    store.finish("j1", JobState::Done, vec!["a.png".to_owned()]).await.expect("finished");
    assert!(store.unfinished().await.expect("unfinished").is_empty());
}

pub async fn what_was_under_way_is_interrupted_and_ambiguous(home: &impl Home) {
    let store = home.open();
    store.begin_with_attempt(job("cut", 1), attempt("cut", 1)).await.expect("begun");
    store.begin_with_attempt(job("done", 2), attempt("done", 1)).await.expect("begun");
    store.settle("done", 1, "ok", Charge::Yes).await.expect("settled");
    store.finish("done", JobState::Done, vec![]).await.expect("finished");
    let found = store.mark_interrupted(Timestamp(50)).await.expect("marked");
    assert_eq!(found, Interrupted { jobs: 1, attempts: 1, tickets: 0 });
    assert_eq!(store.mark_interrupted(Timestamp(60)).await.expect("again"), Interrupted::default());
    let open = store.unfinished().await.expect("unfinished");
    assert_eq!((open.len(), open[0].job.id.as_str(), open[0].open.len()), (1, "cut", 1));
}

pub async fn tickets_survive(home: &impl Home) {
    let store = home.open();
    store.begin_with_attempt(job("j1", 1), attempt("j1", 1)).await.expect("begun");
    store.ticket("j1", 1, "task-77").await.expect("ticket");
    drop(store);
    let store = home.open();
    assert_eq!(store.mark_interrupted(Timestamp(2)).await.expect("marked").tickets, 1);
    assert_eq!(store.unfinished().await.expect("unfinished")[0].open[0].1.as_deref(), Some("task-77"));
}

pub async fn old_jobs_are_forgotten_and_running_ones_are_not(home: &impl Home) {
    let store = home.open();
    for (id, created) in [("old", 1), ("running", 2), ("new", 100)] {
        store.begin_with_attempt(job(id, created), attempt(id, 1)).await.expect("begun");
    }
    store.finish("old", JobState::Failed, vec![]).await.expect("finished");
    store.finish("new", JobState::Failed, vec![]).await.expect("finished");
    assert_eq!(store.prune_jobs(Timestamp(50)).await.expect("pruned"), 1);
    assert_eq!(store.unfinished().await.expect("unfinished").len(), 1);
}

pub async fn the_request_log_pages_newest_first(home: &impl Home) {
    let store = home.open();
    store.append((0..250).map(request).collect()).await.expect("appended");
    let (mut before, mut seen) = (None, vec![]);
    loop {
        let page = store.page(before, 1000).await.expect("page");
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 100, "pages are bounded");
        before = last.id;
        seen.extend(page);
    }
    let expected: Vec<RequestRecord> = (0..250).rev().map(request).collect();
    assert_eq!(seen.into_iter().map(|row| RequestRecord { id: None, ..row }).collect::<Vec<_>>(), expected);
    assert_eq!(store.prune(Timestamp(200)).await.expect("pruned"), 200);
    assert_eq!(store.page(None, 100).await.expect("page").len(), 50);
}

pub async fn pictures_page_newest_first_without_gaps(home: &impl Home) {
    let store = home.open();
    for i in 0..60 {
        store.add(picture(i)).await.expect("added");
    }
    let (mut after, mut seen) = (None, vec![]);
    loop {
        let page = store.pictures(after.take(), 7).await.expect("page");
        let Some(last) = page.last() else { break };
        after = Some(Cursor { created: last.created, name: last.name.clone() });
        seen.extend(page);
    }
    let mut expected: Vec<PictureRecord> = (0..60).map(picture).collect();
    expected.sort_by(|a, b| (b.created, &b.name).cmp(&(a.created, &a.name)));
    assert_eq!(seen, expected);
    let names = ["picture-0001.png".to_owned(), "nobody.png".to_owned()];
    assert_eq!(store.names_missing_from(&names).await.expect("missing"), ["nobody.png"]);
    assert!(store.remove("picture-0001.png").await.expect("removed"));
    assert!(!store.remove("picture-0001.png").await.expect("gone"));
    assert_eq!((store.get("picture-0001.png").await.expect("get"), store.count().await.expect("count")), (None, 59));
}

pub async fn a_listed_picture_stays_as_it_is(home: &impl Home) {
    let store = home.open();
    store.add(picture(1)).await.expect("added");
    store.add(PictureRecord { prompt: "other".to_owned(), ..picture(1) }).await.expect("passed over");
    assert_eq!(store.get(&picture(1).name).await.expect("get"), Some(picture(1)));
}

pub async fn many_writers_at_once_all_get_their_word(home: &impl Home) {
    let store = home.open();
    store.add_keys(vec![key("taken", "NewApi", "f")]).await.expect("added");
    let writers = (0..400i64).map(|i| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            // Every tenth change fails by itself, whatever group it is committed in.
            if i % 10 == 0 { store.add_keys(vec![key("taken", "NewApi", &format!("f{i}"))]).await.is_err() } else { store.add(picture(i)).await.is_ok() }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        assert!(writer.await.expect("no panic"));
    }
    assert_eq!(store.count().await.expect("count"), 360);
}

pub async fn everything_is_there_after_opening_again(home: &impl Home) {
    let store = home.open();
    store.add_keys(vec![key("key_1", "NewApi", "f1")]).await.expect("added");
    store.add(picture(1)).await.expect("added");
    store.append(vec![request(1)]).await.expect("appended");
    store.close().await;
    drop(store);
    let store = home.open();
    assert_eq!(store.keys().await.expect("keys").len(), 1);
    assert_eq!(store.get(&picture(1).name).await.expect("get"), Some(picture(1)));
    assert_eq!(store.page(None, 10).await.expect("page").len(), 1);
}
