//! Gitee AI (Moark): some models answer at once, others as tasks; editing is a form, but for models
//! that take pictures beside the prompt.

use crate::async_task::Tasks;
use crate::openai_like::{self as openai, Row, Sign, When, row};
use crate::{Adapter, Bounds, Call, CallBody, Card, InputForm, Next, Part, PartBody, Reply, SizePolicy, TaskCard, Ticket};
use ir_model::{Charge, Class, Extras, Fault, Format, Job, Map, Node, Size, Task};
use serde_json::json;

/// Gitee AI, also known as Moark.
#[derive(Debug)]
pub(crate) struct Gitee;

/// Models that are drawn as tasks, as in 1.x: those of the first list draw, those of the second edit.
const TASKS_TEXT: [&str; 5] = ["FLUX.1-dev", "LongCat-Image", "flux-1-schnell", "Qwen-Image-2512", "Qwen-Image"];
const TASKS_EDIT: [&str; 3] = ["Qwen-Image-Edit-2511", "LongCat-Image-Edit", "FLUX.1-Kontext-dev"];

static TASKS: Tasks = Tasks {
    path: "/task/",
    headers: &[],
    state: "status",
    outputs: &["output", "data"],
    // Its samples ask every 2 to 10 seconds.
    pause_ms: 2000,
    rows: ROWS,
};

/// Plain sizes, then twice as large ones in the same shapes.
const SIZES: &[Size] = &[
    Size::new(256, 256),
    Size::new(512, 512),
    Size::new(1024, 1024),
    Size::new(1024, 576),
    Size::new(576, 1024),
    Size::new(1024, 640),
    Size::new(640, 1024),
    Size::new(1024, 768),
    Size::new(768, 1024),
    Size::new(2048, 2048),
    Size::new(2048, 1152),
    Size::new(1152, 2048),
    Size::new(2048, 1280),
    Size::new(1280, 2048),
    Size::new(2048, 1536),
    Size::new(1536, 2048),
];
/// Every model takes the first ten, those of two and more megapixels take all.
const PLAIN_SIZES: SizePolicy = SizePolicy::Listed(SIZES.split_at(10).0);
const LARGE_SIZES: SizePolicy = SizePolicy::Listed(SIZES);

/// The models of 1.x, its default first, then today's.
const MODELS: &[&str] = &[
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
    "gpt-image-2",
];

const PLAIN: TaskCard = TaskCard {
    models: MODELS,
    default_size: Some(Size::new(2048, 2048)),
    sizes: PLAIN_SIZES,
    seed: true,
    negative_prompt: true,
    steps: true,
    guidance: true,
    ..TaskCard::BASE
};
const LARGE: TaskCard = TaskCard { sizes: LARGE_SIZES, ..PLAIN };
/// Alibaba's hosted models: they choose their own steps.
const HOSTED: TaskCard = TaskCard { steps: false, guidance: false, ..LARGE };
const TEXT: TaskCard = TaskCard {
    variants: &[
        // It refuses a size.
        ("qwen-image-2.0-pro", TaskCard { sizes: SizePolicy::None, ..HOSTED }),
        ("qwen-image-2.0", HOSTED),
        (
            "wan2.7",
            // 768² to 2048². It draws four when it is not told how many.
            TaskCard { sizes: SizePolicy::Free(Bounds::area(589_824, 4_194_304, 8)), native_n: 4, negative_prompt: false, ..HOSTED },
        ),
        // It ignores or refuses a size, and takes OpenAI's hints.
        ("gpt-image", TaskCard { sizes: SizePolicy::None, seed: false, negative_prompt: false, openai_hints: true, ..HOSTED }),
        ("z-image", LARGE),
        ("qwen-image", LARGE),
        ("flux.2", LARGE),
        ("glm-image", LARGE),
    ],
    ..PLAIN
};

const FORM: TaskCard = TaskCard {
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
        "qwen-image-2.0",
        "qwen-image-2.0-pro",
    ],
    default_size: Some(Size::new(1024, 1024)),
    max_inputs: 5,
    inputs: InputForm::Bytes,
    input_formats: &[Format::Png, Format::Jpeg, Format::Webp],
    max_input_bytes: 10_000_000,
    mask: true,
    ..PLAIN
};
/// Editing as a task draws larger by default; masks are not known there.
const LARGE_FORM: TaskCard = TaskCard { default_size: Some(Size::new(2048, 2048)), sizes: LARGE_SIZES, mask: false, ..FORM };
/// Pictures beside the prompt, at most three.
const BESIDE: TaskCard = TaskCard { max_inputs: 3, steps: false, guidance: false, ..LARGE_FORM };
const EDIT: TaskCard = TaskCard {
    variants: &[
        ("qwen-image-2.0-pro", TaskCard { sizes: SizePolicy::None, ..BESIDE }),
        ("qwen-image-2.0", BESIDE),
        ("edit-2511", LARGE_FORM),
        ("longcat-image-edit", LARGE_FORM),
        ("kontext", LARGE_FORM),
    ],
    ..FORM
};
/// Blending is editing with several pictures.
const BLEND: TaskCard = TaskCard {
    task: Task::Blend,
    variants: &[
        ("qwen-image-2.0-pro", TaskCard { task: Task::Blend, sizes: SizePolicy::None, ..BESIDE }),
        ("qwen-image-2.0", TaskCard { task: Task::Blend, ..BESIDE }),
        ("edit-2511", TaskCard { task: Task::Blend, ..LARGE_FORM }),
        ("longcat-image-edit", TaskCard { task: Task::Blend, ..LARGE_FORM }),
        ("kontext", TaskCard { task: Task::Blend, ..LARGE_FORM }),
    ],
    ..FORM
};

static CARD: Card = Card {
    name: "Gitee",
    base_url: Some("https://ai.gitee.com/v1"),
    key_format: has_key_format,
    tasks: &[TEXT, EDIT, BLEND],
    // Models that answer at once are silent until they have drawn.
    first_byte_secs: Some(180),
    // The free calls of a day are renewed at Beijing's midnight.
    quota_zone: 8,
    ..Card::BASE
};

/// 30 to 60 ASCII letters and digits.
fn has_key_format(key: &str) -> bool {
    (30..=60).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Its refusals are not documented: beyond the statuses, words are known that its console uses for
/// resource packages, balance and the free calls of a day.
static ROWS: &[Row] = &[
    row(When::Is(&[400, 402, 403, 429]), Sign::Words(QUOTA_WORDS), Class::QuotaExhausted, Charge::No),
    row(
        When::Is(&[400, 403, 404]),
        Sign::Words(&["模型不存在", "模型已下线", "不支持该模型", "model not found"]),
        Class::ModelNotFound,
        Charge::No,
    ),
];

const QUOTA_WORDS: &[&str] = &["资源包", "余额", "免费额度", "额度已用完", "次数已用完", "daily limit", "insufficient quota"];

impl Adapter for Gitee {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn open(&self, job: &Job) -> Result<Call, Fault> {
        let card = CARD.task(job.task).unwrap_or(&TEXT).for_model(&job.model);
        let job = &Job { extras: taken(&job.extras, card), ..job.clone() };
        if card.openai_hints { openai::draw(job) } else { draw(job) }
    }

    fn read(&self, _job: &Job, reply: &Reply) -> Result<Next, Fault> {
        TASKS.read(reply)
    }

    fn poll(&self, job: &Job, ticket: &Ticket) -> Option<Call> {
        TASKS.poll(job, ticket)
    }

    fn fault(&self, reply: &Reply) -> Fault {
        TASKS.refused(reply)
    }
}

/// The wishes that a model takes.
fn taken(extras: &Extras, card: &TaskCard) -> Extras {
    let mut taken = Extras { unknown: Map::default(), ..extras.clone() };
    taken.seed = taken.seed.filter(|_| card.seed);
    taken.steps = taken.steps.filter(|_| card.steps);
    taken.guidance_scale = taken.guidance_scale.filter(|_| card.guidance);
    taken.negative_prompt = taken.negative_prompt.filter(|_| card.negative_prompt);
    taken
}

fn draw(job: &Job) -> Result<Call, Fault> {
    openai::need_pictures(job)?;
    let named = |list: &[&str]| list.iter().any(|model| model.eq_ignore_ascii_case(&job.model));
    let mut map = fields(job);
    if job.task == Task::Text {
        let path = if named(&TASKS_TEXT) { "/async/images/generations" } else { "/images/generations" };
        return openai::send(job, path, CallBody::Json(map.into()), &[]);
    }
    if job.model.to_lowercase().contains("qwen-image-2.0") {
        map.set("images", Node::Array(job.pictures.iter().map(openai::data_uri).collect()));
        return openai::send(job, "/images/generations", CallBody::Json(map.into()), &[]);
    }
    // Several pictures are parts of the same name, without brackets.
    let mut parts = openai::form_of(job, &map, "image")?;
    if !named(&TASKS_EDIT) {
        return openai::send(job, "/images/edits", CallBody::Multipart(parts), &[]);
    }
    // What each picture is there for: some models fail inside when it is missing.
    parts.extend(job.pictures.iter().map(|_| Part { name: "task_types".to_owned(), body: PartBody::Text("id".to_owned()) }));
    openai::send(job, "/async/images/edits", CallBody::Multipart(parts), &[])
}

fn fields(job: &Job) -> Map {
    let mut map = Map::default();
    map.set("model", json!(job.model));
    map.set("prompt", json!(job.prompt));
    map.set("n", json!(job.n.max(1)));
    if let Some(size) = job.size {
        map.set("size", json!(size.to_string()));
    }
    // How long its addresses live is not told; with base64 there is nothing to fetch.
    map.set("response_format", json!("b64_json"));
    openai::sampling(&job.extras, ["seed", "num_inference_steps", "guidance_scale", "negative_prompt"], &mut map);
    map
}
