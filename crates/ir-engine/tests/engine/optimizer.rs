//! The prompt optimizer against a scripted language model: what it sends, what it takes, and that
//! no failure of it changes a prompt.

use crate::support::NOW;
use async_trait::async_trait;
use ir_egress::{Door, Recorded, ScriptedWire, Wire, WireFault, WireFaultKind, WireReply, WireRequest};
use ir_engine::{Improved, Optimizer, Steps};
use ir_model::{Clock, Limits, ManualClock, Secret, SeededDice};
use ir_settings::{OptimizerChoice, PromptOptimizer};
use ir_spool::{Spool, SpoolConfig};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{Instant, advance};

const CHINESE: &str = "月亮上的猫";
const BOTH: Steps = Steps { translate: true, expand: true };
const TRANSLATE: Steps = Steps { translate: true, expand: false };
const EXPAND: Steps = Steps { translate: false, expand: true };

/// A language model that is asked through a scripted wire.
struct Model {
    optimizer: Optimizer,
    settings: PromptOptimizer,
    wire: Arc<ScriptedWire>,
    door: Door,
    _dir: TempDir,
}

fn settings() -> PromptOptimizer {
    PromptOptimizer {
        base_url: Some("https://llm.example/v1".parse().expect("address")),
        api_key: Some(Secret::new("llm-canary")),
        model: Some("tiny".to_owned()),
        enable_translate: false,
        translate_prompt: None,
        translate_max_length: 5000,
        enable_expand: false,
        expand_prompt: None,
        expand_max_length: 5000,
        per_picture: false,
    }
}

fn door_of(wire: Arc<dyn Wire>) -> (Door, TempDir) {
    let dir = tempfile::tempdir().expect("folder");
    let config = SpoolConfig { data_dir: dir.path().to_owned(), limits: Limits::default(), fsync: false, max_in_flight_bytes: 1 << 30 };
    let spool = Spool::open(config, Arc::new(SeededDice::new(1))).expect("spool");
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(NOW));
    (Door::new(wire, spool, clock), dir)
}

fn model(answer: impl Fn(&Recorded) -> Result<WireReply, WireFault> + Send + Sync + 'static) -> Model {
    let wire = Arc::new(ScriptedWire::new(answer));
    let (door, dir) = door_of(Arc::clone(&wire) as Arc<dyn Wire>);
    Model { optimizer: Optimizer::default(), settings: settings(), wire, door, _dir: dir }
}

impl Model {
    async fn improve(&self, steps: Steps, prompt: &str, variant: u32) -> Improved {
        let deadline = Instant::now() + Duration::from_secs(300);
        self.optimizer.improve(&self.door, &self.settings, steps, prompt, variant, deadline).await
    }

    fn asked(&self) -> usize {
        self.wire.recorded().len()
    }
}

fn said(text: &str) -> Result<WireReply, WireFault> {
    let body = json!({"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]});
    Ok(WireReply::scripted(200, &[("content-type", "application/json")], body.to_string()))
}

fn plain(status: u16, media_type: &str, body: &str) -> Result<WireReply, WireFault> {
    Ok(WireReply::scripted(status, &[("content-type", media_type)], body.to_owned()))
}

fn body_of(request: &Recorded) -> Value {
    serde_json::from_slice(&request.body).expect("JSON")
}

fn unchanged(improved: &Improved, prompt: &str) -> String {
    assert_eq!(improved.prompt, prompt);
    improved.trouble.clone().expect("a reason")
}

#[tokio::test]
async fn translates_then_expands() {
    let model = model(|request| match body_of(request)["messages"][1]["content"].as_str() {
        Some(CHINESE) => said("<think>easy</think>Translation: \"a cat on the moon\""),
        Some("a cat on the moon") => said("a grey cat on a bright moon, soft light"),
        other => panic!("{other:?}"),
    });
    let improved = model.improve(BOTH, CHINESE, 0).await;
    assert_eq!(improved, Improved { prompt: "a grey cat on a bright moon, soft light".to_owned(), trouble: None });
    let sent = model.wire.recorded();
    assert_eq!(sent.len(), 2);
    for request in &sent {
        assert_eq!(request.url.as_str(), "https://llm.example/v1/chat/completions");
        assert_eq!(request.header("authorization"), Some("Bearer llm-canary"));
        let body = body_of(request);
        assert_eq!((&body["model"], &body["stream"], &body["messages"][0]["role"]), (&json!("tiny"), &json!(false), &json!("system")));
    }
}

#[tokio::test]
async fn english_is_not_translated_and_nothing_is_asked() {
    let model = model(|_| panic!("nothing to ask for"));
    for (steps, prompt) in
        [(TRANSLATE, "cyberpunk neon"), (TRANSLATE, "portrait of Frida Kahlo"), (Steps::default(), CHINESE), (BOTH, "  ")]
    {
        assert_eq!(model.improve(steps, prompt, 0).await, Improved { prompt: prompt.to_owned(), trouble: None });
    }
}

#[tokio::test]
async fn english_is_still_expanded_with_the_operators_instruction() {
    let mut model = model(|_| said("longer"));
    model.settings.expand_prompt = Some("Make it baroque.".to_owned());
    assert_eq!(model.improve(BOTH, "a cat", 0).await.prompt, "longer");
    assert_eq!(body_of(&model.wire.recorded()[0])["messages"][0]["content"], "Make it baroque.");
    assert_eq!(model.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn answers_are_remembered_by_all_that_they_depend_on() {
    let mut model = model(|request| said(&format!("cat {}", request.body.len())));
    let first = model.improve(EXPAND, "a cat", 0).await;
    assert_eq!(model.improve(EXPAND, "a cat", 0).await, first);
    assert_eq!(model.asked(), 1, "the second came from memory");
    model.improve(EXPAND, "a cat", 1).await;
    model.improve(EXPAND, "a cat", 2).await;
    model.improve(EXPAND, "a dog", 0).await;
    assert_eq!(model.asked(), 4);
    model.settings.model = Some("large".to_owned());
    model.improve(EXPAND, "a cat", 0).await;
    assert_eq!(model.asked(), 5);
    advance(Duration::from_secs(3600)).await;
    model.improve(EXPAND, "a cat", 0).await;
    assert_eq!(model.asked(), 6, "an hour later it is asked again");
}

#[tokio::test]
async fn variants_share_a_translation() {
    let model = model(|request| said(if body_of(request)["messages"][1]["content"] == CHINESE { "a cat" } else { "a fine cat" }));
    for variant in 0..3 {
        assert_eq!(model.improve(BOTH, CHINESE, variant).await.prompt, "a fine cat");
    }
    assert_eq!(model.asked(), 1 + 3);
    let orders: HashSet<String> =
        model.wire.recorded().iter().map(|request| body_of(request)["messages"][0]["content"].to_string()).collect();
    assert_eq!(orders.len(), 1 + 3, "each expansion has an instruction of its own");
}

/// No failure changes the prompt, and its reason holds nothing of prompt, key or answer.
#[tokio::test]
async fn failures_leave_the_prompt_as_it_was() {
    type Script = fn() -> Result<WireReply, WireFault>;
    let table: [(Script, &str); 13] = [
        (|| plain(500, "application/json", r#"{"error":"upstream-canary"}"#), "status 500"),
        (|| plain(401, "application/json", r#"{"error":{"message":"llm-canary is wrong"}}"#), "status 401"),
        (|| plain(302, "text/plain", "moved"), "could not be reached"),
        (|| plain(200, "text/html", "<html>upstream-canary</html>"), "could not be read"),
        (|| plain(200, "application/json", "{\"choices\":[]}"), "could not be read"),
        (|| plain(200, "application/json", ""), "could not be read"),
        (|| plain(200, "text/event-stream", "data: {}\n\n"), "could not be reached"),
        (|| said(""), "empty"),
        (|| said("<think>upstream-canary"), "empty"),
        (|| said(&"long ".repeat(7000)), "longer than 32000"),
        (|| said("抱歉，我无法翻译这段内容。"), "not English"),
        (|| plain(200, "application/json", r#"{"choices":[{"message":{"content":"a c"},"finish_reason":"length"}]}"#), "cut short"),
        (|| Err(WireFault { kind: WireFaultKind::Connect, sent: false, detail: "upstream-canary".to_owned() }), "could not be reached"),
    ];
    for (script, reason) in table {
        let model = model(move |_| script());
        let trouble = unchanged(&model.improve(TRANSLATE, CHINESE, 0).await, CHINESE);
        assert!(trouble.contains(reason), "{trouble}");
        assert!(!trouble.contains("canary") && !trouble.contains(CHINESE), "{trouble}");
        assert_eq!(model.asked(), 1);
        // A failure is not remembered as an answer.
        unchanged(&model.improve(TRANSLATE, CHINESE, 0).await, CHINESE);
        assert_eq!(model.asked(), 2);
    }
}

#[tokio::test]
async fn a_failed_second_step_leaves_the_first_prompt() {
    let model = model(|request| if body_of(request)["messages"][1]["content"] == CHINESE { said("a cat") } else { said("") });
    unchanged(&model.improve(BOTH, CHINESE, 0).await, CHINESE);
    assert_eq!(model.asked(), 2);
}

#[tokio::test]
async fn a_name_may_stay_in_its_script() {
    let model = model(|_| said("portrait of 李白"));
    let improved = model.improve(TRANSLATE, "李白的肖像", 0).await;
    assert_eq!(improved, Improved { prompt: "portrait of 李白".to_owned(), trouble: None });
}

#[tokio::test]
async fn each_step_gets_as_much_of_a_prompt_as_is_set() {
    let mut model = model(|request| said(if body_of(request)["messages"][1]["content"] == "月亮" { "a moon, bright" } else { "fine" }));
    (model.settings.translate_max_length, model.settings.expand_max_length) = (2, 6);
    assert_eq!(model.improve(BOTH, CHINESE, 0).await, Improved { prompt: "fine".to_owned(), trouble: None });
    assert_eq!(body_of(&model.wire.recorded()[1])["messages"][1]["content"], "a moon");
}

#[tokio::test]
async fn without_an_address_or_a_model_nothing_is_asked() {
    for part in ["address", "model"] {
        let mut model = model(|_| panic!("nowhere to ask"));
        match part {
            "address" => model.settings.base_url = None,
            _ => model.settings.model = None,
        }
        assert!(unchanged(&model.improve(EXPAND, "a cat", 0).await, "a cat").contains("no address or no model"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_breaker_opens_tries_once_and_recovers() {
    let healthy = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&healthy);
    let model = model(move |_| if seen.load(Ordering::Relaxed) { said("fine") } else { plain(503, "text/plain", "down") });
    for n in 1..=3 {
        assert!(unchanged(&model.improve(EXPAND, "a cat", 0).await, "a cat").contains("status 503"));
        assert_eq!(model.asked(), n);
    }
    assert!(unchanged(&model.improve(EXPAND, "a cat", 0).await, "a cat").contains("left alone"));
    assert_eq!(model.asked(), 3, "open: not asked");
    // The pause doubles with each failed try, up to five minutes.
    for (n, (before, after)) in [(29, 1), (59, 1), (119, 1), (239, 1), (299, 1), (299, 1)].into_iter().enumerate() {
        advance(Duration::from_secs(before)).await;
        model.improve(EXPAND, "a cat", 0).await;
        assert_eq!(model.asked(), 3 + n, "still open");
        advance(Duration::from_secs(after)).await;
        model.improve(EXPAND, "a cat", 0).await;
        model.improve(EXPAND, "a cat", 0).await;
        assert_eq!(model.asked(), 4 + n, "one try");
    }
    healthy.store(true, Ordering::Relaxed);
    advance(Duration::from_secs(300)).await;
    assert_eq!(model.improve(EXPAND, "a cat", 0).await.trouble, None);
    assert_eq!(model.improve(EXPAND, "a dog", 0).await.trouble, None, "closed again");
}

#[tokio::test]
async fn what_speaks_against_a_prompt_does_not_open_the_breaker() {
    let model = model(|_| plain(400, "application/json", r#"{"error":{"code":"content_filter"}}"#));
    for n in 1..=6 {
        unchanged(&model.improve(EXPAND, "a cat", 0).await, "a cat");
        assert_eq!(model.asked(), n);
    }
}

#[tokio::test(start_paused = true)]
async fn another_service_begins_anew() {
    let mut model =
        model(|request| if request.url.host_str() == Some("good.example") { said("fine") } else { plain(500, "text/plain", "") });
    for _ in 0..4 {
        model.improve(EXPAND, "a cat", 0).await;
    }
    assert_eq!(model.asked(), 3);
    model.settings.base_url = Some("https://good.example".parse().unwrap());
    assert_eq!(model.improve(EXPAND, "a cat", 0).await.trouble, None);
}

/// A wire on which nothing ever comes back; it counts what was sent.
#[derive(Default)]
struct Silent(AtomicUsize);

#[async_trait]
impl Wire for Silent {
    async fn send(&self, _: WireRequest) -> Result<WireReply, WireFault> {
        self.0.fetch_add(1, Ordering::Relaxed);
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_service_is_waited_for_within_bounds() {
    let (door, _dir) = door_of(Arc::new(Silent::default()));
    for (seconds, waited) in [(300, 30), (20, 10), (0, 0)] {
        let (optimizer, begun) = (Optimizer::default(), Instant::now());
        let improved = optimizer.improve(&door, &settings(), EXPAND, "a cat", 0, begun + Duration::from_secs(seconds)).await;
        assert!(unchanged(&improved, "a cat").contains("in time"));
        assert_eq!(begun.elapsed().as_secs(), waited);
    }
}

#[tokio::test(start_paused = true)]
async fn at_most_sixteen_ask_at_once_and_a_dropped_try_frees_the_breaker() {
    let silent = Arc::new(Silent::default());
    let (door, _dir) = door_of(Arc::clone(&silent) as Arc<dyn Wire>);
    let (optimizer, settings) = (Optimizer::default(), settings());
    let deadline = Instant::now() + Duration::from_secs(300);
    let ask = || optimizer.improve(&door, &settings, EXPAND, "a cat", 0, deadline);
    let all = futures_util::future::join_all((0..17).map(|_| ask())).await;
    assert!(all.iter().all(|improved| improved.trouble.is_some()));
    assert_eq!(silent.0.load(Ordering::Relaxed), 16, "the last one found no place in its time");
    // All failed: open. A try that is given up says nothing; the next one may try.
    advance(Duration::from_secs(31)).await;
    assert!(tokio::time::timeout(Duration::from_secs(1), ask()).await.is_err());
    assert!(unchanged(&ask().await, "a cat").contains("in time"));
}

#[test]
fn a_platforms_choice_goes_before_the_general_one() {
    let general = PromptOptimizer { enable_translate: true, ..settings() };
    let none = OptimizerChoice { translate: None, expand: None };
    assert_eq!(Steps::of(&general, none), TRANSLATE);
    assert_eq!(Steps::of(&general, OptimizerChoice { translate: Some(false), expand: Some(true) }), EXPAND);
    assert!(!Steps::of(&settings(), none).any());
}
