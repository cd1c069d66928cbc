//! Streams of OpenAI's image events.

use crate::answer::{Wish, known_quality, known_size};
use crate::compose::Composer;
use crate::entry::Answer;
use crate::error::{Reader, failure_object};
use crate::stream::{self, Dialect, Events};
use ir_engine::{Failure, Summary};
use ir_model::{Background, Clock, Drawn};
use ir_spool::Piece;
use serde_json::{Value, json};
use std::sync::Arc;

/// What the events are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    /// `image_generation.*`
    Generation,
    /// `image_edit.*`
    Edit,
}

impl Topic {
    /// A word for it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Generation => "generation",
            Self::Edit => "edit",
        }
    }

    /// The topic of a word.
    pub(crate) fn named(word: &str) -> Option<Self> {
        [Self::Generation, Self::Edit].into_iter().find(|topic| topic.name() == word)
    }

    fn completed(self) -> &'static str {
        match self {
            Self::Generation => "image_generation.completed",
            Self::Edit => "image_edit.completed",
        }
    }
}

/// Answers a drawing as a stream.
///
/// # Errors
/// The failure of a drawing that failed at once.
pub(crate) async fn open(events: impl Events, topic: Topic, wish: Wish, clock: Arc<dyn Clock>, reader: Reader) -> Answer {
    stream::open(events, ImageEvents { topic, wish, clock, reader: reader.clone() }, reader).await
}

struct ImageEvents {
    topic: Topic,
    wish: Wish,
    clock: Arc<dyn Clock>,
    reader: Reader,
}

impl ImageEvents {
    /// Every field of the schema is required; what is not known gets the value that is always true.
    fn completed(&self, drawn: &Drawn) -> Vec<Piece> {
        let picture = drawn.picture.as_ref();
        let size = picture.and_then(|picture| known_size(&picture.probe.size.to_string())).unwrap_or("auto");
        let format = picture.map_or("png", |picture| picture.probe.format.openai_name());
        let background = match self.wish.background {
            Some(Background::Transparent) => "transparent",
            Some(Background::Opaque | Background::Auto) | None => "opaque",
        };
        let name = self.topic.completed();
        let mut out = Composer::default();
        out.raw("event: ").raw(name).raw("\ndata: {\"type\":\"").raw(name).raw("\",\"b64_json\":\"");
        if let Some(picture) = picture {
            out.base64(&picture.blob);
        }
        out.raw("\",\"created_at\":").raw(&self.clock.now().secs().to_string());
        let fields = [
            ("size", Value::from(size)),
            ("quality", Value::from(known_quality(self.wish.quality).unwrap_or("auto"))),
            ("background", Value::from(background)),
            ("output_format", Value::from(format)),
            (
                "usage",
                json!({"total_tokens": 0, "input_tokens": 0, "output_tokens": 0, "input_tokens_details": {"text_tokens": 0, "image_tokens": 0}}),
            ),
        ];
        for (name, value) in fields {
            out.raw(",\"").raw(name).raw("\":").value(&value);
        }
        if let Some(url) = drawn.url.as_deref().filter(|_| picture.is_none()) {
            out.raw(",\"url\":").value(&Value::from(url));
        }
        if let Some(prompt) = &drawn.revised_prompt {
            out.raw(",\"revised_prompt\":").value(&Value::from(prompt.as_str()));
        }
        out.raw("}\n\n");
        out.finish()
    }
}

impl Dialect for ImageEvents {
    fn begin(&mut self) -> Vec<Piece> {
        // Something to flush the headers with, through proxies too.
        self.beat()
    }

    /// One newline: a blank line would end an event that has no data, which breaks several clients.
    fn beat(&mut self) -> Vec<Piece> {
        vec![Piece::Bytes(": keep-alive\n".into())]
    }

    fn picture(&mut self, drawn: &Drawn) -> Vec<Piece> {
        self.completed(drawn)
    }

    fn end(&mut self, summary: &Summary) -> Vec<Piece> {
        // Comments: the events of OpenAI's schema have no place for them.
        let warnings = crate::answer::warnings(summary);
        let line = |text: &String| format!(": warning: {}\n", text.replace(char::is_control, " "));
        let lines: String = warnings.iter().map(line).collect();
        vec![Piece::Bytes(format!("{lines}data: [DONE]\n\n").into())]
    }

    fn failed(&mut self, failure: &Failure) -> Vec<Piece> {
        let object = failure_object(failure, &self.reader);
        vec![Piece::Bytes(format!("event: error\ndata: {{\"error\":{},\"type\":\"error\"}}\n\n", object["error"]).into())]
    }
}
