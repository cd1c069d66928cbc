//! `POST /v1/images/variations`: an edit with a neutral instruction.

use crate::answer::Wish;
use crate::api::Api;
use crate::edits::{Given, no_picture, read};
use crate::entry::{Answer, Entry, serve_drawing};
use crate::generations::settle;
use crate::image_stream::Topic;
use crate::order;
use crate::params::Params;
use crate::rules::Rules;
use crate::shape::Shape;
use axum::body::Body;
use axum::extract::{Request, State};
use http::Response;
use http::request::Parts;
use ir_model::{Ask, Fault, Gate, Task};
use ir_spool::Spool;
use std::sync::Arc;

/// What is asked of platforms that know edits only.
const INSTRUCTION: &str = "Draw a variation of this picture: the same subject and style, different details.";

/// Varies one picture.
pub(crate) async fn handle(State(api): State<Arc<Api>>, request: Request) -> Response<Body> {
    serve_drawing(api, request, variations).await
}

async fn variations(entry: Entry, parts: Parts, body: Body) -> Answer {
    let given = Box::pin(read(entry.engine.callers_spool(), &parts.headers, body, &entry.rules)).await?;
    let (ask, wish) = parse(entry.engine.callers_spool(), given, &entry.rules).await?;
    order::answer(entry, &parts.headers, ask, Shape::Images(Topic::Edit, wish)).await
}

/// Reads a variation.
///
/// # Errors
/// 400 naming the field.
pub(crate) async fn parse(spool: &Spool, given: Given, rules: &Rules) -> Result<(Ask, Wish), Fault> {
    let mut params = Params::read(spool, given.fields).await?;
    if given.pictures.is_empty() {
        return Err(no_picture("image"));
    }
    if given.pictures.len() > 1 {
        return Err(Fault::bad("image", "A variation takes exactly one picture.", "变体接口只接受一张图片。"));
    }
    if given.mask.is_some() {
        return Err(Fault::gate(Gate::Unsupported, "A variation takes no mask.", "变体接口不支持 mask。").param("mask"));
    }
    params.prompt.get_or_insert_with(|| INSTRUCTION.to_owned());
    Ok(settle(params, Task::Edit, given.pictures, None, rules))
}
