//! ModelScope API-Inference: every picture is a task; editing is drawing with `image_url`.

use crate::async_task::Tasks;
use crate::openai_like::{self as openai, Row, Sign, When, row};
use crate::{Adapter, Bounds, Call, CallBody, Card, InputForm, Next, Reply, SizePolicy, TaskCard, Ticket};
use ir_model::{Charge, Class, Extras, Fault, Format, Job, Map, Node, Task};
use serde_json::json;

/// ModelScope API-Inference.
#[derive(Debug)]
pub(crate) struct ModelScope;

static TASKS: Tasks = Tasks {
    path: "/tasks/",
    // Without the type, or with another, every task is told to have failed.
    headers: &[("x-modelscope-task-type", "image_generation")],
    state: "task_status",
    // `images`: what a model that answers at once says.
    outputs: &["output_images", "images"],
    // Its samples ask every five seconds; small models are done sooner.
    pause_ms: 3000,
    rows: ROWS,
};

/// Longest prompt, in characters ("fewer than 2000").
const MAX_PROMPT: usize = 1999;

/// Largest seed; wider ones are folded.
const MAX_SEED: u64 = (1 << 31) - 1;

/// Z-Image, and what is not known by name.
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
    max_prompt: MAX_PROMPT,
    ..TaskCard::BASE
};
const QWEN: TaskCard = TaskCard { sizes: SizePolicy::Free(Bounds::sides(64, 1664, 16)), ..Z_IMAGE };
/// FLUX and its children, of which majicflus is one.
const FLUX: TaskCard = TaskCard { sizes: SizePolicy::Free(Bounds::sides(64, 1024, 16)), ..Z_IMAGE };
const DIFFUSION: TaskCard = TaskCard { sizes: SizePolicy::Free(Bounds::sides(64, 2048, 16)), ..Z_IMAGE };

const TEXT: TaskCard =
    TaskCard { variants: &[("qwen-image", QWEN), ("flux", FLUX), ("majicflus", FLUX), ("stable-diffusion", DIFFUSION)], ..Z_IMAGE };

const EDIT: TaskCard = TaskCard {
    task: Task::Edit,
    models: &["Qwen/Qwen-Image-Edit", "Qwen/Qwen-Image-Edit-2511", "Qwen/Qwen-Image-Edit-2509"],
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
    row(When::Is(&[402, 403, 429]), Sign::Words(QUOTA_WORDS), Class::QuotaExhausted, Charge::No),
    // The account is not bound to an Aliyun account, or its owner has not shown a paper: none of its
    // keys draws. Whole phrases: addresses of pictures hold the word (`….aliyuncs.com`).
    row(When::Is(&[401, 403]), Sign::Words(UNBOUND_WORDS), Class::KeyRejected, Charge::No),
    row(
        When::Is(&[400, 404]),
        Sign::Words(&["invalid model", "model not", "no such model", "has no provider"]),
        Class::ModelNotFound,
        Charge::No,
    ),
];

const UNBOUND_WORDS: &[&str] = &["bind your alibaba cloud account", "bind your aliyun account", "绑定阿里云", "real-name", "实名认证"];

/// 魔粒 are the credits that calls cost.
const QUOTA_WORDS: &[&str] = &["quota", "额度", "daily", "per day", "today", "魔粒"];

impl Adapter for ModelScope {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn open(&self, job: &Job) -> Result<Call, Fault> {
        openai::need_pictures(job)?;
        limits(&job.extras)?;
        openai::send(job, "/images/generations", CallBody::Json(fields(job).into()), &[("x-modelscope-async-mode", "true")])
    }

    fn read(&self, _job: &Job, reply: &Reply) -> Result<Next, Fault> {
        TASKS.read(reply)
    }

    fn poll(&self, job: &Job, ticket: &Ticket) -> Option<Call> {
        TASKS.poll(job, ticket)
    }

    /// The headers tell whose quota is spent: that of the account, or that of the model, whose key
    /// still draws with others and so rests only for a while.
    fn fault(&self, reply: &Reply) -> Fault {
        let fault = TASKS.refused(reply);
        let spent = |name: &str| reply.header(name).is_some_and(|left| left.trim() == "0");
        let account = spent("modelscope-ratelimit-requests-remaining");
        let model = spent("modelscope-ratelimit-model-requests-remaining");
        match fault.class {
            Class::RateLimited if account => {
                Fault { class: Class::QuotaExhausted, retry_after: openai::renewal(fault.retry_after), ..fault }
            }
            Class::RateLimited | Class::QuotaExhausted if model && !account => Fault { class: Class::RateLimited, ..fault }
                .say("The key's daily quota for this model is spent.", "该密钥今日在此模型上的额度已用完。"),
            _ => fault,
        }
    }
}

/// What the platform would refuse anyway.
fn limits(extras: &Extras) -> Result<(), Fault> {
    let refuse = |param: &str, en: &str, zh: &str| Err(Fault::new(Class::InvalidRequest).param(param).say(en, zh));
    if extras.guidance_scale.is_some_and(|scale| !(1.5..=20.0).contains(&scale)) {
        return refuse("guidance_scale", "ModelScope takes a guidance scale from 1.5 to 20.", "ModelScope 的引导系数须在 1.5 到 20 之间。");
    }
    if extras.negative_prompt.as_ref().is_some_and(|text| text.chars().count() > MAX_PROMPT) {
        return refuse(
            "negative_prompt",
            "ModelScope takes a negative prompt of fewer than 2000 characters.",
            "ModelScope 的反向提示词须少于 2000 个字符。",
        );
    }
    Ok(())
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
    openai::sampling(&openai::folded(&job.extras, MAX_SEED), ["seed", "steps", "guidance", "negative_prompt"], &mut map);
    map
}
