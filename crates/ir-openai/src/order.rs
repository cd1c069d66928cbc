//! From a request that is read to its answer: at once, as a stream, kept alive with blanks, or later;
//! and to the answer of a caller who comes back.

use crate::entry::{Answer, Entry, log};
use crate::error::{Reader, failure_object};
use crate::shape::Shape;
use crate::stream::{self, BEAT, Gone, Sink};
use crate::wants::Wants;
use axum::body::Body;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::BodyExt as _;
use ir_engine::{Drawing, Engine, Terms};
use ir_model::Ask;
use ir_spool::Piece;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long a request that is answered later may fail at once, with its status.
const AT_ONCE: Duration = Duration::from_millis(250);
/// When to ask again.
const POLL_SECS: u64 = 2;
const APPLIED: HeaderName = HeaderName::from_static("preference-applied");
/// The answer belongs to an earlier request with the same key (Stripe's name for it).
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Draws, and answers as the caller wants it.
pub(crate) async fn answer(entry: Entry, headers: &HeaderMap, ask: Ask, shape: Shape) -> Answer {
    let wants = Wants::read(headers)?;
    let engine = entry.engine.clone();
    let (created, asked) = (engine.clock().now().secs(), ask.n.unwrap_or(1));
    let terms = Terms {
        memo: shape.memo(),
        what: shape.what(),
        key: wants.key,
        kept: wants.respond_async,
        hook: wants.hook,
        peer: Some(entry.peer),
    };
    let mut drawing = engine.request(ask, entry.caller, entry.reader.id.clone(), terms).await?;
    let shared = drawing.is_shared();
    let show = Show { shape, engine, created, asked, keep_alive: entry.rules.json_keep_alive };
    let answer = if wants.respond_async {
        let in_time = timeout(wants.wait.unwrap_or(AT_ONCE), drawing.ended()).await.is_ok();
        match in_time && (wants.wait.is_some() || drawing.has_failed()) {
            true => show.whole(drawing).await,
            false => Ok(show.later(&drawing)),
        }
    } else if show.shape.is_stream() {
        show.shape.open(drawing, &show.engine, entry.reader).await
    } else {
        show.document(drawing, entry.reader).await
    };
    answer.map(|mut response| {
        if shared {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    })
}

/// The answer for a caller who came back: what it would have been, as soon as it can be told.
pub(crate) async fn again(show: Show, mut drawing: Drawing, headers: &HeaderMap, reader: Reader) -> Answer {
    let accepts = headers.get_all(http::header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    if accepts.flat_map(|value| value.split(',')).any(|range| range.trim().to_ascii_lowercase().starts_with("text/event-stream")) {
        return show.shape.open(drawing, &show.engine, reader).await;
    }
    if let Some(wait) = Wants::read(headers)?.wait {
        // Either way is fine: what there is by then is told.
        let _ = timeout(wait, drawing.ended()).await;
    }
    if drawing.has_ended() { show.whole(drawing).await } else { Ok(show.later(&drawing)) }
}

/// How a drawing is shown.
pub(crate) struct Show {
    pub(crate) shape: Shape,
    pub(crate) engine: Arc<Engine>,
    /// Unix seconds of the request.
    pub(crate) created: i64,
    /// Pictures asked for.
    pub(crate) asked: u32,
    /// Blanks before a document that takes long.
    pub(crate) keep_alive: bool,
}

impl Show {
    /// The whole answer as a document, when it is there.
    async fn whole(&self, drawing: Drawing) -> Answer {
        let finished = self.shape.finish(drawing, &self.engine).await?;
        Ok(self.shape.document(&finished, self.created))
    }

    async fn document(self, mut drawing: Drawing, reader: Reader) -> Answer {
        if !self.keep_alive || timeout(BEAT, drawing.ended()).await.is_ok() {
            return self.whole(drawing).await;
        }
        let (sink, body) = stream::channel();
        let mut response = Response::new(body);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
        response.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
        tokio::spawn(async move {
            // A caller that went away needs nothing; dropping the drawing loses no picture.
            let _: Result<(), Gone> = self.kept_alive(sink, drawing, &reader).await;
        });
        Ok(response)
    }

    /// Blanks, then the document: JSON allows them before it, and every byte keeps proxies and clients
    /// waiting.
    async fn kept_alive(self, sink: Sink, mut drawing: Drawing, reader: &Reader) -> Result<(), Gone> {
        loop {
            sink.send(vec![Piece::Bytes(Bytes::from_static(b" "))]).await?;
            tokio::select! {
                ended = timeout(BEAT, drawing.ended()) => if ended.is_ok() { break },
                () = sink.closed() => return Err(Gone),
            }
        }
        match self.shape.finish(drawing, &self.engine).await {
            Ok(finished) => {
                let mut body = self.shape.document(&finished, self.created).into_body();
                while let Some(Ok(frame)) = body.frame().await {
                    if let Ok(data) = frame.into_data() {
                        sink.send(vec![Piece::Bytes(data)]).await?;
                    }
                }
                Ok(())
            }
            Err(failure) => {
                log(&failure.fault, failure.provider.as_deref(), 200, reader);
                sink.send(vec![Piece::Bytes(failure_object(&failure, reader).to_string().into())]).await
            }
        }
    }

    /// 202: where to ask, and when.
    fn later(&self, drawing: &Drawing) -> Response<Body> {
        let id = drawing.id();
        let document = json!({
            "id": id.as_str(), "object": "image.request", "status": "in_progress", "created": self.created,
            "asked": self.asked, "pictures": drawing.pictures(),
        });
        let mut response = Response::new(Body::from(document.to_string()));
        *response.status_mut() = StatusCode::ACCEPTED;
        let location = HeaderValue::try_from(format!("/v1/images/requests/{id}")).expect("invariant: request ids are visible ASCII");
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(LOCATION, location);
        headers.insert(RETRY_AFTER, HeaderValue::from(POLL_SECS));
        headers.insert(APPLIED, HeaderValue::from_static("respond-async"));
        response
    }
}
