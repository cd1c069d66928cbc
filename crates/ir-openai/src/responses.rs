//! `POST /v1/responses`: for clients that draw through OpenAI's Responses API and its
//! `image_generation` tool. The request is read here, the rest is in `responses_*.rs`.
//!
//! There is no language model: the last user message is the prompt, and the answer is what the tool
//! would have given. So a request is drawn whether it names the tool or not, as in chat.

use crate::answer::Wish;
use crate::api::Api;
use crate::body::{self, Kind, media_type};
use crate::edits::{check_mask, no_picture};
use crate::entry::{Answer, Entry, serve_drawing};
use crate::generations::{object, settle};
use crate::language::echo;
use crate::order;
use crate::params::{Params, no_prompt, wrong};
use crate::pictures;
use crate::responses_answer::{Echo, ResponseAnswer};
use crate::responses_input::{self, Action, Past};
use crate::responses_memory::{Given, Recall};
use crate::rules::Rules;
use crate::shape::Shape;
use axum::body::Body;
use axum::extract::{Request, State};
use http::Response;
use http::request::Parts;
use ir_model::{Ask, AskPicture, Fault, Gate, Map, Node, ResponseForm, Task};
use ir_spool::Spool;
use std::sync::Arc;

/// Fields of image requests that may stand at top level, as in chat; the tool's own come first.
const EXTENSIONS: [&str; 12] = [
    "n",
    "size",
    "seed",
    "steps",
    "guidance_scale",
    "negative_prompt",
    "quality",
    "style",
    "output_format",
    "output_compression",
    "response_format",
    "user",
];

/// Draws what a conversation asks for.
pub(crate) async fn handle(State(api): State<Arc<Api>>, request: Request) -> Response<Body> {
    let given = Arc::clone(&api.given);
    serve_drawing(api, request, |entry, parts, body| respond(entry, parts, body, given)).await
}

async fn respond(entry: Entry, parts: Parts, body: Body, given: Arc<Given>) -> Answer {
    let Kind::Json = body::kind(&parts.headers)? else {
        return Err(media_type("multipart/form-data", "application/json").into());
    };
    let engine = entry.engine.clone();
    let node = body::json(engine.callers_spool(), &parts.headers, body, &entry.rules, true).await?;
    let knows = |task, model: &str| engine.knows_model(task, model);
    let given = given.to(&engine.scope(&entry.caller));
    let recall = Recall { engine: &engine, given: &given };
    let asked = Box::pin(parse(engine.callers_spool(), node, &entry.rules, knows, Some(&recall))).await?;
    let answer = ResponseAnswer {
        id: engine.dice().hex128(),
        created: engine.clock().now().secs(),
        edit: asked.ask.task != Task::Text,
        echo: asked.echo,
        links: asked.links,
        wish: asked.wish,
        given,
        clock: engine.clock().clone(),
        reader: entry.reader.clone(),
    };
    order::answer(entry, &parts.headers, asked.ask, Shape::Response(Box::new(answer))).await
}

/// A request, read.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) ask: Ask,
    pub(crate) wish: Wish,
    /// What of the request stands in the answer.
    pub(crate) echo: Echo,
    /// Addresses are wanted beside the bytes.
    pub(crate) links: bool,
}

/// Reads the request. `knows` tells whether a model id means something here for a task.
///
/// # Errors
/// 400 naming the field.
pub(crate) async fn parse(
    spool: &Spool,
    node: Node,
    rules: &Rules,
    knows: impl Fn(Task, &str) -> bool,
    recall: Option<&Recall<'_>>,
) -> Result<Asked, Fault> {
    let mut map = object(node);
    refuse_state(&map)?;
    let previous = previous(&map)?;
    let (at, mut tool) = tool(map.take("tools"))?;
    let past = Past { action: action(&tool, at)?, messages: rules.continue_from_last_image, previous, recall };
    let mask = mask(spool, &mut tool, at).await?;
    let input = map.take("input").unwrap_or_default();
    let said = responses_input::read(spool, input, &past).await?;
    let Some(prompt) = said.prompt else {
        return Err(no_prompt().param("input"));
    };
    match &mask {
        Some(_) if said.pictures.is_empty() => return Err(no_picture("input")),
        mask => check_mask(mask.as_ref(), &said.pictures)?,
    }
    let task = match said.pictures.len() {
        0 => Task::Text,
        1 => Task::Edit,
        _ => Task::Blend,
    };
    let echo = Echo::of(&map, &tool);
    let own: Vec<String> = tool.0.iter().map(|(name, _)| name.clone()).collect();
    let fields = fields(&mut map, tool);
    let mut params = Params::read(spool, fields).await.map_err(|fault| placed(fault, &own, at))?;
    params.prompt = Some(prompt);
    let links = params.form == Some(ResponseForm::Url);
    // The tool's result is base64, whatever the model is called.
    params.form = Some(ResponseForm::Base64);
    if params.model.is_empty() {
        params.model = echo.model.clone().filter(|model| knows(task, model)).unwrap_or_default();
    }
    let (ask, wish) = settle(params, task, said.pictures, mask, rules);
    Ok(Asked { ask, wish, echo, links })
}

/// What needs answers that were kept: the gateway keeps pictures, and no conversations.
fn refuse_state(map: &Map) -> Result<(), Fault> {
    let refuse = |name: &str, en: &str, zh: &str| {
        Err(Fault::gate(Gate::Unsupported, format!("{name} is not supported: {en}"), format!("不支持 {name}：{zh}")).param(name))
    };
    let given = |name: &str| map.get(name).is_some_and(|node| !node.is_null());
    if given("conversation") {
        return refuse(
            "conversation",
            "conversations are not stored here. Send it in input.",
            "此网关不保存对话，请在 input 中发送完整对话。",
        );
    }
    if given("prompt") {
        return refuse("prompt", "there are no stored prompts here. Send the words in input.", "此网关没有存储的提示词，请写在 input 中。");
    }
    match map.get("background") {
        None | Some(Node::Null | Node::Bool(false)) => Ok(()),
        Some(_) => refuse(
            "background",
            "answers come with the request. Use stream: true for long drawings.",
            "应答随请求返回，耗时绘图请使用 stream: true。",
        ),
    }
}

/// The first `image_generation` tool and its place; other tools are for language models.
fn tool(tools: Option<Node>) -> Result<(usize, Map), Fault> {
    let items = match tools {
        None | Some(Node::Null) => return Ok((0, Map::default())),
        Some(Node::Array(items)) => items,
        Some(other) => return Err(wrong("tools", "an array", "数组", &other)),
    };
    let ours = |node: &Node| node.get("type").and_then(Node::as_str) == Some("image_generation");
    let found = items.into_iter().enumerate().find(|(_, node)| ours(node));
    Ok(found.map(|(at, node)| (at, object(node))).unwrap_or_default())
}

/// The id of the answer that this request goes on from.
fn previous(map: &Map) -> Result<Option<String>, Fault> {
    match map.get("previous_response_id") {
        None | Some(Node::Null) => Ok(None),
        Some(Node::String(id)) if !id.is_empty() => Ok(Some(id.clone())),
        Some(other) => Err(wrong("previous_response_id", "the id of an answer", "应答的 id", other)),
    }
}

fn action(tool: &Map, at: usize) -> Result<Action, Fault> {
    match tool.get("action") {
        None | Some(Node::Null) => Ok(Action::Auto),
        Some(node) => match node.as_str() {
            Some("auto") => Ok(Action::Auto),
            Some("generate") => Ok(Action::Generate),
            Some("edit") => Ok(Action::Edit),
            _ => Err(wrong(&format!("tools[{at}].action"), "one of auto, generate, edit", "以下之一：auto、generate、edit", node)),
        },
    }
}

async fn mask(spool: &Spool, tool: &mut Map, at: usize) -> Result<Option<AskPicture>, Fault> {
    match tool.take("input_image_mask") {
        None | Some(Node::Null) => Ok(None),
        Some(node) => Ok(Some(pictures::read(spool, node, &format!("tools[{at}].input_image_mask")).await?)),
    }
}

/// The fields of an image request: the tool's, and what of them stands at top level.
fn fields(map: &mut Map, mut tool: Map) -> Map {
    for name in ["type", "action", "prompt", "stream"] {
        tool.take(name);
    }
    for name in EXTENSIONS {
        let given = map.take(name).filter(|node| !matches!(node, Node::Null | Node::Object(_)));
        if let Some(node) = given.filter(|_| tool.get(name).is_none_or(Node::is_null)) {
            tool.set(name, node);
        }
    }
    // "Random" to several applications, as in chat.
    if tool.get("seed").and_then(Node::as_i64) == Some(-1) {
        tool.take("seed");
    }
    if let Some(stream) = map.take("stream") {
        tool.set("stream", stream);
    }
    if !matches!(tool.get("stream"), Some(Node::Bool(true))) {
        // Set for all requests alike by clients that stream some of them.
        tool.take("partial_images");
    }
    tool
}

/// Names a field of the tool by its place in the request.
fn placed(fault: Fault, own: &[String], at: usize) -> Fault {
    match fault.param.clone() {
        Some(name) if own.contains(&name) => fault.param(format!("tools[{at}].{}", echo(&name))),
        Some(_) | None => fault,
    }
}

#[cfg(test)]
#[path = "responses_tests.rs"]
mod tests;
