//! `POST /v1/images/edits`, and how pictures come into the endpoints that take some.

use crate::answer::Wish;
use crate::api::Api;
use crate::body::{self, Kind};
use crate::chat_messages;
use crate::entry::{Answer, Entry, serve_drawing};
use crate::form;
use crate::generations::{object, settle};
use crate::image_stream::Topic;
use crate::order;
use crate::params::{Params, no_prompt, wrong};
use crate::pictures;
use crate::rules::Rules;
use crate::shape::Shape;
use axum::body::Body;
use axum::extract::{Request, State};
use http::request::Parts;
use http::{HeaderMap, Response};
use ir_model::{Ask, AskPicture, Fault, Map, Node, Task};
use ir_spool::Spool;
use std::sync::Arc;

/// Edits one picture, or blends several.
pub(crate) async fn handle(State(api): State<Arc<Api>>, request: Request) -> Response<Body> {
    serve_drawing(api, request, edits).await
}

async fn edits(entry: Entry, parts: Parts, body: Body) -> Answer {
    let given = Box::pin(read(entry.engine.callers_spool(), &parts.headers, body, &entry.rules)).await?;
    let (ask, wish) = Box::pin(parse(entry.engine.callers_spool(), given, &entry.rules)).await?;
    order::answer(entry, &parts.headers, ask, Shape::Images(Topic::Edit, wish)).await
}

/// A request with pictures, whichever way it came.
#[derive(Debug, Default)]
pub(crate) struct Given {
    /// The fields that are not pictures.
    pub(crate) fields: Map,
    /// The pictures of `image`, `images` and file parts.
    pub(crate) pictures: Vec<AskPicture>,
    /// The mask.
    pub(crate) mask: Option<AskPicture>,
    /// `messages`, not yet read.
    pub(crate) messages: Option<Node>,
}

/// Reads a body, JSON or multipart.
///
/// # Errors
/// 400, 408, 413, 415.
pub(crate) async fn read(spool: &Spool, headers: &HeaderMap, body: Body, rules: &Rules) -> Result<Given, Fault> {
    match body::kind(headers)? {
        Kind::Form(boundary) => {
            let form = form::read(spool, headers, body, boundary, rules).await?;
            Ok(Given { fields: form.fields, pictures: form.pictures, mask: form.mask, messages: None })
        }
        Kind::Json => from_json(spool, body::json(spool, headers, body, rules, false).await?).await,
    }
}

/// Takes the pictures out of a JSON document.
///
/// # Errors
/// 400 naming the field.
pub(crate) async fn from_json(spool: &Spool, node: Node) -> Result<Given, Fault> {
    let mut given = Given { fields: object(node), ..Given::default() };
    let mut take = |name: &str| given.fields.take(name).filter(|node| !node.is_null());
    let (image, images, mask) = (take("image"), take("images"), take("mask"));
    given.messages = take("messages");
    for (name, node) in [("image", image), ("images", images)] {
        match node {
            None => {}
            Some(Node::Array(items)) => {
                if items.len() > pictures::MOST {
                    return Err(pictures::too_many(name));
                }
                for (i, item) in items.into_iter().enumerate() {
                    let picture = pictures::read(spool, item, &format!("{name}[{i}]")).await?;
                    pictures::push(&mut given.pictures, picture, name)?;
                }
            }
            Some(other) if name == "images" => return Err(wrong(name, "an array of pictures", "图片数组", &other)),
            Some(one) => {
                let picture = pictures::read(spool, one, name).await?;
                pictures::push(&mut given.pictures, picture, name)?;
            }
        }
    }
    if let Some(node) = mask {
        given.mask = Some(pictures::read(spool, node, "mask").await?);
    }
    Ok(given)
}

/// Reads an edit.
///
/// # Errors
/// 400 naming the field.
pub(crate) async fn parse(spool: &Spool, given: Given, rules: &Rules) -> Result<(Ask, Wish), Fault> {
    let mut given = given;
    let mut params = Params::read(spool, given.fields).await?;
    if let Some(messages) = given.messages.take() {
        // An edit without a picture makes no sense, so the newest one of the conversation is meant.
        let said = chat_messages::last_user(spool, messages, true).await?;
        for picture in said.pictures {
            pictures::push(&mut given.pictures, picture, "messages")?;
        }
        params.prompt = params.prompt.or(said.prompt);
    }
    if given.pictures.is_empty() {
        return Err(no_picture("image"));
    }
    if params.prompt.is_none() {
        return Err(no_prompt());
    }
    check_mask(given.mask.as_ref(), &given.pictures)?;
    let task = if given.pictures.len() == 1 { Task::Edit } else { Task::Blend };
    Ok(settle(params, task, given.pictures, given.mask, rules))
}

/// The refusal of an edit of nothing.
pub(crate) fn no_picture(param: &str) -> Fault {
    Fault::bad(
        param,
        format!("{param} is required: give a picture as a file, base64, a data URI or an address."),
        format!("缺少 {param}：请提供图片文件、base64、data URI 或地址。"),
    )
}

/// A mask says by its transparent pixels where the first picture may change, so it needs the same
/// dimensions and an alpha channel.
pub(crate) fn check_mask(mask: Option<&AskPicture>, given: &[AskPicture]) -> Result<(), Fault> {
    let Some(AskPicture::Here(mask)) = mask else { return Ok(()) };
    if !mask.probe.alpha {
        return Err(Fault::bad(
            "mask",
            "mask has no transparent pixels: where it is transparent the picture is drawn anew.",
            "mask 没有透明通道：透明处才会被重绘。",
        ));
    }
    if let Some(AskPicture::Here(picture)) = given.first()
        && picture.probe.size != mask.probe.size
    {
        let (is, wanted) = (mask.probe.size, picture.probe.size);
        return Err(Fault::bad(
            "mask",
            format!("mask is {is}, but must have the size of the picture, {wanted}."),
            format!("mask 尺寸为 {is}，必须与图片 {wanted} 相同。"),
        ));
    }
    Ok(())
}
