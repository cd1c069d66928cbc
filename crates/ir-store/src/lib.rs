//! Records and repositories. The traits say what is kept and what is promised; [`SqliteStore`] keeps
//! it in one file, embedded. The behaviour suite in `tests/suite` runs against any implementation.

mod error;
mod records;
mod sqlite;
mod traits;

pub use error::StoreError;
pub use records::{
    AddedKeys, AttemptNote, AttemptRecord, Cursor, Interrupted, JobRecord, JobState, KeyHealth, KeyRecord, PictureRecord, RequestRecord,
    UnfinishedJob,
};
pub use sqlite::SqliteStore;
pub use traits::{Gallery, Journal, KeyRepo, RequestLog, Store};
