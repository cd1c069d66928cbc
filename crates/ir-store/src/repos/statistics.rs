//! What statistics need of a database.

use crate::error::Result;
use crate::records::{Stats, Window};
use async_trait::async_trait;
use ir_model::Timestamp;

/// Counts of requests. [`RequestLog::append`] counts in the transaction that appends, so they agree with
/// the log; what is pruned from the log stays counted.
///
/// Counts are kept by minute for two days, by hour for 40 days and by day for 400 days, each apart for
/// every combination of platform, model, key, client and about how long it took. Within one minute,
/// hour or day at most 2000, 12 000 or 30 000 combinations are kept apart; what comes after shares the
/// model, key and client `(other)`. So no question reads more than three million rows.
///
/// [`RequestLog::append`]: crate::RequestLog::append
#[async_trait]
pub trait Statistics: Send + Sync {
    /// The statistics of a window that ends with the point that `now` is in.
    async fn stats(&self, window: Window, now: Timestamp) -> Result<Stats>;

    /// Removes counts past their time. Answers how many.
    async fn prune_stats(&self, now: Timestamp) -> Result<u64>;
}
