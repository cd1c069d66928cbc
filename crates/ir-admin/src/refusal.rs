//! Why an operation was refused, and how that is told: `{"error": {"message", "code", "param"}}`, in
//! the language of the one who asked.

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, StatusCode};
use ir_model::{Class, Fault, Gate, Language, Message};
use ir_settings::SettingsError;
use ir_store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

/// A refusal on its way to the one who asked.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: Message,
    param: Option<String>,
    retry_after: Option<u64>,
}

/// How a refusal looks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    error: ErrorObject,
}

#[derive(Debug, Serialize, ToSchema)]
struct ErrorObject {
    /// For people, in the language of `Accept-Language`.
    message: String,
    /// For programs.
    code: String,
    /// The field concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    param: Option<String>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &'static str, en: impl Into<String>, zh: impl Into<String>) -> Self {
        // Parsers and rules of settings quote what they were given.
        let message = Message::new(ir_model::tame(&en.into()), ir_model::tame(&zh.into()));
        Self { status, code, message, param: None, retry_after: None }
    }

    /// A field that does not fit.
    pub(crate) fn bad(param: &str, en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", en, zh).param(param)
    }

    pub(crate) fn not_found(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", en, zh)
    }

    pub(crate) fn internal(detail: &dyn std::fmt::Display) -> Self {
        tracing::error!(%detail, "an admin operation failed");
        let (en, zh) = ("The gateway could not do this; the reason is in its log.", "网关未能完成该操作，原因见日志。");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", en, zh)
    }

    #[must_use]
    pub(crate) fn param(mut self, param: &str) -> Self {
        self.param = Some(ir_model::echo(param));
        self
    }

    #[must_use]
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    /// The response in the language that `headers` prefer.
    pub(crate) fn render(&self, headers: &HeaderMap) -> Response {
        let message = language_of(headers).pick(&self.message).to_owned();
        let body = ErrorBody { error: ErrorObject { message, code: self.code.to_owned(), param: self.param.clone() } };
        let text = serde_json::to_string(&body).expect("invariant: plain texts can be written as JSON");
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = self.status;
        let told = response.headers_mut();
        told.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        told.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        told.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(seconds) = self.retry_after {
            told.insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl IntoResponse for Refusal {
    /// Marks the response; [`told`] writes it, since only there the language is known.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The layer that writes what handlers refused.
pub(crate) async fn told(request: Request, next: Next) -> Response {
    let headers = request.headers().clone();
    let mut response = next.run(request).await;
    if let Some(refusal) = response.extensions().get::<Refusal>() {
        return refusal.render(&headers);
    }
    // Names and prompts stand in these answers as they were written: they are JSON, and never a page.
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

pub(crate) fn language_of(headers: &HeaderMap) -> Language {
    Language::preferred(headers.get_all(ACCEPT_LANGUAGE).iter().filter_map(|value| value.to_str().ok()))
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "The database is busy. Try again in a moment.",
                "数据库繁忙，请稍后再试。",
            )
            .retry_after(1),
            StoreError::Full => Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk_full", "The disk is full.", "磁盘空间不足。"),
            other => Self::internal(&other),
        }
    }
}

impl From<SettingsError> for Refusal {
    fn from(error: SettingsError) -> Self {
        match &error {
            SettingsError::Invalid { path, message, .. } => {
                let path = if path.is_empty() { "body" } else { path };
                let (en, zh) = (format!("{path}: {message}."), format!("设置 {path} 无效：{message}"));
                Self::new(StatusCode::BAD_REQUEST, "invalid_setting", en, zh).param(path)
            }
            SettingsError::Broken { .. } => Self::new(
                StatusCode::CONFLICT,
                "configuration_broken",
                error.to_string(),
                "data/runtime-config.json 无法读取，请先修复或恢复 .bak。",
            ),
            SettingsError::MasterKey(_) | SettingsError::Sealed | SettingsError::Io { .. } => Self::internal(&error),
        }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        let (status, code) = match fault.class {
            Class::Gate(Gate::BadInput | Gate::Unsupported) | Class::InvalidRequest => (StatusCode::BAD_REQUEST, "invalid_request"),
            Class::Gate(Gate::UrlNotAllowed) => (StatusCode::BAD_REQUEST, "url_not_allowed"),
            Class::Gate(Gate::Internal) => (StatusCode::INTERNAL_SERVER_ERROR, "internal_error"),
            Class::Gate(Gate::StorageFull) => (StatusCode::INSUFFICIENT_STORAGE, "disk_full"),
            other => (StatusCode::BAD_GATEWAY, other.name()),
        };
        let message = sentence(&fault);
        let refusal = Self { status, code, message, param: None, retry_after: None };
        match fault.param {
            Some(param) => refusal.param(&param),
            None => refusal,
        }
    }
}

/// What a fault says to the operator: our sentence, the platform's cleaned words, and the detail.
pub(crate) fn sentence(fault: &Fault) -> Message {
    let own = fault.message.clone().unwrap_or_else(|| Message::new(fault.class.name(), fault.class.name()));
    let words = fault.upstream.as_deref().and_then(ir_model::sanitise);
    let further = words.or_else(|| fault.detail.as_deref().and_then(ir_model::sanitise));
    match further {
        Some(further) => Message::new(format!("{} ({further})", own.en), format!("{}（{further}）", own.zh)),
        None => own,
    }
}
