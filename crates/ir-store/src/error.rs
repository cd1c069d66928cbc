//! Why something could not be stored or read.

use rusqlite::ErrorCode;
use rusqlite::ffi;
use std::path::PathBuf;

/// What every call of this crate answers.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Why something could not be stored or read. Clones, because one failed commit answers many calls.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another process works on this data folder.
    #[error("{} is locked: another img-router runs on this data folder. Stop it, or give this one its own folder", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The database was written by a newer version. It was not touched.
    #[error("{} has schema {found}, this version knows only up to {known}: use the newer version again, or restore a file of the folder 'backups'", path.display())]
    NewerSchema {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// The newest schema that this version knows.
        known: u32,
    },
    /// A database, but not one of ours. It was not touched.
    #[error("{} is a database of another program: move it away", path.display())]
    Foreign {
        /// The database.
        path: PathBuf,
    },
    /// The database is damaged.
    #[error(
        "the database is damaged ({detail}): restore the newest file of the folder 'backups', or move the database away and run `img-router reindex`"
    )]
    Corrupt {
        /// What SQLite says, with the file where it is known.
        detail: String,
    },
    /// A file or folder of the store cannot be used.
    #[error("{}: {detail}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        detail: String,
    },
    /// A migration failed and was undone.
    #[error("the database could not be brought to schema {to}, and was left as it was: {detail}")]
    Migration {
        /// The schema that was to be reached.
        to: usize,
        /// SQLite's reason.
        detail: String,
    },
    /// The database is held by somebody (a backup, a shell), or there is more to write than it takes.
    /// Nothing was done: try again later.
    #[error("the database is busy")]
    Busy,
    /// The disk is full. Nothing was done.
    #[error("the disk of the database is full")]
    Full,
    /// The disk failed. What was to be written is not.
    #[error("the disk of the database failed: {detail}")]
    Disk {
        /// SQLite's reason.
        detail: String,
    },
    /// The disk or the database failed before: nothing is written until the next start, because
    /// after a failed fsync nobody knows what is on disk.
    #[error("the database failed and takes no more changes until a restart: {detail}")]
    Failed {
        /// What failed first.
        detail: String,
    },
    /// What is to be changed does not exist.
    #[error("there is no {what}")]
    Missing {
        /// What was looked for.
        what: String,
    },
    /// What is to be added exists.
    #[error("there is already {what}")]
    Duplicate {
        /// What exists.
        what: String,
    },
    /// Anything else that SQLite says, or a row that cannot be understood.
    #[error("the database: {detail}")]
    Database {
        /// The reason.
        detail: String,
    },
    /// The store has been closed.
    #[error("the database is closed")]
    Closed,
}

impl StoreError {
    /// Whether nothing may be written any more after this.
    pub(crate) fn is_fatal(&self) -> bool {
        matches!(self, Self::Corrupt { .. } | Self::Disk { .. })
    }
}

impl StoreError {
    /// What the disk says, where it is asked beside SQLite.
    pub(crate) fn of_disk(error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Disk { detail: error.to_string() },
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let detail = error.to_string();
        let rusqlite::Error::SqliteFailure(code, _) = &error else { return Self::Database { detail } };
        match code.code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy,
            ErrorCode::DiskFull => Self::Full,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Corrupt { detail },
            ErrorCode::SystemIoFailure => Self::Disk { detail },
            ErrorCode::ConstraintViolation => match code.extended_code {
                ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_UNIQUE => {
                    Self::Duplicate { what: format!("such a row ({detail})") }
                }
                _ => Self::Database { detail },
            },
            _ => Self::Database { detail },
        }
    }
}
