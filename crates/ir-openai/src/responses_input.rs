//! What the `input` of a Responses request asks for: the words and pictures of its last user
//! message, or a picture that was drawn before.

use crate::chat_messages::{Reading, Said, check_content};
use crate::edits::no_picture;
use crate::params::wrong;
use crate::pictures;
use crate::responses_memory::Recall;
use ir_model::{AskPicture, Fault, Gate, Map, Node};
use ir_spool::Spool;

/// Most items of a conversation: every call of a tool is two of them.
const ITEMS: usize = 1024;

/// The tool's `action`: what becomes of pictures that the conversation holds already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Action {
    /// Goes on with what was drawn before, if the last message brings no picture of its own.
    #[default]
    Auto,
    /// Draws afresh, with the last message's own pictures.
    Generate,
    /// Needs a picture, wherever in the conversation it stands.
    Edit,
}

/// One item, as far as it matters here.
enum Item {
    Message {
        user: bool,
        content: Node,
    },
    /// An `image_generation_call`, whole or only named.
    Drawn(Map),
    /// Calls of tools, reasoning, references to other things.
    Other,
}

/// Where a picture may come from that the last user message does not bring.
pub(crate) struct Past<'a> {
    pub(crate) action: Action,
    /// Pictures of earlier messages count, whatever the action is.
    pub(crate) messages: bool,
    /// The answer that the request goes on from.
    pub(crate) previous: Option<String>,
    pub(crate) recall: Option<&'a Recall<'a>>,
}

/// Reads the input.
///
/// # Errors
/// 400 naming the item.
pub(crate) async fn read(spool: &Spool, input: Node, past: &Past<'_>) -> Result<Said, Fault> {
    let mut reading = Reading::new(spool, "input");
    let mut items = match input {
        Node::Array(items) if !items.is_empty() => items_of(items)?,
        Node::Array(_) | Node::Null => {
            return Err(Fault::bad("input", "input is required: say what to draw.", "缺少 input：请说明要画什么。"));
        }
        text @ (Node::String(_) | Node::Text(_) | Node::Bytes(_)) => {
            reading.content(text, "input", true).await?;
            Vec::new()
        }
        other => return Err(wrong("input", "a string or an array of items", "字符串或条目数组", &other)),
    };
    if !items.is_empty() {
        let last = items.iter().rposition(|item| matches!(item, Item::Message { user: true, .. }));
        let last = last.ok_or_else(|| Fault::bad("input", "input has no message with the role user.", "input 中没有 user 消息。"))?;
        if let Item::Message { content, .. } = &mut items[last] {
            reading.content(std::mem::take(content), &format!("input[{last}].content"), true).await?;
        }
    }
    let mut said = reading.said()?;
    if said.pictures.is_empty() && past.action != Action::Generate {
        said.pictures.extend(newest(spool, items, past).await?);
    }
    if said.pictures.is_empty() && past.action == Action::Edit {
        return Err(no_picture("input"));
    }
    Ok(said)
}

fn items_of(items: Vec<Node>) -> Result<Vec<Item>, Fault> {
    if items.len() > ITEMS {
        return Err(Fault::bad("input", format!("input has more than {ITEMS} items."), format!("input 超过 {ITEMS} 条。")));
    }
    items.into_iter().enumerate().map(|(i, item)| item_of(item, i)).collect()
}

fn item_of(item: Node, i: usize) -> Result<Item, Fault> {
    let Node::Object(mut map) = item else {
        return Err(wrong(&format!("input[{i}]"), "an object", "对象", &item));
    };
    let kind = map.get("type").and_then(Node::as_str);
    match kind {
        Some("image_generation_call") => return Ok(Item::Drawn(map)),
        // As the AI SDK names what it takes for stored.
        Some("item_reference") if map.get("id").and_then(Node::as_str).is_some_and(|id| id.starts_with("ig_")) => {
            return Ok(Item::Drawn(map));
        }
        Some("message") | None => {}
        Some(_) => return Ok(Item::Other),
    }
    let role = map.take("role").unwrap_or_default();
    let Some(role) = role.as_str() else {
        return Err(wrong(
            &format!("input[{i}].role"),
            "user, assistant, system or developer",
            " user、assistant、system 或 developer",
            &role,
        ));
    };
    let content = map.take("content").unwrap_or_default();
    check_content(&content, role, &format!("input[{i}].content"))?;
    Ok(Item::Message { user: role == "user", content })
}

/// The newest picture of before.
async fn newest(spool: &Spool, items: Vec<Item>, past: &Past<'_>) -> Result<Option<AskPicture>, Fault> {
    for (i, item) in items.into_iter().enumerate().rev() {
        let found = match item {
            Item::Drawn(call) => drawn_before(spool, call, &format!("input[{i}]"), past).await?,
            Item::Message { content, .. } if past.messages || past.action == Action::Edit => {
                let mut reading = Reading::new(spool, "input");
                reading.content(content, &format!("input[{i}].content"), false).await?;
                reading.said()?.pictures.pop()
            }
            Item::Message { .. } | Item::Other => None,
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    match &past.previous {
        None => Ok(None),
        Some(id) => Ok(Some(recalled(id, "previous_response_id", past).await?)),
    }
}

/// The picture of an `image_generation_call`; `None` for a call that gave none.
async fn drawn_before(spool: &Spool, mut call: Map, param: &str, past: &Past<'_>) -> Result<Option<AskPicture>, Fault> {
    let none = call.get("result").and_then(Node::as_str) == Some("")
        || matches!(call.get("status").and_then(Node::as_str), Some("failed" | "incomplete" | "in_progress"));
    let filled = |node: &Node| !node.is_null() && node.as_str() != Some("");
    // Answers whose bytes could not be fetched have an address instead.
    let picture = call.take("result").filter(filled).or_else(|| call.take("url").filter(filled));
    match picture {
        Some(node) => Ok(Some(pictures::read(spool, node, &format!("{param}.result")).await?)),
        None if none => Ok(None),
        None => {
            let id = call.take("id").unwrap_or_default();
            Ok(Some(recalled(id.as_str().unwrap_or_default(), &format!("{param}.id"), past).await?))
        }
    }
}

async fn recalled(id: &str, param: &str, past: &Past<'_>) -> Result<AskPicture, Fault> {
    let found = match past.recall {
        Some(recall) => recall.picture(id).await,
        None => None,
    };
    found.ok_or_else(|| {
        Fault::gate(
            Gate::Unsupported,
            format!("{param} names a picture that is not remembered: answers are not stored. Send the picture, or the image_generation_call whole."),
            format!("{param} 所指的图片已无法找到：此网关不保存应答，请发送图片，或完整的 image_generation_call。"),
        )
        .param(param)
    })
}
