//! Pollinations: the present API, which speaks OpenAI's words, and the former one, which is a GET with
//! the prompt in its address.

use crate::openai_like::{self as openai, Row, Sign, When, row};
use crate::{Adapter, Auth, Call, CallBody, Card, HeaderValue, InputForm, Method, Next, Reply, SizePolicy, Target, TaskCard};
use ir_model::{Charge, Class, Extras, Fault, Format, Job, Map, Node, Quality, Task};
use serde_json::json;
use url::Url;

/// `gen.pollinations.ai`.
#[derive(Debug)]
pub(crate) struct Pollinations;

/// `image.pollinations.ai`, as 1.x speaks it.
#[derive(Debug)]
pub(crate) struct Legacy;

const TEXT: TaskCard = TaskCard {
    models: &[
        "flux",
        "turbo",
        "zimage",
        "nanobanana",
        "gptimage",
        "kontext",
        "seedream",
        "nanobanana-pro",
        "seedream-pro",
        "gptimage-large",
        "nanobanana-2",
        "nanobanana-2-lite",
        "seedream5",
        "seedream5-pro",
        "gpt-image-2",
        "dreamshaper",
    ],
    seed: true,
    negative_prompt: true,
    guidance: true,
    ..TaskCard::BASE
};

const FEW: TaskCard = TaskCard {
    task: Task::Edit,
    models: &[
        "nanobanana-pro",
        "kontext",
        "nanobanana",
        "seedream",
        "seedream-pro",
        "gptimage",
        "gptimage-large",
        "nanobanana-2",
        "seedream5-pro",
        "gpt-image-2",
    ],
    max_inputs: 5,
    inputs: InputForm::Bytes,
    input_formats: &[Format::Png, Format::Jpeg, Format::Webp],
    max_input_bytes: 10_000_000,
    // Only the address of a GET has a place for it, and pictures of ours have no address there.
    negative_prompt: false,
    ..TEXT
};

const fn taking(max_inputs: u32) -> TaskCard {
    TaskCard { max_inputs, ..FEW }
}

const EDIT: TaskCard = TaskCard {
    variants: &[
        ("kontext", taking(1)),
        ("nanobanana-pro", taking(14)),
        ("nanobanana-2", taking(14)),
        ("nanobanana", taking(3)),
        ("seedream-pro", taking(14)),
        ("seedream", taking(10)),
        // gptimage, gpt-image-2
        ("image", taking(16)),
    ],
    ..FEW
};

const ANY: Card = Card { name: "Pollinations", key_format: has_key_format, first_byte_secs: Some(180), ..Card::BASE };

static CARD: Card =
    Card { base_url: Some("https://gen.pollinations.ai"), tasks: &[TEXT, EDIT, TaskCard { task: Task::Blend, ..EDIT }], ..ANY };

/// An address has room for so many characters of a prompt, in any script.
const IN_ADDRESS: usize = 1500;
const OLD_TEXT: TaskCard = TaskCard { sizes: SizePolicy::Passed, max_prompt: IN_ADDRESS, ..TEXT };
const OLD_EDIT: TaskCard = TaskCard { inputs: InputForm::Url, negative_prompt: true, max_prompt: IN_ADDRESS, ..FEW };

static OLD_CARD: Card = Card {
    base_url: Some("https://image.pollinations.ai"),
    auth: Auth::Optional,
    tasks: &[OLD_TEXT, OLD_EDIT, TaskCard { task: Task::Blend, ..OLD_EDIT }],
    ..ANY
};

/// `pk_…` and `sk_…`, with an underscore.
fn has_key_format(key: &str) -> bool {
    let rest = key.strip_prefix("pk_").or_else(|| key.strip_prefix("sk_"));
    rest.is_some_and(|rest| rest.len() >= 8 && rest.bytes().all(|b| b.is_ascii_graphic()))
}

static ROWS: &[Row] = &[
    row(When::Any, Sign::Code(&["payment_required", "key_budget_exhausted"]), Class::QuotaExhausted, Charge::No),
    row(When::Any, Sign::Code(&["rate_limited"]), Class::RateLimited, Charge::No),
    row(
        When::Any,
        Sign::Code(&["failed_to_download_image", "invalid_image_url", "image_too_large", "unsupported_image_media_type"]),
        Class::InvalidRequest,
        Charge::No,
    ),
    row(When::Any, Sign::Code(&["request_timeout"]), Class::Timeout, Charge::Maybe),
];

fn refusal(reply: &Reply) -> Fault {
    let fault = openai::fault_by(ROWS, reply);
    // What its own suppliers refused it, it tells as 502: nothing was drawn, and our key is good. What
    // it says besides, of the content for one, is more telling.
    let behind = reply.json().and_then(|node| node.at(&["error", "details", "upstreamStatus"])?.as_i64());
    let class = match behind {
        _ if reply.status != 502 || fault.class != Class::UpstreamFault => return fault,
        // One model's supplier: the platform's others are there.
        Some(404) => Class::ModelNotFound,
        Some(400..=499) => Class::Overloaded,
        _ => return fault,
    };
    Fault { class, charge: Charge::No, ..fault }
}

/// A seed is always sent: requests that are alike get the same picture.
fn seed(job: &Job) -> u64 {
    job.extras.seed.unwrap_or(job.entropy) % (1 << 31)
}

fn quality(extras: &Extras) -> Option<&'static str> {
    extras.quality.filter(|quality| *quality != Quality::Auto).map(Quality::name)
}

/// A drawing whose wishes stand in the address: only there the present API takes a negative prompt.
fn in_address(job: &Job) -> Result<Call, Fault> {
    if job.key.is_none() {
        return Err(Fault::new(Class::NoKey));
    }
    if job.prompt.chars().count() > IN_ADDRESS {
        return Err(Fault::new(Class::InvalidRequest).param("prompt").say(
            "With a negative prompt, Pollinations takes a prompt of at most 1500 characters.",
            "使用反向提示词时，Pollinations 的提示词最多 1500 个字符。",
        ));
    }
    let mut more = vec![("seed", seed(job).to_string())];
    more.extend(quality(&job.extras).map(|quality| ("quality", quality.to_owned())));
    let base = job.base_url.trim().trim_end_matches('/');
    get(job, base.strip_suffix("/v1").unwrap_or(base), "image", &more)
}

/// The exchange whose prompt is the end of its path, and whose wishes are a query.
fn get(job: &Job, base: &str, path: &str, more: &[(&str, String)]) -> Result<Call, Fault> {
    let bad = || Fault::new(Class::UpstreamFault).charged(Charge::No).detail("the base address is not an absolute http(s) URL");
    let mut url = Url::parse(base).map_err(|_| bad())?;
    url.path_segments_mut().map_err(|()| bad())?.pop_if_empty().extend([path, &job.prompt]);
    let mut query: Vec<(&str, String)> = vec![("model", job.model.clone())];
    if let Some(size) = job.size {
        query.extend([("width", size.width.to_string()), ("height", size.height.to_string())]);
    }
    let mut wishes = Map::default();
    openai::sampling(&Extras { seed: None, ..job.extras.clone() }, ["", "", "guidance_scale", "negative_prompt"], &mut wishes);
    let text = |node: &Node| node.as_str().map_or_else(|| node.to_value_lossy().to_string(), str::to_owned);
    url.query_pairs_mut().extend_pairs(query).extend_pairs(more).extend_pairs(wishes.0.iter().map(|(name, node)| (name, text(node))));
    let headers = job.key.iter().map(|key| ("authorization", HeaderValue::Bearer(key.clone()))).collect();
    Ok(Call::new(Target::Http { method: Method::Get, url: url.into(), headers }, CallBody::None))
}

impl Adapter for Pollinations {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn open(&self, job: &Job) -> Result<Call, Fault> {
        if job.task == Task::Text && job.extras.negative_prompt.is_some() {
            return in_address(job);
        }
        let mut map = Map::default();
        map.set("model", json!(job.model));
        map.set("prompt", json!(job.prompt));
        if let Some(size) = job.size {
            map.set("size", json!(size.to_string()));
        }
        map.set("seed", json!(seed(job)));
        map.set("response_format", json!("b64_json"));
        if let Some(quality) = quality(&job.extras) {
            map.set("quality", json!(quality));
        }
        openai::sampling(&Extras { seed: None, ..job.extras.clone() }, ["", "", "guidance_scale", ""], &mut map);
        if job.task == Task::Text {
            return openai::send(job, "/images/generations", CallBody::Json(map.into()), &[]);
        }
        let name = if job.pictures.len() == 1 { "image" } else { "image[]" };
        openai::send(job, "/images/edits", CallBody::Multipart(openai::form_of(job, &map, name)?), &[])
    }

    fn read(&self, _job: &Job, reply: &Reply) -> Result<Next, Fault> {
        openai::pictures(ROWS, reply).map(Next::Done)
    }

    fn fault(&self, reply: &Reply) -> Fault {
        refusal(reply)
    }

    fn api(&self, name: &str) -> Option<&'static dyn Adapter> {
        (name == "legacy").then_some(&Legacy)
    }
}

impl Adapter for Legacy {
    fn card(&self) -> &'static Card {
        &OLD_CARD
    }

    fn open(&self, job: &Job) -> Result<Call, Fault> {
        openai::need_pictures(job)?;
        let mut more = Vec::new();
        if !job.pictures.is_empty() {
            let urls: Option<Vec<&str>> = job.pictures.iter().map(|input| input.url.as_deref()).collect();
            let urls = urls.ok_or_else(|| Fault::new(Class::InvalidRequest).param("image"))?;
            more.push(("image", urls.join("|")));
        }
        more.push(("seed", seed(job).to_string()));
        more.push(("quality", quality(&job.extras).unwrap_or("standard").to_owned()));
        more.extend(["nologo", "enhance", "private"].map(|name| (name, "true".to_owned())));
        get(job, &job.base_url, "prompt", &more)
    }

    fn read(&self, job: &Job, reply: &Reply) -> Result<Next, Fault> {
        Pollinations.read(job, reply)
    }

    fn fault(&self, reply: &Reply) -> Fault {
        refusal(reply)
    }
}
