//! Five platforms in one plan, by weight and alias, each failing in its own way: the request ends at the
//! one that works, and the request log tells the story.

use crate::client;
use crate::platforms::{DOUBAO, GITEE, MODEL_SCOPE, NEW_API, POLLINATIONS, Platform, pictures};
use crate::support::Setup;
use ir_model::{ManualClock, Timestamp};
use ir_sim::{Behaviour, Script, Sim};
use ir_store::{RequestLog as _, SqliteStore};
use serde_json::{Value, json};
use std::sync::Arc;

/// In falling weight: how each fails, its class in the log, and the state of its key afterwards.
const STORY: [(&Platform, &str, &str, &str); 5] = [
    (&DOUBAO, "status=401 code=AuthenticationError", "key_rejected", "disabled ("),
    (&GITEE, "status=402", "quota_exhausted", "cooling until"),
    (&MODEL_SCOPE, "case=task-failed", "invalid_request", "good"),
    (&POLLINATIONS, "status=503", "overloaded", "good"),
    (&NEW_API, "", "ok", "good"),
];

/// The last request of the log: platform and outcome of every attempt.
async fn told(setup: &Setup) -> Vec<(String, String)> {
    let store = SqliteStore::open(&setup.data(), Arc::new(ManualClock::at(Timestamp(0)))).unwrap();
    let last = store.page(None, 1).await.unwrap().remove(0);
    assert_eq!((last.outcome.as_str(), last.provider.as_deref()), ("ok", Some("NewApi")));
    last.attempts.into_iter().map(|one| (one.provider, one.outcome)).collect()
}

#[tokio::test]
async fn five_platforms_fail_over_to_the_one_that_works() {
    let mut setup = Setup::new();
    let mut sims: Vec<Sim> = Vec::new();
    for (at, (platform, failing, ..)) in STORY.iter().enumerate() {
        let sim = platform.sim().await;
        if !failing.is_empty() {
            sim.script(Script::always(Behaviour::from_directives(failing).unwrap()));
        }
        setup = platform.add(setup, &sim);
        let variable = |name: &str| format!("IMG_ROUTER_PROVIDERS_{}_TEXT_{name}", platform.name.to_uppercase());
        setup = setup.env(&variable("WEIGHT"), (90 - at * 10).to_string()).env(&variable("MODEL_MAP"), "house-style");
        sims.push(sim);
    }
    // A second key of the first platform, which is tried before the next platform is.
    setup.run(&["keys", "add", DOUBAO.name, "3f2b1c9e-0a4d-4e8f-9c1b-7d6e5f4a3b2c"]);
    let running = setup.start();
    let body = json!({"model": "house-style", "prompt": "a boat", "response_format": "b64_json"});
    let answer = client::post(running.port, "/v1/images/generations", &body).await.unwrap();
    assert_eq!(answer.status, 200, "{}\n{}", String::from_utf8_lossy(&answer.body), running.log());
    assert_eq!((answer.header("x-img-router-provider"), answer.header("x-img-router-attempts")), ("NewApi", "6"));
    assert_eq!(pictures(&answer.json()).await.len(), 1);
    for (sim, (platform, ..)) in sims.iter().zip(STORY) {
        let asked = sim.ledger().drawings().len();
        assert_eq!(asked, if platform.name == "Doubao" { 2 } else { 1 }, "{}", platform.name);
    }
    running.stop();
    for (platform, _, _, state) in STORY {
        let keys: Value = serde_json::from_str(&setup.run(&["keys", "list", platform.name, "--json"])).unwrap();
        for key in keys.as_array().unwrap() {
            assert!(key["state"].as_str().unwrap().starts_with(state), "{}: {key}", platform.name);
        }
    }
    let mut story: Vec<(String, String)> = STORY.iter().map(|(one, _, class, _)| (one.name.to_owned(), (*class).to_owned())).collect();
    story.insert(0, story[0].clone());
    assert_eq!(told(&setup).await, story);
}
