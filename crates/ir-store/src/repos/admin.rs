//! What the panel's authority needs of a database.

use crate::error::Result;
use crate::records::{AuditRecord, SessionRecord};
use async_trait::async_trait;
use ir_model::Timestamp;

/// Sessions that are kept; a further one drops the one that began first.
pub const MAX_SESSIONS: u32 = 100;
/// Rows of the audit log that are kept, the newest.
pub const MAX_AUDIT: u32 = 100_000;
/// Rows of one page of the audit log; larger limits are cut to it (07-security.md, R-DOS-3).
pub const MAX_AUDIT_PAGE: u32 = 100;
/// Characters of each text of a session or an audit row that are kept.
pub const MAX_AUDIT_TEXT: usize = 300;

/// Sessions of the panel, and its audit log.
#[async_trait]
pub trait AdminRepo: Send + Sync {
    /// Adds a session. Above [`MAX_SESSIONS`] the ones that began first are dropped. Keeps
    /// [`MAX_AUDIT_TEXT`] characters of address and browser.
    ///
    /// # Errors
    /// `Duplicate` when its id or its token is taken.
    async fn create_session(&self, session: SessionRecord) -> Result<()>;

    /// The session of a token, unless it has expired at `now`.
    async fn find_session(&self, token_hash: &[u8], now: Timestamp) -> Result<Option<SessionRecord>>;

    /// The session of this id, expired or not.
    async fn session(&self, id: &str) -> Result<Option<SessionRecord>>;

    /// Notes that a session is used. Writes only when the last note is a minute old, so that a busy
    /// panel costs nothing. `false`: there is none.
    async fn touch_session(&self, id: &str, now: Timestamp) -> Result<bool>;

    /// Sessions that have not expired at `now`, the one used last first; at most [`MAX_SESSIONS`].
    async fn sessions(&self, now: Timestamp) -> Result<Vec<SessionRecord>>;

    /// Ends a session. `false`: there is none.
    async fn delete_session(&self, id: &str) -> Result<bool>;

    /// Ends all sessions but one (`None`: all). Answers how many.
    async fn delete_other_sessions(&self, but: Option<&str>) -> Result<u64>;

    /// Removes sessions that have expired at `now`. Answers how many.
    async fn prune_sessions(&self, now: Timestamp) -> Result<u64>;

    /// Adds rows to the audit log, all or none, and drops those before the newest [`MAX_AUDIT`].
    /// Keeps [`MAX_AUDIT_TEXT`] characters of each text.
    async fn add_audit(&self, records: Vec<AuditRecord>) -> Result<()>;

    /// Rows with an id below `before` (`None`: from the newest on), newest first, at most
    /// [`MAX_AUDIT_PAGE`].
    async fn audit(&self, before: Option<i64>, limit: u32) -> Result<Vec<AuditRecord>>;
}
