//! Telling what a refusal means: the error's parts are read from any of the known shapes, then the
//! first row of the table that applies decides.

use super::fault_table::{Hint, Row, Sign, TABLE, When};
use crate::{Reply, ReplyBody};
use ir_model::{Charge, Class, Fault, Node};
use std::time::Duration;

/// Longest text of the platform's that is kept, in characters; the renderer shortens it further.
const MAX_WORDS: usize = 2000;

/// What a reply says about an error.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Everything that names the kind of error (`code`, `type`, `status`, inner codes), lower case.
    codes: Vec<String>,
    /// The sentence.
    message: String,
    /// The parameter concerned.
    param: Option<String>,
    /// An HTTP status written into the body.
    status: Option<u16>,
    /// The body is a web page.
    page: bool,
}

/// Classifies a reply whose status is not 2xx. `own` are the platform's own rows, before the common
/// ones.
pub(crate) fn fault_by(own: &[Row], reply: &Reply) -> Fault {
    let said = Said::read(reply);
    judge(own, reply.status, said, reply)
}

/// Classifies a reply with status 2xx that holds no pictures: an error inside, a web page, nothing.
pub(super) fn no_pictures(own: &[Row], reply: &Reply) -> Fault {
    let said = Said::read(reply);
    let status = said.status.unwrap_or(reply.status);
    judge(own, status, said, reply)
}

/// Classifies an error that is told inside a document: of one picture, of a task, of a stream.
pub(crate) fn reported(own: &[Row], error: &Node) -> Fault {
    no_pictures(own, &Reply::new(200, ReplyBody::Json(error.clone())))
}

fn judge(own: &[Row], status: u16, said: Said, reply: &Reply) -> Fault {
    let words = format!("{} {}", said.codes.join(" "), said.message).to_lowercase();
    let row = own.iter().chain(TABLE).find(|row| row.applies(status, &said, &words));
    let (class, charge, hint) = row.map_or((Class::UpstreamFault, Charge::Maybe, Hint::None), |row| (row.class, row.charge, row.hint));
    let mut fault = Fault::new(class).charged(charge);
    fault.detail = Some(detail(status, &said, reply));
    fault.upstream = (!said.message.is_empty()).then_some(said.message);
    fault.param = if class == Class::InvalidRequest { said.param } else { None };
    fault.other_key = row.is_some_and(|row| row.other_key);
    fault.retry_after = match class {
        Class::RateLimited | Class::Overloaded => reply.retry_after(),
        Class::QuotaExhausted => renewal(reply.retry_after()),
        _ => None,
    };
    hint.say(fault)
}

/// The pause of a spent quota. Platforms send seconds with every 429; a quota is not renewed so soon,
/// and the platform's own clock tells it better.
pub(crate) fn renewal(pause: Option<Duration>) -> Option<Duration> {
    pause.filter(|pause| *pause >= Duration::from_secs(60))
}

impl Row {
    fn applies(&self, status: u16, said: &Said, words: &str) -> bool {
        let when = match self.when {
            When::Any => true,
            When::Is(list) => list.contains(&status),
            When::Between(first, last) => (first..=last).contains(&status),
        };
        let code = |list: &[&str]| list.iter().any(|code| said.codes.iter().any(|found| found == code));
        let word = |list: &[&str]| list.iter().any(|text| words.contains(text));
        when && match self.sign {
            Sign::Any => true,
            Sign::Code(list) => code(list),
            Sign::Words(list) => word(list),
            Sign::Both(codes, words) => code(codes) && word(words),
            Sign::Page => said.page,
        }
    }
}

impl Hint {
    fn say(self, fault: Fault) -> Fault {
        match self {
            Self::None => fault,
            Self::BaseUrl => fault.say(
                "The platform's address does not answer as an OpenAI-compatible API. Check its base URL (it usually ends in /v1).",
                "平台地址返回的不是 OpenAI 兼容接口的应答，请检查 baseUrl（通常以 /v1 结尾）。",
            ),
            Self::Firewall => fault.say(
                "A firewall or CDN in front of the platform refused the gateway's request.",
                "平台前的防火墙或 CDN 拒绝了网关的请求。",
            ),
        }
    }
}

fn detail(status: u16, said: &Said, reply: &Reply) -> String {
    let mut text = format!("HTTP {}", reply.status);
    if status != reply.status {
        text.push_str(&format!(", status {status} in the body"));
    }
    match &reply.body {
        ReplyBody::Empty => text.push_str(", no body"),
        ReplyBody::Text(_) if said.page => text.push_str(", a web page instead of JSON"),
        ReplyBody::Text(_) => text.push_str(", not JSON"),
        ReplyBody::Picture(_) => text.push_str(", a picture"),
        ReplyBody::Json(Node::Object(map)) if said.codes.is_empty() => {
            let names = map.0.iter().take(8).map(|(name, _)| cut(name, 40)).collect::<Vec<_>>();
            text.push_str(&format!(", an object with {}", names.join(", ")));
        }
        ReplyBody::Json(node) if said.codes.is_empty() => text.push_str(&format!(", {}", node.kind())),
        ReplyBody::Json(_) => text.push_str(&format!(", {}", said.codes.join(", "))),
    }
    if let Some(id) = reply.header("x-request-id").or_else(|| reply.header("x-oneapi-request-id")) {
        text.push_str(&format!(", request id {}", cut(id, 128)));
    }
    text
}

impl Said {
    fn read(reply: &Reply) -> Self {
        match &reply.body {
            ReplyBody::Json(node) => {
                let mut said = Self::default();
                said.take(node, 0);
                // An answer with status 2xx may hold pictures in a place that nobody knows.
                let answer = (200..300).contains(&reply.status);
                if said.message.is_empty() && !answer && !matches!(node, Node::Null) {
                    said.message = cut(&node.to_value_lossy().to_string(), MAX_WORDS);
                }
                said
            }
            ReplyBody::Text(text) => {
                let page = looks_like_page(text);
                Self { page, message: if page { title(text) } else { cut(text.trim(), MAX_WORDS) }, ..Self::default() }
            }
            ReplyBody::Empty | ReplyBody::Picture(_) => Self::default(),
        }
    }

    /// Takes what a value says: the known shapes are `{"error": {…} | "text"}`, `{"errors": …}`,
    /// `{"detail": …}`, `{"message": …}`, an item's `{"error": …}` inside `data`, a chat answer
    /// without a picture, and lists of any of them. Nesting deeper than four is no error of anyone.
    fn take(&mut self, node: &Node, depth: u32) {
        if depth > 4 {
            return;
        }
        match node {
            Node::String(text) if self.message.is_empty() => self.message = cut(text.trim(), MAX_WORDS),
            Node::Array(items) => {
                let mut wrong = items.iter().filter(|item| item.get("error").is_some());
                if let Some(item) = wrong.next().or(items.first()) {
                    self.take(item, depth + 1);
                }
            }
            Node::Object(_) => self.take_object(node, depth),
            _ => {}
        }
    }

    fn take_object(&mut self, node: &Node, depth: u32) {
        for name in ["code", "type", "status", "status_code"] {
            self.take_code(node.get(name));
        }
        self.take_code(node.at(&["innererror", "code"]));
        // OpenRouter names the categories of a moderation here; the status is that of a bad key.
        if node.at(&["metadata", "reasons"]).and_then(Node::as_array).is_some_and(|reasons| !reasons.is_empty()) {
            self.codes.push("moderation_blocked".to_owned());
        }
        if self.param.is_none() {
            self.param = node.get("param").and_then(Node::as_filled_str).map(|text| cut(text, 100)).or_else(|| location(node.get("loc")?));
        }
        for name in ["message", "msg", "error_message", "error_msg", "reason"] {
            if let Some(text) = node.get(name).filter(|text| text.as_str().is_some()) {
                self.take(text, depth + 1);
            }
        }
        for name in ["error", "errors", "detail", "data"] {
            if let Some(inner) = node.get(name) {
                self.take(inner, depth + 1);
            }
        }
        if let Some(choice) = node.get("choices").and_then(Node::as_array).and_then(<[Node]>::first) {
            self.take_code(choice.get("finish_reason"));
            self.take(choice.at(&["message", "content"]).unwrap_or(&Node::Null), depth + 1);
        }
        if let Some(text) = node.get("title") {
            self.take(text, depth + 1);
        }
    }

    fn take_code(&mut self, node: Option<&Node>) {
        match node {
            Some(Node::String(text)) if !text.is_empty() => {
                self.codes.push(cut(text, 100).to_lowercase());
                self.take_status(text.parse().ok());
            }
            Some(Node::Number(number)) => {
                self.codes.push(number.to_string());
                self.take_status(number.as_u64().and_then(|n| u16::try_from(n).ok()));
            }
            _ => {}
        }
    }

    fn take_status(&mut self, status: Option<u16>) {
        self.status = self.status.or(status.filter(|status| (400..600).contains(status)));
    }
}

/// FastAPI's `loc`: the name that stands last, without the place it was looked for in.
fn location(node: &Node) -> Option<String> {
    let mut names = node.as_array()?.iter().filter_map(Node::as_filled_str);
    names.rfind(|name| !matches!(*name, "body" | "query" | "path" | "form")).map(|name| cut(name, 100))
}

fn looks_like_page(text: &str) -> bool {
    let head = cut(text.trim_start(), 200).to_ascii_lowercase();
    ["<!doctype html", "<html", "<head", "<body"].iter().any(|tag| head.contains(tag))
}

/// The title of a web page: all of it that is of use.
fn title(page: &str) -> String {
    let lower = page.to_ascii_lowercase();
    let inner = lower.find("<title").and_then(|at| {
        let from = at + lower[at..].find('>')? + 1;
        let to = from + lower[from..].find("</title")?;
        page.get(from..to)
    });
    cut(inner.unwrap_or_default().trim(), 200)
}

fn cut(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}
