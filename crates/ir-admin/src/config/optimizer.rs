//! `/api/config/prompt-optimizer`: the optimizer's settings, under 1.x's path.

use crate::admin::Admin;
use crate::authority::Operator;
use crate::body::{Answer, Json};
use crate::refusal::{ErrorBody, Refusal};
use axum::extract::State;
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OptimizerConfig {
    /// Empty when not set, as the other texts.
    base_url: String,
    model: String,
    /// `********` when one is set.
    api_key: String,
    enable_translate: bool,
    translate_prompt: String,
    translate_max_length: u32,
    enable_expand: bool,
    expand_prompt: String,
    expand_max_length: u32,
    per_picture: bool,
    defaults: OptimizerTemplates,
}

/// The built-in instructions.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OptimizerTemplates {
    translate_prompt: &'static str,
    expand_prompt: &'static str,
}

/// The optimizer's settings.
#[utoipa::path(get, path = "/api/config/prompt-optimizer", tag = "configuration", responses((status = 200, body = OptimizerConfig)))]
pub(super) async fn read(State(admin): State<Arc<Admin>>) -> Answer<OptimizerConfig> {
    Answer(shown(&admin))
}

/// Changes the optimizer's settings: a merge patch of its section.
#[utoipa::path(post, path = "/api/config/prompt-optimizer", tag = "configuration", request_body(content = Object), responses(
    (status = 200, body = OptimizerConfig), (status = 409, body = ErrorBody)))]
pub(super) async fn change(
    State(admin): State<Arc<Admin>>,
    operator: Operator,
    Json(change): Json<Value>,
) -> Result<Answer<OptimizerConfig>, Refusal> {
    admin.change(&json!({"promptOptimizer": change}), None).await?;
    admin.audit(&operator.who, "change settings", "promptOptimizer", "ok").await;
    Ok(Answer(shown(&admin)))
}

fn shown(admin: &Admin) -> OptimizerConfig {
    let effective = admin.settings.current();
    let own = &effective.settings.prompt_optimizer;
    let (translate_prompt, expand_prompt) = ir_engine::Optimizer::built_in();
    OptimizerConfig {
        base_url: own.base_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned()).unwrap_or_default(),
        model: own.model.clone().unwrap_or_default(),
        api_key: own.api_key.as_ref().map(|_| ir_settings::MASK.to_owned()).unwrap_or_default(),
        enable_translate: own.enable_translate,
        translate_prompt: own.translate_prompt.clone().unwrap_or_default(),
        translate_max_length: own.translate_max_length,
        enable_expand: own.enable_expand,
        expand_prompt: own.expand_prompt.clone().unwrap_or_default(),
        expand_max_length: own.expand_max_length,
        per_picture: own.per_picture,
        defaults: OptimizerTemplates { translate_prompt, expand_prompt },
    }
}
