//! The renderer over the whole table of classes.

use super::*;
use http_body_util::BodyExt;
use ir_engine::AttemptNote;

fn reader(mode: Mode) -> Reader {
    Reader { id: RequestId::parse("req_1").unwrap(), language: Language::English, mode }
}

async fn body(response: Response<Body>) -> Value {
    #[expect(clippy::disallowed_methods, reason = "a test reads a small answer whole")]
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap()
}

/// status, code, type, `x-should-retry: false`
fn expected(class: Class) -> (u16, &'static str, &'static str, bool) {
    match class {
        Class::InvalidRequest => (400, "invalid_request_error", "invalid_request_error", true),
        Class::ContentRejected => (400, "content_policy_violation", "invalid_request_error", true),
        Class::KeyRejected => (502, "upstream_auth_error", "server_error", true),
        Class::QuotaExhausted => (429, "insufficient_quota", "insufficient_quota", true),
        Class::RateLimited => (429, "rate_limit_exceeded", "rate_limit_error", false),
        Class::Overloaded => (503, "upstream_overloaded", "server_error", false),
        Class::UpstreamFault => (502, "upstream_error", "server_error", true),
        Class::Blocked => (503, "upstream_blocked", "server_error", true),
        Class::Timeout => (504, "upstream_timeout", "server_error", true),
        Class::TaskFailed => (502, "generation_failed", "server_error", false),
        Class::ModelNotFound => (404, "model_not_found", "invalid_request_error", true),
        Class::NoKey => (503, "no_available_key", "server_error", false),
        Class::Cancelled => (499, "cancelled", "invalid_request_error", true),
        Class::Gate(gate) => expected_gate(gate),
    }
}

fn expected_gate(gate: Gate) -> (u16, &'static str, &'static str, bool) {
    match gate {
        Gate::MissingKey => (401, "missing_api_key", "authentication_error", true),
        Gate::BadKey => (401, "invalid_api_key", "authentication_error", true),
        Gate::KeyDisabled => (403, "api_key_disabled", "permission_error", true),
        Gate::RelayDisabled => (403, "relay_disabled", "permission_error", true),
        Gate::ModelNotAllowed => (403, "model_not_allowed", "permission_error", true),
        Gate::NotFound => (404, "not_found", "invalid_request_error", true),
        Gate::MethodNotAllowed => (405, "method_not_allowed", "invalid_request_error", true),
        Gate::TooLarge => (413, "request_too_large", "invalid_request_error", true),
        Gate::MediaType => (415, "unsupported_media_type", "invalid_request_error", true),
        Gate::UriTooLong => (414, "uri_too_long", "invalid_request_error", true),
        Gate::BadInput => (400, "invalid_request_error", "invalid_request_error", true),
        Gate::Unsupported => (400, "unsupported_parameter", "invalid_request_error", true),
        Gate::ImageInvalid => (400, "invalid_image_file", "invalid_request_error", true),
        Gate::ImageType => (400, "unsupported_image_type", "invalid_request_error", true),
        Gate::ImageTooLarge => (400, "image_too_large", "invalid_request_error", true),
        Gate::UrlNotAllowed => (400, "url_not_allowed", "invalid_request_error", true),
        Gate::ImageUrlUnreachable => (400, "image_url_unreachable", "invalid_request_error", true),
        Gate::SlowBody => (408, "request_timeout", "invalid_request_error", false),
        Gate::RateLimited => (429, "rate_limit_exceeded", "rate_limit_error", false),
        Gate::ServiceDisabled => (503, "service_disabled", "server_error", false),
        Gate::Overloaded => (503, "overloaded", "server_error", false),
        Gate::ShuttingDown => (503, "shutting_down", "server_error", false),
        Gate::StorageFull => (507, "storage_full", "server_error", false),
        Gate::KeyReused => (422, "idempotency_key_reused", "invalid_request_error", true),
        Gate::Internal => (500, "internal_error", "server_error", false),
    }
}

/// Proves P-6, R-ERR-1.
#[tokio::test]
async fn the_whole_table() {
    let classes = Class::ATTEMPT.into_iter().chain(Gate::ALL.into_iter().map(Class::Gate));
    for class in classes {
        let (status, code, kind, last) = expected(class);
        for language in [Language::English, Language::Chinese] {
            let response = render(&Fault::new(class), &Reader { language, ..reader(Mode::Backend) });
            assert_eq!(response.status().as_u16(), status, "{class:?}");
            let headers = response.headers().clone();
            assert_eq!(headers.get("x-should-retry").is_some_and(|v| v == "false"), last, "{class:?}");
            assert_eq!(headers.contains_key("retry-after"), status == 429 || status == 503, "{class:?}");
            assert_eq!(headers.contains_key("www-authenticate"), status == 401, "{class:?}");
            assert_eq!(headers["x-request-id"], "req_1");
            assert_eq!(headers["content-type"], "application/json");
            let object = body(response).await;
            let error = object["error"].as_object().unwrap();
            assert_eq!(error.len(), 4, "{class:?}: exactly the four keys");
            assert_eq!((error["code"].as_str(), error["type"].as_str()), (Some(code), Some(kind)), "{class:?}");
            assert!(!error["message"].as_str().unwrap().is_empty(), "{class:?}");
            let param = if class == Class::ModelNotFound { json!("model") } else { Value::Null };
            assert_eq!(error["param"], param, "{class:?}");
        }
    }
}

#[tokio::test]
async fn a_relayed_key_that_is_refused_is_the_callers_matter() {
    let response = render(&Fault::new(Class::KeyRejected), &reader(Mode::Relay));
    assert_eq!((response.status().as_u16(), response.headers()["www-authenticate"].to_str().unwrap()), (401, "Bearer"));
    assert_eq!(body(response).await["error"]["code"], "invalid_api_key");
}

#[test]
fn what_may_have_cost_money_is_not_repeated() {
    for (charge, last) in [(Charge::No, false), (Charge::Maybe, true), (Charge::Yes, true)] {
        let response = render(&Fault::new(Class::UpstreamFault).charged(charge), &reader(Mode::Backend));
        assert_eq!(response.headers().contains_key("x-should-retry"), last, "{charge:?}");
    }
}

#[test]
fn waits_are_whole_seconds_rounded_up() {
    for (wait, told) in
        [(Duration::from_millis(1), "1"), (Duration::from_millis(1500), "2"), (Duration::ZERO, "1"), (Duration::from_secs(7), "7")]
    {
        let response = render(&Fault::new(Class::RateLimited).retry_after(Some(wait)), &reader(Mode::Backend));
        assert_eq!(response.headers()["retry-after"], told);
    }
}

#[test]
fn what_is_too_far_off_for_an_sdk_is_not_repeated_by_it() {
    for (class, secs, last) in [(Class::NoKey, 60, false), (Class::NoKey, 61, true), (Class::RateLimited, 1800, true)] {
        let response = render(&Fault::new(class).retry_after(Some(Duration::from_secs(secs))), &reader(Mode::Backend));
        assert_eq!(response.headers()["retry-after"], secs.to_string());
        assert_eq!(response.headers().contains_key("x-should-retry"), last, "{class:?} {secs}");
    }
}

#[tokio::test]
async fn attempts_are_listed_and_everything_is_cleaned() {
    let note = |provider: &str, message: &str| AttemptNote {
        provider: provider.into(),
        model: "m".into(),
        class: Some(Class::UpstreamFault),
        message: message.into(),
    };
    let failure = Failure {
        fault: Fault::new(Class::UpstreamFault).upstream("boom with sk-CANARY0123456789 at http://10.0.0.1/x"),
        provider: Some("Doubao".into()),
        model: Some("m".into()),
        attempts: vec![note("Gitee", "hf_CANARY0123456789abc is bad"), note("Doubao", "boom")],
    };
    let response = render_failure(&failure, &reader(Mode::Backend));
    assert_eq!(response.headers()["x-img-router-provider"], "Doubao");
    assert_eq!(response.headers()["x-img-router-attempts"], "2");
    let object = body(response).await;
    assert!(!object.to_string().contains("CANARY") && !object.to_string().contains("10.0.0.1"), "{object}");
    let message = object["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("Doubao failed") && message.contains("The platform says: boom"), "{message}");
    assert_eq!(object["error"]["attempts"][0]["provider"], "Gitee");
    assert_eq!(object["error"]["attempts"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn chinese_is_spoken_to_those_who_ask() {
    let reader = Reader { language: Language::Chinese, ..reader(Mode::Backend) };
    let object = body(render(&Fault::bad("n", "english", "中文").upstream("bad"), &reader)).await;
    assert_eq!(object["error"]["message"], "中文 平台返回：bad");
    assert_eq!(object["error"]["param"], "n");
}
