//! Reading answers: tolerant of what relays make of OpenAI's form.

use super::{chat, fault};
use crate::{Reply, ReplyBody};
use ir_model::{Fault, Node, Output, Source};
use std::collections::BTreeSet;

/// Most pictures taken from one answer.
const MAX_PICTURES: usize = 16;

/// Most model ids taken from one list, and the most characters of one.
const MAX_MODELS: usize = 5000;
const MAX_MODEL_CHARS: usize = 200;

/// Longest address of a picture that is believed to be one.
const MAX_URL: usize = 8192;

/// Members of an item that may hold the picture, bytes before addresses: bytes are here already.
const ITEM_MEMBERS: [&str; 7] = ["b64_json", "image_b64_json", "b64", "base64", "url", "image_url", "image"];

/// The pictures in a reply with status 2xx. Besides `data: […]` it takes `data` as an object or
/// text, `images`, `output`, a chat answer with pictures, and a bare picture. Empty strings are
/// absent (New API writes both keys always). Pictures win over an `error` beside them.
///
/// # Errors
/// What an `error` inside the reply says; `UpstreamFault` when there is nothing to take.
pub(crate) fn pictures(reply: &Reply) -> Result<Vec<Output>, Fault> {
    let mut found = match &reply.body {
        ReplyBody::Picture(blob) => vec![plain(Source::Body(blob.clone()))],
        ReplyBody::Json(node) => in_document(node),
        ReplyBody::Empty | ReplyBody::Text(_) => Vec::new(),
    };
    if found.is_empty() {
        return Err(fault::no_pictures(reply));
    }
    found.truncate(MAX_PICTURES);
    Ok(found)
}

/// The model ids in a model list: `data[].id`, `models[].id` or `.name`, or plain strings; each
/// once, in order.
///
/// # Errors
/// As [`pictures`], when the reply is no list.
pub(crate) fn models(reply: &Reply) -> Result<Vec<String>, Fault> {
    let list = reply.json().and_then(|node| {
        let lists = [node.get("data"), node.get("models"), Some(node)];
        lists.into_iter().flatten().find_map(Node::as_array)
    });
    let Some(list) = list else { return Err(fault::no_pictures(reply)) };
    let mut seen = BTreeSet::new();
    let ids = list.iter().filter_map(|item| {
        let id = item.as_filled_str().or_else(|| item.get("id")?.as_filled_str()).or_else(|| item.get("name")?.as_filled_str())?;
        (id.chars().count() <= MAX_MODEL_CHARS && seen.insert(id)).then(|| id.to_owned())
    });
    Ok(ids.take(MAX_MODELS).collect())
}

/// The first place in a document that holds pictures.
fn in_document(node: &Node) -> Vec<Output> {
    for place in ["data", "images", "output"] {
        let found = match node.get(place) {
            Some(Node::Array(items)) => items.iter().filter_map(item).collect(),
            Some(Node::Object(map)) if map.get("images").is_some() || map.get("data").is_some() => {
                let inner = map.get("images").or_else(|| map.get("data"));
                inner.and_then(Node::as_array).unwrap_or_default().iter().filter_map(item).collect()
            }
            Some(other) => item(other).into_iter().collect(),
            None => Vec::new(),
        };
        if !found.is_empty() {
            return found;
        }
    }
    if let Some(output) = item(node) {
        return vec![output];
    }
    chat::pictures(node)
}

/// One picture: an object that holds it, or the text itself.
fn item(node: &Node) -> Option<Output> {
    let revised_prompt = node.get("revised_prompt").and_then(Node::as_filled_str).map(str::to_owned);
    let source = match node {
        Node::Object(map) => ITEM_MEMBERS.iter().find_map(|name| source(map.get(name)?))?,
        other => source(other)?,
    };
    Some(Output { source, revised_prompt })
}

/// A picture without a revised prompt.
pub(super) fn plain(source: Source) -> Output {
    Output { source, revised_prompt: None }
}

/// Where a value says that a picture is: lifted bytes, a text, or `{"url": text}`.
pub(super) fn source(node: &Node) -> Option<Source> {
    match node {
        Node::Bytes(bytes) => Some(Source::Lifted(bytes.clone())),
        Node::String(text) => text_source(text),
        Node::Object(map) => match map.get("url")? {
            Node::Object(_) => None,
            inner => source(inner),
        },
        Node::Text(text) => text.pictures.first().map(|blob| Source::Body(blob.clone())),
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::Array(_) => None,
    }
}

/// What a text is, whatever the member is called: an address, a data URI, or base64.
pub(super) fn text_source(text: &str) -> Option<Source> {
    let text = text.trim();
    let starts = |prefix: &str| text.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    if starts("https://") || starts("http://") {
        let whole = text.len() <= MAX_URL && !text.contains(|c: char| c.is_whitespace() || c.is_control());
        return whole.then(|| Source::Url(text.to_owned()));
    }
    // The shortest picture there is (a 1×1 GIF) has some 35 bytes.
    let base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_' | '=' | '\r' | '\n');
    let is_base64 = text.len() >= 40 && text.chars().all(base64);
    (starts("data:image/") || starts("data:application/octet-stream") || is_base64).then(|| Source::Base64(text.to_owned()))
}
