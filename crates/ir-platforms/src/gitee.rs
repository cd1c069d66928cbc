//! Gitee AI (Moark): most models answer at once, some only as tasks; editing is a form.

use crate::async_task::{State, failure, state, ticket};
use crate::openai_like::{self as openai, Row, Sign, When, row};
use crate::{Adapter, Call, CallBody, Card, InputForm, Next, Part, PartBody, Reply, SizePolicy, TaskCard, Ticket};
use ir_model::{Charge, Class, Fault, Format, Job, Map, Node, Size, Task};
use serde_json::json;

/// Gitee AI, also known as Moark.
#[derive(Debug)]
pub(crate) struct Gitee;

const POLL_MS: u64 = 2000;

/// Models that are only drawn as tasks: the first list draws, the second edits.
const ASYNC_TEXT: [&str; 5] = ["FLUX.1-dev", "LongCat-Image", "flux-1-schnell", "Qwen-Image-2512", "Qwen-Image"];
const ASYNC_EDIT: [&str; 3] = ["Qwen-Image-Edit-2511", "LongCat-Image-Edit", "FLUX.1-Kontext-dev"];

const SIZES: &[Size] = &[
    Size::new(256, 256),
    Size::new(512, 512),
    Size::new(1024, 1024),
    Size::new(2048, 2048),
    Size::new(1024, 576),
    Size::new(576, 1024),
    Size::new(1024, 640),
    Size::new(640, 1024),
    Size::new(1024, 768),
    Size::new(768, 1024),
    Size::new(2048, 1152),
    Size::new(1152, 2048),
    Size::new(2048, 1280),
    Size::new(1280, 2048),
    Size::new(2048, 1536),
    Size::new(1536, 2048),
];

const PLAIN: TaskCard = TaskCard {
    models: &[
        "z-image-turbo",
        "FLUX.1-dev",
        "Kolors",
        "stable-diffusion-3.5-large-turbo",
        "LongCat-Image",
        "flux-1-schnell",
        "Qwen-Image-2512",
        "stable-diffusion-xl-base-1.0",
        "Qwen-Image",
        "HiDream-I1-Full",
        "FLUX.2-dev",
        "HunyuanDiT-v1.2-Diffusers-Distilled",
        "CogView4_6B",
        "stable-diffusion-3-medium",
        "FLUX_1-Krea-dev",
        "Z-Image",
        "GLM-Image",
        "FLUX.2-klein-4B",
        "FLUX.2-klein-9B",
        "qwen-image-2.0",
        "qwen-image-2.0-pro",
        "wan2.7-image",
        "wan2.7-image-pro",
    ],
    default_size: Some(Size::new(2048, 2048)),
    sizes: SizePolicy::Listed(SIZES),
    seed: true,
    negative_prompt: true,
    steps: true,
    guidance: true,
    ..TaskCard::BASE
};

/// One model refuses any size.
const TEXT: TaskCard =
    TaskCard { variants: &[("qwen-image-2.0-pro", TaskCard { default_size: None, sizes: SizePolicy::None, ..PLAIN })], ..PLAIN };

const SMALL: TaskCard = TaskCard {
    task: Task::Edit,
    models: &[
        "Qwen-Image-Edit",
        "Qwen-Image-Edit-2511",
        "HiDream-E1-Full",
        "FLUX.1-dev",
        "FLUX.2-dev",
        "FLUX.1-Kontext-dev",
        "HelloMeme",
        "Kolors",
        "OmniConsistency",
        "InstantCharacter",
        "DreamO",
        "LongCat-Image-Edit",
        "AnimeSharp",
    ],
    default_size: Some(Size::new(1024, 1024)),
    max_inputs: 5,
    inputs: InputForm::Bytes,
    input_formats: &[Format::Png, Format::Jpeg, Format::Webp],
    max_input_bytes: 10_000_000,
    mask: true,
    ..PLAIN
};
/// Editing as a task draws larger by default.
const LARGE: TaskCard = TaskCard { default_size: Some(Size::new(2048, 2048)), ..SMALL };

const EDIT: TaskCard = TaskCard { variants: &[("edit-2511", LARGE), ("longcat-image-edit", LARGE), ("kontext", LARGE)], ..SMALL };

static CARD: Card = Card {
    name: "Gitee",
    base_url: Some("https://ai.gitee.com/v1"),
    key_format: has_key_format,
    tasks: &[TEXT, EDIT, TaskCard { task: Task::Blend, ..EDIT }],
    first_byte_secs: Some(180),
    quota_zone: 8,
    ..Card::BASE
};

/// 30 to 60 ASCII letters and digits.
fn has_key_format(key: &str) -> bool {
    (30..=60).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Its refusals are not documented: what is known beyond the statuses are words.
static ROWS: &[Row] = &[
    row(When::Any, Sign::Words(&["资源包", "余额", "insufficient balance"]), Class::QuotaExhausted, Charge::No),
    // A model without quota, or taken down: the key is good.
    row(When::Is(&[404]), Sign::Any, Class::ModelNotFound, Charge::No),
];

impl Adapter for Gitee {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn open(&self, job: &Job) -> Result<Call, Fault> {
        let named = |list: &[&str]| list.iter().any(|model| model.eq_ignore_ascii_case(&job.model));
        let mut map = fields(job);
        if job.task == Task::Text {
            let path = if named(&ASYNC_TEXT) { "/async/images/generations" } else { "/images/generations" };
            return openai::send(job, path, CallBody::Json(map.into()), &[]);
        }
        let as_task = named(&ASYNC_EDIT);
        // The answer to a task is an address, whatever is asked for.
        let path = if as_task { "/async/images/edits" } else { "/images/edits" };
        if as_task {
            map.take("response_format");
        }
        let mut parts = openai::form_of(job, &map, "image")?;
        if as_task {
            // One for each picture: some models fail without.
            parts.extend(job.pictures.iter().map(|_| Part { name: "task_types".to_owned(), body: PartBody::Text("id".to_owned()) }));
        }
        openai::send(job, path, CallBody::Multipart(parts), &[])
    }

    fn read(&self, _job: &Job, reply: &Reply) -> Result<Next, Fault> {
        let task = reply.json().filter(|document| document.get("task_id").is_some());
        let Some(document) = task else { return openai::pictures(ROWS, reply).map(Next::Done) };
        match document.get("status").and_then(Node::as_str).map_or(State::Running, state) {
            State::Failed => Err(failure(ROWS, document)),
            State::Done => openai::pictures(ROWS, reply).map(Next::Done),
            // Rarely, the first answer holds the picture already.
            State::Running => match openai::pictures(ROWS, reply) {
                Ok(pictures) => Ok(Next::Done(pictures)),
                Err(_) => ticket(document.get("task_id"), POLL_MS).map(Next::Wait),
            },
        }
    }

    fn poll(&self, job: &Job, ticket: &Ticket) -> Option<Call> {
        openai::get(job, &format!("/task/{}", ticket.id), &[]).ok()
    }

    fn fault(&self, reply: &Reply) -> Fault {
        openai::fault_by(ROWS, reply)
    }
}

fn fields(job: &Job) -> Map {
    let mut map = Map::default();
    map.set("model", json!(job.model));
    map.set("prompt", json!(job.prompt));
    map.set("n", json!(1));
    if let Some(size) = job.size {
        map.set("size", json!(size.to_string()));
    }
    // Its addresses live shortly, and base64 saves the second exchange.
    map.set("response_format", json!("b64_json"));
    openai::sampling(&job.extras, ["seed", "num_inference_steps", "guidance_scale", "negative_prompt"], &mut map);
    map
}
