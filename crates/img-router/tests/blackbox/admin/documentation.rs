//! `/docs`: the documentation, built into the binary or not.

use super::{fresh, send, text};
use serde_json::Value;

const PANEL_ONLY: &str = "/docs/api";

#[tokio::test]
async fn the_documentation_is_served() {
    let running = fresh().start();
    let get = |path: &'static str| send(running.port, "GET", path, &[], &Value::Null);

    let first = get("/docs").await;
    assert_eq!((first.status, first.header("location")), (308, "/docs/"));
    for path in ["/docs/", PANEL_ONLY] {
        let page = get(path).await;
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'self'; script-src 'self';"), "{path}: {policy}");
        assert_eq!((page.header("x-content-type-options"), page.header("x-frame-options")), ("nosniff", "DENY"), "{path}");
    }
    let panel = get("/").await;
    assert_eq!(text(&get(PANEL_ONLY).await), text(&panel), "the API reference is a page of the panel");
    assert_ne!(text(&get("/docs/").await), text(&panel));

    for path in ["/docs/", "/docs/clients/"] {
        let page = get(path).await;
        let built = !page.header("etag").is_empty();
        assert_eq!(page.header("cache-control"), if built { "no-cache" } else { "no-store" }, "{path}");
        if built {
            let again = send(running.port, "GET", path, &[("if-none-match", page.header("etag"))], &Value::Null).await;
            assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
            let brief = send(running.port, "GET", path, &[("accept-encoding", "gzip, br")], &Value::Null).await;
            assert_eq!(brief.header("content-encoding"), "br", "{path}");
            assert!(brief.body.len() < page.body.len() && brief.header("etag") != page.header("etag"), "{path}");
        } else {
            assert!(text(&page).contains("npm run build --prefix docs"), "{path}");
        }
    }
}

#[tokio::test]
async fn it_is_for_reading_and_under_the_gateways_own_names() {
    let running = fresh().start();
    assert_eq!(send(running.port, "POST", "/docs/", &[], &Value::Null).await.status, 404);
    let foreign = send(running.port, "GET", "/docs/", &[("host", "rebound.example.com")], &Value::Null).await;
    let panel = send(running.port, "GET", "/", &[("host", "rebound.example.com")], &Value::Null).await;
    assert_eq!((foreign.status, text(&foreign)), (panel.status, text(&panel)));
    assert_ne!(foreign.status, 200);
}
