//! The embedded store: one SQLite file in WAL mode with `synchronous=FULL`, so that what was
//! acknowledged survives a power cut; one writer thread that commits in groups, because a commit
//! costs an fsync whatever it holds; readers beside it, which WAL never blocks.

mod gallery;
mod journal;
mod keys;
mod request_log;
mod schema;
mod writer;

use crate::{Store, StoreError};
use async_trait::async_trait;
use ir_model::Clock;
use rusqlite::{Connection, OpenFlags, Transaction};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Semaphore;
use writer::Writer;

const DATABASE: &str = "img-router.db";
const LOCK: &str = "img-router.lock";
const READERS: usize = 3;
const BUSY: Duration = Duration::from_secs(5);

/// See the module's text.
pub struct SqliteStore {
    writer: Writer,
    readers: Arc<Readers>,
    /// Held until the store is dropped: one process per data folder.
    _lock: File,
}

struct Readers {
    idle: Mutex<Vec<Connection>>,
    places: Semaphore,
}

impl SqliteStore {
    /// Opens (or makes) the database in a data folder: takes the folder's lock, checks the schema,
    /// migrates with a backup.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::Newer`], [`StoreError::Damaged`], or what the file
    /// system says. Nothing is changed in any of these cases.
    pub fn open(data_dir: &Path, clock: &Arc<dyn Clock>) -> Result<Self, StoreError> {
        DirBuilder::new().recursive(true).mode(0o700).create(data_dir).map_err(|error| StoreError::Io(data_dir.to_owned(), error))?;
        let lock = lock(data_dir)?;
        let path = data_dir.join(DATABASE);
        // Made with its final mode: SQLite gives its side files the mode of the main one.
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        drop(file.map_err(|error| StoreError::Io(path.clone(), error))?);
        let mut connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        prepare(&connection).map_err(|error| damaged(&path, &error))?;
        schema::migrate(&mut connection, &path, clock.now())?;
        let readers = (0..READERS).map(|_| reader(&path)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            writer: Writer::start(connection),
            readers: Arc::new(Readers { idle: Mutex::new(readers), places: Semaphore::new(READERS) }),
            _lock: lock,
        })
    }

    /// Runs a change within the next group commit.
    pub(crate) async fn write<T: Send + 'static>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static) -> Result<T, StoreError> {
        self.writer.run(work).await
    }

    /// Runs a query on a connection of its own, on a thread for blocking work.
    pub(crate) async fn read<T: Send + 'static>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static) -> Result<T, StoreError> {
        let readers = Arc::clone(&self.readers);
        let _place = readers.places.acquire().await.map_err(|_| StoreError::Closed)?;
        let pool = Arc::clone(&self.readers);
        tokio::task::spawn_blocking(move || {
            let connection = pool.idle.lock().expect("no panic while held").pop().ok_or(StoreError::Closed)?;
            let result = work(&connection);
            pool.idle.lock().expect("no panic while held").push(connection);
            result
        })
        .await
        .map_err(|error| StoreError::Sql(error.to_string()))?
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn ready(&self) -> Result<(), StoreError> {
        self.write(|tx| {
            tx.execute("INSERT INTO alive (one, n) VALUES (1, 1) ON CONFLICT (one) DO UPDATE SET n = n + 1", [])?;
            Ok(())
        })
        .await
    }

    async fn close(&self) {
        self.readers.places.close();
        self.readers.idle.lock().expect("no panic while held").clear();
        self.writer.close().await;
    }
}

fn lock(data_dir: &Path) -> Result<File, StoreError> {
    let path = data_dir.join(LOCK);
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = file.map_err(|error| StoreError::Io(path.clone(), error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked(path)),
        Err(TryLockError::Error(error)) => Err(StoreError::Io(path, error)),
    }
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    connection.pragma_update(None, "cache_size", -4096)?;
    connection.set_prepared_statement_cache_capacity(64);
    // Reads the schema: a file that is not a database fails here.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

fn damaged(path: &Path, error: &rusqlite::Error) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), reason: error.to_string() }
}

fn reader(path: &PathBuf) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "cache_size", -1024)?;
    Ok(connection)
}

/// Narrows a file's rights to its owner.
pub(crate) fn private(path: &Path) -> Result<(), StoreError> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(|error| StoreError::Io(path.to_owned(), error))
}
