//! One question to a language model in OpenAI's words, and its answer: what the prompt optimizer asks.

use crate::{Call, CallBody, HeaderValue, Method, Reply, Target};
use ir_model::{Node, Secret};
use serde_json::json;

/// What a language model answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Its words; empty if it said nothing.
    pub text: String,
    /// It had more to say than it was allowed.
    pub cut_short: bool,
}

/// The exchange that asks: an order, and the text that it is about.
pub fn ask(url: &str, key: Option<&Secret>, model: &str, order: &str, text: &str) -> Call {
    let body = json!({
        "model": model,
        "messages": [{"role": "system", "content": order}, {"role": "user", "content": text}],
        "stream": false,
    });
    let headers = key.map(|key| ("authorization", HeaderValue::Bearer(key.clone()))).into_iter().collect();
    Call::new(Target::Http { method: Method::Post, url: url.to_owned(), headers }, CallBody::Json(body.into()))
}

/// The answer in a reply with status 2xx; `None`: it holds none.
pub fn answer(reply: &Reply) -> Option<Completion> {
    let choice = reply.json()?.get("choices")?.as_array()?.first()?;
    let text = match choice.at(&["message", "content"]) {
        Some(Node::String(text)) => text.clone(),
        Some(Node::Array(parts)) => parts.iter().filter_map(|part| part.get("text")?.as_str()).collect(),
        Some(Node::Null) | None => String::new(),
        Some(_) => return None,
    };
    Some(Completion { text, cut_short: choice.get("finish_reason").and_then(Node::as_str) == Some("length") })
}
