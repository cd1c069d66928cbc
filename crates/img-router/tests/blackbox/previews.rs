//! Partial pictures, from a platform that streams them to a caller who asked for them.

use crate::client;
use crate::platforms::{NEW_API, RED};
use crate::support::{Running, Setup, stored};
use ir_sim::Sim;
use serde_json::{Value, json};

async fn events(running: &Running, path: &str, body: &Value) -> Vec<Value> {
    let answer = client::post(running.port, path, body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let text = String::from_utf8(answer.body).unwrap();
    text.lines().filter_map(|line| line.strip_prefix("data: ")).filter_map(|data| serde_json::from_str(data).ok()).collect()
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

async fn set_up() -> (Sim, Setup, Running) {
    let sim = NEW_API.sim().await;
    let setup = NEW_API.add(Setup::new(), &sim);
    let running = setup.start();
    (sim, setup, running)
}

#[tokio::test]
async fn previews_come_before_the_picture_and_are_not_kept() {
    let (sim, setup, running) = set_up().await;
    let ask = json!({"model": "NewApi/gpt-image-2", "prompt": "a cat", "stream": true, "partial_images": 2});
    let drawn = events(&running, "/v1/images/generations", &ask).await;
    let partial = "image_generation.partial_image";
    assert_eq!(kinds(&drawn), [partial, partial, "image_generation.completed"]);
    for (number, event) in drawn[..2].iter().enumerate() {
        assert_eq!(event["partial_image_index"], json!(number));
        for field in ["b64_json", "created_at", "size", "quality", "background", "output_format"] {
            assert!(!event[field].is_null(), "{field}");
        }
    }
    let edit = json!({"model": "NewApi/gpt-image-2", "prompt": "a cat", "stream": true, "partial_images": 1, "image": RED});
    let edited = events(&running, "/v1/images/edits", &edit).await;
    assert_eq!(kinds(&edited), ["image_edit.partial_image", "image_edit.completed"]);
    let respond = json!({"model": "NewApi/gpt-image-2", "input": "a cat", "stream": true, "tools": [{"type": "image_generation", "partial_images": 1}]});
    let response = events(&running, "/v1/responses", &respond).await;
    let previews = response.iter().filter(|event| event["type"] == "response.image_generation_call.partial_image");
    assert_eq!(previews.map(|event| event["partial_image_index"].clone()).collect::<Vec<_>>(), [json!(0)]);
    assert_eq!(stored(&setup.data()).len(), 3, "only the pictures");
    assert_eq!(sim.ledger().drawings().len(), 3);
}

#[tokio::test]
async fn nothing_is_streamed_that_nobody_can_show() {
    let (sim, _setup, running) = set_up().await;
    // Another model does not know previews, a chat does not show them, and no stream was asked for.
    let other = json!({"model": "NewApi/sim", "prompt": "a cat", "stream": true, "partial_images": 2});
    assert_eq!(kinds(&events(&running, "/v1/images/generations", &other).await), ["image_generation.completed"]);
    let chat =
        json!({"model": "NewApi/gpt-image-2", "stream": true, "partial_images": 2, "messages": [{"role": "user", "content": "a cat"}]});
    events_of_chat(&running, &chat).await;
    let plain = json!({"model": "NewApi/gpt-image-2", "prompt": "a cat"});
    assert_eq!(client::post(running.port, "/v1/images/generations", &plain).await.unwrap().status, 200);
    for entry in sim.ledger().drawings() {
        assert_eq!((entry.field("stream"), entry.field("partial_images")), (None, None), "{entry:?}");
    }
}

async fn events_of_chat(running: &Running, body: &Value) {
    let answer = client::post(running.port, "/v1/chat/completions", body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
}
