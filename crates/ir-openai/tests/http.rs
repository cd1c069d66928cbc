//! The public dialect over an engine in demo mode: requests in, whole answers out, no network.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use axum::Router;
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use ir_egress::{Door, ScriptedWire};
use ir_engine::{Engine, EngineParts};
use ir_model::Peer;
use ir_model::{Clock, Dice, Limits, ManualClock, RequestId, SeededDice, Timestamp};
use ir_openai::{Api, router};
use ir_settings::{Env, SettingsFile};
use ir_spool::{Spool, SpoolConfig};
use ir_store::{SqliteStore, Store};
use serde_json::{Value, json};
use std::io::Cursor;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tower::ServiceExt;

struct Gateway {
    router: Router,
    _folder: tempfile::TempDir,
}

/// A gateway with the built-in renderer only.
async fn gateway() -> Gateway {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    let dice: Arc<dyn Dice> = Arc::new(SeededDice::new(7));
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp(1_795_388_038_000)));
    let env = Env::from_pairs([("IMG_ROUTER_DATA_DIR", path.as_str()), ("IMG_ROUTER_DEMO", "1")]);
    let settings = Arc::new(SettingsFile::open(env, dice.clone()).unwrap());
    let config = SpoolConfig { data_dir: folder.path().to_owned(), limits: Limits::default(), fsync: false, max_in_flight_bytes: 1 << 30 };
    let spool = Spool::open(config, dice.clone()).unwrap();
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder.path(), clock.clone()).unwrap());
    let wire = Arc::new(ScriptedWire::queue([]));
    let door = Door::new(wire, spool.clone(), clock.clone());
    let (engine, _) = Engine::start(EngineParts { door, spool, store, settings, clock, dice }).await.unwrap();
    Gateway { router: router().with_state(Arc::new(Api::new(engine))), _folder: folder }
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    fn error(&self) -> (u16, String, Option<String>) {
        let error = &self.json()["error"];
        let keys: Vec<&str> = error.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["code", "message", "param", "type"], "{}", self.text);
        (self.status.as_u16(), error["code"].as_str().unwrap().to_owned(), error["param"].as_str().map(str::to_owned))
    }
}

impl Gateway {
    async fn send(&self, mut request: Request<Body>) -> Answer {
        request.extensions_mut().insert(Peer(SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000))));
        request.extensions_mut().insert(RequestId::parse("req-7").unwrap());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        #[expect(clippy::disallowed_methods, reason = "a test reads a small answer whole")]
        let bytes = body.collect().await.unwrap().to_bytes();
        if let Some(length) = parts.headers.get("content-length") {
            assert_eq!(length.to_str().unwrap(), bytes.len().to_string());
        }
        Answer { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(post(path, "application/json").body(Body::from(body.to_string())).unwrap()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }
}

fn post(path: &str, media: &str) -> http::request::Builder {
    Request::post(path).header("authorization", "Bearer demo").header("content-type", media)
}

fn png(side: u32) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    image::RgbaImage::new(side, side).write_to(&mut out, image::ImageFormat::Png).unwrap();
    out.into_inner()
}

fn is_png(b64: &str) -> bool {
    STANDARD.decode(b64).unwrap().starts_with(b"\x89PNG")
}

#[tokio::test]
async fn generations_in_both_forms() {
    let gateway = gateway().await;
    let answer = gateway.post("/v1/images/generations", &json!({"model": "gpt-image-1", "prompt": "a red cat", "size": "256x256"})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let value = answer.json();
    assert_eq!(value["created"], 1_795_388_038);
    assert_eq!(value["data"].as_array().unwrap().len(), 1);
    assert!(is_png(value["data"][0]["b64_json"].as_str().unwrap()) && value["data"][0].get("url").is_none());
    assert_eq!(answer.headers["x-img-router-provider"], "Local");
    assert_eq!(answer.headers["x-img-router-attempts"], "1");
    assert_eq!(answer.headers["x-request-id"], "req-7");
    let answer = gateway.post("/v1/images/generations", &json!({"prompt": "a red cat", "size": "256x256", "n": 3, "seed": 5})).await;
    let value = answer.json();
    assert_eq!(value["data"].as_array().unwrap().len(), 3, "{}", answer.text.len());
    for item in value["data"].as_array().unwrap() {
        assert!(is_png(item["url"].as_str().unwrap().strip_prefix("data:image/png;base64,").unwrap()) && item.get("b64_json").is_none());
    }
}

#[tokio::test]
async fn edits_blends_and_variations() {
    let gateway = gateway().await;
    let part = |head: &str, bytes: &[u8]| [format!("--b\r\n{head}\r\n\r\n").as_bytes(), bytes, b"\r\n"].concat();
    let image = "Content-Disposition: form-data; name=\"image[]\"; filename=\"blob\"";
    let form = |parts: &[Vec<u8>]| Body::from([parts.concat(), b"--b--\r\n".to_vec()].concat());
    let text = |name: &str, value: &str| part(&format!("Content-Disposition: form-data; name=\"{name}\""), value.as_bytes());
    let size = text("size", "256x256");
    let rows = [
        ("/v1/images/edits", form(&[text("prompt", "green"), size.clone(), part(image, &png(32))])),
        ("/v1/images/edits", form(&[part(image, &png(32)), part(image, &png(16)), size.clone(), text("prompt", "both")])),
        ("/v1/images/variations", form(&[part(image, &png(32)), size.clone()])),
        ("/v1/images/blend", form(&[part(image, &png(32)), part(image, &png(16)), text("prompt", "both"), size.clone()])),
    ];
    for (path, body) in rows {
        let answer = gateway.send(post(path, "multipart/form-data; boundary=b").body(body).unwrap()).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        assert!(answer.json()["data"][0]["url"].is_string());
    }
    let picture = format!("data:image/png;base64,{}", STANDARD.encode(png(32)));
    let body = json!({"prompt": "x", "images": [{"image_url": picture}], "response_format": "b64_json", "size": "256x256"});
    assert!(is_png(gateway.post("/v1/images/edits", &body).await.json()["data"][0]["b64_json"].as_str().unwrap()));
}

#[tokio::test]
async fn chat_as_a_document_and_as_a_stream() {
    let gateway = gateway().await;
    let mut body = json!({"model": "auto", "messages": [{"role": "user", "content": "a red cat"}], "size": "256x256", "temperature": 1});
    let value = gateway.post("/v1/chat/completions", &body).await.json();
    let content = value["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(content.starts_with("![image1](data:image/png;base64,") && content.ends_with(')'), "{}", content.len());
    assert_eq!((&value["object"], &value["choices"][0]["finish_reason"]), (&json!("chat.completion"), &json!("stop")));
    body["stream"] = json!(true);
    body["stream_options"] = json!({"include_usage": true});
    let answer = gateway.post("/v1/chat/completions", &body).await;
    assert!(answer.headers["content-type"].to_str().unwrap().starts_with("text/event-stream"));
    let events: Vec<&str> =
        answer.text.split("\n\n").filter(|event| !event.is_empty()).map(|event| event.strip_prefix("data: ").unwrap()).collect();
    assert_eq!(events.last(), Some(&"[DONE]"));
    let chunks: Vec<Value> = events[..events.len() - 1].iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    assert_eq!(chunks[0]["choices"][0]["delta"], json!({"role": "assistant", "content": ""}));
    let pictures =
        chunks.iter().filter(|chunk| chunk["choices"][0]["delta"]["content"].as_str().is_some_and(|text| text.contains("![image1](data:")));
    assert_eq!(pictures.count(), 1, "one picture whole in one delta");
    assert_eq!(chunks[chunks.len() - 2]["choices"][0]["finish_reason"], "stop");
    assert_eq!(chunks[chunks.len() - 1]["choices"], json!([]));
    assert!(
        chunks.iter().all(|chunk| chunk["id"] == chunks[0]["id"] && chunk["model"] == "auto" && chunk["object"] == "chat.completion.chunk")
    );
}

#[tokio::test]
async fn responses_go_on_from_one_another() {
    let gateway = gateway().await;
    let mut body = json!({"model": "gpt-5", "input": "a red cat", "tools": [{"type": "image_generation", "size": "256x256"}]});
    let first = gateway.post("/v1/responses", &body).await.json();
    let call = &first["output"][0];
    assert!(is_png(call["result"].as_str().unwrap()));
    assert_eq!((&first["model"], &call["action"], &call["size"]), (&json!("gpt-5"), &json!("generate"), &json!("256x256")));
    let again = |previous: &Value, input: Value| {
        let mut body = body.clone();
        body["previous_response_id"] = previous.clone();
        body["input"] = input;
        body
    };
    let named = json!([{"type": "image_generation_call", "id": call["id"]}, {"role": "user", "content": "bluer"}]);
    for next in [again(&first["id"], json!("bluer")), again(&Value::Null, named)] {
        let answer = gateway.post("/v1/responses", &next).await.json();
        assert_eq!((&answer["output"][0]["action"], &answer["previous_response_id"]), (&json!("edit"), &next["previous_response_id"]));
    }
    let lost = gateway.post("/v1/responses", &again(&json!("resp_1"), json!("bluer"))).await;
    assert_eq!((lost.status.as_u16(), lost.json()["error"]["param"].as_str()), (400, Some("previous_response_id")));
    body["stream"] = json!(true);
    let answer = gateway.post("/v1/responses", &body).await;
    assert!(answer.headers["content-type"].to_str().unwrap().starts_with("text/event-stream"));
    let last = answer.text.trim_end().rsplit("\n\n").next().unwrap();
    let last: Value = serde_json::from_str(last.strip_prefix("event: response.completed\ndata: ").unwrap()).unwrap();
    assert!(is_png(last["response"]["output"][0]["result"].as_str().unwrap()));
}

#[tokio::test]
async fn image_streams_whatever_the_caller_accepts() {
    let gateway = gateway().await;
    let body = json!({"prompt": "x", "stream": true, "partial_images": 0, "size": "256x256", "n": 2});
    let request =
        post("/v1/images/generations", "application/json").header("accept", "application/json").body(Body::from(body.to_string())).unwrap();
    let answer = gateway.send(request).await;
    assert!(answer.headers["content-type"].to_str().unwrap().starts_with("text/event-stream"));
    let completed: Vec<Value> = answer
        .text
        .lines()
        .filter_map(|line| line.strip_prefix("data: {"))
        .map(|rest| serde_json::from_str(&format!("{{{rest}")).unwrap())
        .collect();
    assert_eq!(completed.len(), 2, "{}", answer.text.len());
    for event in &completed {
        assert_eq!(event["type"], "image_generation.completed");
        assert!(is_png(event["b64_json"].as_str().unwrap()));
    }
    assert!(answer.text.ends_with("data: [DONE]\n\n"));
}

#[tokio::test]
async fn models_need_no_key() {
    let gateway = gateway().await;
    let list = gateway.get("/v1/models").await;
    assert_eq!((list.status.as_u16(), &list.json()["object"]), (200, &json!("list")));
    let data = list.json()["data"].clone();
    assert!(data.as_array().unwrap().iter().any(|model| model["id"] == "auto" && model["object"] == "model" && model["created"].is_i64()));
    assert_eq!(gateway.get("/v1/models/auto").await.json()["id"], "auto");
    for unknown in ["/v1/models/nope", "/v1/models/a/b/c", "/v1/models/a%2Fb", "/v1/models/%ff", "/v1/models/constructor"] {
        let answer = gateway.get(unknown).await;
        assert_eq!(answer.error(), (404, "model_not_found".into(), Some("model".into())), "{unknown}");
    }
}

/// Headers; the status and the code that they are answered with.
type Row = (&'static [(&'static str, &'static str)], u16, &'static str);

#[tokio::test]
async fn who_may_not_is_answered_before_the_body_is_read() {
    let gateway = gateway().await;
    let unread = || {
        Body::from_stream(futures_util::stream::poll_fn(|_| -> std::task::Poll<Option<Result<bytes::Bytes, std::io::Error>>> {
            panic!("the body was read")
        }))
    };
    let rows: [Row; 4] = [
        (&[], 401, "missing_api_key"),
        (&[("authorization", "Bearer nobody")], 401, "invalid_api_key"),
        (&[("authorization", "Basic demo")], 401, "invalid_api_key"),
        (&[("authorization", "Bearer demo"), ("x-api-key", "other")], 400, "invalid_request_error"),
    ];
    let images = ["/v1/images/generations", "/v1/images/edits", "/v1/images/blend", "/v1/images/variations"];
    for path in images.into_iter().chain(["/v1/chat/completions", "/v1/responses"]) {
        for (headers, status, code) in rows {
            let mut request = Request::post(path).header("content-type", "application/json");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let answer = gateway.send(request.body(unread()).unwrap()).await;
            let (got, told, _) = answer.error();
            assert_eq!((got, told.as_str()), (status, code), "{path} {headers:?}");
            assert_eq!(answer.headers.contains_key("www-authenticate"), status == 401);
            assert_eq!(answer.headers["x-should-retry"], "false");
        }
    }
}

#[tokio::test]
async fn refusals_are_error_objects() {
    let gateway = gateway().await;
    let wrong_method = gateway.get("/v1/images/generations").await;
    assert_eq!(wrong_method.error().0, 405);
    assert_eq!(wrong_method.headers["allow"], "POST");
    let mut large = post("/v1/images/generations", "application/json");
    large = large.header("content-length", "999999999999");
    assert_eq!(gateway.send(large.body(Body::empty()).unwrap()).await.error().0, 413);
    for media in ["text/plain", "multipart/form-data; boundary=b", "application/json; charset=utf-16"] {
        let answer = gateway.send(post("/v1/images/generations", media).body(Body::from("{}")).unwrap()).await;
        assert_eq!((answer.error().0, answer.error().1.as_str()), (415, "unsupported_media_type"), "{media}");
    }
    let answer = gateway.post("/v1/images/generations", &json!({"prompt": "x", "n": "3"})).await;
    assert_eq!(answer.error(), (400, "invalid_request_error".into(), Some("n".into())));
    assert!(answer.text.len() <= 4096);
    let chinese = post("/v1/images/generations", "application/json").header("accept-language", "zh-CN");
    let answer = gateway.send(chinese.body(Body::from("{}")).unwrap()).await;
    assert!(answer.json()["error"]["message"].as_str().unwrap().contains("缺少 prompt"), "{}", answer.text);
}

#[tokio::test]
async fn an_azure_style_key_is_taken() {
    let gateway = gateway().await;
    let request =
        Request::post("/v1/images/generations?api-version=2025-04-01").header("api-key", "demo").header("content-type", "application/json");
    let answer = gateway.send(request.body(Body::from(json!({"prompt": "x", "size": "256x256"}).to_string())).unwrap()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// Several chat applications show no data URI but these.
#[tokio::test]
async fn data_uris_in_chats_are_png_or_jpeg() {
    let gateway = gateway().await;
    for stream in [false, true] {
        let body = json!({"model": "auto", "output_format": "webp", "size": "128x128", "stream": stream, "messages": [{"role": "user", "content": "a fox"}]});
        let answer = gateway.post("/v1/chat/completions", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(!answer.text.contains("data:image/webp"));
        let (_, data) = answer.text.split_once("](data:image/").unwrap();
        let (kind, rest) = data.split_once(";base64,").unwrap();
        let bytes = STANDARD.decode(rest.split_once(')').unwrap().0).unwrap();
        assert_eq!(image::guess_format(&bytes).unwrap().to_mime_type(), format!("image/{kind}"));
    }
    // Who asks for the bytes gets them as they were asked for.
    let plain = json!({"prompt": "a fox", "output_format": "webp", "size": "128x128", "response_format": "b64_json"});
    let answer = gateway.post("/v1/images/generations", &plain).await.json();
    assert!(STANDARD.decode(answer["data"][0]["b64_json"].as_str().unwrap()).unwrap().starts_with(b"RIFF"));
}
