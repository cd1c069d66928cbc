//! The admin API: who may steer the gateway ([`guard`]), and every operation of the panel, one per
//! file. Types and routes are told in OpenAPI by the code itself ([`openapi`]).
//!
//! Shapes follow ImgRouter 1.x where 1.x had them (`/api/config`, `/api/runtime-config`,
//! `/api/key-pool`, `/api/gallery`, `/api/logs/stream`). Secrets are write-only: nothing here answers
//! with one, but for a new key of a caller, once.

mod admin;
mod attempts;
mod authority;
mod body;
mod client_keys;
mod config;
mod gallery;
mod info;
mod keys;
mod live;
mod metrics;
mod openapi;
mod pages;
mod password;
mod refusal;
mod requests;
mod router;
mod session;
mod stats;
mod tools;
mod update;
mod words;

pub use admin::{Admin, AdminParts, Host, LogLine};
pub use authority::guard;
pub use metrics::text as metrics;
pub use openapi::openapi;
pub use pages::{is_page, page};
pub use router::{nothing, router};
