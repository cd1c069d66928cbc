//! Why the store could not do what it was asked to.

use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// A failure of the store.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another process works on the same data folder.
    #[error("the data folder is in use by another process (lock file {0}); two gateways must not share one folder")]
    Locked(PathBuf),
    /// The database was written by a newer version.
    #[error("the database {path} has schema {found}, this version knows {known}: start the newer version again, or restore a backup")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// The newest schema known here.
        known: u32,
    },
    /// The database cannot be read as one.
    #[error("the database {path} is damaged ({reason}): restore a backup, or move it away and run `img-router reindex`")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// A file could not be used.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// SQLite refused.
    #[error("database: {0}")]
    Sql(String),
    /// A stored value makes no sense.
    #[error("a stored value cannot be read: {0}")]
    Value(String),
    /// The writer has stopped.
    #[error("the store is closed")]
    Closed,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error.to_string())
    }
}
