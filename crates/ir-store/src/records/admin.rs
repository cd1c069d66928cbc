//! Who is signed in to the panel, and what was done there.

use ir_model::Timestamp;

/// One sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// Names the session; unique. Tells nothing of its token.
    pub id: String,
    /// A hash of the token that the browser holds; unique. The token itself is nowhere.
    pub token_hash: Vec<u8>,
    /// When somebody signed in.
    pub created: Timestamp,
    /// When it was last used, at most a minute behind.
    pub last_seen: Timestamp,
    /// From when on it is worth nothing.
    pub expires: Timestamp,
    /// Where the sign-in came from.
    pub address: String,
    /// What the browser says of itself.
    pub user_agent: String,
}

/// One thing that was done, or tried, with an operator's rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Given by the store, ever rising; ignored when a record is added.
    pub id: Option<i64>,
    /// When.
    pub time: Timestamp,
    /// By whom: a session, or the key that was used.
    pub actor: String,
    /// From where.
    pub address: String,
    /// What was done.
    pub action: String,
    /// To what.
    pub target: String,
    /// What came of it.
    pub outcome: String,
}
