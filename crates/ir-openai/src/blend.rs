//! `POST /v1/images/blend`: several pictures, and the conversation around them.

use crate::answer::Wish;
use crate::api::Api;
use crate::chat_messages;
use crate::edits::{Given, check_mask, no_picture, read};
use crate::entry::{Answer, Entry, serve_drawing};
use crate::generations::settle;
use crate::image_stream::Topic;
use crate::order;
use crate::params::{Params, no_prompt};
use crate::pictures;
use crate::rules::Rules;
use crate::shape::Shape;
use axum::body::Body;
use axum::extract::{Request, State};
use http::Response;
use http::request::Parts;
use ir_model::{Ask, Fault, Task};
use ir_spool::Spool;
use std::sync::Arc;

/// Blends pictures.
pub(crate) async fn handle(State(api): State<Arc<Api>>, request: Request) -> Response<Body> {
    serve_drawing(api, request, blend).await
}

async fn blend(entry: Entry, parts: Parts, body: Body) -> Answer {
    let given = Box::pin(read(entry.engine.callers_spool(), &parts.headers, body, &entry.rules)).await?;
    let (ask, wish) = Box::pin(parse(entry.engine.callers_spool(), given, &entry.rules)).await?;
    order::answer(entry, &parts.headers, ask, Shape::Images(Topic::Edit, wish)).await
}

/// Reads a blend. The prompt is `prompt`, or the text of the last user message; the pictures are
/// those of all messages, in order, then those of `images`.
///
/// # Errors
/// 400 naming the field.
pub(crate) async fn parse(spool: &Spool, mut given: Given, rules: &Rules) -> Result<(Ask, Wish), Fault> {
    let mut params = Params::read(spool, given.fields).await?;
    if let Some(messages) = given.messages.take() {
        let said = chat_messages::all(spool, messages).await?;
        let mut pictures = said.pictures;
        for picture in given.pictures {
            pictures::push(&mut pictures, picture, "images")?;
        }
        given.pictures = pictures;
        params.prompt = params.prompt.or(said.prompt);
    }
    if given.pictures.is_empty() {
        return Err(no_picture("messages"));
    }
    if params.prompt.is_none() {
        return Err(no_prompt());
    }
    check_mask(given.mask.as_ref(), &given.pictures)?;
    Ok(settle(params, Task::Blend, given.pictures, given.mask, rules))
}
