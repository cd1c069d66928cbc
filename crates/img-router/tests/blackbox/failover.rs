//! Two places that draw, one of them broken: the caller gets the picture, nobody is asked too often,
//! and the keys end in the state that the kind of failure calls for.

use crate::client;
use crate::support::Setup;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ir_sim::{Behaviour, PictureSpec, Script, Sim, SimConfig};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::time::{Duration, Instant};

const BAD: &str = "sk-bad-0123456789abcdef";
const GOOD: &str = "sk-good-0123456789abcdef";
/// Both places weigh the same, so the first choice is drawn by lot: this often before it must have
/// fallen on the broken one.
const TURNS: usize = 30;

struct Case {
    name: &'static str,
    /// How the broken one answers, in the simulator's words; `None`: nothing listens.
    broken: Option<&'static str>,
    /// How often a request may ask the broken one.
    most: usize,
    /// The beginning of its key's state afterwards.
    state: &'static str,
    /// Whether requests to come stay away from it.
    shunned: bool,
}

const CASES: &[Case] = &[
    Case { name: "down", broken: None, most: 2, state: "good", shunned: false },
    Case { name: "slow", broken: Some("delay=60000"), most: 1, state: "good", shunned: false },
    Case { name: "silent after the head", broken: Some("body-delay=60000"), most: 1, state: "good", shunned: false },
    Case { name: "out of quota", broken: Some("status=402"), most: 1, state: "cooling until", shunned: true },
    Case {
        name: "quota as 429",
        broken: Some("status=429 code=insufficient_quota type=insufficient_quota"),
        most: 1,
        state: "cooling until",
        shunned: true,
    },
    Case { name: "rate limit", broken: Some("status=429 retry-after=600"), most: 1, state: "cooling until", shunned: true },
    Case { name: "dead key", broken: Some("status=401 code=invalid_api_key"), most: 1, state: "disabled (", shunned: true },
    Case { name: "overloaded", broken: Some("status=503"), most: 1, state: "good", shunned: false },
    Case { name: "failing", broken: Some("status=500"), most: 2, state: "good", shunned: false },
    Case { name: "a page", broken: Some("html"), most: 2, state: "good", shunned: false },
    Case { name: "no picture", broken: Some("empty-data"), most: 2, state: "good", shunned: false },
    Case { name: "cut before the head", broken: Some("cut=request"), most: 2, state: "good", shunned: false },
    Case { name: "cut in the body", broken: Some("cut=mid"), most: 1, state: "good", shunned: false },
    Case { name: "reset in the body", broken: Some("cut=reset-mid"), most: 1, state: "good", shunned: false },
    Case { name: "a torn picture", broken: Some("picture=truncated"), most: 1, state: "good", shunned: false },
    Case { name: "a page for a picture", broken: Some("picture=html"), most: 1, state: "good", shunned: false },
];

async fn sim() -> Sim {
    Sim::start(SimConfig { picture: PictureSpec::exactly(20_000), models: vec!["sim".into()], ..SimConfig::default() }).await.unwrap()
}

/// An address at which nothing listens.
fn nowhere() -> String {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("http://127.0.0.1:{port}")
}

fn state_of(setup: &Setup, base_url: &str) -> Value {
    let keys: Value = serde_json::from_str(&setup.run(&["keys", "list", "NewApi", "--json"])).unwrap();
    keys.as_array().unwrap().iter().find(|key| key["baseUrl"] == base_url).unwrap().clone()
}

async fn play(case: &Case) {
    let (good, bad) = (sim().await, sim().await);
    let bad_url = case.broken.map_or_else(nowhere, |line| {
        bad.script(Script::always(Behaviour::from_directives(line).unwrap()));
        bad.url().to_owned()
    });
    // Waited for in vain: everything else is soon known.
    let is_silent = case.broken.is_some_and(|line| line.contains("delay="));
    let host = |url: &str| url.strip_prefix("http://").unwrap().to_owned();
    let setup = Setup::new()
        .env("IMG_ROUTER_ALLOW_PRIVATE", format!("{},{}", host(good.url()), host(&bad_url)))
        .env("IMG_ROUTER_PROVIDERS_NEWAPI_ENABLED", "1")
        .env("IMG_ROUTER_PROVIDERS_NEWAPI_TEXT_MODEL", "sim")
        .env("API_TIMEOUT_MS", if is_silent { "5000" } else { "60000" });
    setup.run(&["keys", "add", "NewApi", "--base-url", good.url(), GOOD]);
    setup.run(&["keys", "add", "NewApi", "--base-url", &bad_url, BAD]);
    let running = setup.start();
    let asked_of_bad = |answer: &client::Answer| answer.header("x-img-router-attempts").parse::<usize>().unwrap() - 1;
    let mut met = false;
    for _ in 0..TURNS {
        let before = (good.ledger().drawings().len(), bad.ledger().drawings().len());
        let began = Instant::now();
        let answer = client::post(running.port, "/v1/images/generations", &json!({"prompt": "a boat", "response_format": "b64_json"}))
            .await
            .unwrap();
        let took = began.elapsed();
        assert_eq!(answer.status, 200, "{}: {}", case.name, String::from_utf8_lossy(&answer.body));
        let picture = STANDARD.decode(answer.json()["data"][0]["b64_json"].as_str().unwrap()).unwrap();
        assert_eq!((picture.len(), &picture[..4]), (20_000, &b"\x89PNG"[..]), "{}", case.name);
        assert!(took < Duration::from_secs(30), "{}: {took:?}", case.name);
        let (of_good, of_bad) = (good.ledger().drawings().len() - before.0, bad.ledger().drawings().len() - before.1);
        assert_eq!(of_good, 1, "{}: asked the good one", case.name);
        assert!(asked_of_bad(&answer) <= case.most, "{}: {} attempts", case.name, asked_of_bad(&answer));
        assert!(case.broken.is_none() || of_bad == asked_of_bad(&answer), "{}: asked the bad one {of_bad} times", case.name);
        if met {
            assert!(!case.shunned || asked_of_bad(&answer) == 0, "{}: asked again", case.name);
            break;
        }
        met = asked_of_bad(&answer) > 0;
    }
    assert!(met, "{}: never met", case.name);
    running.stop();
    let (spoilt, sound) = (state_of(&setup, &bad_url), state_of(&setup, good.url()));
    assert!(spoilt["state"].as_str().unwrap().starts_with(case.state), "{}: {spoilt}", case.name);
    assert!(
        spoilt["errors"].as_u64().unwrap() >= 1 && spoilt["successes"] == 0 && spoilt["lastError"].is_string(),
        "{}: {spoilt}",
        case.name
    );
    assert_eq!((&sound["state"], &sound["errors"]), (&json!("good"), &json!(0)), "{}: {sound}", case.name);
    for entry in bad.ledger().entries().iter().filter(|entry| entry.key.is_some()) {
        assert_eq!(entry.key.as_deref(), Some(BAD), "{}: a key went to the wrong place", case.name);
    }
}

/// Proves F-1, F-10, F-12, F-14, F-17, F-22, F-26, F-33, F-34, F-38, F-41, R-API-5, R-RTY-1.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_other_one_draws() {
    for case in CASES {
        play(case).await;
    }
}

/// When nothing helps, the caller learns what happened, with every attempt, and no key.
///
/// Proves R-ERR-1.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_broken() {
    let (one, two) = (sim().await, sim().await);
    one.script(Script::always(Behaviour::from_directives(&format!("status=500 message=key_{BAD}_is_bad")).unwrap()));
    two.script(Script::always(Behaviour::rate_limited(7)));
    let host = |sim: &Sim| sim.url().strip_prefix("http://").unwrap().to_owned();
    let setup = Setup::new()
        .env("IMG_ROUTER_ALLOW_PRIVATE", format!("{},{}", host(&one), host(&two)))
        .env("IMG_ROUTER_PROVIDERS_NEWAPI_ENABLED", "1")
        .env("IMG_ROUTER_PROVIDERS_NEWAPI_TEXT_MODEL", "sim");
    setup.run(&["keys", "add", "NewApi", "--base-url", one.url(), BAD]);
    setup.run(&["keys", "add", "NewApi", "--base-url", two.url(), GOOD]);
    let running = setup.start();
    let answer = client::post(running.port, "/v1/images/generations", &json!({"prompt": "a boat"})).await.unwrap();
    assert_eq!((answer.status, answer.header("retry-after")), (429, "7"), "{}", String::from_utf8_lossy(&answer.body));
    let error = answer.json()["error"].clone();
    assert_eq!(error["code"], "rate_limit_exceeded");
    let codes: Vec<&str> = error["attempts"].as_array().unwrap().iter().map(|note| note["code"].as_str().unwrap()).collect();
    assert!(codes.len() <= 3 && codes.contains(&"rate_limit_exceeded") && codes.contains(&"upstream_error"), "{codes:?}");
    let text = String::from_utf8_lossy(&answer.body);
    for secret in [BAD, GOOD, &host(&one), &host(&two)] {
        assert!(!text.contains(secret), "{secret} leaked: {text}");
    }
    let log = running.log();
    assert!(!log.contains(BAD) && !log.contains(GOOD), "a key stands in the log:\n{log}");
    running.stop();
}
