//! What a platform can do, as data. The engine, `/v1/models`, the validation, the documentation and
//! the conformance tests are driven by cards.

use crate::SizePolicy;
use ir_model::{Format, Size, Task};

/// A platform's card.
#[derive(Debug)]
pub struct Card {
    /// Its name in the configuration, in headers and in the panel.
    pub name: &'static str,
    /// Its base address; `None`: the operator must configure one.
    pub base_url: Option<&'static str>,
    /// How it wants to be authenticated.
    pub auth: Auth,
    /// Whether a caller's bearer token has this platform's key format (relay mode).
    pub key_format: fn(&str) -> bool,
    /// Whether it is enabled without being configured.
    pub enabled_by_default: bool,
    /// What it does per task; tasks that it cannot do are absent.
    pub tasks: &'static [TaskCard],
    /// Seconds to the first byte that it may take; `None`: the gateway's setting.
    pub first_byte_secs: Option<u64>,
    /// Seconds that one exchange may take in all, for platforms that tell of a drawing while it goes
    /// on; `None`: the time to the first byte and the gateway's setting.
    pub total_secs: Option<u64>,
    /// It may run as a part of automatic plans (false for `Local` outside demo mode).
    pub in_plans: bool,
    /// It takes fields that the gateway does not know.
    pub takes_unknown: bool,
    /// Its models are what its model list tells; any model id may be sent.
    pub open_models: bool,
    /// Hours east of UTC at whose midnight its daily quotas are renewed, where it names no time.
    pub quota_zone: i8,
    /// Every model has servers of its own: which, and those that are built in. Its base address is
    /// then only where servers are looked up.
    pub spaces: Option<&'static [SpaceCard]>,
}

/// The servers of one model, where every model has its own.
#[derive(Debug)]
pub struct SpaceCard {
    /// The model.
    pub model: &'static str,
    /// Which way it draws.
    pub task: Task,
    /// Its servers, the first choice first. They are strangers: no key is sent to them.
    pub servers: &'static [&'static str],
}

impl Card {
    /// A platform that needs a key, takes part in plans and offers nothing: what a card is made of
    /// with `..Card::BASE`.
    pub const BASE: Self = Self {
        name: "",
        base_url: None,
        auth: Auth::Required,
        key_format: no_key,
        enabled_by_default: false,
        tasks: &[],
        first_byte_secs: None,
        total_secs: None,
        in_plans: true,
        takes_unknown: false,
        open_models: false,
        quota_zone: 0,
        spaces: None,
    };

    /// What it does for a task, if it can.
    pub fn task(&self, task: Task) -> Option<&'static TaskCard> {
        self.tasks.iter().find(|card| card.task == task)
    }
}

/// No token is a key.
fn no_key(_: &str) -> bool {
    false
}

/// How a platform takes its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// It needs none (`Local`).
    None,
    /// A key is required.
    Required,
    /// It may run without.
    Optional,
}

/// One task of a platform.
#[derive(Debug)]
pub struct TaskCard {
    /// Which.
    pub task: Task,
    /// Models, the default first. Empty with `open_models`.
    pub models: &'static [&'static str],
    /// The size drawn when the caller names none.
    pub default_size: Option<Size>,
    /// What sizes it takes.
    pub sizes: SizePolicy,
    /// How many pictures one exchange may give; the engine fans out above.
    pub native_n: u32,
    /// How many pictures it takes in.
    pub max_inputs: u32,
    /// In which form it takes them.
    pub inputs: InputForm,
    /// Formats it takes in; others are re-encoded.
    pub input_formats: &'static [Format],
    /// Bytes of one input above which it is re-encoded.
    pub max_input_bytes: u64,
    /// Sides of an input above which it is scaled down.
    pub max_input_side: u32,
    /// The shorter side of an input below which it is enlarged.
    pub min_input_side: u32,
    /// Pixels of an input above which it is scaled down.
    pub max_input_pixels: u64,
    /// Inputs and pictures drawn together, at most.
    pub max_in_and_out: u32,
    /// It takes a mask.
    pub mask: bool,
    /// It honours a seed.
    pub seed: bool,
    /// It honours a negative prompt.
    pub negative_prompt: bool,
    /// It honours steps.
    pub steps: bool,
    /// It honours a guidance scale.
    pub guidance: bool,
    /// It honours OpenAI's hints quality, style, background, output format, moderation and user.
    pub openai_hints: bool,
    /// Longest prompt, in characters.
    pub max_prompt: usize,
    /// What holds for some models only: the first whose text stands in the model's id, in any case.
    pub variants: &'static [(&'static str, Self)],
}

impl TaskCard {
    /// Prompt to one picture, without any wish beyond model and size: what a task's card is made of
    /// with `..TaskCard::BASE`.
    pub const BASE: Self = Self {
        task: Task::Text,
        models: &[],
        default_size: Some(Size::new(1024, 1024)),
        sizes: SizePolicy::Passed,
        native_n: 1,
        max_inputs: 0,
        inputs: InputForm::None,
        input_formats: &[],
        max_input_bytes: 0,
        max_input_side: 8192,
        min_input_side: 0,
        max_input_pixels: 40_000_000,
        max_in_and_out: 32,
        mask: false,
        seed: false,
        negative_prompt: false,
        steps: false,
        guidance: false,
        openai_hints: false,
        max_prompt: 32_000,
        variants: &[],
    };

    /// What holds for one model.
    pub fn for_model(&self, model: &str) -> &Self {
        let model = model.to_lowercase();
        self.variants.iter().find(|(part, _)| model.contains(part)).map_or(self, |(_, card)| card)
    }
}

/// In which form a platform takes pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputForm {
    /// It takes none.
    None,
    /// Bytes (multipart or base64).
    Bytes,
    /// Public addresses only; the engine hosts what came as bytes.
    Url,
    /// Public addresses where the gateway can host pictures, else bytes.
    UrlOrBytes,
}
