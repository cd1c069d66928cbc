//! One conversation with an upstream, from its first exchange to its pictures: over the wire, or
//! with the built-in renderer.

use crate::engine::Engine;
use ir_egress::{Answer, Events, ExchangeLimits};
use ir_model::{Charge, Class, Fault, Gate, Job, Output, Task};
use ir_platforms::{Adapter, Call, Method, Next, Progress, Recipe, RecipeInput, Reply, ReplyBody, Target, Ticket, render};
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{sleep, timeout_at};

/// Exchanges in a row that a platform's protocol may need: a Space that has to be woken takes most.
const MOST_STEPS: u32 = 32;
/// Times in a row that asking for a task may fail.
const MOST_POLL_FAILURES: u32 = 5;
/// Times that what an order came to is fetched again: that costs nothing.
const FETCHES: u32 = 2;
/// Longest pause that a platform's protocol may ask for, in milliseconds.
const MOST_PAUSE_MS: u64 = 60_000;
/// Shortest pause that is doubled after a failed question, in milliseconds: a task of an earlier run has none of its own.
const LEAST_PAUSE_MS: u64 = 1000;
/// The built-in renderer works on inputs scaled down to this, so that it stays fast.
const RENDER_INPUT_SIDE: u32 = 1024;

/// What a conversation tells while it runs.
pub(crate) trait Listener: Send {
    /// A ticket was given: it must be on disk before it is first polled.
    fn ticket(&self, ticket: &Ticket) -> impl Future<Output = Result<(), Fault>> + Send;

    /// A preview of the picture that comes next.
    fn preview(&mut self, output: Output) -> impl Future<Output = ()> + Send;

    /// A picture is there: it is paid for, whatever follows.
    fn picture(&mut self, output: Output) -> impl Future<Output = ()> + Send;
}

/// One upstream being talked to about one job.
pub(crate) struct Conversation<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) adapter: &'a dyn Adapter,
    pub(crate) job: &'a Job,
    pub(crate) limits: ExchangeLimits,
    /// The platform took an order: whatever fails from here on, the drawing may be paid for.
    ordered: AtomicBool,
}

impl<'a> Conversation<'a> {
    pub(crate) fn new(engine: &'a Engine, adapter: &'a dyn Adapter, job: &'a Job, limits: ExchangeLimits) -> Self {
        Self { engine, adapter, job, limits, ordered: AtomicBool::new(false) }
    }

    /// Talks until all pictures are told of, or a fault. A fault after some pictures speaks of those
    /// that are missing.
    pub(crate) async fn hold(&self, call: Call, listener: &mut impl Listener) -> Result<(), Fault> {
        let next = self.step(call, Some(FETCHES), listener).await?;
        self.go_on(next, listener).await
    }

    /// Goes on with a task of an earlier run.
    pub(crate) async fn take_up(&self, ticket: Ticket, listener: &mut impl Listener) -> Result<(), Fault> {
        self.go_on(Next::Wait(ticket), listener).await
    }

    async fn go_on(&self, mut next: Next, listener: &mut impl Listener) -> Result<(), Fault> {
        let mut steps = 1;
        loop {
            match next {
                Next::Done(outputs) => {
                    tell(outputs, listener).await;
                    return Ok(());
                }
                Next::Partly(outputs, fault) => {
                    tell(outputs, listener).await;
                    return Err(fault);
                }
                Next::Then(call) if steps < MOST_STEPS => {
                    steps += 1;
                    next = self.step(call, Some(FETCHES), listener).await?;
                }
                Next::Then(_) => return Err(Fault::new(Class::UpstreamFault).detail("the platform's protocol did not come to an end")),
                Next::Wait(ticket) => next = self.wait(ticket, listener).await?,
            }
        }
    }

    /// `again`: how often what an order came to may be fetched again where the way there fails.
    async fn step(&self, call: Call, again: Option<u32>, listener: &mut impl Listener) -> Result<Next, Fault> {
        self.pause(call.after_ms, "the next step was not due").await?;
        let reply = match &call.target {
            Target::Http { method, .. } => match self.call(&call, again.filter(|_| *method == Method::Get)).await? {
                Answer::Whole(reply) => {
                    ir_crash::point("exchange.answered");
                    reply
                }
                Answer::Events(events) => return self.follow(*events, &call.memo, listener).await,
            },
            Target::Render(recipe) => draw_here(self.engine, recipe).await?,
        };
        if (200..300).contains(&reply.status) { self.adapter.read(self.job, &reply) } else { self.adapter.refused(self.job, &reply) }
    }

    /// One exchange. What it alone cannot have cost may have been paid for by an earlier one.
    async fn call(&self, call: &Call, again: Option<u32>) -> Result<Answer, Fault> {
        let ordered = self.ordered.load(Ordering::Relaxed);
        let mut left = again.filter(|_| ordered).unwrap_or(0);
        let answer = loop {
            match self.engine.door.call(call, &self.limits).await {
                // Sent or not must be known: a stream that was begun and broke is not there a second time.
                Err(fault) if left > 0 && passes(&fault) && fault.charge == Charge::No => {
                    left -= 1;
                    tracing::info!(class = fault.class.name(), detail = fault.detail, "what was ordered could not be fetched");
                    self.pause(LEAST_PAUSE_MS, "what was ordered could not be fetched").await?;
                }
                other => break other,
            }
        };
        let answer = answer.map_err(|fault| {
            self.doubt_disk(&fault);
            let charge = if ordered { fault.charge.max(Charge::Maybe) } else { fault.charge };
            fault.charged(charge)
        })?;
        let taken = match &answer {
            Answer::Whole(reply) => (200..300).contains(&reply.status),
            Answer::Events(_) => true,
        };
        if taken && !call.harmless {
            self.ordered.store(true, Ordering::Relaxed);
        }
        Ok(answer)
    }

    /// A failure of our own is the disk's that replies are spooled to.
    fn doubt_disk(&self, fault: &Fault) {
        if fault.class == Class::Gate(Gate::Internal) {
            self.engine.disk.doubted(fault.detail.as_deref().unwrap_or("a reply could not be read"));
        }
    }

    /// Waits, but not beyond the deadline.
    async fn pause(&self, ms: u64, late: &str) -> Result<(), Fault> {
        if ms == 0 {
            return Ok(());
        }
        let pause = Duration::from_millis(ms.min(MOST_PAUSE_MS));
        timeout_at(self.limits.deadline, sleep(pause))
            .await
            .map_err(|_| Fault::new(Class::Timeout).detail(format!("{late} at the deadline")))
    }

    /// Reads a stream of events to its end. Its pictures are told of as they come.
    async fn follow(&self, mut events: Events, memo: &Value, listener: &mut impl Listener) -> Result<Next, Fault> {
        let mut missing = None;
        while let Some(event) = events.next().await? {
            match self.adapter.event(self.job, memo, &event)? {
                Progress::Nothing => {}
                Progress::Preview(output) => listener.preview(output).await,
                Progress::Picture(output) => listener.picture(output).await,
                Progress::Missing(fault) => missing = Some(fault),
                Progress::Then(call) => return Ok(Next::Then(call)),
                Progress::End => break,
            }
        }
        missing.map_or(Ok(Next::Done(Vec::new())), Err)
    }

    /// Stores the ticket, then asks until the task has ended or the deadline passes. The task goes on
    /// whether asking succeeds or not, and asking costs nothing: a few failures in a row are borne.
    async fn wait(&self, mut ticket: Ticket, listener: &mut impl Listener) -> Result<Next, Fault> {
        self.ordered.store(true, Ordering::Relaxed);
        ir_crash::point("ticket.received");
        listener.ticket(&ticket).await?;
        ir_crash::point("ticket.stored");
        let mut failures = 0;
        loop {
            self.pause(ticket.after_ms.max(100), &format!("task {} had not ended", ticket.id)).await?;
            let Some(call) = self.adapter.poll(self.job, &ticket) else {
                return Err(Fault::new(Class::UpstreamFault).detail("the platform gave a ticket that cannot be polled"));
            };
            // Asking has turns of its own.
            match self.step(call, None, listener).await {
                Ok(Next::Wait(again)) => (ticket, failures) = (again, 0),
                Ok(next @ (Next::Done(_) | Next::Partly(..) | Next::Then(_))) => return Ok(next),
                Err(fault) if failures < MOST_POLL_FAILURES && passes(&fault) => {
                    failures += 1;
                    tracing::info!(task = ticket.id, class = fault.class.name(), detail = fault.detail, "a task could not be asked for");
                    let asked_for = fault.retry_after.map_or(0, |wait| u64::try_from(wait.as_millis()).unwrap_or(MOST_PAUSE_MS));
                    ticket.after_ms = (ticket.after_ms.max(LEAST_PAUSE_MS) * 2).max(asked_for).min(MOST_PAUSE_MS);
                }
                Err(fault) if passes(&fault) => return Err(lost(fault)),
                Err(fault) => return Err(fault),
            }
        }
    }
}

/// Whether a fault of asking for a task says nothing of the task: the platform's, the way's there, or our own. A
/// task that is not found may only not be known everywhere yet.
fn passes(fault: &Fault) -> bool {
    match fault.class {
        Class::Timeout | Class::UpstreamFault | Class::Blocked | Class::Overloaded | Class::RateLimited | Class::ModelNotFound => true,
        Class::Gate(gate) => matches!(gate, Gate::Overloaded | Gate::StorageFull | Gate::Internal),
        _ => false,
    }
}

/// Whether a task is worth asking for later, after this came of it. A drawing that was charged for and cannot be used
/// will not become better.
pub(crate) fn is_open(fault: &Fault) -> bool {
    match fault.class {
        Class::UpstreamFault => fault.charge != Charge::Yes,
        Class::ModelNotFound => false,
        _ => passes(fault),
    }
}

/// What it comes to that a task cannot be asked for: it may still be drawn, and paid for. The platform
/// took it for this model, so what it does not find is the task.
fn lost(fault: Fault) -> Fault {
    match fault.class {
        Class::ModelNotFound => Fault { class: Class::TaskFailed, ..fault }
            .charged(Charge::Maybe)
            .say("The platform lost the task: it does not know it any more.", "平台丢失了该任务：已查询不到。"),
        _ => {
            let charge = fault.charge.max(Charge::Maybe);
            fault.charged(charge)
        }
    }
}

async fn tell(outputs: Vec<Output>, listener: &mut impl Listener) {
    for output in outputs {
        listener.picture(output).await;
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
