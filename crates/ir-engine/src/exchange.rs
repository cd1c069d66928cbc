//! One conversation with an upstream, from its first exchange to its pictures: over the wire, or
//! with the built-in renderer.

use crate::engine::Engine;
use ir_egress::ExchangeLimits;
use ir_model::{Class, Fault, Gate, Job, Output, Task};
use ir_platforms::{Adapter, Call, Next, Recipe, RecipeInput, Reply, ReplyBody, Target, Ticket, render};
use std::time::Duration;

/// Exchanges in a row that a platform's protocol may need.
const MOST_STEPS: u32 = 16;
/// The built-in renderer works on inputs scaled down to this, so that it stays fast.
const RENDER_INPUT_SIDE: u32 = 1024;

/// What a conversation leaves in the journal while it runs.
pub(crate) trait Journalist: Send + Sync {
    /// A ticket was given: it must be on disk before it is first polled.
    fn ticket(&self, ticket: &Ticket) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// Talks until there are pictures or a fault.
pub(crate) async fn converse(
    engine: &Engine,
    adapter: &dyn Adapter,
    job: &Job,
    call: Call,
    limits: &ExchangeLimits,
    journal: &impl Journalist,
) -> Result<Vec<Output>, Fault> {
    let mut next = step(engine, adapter, job, &call, limits).await?;
    let mut steps = 1;
    loop {
        match next {
            Next::Done(outputs) if outputs.is_empty() => {
                return Err(Fault::new(Class::UpstreamFault).detail("the platform answered without a picture"));
            }
            Next::Done(outputs) => return Ok(outputs),
            Next::Then(call) if steps < MOST_STEPS => {
                steps += 1;
                next = step(engine, adapter, job, &call, limits).await?;
            }
            Next::Then(_) => return Err(Fault::new(Class::UpstreamFault).detail("the platform's protocol did not come to an end")),
            Next::Wait(ticket) => next = wait(engine, adapter, job, ticket, limits, journal).await?,
        }
    }
}

async fn step(engine: &Engine, adapter: &dyn Adapter, job: &Job, call: &Call, limits: &ExchangeLimits) -> Result<Next, Fault> {
    let reply = match &call.target {
        Target::Http { .. } => engine.door.exchange(call, limits).await?,
        Target::Render(recipe) => draw_here(engine, recipe).await?,
    };
    if (200..300).contains(&reply.status) { adapter.read(job, &reply) } else { Err(adapter.fault(&reply)) }
}

/// Stores the ticket, then asks until the task has ended or the deadline passes.
async fn wait(
    engine: &Engine,
    adapter: &dyn Adapter,
    job: &Job,
    mut ticket: Ticket,
    limits: &ExchangeLimits,
    journal: &impl Journalist,
) -> Result<Next, Fault> {
    journal.ticket(&ticket).await?;
    loop {
        let pause = Duration::from_millis(ticket.after_ms.clamp(100, 60_000));
        if tokio::time::timeout_at(limits.deadline, tokio::time::sleep(pause)).await.is_err() {
            return Err(Fault::new(Class::Timeout).detail(format!("task {} had not ended at the deadline", ticket.id)));
        }
        let Some(call) = adapter.poll(job, &ticket) else {
            return Err(Fault::new(Class::UpstreamFault).detail("the platform gave a ticket that cannot be polled"));
        };
        match step(engine, adapter, job, &call, limits).await? {
            Next::Wait(again) => ticket = again,
            next @ (Next::Done(_) | Next::Then(_)) => return Ok(next),
        }
    }
}

/// Performs a recipe of the built-in renderer on a blocking thread.
async fn draw_here(engine: &Engine, recipe: &Recipe) -> Result<Reply, Fault> {
    let trouble = |what: &str| Fault::gate(Gate::Internal, "The built-in renderer failed.", "内置渲染器出错。").detail(what.to_owned());
    let mut inputs = Vec::with_capacity(recipe.inputs.len());
    let wanted: &[ir_model::Picture] = if recipe.task == Task::Text { &[] } else { &recipe.inputs };
    for picture in wanted.iter().chain(&recipe.mask) {
        let (size, rgba) = engine.pictures.decode_small(picture, RENDER_INPUT_SIDE).await.map_err(|error| {
            Fault::gate(Gate::ImageInvalid, "A picture could not be decoded.", "图片无法解码。").param("image").detail(error.to_string())
        })?;
        inputs.push(RecipeInput { size, rgba });
    }
    let mask = if recipe.mask.is_some() { inputs.pop() } else { None };
    let _place = engine.renderers.acquire().await.map_err(|_| trouble("the renderers are closed"))?;
    let recipe = recipe.clone();
    let bytes =
        tokio::task::spawn_blocking(move || render(&recipe, &inputs, mask.as_ref())).await.map_err(|error| trouble(&error.to_string()))?;
    let mut writer = engine.spool.writer().map_err(|error| trouble(&error.to_string()))?;
    writer.write(&bytes).await.map_err(|error| trouble(&error.to_string()))?;
    let blob = writer.finish().await.map_err(|error| trouble(&error.to_string()))?;
    Ok(Reply::new(200, ReplyBody::Picture(blob)))
}
