//! What follows from a reply.

use crate::Call;
use ir_model::Output;

/// What an adapter reads in a reply.
#[derive(Clone, Debug)]
pub enum Next {
    /// Pictures, at least one.
    Done(Vec<Output>),
    /// A further exchange; its reply is read again. At most 16 in a row.
    Then(Call),
    /// A task that has to be asked for.
    Wait(Ticket),
}

/// A task that a platform works on. Stored, so that a restart picks it up again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The platform's id of the task.
    pub id: String,
    /// How long to wait before asking (again), in milliseconds.
    pub after_ms: u64,
}

/// What an event of a streaming platform brings.
#[derive(Clone, Debug)]
pub enum Progress {
    /// Nothing for the caller.
    Nothing,
    /// A preview.
    Partial(Output),
    /// A finished picture.
    Picture(Output),
    /// The stream is complete.
    End,
}
