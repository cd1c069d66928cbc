//! Answers and streams of the Responses API.

use super::*;
use crate::error::Mode;
use crate::responses_stream::ResponseEvents;
use crate::stream::Dialect;
use crate::testing::{b64, bytes_of, jpeg, place, png, stored};
use http_body_util::BodyExt;
use ir_engine::Failure;
use ir_model::{Charge, Class, Fault, ManualClock, RequestId, Timestamp};

fn answer(request: &Value, tool: &Value) -> ResponseAnswer {
    let map = |value: &Value| match Node::from(value.clone()) {
        Node::Object(map) => map,
        _ => Map::default(),
    };
    let wish = Wish {
        form: ResponseForm::Base64,
        stream: false,
        quality: None,
        background: None,
        public_base_url: Some("https://d.example".into()),
    };
    ResponseAnswer {
        id: "00".into(),
        created: 5,
        edit: false,
        echo: Echo::of(&map(request), &map(tool)),
        links: false,
        given: Arc::new(crate::responses_memory::Given::default()).to(""),
        wish,
        clock: Arc::new(ManualClock::at(Timestamp(7000))),
        reader: Reader { id: RequestId::parse("r").unwrap(), language: Language::English, mode: Mode::Backend },
    }
}

async fn drawn(place: &crate::testing::Place, bytes: &[u8]) -> Drawn {
    Drawn { picture: Some(stored(&place.spool, bytes).await), name: Some("n.png".into()), url: None, revised_prompt: None }
}

fn summary(asked: u32, pictures: u32) -> Summary {
    Summary { provider: "P".into(), model: "m".into(), attempts: 1, asked, pictures, ..Summary::default() }
}

async fn json_of(answer: &ResponseAnswer, finished: &Finished) -> Value {
    let response = answer.document(finished);
    assert_eq!(response.headers()["x-img-router-provider"], "P");
    let announced: usize = response.headers()["content-length"].to_str().unwrap().parse().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test reads a small answer whole")]
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(bytes.len(), announced);
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn an_answer_is_complete() {
    let place = place();
    let bytes = png(16, 8);
    let request = json!({"model": "gpt-5", "instructions": "be brief", "metadata": {"a": "b", "n": 1}, "temperature": 0.5, "tool_choice": "required"});
    let tool = json!({"type": "image_generation", "size": "16x8", "quality": "hd", "partial_images": 1, "input_image_mask": null});
    let mut answer = answer(&request, &tool);
    answer.wish.quality = Some(Quality::High);
    answer.wish.background = Some(Background::Transparent);
    let finished = Finished { pictures: vec![drawn(&place, &bytes).await], summary: summary(1, 1) };
    let wanted = json!({
        "id": "resp_00", "object": "response", "created_at": 5, "completed_at": 7, "status": "completed", "model": "gpt-5",
        "background": false, "error": null, "incomplete_details": null, "instructions": "be brief", "max_output_tokens": null,
        "max_tool_calls": null, "metadata": {"a": "b"}, "parallel_tool_calls": true, "previous_response_id": null,
        "reasoning": {"effort": null, "summary": null}, "service_tier": "default", "store": false, "temperature": 0.5,
        "text": {"format": {"type": "text"}}, "tool_choice": "required", "top_p": null, "truncation": "disabled", "user": null,
        "tools": [{"type": "image_generation", "size": "16x8", "partial_images": 1}],
        "usage": {
            "input_tokens": 0, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": 0, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 0,
        },
        "output": [
            {
                "type": "image_generation_call", "id": "ig_0000", "status": "completed", "action": "generate", "quality": "high",
                "background": "transparent", "output_format": "png", "size": "16x8", "result": b64(&bytes),
            },
            {
                "type": "message", "id": "msg_00", "role": "assistant", "status": "completed",
                "content": [{"type": "output_text", "text": "Here is the picture.", "annotations": [], "logprobs": []}],
            },
        ],
    });
    assert_eq!(json_of(&answer, &finished).await, wanted);
    let ignored = Summary { ignored: vec!["quality".into(), "background".into()], ..summary(1, 1) };
    let value = json_of(&answer, &Finished { summary: ignored, ..finished }).await;
    assert_eq!((&value["output"][0]["quality"], &value["output"][0]["background"]), (&json!("auto"), &json!("auto")));
}

#[tokio::test]
async fn the_message_tells_addresses_and_what_is_missing() {
    let place = place();
    let mut first = drawn(&place, &png(4, 4)).await;
    first.revised_prompt = Some("a \"cat\"".into());
    let far = Drawn { picture: None, name: None, url: Some("https://p.example/a (1).png".into()), revised_prompt: None };
    let finished = Finished { pictures: vec![first, far], summary: summary(3, 2) };
    let mut answer = answer(&json!({"tool_choice": {"type": "function", "name": "f"}}), &json!({}));
    let value = json_of(&answer, &finished).await;
    assert_eq!(
        (&value["model"], &value["tool_choice"], &value["tools"]),
        (&json!("auto"), &json!("auto"), &json!([{"type": "image_generation"}]))
    );
    assert_eq!(value["output"][0]["revised_prompt"], "a \"cat\"");
    assert!(value["output"][0].get("url").is_none());
    // What could not be fetched has only its address.
    assert_eq!((&value["output"][1]["result"], &value["output"][1]["url"]), (&json!(""), &json!("https://p.example/a%20%281%29.png")));
    let words = |value: &Value| value["output"][2]["content"][0]["text"].as_str().unwrap().to_owned();
    assert_eq!(words(&value), "![image2](https://p.example/a%20%281%29.png)\n\nOnly 2 of 3 pictures could be drawn.");
    answer.links = true;
    answer.edit = true;
    answer.reader.language = Language::Chinese;
    let value = json_of(&answer, &finished).await;
    assert_eq!(value["output"][0]["action"], "edit");
    assert_eq!(value["output"][0]["url"], "https://d.example/storage/n.png");
    assert_eq!(
        words(&value),
        "![image1](https://d.example/storage/n.png)\n![image2](https://p.example/a%20%281%29.png)\n\n仅完成 3 张图片中的 2 张。"
    );
}

/// The events of a stream; their names and numbers are checked.
async fn events(pieces: Vec<Vec<ir_spool::Piece>>) -> Vec<Value> {
    let text = bytes_of(pieces.into_iter().flatten().collect()).await;
    let mut events = Vec::new();
    for block in text.split_terminator("\n\n") {
        let mut lines = block.lines().filter(|line| !line.starts_with(':'));
        let name = lines.next().unwrap().strip_prefix("event: ").unwrap();
        let value: Value = serde_json::from_str(lines.next().unwrap().strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(
            (value["type"].as_str(), value["sequence_number"].as_u64(), lines.next()),
            (Some(name), Some(events.len() as u64), None)
        );
        events.push(value);
    }
    events
}

fn names(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["type"].as_str().unwrap().trim_start_matches("response.").trim_start_matches("image_generation_call."))
        .collect()
}

#[tokio::test]
async fn a_stream_announces_and_ends_every_item() {
    let place = place();
    let (first, second) = (png(4, 4), jpeg());
    let mut stream = ResponseEvents::new(answer(&json!({"model": "gpt-5"}), &json!({})));
    let mut sent = vec![stream.begin(), stream.beat(), stream.picture(&drawn(&place, &first).await)];
    assert_eq!(bytes_of(stream.beat()).await, ": keep-alive\n");
    sent.push(stream.beat());
    sent.push(stream.picture(&drawn(&place, &second).await));
    sent.push(stream.end(&summary(2, 2)));
    let events = events(sent).await;
    let wanted = [
        "created",
        "in_progress",
        "output_item.added",
        "in_progress",
        "generating",
        "generating",
        "completed",
        "output_item.done",
        "output_item.added",
        "in_progress",
        "generating",
        "completed",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ];
    assert_eq!(names(&events), wanted);
    let response = &events[0]["response"];
    assert_eq!((&response["status"], &response["output"], &response["usage"]), (&json!("in_progress"), &json!([]), &Value::Null));
    let added = json!({"type": "image_generation_call", "id": "ig_0000", "status": "in_progress", "result": null});
    assert_eq!((&events[2]["item"], &events[2]["output_index"]), (&added, &json!(0)));
    assert_eq!((&events[4]["item_id"], &events[4]["output_index"]), (&json!("ig_0000"), &json!(0)));
    assert_eq!((&events[7]["item"]["result"], &events[12]["item"]["result"]), (&json!(b64(&first)), &json!(b64(&second))));
    assert_eq!(
        (&events[12]["output_index"], &events[12]["item"]["id"], &events[12]["item"]["output_format"]),
        (&json!(1), &json!("ig_0001"), &json!("jpeg"))
    );
    assert_eq!(
        (&events[15]["delta"], &events[15]["output_index"], &events[15]["item_id"]),
        (&json!("Here are 2 pictures."), &json!(2), &json!("msg_00"))
    );
    let done: Vec<&Value> = [7, 12, 18].iter().map(|at| &events[*at]["item"]).collect();
    assert_eq!(json!(done), events[19]["response"]["output"], "the end holds what was sent");
    assert_eq!(events[19]["response"]["status"], "completed");
}

#[tokio::test]
async fn a_stream_that_fails_says_so_twice() {
    let place = place();
    let failure =
        |class| Failure { fault: Fault::new(class).charged(Charge::No), provider: Some("P".into()), model: None, attempts: Vec::new() };
    let mut stream = ResponseEvents::new(answer(&json!({}), &json!({})));
    let sent = events(vec![stream.begin(), stream.failed(&failure(Class::ContentRejected))]).await;
    let [error, failed] = &sent[5..] else { panic!("{sent:?}") };
    let message = "P refused the content. Change the prompt or the picture.";
    let nested = json!({"type": "invalid_request_error", "code": "content_policy_violation", "message": message, "param": null});
    let flat = json!({"type": "error", "sequence_number": 5, "code": "content_policy_violation", "message": message, "param": null, "error": nested});
    assert_eq!(error, &flat);
    assert_eq!(failed["response"]["error"], json!({"code": "image_content_policy_violation", "message": message}));
    let item = json!({"type": "image_generation_call", "id": "ig_0000", "status": "failed", "result": null});
    assert_eq!((&failed["response"]["status"], &failed["response"]["output"]), (&json!("failed"), &json!([item])));

    let mut stream = ResponseEvents::new(answer(&json!({}), &json!({})));
    let bytes = png(4, 4);
    let sent = events(vec![stream.begin(), stream.picture(&drawn(&place, &bytes).await), stream.failed(&failure(Class::Overloaded))]).await;
    let response = &sent.last().unwrap()["response"];
    assert_eq!((&response["error"]["code"], &response["output"][0]["result"]), (&json!("server_error"), &json!(b64(&bytes))));
}
