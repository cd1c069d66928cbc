//! `POST /api/tools/fetch-models`

use crate::admin::Admin;
use crate::body::{Answer, Json};
use crate::refusal::{language_of, sentence};
use axum::extract::State;
use http::HeaderMap;
use ir_model::Secret;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ModelsAsk {
    base_url: String,
    /// Absent or masked: the stored key of the optimizer, if it belongs to this address.
    api_key: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ModelsFound {
    pub(super) ok: bool,
    pub(super) models: Vec<String>,
    pub(super) message: Option<String>,
}

/// The models of an OpenAI-compatible address.
#[utoipa::path(post, path = "/api/tools/fetch-models", tag = "tools", request_body = ModelsAsk, responses(
    (status = 200, body = ModelsFound)))]
pub(super) async fn fetch(State(admin): State<Arc<Admin>>, headers: HeaderMap, Json(ask): Json<ModelsAsk>) -> Answer<ModelsFound> {
    let given = ask.api_key.filter(|key| !key.is_empty() && key != ir_settings::MASK).map(Secret::new);
    let effective = admin.settings.current();
    let stored = || {
        // A stored secret goes only to the origin that it was saved for.
        let own = &effective.settings.prompt_optimizer;
        let same =
            own.base_url.as_ref().zip(url::Url::parse(&ask.base_url).ok()).is_some_and(|(known, asked)| known.origin() == asked.origin());
        own.api_key.clone().filter(|_| same)
    };
    let key = given.or_else(stored);
    Answer(found(admin.engine.models_at(&ask.base_url, key.as_ref()).await, &headers))
}

pub(super) fn found(outcome: Result<Vec<String>, ir_model::Fault>, headers: &HeaderMap) -> ModelsFound {
    match outcome {
        Ok(models) => ModelsFound { ok: true, models, message: None },
        Err(fault) => ModelsFound { ok: false, models: Vec::new(), message: Some(language_of(headers).pick(&sentence(&fault)).to_owned()) },
    }
}
