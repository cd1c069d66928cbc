//! What a conversation asks for: the words and pictures of its last user message, or the pictures
//! of all messages.

use crate::body::spool_fault;
use crate::params::{PROMPT, prompt_too_long, wrong};
use crate::pictures;
use ir_model::{AskPicture, Fault, Gate, LongText, Map, Node};
use ir_spool::markdown::{MarkdownPicture, take_pictures};
use ir_spool::{Spool, SpoolError};

/// Most messages of a conversation (R-API-4).
const MESSAGES: usize = 256;
/// Most parts of one message.
const PARTS: usize = 256;
/// Who may speak.
const ROLES: [&str; 6] = ["system", "developer", "user", "assistant", "tool", "function"];

/// What was said.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// The words of the last user message; `None`: it has none.
    pub(crate) prompt: Option<String>,
    /// The pictures, in order.
    pub(crate) pictures: Vec<AskPicture>,
}

/// The last user message. Pictures of other messages are dropped unread, except, where that is
/// wanted and the message has none of its own, the newest one of the conversation.
///
/// # Errors
/// 400 naming the message.
pub(crate) async fn last_user(spool: &Spool, messages: Node, continue_from_last_image: bool) -> Result<Said, Fault> {
    let (mut contents, last) = checked(messages)?;
    let mut reading = Reading::new(spool, "messages");
    reading.content(std::mem::take(&mut contents[last]), &param(last), true).await?;
    let mut said = reading.said()?;
    if said.pictures.is_empty() && continue_from_last_image {
        for (i, content) in contents.into_iter().enumerate().rev() {
            let mut reading = Reading::new(spool, "messages");
            reading.content(content, &param(i), false).await?;
            if let Some(newest) = reading.pictures.pop() {
                said.pictures.push(newest);
                break;
            }
        }
    }
    Ok(said)
}

/// The words of the last user message and the pictures of all messages.
///
/// # Errors
/// 400 naming the message.
pub(crate) async fn all(spool: &Spool, messages: Node) -> Result<Said, Fault> {
    let (contents, last) = checked(messages)?;
    let mut reading = Reading::new(spool, "messages");
    for (i, content) in contents.into_iter().enumerate() {
        reading.content(content, &param(i), i == last).await?;
    }
    reading.said()
}

fn param(i: usize) -> String {
    format!("messages[{i}].content")
}

/// The contents of well-formed messages, and the place of the last user message.
fn checked(messages: Node) -> Result<(Vec<Node>, usize), Fault> {
    let items = match messages {
        Node::Array(items) if !items.is_empty() => items,
        Node::Array(_) | Node::Null => {
            return Err(Fault::bad("messages", "messages is required and must not be empty.", "缺少 messages，且不能为空。"));
        }
        other => return Err(wrong("messages", "an array of messages", "消息数组", &other)),
    };
    if items.len() > MESSAGES {
        return Err(Fault::bad(
            "messages",
            format!("messages has more than {MESSAGES} entries."),
            format!("messages 超过 {MESSAGES} 条。"),
        ));
    }
    let mut contents = Vec::with_capacity(items.len());
    let mut last = None;
    for (i, item) in items.into_iter().enumerate() {
        let Node::Object(mut message) = item else {
            return Err(wrong(&format!("messages[{i}]"), "an object", "对象", &item));
        };
        let role = message.take("role").unwrap_or_default();
        let Some(role) = role.as_str().and_then(|role| ROLES.into_iter().find(|known| *known == role)) else {
            return Err(wrong(
                &format!("messages[{i}].role"),
                &format!("one of {}", ROLES.join(", ")),
                &format!("以下之一：{}", ROLES.join(", ")),
                &role,
            ));
        };
        let content = message.take("content").unwrap_or_default();
        check_content(&content, role, &param(i))?;
        if role == "user" {
            last = Some(i);
        }
        contents.push(content);
    }
    let last = last.ok_or_else(|| Fault::bad("messages", "messages has no message with the role user.", "messages 中没有 user 消息。"))?;
    Ok((contents, last))
}

/// The outer form only: earlier messages are not read further.
pub(crate) fn check_content(content: &Node, role: &str, param: &str) -> Result<(), Fault> {
    match content {
        Node::String(_) | Node::Text(_) | Node::Bytes(_) => Ok(()),
        Node::Array(parts) if parts.len() > PARTS => {
            Err(Fault::bad(param, format!("{param} has more than {PARTS} parts."), format!("{param} 超过 {PARTS} 个部分。")))
        }
        Node::Array(parts) => match parts.iter().position(|part| !matches!(part, Node::Object(_))) {
            Some(i) => Err(wrong(&format!("{param}[{i}]"), "an object", "对象", &parts[i])),
            None => Ok(()),
        },
        // Messages that call tools have none.
        Node::Null if matches!(role, "assistant" | "tool" | "function") => Ok(()),
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::Object(_) => {
            Err(wrong(param, "a string or an array of parts", "字符串或内容数组", content))
        }
    }
}

/// Contents while they are read.
pub(crate) struct Reading<'a> {
    spool: &'a Spool,
    /// The field that the conversation stands in.
    field: &'static str,
    words: Vec<String>,
    pictures: Vec<AskPicture>,
}

impl<'a> Reading<'a> {
    pub(crate) fn new(spool: &'a Spool, field: &'static str) -> Self {
        Self { spool, field, words: Vec::new(), pictures: Vec::new() }
    }

    /// What all contents said.
    pub(crate) fn said(self) -> Result<Said, Fault> {
        let prompt = self.words.join("\n");
        let prompt = prompt.trim();
        if prompt.chars().count() > PROMPT {
            return Err(prompt_too_long(self.field, PROMPT));
        }
        Ok(Said { prompt: (!prompt.is_empty()).then(|| prompt.to_owned()), pictures: self.pictures })
    }

    fn push(&mut self, picture: AskPicture) -> Result<(), Fault> {
        pictures::push(&mut self.pictures, picture, self.field)
    }

    /// One content; `words` tells whether its words count.
    pub(crate) async fn content(&mut self, content: Node, param: &str, words: bool) -> Result<(), Fault> {
        match content {
            Node::Array(parts) => {
                for (i, part) in parts.into_iter().enumerate() {
                    if let Node::Object(part) = part {
                        self.part(part, &format!("{param}[{i}]"), words).await?;
                    }
                }
                Ok(())
            }
            Node::Null => Ok(()),
            text => self.text(text, param, words).await,
        }
    }

    /// A text with Markdown pictures in it, which are pictures and not words.
    async fn text(&mut self, node: Node, param: &str, words: bool) -> Result<(), Fault> {
        let text = match node {
            Node::String(text) => text,
            Node::Text(long) => self.long(long, param).await?,
            // The whole text is base64 or a data URI.
            Node::Bytes(lifted) => {
                let picture = pictures::from_lifted(lifted, param).await?;
                return self.push(picture);
            }
            other => return Err(wrong(param, "a string", "字符串", &other)),
        };
        let (left, found) = take_pictures(&text);
        if found.len() > pictures::MOST {
            return Err(pictures::too_many(param));
        }
        for picture in found {
            let (MarkdownPicture::DataUri(source) | MarkdownPicture::Url(source)) = picture;
            let picture = pictures::from_text(self.spool, &source, param).await?;
            self.push(picture)?;
        }
        if words {
            self.words.push(left);
        }
        Ok(())
    }

    /// The words of a long text; its pictures were taken out while it was read.
    async fn long(&mut self, long: LongText, param: &str) -> Result<String, Fault> {
        let most = u64::try_from(PROMPT * 4).unwrap_or(u64::MAX);
        let text = self.spool.read_text(&long, most).await.map_err(|error| match error {
            SpoolError::TooLarge { .. } => prompt_too_long(param, PROMPT),
            other => spool_fault(&other, param),
        })?;
        for blob in long.pictures {
            let picture = pictures::from_blob(blob, param).await?;
            self.push(AskPicture::Here(picture))?;
        }
        Ok(text)
    }

    async fn part(&mut self, mut part: Map, param: &str, words: bool) -> Result<(), Fault> {
        let kind = part.take("type").unwrap_or_default();
        match kind.as_str() {
            Some("text" | "input_text" | "output_text") => {
                let text = part.take("text").unwrap_or_default();
                self.text(text, &format!("{param}.text"), words).await
            }
            // A file's id stands beside the address here, and is refused by name.
            Some("input_image") => {
                let picture = pictures::read(self.spool, Node::Object(part), &format!("{param}.image_url")).await?;
                self.push(picture)
            }
            Some("image_url") => {
                let param = format!("{param}.image_url");
                let picture = pictures::read_url(self.spool, part.take("image_url").unwrap_or_default(), &param).await?;
                self.push(picture)
            }
            Some("image") => {
                let param = format!("{param}.image");
                let media = part.take("mediaType").filter(|node| !node.is_null());
                let picture = pictures::read_url(self.spool, part.take("image").unwrap_or_default(), &param).await?;
                let picture = match media.as_ref().and_then(Node::as_str) {
                    Some(media) => pictures::agrees_with_media_type(picture, media, &param)?,
                    None => picture,
                };
                self.push(picture)
            }
            Some("refusal") => Ok(()),
            // Elsewhere in the conversation it does not matter to what is drawn.
            Some(_) if !words => Ok(()),
            Some(other) => Err(Fault::gate(
                Gate::Unsupported,
                format!("{param} has the type \"{}\"; text, image_url and image are taken.", crate::language::echo(other)),
                format!("{param} 的类型 \"{}\" 不受支持，可用 text、image_url、image。", crate::language::echo(other)),
            )
            .param(param)),
            None => Err(wrong(&format!("{param}.type"), "one of text, image_url, image", "以下之一：text、image_url、image", &kind)),
        }
    }
}
