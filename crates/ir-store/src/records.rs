//! What is stored, as plain data.

mod admin;
mod claims;
mod client_keys;
mod gallery;
mod statistics;

pub use admin::{AuditRecord, SessionRecord};
pub use claims::{Claim, Hook};
pub use client_keys::{ClientKeyRecord, ClientKeyUse};
pub use gallery::{Facet, Facets, GalleryFilter, Listed, Matching};
pub use statistics::{Group, Point, Stats, Tally, Window};

use ir_model::{Charge, Format, KeyId, Size, Timestamp};

/// One entry of a key pool. Holds no plain key: `sealed` is what `ir_settings::Vault` made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// Names the entry; unique.
    pub id: KeyId,
    /// The platform that it belongs to, by its canonical name.
    pub platform: String,
    /// What the operator calls it.
    pub name: String,
    /// The key, encrypted.
    pub sealed: Vec<u8>,
    /// A keyed hash of the key, to find duplicates; unique within platform and base address.
    pub fingerprint: String,
    /// What may be shown of the key.
    pub tail: String,
    /// The address that it is for, where it is not the platform's configured one. An empty address
    /// is stored as none.
    pub base_url: Option<String>,
    /// Models that it may be used for; empty: all.
    pub models: Vec<String>,
    /// Switched on by the operator.
    pub enabled: bool,
    /// When it was added.
    pub added: Timestamp,
    /// How it fares.
    pub health: KeyHealth,
}

/// How a key fares. Counters above 2⁶³−1 are stored as that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHealth {
    /// The key.
    pub id: KeyId,
    /// Why it was taken out of use, if it was.
    pub disabled_reason: Option<String>,
    /// Until when it rests.
    pub cooling_until: Option<Timestamp>,
    /// Why it rests.
    pub cooling_reason: Option<String>,
    /// The last back-off in milliseconds; the next one doubles it.
    pub backoff_ms: u64,
    /// Failures since the last success.
    pub failures_in_row: u32,
    /// Attempts made with it.
    pub calls: u64,
    /// Attempts that drew.
    pub successes: u64,
    /// Attempts that failed.
    pub errors: u64,
    /// When it was last used.
    pub last_used: Option<Timestamp>,
    /// The last failure's words.
    pub last_error: Option<String>,
}

impl Default for KeyHealth {
    /// A key that was never used, without its name.
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddedKeys {
    /// Added.
    pub added: u64,
    /// Left out: the same key stands in that pool already, or twice in the list.
    pub duplicates: u64,
}

/// One request's work, written down before anything is sent for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRecord {
    /// Names the job; unique.
    pub id: String,
    /// Who asked.
    pub client: String,
    /// `text`, `edit` or `blend`.
    pub task: String,
    /// The model as it was asked for.
    pub model: String,
    /// What to draw: kept so that a picture picked up after a restart has its description.
    pub prompt: String,
    /// When it began.
    pub created: Timestamp,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobState {
    /// Under way, or waiting to be picked up again.
    Running,
    /// Ended with at least one picture.
    Done,
    /// Ended without.
    Failed,
    /// The caller left before anything was sent.
    Cancelled,
    /// Ended without a picture, and may have been charged: an answer was lost.
    Ambiguous,
    /// The process died while it was under way, and nothing is left to pick up.
    Interrupted,
}

impl JobState {
    /// All states.
    pub const ALL: [Self; 6] = [Self::Running, Self::Done, Self::Failed, Self::Cancelled, Self::Ambiguous, Self::Interrupted];

    /// The name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Ambiguous => "ambiguous",
            Self::Interrupted => "interrupted",
        }
    }
}

/// One exchange with a platform, written down before its socket is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRecord {
    /// The job that it is made for.
    pub job: String,
    /// Its number within the job, from 1.
    pub number: u32,
    /// The platform.
    pub provider: String,
    /// The platform's address.
    pub base_url: String,
    /// The platform's model.
    pub model: String,
    /// The entry of the key pool, if one is used.
    pub key: Option<String>,
    /// When it began.
    pub began: Timestamp,
}

/// Where an attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttemptState {
    /// Written down; it may have been sent or not.
    Prepared,
    /// The platform gave a ticket: ask for it, never send again.
    Ticket,
    /// Ended, and it is known how.
    Settled,
    /// The process died before it was known how it ended.
    Ambiguous,
}

impl AttemptState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Prepared, Self::Ticket, Self::Settled, Self::Ambiguous];

    /// The name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prepared => "prepared",
            Self::Ticket => "ticket",
            Self::Settled => "settled",
            Self::Ambiguous => "ambiguous",
        }
    }
}

/// An attempt as the journal knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalAttempt {
    /// What was written before it was sent.
    pub record: AttemptRecord,
    /// Where it stands.
    pub state: AttemptState,
    /// The platform's ticket.
    pub ticket: Option<String>,
    /// How it ended: `ok` or a class of failure.
    pub outcome: Option<String>,
    /// Whether it was charged.
    pub charge: Option<Charge>,
}

/// A job as the journal knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// What was written before anything was sent.
    pub job: JobRecord,
    /// Where it stands.
    pub state: JobState,
    /// Names of its pictures.
    pub pictures: Vec<String>,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// Its attempts, by number.
    pub attempts: Vec<JournalAttempt>,
}

/// What a start found of the runs before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interrupted {
    /// Jobs that were under way and are over now.
    pub jobs: u64,
    /// Attempts of which nobody knows how they ended.
    pub attempts: u64,
    /// Jobs with a ticket that can be picked up again; they are still [`JobState::Running`].
    /// At most 10 000, oldest first.
    pub resumable: Vec<JournalEntry>,
}

/// One row of the request log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRecord {
    /// Given by the store, ever rising; ignored when a record is appended.
    pub id: Option<i64>,
    /// The request's name.
    pub request_id: String,
    /// When it came.
    pub time: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Who asked.
    pub client: String,
    /// `text`, `edit` or `blend`.
    pub task: String,
    /// The model as it was asked for.
    pub asked_model: String,
    /// The platform that drew or failed last.
    pub provider: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// `ok`, or the failure's class.
    pub outcome: String,
    /// What to draw; empty where prompts are not to be kept.
    pub prompt: String,
    /// Names of its pictures.
    pub pictures: Vec<String>,
    /// What its pictures weigh together, in bytes.
    pub bytes: u64,
    /// What was tried, in order.
    pub attempts: Vec<AttemptNote>,
}

/// One attempt, as the request log shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptNote {
    /// The platform.
    pub provider: String,
    /// Its model.
    pub model: String,
    /// The entry of the key pool, if one was used.
    pub key: Option<String>,
    /// When it began, in milliseconds after its request began.
    pub started_ms: u64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// `ok`, or the failure's class.
    pub outcome: String,
    /// The platform's words.
    pub message: String,
    /// Why another attempt for the same pictures followed, such as `next key`; empty where none did.
    pub next: String,
}

/// Which rows of the request log are looked for: those that match everything that is set. The
/// default matches every row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestFilter {
    /// Whether they gave a picture.
    pub ok: Option<bool>,
    /// The platform that drew or failed last.
    pub provider: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// An entry of the key pool that one of the attempts used.
    pub key: Option<String>,
    /// `text`, `edit` or `blend`.
    pub task: Option<String>,
    /// Who asked.
    pub client: Option<String>,
    /// A part of the prompt or of the request's name, whatever its case. White space around it does
    /// not count.
    pub text: Option<String>,
    /// When they came, at the earliest.
    pub from: Option<Timestamp>,
    /// They came before that.
    pub to: Option<Timestamp>,
}

/// One stored picture, as the gallery lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureRecord {
    /// Its file name; unique.
    pub name: String,
    /// Where it is, relative to the storage folder.
    pub path: String,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
    /// Its format.
    pub format: Format,
    /// Its dimensions.
    pub size: Size,
    /// What was to be drawn.
    pub prompt: String,
    /// The prompt that the platform really used, when it is another.
    pub revised_prompt: Option<String>,
    /// The platform's model.
    pub model: String,
    /// The platform.
    pub provider: String,
    /// `text`, `edit` or `blend`.
    pub task: String,
    /// When it was stored.
    pub created: Timestamp,
    /// The request that it was drawn for.
    pub request_id: String,
    /// Who asked.
    pub client: String,
}

impl PictureRecord {
    /// The place right after this picture in a page of the gallery.
    pub fn cursor(&self) -> Cursor {
        Cursor { created: self.created, name: self.name.clone() }
    }
}

/// A place in the gallery: what follows is older, or as old with a smaller name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// When the last picture seen was stored.
    pub created: Timestamp,
    /// Its name.
    pub name: String,
}

/// What is to be done at a bucket for one picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errand {
    /// The bucket.
    pub target: String,
    /// The picture's name.
    pub name: String,
    /// Where it is, relative to the storage folder; the bucket mirrors that.
    pub path: String,
    /// What is to be done.
    pub kind: ErrandKind,
    /// Since when.
    pub queued: Timestamp,
    /// How often it failed.
    pub attempts: u32,
    /// Why it failed last.
    pub last_error: Option<String>,
}

/// What an errand does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrandKind {
    /// Copies the picture and its metadata.
    Put,
    /// Deletes both copies.
    Delete,
}

impl ErrandKind {
    /// The name in logs and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Delete => "delete",
        }
    }
}

/// What waits for a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Errands that are not done.
    pub waiting: u64,
    /// Since when the oldest waits.
    pub oldest: Option<Timestamp>,
    /// Why one of them failed last.
    pub last_error: Option<String>,
}
