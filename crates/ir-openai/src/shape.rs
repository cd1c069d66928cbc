//! What an answer looks like, and how that is remembered for a caller who comes back for it.

use crate::answer::{self, Finished, Wish};
use crate::chat_answer::{self, ChatAnswer};
use crate::entry::Answer;
use crate::error::Reader;
use crate::image_stream::{self, Topic};
use crate::presentable::Presentable;
use crate::responses_answer::{Echo, ResponseAnswer};
use crate::responses_memory::Own;
use crate::responses_stream;
use crate::rules::Rules;
use axum::body::Body;
use http::Response;
use ir_engine::{Drawing, Engine, Failure};
use ir_model::{Background, Clock, Quality, ResponseForm};
use serde_json::{Value, json};
use std::sync::Arc;

/// The answers that there are.
pub(crate) enum Shape {
    /// Of the image endpoints.
    Images(Topic, Wish),
    /// Of chat completions.
    Chat(Box<ChatAnswer>),
    /// Of the Responses API.
    Response(Box<ResponseAnswer>),
}

/// What an answer is of today, whenever its request was made.
pub(crate) struct Today<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) reader: &'a Reader,
    pub(crate) given: &'a Own,
    pub(crate) clock: &'a Arc<dyn Clock>,
}

impl Shape {
    fn wish(&self) -> &Wish {
        match self {
            Self::Images(_, wish) => wish,
            Self::Chat(chat) => &chat.wish,
            Self::Response(response) => &response.wish,
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
            Self::Response(response) => format!("response {} {} {}", response.wish.stream, response.links, response.echo.memo()),
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
            Self::Response(response) => {
                let ResponseAnswer { id, created, edit, echo, links, .. } = &**response;
                memo["kind"] = "response".into();
                memo["response"] = json!({"id": id, "created": created, "edit": edit, "links": links, "echo": echo.memo()});
            }
        }
        memo.to_string()
    }

    /// What [`Shape::memo`] remembered. Language and links are those of today.
    pub(crate) fn of_memo(memo: &str, today: &Today<'_>) -> Option<Self> {
        let memo: Value = serde_json::from_str(memo).ok()?;
        let word = |name: &str| memo[name].as_str();
        let wish = Wish {
            form: if word("form")? == "url" { ResponseForm::Url } else { ResponseForm::Base64 },
            stream: memo["stream"].as_bool()?,
            quality: Quality::ALL.into_iter().find(|quality| word("quality") == Some(quality.name())),
            background: [Background::Transparent, Background::Opaque, Background::Auto]
                .into_iter()
                .find(|background| word("background") == Some(background.name())),
            public_base_url: today.rules.public_base_url.clone(),
        };
        match word("kind")? {
            "chat" => chat_of(&memo["chat"], wish, today),
            "response" => response_of(&memo["response"], wish, today),
            kind => Some(Self::Images(Topic::named(kind)?, wish)),
        }
    }

    /// As a stream.
    ///
    /// # Errors
    /// The failure of a drawing that failed at once.
    pub(crate) async fn open(self, drawing: Drawing, engine: &Engine, reader: Reader) -> Answer {
        match self {
            Self::Images(topic, wish) => image_stream::open(drawing, topic, wish, engine.clock().clone(), reader).await,
            Self::Chat(chat) => {
                let drawing = Presentable::new(drawing, engine.pictures().clone(), chat.wish.clone());
                chat_answer::open(drawing, *chat, reader).await
            }
            Self::Response(response) => responses_stream::open(drawing, *response, reader).await,
        }
    }

    /// What a document is made of, when it is all there.
    ///
    /// # Errors
    /// The failure of the drawing.
    pub(crate) async fn finish(&self, drawing: Drawing, engine: &Engine) -> Result<Finished, Failure> {
        match self {
            Self::Chat(chat) => answer::finish(Presentable::new(drawing, engine.pictures().clone(), chat.wish.clone())).await,
            Self::Images(..) | Self::Response(_) => answer::finish(drawing).await,
        }
    }

    /// As a document. `created`: Unix seconds.
    pub(crate) fn document(&self, finished: &Finished, created: i64) -> Response<Body> {
        match self {
            Self::Images(_, wish) => answer::images(finished, wish, created),
            Self::Chat(chat) => chat.document(finished),
            Self::Response(response) => response.document(finished),
        }
    }
}

fn chat_of(memo: &Value, wish: Wish, today: &Today<'_>) -> Option<Shape> {
    Some(Shape::Chat(Box::new(ChatAnswer {
        id: memo["id"].as_str()?.to_owned(),
        created: memo["created"].as_i64()?,
        model: memo["model"].as_str()?.to_owned(),
        include_usage: memo["usage"].as_bool()?,
        wish,
        message_images: today.rules.message_images,
        reader: today.reader.clone(),
        sent: 0,
    })))
}

fn response_of(memo: &Value, wish: Wish, today: &Today<'_>) -> Option<Shape> {
    Some(Shape::Response(Box::new(ResponseAnswer {
        id: memo["id"].as_str()?.to_owned(),
        created: memo["created"].as_i64()?,
        edit: memo["edit"].as_bool()?,
        echo: Echo::of_memo(&memo["echo"]),
        links: memo["links"].as_bool()?,
        wish,
        given: today.given.clone(),
        clock: Arc::clone(today.clock),
        reader: today.reader.clone(),
    })))
}
