//! What callers coming back need of a database.

use crate::error::Result;
use crate::records::{Claim, Hook};
use async_trait::async_trait;
use ir_model::Timestamp;

/// Requests that can be come back to, and the webhooks that tell of their end.
#[async_trait]
pub trait Claims: Send + Sync {
    /// Writes a claim down, under way. A claim with the same key that began before `since` gives way.
    ///
    /// # Errors
    /// `Duplicate` when the job or the key is taken.
    async fn open_claim(&self, claim: Claim, since: Timestamp) -> Result<()>;

    /// Writes down what came of a claim (new, or under way), and queues messages about it: all or none.
    /// The record's key counts from here on; one that another claim has meanwhile is left out.
    async fn close_claim(&self, claim: Claim, hooks: Vec<Hook>) -> Result<()>;

    /// Drops a claim that came to nothing.
    async fn drop_claim(&self, job: &str) -> Result<()>;

    /// The claim with a key, if it began at `since` or later.
    async fn claim_by_key(&self, scope: &str, key: &str, since: Timestamp) -> Result<Option<Claim>>;

    /// The newest claim of a request, if it began at `since` or later.
    async fn claim(&self, scope: &str, request_id: &str, since: Timestamp) -> Result<Option<Claim>>;

    /// The claim of a job.
    async fn claim_of(&self, job: &str) -> Result<Option<Claim>>;

    /// Claims of earlier runs that are still under way, oldest first, at most 10 000.
    async fn open_claims(&self) -> Result<Vec<Claim>>;

    /// Names of the listed pictures that were stored for a request since it came, oldest first, at most
    /// 32. None where another caller's request has the same id and the same name for its client: ids are
    /// chosen by callers, and whose picture it is cannot be told.
    async fn drawn_for(&self, claim: &Claim) -> Result<Vec<String>>;

    /// Removes claims that began before `before`; those that are still under way a day later. Answers how many.
    async fn prune_claims(&self, before: Timestamp) -> Result<u64>;

    /// Messages whose time has come, the one that waits longest first.
    async fn due_hooks(&self, now: Timestamp, limit: u32) -> Result<Vec<Hook>>;

    /// Drops a message: it was taken, or is given up.
    async fn drop_hook(&self, id: &str) -> Result<()>;

    /// Notes that a message was not taken, and when it is due again. Keeps 300 characters of `error`.
    async fn put_off_hook(&self, id: &str, until: Timestamp, error: &str) -> Result<()>;
}
