//! The one thread that writes. It takes everything that is queued, up to a bound, into one
//! transaction, so that one fsync serves many callers; each change under its own savepoint, so that
//! one that fails hurts no other. Callers are answered after the commit.

use crate::error::{Result, StoreError};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::fs::File;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};

/// Changes that may wait for the writer.
const QUEUE: usize = 1024;
/// Changes in one transaction: few enough that none waits long for the others.
const BATCH: usize = 256;
/// How long a change may wait before it is begun; then it is refused, undone.
const PATIENCE: Duration = Duration::from_secs(15);

/// Tells a caller what became of its change, once the commit's result is known.
type Answer = Box<dyn FnOnce(Result<()>) + Send>;
/// Runs a change in a transaction, or refuses it.
type Work = Box<dyn FnOnce(Result<&Transaction<'_>>) -> Ran + Send>;

/// A change that waits.
struct Command {
    queued: Instant,
    work: Work,
}

/// A change that was run and waits for the commit.
struct Ran {
    error: Option<StoreError>,
    answer: Answer,
}

/// The callers' end.
pub(super) struct Writer {
    /// `None` once closed.
    queue: Mutex<Option<mpsc::Sender<Command>>>,
    /// Why nothing can be written any more. Its sender goes when the thread ends.
    failed: watch::Receiver<Option<String>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread. It holds the lock until the database is closed.
    pub(super) fn start(db: Connection, lock: File) -> std::io::Result<Self> {
        let (queue, inbox) = mpsc::channel(QUEUE);
        let (tell, failed) = watch::channel(None);
        let tell = Arc::new(tell);
        let writing = Writing { inbox, db, failed: None, tell: Arc::clone(&tell) };
        let thread = std::thread::Builder::new().name("ir-store-writer".to_owned()).spawn(move || {
            // In this order, also when the thread panics: the database is closed, then the lock
            // released, then it is told.
            let _tell = tell;
            let _lock = lock;
            writing.run();
        })?;
        Ok(Self { queue: Mutex::new(Some(queue)), failed, thread: Some(thread) })
    }

    pub(super) async fn run<T, W>(&self, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    {
        let (answer, wait) = oneshot::channel();
        let command = Command { queued: Instant::now(), work: Box::new(move |tx| run(tx, work, answer)) };
        let queue = self.queue.lock().expect("no panic while held").clone().ok_or(StoreError::Closed)?;
        match queue.try_send(command) {
            Ok(()) => {}
            Err(TrySendError::Full(command)) => {
                let sent = tokio::time::timeout(PATIENCE, queue.send(command)).await;
                sent.map_err(|_| StoreError::Busy)?.map_err(|_| StoreError::Closed)?;
            }
            Err(TrySendError::Closed(_)) => return Err(StoreError::Closed),
        }
        drop(queue);
        // No deadline here: the thread bounds the wait itself, and only it knows what was done.
        wait.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Lets everything accepted be written, and waits until the database is closed.
    pub(super) async fn close(&self) {
        drop(self.queue.lock().expect("no panic while held").take());
        let mut finished = self.failed.clone();
        while finished.changed().await.is_ok() {}
    }

    /// Waits until nothing can be written any more, and answers why. Never ends if that does not happen.
    pub(super) async fn broken(&self) -> String {
        let mut failed = self.failed.clone();
        let why = failed.wait_for(Option::is_some).await.ok().and_then(|why| why.clone());
        match why {
            Some(why) => why,
            // It was closed.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.lock().expect("no panic while held").take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the database's thread had panicked");
        }
    }
}

/// Runs one change under a savepoint. The caller hears of it after the commit.
fn run<T, W>(tx: Result<&Transaction<'_>>, work: W, answer: oneshot::Sender<Result<T>>) -> Ran
where
    T: Send + 'static,
    W: FnOnce(&Transaction<'_>) -> Result<T>,
{
    let result = tx.and_then(|tx| apart(tx, work));
    let error = result.as_ref().err().cloned();
    let answer = Box::new(move |committed: Result<()>| {
        // Whoever asked may have left; the change stands all the same.
        let _ = answer.send(committed.and(result));
    });
    Ran { error, answer }
}

fn apart<T>(tx: &Transaction<'_>, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
    tx.prepare_cached("SAVEPOINT command")?.execute([])?;
    let result = work(tx);
    // Some failures make SQLite undo the whole transaction; then there is no savepoint left.
    if tx.is_autocommit() {
        return result.and(Err(StoreError::Database { detail: "the transaction was undone".to_owned() }));
    }
    let ended = match &result {
        Ok(_) => tx.prepare_cached("RELEASE command").and_then(|mut s| s.execute([])),
        Err(_) => {
            let undone = tx.prepare_cached("ROLLBACK TO command").and_then(|mut s| s.execute([]));
            undone.and_then(|_| tx.prepare_cached("RELEASE command")?.execute([]))
        }
    };
    match ended {
        Ok(_) => result,
        Err(error) => {
            // Neither kept nor undone for certain: nothing of this transaction may be committed.
            tx.execute_batch("ROLLBACK").ok();
            Err(error.into())
        }
    }
}

/// The thread's end.
struct Writing {
    inbox: mpsc::Receiver<Command>,
    db: Connection,
    failed: Option<StoreError>,
    tell: Arc<watch::Sender<Option<String>>>,
}

impl Writing {
    fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        while let Some(command) = self.inbox.blocking_recv() {
            batch.push(command);
            while batch.len() < BATCH
                && let Ok(command) = self.inbox.try_recv()
            {
                batch.push(command);
            }
            self.commit(batch.drain(..));
        }
        self.shut();
    }

    fn commit(&mut self, batch: impl Iterator<Item = Command>) {
        let mut ran = Vec::with_capacity(BATCH);
        let committed = match &self.failed {
            Some(failed) => {
                ran.extend(batch.map(|command| (command.work)(Err(failed.clone()))));
                Ok(())
            }
            None => transact(&mut self.db, batch, &mut ran),
        };
        ir_crash::point("store.committed");
        let fatal =
            committed.as_ref().err().into_iter().chain(ran.iter().filter_map(|ran| ran.error.as_ref())).find(|error| error.is_fatal());
        if let Some(error) = fatal {
            tracing::error!(%error, "the database failed: nothing is written until a restart");
            let detail = error.to_string();
            self.failed = Some(StoreError::Failed { detail: detail.clone() });
            self.tell.send_replace(Some(detail));
        }
        for ran in ran {
            (ran.answer)(committed.clone());
        }
    }

    /// Leaves the database in order. What was answered is on disk already: a failure here loses nothing.
    fn shut(self) {
        if self.failed.is_some() {
            return;
        }
        ir_crash::point("store.tidy");
        if let Err(error) = self.db.execute_batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);") {
            tracing::warn!(%error, "the database could not be tidied; the next start will do it");
        }
        self.db.flush_prepared_statement_cache();
        if let Err((_, error)) = self.db.close() {
            tracing::warn!(%error, "the database could not be closed");
        }
    }
}

/// One transaction over many changes. An error means that nothing of any of them was kept.
fn transact(db: &mut Connection, mut batch: impl Iterator<Item = Command>, ran: &mut Vec<Ran>) -> Result<()> {
    let tx = match db.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(tx) => tx,
        Err(error) => {
            let error = StoreError::from(error);
            ran.extend(batch.map(|command| (command.work)(Err(error.clone()))));
            return Err(error);
        }
    };
    while let Some(command) = batch.next() {
        if command.queued.elapsed() > PATIENCE {
            ran.push((command.work)(Err(StoreError::Busy)));
            continue;
        }
        let one = (command.work)(Ok(&tx));
        let undone = tx.is_autocommit();
        let error = one.error.clone();
        ran.push(one);
        if undone {
            let error = error.unwrap_or_else(|| StoreError::Database { detail: "the transaction was undone".to_owned() });
            ran.extend(batch.map(|command| (command.work)(Err(error.clone()))));
            return Err(error);
        }
    }
    ir_crash::fault("store.commit").map_err(|error| StoreError::of_disk(&error))?;
    ir_crash::point("store.commit");
    tx.commit().map_err(StoreError::from)
}
