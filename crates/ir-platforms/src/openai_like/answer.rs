//! Reading answers: tolerant of what relays make of OpenAI's form.

use super::fault::reported;
use super::fault_table::Row;
use super::{chat, fault};
use crate::{Event, Next, Progress, Reply, ReplyBody};
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
const ITEM_MEMBERS: [&str; 8] = ["b64_json", "image_b64_json", "b64", "base64", "url", "file_url", "image_url", "image"];

/// The pictures in a reply with status 2xx. Besides `data: […]` it takes `data` as an object or
/// text, `images`, `output`, a chat answer with pictures, and a bare picture. Empty strings are
/// absent (New API writes both keys always). Pictures win over an `error` beside them.
///
/// # Errors
/// What an `error` inside the reply says, by the platform's own rows and the common ones;
/// `UpstreamFault` when there is nothing to take.
pub(crate) fn pictures(own: &[Row], reply: &Reply) -> Result<Vec<Output>, Fault> {
    let mut found = match &reply.body {
        ReplyBody::Picture(blob) => vec![plain(Source::Body(blob.clone()))],
        ReplyBody::Json(node) => in_document(node),
        ReplyBody::Empty | ReplyBody::Text(_) => Vec::new(),
    };
    if found.is_empty() {
        return Err(fault::no_pictures(own, reply));
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
    let Some(list) = list else { return Err(fault::no_pictures(&[], reply)) };
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
        let found = node.get(place).map(|node| listed(node, 0)).unwrap_or_default();
        if !found.is_empty() {
            return found;
        }
    }
    if let Some(output) = item(node) {
        return vec![output];
    }
    chat::pictures(node)
}

/// The pictures of a list, of an object that holds one, or of an item.
fn listed(node: &Node, depth: u32) -> Vec<Output> {
    let inner = node.get("images").or_else(|| node.get("data")).filter(|_| depth < 2);
    match (node, inner) {
        (Node::Array(items), _) => items.iter().filter_map(item).collect(),
        (_, Some(inner)) => listed(inner, depth + 1),
        (other, None) => item(other).into_iter().collect(),
    }
}

/// The pictures of a list some of whose items may be errors (`{"error": …}`).
///
/// # Errors
/// As [`pictures`].
pub(crate) fn pictures_or_errors(own: &[Row], reply: &Reply) -> Result<Next, Fault> {
    let outputs = pictures(own, reply)?;
    let items = reply.json().and_then(|node| node.get("data")).and_then(Node::as_array).unwrap_or_default();
    let wrong = items.iter().find(|item| item.get("error").is_some());
    Ok(match wrong {
        Some(item) => Next::Partly(outputs, fault::reported(own, item)),
        None => Next::Done(outputs),
    })
}

/// One picture: an object that holds it, or the text itself.
pub(crate) fn item(node: &Node) -> Option<Output> {
    let revised_prompt = node.get("revised_prompt").and_then(Node::as_filled_str).map(str::to_owned);
    let source = match node {
        Node::Object(map) => ITEM_MEMBERS.iter().find_map(|name| source(map.get(name)?))?,
        other => source(other)?,
    };
    Some(Output { source, revised_prompt })
}

/// What an event of OpenAI's image streams brings: previews, then the picture
/// (`image_generation.partial_image`, `image_edit.completed` and so on).
///
/// # Errors
/// The failure that the stream tells.
pub(crate) fn progress(rows: &[Row], event: &Event) -> Result<Progress, Fault> {
    let Some(node) = event.json() else { return Ok(if is_end(event) { Progress::End } else { Progress::Nothing }) };
    let kind = node.get("type").and_then(Node::as_str).unwrap_or(&event.name);
    let picture = |found: fn(Output) -> Progress| item(node).map_or(Progress::Nothing, found);
    match kind {
        _ if node.get("error").is_some_and(|error| !error.is_null()) => Err(reported(rows, node)),
        "image_generation.partial_image" | "image_edit.partial_image" => Ok(picture(Progress::Preview)),
        "image_generation.completed" | "image_edit.completed" => Ok(picture(Progress::Picture)),
        _ => Ok(Progress::Nothing),
    }
}

/// Whether this is the last event of streams in OpenAI's manner.
pub(crate) fn is_end(event: &Event) -> bool {
    matches!(&event.body, ReplyBody::Text(text) if text.trim() == "[DONE]")
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
    // By bytes, which takes a third of the time: it is a picture of up to 64 KiB.
    let base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_' | b'=' | b'\r' | b'\n');
    let is_base64 = text.len() >= 40 && text.bytes().all(base64);
    (starts("data:image/") || starts("data:application/octet-stream") || is_base64).then(|| Source::Base64(text.to_owned()))
}
