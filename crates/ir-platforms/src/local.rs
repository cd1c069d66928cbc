//! The built-in platform: no network, no key, real pictures. It is there so that a fresh machine can
//! be tried, tested, demonstrated and measured; every picture carries a caption that says what was
//! asked for and that it was drawn here.
//!
//! The adapter only writes down a [`Recipe`]; [`render`] performs it, a pure function that the engine
//! runs on a blocking thread.

mod canvas;
mod caption;
mod chance;
mod compose;
mod encode;
mod font;
mod palette;
mod scene;

use crate::{Adapter, Auth, Bounds, Call, CallBody, Card, InputForm, Next, Reply, ReplyBody, SizePolicy, Target, TaskCard};
use ir_model::{Charge, Class, Fault, Format, Job, Output, Picture, Size, Source, Task};

/// Sides that the renderer draws, and the area that 4096² is.
const MIN_SIDE: u32 = 64;
const MAX_SIDE: u32 = 4096;

/// JPEG quality when none is asked for.
const QUALITY: u8 = 90;

/// What the built-in renderer is to draw: a value, performed by the engine on a blocking thread.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Which way to draw.
    pub task: Task,
    /// What to draw.
    pub prompt: String,
    /// How large; each side 1–4096 (beyond: the nearest of these).
    pub size: Size,
    /// Same task, prompt, size, format, quality, inputs and seed: same bytes.
    pub seed: u64,
    /// The file format.
    pub format: Format,
    /// 0–100, honoured by JPEG; the other formats are written without loss (GIF: 256 colours).
    pub quality: u8,
    /// The pictures to edit or blend.
    pub inputs: Vec<Picture>,
    /// Where to edit: transparent pixels.
    pub mask: Option<Picture>,
}

/// An input picture, decoded and scaled down by the spool (longest side at most 1024).
#[derive(Clone, Debug)]
pub struct RecipeInput {
    /// Dimensions of `rgba`.
    pub size: Size,
    /// Four bytes a pixel.
    pub rgba: Vec<u8>,
}

impl RecipeInput {
    /// Whether the bytes are those of a picture of this size.
    fn is_whole(&self) -> bool {
        self.size.pixels() > 0 && self.size.pixels().checked_mul(4) == u64::try_from(self.rgba.len()).ok()
    }
}

/// Draws a recipe. `inputs` are those of the recipe, in order; one whose bytes do not fit its size is
/// left out, and an edit or blend without any draws the prompt. Takes some 9 bytes of memory a pixel
/// (150 MB at 4096×4096) and, optimised, under 100 ns a pixel.
pub fn render(recipe: &Recipe, inputs: &[RecipeInput], mask: Option<&RecipeInput>) -> Vec<u8> {
    let size = Size::new(recipe.size.width.clamp(1, MAX_SIDE), recipe.size.height.clamp(1, MAX_SIDE));
    let inputs: Vec<&RecipeInput> = inputs.iter().filter(|input| input.is_whole()).collect();
    let mask = mask.filter(|mask| mask.is_whole());
    let canvas = match (recipe.task, inputs.as_slice()) {
        (Task::Text, _) | (Task::Edit | Task::Blend, []) => {
            let mut canvas = scene::paint(size, &recipe.prompt, recipe.seed);
            caption::write(&mut canvas, &caption::Caption::of(recipe), None);
            canvas
        }
        (Task::Edit, [first, others @ ..]) => compose::edit(recipe, size, first, others, mask),
        (Task::Blend, all) => compose::blend(recipe, size, all, mask),
    };
    encode::encode(&canvas, recipe.format, recipe.quality)
}

/// The built-in platform.
#[derive(Debug)]
pub(crate) struct Local;

const TEXT: TaskCard = TaskCard {
    models: &["local"],
    sizes: SizePolicy::Free(Bounds::sides(MIN_SIDE, MAX_SIDE, 1)),
    seed: true,
    openai_hints: true,
    ..TaskCard::BASE
};

const BLEND: TaskCard = TaskCard {
    task: Task::Blend,
    max_inputs: 16,
    inputs: InputForm::Bytes,
    input_formats: &Format::ALL,
    // The gateway's own limit on a picture.
    max_input_bytes: 20 * 1024 * 1024,
    mask: true,
    ..TEXT
};

static CARD: Card = Card {
    name: "Local",
    auth: Auth::None,
    enabled_by_default: true,
    // An edit without a size keeps that of its picture.
    tasks: &[TEXT, TaskCard { task: Task::Edit, default_size: None, ..BLEND }, BLEND],
    in_plans: false,
    ..Card::BASE
};

/// A picture's own size, brought within what the renderer draws.
fn size_of(picture: &Picture) -> Size {
    let Size { width, height } = picture.probe.size;
    let longest = u64::from(width.max(height).max(1));
    let shrink = |side: u32| {
        let scaled = if longest > u64::from(MAX_SIDE) { u64::from(side) * u64::from(MAX_SIDE) / longest } else { u64::from(side) };
        u32::try_from(scaled).unwrap_or(MAX_SIDE).clamp(MIN_SIDE, MAX_SIDE)
    };
    Size::new(shrink(width), shrink(height))
}

impl Adapter for Local {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn open(&self, job: &Job) -> Result<Call, Fault> {
        let first = job.pictures.first().map(|input| &input.picture);
        if job.task != Task::Text && first.is_none() {
            return Err(Fault::new(Class::InvalidRequest).param("image").everywhere());
        }
        let own = first.filter(|_| job.task == Task::Edit).map(size_of);
        let recipe = Recipe {
            task: job.task,
            prompt: job.prompt.clone(),
            size: job.size.or(own).unwrap_or(Size::new(1024, 1024)),
            // 32 bits are plenty for variety and short enough to be typed from the caption.
            seed: job.extras.seed.unwrap_or(job.entropy & 0xFFFF_FFFF),
            format: job.extras.output_format.unwrap_or(Format::Png),
            quality: job.extras.output_compression.unwrap_or(QUALITY).min(100),
            inputs: job.pictures.iter().map(|input| input.picture.clone()).collect(),
            mask: job.mask.clone(),
        };
        Ok(Call::new(Target::Render(recipe), CallBody::None))
    }

    fn read(&self, _job: &Job, reply: &Reply) -> Result<Next, Fault> {
        match &reply.body {
            ReplyBody::Picture(blob) => Ok(Next::Done(vec![Output { source: Source::Body(blob.clone()), revised_prompt: None }])),
            ReplyBody::Empty | ReplyBody::Json(_) | ReplyBody::Text(_) => Err(self.fault(reply)),
        }
    }

    fn fault(&self, reply: &Reply) -> Fault {
        let detail = format!("the built-in renderer gave no picture (status {})", reply.status);
        Fault::new(Class::UpstreamFault).charged(Charge::No).detail(detail)
    }
}
