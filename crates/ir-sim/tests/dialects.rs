//! Every dialect over real HTTP: a success, refusals in the platform's own shape, and its named cases.
#![expect(clippy::unwrap_used, reason = "a helper's failure is the test's failure")]

#[expect(dead_code, reason = "other tests need more of it")]
mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use common::{Answer, ask, get, post};
use http::Request;
use http_body_util::Full;
use ir_sim::{Behaviour, Dialect, PictureSpec, Script, Sim, SimConfig, When, make_picture};
use serde_json::{Value, json};

const KEY: &str = "sk-test";

async fn sim(dialect: Dialect) -> Sim {
    let keys = Some(vec![KEY.to_owned()]);
    Sim::start(SimConfig { dialect, keys, picture: PictureSpec::exactly(20_000), ..SimConfig::default() }).await.unwrap()
}

async fn sends(sim: &Sim, path: &str, document: &Value) -> Answer {
    ask(sim.url(), post(path, KEY, document)).await
}

async fn asks(sim: &Sim, path: &str, header: (&str, &str)) -> Answer {
    let request = Request::get(path).header("host", "sim").header("authorization", format!("Bearer {KEY}")).header(header.0, header.1);
    ask(sim.url(), request.body(Full::default()).unwrap()).await
}

/// A form; a field with a file name is a file.
async fn form(sim: &Sim, path: &str, parts: &[(&str, Option<&str>, &[u8])]) -> Answer {
    let mut body = Vec::new();
    for (name, filename, bytes) in parts {
        let file = filename.map_or_else(String::new, |name| format!("; filename=\"{name}\"\r\ncontent-type: image/png"));
        body.extend_from_slice(format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n").as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--edge--\r\n");
    let request = Request::post(path).header("host", "sim").header("content-type", "multipart/form-data; boundary=edge");
    ask(sim.url(), request.header("authorization", format!("Bearer {KEY}")).body(Full::from(Bytes::from(body))).unwrap()).await
}

fn picture() -> Bytes {
    make_picture(PictureSpec::exactly(5_000), 1).unwrap()
}

/// The picture behind a link that the simulator made.
async fn fetched(sim: &Sim, link: &Value) -> Bytes {
    let answer = get(sim.url(), link.as_str().unwrap().strip_prefix(sim.url()).unwrap()).await;
    assert_eq!(answer.status, 200);
    image::load_from_memory(&answer.body).unwrap();
    answer.body.into()
}

fn decoded(item: &Value) {
    image::load_from_memory(&STANDARD.decode(item["b64_json"].as_str().unwrap()).unwrap()).unwrap();
}

/// Status and document of an answer.
async fn said(sim: &Sim, path: &str, document: &Value) -> (u16, Value) {
    let answer = sends(sim, path, document).await;
    (answer.status, answer.json())
}

#[test]
fn dialects_have_names() {
    for name in ["open-ai", "ark", "gitee", "model-scope", "pollinations", "silicon-flow", "bed", "chat", "gradio"] {
        assert_eq!(name.parse::<Dialect>().unwrap().to_string(), name);
    }
    assert!("gpt".parse::<Dialect>().is_err());
}

#[tokio::test]
async fn ark() {
    let sim = sim(Dialect::Ark).await;
    let path = "/api/v3/images/generations";
    let uri = format!("data:image/png;base64,{}", STANDARD.encode(picture()));
    let least = json!({"model": "doubao-seedream-4-5-251128", "prompt": "a fox", "size": "2048x2048", "watermark": false, "image": uri});
    let (status, document) = said(&sim, path, &least).await;
    assert_eq!((status, &document["usage"]["generated_images"], &document["data"][0]["size"]), (200, &json!(1), &json!("2048x2048")));
    fetched(&sim, &document["data"][0]["url"]).await;
    let with = |name: &str, value: Value| {
        let mut document = least.clone();
        document[name] = value;
        document
    };
    let cases = [
        ("size", json!("1024x1024")),
        ("watermark", json!("yes")),
        ("n", json!(2)),
        ("output_format", json!("png")),
        ("image", json!("data:image/png;base64,AAAA")),
        ("image", json!(vec![uri.clone(); 15])),
    ];
    for (param, value) in cases {
        let (status, document) = said(&sim, path, &with(param, value)).await;
        assert_eq!((status, &document["error"]["type"], &document["error"]["param"]), (400, &json!("BadRequest"), &json!(param)));
    }
    let (status, document) = said(&sim, path, &with("prompt", json!("x [sim status=429 code=QuotaExceeded]"))).await;
    assert_eq!((status, &document["error"]["code"], &document["error"]["type"]), (429, &json!("QuotaExceeded"), &json!("TooManyRequests")));
    assert_eq!(sim.ledger().billed(), 1);
}

#[tokio::test]
async fn ark_sequences() {
    let sim = sim(Dialect::Ark).await;
    let order = |prompt: &str| {
        json!({"model": "doubao-seedream-4-0-250828", "prompt": prompt, "stream": true, "response_format": "b64_json",
            "sequential_image_generation": "auto", "sequential_image_generation_options": {"max_images": 3}})
    };
    let answer = sends(&sim, "/api/v3/images/generations", &order("x [sim case=partial]")).await;
    let events: Vec<&str> = answer.text().lines().filter_map(|line| line.strip_prefix("event: image_generation.")).collect();
    assert_eq!(events, ["partial_succeeded", "partial_failed", "partial_succeeded", "completed"]);
    assert!(answer.text().ends_with("data: [DONE]\n\n"));
    assert_eq!(sim.ledger().last().unwrap().pictures, 2);
    let answer = sends(&sim, "/api/v3/images/generations", &order("x [sim case=stream-error]")).await;
    assert!(answer.text().contains("partial_succeeded") && answer.text().contains("InternalServiceError"), "{}", answer.text());
    assert!(!answer.text().contains("completed"));
}

#[tokio::test]
async fn model_scope() {
    let sim = sim(Dialect::ModelScope).await;
    let submit = |prompt: &str| {
        let mut request =
            post("/v1/images/generations", KEY, &json!({"model": "Qwen/Qwen-Image", "prompt": prompt, "size": "64x64", "n": 1}));
        request.headers_mut().insert("x-modelscope-async-mode", "true".parse().unwrap());
        request
    };
    let typed = ("x-modelscope-task-type", "image_generation");
    let answer = ask(sim.url(), submit("a fox")).await;
    assert_eq!((answer.status, &answer.json()["task_status"]), (200, &json!("SUCCEED")));
    assert!(answer.headers.contains_key("modelscope-ratelimit-requests-remaining"));
    let task = format!("/v1/tasks/{}", answer.json()["task_id"].as_str().unwrap());
    assert_eq!(asks(&sim, &task, ("x-other", "1")).await.json()["task_status"], "FAILED");
    assert_eq!(asks(&sim, &task, typed).await.json()["task_status"], "PENDING");
    let done = asks(&sim, &task, typed).await.json();
    assert_eq!(done["task_status"], "SUCCEED");
    fetched(&sim, &done["output_images"][0]).await;
    let failing = ask(sim.url(), submit("x [sim case=task-failed]")).await.json();
    let task = format!("/v1/tasks/{}", failing["task_id"].as_str().unwrap());
    asks(&sim, &task, typed).await;
    assert_eq!(asks(&sim, &task, typed).await.json()["task_status"], "FAILED");
    let answer = ask(sim.url(), submit("x [sim case=no-quota]")).await;
    assert_eq!((answer.status, answer.headers["modelscope-ratelimit-requests-remaining"].to_str().unwrap()), (429, "0"));
    let answer = ask(sim.url(), post("/v1/images/generations", "wrong", &json!({"model": "m", "prompt": "x"}))).await;
    assert_eq!((answer.status, answer.json()["errors"]["message"].is_string()), (401, true));
    let (status, document) = said(&sim, "/v1/images/generations", &json!({"model": "m", "prompt": "x", "image_url": ["ftp://x"]})).await;
    assert_eq!((status, document["errors"]["message"].is_string()), (400, true));
    assert_eq!((sim.ledger().drawings().len(), sim.ledger().billed()), (5, 1));
}

#[tokio::test]
async fn gitee() {
    let sim = sim(Dialect::Gitee).await;
    let (status, document) =
        said(&sim, "/v1/images/generations", &json!({"model": "z-image-turbo", "prompt": "x", "n": 1, "size": "64x64"})).await;
    assert_eq!((status, &document["data"][0]["type"]), (200, &json!("image/png")));
    decoded(&document["data"][0]);
    let picture = picture();
    let edit: [(&str, Option<&str>, &[u8]); 4] =
        [("model", None, b"Qwen-Image-Edit-2511"), ("prompt", None, b"x"), ("task_types", None, b"id"), ("image", Some("a.png"), &picture)];
    assert_eq!(form(&sim, "/v1/images/edits", &edit).await.status, 200);
    let order = form(&sim, "/v1/async/images/edits", &edit).await.json();
    assert_eq!(order["status"], "waiting");
    let task = format!("/v1/task/{}", order["task_id"].as_str().unwrap());
    assert_eq!(asks(&sim, &task, ("x-other", "1")).await.json()["status"], "in_progress");
    let done = asks(&sim, &task, ("x-other", "1")).await.json();
    assert_eq!(done["status"], "success");
    fetched(&sim, &done["output"]["file_url"]).await;
    // A task whose kinds are not named, an unreadable picture, a name that only OpenAI knows.
    let torn: [(&str, Option<&str>, &[u8]); 3] = [("model", None, b"m"), ("prompt", None, b"x"), ("image", Some("a.png"), b"torn")];
    let named: [(&str, Option<&str>, &[u8]); 3] = [("model", None, b"m"), ("prompt", None, b"x"), ("image[]", Some("a.png"), &picture)];
    for (path, parts) in [("/v1/async/images/edits", [edit[0], edit[1], edit[3]]), ("/v1/images/edits", torn), ("/v1/images/edits", named)]
    {
        let answer = form(&sim, path, &parts).await;
        assert_eq!((answer.status, answer.json()["message"].is_string()), (400, true));
    }
    let path = "/v1/async/images/generations";
    let at_once = said(&sim, path, &json!({"model": "m", "prompt": "x [sim case=at-once]"})).await.1;
    fetched(&sim, &at_once["output"]["image"]).await;
    let (status, document) = said(&sim, path, &json!({"model": "m", "prompt": "x [sim case=unheard-of]"})).await;
    assert_eq!((status, document["message"].as_str().unwrap().contains("at-once")), (400, true));
    assert_eq!(asks(&sim, "/v1/task/TASK9", ("x-other", "1")).await.status, 404);
}

#[tokio::test]
async fn pollinations() {
    let sim = sim(Dialect::Pollinations).await;
    let order = |prompt: &str| json!({"model": "flux", "prompt": prompt, "size": "64x64", "seed": 9});
    let (status, document) = said(&sim, "/v1/images/generations", &order("x")).await;
    assert_eq!((status, &document["data"][0]["media_type"]), (200, &json!("image/jpeg")));
    decoded(&document["data"][0]);
    let picture = picture();
    let edit: [(&str, Option<&str>, &[u8]); 2] = [("prompt", None, b"x"), ("image", Some("a.png"), &picture)];
    decoded(&form(&sim, "/v1/images/edits", &edit).await.json()["data"][0]);
    let answer = asks(&sim, "/prompt/a%20fox?width=64&height=32&image=http%3A%2F%2Fa%7Chttp%3A%2F%2Fb&seed=1", ("x-other", "1")).await;
    assert_eq!((answer.status, answer.headers["content-type"].to_str().unwrap()), (200, "image/jpeg"));
    image::load_from_memory(&answer.body).unwrap();
    assert_eq!((sim.ledger().drawings().len(), sim.ledger().billed()), (3, 3));
    assert_eq!(asks(&sim, "/prompt/a%20fox?image=nonsense", ("x-other", "1")).await.status, 400);
    assert_eq!(asks(&sim, "/prompt/x%20%5Bsim%20status=402%5D", ("x-other", "1")).await.json()["error"]["code"], "PAYMENT_REQUIRED");
    let (status, document) = said(&sim, "/v1/images/generations", &order("x [sim status=401]")).await;
    assert_eq!((status, &document["success"], &document["error"]["code"]), (401, &json!(false), &json!("UNAUTHORIZED")));
    let (status, document) = said(&sim, "/v1/images/generations", &order("x [sim case=relabelled]")).await;
    assert_eq!((status, &document["error"]["details"]["upstreamStatus"]), (502, &json!(429)));
    let answer = sends(&sim, "/v1/images/generations", &order("x [sim case=publishable]")).await;
    assert_eq!((answer.status, answer.headers["retry-after"].to_str().unwrap()), (429, "42"));
}

#[tokio::test]
async fn silicon_flow() {
    let models = vec!["Kwai-Kolors/Kolors".to_owned()];
    let picture = PictureSpec::exactly(20_000);
    let sim = Sim::start(SimConfig { dialect: Dialect::SiliconFlow, models, picture, ..SimConfig::default() }).await.unwrap();
    let order = |model: &str, prompt: &str, size: &str| json!({"model": model, "prompt": prompt, "image_size": size, "batch_size": 2});
    let path = "/v1/images/generations";
    let (status, document) = said(&sim, path, &order("Kwai-Kolors/Kolors", "x", "1024x1024")).await;
    assert_eq!((status, document["images"].as_array().unwrap().len()), (200, 2));
    fetched(&sim, &document["images"][1]["url"]).await;
    for (model, prompt, size, status, code) in [
        ("Other", "x", "1024x1024", 400, 20_012),
        ("Kwai-Kolors/Kolors", "x", "large", 400, 20_015),
        ("Kwai-Kolors/Kolors", "x [sim case=no-balance]", "1024x1024", 403, 30_001),
        ("Kwai-Kolors/Kolors", "x [sim case=overloaded]", "1024x1024", 503, 50_505),
        ("Kwai-Kolors/Kolors", "x [sim status=429]", "1024x1024", 429, 50_001),
    ] {
        let (found, document) = said(&sim, path, &order(model, prompt, size)).await;
        assert_eq!((found, &document["code"], &document["data"]), (status, &json!(code), &Value::Null), "{prompt}");
    }
    assert_eq!(sim.ledger().billed(), 2);
}

#[tokio::test]
async fn bed() {
    let sim = sim(Dialect::Bed).await;
    let picture = picture();
    let file: [(&str, Option<&str>, &[u8]); 1] = [("file", Some("a b.png"), &picture)];
    let answer = form(&sim, "/upload?uploadFolder=pics", &file).await.json();
    let relative = answer[0]["src"].as_str().unwrap();
    assert!(relative.starts_with("/file/pics/") && relative.ends_with("_a_b.png"), "{relative}");
    let served = get(sim.url(), relative).await;
    assert_eq!((served.headers["content-type"].to_str().unwrap(), &served.body), ("image/png", &picture.to_vec()));
    let answer = form(&sim, "/upload?returnFormat=full", &file).await.json();
    assert_eq!(fetched(&sim, &answer[0]["src"]).await, picture);
    sim.script(Script::always(Behaviour::from_directives("case=code").unwrap()));
    let answer = form(&sim, "/upload", &file).await.json();
    assert_eq!(answer["code"], 200);
    fetched(&sim, &answer["data"]["url"]).await;
    sim.script(Script::default());
    let body = "--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"x.png\"\r\n\r\nx\r\n--edge--\r\n";
    let bare = |path: &str, header: (&str, &str)| {
        let request = Request::post(path).header("host", "sim").header("content-type", "multipart/form-data; boundary=edge");
        request.header(header.0, header.1).body(Full::from(body)).unwrap()
    };
    for (path, header, status) in [
        ("/upload", ("authorization", "sk-test"), 200),
        ("/upload", ("authcode", "sk-test"), 200),
        ("/upload?authCode=sk-test", ("x-other", "1"), 200),
        ("/upload", ("referer", "https://bed.example/?authCode=sk-test"), 200),
        ("/upload?authCode=wrong", ("authcode", "sk-test"), 401),
        ("/upload", ("x-other", "1"), 401),
    ] {
        let answer = ask(sim.url(), bare(path, header)).await;
        assert_eq!(answer.status, status, "{path} {header:?}");
        assert!(status == 200 || answer.text() == "Unauthorized");
    }
    let answer = form(&sim, "/upload", &[("other", Some("x.png"), b"x")]).await;
    assert_eq!((answer.status, answer.text()), (400, "Error: No file provided"));
}

#[tokio::test]
async fn chat() {
    let sim = sim(Dialect::Chat).await;
    let order =
        |words: &str| json!({"model": "m", "messages": [{"role": "system", "content": "translate"}, {"role": "user", "content": words}]});
    let path = "/v1/chat/completions";
    let (status, document) = said(&sim, path, &order("ein Fuchs")).await;
    let choice = &document["choices"][0];
    assert_eq!((status, &choice["message"]["content"], &choice["finish_reason"]), (200, &json!("EN: ein Fuchs"), &json!("stop")));
    assert_eq!(said(&sim, path, &order("x [sim case=no-choice]")).await.1["choices"], json!([]));
    assert_eq!(said(&sim, path, &order("x [sim case=cut-short]")).await.1["choices"][0]["finish_reason"], "length");
    assert_eq!(said(&sim, path, &json!({"model": "m"})).await.0, 400);
    let (status, document) = said(&sim, path, &order("x [sim status=429]")).await;
    assert_eq!((status, &document["error"]["code"]), (429, &json!("rate_limit_exceeded")));
}

/// The frames of a session that draws once.
async fn play(sim: &Sim, session: &str, function: u32, data: Value) -> Vec<Value> {
    let order = json!({"data": data, "event_data": null, "fn_index": function, "trigger_id": null, "session_hash": session});
    let (status, document) = said(sim, "/gradio_api/queue/join", &order).await;
    assert_eq!((status, document["event_id"].is_string()), (200, true));
    let answer = asks(sim, &format!("/gradio_api/queue/data?session_hash={session}"), ("accept", "text/event-stream")).await;
    assert_eq!(answer.headers["content-type"].to_str().unwrap(), "text/event-stream");
    answer.text().split("\n\n").filter_map(|frame| frame.strip_prefix("data: ")).map(|frame| serde_json::from_str(frame).unwrap()).collect()
}

#[tokio::test]
async fn gradio() {
    let sim = sim(Dialect::Gradio).await;
    let none = ("x-other", "1");
    assert_eq!(asks(&sim, "/config", none).await.json()["api_prefix"], "/gradio_api");
    assert!(asks(&sim, "/gradio_api/info", none).await.json()["named_endpoints"]["/generate_image"]["parameters"].is_array());
    let words = |prompt: &str| json!([prompt, 1024, 1024, 9, 7, false]);
    let frames = play(&sim, "one", 0, words("a fox")).await;
    let kinds: Vec<&str> = frames.iter().map(|frame| frame["msg"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["estimation", "process_starts", "process_completed", "close_stream"]);
    let drawn = asks(&sim, &format!("/gradio_api/file={}", frames[2]["output"]["data"][0]["path"].as_str().unwrap()), none).await;
    image::load_from_memory(&drawn.body).unwrap();
    let again = asks(&sim, "/gradio_api/queue/data?session_hash=one", none).await;
    assert!(again.text().contains("unexpected_error"));
    let quota = play(&sim, "two", 0, words("x [sim case=zero-gpu]")).await;
    assert_eq!((&quota[2]["success"], &quota[2]["title"]), (&json!(false), &json!("ZeroGPU quota exceeded")));
    assert_eq!(play(&sim, "three", 0, json!(["x", 1024])).await[2]["success"], false);
    let uploaded = form(&sim, "/gradio_api/upload", &[("files", Some("in.png"), &picture())]).await.json();
    let gallery = json!([{"image": {"path": uploaded[0], "meta": {"_type": "gradio.FileData"}}, "caption": null}]);
    assert_eq!(play(&sim, "four", 1, json!([gallery, "x", 7, false])).await[2]["success"], true);
    assert_eq!((sim.ledger().drawings().len(), sim.ledger().billed()), (4, 2));
}

#[tokio::test]
async fn gradio_refuses() {
    let sim = sim(Dialect::Gradio).await;
    let order = json!({"data": ["x [sim case=queue-full]", 64, 64, 9, 7, false], "fn_index": 0, "session_hash": "s"});
    let (status, document) = said(&sim, "/gradio_api/queue/join", &order).await;
    assert_eq!((status, document["detail"].as_str().unwrap().starts_with("Queue is full")), (503, true));
    assert_eq!(said(&sim, "/gradio_api/queue/join", &json!({"data": [], "fn_index": 0})).await.1["detail"], "Session hash not found.");
    assert_eq!(asks(&sim, "/gradio_api/file=/etc/passwd", ("x-other", "1")).await.status, 403);
    sim.script(Script::default().rule(When::path("/config"), Some(1), Behaviour::from_directives("case=sleeping").unwrap()));
    let asleep = asks(&sim, "/config", ("x-other", "1")).await;
    assert_eq!((asleep.status, asleep.headers["content-type"].to_str().unwrap()), (503, "text/html; charset=utf-8"));
    assert_eq!(asks(&sim, "/config", ("x-other", "1")).await.status, 200);
    assert_eq!(get(sim.url(), "/api/spaces/by-subdomain/sim-space").await.json()["runtime"]["stage"], "RUNNING");
}
