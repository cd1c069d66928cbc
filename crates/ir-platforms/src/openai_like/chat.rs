//! Pictures in a chat completion, in the order in which relays are known to put them:
//! `message.images`, `message.image_b64_json`, content parts, Markdown, a bare address or base64.

use super::answer::{plain, source, text_source};
use ir_model::{Node, Output, Source};

/// The pictures in `choices[].message`; none if this is no chat completion.
pub(super) fn pictures(node: &Node) -> Vec<Output> {
    let choices = node.get("choices").and_then(Node::as_array).unwrap_or_default();
    choices.iter().filter_map(|choice| choice.get("message")).flat_map(in_message).map(plain).collect()
}

fn in_message(message: &Node) -> Vec<Source> {
    let listed = in_parts(message.get("images"));
    if !listed.is_empty() {
        return listed;
    }
    if let Some(found) = message.get("image_b64_json").and_then(source) {
        return vec![found];
    }
    match message.get("content") {
        Some(Node::String(text)) => in_text(text),
        Some(Node::Bytes(bytes)) => vec![Source::Lifted(bytes.clone())],
        Some(Node::Text(text)) => text.pictures.iter().map(|blob| Source::Body(blob.clone())).collect(),
        other => in_parts(other),
    }
}

/// `[{"type":"image_url","image_url":{"url":…}}]`, `[{"type":"output_image",…}]` and the like.
fn in_parts(parts: Option<&Node>) -> Vec<Source> {
    let parts = parts.and_then(Node::as_array).unwrap_or_default();
    let one = |part: &Node| ["image_url", "b64_json", "image_base64", "url", "image"].iter().find_map(|name| source(part.get(name)?));
    parts.iter().filter_map(|part| if part.get("type").is_none() && part.as_str().is_some() { source(part) } else { one(part) }).collect()
}

/// `![alt](address)` anywhere in the text, each byte looked at once; else the whole text.
fn in_text(text: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("![") {
        let Some((_, target)) = after.split_once("](") else { break };
        let Some((target, after)) = target.split_once(')') else { break };
        rest = after;
        // Markdown allows a title behind the address.
        found.extend(target.split_whitespace().next().and_then(text_source));
    }
    if found.is_empty() { text_source(text).into_iter().collect() } else { found }
}
