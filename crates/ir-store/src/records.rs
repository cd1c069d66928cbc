//! What is kept.

use ir_model::{Charge, Format, KeyId, Size, Timestamp};
use serde::{Deserialize, Serialize};

/// A key of a pool.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyRecord {
    /// Random.
    pub id: KeyId,
    /// The platform's canonical name.
    pub platform: String,
    /// What the operator calls it.
    pub name: String,
    /// Ciphertext: the store never sees the key.
    pub sealed: Vec<u8>,
    /// Keyed hash of address and key; unique within a platform.
    pub fingerprint: String,
    /// The masked form, for showing.
    pub tail: String,
    /// The address that it belongs to, where it is not the platform's configured one.
    pub base_url: Option<String>,
    /// Models that it may be used for; empty: all.
    pub models: Vec<String>,
    /// Switched on.
    pub enabled: bool,
    /// When it was added.
    pub added: Timestamp,
    /// How it fares.
    pub health: KeyHealth,
}

/// How a key fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHealth {
    /// Which.
    pub id: KeyId,
    /// Why the platform's answer disabled it.
    pub disabled_reason: Option<String>,
    /// Until when it is not used.
    pub cooling_until: Option<Timestamp>,
    /// Why.
    pub cooling_reason: Option<String>,
    /// The last pause that was not named by the platform, in milliseconds.
    pub backoff_ms: u64,
    /// Faults of the platform in a row.
    pub failures_in_row: u32,
    /// Exchanges begun.
    pub calls: u64,
    /// Exchanges that gave pictures.
    pub successes: u64,
    /// Exchanges that failed.
    pub errors: u64,
    /// When it was last used.
    pub last_used: Option<Timestamp>,
    /// What went wrong last.
    pub last_error: Option<String>,
}

impl Default for KeyHealth {
    fn default() -> Self {
        Self {
            id: KeyId(String::new()),
            disabled_reason: None,
            cooling_until: None,
            cooling_reason: None,
            backoff_ms: 0,
            failures_in_row: 0,
            calls: 0,
            successes: 0,
            errors: 0,
            last_used: None,
            last_error: None,
        }
    }
}

/// What became of keys that were to be added.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AddedKeys {
    /// New ones.
    pub added: u64,
    /// Those that were there already.
    pub duplicates: u64,
}

/// A job, as it stands in the journal before anything is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRecord {
    /// The request id.
    pub id: String,
    /// Who asked.
    pub client: String,
    /// `text`, `edit`, `blend`.
    pub task: String,
    /// The model as asked for.
    pub model: String,
    /// What to draw.
    pub prompt: String,
    /// When it began.
    pub created: Timestamp,
}

/// How a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// Under way.
    Running,
    /// At least one picture was stored.
    Done,
    /// No picture.
    Failed,
    /// The caller left before anything was sent.
    Cancelled,
    /// The process ended while it was under way.
    Interrupted,
}

impl JobState {
    /// The stored name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }
}

/// An attempt, as it stands in the journal before the socket is touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRecord {
    /// The job.
    pub job: String,
    /// From 1, within the job.
    pub number: u32,
    /// The platform.
    pub provider: String,
    /// Its address.
    pub base_url: String,
    /// Its model.
    pub model: String,
    /// The key's id.
    pub key: Option<String>,
    /// When it began.
    pub began: Timestamp,
}

/// What a start found under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Interrupted {
    /// Jobs.
    pub jobs: u64,
    /// Attempts without an outcome: they may have been charged.
    pub attempts: u64,
    /// Of these, attempts whose platform had given a ticket.
    pub tickets: u64,
}

/// A job that is under way, or was when the process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedJob {
    /// The job.
    pub job: JobRecord,
    /// Attempts that have no outcome yet, with their tickets.
    pub open: Vec<(AttemptRecord, Option<String>)>,
}

/// One attempt in the request log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptNote {
    /// The platform.
    pub provider: String,
    /// Its model.
    pub model: String,
    /// The key's id.
    pub key: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// `ok` or the class of its failure.
    pub outcome: String,
    /// The platform's own words, at most 500 characters.
    pub message: String,
}

/// One request in the request log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRecord {
    /// Given by the store, ascending.
    pub id: Option<i64>,
    /// The request id.
    pub request_id: String,
    /// When it began.
    pub time: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Who asked.
    pub client: String,
    /// `text`, `edit`, `blend`.
    pub task: String,
    /// The model as asked for.
    pub asked_model: String,
    /// The platform that drew, or failed last.
    pub provider: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// `ok` or the class of the failure.
    pub outcome: String,
    /// What was to be drawn.
    pub prompt: String,
    /// Names of the stored pictures.
    pub pictures: Vec<String>,
    /// Every attempt.
    pub attempts: Vec<AttemptNote>,
}

/// One picture in the gallery's index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureRecord {
    /// Unique; `/storage/<name>`.
    pub name: String,
    /// Where it lies under the storage folder.
    pub path: String,
    /// Hexadecimal.
    pub sha256: String,
    /// Length.
    pub bytes: u64,
    /// Its format.
    pub format: Format,
    /// Its dimensions.
    pub size: Size,
    /// What was to be drawn.
    pub prompt: String,
    /// What was drawn instead.
    pub revised_prompt: Option<String>,
    /// The platform's model.
    pub model: String,
    /// The platform.
    pub provider: String,
    /// `text`, `edit`, `blend`; empty for pictures of 1.x.
    pub task: String,
    /// When it was drawn.
    pub created: Timestamp,
    /// The request.
    pub request_id: String,
    /// Who asked.
    pub client: String,
}

/// Where a page of the gallery begins: after this picture, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// When the last picture of the page before was drawn.
    pub created: Timestamp,
    /// Its name.
    pub name: String,
}

pub(crate) const fn charge_name(charge: Charge) -> &'static str {
    match charge {
        Charge::No => "no",
        Charge::Maybe => "maybe",
        Charge::Yes => "yes",
    }
}
