//! Connections that do not come about, break, stall or lie.

use super::{Ail, Row, World, always, code, ground, play, sim, stored, until};
use ir_sim::proxy::{End, Faults, Proxy};
use ir_sim::{Behaviour, Script};
use std::time::{Duration, Instant};

const fn row(name: &'static str, ail: Ail, asked: usize) -> Row {
    Row { name, ail, status: 502, code: "upstream_error", asked, outcome: "upstream_fault", attempts: 1, billed: 1, key: "active" }
}

const fn unsent(name: &'static str, ail: Ail) -> Row {
    Row { attempts: 2, billed: 0, ..row(name, ail, 0) }
}

const fn late(name: &'static str, ail: Ail, asked: usize) -> Row {
    Row { status: 504, code: "upstream_timeout", outcome: "timeout", ..row(name, ail, asked) }
}

const CALM: Faults = Faults { latency: Duration::ZERO, drip: None, answer_end: None, request_end: None, corrupt: None, blackhole: false };

/// A refused connection is 502 `upstream_error` like every fault of a platform, and the wait for the first byte is that of
/// `API_TIMEOUT_MS`: the table of failures says so.
const ALONE: &[Row] = &[
    unsent("nobody listens", Ail::Refuses),
    unsent("no such name", Ail::At("http://no-such-host.invalid:8080")),
    unsent("no TLS where TLS is asked for", Ail::Tls),
    row("reset after the request", Ail::Says("cut=reset"), 1),
    row("closed after the request", Ail::Says("cut=request"), 1),
    row("reset in the midst of the request", Ail::Wire(Faults { request_end: Some((60, End::Reset)), ..CALM }), 0),
    row("closed in the midst of the head", Ail::Wire(Faults { answer_end: Some((20, End::Close)), ..CALM }), 1),
    row("half closed in the midst of the answer", Ail::Wire(Faults { answer_end: Some((2_000, End::Half)), ..CALM }), 1),
    row("reset in the midst of the answer", Ail::Wire(Faults { answer_end: Some((2_000, End::Reset)), ..CALM }), 1),
    row("a length above the body's", Ail::Says("length=longer"), 1),
    row("a length below the body's", Ail::Says("length=shorter"), 1),
    late("a black hole", Ail::Wire(Faults { blackhole: true, ..CALM }), 0),
    late("no head", Ail::Says("delay=6000"), 1),
    late("a head, then silence", Ail::Says("body-delay=20000"), 1),
    late("half an answer, then silence", Ail::Wire(Faults { answer_end: Some((9_000, End::Silence)), ..CALM }), 1),
    late("drop by drop", Ail::Says("drip=1/200"), 1),
];

/// Proves F-2, F-4, F-6, F-10, F-12, F-13, F-14, F-17, F-18, R-TMO-2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_alone_behind_a_broken_network() {
    let world = play(ground().env("API_TIMEOUT_MS", "4000"), ALONE).await;
    // The answer of the one that was too slow comes to nobody.
    tokio::time::sleep(Duration::from_millis(2_700)).await;
    assert_eq!(stored(&world.running.data()).len(), 0);
    world.running.stop();
}

/// An answer that is followed by another, forged one is taken, and the forged one is not.
///
/// Proves F-18.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_answer_behind_an_answer_reaches_nobody() {
    let sim = sim().await;
    let world = World::start(ground(), &[sim.url()]).await;
    world.add(sim.url(), "sk-0123456789abcdef", &["any"]).await;
    always(&sim, "length=smuggled");
    for turn in 1..=3 {
        let answer = world.draw("any").await;
        assert_eq!((answer.status, answer.json()["data"].as_array().map(Vec::len)), (200, Some(1)));
        assert_eq!((sim.ledger().drawings().len(), world.attempts("ok").await), (turn, turn as u64));
    }
    world.running.stop();
}

/// Waits until no connection is open at the proxy, and a moment more for the gateway to read that.
async fn closed(proxy: &Proxy) {
    until("closed", async || proxy.open() == 0).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
}

/// Proves F-8.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_connection_that_was_closed_costs_a_request_only_if_it_was_heard() {
    let sim = sim().await;
    let proxy = Proxy::start(sim.url()).await.unwrap();
    let url = proxy.url();
    let world = World::start(ground(), &[&url]).await;
    world.add(&url, "sk-0123456789abcdef", &["any"]).await;
    // Closed between two requests: another connection is opened, and nobody notices.
    always(&sim, "cut=after");
    for turn in 1..=3 {
        let answer = world.draw("any").await;
        assert_eq!((answer.status, answer.header("x-img-router-attempts")), (200, "1"));
        assert_eq!(sim.ledger().drawings().len(), turn);
        closed(&proxy).await;
    }
    sim.script(Script::default());

    // Reset once the second request on it has begun to arrive: it may have been heard.
    proxy.set(CALM);
    let before = proxy.seen().len();
    assert_eq!(world.draw("any").await.status, 200);
    let heard = proxy.seen()[before].asked();
    proxy.refuse().await;
    closed(&proxy).await;
    proxy.accept().await.unwrap();
    proxy.next([Faults { request_end: Some((heard + 100, End::Reset)), ..CALM }]);
    assert_eq!(world.draw("any").await.status, 200);
    let (drawn, ok) = (sim.ledger().drawings().len(), world.attempts("ok").await);
    let broken = world.draw("any").await;
    assert_eq!((broken.status, code(&broken), broken.header("x-should-retry")), (502, "upstream_error".to_owned(), "false"));
    assert_eq!((sim.ledger().drawings().len(), world.attempts("ok").await, world.billed().await), (drawn, ok, 1));
    world.at_rest().await;
    world.running.stop();
}

/// A refused connection costs little where another place can draw: less than the pause before a repetition and some more.
///
/// Proves F-1.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_connection_costs_little_where_others_exist() {
    let (good, bad) = (sim().await, sim().await);
    let proxy = Proxy::start(bad.url()).await.unwrap();
    let url = proxy.url();
    let world = World::start(ground(), &[good.url(), &url]).await;
    world.add(good.url(), "sk-good-0123456789ab", &["any"]).await;
    let key = world.add(&url, "sk-bad-0123456789abc", &["any"]).await;
    proxy.refuse().await;
    let mut most = Duration::ZERO;
    until("refused", async || {
        let began = Instant::now();
        assert_eq!(world.draw("any").await.status, 200);
        most = most.max(began.elapsed());
        world.attempts("upstream_fault").await > 0
    })
    .await;
    println!("the slowest request with a refused connection took {most:?}");
    assert!(most < Duration::from_secs(15), "{most:?}");
    world.at_rest().await;
    let key = world.key(&key).await;
    assert_eq!((key["status"].as_str(), key["successCount"].as_u64()), (Some("active"), Some(0)), "{key}");
    assert_eq!(world.billed().await, 0);
    world.running.stop();
}

/// A stream of pictures that ends before the last one: what came is the caller's.
///
/// Proves F-29, R-DUR-6.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fewer_pictures_are_delivered_and_more_are_kept() {
    let sim = sim().await;
    let world = World::start(ground(), &[sim.url()]).await;
    world.add(sim.url(), "sk-0123456789abcdef", &["any"]).await;
    let behave = |line: &str| Behaviour::from_directives(line).unwrap();
    sim.script(Script::in_turn([behave("n=1")]).rule(ir_sim::When::default(), None, behave("status=503")));
    let ask = |n: u32| serde_json::json!({"model": "any", "prompt": "a boat", "n": n, "response_format": "b64_json"});
    let fewer = world.ask(ask(3)).await;
    assert_eq!((fewer.status, fewer.json()["data"].as_array().unwrap().len()), (200, 1), "{:?}", fewer.headers);
    assert!(fewer.header("x-img-router-warning").contains("1 of 3 pictures"), "{:?}", fewer.headers);
    assert_eq!(stored(&world.running.data()).len(), 1);

    always(&sim, "n=4");
    let more = world.ask(ask(1)).await;
    assert_eq!((more.status, more.json()["data"].as_array().unwrap().len()), (200, 1));
    until("the others are kept", async || stored(&world.running.data()).len() == 5).await;
    world.at_rest().await;
    world.running.stop();
}

/// Whatever is tried, it ends with the request's deadline, and within a few attempts.
///
/// Proves R-TMO-1, P-4.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_lasts_longer_than_its_deadline() {
    let sims = futures_util::future::join_all((0..3).map(|_| sim())).await;
    let urls: Vec<&str> = sims.iter().map(|sim| sim.url()).collect();
    let world = World::start(ground().env("IMG_ROUTER_ROUTING_DEADLINE", "8"), &urls).await;
    let models = ["silent", "dripping", "limited"];
    for (sim, directives) in sims.iter().zip(["delay=60000", "drip=1/500", "status=429 retry-after=20"]) {
        always(sim, directives);
    }
    for (at, url) in urls.iter().enumerate() {
        world.add(url, &format!("sk-{at}-0123456789abcdef"), &[models[at]]).await;
    }
    let began = Instant::now();
    let answers = futures_util::future::join_all(models.iter().map(|model| async {
        let answer = world.draw(model).await;
        (answer, began.elapsed())
    }))
    .await;
    let wanted = [(504, "upstream_timeout"), (504, "upstream_timeout"), (429, "rate_limit_exceeded")];
    for ((answer, took), (status, wanted)) in answers.iter().zip(wanted) {
        assert_eq!((answer.status, code(answer).as_str()), (status, wanted));
        println!("{wanted} after {took:?}");
        // A second above the deadline, and a busy machine.
        assert!(*took < Duration::from_secs(30), "{took:?}");
    }
    // A pause beyond the deadline is not waited for.
    assert!(answers[2].1 < Duration::from_millis(7_900), "{:?}", answers[2].1);
    assert!(sims.iter().all(|sim| sim.ledger().drawings().len() == 1));
    world.at_rest().await;
    world.running.stop();
}
