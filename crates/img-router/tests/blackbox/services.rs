//! What stands between a caller and a platform: the prompt optimizer, addresses for pictures, wording,
//! sizes, and series of which a part is missing.

use crate::client::{self, Answer};
use crate::platforms::{BLUE, DOUBAO, LEGACY, MODEL_SCOPE, NEW_API, Platform, RED, host, pictures};
use crate::support::{Running, Setup};
use http_body_util::Full;
use ir_sim::{Behaviour, Dialect, PictureSpec, Script, Sim, SimConfig};
use serde_json::{Value, json};
use std::time::Duration;

const PATH: &str = "/v1/images/generations";

async fn helper(dialect: Dialect) -> Sim {
    Sim::start(SimConfig { dialect, ..SimConfig::default() }).await.unwrap()
}

fn always(sim: &Sim, directives: &str) {
    sim.script(Script::always(Behaviour::from_directives(directives).unwrap()));
}

async fn draw(running: &Running, path: &str, body: Value) -> Answer {
    let answer = client::post(running.port, path, &body).await.unwrap();
    assert_eq!(answer.status, 200, "{}\n{}", String::from_utf8_lossy(&answer.body), running.log());
    answer
}

/// The prompts that a platform was asked to draw.
fn prompts(sim: &Sim) -> Vec<String> {
    sim.ledger().drawings().iter().map(|entry| entry.field("prompt").unwrap_or_default()).collect()
}

/// A gateway in front of one platform, with an optimizer.
async fn with_optimizer(switches: &[(&str, &str)]) -> (Sim, Sim, Running, Setup) {
    let (sim, model) = (DOUBAO.sim().await, helper(Dialect::Chat).await);
    let mut setup = DOUBAO.add(Setup::new(), &sim);
    let allowed = format!("{},{}", host(&sim), host(&model));
    setup = setup
        .env("IMG_ROUTER_ALLOW_PRIVATE", allowed)
        .env("PROMPT_OPTIMIZER_BASE_URL", model.url())
        .env("PROMPT_OPTIMIZER_MODEL", "a-model")
        .env("PROMPT_OPTIMIZER_API_KEY", "sk-of-the-optimizer");
    for (name, value) in switches {
        setup = setup.env(name, *value);
    }
    let running = setup.start();
    (sim, model, running, setup)
}

const EXPAND: (&str, &str) = ("IMG_ROUTER_PROMPT_OPTIMIZER_ENABLE_EXPAND", "1");
const TRANSLATE: (&str, &str) = ("IMG_ROUTER_PROMPT_OPTIMIZER_ENABLE_TRANSLATE", "1");

#[tokio::test]
async fn an_improved_prompt_is_drawn_and_told() {
    let (sim, model, running, _setup) = with_optimizer(&[EXPAND]).await;
    for _ in 0..2 {
        let answer = draw(&running, PATH, json!({"prompt": "a red fox", "n": 2})).await.json();
        for item in answer["data"].as_array().unwrap() {
            assert_eq!(item["revised_prompt"], "EN: a red fox");
        }
    }
    assert!(prompts(&sim).iter().all(|prompt| prompt.starts_with("EN: a red fox")), "{:?}", prompts(&sim));
    let asked = model.ledger().drawings();
    assert_eq!(asked.len(), 1, "once for all pictures, and remembered");
    assert_eq!(asked[0].key.as_deref(), Some("sk-of-the-optimizer"));
}

#[tokio::test]
async fn a_relayed_request_spends_nothing_of_the_operators() {
    let relay = ("IMG_ROUTER_SYSTEM_MODES_RELAY", "1");
    let (sim, model, running, _setup) = with_optimizer(&[EXPAND, relay]).await;
    let own = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
    let answer = client::post_as(running.port, PATH, own, &json!({"prompt": "a red fox"})).await.unwrap();
    assert_eq!(answer.status, 200, "{}\n{}", String::from_utf8_lossy(&answer.body), running.log());
    assert_eq!((sim.ledger().drawings()[0].key.as_deref(), prompts(&sim)), (Some(own), vec!["a red fox".to_owned()]));
    assert_eq!(model.ledger().entries().len(), 0, "the optimizer's key is the operator's");
}

#[tokio::test]
async fn english_is_not_translated() {
    let instruction = ("IMG_ROUTER_PROMPT_OPTIMIZER_TRANSLATE_PROMPT", "To English.");
    let (sim, model, running, _setup) = with_optimizer(&[TRANSLATE, instruction]).await;
    draw(&running, PATH, json!({"prompt": "a red fox in the snow"})).await;
    assert_eq!(model.ledger().drawings().len(), 0);
    let answer = draw(&running, PATH, json!({"prompt": "雪地里的一只红狐狸"})).await.json();
    assert_eq!(answer["data"][0]["revised_prompt"], "EN: 雪地里的一只红狐狸");
    assert_eq!(prompts(&sim), ["a red fox in the snow", "EN: 雪地里的一只红狐狸"]);
}

#[tokio::test]
async fn a_task_of_a_platform_can_be_left_out() {
    let off = ("IMG_ROUTER_PROVIDERS_DOUBAO_TEXT_PROMPT_OPTIMIZER_EXPAND", "0");
    let (sim, model, running, _setup) = with_optimizer(&[EXPAND, off]).await;
    draw(&running, PATH, json!({"prompt": "a red fox"})).await;
    draw(&running, "/v1/images/edits", json!({"prompt": "a blue fox", "image": RED})).await;
    assert_eq!(prompts(&sim), ["a red fox", "EN: a blue fox"]);
    assert_eq!(model.ledger().drawings().len(), 1);
}

#[tokio::test]
async fn every_picture_may_have_a_wording_of_its_own() {
    let (sim, model, running, _setup) = with_optimizer(&[EXPAND, ("IMG_ROUTER_PROMPT_OPTIMIZER_PER_PICTURE", "1")]).await;
    draw(&running, PATH, json!({"prompt": "a red fox", "n": 3})).await;
    assert_eq!((model.ledger().drawings().len(), sim.ledger().drawings().len()), (3, 3));
}

#[tokio::test]
async fn a_broken_optimizer_costs_no_picture() {
    let (sim, model, running, _setup) = with_optimizer(&[EXPAND]).await;
    for trouble in ["status=500", "html", "case=no-choice", "case=cut-short"] {
        always(&model, trouble);
        let answer = draw(&running, PATH, json!({"prompt": format!("a fox, {trouble}")})).await;
        assert!(answer.header("x-img-router-warning").contains("drawn as it was written"), "{trouble}: {:?}", answer.headers);
        assert!(answer.json()["data"][0]["revised_prompt"].is_null(), "{trouble}");
    }
    assert!(prompts(&sim).iter().all(|prompt| prompt.starts_with("a fox, ")));
}

#[tokio::test]
async fn streams_tell_at_their_end_what_the_headers_could_not() {
    let (sim, model, running, _setup) = with_optimizer(&[EXPAND]).await;
    always(&model, "status=500");
    always(&sim, "delay=1500");
    let reason = "the prompt was drawn as it was written: the prompt optimizer answered with status 500";
    let answer = draw(&running, PATH, json!({"prompt": "a fox", "stream": true})).await;
    let text = String::from_utf8(answer.body).unwrap();
    assert!(
        text.contains("event: image_generation.completed") && text.contains(&format!("\n: warning: {reason}\ndata: [DONE]\n\n")),
        "{text:.200}"
    );
    let chat = json!({"model": "auto", "stream": true, "messages": [{"role": "user", "content": "a fox"}]});
    let answer = draw(&running, "/v1/chat/completions", chat).await;
    let text = String::from_utf8(answer.body).unwrap();
    let chunks = text.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
    let said: String = chunks.filter_map(|chunk| Some(chunk["choices"][0]["delta"]["content"].as_str()?.to_owned())).collect();
    assert!(said.starts_with("![image1](") && said.ends_with(&format!(")\n\n{reason}")), "{said}");
}

#[tokio::test]
async fn a_prompt_that_grew_beyond_what_the_platform_takes_is_drawn_as_it_was_written() {
    let (sim, model) = (LEGACY.sim().await, helper(Dialect::Chat).await);
    let setup = LEGACY.add(Setup::new().env("IMG_ROUTER_ALLOW_PRIVATE", host(&model)), &sim);
    let setup = setup.env("PROMPT_OPTIMIZER_BASE_URL", model.url()).env("PROMPT_OPTIMIZER_MODEL", "a-model").env(EXPAND.0, EXPAND.1);
    let running = setup.start();
    for (length, improved) in [(1496, true), (1497, false)] {
        // The model puts "EN: " before it.
        let prompt = "x".repeat(length);
        let answer = draw(&running, PATH, json!({"prompt": prompt})).await;
        let (warning, item) = (answer.header("x-img-router-warning").to_owned(), &answer.json()["data"][0]);
        assert_eq!(item["revised_prompt"].is_string(), improved, "{length}: {item}");
        assert_eq!(warning.contains("longer than the 1500 characters that Pollinations takes"), !improved, "{length}: {warning}");
        let path = sim.ledger().drawings().pop().unwrap().path;
        assert_eq!(path.contains("EN:"), improved, "{path:.60}");
    }
    running.stop();
}

#[tokio::test]
async fn numbers_that_do_not_fit_are_left_out() {
    let sim = DOUBAO.sim().await;
    let setup = DOUBAO.add(Setup::new(), &sim);
    let running = setup.start();
    let prompt = format!("combine{}", "x".repeat(31_990));
    draw(&running, "/v1/images/blend", json!({"prompt": prompt, "images": [RED, BLUE]})).await;
    assert!(prompts(&sim)[0].starts_with("combine"), "{:?}", prompts(&sim));
}

/// A gateway in front of one platform, with an image bed.
async fn with_bed(platform: &Platform, bed: &Sim) -> (Sim, Running, Setup) {
    let sim = platform.sim().await;
    let setup = platform.add(Setup::new(), &sim);
    let setup = setup
        .env("IMG_ROUTER_ALLOW_PRIVATE", format!("{},{}", host(&sim), host(bed)))
        .env("IMAGE_BED_BASE_URL", bed.url())
        .env("IMAGE_BED_AUTH_CODE", "bedcode");
    let running = setup.start();
    (sim, running, setup)
}

async fn bed() -> Sim {
    Sim::start(SimConfig { dialect: Dialect::Bed, keys: Some(vec!["bedcode".into()]), ..SimConfig::default() }).await.unwrap()
}

/// The bytes at an address on this machine.
async fn fetched(url: &str) -> Answer {
    let url = url::Url::parse(url).unwrap();
    let request = http::Request::get(url.path()).header("host", "localhost").body(Full::default()).unwrap();
    client::ask(url.port().unwrap(), request).await.unwrap()
}

/// The addresses of pictures in the last drawing request of the legacy API.
fn asked_for(sim: &Sim) -> Vec<String> {
    let entry = sim.ledger().drawings().pop().unwrap();
    let url = url::Url::parse(&format!("http://localhost{}", entry.path)).unwrap();
    let list = url.query_pairs().find(|(name, _)| name == "image").unwrap().1.into_owned();
    list.split('|').map(str::to_owned).collect()
}

#[tokio::test]
async fn pictures_go_to_the_image_bed_for_platforms_that_take_addresses() {
    let bed = bed().await;
    let (sim, running, _setup) = with_bed(&LEGACY, &bed).await;
    for form in ["case=relative", "case=full", "case=code"] {
        always(&bed, form);
        // Another picture each time: what was uploaded is not uploaded again.
        let first = json!({"prompt": "together", "images": [RED, BLUE]});
        draw(&running, "/v1/images/blend", first).await;
        for url in asked_for(&sim) {
            let stored = fetched(&url).await;
            assert_eq!((stored.status, &stored.body[..4]), (200, &b"\x89PNG"[..]), "{form}: {url}");
        }
        assert_eq!(bed.ledger().drawings().len(), 2, "{form}: each picture once");
    }
    running.stop();
    let (scope, running, _setup) = with_bed(&MODEL_SCOPE, &bed).await;
    draw(&running, "/v1/images/edits", json!({"prompt": "green", "image": RED})).await;
    let url = scope.ledger().drawings()[0].field("image_url").unwrap();
    assert!(url.contains(bed.url()), "{url}");
}

#[tokio::test]
async fn a_refusing_bed_is_told_and_platforms_that_take_bytes_get_bytes() {
    let bed = bed().await;
    always(&bed, "status=401");
    let (sim, running, setup) = with_bed(&LEGACY, &bed).await;
    let body = json!({"prompt": "green", "image": RED});
    draw(&running, "/v1/images/edits", body.clone()).await;
    assert!(asked_for(&sim)[0].contains("/inputs/"), "a link stands in: {:?}", asked_for(&sim));
    running.stop();
    sim.ledger().clear();
    let setup = setup.without("IMG_ROUTER_PUBLIC_BASE_URL");
    let running = setup.start();
    let answer = client::post(running.port, "/v1/images/edits", &body).await.unwrap();
    assert!(answer.status >= 500, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(sim.ledger().drawings().len(), 0, "nothing was asked of the platform");
    assert!(!running.log().contains("bedcode"));
    running.stop();
    let (scope, running, _setup) = with_bed(&MODEL_SCOPE, &bed).await;
    draw(&running, "/v1/images/edits", body).await;
    assert!(scope.ledger().drawings()[0].field("image_url").unwrap().contains("data:image/png;base64,"));
}

#[tokio::test]
async fn without_a_bed_the_gateway_lends_an_address_for_as_long_as_it_draws() {
    let sim = LEGACY.sim().await;
    always(&sim, "delay=8000");
    let setup = LEGACY.add(Setup::new(), &sim);
    let running = setup.start();
    let port = running.port;
    let body = json!({"prompt": "green", "image": RED});
    let drawing = tokio::spawn(async move { client::post(port, "/v1/images/edits", &body).await.unwrap() });
    while sim.ledger().drawings().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let url = asked_for(&sim).remove(0);
    let lent = fetched(&url).await;
    assert_eq!((lent.status, lent.header("content-type"), &lent.body[..4]), (200, "image/png", &b"\x89PNG"[..]), "{url}");
    let (front, extension) = url.rsplit_once('.').unwrap();
    let forged = format!("{}0.{extension}", &front[..front.len() - 1]);
    let twisted = if forged == url { format!("{}1.{extension}", &front[..front.len() - 1]) } else { forged };
    assert_eq!(fetched(&twisted).await.status, 404);
    assert_eq!(drawing.await.unwrap().status, 200);
    assert_eq!(fetched(&url).await.status, 404, "it ends with the request");
}

#[tokio::test]
async fn without_any_address_the_caller_is_told_what_to_do() {
    let sim = LEGACY.sim().await;
    let setup = LEGACY.add(Setup::new(), &sim).without("IMG_ROUTER_PUBLIC_BASE_URL");
    let running = setup.start();
    let answer = client::post(running.port, "/v1/images/edits", &json!({"prompt": "green", "image": RED})).await.unwrap();
    let error = &answer.json()["error"];
    assert_eq!((answer.status, &error["param"]), (400, &json!("image")), "{error}");
    assert!(error["message"].as_str().unwrap().contains("imageBed.baseUrl"), "{error}");
    assert_eq!(sim.ledger().drawings().len(), 0);
}

#[tokio::test]
async fn pictures_are_numbered_for_models_that_count_them() {
    let sim = DOUBAO.sim().await;
    let setup = DOUBAO.add(Setup::new(), &sim);
    let running = setup.start();
    let blend = |prompt: &str| json!({"prompt": prompt, "images": [RED, BLUE]});
    draw(&running, "/v1/images/blend", blend("combine")).await;
    draw(&running, "/v1/images/blend", blend("把这张图放到背景图里")).await;
    assert_eq!(prompts(&sim), ["图1是背景，图2是主体。任务：combine", "把图2放到图1里"]);
    running.stop();
    let setup = setup.env("IMG_ROUTER_PROVIDERS_DOUBAO_PICTURE_HINTS", "0");
    let running = setup.start();
    draw(&running, "/v1/images/blend", blend("combine")).await;
    assert_eq!(prompts(&sim).last().unwrap(), "combine");
}

#[tokio::test]
async fn pictures_are_numbered_for_other_platforms_where_the_operator_wants_it() {
    let sim = NEW_API.sim().await;
    let mut setup = NEW_API.add(Setup::new(), &sim);
    for (switch, expected) in [("0", "把这幅图放到原图里"), ("1", "把图2放到图1里")] {
        setup = setup.env("IMG_ROUTER_PROVIDERS_NEWAPI_PICTURE_HINTS", switch);
        let running = setup.start();
        draw(&running, "/v1/images/blend", json!({"prompt": "把这幅图放到原图里", "images": [RED, BLUE]})).await;
        assert_eq!(prompts(&sim).last().unwrap(), expected);
        running.stop();
    }
}

#[tokio::test]
async fn sizes_are_brought_within_what_the_model_takes_and_told() {
    let spec = PictureSpec { bytes: None, ..PictureSpec::default() };
    let sim = Sim::start(SimConfig { dialect: Dialect::Ark, picture: spec, ..SimConfig::default() }).await.unwrap();
    let setup = DOUBAO.add(Setup::new(), &sim);
    let running = setup.start();
    for (asked, drawn, warned) in [("1024x1024", "1920x1920", false), ("2048x2048", "", false), ("256x8192", "", true)] {
        let answer = draw(&running, PATH, json!({"prompt": "a tower", "size": asked})).await;
        let told = answer.header("x-img-router-revised-size");
        assert!(drawn.is_empty() != warned || told == drawn || warned, "{asked}: {told}");
        assert_eq!(told.is_empty(), asked == "2048x2048", "{asked}: {told}");
        assert_eq!(answer.header("x-img-router-warning").contains("shape"), warned, "{asked}: {:?}", answer.headers);
        let sent = sim.ledger().drawings().pop().unwrap().field("size").unwrap();
        assert!(drawn.is_empty() || sent == drawn, "{asked}: {sent}");
    }
}

/// Proves F-29, R-DUR-6.
#[tokio::test]
async fn a_series_with_withheld_pictures_gives_the_others() {
    let sim = DOUBAO.sim().await;
    always(&sim, "case=partial");
    let setup = DOUBAO.add(Setup::new(), &sim);
    let running = setup.start();
    let answer = draw(&running, PATH, json!({"prompt": "four boats", "n": 4, "response_format": "b64_json"})).await;
    let document = answer.json();
    assert_eq!(pictures(&document).await.len(), 2);
    assert!(document["warnings"].to_string().contains("2 of 4"), "{document}");
    assert_eq!(sim.ledger().drawings().len(), 1, "a refusal of the safety system is not asked again");
}

/// Proves F-50, R-DUR-6.
#[tokio::test]
async fn a_stream_that_breaks_off_loses_no_picture_that_came() {
    let sim = DOUBAO.sim().await;
    always(&sim, "case=stream-error");
    let setup = DOUBAO.add(Setup::new(), &sim);
    let running = setup.start();
    let answer = draw(&running, PATH, json!({"prompt": "three boats", "n": 3, "response_format": "b64_json"})).await;
    assert!(!pictures(&answer.json()).await.is_empty());
    assert_eq!(crate::support::stored(&setup.data()).len() as u64, sim.ledger().billed(), "what was billed is kept");
}
