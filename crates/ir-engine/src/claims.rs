//! Requests that their callers can come back to: by the request's id after a broken connection, or by
//! repeating them under the same idempotency key. Nothing is drawn or charged twice for one key:
//!
//! - While it is drawn, a repetition watches the same course; afterwards it is told what came of it.
//! - A claim with a key stands in the store before anything is sent, and what came of it before the
//!   answer, so that both hold across a crash.
//! - What certainly cost nothing gives its key back: its repetition is a request of its own.
//!
//! A claim belongs to the credential that it was made with. It is kept for [`KEPT_MS`].

use crate::clients::ClientPlace;
use crate::course::{Course, DrawEvent, Drawing};
use crate::disk::unrecorded;
use crate::draw::{Errand, Failure, Summary, client_name, run};
use crate::engine::Engine;
use crate::events::Event;
use crate::hooks;
use crate::outcome::Outcome;
use crate::print::print;
use ir_model::{Ask, Caller, Charge, Class, Fault, Gate, RequestId};
use ir_store::{AttemptState, Claim, Hook, JobState, JournalEntry, StoreError};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long callers can come back.
pub(crate) const KEPT_MS: i64 = 86_400_000;
/// How often one who waits for what an earlier run left looks for it.
const LOOK: Duration = Duration::from_millis(250);

/// Times that an end is written down later, over some five minutes.
const LATER: u32 = 10;

/// How a request is to be kept for its caller.
#[derive(Debug, Default)]
pub struct Terms {
    /// What whoever writes the answer must know; at most a few KiB.
    pub memo: String,
    /// Which answer is wanted. With the request itself it must be the same under one key.
    pub what: String,
    /// The caller's idempotency key.
    pub key: Option<String>,
    /// Draw it whoever watches.
    pub kept: bool,
    /// Where its end is to be told.
    pub hook: Option<String>,
    /// Where its caller is: callers at other addresses take turns with this one.
    pub peer: Option<IpAddr>,
}

/// A request that its caller came back to.
#[derive(Debug)]
pub struct PickedUp {
    /// [`Terms::memo`].
    pub memo: String,
    /// Unix seconds of its beginning.
    pub created: i64,
    /// Pictures asked for.
    pub asked: u32,
    /// What happened and happens.
    pub drawing: Drawing,
}

/// Requests under way.
#[derive(Default)]
pub(crate) struct Live {
    by_request: HashMap<Name, Arc<Running>>,
    by_key: HashMap<Name, Arc<Running>>,
}

/// A scope, and an id or a key within it.
type Name = (String, String);

struct Running {
    claim: Claim,
    id: RequestId,
    course: Course,
}

/// A request in the list of those under way.
struct Listed {
    engine: Arc<Engine>,
    running: Arc<Running>,
}

impl Drop for Listed {
    fn drop(&mut self) {
        let mut live = self.engine.live.lock().unwrap_or_else(PoisonError::into_inner);
        let Running { claim, .. } = &*self.running;
        // The name may be another request's by now: callers choose ids.
        let own = |found: Option<&Arc<Running>>| found.is_some_and(|found| Arc::ptr_eq(found, &self.running));
        let request = (claim.scope.clone(), claim.request_id.clone());
        if own(live.by_request.get(&request)) {
            live.by_request.remove(&request);
        }
        if let Some(key) = claim.key.clone().map(|key| (claim.scope.clone(), key))
            && own(live.by_key.get(&key))
        {
            live.by_key.remove(&key);
        }
    }
}

impl Engine {
    /// Begins to draw a request that its caller can come back to, or shows what became of the one
    /// that it repeats.
    ///
    /// # Errors
    /// 403 for a model that the caller's key may not use, and 429 when it draws as much as it may; 422 for
    /// a key that another request was made with; 400 for a webhook that cannot be called; 503 when there
    /// is no room for it; 503 or 507 while nothing can be written down.
    pub async fn request(self: &Arc<Self>, ask: Ask, caller: Caller, id: RequestId, terms: Terms) -> Result<Drawing, Fault> {
        self.allow(&caller, &ask.model)?;
        if let Some(hook) = &terms.hook {
            hooks::check(&self.snapshot().settings.webhooks, hook)?;
        }
        let claim = self.claim(&ask, &caller, &id, &terms);
        if let Some(key) = &claim.key {
            if let Some(drawing) = self.running(&claim, key)? {
                return Ok(drawing);
            }
            let stored = self.store.claim_by_key(&claim.scope, key, self.claims_since()).await.map_err(|error| unrecorded(&error))?;
            if let Some(earlier) = stored {
                same(&earlier, &claim)?;
                return Ok(self.look_at(earlier).await.shared());
            }
        }
        // Repetitions are shown what they ask for even when nothing new is taken.
        let room = self.enter(&ask, self.who(&caller, terms.peer))?;
        let course = Course::new();
        let place = self.client_place(&caller)?;
        let listed = {
            let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
            let running = Arc::new(Running { claim: claim.clone(), id: id.clone(), course: course.clone() });
            if let Some(key) = &claim.key {
                let key = (claim.scope.clone(), key.clone());
                if let Some(found) = live.by_key.get(&key) {
                    return same(&found.claim, &claim).map(|()| found.course.watch(&found.id).shared());
                }
                live.by_key.insert(key, Arc::clone(&running));
            }
            live.by_request.insert((claim.scope.clone(), claim.request_id.clone()), Arc::clone(&running));
            Listed { engine: Arc::clone(self), running }
        };
        let drawing = course.watch(&id);
        let bound = terms.kept || claim.key.is_some() || claim.hook.is_some() || self.snapshot().settings.webhooks.url.is_some();
        let errand = Errand { ask, caller, id, job: claim.job.clone(), course, room };
        tokio::spawn(work(listed, claim, errand, bound, place));
        Ok(drawing)
    }

    /// The request of this id that the same caller made, if it is not too long ago.
    ///
    /// # Errors
    /// As [`Engine::request`].
    pub async fn pick_up(self: &Arc<Self>, caller: &Caller, id: &RequestId) -> Result<Option<PickedUp>, Fault> {
        let scope = self.scope(caller);
        let picked_up =
            |claim: &Claim, drawing| PickedUp { memo: claim.memo.clone(), created: claim.created.secs(), asked: claim.asked, drawing };
        let name = (scope, id.to_string());
        let found = self.live.lock().unwrap_or_else(PoisonError::into_inner).by_request.get(&name).cloned();
        if let Some(found) = found {
            return Ok(Some(picked_up(&found.claim, found.course.watch(id))));
        }
        let stored = self.store.claim(&name.0, &name.1, self.claims_since()).await.map_err(|error| unrecorded(&error))?;
        let Some(claim) = stored else { return Ok(None) };
        let drawing = self.look_at(claim.clone()).await;
        Ok(Some(picked_up(&claim, drawing)))
    }

    fn claim(&self, ask: &Ask, caller: &Caller, id: &RequestId, terms: &Terms) -> Claim {
        let scope = self.scope(caller);
        Claim {
            job: format!("job_{}", self.dice.hex128()),
            request_id: id.to_string(),
            client: client_name(caller),
            key: terms.key.as_ref().map(|key| self.settings.vault().fingerprint(&format!("{scope}\n{key}"))),
            print: print(ask, &terms.what),
            memo: terms.memo.clone(),
            hook: terms.hook.clone(),
            asked: ask.n.unwrap_or(1),
            created: self.clock.now(),
            outcome: None,
            scope,
        }
    }

    /// Whose claims and answers a caller may see: those that were made with the same credential.
    pub fn scope(&self, caller: &Caller) -> String {
        self.settings.vault().fingerprint(&match caller {
            Caller::Client(name) => format!("client\n{name}"),
            Caller::Key(id) => format!("client key\n{id}"),
            Caller::Relay { platform, key, .. } => format!("relay\n{platform}\n{}", key.expose()),
        })
    }

    fn claims_since(&self) -> ir_model::Timestamp {
        self.clock.now().plus_ms(-KEPT_MS)
    }

    /// A view of the request under way with this key.
    fn running(&self, claim: &Claim, key: &str) -> Result<Option<Drawing>, Fault> {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(found) = live.by_key.get(&(claim.scope.clone(), key.to_owned())) else { return Ok(None) };
        same(&found.claim, claim).map(|()| Some(found.course.watch(&found.id).shared()))
    }

    /// A view of a stored claim, which fills as soon as it is known what came of it.
    async fn look_at(self: &Arc<Self>, claim: Claim) -> Drawing {
        let course = Course::new();
        let id = RequestId::parse(&claim.request_id).unwrap_or_else(|| RequestId::random(&*self.dice));
        let drawing = course.watch(&id);
        if claim.outcome.is_some() {
            follow(self, claim, &course).await;
            return drawing;
        }
        let engine = Arc::clone(self);
        tokio::spawn(async move {
            tokio::select! {
                () = follow(&engine, claim, &course) => {}
                () = course.left() => {}
            }
        });
        drawing
    }
}

/// Whether a key is used for the same request again.
fn same(earlier: &Claim, claim: &Claim) -> Result<(), Fault> {
    if earlier.print == claim.print {
        return Ok(());
    }
    Err(Fault::new(Class::Gate(Gate::KeyReused)).param("Idempotency-Key"))
}

/// Draws a request, and writes down what came of it before anybody is told.
async fn work(listed: Listed, claim: Claim, errand: Errand, bound: bool, place: Option<ClientPlace>) {
    let (engine, course) = (Arc::clone(&listed.engine), errand.course.clone());
    // Whoever leaves: somebody will come back.
    let _wanted = bound.then(|| course.watch(&errand.id));
    if bound {
        ir_crash::point("claim.opening");
        match engine.store.open_claim(claim.clone(), engine.claims_since()).await {
            Ok(()) => ir_crash::point("claim.opened"),
            Err(StoreError::Duplicate { .. }) => {
                // Between a look at the store and one at the list another request came and ended.
                let key = claim.key.clone().unwrap_or_default();
                return match engine.store.claim_by_key(&claim.scope, &key, engine.claims_since()).await {
                    Ok(Some(earlier)) => match same(&earlier, &claim) {
                        Ok(()) => follow(&engine, earlier, &course).await,
                        Err(fault) => course.tell(DrawEvent::Done(Err(Failure::of(fault)))),
                    },
                    Ok(None) | Err(_) => course.tell(DrawEvent::Done(Err(Failure::of(again())))),
                };
            }
            Err(error) => return course.tell(DrawEvent::Done(Err(Failure::of(unrecorded(&error))))),
        }
    }
    let room = Arc::clone(&errand.room);
    let result = run(&engine, errand).await;
    close(&engine, claim, bound, &course, &result).await;
    drop(room);
    // Who has the answer may come again.
    drop(place);
    course.tell(DrawEvent::Done(result));
    if !bound {
        // Whoever comes back before the row is there finds it under way.
        engine.events.flush().await;
    }
    drop(listed);
}

/// Writes down what came of a claim. A disk that fails now must not take the answer from the caller.
async fn close(engine: &Arc<Engine>, claim: Claim, bound: bool, course: &Course, result: &Result<Summary, Failure>) {
    let outcome = Outcome::of(&course.pictures(), result);
    if bound {
        return store(engine, claim, &outcome).await;
    }
    // Refusals before any attempt are told at once, and worth no row.
    if result.as_ref().err().is_none_or(|failure| !failure.attempts.is_empty()) {
        engine.events.tell(Event::Claim(Box::new(ended(claim, &outcome))));
    }
}

async fn store(engine: &Arc<Engine>, claim: Claim, outcome: &Outcome) {
    let hooks = hooks::messages(engine, &claim, outcome);
    let (id, any) = (claim.request_id.clone(), !hooks.is_empty());
    let claim = ended(claim, outcome);
    ir_crash::point("claim.closing");
    if let Err(error) = engine.store.close_claim(claim.clone(), hooks.clone()).await {
        tracing::error!(request_id = id, %error, "what came of a request could not be written down");
        tokio::spawn(store_later(Arc::clone(engine), claim, hooks));
        return;
    }
    ir_crash::point("claim.closed");
    if any {
        engine.hook_bell.notify_one();
    }
}

/// Writes down what a failing disk did not take at first: whoever comes back would wait for it until the next run.
async fn store_later(engine: Arc<Engine>, claim: Claim, hooks: Vec<Hook>) {
    let mut pause = Duration::from_secs(1);
    for _ in 0..LATER {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(60));
        // It was written after all, or something newer was.
        if engine.store.claim_of(&claim.job).await.is_ok_and(|known| known.is_some_and(|known| known.outcome.is_some())) {
            return engine.hook_bell.notify_one();
        }
        if engine.store.close_claim(claim.clone(), hooks.clone()).await.is_ok() {
            return engine.hook_bell.notify_one();
        }
    }
    tracing::error!(request_id = claim.request_id, "what came of a request is not written down: its repetitions wait for the next run");
}

fn ended(claim: Claim, outcome: &Outcome) -> Claim {
    let free = outcome.result().err().is_some_and(|failure| failure.fault.charge == Charge::No);
    Claim { key: claim.key.filter(|_| !free), outcome: Some(outcome.to_json()), ..claim }
}

/// Whether a claim is settled as a failure.
pub(crate) fn has_failed(claim: &Claim) -> bool {
    claim.outcome.as_deref().and_then(Outcome::from_json).is_some_and(|outcome| outcome.result().is_err())
}

/// The failure of a repetition that has to be repeated.
fn again() -> Fault {
    Fault::gate(
        Gate::ShuttingDown,
        "The gateway was restarted before anything was drawn. Send the request again.",
        "网关曾重启，尚未绘制，请重新发送请求。",
    )
    .retry_after(Some(Duration::from_secs(1)))
}

/// Tells what came of a stored claim, waiting for it if that is not known yet.
async fn follow(engine: &Arc<Engine>, mut claim: Claim, course: &Course) {
    let end = Instant::now() + engine.snapshot().settings.routing.deadline;
    loop {
        if let Some(text) = &claim.outcome {
            let outcome = Outcome::from_json(text).unwrap_or_default();
            return outcome.events(engine).await.into_iter().for_each(|event| course.tell(event));
        }
        tokio::time::sleep(LOOK).await;
        let fault = match engine.store.claim_of(&claim.job).await {
            Ok(Some(now)) if Instant::now() < end => {
                claim = now;
                continue;
            }
            Ok(Some(_)) => Fault::new(Class::Timeout).charged(Charge::Maybe).detail("an earlier run's request did not end"),
            Ok(None) => again(),
            Err(error) => unrecorded(&error),
        };
        return course.tell(DrawEvent::Done(Err(Failure::of(fault))));
    }
}

/// Settles the claims that an earlier run left open, once its pictures are listed. Those of jobs that
/// are being taken up are settled with them.
pub(crate) async fn settle_left(engine: &Arc<Engine>) {
    let left = match engine.store.open_claims().await {
        Ok(left) => left,
        Err(error) => return tracing::error!(%error, "requests that the last run left could not be read"),
    };
    for claim in left {
        match engine.store.job(&claim.job).await {
            Ok(Some(entry)) if entry.state == JobState::Running => {}
            // Its job may have ended, and told what came of it, since the list was read.
            Ok(entry) => match engine.store.claim_of(&claim.job).await {
                Ok(Some(claim)) if claim.outcome.is_none() => settle(engine, claim, entry.as_ref(), None).await,
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "a request that the last run left could not be read"),
            },
            Err(error) => tracing::error!(%error, "the journal could not be read"),
        }
    }
}

/// Settles a claim of an earlier run by what is in the gallery. `failure`: why there may be nothing.
pub(crate) async fn settle(engine: &Arc<Engine>, claim: Claim, entry: Option<&JournalEntry>, failure: Option<Fault>) {
    let names = match engine.store.drawn_for(&claim).await {
        Ok(names) => names,
        Err(error) => return tracing::error!(%error, "the gallery could not be read"),
    };
    let attempts = entry.map_or(&[][..], |entry| &entry.attempts);
    let last = attempts.last().map(|attempt| &attempt.record);
    let (provider, model) = (last.map(|record| record.provider.clone()), last.map(|record| record.model.clone()));
    let result = if names.is_empty() {
        let sent = attempts.iter().any(|attempt| attempt.state != AttemptState::Settled || attempt.charge != Some(Charge::No));
        if !sent && claim.hook.is_none() && claim.key.is_some() {
            // Nobody was promised anything but that it is drawn once.
            if let Err(error) = engine.store.drop_claim(&claim.job).await {
                tracing::error!(%error, "a request that came to nothing could not be forgotten");
            }
            return;
        }
        let charge = if sent { Charge::Maybe } else { Charge::No };
        let fault = failure.unwrap_or_else(|| interrupted().charged(charge));
        Err(Failure { fault, provider, model, attempts: Vec::new() })
    } else {
        let pictures = u32::try_from(names.len()).unwrap_or(u32::MAX);
        let short = (pictures < claim.asked).then(|| format!("{pictures} of {} pictures were drawn before a restart", claim.asked));
        Ok(Summary {
            provider: provider.unwrap_or_default(),
            model: model.unwrap_or_default(),
            attempts: u32::try_from(attempts.len()).unwrap_or(u32::MAX),
            warnings: short.into_iter().collect(),
            asked: claim.asked.max(pictures),
            pictures,
            ..Summary::default()
        })
    };
    ir_crash::point("claim.settling");
    store(engine, claim, &Outcome::of_names(names, &result)).await;
}

fn interrupted() -> Fault {
    Fault::new(Class::UpstreamFault)
        .say("The gateway was restarted while this request was drawn, and its picture was lost.", "绘制过程中网关重启，图片未能保留。")
        .detail("interrupted by a restart")
}
