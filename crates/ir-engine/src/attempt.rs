//! The attempt loop: the only place where anything is sent again. It walks the plan with one
//! deadline, takes keys, writes the journal before the socket, and does what the judge says.

use crate::breaker::Entry;
use crate::disk::unrecorded;
use crate::draw::Request;
use crate::events::Event;
use crate::exchange::{Conversation, is_open};
use crate::job::job;
use crate::judge::{HealthEffect, KeyEffect, Step, Verdict, judge, usefulness};
use crate::keys::{Bounds, Lease, Pick, pick, soonest};
use crate::plan::Candidate;
use crate::tray::Tray;
use ir_model::{Caller, Charge, Class, Fault, KeyId, Size};
use ir_platforms::{Auth, Call, TaskCard};
use ir_store::{AttemptNote, AttemptRecord};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

/// Exchanges of one shot, whatever the plan (`R-API-3`).
const MOST_ATTEMPTS: u32 = 12;
/// Keys of one upstream that a shot tries.
const MOST_KEYS: usize = 3;
/// Times that a shot asks again for pictures that an answer left out.
const MOST_REFILLS: u32 = 2;
/// How often a shot that waits for a place on a key looks by itself.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// Pauses before the same upstream is asked again: full jitter up to these.
const PAUSE: Duration = Duration::from_millis(250);
/// Longest rest of a key that a shot waits for, once, when nobody else can draw: what an SDK would wait
/// for as well.
const MOST_REST: Duration = Duration::from_secs(5);

/// What came of some of a request's pictures.
#[derive(Debug, Default)]
pub(crate) struct Shot {
    /// The index of its first picture.
    pub(crate) first: u32,
    /// Pictures delivered.
    pub(crate) drawn: u32,
    /// The most useful fault, if pictures are missing.
    pub(crate) fault: Option<Fault>,
    /// Who drew, or whose fault it was.
    pub(crate) by: Option<By>,
    /// The note of its last attempt, among the request's.
    pub(crate) last: Option<usize>,
    /// Why that attempt is followed by another, if one follows.
    pub(crate) next: &'static str,
}

/// An upstream and what it was asked to draw.
#[derive(Debug, Clone)]
pub(crate) struct By {
    pub(crate) provider: &'static str,
    pub(crate) model: String,
    pub(crate) card: &'static TaskCard,
    /// What was sent, until a picture tells its own.
    pub(crate) size: Option<Size>,
}

/// Where a shot stands within one upstream.
#[derive(Default)]
struct Visit {
    /// Keys that must not be used again.
    spent: Vec<KeyId>,
    /// A key to avoid if another one is there.
    avoid: Option<KeyId>,
    repeated: bool,
    refills: u32,
}

/// Draws `count` pictures, the first of which has the index `first`.
pub(crate) async fn shoot(request: &Arc<Request>, first: u32, count: u32) -> Shot {
    let mut shot = Shot { first, ..Shot::default() };
    let place = tokio::select! {
        place = request.engine.place(&request.room, request.deadline) => place,
        () = gone(request) => Err(Fault::new(Class::Cancelled)),
    };
    let _place = match place {
        Ok(place) => place,
        Err(fault) => {
            shot.fault = Some(fault);
            return shot;
        }
    };
    let mut queue: VecDeque<(&Candidate, bool)> = request.plan.candidates.iter().map(|c| (c, false)).collect();
    let (mut attempts, mut in_vain, mut rested) = (0, false, false);
    loop {
        let Some((candidate, deferred)) = queue.pop_front() else {
            let Some(candidate) = rest(request, &shot, rested).await else { break };
            rested = true;
            shot.next = "after its pause";
            queue.push_back((candidate, true));
            continue;
        };
        // A probe is given back when this visit ends, whatever came of it.
        let entry = candidate.upstream.health.breaker.enter(request.engine.mono());
        let is_up = !matches!(entry, Entry::Last);
        if !is_up && !deferred && !queue.is_empty() {
            queue.push_back((candidate, true));
            continue;
        }
        // Where everything is down one of them is asked all the same. Asking the others as well would only
        // multiply the load on platforms that are in trouble.
        if !is_up && std::mem::replace(&mut in_vain, true) {
            continue;
        }
        match visit(request, candidate, is_up, &mut shot, count, &mut attempts).await {
            Step::Stop => break,
            Step::OtherKey | Step::SameOnce | Step::NextUpstream => shot.next = "next platform",
        }
        if shot.drawn >= count {
            break;
        }
    }
    if shot.drawn >= count {
        shot.fault = None;
    }
    shot
}

/// Waits for the key that rests shortest, if that is short, nothing was drawn, and what all failed of
/// is a rate limit: whom to ask again then.
async fn rest<'a>(request: &'a Arc<Request>, shot: &Shot, rested: bool) -> Option<&'a Candidate> {
    let limited = shot.fault.as_ref().is_some_and(|fault| fault.class == Class::RateLimited);
    if rested || !limited || shot.drawn > 0 || matches!(request.caller, Caller::Relay { .. }) {
        return None;
    }
    let now = request.engine.clock.now();
    let due = |candidate: &&'a Candidate| soonest(&candidate.upstream.keys, &candidate.model);
    let (when, candidate) =
        request.plan.candidates.iter().filter_map(|candidate| Some((due(&candidate)?, candidate))).min_by_key(|(when, _)| *when)?;
    let pause = Duration::from_millis(when.since(now));
    // Nothing to wait for: keys are left that this shot may not try any more.
    if pause.is_zero() || pause > MOST_REST || Instant::now() + pause >= request.deadline {
        return None;
    }
    tokio::select! {
        () = tokio::time::sleep(pause) => Some(candidate),
        () = gone(request) => None,
    }
}

/// Ends when the caller has left and nothing has been sent.
async fn gone(request: &Arc<Request>) {
    request.course.left().await;
    if request.sent.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
}

/// Tries one upstream until its pictures are there or the judge sends the shot elsewhere. `is_up`: its
/// breaker is closed, or this is its probe.
async fn visit(request: &Arc<Request>, candidate: &Candidate, is_up: bool, shot: &mut Shot, count: u32, attempts: &mut u32) -> Step {
    let mut visit = Visit::default();
    loop {
        let missing = count - shot.drawn;
        if missing == 0 {
            return Step::Stop;
        }
        if let Some(fault) = out_of_bounds(request, *attempts) {
            note_fault(shot, fault, candidate);
            return Step::Stop;
        }
        let counts = !matches!(shot.next, "next key" | "more pictures");
        if *attempts > 0 && counts && !request.engine.budget.withdraw(request.engine.mono()) {
            tracing::info!(request_id = %request.id, attempts = *attempts, "the retry budget is spent: nothing is tried again");
            // What happened is worth more to the caller than why it was left at that.
            if shot.fault.is_none() {
                note_fault(shot, Fault::new(Class::Overloaded).detail("the retry budget is spent"), candidate);
            }
            return Step::Stop;
        }
        let lease = match lease(request, candidate, &visit).await {
            Ok(lease) => lease,
            Err(fault) => {
                note_fault(shot, fault, candidate);
                return Step::NextUpstream;
            }
        };
        *attempts += 1;
        let used = lease.as_ref().map(|lease| lease.key().id.clone());
        let ended = attempt(request, candidate, lease.as_ref(), missing, shot).await;
        let step = settle(request, candidate, lease, ended, shot);
        match step {
            None if visit.refills < MOST_REFILLS => {
                visit.refills += 1;
                shot.next = "more pictures";
            }
            None => return Step::NextUpstream,
            Some(Step::OtherKey) => {
                let Some(used) = used else { return Step::NextUpstream };
                visit.spent.push(used);
                shot.next = "next key";
                if visit.spent.len() >= MOST_KEYS {
                    return Step::NextUpstream;
                }
            }
            Some(Step::SameOnce) if !visit.repeated && is_up => {
                visit.repeated = true;
                shot.next = "retried";
                visit.avoid = used;
                let jitter = Duration::from_millis(request.engine.dice.below(PAUSE.as_millis() as u64));
                tokio::time::sleep(jitter).await;
            }
            Some(Step::SameOnce | Step::NextUpstream) => return Step::NextUpstream,
            Some(Step::Stop) => return Step::Stop,
        }
    }
}

/// Why a shot must not try again, whatever the plan still holds.
fn out_of_bounds(request: &Arc<Request>, attempts: u32) -> Option<Fault> {
    if request.abandoned() {
        return Some(Fault::new(Class::Cancelled));
    }
    if let Err(fault) = request.engine.still_sends() {
        return Some(fault);
    }
    if Instant::now() >= request.deadline {
        return Some(Fault::new(Class::Timeout).charged(Charge::No).detail("the request's deadline passed"));
    }
    if attempts >= MOST_ATTEMPTS {
        return Some(Fault::new(Class::UpstreamFault).charged(Charge::No).detail("the request's attempts are used up"));
    }
    None
}

fn note_fault(shot: &mut Shot, fault: Fault, candidate: &Candidate) {
    if shot.fault.as_ref().is_none_or(|known| usefulness(&fault) >= usefulness(known)) {
        shot.fault = Some(fault);
        if shot.drawn == 0 {
            shot.by = Some(by(candidate));
        }
    }
}

fn by(candidate: &Candidate) -> By {
    By { provider: candidate.upstream.name(), model: candidate.model.clone(), card: candidate.card, size: candidate.size }
}

/// Takes a key from the pool, waiting for a place on one if all are busy. `None`: the platform runs
/// without, or the caller brought a key.
async fn lease(request: &Arc<Request>, candidate: &Candidate, visit: &Visit) -> Result<Option<Lease>, Fault> {
    let upstream = &candidate.upstream;
    if matches!(request.caller, Caller::Relay { .. }) || !upstream.takes_keys() {
        return Ok(None);
    }
    let limits = &request.snapshot.settings.limits;
    let bounds = Bounds { places: limits.key_concurrency, per_minute: limits.key_per_minute };
    loop {
        let freed = upstream.health.freed.notified();
        tokio::pin!(freed);
        freed.as_mut().enable();
        let now = request.engine.clock.now();
        let mut tried = visit.spent.clone();
        tried.extend(visit.avoid.clone());
        let mut found = pick(&upstream.keys, &candidate.model, &tried, bounds, &upstream.turn, now);
        if visit.avoid.is_some() && matches!(found, Pick::None(_)) {
            found = pick(&upstream.keys, &candidate.model, &visit.spent, bounds, &upstream.turn, now);
        }
        match found {
            Pick::Lease(lease) => return Ok(Some(lease)),
            Pick::None(_) if upstream.card().auth == Auth::Optional => return Ok(None),
            Pick::None(soonest) => {
                let wait =
                    soonest.filter(|when| *when > now).map(|when| Duration::from_millis(when.since(now)).max(Duration::from_secs(1)));
                return Err(Fault::new(Class::NoKey).retry_after(wait).detail("no usable key is left"));
            }
            Pick::Busy => tokio::select! {
                () = freed => {}
                // A place that comes free without a word (its job broke off, the key serves another
                // upstream too), and a key whose rest is over.
                () = tokio::time::sleep(LOOK_AGAIN) => {}
                () = tokio::time::sleep_until(request.deadline) => {
                    return Err(Fault::new(Class::NoKey).retry_after(Some(Duration::from_secs(5))).detail("all keys were busy until the deadline"));
                }
                () = gone(request) => return Err(Fault::new(Class::Cancelled)),
            },
        }
    }
}

/// How an attempt ended.
struct Ended {
    /// Pictures delivered.
    outcome: Result<u32, Fault>,
    /// The upstream was asked: only then the outcome says something about it and the key.
    asked: bool,
}

/// One conversation with an upstream. Its pictures are delivered; how many there were is returned.
async fn attempt(request: &Arc<Request>, candidate: &Candidate, lease: Option<&Lease>, missing: u32, shot: &mut Shot) -> Ended {
    let engine = &request.engine;
    let upstream = &candidate.upstream;
    let number = request.attempts.fetch_add(1, Ordering::Relaxed) + 1;
    let (began, started_ms) = (Instant::now(), engine.clock.now().since(request.began));
    if let Some(last) = shot.last.take() {
        shot.next.clone_into(&mut request.notes.lock().expect("no panic while held")[last].0.next);
    }
    let limits = engine.exchange_limits(&request.snapshot, upstream, request.deadline);
    let mut asked = false;
    let mut ticketed = false;
    let result = async {
        let first = shot.first + shot.drawn;
        // Pictures and prompt may take a minute each, and nothing is bought for a caller who left meanwhile.
        let (ready, prompt) = tokio::select! {
            settled = async { Ok::<_, Fault>((candidate.ready(request).await?, request.prompt(candidate, first).await)) } => settled?,
            () = gone(request) => return Err(Fault::new(Class::Cancelled)),
        };
        if request.abandoned() {
            return Err(Fault::new(Class::Cancelled));
        }
        let job = job(request, candidate, ready, lease, missing, first, &prompt);
        let call = upstream.adapter.open(&job)?;
        journal(request, candidate, lease, number, &call).await?;
        // Nothing is bought once the gateway goes down: whoever comes next serves the caller.
        engine.still_sends()?;
        ir_crash::point("attempt.journaled");
        asked = true;
        request.sent.store(true, Ordering::Relaxed);
        let mut tray = Tray::new(request, candidate, &prompt, number, first, missing, limits);
        let said = Conversation::new(engine, upstream.adapter, &job, limits).hold(call, &mut tray).await;
        let (told, ticket) = tray.close().await;
        ticketed = ticket;
        if told.delivered > 0 {
            shot.drawn += told.delivered;
            shot.by = Some(By { size: told.size.or(candidate.size), ..by(candidate) });
        }
        said.and_then(|()| told.outcome())
    }
    .await;
    let (outcome, charge, message) = match &result {
        Ok(_) => ("ok", Charge::Yes, String::new()),
        Err(fault) => (fault.class.name(), fault.charge, fault.upstream.as_deref().and_then(ir_model::sanitise).unwrap_or_default()),
    };
    // A task that had not ended at the deadline, or could not be asked for, goes on and is paid for: it is asked for
    // further on.
    if ticketed && result.as_ref().is_err_and(is_open) {
        request.left_tasks.store(true, Ordering::Relaxed);
    } else {
        engine.events.tell(Event::Settled { job: request.job.clone(), attempt: number, outcome: outcome.to_owned(), charge });
    }
    if asked {
        engine.counters.note_attempt(upstream.name(), outcome, result.is_err() && charge != Charge::No);
    }
    let note = AttemptNote {
        provider: upstream.name().to_owned(),
        model: candidate.model.clone(),
        key: lease.map(|lease| lease.key().id.to_string()),
        started_ms,
        duration_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        outcome: outcome.to_owned(),
        message,
        next: String::new(),
    };
    if let Err(fault) = &result {
        tracing::info!(request_id = %request.id, attempt = number, provider = note.provider, model = note.model, key = note.key, duration_ms = note.duration_ms, class = outcome, charge = ?charge, detail = fault.detail, "attempt failed");
    }
    let class = result.as_ref().err().map(|fault| fault.class);
    let mut notes = request.notes.lock().expect("no panic while held");
    shot.last = Some(notes.len());
    notes.push((note, class));
    drop(notes);
    Ended { outcome: result, asked }
}

/// Applies the judge's word to key and breaker. `None`: it went well; `Some`: what the judge says.
fn settle(request: &Arc<Request>, candidate: &Candidate, lease: Option<Lease>, ended: Ended, shot: &mut Shot) -> Option<Step> {
    let health = &candidate.upstream.health;
    let now = request.engine.mono();
    let step = match ended.outcome {
        Ok(_) => {
            if let Some(lease) = lease {
                lease.succeeded();
            }
            health.breaker.alive(now);
            None
        }
        Err(fault) => {
            let uncertain = match fault.charge {
                Charge::No => 0,
                Charge::Maybe | Charge::Yes => request.uncertain.fetch_add(1, Ordering::Relaxed),
            };
            let mut verdict = judge(&fault, request.policy, uncertain);
            if !ended.asked {
                verdict = Verdict { key: KeyEffect::Untouched, health: HealthEffect::Neutral, ..verdict };
            }
            if verdict.key == KeyEffect::CoolUntilReset(None) {
                let now = request.engine.clock.now();
                let midnight = now.next_midnight(candidate.upstream.card().quota_zone);
                verdict.key = KeyEffect::CoolUntilReset(Some(Duration::from_millis(midnight.since(now))));
            }
            if let Some(lease) = lease {
                let said = fault.upstream.as_deref().or(fault.detail.as_deref()).and_then(ir_model::sanitise).unwrap_or_default();
                let reason: String = format!("{}: {said}", fault.class.name()).chars().take(300).collect();
                if verdict.key == KeyEffect::Disable {
                    tracing::error!(request_id = %request.id, provider = candidate.upstream.name(), key = %lease.key().id, reason, "a key was rejected and is disabled");
                }
                lease.failed(verdict.key, &reason, &*request.engine.clock);
            }
            match verdict.health {
                HealthEffect::Alive => health.breaker.alive(now),
                HealthEffect::Failure => health.breaker.failure(now),
                HealthEffect::Neutral => {}
            }
            health.failed(&fault, request.engine.clock.now());
            note_fault(shot, fault, candidate);
            Some(verdict.step)
        }
    };
    health.freed.notify_waiters();
    step
}

/// Writes down that something is about to be sent. The built-in renderer costs nothing: its attempts
/// need no row.
async fn journal(request: &Arc<Request>, candidate: &Candidate, lease: Option<&Lease>, number: u32, call: &Call) -> Result<(), Fault> {
    if matches!(call.target, ir_platforms::Target::Render(_)) {
        return Ok(());
    }
    let record = AttemptRecord {
        job: request.job.clone(),
        number,
        provider: candidate.upstream.name().to_owned(),
        base_url: candidate.upstream.base_url.clone(),
        model: candidate.model.clone(),
        key: lease.map(|lease| lease.key().id.to_string()),
        began: request.engine.clock.now(),
    };
    // What cannot be written down is not sent.
    request.engine.store.begin_with_attempt(request.job_record(), record).await.map_err(|error| unrecorded(&error))
}
