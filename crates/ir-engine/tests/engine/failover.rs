//! Two upstreams in one plan, the first one in trouble: the caller gets a picture from the second,
//! keys and breakers stand as `06-errors.md` says, and nobody is asked too often.

use crate::support::{Answered, Bench, NOW, PLAIN, ask, bench, json, picture};
use ir_egress::{Phase, Recorded, WireBody, WireFault, WireFaultKind, WireReply};
use ir_model::{Charge, Class, Extras, Timestamp};
use ir_store::RequestLog;
use std::sync::{Arc, Mutex};

const KEYS: [(&str, &str); 2] = [("https://one.example", "sk-one"), ("https://two.example", "sk-two")];

/// Whoever is asked first is in trouble for good; the other one draws. Which of two equals is asked
/// first is chance, and must not matter.
async fn first_in_trouble(config: &str, trouble: impl Fn() -> Answered + Send + Sync + 'static) -> (Bench, Arc<Mutex<Option<String>>>) {
    let bad: Arc<Mutex<Option<String>>> = Arc::default();
    let known = Arc::clone(&bad);
    let bench = bench(config, &KEYS, move |request: &Recorded| {
        let host = request.url.host_str().expect("host").to_owned();
        let mut bad = known.lock().expect("lock");
        if *bad.get_or_insert_with(|| host.clone()) == host { trouble() } else { picture(1) }
    })
    .await;
    (bench, bad)
}

fn fault(kind: WireFaultKind, sent: bool) -> Answered {
    Err(WireFault { kind, sent, detail: "scripted".to_owned() })
}

/// The first half of an answer, then nothing more.
fn cut() -> Answered {
    let cut = WireFault { kind: WireFaultKind::Broken, sent: true, detail: "the connection was closed".to_owned() };
    let reply = WireReply::scripted(200, &[("content-type", "application/json")], "");
    Ok(WireReply { body: WireBody::scripted([Ok(r#"{"created":1,"data":[{"b64_json":"iVBORw0KGgoAAAA"#.into()), Err(cut)]), ..reply })
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Key {
    Good,
    Disabled,
    /// Seconds from now.
    Cooling(i64),
}

struct Row {
    name: &'static str,
    trouble: fn() -> Answered,
    /// Requests to the one in trouble.
    asked: usize,
    key: Key,
    /// The class that the request log gives the attempt.
    class: &'static str,
}

const fn row(name: &'static str, trouble: fn() -> Answered, asked: usize, key: Key, class: &'static str) -> Row {
    Row { name, trouble, asked, key, class }
}

const TO_MIDNIGHT: i64 = 3_962;

const TABLE: [Row; 16] = [
    row("down", || fault(WireFaultKind::Connect, false), 2, Key::Good, "upstream_fault"),
    row("no such name", || fault(WireFaultKind::Resolve, false), 2, Key::Good, "upstream_fault"),
    row("bad certificate", || fault(WireFaultKind::Tls, false), 2, Key::Good, "upstream_fault"),
    row("slow to connect", || fault(WireFaultKind::Timeout(Phase::Connect), false), 1, Key::Good, "timeout"),
    row("silent", || fault(WireFaultKind::Timeout(Phase::FirstByte), true), 1, Key::Good, "timeout"),
    row("reset after the request", || fault(WireFaultKind::Broken, true), 1, Key::Good, "upstream_fault"),
    row("cut in the middle of the body", cut, 1, Key::Good, "upstream_fault"),
    row(
        "out of quota",
        || json(402, &[], r#"{"error":{"message":"no balance","code":"insufficient_quota"}}"#),
        1,
        Key::Cooling(TO_MIDNIGHT),
        "quota_exhausted",
    ),
    row(
        "out of quota, with the pause of any 429",
        || json(429, &[("retry-after", "7")], r#"{"error":{"message":"no balance","code":"billing_hard_limit_reached"}}"#),
        1,
        Key::Cooling(TO_MIDNIGHT),
        "quota_exhausted",
    ),
    row("dead key", || json(401, &[], r#"{"error":{"message":"bad key","code":"invalid_api_key"}}"#), 1, Key::Disabled, "key_rejected"),
    row(
        "rate limited with a time",
        || json(429, &[("retry-after", "7")], r#"{"error":{"message":"slow down","code":"rate_limit_exceeded"}}"#),
        1,
        Key::Cooling(7),
        "rate_limited",
    ),
    row(
        "rate limited for no time",
        || json(429, &[("retry-after", "0")], r#"{"error":{"message":"slow down"}}"#),
        1,
        Key::Cooling(30),
        "rate_limited",
    ),
    row("rate limited without a time", || json(429, &[], r#"{"error":{"message":"slow down"}}"#), 1, Key::Cooling(30), "rate_limited"),
    row("overloaded", || json(503, &[], r#"{"error":{"message":"busy"}}"#), 1, Key::Good, "overloaded"),
    row(
        "without the model",
        || json(404, &[], r#"{"error":{"message":"no such model","code":"model_not_found"}}"#),
        1,
        Key::Good,
        "model_not_found",
    ),
    row(
        "refusing a parameter",
        || json(400, &[], r#"{"error":{"message":"size","code":"invalid_value","param":"size","type":"invalid_request_error"}}"#),
        1,
        Key::Good,
        "invalid_request",
    ),
];

/// Proves F-1, F-4, F-6, F-10, F-33, F-34, F-38, R-RTY-1.
#[tokio::test]
async fn the_second_upstream_draws_whatever_ails_the_first() {
    for row in &TABLE {
        let (bench, bad) = first_in_trouble(PLAIN, row.trouble).await;
        let (pictures, outcome) = bench.draw(ask(1)).await;
        let summary = outcome.unwrap_or_else(|failure| panic!("{}: {failure:?}", row.name));
        assert_eq!((pictures.len(), summary.pictures, summary.provider.as_str()), (1, 1, "NewApi"), "{}", row.name);
        let bad = bad.lock().expect("lock").clone().expect("asked");
        let good = if bad == "one.example" { "two.example" } else { "one.example" };
        assert_eq!((bench.asked(&bad), bench.asked(good)), (row.asked, 1), "{}: requests", row.name);

        let snapshot = bench.engine.snapshot();
        let key_at = |host: &str| snapshot.upstreams.iter().find(|u| u.base_url.ends_with(host)).expect("upstream").keys[0].clone();
        let health = &key_at(&bad).health;
        let state = match (health.is_disabled(), health.cooling_until(NOW)) {
            (true, _) => Key::Disabled,
            (false, Some(until)) => Key::Cooling((until.0 - NOW.0) / 1000),
            (false, None) => Key::Good,
        };
        assert_eq!(state, row.key, "{}: the key of the one in trouble", row.name);
        let good_health = &key_at(good).health;
        assert_eq!((good_health.is_disabled(), good_health.cooling_until(NOW), good_health.in_flight()), (false, None, 0), "{}", row.name);
        assert_eq!(health.in_flight(), 0, "{}: every place came back", row.name);

        bench.engine.drain(std::time::Duration::from_secs(5)).await;
        let log = RequestLog::page(&*bench.store, None, 10).await.expect("log");
        let outcomes: Vec<&str> = log[0].attempts.iter().map(|attempt| attempt.outcome.as_str()).collect();
        let mut expected = vec![row.class; row.asked];
        expected.push("ok");
        assert_eq!(outcomes, expected, "{}: the request log", row.name);
        let next: Vec<&str> = log[0].attempts.iter().map(|attempt| attempt.next.as_str()).collect();
        let moved: &[&str] = if row.asked == 2 { &["retried", "next platform", ""] } else { &["next platform", ""] };
        assert_eq!(next, moved, "{}: why it moved on", row.name);
        assert_eq!(log[0].bytes, crate::support::png(1).len() as u64, "{}: what the picture weighs", row.name);
        assert!(bench.store.unfinished().await.expect("journal").is_empty(), "{}: nothing is left open", row.name);
    }
}

#[tokio::test]
async fn a_page_instead_of_an_answer_moves_on() {
    let html = || Ok(WireReply::scripted(200, &[("content-type", "text/html")], "<!doctype html><title>Welcome</title>"));
    let (bench, bad) = first_in_trouble(PLAIN, html).await;
    let (pictures, outcome) = bench.draw(ask(1)).await;
    assert!(outcome.is_ok() && pictures.len() == 1);
    let bad = bad.lock().expect("lock").clone().expect("asked");
    assert!(bench.asked(&bad) <= 2, "at most one repetition");
}

#[tokio::test]
async fn a_refused_prompt_is_not_carried_from_platform_to_platform() {
    let refusal = || json(400, &[], r#"{"error":{"message":"blocked","code":"content_policy_violation"}}"#);
    let (bench, _) = first_in_trouble(PLAIN, refusal).await;
    let (_, outcome) = bench.draw(ask(1)).await;
    let failure = outcome.expect_err("refused");
    assert_eq!((failure.fault.class, bench.wire.recorded().len()), (Class::ContentRejected, 1));
    assert_eq!(failure.fault.upstream.as_deref(), Some("blocked"));

    let config = PLAIN.replacen('{', r#"{"routing":{"failoverOnModeration":true},"#, 1);
    let (bench, _) = first_in_trouble(&config, refusal).await;
    assert!(bench.draw(ask(1)).await.1.is_ok(), "unless the operator wants it");
}

#[tokio::test]
async fn a_picture_that_may_have_been_charged_is_made_good_once() {
    let bench = bench(PLAIN, &[("https://one.example", "a"), ("https://two.example", "b"), ("https://three.example", "c")], |_| {
        fault(WireFaultKind::Broken, true)
    })
    .await;
    let failure = bench.draw(ask(1)).await.1.expect_err("nobody draws");
    assert_eq!((failure.fault.class, bench.wire.recorded().len(), failure.attempts.len()), (Class::UpstreamFault, 2, 2));
}

/// Proves R-API-3, R-RTY-2.
#[tokio::test]
async fn at_most_three_keys_of_an_upstream_are_tried() {
    let keys: Vec<(String, String)> = (0..6).map(|i| ("https://one.example".to_owned(), format!("k{i}"))).collect();
    let keys: Vec<(&str, &str)> = keys.iter().map(|(a, k)| (a.as_str(), k.as_str())).collect();
    let bench = bench(PLAIN, &keys, |_| json(429, &[("retry-after", "60")], "{}")).await;
    let failure = bench.draw(ask(1)).await.1.expect_err("nobody draws");
    assert_eq!((failure.fault.class, bench.wire.recorded().len()), (Class::RateLimited, 3));
    let used: std::collections::BTreeSet<String> =
        bench.wire.recorded().iter().filter_map(|r| r.header("authorization").map(str::to_owned)).collect();
    assert_eq!(used.len(), 3, "three different keys");
}

#[tokio::test]
async fn when_all_keys_rest_nothing_is_sent_and_the_caller_learns_until_when() {
    let bench = bench(PLAIN, &KEYS[..1], |_| json(429, &[("retry-after", "20")], "{}")).await;
    assert!(bench.draw(ask(1)).await.1.is_err());
    let failure = bench.draw(ask(1)).await.1.expect_err("resting");
    assert_eq!(
        (failure.fault.class, failure.fault.retry_after.map(|w| w.as_secs()), bench.wire.recorded().len()),
        (Class::NoKey, Some(20), 1)
    );
    bench.clock.advance_ms(20_000);
    assert!(bench.draw(ask(1)).await.1.is_err());
    assert_eq!(bench.wire.recorded().len(), 2, "asked again once the time is over");
}

#[tokio::test]
async fn an_open_breaker_sends_its_upstream_to_the_end_of_plans() {
    let (bench, bad) = first_in_trouble(PLAIN, || json(503, &[], "{}")).await;
    for _ in 0..40 {
        assert!(bench.draw(ask(1)).await.1.is_ok());
    }
    let bad = bad.lock().expect("lock").clone().expect("asked");
    assert_eq!(bench.asked(&bad), 5, "five failures in a row open the breaker; from then on the other one is first");
}

/// Proves R-DUR-6.
#[tokio::test]
async fn several_pictures_are_fanned_out_and_what_is_missing_is_said() {
    let count = Arc::new(Mutex::new(0u8));
    let bench = bench(PLAIN, &KEYS[..1], move |_| {
        let mut count = count.lock().expect("lock");
        *count += 1;
        if *count == 2 { json(400, &[], r#"{"error":{"message":"no","code":"content_policy_violation"}}"#) } else { picture(*count) }
    })
    .await;
    let (pictures, outcome) = bench.draw(ask(4)).await;
    let summary = outcome.expect("three of four");
    assert_eq!((pictures.len(), summary.asked, summary.pictures, summary.warnings.len()), (3, 4, 3, 1));
    let mut indices: Vec<u32> = pictures.iter().map(|(index, _)| *index).collect();
    indices.dedup();
    assert_eq!(indices.len(), 3, "every picture has its own place");
    assert_eq!(bench.store.count().await.expect("gallery"), 3);
    bench.engine.drain(std::time::Duration::from_secs(5)).await;
    let log = RequestLog::page(&*bench.store, None, 10).await.expect("log");
    assert_eq!(log[0].bytes, 3 * crate::support::png(1).len() as u64, "what they weigh together");
}

#[tokio::test]
async fn seeds_differ_within_a_request_and_repeat_between_requests() {
    let bench = bench(PLAIN, &KEYS[..1], |_| picture(9)).await;
    let mut asked = ask(3);
    asked.extras = Extras { seed: Some(5), ..Extras::default() };
    for _ in 0..2 {
        assert!(bench.draw(asked.clone()).await.1.is_ok());
    }
    let mut seeds: Vec<String> = bench
        .wire
        .recorded()
        .iter()
        .filter_map(|r| String::from_utf8_lossy(&r.body).split("\"seed\":").nth(1).map(|s| s[..1].to_owned()))
        .collect();
    seeds.sort();
    assert_eq!(seeds, ["5", "5", "6", "6", "7", "7"]);
}

#[tokio::test]
async fn health_of_keys_is_stored() {
    let (bench, _) = first_in_trouble(PLAIN, || json(401, &[], "{}")).await;
    assert!(bench.draw(ask(1)).await.1.is_ok());
    bench.engine.drain(std::time::Duration::from_secs(5)).await;
    let stored = bench.store.keys().await.expect("keys");
    let disabled: Vec<_> = stored.iter().filter(|key| key.health.disabled_reason.is_some()).collect();
    assert_eq!(disabled.len(), 1);
    assert_eq!((disabled[0].health.calls, disabled[0].health.errors, disabled[0].health.last_used), (1, 1, Some(Timestamp(NOW.0))));
    let sealed: Vec<u8> = stored.iter().flat_map(|key| key.sealed.clone()).collect();
    assert!(!String::from_utf8_lossy(&sealed).contains("sk-one"), "keys are never stored in the clear");
}

/// Five draws against an upstream that always fails so, and whether its breaker is open then.
async fn down_after_five(trouble: fn() -> Answered) -> (Bench, bool) {
    let bench = bench(PLAIN, &KEYS[..1], move |_| trouble()).await;
    for _ in 0..5 {
        assert!(bench.draw(ask(1)).await.1.is_err());
        bench.clock.advance_ms(86_400_000);
    }
    let down = is_down(&bench);
    (bench, down)
}

fn is_down(bench: &Bench) -> bool {
    bench.engine.snapshot().upstreams.iter().find(|u| u.name() == "NewApi").expect("upstream").is_down()
}

/// Only what speaks against the upstream itself opens its breaker; limits, keys and prompts do not.
///
/// Proves F-38, F-41.
#[tokio::test]
async fn the_breaker_counts_what_speaks_against_the_upstream() {
    for row in &TABLE {
        let against = ["upstream_fault", "timeout", "overloaded"].contains(&row.class);
        let (_, down) = down_after_five(row.trouble).await;
        assert_eq!(down, against, "{}", row.name);
    }
}

#[tokio::test]
async fn a_fault_found_before_anything_is_sent_says_nothing_of_the_upstream() {
    let (bench, down) = down_after_five(|| json(503, &[], "{}")).await;
    let sent = bench.wire.recorded().len();
    let mut edit = ask(1);
    edit.task = ir_model::Task::Edit;
    let failure = bench.draw(edit).await.1.expect_err("an edit needs a picture");
    assert_eq!((failure.fault.class, bench.wire.recorded().len()), (Class::InvalidRequest, sent));
    assert!(down && is_down(&bench), "the breaker is as open as before");
}

/// Steps that ask or prepare cannot be charged: they use up no other upstream's chance.
#[tokio::test]
async fn servers_that_hang_before_they_draw_are_passed_by() {
    let config = r#"{"system":{"modes":{"relay":false,"backend":true}},"providers":{"HuggingFace":{"enabled":true}}}"#;
    let bench = bench(config, &[], |_| fault(WireFaultKind::Timeout(Phase::FirstByte), true)).await;
    let failure = bench.draw(ask(1)).await.1.expect_err("nobody draws");
    assert_eq!((failure.fault.class, failure.fault.charge, bench.wire.recorded().len()), (Class::Timeout, Charge::No, 4));
}

/// Where every upstream is down, a request asks one of them, once: it does not multiply their load.
///
/// Proves F-45.
#[tokio::test]
async fn an_outage_of_all_is_not_multiplied() {
    for trouble in [|| json(503, &[], "{}"), || json(500, &[], "{}")] {
        let bench = bench(PLAIN, &KEYS, move |_| trouble()).await;
        // Days apart, lest keys cool down and the budget of retries run out.
        let down = || bench.engine.snapshot().upstreams.iter().filter(|u| u.name() == "NewApi").all(|u| u.is_down());
        for _ in 0..20 {
            assert!(bench.draw(ask(1)).await.1.is_err());
            bench.clock.advance_ms(86_400_000);
        }
        assert!(down(), "both breakers are open");
        let before = bench.wire.recorded().len();
        for _ in 0..10 {
            assert!(bench.draw(ask(1)).await.1.is_err());
            bench.clock.advance_ms(86_400_000);
        }
        assert_eq!(bench.wire.recorded().len() - before, 10);
    }
}
