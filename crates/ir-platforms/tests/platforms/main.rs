//! The platforms through the crate's public interface.

mod common;
mod conformance;
mod exchanges;
mod flows;
mod hugging_face;
mod local;
mod new_api;
mod refusals;
mod tasks;
