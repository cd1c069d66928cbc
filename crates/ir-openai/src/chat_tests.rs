//! Conversations (`08-clients.md`, 11, 34–36; `07-security.md`, B-53 to B-58), and blends.

use super::*;
use crate::edits::from_json;
use crate::testing::{b64, data_uri, large_png, place, png, read_json, status};
use ir_model::{AskPicture, SizeAsk};
use serde_json::{Value, json};

async fn read(spool: &Spool, body: &Value) -> Result<Chat, Fault> {
    parse(spool, read_json(spool, body.to_string(), true).await?, &Rules::default()).await
}

fn user(content: Value) -> Value {
    json!({"model": "auto", "messages": [{"role": "user", "content": content}]})
}

fn small() -> String {
    data_uri(&png(4, 4), "image/png")
}

#[tokio::test]
async fn what_the_last_user_message_asks_for() {
    let place = place();
    let (small, large) = (small(), data_uri(&large_png(), "image/png"));
    let text = |text: &str| json!({"type": "text", "text": text});
    let image = |url: &str| json!({"type": "image_url", "image_url": {"url": url, "detail": "auto"}});
    let rows: Vec<(&str, Value, &str, usize, Task)> = vec![
        ("a string", json!("a red cat"), "a red cat", 0, Task::Text),
        ("parts", json!([text("a red"), text("cat")]), "a red\ncat", 0, Task::Text),
        ("a picture", json!([text("green"), image(&small)]), "green", 1, Task::Edit),
        ("a large picture", json!([text("green"), image(&large)]), "green", 1, Task::Edit),
        ("an address", json!([text("green"), image("https://example.com/a.png")]), "green", 1, Task::Edit),
        ("two", json!([image(&small), text("both"), image(&large)]), "both", 2, Task::Blend),
        ("image_url as a string", json!([text("x"), {"type": "image_url", "image_url": small}]), "x", 1, Task::Edit),
        ("an image part", json!([text("x"), {"type": "image", "image": b64(&png(4, 4)), "mediaType": "image/png"}]), "x", 1, Task::Edit),
        ("Markdown", json!(format!("make ![old]({small}) green ![b](https://example.com/b.png)")), "make  green", 2, Task::Blend),
        ("large Markdown", json!(format!("make ![old]({large}) green")), "make  green", 1, Task::Edit),
        ("Markdown in a part", json!([text(&format!("![x]({small}) y"))]), "y", 1, Task::Edit),
    ];
    for (name, content, prompt, pictures, task) in rows {
        let chat = read(&place.spool, &user(content)).await.unwrap_or_else(|fault| panic!("{name}: {fault:?}"));
        assert_eq!((chat.ask.prompt.as_str(), chat.ask.pictures.len(), chat.ask.task), (prompt, pictures, task), "{name}");
    }
    assert_eq!(place.spool.in_flight_bytes(), 0);
}

#[tokio::test]
async fn history_is_read_past() {
    let place = place();
    let large = data_uri(&large_png(), "image/png");
    let body = json!({"messages": [
        {"role": "system", "content": "you draw"},
        {"role": "developer", "content": [{"type": "text", "text": "well"}]},
        {"role": "user", "content": [{"type": "text", "text": "a cat"}, {"type": "image_url", "image_url": {"url": large}}]},
        {"role": "assistant", "content": format!("![image1]({large})"), "refusal": null},
        {"role": "assistant", "content": null, "tool_calls": []},
        {"role": "tool", "content": "ok", "tool_call_id": "1"},
        {"role": "user", "content": "a dog", "name": "me"},
    ]});
    let chat = read(&place.spool, &body).await.unwrap();
    assert_eq!((chat.ask.prompt.as_str(), chat.ask.task), ("a dog", Task::Text));
    assert_eq!(place.spool.in_flight_bytes(), 0, "pictures of earlier messages are dropped");
    let rules = Rules { continue_from_last_image: true, ..Rules::default() };
    let node = read_json(&place.spool, body.to_string(), true).await.unwrap();
    let chat = parse(&place.spool, node, &rules).await.unwrap();
    assert_eq!((chat.ask.task, chat.ask.pictures.len()), (Task::Edit, 1), "the newest picture is gone on with");
}

#[tokio::test]
async fn what_says_nothing_about_pictures_is_ignored_politely() {
    let place = place();
    let mut body = user(json!("x"));
    let extra = json!({
        "temperature": 0.7, "top_p": 1, "max_tokens": 4000, "max_completion_tokens": 10, "tools": [], "tool_choice": "auto",
        "stream_options": {"include_usage": true}, "stream": true, "metadata": {"a": "b"}, "user": "u", "presence_penalty": 0,
        "frequency_penalty": 0, "logprobs": true, "response_format": {"type": "text"}, "seed": -1, "n": 2, "size": "16:9",
    });
    for (name, value) in extra.as_object().unwrap() {
        body[name] = value.clone();
    }
    let chat = read(&place.spool, &body).await.unwrap();
    assert!(chat.include_usage && chat.wish.stream);
    assert_eq!((chat.ask.n, chat.ask.size, chat.ask.extras.seed), (Some(2), SizeAsk::Ratio(16, 9), None));
    assert!(chat.ask.extras.unknown.0.is_empty(), "{:?}", chat.ask.extras.unknown);
    assert_eq!(chat.ask.form, ResponseForm::Url);
}

/// Proves R-API-4.
#[tokio::test]
async fn conversations_that_are_refused() {
    let place = place();
    let one = |message: Value| json!({"messages": [message]});
    let many = |n: usize| json!({"messages": vec![json!({"role": "user", "content": "x"}); n]});
    let rows: Vec<(&str, Value)> = vec![
        ("missing", json!({"model": "auto"})),
        ("null", json!({"messages": null})),
        ("empty", json!({"messages": []})),
        ("a string", json!({"messages": "draw"})),
        ("257", many(257)),
        ("no user", one(json!({"role": "assistant", "content": "x"}))),
        ("a message that is none", one(json!("x"))),
        ("no role", one(json!({"content": "x"}))),
        ("unknown role", one(json!({"role": "root", "content": "x"}))),
        ("no content", one(json!({"role": "user"}))),
        ("null content", user(json!(null))),
        ("number", user(json!(5))),
        ("object", user(json!({"type": "text", "text": "x"}))),
        ("nested", user(json!([["x"]]))),
        ("strings as parts", user(json!(["x"]))),
        ("part without type", user(json!([{"text": "x"}]))),
        ("audio", user(json!([{"type": "input_audio", "input_audio": {}}, {"type": "text", "text": "x"}]))),
        ("text that is none", user(json!([{"type": "text", "text": 5}]))),
        ("no words", user(json!("  "))),
        ("only a picture", user(json!([{"type": "image_url", "image_url": {"url": small()}}]))),
        ("bad picture", user(json!([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]))),
        ("no picture", user(json!([{"type": "image_url"}]))),
        ("wrong label", user(json!([{"type": "image", "image": b64(&png(4, 4)), "mediaType": "image/jpeg"}]))),
        ("file address", user(json!([{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}]))),
        ("too long", user(json!("x".repeat(32_001)))),
        ("much too long", user(json!("x ".repeat(400_000)))),
        ("17 pictures", user(json!("![a](https://example.com/a.png) x".repeat(17)))),
        ("NUL", user(json!("a\u{0}b"))),
    ];
    for (name, body) in rows {
        let fault = read(&place.spool, &body).await.err().unwrap_or_else(|| panic!("{name} was taken"));
        assert_eq!(status(&fault), 400, "{name}");
        assert!(fault.param.as_deref().is_some_and(|param| param.starts_with("messages")), "{name}: {:?}", fault.param);
    }
    assert!(read(&place.spool, &many(256)).await.is_ok());
    assert_eq!(place.spool.in_flight_bytes(), 0, "nothing stays behind");
}

/// Proves R-DOS-5.
#[tokio::test]
async fn odd_markdown_is_text_and_takes_no_time() {
    let place = place();
    for content in
        ["![](".repeat(8000), "[![a](b)](c) x".to_owned(), "![a](ftp://x) y".to_owned(), "![a](data:text/html;base64,AAAA) z".to_owned()]
    {
        let chat = read(&place.spool, &user(json!(content))).await.unwrap();
        assert_eq!((chat.ask.pictures.len(), chat.ask.prompt.as_str()), (0, content.trim()));
    }
}

#[tokio::test]
async fn blends_take_the_pictures_of_all_messages() {
    let place = place();
    let blend = async |body: Value| {
        let given = from_json(&place.spool, read_json(&place.spool, body.to_string(), false).await?).await?;
        crate::blend::parse(&place.spool, given, &Rules::default()).await.map(|(ask, _)| ask)
    };
    let messages = json!([
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.com/1.png"}}]},
        {"role": "assistant", "content": "![image1](https://example.com/2.png)"},
        {"role": "user", "content": [{"type": "text", "text": "put 1 into 2"}, {"type": "image_url", "image_url": {"url": "https://example.com/3.png"}}]},
    ]);
    let ask = blend(json!({"messages": messages, "images": ["https://example.com/4.png"]})).await.unwrap();
    let urls: Vec<&str> = ask
        .pictures
        .iter()
        .map(|picture| match picture {
            AskPicture::Url(url) => url.as_str(),
            AskPicture::Here(_) => "bytes",
        })
        .collect();
    assert_eq!(urls, ["https://example.com/1.png", "https://example.com/2.png", "https://example.com/3.png", "https://example.com/4.png"]);
    assert_eq!((ask.prompt.as_str(), ask.task), ("put 1 into 2", Task::Blend));
    let ask = blend(json!({"messages": messages, "prompt": "otherwise"})).await.unwrap();
    assert_eq!(ask.prompt, "otherwise");
    let ask = blend(json!({"prompt": "x", "images": [{"image_url": small()}, small()]})).await.unwrap();
    assert_eq!((ask.task, ask.pictures.len()), (Task::Blend, 2));
    for body in [json!({"prompt": "x"}), json!({"messages": []}), json!({"images": [small()]}), json!({})] {
        assert_eq!(status(&blend(body.clone()).await.unwrap_err()), 400, "{body}");
    }
}

#[tokio::test]
async fn chores_of_chat_applications_are_not_drawn() {
    let place = place();
    let chore =
        "### Task:\nGenerate a concise title summarizing the chat history.\n<chat_history>\nUSER: a fox\nASSISTANT: \n</chat_history>";
    let fault = read(&place.spool, &user(json!(chore))).await.unwrap_err();
    assert_eq!((status(&fault), fault.param.as_deref()), (400, Some("messages")));
    for prompt in ["### Task:\na fox with a task", "a sign that reads <chat_history>"] {
        assert_eq!(read(&place.spool, &user(json!(prompt))).await.unwrap().ask.prompt, prompt);
    }
}
