//! Bodies and generation parameters, good and bad (`07-security.md`, B-26 to B-48).

use crate::answer::Wish;
use crate::body::{Kind, kind};
use crate::generations::parse;
use crate::rules::Rules;
use crate::testing::{b64, headers, large_png, place, read_json, status};
use ir_model::{Ask, Background, Fault, Format, Quality, ResponseForm, Size, SizeAsk, Task};
use ir_spool::Spool;
use serde_json::{Value, json};

async fn read(spool: &Spool, text: impl Into<Vec<u8>>) -> Result<(Ask, Wish), Fault> {
    parse(spool, read_json(spool, text, false).await?, &Rules::default()).await
}

/// A generation with one more field.
fn with(name: &str, value: &Value) -> String {
    let mut body = json!({"prompt": "a red cat"});
    body[name] = value.clone();
    body.to_string()
}

#[tokio::test]
async fn documents_that_are_none() {
    let place = place();
    let deep = |n: usize| format!("{{\"prompt\":\"x\",\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
    let rows: Vec<(Vec<u8>, &str)> = vec![
        (b"".to_vec(), "empty"),
        (b"null".to_vec(), "null"),
        (b"[]".to_vec(), "array"),
        (b"\"x\"".to_vec(), "string"),
        (b"1".to_vec(), "number"),
        (b"{}".to_vec(), "no prompt"),
        (b"{\"prompt\":\"x\"".to_vec(), "cut"),
        (b"{\"prompt\":\"x\"}}".to_vec(), "more after it"),
        (b"{\"prompt\":\"\xff\"}".to_vec(), "not UTF-8"),
        (b"{\"prompt\":\"\\ud800\"}".to_vec(), "lone surrogate"),
        (b"{\"prompt\":\"a\\u0000b\"}".to_vec(), "NUL"),
        (b"{\"prompt\":\"x\",\"z\":[\"\\u0000\"]}".to_vec(), "NUL elsewhere"),
        (deep(200).into_bytes(), "deep"),
        (deep(10_000).into_bytes(), "very deep"),
        (b"{\"prompt\":\"x\",\"prompt\":\"y\"}".to_vec(), "prompt twice"),
        (b"{\"prompt\":\"x\",\"model\":\"a\",\"model\":\"b\"}".to_vec(), "model twice"),
        (format!("{{{}\"prompt\":\"x\"}}", (0..100_000).map(|i| format!("\"k{i}\":1,")).collect::<String>()).into_bytes(), "100,000 keys"),
    ];
    for (body, name) in rows {
        let fault = read(&place.spool, body).await.err().unwrap_or_else(|| panic!("{name} was taken"));
        assert_eq!(status(&fault), 400, "{name}");
        assert!(fault.param.is_some(), "{name} names nothing");
        assert!(fault.message.unwrap().en.len() < 1000, "{name}");
    }
    let long_key = format!("{{\"{}\":1,\"prompt\":\"x\"}}", "k".repeat(1 << 20));
    let code = status(&read(&place.spool, long_key).await.unwrap_err());
    assert!(code == 400 || code == 413, "{code}");
    assert_eq!(place.spool.in_flight_bytes(), 0, "nothing stays behind");
}

#[tokio::test]
async fn json_errors_say_where() {
    let place = place();
    let fault = read(&place.spool, "{\n  \"prompt\": nope}").await.unwrap_err();
    let text = fault.message.unwrap();
    assert!(text.en.contains("line 2, column 13"), "{}", text.en);
    assert!(text.zh.contains("第 2 行"), "{}", text.zh);
}

/// Proves R-API-3.
#[tokio::test]
async fn wrong_values_are_refused_by_name() {
    let place = place();
    let rows: Vec<(&str, Vec<Value>)> = vec![
        (
            "prompt",
            vec![
                json!(null),
                json!(""),
                json!("  \n"),
                json!(["x"]),
                json!({"a": 1}),
                json!(5),
                json!("x".repeat(32_001)),
                json!("字".repeat(40_000)),
            ],
        ),
        ("model", vec![json!(5), json!("m".repeat(10_000)), json!(["m"])]),
        ("n", vec![json!(0), json!(-1), json!(17), json!(1e308), json!(1.5), json!("2"), json!([]), json!(true)]),
        (
            "size",
            ["0x0", "-1x1", "1024", "1024x", "1024×1024", "99999x99999", "1024x1024x1", "NaNxNaN", "1e3x1e3", " 1024x1024 "]
                .map(Value::from)
                .into_iter()
                .chain([json!(1024)])
                .collect(),
        ),
        ("quality", vec![json!("best"), json!(1), json!("")]),
        ("style", vec![json!("gaudy"), json!(1)]),
        ("background", vec![json!("red"), json!(true)]),
        ("output_format", vec![json!("bmp"), json!("svg"), json!(1)]),
        ("output_compression", vec![json!(101), json!(-1), json!("50"), json!(0.5)]),
        ("moderation", vec![json!("none"), json!(false)]),
        ("input_fidelity", vec![json!("medium")]),
        ("response_format", vec![json!("png"), json!(1), json!({"type": "text"})]),
        ("stream", vec![json!("true"), json!(1)]),
        ("partial_images", vec![json!(-1), json!(4), json!(1), json!("1")]),
        ("seed", vec![json!(-1), json!(18_446_744_073_709_551_615u64), json!(1.5), json!("7")]),
        ("steps", vec![json!(0), json!(101), json!("4")]),
        ("guidance_scale", vec![json!(-0.1), json!(100.5), json!("7")]),
        ("negative_prompt", vec![json!(1), json!("x".repeat(32_001))]),
        ("user", vec![json!(1), json!("u".repeat(600))]),
        ("image", vec![json!("https://example.com/a.png")]),
        ("mask", vec![json!("https://example.com/a.png")]),
    ];
    for (name, values) in rows {
        for value in values {
            let shown: String = value.to_string().chars().take(80).collect();
            let fault = read(&place.spool, with(name, &value)).await.err().unwrap_or_else(|| panic!("{name} = {shown} was taken"));
            assert_eq!(status(&fault), 400, "{name} = {shown}");
            assert_eq!(fault.param.as_deref(), Some(name), "{name} = {shown}");
            let text = fault.message.unwrap();
            assert!(text.en.len() < 600 && !text.zh.is_empty(), "{name} = {shown}: {}", text.en);
        }
    }
}

/// Proves R-API-1.
#[tokio::test]
async fn contradictions_are_refused() {
    let place = place();
    let body = json!({"prompt": "x", "background": "transparent", "output_format": "jpeg"});
    assert_eq!(read(&place.spool, body.to_string()).await.unwrap_err().param.as_deref(), Some("background"));
}

#[tokio::test]
async fn values_that_are_right() {
    let place = place();
    let rows: Vec<(&str, Vec<Value>)> = vec![
        ("prompt", vec![json!("x"), json!("x".repeat(32_000)), json!("字".repeat(32_000)), json!("\u{202e}\u{1b}[31m e\u{301}")]),
        ("model", vec![json!("auto"), json!(""), json!("../x"), json!("a\nb"), json!("%2e"), json!("constructor")]),
        ("n", vec![json!(1), json!(16)]),
        ("size", vec![json!("auto"), json!("16:9"), json!("4K"), json!("1536x864")]),
        ("quality", ["standard", "hd", "low", "medium", "high", "auto", "xhigh", "max"].map(Value::from).to_vec()),
        ("style", vec![json!("vivid")]),
        ("background", vec![json!("auto")]),
        ("moderation", vec![json!("low")]),
        ("extra_headers", vec![json!({"x": "y"})]),
        ("__proto__", vec![json!({"x": "y"})]),
        ("frame_count", vec![json!(3)]),
    ];
    for (name, values) in rows {
        for value in values {
            let shown: String = value.to_string().chars().take(60).collect();
            assert!(read(&place.spool, with(name, &value)).await.is_ok(), "{name} = {shown}");
        }
    }
}

#[tokio::test]
async fn null_is_absent() {
    let place = place();
    let names = [
        "model",
        "n",
        "quality",
        "response_format",
        "output_format",
        "output_compression",
        "stream",
        "partial_images",
        "size",
        "moderation",
        "background",
        "style",
        "user",
        "seed",
        "steps",
        "guidance_scale",
        "negative_prompt",
        "input_fidelity",
        "whatever",
    ];
    let mut body = json!({"prompt": "x"});
    for name in names {
        body[name] = Value::Null;
    }
    let (ask, wish) = read(&place.spool, body.to_string()).await.unwrap();
    assert_eq!((ask.n, ask.size, ask.model.as_str(), ask.task), (None, SizeAsk::Auto, "", Task::Text));
    assert!(ask.extras.unknown.0.is_empty() && ask.extras.seed.is_none());
    assert_eq!((wish.form, wish.stream), (ResponseForm::Url, false));
}

#[tokio::test]
async fn everything_that_the_sdk_sends_arrives() {
    let place = place();
    let body = r#"{"model":"gpt-image-2","prompt":"x","background":"transparent","moderation":"low","n":2,"output_compression":80,
        "output_format":"webp","quality":"low","size":"1536x1024","seed":7,"steps":4,"guidance_scale":3.5,"negative_prompt":"blur",
        "user":"u","stream":true,"partial_images":2,"aspect_ratio":"1:1"}"#;
    let (ask, wish) = read(&place.spool, body).await.unwrap();
    assert_eq!((ask.model.as_str(), ask.n, ask.size), ("gpt-image-2", Some(2), SizeAsk::Exact(Size::new(1536, 1024))));
    assert_eq!((ask.extras.partial_images, ask.form), (2, ResponseForm::Base64));
    let extras = &ask.extras;
    assert_eq!(
        (extras.background, extras.output_format, extras.quality),
        (Some(Background::Transparent), Some(Format::Webp), Some(Quality::Low))
    );
    assert_eq!((extras.output_compression, extras.seed, extras.steps, extras.guidance_scale), (Some(80), Some(7), Some(4), Some(3.5)));
    assert_eq!(
        (extras.negative_prompt.as_deref(), extras.user.as_deref(), extras.moderation.as_deref()),
        (Some("blur"), Some("u"), Some("low"))
    );
    assert_eq!(extras.unknown.0.len(), 1);
    assert!(wish.stream);
}

#[tokio::test]
async fn the_form_of_the_answer() {
    let place = place();
    for (extra, form) in [
        (json!({"model": "gpt-image-1"}), ResponseForm::Base64),
        (json!({"model": "gpt-image-1", "response_format": "url"}), ResponseForm::Url),
        (json!({"model": "dall-e-3"}), ResponseForm::Url),
        (json!({"model": "dall-e-3", "response_format": "b64_json"}), ResponseForm::Base64),
    ] {
        let mut body = extra.clone();
        body["prompt"] = json!("x");
        let (ask, wish) = read(&place.spool, body.to_string()).await.unwrap();
        assert_eq!((ask.form, wish.form), (form, form), "{extra}");
    }
}

#[tokio::test]
async fn a_prompt_that_is_a_picture_is_none() {
    let place = place();
    for prompt in [b64(&large_png()), format!("draw ![x](data:image/png;base64,{}) {}", b64(&large_png()), "x ".repeat(40_000))] {
        let fault = read(&place.spool, with("prompt", &json!(prompt))).await.unwrap_err();
        assert_eq!((status(&fault), fault.param.as_deref()), (400, Some("prompt")));
    }
    assert_eq!(place.spool.in_flight_bytes(), 0);
}

#[test]
fn media_types() {
    let json = |text: &str| kind(&headers(&[("content-type", text)]));
    for good in ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=\"UTF-8\"", "application/json; foo=bar"] {
        assert_eq!(json(good).unwrap(), Kind::Json, "{good}");
    }
    for bad in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "application/octet-stream", "json"] {
        assert_eq!(status(&json(bad).unwrap_err()), 415, "{bad}");
    }
    assert_eq!(status(&kind(&headers(&[])).unwrap_err()), 415);
    let gzip = headers(&[("content-type", "application/json"), ("content-encoding", "gzip")]);
    assert_eq!(status(&kind(&gzip).unwrap_err()), 415);
    assert_eq!(json("multipart/form-data; boundary=\"a b'c\"").unwrap(), Kind::Form("a b'c".into()));
    for bad in ["multipart/form-data", "multipart/form-data; boundary=", &format!("multipart/form-data; boundary={}", "x".repeat(10_240))] {
        assert_eq!(status(&json(bad).unwrap_err()), 400);
    }
}
