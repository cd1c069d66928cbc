//! What platforms with asynchronous tasks share: ids that are safe in an address, and what the words
//! for a task's state mean.

use crate::Ticket;
use crate::openai_like::{Row, reported};
use ir_model::{Charge, Class, Fault, Node};

/// Longest id of a task that is believed to be one.
const MAX_ID: usize = 200;

/// How a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It waits or is drawn; so is one in a state that nobody knows.
    Running,
    /// It ended well.
    Done,
    /// It ended otherwise.
    Failed,
}

/// What a word for a state means, in any case.
pub(crate) fn state(word: &str) -> State {
    match word.to_ascii_lowercase().as_str() {
        "success" | "succeed" | "succeeded" | "completed" | "done" => State::Done,
        "failure" | "failed" | "fail" | "error" | "cancelled" | "canceled" | "expired" => State::Failed,
        _ => State::Running,
    }
}

/// The ticket for a task, first asked for after `ms`.
///
/// # Errors
/// `UpstreamFault`, charged `Maybe`, when `id` is none or could change the address it is put into.
pub(crate) fn ticket(id: Option<&Node>, ms: u64) -> Result<Ticket, Fault> {
    let text = id.and_then(|id| id.as_filled_str().map(str::to_owned).or_else(|| id.as_i64().map(|number| number.to_string())));
    let plain = |id: &String| id.len() <= MAX_ID && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    match text.filter(plain) {
        Some(id) => Ok(Ticket { id, after_ms: ms }),
        None => Err(Fault::new(Class::UpstreamFault).charged(Charge::Maybe).detail("the platform's answer names no task")),
    }
}

/// Why a task failed: what its document says, and `TaskFailed` where the table knows no better.
pub(crate) fn failure(own: &[Row], document: &Node) -> Fault {
    let fault = reported(own, document);
    match fault.class {
        Class::UpstreamFault => Fault { class: Class::TaskFailed, charge: Charge::Maybe, ..fault },
        _ => fault,
    }
}
