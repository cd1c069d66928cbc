//! What any database must do for the gateway. Every method may fail with [`StoreError`]'s `Busy`,
//! `Full`, `Disk`, `Failed`, `Corrupt`, `Database` and `Closed`; what else can go wrong stands beside it.
//!
//! [`StoreError`]: crate::StoreError

mod admin;
mod claims;
mod client_keys;
mod gallery;
mod statistics;

pub use admin::{AdminRepo, MAX_AUDIT, MAX_AUDIT_PAGE, MAX_AUDIT_TEXT, MAX_SESSIONS};
pub use claims::Claims;
pub use client_keys::{ClientKeyRepo, MAX_CLIENT_KEYS};
pub use gallery::{Gallery, MAX_COUNTED, MAX_FOUND_PICTURES};
pub use statistics::Statistics;

use crate::error::Result;
use crate::records::{
    AddedKeys, AttemptRecord, Backlog, Errand, Interrupted, JobRecord, JobState, JournalEntry, KeyHealth, KeyRecord, PictureRecord,
    RequestFilter, RequestRecord,
};
use async_trait::async_trait;
use ir_model::{Charge, KeyId, Timestamp};

/// The most rows of one page; larger limits are cut to it. 1.x answered up to 1000 pictures at once.
pub const MAX_PAGE: u32 = 1000;

/// The most rows of one search in the request log; larger limits are cut to it (07-security.md, R-DOS-3).
pub const MAX_FOUND_REQUESTS: u32 = 100;

/// Rows that one search looks at, at most.
pub const MAX_LOOK: u32 = 200_000;

/// The key pools.
#[async_trait]
pub trait KeyRepo: Send + Sync {
    /// All keys of all platforms, by platform, then by age.
    async fn keys(&self) -> Result<Vec<KeyRecord>>;

    /// Adds keys, all or none. A key that its pool has already is left out and counted.
    ///
    /// # Errors
    /// `Duplicate` when an id is taken.
    async fn add_keys(&self, keys: Vec<KeyRecord>) -> Result<AddedKeys>;

    /// Replaces a record whole, its health included. `false`: there is no such key.
    ///
    /// # Errors
    /// `Duplicate` when the pool has the same key under another id.
    async fn update_key(&self, key: KeyRecord) -> Result<bool>;

    /// Removes a key. `false`: there is no such key.
    async fn delete_key(&self, id: &KeyId) -> Result<bool>;

    /// Stores how keys fare. Keys that are gone meanwhile are passed over.
    async fn save_key_health(&self, health: Vec<KeyHealth>) -> Result<()>;
}

/// The journal of jobs: written before money can be spent, read after a crash.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Writes a job down, running.
    ///
    /// # Errors
    /// `Duplicate` when the id is taken.
    async fn begin(&self, job: JobRecord) -> Result<()>;

    /// Writes an attempt down, before its socket is opened.
    ///
    /// # Errors
    /// `Missing` when no such job is running; `Duplicate` when the number is taken.
    async fn attempt(&self, attempt: AttemptRecord) -> Result<()>;

    /// Writes an attempt down, and its job unless that stands there running already: both or none.
    ///
    /// # Errors
    /// `Duplicate` when the job's id belongs to another or a finished job, or the number is taken.
    async fn begin_with_attempt(&self, job: JobRecord, attempt: AttemptRecord) -> Result<()>;

    /// Keeps the platform's ticket of an attempt, before it is first asked for.
    ///
    /// # Errors
    /// `Missing` when there is no such attempt, or it has ended.
    async fn ticket(&self, job: &str, attempt: u32, ticket: &str) -> Result<()>;

    /// Notes how an attempt ended. An attempt that was never written down (it cost nothing) is none
    /// of the journal's business: that is no error.
    async fn settle(&self, job: &str, attempt: u32, outcome: &str, charge: Charge) -> Result<()>;

    /// Ends a job with the names of its pictures. A job that was never written down is no error.
    ///
    /// # Errors
    /// `Database` when `state` is [`JobState::Running`].
    async fn finish(&self, job: &str, state: JobState, pictures: Vec<String>) -> Result<()>;

    /// Lists pictures in the gallery and ends their job: all or nothing.
    ///
    /// # Errors
    /// As [`Journal::finish`] and [`Gallery::add`].
    async fn finish_with(&self, job: &str, state: JobState, pictures: Vec<PictureRecord>) -> Result<()>;

    /// One job with its attempts.
    async fn job(&self, id: &str) -> Result<Option<JournalEntry>>;

    /// Jobs of earlier runs that are still running: those of [`Journal::mark_interrupted`] that can
    /// be picked up, or before it was called, all that were under way when the process died. Oldest
    /// first, at most 10 000.
    async fn unfinished(&self) -> Result<Vec<JournalEntry>>;

    /// Settles what earlier runs left: attempts without an outcome or a ticket become ambiguous,
    /// jobs without a ticket to ask for become interrupted. Jobs of this run are not touched.
    async fn mark_interrupted(&self, now: Timestamp) -> Result<Interrupted>;

    /// Removes jobs that ended before `before`, and jobs of earlier runs that began before it and
    /// were never picked up. Answers how many.
    async fn prune_jobs(&self, before: Timestamp) -> Result<u64>;
}

/// The request log.
#[async_trait]
pub trait RequestLog: Send + Sync {
    /// Appends records with their attempts, and counts them for [`Statistics`]: all or none.
    async fn append(&self, records: Vec<RequestRecord>) -> Result<()>;

    /// Records with an id below `before` (`None`: from the newest on), newest first.
    async fn page(&self, before: Option<i64>, limit: u32) -> Result<Vec<RequestRecord>>;

    /// Records that match `filter` and have an id below `before` (`None`: from the newest on), newest
    /// first, at most [`MAX_FOUND_REQUESTS`].
    ///
    /// Fast however long the log is: an index leads to the rows of one condition (key, failure,
    /// client, model, provider or task, the first of these that is set), and of those rows the newest
    /// [`MAX_LOOK`] below `before` are looked at for the other conditions. So a text, or two
    /// conditions that hardly ever meet, are found only that far back. Times narrow the search as
    /// long as records are appended within two hours of their request, as the longest deadline and
    /// an orderly clock have it.
    async fn search(&self, filter: RequestFilter, before: Option<i64>, limit: u32) -> Result<Vec<RequestRecord>>;

    /// The newest record of a request.
    async fn request(&self, request_id: &str) -> Result<Option<RequestRecord>>;

    /// Removes records of requests that came before `before`. Answers how many.
    async fn prune(&self, before: Timestamp) -> Result<u64>;
}

/// Copies of pictures in buckets: what is to be done, and what is confirmed. A target is one
/// bucket's lasting name, such as its address with the folder.
///
/// Once a target is aimed at, [`Gallery::add`] and [`Journal::finish_with`] queue the picture that
/// they list in the same transaction, and [`Gallery::expire_removed`] turns every row of its picture,
/// done or not and at whatever target, into a delete. A picture has at most one row at a target.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// From now on pictures are copied there; `None`: nowhere. Rows of other targets stay.
    async fn aim(&self, target: Option<&str>) -> Result<()>;

    /// Queues the pictures listed without a row at `target`, of the next `limit` names after `after`
    /// (at most [`MAX_PAGE`]). Answers the last name looked at; `None` when there are no more.
    async fn fill(&self, target: &str, after: &str, limit: u32) -> Result<Option<String>>;

    /// Errands at `target` whose time has come, the one that waits longest first. Puts of pictures whose
    /// removal can still be undone are held back.
    async fn due(&self, target: &str, now: Timestamp, limit: u32) -> Result<Vec<Errand>>;

    /// Notes that the bucket confirmed an errand. `false`: it is no longer asked for, because its
    /// picture was removed meanwhile; what to do instead is another errand.
    async fn carried_out(&self, errand: &Errand) -> Result<bool>;

    /// Notes that an errand failed, and when it is due again. Keeps 300 characters of `error`.
    async fn put_off(&self, errand: &Errand, until: Timestamp, error: &str) -> Result<()>;

    /// Drops a put that nothing can be sent for. `false`: there is none any more.
    async fn call_off(&self, errand: &Errand) -> Result<bool>;

    /// When `target` confirmed that it has a picture.
    async fn copied(&self, target: &str, name: &str) -> Result<Option<Timestamp>>;

    /// What waits for `target`, with the puts that are held back.
    async fn backlog(&self, target: &str) -> Result<Backlog>;
}

/// Everything that is remembered.
#[async_trait]
pub trait Store: KeyRepo + Journal + RequestLog + Gallery + Outbox + AdminRepo + Statistics + Claims + ClientKeyRepo {
    /// Proves by a trivial change that changes reach the disk.
    async fn ready(&self) -> Result<()>;

    /// Waits until the database fails in a way that only a new start can mend, and answers why. Never
    /// ends otherwise.
    async fn broken(&self) -> String;

    /// Writes what was accepted, puts the database in order and lets go of it. Later calls answer
    /// `Closed`; closing twice is no error.
    async fn close(&self);
}
