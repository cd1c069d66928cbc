//! What the gateway decides: who is asking, which platforms are tried in which order with which
//! keys, what follows from a failure, and when a picture counts as drawn. No HTTP and no SQL here:
//! exchanges go through `ir_egress::Door`, rows through `ir_store::Store`.
//!
//! Configuration, aliases and keys are one immutable [`Snapshot`] swapped whole; a request keeps
//! the one it began with. Health of keys and upstreams is held in atomic cells that snapshots share.

mod admission;
mod attempt;
mod breaker;
#[cfg(test)]
mod breaker_tests;
mod budget;
#[cfg(test)]
mod budget_tests;
mod claims;
mod clients;
mod counters;
mod course;
mod disk;
mod draw;
mod engine;
mod events;
mod exchange;
mod feed;
mod fetches;
mod guesses;
mod hints;
mod hooks;
mod hosting;
mod identify;
mod inputs;
mod job;
mod judge;
mod keys;
#[cfg(test)]
mod keys_tests;
mod memory;
mod models;
mod new_keys;
mod optimizer;
mod outbox;
mod outcome;
mod pace;
mod pictures;
mod plan;
mod print;
mod ready;
mod recover;
mod refused;
mod resume;
mod snapshot;
mod steer;
mod sync;
mod told;
mod tray;
mod upkeep;
mod wording;

pub use claims::{PickedUp, Terms};
pub use clients::{ClientKey, ClientKeyLive, ClientKeyState, ClientKeyTerms, ClientKeys};
pub use counters::{BOUNDS_MS, Count, Counters};
pub use course::{DrawEvent, Drawing};
pub use draw::{AttemptNote, Failure, Summary};
pub use engine::{Engine, EngineParts};
pub use feed::{Batch, Feed};
pub use hosting::{Hosting, Links};
pub use identify::ACCESS_KEY;
pub use judge::{HealthEffect, KeyEffect, Policy, Step, Verdict, judge};
pub use keys::{KeyCell, KeyHealthCell};
pub use models::{ModelInfo, offered_sizes};
pub use new_keys::NewKey;
pub use optimizer::{Improved, Optimizer, Steps};
pub use outbox::{Outbox, OutboxStatus};
pub use plan::{Candidate, Exclusion, Plan, Reason, plan};
pub use recover::{Recovered, Reindexed, reindex};
pub use snapshot::{KeyProblem, LastFailure, Snapshot, TaskRoute, Upstream};
pub use steer::{KeyChange, KeyVerdict};
pub use told::Told;
pub use upkeep::UNDO_WINDOW;
