//! How requests are read, without anything being drawn, for the fuzz targets.

use crate::body::Kind;
use crate::rules::Rules;
use crate::{auth, blend, body, chat, edits, generations, responses, variations};
use axum::body::Body;
use bytes::Bytes;
use futures_util::stream::iter;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use ir_model::{Ask, AskPicture, Fault, Map};
use ir_spool::Spool;
use std::io;

/// An endpoint that draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the paths")]
pub enum Endpoint {
    Generations,
    Edits,
    Blend,
    Variations,
    Chat,
    Responses,
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Generations, Self::Edits, Self::Blend, Self::Variations, Self::Chat, Self::Responses];
}

/// A body as it arrives: its media type, and its chunks.
#[derive(Clone, Debug)]
pub struct Arriving {
    /// The header.
    pub content_type: String,
    /// The bytes.
    pub chunks: Vec<Bytes>,
}

impl Arriving {
    fn open(self) -> (HeaderMap, Body) {
        let value = HeaderValue::from_str(&self.content_type).ok();
        let headers = value.map(|value| (CONTENT_TYPE, value)).into_iter().collect();
        (headers, Body::from_stream(iter(self.chunks.into_iter().map(Ok::<_, io::Error>))))
    }
}

/// Reads a request up to what is asked of the engine.
///
/// # Errors
/// As the endpoint answers.
pub async fn ask(endpoint: Endpoint, spool: &Spool, body: Arriving) -> Result<Ask, Fault> {
    let rules = Rules::default();
    let (headers, body) = body.open();
    match endpoint {
        Endpoint::Generations => {
            let node = body::json(spool, &headers, body, &rules, false).await?;
            generations::parse(spool, node, &rules).await.map(|(ask, _)| ask)
        }
        Endpoint::Chat => {
            let node = body::json(spool, &headers, body, &rules, true).await?;
            chat::parse(spool, node, &rules).await.map(|chat| chat.ask)
        }
        Endpoint::Responses => {
            let node = body::json(spool, &headers, body, &rules, true).await?;
            responses::parse(spool, node, &rules, |_, _| true, None).await.map(|asked| asked.ask)
        }
        Endpoint::Edits => {
            let given = edits::read(spool, &headers, body, &rules).await?;
            edits::parse(spool, given, &rules).await.map(|(ask, _)| ask)
        }
        Endpoint::Blend => {
            let given = edits::read(spool, &headers, body, &rules).await?;
            blend::parse(spool, given, &rules).await.map(|(ask, _)| ask)
        }
        Endpoint::Variations => {
            let given = edits::read(spool, &headers, body, &rules).await?;
            variations::parse(spool, given, &rules).await.map(|(ask, _)| ask)
        }
    }
}

/// What a body holds, JSON or form.
#[derive(Debug)]
pub struct Fields {
    /// Fields that are not pictures.
    pub fields: Map,
    /// The pictures.
    pub pictures: Vec<AskPicture>,
    /// The mask.
    pub mask: Option<AskPicture>,
}

/// Reads the body of an endpoint that takes pictures.
///
/// # Errors
/// As the endpoint answers.
pub async fn fields(spool: &Spool, body: Arriving) -> Result<Fields, Fault> {
    let (headers, body) = body.open();
    let given = edits::read(spool, &headers, body, &Rules::default()).await?;
    Ok(Fields { fields: given.fields, pictures: given.pictures, mask: given.mask })
}

/// The credential of a request.
///
/// # Errors
/// As the endpoints answer.
pub fn token(headers: &HeaderMap) -> Result<Option<&str>, Fault> {
    auth::token(headers)
}

/// The boundary of a body that is a form; `None` for JSON.
///
/// # Errors
/// As the endpoints answer.
pub fn boundary(headers: &HeaderMap) -> Result<Option<String>, Fault> {
    match body::kind(headers)? {
        Kind::Form(boundary) => Ok(Some(boundary)),
        Kind::Json => Ok(None),
    }
}
