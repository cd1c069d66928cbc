//! The public dialect: OpenAI's requests, answers, streams and errors. The only crate that knows
//! OpenAI's public JSON.
//!
//! Every endpoint is a file: it reads the request into an [`ir_model::Ask`], lets the engine draw,
//! and writes the answer. Pictures are never in memory: they are lifted out of the request while it
//! is read and streamed from their files into the answer.

mod answer;
mod api;
mod auth;
mod blend;
mod body;
mod chat;
mod chat_answer;
mod chat_messages;
mod compose;
mod edits;
mod entry;
mod error;
mod form;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod generations;
mod image_stream;
mod language;
mod models;
mod openapi;
mod order;
mod params;
mod pictures;
mod presentable;
mod requests;
mod responses;
mod responses_answer;
mod responses_input;
mod responses_memory;
mod responses_stream;
mod rules;
mod shape;
mod stream;
#[cfg(test)]
mod testing;
mod variations;
mod wants;

pub use api::{Api, identify_head, method_not_allowed, not_found, refuse_head, router};
pub use error::{Mode, Reader, render, render_failure};
pub use openapi::openapi;
