//! `POST /v1/chat/completions`: the recommended entry. Draws what the last user message says.

use crate::answer::Wish;
use crate::api::Api;
use crate::body::{self, Kind, media_type};
use crate::chat_answer::ChatAnswer;
use crate::chat_messages;
use crate::entry::{Answer, Entry, serve_drawing};
use crate::generations::{object, settle};
use crate::order;
use crate::params::{Params, no_prompt, wrong};
use crate::rules::Rules;
use crate::shape::Shape;
use axum::body::Body;
use axum::extract::{Request, State};
use http::Response;
use http::request::Parts;
use ir_model::{Ask, Fault, Gate, Map, Node, ResponseForm, Task};
use ir_spool::Spool;
use std::sync::Arc;

/// Fields of chat requests that say nothing about pictures: neither drawn nor passed on.
const POLITELY_IGNORED: [&str; 32] = [
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "functions",
    "function_call",
    "stop",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "metadata",
    "store",
    "service_tier",
    "reasoning_effort",
    "reasoning",
    "thinking",
    "enable_thinking",
    "modalities",
    "audio",
    "prediction",
    "verbosity",
    "web_search_options",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "moderation",
    "style",
];

/// Draws what a conversation asks for.
pub(crate) async fn handle(State(api): State<Arc<Api>>, request: Request) -> Response<Body> {
    serve_drawing(api, request, chat).await
}

async fn chat(entry: Entry, parts: Parts, body: Body) -> Answer {
    let Kind::Json = body::kind(&parts.headers)? else {
        return Err(media_type("multipart/form-data", "application/json").into());
    };
    let spool = entry.engine.callers_spool();
    let node = body::json(spool, &parts.headers, body, &entry.rules, true).await?;
    let chat = Box::pin(parse(spool, node, &entry.rules)).await?;
    let clock = entry.engine.clock().clone();
    let shape = ChatAnswer {
        id: format!("chatcmpl-{}", entry.engine.dice().hex128()),
        created: clock.now().secs(),
        model: if chat.ask.model.is_empty() { "auto".to_owned() } else { chat.ask.model.clone() },
        include_usage: chat.include_usage,
        message_images: entry.rules.message_images,
        wish: chat.wish,
        reader: entry.reader.clone(),
        sent: 0,
    };
    order::answer(entry, &parts.headers, chat.ask, Shape::Chat(Box::new(shape))).await
}

/// A chat request, read.
#[derive(Debug)]
pub(crate) struct Chat {
    pub(crate) ask: Ask,
    pub(crate) wish: Wish,
    /// `stream_options.include_usage`
    pub(crate) include_usage: bool,
}

/// Reads the request.
///
/// # Errors
/// 400 naming the field.
pub(crate) async fn parse(spool: &Spool, node: Node, rules: &Rules) -> Result<Chat, Fault> {
    let mut map = object(node);
    let messages = map.take("messages").unwrap_or_default();
    let said = chat_messages::last_user(spool, messages, rules.continue_from_last_image).await?;
    let include_usage = include_usage(&mut map)?;
    tidy(&mut map);
    let mut params = Params::read(spool, map).await?;
    params.prompt = said.prompt;
    match &params.prompt {
        None => return Err(no_prompt().param("messages")),
        Some(prompt) if is_chore(prompt) => return Err(chore()),
        Some(_) => {}
    }
    // Markdown has no words for previews, which cost more.
    params.extras.partial_images = 0;
    // Markdown wants addresses, whatever the model is called.
    params.form.get_or_insert(ResponseForm::Url);
    let task = match said.pictures.len() {
        0 => Task::Text,
        1 => Task::Edit,
        _ => Task::Blend,
    };
    let (ask, wish) = settle(params, task, said.pictures, None, rules);
    Ok(Chat { ask, wish, include_usage })
}

/// Whether a chat application asks for a title, tags or follow-up questions, as Open WebUI does after
/// the first message of a chat: each would be drawn, and paid for.
fn is_chore(prompt: &str) -> bool {
    prompt.trim_start().starts_with("### Task:") && prompt.contains("<chat_history>")
}

fn chore() -> Fault {
    Fault::gate(
        Gate::Unsupported,
        "This gateway only draws: it writes no titles, tags or follow-up questions. Switch them off in your chat application, or give it a text model for them.",
        "本网关只负责绘图，不生成标题、标签或后续问题。请在聊天应用中关闭这些功能，或为其指定文本模型。",
    )
    .param("messages")
}

fn include_usage(map: &mut Map) -> Result<bool, Fault> {
    match map.take("stream_options") {
        None | Some(Node::Null) => Ok(false),
        Some(options @ Node::Object(_)) => Ok(matches!(options.get("include_usage"), Some(Node::Bool(true)))),
        Some(other) => Err(wrong("stream_options", "an object", "对象", &other)),
    }
}

/// Takes out what chat requests say in other senses than image requests do.
fn tidy(map: &mut Map) {
    for name in POLITELY_IGNORED {
        map.take(name);
    }
    // The prompt is in the messages.
    map.take("prompt");
    // OpenAI's `response_format` of chat is an object about text.
    if matches!(map.get("response_format"), Some(Node::Object(_))) {
        map.take("response_format");
    }
    // "Random" to several chat applications.
    if map.get("seed").and_then(Node::as_i64) == Some(-1) {
        map.take("seed");
    }
}

#[cfg(test)]
#[path = "chat_tests.rs"]
mod tests;
