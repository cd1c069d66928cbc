//! The listener and one request's way through it.

use std::fmt;
use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::answer::{Draft, draft};
use crate::behaviour::{Behaviour, Body, Cut, ErrorBody};
use crate::body::{Manner, PlayedBody};
use crate::config::SimConfig;
use crate::connection::{Fate, FatedStream};
use crate::control;
use crate::dialect::{self, Manners, Visit};
use crate::directive;
use crate::drawing::Easel;
use crate::intake::{self, Asked, Reading, Route, Unread};
use crate::ledger::{Ledger, Outcome, Recording};
use crate::picture::Studio;
use crate::script::{Play, Script, Sight};
use crate::shelf::Keep;
use crate::validate;

/// Most connections at a time; more wait in the system's queue.
const MAX_CONNECTIONS: usize = 8_192;
/// Longest time a connection may be silent between requests.
const IDLE: Duration = Duration::from_secs(600);
/// Longest silence that a behaviour can ask for.
const MAX_DELAY: Duration = Duration::from_secs(3_600);
/// Longest header value that the ledger keeps.
const MAX_HEADER: usize = 512;

/// A simulated platform. It stops, and closes its connections, when dropped.
#[derive(Debug)]
pub struct Sim {
    stage: Arc<Stage>,
    acceptor: JoinHandle<()>,
}

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) config: SimConfig,
    pub(crate) easel: Easel,
    pub(crate) ledger: Ledger,
    pub(crate) play: Mutex<Play>,
    pub(crate) keep: Keep,
}

impl Sim {
    /// Starts a platform on 127.0.0.1.
    ///
    /// # Errors
    /// When the port cannot be had, or a picture of the wanted size cannot be made.
    pub async fn start(config: SimConfig) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", config.port)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let easel = Easel { studio: Studio::default(), spec: config.picture, url, next: AtomicU64::new(1) };
        easel.studio.template(config.picture)?;
        let stage = Arc::new(Stage { config, easel, ledger: Ledger::new(), play: Mutex::default(), keep: Keep::default() });
        let acceptor = tokio::spawn(accept(listener, stage.clone()));
        Ok(Self { stage, acceptor })
    }

    /// The address, `http://127.0.0.1:PORT`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.stage.easel.url
    }

    /// What was asked so far.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.stage.ledger.clone()
    }

    /// Replaces the script; its counts start anew.
    pub fn script(&self, script: Script) {
        self.stage.script(script);
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        // The acceptor owns the connections' tasks: they end with it.
        self.acceptor.abort();
    }
}

impl Stage {
    pub(crate) fn script(&self, script: Script) {
        *self.play.lock().unwrap_or_else(PoisonError::into_inner) = Play::new(script);
    }
}

async fn accept(listener: TcpListener, stage: Arc<Stage>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= MAX_CONNECTIONS {
            connections.join_next().await;
        }
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, stage.clone()));
                }
                // Out of descriptors, or the caller left before it was served: the next may fare better.
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, stage: Arc<Stage>) {
    // Without it small answers wait for the peer's acknowledgement; a socket that refuses still works.
    let _ = stream.set_nodelay(true);
    let fate = Arc::new(Fate::default());
    let io = TokioIo::new(FatedStream::new(stream, fate.clone()));
    let service = service_fn(move |request| respond(stage.clone(), fate.clone(), request));
    // Its error is a caller that left or an end that was played: the ledger tells both.
    let _ = http1::Builder::new().timer(TokioTimer::new()).header_read_timeout(IDLE).serve_connection(io, service).await;
}

/// The end of a connection before any answer.
#[derive(Debug)]
pub(crate) struct NoAnswer;

impl fmt::Display for NoAnswer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the behaviour cuts the connection before an answer")
    }
}

impl std::error::Error for NoAnswer {}

async fn respond(stage: Arc<Stage>, fate: Arc<Fate>, request: Request<Incoming>) -> Result<Response<PlayedBody>, NoAnswer> {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    if path.starts_with("/_sim/") {
        let (answer, recording) = control::answer(&stage, &head.method, path, body).await;
        return Ok(perform(answer, &Behaviour::default(), fate, recording));
    }
    let key = key(&head.headers);
    let full = head.uri.path_and_query().map_or(path, |full| full.as_str());
    let mut recording = stage.ledger.open(head.method.to_string(), full.to_owned(), key.clone(), headers(&head.headers));
    let manners = stage.config.dialect.manners();
    let how = Reading { max: stage.config.max_body, hash: stage.config.hash_files, keep: manners.is_some() };
    let (mut asked, recorded) = match intake::read(&head.headers, body, how).await {
        Ok(read) => read,
        Err(Unread::Gone) => return Err(NoAnswer),
        Err(Unread::TooLarge) => return Ok(stage.refuse(413, ErrorBody::default(), fate, recording)),
        Err(Unread::Malformed(message)) => return Ok(stage.refuse(400, ErrorBody::saying(message), fate, recording)),
    };
    recording.body(recorded);
    let part = match manners {
        Some(manners) => {
            manners.complete(&head, &mut asked);
            Part::Dialect(manners)
        }
        None => match Route::of(path).filter(|route| route.draws() == (head.method == http::Method::POST)) {
            Some(route) => Part::OpenAi(route),
            None => return Ok(stage.refuse(404, ErrorBody::default(), fate, recording)),
        },
    };
    let draws = part.draws(&head.method, path);
    recording.draws(draws);
    let sight = Sight { path: full, key: key.as_deref(), model: asked.model.as_deref(), prompt: asked.prompt.as_deref(), draws };
    let behaviour = match stage.choose(sight, head.uri.query()) {
        Ok(behaviour) => behaviour,
        Err(message) => return Ok(stage.refuse(400, ErrorBody::saying(message), fate, recording)),
    };
    if !behaviour.delay_before_headers.is_zero() {
        tokio::time::sleep(behaviour.delay_before_headers.min(MAX_DELAY)).await;
    }
    if let Some(cut @ (Cut::AfterRequest | Cut::Reset)) = behaviour.cut {
        let reset = cut == Cut::Reset;
        if reset {
            fate.reset_on_drop();
        }
        recording.finish(Outcome::Cut { bytes: None, reset });
        return Err(NoAnswer);
    }
    let answer = match part {
        Part::OpenAi(route) => stage.open_ai(&behaviour, route, path, key.as_deref(), &asked),
        Part::Dialect(manners) => {
            dialect::answer(manners, &Visit { stage: &stage, head: &head, key: key.as_deref(), asked: &asked, draws }, &behaviour)
        }
    };
    Ok(perform(answer, &behaviour, fate, recording))
}

/// Who answers.
#[derive(Clone, Copy)]
enum Part {
    OpenAi(Route),
    Dialect(&'static dyn Manners),
}

impl Part {
    fn draws(self, method: &http::Method, path: &str) -> bool {
        match self {
            Self::OpenAi(route) => route.draws(),
            Self::Dialect(manners) => manners.draws(method, path),
        }
    }
}

impl Stage {
    /// The script decides, else the directives in the prompt or link, else the default.
    fn choose(&self, sight: Sight<'_>, query: Option<&str>) -> Result<Behaviour, String> {
        if let Some(behaviour) = self.play.lock().unwrap_or_else(PoisonError::into_inner).choose(sight) {
            return Ok(behaviour);
        }
        let in_link = query.and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("sim=")));
        let in_prompt = sight.prompt.and_then(directive::in_prompt);
        match in_link.or(in_prompt).filter(|_| self.config.obey_prompts) {
            Some(line) => directive::parse(line),
            None if sight.draws => Ok(self.config.default.clone()),
            None => Ok(Behaviour::default()),
        }
    }

    /// The answer of the OpenAI-compatible platform.
    fn open_ai(&self, behaviour: &Behaviour, route: Route, path: &str, key: Option<&str>, asked: &Asked) -> Draft {
        if let Some((status, error)) = self.refusal(behaviour, route, key, asked) {
            return error.draft(status);
        }
        draft(&self.easel, behaviour, route, path, asked, &self.config.models, self.ledger.age().as_secs())
    }

    /// What the platform itself refuses, where the behaviour is to answer as asked.
    fn refusal(&self, behaviour: &Behaviour, route: Route, key: Option<&str>, asked: &Asked) -> Option<(u16, ErrorBody)> {
        if !matches!(behaviour.body, Body::Pictures(_) | Body::StreamError(_)) || route == Route::Picture {
            return None;
        }
        let drawing = || if route.draws() { validate::drawing(&self.config, route, asked) } else { None };
        validate::key(&self.config, key).or_else(drawing)
    }

    fn refuse(&self, status: u16, error: ErrorBody, fate: Arc<Fate>, recording: Recording) -> Response<PlayedBody> {
        let draft = self.config.dialect.manners().map_or_else(|| error.draft(status), |manners| manners.error(status, &error));
        perform(draft, &Behaviour::default(), fate, recording)
    }
}

/// Sends a draft in the manner of a behaviour.
fn perform(mut draft: Draft, behaviour: &Behaviour, fate: Arc<Fate>, recording: Recording) -> Response<PlayedBody> {
    recording.bill(draft.pictures);
    let framing = draft.frame(behaviour.length);
    let status =
        StatusCode::from_u16(draft.status).ok().filter(|status| status.as_u16() >= 200).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let manner = Manner {
        status: status.as_u16(),
        announced: framing.announced,
        pause: behaviour.delay_before_body.min(MAX_DELAY),
        drip: behaviour.drip,
        cut: behaviour.cut,
        close: framing.close,
        extra: framing.extra,
    };
    let mut response = Response::new(PlayedBody::new(draft.pieces, manner, fate, recording));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let mut set = |name: &str, value: &str| {
        // A header that cannot be written is left out: the caller's test will miss it.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    };
    set("content-type", &draft.content_type);
    set("x-request-id", "req_sim");
    if draft.gzip {
        set("content-encoding", "gzip");
    }
    for (name, value) in &draft.headers {
        set(name, value);
    }
    for (name, value) in &behaviour.headers {
        set(name, value);
    }
    response
}

/// The key, as any platform of this kind takes it.
fn key(headers: &HeaderMap) -> Option<String> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = text("authorization").map(|value| value.strip_prefix("Bearer ").unwrap_or(value));
    bearer.or_else(|| text("x-api-key")).or_else(|| text("api-key")).map(str::to_owned)
}

fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let others = headers.iter().filter(|(name, _)| !matches!(name.as_str(), "authorization" | "x-api-key" | "api-key"));
    others
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(&value.as_bytes()[..value.len().min(MAX_HEADER)]).into_owned()))
        .collect()
}
