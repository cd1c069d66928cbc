//! Chat answers: an assistant message whose content is Markdown with one picture per line, as a
//! document or as a stream of chunks.

use crate::answer::{Finished, Place, Wish, json_response, place, remarks, set_summary, shortfall};
use crate::compose::Composer;
use crate::entry::Answer;
use crate::error::{Reader, failure_object};
use crate::stream::{self, Dialect, Events};
use axum::body::Body;
use http::Response;
use ir_engine::{Failure, Summary};
use ir_model::Drawn;
use ir_spool::Piece;
use serde_json::{Value, json};

/// What stays the same in all parts of one answer.
#[derive(Clone, Debug)]
pub(crate) struct ChatAnswer {
    pub(crate) id: String,
    /// Unix seconds.
    pub(crate) created: i64,
    /// As the caller named it.
    pub(crate) model: String,
    pub(crate) include_usage: bool,
    /// Pictures also stand in `images`, as OpenRouter's clients read them.
    pub(crate) message_images: bool,
    pub(crate) wish: Wish,
    pub(crate) reader: Reader,
    /// Pictures sent so far.
    pub(crate) sent: usize,
}

/// Answers a drawing as a stream.
///
/// # Errors
/// The failure of a drawing that failed at once.
pub(crate) async fn open(events: impl Events, answer: ChatAnswer, reader: Reader) -> Answer {
    stream::open(events, answer, reader).await
}

fn usage() -> Value {
    json!({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0})
}

/// Writes one picture as Markdown into an open JSON string.
fn markdown(out: &mut Composer, drawn: &Drawn, number: usize, wish: &Wish) {
    out.raw(&format!("![image{number}]("));
    address(out, drawn, wish);
    out.raw(")");
}

/// Writes a picture's address, or its bytes as a data URI, into an open JSON string. An address keeps
/// Markdown whole: no blanks, no parentheses.
fn address(out: &mut Composer, drawn: &Drawn, wish: &Wish) {
    match place(drawn, wish) {
        Some(Place::Url(url)) => {
            out.inside(&safe_address(&url));
        }
        Some(Place::Bytes(picture)) => {
            out.raw("data:").raw(picture.probe.format.media_type()).raw(";base64,").base64(&picture.blob);
        }
        None => {}
    }
}

/// A picture's address as it may stand in Markdown.
pub(crate) fn safe_address(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    for ch in url.chars() {
        match ch {
            '(' => out.push_str("%28"),
            ')' => out.push_str("%29"),
            '<' => out.push_str("%3C"),
            '>' => out.push_str("%3E"),
            '"' => out.push_str("%22"),
            '\\' => out.push_str("%5C"),
            ' ' => out.push_str("%20"),
            ch if ch.is_control() || ch.is_whitespace() => {}
            ch => out.push(ch),
        }
    }
    out
}

impl ChatAnswer {
    /// The whole answer.
    pub(crate) fn document(&self, finished: &Finished) -> Response<Body> {
        let mut out = Composer::default();
        out.raw("{\"id\":").value(&Value::from(self.id.as_str()));
        out.raw(",\"object\":\"chat.completion\",\"created\":").raw(&self.created.to_string());
        out.raw(",\"model\":").value(&Value::from(self.model.as_str()));
        out.raw(",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"");
        for (i, drawn) in finished.pictures.iter().enumerate() {
            if i > 0 {
                out.raw("\\n");
            }
            markdown(&mut out, drawn, i + 1, &self.wish);
        }
        if let Some(text) = shortfall(&finished.summary, self.reader.language) {
            out.raw("\\n\\n").inside(&text);
        }
        out.raw("\"");
        self.images(&mut out, &finished.pictures, 0);
        out.raw(",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":").value(&usage()).raw("}");
        let mut response = json_response(out.finish());
        set_summary(response.headers_mut(), &finished.summary);
        response
    }

    /// The member `images` of a message or a delta, where it is wanted.
    fn images(&self, out: &mut Composer, pictures: &[Drawn], first: usize) {
        if !self.message_images {
            return;
        }
        out.raw(",\"images\":[");
        for (i, drawn) in pictures.iter().enumerate() {
            out.raw(if i == 0 { "" } else { "," });
            out.raw("{\"type\":\"image_url\",\"index\":").raw(&(first + i).to_string()).raw(",\"image_url\":{\"url\":\"");
            address(out, drawn, &self.wish);
            out.raw("\"}}");
        }
        out.raw("]");
    }

    /// The beginning of a chunk, up to the inside of `choices`.
    fn head(&self, out: &mut Composer) {
        out.raw("data: {\"id\":").value(&Value::from(self.id.as_str()));
        out.raw(",\"object\":\"chat.completion.chunk\",\"created\":").raw(&self.created.to_string());
        out.raw(",\"model\":").value(&Value::from(self.model.as_str())).raw(",\"choices\":[");
    }

    /// The end of a chunk. OpenAI adds `usage: null` where usage was asked for.
    fn tail(&self, out: &mut Composer) {
        out.raw(if self.include_usage { "],\"usage\":null}\n\n" } else { "]}\n\n" });
    }

    fn chunk(&self, delta: &Value, finish: Option<&str>) -> Vec<Piece> {
        let mut out = Composer::default();
        self.head(&mut out);
        out.value(&json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}));
        self.tail(&mut out);
        out.finish()
    }
}

impl Dialect for ChatAnswer {
    fn begin(&mut self) -> Vec<Piece> {
        self.chunk(&json!({"role": "assistant", "content": ""}), None)
    }

    /// A real chunk: it resets the progress timers of clients, which comments do not.
    fn beat(&mut self) -> Vec<Piece> {
        self.chunk(&json!({"content": ""}), None)
    }

    /// The picture whole in one delta: clients look for it chunk by chunk.
    fn picture(&mut self, drawn: &Drawn) -> Vec<Piece> {
        self.sent += 1;
        let mut out = Composer::default();
        self.head(&mut out);
        out.raw("{\"index\":0,\"delta\":{\"content\":\"").raw(if self.sent > 1 { "\\n" } else { "" });
        markdown(&mut out, drawn, self.sent, &self.wish);
        out.raw("\"");
        self.images(&mut out, std::slice::from_ref(drawn), self.sent - 1);
        out.raw("},\"logprobs\":null,\"finish_reason\":null}");
        self.tail(&mut out);
        out.finish()
    }

    fn end(&mut self, summary: &Summary) -> Vec<Piece> {
        let mut pieces = Vec::new();
        // When the headers left, nobody knew.
        for text in remarks(summary, self.reader.language) {
            pieces.extend(self.chunk(&json!({"content": format!("\n\n{text}")}), None));
        }
        pieces.extend(self.chunk(&json!({}), Some("stop")));
        let mut out = Composer::default();
        if self.include_usage {
            self.head(&mut out);
            out.raw("],\"usage\":").value(&usage()).raw("}\n\n");
        }
        out.raw("data: [DONE]\n\n");
        pieces.extend(out.finish());
        pieces
    }

    /// go-openai recognises an error only if the line begins exactly so.
    fn failed(&mut self, failure: &Failure) -> Vec<Piece> {
        let object = failure_object(failure, &self.reader);
        vec![Piece::Bytes(format!("data: {object}\n\ndata: [DONE]\n\n").into())]
    }
}
