//! HuggingFace Spaces through the queue protocol of Gradio 4, 5 and 6. Every model has servers of its
//! own. What a Space can do is asked of the Space: its configuration, then its functions; pictures are
//! uploaded, the call joins the queue, and its stream of events ends with a file.
//!
//! The queue, not `/call`: only there all versions keep the texts of errors.

mod function;
mod outcome;
mod wake;
mod words;

use crate::openai_like::{self as openai, Row, Sign, When, row};
use crate::{
    Adapter, Auth, Call, CallBody, Card, Event, HeaderValue, InputForm, Method, Next, Part, PartBody, Progress, Reply, ReplyBody,
    SizePolicy, SpaceCard, Target, TaskCard,
};
use function::{Function, fill};
use ir_model::{Charge, Class, Fault, Format, Job, Node, Output, Source, Task};
use serde_json::{Value, json};
use wake::{again, asleep, look, state};

/// HuggingFace Spaces.
#[derive(Debug)]
pub(crate) struct HuggingFace;

/// Tries at fetching the finished file: it is there, and drawing it again costs quota.
const FETCHES: u64 = 3;

const TEXT: TaskCard = TaskCard {
    models: &["z-image-turbo"],
    sizes: SizePolicy::Passed,
    seed: true,
    negative_prompt: true,
    steps: true,
    guidance: true,
    ..TaskCard::BASE
};

const EDIT: TaskCard = TaskCard {
    task: Task::Edit,
    models: &["Qwen-Image-Edit-2511"],
    // A Space knows what suits the picture.
    default_size: None,
    max_inputs: 1,
    inputs: InputForm::Bytes,
    input_formats: &[Format::Png, Format::Jpeg, Format::Webp],
    max_input_bytes: 10_000_000,
    ..TEXT
};

static CARD: Card = Card {
    name: "HuggingFace",
    base_url: Some("https://huggingface.co"),
    auth: Auth::Optional,
    key_format: has_key_format,
    tasks: &[TEXT, EDIT, TaskCard { task: Task::Blend, max_inputs: 4, ..EDIT }],
    // The stream is alive (a heartbeat every 15 s) while a call waits for a GPU.
    total_secs: Some(600),
    spaces: Some(&[
        SpaceCard {
            model: "z-image-turbo",
            task: Task::Text,
            servers: &[
                "https://mrfakename-z-image-turbo.hf.space",
                "https://luca115-z-image-turbo.hf.space",
                "https://linoyts-z-image-portrait.hf.space",
                "https://prokofyev8-z-image-portrait.hf.space",
            ],
        },
        SpaceCard { model: "Qwen-Image-Edit-2511", task: Task::Edit, servers: &["https://lenml-qwen-image-edit-2511-fast.hf.space"] },
    ]),
    ..Card::BASE
};

/// `hf_…`
fn has_key_format(key: &str) -> bool {
    key.strip_prefix("hf_").is_some_and(|rest| rest.len() >= 8 && rest.bytes().all(|b| b.is_ascii_alphanumeric()))
}

static ROWS: &[Row] = &[
    row(When::Any, Sign::Words(&["queue is full", "queue is stopped"]), Class::Overloaded, Charge::No),
    // A Space's own login, or a file that it does not give away: neither says anything of the key.
    row(When::Is(&[401, 403]), Sign::Words(TOKEN_WORDS), Class::KeyRejected, Charge::No),
    row(When::Is(&[401, 403]), Sign::Any, Class::UpstreamFault, Charge::No),
    row(When::Is(&[413]), Sign::Any, Class::InvalidRequest, Charge::No),
    row(When::Is(&[404]), Sign::Any, Class::ModelNotFound, Charge::No),
    // What a Space's server cannot do, it has not done.
    row(When::Is(&[500, 502, 504]), Sign::Any, Class::UpstreamFault, Charge::No),
];

/// What HuggingFace itself says of a token that is none.
const TOKEN_WORDS: &[&str] = &["invalid credentials", "invalid user token", "invalid user access token", "invalid access token"];

impl Adapter for HuggingFace {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn open(&self, job: &Job) -> Result<Call, Fault> {
        openai::need_pictures(job)?;
        look(job, 0)
    }

    fn read(&self, job: &Job, reply: &Reply) -> Result<Next, Fault> {
        if let ReplyBody::Picture(blob) = &reply.body {
            return Ok(Next::Done(vec![Output { source: Source::Body(blob.clone()), revised_prompt: None }]));
        }
        let memo = &reply.memo;
        let document = reply.json();
        let call = match (memo["step"].as_str().unwrap_or_default(), document) {
            ("config", Some(document)) => functions(job, document)?,
            // A page that says that the Space is being made ready.
            ("config", None) => return asleep(job, memo, reply),
            ("runtime", Some(document)) => state(job, memo, document)?,
            ("runtime", None) => again(job, memo)?,
            ("info", Some(document)) => prepare(job, memo, document)?,
            ("upload", Some(document)) => join(job, memo, &paths(document))?,
            ("join", Some(document)) => listen(job, memo, document)?,
            (step, _) => return openai::pictures(ROWS, reply).map(Next::Done).map_err(|fault| charged(step, fault)),
        };
        Ok(Next::Then(call))
    }

    fn event(&self, job: &Job, memo: &Value, event: &Event) -> Result<Progress, Fault> {
        let Some(document) = event.json() else { return Ok(Progress::Nothing) };
        let ours = document.get("event_id").and_then(Node::as_str).is_none_or(|id| memo["event"] == id);
        match document.get("msg").and_then(Node::as_str).unwrap_or_default() {
            "process_completed" if ours => outcome::completed(job, memo, document),
            "unexpected_error" if ours => Err(words::fault(&words::of(document))),
            "queue_full" => Err(Fault::new(Class::Overloaded).charged(Charge::No).detail("the Space's queue is full")),
            "close_stream" => Ok(Progress::End),
            _ => Ok(Progress::Nothing),
        }
    }

    fn fault(&self, reply: &Reply) -> Fault {
        openai::fault_by(ROWS, reply)
    }

    fn refused(&self, job: &Job, reply: &Reply) -> Result<Next, Fault> {
        let step = reply.memo["step"].as_str().unwrap_or_default();
        let tries = reply.memo["tries"].as_u64().unwrap_or_default();
        match step {
            "config" if matches!(reply.status, 502..=504) => return asleep(job, &reply.memo, reply),
            // The state is only a hint. What HuggingFace says of a token is more.
            "runtime" if reply.status != 401 || job.key.is_none() => return Ok(Next::Then(again(job, &reply.memo)?)),
            "file" if tries < FETCHES && reply.status >= 500 => {
                let mut memo = reply.memo.clone();
                memo["tries"] = json!(tries + 1);
                let url = memo["url"].as_str().unwrap_or_default().to_owned();
                return Ok(Next::Then(get(job, url, "*/*").memo(memo).after(1000)));
            }
            _ => {}
        }
        let fault = self.fault(reply);
        let class = match fault.class {
            // This one is answered by HuggingFace, which knows its tokens.
            _ if step == "runtime" => Class::KeyRejected,
            // Nothing is said about a key that was not shown.
            Class::KeyRejected if job.key.is_none() => Class::UpstreamFault,
            // The drawing is there, and cannot be had.
            _ if step == "file" => Class::UpstreamFault,
            class => class,
        };
        Err(charged(step, Fault { class, ..fault }))
    }
}

/// The charge of a fault by the step that it was met at: before the call has joined the queue nothing
/// can have been drawn, and the file is there only once it was.
fn charged(step: &str, fault: Fault) -> Fault {
    let charge = match step {
        "config" | "runtime" | "info" | "upload" => Charge::No,
        "data" => fault.charge.max(Charge::Maybe),
        "file" => Charge::Yes,
        _ => fault.charge,
    };
    Fault { charge, ..fault }
}

fn nonsense(what: &str) -> Fault {
    Fault::new(Class::UpstreamFault).charged(Charge::No).detail(format!("the Space {what}"))
}

fn headers(job: &Job, accept: &str) -> Vec<(&'static str, HeaderValue)> {
    let key = job.key.iter().map(|key| ("authorization", HeaderValue::Bearer(key.clone())));
    // Marks a program: people at the page get other texts.
    key.chain([("accept", HeaderValue::Plain(accept.to_owned())), ("x-gradio-user", HeaderValue::Plain("api".to_owned()))]).collect()
}

fn get(job: &Job, url: String, accept: &str) -> Call {
    Call::new(Target::Http { method: Method::Get, url, headers: headers(job, accept) }, CallBody::None)
}

fn post(job: &Job, url: String, body: CallBody) -> Call {
    Call::new(Target::Http { method: Method::Post, url, headers: headers(job, "application/json") }, body)
}

/// Reads the configuration and asks for the functions.
fn functions(job: &Job, document: &Node) -> Result<Call, Fault> {
    let protocol = document.get("protocol").and_then(Node::as_str).unwrap_or("none");
    if !protocol.starts_with("sse") {
        return Err(nonsense(&format!("speaks the protocol {protocol:.40}, not Gradio 4 to 6")));
    }
    let prefix = document.get("api_prefix").and_then(Node::as_str).unwrap_or_default().trim_end_matches('/');
    let plain = |prefix: &str| prefix.starts_with('/') && prefix.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_-".contains(&b));
    if !prefix.is_empty() && !plain(prefix) {
        return Err(nonsense("names an API prefix that is none"));
    }
    let list = document.get("dependencies").and_then(Node::as_array).unwrap_or_default();
    let numbers = list.iter().enumerate().filter_map(|(at, one)| {
        let name = one.get("api_name").and_then(Node::as_filled_str)?;
        let number = one.get("id").and_then(Node::as_i64).or_else(|| i64::try_from(at).ok())?;
        Some((name.to_owned(), json!(number)))
    });
    let numbers: serde_json::Map<String, Value> = numbers.collect();
    let memo = json!({"step": "info", "prefix": prefix, "numbers": numbers});
    Ok(get(job, format!("{}{prefix}/info", job.base_url), "application/json").harmless().memo(memo))
}

/// Chooses the function and lays out its arguments; pictures go ahead of the call.
fn prepare(job: &Job, memo: &Value, document: &Node) -> Result<Call, Fault> {
    let function = Function::choose(job, document, &memo["numbers"]).ok_or_else(|| {
        let param = if job.pictures.is_empty() { "model" } else { "image" };
        Fault::new(Class::InvalidRequest)
            .charged(Charge::No)
            .param(param)
            .detail("the Space has no function for this task and as many pictures")
    })?;
    let arguments = fill(job, &function)?;
    let prefix = memo["prefix"].as_str().unwrap_or_default();
    let next = json!({"step": "upload", "prefix": prefix, "function": function.number, "arguments": arguments});
    if job.pictures.is_empty() {
        return join(job, &next, &[]);
    }
    let parts = job.pictures.iter().enumerate().map(|(at, input)| {
        let format = input.picture.probe.format;
        let filename = format!("image-{}.{}", at + 1, format.extension());
        let body = PartBody::File { filename, media_type: format.media_type(), blob: input.picture.blob.clone() };
        Part { name: "files".to_owned(), body }
    });
    let url = format!("{}{prefix}/upload", job.base_url);
    Ok(post(job, url, CallBody::Multipart(parts.collect())).harmless().memo(next))
}

/// Where the Space put the uploaded pictures.
fn paths(document: &Node) -> Vec<String> {
    document.as_array().unwrap_or_default().iter().filter_map(Node::as_filled_str).map(str::to_owned).collect()
}

fn join(job: &Job, memo: &Value, paths: &[String]) -> Result<Call, Fault> {
    if paths.len() < job.pictures.len() {
        return Err(nonsense("did not take all pictures"));
    }
    let prefix = memo["prefix"].as_str().unwrap_or_default();
    let session = format!("{:011x}", job.entropy);
    let body = json!({
        "data": function::with_paths(&memo["arguments"], paths),
        "event_data": null,
        "fn_index": memo["function"],
        "trigger_id": null,
        "session_hash": session,
    });
    let next = json!({"step": "join", "prefix": prefix, "session": session});
    Ok(post(job, format!("{}{prefix}/queue/join", job.base_url), CallBody::Json(body.into())).memo(next))
}

fn listen(job: &Job, memo: &Value, document: &Node) -> Result<Call, Fault> {
    let event = document.get("event_id").and_then(Node::as_filled_str).ok_or_else(|| nonsense("took the call without naming it"))?;
    let (prefix, session) = (memo["prefix"].as_str().unwrap_or_default(), memo["session"].as_str().unwrap_or_default());
    let url = format!("{}{prefix}/queue/data?session_hash={session}", job.base_url);
    Ok(get(job, url, "text/event-stream").memo(json!({"step": "data", "prefix": prefix, "event": event})))
}
