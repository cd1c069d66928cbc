//! What OpenAI-compatible platforms share: writing the request, reading the answer, and telling
//! what a refusal means. Protocol facts: OpenAI's SDKs and OpenAPI text, and New API's sources.

mod answer;
mod chat;
mod fault;
mod fault_table;
mod request;

pub(crate) use answer::{is_end, item, models, pictures, pictures_or_errors, progress};
pub(crate) use fault::{fault_by, renewal, reported};
pub(crate) use fault_table::{Row, Sign, When, row};
pub(crate) use request::{address_or_data, data_uri, draw, folded, form_of, get, list_models, need_pictures, probe, sampling, send};
