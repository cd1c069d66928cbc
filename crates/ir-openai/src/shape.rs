//! What an answer looks like, and how that is remembered for a caller who comes back for it.

use crate::answer::{self, Finished, Wish};
use crate::chat_answer::{self, ChatAnswer};
use crate::entry::Answer;
use crate::error::Reader;
use crate::image_stream::{self, Topic};
use crate::rules::Rules;
use axum::body::Body;
use http::Response;
use ir_engine::Drawing;
use ir_model::{Background, Clock, Quality, ResponseForm};
use serde_json::{Value, json};
use std::sync::Arc;

/// The answers that there are.
pub(crate) enum Shape {
    /// Of the image endpoints.
    Images(Topic, Wish),
    /// Of chat completions.
    Chat(Box<ChatAnswer>),
}

impl Shape {
    fn wish(&self) -> &Wish {
        match self {
            Self::Images(_, wish) => wish,
            Self::Chat(chat) => &chat.wish,
        }
    }

    /// Whether it comes as a stream of events.
    pub(crate) fn is_stream(&self) -> bool {
        self.wish().stream
    }

    /// What of it must be the same in a repetition.
    pub(crate) fn what(&self) -> String {
        match self {
            Self::Images(topic, wish) => format!("{} {}", topic.name(), wish.stream),
            Self::Chat(chat) => format!("chat {} {} {}", chat.wish.stream, chat.include_usage, chat.model),
        }
    }

    /// What is remembered of it.
    pub(crate) fn memo(&self) -> String {
        let wish = self.wish();
        let mut memo = json!({
            "form": if wish.form == ResponseForm::Url { "url" } else { "b64_json" },
            "stream": wish.stream,
            "quality": wish.quality.map(Quality::name),
            "background": wish.background.map(Background::name),
        });
        match self {
            Self::Images(topic, _) => memo["kind"] = topic.name().into(),
            Self::Chat(chat) => {
                memo["kind"] = "chat".into();
                memo["chat"] = json!({"id": chat.id, "created": chat.created, "model": chat.model, "usage": chat.include_usage});
            }
        }
        memo.to_string()
    }

    /// What [`Shape::memo`] remembered. Language and links are those of today.
    pub(crate) fn of_memo(memo: &str, rules: &Rules, reader: &Reader) -> Option<Self> {
        let memo: Value = serde_json::from_str(memo).ok()?;
        let word = |name: &str| memo[name].as_str();
        let wish = Wish {
            form: if word("form")? == "url" { ResponseForm::Url } else { ResponseForm::Base64 },
            stream: memo["stream"].as_bool()?,
            quality: Quality::ALL.into_iter().find(|quality| word("quality") == Some(quality.name())),
            background: [Background::Transparent, Background::Opaque, Background::Auto]
                .into_iter()
                .find(|background| word("background") == Some(background.name())),
            public_base_url: rules.public_base_url.clone(),
        };
        let kind = word("kind")?;
        if kind != "chat" {
            return Some(Self::Images(Topic::named(kind)?, wish));
        }
        let chat = &memo["chat"];
        Some(Self::Chat(Box::new(ChatAnswer {
            id: chat["id"].as_str()?.to_owned(),
            created: chat["created"].as_i64()?,
            model: chat["model"].as_str()?.to_owned(),
            include_usage: chat["usage"].as_bool()?,
            wish,
            reader: reader.clone(),
            sent: 0,
        })))
    }

    /// As a stream.
    ///
    /// # Errors
    /// The failure of a drawing that failed at once.
    pub(crate) async fn open(self, drawing: Drawing, clock: Arc<dyn Clock>, reader: Reader) -> Answer {
        match self {
            Self::Images(topic, wish) => image_stream::open(drawing, topic, wish, clock, reader).await,
            Self::Chat(chat) => chat_answer::open(drawing, *chat, reader).await,
        }
    }

    /// As a document. `created`: Unix seconds.
    pub(crate) fn document(&self, finished: &Finished, created: i64) -> Response<Body> {
        match self {
            Self::Images(_, wish) => answer::images(finished, wish, created),
            Self::Chat(chat) => chat.document(finished),
        }
    }
}
