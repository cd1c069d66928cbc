//! What a platform can do, as data. The engine, `/v1/models`, the validation, the documentation and
//! the conformance tests are driven by cards.

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
    /// It may run as a part of automatic plans (false for `Local` outside demo mode).
    pub in_plans: bool,
    /// It takes fields that the gateway does not know.
    pub takes_unknown: bool,
    /// Its models are what its model list tells; any model id may be sent.
    pub open_models: bool,
}

impl Card {
    /// What it does for a task, if it can.
    pub fn task(&self, task: Task) -> Option<&'static TaskCard> {
        self.tasks.iter().find(|card| card.task == task)
    }
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
}

/// What sizes a task takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizePolicy {
    /// Any, within these sides and this area, both sides multiples of `step`.
    Free {
        /// Smallest side.
        min_side: u32,
        /// Largest side.
        max_side: u32,
        /// Most pixels.
        max_pixels: u64,
        /// Sides are multiples of this.
        step: u32,
    },
    /// The platform judges for itself: passed on as it is.
    Passed,
}

/// In which form a platform takes pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputForm {
    /// It takes none.
    None,
    /// Bytes (multipart or base64).
    Bytes,
    /// Public addresses only.
    Url,
}
