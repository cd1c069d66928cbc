//! Links to input pictures, asked for through the whole router.

use super::loggable;
use crate::Gateway;
use crate::layers::app;
use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as _;
use ir_egress::{Door, ScriptedWire};
use ir_engine::Links;
use ir_model::Picture;
use ir_settings::Env;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::Instant;
use tower::ServiceExt;

/// A one-pixel GIF.
const GIF: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

struct Served {
    gateway: Arc<Gateway>,
    links: Links,
    /// The path of a link to [`GIF`].
    path: String,
    _dir: TempDir,
}

async fn served() -> Served {
    let dir = tempfile::tempdir().expect("folder");
    let env = [("IMG_ROUTER_DATA_DIR", dir.path().to_str().expect("UTF-8")), ("IMG_ROUTER_PUBLIC_BASE_URL", "https://gate.example")];
    let gateway = Arc::new(Gateway::open(Env::from_pairs(env)).await.expect("gateway"));
    let engine = &gateway.engine;
    let mut writer = engine.callers_spool().writer().expect("writer");
    writer.write(GIF).await.expect("written");
    let picture = Picture::from_blob(writer.finish().await.expect("blob")).expect("a picture");
    let door = Door::new(Arc::new(ScriptedWire::queue([])), engine.callers_spool().clone(), Arc::clone(engine.clock()));
    let (links, settings) = (engine.hosting().links(), engine.snapshot().settings.clone());
    let deadline = Instant::now() + Duration::from_secs(10);
    let url = engine.hosting().host(&door, &settings, &picture, &links, deadline).await.expect("a link");
    let path = url.strip_prefix("https://gate.example").expect("below the public address").to_owned();
    Served { gateway, links, path, _dir: dir }
}

impl Served {
    async fn ask(&self, method: &str, path: &str) -> Response<Body> {
        let request = Request::builder().method(method).uri(path).header("host", "gate.example").body(Body::empty()).expect("request");
        app(&self.gateway, &crate::force::assemble(&self.gateway).0).oneshot(request).await.expect("infallible")
    }
}

async fn bytes_of(response: Response<Body>) -> Vec<u8> {
    let mut body = pin!(response.into_body());
    let mut out = Vec::new();
    while let Some(frame) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        out.extend_from_slice(&frame.expect("frame").into_data().unwrap_or_else(|_| Bytes::new()));
    }
    out
}

#[tokio::test]
async fn a_link_needs_no_credential_and_is_not_kept() {
    let served = served().await;
    let response = served.ask("GET", &served.path).await;
    assert_eq!(response.status(), 200);
    for (name, value) in [
        ("content-type", "image/gif"),
        ("content-length", &GIF.len().to_string()),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox; default-src 'none'"),
        ("content-disposition", "inline; filename=\"input.gif\""),
    ] {
        assert_eq!(response.headers().get(name).and_then(|v| v.to_str().ok()), Some(value), "{name}");
    }
    assert_eq!(bytes_of(response).await, GIF);
    let head = served.ask("HEAD", &served.path).await;
    assert_eq!((head.status().as_u16(), &head.headers()["content-length"]), (200, &GIF.len().into()));
    assert!(bytes_of(head).await.is_empty());
    assert_eq!(served.ask("POST", &served.path).await.status(), 405);
}

#[tokio::test]
async fn whatever_is_wrong_there_is_nothing() {
    let served = served().await;
    let path = served.path.clone();
    let digit = path.find("/inputs/").expect("root") + "/inputs/".len();
    let escaped = format!("{}%{:02x}{}", &path[..digit], path.as_bytes()[digit], &path[digit + 1..]);
    let tail = path.rfind('/').expect("parts") + 1;
    let other = if path.as_bytes()[tail] == b'0' { '1' } else { '0' };
    let tampered = format!("{}{other}{}", &path[..tail], &path[tail + 1..]);
    let bad = [
        escaped,
        tampered,
        path.replace(".gif", ".png"),
        path.replace(".gif", ""),
        format!("{path}/"),
        path.to_uppercase().replace("/INPUTS/", "/inputs/"),
        "/inputs/a/b/c".to_owned(),
        "/inputs/%ff/1/%ff.gif".to_owned(),
        "/inputs/../1/x.gif".to_owned(),
        "/inputs/".to_owned(),
    ];
    for wrong in bad {
        assert_eq!(served.ask("GET", &wrong).await.status(), 404, "{wrong}");
    }
    assert_eq!(served.ask("GET", &path).await.status(), 200);
    drop(served.links);
    let request = Request::builder().uri(&path).header("host", "gate.example").body(Body::empty()).expect("request");
    assert_eq!(
        app(&served.gateway, &crate::force::assemble(&served.gateway).0).oneshot(request).await.expect("infallible").status(),
        404,
        "its request has ended"
    );
}

#[test]
fn the_log_holds_no_link() {
    assert_eq!(loggable("/inputs/0123/999/abcdef.png"), "/inputs/0123/…");
    assert_eq!(loggable("/v1/models"), "/v1/models");
}
