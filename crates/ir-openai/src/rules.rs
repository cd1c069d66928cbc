//! What the settings say about reading requests and writing answers, in one value per request.

use ir_model::{Limits, ResponseForm};
use ir_settings::Settings;
use std::time::Duration;

/// Raw bytes that a chat request may always have: clients resend the whole conversation, pictures
/// included (`02-http-api.md`).
const CHAT_AT_LEAST: u64 = 64 * 1024 * 1024;
/// Silence in a body before it is given up (R-DOS-6).
const BODY_IDLE: Duration = Duration::from_secs(15);
/// Time for a whole body (R-DOS-6).
const BODY_TOTAL: Duration = Duration::from_secs(120);

/// The form of pictures when a request names none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DefaultForm {
    /// By the model's name, as OpenAI does.
    Auto,
    /// Always this one.
    Always(ResponseForm),
}

impl DefaultForm {
    /// The form for a model, named as the caller named it. OpenAI's GPT image models know no
    /// addresses, and their clients send no `response_format` and read `b64_json` only.
    pub(crate) fn of(self, model: &str) -> ResponseForm {
        match self {
            Self::Always(form) => form,
            Self::Auto if model.starts_with("gpt-image") || model.starts_with("chatgpt-image") => ResponseForm::Base64,
            Self::Auto => ResponseForm::Url,
        }
    }
}

/// The rules of one request.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// Most bytes of a body.
    pub(crate) body: u64,
    /// Most bytes of a chat request's body.
    pub(crate) chat_body: u64,
    /// What a picture may measure.
    pub(crate) picture: Limits,
    /// Silence in a body before it is given up.
    pub(crate) body_idle: Duration,
    /// Time for a whole body.
    pub(crate) body_total: Duration,
    /// The form of pictures when a request names none.
    pub(crate) form: DefaultForm,
    /// A chat message without pictures edits the newest one of the conversation.
    pub(crate) continue_from_last_image: bool,
    /// Where the gateway is reached from outside, without a trailing `/`.
    pub(crate) public_base_url: Option<String>,
    /// Blanks before plain JSON answers of long drawings.
    pub(crate) json_keep_alive: bool,
    /// The list of models needs a key.
    pub(crate) models_require_key: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            body: 20 * 1024 * 1024,
            chat_body: 4 * 20 * 1024 * 1024,
            picture: Limits::default(),
            body_idle: BODY_IDLE,
            body_total: BODY_TOTAL,
            form: DefaultForm::Auto,
            continue_from_last_image: false,
            public_base_url: None,
            json_keep_alive: false,
            models_require_key: false,
        }
    }
}

impl Rules {
    /// The rules that settings make.
    pub(crate) fn of(settings: &Settings) -> Self {
        let body = settings.system.max_body_size;
        Self {
            body,
            chat_body: body.saturating_mul(4).max(CHAT_AT_LEAST),
            body_idle: Duration::from_secs(settings.limits.body_idle_secs),
            body_total: Duration::from_secs(settings.limits.body_total_secs),
            form: match settings.api.default_response_format {
                ir_settings::DefaultResponseFormat::Auto => DefaultForm::Auto,
                ir_settings::DefaultResponseFormat::Url => DefaultForm::Always(ResponseForm::Url),
                ir_settings::DefaultResponseFormat::B64Json => DefaultForm::Always(ResponseForm::Base64),
            },
            continue_from_last_image: settings.chat.continue_from_last_image,
            // A link that needs the caller's key is none for most clients.
            public_base_url: settings
                .system
                .public_base_url
                .as_ref()
                .filter(|_| !settings.storage.require_auth)
                .map(|url| url.as_str().trim_end_matches('/').to_owned()),
            json_keep_alive: settings.api.json_keep_alive,
            models_require_key: settings.models_require_key,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_form_follows_the_model_unless_it_is_set() {
        for (model, form) in [
            ("gpt-image-2", ResponseForm::Base64),
            ("chatgpt-image-latest", ResponseForm::Base64),
            ("dall-e-3", ResponseForm::Url),
            ("auto", ResponseForm::Url),
            ("", ResponseForm::Url),
            ("my-gpt-image", ResponseForm::Url),
        ] {
            assert_eq!(DefaultForm::Auto.of(model), form, "{model}");
        }
        assert_eq!(DefaultForm::Always(ResponseForm::Url).of("gpt-image-2"), ResponseForm::Url);
    }
}
