//! The OpenAI-compatible platform, exchange by exchange: each case is a file in `golden/` that a
//! person can read. `UPDATE_GOLDEN=1 cargo nextest run -p ir-platforms` writes them anew.

use crate::common::{blob, golden, input, job, picture, show};
use ir_model::{Background, Format, Job, LiftedBytes, LongText, Map, Node, Output, Quality, ResponseForm, Size, Source, Task};
use ir_platforms::{Next, Reply, ReplyBody, by_name};
use serde_json::{Value, json};
use std::fmt::Write as _;

fn opened(job: &Job) -> String {
    show(&by_name("NewApi").expect("listed").open(job).expect("opens"))
}

/// A job with every wish that there is.
fn wishful(task: Task) -> Job {
    let mut job = job(task);
    job.model = "gpt-image-2".to_owned();
    job.size = Some(Size::new(1536, 1024));
    job.form = ResponseForm::Base64;
    job.extras.quality = Some(Quality::High);
    job.extras.style = Some("vivid".to_owned());
    job.extras.background = Some(Background::Transparent);
    job.extras.output_format = Some(Format::Webp);
    job.extras.output_compression = Some(80);
    job.extras.moderation = Some("low".to_owned());
    job.extras.input_fidelity = Some("high".to_owned());
    job.extras.user = Some("user-1".to_owned());
    job.extras.seed = Some(42);
    job.extras.steps = Some(30);
    job.extras.guidance_scale = Some(7.5);
    job.extras.negative_prompt = Some("text".to_owned());
    let unknown = json!({
        "watermark": false,
        "extra_body": {"google": {"image_config": {"aspect_ratio": "16:9"}}},
        "tags": ["a", 2, null],
        "model": "must not replace ours",
        "stream": true,
        "async": true,
        "quality": "must not replace ours",
    });
    let Node::Object(unknown) = Node::from(unknown) else { unreachable!("an object") };
    job.extras.unknown = unknown;
    job
}

#[test]
fn requests() {
    golden("text-least.txt", &opened(&job(Task::Text)));
    golden("text-all-wishes.txt", &opened(&wishful(Task::Text)));
    let mut base64 = job(Task::Text);
    base64.model = "dall-e-3".to_owned();
    base64.form = ResponseForm::Base64;
    golden("text-base64-wanted.txt", &opened(&base64));
    golden("edit-one-picture.txt", &opened(&job(Task::Edit)));
    let mut masked = wishful(Task::Edit);
    masked.mask = Some(picture(Format::Png, 640, 480));
    golden("edit-mask-all-wishes.txt", &opened(&masked));
    let mut blend = job(Task::Blend);
    blend.pictures.push(input(Format::Webp));
    golden("blend-three-pictures.txt", &opened(&blend));
    let list = by_name("NewApi").expect("listed").list_models("https://relay.example", job(Task::Text).key.as_ref());
    golden("models.txt", &show(&list.expect("it has a list")));
}

#[test]
fn only_gpt_image_models_are_spared_the_response_format() {
    for (model, sent) in
        [("gpt-image-2", false), ("chatgpt-image-latest", false), ("openai/GPT-Image-1.5", false), ("dall-e-3", true), ("flux-pro", true)]
    {
        let mut job = job(Task::Text);
        job.model = model.to_owned();
        job.form = ResponseForm::Base64;
        assert_eq!(opened(&job).contains("response_format"), sent, "{model}");
    }
}

#[test]
fn names_that_could_break_a_part_header_are_left_out() {
    let mut job = job(Task::Edit);
    job.extras.unknown = Map(vec![("a\"\r\nx".to_owned(), Node::Bool(true)), ("b".to_owned(), Node::Bool(true))]);
    let text = opened(&job);
    assert!(text.contains("  b = true\n") && !text.contains("x = true"), "{text}");
}

fn reply(status: u16, body: ReplyBody) -> Reply {
    let headers = vec![("x-request-id".to_owned(), "req_1".to_owned()), ("retry-after".to_owned(), "7".to_owned())];
    Reply { headers, ..Reply::new(status, body) }
}

fn json_reply(status: u16, value: Value) -> Reply {
    reply(status, ReplyBody::Json(value.into()))
}

fn show_output(output: &Output) -> String {
    let place = match &output.source {
        Source::Lifted(bytes) => format!("lifted, {} bytes", bytes.blob.size()),
        Source::Body(blob) => format!("blob, {} bytes", blob.size()),
        Source::Base64(text) => format!("base64, {} characters", text.len()),
        Source::Url(url) => url.clone(),
    };
    match &output.revised_prompt {
        Some(prompt) => format!("{place} (prompt: {prompt})"),
        None => place,
    }
}

/// What an exchange comes to, in one paragraph.
fn outcome(title: &str, reply: &Reply) -> String {
    let adapter = by_name("NewApi").expect("listed");
    let mut out = format!("== {title}\n");
    let fault = if (200..300).contains(&reply.status) {
        match adapter.read(&job(Task::Text), reply) {
            Ok(Next::Done(outputs)) => {
                for output in &outputs {
                    let _ = writeln!(out, "picture: {}", show_output(output));
                }
                return out;
            }
            Ok(other) => panic!("{title}: {other:?}"),
            Err(fault) => fault,
        }
    } else {
        adapter.fault(reply)
    };
    let _ = writeln!(out, "{:?}, charged: {:?}", fault.class, fault.charge);
    let parts = [("says", fault.upstream), ("param", fault.param), ("told", fault.message.map(|m| m.en)), ("log", fault.detail)];
    for (name, text) in parts {
        if let Some(text) = text {
            let _ = writeln!(out, "{name}: {text}");
        }
    }
    if let Some(wait) = fault.retry_after {
        let _ = writeln!(out, "retry after: {wait:?}");
    }
    out
}

fn lifted(data_uri: Option<&str>) -> Node {
    Node::Bytes(LiftedBytes { blob: blob(Format::Png, 8, 8), data_uri: data_uri.map(str::to_owned) })
}

fn object(members: Vec<(&str, Node)>) -> Node {
    Node::Object(Map(members.into_iter().map(|(name, node)| (name.to_owned(), node)).collect()))
}

#[test]
fn answers() {
    let b64 = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk";
    let text = |text: &str| Node::String(text.to_owned());
    let item = object(vec![("url", text("")), ("b64_json", lifted(None)), ("revised_prompt", text("a fox, red"))]);
    let chat = |content: Node| {
        let message = object(vec![("role", text("assistant")), ("content", content)]);
        object(vec![("choices", Node::Array(vec![object(vec![("message", message)])]))])
    };
    let markdown = LongText { blob: blob(Format::Png, 1, 1), pictures: vec![blob(Format::Png, 8, 8), blob(Format::Png, 8, 8)] };
    let url = "https://pictures.example/a.png";
    let cases = [
        ("base64, lifted, New API writes both keys", reply(200, ReplyBody::Json(object(vec![("data", Node::Array(vec![item]))])))),
        ("an address and empty strings", json_reply(200, json!({"data": [{"url": url, "b64_json": "", "revised_prompt": ""}]}))),
        ("short base64", json_reply(200, json!({"data": [{"b64_json": b64}]}))),
        ("a data URI in url", json_reply(200, json!({"data": [{"url": format!("data:image/png;base64,{b64}")}]}))),
        ("several pictures", json_reply(200, json!({"data": [{"url": url}, {"url": ""}, {"url": format!("{url}?2")}]}))),
        ("data is an object", json_reply(200, json!({"data": {"url": url}}))),
        ("images of addresses", json_reply(200, json!({"images": [{"url": url}]}))),
        ("images of texts", json_reply(200, json!({"images": [b64, url]}))),
        ("a picture and an error beside it", json_reply(200, json!({"data": [{"url": url}], "error": {"message": "late"}}))),
        ("the body is the picture", reply(200, ReplyBody::Picture(blob(Format::Jpeg, 8, 8)))),
        (
            "chat: images",
            json_reply(
                200,
                json!({"choices": [{"message": {"content": "", "images": [{"type": "image_url", "image_url": {"url": url}}]}}]}),
            ),
        ),
        (
            "chat: parts",
            json_reply(
                200,
                json!({"choices": [{"message": {"content": [{"type": "text", "text": "here"}, {"type": "image_url", "image_url": {"url": url}}]}}]}),
            ),
        ),
        (
            "chat: Markdown",
            json_reply(200, json!({"choices": [{"message": {"content": format!("Here: ![one]({url}) and ![two]({url}?2 \"title\")")}}]})),
        ),
        ("chat: a bare address", json_reply(200, json!({"choices": [{"message": {"content": format!(" {url}\n")}}]}))),
        ("chat: long Markdown", reply(200, ReplyBody::Json(chat(Node::Text(markdown))))),
        ("chat: base64", reply(200, ReplyBody::Json(chat(lifted(Some("image/png")))))),
        ("chat: only words", json_reply(200, json!({"choices": [{"finish_reason": "stop", "message": {"content": "I cannot draw."}}]}))),
        ("chat: filtered", json_reply(200, json!({"choices": [{"finish_reason": "content_filter", "message": {"content": ""}}]}))),
        ("no pictures", json_reply(200, json!({"created": 1, "data": []}))),
        ("empty items", json_reply(200, json!({"data": [{"url": "", "b64_json": ""}]}))),
        ("an address that is none", json_reply(200, json!({"data": [{"url": "javascript:alert(1)"}]}))),
        (
            "an error with 200",
            json_reply(
                200,
                json!({"error": {"message": "no quota left", "type": "new_api_error", "param": "", "code": "insufficient_user_quota"}}),
            ),
        ),
        ("a status in the body (OpenRouter)", json_reply(200, json!({"error": {"code": 402, "message": "Add credits"}}))),
        (
            "an item's error (Ark behind a relay)",
            json_reply(200, json!({"data": [{"error": {"code": "OutputImageSensitiveContentDetected", "message": "withheld"}}]})),
        ),
        ("a web page with 200", reply(200, ReplyBody::Text("<!DOCTYPE html><html><head><title>New API</title></head>".to_owned()))),
        ("words with 200", reply(200, ReplyBody::Text("ok".to_owned()))),
        ("nothing with 200", reply(200, ReplyBody::Empty)),
        ("null", json_reply(200, json!(null))),
    ];
    golden("answers.txt", &cases.iter().map(|(title, reply)| outcome(title, reply)).collect::<Vec<_>>().join("\n"));
}

/// An error object as OpenAI writes it.
fn error(status: u16, kind: &str, code: &str, message: &str) -> (String, Reply) {
    let value = json!({"error": {"message": message, "type": kind, "param": null, "code": code}});
    (format!("{status} {kind} {code}").trim().to_owned(), json_reply(status, value))
}

fn named(title: &str, reply: Reply) -> (String, Reply) {
    (title.to_owned(), reply)
}

#[test]
fn refusals_of_openai_and_relays() {
    let cases = vec![
        error(400, "image_generation_user_error", "moderation_blocked", "blocked by the safety system, request id req_1"),
        error(400, "invalid_request_error", "content_policy_violation", "Your request was rejected"),
        error(400, "invalid_request_error", "billing_hard_limit_reached", "Billing hard limit has been reached"),
        named(
            "400 invalid_value",
            json_reply(
                400,
                json!({"error": {"message": "Invalid size", "type": "invalid_request_error", "param": "size", "code": "invalid_value"}}),
            ),
        ),
        named(
            "400 unknown_parameter",
            json_reply(
                400,
                json!({"error": {"message": "Unknown parameter: 'response_format'.", "type": "invalid_request_error", "param": "response_format", "code": "unknown_parameter"}}),
            ),
        ),
        error(401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided: sk-****abcd"),
        error(401, "new_api_error", "", "无效的令牌 (request id: 2026)"),
        error(401, "upstream_error", "unknown_error", "Incorrect key of the channel"),
        error(400, "upstream_error", "", "Incorrect API key provided"),
        error(500, "upstream_error", "invalid_api_key", "Incorrect API key provided"),
        error(429, "upstream_error", "insufficient_quota", "You exceeded your current quota"),
        error(403, "upstream_error", "", "用户额度不足"),
        error(403, "new_api_error", "insufficient_user_quota", "用户额度不足, 剩余额度: $0.00"),
        error(403, "new_api_error", "access_denied", "Your IP is not allowed"),
        error(403, "invalid_request_error", "unsupported_country_region_territory", "Country, region, or territory not supported"),
        error(403, "invalid_request_error", "", "Your organization must be verified to use the model `gpt-image-2`."),
        named(
            "403 with reasons (OpenRouter)",
            json_reply(403, json!({"error": {"code": 403, "message": "Input was flagged", "metadata": {"reasons": ["violence"]}}})),
        ),
        error(402, "", "", "Payment required"),
        error(404, "invalid_request_error", "model_not_found", "The model `x` does not exist"),
        error(404, "invalid_request_error", "", "Invalid URL (POST /v1/images/edits)"),
        error(404, "", "", "The model does not exist"),
        error(408, "", "", "timeout"),
        error(409, "", "", "conflict"),
        error(413, "", "", "Request Entity Too Large"),
        error(422, "", "", "bad parameter"),
        error(425, "", "", "too early"),
        error(429, "requests", "rate_limit_exceeded", "Limit 5/min"),
        error(429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota"),
        error(429, "new_api_error", "", "当前分组上游负载已饱和，请稍后再试"),
        error(429, "new_api_error", "token_concurrency_limit_reached", "too many at once"),
        error(451, "", "", "Unavailable for legal reasons"),
        error(500, "server_error", "", "The server had an error"),
        error(500, "server_error", "", "Incorrect API key provided"),
        error(500, "new_api_error", "invalid_api_key", "the key of the channel"),
        error(500, "new_api_error", "do_request_failed", "do request failed"),
        error(500, "new_api_error", "convert_request_failed", "not implemented"),
        error(500, "new_api_error", "sensitive_words_detected", "sensitive words detected"),
        error(500, "new_api_error", "channel:invalid_key", "invalid key"),
        error(502, "", "", "Bad gateway"),
        error(503, "new_api_error", "model_not_found", "No available channel for model x under group default"),
        error(503, "one_api_error", "", "当前分组 default 下对于模型 x 无可用渠道"),
        error(503, "server_error", "", "Overloaded"),
        error(504, "", "", "Gateway timeout"),
        error(520, "", "", "unknown"),
        error(522, "", "", "connection timed out"),
        error(524, "", "", "a timeout occurred"),
        error(529, "overloaded_error", "", "Overloaded"),
    ];
    golden("refusals.txt", &cases.iter().map(|(title, reply)| outcome(title, reply)).collect::<Vec<_>>().join("\n"));
}

#[test]
fn refusals_of_every_shape() {
    let page = |title: &str| ReplyBody::Text(format!("<html><head><title>{title}</title></head><body>secret stack</body></html>"));
    let cases = [
        named("error is a text", json_reply(400, json!({"error": "bad size"}))),
        named("detail is a text", json_reply(400, json!({"detail": "bad size"}))),
        named(
            "detail is a list (FastAPI)",
            json_reply(422, json!({"detail": [{"loc": ["body", "image_size"], "msg": "Input should be less", "type": "less_than"}]})),
        ),
        named(
            "detail tells of moderation (fal)",
            json_reply(422, json!({"detail": [{"loc": ["body", "prompt"], "msg": "flagged", "type": "content_policy_violation"}]})),
        ),
        named("message alone", json_reply(400, json!({"message": "bad size", "code": 1210}))),
        named("errors is a list", json_reply(400, json!({"errors": [{"code": 5006, "message": "bad size"}], "success": false}))),
        named("errors is an object", json_reply(401, json!({"errors": {"message": "bad token"}, "request_id": "r"}))),
        named(
            "a list around it (Gemini)",
            json_reply(
                400,
                json!([{"error": {"code": 400, "message": "API key not valid. Please pass a valid API key.", "status": "INVALID_ARGUMENT"}}]),
            ),
        ),
        named(
            "an inner error (Azure)",
            json_reply(400, json!({"error": {"code": "x", "message": "filtered", "innererror": {"code": "ResponsibleAIPolicyViolation"}}})),
        ),
        named("an object without words", json_reply(500, json!({"ok": false}))),
        named("plain text", reply(500, ReplyBody::Text("upstream connect error\n".to_owned()))),
        named("nothing", reply(503, ReplyBody::Empty)),
        named("a page with 401", reply(401, page("Sign in"))),
        named("a page with 403", reply(403, page("Attention Required! | Cloudflare"))),
        named("a page with 404", reply(404, page("404 Not Found"))),
        named("a page with 502", reply(502, page("502 Bad Gateway"))),
        named("a redirect", reply(301, ReplyBody::Empty)),
        named("405", reply(405, ReplyBody::Empty)),
    ];
    golden("refusals-shapes.txt", &cases.iter().map(|(title, reply)| outcome(title, reply)).collect::<Vec<_>>().join("\n"));
}

#[test]
fn model_lists() {
    let adapter = by_name("NewApi").expect("listed");
    let read = |value: Value| adapter.read_models(&json_reply(200, value)).map_err(|fault| fault.class);
    let ids = |ids: &[&str]| Ok(ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>());
    assert_eq!(read(json!({"object": "list", "data": [{"id": "b"}, {"id": "a"}, {"id": "b"}, {"id": ""}, 7]})), ids(&["b", "a"]));
    assert_eq!(read(json!({"models": [{"name": "models/x"}]})), ids(&["models/x"]));
    assert_eq!(read(json!(["a", "b"])), ids(&["a", "b"]));
    assert_eq!(read(json!({"data": []})), ids(&[]));
    assert_eq!(read(json!({"error": {"message": "no", "code": "invalid_api_key"}})), Err(ir_model::Class::KeyRejected));
    assert_eq!(read(json!({"data": [{"id": "x".repeat(201)}]})), ids(&[]));
}

#[test]
fn openais_own_models_are_asked_for_sizes_that_they_take() {
    let size = |(width, height)| Size::new(width, height);
    for (model, asked, drawn) in [
        ("gpt-image-1.5", (2560, 1440), (1536, 1024)),
        ("openai/gpt-image-1-mini", (512, 512), (1024, 1024)),
        ("chatgpt-image-latest", (1024, 1792), (1024, 1536)),
        ("gpt-image-2", (2560, 1440), (2560, 1440)),
        ("gpt-image-2.5-flare", (3024, 1296), (3024, 1296)),
        ("GPT-Image-2", (4096, 4096), (2880, 2880)),
        ("gpt-image-2", (1000, 1000), (1008, 1008)),
        ("dall-e-3", (2560, 1440), (1792, 1024)),
        ("dall-e-2", (300, 300), (256, 256)),
        // What nobody knows judges for itself.
        ("flux-pro", (1000, 999), (1000, 999)),
    ] {
        for task in [Task::Text, Task::Edit, Task::Blend] {
            let card = by_name("NewApi").expect("listed").card().task(task).expect("offered").for_model(model);
            assert_eq!(card.sizes.fit(size(asked)), Some(size(drawn)), "{model} {task}");
        }
    }
}
