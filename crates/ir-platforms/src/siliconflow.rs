//! SiliconFlow (硅基流动): one JSON endpoint that draws and edits; answers with addresses that live an
//! hour.

use crate::openai_like::{self as openai, Row, Sign, When, row};
use crate::{Adapter, Call, CallBody, Card, InputForm, Next, Reply, SizePolicy, TaskCard};
use ir_model::{Charge, Class, Fault, Format, Job, Map, Size, Task};
use serde_json::json;

/// SiliconFlow.
#[derive(Debug)]
pub(crate) struct SiliconFlow;

/// Largest seed; wider ones are folded.
const MAX_SEED: u64 = 9_999_999_999;

const KOLORS_SIZES: &[Size] =
    &[Size::new(1024, 1024), Size::new(960, 1280), Size::new(768, 1024), Size::new(720, 1440), Size::new(720, 1280)];

const QWEN_SIZES: &[Size] = &[
    Size::new(1328, 1328),
    Size::new(1664, 928),
    Size::new(928, 1664),
    Size::new(1472, 1140),
    Size::new(1140, 1472),
    Size::new(1584, 1056),
    Size::new(1056, 1584),
];

/// Kolors, the only one that draws several at once.
const KOLORS: TaskCard = TaskCard {
    models: &["Kwai-Kolors/Kolors", "Qwen/Qwen-Image"],
    sizes: SizePolicy::Listed(KOLORS_SIZES),
    native_n: 4,
    seed: true,
    negative_prompt: true,
    steps: true,
    guidance: true,
    ..TaskCard::BASE
};
const QWEN: TaskCard = TaskCard { default_size: Some(Size::new(1328, 1328)), sizes: SizePolicy::Listed(QWEN_SIZES), native_n: 1, ..KOLORS };
const TEXT: TaskCard = TaskCard { variants: &[("qwen-image", QWEN)], ..KOLORS };

/// Editing keeps the size of the first picture.
const EDIT: TaskCard = TaskCard {
    task: Task::Edit,
    models: &["Qwen/Qwen-Image-Edit-2509", "Qwen/Qwen-Image-Edit"],
    default_size: None,
    sizes: SizePolicy::None,
    max_inputs: 3,
    inputs: InputForm::UrlOrBytes,
    input_formats: &[Format::Png, Format::Jpeg, Format::Webp],
    max_input_bytes: 10_000_000,
    ..QWEN
};

static CARD: Card = Card {
    name: "SiliconFlow",
    base_url: Some("https://api.siliconflow.cn/v1"),
    tasks: &[TEXT, EDIT, TaskCard { task: Task::Blend, ..EDIT }],
    first_byte_secs: Some(180),
    quota_zone: 8,
    ..Card::BASE
};

static ROWS: &[Row] = &[
    // 400 like any parameter, but about the model.
    row(When::Any, Sign::Code(&["20012"]), Class::ModelNotFound, Charge::No),
    row(When::Any, Sign::Code(&["30001"]), Class::QuotaExhausted, Charge::No),
    row(When::Is(&[403]), Sign::Words(&["balance", "余额"]), Class::QuotaExhausted, Charge::No),
    // The account has yet to be verified: the key would work then, but not by itself.
    row(When::Is(&[403]), Sign::Words(&["real-name", "verif", "实名", "认证"]), Class::KeyRejected, Charge::No),
    row(When::Is(&[429]), Sign::Words(&["rpd", "tpd", "ipd"]), Class::QuotaExhausted, Charge::No),
    row(When::Any, Sign::Code(&["50505"]), Class::Overloaded, Charge::No),
    row(When::Is(&[504]), Sign::Any, Class::Overloaded, Charge::Maybe),
];

impl Adapter for SiliconFlow {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn open(&self, job: &Job) -> Result<Call, Fault> {
        openai::need_pictures(job)?;
        openai::send(job, "/images/generations", CallBody::Json(fields(job).into()), &[])
    }

    fn read(&self, _job: &Job, reply: &Reply) -> Result<Next, Fault> {
        openai::pictures(ROWS, reply).map(Next::Done)
    }

    fn fault(&self, reply: &Reply) -> Fault {
        openai::fault_by(ROWS, reply)
    }
}

fn fields(job: &Job) -> Map {
    let mut map = Map::default();
    map.set("model", json!(job.model));
    map.set("prompt", json!(job.prompt));
    if let Some(size) = job.size {
        map.set("image_size", json!(size.to_string()));
    }
    if job.n > 1 {
        map.set("batch_size", json!(job.n));
    }
    for (name, input) in ["image", "image2", "image3"].into_iter().zip(&job.pictures) {
        map.set(name, openai::address_or_data(input));
    }
    let guidance = if job.model.contains("Qwen-Image") { "cfg" } else { "guidance_scale" };
    openai::sampling(&openai::folded(&job.extras, MAX_SEED), ["seed", "num_inference_steps", guidance, "negative_prompt"], &mut map);
    map
}
