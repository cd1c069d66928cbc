//! Platform adapters as pure values. An adapter is a [`Card`] of data and a few pure functions: it
//! turns a job into a described exchange and a reply into pictures, a ticket to poll, or a
//! classified fault. It performs no I/O, sleeps, retries or logs, and reads no clock.
//!
//! Adding a platform is one file beside `new_api.rs` and one entry in [`ADAPTERS`].

mod adapter;
mod async_task;
mod call;
mod card;
pub mod completion;
mod doubao;
mod gitee;
mod hugging_face;
mod local;
mod model_scope;
mod new_api;
mod next;
mod openai_like;
mod pollinations;
mod reply;
mod siliconflow;
mod sizes;

pub use adapter::Adapter;
pub use call::{Call, CallBody, HeaderValue, Method, Part, PartBody, Target};
pub use card::{Auth, Card, InputForm, SpaceCard, TaskCard};
pub use local::{Recipe, RecipeInput, render};
pub use next::{Next, Progress, Ticket};
pub use reply::{Event, Reply, ReplyBody};
pub use sizes::{Bounds, SizePolicy, same_shape};

/// Every platform, in the order in which they are listed.
pub static ADAPTERS: &[&dyn Adapter] = &[
    &doubao::Doubao,
    &gitee::Gitee,
    &model_scope::ModelScope,
    &hugging_face::HuggingFace,
    &pollinations::Pollinations,
    &siliconflow::SiliconFlow,
    &new_api::NewApi,
    &local::Local,
];

/// The platform called `name`, in any case.
pub fn by_name(name: &str) -> Option<&'static dyn Adapter> {
    ADAPTERS.iter().copied().find(|adapter| adapter.card().name.eq_ignore_ascii_case(name))
}
