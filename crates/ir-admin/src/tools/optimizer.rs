//! `POST /api/tools/test-prompt-optimizer`

use crate::admin::Admin;
use crate::body::{Answer, Json};
use crate::refusal::Refusal;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// What is improved when nothing else is asked for.
const SAMPLE: &str = "雪地里的一只红狐狸";

#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct OptimizerTest {
    prompt: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OptimizerTried {
    ok: bool,
    message: String,
    url: String,
    model: String,
    before: String,
    after: String,
    duration_ms: u64,
}

/// Improves a prompt with the settings in force.
#[utoipa::path(post, path = "/api/tools/test-prompt-optimizer", tag = "tools", request_body = OptimizerTest, responses(
    (status = 200, body = OptimizerTried)))]
pub(super) async fn test(State(admin): State<Arc<Admin>>, Json(ask): Json<OptimizerTest>) -> Result<Answer<OptimizerTried>, Refusal> {
    let effective = admin.settings.current();
    let settings = &effective.settings.prompt_optimizer;
    let before = ask.prompt.filter(|prompt| !prompt.trim().is_empty()).unwrap_or_else(|| SAMPLE.to_owned());
    if before.chars().count() > 32_000 {
        return Err(Refusal::bad("prompt", "A prompt has at most 32000 characters.", "提示词最多 32000 个字符。"));
    }
    let began = admin.now();
    let improved = admin.engine.try_optimizer(settings, &before).await;
    Ok(Answer(OptimizerTried {
        ok: improved.trouble.is_none(),
        message: improved.trouble.unwrap_or_else(|| "ok".to_owned()),
        url: settings.base_url.as_ref().map(ToString::to_string).unwrap_or_default(),
        model: settings.model.clone().unwrap_or_default(),
        before,
        after: improved.prompt,
        duration_ms: admin.now().since(began),
    }))
}
