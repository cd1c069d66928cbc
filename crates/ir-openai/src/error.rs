//! The one renderer: every failure that a caller reads becomes OpenAI's error object here
//! (`06-errors.md`).

use axum::body::Body;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use ir_engine::Failure;
use ir_model::sanitise;
use ir_model::{Charge, Class, Fault, Gate, Language, Message, RequestId};
use serde_json::{Value, json};
use std::time::Duration;

/// Whose key the platform saw: it decides who has to act when the platform refuses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The gateway's own keys.
    Backend,
    /// The caller's own key.
    Relay,
}

/// Who reads an answer.
#[derive(Clone, Debug)]
pub struct Reader {
    /// The id of the request.
    pub id: RequestId,
    /// The language of sentences.
    pub language: Language,
    /// Whose keys are used.
    pub mode: Mode,
}

/// The SDKs obey this header before their own rules on which statuses to retry.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
/// The companion of every answer.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest wait that OpenAI's SDKs keep. Told of a longer one, the one for Node repeats after
/// seconds, in vain (`retryRequest` in its `client.ts`, versions 6 and 7).
const SDK_PATIENCE: Duration = Duration::from_secs(60);
/// Attempts listed in one error; a plan of more is cut.
const LISTED_ATTEMPTS: usize = 16;
/// Characters of one listed attempt's message.
const ATTEMPT_MESSAGE: usize = 160;

/// A fault of the gateway itself, before any attempt.
pub fn render(fault: &Fault, reader: &Reader) -> Response<Body> {
    build(fault, &error_object(fault, None, reader), reader)
}

/// The failure of a drawing.
pub fn render_failure(failure: &Failure, reader: &Reader) -> Response<Body> {
    let mut response = build(&failure.fault, &failure_object(failure, reader), reader);
    crate::answer::set_headers(response.headers_mut(), failure.provider.as_deref(), failure.model.as_deref(), failure.attempts.len());
    response
}

/// `{"error": {…}}` of a failed drawing, as it stands in bodies and in streams.
pub(crate) fn failure_object(failure: &Failure, reader: &Reader) -> Value {
    let mut object = error_object(&failure.fault, failure.provider.as_deref(), reader);
    if failure.attempts.len() > 1 {
        let attempts = failure.attempts.iter().take(LISTED_ATTEMPTS);
        object["error"]["attempts"] = attempts
            .map(|note| {
                let message = sanitise(&note.message).unwrap_or_default();
                json!({"provider": note.provider, "model": note.model, "code": note.class.map(|class| look(class, reader.mode).code), "message": cut(&message, ATTEMPT_MESSAGE)})
            })
            .collect();
    }
    object
}

/// `{"error": {…}}` with the four keys that every SDK needs.
fn error_object(fault: &Fault, provider: Option<&str>, reader: &Reader) -> Value {
    let look = look(fault.class, reader.mode);
    let param = fault.param.as_deref().or(match fault.class {
        Class::ModelNotFound => Some("model"),
        _ => None,
    });
    json!({"error": {"message": message(fault, provider, reader), "type": look.kind, "code": look.code, "param": param}})
}

fn build(fault: &Fault, object: &Value, reader: &Reader) -> Response<Body> {
    let look = look(fault.class, reader.mode);
    let text = object.to_string();
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(look.status).expect("invariant: the table holds valid statuses");
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(text.len()));
    headers.insert(REQUEST_ID, HeaderValue::from_str(reader.id.as_str()).expect("invariant: request ids are visible ASCII"));
    if look.status == 401 {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(wait) = retry_after(fault, look.status) {
        headers.insert(RETRY_AFTER, HeaderValue::from(wait));
    }
    if is_final(fault, look.status) {
        headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
    }
    *response.body_mut() = Body::from(text);
    response
}

/// How a class looks from outside.
struct Look {
    status: u16,
    code: &'static str,
    kind: &'static str,
}

const INVALID: &str = "invalid_request_error";
const AUTHENTICATION: &str = "authentication_error";
const PERMISSION: &str = "permission_error";
const RATE: &str = "rate_limit_error";
const SERVER: &str = "server_error";

/// The status of a class, for tests over the whole table.
#[cfg(test)]
pub(crate) fn status(class: Class, mode: Mode) -> u16 {
    look(class, mode).status
}

/// The whole table of `06-errors.md`.
fn look(class: Class, mode: Mode) -> Look {
    let (status, code, kind) = match class {
        Class::InvalidRequest => (400, "invalid_request_error", INVALID),
        Class::ContentRejected => (400, "content_policy_violation", INVALID),
        Class::KeyRejected => match mode {
            Mode::Backend => (502, "upstream_auth_error", SERVER),
            Mode::Relay => (401, "invalid_api_key", AUTHENTICATION),
        },
        Class::QuotaExhausted => (429, "insufficient_quota", "insufficient_quota"),
        Class::RateLimited => (429, "rate_limit_exceeded", RATE),
        Class::Overloaded => (503, "upstream_overloaded", SERVER),
        Class::UpstreamFault => (502, "upstream_error", SERVER),
        Class::Blocked => (503, "upstream_blocked", SERVER),
        Class::Timeout => (504, "upstream_timeout", SERVER),
        Class::TaskFailed => (502, "generation_failed", SERVER),
        Class::ModelNotFound => (404, "model_not_found", INVALID),
        Class::NoKey => (503, "no_available_key", SERVER),
        // Nobody reads it: nginx's number for a caller that went away.
        Class::Cancelled => (499, "cancelled", INVALID),
        Class::Gate(gate) => (gate.status(), gate.code(), gate_kind(gate)),
    };
    Look { status, code, kind }
}

fn gate_kind(gate: Gate) -> &'static str {
    match gate {
        Gate::MissingKey | Gate::BadKey => AUTHENTICATION,
        Gate::KeyDisabled | Gate::RelayDisabled | Gate::ModelNotAllowed => PERMISSION,
        Gate::RateLimited => RATE,
        Gate::NotFound
        | Gate::MethodNotAllowed
        | Gate::TooLarge
        | Gate::MediaType
        | Gate::UriTooLong
        | Gate::BadInput
        | Gate::Unsupported
        | Gate::ImageInvalid
        | Gate::ImageType
        | Gate::ImageTooLarge
        | Gate::UrlNotAllowed
        | Gate::ImageUrlUnreachable
        | Gate::SlowBody
        | Gate::KeyReused => INVALID,
        Gate::ServiceDisabled | Gate::Overloaded | Gate::ShuttingDown | Gate::StorageFull | Gate::Internal => SERVER,
    }
}

/// Whether a repetition by the caller's SDK can only cost money or time. The SDKs repeat 408, 409,
/// 429 and 5xx twice by themselves, and the gateway has tried everything already.
fn is_final(fault: &Fault, status: u16) -> bool {
    let by_class = match fault.class {
        Class::QuotaExhausted | Class::KeyRejected | Class::Timeout | Class::Blocked => true,
        Class::InvalidRequest | Class::ContentRejected | Class::ModelNotFound | Class::Cancelled => true,
        Class::RateLimited | Class::Overloaded | Class::UpstreamFault | Class::TaskFailed | Class::NoKey => false,
        Class::Gate(_) => (400..500).contains(&status) && status != 408 && status != 429,
    };
    by_class || fault.charge != Charge::No || fault.retry_after.is_some_and(|wait| wait > SDK_PATIENCE)
}

/// Seconds to wait, on 429 and 503 only: what the fault says, rounded up, else a guess that keeps
/// well-behaved callers from hammering.
fn retry_after(fault: &Fault, status: u16) -> Option<u64> {
    if status != 429 && status != 503 {
        return None;
    }
    let guess = match fault.class {
        Class::QuotaExhausted => 3600,
        Class::RateLimited | Class::NoKey => 30,
        Class::Overloaded => 10,
        Class::Blocked | Class::Gate(Gate::ServiceDisabled) => 60,
        Class::Gate(_) => 5,
        Class::InvalidRequest
        | Class::ContentRejected
        | Class::KeyRejected
        | Class::UpstreamFault
        | Class::Timeout
        | Class::TaskFailed
        | Class::ModelNotFound
        | Class::Cancelled => 5,
    };
    let wait = fault.retry_after.unwrap_or(Duration::from_secs(guess));
    Some((wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1))
}

/// Our sentence, then the platform's own words, cleaned.
fn message(fault: &Fault, provider: Option<&str>, reader: &Reader) -> String {
    let own = match &fault.message {
        Some(message) => reader.language.pick(message).to_owned(),
        None => reader.language.pick(&sentence(fault.class, provider, reader.mode)).to_owned(),
    };
    let own = cut(&own, 1000);
    match fault.upstream.as_deref().and_then(sanitise) {
        Some(words) if !own.contains(&words) => match reader.language {
            Language::English => format!("{own} The platform says: {words}"),
            Language::Chinese => format!("{own} 平台返回：{words}"),
        },
        Some(_) | None => own,
    }
}

/// The class's own sentence: what happened, where, and what to do.
fn sentence(class: Class, provider: Option<&str>, mode: Mode) -> Message {
    let (at, at_zh) = (provider.unwrap_or("The platform"), provider.unwrap_or("平台"));
    let say = |en: &str, zh: &str| Message::new(format!("{at} {en}"), format!("{at_zh}{zh}"));
    match class {
        Class::InvalidRequest => say("cannot draw this request as asked. Change the parameters.", "无法按要求绘制，请调整参数。"),
        Class::ContentRejected => say("refused the content. Change the prompt or the picture.", "拒绝了该内容，请修改提示词或图片。"),
        Class::KeyRejected => match mode {
            Mode::Relay => say("does not accept this API key. Check the key.", "不接受此 API 密钥，请检查密钥。"),
            Mode::Backend => {
                say("does not accept the gateway's key. The operator has to check its key pool.", "不接受网关的密钥，请管理员检查密钥池。")
            }
        },
        Class::QuotaExhausted => {
            say("has no quota left for this key. Wait for its renewal or top it up.", "的密钥额度已用尽，请等待重置或充值。")
        }
        Class::RateLimited => say("limits the rate of requests. Try again later.", "限制了请求频率，请稍后再试。"),
        Class::Overloaded => say("is overloaded. Try again later.", "当前过载，请稍后再试。"),
        Class::UpstreamFault => say("failed, or its answer made no sense. Try again.", "出错或返回了无法识别的结果，请重试。"),
        Class::Blocked => say(
            "has an address that the gateway's rules do not allow; its operator has to allow it.",
            "的地址不在网关允许的范围内，请联系管理员放行。",
        ),
        Class::Timeout => say("did not answer in time.", "未能按时响应。"),
        Class::TaskFailed => say("could not finish the picture.", "未能完成图片。"),
        Class::ModelNotFound => {
            say("does not have this model. GET /v1/models lists what there is.", "没有此模型，可用模型见 GET /v1/models。")
        }
        Class::NoKey => Message::new(
            "No usable key is left for this request. Try again later, or ask the operator to add keys.",
            "没有可用的密钥，请稍后再试，或请管理员添加密钥。",
        ),
        Class::Cancelled => Message::new("The caller went away.", "请求方已断开。"),
        Class::Gate(gate) => gate_sentence(gate),
    }
}

fn gate_sentence(gate: Gate) -> Message {
    let (en, zh) = match gate {
        Gate::MissingKey => {
            ("No API key was given. Send it as 'Authorization: Bearer <key>'.", "缺少 API 密钥，请使用 Authorization: Bearer <密钥>。")
        }
        Gate::BadKey => ("This API key is not known here.", "API 密钥无效。"),
        Gate::KeyDisabled => ("This API key is switched off.", "该 API 密钥已停用。"),
        Gate::RelayDisabled => ("Relay mode is switched off.", "中转模式已关闭。"),
        Gate::ModelNotAllowed => ("This key may not use this model.", "此密钥无权使用该模型。"),
        Gate::NotFound => ("There is nothing at this path.", "路径不存在。"),
        Gate::MethodNotAllowed => ("This path does not take this method.", "此路径不支持该请求方法。"),
        Gate::TooLarge => ("The request is too large.", "请求过大。"),
        Gate::MediaType => ("This media type is not taken here.", "不支持此媒体类型。"),
        Gate::UriTooLong => ("The address is too long.", "请求地址过长。"),
        Gate::BadInput => ("The request is not valid.", "请求无效。"),
        Gate::Unsupported => ("A parameter cannot be honoured.", "有参数无法满足。"),
        Gate::ImageInvalid => ("A given picture is not whole.", "图片无效或不完整。"),
        Gate::ImageType => {
            ("A given picture's format is not taken. Use PNG, JPEG, WebP or GIF.", "不支持该图片格式，请使用 PNG、JPEG、WebP 或 GIF。")
        }
        Gate::ImageTooLarge => ("A given picture's dimensions are too large.", "图片尺寸过大。"),
        Gate::UrlNotAllowed => ("A given picture's address is not allowed.", "图片地址不被允许。"),
        Gate::ImageUrlUnreachable => ("A given picture's address could not be fetched.", "无法获取图片地址的内容。"),
        Gate::SlowBody => ("The request did not arrive in time.", "请求内容未能按时到达。"),
        Gate::KeyReused => (
            "This idempotency key was used for another request. Use a new key, or send the same request.",
            "该幂等键已用于另一个请求，请更换键或发送相同的请求。",
        ),
        Gate::RateLimited => ("Too many requests with this key. Try again later.", "此密钥请求过于频繁，请稍后再试。"),
        Gate::ServiceDisabled => ("The service is switched off.", "服务已关闭。"),
        Gate::Overloaded => ("The gateway is overloaded. Try again later.", "网关过载，请稍后再试。"),
        Gate::ShuttingDown => ("The gateway is restarting. Try again.", "网关正在重启，请重试。"),
        Gate::StorageFull => {
            ("The gateway has no space left for pictures. The operator has to make room.", "网关存储空间不足，请管理员清理。")
        }
        Gate::Internal => {
            ("The gateway failed. The request id helps the operator to find out why.", "网关内部错误，请将请求编号告知管理员。")
        }
    };
    Message::new(en, zh)
}

/// At most `most` characters of a text.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
