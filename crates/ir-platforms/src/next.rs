//! What follows from a reply.

use crate::Call;
use ir_model::{Fault, Output};

/// What an adapter reads in a reply.
#[derive(Clone, Debug)]
pub enum Next {
    /// Pictures, at least one.
    Done(Vec<Output>),
    /// Pictures, at least one, and why there are not all of them.
    Partly(Vec<Output>, Fault),
    /// A further exchange; its reply is read again. At most 32 in a row.
    Then(Call),
    /// A task that has to be asked for.
    Wait(Ticket),
}

/// A task that a platform works on. Stored before it is first asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The platform's id of the task.
    pub id: String,
    /// How long to wait before asking (again), in milliseconds.
    pub after_ms: u64,
}

/// What an event of a platform's stream brings.
#[derive(Clone, Debug)]
pub enum Progress {
    /// Nothing for the caller.
    Nothing,
    /// A preview of the picture that is being drawn. It is shown and not kept.
    Preview(Output),
    /// A finished picture; more may follow.
    Picture(Output),
    /// One of several pictures could not be drawn; others may follow.
    Missing(Fault),
    /// The stream said all that it has to say: this follows.
    Then(Call),
    /// The stream is complete.
    End,
}
