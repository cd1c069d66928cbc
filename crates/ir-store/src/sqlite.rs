//! The store of a single machine: SQLite in the data folder.
//!
//! One thread writes, everything queued at a time in one transaction (`writer`); a few read-only
//! connections read (`readers`). A lock file keeps a second process out (`files`); the schema is
//! brought up to date at the start (`schema`). Each repository is one file, SQL beside row mapping.

mod admin;
mod claims;
mod client_keys;
mod columns;
mod files;
mod gallery;
mod journal;
mod keys;
mod outbox;
mod readers;
mod request_log;
mod schema;
mod statistics;
mod text;
mod writer;

use crate::error::{Result, StoreError};
use crate::repos::Store;
use async_trait::async_trait;
use ir_model::Clock;
use readers::Readers;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use writer::Writer;

/// How long a connection waits for a lock that somebody else holds (07-security.md, F-58).
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// SQLite in a data folder. Dropping it writes what was accepted, and blocks until then; better is
/// [`Store::close`] before.
pub struct SqliteStore {
    writer: Writer,
    readers: Readers,
    clock: Arc<dyn Clock>,
    run: i64,
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").field("run", &self.run).finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens `img-router.db` in a data folder, making both where they are missing, and holds
    /// `img-router.lock` until it is closed. Brings an older schema up to date, with a copy of the
    /// database in `backups` before each step. Blocks for as long as the disk takes; does not read
    /// the whole database (that is [`SqliteStore::quick_check`]).
    ///
    /// # Errors
    /// `Locked`, `NewerSchema`, `Foreign`, `Corrupt`, `Migration`, `Io`, `Busy`, `Full`, `Disk`: the
    /// data is as it was before.
    pub fn open(data_dir: &Path, clock: Arc<dyn Clock>) -> Result<Self> {
        Self::open_with(data_dir, clock, schema::SCRIPTS, BUSY_TIMEOUT)
    }

    fn open_with(data_dir: &Path, clock: Arc<dyn Clock>, scripts: &[&str], busy_timeout: Duration) -> Result<Self> {
        files::private_dir(data_dir)?;
        let lock = files::lock(&data_dir.join("img-router.lock"))?;
        let path = data_dir.join("img-router.db");
        files::private_file(&path)?;
        let (connection, run) =
            prepare(&path, &data_dir.join("backups"), scripts, busy_timeout, &*clock).map_err(|error| named(&path, error))?;
        let readers = Readers::new(path, busy_timeout);
        let writer = Writer::start(connection, lock)
            .map_err(|error| StoreError::Io { path: data_dir.to_owned(), detail: format!("no thread for the database: {error}") })?;
        Ok(Self { writer, readers, clock, run })
    }

    /// Reads the whole database and compares its structures; takes about a second per GB, and for the
    /// words of a million prompts fifteen more.
    ///
    /// # Errors
    /// `Corrupt` with the first flaws found.
    pub async fn quick_check(&self) -> Result<()> {
        self.read(|db| {
            // FTS5 checks by what it remembers of an index, and remembers anew only with a query
            // (SQLite 3.50.2): an index that the writer has merged meanwhile would look damaged.
            schema::probe(db)?;
            let flaws = db.prepare("PRAGMA quick_check(5)")?.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
            if flaws == ["ok"] { Ok(()) } else { Err(StoreError::Corrupt { detail: flaws.join("; ") }) }
        })
        .await
    }

    /// Runs a change on the writer's thread: all of it or nothing, on disk when this answers.
    async fn write<T, W>(&self, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    {
        self.writer.run(work).await
    }

    /// Runs a query on a reading connection; sees everything that was answered before.
    async fn read<T, W>(&self, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        self.readers.run(work).await
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn ready(&self) -> Result<()> {
        let now = self.clock.now();
        self.write(move |db| {
            db.prepare_cached("UPDATE meta SET value = ?1 WHERE name = 'ready'")?.execute([now.0])?;
            Ok(())
        })
        .await
    }

    async fn broken(&self) -> String {
        self.writer.broken().await
    }

    async fn close(&self) {
        // Readers first: a reader would keep the checkpoint from emptying the log.
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Opens the writing connection, and brings the schema up to date.
fn prepare(path: &Path, backups: &Path, scripts: &[&str], busy_timeout: Duration, clock: &dyn Clock) -> Result<(Connection, i64)> {
    let mut db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.busy_timeout(busy_timeout)?;
    // A database that is refused is left as it is, its log included.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    schema::check(&db, path, scripts.len())?;
    let mode: String = db.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(StoreError::Database { detail: format!("its file system cannot hold a write-ahead log (journal mode '{mode}')") });
    }
    // FULL: a commit is on disk when it answers (07-security.md, Durability: 3 200 commits a second
    // measured, one in 268 µs). 16 MiB: what a burst may leave of the log. 1 MiB of pages: the inner ones
    // of every table and index, and those that requests under way write to.
    db.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = 1000;
         PRAGMA journal_size_limit = 16777216;
         PRAGMA cache_size = -1024;
         PRAGMA cell_size_check = ON;
         PRAGMA trusted_schema = OFF;",
    )?;
    db.set_prepared_statement_cache_capacity(64);
    gallery::register(&db)?;
    schema::migrate(&mut db, backups, scripts, clock.now())?;
    schema::probe(&db)?;
    let run = db.query_row("UPDATE meta SET value = value + 1 WHERE name = 'run' RETURNING value", [], |row| row.get(0))?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    Ok((db, run))
}

/// Adds the file to errors that do not name it.
fn named(path: &Path, error: StoreError) -> StoreError {
    let name = |detail: String| format!("{}: {detail}", path.display());
    match error {
        StoreError::Corrupt { detail } => StoreError::Corrupt { detail: name(detail) },
        StoreError::Database { detail } => StoreError::Database { detail: name(detail) },
        StoreError::Disk { detail } => StoreError::Disk { detail: name(detail) },
        other => other,
    }
}

/// Removes rows in portions, so that no other change waits long for a large clean-up. `delete` has
/// one parameter for the time, and one for the portion.
async fn delete_in_portions(store: &SqliteStore, delete: &'static str, before: ir_model::Timestamp, run: Option<i64>) -> Result<u64> {
    const PORTION: usize = 1000;
    let mut total = 0;
    loop {
        let removed = store
            .write(move |db| {
                let mut statement = db.prepare_cached(delete)?;
                Ok(match run {
                    Some(run) => statement.execute((before.0, PORTION, run))?,
                    None => statement.execute((before.0, PORTION))?,
                })
            })
            .await?;
        total += u64::try_from(removed).unwrap_or(0);
        if removed < PORTION {
            return Ok(total);
        }
    }
}

#[cfg(test)]
#[path = "sqlite/schema_tests.rs"]
mod schema_tests;
#[cfg(test)]
#[path = "sqlite/writer_tests.rs"]
mod writer_tests;
