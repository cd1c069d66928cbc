//! Streams, byte for byte, in simulated time.

use super::*;
use crate::answer::Wish;
use crate::chat_answer::{self, ChatAnswer};
use crate::entry::Refusal;
use crate::error::Mode;
use crate::image_stream::{self, Topic};
use crate::testing::{b64, bytes_of, jpeg, place, png, stored};
use http_body_util::BodyExt;
use ir_model::{Background, Class, Fault, Language, ManualClock, Quality, RequestId, ResponseForm, Timestamp};
use std::sync::Arc;

/// Events and when they happen.
struct Script(VecDeque<(Instant, DrawEvent)>);

impl Events for Script {
    async fn next(&mut self) -> DrawEvent {
        match self.0.front() {
            None => std::future::pending().await,
            Some((due, _)) => {
                tokio::time::sleep_until(*due).await;
                self.0.pop_front().expect("invariant: a front was seen").1
            }
        }
    }
}

/// Each event so many seconds after the one before.
fn script(events: impl IntoIterator<Item = (u64, DrawEvent)>) -> Script {
    let mut due = Instant::now();
    let at = events.into_iter().map(|(wait, event)| {
        due += Duration::from_secs(wait);
        (due, event)
    });
    Script(at.collect())
}

fn reader() -> Reader {
    Reader { id: RequestId::parse("r").unwrap(), language: Language::English, mode: Mode::Backend }
}

fn chat(include_usage: bool) -> ChatAnswer {
    let wish = Wish { form: ResponseForm::Url, stream: true, quality: None, background: None, public_base_url: None };
    ChatAnswer {
        id: "chatcmpl-1".into(),
        created: 5,
        model: "auto".into(),
        include_usage,
        message_images: false,
        wish,
        reader: reader(),
        sent: 0,
    }
}

async fn picture(place: &crate::testing::Place, index: u32, bytes: &[u8]) -> DrawEvent {
    let drawn = Drawn { picture: Some(stored(&place.spool, bytes).await), name: Some("n.png".into()), url: None, revised_prompt: None };
    DrawEvent::Picture { index, drawn }
}

fn done(asked: u32, pictures: u32) -> DrawEvent {
    DrawEvent::Done(Ok(Summary { provider: "P".into(), model: "m".into(), attempts: 1, asked, pictures, ..Summary::default() }))
}

fn failed(class: Class) -> DrawEvent {
    DrawEvent::Done(Err(Failure { fault: Fault::new(class), provider: Some("P".into()), model: None, attempts: Vec::new() }))
}

async fn text(response: Response<Body>) -> String {
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    assert_eq!(response.headers()["cache-control"], "no-cache, no-transform");
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    #[expect(clippy::disallowed_methods, reason = "a test reads a small answer whole")]
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn ok(answer: Answer) -> Response<Body> {
    answer.unwrap_or_else(|_| panic!("the stream did not start"))
}

fn chunk(delta: &str, finish: &str, tail: &str) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":5,\"model\":\"auto\",\"choices\":[{{{delta}{finish}}}]{tail}}}\n\n"
    )
}

fn role(tail: &str) -> String {
    chunk("\"delta\":{\"content\":\"\",\"role\":\"assistant\"},", "\"finish_reason\":null,\"index\":0,\"logprobs\":null", tail)
}

fn beat() -> String {
    chunk("\"delta\":{\"content\":\"\"},", "\"finish_reason\":null,\"index\":0,\"logprobs\":null", "")
}

fn stop(tail: &str) -> String {
    chunk("\"delta\":{},", "\"finish_reason\":\"stop\",\"index\":0,\"logprobs\":null", tail)
}

fn content(text: &str, tail: &str) -> String {
    chunk("\"index\":0,", &format!("\"delta\":{{\"content\":\"{text}\"}},\"logprobs\":null,\"finish_reason\":null"), tail)
}

/// Proves R-SSE-1.
#[tokio::test(start_paused = true)]
async fn a_chat_stream_byte_for_byte() {
    let place = place();
    let (first, second) = (png(64, 64), jpeg());
    let events = script([(31, picture(&place, 0, &first).await), (1, picture(&place, 1, &second).await), (0, done(2, 2))]);
    let began = Instant::now();
    let response = ok(chat_answer::open(events, chat(false), reader()).await);
    assert!(began.elapsed() < Duration::from_secs(1), "headers leave within a second");
    let wanted = [
        role(""),
        beat(),
        beat(),
        beat(),
        content(&format!("![image1](data:image/png;base64,{})", b64(&first)), ""),
        content(&format!("\\n![image2](data:image/jpeg;base64,{})", b64(&second)), ""),
        stop(""),
        "data: [DONE]\n\n".to_owned(),
    ];
    assert_eq!(text(response).await, wanted.concat());
}

#[tokio::test(start_paused = true)]
async fn usage_is_told_to_those_who_ask() {
    let place = place();
    let bytes = png(4, 4);
    let events = script([(0, picture(&place, 0, &bytes).await), (0, done(1, 1))]);
    let response = ok(chat_answer::open(events, chat(true), reader()).await);
    assert_eq!(response.headers()["x-img-router-provider"], "P", "known in time");
    let null = ",\"usage\":null";
    let usage = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":5,\"model\":\"auto\",\"choices\":[],\
                 \"usage\":{\"completion_tokens\":0,\"prompt_tokens\":0,\"total_tokens\":0}}\n\n";
    let wanted = [
        role(null),
        content(&format!("![image1](data:image/png;base64,{})", b64(&bytes)), null),
        stop(null),
        usage.to_owned(),
        "data: [DONE]\n\n".to_owned(),
    ];
    assert_eq!(text(response).await, wanted.concat());
}

/// Proves R-SSE-1.
#[tokio::test(start_paused = true)]
async fn failures_are_statuses_early_and_events_late() {
    match chat_answer::open(script([(0, failed(Class::ContentRejected))]), chat(false), reader()).await {
        Err(Refusal::Failure(failure)) => assert_eq!(failure.fault.class, Class::ContentRejected),
        Err(Refusal::Fault(_)) | Ok(_) => panic!("an early failure is an HTTP error"),
    }
    let sent = text(ok(chat_answer::open(script([(5, failed(Class::Timeout))]), chat(false), reader()).await)).await;
    let error = "data: {\"error\":{\"code\":\"upstream_timeout\",\"message\":\"P did not answer in time.\",\"param\":null,\"type\":\"server_error\"}}\n\n";
    assert_eq!(sent, [role("").as_str(), error, "data: [DONE]\n\n"].concat());
    assert!(
        matches!(chat_answer::open(script([(0, done(1, 0))]), chat(false), reader()).await, Err(Refusal::Failure(_))),
        "no picture is no success"
    );
    let sent = text(ok(chat_answer::open(script([(5, done(1, 0))]), chat(false), reader()).await)).await;
    assert!(sent.contains("data: {\"error\":{\"code\":\"upstream_error\""), "{sent}");
}

#[tokio::test(start_paused = true)]
async fn pictures_that_are_missing_are_told() {
    let place = place();
    let events = script([(0, picture(&place, 0, &png(4, 4)).await), (0, done(3, 1))]);
    let sent = text(ok(chat_answer::open(events, chat(false), reader()).await)).await;
    assert!(sent.contains("{\"content\":\"\\n\\nOnly 1 of 3 pictures could be drawn.\"}"), "{sent}");
}

#[tokio::test(start_paused = true)]
async fn pictures_also_stand_beside_the_text_where_that_is_wanted() {
    let place = place();
    let bytes = png(4, 4);
    let events = script([(0, picture(&place, 0, &bytes).await), (0, picture(&place, 1, &bytes).await), (0, done(2, 2))]);
    let answer = ChatAnswer { message_images: true, ..chat(false) };
    let sent = text(ok(chat_answer::open(events, answer, reader()).await)).await;
    let uri = format!("data:image/png;base64,{}", b64(&bytes));
    for (index, line) in ["![image1]", "\\n![image2]"].into_iter().enumerate() {
        let images = format!("\"images\":[{{\"type\":\"image_url\",\"index\":{index},\"image_url\":{{\"url\":\"{uri}\"}}}}]");
        assert!(sent.contains(&format!("{{\"content\":\"{line}({uri})\",{images}}},\"logprobs\"")), "{sent}");
    }
}

async fn image_stream(events: Script, topic: Topic, quality: Option<Quality>, background: Option<Background>) -> Answer {
    let wish = Wish { form: ResponseForm::Base64, stream: true, quality, background, public_base_url: None };
    let clock = Arc::new(ManualClock::at(Timestamp(7000)));
    image_stream::open(events, topic, wish, clock, reader()).await
}

const USAGE: &str =
    "\"usage\":{\"input_tokens\":0,\"input_tokens_details\":{\"image_tokens\":0,\"text_tokens\":0},\"output_tokens\":0,\"total_tokens\":0}";

#[tokio::test(start_paused = true)]
async fn an_image_stream_byte_for_byte() {
    let place = place();
    let (first, second) = (png(1024, 1024), jpeg());
    let events = script([(12, picture(&place, 0, &first).await), (0, picture(&place, 1, &second).await), (0, done(2, 2))]);
    let sent = text(ok(image_stream(events, Topic::Generation, Some(Quality::Low), Some(Background::Transparent)).await)).await;
    let event = |data: &str, size: &str, format: &str| {
        format!(
            "event: image_generation.completed\ndata: {{\"type\":\"image_generation.completed\",\"b64_json\":\"{data}\",\"created_at\":7,\
             \"size\":\"{size}\",\"quality\":\"low\",\"background\":\"transparent\",\"output_format\":\"{format}\",{USAGE}}}\n\n"
        )
    };
    let wanted = [
        ": keep-alive\n".to_owned(),
        ": keep-alive\n".to_owned(),
        event(&b64(&first), "1024x1024", "png"),
        event(&b64(&second), "auto", "jpeg"),
        "data: [DONE]\n\n".to_owned(),
    ];
    assert_eq!(sent, wanted.concat());
}

#[tokio::test(start_paused = true)]
async fn edits_have_their_own_names_and_errors_are_events() {
    let place = place();
    let events = script([(0, picture(&place, 0, &png(4, 4)).await), (20, failed(Class::Overloaded))]);
    let sent = text(ok(image_stream(events, Topic::Edit, None, None).await)).await;
    assert!(sent.contains("event: image_edit.completed\ndata: {\"type\":\"image_edit.completed\",\"b64_json\":\""), "{sent}");
    assert!(sent.contains("\"quality\":\"auto\",\"background\":\"opaque\",\"output_format\":\"png\""), "{sent}");
    let error = "event: error\ndata: {\"error\":{\"code\":\"upstream_overloaded\",\
                 \"message\":\"P is overloaded. Try again later.\",\"param\":null,\"type\":\"server_error\"},\"type\":\"error\"}\n\n";
    assert!(sent.ends_with(error), "{sent}");
    let beats = sent.matches(": keep-alive\n").count();
    assert!((2..=3).contains(&beats), "one at once, then every ten seconds: {beats}");
}

#[tokio::test(start_paused = true)]
async fn an_address_stands_in_for_bytes_that_could_not_be_fetched() {
    let drawn = Drawn { picture: None, name: None, url: Some("https://p.example/x.png".into()), revised_prompt: Some("a \"cat\"".into()) };
    let events = script([(0, DrawEvent::Picture { index: 0, drawn }), (0, done(1, 1))]);
    let sent = text(ok(image_stream(events, Topic::Generation, None, None).await)).await;
    assert!(
        sent.contains("\"b64_json\":\"\"")
            && sent.contains(",\"url\":\"https://p.example/x.png\",\"revised_prompt\":\"a \\\"cat\\\"\"}\n\n"),
        "{sent}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_ends_the_writer() {
    struct Watched(mpsc::Sender<()>);
    impl Events for Watched {
        async fn next(&mut self) -> DrawEvent {
            assert!(!self.0.is_closed(), "the test holds the other end");
            std::future::pending().await
        }
    }
    let (alive, mut dropped) = mpsc::channel(1);
    let response = ok(chat_answer::open(Watched(alive), chat(false), reader()).await);
    let began = Instant::now();
    drop(response);
    assert!(dropped.recv().await.is_none(), "the drawing is dropped");
    assert!(began.elapsed() < BEAT, "at once, not with the next beat");
}

/// Proves R-SSE-1.
#[tokio::test]
async fn every_beat_is_a_whole_comment_or_chunk() {
    let mut answer = chat(false);
    assert_eq!(bytes_of(answer.beat()).await, beat());
}
