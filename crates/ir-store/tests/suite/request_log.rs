use ir_model::Timestamp;
use ir_store::{AttemptNote, MAX_FOUND_REQUESTS, MAX_PAGE, RequestFilter, RequestLog, RequestRecord, Store};
use std::sync::Arc;

pub(super) async fn suite(make: &impl Fn(&str) -> Arc<dyn Store>) {
    records_come_back_newest_first(make).await;
    pages_follow_each_other(make).await;
    old_records_are_pruned_and_ids_never_given_twice(make).await;
    records_are_found_by_each_condition(make).await;
    a_search_goes_on_where_it_stopped(make).await;
    times_are_found_whatever_the_order_of_ends(make).await;
}

pub(super) fn request(request_id: &str, time: i64) -> RequestRecord {
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
        bytes: 5_000_000_000,
        attempts: vec![
            AttemptNote {
                provider: "Gitee".to_owned(),
                model: "n".to_owned(),
                key: Some("key_1".to_owned()),
                started_ms: 7,
                duration_ms: 1000,
                outcome: "rate_limited".to_owned(),
                message: "slow down".to_owned(),
                next: "next platform".to_owned(),
            },
            AttemptNote {
                provider: "Doubao".to_owned(),
                model: "m".to_owned(),
                key: None,
                started_ms: 1010,
                duration_ms: 234,
                outcome: "ok".to_owned(),
                message: String::new(),
                next: String::new(),
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

async fn found(store: &Arc<dyn Store>, filter: RequestFilter) -> Vec<String> {
    let records = RequestLog::search(&**store, filter, None, 100).await.unwrap();
    records.into_iter().map(|record| record.request_id).collect()
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

async fn records_are_found_by_each_condition(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("log-search");
    let twice = AttemptNote { provider: "Gitee".to_owned(), ..request("", 0).attempts[0].clone() };
    let records = vec![
        RequestRecord { attempts: vec![twice.clone(), twice], ..request("r1", 1) },
        RequestRecord { provider: text("Gitee"), client: "you".to_owned(), attempts: vec![], ..request("r2", 2) },
        RequestRecord { model: None, provider: None, outcome: "timeout".to_owned(), attempts: vec![], ..request("r3", 3) },
        RequestRecord { task: "text".to_owned(), prompt: "ÉTÉ à la 100% plage_".to_owned(), model: text("n"), ..request("r4", 4) },
    ];
    store.append(records).await.unwrap();
    let any = RequestFilter::default;
    let cases: Vec<(RequestFilter, &[&str])> = vec![
        (any(), &["r4", "r3", "r2", "r1"]),
        (RequestFilter { ok: Some(true), ..any() }, &["r4", "r2", "r1"]),
        (RequestFilter { ok: Some(false), ..any() }, &["r3"]),
        (RequestFilter { ok: Some(false), provider: text("Doubao"), ..any() }, &[]),
        (RequestFilter { provider: text("Doubao"), ..any() }, &["r4", "r1"]),
        (RequestFilter { provider: text("Doubao"), model: text("m"), ..any() }, &["r1"]),
        (RequestFilter { model: text("m"), ..any() }, &["r2", "r1"]),
        (RequestFilter { model: text("%"), ..any() }, &[]),
        (RequestFilter { key: text("key_1"), ..any() }, &["r4", "r1"]),
        (RequestFilter { key: text("key_1"), task: text("edit"), client: text("me"), ..any() }, &["r1"]),
        (RequestFilter { key: text("key_2"), ..any() }, &[]),
        (RequestFilter { task: text("text"), ..any() }, &["r4"]),
        (RequestFilter { client: text("you"), ..any() }, &["r2"]),
        (RequestFilter { text: text(" été À"), ..any() }, &["r4"]),
        (RequestFilter { text: text("100%"), ..any() }, &["r4"]),
        (RequestFilter { text: text("a%c"), ..any() }, &[]),
        (RequestFilter { text: text("猫"), ..any() }, &["r3", "r2", "r1"]),
        (RequestFilter { text: text("R2"), ..any() }, &["r2"]),
        (RequestFilter { text: text("  "), ..any() }, &["r4", "r3", "r2", "r1"]),
        (RequestFilter { from: Some(Timestamp(2)), ..any() }, &["r4", "r3", "r2"]),
        (RequestFilter { from: Some(Timestamp(2)), to: Some(Timestamp(4)), ..any() }, &["r3", "r2"]),
        (RequestFilter { to: Some(Timestamp(i64::MIN)), from: Some(Timestamp(i64::MAX)), ..any() }, &[]),
    ];
    for (filter, expected) in cases {
        assert_eq!(found(&store, filter.clone()).await, expected, "{filter:?}");
    }
    let whole = RequestLog::search(&*store, any(), None, 1).await.unwrap();
    assert_eq!(whole[0].attempts, request("", 0).attempts, "with their attempts");
}

async fn a_search_goes_on_where_it_stopped(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("log-search-pages");
    let provider = |n: i64| text(if n % 3 == 0 { "Gitee" } else { "Doubao" });
    store.append((0..400).map(|n| RequestRecord { provider: provider(n), ..request(&format!("r{n}"), n) }).collect()).await.unwrap();
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let filter = RequestFilter { provider: text("Gitee"), ..RequestFilter::default() };
        let page = RequestLog::search(&*store, filter, before, 30).await.unwrap();
        assert!(page.len() <= 30);
        let Some(last) = page.last() else { break };
        before = last.id;
        seen.extend(page.into_iter().map(|record| record.request_id));
    }
    let expected: Vec<String> = (0..400).rev().filter(|n| n % 3 == 0).map(|n| format!("r{n}")).collect();
    assert_eq!(seen, expected);
    let most = RequestLog::search(&*store, RequestFilter::default(), None, u32::MAX).await.unwrap();
    assert_eq!(most.len(), MAX_FOUND_REQUESTS as usize);
}

async fn times_are_found_whatever_the_order_of_ends(make: &impl Fn(&str) -> Arc<dyn Store>) {
    const HOUR: i64 = 3_600_000;
    let store = make("log-search-times");
    // One request an hour; every third takes longest and is appended after the one that follows it.
    let mut hours: Vec<i64> = (0..90).collect();
    hours.chunks_mut(3).for_each(|three| three.swap(0, 1));
    store.append(hours.iter().map(|n| RequestRecord { attempts: vec![], ..request(&n.to_string(), n * HOUR) }).collect()).await.unwrap();
    for (from, to) in [(0, 90), (0, 1), (30, 33), (31, 32), (32, 61), (50, 50), (89, 90), (89, 500), (-5, 0)] {
        let filter = RequestFilter { from: Some(Timestamp(from * HOUR)), to: Some(Timestamp(to * HOUR)), ..RequestFilter::default() };
        let mut ids = found(&store, filter).await;
        ids.sort_by_key(|id| id.parse::<i64>().unwrap());
        let expected: Vec<String> = (from.max(0)..to.min(90)).map(|n| n.to_string()).collect();
        assert_eq!(ids, expected, "from {from} to {to}");
    }
}
