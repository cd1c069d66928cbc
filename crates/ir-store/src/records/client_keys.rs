//! Keys of callers.

use ir_model::Timestamp;

/// A key that a caller has. The key itself is nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientKeyRecord {
    /// Names the key; unique, and never given again. Tells nothing of it.
    pub id: String,
    /// What the operator calls it.
    pub name: String,
    /// A keyed hash of the whole key; unique.
    pub hash: String,
    /// What may be shown of the key.
    pub hint: String,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it is worth nothing.
    pub expires: Option<Timestamp>,
    /// Switched on by the operator.
    pub enabled: bool,
    /// Models that it may draw with, as callers name them; empty: all.
    pub models: Vec<String>,
    /// Requests for pictures in any minute.
    pub per_minute: Option<u32>,
    /// Requests drawing at once.
    pub concurrent: Option<u32>,
    /// What it was used for.
    pub usage: ClientKeyUse,
}

/// What a key was used for. Counts above 2⁶³−1 are stored as that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientKeyUse {
    /// The key.
    pub id: String,
    /// Requests for pictures that were let in.
    pub requests: u64,
    /// Pictures drawn.
    pub pictures: u64,
    /// When somebody last came with it.
    pub last_used: Option<Timestamp>,
}
