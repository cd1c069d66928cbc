//! Refusing a body that is still arriving. Closing at once would reset the connection, and a client
//! that is busy sending would never see the refusal: it would report a network error, and an SDK
//! would send the whole body again. So what is left of the body is read and thrown away, within
//! bounds, before the connection is closed.

use crate::connection::Pulse;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Sleep;

/// Most bytes that are thrown away.
const MOST: u64 = 128 * 1024 * 1024;
/// Longest time that is spent on it.
const LONGEST: Duration = Duration::from_secs(15);

/// A request's body, lent to the routes; what they leave unread can be had back.
pub(crate) struct Lent {
    body: Arc<Mutex<Incoming>>,
    pulse: Arc<Pulse>,
}

impl Lent {
    /// The body, and a way to what is left of it.
    pub(crate) fn new(body: Incoming, pulse: &Arc<Pulse>) -> (Self, Rest) {
        let shared = Arc::new(Mutex::new(body));
        (Self { body: Arc::clone(&shared), pulse: Arc::clone(pulse) }, Rest { body: shared, thrown: 0, end: None })
    }
}

impl Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = poll(&self.body, cx);
        if polled.is_ready() && self.is_end_stream() {
            self.pulse.body_read();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
    }
}

fn poll(body: &Mutex<Incoming>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
    Pin::new(&mut *body.lock().unwrap_or_else(PoisonError::into_inner)).poll_frame(cx)
}

/// What the routes left of a body.
pub(crate) struct Rest {
    body: Arc<Mutex<Incoming>>,
    thrown: u64,
    end: Option<Pin<Box<Sleep>>>,
}

impl Rest {
    /// Whether anything is left.
    pub(crate) fn is_any(&self) -> bool {
        !self.body.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }

    /// Reads and throws away until the body, the bytes or the time are at their end.
    pub(crate) fn poll_throw(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let end = self.end.get_or_insert_with(|| Box::pin(tokio::time::sleep(LONGEST)));
        if end.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        loop {
            match ready!(poll(&self.body, cx)) {
                Some(Ok(frame)) => {
                    self.thrown += frame.data_ref().map_or(0, |data| data.len() as u64);
                    if self.thrown > MOST {
                        return Poll::Ready(());
                    }
                }
                Some(Err(_)) | None => return Poll::Ready(()),
            }
        }
    }
}
