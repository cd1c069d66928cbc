//! Records and repositories: SQLite behind traits.
//!
//! What the gateway must remember between two starts: key pools (ciphertexts only), callers' keys (hashes only), the journal of
//! jobs, the request log and its statistics, the gallery's index, the outbox to a bucket, what callers can come back to, and the panel's sessions and audit log. Pictures are
//! never in here, only their names.
//!
//! The traits ([`KeyRepo`], [`Journal`], [`RequestLog`], [`Gallery`], [`Outbox`], [`AdminRepo`], [`Statistics`], [`Claims`], [`ClientKeyRepo`], together [`Store`]) say what
//! any database must do; the behaviour suite in `tests/suite` holds every implementation to it.
//! [`SqliteStore`] is the one for a single machine.
//!
//! An `Ok` of anything that writes means: it is on disk. Nothing of a failed call is.

mod error;
mod records;
mod repos;
mod sqlite;

pub use error::{Result, StoreError};
pub use records::{
    AddedKeys, AttemptNote, AttemptRecord, AttemptState, AuditRecord, Backlog, Claim, ClientKeyRecord, ClientKeyUse, Cursor, Errand,
    ErrandKind, Facet, Facets, GalleryFilter, Group, Hook, Interrupted, JobRecord, JobState, JournalAttempt, JournalEntry, KeyHealth,
    KeyRecord, Listed, Matching, PictureRecord, Point, RequestFilter, RequestRecord, SessionRecord, Stats, Tally, Window,
};
pub use repos::{
    AdminRepo, Claims, ClientKeyRepo, Gallery, Journal, KeyRepo, MAX_AUDIT, MAX_AUDIT_PAGE, MAX_AUDIT_TEXT, MAX_CLIENT_KEYS, MAX_COUNTED,
    MAX_FOUND_PICTURES, MAX_FOUND_REQUESTS, MAX_LOOK, MAX_PAGE, MAX_SESSIONS, Outbox, RequestLog, Statistics, Store,
};
pub use sqlite::SqliteStore;
