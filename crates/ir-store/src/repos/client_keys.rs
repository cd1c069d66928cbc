//! What keys of callers need of a database.

use crate::error::Result;
use crate::records::{ClientKeyRecord, ClientKeyUse};
use async_trait::async_trait;

/// Keys of callers, at most.
pub const MAX_CLIENT_KEYS: u32 = 1000;

/// Keys of callers.
#[async_trait]
pub trait ClientKeyRepo: Send + Sync {
    /// All of them, in the order in which they were made.
    async fn client_keys(&self) -> Result<Vec<ClientKeyRecord>>;

    /// Adds a key. `false`: there are [`MAX_CLIENT_KEYS`] already.
    ///
    /// # Errors
    /// `Duplicate` when its id or its hash is taken.
    async fn add_client_key(&self, key: ClientKeyRecord) -> Result<bool>;

    /// Replaces what the operator chose: everything but the key, its birth, and its use. `false`: there
    /// is no such key.
    async fn update_client_key(&self, key: ClientKeyRecord) -> Result<bool>;

    /// Removes a key. `false`: there is no such key.
    async fn delete_client_key(&self, id: &str) -> Result<bool>;

    /// Stores what keys were used for. Keys that are gone meanwhile are passed over.
    async fn save_client_key_use(&self, usage: Vec<ClientKeyUse>) -> Result<()>;
}
