//! What happened, on its way to the store: a bounded queue and one batching writer, so that no
//! request waits for a row that is only told afterwards. A full queue drops with a count: logging
//! never fails a request.

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use ir_model::Charge;
use ir_store::{Claim, JobState, RequestRecord, Store, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

const QUEUE: usize = 4096;
const BATCH: usize = 256;
/// How long rows are gathered for one commit.
const GATHER: Duration = Duration::from_millis(20);

/// Something that is stored soon.
pub(crate) enum Event {
    /// A request ended.
    Request(Box<RequestRecord>),
    /// An attempt ended.
    Settled { job: String, attempt: u32, outcome: String, charge: Charge },
    /// A job ended; its pictures are stored already.
    Finished { job: String, state: JobState, pictures: Vec<String> },
    /// A request ended that its caller can come back to.
    Claim(Box<Claim>),
    /// Everything before this has been stored.
    Flush(oneshot::Sender<()>),
}

pub(crate) struct Events {
    queue: mpsc::Sender<Event>,
    dropped: AtomicU64,
}

impl Events {
    pub(crate) fn start(store: Arc<dyn Store>) -> Self {
        let (queue, inbox) = mpsc::channel(QUEUE);
        tokio::spawn(write(store, inbox));
        Self { queue, dropped: AtomicU64::new(0) }
    }

    pub(crate) fn tell(&self, event: Event) {
        if self.queue.try_send(event).is_err() {
            let n = self.dropped.fetch_add(1, Ordering::Relaxed) + 1;
            if n.is_power_of_two() {
                tracing::error!(dropped = n, "the event queue is full: rows of the request log are lost");
            }
        }
    }

    /// Waits until everything told so far is stored.
    pub(crate) async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        if self.queue.send(Event::Flush(done)).await.is_ok() {
            let _ = wait.await;
        }
    }
}

async fn write(store: Arc<dyn Store>, mut inbox: mpsc::Receiver<Event>) {
    let mut batch = Vec::with_capacity(BATCH);
    while inbox.recv_many(&mut batch, 1).await > 0 {
        // Nobody waits for these rows: what comes within a moment shares one commit.
        tokio::time::sleep(GATHER).await;
        while batch.len() < BATCH
            && let Ok(event) = inbox.try_recv()
        {
            batch.push(event);
        }
        let mut requests = Vec::new();
        let mut flushed = Vec::new();
        let mut changes: Vec<BoxFuture<'_, Result<(), StoreError>>> = Vec::new();
        for event in batch.drain(..) {
            let store = &store;
            match event {
                Event::Request(record) => requests.push(*record),
                Event::Settled { job, attempt, outcome, charge } => {
                    changes.push(async move { store.settle(&job, attempt, &outcome, charge).await }.boxed())
                }
                Event::Finished { job, state, pictures } => changes.push(async move { store.finish(&job, state, pictures).await }.boxed()),
                Event::Claim(claim) => changes.push(async move { store.close_claim(*claim, Vec::new()).await }.boxed()),
                Event::Flush(done) => flushed.push(done),
            }
        }
        if !requests.is_empty() {
            changes.push(store.append(requests));
        }
        // All at once, in this order: the store commits them as a group.
        for error in join_all(changes).await.into_iter().filter_map(Result::err) {
            tracing::error!(%error, "a row of the journal or the request log could not be written");
        }
        for done in flushed {
            let _ = done.send(());
        }
    }
}
