//! ModelScope API-Inference: every picture is a task; editing is drawing with `image_url`.

use crate::async_task::{State, failure, state, ticket};
use crate::openai_like::{self as openai, Row, Sign, When, row};
use crate::{Adapter, Bounds, Call, CallBody, Card, InputForm, Next, Reply, SizePolicy, TaskCard, Ticket};
use ir_model::{Charge, Class, Fault, Format, Job, Map, Node, Size, Task};
use serde_json::json;

/// ModelScope API-Inference.
#[derive(Debug)]
pub(crate) struct ModelScope;

/// Its samples ask every five seconds; small models are done sooner.
const POLL_MS: u64 = 3000;

/// Z-Image and what is not known by name.
const Z_IMAGE: TaskCard = TaskCard {
    models: &[
        "Tongyi-MAI/Z-Image-Turbo",
        "Qwen/Qwen-Image",
        "Qwen/Qwen-Image-2512",
        "black-forest-labs/FLUX.1-Krea-dev",
        "MAILAND/majicflus_v1",
    ],
    sizes: SizePolicy::Free(Bounds::sides(512, 2048, 16)),
    seed: true,
    negative_prompt: true,
    steps: true,
    guidance: true,
    // "Fewer than 2000".
    max_prompt: 1999,
    ..TaskCard::BASE
};
const QWEN: TaskCard = TaskCard { sizes: SizePolicy::Free(Bounds::sides(64, 1664, 16)), ..Z_IMAGE };
const FLUX: TaskCard = TaskCard { sizes: SizePolicy::Free(Bounds::sides(64, 1024, 16)), ..Z_IMAGE };

const TEXT: TaskCard = TaskCard { variants: &[("qwen-image", QWEN), ("flux", FLUX), ("majicflus", FLUX)], ..Z_IMAGE };

const EDIT: TaskCard = TaskCard {
    task: Task::Edit,
    models: &["Qwen/Qwen-Image-Edit", "Qwen/Qwen-Image-Edit-2511", "Qwen/Qwen-Image-Edit-2509"],
    default_size: Some(Size::new(1024, 1024)),
    max_inputs: 10,
    // Addresses are documented; data URIs are taken in practice.
    inputs: InputForm::UrlOrBytes,
    input_formats: &[Format::Png, Format::Jpeg, Format::Webp],
    max_input_bytes: 10_000_000,
    ..QWEN
};

static CARD: Card = Card {
    name: "ModelScope",
    base_url: Some("https://api-inference.modelscope.cn/v1"),
    key_format: has_key_format,
    tasks: &[TEXT, EDIT, TaskCard { task: Task::Blend, ..EDIT }],
    // Daily quotas are renewed at Beijing's midnight.
    quota_zone: 8,
    ..Card::BASE
};

/// `ms-…`
fn has_key_format(key: &str) -> bool {
    key.strip_prefix("ms-").is_some_and(|rest| rest.len() >= 8 && rest.bytes().all(|b| b.is_ascii_graphic()))
}

static ROWS: &[Row] = &[
    row(When::Is(&[429]), Sign::Words(&["quota", "额度", "daily", "per day"]), Class::QuotaExhausted, Charge::No),
    // The account is good, but bound to no Aliyun account yet: no key of it works.
    row(When::Is(&[400, 401, 403]), Sign::Words(&["bind your alibaba", "real-name", "实名"]), Class::KeyRejected, Charge::No),
    row(When::Is(&[400, 404]), Sign::Words(&["model not", "no such model", "has no provider"]), Class::ModelNotFound, Charge::No),
];

impl Adapter for ModelScope {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn open(&self, job: &Job) -> Result<Call, Fault> {
        openai::need_pictures(job)?;
        let body = CallBody::Json(fields(job).into());
        openai::send(job, "/images/generations", body, &[("x-modelscope-async-mode", "true")])
    }

    fn read(&self, _job: &Job, reply: &Reply) -> Result<Next, Fault> {
        let Some(document) = reply.json() else { return openai::pictures(ROWS, reply).map(Next::Done) };
        let Some(pictures) = document.get("output_images") else {
            // Some models answer at once. The state beside the id only says that the task was taken.
            let Some(id) = document.get("task_id") else { return openai::pictures(ROWS, reply).map(Next::Done) };
            let asked = reply.memo == json!("poll");
            return match document.get("task_status").and_then(Node::as_str).map(state) {
                Some(State::Failed) if asked => Err(failure(ROWS, document)),
                Some(State::Done) if asked => openai::pictures(ROWS, reply).map(Next::Done),
                _ => ticket(Some(id), POLL_MS).map(Next::Wait),
            };
        };
        let found: Vec<_> = pictures.as_array().unwrap_or_default().iter().filter_map(openai::item).collect();
        match (found.is_empty(), document.get("task_status").and_then(Node::as_str).map(state)) {
            (true, Some(State::Running)) => ticket(document.get("task_id"), POLL_MS).map(Next::Wait),
            (true, _) => Err(failure(ROWS, document)),
            (false, _) => Ok(Next::Done(found)),
        }
    }

    fn poll(&self, job: &Job, ticket: &Ticket) -> Option<Call> {
        // Without the type, every task is told to have failed.
        let call = openai::get(job, &format!("/tasks/{}", ticket.id), &[("x-modelscope-task-type", "image_generation")]);
        call.ok().map(|call| call.memo(json!("poll")))
    }

    fn fault(&self, reply: &Reply) -> Fault {
        let fault = openai::fault_by(ROWS, reply);
        let spent = |name: &str| reply.header(name).is_some_and(|left| left.trim() == "0");
        let none_left = spent("modelscope-ratelimit-requests-remaining") || spent("modelscope-ratelimit-model-requests-remaining");
        match fault.class {
            Class::RateLimited if none_left => Fault { class: Class::QuotaExhausted, ..fault },
            _ => fault,
        }
    }
}

fn fields(job: &Job) -> Map {
    let mut map = Map::default();
    map.set("model", json!(job.model));
    map.set("prompt", json!(job.prompt));
    map.set("n", json!(1));
    if !job.pictures.is_empty() {
        map.set("image_url", Node::Array(job.pictures.iter().map(openai::address_or_data).collect()));
    }
    if let Some(size) = job.size {
        map.set("size", json!(size.to_string()));
    }
    openai::sampling(&job.extras, ["seed", "steps", "guidance", "negative_prompt"], &mut map);
    map
}
