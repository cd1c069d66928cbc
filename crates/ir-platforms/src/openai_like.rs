//! What OpenAI-compatible platforms share: writing the request, reading the answer, and telling
//! what a refusal means. Protocol facts: OpenAI's SDKs and OpenAPI text, and New API's sources.

mod answer;
mod chat;
mod fault;
mod fault_table;
mod request;

pub(crate) use answer::{models, pictures};
pub(crate) use fault::fault;
pub(crate) use request::{draw, list_models};
