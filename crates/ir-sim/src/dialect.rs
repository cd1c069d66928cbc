//! Whose protocol a simulator speaks.
//!
//! The OpenAI-compatible one is played by the modules beside this one. Every other has a file of its own below, with its [`Manners`];
//! scripts, directives, delays, cuts and the ledger are the same for all. Pictures are served by the simulator itself, below `/pic/`.
//! A task is done at the second question about it: no clock decides.

use std::fmt;
use std::str::FromStr;

use http::Method;
use http::request::Parts;
use serde_json::{Value, json};

use crate::answer::{Draft, plain};
use crate::behaviour::{Behaviour, Body, ErrorBody, Form, Pictures};
use crate::canvas::Canvas;
use crate::config::PictureFormat;
use crate::drawing::{EPOCH, MAX_PICTURES};
use crate::intake::Asked;
use crate::picture::MAX_SIDE;
use crate::server::Stage;

mod ark;
mod bed;
mod chat;
mod gitee;
mod gradio;
mod inputs;
mod model_scope;
mod pollinations;
mod silicon_flow;

/// A platform's protocol. The cases are names for the directive `case=`: a course of events that only this platform knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI and its relays.
    #[default]
    OpenAi,
    /// Volcengine Ark. Cases: `partial` (every second picture is withheld), `stream-error` (a stream ends in an error after its first
    /// picture), `overdue` (403).
    Ark,
    /// Gitee AI. Cases: `task-failed`, `at-once` (the answer to the order holds the picture), `b64` (a task ends in base64).
    Gitee,
    /// ModelScope. Cases: `task-failed`, `no-quota` (429 with nothing remaining).
    ModelScope,
    /// Pollinations, both hosts. Cases: `relabelled` (502 that hides another platform's 429), `publishable` (429 in another shape).
    Pollinations,
    /// SiliconFlow. Cases: `no-balance`, `overloaded`, `unverified`.
    SiliconFlow,
    /// A CloudFlare-ImgBed. Cases: `relative`, `full`, `code` (the form of the address, whatever was asked for). Its keys are upload codes.
    Bed,
    /// A language model, which answers `EN: ` and what it was told. Cases: `no-choice`, `cut-short` (`finish_reason` is `length`).
    Chat,
    /// A Space with Gradio 5. Cases: `queue-full`, `zero-gpu` (quota), `error`, `progress`, and for the path `/config` or `/api/spaces/`
    /// `sleeping` (the proxy's 503, the state `SLEEPING`).
    Gradio,
}

/// Every dialect by its name.
const NAMES: [(&str, Dialect); 9] = [
    ("open-ai", Dialect::OpenAi),
    ("ark", Dialect::Ark),
    ("gitee", Dialect::Gitee),
    ("model-scope", Dialect::ModelScope),
    ("pollinations", Dialect::Pollinations),
    ("silicon-flow", Dialect::SiliconFlow),
    ("bed", Dialect::Bed),
    ("chat", Dialect::Chat),
    ("gradio", Dialect::Gradio),
];

impl Dialect {
    /// The paths that are answered, with their methods, for people.
    #[must_use]
    pub fn paths(self) -> &'static [&'static str] {
        match self.manners() {
            None => &["POST /v1/images/generations | edits | variations", "POST /v1/chat/completions", "GET /v1/models"],
            Some(manners) => manners.paths(),
        }
    }

    /// Who plays it; none for the OpenAI-compatible platform.
    pub(crate) fn manners(self) -> Option<&'static dyn Manners> {
        Some(match self {
            Self::OpenAi => return None,
            Self::Ark => &ark::Ark,
            Self::Gitee => &gitee::Gitee,
            Self::ModelScope => &model_scope::ModelScope,
            Self::Pollinations => &pollinations::Pollinations,
            Self::SiliconFlow => &silicon_flow::SiliconFlow,
            Self::Bed => &bed::Bed,
            Self::Chat => &chat::Chat,
            Self::Gradio => &gradio::Gradio,
        })
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(_, dialect)| dialect == self).map_or("", |(name, _)| name);
        formatter.write_str(name)
    }
}

impl FromStr for Dialect {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let names = || NAMES.map(|(name, _)| name).join(", ");
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, dialect)| *dialect).ok_or_else(|| format!("one of {}", names()))
    }
}

/// Status and document of a refusal.
pub(crate) type Refused = (u16, ErrorBody);

/// What a platform does in its own way.
pub(crate) trait Manners: Sync {
    /// The paths that are answered, with their methods, for people.
    fn paths(&self) -> &'static [&'static str];

    /// The cases that can be played.
    fn cases(&self) -> &'static [&'static str];

    /// Whether a request asks for the platform's work.
    fn draws(&self, method: &Method, path: &str) -> bool;

    /// Finds prompt, model and size where this platform has them in another place than OpenAI.
    fn complete(&self, _head: &Parts, _asked: &mut Asked) {}

    /// Whether a request needs no key, or the platform looks at it in its own way.
    fn open(&self, visit: &Visit<'_>) -> bool {
        visit.ends("/models")
    }

    /// The refusal of a model that does not exist.
    fn unknown_model(&self, model: &str) -> Refused {
        (404, ErrorBody::saying(format!("The model {model} does not exist.")))
    }

    /// The answer when nothing is amiss.
    fn answer(&self, scene: &Scene<'_>) -> Result<Draft, Refused>;

    /// An error in this platform's shape; what the document leaves open follows from the status.
    fn error(&self, status: u16, error: &ErrorBody) -> Draft;

    /// An answer without anything.
    fn empty(&self) -> Value;
}

/// A request at the door.
pub(crate) struct Visit<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) head: &'a Parts,
    pub(crate) key: Option<&'a str>,
    pub(crate) asked: &'a Asked,
    pub(crate) draws: bool,
}

/// A request that is let in, and how it is to be answered.
pub(crate) struct Scene<'a> {
    pub(crate) visit: &'a Visit<'a>,
    pub(crate) pictures: &'a Pictures,
    /// The case to be played; empty without one.
    pub(crate) case: &'a str,
    /// What a stream ends in.
    pub(crate) failure: Option<&'a ErrorBody>,
}

/// A refusal with a code.
pub(crate) fn refused(status: u16, code: &str, message: impl Into<String>) -> Refused {
    (status, ErrorBody { code: Some(code.into()), ..ErrorBody::saying(message) })
}

/// Answers a request on a platform of these manners.
pub(crate) fn answer(manners: &dyn Manners, visit: &Visit<'_>, behaviour: &Behaviour) -> Draft {
    let case = behaviour.case.as_deref().unwrap_or_default();
    let play = |pictures: &Pictures, failure| {
        let scene = Scene { visit, pictures, case, failure };
        played(manners, &scene).unwrap_or_else(|(status, error)| manners.error(status, &error))
    };
    let mut draft = match &behaviour.body {
        Body::Pictures(pictures) => play(pictures, None),
        Body::StreamError(error) => play(&Pictures::default(), Some(error)),
        Body::Error(error) => manners.error(behaviour.status.unwrap_or(500), error),
        Body::EmptyData => Draft::document(200, &manners.empty()),
        other => plain(other, visit.head.method == Method::GET && !visit.draws),
    };
    draft.finish(behaviour);
    draft
}

fn played(manners: &dyn Manners, scene: &Scene<'_>) -> Result<Draft, Refused> {
    let (visit, config) = (scene.visit, &scene.visit.stage.config);
    if visit.path().starts_with("/pic/") {
        let drawn = visit.stage.easel.file(visit.path(), scene.pictures).ok_or_else(nowhere)?;
        return drawn.map_err(|error| undrawable(&error));
    }
    if !scene.case.is_empty() && !manners.cases().contains(&scene.case) {
        return Err((400, ErrorBody::saying(format!("this platform has no case {:?}, but {}", scene.case, manners.cases().join(", ")))));
    }
    if !manners.open(visit) {
        crate::validate::key(config, visit.key).map_or(Ok(()), Err)?;
    }
    if let Some(model) = visit.asked.model.as_ref().filter(|_| visit.draws && !config.models.is_empty())
        && !config.models.contains(model)
    {
        return Err(manners.unknown_model(model));
    }
    if visit.head.method == Method::GET && visit.ends("/models") {
        return Ok(Draft::document(200, &crate::answer::list(&config.models)));
    }
    manners.answer(scene)
}

/// The refusal of a path that is not known.
pub(crate) fn nowhere() -> Refused {
    (404, ErrorBody::saying("There is no such page."))
}

fn undrawable(error: &std::io::Error) -> Refused {
    (400, ErrorBody::saying(error.to_string()))
}

impl Visit<'_> {
    pub(crate) fn path(&self) -> &str {
        self.head.uri.path()
    }

    /// Whether the path ends so; relays are mounted anywhere.
    pub(crate) fn ends(&self, end: &str) -> bool {
        self.path().ends_with(end)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A member of the JSON body.
    pub(crate) fn member(&self, name: &str) -> Option<&Value> {
        self.asked.parcel.json.get(name).filter(|value| !value.is_null())
    }

    /// A field of the query.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        inputs::query(self.head, name)
    }
}

impl Scene<'_> {
    /// The prompt, which must be there.
    pub(crate) fn prompt(&self) -> Result<&str, Refused> {
        let prompt = self.visit.asked.prompt.as_deref().filter(|prompt| !prompt.is_empty());
        prompt.ok_or_else(|| (400, ErrorBody { param: Some("prompt".into()), ..ErrorBody::saying("prompt is required") }))
    }

    /// How many pictures are drawn where so many are asked for.
    pub(crate) fn count(&self, asked: u32) -> u32 {
        self.pictures.count.unwrap_or(asked).min(MAX_PICTURES)
    }

    /// Link or bytes, where the platform sends `usual` unless asked.
    pub(crate) fn form(&self, usual: Form) -> Form {
        self.pictures.form.or(self.visit.asked.form).unwrap_or(usual)
    }

    /// Where pictures of this size are drawn; sides beyond what the simulator can draw are cut to that.
    pub(crate) fn canvas(&self, size: Option<(u32, u32)>, format: Option<PictureFormat>) -> Result<Canvas<'_>, Refused> {
        let size = size.map(|(width, height)| (width.clamp(1, MAX_SIDE), height.clamp(1, MAX_SIDE)));
        self.visit.stage.easel.canvas(self.pictures, size, format).map_err(|error| undrawable(&error))
    }

    /// A new picture as a member of an item: `url` or `b64_json`.
    pub(crate) fn item(&self, canvas: &Canvas<'_>, form: Form) -> Value {
        match form {
            Form::Url => json!({"url": canvas.link()}),
            Form::B64 => json!({"b64_json": canvas.text()}),
        }
    }

    /// A name that was not given before.
    pub(crate) fn number(&self) -> u64 {
        self.visit.stage.easel.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
    }

    /// The second of the answer.
    pub(crate) fn created(&self) -> u64 {
        EPOCH + self.visit.stage.ledger.age().as_secs()
    }

    /// The address of the simulator.
    pub(crate) fn url(&self) -> &str {
        &self.visit.stage.easel.url
    }
}
