//! What platforms say by their statuses.

use super::{Ail, Row, World, always, code, ground, host, play, sim};
use ir_model::{Clock, Timestamp};
use ir_sim::{Behaviour, Script, When};
use std::time::{Duration, Instant};

const fn row(status: u16, code: &'static str, outcome: &'static str, directives: &'static str) -> Row {
    Row { name: directives, ail: Ail::Says(directives), status, code, asked: 1, outcome, attempts: 1, billed: 0, key: "active" }
}

const fn refused(directives: &'static str) -> Row {
    row(400, "content_policy_violation", "content_rejected", directives)
}

const fn key(status: u16, code: &'static str, outcome: &'static str, state: &'static str, directives: &'static str) -> Row {
    Row { key: state, ..row(status, code, outcome, directives) }
}

/// Failed, and nobody knows whether it drew: another place may draw, this one does not again.
const fn failed(directives: &'static str) -> Row {
    Row { billed: 1, ..row(502, "upstream_error", "upstream_fault", directives) }
}

/// Did not reach what draws: asked once more.
const fn twice(directives: &'static str) -> Row {
    Row { asked: 2, attempts: 2, ..row(502, "upstream_error", "upstream_fault", directives) }
}

/// A body that is too large for a platform is the caller's fault there, 400, as the table of failures says: another platform may
/// take it. Likewise 402 is 429 `insufficient_quota`, and a rejected key 502 `upstream_auth_error`.
const ALONE: &[Row] = &[
    refused("moderation"),
    refused("status=200 code=content_filter"),
    refused("status=451"),
    refused("status=403 shape=text message=refused_by_our_safety_system"),
    key(502, "upstream_auth_error", "key_rejected", "disabled", "status=401 code=invalid_api_key"),
    key(502, "upstream_auth_error", "key_rejected", "disabled", "status=403 code=account_suspended"),
    key(429, "insufficient_quota", "quota_exhausted", "cooling", "status=402"),
    key(429, "insufficient_quota", "quota_exhausted", "cooling", "status=429 code=insufficient_quota"),
    key(429, "insufficient_quota", "quota_exhausted", "cooling", "status=403 message=insufficient_balance"),
    key(429, "rate_limit_exceeded", "rate_limited", "cooling", "status=429 retry-after=600"),
    row(400, "invalid_request_error", "invalid_request", "status=413"),
    row(400, "invalid_request_error", "invalid_request", "status=422"),
    row(404, "model_not_found", "model_not_found", "status=404 code=model_not_found"),
    twice("status=409"),
    twice("status=425"),
    twice("status=521"),
    twice("status=522"),
    twice("status=523"),
    failed("status=408"),
    failed("status=500"),
    failed("status=502"),
    failed("status=504"),
    failed("status=520"),
    failed("status=524"),
    row(503, "upstream_overloaded", "overloaded", "status=503"),
    row(503, "upstream_overloaded", "overloaded", "status=529"),
];

/// Proves F-32, F-33, F-34, F-36, F-37, F-41, R-RTY-1, R-KEY-2, R-ERR-1.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_alone_that_refuses() {
    let world = play(ground(), ALONE).await;
    world.running.stop();
}

/// One key: a short pause is waited for, in whatever form it is told; another key is used at once.
///
/// Proves F-38, R-KEY-4.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_pause_is_waited_for_where_no_other_key_is_left() {
    let forms = ["retry-after", "retry-after-ms", "x-ratelimit-reset-requests", "x-ratelimit-reset"];
    let mut plays = Vec::new();
    for at in 0..forms.len() {
        plays.push((sim().await, format!("m-{at}")));
    }
    let urls: Vec<&str> = plays.iter().map(|(sim, _)| sim.url()).collect();
    let world = World::start(ground(), &urls).await;
    for (sim, model) in &plays {
        world.add(sim.url(), &format!("sk-{model}-0123456789"), &[model]).await;
    }
    for ((sim, _), name) in plays.iter().zip(forms) {
        let value = match name {
            "retry-after" => httpdate(ir_server::SystemClock.now().secs() + 5),
            "retry-after-ms" => "600".to_owned(),
            "x-ratelimit-reset-requests" => "600ms".to_owned(),
            _ => "1".to_owned(),
        };
        let limited = Behaviour::error(429).header(name, &value);
        sim.script(Script::default().rule(When::default(), Some(1), limited));
    }
    let answers = futures_util::future::join_all(plays.iter().map(|(_, model)| async {
        let began = Instant::now();
        (world.draw(model).await, began.elapsed())
    }))
    .await;
    for ((sim, model), (answer, took)) in plays.iter().zip(&answers) {
        assert_eq!((answer.status, sim.ledger().drawings().len()), (200, 2), "{model}: {}", String::from_utf8_lossy(&answer.body));
        let entries = sim.ledger().drawings();
        let pause = entries[1].at_ms - entries[0].at_ms;
        assert!(pause >= 500 && *took < Duration::from_secs(30), "{model}: asked again after {pause} ms");
    }

    // A second key is used at once, and the first one rests.
    let (sim, model) = &plays[0];
    world.add(sim.url(), "sk-another-0123456789", &[model]).await;
    sim.script(Script::default().rule(When::key("sk-m-0-0123456789"), None, Behaviour::rate_limited(600)));
    let began = sim.ledger().drawings().len();
    for _ in 0..4 {
        assert_eq!(world.draw(model).await.status, 200);
    }
    let asked: Vec<_> = sim.ledger().drawings().split_off(began);
    let of = |key: &str| asked.iter().filter(|entry| entry.key.as_deref() == Some(key)).count();
    assert!(of("sk-m-0-0123456789") <= 1 && of("sk-another-0123456789") == 4, "{asked:?}");
    world.running.stop();
}

/// The HTTP date of so many seconds after the epoch.
fn httpdate(seconds: i64) -> String {
    let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (year, month, day, hour, minute, second) = Timestamp(seconds * 1000).civil();
    let weekday = days[usize::try_from(seconds / 86_400 % 7).unwrap()];
    let month = months[usize::try_from(month).unwrap() - 1];
    format!("{weekday}, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} GMT")
}

/// All keys rest: nobody is asked, and the caller is told until when. 503 `no_available_key` as the table of failures says.
///
/// Proves F-40.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_asked_while_all_keys_rest() {
    let sim = sim().await;
    sim.script(Script::default().rule(When::key("sk-long-0123456789ab"), None, Behaviour::rate_limited(900)).rule(
        When::key("sk-short-0123456789a"),
        None,
        Behaviour::rate_limited(300),
    ));
    let world = World::start(ground(), &[sim.url()]).await;
    for key in ["sk-long-0123456789ab", "sk-short-0123456789a"] {
        world.add(sim.url(), key, &["any"]).await;
    }
    let first = world.draw("any").await;
    assert_eq!((first.status, code(&first), sim.ledger().drawings().len()), (429, "rate_limit_exceeded".to_owned(), 2));
    let mut quickest = Duration::MAX;
    for _ in 0..20 {
        let began = Instant::now();
        let answer = world.draw("any").await;
        quickest = quickest.min(began.elapsed());
        assert_eq!((answer.status, code(&answer)), (503, "no_available_key".to_owned()));
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        assert!((270..=300).contains(&wait), "the key that rests shortest decides: {wait}");
    }
    println!("a refusal while all keys rest took {quickest:?} at best");
    assert_eq!(sim.ledger().drawings().len(), 2, "nobody was asked");
    assert!(quickest < Duration::from_millis(250), "{quickest:?}");
    world.running.stop();
}

/// Whatever a platform says, its address and the key are not told.
///
/// Proves R-ERR-1.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_platform_says_is_told_without_secrets() {
    let sim = sim().await;
    let world = World::start(ground(), &[sim.url()]).await;
    world.add(sim.url(), "sk-secret-0123456789abcdef", &["any"]).await;
    let at = host(sim.url());
    always(&sim, &format!("status=400 code=invalid_value param=size message=size_is_odd_for_sk-secret-0123456789abcdef_at_http://{at}/v1"));
    let answer = world.draw("any").await;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!((answer.status, answer.json()["error"]["param"].as_str()), (400, Some("size")), "{text}");
    assert!(text.contains("size is odd") && !text.contains("0123456789abcdef") && !text.contains(&at), "{text}");
    assert!(text.len() <= 4096);
    world.running.stop();
}
