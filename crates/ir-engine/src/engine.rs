//! The engine: what requests share, and how it is swapped, watched and stopped.

use crate::admission::{Admission, Admitted, Place, Who};
use crate::budget::RetryBudget;
use crate::claims::Live;
use crate::clients::ClientKeys;
use crate::counters::Counters;
use crate::course::{Course, DrawEvent, Drawing};
use crate::disk::{Disk, full};
use crate::draw::{Errand, Failure, MOST_PICTURES, run};
use crate::events::Events;
use crate::feed::Feed;
use crate::fetches::Fetches;
use crate::guesses::Guesses;
use crate::hosting::Hosting;
use crate::models::ModelInfo;
use crate::optimizer::Optimizer;
use crate::outbox::{Outbox, OutboxParts};
use crate::pace::Paces;
use crate::recover::{Recovered, recover};
use crate::snapshot::{Registry, Snapshot, Stored, Upstream, build};
use crate::told::Told;
use arc_swap::ArcSwap;
use ir_egress::{Door, ExchangeLimits, Refusals, Timing};
use ir_model::{Ask, Caller, Class, Clock, Dice, Fault, Gate, Picture, RequestId, Task};
use ir_platforms::Card;
use ir_settings::{DEFAULT_API_TIMEOUT, SettingsFile};
use ir_spool::{PictureStore, Spool, SpoolError};
use ir_store::{Store, StoreError};
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::Instant;

/// Free disk space below which no job is begun (`R-DUR-5`).
const LOW_WATER: u64 = 64 * 1024 * 1024;

/// Happenings that are kept for those who watch and come back.
const TOLD: usize = 512;
/// Jobs that are asked for at once without a request that waits for them.
const ASKING: usize = 16;
/// How long the database may take to say that it can be written.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// What a copy to the bucket that is under way may take at shutdown: it is repeated by the next start.
const OUTBOX_GRACE: Duration = Duration::from_secs(10);

/// Most bytes of a platform's document as it comes over the wire, pictures in it included.
const MOST_DOCUMENT: u64 = 512 * 1024 * 1024;
/// Most bytes of one picture, decoded: a 4096² PNG of noise has 50 MB.
const MOST_PICTURE: u64 = 64 * 1024 * 1024;

/// Bounds for an exchange or a fetch.
pub(crate) const fn limits(timing: Timing, deadline: Instant) -> ExchangeLimits {
    ExchangeLimits { timing, deadline, max_json: MOST_DOCUMENT, max_picture: MOST_PICTURE }
}

/// How long an exchange with a platform may take where `set` is set: longer where the platform's card
/// knows it to be slower. Only who sets less than the default does not want to wait for anyone; files
/// of 1.x name the default.
fn timing(set: Duration, card: &Card) -> Timing {
    let slow = card.first_byte_secs.map(Duration::from_secs).filter(|slow| set >= DEFAULT_API_TIMEOUT && *slow > set);
    let total = match card.total_secs {
        Some(total) => Duration::from_secs(total).max(set),
        None => slow.unwrap_or_default() + set,
    };
    Timing { total, ..Timing::provider(slow.unwrap_or(set)) }
}

/// What an engine is made of.
pub struct EngineParts {
    /// The way out.
    pub door: Door,
    /// Where bytes live.
    pub spool: Spool,
    /// Where rows live.
    pub store: Arc<dyn Store>,
    /// Settings and the vault.
    pub settings: Arc<SettingsFile>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub dice: Arc<dyn Dice>,
}

/// See the crate's text.
pub struct Engine {
    pub(crate) door: Door,
    pub(crate) spool: Spool,
    /// The share of it that callers may fill.
    pub(crate) callers_spool: Spool,
    pub(crate) pictures: PictureStore,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) dice: Arc<dyn Dice>,
    pub(crate) events: Events,
    pub(crate) budget: RetryBudget,
    pub(crate) renderers: Semaphore,
    pub(crate) outbox: Outbox,
    pub(crate) hosting: Hosting,
    pub(crate) optimizer: Optimizer,
    pub(crate) feed: Feed<Told>,
    pub(crate) counters: Counters,
    pub(crate) fetches: Fetches,
    pub(crate) relayed: Paces,
    pub(crate) guesses: Guesses,
    /// Turns of asking for tasks that no request waits for.
    pub(crate) asking: Semaphore,
    pub(crate) settings: Arc<SettingsFile>,
    snapshot: ArcSwap<Snapshot>,
    pub(crate) registry: Registry,
    born: Instant,
    versions: AtomicU64,
    /// Held while a snapshot is built, so that none replaces one that knows more.
    reloading: tokio::sync::Mutex<()>,
    /// Held while a key's record is changed.
    pub(crate) changing: tokio::sync::Mutex<()>,
    /// One change of a client key at a time.
    pub(crate) changing_clients: tokio::sync::Mutex<()>,
    admission: Admission,
    running: Arc<Running>,
    draining: AtomicBool,
    /// Requests under way, for those who come back.
    pub(crate) live: Mutex<Live>,
    /// Rings when a webhook waits.
    pub(crate) hook_bell: Arc<Notify>,
    /// How the disk of pictures fares.
    pub(crate) disk: Disk,
    /// Whether the pictures that the last run left are listed, as far as they are going to be.
    pub(crate) adopted: watch::Sender<bool>,
}

/// Counts jobs, and rings when the last one ends.
#[derive(Debug, Default)]
struct Running {
    jobs: AtomicU64,
    idle: Notify,
}

/// One job that was let in, being counted.
pub(crate) struct JobGuard {
    admitted: Admitted,
    running: Arc<Running>,
}

impl Drop for JobGuard {
    fn drop(&mut self) {
        if self.running.jobs.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.running.idle.notify_waiters();
        }
    }
}

impl Engine {
    /// Builds the first snapshot and brings the journal in order after whatever ended the last run.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn start(parts: EngineParts) -> Result<(Arc<Self>, Recovered), StoreError> {
        let settings = Arc::new(parts.settings.current().settings.clone());
        let registry = Registry::default();
        let vault = parts.settings.vault();
        let clients = ClientKeys::new(parts.store.client_keys().await?, vault, None);
        let stored = Stored { keys: parts.store.keys().await?, clients };
        let snapshot = build(1, Arc::clone(&settings), stored, vault, &registry);
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let pictures = PictureStore::new(&parts.spool);
        let outbox = Outbox::new(OutboxParts {
            door: parts.door.clone(),
            pictures: pictures.clone(),
            store: Arc::clone(&parts.store),
            settings: Arc::clone(&parts.settings),
            clock: Arc::clone(&parts.clock),
            dice: Arc::clone(&parts.dice),
        });
        let engine = Arc::new(Self {
            events: Events::start(Arc::clone(&parts.store)),
            budget: RetryBudget::new(0),
            renderers: Semaphore::new(cores),
            outbox,
            hosting: Hosting::new(Arc::clone(&parts.clock), Arc::clone(&parts.dice)),
            optimizer: Optimizer::default(),
            feed: Feed::new(TOLD),
            counters: Counters::default(),
            fetches: Fetches::default(),
            relayed: Paces::default(),
            guesses: Guesses::default(),
            asking: Semaphore::new(ASKING),
            snapshot: ArcSwap::from_pointee(snapshot),
            registry,
            born: Instant::now(),
            versions: AtomicU64::new(1),
            reloading: tokio::sync::Mutex::default(),
            changing: tokio::sync::Mutex::default(),
            changing_clients: tokio::sync::Mutex::default(),
            admission: Admission::default(),
            running: Arc::default(),
            draining: AtomicBool::new(false),
            live: Mutex::default(),
            hook_bell: Arc::default(),
            disk: Disk::default(),
            adopted: watch::Sender::new(true),
            door: parts.door,
            callers_spool: parts.spool.for_callers(),
            spool: parts.spool,
            pictures,
            store: parts.store,
            clock: parts.clock,
            dice: parts.dice,
            settings: parts.settings,
        });
        let recovered = recover(&engine).await?;
        Ok((engine, recovered))
    }

    /// The present snapshot. A request takes it once and keeps it.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Decides who sent `token` from `peer`.
    ///
    /// # Errors
    /// See `06-errors.md`, "Before any attempt".
    pub fn identify(&self, token: Option<&str>, peer: IpAddr) -> Result<Caller, Fault> {
        crate::identify::identify(&self.snapshot(), token, peer, self.clock.now())
    }

    /// Begins to draw. The job belongs to the engine: whoever holds the [`Drawing`] only watches. Nobody
    /// can come back to it: see [`Engine::request`].
    pub fn draw(self: &Arc<Self>, ask: Ask, caller: Caller, id: RequestId) -> Drawing {
        let course = Course::new();
        let drawing = course.watch(&id);
        let engine = Arc::clone(self);
        tokio::spawn(async move {
            let job = format!("job_{}", engine.dice.hex128());
            let who = engine.who(&caller, None);
            let result = match engine.enter(&ask, who) {
                Ok(room) => run(&engine, Errand { ask, caller, id, job, course: course.clone(), room }).await,
                Err(fault) => Err(Failure::of(fault)),
            };
            course.tell(DrawEvent::Done(result));
        });
        drawing
    }

    /// The models of platforms that could serve a caller (`None`: anybody), from memory.
    pub fn models(&self, caller: Option<&Caller>) -> Vec<ModelInfo> {
        crate::models::list(&self.snapshot(), caller)
    }

    /// Whether a model id by itself leads to drawing a task here, rather than being treated as an
    /// unknown one. OpenAI's text models do not, even where a relay lists them.
    pub fn knows_model(&self, task: Task, model: &str) -> bool {
        crate::plan::is_known(&self.snapshot(), task, model)
    }

    /// What was refused on the way out.
    pub fn refusals(&self) -> &Refusals {
        self.door.refusals()
    }

    /// Where callers' bytes live.
    pub fn callers_spool(&self) -> &Spool {
        &self.callers_spool
    }

    /// The listed picture of this name. `None`: there is none, or its file is gone or damaged.
    ///
    /// # Errors
    /// Why it cannot be read, for the log.
    pub async fn stored(&self, name: &str) -> Result<Option<Picture>, String> {
        let Some(record) = self.store.get(name).await.map_err(|error| error.to_string())? else { return Ok(None) };
        let blob = match self.pictures.open(&record.path).await {
            Ok(blob) => blob,
            Err(SpoolError::Io(error)) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => {
                tracing::error!(name, %error, "a listed picture cannot be opened");
                return Ok(None);
            }
            Err(error) => return Err(error.to_string()),
        };
        Picture::from_blob(blob).map(Some).map_err(|flaw| flaw.to_string())
    }

    /// Stored pictures.
    pub fn pictures(&self) -> &PictureStore {
        &self.pictures
    }

    /// Addresses of input pictures.
    pub fn hosting(&self) -> &Hosting {
        &self.hosting
    }

    /// Copies of pictures in the operator's bucket.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Where rows live.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// What happens.
    pub fn feed(&self) -> &Feed<Told> {
        &self.feed
    }

    /// Counts since the process began.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Whether an upstream that is down is about to be tried again.
    pub fn is_probing(&self, upstream: &Upstream) -> bool {
        upstream.health.breaker.is_probing(self.mono())
    }

    /// Jobs under way.
    pub fn jobs(&self) -> u64 {
        self.running.jobs.load(Ordering::Relaxed)
    }

    /// Time.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Randomness.
    pub fn dice(&self) -> &Arc<dyn Dice> {
        &self.dice
    }

    /// Milliseconds of the engine's monotonic clock, starting at 1.
    pub(crate) fn mono(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// Builds a new snapshot from the settings in force and the stored keys, and swaps it in.
    /// Requests under way keep theirs.
    ///
    /// # Errors
    /// When the store cannot be read: the old snapshot stays.
    pub async fn reload(&self) -> Result<(), StoreError> {
        let _one = self.reloading.lock().await;
        let vault = self.settings.vault();
        let clients = ClientKeys::new(self.store.client_keys().await?, vault, Some(&self.snapshot.load().clients));
        let stored = Stored { keys: self.store.keys().await?, clients };
        let settings = Arc::new(self.settings.current().settings.clone());
        let version = self.versions.fetch_add(1, Ordering::Relaxed) + 1;
        self.snapshot.store(Arc::new(build(version, settings, stored, vault, &self.registry)));
        self.feed.push(Told::Changed);
        Ok(())
    }

    /// Whether requests can be served.
    ///
    /// # Errors
    /// The reasons why not.
    pub async fn ready(&self) -> Result<(), Vec<String>> {
        let mut reasons = Vec::new();
        if self.is_draining() {
            reasons.push("the gateway is shutting down".to_owned());
        }
        match tokio::time::timeout(READY_WITHIN, self.store.ready()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => reasons.push(format!("the database cannot be written: {error}")),
            Err(_) => reasons.push("the database does not answer".to_owned()),
        }
        if let Some(why) = self.disk.trouble() {
            reasons.push(format!("pictures cannot be stored: {why}"));
        }
        match self.spool.free_bytes() {
            Ok(free) if free < LOW_WATER => reasons.push(format!("only {free} bytes are free for pictures")),
            Ok(_) => {}
            Err(error) => reasons.push(format!("the data folder cannot be read: {error}")),
        }
        if reasons.is_empty() { Ok(()) } else { Err(reasons) }
    }

    /// Waits until what has happened so far is stored.
    pub async fn flush(&self) {
        self.events.flush().await;
    }

    /// Takes no new jobs, sends nothing new to platforms, and waits for what is under way there, at most
    /// `grace`. Returns how many jobs were left.
    pub async fn drain(&self, grace: Duration) -> u64 {
        self.draining.store(true, Ordering::SeqCst);
        // Who waits for a place is told at once.
        self.admission.close(&shutting_down());
        let end = Instant::now() + grace;
        loop {
            let idle = self.running.idle.notified();
            tokio::pin!(idle);
            idle.as_mut().enable();
            let left = self.running.jobs.load(Ordering::Acquire);
            if left == 0 || tokio::time::timeout_at(end, idle).await.is_err() {
                self.flush_health().await;
                self.flush_clients().await;
                self.events.flush().await;
                self.outbox.close(Instant::now() + grace.min(OUTBOX_GRACE)).await;
                return self.running.jobs.load(Ordering::Acquire);
            }
        }
    }

    /// Lets a job in, unless the gateway is going down, full or short of disk space.
    pub(crate) fn enter(&self, ask: &Ask, who: Who) -> Result<Arc<JobGuard>, Fault> {
        self.is_open()?;
        let pictures = u64::from(ask.n.unwrap_or(1).clamp(1, MOST_PICTURES));
        let admitted = self.admission.admit(who, pictures, self.draws())?;
        self.running.jobs.fetch_add(1, Ordering::AcqRel);
        Ok(Arc::new(JobGuard { admitted, running: Arc::clone(&self.running) }))
    }

    /// Whether a caller's request would be let in now, so that it can be refused before its body is read.
    ///
    /// # Errors
    /// 503 while the gateway is going down, full or short of disk space.
    pub fn has_room(&self, caller: &Caller, peer: Option<IpAddr>) -> Result<(), Fault> {
        self.is_open()?;
        self.admission.has_room(&self.who(caller, peer), self.draws())
    }

    fn is_open(&self) -> Result<(), Fault> {
        self.still_sends()?;
        // With what is left, replies to those that are in already are received.
        if self.callers_spool.is_full() {
            return Err(Fault::new(Class::Gate(Gate::Overloaded)).detail("spool: the budget of bytes in flight is used up"));
        }
        if self.spool.free_bytes().is_ok_and(|free| free < LOW_WATER) {
            return Err(full());
        }
        self.disk.check()
    }

    /// Refuses to begin anything at a platform once the gateway goes down.
    pub(crate) fn still_sends(&self) -> Result<(), Fault> {
        if self.is_draining() { Err(shutting_down()) } else { Ok(()) }
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// Who shares a turn: a credential at an address, since many people may have one key.
    pub(crate) fn who(&self, caller: &Caller, peer: Option<IpAddr>) -> Who {
        let peer = peer.map(|peer| peer.to_string()).unwrap_or_default();
        format!("{} {peer}", self.scope(caller)).into()
    }

    fn draws(&self) -> usize {
        self.snapshot.load().settings.limits.concurrent_draws
    }

    /// A place to draw a picture, waited for until `deadline`.
    pub(crate) async fn place(&self, job: &JobGuard, deadline: Instant) -> Result<Place, Fault> {
        self.still_sends()?;
        job.admitted.place(self.draws(), deadline).await
    }

    /// How long an exchange with an upstream may take.
    pub(crate) fn exchange_limits(&self, snapshot: &Snapshot, upstream: &Upstream, deadline: Instant) -> ExchangeLimits {
        limits(timing(snapshot.settings.system.api_timeout, upstream.card()), deadline)
    }
}

/// The refusal of a gateway that goes down.
pub(crate) fn shutting_down() -> Fault {
    Fault::gate(Gate::ShuttingDown, "The gateway is restarting. Try again in a moment.", "网关正在重启，请稍后再试。")
        .retry_after(Some(Duration::from_secs(5)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_platform_has_its_time_unless_less_than_the_default_is_set() {
        let slow = Card { first_byte_secs: Some(180), ..Card::BASE };
        let telling = Card { total_secs: Some(600), ..Card::BASE };
        let secs = |set: u64, card: &Card| {
            let timing = timing(Duration::from_secs(set), card);
            (timing.first_byte.as_secs(), timing.total.as_secs())
        };
        // What 1.x wrote into every file is what holds without one.
        assert_eq!(secs(DEFAULT_API_TIMEOUT.as_secs(), &slow), (180, 240));
        assert_eq!((secs(90, &slow), secs(300, &slow), secs(5, &slow)), ((180, 270), (300, 300), (5, 5)));
        assert_eq!((secs(60, &Card::BASE), secs(60, &telling), secs(900, &telling)), ((60, 60), (60, 600), (900, 900)));
    }
}
