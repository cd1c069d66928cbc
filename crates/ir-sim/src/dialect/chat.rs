//! A language model behind the chat protocol, which translates everything in the same way.

use http::Method;
use serde_json::{Value, json};

use super::{Manners, Refused, Scene, nowhere, refused};
use crate::answer::Draft;
use crate::behaviour::ErrorBody;

/// A chat model.
pub(crate) struct Chat;

impl Manners for Chat {
    fn paths(&self) -> &'static [&'static str] {
        &["POST /v1/chat/completions", "GET /v1/models"]
    }

    fn cases(&self) -> &'static [&'static str] {
        &["no-choice", "cut-short"]
    }

    fn draws(&self, method: &Method, path: &str) -> bool {
        method == Method::POST && path.ends_with("/chat/completions")
    }

    fn answer(&self, scene: &Scene<'_>) -> Result<Draft, Refused> {
        if !scene.visit.draws {
            return Err(nowhere());
        }
        let model = scene.visit.asked.model.as_deref().ok_or_else(|| refused(400, "missing_required_parameter", "model is required"))?;
        let words = scene.prompt().map_err(|_| refused(400, "missing_required_parameter", "messages holds no words of the user"))?;
        if scene.visit.asked.stream {
            return Err(refused(400, "unsupported_value", "this model does not stream"));
        }
        let reason = if scene.case == "cut-short" { "length" } else { "stop" };
        let message = json!({"role": "assistant", "content": format!("EN: {words}")});
        let choices =
            if scene.case == "no-choice" { json!([]) } else { json!([{"index": 0, "message": message, "finish_reason": reason}]) };
        Ok(Draft::document(
            200,
            &json!({
                "id": "chatcmpl-sim", "object": "chat.completion", "created": scene.created(), "model": model, "choices": choices,
                "usage": {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18},
            }),
        ))
    }

    fn error(&self, status: u16, error: &ErrorBody) -> Draft {
        error.draft(status)
    }

    fn empty(&self) -> Value {
        json!({"id": "chatcmpl-sim", "object": "chat.completion", "created": 1_795_305_600, "choices": []})
    }
}
