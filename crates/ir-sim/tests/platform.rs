//! What the platform answers when all is well, what it refuses, and what it notes.
#![expect(clippy::unwrap_used, reason = "a helper's failure is the test's failure")]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use common::{SOON, ask, connect, draw, exchange, generation, get, post};
use http::Request;
use http_body_util::Full;
use ir_sim::{Behaviour, Outcome, PictureSpec, Recorded, Script, Sim, SimConfig, Strictness, When, make_picture};
use serde_json::json;

async fn sim() -> Sim {
    Sim::start(SimConfig::default()).await.unwrap()
}

#[tokio::test]
async fn pictures_have_the_asked_number_and_size_and_are_all_different() {
    let sim = Sim::start(SimConfig { picture: PictureSpec::exactly(1_500_000), ..SimConfig::default() }).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let answer = ask(sim.url(), post("/v1/images/generations", "k", &json!({"prompt": "x", "n": 2}))).await;
        assert_eq!((answer.status, answer.headers["content-type"].to_str().unwrap()), (200, "application/json"));
        assert_eq!(answer.headers["content-length"].to_str().unwrap(), answer.body.len().to_string());
        assert!(answer.broken.is_none());
        seen.extend(answer.pictures());
    }
    assert_eq!(seen.len(), 4);
    for (at, picture) in seen.iter().enumerate() {
        assert_eq!(picture.len(), 1_500_000);
        assert_eq!(image::load_from_memory(picture).unwrap().width(), 64);
        assert!(!seen[..at].contains(picture));
    }
}

#[tokio::test]
async fn size_and_format_follow_the_request() {
    let sim = sim().await;
    let answer = ask(sim.url(), post("/images/generations", "k", &json!({"prompt": "x", "size": "96x32", "output_format": "jpeg"}))).await;
    let picture = &answer.pictures()[0];
    assert_eq!(image::guess_format(picture).unwrap(), image::ImageFormat::Jpeg);
    let picture = image::load_from_memory(picture).unwrap();
    assert_eq!((picture.width(), picture.height()), (96, 32));
    assert_eq!((&answer.json()["size"], &answer.json()["output_format"]), (&json!("96x32"), &json!("jpeg")));
}

#[tokio::test]
async fn links_lead_to_the_picture_and_the_download_is_noted_without_a_key() {
    let sim = sim().await;
    let document = json!({"prompt": "x", "response_format": "url", "size": "64x64"});
    let answer = ask(sim.url(), post("/v1/images/generations", "k", &document)).await;
    let link = answer.json()["data"][0]["url"].as_str().unwrap().to_owned();
    let path = link.strip_prefix(sim.url()).unwrap();
    let file = get(sim.url(), path).await;
    assert_eq!((file.status, file.headers["content-type"].to_str().unwrap()), (200, "image/png"));
    assert_eq!(image::load_from_memory(&file.body).unwrap().height(), 64);
    assert_eq!(get(sim.url(), path).await.body, file.body);
    let last = sim.ledger().last().unwrap();
    assert_eq!((last.path.as_str(), last.key.as_deref(), last.method.as_str()), (path, None, "GET"));
    assert_eq!(sim.ledger().drawings().len(), 1);
    assert_eq!(get(sim.url(), "/pic/nonsense.png").await.status, 404);
}

#[tokio::test]
async fn chat_carries_pictures_in_text_or_beside_it() {
    let sim = sim().await;
    let chat = |prompt: &str, stream: bool| {
        let content = json!([{"type": "text", "text": prompt}]);
        post("/v1/chat/completions", "k", &json!({"model": "m", "stream": stream, "messages": [{"role": "user", "content": content}]}))
    };
    let decode = |uri: &str| image::load_from_memory(&STANDARD.decode(uri.strip_prefix("data:image/png;base64,").unwrap()).unwrap());
    let answer = ask(sim.url(), chat("a fox", false)).await.json();
    let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
    let (_, rest) = text.split_once("![picture](").unwrap();
    decode(rest.split_once(')').unwrap().0).unwrap();
    let answer = ask(sim.url(), chat("a fox [sim chat=images n=2]", false)).await.json();
    let images = answer["choices"][0]["message"]["images"].as_array().unwrap();
    assert_eq!(images.len(), 2);
    decode(images[1]["image_url"]["url"].as_str().unwrap()).unwrap();
    let stream = ask(sim.url(), chat("a fox [sim url]", true)).await;
    assert_eq!(stream.headers["content-type"].to_str().unwrap(), "text/event-stream");
    assert!(stream.text().contains(&format!("![picture]({}/pic/", sim.url())));
    assert!(stream.text().ends_with("data: [DONE]\n\n"));
    let first = stream.text().split("\n\n").next().unwrap().strip_prefix("data: ").unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(first).unwrap()["object"], "chat.completion.chunk");
}

#[tokio::test]
async fn streams_have_partial_pictures_then_the_picture() {
    let sim = sim().await;
    let mut document = json!({"prompt": "x", "stream": true, "partial_images": 2, "size": "64x64"});
    let answer = ask(sim.url(), post("/v1/images/generations", "k", &document)).await;
    let frames: Vec<&str> = answer.text().split("\n\n").filter(|frame| !frame.is_empty()).collect();
    let types: Vec<&str> = frames.iter().map(|frame| frame.lines().next().unwrap()).collect();
    let (partial, completed) = ("event: image_generation.partial_image", "event: image_generation.completed");
    assert_eq!(types, [partial, partial, completed]);
    let data: serde_json::Value = serde_json::from_str(frames[2].split_once("data: ").unwrap().1).unwrap();
    image::load_from_memory(&STANDARD.decode(data["b64_json"].as_str().unwrap()).unwrap()).unwrap();
    assert_eq!(data["type"], "image_generation.completed");
    document["prompt"] = json!("x [sim stream-error code=moderation_blocked]");
    let failed = ask(sim.url(), post("/v1/images/generations", "k", &document)).await;
    assert!(failed.text().contains("event: error\ndata: {\"error\":{\"code\":\"moderation_blocked\""), "{}", failed.text());
    assert!(!failed.text().contains("completed"));
}

#[tokio::test]
async fn what_the_platform_would_refuse_is_refused() {
    let sim = Sim::start(SimConfig {
        keys: Some(vec!["sk-good".into()]),
        models: vec!["gpt-image-2".into()],
        strict: Strictness { response_format: true, octet_stream: true },
        ..SimConfig::default()
    })
    .await
    .unwrap();
    let cases = [
        ("sk-bad", json!({"prompt": "x"}), 401, "invalid_api_key"),
        ("sk-good", json!({"prompt": "x", "model": "dall-e-9"}), 404, "model_not_found"),
        ("sk-good", json!({"model": "gpt-image-2"}), 400, "missing_required_parameter"),
        ("sk-good", json!({"prompt": "x", "n": 11}), 400, "invalid_value"),
        ("sk-good", json!({"prompt": "x", "size": "huge"}), 400, "invalid_value"),
        ("sk-good", json!({"prompt": "x", "response_format": "url"}), 400, "unknown_parameter"),
        ("sk-good", json!({"prompt": "x [sim nonsense]"}), 400, "invalid_value"),
    ];
    for (key, document, status, code) in cases {
        let answer = ask(sim.url(), post("/v1/images/generations", key, &document)).await;
        assert_eq!((answer.status, answer.json()["error"]["code"].as_str().unwrap()), (status, code), "{document}");
    }
    let list = ask(sim.url(), Request::get("/v1/models").header("authorization", "Bearer sk-good").body(Full::default()).unwrap()).await;
    assert_eq!(list.json()["data"][0]["id"], "gpt-image-2");
    assert_eq!(get(sim.url(), "/v1/models").await.status, 401);
    assert_eq!(get(sim.url(), "/nowhere").await.status, 404);
}

fn form(parts: &[(&str, &[u8])]) -> Bytes {
    let mut body = Vec::new();
    for (head, content) in parts {
        body.extend_from_slice(format!("--b\r\ncontent-disposition: form-data; {head}\r\n\r\n").as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--b--\r\n");
    body.into()
}

#[tokio::test]
async fn forms_are_noted_part_by_part() {
    let sim = sim().await;
    let picture = make_picture(PictureSpec::exactly(300_000), 1).unwrap();
    let body = form(&[
        ("name=\"prompt\"", "夜".as_bytes()),
        ("name=\"n\"", b"2"),
        ("name=\"image[]\"; filename=\"a.png\"\r\ncontent-type: image/png", &picture),
        ("name=\"mask\"; filename=\"m.png\"\r\ncontent-type: image/png", b"abc"),
    ]);
    let request = Request::post("/v1/images/edits").header("content-type", "multipart/form-data; boundary=b");
    let answer = ask(sim.url(), request.header("x-note", "1").body(Full::new(body)).unwrap()).await;
    assert_eq!((answer.status, answer.pictures().len()), (200, 2));
    let entry = sim.ledger().last().unwrap();
    assert_eq!((entry.field("prompt").as_deref(), entry.field("n").as_deref(), entry.header("x-note")), (Some("夜"), Some("2"), Some("1")));
    let files: Vec<_> = entry.files().iter().map(|file| (file.name.as_str(), file.filename.as_str(), file.len)).collect();
    assert_eq!(files, [("image[]", "a.png", 300_000), ("mask", "m.png", 3)]);
    assert_eq!(entry.files()[0].content_type.as_deref(), Some("image/png"));
    assert_eq!(entry.files()[1].sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(entry.outcome, Outcome::Answered { status: 200, bytes: answer.body.len() as u64 });
}

#[tokio::test]
async fn a_chunked_form_is_read_like_any_other() {
    let sim = sim().await;
    let body = form(&[("name=\"prompt\"", b"x"), ("name=\"image\"; filename=\"a.png\"", b"12345")]);
    let mut wire = String::from(
        "POST /v1/images/edits HTTP/1.1\r\nhost: sim\r\nconnection: close\r\n\
         content-type: multipart/form-data; boundary=b\r\ntransfer-encoding: chunked\r\n\r\n",
    );
    for chunk in body.chunks(7) {
        wire.push_str(&format!("{:x}\r\n{}\r\n", chunk.len(), std::str::from_utf8(chunk).unwrap()));
    }
    wire.push_str("0\r\n\r\n");
    let (bytes, error) = common::raw(sim.url(), &wire).await;
    assert!(bytes.starts_with(b"HTTP/1.1 200") && error.is_none());
    let entry = sim.ledger().last().unwrap();
    assert_eq!((entry.files()[0].len, entry.header("transfer-encoding")), (5, Some("chunked")));
}

#[tokio::test]
async fn long_strings_are_shortened_in_the_ledger() {
    let sim = sim().await;
    let document = json!({"prompt": "x", "image": format!("data:image/png;base64,{}", "A".repeat(100_000)), "seed": 7});
    assert_eq!(ask(sim.url(), post("/v1/images/edits", "sk-9", &document)).await.status, 200);
    let entry = sim.ledger().last().unwrap();
    assert_eq!((entry.key.as_deref(), entry.field("seed").as_deref()), (Some("sk-9"), Some("7")));
    let image = entry.field("image").unwrap();
    assert!(image.starts_with("data:image/png;base64,AAA") && image.ends_with("… [100022 bytes]"), "{image}");
    assert!(matches!(entry.body, Recorded::Json { len, .. } if len > 100_000));
    assert!(entry.headers.iter().all(|(name, _)| name != "authorization"));
    let document = json!({"prompt": "x", "many": vec!["y"; 50_000]});
    assert_eq!(ask(sim.url(), post("/v1/images/generations", "k", &document)).await.status, 200);
    assert!(matches!(sim.ledger().last().unwrap().body, Recorded::Other { len } if len > 200_000));
}

#[tokio::test]
async fn bodies_above_the_limit_are_refused() {
    let sim = Sim::start(SimConfig { max_body: 1_000, ..SimConfig::default() }).await.unwrap();
    assert_eq!(draw(sim.url(), &"x".repeat(2_000)).await.status, 413);
    let mut sender = connect(sim.url()).await;
    let request = Request::post("/v1/images/generations").header("content-type", "application/json").body(Full::from("{not json"));
    assert_eq!(exchange(&mut sender, request.unwrap()).await.unwrap().status, 400);
}

#[tokio::test]
async fn the_first_rule_that_matches_and_is_not_used_up_wins() {
    let sim = sim().await;
    let by = |key: &str, model: &str, prompt: &str| post("/v1/images/generations", key, &json!({"model": model, "prompt": prompt}));
    sim.script(
        Script::default()
            .rule(When::key("sk-a"), Some(2), Behaviour::error(401))
            .rule(When::model("m2"), None, Behaviour::error(404))
            .rule(When::prompt("bad"), None, Behaviour::moderation())
            .rule(When::key("sk-n").nth(2), None, Behaviour::rate_limited(3))
            .rule(When::path("/models"), None, Behaviour::error(500)),
    );
    let mut statuses = Vec::new();
    for request in [
        by("sk-a", "m1", "bad"),
        by("sk-a", "m2", "x"),
        by("sk-a", "m1", "bad"),
        by("sk-a", "m1", "x"),
        by("sk-b", "m2", "bad"),
        by("sk-n", "m1", "[sim status=503]"),
        by("sk-n", "m1", "x"),
        by("sk-n", "m1", "x"),
    ] {
        statuses.push(ask(sim.url(), request).await.status);
    }
    assert_eq!(statuses, [401, 401, 400, 200, 404, 503, 429, 200]);
    assert_eq!(get(sim.url(), "/v1/models").await.status, 500);
    sim.script(Script::in_turn([Behaviour::error(500), Behaviour::error(502)]));
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(draw(sim.url(), "x").await.status);
    }
    assert_eq!(statuses, [500, 502, 200]);
}

#[tokio::test]
async fn script_and_ledger_are_reached_over_http() {
    let sim = sim().await;
    let script = json!({"rules": [
        {"when": {"prompt": "one"}, "times": 1, "then": "status=429 retry-after=2"},
        {"then": {"status": 503, "headers": [["x-a", "b"]], "delay_ms": 1, "body": {"error": {"code": "down", "shape": "new_api"}}}},
    ]});
    assert_eq!(ask(sim.url(), post("/_sim/script", "k", &script)).await.json()["rules"], 2);
    let first = draw(sim.url(), "one").await;
    assert_eq!((first.status, first.headers["retry-after"].to_str().unwrap()), (429, "2"));
    let second = draw(sim.url(), "one").await;
    assert_eq!((second.status, second.headers["x-a"].to_str().unwrap()), (503, "b"));
    assert_eq!((&second.json()["error"]["code"], &second.json()["error"]["type"]), (&json!("down"), &json!("new_api_error")));
    let ledger = get(sim.url(), "/_sim/ledger").await.json();
    assert_eq!(ledger["entries"].as_array().unwrap().len(), 2);
    assert_eq!(ledger["entries"][0]["body"]["value"]["prompt"], "one");
    assert_eq!(ledger["entries"][1]["outcome"]["status"], 503);
    let delete = Request::delete("/_sim/ledger").body(Full::default()).unwrap();
    assert_eq!(ask(sim.url(), delete).await.status, 200);
    assert!(sim.ledger().is_empty());
    let bad = ask(sim.url(), post("/_sim/script", "k", &json!({"rules": [{"then": "statsu=1"}]}))).await;
    assert_eq!(bad.status, 400);
    assert!(bad.text().contains("unknown sim directive"));
}

#[tokio::test]
async fn a_caller_that_leaves_is_noted() {
    let sim = sim().await;
    let mut sender = connect(sim.url()).await;
    let waiting = tokio::spawn(async move { sender.send_request(generation("x [sim delay=600000]")).await.map(drop) });
    assert!(sim.ledger().wait(SOON, |entries| entries.last().is_some_and(|entry| entry.body != Recorded::None)).await);
    assert!(!sim.ledger().last().unwrap().client_gone);
    waiting.abort();
    assert!(sim.ledger().wait(SOON, |entries| entries[0].client_gone).await);
    assert_eq!(sim.ledger().last().unwrap().outcome, Outcome::Gone);
}

#[tokio::test]
async fn a_dropped_simulator_is_gone() {
    let sim = sim().await;
    let url = sim.url().to_owned();
    let mut sender = connect(&url).await;
    assert_eq!(exchange(&mut sender, generation("x")).await.unwrap().status, 200);
    drop(sim);
    assert!(exchange(&mut sender, generation("x")).await.is_err());
}
