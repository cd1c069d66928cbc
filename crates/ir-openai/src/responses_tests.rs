//! Requests of the Responses API, as SDKs and applications send them.

use super::*;
use crate::testing::{b64, data_uri, large_png, opaque_png, place, png, read_json, status};
use ir_model::SizeAsk;
use serde_json::{Value, json};

async fn read(spool: &Spool, body: &Value) -> Result<Asked, Fault> {
    read_by(spool, body, &Rules::default()).await
}

async fn read_by(spool: &Spool, body: &Value, rules: &Rules) -> Result<Asked, Fault> {
    parse(spool, read_json(spool, body.to_string(), true).await?, rules, |_, model| model == "flux", None).await
}

fn small() -> String {
    data_uri(&png(4, 4), "image/png")
}

fn text(words: &str) -> Value {
    json!({"type": "input_text", "text": words})
}

fn image(url: &str) -> Value {
    json!({"type": "input_image", "image_url": url, "detail": "auto"})
}

fn user(content: Value) -> Value {
    json!({"type": "message", "role": "user", "content": content})
}

fn drawn(result: Value) -> Value {
    json!({"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": result})
}

#[tokio::test]
async fn what_the_input_asks_for() {
    let place = place();
    let (small, large) = (small(), data_uri(&large_png(), "image/png"));
    let rows: Vec<(&str, Value, &str, usize, Task)> = vec![
        ("a string", json!("a red cat"), "a red cat", 0, Task::Text),
        ("a message", json!([{"role": "user", "content": "a red cat"}]), "a red cat", 0, Task::Text),
        ("parts", json!([user(json!([text("a red"), text("cat")]))]), "a red\ncat", 0, Task::Text),
        ("a picture", json!([user(json!([text("green"), image(&large)]))]), "green", 1, Task::Edit),
        ("an address", json!([user(json!([text("green"), image("https://example.com/a.png")]))]), "green", 1, Task::Edit),
        ("two", json!([user(json!([image(&small), text("both"), image(&large)]))]), "both", 2, Task::Blend),
        ("what was drawn", json!([user(json!("a cat")), drawn(json!(b64(&large_png()))), user(json!("bluer"))]), "bluer", 1, Task::Edit),
        ("drawn, named last", json!([user(json!("bluer")), drawn(json!(b64(&png(4, 4))))]), "bluer", 1, Task::Edit),
        ("an own one beside it", json!([drawn(json!(b64(&png(4, 4)))), user(json!([text("x"), image(&small)]))]), "x", 1, Task::Edit),
        (
            "calls that gave none",
            json!([drawn(json!("")), {"type": "image_generation_call", "status": "failed"}, user(json!("x"))]),
            "x",
            0,
            Task::Text,
        ),
        (
            "what is for language models",
            json!([
                {"role": "developer", "content": "you draw"},
                user(json!([text("a dog"), image(&large)])),
                {"type": "reasoning", "id": "rs_1", "summary": []},
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": "ok"},
                {"type": "item_reference", "id": "msg_1"},
                {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed",
                 "content": [{"type": "output_text", "text": format!("![image1]({large})"), "annotations": []}]},
                user(json!("a cat")),
            ]),
            "a cat",
            0,
            Task::Text,
        ),
    ];
    for (name, input, prompt, pictures, task) in rows {
        let asked =
            read(&place.spool, &json!({"model": "gpt-5", "input": input})).await.unwrap_or_else(|fault| panic!("{name}: {fault:?}"));
        assert_eq!((asked.ask.prompt.as_str(), asked.ask.pictures.len(), asked.ask.task), (prompt, pictures, task), "{name}");
    }
    assert_eq!(place.spool.in_flight_bytes(), 0);
}

#[tokio::test]
async fn the_action_says_what_becomes_of_older_pictures() {
    let place = place();
    let (call, own) = (drawn(json!(b64(&png(8, 8)))), user(json!([text("a cat"), image(&small())])));
    let history = json!([own, {"role": "assistant", "content": "ok"}, user(json!("bluer"))]);
    let with_call = json!([call, user(json!("bluer"))]);
    let rows = [
        ("auto", &history, Some(0)),
        ("edit", &history, Some(1)),
        ("generate", &history, Some(0)),
        ("auto", &with_call, Some(1)),
        ("generate", &with_call, Some(0)),
        ("edit", &json!("bluer"), None),
    ];
    for (action, input, pictures) in rows {
        let body = json!({"input": input, "tools": [{"type": "image_generation", "action": action}]});
        let asked = read(&place.spool, &body).await.map(|asked| asked.ask.pictures.len());
        assert_eq!(asked.ok(), pictures, "{action} {input}");
    }
    let rules = Rules { continue_from_last_image: true, ..Rules::default() };
    let asked = read_by(&place.spool, &json!({"input": history}), &rules).await.unwrap();
    assert_eq!(asked.ask.task, Task::Edit, "as the setting of chat says");
}

#[tokio::test]
async fn the_tools_fields_are_those_of_image_requests() {
    let place = place();
    let tool = json!({
        "type": "image_generation", "size": "1536x1024", "quality": "high", "background": "transparent", "output_format": "webp",
        "output_compression": 80, "moderation": "low", "input_fidelity": "high", "partial_images": 2, "n": 3, "seed": 7, "watermark": false,
        "model": "gpt-image-2", "input_image_mask": {"image_url": data_uri(&png(4, 4), "image/png")},
    });
    let mut body =
        json!({"model": "gpt-5", "stream": true, "n": 1, "size": "16:9", "steps": 4, "input": [user(json!([text("x"), image(&small())]))]});
    body["tools"] = json!([{"type": "function", "name": "f", "parameters": {}}, tool]);
    let asked = read(&place.spool, &body).await.unwrap();
    let (ask, extras) = (&asked.ask, &asked.ask.extras);
    assert_eq!(
        (ask.model.as_str(), ask.n, ask.size, ask.extras.partial_images),
        ("gpt-image-2", Some(3), SizeAsk::parse("1536x1024").unwrap(), 2)
    );
    assert_eq!((extras.seed, extras.steps, extras.output_compression), (Some(7), Some(4), Some(80)));
    assert_eq!(extras.unknown.0.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["watermark"]);
    assert!(ask.mask.is_some() && asked.wish.stream && ask.form == ResponseForm::Base64 && !asked.links);
    // Without a stream there is nothing that partial pictures could come in.
    let still = read(&place.spool, &json!({"input": "x", "tools": [{"type": "image_generation", "partial_images": 2}]})).await.unwrap();
    assert_eq!(still.ask.extras.partial_images, 0);
}

#[tokio::test]
async fn the_model_is_the_tools_or_one_that_is_known() {
    let place = place();
    let tool = |model: &str| json!([{"type": "image_generation", "model": model}]);
    let rows = [
        (json!({"model": "gpt-5"}), "", Some("gpt-5")),
        (json!({"model": "flux"}), "flux", Some("flux")),
        (json!({"model": "flux", "tools": tool("gpt-image-9")}), "gpt-image-9", Some("flux")),
        (json!({"model": "gpt-5", "tools": tool("")}), "", Some("gpt-5")),
        (json!({}), "", None),
        (json!({"model": null}), "", None),
    ];
    for (mut body, model, echoed) in rows {
        body["input"] = json!("x");
        let asked = read(&place.spool, &body).await.unwrap();
        assert_eq!((asked.ask.model.as_str(), asked.echo.model.as_deref()), (model, echoed), "{body}");
    }
}

#[tokio::test]
async fn what_says_nothing_about_pictures_is_ignored_politely() {
    let place = place();
    let body = json!({
        "input": "x", "model": "gpt-5", "instructions": "be brief", "store": true, "metadata": {"a": "b"}, "tool_choice": {"type": "image_generation"},
        "include": ["reasoning.encrypted_content"], "reasoning": {"effort": "low"}, "text": {"format": {"type": "text"}}, "temperature": 0.5,
        "top_p": 1, "max_output_tokens": 100, "parallel_tool_calls": false, "truncation": "auto", "service_tier": "auto", "user": "u",
        "prompt_cache_key": "k", "safety_identifier": "s", "stream_options": {"include_obfuscation": false}, "background": false,
        "previous_response_id": null, "response_format": {"type": "text"}, "seed": -1, "moderation": {"model": "m"},
    });
    let asked = read(&place.spool, &body).await.unwrap();
    assert!(asked.ask.extras.unknown.0.is_empty(), "{:?}", asked.ask.extras.unknown);
    assert_eq!((asked.ask.prompt.as_str(), asked.ask.extras.user.as_deref(), asked.ask.extras.seed), ("x", Some("u"), None));
    let linked = read(&place.spool, &json!({"input": "x", "response_format": "url"})).await.unwrap();
    assert!(linked.links && linked.ask.form == ResponseForm::Base64);
}

#[tokio::test]
async fn requests_that_are_refused() {
    let place = place();
    let with = |tool: Value| {
        let mut tool = tool;
        tool["type"] = json!("image_generation");
        json!({"input": "x", "tools": [{"type": "web_search"}, tool]})
    };
    let mask = json!({"input_image_mask": {"image_url": small()}});
    let rows: Vec<(&str, Value, &str)> = vec![
        ("nothing", json!({"model": "gpt-5"}), "input"),
        ("empty", json!({"input": []}), "input"),
        ("blank", json!({"input": "  "}), "input"),
        ("number", json!({"input": 5}), "input"),
        ("strings", json!({"input": ["x"]}), "input[0]"),
        ("no role", json!({"input": [{"type": "message", "content": "x"}]}), "input[0].role"),
        ("no content", json!({"input": [{"role": "user"}]}), "input[0].content"),
        ("no user", json!({"input": [{"role": "assistant", "content": "x"}]}), "input"),
        ("only a picture", json!({"input": [user(json!([image(&small())]))]}), "input"),
        (
            "a file",
            json!({"input": [user(json!([text("x"), {"type": "input_image", "file_id": "file_1"}]))]}),
            "input[0].content[1].image_url",
        ),
        ("a document", json!({"input": [user(json!([text("x"), {"type": "input_file", "file_id": "f"}]))]}), "input[0].content[1]"),
        (
            "a bad picture",
            json!({"input": [user(json!([text("x"), image("data:image/png;base64,AAAA")]))]}),
            "input[0].content[1].image_url",
        ),
        ("a call by its id", json!({"input": [user(json!("x")), {"type": "image_generation_call", "id": "ig_1"}]}), "input[1].id"),
        ("a reference", json!({"input": [{"type": "item_reference", "id": "ig_1"}, user(json!("x"))]}), "input[0].id"),
        ("an answer of before", json!({"input": "x", "previous_response_id": "resp_1"}), "previous_response_id"),
        ("a conversation", json!({"input": "x", "conversation": "conv_1"}), "conversation"),
        ("a stored prompt", json!({"prompt": {"id": "pmpt_1"}}), "prompt"),
        ("in the background", json!({"input": "x", "background": true}), "background"),
        ("tools", json!({"input": "x", "tools": "image_generation"}), "tools"),
        ("action", with(json!({"action": "paint"})), "tools[1].action"),
        ("size", with(json!({"size": "huge"})), "tools[1].size"),
        ("format", with(json!({"output_format": "svg"})), "tools[1].output_format"),
        ("n", json!({"input": "x", "n": 17}), "n"),
        ("stream", json!({"input": "x", "stream": "yes"}), "stream"),
        ("a mask of nothing", with(mask.clone()), "input"),
        ("a mask's file", with(json!({"input_image_mask": {"file_id": "f"}})), "tools[1].input_image_mask"),
        (
            "a mask without transparency",
            json!({
                "input": [user(json!([text("x"), image(&small())]))],
                "tools": [{"type": "image_generation", "input_image_mask": {"image_url": data_uri(&opaque_png(4, 4), "image/png")}}],
            }),
            "mask",
        ),
        ("too many items", json!({"input": vec![user(json!("x")); 1025]}), "input"),
        ("too long", json!({"input": "x".repeat(32_001)}), "input"),
    ];
    for (name, body, param) in rows {
        let fault = read(&place.spool, &body).await.err().unwrap_or_else(|| panic!("{name} was taken"));
        assert_eq!((status(&fault), fault.param.as_deref()), (400, Some(param)), "{name}");
    }
    assert_eq!(place.spool.in_flight_bytes(), 0, "nothing stays behind");
}
