//! Copies of pictures in the operator's bucket: what the store's outbox asks for is carried out, a
//! few at a time, until the bucket has confirmed it. Nothing is given up: what fails is tried again
//! later, after a restart too.
//!
//! A failure that is about the bucket as a whole (its settings, its service) stops everything until
//! a probe goes through; one that is about an object puts off that object alone. New settings are
//! looked at every second, and their bucket is probed before anything is sent there. What is asked
//! of a bucket that is no longer configured waits until it is again.

mod errand;

use crate::pictures::sidecar;
use arc_swap::ArcSwapOption;
use errand::{Trouble, carry_out};
use ir_egress::{Bucket, BucketConfig, BucketFault, BucketFaultKind, BucketStyle, Door};
use ir_model::{Clock, Dice};
use ir_settings::{S3, Settings, SettingsFile};
use ir_spool::PictureStore;
use ir_store::{Backlog, Errand, Store, StoreError};
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::{Id, JoinError, JoinHandle, JoinSet};
use tokio::time::Instant;

/// Errands under way at once at one bucket.
const AT_ONCE: usize = 4;
/// A picture that is not among so many that are due, as many as a request can have, waits behind a
/// backlog: no answer waits with it.
const SOON: u32 = 16;
/// How often settings and outbox are looked at, when nothing wakes the worker before.
const TICK: Duration = Duration::from_secs(1);
/// Pictures of the gallery that are compared with the outbox at a time.
const PAGE: u32 = 500;
/// Pauses between tries: doubled from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause of one errand, and the longest that a service may ask for.
const LAST_PAUSE: Duration = Duration::from_secs(600);
/// Longest pause of the whole outbox while the service is away, and between two tries of settings
/// that are wrong.
const PROBE_PAUSE: Duration = Duration::from_secs(60);

/// What the outbox works with.
pub(crate) struct OutboxParts {
    pub(crate) door: Door,
    pub(crate) pictures: PictureStore,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) settings: Arc<SettingsFile>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) dice: Arc<dyn Dice>,
}

/// See the module's text. Dropping it breaks off what is under way; the next start repeats that.
pub struct Outbox {
    inner: Arc<Inner>,
    worker: Mutex<Option<JoinHandle<()>>>,
}

struct Inner {
    parts: OutboxParts,
    wake: Notify,
    confirmed: Notify,
    stop: watch::Sender<bool>,
    /// The bucket in use.
    present: ArcSwapOption<Present>,
}

/// A bucket in use, as those who ask for links see it.
struct Present {
    settings: S3,
    bucket: Bucket,
    target: String,
    /// Whether it takes pictures at the moment.
    open: AtomicBool,
    /// Why it does not.
    trouble: Mutex<Option<String>>,
}

/// How the outbox fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxStatus {
    /// The bucket's lasting name.
    pub target: String,
    /// Whether pictures are copied at the moment.
    pub open: bool,
    /// Why not.
    pub trouble: Option<String>,
    /// What waits.
    pub backlog: Backlog,
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("target", &self.inner.present.load().as_ref().map(|present| &present.target)).finish_non_exhaustive()
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        if let Some(worker) = self.worker.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            worker.abort();
        }
    }
}

impl Outbox {
    pub(crate) fn new(parts: OutboxParts) -> Self {
        let (stop, _) = watch::channel(false);
        let inner = Inner { parts, wake: Notify::new(), confirmed: Notify::new(), stop, present: ArcSwapOption::empty() };
        Self { inner: Arc::new(inner), worker: Mutex::default() }
    }

    /// Begins to carry out errands. Once.
    pub(crate) fn spawn(&self) {
        let worker = Worker {
            inner: Arc::clone(&self.inner),
            line: None,
            aimed: None,
            refused: None,
            under_way: HashMap::new(),
            running: JoinSet::new(),
        };
        let before = self.worker.lock().unwrap_or_else(PoisonError::into_inner).replace(tokio::spawn(worker.run()));
        debug_assert!(before.is_none(), "an outbox is started once");
    }

    /// Begins nothing more and waits for what is under way, at most until `until`. What is left then
    /// is broken off, and repeated by the next start.
    pub async fn close(&self, until: Instant) {
        self.inner.stop.send_replace(true);
        let worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut worker) = worker
            && tokio::time::timeout_at(until, &mut worker).await.is_err()
        {
            worker.abort();
        }
    }

    /// Says that there may be something to do, so that it begins at once.
    pub fn wake(&self) {
        self.inner.wake.notify_one();
    }

    /// Where callers can read a picture in the bucket: only once the bucket has confirmed that it
    /// has it, which is waited for at most `patience` while the bucket takes pictures and there is no
    /// backlog before this one. `None` too when `storage.s3.publicUrl` is not set.
    pub async fn public_link(&self, name: &str, patience: Duration) -> Option<String> {
        let end = Instant::now() + patience;
        let present = self.inner.present.load_full()?;
        let public = present.settings.public_url.as_ref()?;
        let store = &self.inner.parts.store;
        let picture = store.get(name).await.ok()??;
        let link = present.bucket.link(public, &present.bucket.key(&picture.path));
        self.wake();
        let now = self.inner.parts.clock.now();
        let due = store.due(&present.target, now, SOON).await.ok()?;
        let end = if due.iter().any(|errand| errand.name == name) { end } else { Instant::now() };
        loop {
            let confirmed = self.inner.confirmed.notified();
            tokio::pin!(confirmed);
            confirmed.as_mut().enable();
            if store.copied(&present.target, name).await.ok()?.is_some() {
                return Some(link);
            }
            if !present.open.load(Ordering::Relaxed) || tokio::time::timeout_at(end, confirmed).await.is_err() {
                return None;
            }
        }
    }

    /// Whether a bucket can be made of changed settings; what stays as it is, is not judged again.
    ///
    /// # Errors
    /// Why not.
    pub fn judge(&self, settings: &Settings) -> Result<(), String> {
        let parts = &self.inner.parts;
        let Some(wanted) = settings.storage.s3.as_ref().map(config) else { return Ok(()) };
        let same = parts.settings.current().settings.storage.s3.as_ref().map(config).is_some_and(|now| {
            (&now.endpoint, &now.bucket, &now.prefix, now.style) == (&wanted.endpoint, &wanted.bucket, &wanted.prefix, wanted.style)
        });
        if same { Ok(()) } else { Bucket::new(&parts.door, wanted).map(drop).map_err(|fault| fault.to_string()) }
    }

    /// Tries the bucket of the settings in force; `None` when none is configured. `Ok` is its lasting
    /// name.
    pub async fn probe(&self) -> Option<Result<String, String>> {
        let parts = &self.inner.parts;
        let settings = parts.settings.current();
        let bucket = Bucket::new(&parts.door, config(settings.settings.storage.s3.as_ref()?));
        Some(match bucket {
            Ok(bucket) => bucket.probe().await.map(|()| bucket.target()).map_err(|fault| fault.to_string()),
            Err(fault) => Err(fault.to_string()),
        })
    }

    /// How the outbox fares; `None` when no bucket is configured.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn status(&self) -> Result<Option<OutboxStatus>, StoreError> {
        let Some(present) = self.inner.present.load_full() else { return Ok(None) };
        let backlog = self.inner.parts.store.backlog(&present.target).await?;
        let trouble = present.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Some(OutboxStatus { target: present.target.clone(), open: present.open.load(Ordering::Relaxed), trouble, backlog }))
    }
}

/// The bucket in use, as the worker sees it.
struct Line {
    present: Arc<Present>,
    state: State,
    /// Failures about the bucket since it last did something.
    misses: u32,
    /// Up to where the gallery was compared with the outbox; `None`: to its end.
    compared: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It is to be probed.
    Closed { until: Instant },
    /// It is being probed.
    Probing,
    /// It takes pictures.
    Open,
}

/// What a task came to.
enum Done {
    Probed { present: Arc<Present>, result: Result<(), BucketFault> },
    Errand { errand: Errand, result: Result<(), Trouble> },
}

struct Worker {
    inner: Arc<Inner>,
    line: Option<Line>,
    /// What the store was told to queue pictures for; `None`: not known.
    aimed: Option<Option<String>>,
    /// Settings that no bucket can be made of, so that they are complained about once.
    refused: Option<S3>,
    /// Target and name of each errand under way: a picture's delete never overtakes its put.
    under_way: HashMap<(String, String), Id>,
    running: JoinSet<Done>,
}

impl Worker {
    async fn run(mut self) {
        let mut stop = self.inner.stop.subscribe();
        let inner = Arc::clone(&self.inner);
        while !*stop.borrow() {
            let more = self.turn().await;
            tokio::select! {
                _ = stop.changed() => {}
                Some(done) = self.running.join_next() => self.done(done).await,
                () = inner.wake.notified() => {}
                () = tokio::time::sleep(if more { Duration::ZERO } else { TICK }) => {}
            }
        }
        while let Some(done) = self.running.join_next().await {
            self.done(done).await;
        }
    }

    /// Looks at everything once. Whether there is more to do at once.
    async fn turn(&mut self) -> bool {
        self.follow_settings();
        match self.advance().await {
            Ok(more) => more,
            Err(error) => {
                tracing::error!(%error, "the outbox cannot be read or written");
                false
            }
        }
    }

    fn follow_settings(&mut self) {
        let effective = self.inner.parts.settings.current();
        let wanted = effective.settings.storage.s3.as_ref();
        let same = |known: Option<&S3>| match (known, wanted) {
            (None, None) => true,
            (Some(known), Some(wanted)) => same_settings(known, wanted),
            _ => false,
        };
        let known = self.line.as_ref().map(|line| &line.present.settings).or(self.refused.as_ref());
        if same(known) {
            return;
        }
        (self.line, self.refused) = (None, None);
        let Some(settings) = wanted else {
            tracing::info!("pictures are not copied to a bucket any more");
            self.inner.present.store(None);
            return;
        };
        match Bucket::new(&self.inner.parts.door, config(settings)) {
            Ok(bucket) => {
                let target = bucket.target();
                let present = Arc::new(Present {
                    settings: settings.clone(),
                    bucket,
                    target,
                    open: AtomicBool::new(false),
                    trouble: Mutex::default(),
                });
                self.inner.present.store(Some(Arc::clone(&present)));
                let state = State::Closed { until: Instant::now() };
                self.line = Some(Line { present, state, misses: 0, compared: Some(String::new()) });
            }
            Err(fault) => {
                tracing::error!(%fault, "pictures are not copied: the settings of the bucket (storage.s3) cannot be used");
                self.inner.present.store(None);
                self.refused = Some(settings.clone());
            }
        }
    }

    async fn advance(&mut self) -> Result<bool, StoreError> {
        let parts = &self.inner.parts;
        let target = self.line.as_ref().map(|line| line.present.target.clone());
        if self.aimed.as_ref() != Some(&target) {
            parts.store.aim(target.as_deref()).await?;
            self.aimed = Some(target);
        }
        let Some(line) = &mut self.line else { return Ok(false) };
        let present = Arc::clone(&line.present);
        // Pictures that were listed while no bucket was configured, or another one.
        if let Some(after) = &line.compared {
            line.compared = parts.store.fill(&present.target, after, PAGE).await?;
        }
        match line.state {
            State::Closed { until } if until <= Instant::now() => {
                line.state = State::Probing;
                self.running.spawn(async move {
                    let result = present.bucket.probe().await;
                    Done::Probed { present, result }
                });
            }
            State::Closed { .. } | State::Probing => {}
            State::Open => self.begin(&present).await?,
        }
        Ok(self.line.as_ref().is_some_and(|line| line.compared.is_some()))
    }

    /// Begins as many errands as there are places. Errands at a bucket that was configured before end
    /// by their own deadlines, and take none of this one's places.
    async fn begin(&mut self, present: &Arc<Present>) -> Result<(), StoreError> {
        let parts = &self.inner.parts;
        let mut busy = self.under_way.keys().filter(|(target, _)| *target == present.target).count();
        if busy >= AT_ONCE {
            return Ok(());
        }
        // Those under way are due as well.
        let limit = u32::try_from(2 * AT_ONCE).expect("invariant: a small number");
        for errand in parts.store.due(&present.target, parts.clock.now(), limit).await? {
            let key = (errand.target.clone(), errand.name.clone());
            if busy >= AT_ONCE {
                break;
            }
            if self.under_way.contains_key(&key) {
                continue;
            }
            let (inner, bucket) = (Arc::clone(&self.inner), present.bucket.clone());
            let task = self.running.spawn(async move {
                let result = carry_out(&inner.parts, &bucket, &errand).await;
                Done::Errand { errand, result }
            });
            self.under_way.insert(key, task.id());
            busy += 1;
        }
        Ok(())
    }

    async fn done(&mut self, done: Result<Done, JoinError>) {
        match done {
            Ok(Done::Probed { present, result }) => self.probed(&present, result),
            Ok(Done::Errand { errand, result }) => {
                self.under_way.remove(&(errand.target.clone(), errand.name.clone()));
                match result {
                    Ok(()) => self.carried_out(&errand),
                    Err(trouble) => self.failed(&errand, trouble).await,
                }
            }
            Err(error) => {
                tracing::error!(%error, "a task of the outbox broke down");
                self.under_way.retain(|_, task| *task != error.id());
                // Whatever it was would break down again at once.
                if let Some(line) = &mut self.line {
                    line.state = State::Closed { until: Instant::now() + PROBE_PAUSE };
                    line.present.open.store(false, Ordering::Relaxed);
                }
            }
        }
    }

    fn probed(&mut self, present: &Arc<Present>, result: Result<(), BucketFault>) {
        let Some(line) = self.line.as_mut().filter(|line| Arc::ptr_eq(&line.present, present)) else { return };
        match result {
            Ok(()) => {
                line.state = State::Open;
                present.open.store(true, Ordering::Relaxed);
                *present.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
                tracing::info!(bucket = present.target, "the bucket takes pictures");
            }
            Err(fault) => self.shut(&fault),
        }
    }

    fn carried_out(&mut self, errand: &Errand) {
        if let Some(line) = self.line.as_mut().filter(|line| line.present.target == errand.target) {
            line.misses = 0;
        }
        self.inner.confirmed.notify_waiters();
    }

    async fn failed(&mut self, errand: &Errand, trouble: Trouble) {
        let parts = &self.inner.parts;
        let asked = trouble.retry_after().unwrap_or_default();
        let wait = pause(errand.attempts, LAST_PAUSE, &*parts.dice).max(asked.min(LAST_PAUSE));
        let until = parts.clock.now().plus_ms(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
        if let Err(error) = parts.store.put_off(errand, until, &trouble.to_string()).await {
            tracing::error!(%error, "the outbox cannot be written");
        }
        let kind = errand.kind.name();
        tracing::warn!(name = errand.name, errand = kind, attempt = errand.attempts + 1, wait_ms = wait.as_millis(), %trouble, "an errand at the bucket failed");
        let open = self.line.as_ref().is_some_and(|line| line.present.target == errand.target && line.state == State::Open);
        match trouble {
            Trouble::Bucket(fault) if open && fault.kind != BucketFaultKind::Object => self.shut(&fault),
            Trouble::Bucket(_) | Trouble::Local(_) => {}
        }
    }

    /// Stops everything until a probe goes through.
    fn shut(&mut self, fault: &BucketFault) {
        let Some(line) = &mut self.line else { return };
        let wait = match fault.kind {
            BucketFaultKind::Settings => PROBE_PAUSE,
            BucketFaultKind::Service | BucketFaultKind::Object => pause(line.misses, PROBE_PAUSE, &*self.inner.parts.dice),
        };
        let wait = wait.max(fault.retry_after.unwrap_or_default().min(LAST_PAUSE));
        line.misses = line.misses.saturating_add(1);
        line.state = State::Closed { until: Instant::now() + wait };
        let present = &line.present;
        present.open.store(false, Ordering::Relaxed);
        *present.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault.to_string());
        // Whoever waits for a link gets the gateway's own.
        self.inner.confirmed.notify_waiters();
        tracing::warn!(bucket = present.target, next_try_ms = wait.as_millis(), %fault, "pictures are not copied for now");
    }
}

/// The pause after a number of failures: doubled each time, and a half of it by chance.
fn pause(failures: u32, most: Duration, dice: &dyn Dice) -> Duration {
    let whole = FIRST_PAUSE.saturating_mul(1 << failures.min(16)).min(most);
    let half = whole / 2;
    half + Duration::from_millis(dice.below(u64::try_from(half.as_millis()).unwrap_or(u64::MAX).saturating_add(1)))
}

fn config(settings: &S3) -> BucketConfig {
    BucketConfig {
        endpoint: settings.endpoint.clone(),
        bucket: settings.bucket.clone(),
        access_key: settings.access_key.clone(),
        secret_key: settings.secret_key.clone(),
        region: settings.region.clone(),
        style: match settings.style {
            ir_settings::BucketStyle::Auto => BucketStyle::Auto,
            ir_settings::BucketStyle::Path => BucketStyle::Path,
            ir_settings::BucketStyle::Virtual => BucketStyle::Virtual,
        },
        prefix: settings.prefix.clone(),
    }
}

fn same_settings(a: &S3, b: &S3) -> bool {
    a.endpoint == b.endpoint
        && a.bucket == b.bucket
        && a.access_key == b.access_key
        && a.secret_key.same_as(b.secret_key.expose())
        && a.region == b.region
        && a.style == b.style
        && a.prefix == b.prefix
        && a.public_url == b.public_url
}
