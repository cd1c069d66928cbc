//! What platforms with asynchronous tasks share: tickets that are safe in an address, what the words
//! for a task's state mean, and reading the answers to a submission and to a question after a task.

use crate::openai_like::{self as openai, Row, fault_by, reported};
use crate::{Call, Next, Reply, Ticket};
use ir_model::{Charge, Class, Fault, Job, Node, Output};
use serde_json::json;

/// Longest id of a task that is believed to be one.
const MAX_ID: usize = 200;

/// Most pictures taken from one task.
const MAX_PICTURES: usize = 16;

/// How deep in an output pictures are looked for.
const MAX_DEPTH: u32 = 3;

/// How a platform tells of its tasks.
#[derive(Debug)]
pub(crate) struct Tasks {
    /// Path of one task below the base address; its id is added.
    pub(crate) path: &'static str,
    /// Headers of a question.
    pub(crate) headers: &'static [(&'static str, &'static str)],
    /// Member with the state.
    pub(crate) state: &'static str,
    /// Members that hold pictures, in the order of trust.
    pub(crate) outputs: &'static [&'static str],
    /// Pause before each question, in milliseconds.
    pub(crate) pause_ms: u64,
    /// What the platform's refusals mean.
    pub(crate) rows: &'static [Row],
}

/// How a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It waits or is drawn; so is one in a state that nobody knows.
    Running,
    /// It ended well.
    Done,
    /// It ended otherwise.
    Failed,
}

/// What a word for a state means, in any case.
fn state(word: &str) -> State {
    match word.to_ascii_lowercase().as_str() {
        "success" | "succeed" | "succeeded" | "completed" | "done" => State::Done,
        "failure" | "failed" | "fail" | "error" | "cancelled" | "canceled" | "expired" | "timeout" => State::Failed,
        _ => State::Running,
    }
}

impl Tasks {
    /// The question after a task. It remembers the task's id: answers need not repeat it.
    pub(crate) fn poll(&self, job: &Job, ticket: &Ticket) -> Option<Call> {
        let call = is_id(&ticket.id).then(|| openai::get(job, &format!("{}{}", self.path, ticket.id), self.headers))?;
        call.ok().map(|call| call.memo(json!(ticket.id)))
    }

    /// Reads a 2xx, whether it answers a submission or a question. Pictures are taken wherever they
    /// are; the state that stands in the answer to a submission only says that it was taken.
    pub(crate) fn read(&self, reply: &Reply) -> Result<Next, Fault> {
        let Some(document) = reply.json() else { return openai::pictures(self.rows, reply).map(Next::Done) };
        let mut found: Vec<Output> = Vec::new();
        for place in self.outputs.iter().filter_map(|name| document.get(name)) {
            outputs(place, 0, &mut found);
            if !found.is_empty() {
                return Ok(Next::Done(found));
            }
        }
        let Some(asked) = reply.memo.as_str() else {
            return match document.get("task_id") {
                Some(id) => self.ticket(id),
                None => openai::pictures(self.rows, reply).map(Next::Done),
            };
        };
        match document.get(self.state).and_then(Node::as_str).map(state) {
            Some(State::Running) => Ok(Next::Wait(Ticket { id: asked.to_owned(), after_ms: self.pause_ms })),
            Some(State::Done | State::Failed) => Err(self.failure(document)),
            None => Err(asking(reported(self.rows, document))),
        }
    }

    /// Reads a refusal. One that answers a question is about asking, not about the task.
    pub(crate) fn refused(&self, reply: &Reply) -> Fault {
        let fault = fault_by(self.rows, reply);
        if reply.memo.is_string() { asking(fault) } else { fault }
    }

    /// # Errors
    /// `UpstreamFault`, charged `Maybe`, when `id` is none or could change the address it is put into.
    fn ticket(&self, id: &Node) -> Result<Next, Fault> {
        let text = id.as_str().map(str::to_owned).or_else(|| id.as_i64().map(|number| number.to_string()));
        match text.filter(|id| is_id(id)) {
            Some(id) => Ok(Next::Wait(Ticket { id, after_ms: self.pause_ms })),
            None => Err(Fault::new(Class::UpstreamFault).charged(Charge::Maybe).detail("the platform's answer names no task")),
        }
    }

    /// Why a task failed: what its document says. The key was good enough for the task to be taken,
    /// the model was found, and the question was answered: codes that say otherwise are those of the
    /// platform's own workers.
    fn failure(&self, document: &Node) -> Fault {
        let fault = reported(self.rows, document);
        match fault.class {
            Class::UpstreamFault
            | Class::KeyRejected
            | Class::ModelNotFound
            | Class::Overloaded
            | Class::RateLimited
            | Class::Timeout
            | Class::Blocked => Fault { class: Class::TaskFailed, charge: Charge::Maybe, message: None, ..fault },
            _ => fault,
        }
    }
}

/// A fault of asking for a task. The task goes on behind it, and may be paid for. Nor does it judge
/// the key: the key was good enough for the task to be taken, and what becomes of it is told by the
/// next submission. Another key would submit the same drawing again.
fn asking(fault: Fault) -> Fault {
    let class = match fault.class {
        Class::KeyRejected | Class::QuotaExhausted | Class::RateLimited => Class::UpstreamFault,
        other => other,
    };
    Fault { class, charge: fault.charge.max(Charge::Maybe), ..fault }
}

/// Whether an id of a task can stand in a path without changing it.
fn is_id(id: &str) -> bool {
    (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// The pictures in a task's output: a text, an object that holds one, or a list of them, also one
/// level further in (`output.data.b64_json`).
fn outputs(node: &Node, depth: u32, found: &mut Vec<Output>) {
    if depth >= MAX_DEPTH || found.len() >= MAX_PICTURES {
        return;
    }
    match node {
        Node::Array(items) => items.iter().for_each(|item| outputs(item, depth + 1, found)),
        _ => {
            let here = openai::item(node).or_else(|| openai::item(node.get("file_url")?));
            match here {
                Some(output) => found.push(output),
                None => ["data", "images"].iter().filter_map(|name| node.get(name)).for_each(|inner| outputs(inner, depth + 1, found)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_states_mean_the_same_in_any_case() {
        for word in ["success", "SUCCEED", "Succeeded", "completed"] {
            assert_eq!(state(word), State::Done, "{word}");
        }
        for word in ["failure", "FAILED", "cancelled", "CANCELED"] {
            assert_eq!(state(word), State::Failed, "{word}");
        }
        for word in ["waiting", "in_progress", "PENDING", "processing", "", "a word of tomorrow"] {
            assert_eq!(state(word), State::Running, "{word}");
        }
    }

    #[test]
    fn an_id_that_could_change_an_address_is_none() {
        for id in ["TASK7K2", "3541001", "5f0c2b1e-0001_x"] {
            assert!(is_id(id), "{id}");
        }
        for id in ["", ".", "..", "../keys", "a/b", "a?b", "a#b", "a%2fb", "a b", "ü", &"a".repeat(201)] {
            assert!(!is_id(id), "{id}");
        }
    }
}
