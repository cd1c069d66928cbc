//! What the gateway says of itself: OpenAPI, metrics, pages.

use super::{Operator, code, fresh, send, text};
use crate::client;
use serde_json::{Value, json};

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a test's own switch, and a file of the repository")]
async fn the_panels_types_are_made_from_what_the_code_says() {
    let setup = fresh();
    let running = setup.start();
    let document = send(running.port, "GET", "/openapi.json", &[], &Value::Null).await;
    assert_eq!((document.status, document.header("content-type")), (200, "application/json"));
    let mut document = document.json();
    document["info"]["version"] = json!("2");
    let now = serde_json::to_string_pretty(&document).unwrap() + "\n";
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/src/api/openapi.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(known == now, "web/src/api/openapi.json is out of date: run once with UPDATE_GOLDEN=1, then `npm run types` in web/");
}

/// Without this a wrong answer would not be seen by those who hold answers to the document.
#[tokio::test]
async fn every_refusal_is_told_by_its_status_and_every_reference_leads_somewhere() {
    let setup = fresh();
    let running = setup.start();
    let document = send(running.port, "GET", "/openapi.json", &[], &Value::Null).await.json();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().all(|status| status.len() == 3), "{method} {path} answers anything");
            for (status, response) in responses.iter().filter(|(status, _)| status.as_str() >= "400") {
                let known = ["#/components/responses/Refused", "#/components/responses/Failed"];
                assert!(known.contains(&response["$ref"].as_str().unwrap_or_default()), "{method} {path} {status}");
            }
        }
    }
    let mut parts = vec![&document];
    while let Some(part) = parts.pop() {
        if let Some(name) = part.get("$ref").and_then(Value::as_str) {
            assert!(document.pointer(name.trim_start_matches('#')).is_some(), "{name}");
        }
        parts.extend(part.as_object().into_iter().flat_map(|members| members.values()));
        parts.extend(part.as_array().into_iter().flatten());
    }
}

/// Proves R-API-2.
#[tokio::test]
async fn what_cannot_be_read_is_refused_in_the_form_of_all_refusals() {
    let setup = fresh();
    let running = setup.start();
    let operator = Operator::first(&running).await;
    for path in
        ["/api/requests?limit=many", "/api/gallery?cursor=%FF", "/api/update/check?force=perhaps", "/api/gallery/%FF", "/api/requests/%FF"]
    {
        let answer = operator.get(path).await;
        assert_eq!((answer.status, answer.header("content-type")), (400, "application/json"), "{path}: {}", text(&answer));
        assert_eq!(code(&answer), "invalid_request", "{path}");
    }
}

#[tokio::test]
async fn metrics_are_for_the_operator_and_for_their_own_listener() {
    let own = fresh().port;
    let setup = fresh().env("IMG_ROUTER_DEMO", "1").env("IMG_ROUTER_METRICS_LISTEN", format!("127.0.0.1:{own}"));
    let running = setup.start();
    let operator = Operator::first(&running).await;
    operator.change("/api/playground/v1/images/generations", json!({"prompt": "a boat", "size": "256x256"})).await;
    let page = operator.get("/metrics").await;
    assert!(page.header("content-type").starts_with("text/plain; version=0.0.4"));
    let numbers = text(&page);
    for line in [
        "img_router_requests_total{provider=\"Local\",outcome=\"ok\"} 1",
        "img_router_pictures_total{provider=\"Local\",outcome=\"ok\"} 1",
        "img_router_request_duration_seconds_bucket{provider=\"Local\",outcome=\"ok\",le=\"+Inf\"} 1",
        "img_router_upstream_up{provider=\"Local\",address=\"\"} 1",
    ] {
        assert!(numbers.contains(line), "{line}\n{numbers}");
    }
    let open = client::get(own, "/metrics").await.unwrap();
    assert!(open.status == 200 && text(&open).contains("img_router_requests_total"));
    assert_eq!(client::get(own, "/api/config").await.unwrap().status, 404);
    operator.change("/api/runtime-config", json!({"metrics": {"enabled": false}})).await;
    assert_eq!(operator.get("/metrics").await.status, 404);
}

/// Proves R-SUP-1.
#[tokio::test]
async fn pages_hold_to_a_strict_policy() {
    let setup = fresh();
    let running = setup.start();
    for path in [
        "/",
        "/admin",
        "/ui",
        "/index",
        "/setting",
        "/channel",
        "/keys",
        "/pic",
        "/prompt-optimizer",
        "/update",
        "/playground",
        "/login",
        "/setup?token=x",
    ] {
        let page = client::get(running.port, path).await.unwrap();
        assert_eq!((page.status, page.header("cache-control")), (200, "no-store"), "{path}");
        let policy = page.header("content-security-policy");
        assert!(
            policy.contains("default-src 'self'") && policy.contains("script-src 'self';") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        let html = text(&page);
        assert!(!html.contains("<script>") && !html.contains("https://"), "{path}: nothing inline, nothing from elsewhere\n{html}");
    }
}
