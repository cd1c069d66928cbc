//! Server-sent events: what happens, and the live log. Every watcher reads a bounded ring at its own
//! pace: it is told how much it missed, holds nobody up, and goes on where it was by `Last-Event-ID`.

mod events;
mod logs;

use crate::admin::Admin;
use crate::authority::Operator;
use crate::session;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, stream};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use http_body_util::StreamBody;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// How often a quiet stream shows that it lives (`R-SSE-1`: at most 15 s).
const HEARTBEAT: Duration = Duration::from_secs(12);

/// How often a watcher's right to watch is looked at; a quiet stream is, with each sign of life.
const RIGHTS: Duration = Duration::from_secs(2);

pub(crate) fn router() -> OpenApiRouter<Arc<Admin>> {
    OpenApiRouter::new().routes(routes!(events::events)).routes(routes!(logs::stream))
}

/// One event as text.
fn event(id: Option<&str>, name: Option<&str>, data: &serde_json::Value) -> Bytes {
    let mut text = String::new();
    for (field, value) in [("id", id), ("event", name)] {
        if let Some(value) = value {
            text.push_str(&format!("{field}: {value}\n"));
        }
    }
    // JSON has no raw line breaks: one line of data is enough.
    text.push_str(&format!("data: {data}\n\n"));
    text.into()
}

fn answer(stream: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    use futures_util::StreamExt;
    let frames = stream.map(|bytes| Ok::<_, Infallible>(http_body::Frame::data(bytes)));
    let mut response = Response::new(Body::new(StreamBody::new(frames)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    // nginx would collect the events otherwise.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// Somebody who watches.
trait Watch: Send + 'static {
    /// By what right.
    fn by(&self) -> (&Admin, &Operator);

    /// What is sent next; a comment when nothing came for a while.
    fn next(&mut self) -> impl Future<Output = Bytes> + Send;
}

/// The answer to a watcher: it ends when the other side does, or when the right to watch is gone.
fn follow(watcher: impl Watch) -> Response {
    let looked = Instant::now();
    answer(stream::unfold((watcher, looked), |(mut watcher, mut looked)| async move {
        let next = watcher.next().await;
        if looked.elapsed() >= RIGHTS {
            let (admin, operator) = watcher.by();
            if !session::still(admin, operator).await {
                return None;
            }
            looked = Instant::now();
        }
        Some((next, (watcher, looked)))
    }))
}

/// Where a watcher was. Numbers begin anew with the process, so they bear its time of birth.
fn resumed(admin: &Admin, headers: &HeaderMap) -> Option<u64> {
    let text = headers.get("last-event-id")?.to_str().ok()?;
    let (born, number) = text.split_once('-')?;
    (born == admin.born.0.to_string()).then(|| number.parse().ok()).flatten()
}

fn id(admin: &Admin, number: u64) -> String {
    format!("{}-{number}", admin.born.0)
}
