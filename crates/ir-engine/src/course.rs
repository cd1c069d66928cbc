//! What has happened to one request so far, for any number of watchers: the caller who waits for it,
//! the one who repeats it, and the one who comes back. Each reads at its own pace from the beginning.
//!
//! A course holds handles to at most as many pictures as a request may have, and goes when the job and
//! the last watcher are gone.

use crate::draw::{Failure, Summary};
use ir_model::{Drawn, Fault, Gate, RequestId};
use std::sync::Arc;
use tokio::sync::watch;

/// What happens while a request is drawn.
#[derive(Debug, Clone)]
pub enum DrawEvent {
    /// A picture is stored.
    Picture {
        /// Its place among the pictures asked for, from 0.
        index: u32,
        /// The picture.
        drawn: Drawn,
    },
    /// The request ended: nothing follows.
    Done(Result<Summary, Failure>),
}

/// The telling end. Shared by the job and by those who let watchers in.
#[derive(Clone)]
pub(crate) struct Course(Arc<watch::Sender<Vec<DrawEvent>>>);

impl Course {
    /// A course on which nothing has happened.
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Vec::new())))
    }

    /// Tells all watchers.
    pub(crate) fn tell(&self, event: DrawEvent) {
        self.0.send_modify(|events| events.push(event));
    }

    /// A watcher, from the beginning. `id`: the request that it watches.
    pub(crate) fn watch(&self, id: &RequestId) -> Drawing {
        Drawing { news: self.0.subscribe(), seen: 0, id: id.clone(), shared: false }
    }

    /// Whether nobody watches.
    pub(crate) fn is_left(&self) -> bool {
        self.0.is_closed()
    }

    /// Ends when nobody watches.
    pub(crate) async fn left(&self) {
        self.0.closed().await;
    }

    /// The pictures so far.
    pub(crate) fn pictures(&self) -> Vec<(u32, Drawn)> {
        let events = self.0.borrow();
        let pictures = events.iter().filter_map(|event| match event {
            DrawEvent::Picture { index, drawn } => Some((*index, drawn.clone())),
            DrawEvent::Done(_) => None,
        });
        pictures.collect()
    }
}

/// A view of a job under way. Dropping it loses no picture: what was sent is finished and stored,
/// what was not sent stops unless somebody else wants it.
#[derive(Debug)]
pub struct Drawing {
    news: watch::Receiver<Vec<DrawEvent>>,
    seen: usize,
    id: RequestId,
    shared: bool,
}

impl Drawing {
    /// What happens next. The last event is [`DrawEvent::Done`].
    pub async fn next(&mut self) -> DrawEvent {
        let seen = self.seen;
        let event = self.news.wait_for(|events| events.len() > seen).await.ok().map(|events| events[seen].clone());
        self.seen += 1;
        event.unwrap_or_else(|| {
            DrawEvent::Done(Err(Failure::of(
                Fault::gate(Gate::Internal, "The gateway failed while drawing.", "网关内部错误。").detail("the job ended without a word"),
            )))
        })
    }

    /// Whether the request has ended, read to its end or not.
    pub fn has_ended(&self) -> bool {
        matches!(self.news.borrow().last(), Some(DrawEvent::Done(_)))
    }

    /// Whether it ended without a picture.
    pub fn has_failed(&self) -> bool {
        matches!(self.news.borrow().last(), Some(DrawEvent::Done(Err(_))))
    }

    /// Waits until the request has ended. Loses no event.
    pub async fn ended(&mut self) {
        // A job that ended without a word has ended too.
        let _ = self.news.wait_for(|events| matches!(events.last(), Some(DrawEvent::Done(_)))).await;
    }

    /// Pictures so far.
    pub fn pictures(&self) -> usize {
        self.news.borrow().iter().filter(|event| matches!(event, DrawEvent::Picture { .. })).count()
    }

    /// The request that is watched: an earlier one, where this one repeats it.
    pub fn id(&self) -> &RequestId {
        &self.id
    }

    /// Whether an earlier request is watched.
    pub fn is_shared(&self) -> bool {
        self.shared
    }

    /// Marks it as a view of an earlier request.
    pub(crate) fn shared(mut self) -> Self {
        self.shared = true;
        self
    }
}
