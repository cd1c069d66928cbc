//! What callers can come back to.

use ir_model::Timestamp;

/// A request whose caller can come back to it, by its id or by an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its job.
    pub job: String,
    /// Whose it is: a keyed hash that tells nothing of the caller's key.
    pub scope: String,
    /// The request's name.
    pub request_id: String,
    /// Who asked, as logs name it.
    pub client: String,
    /// The hash of its idempotency key: unique within the scope. `None`: it has none, or nothing was
    /// charged for it, so that a repetition is a request of its own.
    pub key: Option<String>,
    /// The hash of what was asked.
    pub print: String,
    /// What whoever writes the answer must know, in their own words.
    pub memo: String,
    /// Where its end is to be told, besides the operator's own address.
    pub hook: Option<String>,
    /// Pictures asked for.
    pub asked: u32,
    /// When it came.
    pub created: Timestamp,
    /// What came of it, in the engine's words. `None`: it is under way.
    pub outcome: Option<String>,
}

/// A message to a webhook that has not been taken yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// Its id, the same for every try.
    pub id: String,
    /// Where it goes.
    pub url: String,
    /// What it says.
    pub body: String,
    /// Since when it waits.
    pub queued: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last try failed.
    pub last_error: Option<String>,
}
