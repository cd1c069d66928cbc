//! Answers with status 200 that are none.

use super::{Ail, Row, World, always, code, ground, play, sim, stored, until};
use crate::support::Running;
use serde_json::json;

const fn row(name: &'static str, ail: Ail) -> Row {
    Row { name, ail, status: 502, code: "upstream_error", asked: 1, outcome: "upstream_fault", attempts: 1, billed: 1, key: "active" }
}

/// Told with status 200, and free of charge.
const fn told(name: &'static str, ail: Ail, status: u16, code: &'static str, outcome: &'static str, key: &'static str) -> Row {
    Row { status, code, outcome, billed: 0, key, ..row(name, ail) }
}

const fn good(name: &'static str, ail: Ail) -> Row {
    Row { status: 200, code: "", outcome: "ok", billed: 0, ..row(name, ail) }
}

const ALONE: &[Row] = &[
    // A page is no answer of the platform's: it drew nothing, and is asked once more.
    Row { asked: 2, attempts: 2, billed: 0, ..row("a page", Ail::Says("html")) },
    row("nothing", Ail::Says("empty")),
    row("no picture", Ail::Says("empty-data")),
    row("a gzip bomb", Ail::Says("gzip-bomb=256MB")),
    row("a deep document", Ail::Says("deep=10000")),
    row("a document that ends early", Ail::Document("{\"data\":[{\"b64_json\":\"iVBOR")),
    row("not a number", Ail::Document("{\"created\":NaN,\"data\":[]}")),
    row("a key twice", Ail::Document("{\"data\":[],\"data\":[]}")),
    row("a lone surrogate", Ail::Document("{\"data\":[{\"b64_json\":\"\\ud800\"}]}")),
    row("wrong letters", Ail::Says("coding=bad")),
    row("a page for a picture", Ail::Says("picture=html")),
    row("SVG for a picture", Ail::Says("picture=svg")),
    row("a document for a picture", Ail::Says("picture=json")),
    row("half a picture", Ail::Says("picture=truncated")),
    row("a picture with a wrong sum", Ail::Says("picture=bad-crc")),
    row("an error of nobody's", Ail::Document("{\"error\":{\"message\":\"boom\",\"type\":\"server_error\"}}")),
    told(
        "a quota",
        Ail::Document("{\"error\":{\"message\":\"x\",\"code\":\"insufficient_quota\"}}"),
        429,
        "insufficient_quota",
        "quota_exhausted",
        "cooling",
    ),
    told(
        "a limit",
        Ail::Document("{\"error\":{\"message\":\"x\",\"code\":\"rate_limit_exceeded\"}}"),
        429,
        "rate_limit_exceeded",
        "rate_limited",
        "cooling",
    ),
    told(
        "a dead key",
        Ail::Document("{\"error\":{\"message\":\"x\",\"code\":\"invalid_api_key\"}}"),
        502,
        "upstream_auth_error",
        "key_rejected",
        "disabled",
    ),
    told(
        "a refusal",
        Ail::Document("{\"error\":{\"message\":\"x\",\"code\":\"moderation_blocked\"}}"),
        400,
        "content_policy_violation",
        "content_rejected",
        "active",
    ),
    told(
        "no such model",
        Ail::Document("{\"error\":{\"message\":\"x\",\"code\":\"model_not_found\"}}"),
        404,
        "model_not_found",
        "model_not_found",
        "active",
    ),
    told(
        "busy",
        Ail::Document("{\"error\":{\"message\":\"x\",\"code\":\"overloaded_error\"}}"),
        503,
        "upstream_overloaded",
        "overloaded",
        "active",
    ),
    good("a data URI", Ail::Says("coding=data-uri")),
    good("the other alphabet", Ail::Says("coding=url-safe")),
    good("no padding", Ail::Says("coding=unpadded")),
    good("lines", Ail::Says("coding=wrapped")),
];

/// Proves F-21, F-22, F-24, F-25, F-26, F-30, R-API-5.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_alone_that_answers_nonsense() {
    let world = play(ground(), ALONE).await;
    world.running.stop();
}

/// The most memory that a process had, in KiB.
fn peak(running: &Running) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", running.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A picture that does not end is cut at 64 MiB, and no bomb is held in memory.
///
/// Proves F-20, F-21.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bombs_cost_no_memory() {
    let sim = sim().await;
    let world = World::start(ground(), &[sim.url()]).await;
    world.add(sim.url(), "sk-0123456789abcdef", &["any"]).await;
    assert_eq!(world.draw("any").await.status, 200);
    let before = peak(&world.running);
    for bomb in ["gzip-bomb=1GB", "endless=1GB"] {
        always(&sim, bomb);
        let answer = world.draw("any").await;
        assert_eq!((answer.status, code(&answer)), (502, "upstream_error".to_owned()), "{bomb}: {}", world.running.log());
    }
    let grown = peak(&world.running) - before;
    println!("the peak of memory grew by {grown} KiB");
    assert!(grown < 64 * 1024, "{grown} KiB");
    let sent = sim.ledger().drawings().last().unwrap().outcome.clone();
    assert!(!matches!(sent, ir_sim::Outcome::Answered { .. }), "the whole of it was read: {sent:?}");
    world.at_rest().await;
    assert_eq!((stored(&world.running.data()).len(), world.billed().await), (1, 2));
    until("nothing is left of them", async || std::fs::read_dir(world.running.data().join("spool")).unwrap().next().is_none()).await;
    world.running.stop();
}

/// A link that gives no picture is asked for three times; then it is all that the caller can be given,
/// whatever form was asked for, and it may be good elsewhere.
///
/// Proves F-28, F-49.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_fetched_at_once_and_no_more_than_three_times() {
    let sim = sim().await;
    let world = World::start(ground(), &[sim.url()]).await;
    world.add(sim.url(), "sk-0123456789abcdef", &["any"]).await;
    let fetched = || sim.ledger().entries().iter().filter(|entry| entry.path.starts_with("/pic/")).count();
    for (directive, status) in [("pic:status=404", 404), ("pic:status=403", 403)] {
        let before = fetched();
        always(&sim, directive);
        let answer = world.ask(json!({"model": "any", "prompt": "a boat", "response_format": "b64_json"})).await;
        let item = answer.json()["data"][0].clone();
        assert_eq!((answer.status, fetched() - before), (200, 3), "{status}: {item}");
        assert!(item["url"].as_str().is_some_and(|url| url.starts_with(sim.url())) && item.get("b64_json").is_none(), "{item}");
    }
    assert_eq!(stored(&world.running.data()).len(), 0);
    // A good one is fetched within the request: it may be gone a minute later.
    always(&sim, "url");
    let before = fetched();
    let answer = world.ask(json!({"model": "any", "prompt": "a boat", "response_format": "url"})).await;
    assert_eq!((answer.status, fetched() - before, stored(&world.running.data()).len()), (200, 1, 1));
    assert_eq!(sim.ledger().entries().iter().filter(|entry| entry.path.starts_with("/pic/") && entry.key.is_some()).count(), 0);
    world.running.stop();
}
