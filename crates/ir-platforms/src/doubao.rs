//! Doubao: Seedream on Volcengine Ark. One endpoint draws, edits and blends; several pictures of one
//! request are one series, told picture by picture in a stream.

use crate::openai_like::{self as openai, Row, Sign, When, row};
use crate::{Adapter, Bounds, Call, CallBody, Card, Event, InputForm, Next, Progress, Reply, SizePolicy, TaskCard};
use ir_model::{Charge, Class, Fault, Format, Job, Map, Node, ResponseForm, Secret, Size, Task};
use serde_json::{Value, json};

/// Seedream on Volcengine Ark.
#[derive(Debug)]
pub(crate) struct Doubao;

/// Largest seed of the models that take one; wider ones are folded.
const MAX_SEED: u64 = (1 << 31) - 1;

/// Seedream 4.5, 1.x's default, and what is not known by name (an endpoint of the operator's own).
const PLAIN: TaskCard = TaskCard {
    models: MODELS,
    default_size: Some(Size::new(2048, 2048)),
    sizes: SizePolicy::Free(Bounds::area(3_686_400, 16_777_216, 16)),
    // A series counts its inputs too.
    native_n: 15,
    max_in_and_out: 15,
    ..TaskCard::BASE
};

const FOUR: TaskCard = TaskCard { sizes: SizePolicy::Free(Bounds::area(921_600, 16_777_216, 16)), ..PLAIN };
/// No series, no stream.
const PRO: TaskCard = TaskCard { sizes: SizePolicy::Free(Bounds::area(921_600, 4_624_220, 16)), native_n: 1, ..PLAIN };
const THREE: TaskCard = TaskCard {
    default_size: Some(Size::new(1024, 1024)),
    sizes: SizePolicy::Free(Bounds::sides(512, 2048, 2)),
    native_n: 1,
    seed: true,
    guidance: true,
    ..PLAIN
};

const TEXT: TaskCard = TaskCard {
    variants: &[
        ("5-0-pro", PRO),
        ("5.0-pro", PRO),
        ("5-0-flash", PRO),
        ("5.0-flash", PRO),
        ("4-0", FOUR),
        ("4.0", FOUR),
        ("3-0", THREE),
        ("3.0", THREE),
    ],
    ..PLAIN
};

const MODELS: &[&str] = &[
    "doubao-seedream-4-5-251128",
    "doubao-seedream-4-0-250828",
    "doubao-seedream-5-0-260128",
    "doubao-seedream-5-0-pro-260628",
    "doubao-seedream-5-0-flash-260915",
];

const EDIT: TaskCard = TaskCard {
    variants: &[
        ("5-0-pro", editing(PRO, 10)),
        ("5.0-pro", editing(PRO, 10)),
        ("5-0-flash", editing(PRO, 10)),
        ("5.0-flash", editing(PRO, 10)),
        ("4-0", editing(FOUR, 14)),
        ("4.0", editing(FOUR, 14)),
        ("3-0", editing(THREE, 1)),
        ("3.0", editing(THREE, 1)),
    ],
    ..editing(PLAIN, 14)
};

/// A card with input pictures: 30 MB, 36 million pixels, sides above 14, sent as data URIs.
const fn editing(card: TaskCard, most: u32) -> TaskCard {
    TaskCard {
        task: Task::Edit,
        max_inputs: most,
        inputs: InputForm::Bytes,
        input_formats: &[Format::Png, Format::Jpeg, Format::Webp, Format::Gif],
        max_input_bytes: 30_000_000,
        max_input_pixels: 36_000_000,
        min_input_side: 15,
        ..card
    }
}

static CARD: Card = Card {
    name: "Doubao",
    base_url: Some("https://ark.cn-beijing.volces.com/api/v3"),
    key_format: is_uuid,
    tasks: &[TEXT, EDIT, TaskCard { task: Task::Blend, ..EDIT }],
    // The head of a stream may come with its first picture; a series takes that long several times.
    first_byte_secs: Some(180),
    total_secs: Some(600),
    quota_zone: 8,
    ..Card::BASE
};

/// Keys of the relay form are UUIDs; newer ones (`ark-…`) are used in pools.
fn is_uuid(key: &str) -> bool {
    let groups: Vec<&str> = key.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.concat().bytes().all(|b| b.is_ascii_hexdigit())
}

/// What Ark says in its own codes.
static ROWS: &[Row] = &[
    row(When::Any, Sign::Words(&["sensitivecontentdetected"]), Class::ContentRejected, Charge::No),
    row(When::Any, Sign::Code(&["quotaexceeded", "setlimitexceeded"]), Class::QuotaExhausted, Charge::No),
    row(When::Any, Sign::Code(&["serveroverloaded", "inflightbatchsizeexceeded"]), Class::Overloaded, Charge::No),
    row(When::Any, Sign::Words(&["ratelimitexceeded", "requestbursttoofast"]), Class::RateLimited, Charge::No),
    // Models are opened, and endpoints made, by account: another key's may have it.
    row(When::Any, Sign::Words(&["invalidendpoint", "modelnotopen", "unsupportedmodel"]), Class::ModelNotFound, Charge::No).other_key(),
    row(When::Any, Sign::Words(&["missingparameter", "invalidparameter", "invalidimageurl"]), Class::InvalidRequest, Charge::No),
    // Told only when no picture was made.
    row(When::Any, Sign::Code(&["internalserviceerror"]), Class::UpstreamFault, Charge::No),
];

impl Adapter for Doubao {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn open(&self, job: &Job) -> Result<Call, Fault> {
        openai::need_pictures(job)?;
        let card = CARD.task(job.task).unwrap_or(&TEXT).for_model(&job.model);
        openai::send(job, "/images/generations", CallBody::Json(fields(job, card).into()), &[])
    }

    fn read(&self, _job: &Job, reply: &Reply) -> Result<Next, Fault> {
        openai::pictures_or_errors(ROWS, reply)
    }

    fn event(&self, _job: &Job, _memo: &Value, event: &Event) -> Result<Progress, Fault> {
        let Some(node) = event.json() else { return Ok(if openai::is_end(event) { Progress::End } else { Progress::Nothing }) };
        let kind = node.get("type").and_then(Node::as_str).unwrap_or(&event.name);
        match kind {
            // A finished picture of the series, whatever its name says.
            "image_generation.partial_succeeded" => Ok(openai::item(node).map_or(Progress::Nothing, Progress::Picture)),
            "image_generation.partial_failed" => Ok(Progress::Missing(openai::reported(ROWS, node))),
            "image_generation.completed" => Ok(Progress::End),
            _ if node.get("error").is_some() => Err(openai::reported(ROWS, node)),
            _ => Ok(Progress::Nothing),
        }
    }

    fn fault(&self, reply: &Reply) -> Fault {
        openai::fault_by(ROWS, reply)
    }

    /// The key is looked at before the size: 400 means that it is good, and nothing was drawn.
    fn probe(&self, base_url: &str, key: &Secret) -> Option<Call> {
        let body = json!({"model": MODELS.first(), "prompt": "1", "size": "1x1"});
        openai::probe(base_url, "/images/generations", key, CallBody::Json(body.into()))
    }
}

fn fields(job: &Job, card: &TaskCard) -> Map {
    let mut map = Map::default();
    let series = card.native_n > 1 && job.n > 1;
    map.set("model", json!(job.model));
    // The parameter bounds a series; only the prompt asks for one.
    map.set("prompt", json!(if series { format!("{}。请生成{}张图片。", job.prompt, job.n) } else { job.prompt.clone() }));
    map.set("response_format", json!(if job.form == ResponseForm::Base64 { "b64_json" } else { "url" }));
    if let Some(size) = job.size {
        map.set("size", json!(size.to_string()));
    }
    map.set("watermark", json!(job.watermark));
    // A list of one is taken by every model; 3.0 takes only the bare text.
    let mut pictures: Vec<Node> = job.pictures.iter().map(openai::data_uri).collect();
    match pictures.len() {
        0 => {}
        1 => map.set("image", pictures.remove(0)),
        _ => map.set("image", Node::Array(pictures)),
    }
    // Only series say so: without, one picture is drawn, and there are models that refuse the parameter.
    if series {
        map.set("sequential_image_generation", json!("auto"));
        map.set("sequential_image_generation_options", json!({ "max_images": job.n }));
        map.set("stream", json!(true));
    }
    if let Some(format @ (Format::Png | Format::Jpeg)) = job.extras.output_format
        && job.model.contains("seedream-5")
    {
        map.set("output_format", json!(format.openai_name()));
    }
    if card.seed {
        openai::sampling(&openai::folded(&job.extras, MAX_SEED), ["seed", "", "guidance_scale", ""], &mut map);
    }
    map
}
