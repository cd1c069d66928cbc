//! `POST /v1/images/generations`.

use crate::answer::Wish;
use crate::api::Api;
use crate::body::{self, Kind, media_type};
use crate::entry::{Answer, Entry, serve_drawing};
use crate::image_stream::Topic;
use crate::order;
use crate::params::Params;
use crate::rules::Rules;
use crate::shape::Shape;
use axum::body::Body;
use axum::extract::{Request, State};
use http::Response;
use http::request::Parts;
use ir_model::{Ask, AskPicture, Fault, Gate, Map, Node, Task};
use ir_spool::Spool;
use std::sync::Arc;

/// Draws from a prompt.
pub(crate) async fn handle(State(api): State<Arc<Api>>, request: Request) -> Response<Body> {
    serve_drawing(api, request, generations).await
}

async fn generations(entry: Entry, parts: Parts, body: Body) -> Answer {
    let Kind::Json = body::kind(&parts.headers)? else {
        return Err(media_type("multipart/form-data", "application/json").into());
    };
    let spool = entry.engine.callers_spool();
    let node = body::json(spool, &parts.headers, body, &entry.rules, false).await?;
    let (ask, wish) = parse(spool, node, &entry.rules).await?;
    order::answer(entry, &parts.headers, ask, Shape::Images(Topic::Generation, wish)).await
}

/// Reads the request.
///
/// # Errors
/// 400 naming the field.
pub(crate) async fn parse(spool: &Spool, node: Node, rules: &Rules) -> Result<(Ask, Wish), Fault> {
    let Node::Object(map) = node else {
        return Err(Fault::bad("body", "The request must be a JSON object.", "请求体必须是 JSON 对象。"));
    };
    for name in ["image", "images", "mask"] {
        if map.get(name).is_some_and(|node| !node.is_null()) {
            return Err(Fault::gate(
                Gate::Unsupported,
                format!("{name} is not taken here: give pictures to /v1/images/edits."),
                format!("此接口不接受 {name}，图片请使用 /v1/images/edits。"),
            )
            .param(name));
        }
    }
    let params = Params::read(spool, map).await?;
    params.prompt()?;
    Ok(settle(params, Task::Text, Vec::new(), None, rules))
}

/// What is asked of the engine, and what the answer has to look like.
pub(crate) fn settle(params: Params, task: Task, pictures: Vec<AskPicture>, mask: Option<AskPicture>, rules: &Rules) -> (Ask, Wish) {
    let form = params.form.unwrap_or_else(|| rules.form.of(&params.model));
    let wish = Wish {
        form,
        stream: params.stream,
        quality: params.extras.quality,
        background: params.extras.background,
        public_base_url: rules.public_base_url.clone(),
    };
    let ask = Ask {
        task,
        model: params.model,
        prompt: params.prompt.unwrap_or_default(),
        n: params.n,
        size: params.size,
        pictures,
        mask,
        form,
        extras: params.extras,
    };
    (ask, wish)
}

/// Takes the object out of a document that has been checked to be one.
pub(crate) fn object(node: Node) -> Map {
    match node {
        Node::Object(map) => map,
        _ => Map::default(),
    }
}
