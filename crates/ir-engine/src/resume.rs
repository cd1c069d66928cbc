//! Tasks that platforms were drawing when the last run ended, or when their request did. They are paid for: their
//! tickets are asked for until the pictures are there, which then are in the gallery and in the request log. A platform
//! that cannot be reached is asked again for a day, in further runs as well.
//!
//! A task of a relayed request is lost: its key was its caller's and is kept nowhere.

use crate::claims::{self, KEPT_MS, settle};
use crate::engine::Engine;
use crate::events::Event;
use crate::exchange::{Conversation, Listener, is_open};
use crate::pictures::{Origin, take};
use crate::snapshot::{Snapshot, Upstream};
use crate::told::Told;
use ir_egress::ExchangeLimits;
use ir_model::{Charge, Class, Drawn, Extras, Fault, Job, Output, ResponseForm, Task};
use ir_platforms::{Auth, Ticket};
use ir_store::{AttemptNote, AttemptState, Claim, JobRecord, JobState, JournalAttempt, JournalEntry, RequestRecord};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The last turn comes so long before nobody can come back any more.
const LAST_MS: i64 = 3_600_000;
/// Pauses between two turns of asking: the first, and the longest, since each is twice the one before.
const PAUSES: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(900)];

/// Takes up every task that an earlier run left, beside the requests.
pub(crate) async fn resume(engine: Arc<Engine>) {
    let left = match engine.store.unfinished().await {
        Ok(left) => left,
        Err(error) => return tracing::error!(%error, "tasks of the last run could not be read"),
    };
    for entry in left {
        tokio::spawn(see_through(Arc::clone(&engine), entry, Taken { again: true, ..Taken::default() }, false));
    }
}

/// Takes up the tasks that a request of this run left: at its deadline, or when they could not be asked for.
pub(crate) async fn adopt(engine: Arc<Engine>, job: String) {
    engine.events.flush().await;
    match engine.store.job(&job).await {
        Ok(Some(entry)) => {
            // Who may draw has a place; the next turn is one of many.
            let mut taken = Taken::default();
            if !take_up(&engine, &entry, &mut taken).await {
                see_through(engine, entry, Taken { again: true, ..taken }, true).await;
            }
        }
        Ok(None) => {}
        Err(error) => tracing::error!(%error, "the tasks of a request could not be read"),
    }
}

/// Takes up a job until something is known of all its tasks, for as long as somebody may come back to it; a run that
/// ends before that leaves it to the next. `later`: begins with a pause.
async fn see_through(engine: Arc<Engine>, mut entry: JournalEntry, mut taken: Taken, mut later: bool) {
    let [mut pause, longest] = PAUSES;
    loop {
        if std::mem::replace(&mut later, true) {
            sleep(pause).await;
            pause = (pause * 2).min(longest);
            engine.events.flush().await;
            match engine.store.job(&entry.job.id).await {
                Ok(Some(now)) => entry = now,
                Ok(None) => return,
                Err(error) => tracing::error!(%error, "the tasks of a request could not be read"),
            }
        }
        let Ok(_place) = engine.asking.acquire().await else { return };
        if take_up(&engine, &entry, &mut taken).await {
            return;
        }
        taken.again = true;
    }
}

/// One job: all its tickets, then its end. Answers whether it has ended.
async fn take_up(engine: &Arc<Engine>, entry: &JournalEntry, taken: &mut Taken) -> bool {
    let claim = engine.store.claim_of(&entry.job.id).await.unwrap_or_else(|error| {
        tracing::error!(%error, "the request of a task could not be read");
        None
    });
    // Under its own name, its caller finds what comes of it.
    let request_id = claim.as_ref().map_or_else(|| entry.job.id.clone(), |claim| claim.request_id.clone());
    let before = taken.names.len();
    let mut worst = None;
    let mut is_over = true;
    let may_wait = engine.clock.now() < entry.job.created.plus_ms(KEPT_MS - LAST_MS);
    for attempt in entry.attempts.iter().filter(|attempt| attempt.state == AttemptState::Ticket) {
        let began = engine.clock.now();
        taken.came = 0;
        let outcome = ask(engine, &entry.job, &request_id, attempt, taken).await;
        let (word, charge, said) = match &outcome {
            Ok(()) if taken.came > 0 => ("ok", Charge::Yes, String::new()),
            Ok(()) => (Class::UpstreamFault.name(), Charge::Maybe, "no picture".to_owned()),
            Err(fault) => (fault.class.name(), fault.charge, fault.detail.clone().unwrap_or_default()),
        };
        tracing::info!(
            request_id = entry.job.id,
            provider = attempt.record.provider,
            outcome = word,
            detail = said,
            "a task that was left was asked for"
        );
        if may_wait && outcome.as_ref().is_err_and(is_open) {
            // Neither settled nor finished: whoever asks next finds the ticket.
            is_over = false;
            continue;
        }
        engine.events.tell(Event::Settled { job: entry.job.id.clone(), attempt: attempt.record.number, outcome: word.to_owned(), charge });
        taken.notes.push(AttemptNote {
            provider: attempt.record.provider.clone(),
            model: attempt.record.model.clone(),
            key: attempt.record.key.clone(),
            started_ms: began.since(entry.job.created),
            duration_ms: engine.clock.now().since(began),
            outcome: word.to_owned(),
            message: ir_model::sanitise(&said).unwrap_or_default(),
            next: String::new(),
        });
        worst = outcome.err().or(worst);
    }
    // As soon as there is a picture; what was told as failed is told anew then.
    let drawn = taken.names.len() > before;
    let is_news = |claim: &Claim| if claim.outcome.is_none() { is_over || drawn } else { drawn && claims::has_failed(claim) };
    if let Some(claim) = claim.filter(is_news) {
        settle(engine, claim, Some(entry), worst).await;
    }
    if is_over {
        finish(engine, entry.job.clone(), request_id, std::mem::take(taken));
    }
    is_over
}

fn finish(engine: &Engine, job: JobRecord, request_id: String, taken: Taken) {
    let drawn = !taken.names.is_empty();
    let state = if drawn { JobState::Done } else { JobState::Ambiguous };
    engine.events.tell(Event::Finished { job: job.id.clone(), state, pictures: taken.names.clone() });
    let last = taken.notes.last();
    let record = RequestRecord {
        id: None,
        request_id,
        time: job.created,
        duration_ms: engine.clock.now().since(job.created),
        client: job.client,
        task: job.task,
        asked_model: job.model,
        provider: last.map(|note| note.provider.clone()),
        model: last.map(|note| note.model.clone()),
        outcome: if drawn { "ok".to_owned() } else { last.map(|note| note.outcome.clone()).unwrap_or_default() },
        prompt: job.prompt,
        pictures: taken.names,
        bytes: taken.bytes,
        attempts: taken.notes,
    };
    engine.feed.push(Told::Request(Arc::new(record.clone())));
    engine.events.tell(Event::Request(Box::new(record)));
}

/// What came of a job.
#[derive(Default)]
struct Taken {
    /// An earlier run or turn may have stored them.
    again: bool,
    /// Pictures of the ticket that is being asked for.
    came: u32,
    names: Vec<String>,
    bytes: u64,
    notes: Vec<AttemptNote>,
}

/// Asks for one ticket until its task has ended, within a request's deadline.
async fn ask(engine: &Engine, job: &JobRecord, request_id: &str, attempt: &JournalAttempt, taken: &mut Taken) -> Result<(), Fault> {
    let snapshot = engine.snapshot();
    let record = &attempt.record;
    let gone = |detail: &str| Fault::new(Class::NoKey).charged(Charge::Maybe).detail(detail.to_owned());
    let upstream = find(&snapshot, &record.provider, &record.base_url).ok_or_else(|| gone("the platform is not there any more"))?;
    let key = record.key.as_ref().map(|id| upstream.keys.iter().find(|key| key.id.0 == *id).ok_or_else(|| gone("its key is gone")));
    let key = key.transpose()?;
    if key.is_none() && (upstream.card().auth == Auth::Required || job.client.starts_with("relay:")) {
        return Err(gone("its key was the caller's"));
    }
    let task = Task::ALL.into_iter().find(|task| task.name() == job.task).unwrap_or(Task::Text);
    let asked = Job {
        task,
        model: record.model.clone(),
        prompt: job.prompt.clone(),
        n: 1,
        size: None,
        pictures: Vec::new(),
        mask: None,
        form: ResponseForm::Url,
        extras: Extras::default(),
        base_url: upstream.base_url.clone(),
        key: key.map(|key| key.secret.clone()),
        key_id: key.map(|key| key.id.clone()),
        entropy: 0,
        home: upstream.home(&snapshot.settings),
        watermark: true,
    };
    let limits = engine.exchange_limits(&snapshot, upstream, Instant::now() + snapshot.settings.routing.deadline);
    let ticket = Ticket { id: attempt.ticket.clone().unwrap_or_default(), after_ms: 0 };
    let origin = Origin {
        prompt: job.prompt.clone(),
        used_prompt: job.prompt.clone(),
        model: record.model.clone(),
        provider: upstream.name(),
        task,
        request_id: request_id.to_owned(),
        client: job.client.clone(),
        linked: false,
        size: None,
        began: job.created,
        again: taken.again,
        foreign: false,
    };
    ir_crash::point("resume.asking");
    let mut basket = Basket { engine, origin, limits, taken, worst: None };
    let said = Conversation::new(engine, upstream.adapter, &asked, limits).take_up(ticket, &mut basket).await;
    basket.worst.map_or(said, Err)
}

fn find<'a>(snapshot: &'a Snapshot, provider: &str, base_url: &str) -> Option<&'a Arc<Upstream>> {
    snapshot.upstreams.iter().find(|upstream| upstream.name() == provider && upstream.base_url == base_url)
}

/// Stores what a task gave.
struct Basket<'a> {
    engine: &'a Engine,
    origin: Origin,
    limits: ExchangeLimits,
    taken: &'a mut Taken,
    worst: Option<Fault>,
}

impl Listener for Basket<'_> {
    async fn ticket(&self, _: &Ticket) -> Result<(), Fault> {
        // It is on disk since the run that got it.
        Ok(())
    }

    async fn preview(&mut self, _: Output) {
        // Nobody is there to look at it.
    }

    async fn picture(&mut self, output: Output) {
        match take(self.engine, output, &self.origin, &self.limits).await {
            Ok(Drawn { name: None, .. }) => {
                let fault = Fault::new(Class::UpstreamFault).charged(Charge::Maybe);
                self.worst = Some(fault.detail("its picture could not be had, or not be stored"));
            }
            Ok(Drawn { name: Some(name), picture, .. }) => {
                self.taken.came += 1;
                // Not so if an earlier turn took it.
                if !self.taken.names.contains(&name) {
                    self.taken.bytes += picture.map_or(0, |picture| picture.blob.size());
                    self.taken.names.push(name);
                }
            }
            Err(fault) => self.worst = Some(fault),
        }
    }
}
