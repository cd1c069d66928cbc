//! `POST /api/tools/test-channel`: draws a small picture with one platform.

use crate::admin::Admin;
use crate::authority::Operator;
use crate::body::{Answer, Json};
use crate::gallery::{GalleryItem, item};
use crate::refusal::{ErrorBody, Refusal, language_of, sentence};
use crate::requests::{AttemptRow, labels, row};
use crate::words::TaskName;
use axum::extract::State;
use http::HeaderMap;
use ir_engine::DrawEvent;
use ir_model::{Ask, AskPicture, Caller, Extras, RequestId, ResponseForm, Size, SizeAsk, Task};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

const PROMPT: &str = "a small red boat on calm water";
/// A 64 × 64 picture to edit: plain red.
const RED: &str = "iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAIAAAAlC+aJAAAATklEQVR42u3PMQ0AAAgDsN3zLwpZSOAmaVIDzbSvRUBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEDgsoHZwMQUbi3RAAAAAElFTkSuQmCC";

#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ChannelTest {
    provider: String,
    /// `text` (default), `edit` or `blend`.
    #[schema(value_type = Option<TaskName>)]
    task: Option<String>,
    prompt: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChannelTried {
    ok: bool,
    message: String,
    duration_ms: u64,
    picture: Option<GalleryItem>,
    /// The request, to be found in the request log.
    request_id: String,
    attempts: Vec<AttemptRow>,
}

/// Draws with one platform as it is configured. This costs what a picture costs there.
#[utoipa::path(post, path = "/api/tools/test-channel", tag = "tools", request_body = ChannelTest, responses(
    (status = 200, body = ChannelTried), (status = 502, body = ErrorBody)))]
pub(super) async fn test(
    State(admin): State<Arc<Admin>>,
    operator: Operator,
    headers: HeaderMap,
    Json(test): Json<ChannelTest>,
) -> Result<Answer<ChannelTried>, Refusal> {
    let provider = ir_platforms::by_name(&test.provider)
        .ok_or_else(|| Refusal::bad("provider", "There is no platform of this name.", "没有这个平台。"))?
        .card()
        .name;
    let task = match test.task.as_deref() {
        None | Some("text") => Task::Text,
        Some("edit") => Task::Edit,
        Some("blend") => Task::Blend,
        Some(_) => return Err(Refusal::bad("task", "'task' is text, edit or blend.", "task 须为 text、edit 或 blend。")),
    };
    let engine = &admin.engine;
    let mut pictures = Vec::new();
    for _ in 0..(match task {
        Task::Text => 0,
        Task::Edit => 1,
        Task::Blend => 2,
    }) {
        pictures.push(AskPicture::Here(engine.picture_of(RED).await?));
    }
    let snapshot = engine.snapshot();
    let model = snapshot.upstreams.iter().filter(|upstream| upstream.name() == provider).find_map(|upstream| upstream.default_model(task));
    let ask = Ask {
        task,
        model: format!("{provider}/{}", model.unwrap_or_default()),
        prompt: test.prompt.filter(|prompt| !prompt.trim().is_empty()).unwrap_or_else(|| PROMPT.to_owned()),
        n: Some(1),
        size: SizeAsk::Exact(Size::new(512, 512)),
        pictures,
        mask: None,
        form: ResponseForm::Url,
        extras: Extras::default(),
    };
    let id = RequestId::random(&**engine.dice());
    let began = admin.now();
    let mut drawing = engine.draw(ask, Caller::Client("panel".to_owned()), id.clone());
    let mut name = None;
    let outcome = loop {
        match drawing.next().await {
            DrawEvent::Preview { .. } => {}
            DrawEvent::Picture { drawn, .. } => name = drawn.name,
            DrawEvent::Done(outcome) => break outcome,
        }
    };
    let listed = engine.store().named(name.as_slice()).await?;
    let picture = listed.into_iter().next().map(|listed| item(listed.picture, listed.favorite));
    let (ok, message) = match outcome {
        Ok(summary) => (true, format!("{} · {}", summary.provider, summary.model)),
        Err(failure) => (false, language_of(&headers).pick(&sentence(&failure.fault)).to_owned()),
    };
    engine.flush().await;
    let record = engine.store().request(id.as_str()).await?;
    let attempts = match record {
        Some(record) => row(record, &labels(&admin).await?).attempts(),
        None => Vec::new(),
    };
    admin.audit(&operator.who, "test channel", provider, if ok { "ok" } else { "failed" }).await;
    Ok(Answer(ChannelTried { ok, message, duration_ms: admin.now().since(began), picture, request_id: id.to_string(), attempts }))
}

/// The picture that is sent to what takes pictures.
pub(super) const SAMPLE: &str = RED;
