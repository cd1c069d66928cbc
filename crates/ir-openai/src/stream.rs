//! Server-sent events: one writer per stream, so that nothing is ever written inside an unfinished
//! event. What the events look like is the dialect's matter.

use crate::answer::{no_pictures, set_summary};
use crate::entry::{Answer, log};
use crate::error::Reader;
use axum::body::Body;
use bytes::Bytes;
use futures_util::stream::poll_fn;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Response};
use ir_engine::{DrawEvent, Drawing, Failure, Summary};
use ir_model::Drawn;
use ir_spool::{Piece, PieceBody};
use std::collections::VecDeque;
use std::io;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// How long a failure may still become an HTTP status. Headers and the first chunk leave within a
/// second (`02-http-api.md`).
pub(crate) const EARLY: Duration = Duration::from_millis(900);
/// Silence before a beat: below every proxy's and client's limit, and slow enough for go-openai,
/// which gives up after 300 comment lines (`08-clients.md`, 5).
pub(crate) const BEAT: Duration = Duration::from_secs(10);
/// How long a caller may take no byte before it counts as gone.
const STALL: Duration = Duration::from_secs(120);
/// Blocks of 48 KiB of base64 between the writer and the connection.
const BLOCKS: usize = 2;

/// What happens while a request is drawn. Dropping a call to `next` must lose no event.
pub(crate) trait Events: Send + 'static {
    /// What happens next.
    fn next(&mut self) -> impl Future<Output = DrawEvent> + Send;
}

impl Events for Drawing {
    async fn next(&mut self) -> DrawEvent {
        Drawing::next(self).await
    }
}

/// What the events of a stream look like. Every method gives whole events (or whole comment lines).
pub(crate) trait Dialect: Send + 'static {
    /// What is sent at once.
    fn begin(&mut self) -> Vec<Piece>;
    /// What is sent while nothing happens.
    fn beat(&mut self) -> Vec<Piece>;
    /// One picture.
    fn picture(&mut self, drawn: &Drawn) -> Vec<Piece>;
    /// The end of a success.
    fn end(&mut self, summary: &Summary) -> Vec<Piece>;
    /// A failure after the stream began, and the end.
    fn failed(&mut self, failure: &Failure) -> Vec<Piece>;
}

/// The caller is gone.
pub(crate) struct Gone;

/// Starts a stream. Waits shortly for a failure, which is then an HTTP status.
///
/// # Errors
/// The failure of a drawing that failed at once.
pub(crate) async fn open(mut events: impl Events, dialect: impl Dialect, reader: Reader) -> Answer {
    let mut early = VecDeque::new();
    let deadline = Instant::now() + EARLY;
    let mut summary = None;
    while let Ok(event) = timeout_at(deadline, events.next()).await {
        match event {
            DrawEvent::Done(Err(failure)) if early.is_empty() => return Err(failure.into()),
            DrawEvent::Done(Ok(told)) if early.is_empty() => return Err(no_pictures(&told).into()),
            DrawEvent::Done(end) => {
                summary = end.as_ref().ok().cloned();
                early.push_back(DrawEvent::Done(end));
                break;
            }
            DrawEvent::Picture { .. } => early.push_back(event),
        }
    }
    let (sink, body) = channel();
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    if let Some(summary) = &summary {
        set_summary(headers, summary);
    }
    let writer = Writer { sink, early, events, dialect, reader };
    tokio::spawn(async move {
        // A caller that went away needs nothing; dropping the drawing loses no picture.
        let _: Result<(), Gone> = writer.run().await;
    });
    Ok(response)
}

struct Writer<E, D> {
    sink: Sink,
    early: VecDeque<DrawEvent>,
    events: E,
    dialect: D,
    reader: Reader,
}

impl<E: Events, D: Dialect> Writer<E, D> {
    async fn run(mut self) -> Result<(), Gone> {
        self.sink.send(self.dialect.begin()).await?;
        let mut pictures = 0u32;
        loop {
            match self.next().await? {
                DrawEvent::Picture { drawn, .. } => {
                    pictures += 1;
                    self.sink.send(self.dialect.picture(&drawn)).await?;
                }
                DrawEvent::Done(Ok(summary)) if pictures == 0 => return self.fail(&no_pictures(&summary)).await,
                DrawEvent::Done(Ok(summary)) => return self.sink.send(self.dialect.end(&summary)).await,
                DrawEvent::Done(Err(failure)) => return self.fail(&failure).await,
            }
        }
    }

    /// The next event, with beats while there is none.
    async fn next(&mut self) -> Result<DrawEvent, Gone> {
        if let Some(event) = self.early.pop_front() {
            return Ok(event);
        }
        loop {
            tokio::select! {
                event = self.events.next() => return Ok(event),
                () = self.sink.closed() => return Err(Gone),
                () = sleep(BEAT) => {}
            }
            self.sink.send(self.dialect.beat()).await?;
        }
    }

    async fn fail(&mut self, failure: &Failure) -> Result<(), Gone> {
        log(&failure.fault, failure.provider.as_deref(), 200, &self.reader);
        self.sink.send(self.dialect.failed(failure)).await
    }
}

/// The writing end of a stream's body.
pub(crate) struct Sink(mpsc::Sender<Result<Bytes, io::Error>>);

/// A body that is written while it is sent.
pub(crate) fn channel() -> (Sink, Body) {
    let (sender, mut receiver) = mpsc::channel(BLOCKS);
    (Sink(sender), Body::from_stream(poll_fn(move |cx| receiver.poll_recv(cx))))
}

impl Sink {
    /// Ends when the caller is gone.
    pub(crate) async fn closed(&self) {
        self.0.closed().await;
    }

    /// Sends pieces as the caller takes them.
    pub(crate) async fn send(&self, pieces: Vec<Piece>) -> Result<(), Gone> {
        let mut body = PieceBody::new(pieces);
        while let Some(data) = body.next().await {
            let broken = data.is_err();
            let sent = timeout(STALL, self.0.send(data)).await;
            if broken || !matches!(sent, Ok(Ok(()))) {
                return Err(Gone);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
