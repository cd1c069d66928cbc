//! Reading connections: a few, opened by the first queries, used in turn on the runtime's blocking threads. What they
//! take of memory is taken soon, and not by the rare moment in which all are needed.

use super::named;
use crate::error::{Result, StoreError};
use rusqlite::{Connection, OpenFlags};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Connections. More would only wait for each other on the machines that SQLite is for.
const CONNECTIONS: u32 = 4;
/// How long a query may wait for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Readers {
    pool: Arc<Pool>,
    permits: Arc<Semaphore>,
}

struct Pool {
    path: PathBuf,
    busy_timeout: Duration,
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    connections: VecDeque<Connection>,
    /// Those in use as well. At most [`CONNECTIONS`].
    opened: u32,
}

impl Readers {
    pub(super) fn new(path: PathBuf, busy_timeout: Duration) -> Self {
        let pool = Pool { path, busy_timeout, idle: Mutex::default() };
        Self { pool: Arc::new(pool), permits: Arc::new(Semaphore::new(CONNECTIONS as usize)) }
    }

    pub(super) async fn run<T, W>(&self, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let permit = tokio::time::timeout(PATIENCE, Arc::clone(&self.permits).acquire_owned()).await;
        let permit = permit.map_err(|_| StoreError::Busy)?.map_err(|_| StoreError::Closed)?;
        let pool = Arc::clone(&self.pool);
        let read = tokio::task::spawn_blocking(move || {
            // Given back after the connection is.
            let _permit = permit;
            pool.with(work)
        });
        read.await.unwrap_or_else(|error| Err(StoreError::Database { detail: format!("a query failed: {error}") }))
    }

    /// Waits for running queries and closes the connections. Queries after that are refused.
    pub(super) async fn close(&self) {
        let all = tokio::time::timeout(PATIENCE, self.permits.acquire_many(CONNECTIONS)).await;
        if all.is_err() {
            tracing::warn!("a query runs on while the database is closed");
        }
        self.permits.close();
        self.pool.idle().connections.clear();
    }
}

impl Pool {
    fn with<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let db = match self.take() {
            Some(db) => db,
            None => self.open().or_else(|error| {
                let mut idle = self.idle();
                idle.opened -= 1;
                idle.connections.pop_front().ok_or(error)
            })?,
        };
        // All queries of one call see the same moment.
        let result = db.unchecked_transaction().map_err(StoreError::from).and_then(|tx| work(&tx));
        self.idle().connections.push_back(db);
        result
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().expect("no panic while held")
    }

    /// The connection that has been idle for longest; `None`: one is to be opened.
    fn take(&self) -> Option<Connection> {
        let mut idle = self.idle();
        if idle.opened < CONNECTIONS {
            idle.opened += 1;
            return None;
        }
        idle.connections.pop_front()
    }

    fn open(&self) -> Result<Connection> {
        let open = || -> Result<Connection> {
            let db = Connection::open_with_flags(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
            db.busy_timeout(self.busy_timeout)?;
            // Small, since a commit of the writer makes them forget it, and the system keeps the pages anyway:
            // a larger one only holds what the last long query read.
            db.execute_batch("PRAGMA cache_size = -256; PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF;")?;
            db.set_prepared_statement_cache_capacity(32);
            Ok(db)
        };
        open().map_err(|error| named(&self.path, error))
    }
}
