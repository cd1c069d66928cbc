//! Callers who come back: by the same idempotency key, by the request's id, on purpose or after a
//! broken connection, and across restarts.

use crate::client::{self, Answer};
use crate::platforms::{MODEL_SCOPE, NEW_API, Platform};
use crate::support::{KEY, Running, SOON, Setup, stored};
use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use http_body_util::Full;
use ir_sim::{Behaviour, Script, Sim, When};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const GENERATE: &str = "/v1/images/generations";

fn ask(prompt: &str) -> Value {
    json!({"model": "auto", "prompt": prompt, "response_format": "b64_json"})
}

async fn send(port: u16, body: &Value, headers: &[(&str, &str)]) -> Result<Answer, String> {
    let mut request = Request::post(GENERATE).header("host", "localhost").header("authorization", format!("Bearer {KEY}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    client::ask(port, request.header("content-type", "application/json").body(Full::from(body.to_string())).unwrap()).await
}

async fn keyed(port: u16, body: &Value, key: &str) -> Answer {
    send(port, body, &[("idempotency-key", key)]).await.unwrap()
}

async fn look(port: u16, id: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request =
        Request::get(format!("/v1/images/requests/{id}")).header("host", "localhost").header("authorization", format!("Bearer {KEY}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    client::ask(port, request.body(Full::<Bytes>::default()).unwrap()).await.unwrap()
}

/// Asks until there is another answer than 202.
async fn poll(port: u16, id: &str) -> Answer {
    let began = Instant::now();
    loop {
        let answer = look(port, id, &[]).await;
        if answer.status != 202 {
            return answer;
        }
        assert!(began.elapsed() < SOON, "never ended: {}", answer.json());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < SOON, "never {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn picture(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()["data"][0]["b64_json"].as_str().unwrap().to_owned()
}

fn code(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned())
}

async fn set_up(platform: &Platform) -> (Sim, Setup, Running) {
    let sim = platform.sim().await;
    let setup = platform.add(Setup::new(), &sim);
    let running = setup.start();
    (sim, setup, running)
}

fn drawn(sim: &Sim) -> usize {
    sim.ledger().drawings().iter().filter(|entry| entry.method == "POST").count()
}

/// Proves B-50.
#[tokio::test]
async fn a_repetition_draws_nothing() {
    let (sim, setup, running) = set_up(&NEW_API).await;
    let body = ask("a cat");
    let first = keyed(running.port, &body, "k").await;
    let again = keyed(running.port, &body, "k").await;
    assert_eq!(picture(&first), picture(&again));
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
    assert_eq!(again.header("x-img-router-provider"), "NewApi");
    assert_ne!(first.header("x-request-id"), again.header("x-request-id"));

    // Under another key, or none, it is a request of its own; under the same one it must be the same.
    picture(&keyed(running.port, &body, "another").await);
    picture(&send(running.port, &body, &[]).await.unwrap());
    for other in [ask("a dog"), json!({"model": "auto", "prompt": "a cat"}), json!({"model": "auto", "prompt": "a cat", "n": 2})] {
        let refused = keyed(running.port, &other, "k").await;
        assert_eq!(code(&refused), (422, "idempotency_key_reused".to_owned()), "{other}");
        assert_eq!(refused.json()["error"]["param"], json!("Idempotency-Key"));
        assert_eq!(refused.header("x-should-retry"), "false");
    }
    assert_eq!(drawn(&sim), 3);

    // A restart changes nothing.
    running.stop();
    let running = setup.start();
    assert_eq!(picture(&keyed(running.port, &body, "k").await), picture(&first));
    assert_eq!(drawn(&sim), 3);
}

/// Proves F-70.
#[tokio::test]
async fn fifty_at_once_with_one_key_share_one_drawing() {
    let (sim, _setup, running) = set_up(&NEW_API).await;
    let body = ask("a cat [sim delay=400]");
    let answers = join_all((0..50).map(|_| keyed(running.port, &body, "k"))).await;
    let first = picture(&answers[0]);
    assert!(answers.iter().all(|answer| picture(answer) == first));
    assert_eq!(answers.iter().filter(|answer| answer.header("idempotent-replayed") == "true").count(), 49);
    assert_eq!((drawn(&sim), stored(&running.data()).len()), (1, 1));
}

#[tokio::test]
async fn forms_are_the_same_whatever_their_boundary() {
    let (sim, _setup, running) = set_up(&NEW_API).await;
    let form = |boundary: &str, prompt: &str| {
        let png = base64_of(crate::platforms::RED);
        let mut body = format!("--{boundary}\r\ncontent-disposition: form-data; name=\"prompt\"\r\n\r\n{prompt}\r\n").into_bytes();
        body.extend(
            format!("--{boundary}\r\ncontent-disposition: form-data; name=\"image\"; filename=\"{boundary}.png\"\r\n\r\n").into_bytes(),
        );
        body.extend(png);
        body.extend(format!("\r\n--{boundary}--\r\n").into_bytes());
        Request::post("/v1/images/edits")
            .header("host", "localhost")
            .header("authorization", format!("Bearer {KEY}"))
            .header("idempotency-key", "form")
            .header("content-type", format!("multipart/form-data; boundary={boundary}"))
            .body(Full::from(body))
            .unwrap()
    };
    let first = client::ask(running.port, form("one", "make it blue")).await.unwrap();
    let again = client::ask(running.port, form("another", "make it blue")).await.unwrap();
    assert_eq!(first.status, 200, "{}", String::from_utf8_lossy(&first.body));
    assert_eq!(first.json()["data"], again.json()["data"]);
    assert_eq!(client::ask(running.port, form("one", "make it green")).await.unwrap().status, 422);
    assert_eq!(drawn(&sim), 1);
}

fn base64_of(data_uri: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(data_uri.split_once(',').unwrap().1).unwrap()
}

#[tokio::test]
async fn keys_that_cannot_be_keys_are_named() {
    let (sim, _setup, running) = set_up(&NEW_API).await;
    let long = "k".repeat(256);
    for headers in [
        &[("idempotency-key", "")] as &[(&str, &str)],
        &[("idempotency-key", long.as_str())],
        &[("idempotency-key", "a"), ("idempotency-key", "a")],
    ] {
        let answer = send(running.port, &ask("a cat"), headers).await.unwrap();
        assert_eq!((answer.status, &answer.json()["error"]["param"]), (400, &json!("Idempotency-Key")), "{headers:?}");
    }
    assert_eq!(drawn(&sim), 0);
}

#[tokio::test]
async fn what_cost_nothing_gives_its_key_back() {
    let (sim, _setup, running) = set_up(&NEW_API).await;
    sim.script(Script::default().rule(When::default(), Some(1), Behaviour::from_directives("moderation").unwrap()));
    let body = ask("a cat");
    assert_eq!(code(&keyed(running.port, &body, "k").await), (400, "content_policy_violation".to_owned()));
    picture(&keyed(running.port, &body, "k").await);
    // Refused before anything was sent: another request may have the key.
    let unknown = json!({"model": "Doubao/none", "prompt": "a cat"});
    let refused = keyed(running.port, &unknown, "n").await;
    assert_eq!(code(&refused), (503, "no_available_key".to_owned()));
    picture(&keyed(running.port, &body, "n").await);
}

/// Proves F-69.
#[tokio::test]
async fn a_broken_connection_loses_nothing() {
    let (sim, setup, running) = set_up(&NEW_API).await;
    let (port, body) = (running.port, ask("a cat [sim delay=8000]"));
    let caller = tokio::spawn(async move { send(port, &body, &[("x-request-id", "mine")]).await });
    until("sent", || drawn(&sim) > 0).await;
    caller.abort();
    let early = look(port, "mine", &[]).await;
    assert_eq!(early.status, 202, "{}", String::from_utf8_lossy(&early.body));
    assert_eq!((early.header("location"), early.header("retry-after")), ("/v1/images/requests/mine", "2"));
    let told = early.json();
    assert_eq!((&told["id"], &told["status"], &told["object"]), (&json!("mine"), &json!("in_progress"), &json!("image.request")));

    // A caller may also wait for it.
    let waited = look(port, "mine", &[("prefer", "wait=15")]).await;
    let whole = picture(&waited);
    assert_eq!(waited.header("x-img-router-provider"), "NewApi");
    running.stop();
    let running = setup.start();
    assert_eq!(picture(&look(running.port, "mine", &[]).await), whole);
    assert_eq!(drawn(&sim), 1);
    // Nobody else can.
    for path in ["/v1/images/requests/other", "/v1/images/requests/%20"] {
        let strange = Request::get(path).header("host", "localhost").header("authorization", format!("Bearer {KEY}"));
        let answer = client::ask(running.port, strange.body(Full::default()).unwrap()).await.unwrap();
        assert_eq!(code(&answer), (404, "not_found".to_owned()), "{path}");
    }
    assert_eq!(client::get(running.port, "/v1/images/requests/mine").await.unwrap().status, 401);
}

#[tokio::test]
async fn who_does_not_want_to_wait_asks_later() {
    let (sim, _setup, running) = set_up(&NEW_API).await;
    let slow = ask("a cat [sim delay=5000]");
    let later = send(running.port, &slow, &[("prefer", "respond-async")]).await.unwrap();
    assert_eq!((later.status, later.header("preference-applied")), (202, "respond-async"));
    let id = later.header("x-request-id").to_owned();
    assert_eq!(later.header("location"), format!("/v1/images/requests/{id}"));
    let events = look(running.port, &id, &[("accept", "text/event-stream")]).await;
    assert_eq!(events.header("content-type"), "text/event-stream; charset=utf-8");
    let whole = picture(&poll(running.port, &id).await);
    let text = String::from_utf8(events.body).unwrap();
    assert!(
        text.contains("event: image_generation.completed") && text.contains(&whole) && text.ends_with("data: [DONE]\n\n"),
        "{text:.300}"
    );

    // Who would wait a while gets the picture itself, if it is quick enough.
    let quick = send(running.port, &ask("a dog"), &[("prefer", "respond-async, wait=15")]).await.unwrap();
    picture(&quick);
    // Failures are told when they are known, with their status.
    sim.script(Script::default().rule(When::default(), None, Behaviour::from_directives("moderation delay=5000").unwrap()));
    let refused = send(running.port, &ask("a bird"), &[("prefer", "respond-async")]).await.unwrap();
    assert_eq!(refused.status, 202);
    assert_eq!(code(&poll(running.port, refused.header("x-request-id")).await), (400, "content_policy_violation".to_owned()));
    let unknown = json!({"model": "Doubao/none", "prompt": "a cat"});
    let refused = send(running.port, &unknown, &[("prefer", "respond-async")]).await.unwrap();
    assert_eq!(code(&refused), (503, "no_available_key".to_owned()));
}

#[tokio::test]
async fn a_kill_in_the_midst_is_not_paid_for_twice() {
    let (sim, setup, running) = set_up(&NEW_API).await;
    let (port, body) = (running.port, ask("a cat [sim delay=60000]"));
    let asked = body.clone();
    let caller = tokio::spawn(async move { send(port, &asked, &[("idempotency-key", "k"), ("x-request-id", "mine")]).await });
    until("sent", || drawn(&sim) > 0).await;
    running.kill();
    assert!(caller.await.unwrap().is_err());
    let running = setup.start();
    let again = keyed(running.port, &body, "k").await;
    assert_eq!(code(&again), (502, "upstream_error".to_owned()));
    assert_eq!(again.header("x-should-retry"), "false", "it may have been charged");
    assert_eq!(code(&look(running.port, "mine", &[]).await), (502, "upstream_error".to_owned()));
    assert_eq!(sim.ledger().entries().iter().filter(|entry| entry.path.ends_with("/generations")).count(), 1);
}

#[tokio::test]
async fn a_kill_after_the_picture_came_gives_it_back() {
    let (sim, setup, running) = set_up(&NEW_API).await;
    let port = running.port;
    // Two pictures: the first is stored while the second is drawn.
    let body = json!({"model": "auto", "prompt": "a cat", "n": 2, "response_format": "b64_json"});
    sim.script(Script::default().rule(When::default(), Some(1), Behaviour::default()).rule(
        When::default(),
        None,
        Behaviour::from_directives("delay=60000").unwrap(),
    ));
    let asked = body.clone();
    let caller = tokio::spawn(async move { send(port, &asked, &[("idempotency-key", "k")]).await });
    until("stored", || stored(&setup.data()).len() == 1).await;
    running.kill();
    assert!(caller.await.unwrap().is_err());
    let running = setup.start();
    let again = keyed(running.port, &body, "k").await;
    picture(&again);
    assert_eq!(again.json()["data"].as_array().unwrap().len(), 1);
    assert!(again.header("x-img-router-warning").contains("1 of 2 pictures"), "{:?}", again.headers);
    assert_eq!(stored(&running.data()).len(), 1);
}

#[tokio::test]
async fn a_task_that_survived_a_kill_answers_its_key() {
    let (sim, setup, running) = set_up(&MODEL_SCOPE).await;
    sim.script(Script::default().rule(When::path("/tasks/"), None, Behaviour::from_directives("status=503").unwrap()));
    let (port, body) = (running.port, ask("a cat"));
    let asked = body.clone();
    let caller = tokio::spawn(async move { send(port, &asked, &[("idempotency-key", "k"), ("x-request-id", "mine")]).await });
    until("asked for", || sim.ledger().entries().iter().any(|entry| entry.path.contains("/tasks/"))).await;
    running.kill();
    assert!(caller.await.unwrap().is_err());
    let running = setup.start();
    assert_eq!(look(running.port, "mine", &[]).await.status, 202, "it is being asked for");
    sim.script(Script::default());
    let again = keyed(running.port, &body, "k").await;
    assert_eq!(picture(&again), picture(&poll(running.port, "mine").await));
    assert_eq!((drawn(&sim), stored(&running.data()).len()), (1, 1));
}

#[tokio::test]
async fn blanks_keep_a_long_answer_alive_if_that_is_set() {
    let sim = NEW_API.sim().await;
    let setup = NEW_API.add(Setup::new(), &sim).env("IMG_ROUTER_API_JSON_KEEP_ALIVE", "1");
    let running = setup.start();
    // Longer than the silence that is allowed.
    let slow = "[sim delay=15000]";
    let (good, bad) = (ask(&format!("a cat {slow}")), ask("a cat [sim moderation delay=15000]"));
    let (good, bad) = tokio::join!(send(running.port, &good, &[]), send(running.port, &bad, &[]));
    let (good, bad) = (good.unwrap(), bad.unwrap());
    assert!(good.body.starts_with(b" "), "nothing came while it was drawn");
    picture(&good);
    assert_eq!((bad.status, bad.json()["error"]["code"].as_str()), (200, Some("content_policy_violation")));
    // Quick ones are as ever.
    let quick = send(running.port, &ask("a dog"), &[]).await.unwrap();
    assert!(quick.body.starts_with(b"{") && !quick.header("content-length").is_empty());
    let refused = send(running.port, &ask("a dog [sim moderation]"), &[]).await.unwrap();
    assert_eq!(refused.status, 400);
}

#[tokio::test]
async fn a_response_is_come_back_to_like_every_other_answer() {
    let (sim, setup, running) = set_up(&NEW_API).await;
    let body = json!({"model": "gpt-5", "input": "a cat", "instructions": "be brief", "tools": [{"type": "image_generation"}]});
    let request = |id: &str| {
        let request = Request::post("/v1/responses").header("host", "localhost").header("authorization", format!("Bearer {KEY}"));
        let request = request.header("idempotency-key", "k").header("x-request-id", id).header("content-type", "application/json");
        request.body(Full::from(body.to_string())).unwrap()
    };
    let mut first = client::ask(running.port, request("one")).await.unwrap().json();
    assert_eq!((&first["status"], &first["instructions"]), (&json!("completed"), &json!("be brief")), "{first}");
    assert_eq!(client::ask(running.port, request("two")).await.unwrap().json()["output"][0]["result"], first["output"][0]["result"]);
    running.stop();
    let running = setup.start();
    let mut again = look(running.port, "one", &[]).await.json();
    // The time at which an answer was written.
    for answer in [&mut first, &mut again] {
        assert!(answer["completed_at"].take().is_i64());
    }
    assert_eq!(again, first);
    assert_eq!(drawn(&sim), 1);
}
