//! A task that a platform is drawing when the gateway dies is asked for by the next run.

use crate::admin::Operator;
use crate::client;
use crate::platforms::{GITEE, MODEL_SCOPE, Platform};
use crate::support::{SOON, Setup, stored};
use ir_sim::{Behaviour, Script, Sim, When};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Waits until this holds.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < SOON, "never {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Questions after tasks so far.
fn asked(sim: &Sim, question: &str) -> usize {
    sim.ledger().entries().iter().filter(|entry| entry.path.contains(question)).count()
}

async fn newest_request(operator: &Operator) -> Value {
    operator.read("/api/requests?limit=1").await["items"][0].clone()
}

/// Kills the gateway while a platform draws, and looks at what the next run makes of it.
async fn survives(platform: &Platform, model: &str, question: &'static str) {
    let sim = platform.sim().await;
    let setup = platform.add(Setup::new(), &sim);
    sim.script(Script::default().rule(When::path(question), None, Behaviour::from_directives("status=503").unwrap()));
    let running = setup.start();
    let port = running.port;
    let body = json!({"model": model, "prompt": "a boat that outlives its harbour", "response_format": "url"});
    let caller = tokio::spawn(async move { client::post(port, "/v1/images/generations", &body).await });
    until("asked for", async || asked(&sim, question) > 0).await;
    running.kill();
    assert!(caller.await.unwrap().is_err(), "the caller's connection breaks");
    assert!(stored(&setup.data()).is_empty());

    sim.script(Script::default());
    let running = setup.start();
    let operator = Operator::first(&running).await;
    until("drawn", async || stored(&setup.data()).len() == 1).await;
    until("in the request log", async || newest_request(&operator).await["outcome"] == json!("ok")).await;
    let row = newest_request(&operator).await;
    let name = stored(&setup.data())[0].file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(row["prompt"], json!("a boat that outlives its harbour"), "{row}");
    assert_eq!(row["provider"], json!(platform.name), "{row}");
    assert!(row["pictures"].to_string().contains(&name), "{row}");
    let submitted = sim.ledger().drawings().iter().filter(|entry| entry.method == "POST").count();
    assert_eq!(submitted, 1, "it was drawn, and paid for, once");
    running.stop();

    // It has ended: a third run does not ask again.
    let before = asked(&sim, question);
    let running = setup.start();
    let answer = client::get(running.port, &format!("/storage/{name}")).await.unwrap();
    assert_eq!(answer.status, 200);
    running.stop();
    assert_eq!(asked(&sim, question), before);
}

#[tokio::test]
async fn a_task_of_model_scope_survives_a_kill() {
    survives(&MODEL_SCOPE, "auto", "/tasks/").await;
}

#[tokio::test]
async fn a_task_of_gitee_survives_a_kill() {
    survives(&GITEE, "Qwen-Image", "/task/").await;
}
