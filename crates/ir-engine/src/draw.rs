//! One request: its job, which belongs to the engine and not to the connection, and its fan-out into
//! shots.

use crate::attempt::{By, Shot, shoot};
use crate::course::{Course, DrawEvent};
use crate::engine::{Engine, JobGuard};
use crate::events::Event;
use crate::hosting::Links;
use crate::inputs::gather;
use crate::judge::{Policy, usefulness};
use crate::plan::{Plan, plan};
use crate::resume::adopt;
use crate::snapshot::Snapshot;
use crate::told::Told;
use crate::wording::Wordings;
use futures_util::FutureExt;
use ir_model::{Ask, Caller, Charge, Class, Drawn, Fault, Gate, Input, RequestId, Size, SizeAsk, Timestamp};
use ir_platforms::{SizePolicy, same_shape};
use ir_store::{AttemptNote as LoggedAttempt, JobRecord, JobState, RequestRecord};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// The most pictures of one request (`02-http-api.md`).
pub(crate) const MOST_PICTURES: u32 = 16;
/// Characters of a prompt that are logged.
const LOGGED: usize = 1000;

/// How a request went that gave at least one picture.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// The platform that drew (the last one, if several did).
    pub provider: String,
    /// The platform's model.
    pub model: String,
    /// Exchanges with platforms in all.
    pub attempts: u32,
    /// What the caller should know, in English: pictures that are missing.
    pub warnings: Vec<String>,
    /// Hints that were not honoured, by parameter name.
    pub ignored: Vec<String>,
    /// What was drawn otherwise than asked, such as `("size", "2560x1440")`.
    pub revised: Vec<(String, String)>,
    /// Pictures asked for.
    pub asked: u32,
    /// Pictures drawn.
    pub pictures: u32,
}

/// How a request went that gave none.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The most useful of its faults.
    pub fault: Fault,
    /// The platform of that fault, when one was reached.
    pub provider: Option<String>,
    /// The platform's model.
    pub model: Option<String>,
    /// Every attempt, in order.
    pub attempts: Vec<AttemptNote>,
}

/// One attempt, as the caller may see it.
#[derive(Debug, Clone)]
pub struct AttemptNote {
    /// The platform.
    pub provider: String,
    /// Its model.
    pub model: String,
    /// The failure's class; `None`: it went well.
    pub class: Option<Class>,
    /// The platform's own words, cleaned; empty if it said nothing.
    pub message: String,
}

impl Failure {
    /// Of a fault before any attempt.
    pub(crate) fn of(fault: Fault) -> Self {
        Self { fault, provider: None, model: None, attempts: Vec::new() }
    }
}

/// What the shots of one request share.
pub(crate) struct Request {
    pub(crate) engine: Arc<Engine>,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) id: RequestId,
    /// The job in the journal. Not the request id: callers may choose that one, and repeat it.
    pub(crate) job: String,
    pub(crate) room: Arc<JobGuard>,
    pub(crate) ask: Ask,
    pub(crate) caller: Caller,
    pub(crate) policy: Policy,
    pub(crate) deadline: Instant,
    pub(crate) began: Timestamp,
    pub(crate) inputs: Vec<Input>,
    pub(crate) mask: Option<Input>,
    pub(crate) plan: Plan,
    /// Something was sent to a platform: from here on the job is finished whoever leaves.
    pub(crate) sent: AtomicBool,
    pub(crate) attempts: AtomicU32,
    /// Attempts that may have been charged without giving a picture.
    pub(crate) uncertain: AtomicU32,
    /// Tasks are under way that had not ended at the deadline.
    pub(crate) left_tasks: AtomicBool,
    pub(crate) notes: Mutex<Vec<(LoggedAttempt, Option<Class>)>>,
    /// Where what happens is told.
    pub(crate) course: Course,
    /// Pictures that were delivered but could not be stored.
    pub(crate) unstored: AtomicU32,
    /// Previews came.
    pub(crate) previewed: AtomicBool,
    /// Names of stored pictures.
    pub(crate) kept: Mutex<Vec<String>>,
    /// What they weigh together.
    pub(crate) bytes: AtomicU64,
    /// Addresses given to input pictures: they end with the request.
    pub(crate) links: Links,
    /// What became of the prompt.
    pub(crate) wordings: Wordings,
}

impl Request {
    /// Whether the caller left before anything was sent.
    pub(crate) fn abandoned(&self) -> bool {
        self.course.is_left() && !self.sent.load(Ordering::Relaxed)
    }

    /// Tells the caller of a stored picture.
    pub(crate) fn deliver(&self, index: u32, drawn: Drawn) {
        if let Some(name) = &drawn.name {
            self.kept.lock().expect("no panic while held").push(name.clone());
            self.bytes.fetch_add(drawn.picture.as_ref().map_or(0, |picture| picture.blob.size()), Ordering::Relaxed);
        }
        if drawn.picture.is_some() && drawn.name.is_none() {
            self.unstored.fetch_add(1, Ordering::Relaxed);
        }
        self.course.tell(DrawEvent::Picture { index, drawn });
    }

    fn client(&self) -> String {
        client_name(&self.caller)
    }
}

pub(crate) fn client_name(caller: &Caller) -> String {
    match caller {
        Caller::Relay { platform, .. } => format!("relay:{platform}"),
        Caller::Client(name) => name.clone(),
        Caller::Key(id) => format!("key:{id}"),
    }
}

/// What a request is before it is planned.
pub(crate) struct Errand {
    pub(crate) ask: Ask,
    pub(crate) caller: Caller,
    pub(crate) id: RequestId,
    pub(crate) job: String,
    pub(crate) course: Course,
    /// What keeps its room among those that draw and wait.
    pub(crate) room: Arc<JobGuard>,
}

/// Draws a request to its end, which is the caller's to tell. A panic on the way is an end, too.
pub(crate) async fn run(engine: &Arc<Engine>, errand: Errand) -> Result<Summary, Failure> {
    let (id, job, course) = (errand.id.clone(), errand.job.clone(), errand.course.clone());
    match AssertUnwindSafe(draw(engine, errand)).catch_unwind().await {
        Ok(result) => result,
        Err(_) => {
            tracing::error!(request_id = %id, "a request ended in a panic");
            after_panic(engine, job, &course).await
        }
    }
}

/// What is left of a request that panicked: the pictures that came, else a failure that may have been
/// charged if the journal says that something was sent.
async fn after_panic(engine: &Arc<Engine>, job: String, course: &Course) -> Result<Summary, Failure> {
    engine.events.flush().await;
    let sent = match engine.store.job(&job).await {
        Ok(None) => false,
        Ok(Some(entry)) => entry.attempts.iter().any(|attempt| attempt.charge != Some(Charge::No)),
        // Who cannot be asked may have sent it.
        Err(_) => true,
    };
    let pictures = course.pictures();
    let state = match (pictures.is_empty(), sent) {
        (false, _) => JobState::Done,
        (true, true) => JobState::Ambiguous,
        (true, false) => JobState::Failed,
    };
    let names = pictures.iter().filter_map(|(_, drawn)| drawn.name.clone()).collect();
    engine.events.tell(Event::Finished { job, state, pictures: names });
    if pictures.is_empty() {
        return Err(Failure::of(panicked(sent)));
    }
    let drawn = u32::try_from(pictures.len()).unwrap_or(u32::MAX);
    let warnings = vec!["the gateway failed while drawing: pictures may be missing".to_owned()];
    Ok(Summary { warnings, asked: drawn, pictures: drawn, ..Summary::default() })
}

fn panicked(sent: bool) -> Fault {
    let charge = if sent { Charge::Maybe } else { Charge::No };
    Fault::gate(Gate::Internal, "The gateway failed while drawing.", "网关内部错误。").charged(charge).detail("a panic")
}

async fn draw(engine: &Arc<Engine>, errand: Errand) -> Result<Summary, Failure> {
    let request = Arc::new(prepare(engine, errand).await.map_err(Failure::of)?);
    let wanted = request.count();
    let mut outcomes = fan_out(&request, wanted).await;
    outcomes.sort_by_key(|shot| shot.first);
    let drawn: u32 = outcomes.iter().map(|shot| shot.drawn).sum();
    let state = match drawn {
        0 if outcomes.iter().all(|s| s.fault.as_ref().is_some_and(|f| f.class == Class::Cancelled)) => JobState::Cancelled,
        0 => JobState::Failed,
        _ => JobState::Done,
    };
    let pictures = request.kept.lock().expect("no panic while held").clone();
    let left_tasks = request.left_tasks.load(Ordering::Relaxed);
    if !left_tasks {
        engine.events.tell(Event::Finished { job: request.job.clone(), state, pictures: pictures.clone() });
    }
    let result = if drawn > 0 { Ok(request.summary(&outcomes, wanted, drawn)) } else { Err(request.failure(outcomes)) };
    request.log(&result, pictures);
    if left_tasks {
        tokio::spawn(adopt(Arc::clone(engine), request.job.clone()));
    }
    result
}

async fn prepare(engine: &Arc<Engine>, errand: Errand) -> Result<Request, Fault> {
    let Errand { ask, caller, id, job, course, room } = errand;
    let snapshot = engine.snapshot();
    let began = engine.clock.now();
    let deadline = Instant::now() + snapshot.settings.routing.deadline;
    engine.budget.deposit(engine.mono());
    let plan = plan(&snapshot, &ask, &caller, &*engine.dice, began, engine.mono())?;
    tracing::debug!(request_id = %id, candidates = plan.candidates.len(), excluded = ?plan.exclusions, "planned");
    let inputs = gather(engine, &caller, &id, &ask.pictures, "image", deadline).await?;
    let mask = gather(engine, &caller, &id, ask.mask.as_slice(), "mask", deadline).await?.pop();
    if let (Some(mask), Some(first)) = (&mask, inputs.first())
        && mask.picture.probe.size != first.picture.probe.size
    {
        return Err(Fault::bad("mask", "The mask must have the same size as the first picture.", "遮罩尺寸必须与第一张图片相同。"));
    }
    let policy = Policy {
        failover_on_moderation: snapshot.settings.routing.failover_on_moderation,
        retry_uncertain: snapshot.settings.routing.retry_uncertain,
    };
    Ok(Request {
        engine: Arc::clone(engine),
        snapshot,
        job,
        room,
        id,
        ask,
        caller,
        policy,
        deadline,
        began,
        inputs,
        mask,
        plan,
        sent: AtomicBool::new(false),
        attempts: AtomicU32::new(0),
        uncertain: AtomicU32::new(0),
        left_tasks: AtomicBool::new(false),
        notes: Mutex::default(),
        course,
        unstored: AtomicU32::new(0),
        previewed: AtomicBool::new(false),
        kept: Mutex::default(),
        bytes: AtomicU64::new(0),
        links: engine.hosting.links(),
        wordings: Wordings::default(),
    })
}

/// Splits the pictures into shots of what the first upstream draws at once, and draws them side by
/// side.
async fn fan_out(request: &Arc<Request>, wanted: u32) -> Vec<Shot> {
    let first = request.plan.candidates.first().filter(|candidate| !request.words_each_picture(candidate));
    let native = first.map_or(1, |candidate| candidate.at_once(request.inputs.len()));
    let mut shots = JoinSet::new();
    let mut first = 0;
    while first < wanted {
        let count = native.min(wanted - first);
        let request = Arc::clone(request);
        shots.spawn(async move { shoot(&request, first, count).await });
        first += count;
    }
    let mut outcomes = Vec::new();
    while let Some(joined) = shots.join_next().await {
        match joined {
            Ok(shot) => outcomes.push(shot),
            Err(error) => outcomes
                .push(Shot { fault: Some(panicked(request.sent.load(Ordering::Relaxed)).detail(error.to_string())), ..Shot::default() }),
        }
    }
    outcomes
}

impl Request {
    /// How many pictures: what was asked, else what the first platform is configured for.
    fn count(&self) -> u32 {
        let configured = || self.plan.candidates.first()?.upstream.route(self.ask.task)?.n;
        self.ask.n.or_else(configured).unwrap_or(1).clamp(1, MOST_PICTURES)
    }

    /// The row that stands in the journal before anything is sent.
    pub(crate) fn job_record(&self) -> JobRecord {
        JobRecord {
            id: self.job.clone(),
            client: self.client(),
            task: self.ask.task.name().to_owned(),
            model: self.ask.model.clone(),
            prompt: self.ask.prompt.clone(),
            created: self.began,
        }
    }

    fn summary(&self, outcomes: &[Shot], asked: u32, drawn: u32) -> Summary {
        let last = outcomes.iter().rev().find_map(|shot| shot.by.clone());
        let mut warnings: Vec<String> =
            self.wordings.troubles().into_iter().map(|trouble| format!("the prompt was drawn as it was written: {trouble}")).collect();
        let unstored = self.unstored.load(Ordering::Relaxed);
        if unstored > 0 {
            warnings.push(format!("{unstored} pictures could not be stored: they are only in this answer"));
        }
        if drawn < asked {
            let why = outcomes.iter().filter_map(|shot| shot.fault.as_ref()).max_by_key(|fault| usefulness(fault));
            warnings.push(format!(
                "{drawn} of {asked} pictures were drawn{}",
                why.map(|fault| format!(": {}", fault.class.name())).unwrap_or_default()
            ));
        }
        let size = last.as_ref().and_then(|by| by.size);
        let revised = revised(self.ask.size, size);
        if let (SizeAsk::Exact(asked), Some(size)) = (self.ask.size, size)
            && !same_shape(asked, size)
        {
            warnings.push(format!("the pictures have another shape than asked for: {size} instead of {asked}"));
        }
        Summary {
            ignored: last.as_ref().map(|by| self.ignored(by)).unwrap_or_default(),
            revised,
            provider: last.as_ref().map(|by| by.provider.to_owned()).unwrap_or_default(),
            model: last.map(|by| by.model).unwrap_or_default(),
            attempts: self.attempts.load(Ordering::Relaxed),
            warnings,
            asked,
            pictures: drawn,
        }
    }

    /// Hints that the platform that drew does not know.
    fn ignored(&self, by: &By) -> Vec<String> {
        let task = by.card;
        let e = &self.ask.extras;
        let hints = [
            (e.quality.is_some(), task.openai_hints, "quality"),
            (e.style.is_some(), task.openai_hints, "style"),
            (e.background.is_some(), task.openai_hints, "background"),
            (e.moderation.is_some(), task.openai_hints, "moderation"),
            (e.input_fidelity.is_some(), task.openai_hints, "input_fidelity"),
            (e.user.is_some(), task.openai_hints, "user"),
            (e.steps.is_some(), task.steps, "steps"),
            (e.guidance_scale.is_some(), task.guidance, "guidance_scale"),
            (e.partial_images > 0, self.previewed.load(Ordering::Relaxed), "partial_images"),
            (self.ask.size != SizeAsk::Auto, task.sizes != SizePolicy::None, "size"),
        ];
        let mut ignored: Vec<String> =
            hints.into_iter().filter(|(asked, honoured, _)| *asked && !honoured).map(|(_, _, name)| name.to_owned()).collect();
        if !ir_platforms::by_name(by.provider).is_some_and(|adapter| adapter.card().takes_unknown) {
            ignored.extend(e.unknown.0.iter().map(|(name, _)| name.clone()));
        }
        ignored
    }

    fn failure(&self, outcomes: Vec<Shot>) -> Failure {
        let notes = self.notes.lock().expect("no panic while held");
        let attempts = notes
            .iter()
            .map(|(n, class)| AttemptNote {
                provider: n.provider.clone(),
                model: n.model.clone(),
                class: *class,
                message: n.message.clone(),
            })
            .collect();
        let best = outcomes.into_iter().filter_map(|shot| Some((shot.fault?, shot.by))).max_by_key(|(fault, _)| usefulness(fault));
        let (fault, by) = best.unwrap_or_else(|| (Fault::new(Class::UpstreamFault), None));
        // One attempt that may have been charged makes the request one, whatever it failed of in the end.
        let charge = if self.uncertain.load(Ordering::Relaxed) > 0 { fault.charge.max(Charge::Maybe) } else { fault.charge };
        let fault = fault.charged(charge);
        Failure { fault, provider: by.as_ref().map(|by| by.provider.to_owned()), model: by.map(|by| by.model), attempts }
    }

    /// One row of the request log, and one line of the log.
    fn log(&self, result: &Result<Summary, Failure>, pictures: Vec<String>) {
        let (outcome, provider, model, charge) = match result {
            Ok(summary) => ("ok", Some(summary.provider.clone()), Some(summary.model.clone()), Charge::Yes),
            Err(failure) => (failure.fault.class.name(), failure.provider.clone(), failure.model.clone(), failure.fault.charge),
        };
        let ended = self.engine.clock.now();
        let attempts: Vec<LoggedAttempt> = self.notes.lock().expect("no panic while held").iter().map(|(note, _)| note.clone()).collect();
        let duration_ms = ended.since(self.began);
        // Only where the operator wants it: what people ask for is nobody else's business.
        let prompt = self.snapshot.settings.system.log_prompts.then(|| self.ask.prompt.chars().take(LOGGED).collect::<String>());
        match result {
            Ok(summary) => {
                tracing::info!(request_id = %self.id, task = self.ask.task.name(), provider, model, duration_ms, attempts = summary.attempts, pictures = summary.pictures, client = self.client(), prompt, "drawn")
            }
            Err(failure) => {
                tracing::warn!(request_id = %self.id, task = self.ask.task.name(), provider, model, duration_ms, attempts = attempts.len(), outcome, charge = ?charge, detail = failure.fault.detail, client = self.client(), prompt, "not drawn")
            }
        }
        let record = RequestRecord {
            id: None,
            request_id: self.id.to_string(),
            time: self.began,
            duration_ms,
            client: self.client(),
            task: self.ask.task.name().to_owned(),
            asked_model: self.ask.model.clone(),
            provider,
            model,
            outcome: outcome.to_owned(),
            prompt: self.ask.prompt.clone(),
            pictures,
            bytes: self.bytes.load(Ordering::Relaxed),
            attempts,
        };
        self.engine.note_drawn(&self.caller, record.pictures.len() as u64);
        let provider = record.provider.as_deref().unwrap_or_default();
        self.engine.counters.note(provider, &record.outcome, record.pictures.len() as u64, record.bytes, record.duration_ms);
        self.engine.feed.push(Told::Request(Arc::new(record.clone())));
        self.engine.events.tell(Event::Request(Box::new(record)));
    }
}

/// What to tell of a size that is not the one asked for.
fn revised(asked: SizeAsk, drawn: Option<Size>) -> Vec<(String, String)> {
    match (asked, drawn) {
        (SizeAsk::Ratio(..) | SizeAsk::Tier(_), Some(size)) => vec![("size".to_owned(), size.to_string())],
        (SizeAsk::Exact(asked), Some(size)) if asked != size => vec![("size".to_owned(), size.to_string())],
        (SizeAsk::Auto | SizeAsk::Exact(_) | SizeAsk::Ratio(..) | SizeAsk::Tier(_), _) => Vec::new(),
    }
}
