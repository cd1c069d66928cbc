use ir_model::Timestamp;
use ir_store::{AttemptNote, MAX_PAGE, RequestLog, RequestRecord, Store};
use std::sync::Arc;

pub(super) async fn suite(make: &impl Fn(&str) -> Arc<dyn Store>) {
    records_come_back_newest_first(make).await;
    pages_follow_each_other(make).await;
    old_records_are_pruned_and_ids_never_given_twice(make).await;
}

fn request(request_id: &str, time: i64) -> RequestRecord {
    RequestRecord {
        id: None,
        request_id: request_id.to_owned(),
        time: Timestamp(time),
        duration_ms: 1234,
        client: "me".to_owned(),
        task: "edit".to_owned(),
        asked_model: "auto".to_owned(),
        provider: Some("Doubao".to_owned()),
        model: Some("m".to_owned()),
        outcome: "ok".to_owned(),
        prompt: "a cat, 猫".to_owned(),
        pictures: vec!["a.png".to_owned()],
        attempts: vec![
            AttemptNote {
                provider: "Gitee".to_owned(),
                model: "n".to_owned(),
                key: Some("key_1".to_owned()),
                duration_ms: 1000,
                outcome: "rate_limited".to_owned(),
                message: "slow down".to_owned(),
            },
            AttemptNote {
                provider: "Doubao".to_owned(),
                model: "m".to_owned(),
                key: None,
                duration_ms: 234,
                outcome: "ok".to_owned(),
                message: String::new(),
            },
        ],
    }
}

async fn records_come_back_newest_first(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("log-whole");
    let bare = RequestRecord { provider: None, model: None, attempts: vec![], pictures: vec![], ..request("r2", 2) };
    store.append(vec![request("r1", 1), bare.clone()]).await.unwrap();
    store.append(vec![]).await.unwrap();
    let page = RequestLog::page(&*store, None, 10).await.unwrap();
    let (first, second) = (page[1].id.unwrap(), page[0].id.unwrap());
    assert!(first < second);
    assert_eq!(page, [RequestRecord { id: Some(second), ..bare }, RequestRecord { id: Some(first), ..request("r1", 1) }]);
    assert_eq!(store.request("r1").await.unwrap(), Some(page[1].clone()));
    assert_eq!(store.request("r3").await.unwrap(), None);
}

async fn pages_follow_each_other(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("log-pages");
    store.append((0..25).map(|n| request(&format!("r{n}"), 1)).collect()).await.unwrap();
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = RequestLog::page(&*store, before, 10).await.unwrap();
        let Some(last) = page.last() else { break };
        before = last.id;
        seen.extend(page.into_iter().map(|record| record.request_id));
    }
    let expected: Vec<String> = (0..25).rev().map(|n| format!("r{n}")).collect();
    assert_eq!(seen, expected);

    store.append((0..MAX_PAGE).map(|_| RequestRecord { attempts: vec![], ..request("more", 1) }).collect()).await.unwrap();
    assert_eq!(RequestLog::page(&*store, None, u32::MAX).await.unwrap().len(), MAX_PAGE as usize);
}

async fn old_records_are_pruned_and_ids_never_given_twice(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("log-prune");
    store.append((0..2500).map(|n| request("r", n)).collect()).await.unwrap();
    let newest = RequestLog::page(&*store, None, 1).await.unwrap()[0].id;
    assert_eq!(store.prune(Timestamp(2400)).await.unwrap(), 2400);
    assert_eq!(RequestLog::page(&*store, None, 1000).await.unwrap().len(), 100);
    assert_eq!(store.prune(Timestamp(2500)).await.unwrap(), 100);
    store.append(vec![request("next", 1)]).await.unwrap();
    let page = RequestLog::page(&*store, None, 10).await.unwrap();
    assert!(page.len() == 1 && page[0].id > newest, "{page:?}");
}
