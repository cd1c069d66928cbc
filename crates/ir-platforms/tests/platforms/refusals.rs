//! What each platform's refusals mean: one line each in `golden/refusals-by-platform.txt`, with the
//! class, the charge and the pause.

use crate::common::{golden, job};
use ir_model::{Fault, Node, Task};
use ir_platforms::{Adapter, Reply, ReplyBody, by_name};
use serde_json::{Value, json};
use std::fmt::Write as _;

type Header = (&'static str, &'static str);

/// Platform, status, headers, body. Text that is no object is a body that is not JSON.
fn refusals() -> Vec<(&'static str, u16, &'static [Header], Value)> {
    let ark = |code: &str, message: &str| json!({"error": {"code": code, "message": message, "type": "BadRequest"}});
    let gen_ = |status: u16, code: &str, details: Value| json!({"status": status, "success": false, "error": {"code": code, "message": "no", "details": details}});
    let flow = |code: u32, message: &str| json!({"code": code, "message": message, "data": null});
    let plural = |message: &str| json!({"errors": {"message": message}, "request_id": "r"});
    vec![
        (
            "Doubao",
            400,
            &[],
            json!({"error": {"code": "InvalidParameter", "message": "size below the minimum", "param": "size", "type": "BadRequest"}}),
        ),
        ("Doubao", 400, &[], ark("InvalidParameter.UnsupportedImageCount", "too many")),
        ("Doubao", 400, &[], ark("InvalidImageURL.InvalidFormat", "unreadable")),
        ("Doubao", 400, &[], ark("InputTextSensitiveContentDetected", "withheld")),
        ("Doubao", 400, &[], ark("InputImageSensitiveContentDetected.PrivacyInformation", "withheld")),
        ("Doubao", 400, &[], ark("OutputImageSensitiveContentDetected.DeepFake", "withheld")),
        ("Doubao", 400, &[], ark("SensitiveContentDetected.Violence", "withheld")),
        ("Doubao", 401, &[], ark("AuthenticationError", "the API key or AK/SK is missing or invalid")),
        ("Doubao", 403, &[], ark("AccountOverdueError", "unpaid")),
        ("Doubao", 403, &[], ark("AccessDenied", "no")),
        ("Doubao", 404, &[], ark("InvalidEndpointOrModel.NotFound", "no such model")),
        ("Doubao", 404, &[], ark("ModelNotOpen", "not activated")),
        ("Doubao", 404, &[], ark("InvalidEndpointOrModel.ModelIDAccessDisabled", "no access")),
        ("Doubao", 429, &[], ark("ModelAccountIpmRateLimitExceeded", "slow down")),
        ("Doubao", 429, &[], ark("RequestBurstTooFast", "slow down")),
        ("Doubao", 429, &[], ark("RateLimitExceeded.EndpointRPMExceeded", "slow down")),
        ("Doubao", 429, &[], ark("SetLimitExceeded", "the free quota is used up")),
        ("Doubao", 429, &[], ark("QuotaExceeded", "used up")),
        ("Doubao", 429, &[("retry-after", "7")], ark("QuotaExceeded", "used up")),
        ("Doubao", 429, &[("retry-after", "600")], ark("QuotaExceeded", "used up")),
        ("Doubao", 429, &[("retry-after", "0")], ark("RequestBurstTooFast", "slow down")),
        ("Doubao", 429, &[], ark("ServerOverloaded", "busy")),
        ("Doubao", 429, &[], ark("InflightBatchsizeExceeded", "busy")),
        ("Doubao", 500, &[], ark("InternalServiceError", "failed")),
        ("Gitee", 400, &[], json!({"message": "参数 size 不合法"})),
        ("Gitee", 401, &[], json!({"error": {"code": 401, "message": "no such token"}})),
        ("Gitee", 402, &[], json!({"error": "余额不足"})),
        ("Gitee", 403, &[], json!({"msg": "资源包已用尽"})),
        ("Gitee", 404, &[], json!({"message": "not found"})),
        ("Gitee", 429, &[("retry-after", "3")], json!({"message": "slow down"})),
        ("ModelScope", 400, &[], plural("model not supported")),
        ("ModelScope", 401, &[], plural("Please provide a valid ModelScope token")),
        ("ModelScope", 401, &[], plural("Please bind your Alibaba Cloud account first")),
        ("ModelScope", 403, &[], plural("请先绑定阿里云账号并完成实名认证")),
        ("ModelScope", 400, &[], plural("cannot read https://bucket.oss-cn-beijing.aliyuncs.com/a.png")),
        ("ModelScope", 429, &[("modelscope-ratelimit-requests-remaining", "0")], plural("Too many requests")),
        ("ModelScope", 429, &[("modelscope-ratelimit-requests-remaining", "0"), ("retry-after", "3")], plural("Too many requests")),
        ("ModelScope", 429, &[("modelscope-ratelimit-requests-remaining", "17")], plural("Too many requests")),
        ("ModelScope", 429, &[("modelscope-ratelimit-model-requests-remaining", "0")], plural("Too many requests")),
        ("ModelScope", 404, &[], Value::String("404 page not found".to_owned())),
        ("Pollinations", 400, &[], gen_(400, "BAD_REQUEST", json!({"formErrors": ["size"]}))),
        ("Pollinations", 400, &[], gen_(400, "failed_to_download_image", Value::Null)),
        ("Pollinations", 401, &[], gen_(401, "UNAUTHORIZED", Value::Null)),
        ("Pollinations", 402, &[], gen_(402, "PAYMENT_REQUIRED", Value::Null)),
        ("Pollinations", 402, &[], gen_(402, "KEY_BUDGET_EXHAUSTED", Value::Null)),
        ("Pollinations", 403, &[], gen_(403, "FORBIDDEN", Value::Null)),
        ("Pollinations", 404, &[], gen_(404, "NOT_FOUND", Value::Null)),
        ("Pollinations", 422, &[], gen_(422, "content_policy_violation", Value::Null)),
        ("Pollinations", 429, &[], gen_(429, "RATE_LIMITED", Value::Null)),
        (
            "Pollinations",
            429,
            &[("retry-after", "42")],
            json!({"error": "Rate limit exceeded", "message": "wait", "retryAfterSeconds": 41.5}),
        ),
        ("Pollinations", 502, &[], gen_(502, "BAD_GATEWAY", json!({"upstreamStatus": 429, "upstreamHost": "x"}))),
        ("Pollinations", 502, &[], gen_(502, "BAD_GATEWAY", json!({"upstreamStatus": 401}))),
        ("Pollinations", 502, &[], gen_(502, "BAD_GATEWAY", json!({"upstreamStatus": 404}))),
        ("Pollinations", 502, &[], gen_(502, "content_policy_violation", json!({"upstreamStatus": 400}))),
        ("Pollinations", 502, &[], gen_(502, "BAD_GATEWAY", json!({"upstreamStatus": 524}))),
        ("SiliconFlow", 400, &[], flow(20012, "Model does not exist. Please check it carefully.")),
        ("SiliconFlow", 400, &[], flow(20015, "The parameter is invalid. Please check again.")),
        ("SiliconFlow", 401, &[], Value::String("Invalid token".to_owned())),
        ("SiliconFlow", 403, &[], flow(30001, "Sorry, your account cannot pay for this")),
        ("SiliconFlow", 403, &[], flow(30011, "Your account balance is too low")),
        ("SiliconFlow", 403, &[], flow(30014, "账号尚未实名认证")),
        ("SiliconFlow", 403, &[], flow(30000, "no")),
        ("SiliconFlow", 429, &[], flow(50603, "Request was rejected due to rate limiting. Details: IPM limit reached.")),
        ("SiliconFlow", 429, &[], flow(50603, "Request was rejected due to rate limiting. Details: IPD limit reached.")),
        ("SiliconFlow", 500, &[], flow(50500, "Unknown error")),
        ("SiliconFlow", 503, &[], flow(50505, "Model service overloaded. Please try again later.")),
        ("SiliconFlow", 504, &[], Value::String("Gateway Timeout".to_owned())),
        ("HuggingFace", 400, &[], json!({"detail": "Session hash not found."})),
        ("HuggingFace", 401, &[], json!({"detail": {"error": "Not authenticated", "auth_message": null}})),
        ("HuggingFace", 401, &[], json!({"error": "Invalid credentials in Authorization header"})),
        ("HuggingFace", 403, &[], json!({"detail": "File not allowed: /etc/passwd."})),
        ("HuggingFace", 404, &[], json!({"detail": "Not Found"})),
        ("HuggingFace", 413, &[], Value::String("Maximum file size exceeded".to_owned())),
        ("HuggingFace", 422, &[], json!({"detail": [{"type": "missing", "loc": ["body", "data"], "msg": "Field required"}]})),
        ("HuggingFace", 429, &[("retry-after", "12")], json!({"error": "Too many requests"})),
        ("HuggingFace", 500, &[], Value::String("Internal Server Error".to_owned())),
        ("HuggingFace", 503, &[], json!({"detail": "Queue is full. Max size is 3 and size is 3."})),
        ("HuggingFace", 503, &[], json!({"detail": "Queue is stopped."})),
        ("HuggingFace", 504, &[], Value::String("<html><title>504 Gateway Time-out</title></html>".to_owned())),
        ("Pollinations", 200, &[], Value::String("<!DOCTYPE html><title>Just a moment</title>".to_owned())),
    ]
}

fn body(value: &Value) -> ReplyBody {
    match value {
        Value::String(text) => ReplyBody::Text(text.clone()),
        other => ReplyBody::Json(Node::from(other.clone())),
    }
}

fn told(adapter: &dyn Adapter, reply: &Reply) -> Fault {
    if (200..300).contains(&reply.status) { adapter.read(&job(Task::Text), reply).expect_err("a refusal") } else { adapter.fault(reply) }
}

#[test]
fn every_known_refusal_has_its_class() {
    let mut out = String::new();
    for (name, status, headers, value) in refusals() {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let reply = Reply { headers, ..Reply::new(status, body(&value)) };
        let fault = told(by_name(name).expect(name), &reply);
        let wait = fault.retry_after.map_or(String::new(), |wait| format!(", wait {} s", wait.as_secs()));
        let param = fault.param.as_ref().map_or(String::new(), |param| format!(", parameter {param}"));
        let key = if fault.other_key { ", another key may do" } else { "" };
        let _ = writeln!(out, "{name} {status} {value}\n    {:?}, charged: {:?}{wait}{param}{key}", fault.class, fault.charge);
    }
    golden("refusals-by-platform.txt", &out);
}
