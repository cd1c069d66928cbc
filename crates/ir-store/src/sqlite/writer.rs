//! The one writer: a thread with its connection and a bounded queue. Whatever waits in the queue
//! goes into one transaction, each change under a savepoint of its own, so that one that fails does
//! not take the others with it; all are answered after the commit.

use crate::StoreError;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::sync::Mutex;
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

const QUEUE: usize = 1024;
const GROUP: usize = 256;

/// A change with its way to answer. Running it gives what is to be told once the commit is known.
type Change = Box<dyn FnOnce(&Transaction<'_>) -> Answer + Send>;
type Answer = Box<dyn FnOnce(Result<(), &StoreError>) + Send>;

enum Message {
    Change(Change),
    Close(oneshot::Sender<()>),
}

pub(crate) struct Writer {
    queue: mpsc::Sender<Message>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(crate) fn start(connection: Connection) -> Self {
        let (queue, inbox) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new().name("store".to_owned()).spawn(move || work(connection, inbox)).expect("the system gives a thread at start");
        Self { queue, thread: Mutex::new(Some(thread)) }
    }

    pub(crate) async fn run<T: Send + 'static>(&self, change: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static) -> Result<T, StoreError> {
        let (tell, told) = oneshot::channel();
        let change: Change = Box::new(move |tx| {
            let result = within_savepoint(tx, change);
            Box::new(move |committed| {
                let result = match committed {
                    Ok(()) => result,
                    Err(error) => Err(StoreError::Sql(error.to_string())),
                };
                let _ = tell.send(result);
            })
        });
        self.queue.send(Message::Change(change)).await.map_err(|_| StoreError::Closed)?;
        told.await.map_err(|_| StoreError::Closed)?
    }

    pub(crate) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.queue.send(Message::Close(done)).await.is_ok() {
            let _ = closed.await;
        }
        if let Some(thread) = self.thread.lock().expect("no panic while held").take() {
            let _ = thread.join();
        }
    }
}

fn within_savepoint<T>(tx: &Transaction<'_>, change: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
    tx.execute_batch("SAVEPOINT one")?;
    let result = change(tx);
    tx.execute_batch(if result.is_ok() { "RELEASE one" } else { "ROLLBACK TO one; RELEASE one" })?;
    result
}

fn work(mut connection: Connection, mut inbox: mpsc::Receiver<Message>) {
    let mut closing = None;
    while closing.is_none() {
        let Some(first) = inbox.blocking_recv() else { break };
        let mut next = Some(first);
        let mut group: Vec<Change> = Vec::new();
        while let Some(message) = next {
            match message {
                Message::Change(change) => group.push(change),
                Message::Close(done) => closing = Some(done),
            }
            next = if group.len() < GROUP && closing.is_none() { inbox.try_recv().ok() } else { None };
        }
        commit(&mut connection, group);
    }
    let _ = connection.execute_batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE)");
    drop(connection);
    if let Some(done) = closing {
        let _ = done.send(());
    }
}

fn commit(connection: &mut Connection, group: Vec<Change>) {
    if group.is_empty() {
        return;
    }
    let mut answers = Vec::with_capacity(group.len());
    let committed = connection.transaction_with_behavior(TransactionBehavior::Immediate).and_then(|tx| {
        answers.extend(group.into_iter().map(|change| change(&tx)));
        tx.commit()
    });
    // When the transaction could not even begin, the changes are dropped unanswered: their callers
    // see `Closed`, which is as final as any other failure.
    match committed {
        Ok(()) => answers.into_iter().for_each(|answer| answer(Ok(()))),
        Err(error) => {
            tracing::error!(%error, "a group of changes could not be committed");
            let error = StoreError::from(error);
            answers.into_iter().for_each(|answer| answer(Err(&error)));
        }
    }
}
