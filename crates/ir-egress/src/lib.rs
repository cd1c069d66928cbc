//! The one door out: every outgoing connection, judged by the address it dials.
//!
//! - [`Door`] performs described exchanges and downloads pictures.
//! - [`Bucket`] puts objects into the operator's S3-compatible storage.
//! - [`Wire`] carries requests; [`EgressWire`] for real, [`ScriptedWire`] in tests.
//! - [`Rules`] say what may be dialled; [`ir_model::guard`] knows what kind of address an address
//!   is, and [`parse_url`] reads addresses that came from outside.
//!
//! Nothing else in the workspace opens a socket to the outside or resolves a name (clippy's
//! `disallowed-methods`). There is no proxy: no environment variable is read.

mod bucket;
mod connect;
mod dial;
mod download;
mod events;
mod exchange;
mod faults;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod interfaces;
mod live;
mod multipart;
mod peek;
mod pool;
mod post;
mod refusals;
mod reply;
mod resolve;
mod rules;
mod scripted;
mod url_rules;
mod wire;

pub use bucket::{Bucket, BucketConfig, BucketFault, BucketFaultKind, BucketStyle, Object};
pub use connect::EgressParts;
pub use dial::{Dial, Link, Tcp};
pub use events::Events;
pub use exchange::{Answer, Door, ExchangeLimits};
pub use live::EgressWire;
pub use refusals::{Refusals, Refused};
pub use resolve::{Resolver, SystemResolver};
pub use rules::{AllowEntry, Pace, Purpose, Refusal, Rules};
pub use scripted::{Recorded, ScriptedWire};
pub use url_rules::parse_url;
pub use wire::{Phase, Timing, Wire, WireBody, WireFault, WireFaultKind, WireReply, WireRequest};
