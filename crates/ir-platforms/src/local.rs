//! The built-in renderer.

use crate::{Adapter, Auth, Call, CallBody, Card, Next, Reply, Target};
use ir_model::{Class, Fault, Format, Job, Picture, Size, Task};

/// What the built-in renderer is to draw: a value, performed by the engine on a blocking thread.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Which way to draw.
    pub task: Task,
    /// What to draw.
    pub prompt: String,
    /// How large.
    pub size: Size,
    /// Same prompt, inputs and seed: same bytes.
    pub seed: u64,
    /// The file format.
    pub format: Format,
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

/// Draws a recipe. `inputs` are those of the recipe, in order.
pub fn render(_recipe: &Recipe, _inputs: &[RecipeInput], _mask: Option<&RecipeInput>) -> Vec<u8> {
    Vec::new()
}

/// The built-in platform.
#[derive(Debug)]
pub struct Local;

static CARD: Card = Card {
    name: "Local",
    base_url: None,
    auth: Auth::None,
    key_format: |_| false,
    enabled_by_default: true,
    tasks: &[],
    first_byte_secs: None,
    in_plans: false,
    takes_unknown: false,
    open_models: false,
};

impl Adapter for Local {
    fn card(&self) -> &'static Card {
        &CARD
    }
    fn open(&self, job: &Job) -> Result<Call, Fault> {
        Ok(Call {
            target: Target::Render(Recipe {
                task: job.task,
                prompt: job.prompt.clone(),
                size: Size::new(1, 1),
                seed: 0,
                format: Format::Png,
                inputs: vec![],
                mask: None,
            }),
            body: CallBody::None,
        })
    }
    fn read(&self, _job: &Job, _reply: &Reply) -> Result<Next, Fault> {
        Err(Fault::new(Class::UpstreamFault))
    }
    fn fault(&self, _reply: &Reply) -> Fault {
        Fault::new(Class::UpstreamFault)
    }
}
