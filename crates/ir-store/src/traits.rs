//! What a store promises. Every method that returns `Ok` after a write has made it durable.

use crate::{
    AddedKeys, AttemptRecord, Cursor, Interrupted, JobRecord, JobState, KeyHealth, KeyRecord, PictureRecord, RequestRecord, StoreError,
    UnfinishedJob,
};
use async_trait::async_trait;
use ir_model::{Charge, KeyId, Timestamp};

/// Pools of platform keys.
#[async_trait]
pub trait KeyRepo: Send + Sync {
    /// All keys, in the order in which they were added.
    async fn keys(&self) -> Result<Vec<KeyRecord>, StoreError>;
    /// Adds keys, all or none; those whose fingerprint is there already are counted and left alone.
    async fn add_keys(&self, keys: Vec<KeyRecord>) -> Result<AddedKeys, StoreError>;
    /// Writes a key over, health included. `false`: it is not there.
    async fn update_key(&self, key: KeyRecord) -> Result<bool, StoreError>;
    /// Removes a key. `false`: it is not there.
    async fn delete_key(&self, id: &KeyId) -> Result<bool, StoreError>;
    /// Writes the health of keys; keys that are gone meanwhile are passed over.
    async fn save_key_health(&self, health: Vec<KeyHealth>) -> Result<(), StoreError>;
}

/// What was begun, so that nothing that may have cost money is forgotten.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Writes an attempt down, and its job if it is not there yet. To be awaited before the socket
    /// is touched.
    async fn begin_with_attempt(&self, job: JobRecord, attempt: AttemptRecord) -> Result<(), StoreError>;
    /// Writes down the platform's id of a task. To be awaited before it is first polled.
    async fn ticket(&self, job: &str, attempt: u32, ticket: &str) -> Result<(), StoreError>;
    /// Writes down how an attempt ended.
    async fn settle(&self, job: &str, attempt: u32, outcome: &str, charge: Charge) -> Result<(), StoreError>;
    /// Writes down how a job ended, and its pictures' names.
    async fn finish(&self, job: &str, state: JobState, pictures: Vec<String>) -> Result<(), StoreError>;
    /// Jobs that are under way or were interrupted with open attempts, oldest first, at most 1,000.
    async fn unfinished(&self) -> Result<Vec<UnfinishedJob>, StoreError>;
    /// At a start: whatever was under way has been interrupted; its open attempts are ambiguous.
    async fn mark_interrupted(&self, now: Timestamp) -> Result<Interrupted, StoreError>;
    /// Forgets jobs that ended before then; returns how many.
    async fn prune_jobs(&self, before: Timestamp) -> Result<u64, StoreError>;
}

/// What was asked and how it went.
#[async_trait]
pub trait RequestLog: Send + Sync {
    /// Adds rows.
    async fn append(&self, requests: Vec<RequestRecord>) -> Result<(), StoreError>;
    /// Rows with an id below `before`, newest first, at most 100.
    async fn page(&self, before: Option<i64>, limit: u32) -> Result<Vec<RequestRecord>, StoreError>;
    /// Forgets rows from before then; returns how many.
    async fn prune(&self, before: Timestamp) -> Result<u64, StoreError>;
}

/// The index of stored pictures. It can be rebuilt from the pictures alone.
#[async_trait]
pub trait Gallery: Send + Sync {
    /// Lists a picture. One that is listed already stays as it is.
    async fn add(&self, picture: PictureRecord) -> Result<(), StoreError>;
    /// A listed picture.
    async fn get(&self, name: &str) -> Result<Option<PictureRecord>, StoreError>;
    /// Pictures after the cursor, newest first, at most 100.
    async fn pictures(&self, after: Option<Cursor>, limit: u32) -> Result<Vec<PictureRecord>, StoreError>;
    /// Takes a picture off the list. `false`: it was not on it.
    async fn remove(&self, name: &str) -> Result<bool, StoreError>;
    /// How many are listed.
    async fn count(&self) -> Result<u64, StoreError>;
    /// Which of these names are not listed.
    async fn names_missing_from(&self, names: &[String]) -> Result<Vec<String>, StoreError>;
}

/// Everything that is kept in rows.
#[async_trait]
pub trait Store: KeyRepo + Journal + RequestLog + Gallery {
    /// Whether rows can be written: writes one.
    async fn ready(&self) -> Result<(), StoreError>;
    /// Writes what is queued and closes. Later calls fail with [`StoreError::Closed`].
    async fn close(&self);
}
