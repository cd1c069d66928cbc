//! Streams of the Responses API.
//!
//! The first picture's item is announced at once, further ones when they are there: fewer than asked
//! may come, and an item that was announced has to end.

use crate::compose::Composer;
use crate::entry::Answer;
use crate::error::{Reader, failure_object};
use crate::responses_answer::{ResponseAnswer, text_part};
use crate::stream::{self, Dialect, Events};
use ir_engine::{Failure, Summary};
use ir_model::{Drawn, Picture};
use ir_spool::Piece;
use serde_json::{Value, json};

/// Answers a drawing as a stream.
///
/// # Errors
/// The failure of a drawing that failed at once.
pub(crate) async fn open(events: impl Events, answer: ResponseAnswer, reader: Reader) -> Answer {
    stream::open(events, ResponseEvents::new(answer), reader).await
}

pub(crate) struct ResponseEvents {
    answer: ResponseAnswer,
    /// The pictures so far: the last event holds all of them again, from their files.
    drawn: Vec<Drawn>,
    /// The next `sequence_number`.
    number: u64,
}

impl ResponseEvents {
    pub(crate) fn new(answer: ResponseAnswer) -> Self {
        Self { answer, drawn: Vec::new(), number: 0 }
    }

    /// Writes an event; `rest` are the members behind its type and number, each with its comma.
    fn event(&mut self, out: &mut Composer, name: &str, rest: impl FnOnce(&Self, &mut Composer)) {
        out.raw("event: ").raw(name).raw("\ndata: {\"type\":\"").raw(name);
        out.raw("\",\"sequence_number\":").raw(&self.number.to_string());
        self.number += 1;
        rest(self, out);
        out.raw("}\n\n");
    }

    /// An event whose members are small.
    fn plain(&mut self, out: &mut Composer, name: &str, members: &[(&str, Value)]) {
        self.event(out, name, |_, out| {
            for (name, value) in members {
                out.raw(",\"").raw(name).raw("\":").value(value);
            }
        });
    }

    /// An event about the whole answer before it has an output.
    fn lifecycle(&mut self, out: &mut Composer, name: &str) {
        self.event(out, name, |events, out| {
            out.raw(",\"response\":");
            events.answer.object(out, "in_progress", Value::Null, |_| {});
        });
    }

    /// A step of a picture's item.
    fn step(&mut self, out: &mut Composer, step: &str, index: usize) {
        let members = [("output_index", json!(index)), ("item_id", json!(self.answer.item_id(index)))];
        self.plain(out, &format!("response.image_generation_call.{step}"), &members);
    }

    /// Announces a picture's item.
    fn announce(&mut self, out: &mut Composer, index: usize) {
        let item = self.answer.pending(index, "in_progress");
        self.plain(out, "response.output_item.added", &[("output_index", json!(index)), ("item", item)]);
        self.step(out, "in_progress", index);
        self.step(out, "generating", index);
    }

    /// The message, from its announcement to its end.
    fn message(&mut self, out: &mut Composer, words: &str) {
        let index = ("output_index", json!(self.drawn.len()));
        let part = [index.clone(), ("content_index", json!(0)), ("item_id", json!(self.answer.message_id()))];
        let with = |more: &[(&'static str, Value)]| [part.as_slice(), more].concat();
        let item = ("item", self.answer.message("in_progress", None));
        self.plain(out, "response.output_item.added", &[index.clone(), item]);
        self.plain(out, "response.content_part.added", &with(&[("part", text_part(""))]));
        self.plain(out, "response.output_text.delta", &with(&[("delta", json!(words)), ("logprobs", json!([]))]));
        self.plain(out, "response.output_text.done", &with(&[("text", json!(words)), ("logprobs", json!([]))]));
        self.plain(out, "response.content_part.done", &with(&[("part", text_part(words))]));
        let item = ("item", self.answer.message("completed", Some(words)));
        self.plain(out, "response.output_item.done", &[index, item]);
    }
}

impl Dialect for ResponseEvents {
    fn begin(&mut self) -> Vec<Piece> {
        let mut out = Composer::default();
        self.lifecycle(&mut out, "response.created");
        self.lifecycle(&mut out, "response.in_progress");
        self.announce(&mut out, 0);
        out.finish()
    }

    /// A real event while the first picture is drawn: it resets the progress timers of clients, which
    /// comments do not. Later there is no item that it could be about.
    fn beat(&mut self) -> Vec<Piece> {
        if !self.drawn.is_empty() {
            return vec![Piece::Bytes(": keep-alive\n".into())];
        }
        let mut out = Composer::default();
        self.step(&mut out, "generating", 0);
        out.finish()
    }

    /// Of the first picture alone: the others have no item before they are there.
    fn preview(&mut self, index: u32, number: u32, picture: &Picture) -> Vec<Piece> {
        let mut out = Composer::default();
        if index == 0 && self.drawn.is_empty() {
            self.event(&mut out, "response.image_generation_call.partial_image", |events, out| {
                out.raw(",\"output_index\":0,\"item_id\":").value(&json!(events.answer.item_id(0)));
                out.raw(",\"partial_image_index\":").raw(&number.to_string());
                out.raw(",\"partial_image_b64\":\"").base64(&picture.blob).raw("\"");
            });
        }
        out.finish()
    }

    fn picture(&mut self, drawn: &Drawn) -> Vec<Piece> {
        let index = self.drawn.len();
        let mut out = Composer::default();
        if index > 0 {
            self.announce(&mut out, index);
        }
        self.step(&mut out, "completed", index);
        self.event(&mut out, "response.output_item.done", |events, out| {
            out.raw(",\"output_index\":").raw(&index.to_string()).raw(",\"item\":");
            events.answer.call(out, index, drawn, &[]);
        });
        self.answer.note(drawn);
        self.drawn.push(drawn.clone());
        out.finish()
    }

    fn end(&mut self, summary: &Summary) -> Vec<Piece> {
        let mut out = Composer::default();
        let words = self.answer.words(&self.drawn, summary);
        self.message(&mut out, &words);
        self.event(&mut out, "response.completed", |events, out| {
            out.raw(",\"response\":");
            events.answer.completed(out, &events.drawn, summary, &[]);
        });
        out.finish()
    }

    /// OpenAI's service nests the error, its schema has it flat: SDKs read the one or the other. The
    /// official ones raise at this event; those that read on find the end that belongs to a stream.
    fn failed(&mut self, failure: &Failure) -> Vec<Piece> {
        let error = failure_object(failure, &self.answer.reader)["error"].take();
        let mut out = Composer::default();
        let flat = ["code", "message", "param"].map(|name| (name, error[name].clone()));
        self.plain(&mut out, "error", &[flat.as_slice(), &[("error", error.clone())]].concat());
        self.event(&mut out, "response.failed", |events, out| {
            out.raw(",\"response\":");
            let short = json!({"code": short_code(&error), "message": error["message"]});
            events.answer.object(out, "failed", short, |out| {
                for (index, drawn) in events.drawn.iter().enumerate() {
                    out.raw(if index == 0 { "" } else { "," });
                    events.answer.call(out, index, drawn, &[]);
                }
                if events.drawn.is_empty() {
                    out.value(&events.answer.pending(0, "failed"));
                }
            });
        });
        out.finish()
    }
}

/// The nearest of the codes that a Response's own error may have; the full one is in the event before.
fn short_code(error: &Value) -> &'static str {
    match error["code"].as_str() {
        Some("rate_limit_exceeded" | "insufficient_quota") => "rate_limit_exceeded",
        Some("content_policy_violation") => "image_content_policy_violation",
        _ if error["type"] == "invalid_request_error" => "invalid_prompt",
        _ => "server_error",
    }
}
