//! Any OpenAI-compatible endpoint: OpenAI itself, New API and one-api relays, and the many hosts
//! that speak their protocol. The operator names the base address; any model id is sent as it is.
//!
//! `native_n` is 1, as in 1.x: many models behind relays refuse or ignore a larger `n`, pictures cost
//! the same one by one, arrive in parallel, and one that fails does not take the others with it.

use crate::openai_like as openai;
use crate::{Adapter, Bounds, Call, Card, Event, InputForm, Next, Progress, Reply, SizePolicy, TaskCard};
use ir_model::{Fault, Format, Job, Secret, Size, Task};
use serde_json::Value;

/// Any OpenAI-compatible endpoint.
#[derive(Debug)]
pub(crate) struct NewApi;

/// What holds for all tasks; editing takes pictures besides. The prompt's length is OpenAI's;
/// dall-e-3 and smaller models judge for themselves.
const ANY_TEXT: TaskCard =
    TaskCard { seed: true, negative_prompt: true, steps: true, guidance: true, openai_hints: true, ..TaskCard::BASE };

const ANY_EDIT: TaskCard = TaskCard {
    task: Task::Edit,
    // OpenAI takes 16; 10 is what 1.x promises for every relay.
    max_inputs: 10,
    inputs: InputForm::Bytes,
    input_formats: &[Format::Png, Format::Jpeg, Format::Webp],
    // "Less than 50 MB" each.
    max_input_bytes: 49_999_999,
    mask: true,
    ..ANY_TEXT
};

/// gpt-image-2 and its successors: multiples of 16, no longer than 1:3, up to 3840x2160 either way.
const FREE: SizePolicy =
    SizePolicy::Free(Bounds { min_side: 16, max_side: 3840, min_pixels: 1, max_pixels: 3840 * 2160, step: 16, max_ratio: 3 });
const GPT_IMAGE: SizePolicy = SizePolicy::Listed(&[Size::new(1024, 1024), Size::new(1536, 1024), Size::new(1024, 1536)]);
const DALL_E_3: SizePolicy = SizePolicy::Listed(&[Size::new(1024, 1024), Size::new(1792, 1024), Size::new(1024, 1792)]);
const DALL_E_2: SizePolicy = SizePolicy::Listed(&[Size::new(1024, 1024), Size::new(512, 512), Size::new(256, 256)]);

const TEXT: TaskCard = TaskCard {
    variants: &[
        ("gpt-image-2", TaskCard { sizes: FREE, ..ANY_TEXT }),
        ("gpt-image", TaskCard { sizes: GPT_IMAGE, ..ANY_TEXT }),
        ("dall-e-3", TaskCard { sizes: DALL_E_3, ..ANY_TEXT }),
        ("dall-e-2", TaskCard { sizes: DALL_E_2, ..ANY_TEXT }),
    ],
    ..ANY_TEXT
};

const EDIT: TaskCard = TaskCard {
    variants: &[
        ("gpt-image-2", TaskCard { sizes: FREE, ..ANY_EDIT }),
        ("gpt-image", TaskCard { sizes: GPT_IMAGE, ..ANY_EDIT }),
        ("dall-e-3", TaskCard { sizes: DALL_E_3, ..ANY_EDIT }),
        ("dall-e-2", TaskCard { sizes: DALL_E_2, ..ANY_EDIT }),
    ],
    ..ANY_EDIT
};

static CARD: Card = Card {
    name: "NewApi",
    key_format: has_key_format,
    tasks: &[TEXT, EDIT, TaskCard { task: Task::Blend, ..EDIT }],
    // GPT image models at high quality take up to two minutes before the first byte.
    first_byte_secs: Some(180),
    takes_unknown: true,
    open_models: true,
    ..Card::BASE
};

/// `sk-newapi-…`, or `sk-…` of more than 40 characters; visible ASCII throughout.
fn has_key_format(key: &str) -> bool {
    let marked = key.strip_prefix("sk-newapi-").is_some_and(|rest| !rest.is_empty());
    let long = key.starts_with("sk-") && key.len() > 40;
    (marked || long) && key.bytes().all(|b| b.is_ascii_graphic())
}

impl Adapter for NewApi {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn open(&self, job: &Job) -> Result<Call, Fault> {
        openai::draw(job)
    }

    fn read(&self, _job: &Job, reply: &Reply) -> Result<Next, Fault> {
        openai::pictures(&[], reply).map(Next::Done)
    }

    fn event(&self, _job: &Job, _memo: &Value, event: &Event) -> Result<Progress, Fault> {
        openai::progress(&[], event)
    }

    fn fault(&self, reply: &Reply) -> Fault {
        openai::fault_by(&[], reply)
    }

    fn probe(&self, base_url: &str, key: &Secret) -> Option<Call> {
        openai::list_models(base_url, Some(key))
    }

    fn list_models(&self, base_url: &str, key: Option<&Secret>) -> Option<Call> {
        openai::list_models(base_url, key)
    }

    fn read_models(&self, reply: &Reply) -> Result<Vec<String>, Fault> {
        openai::models(reply)
    }
}
