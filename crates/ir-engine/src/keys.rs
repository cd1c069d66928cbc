//! Keys: one state machine per key, one picker.
//!
//! A key is usable unless the operator or the platform disabled it, or it is cooling. What a platform
//! disabled it is asked about once more: see [`REJECTIONS_TO_BELIEVE`]. The picker
//! takes the least busy usable key, in turn among equals. A [`Lease`] holds a place on the key and
//! must be settled with what came of it.
//!
//! A key has as many places as the operator allows (`limits.keyConcurrency`), and fewer after its
//! platform said that it is asked too often: seven tenths, at least one, for each rest; one more for
//! every round of successes. Where the operator says how many exchanges a key may begin in a minute
//! (`limits.keyPerMinute`), a token bucket spaces them. Time otherwise says nothing here: pictures take seconds or minutes by nature.

use crate::judge::KeyEffect;
use crate::sync::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Mutex, Ordering};
use ir_model::{Clock, KeyId, Secret, Timestamp};
use ir_store::{KeyHealth, KeyRecord};
use std::sync::Arc;
use std::time::Duration;

const FIRST_BACKOFF_MS: u64 = 30_000;
const MOST_BACKOFF_MS: u64 = 30 * 60_000;
const FAILURES_TO_COOL: u32 = 5;
const FAILURE_COOL_MS: i64 = 60_000;
/// Rejections after which a key stays out of use until the operator sees to it. Before that, the
/// platform is asked again, lest a failure of its sign-in cost a whole pool.
const REJECTIONS_TO_BELIEVE: u32 = 3;
/// How long after a rejection the platform is asked again; twice that after the second.
const ASK_AGAIN_MS: i64 = 60_000;
/// What part of a minute's exchanges may begin at once: a sixth, what comes in ten seconds.
const BUCKET_PART: u32 = 6;
/// Places are counted in thousandths, so that successes add up to one.
const PLACE: u32 = 1000;

/// A key of a pool within one snapshot: what the operator set, and the shared health.
#[derive(Debug)]
pub struct KeyCell {
    /// Its id.
    pub id: KeyId,
    /// The platform's key.
    pub secret: Secret,
    /// Models that it may be used for; empty: all.
    pub models: Vec<String>,
    /// Switched on by the operator.
    pub enabled: bool,
    /// Carried over between snapshots.
    pub health: Arc<KeyHealthCell>,
}

impl KeyCell {
    fn usable(&self, model: &str, now: Timestamp) -> bool {
        self.enabled && self.serves(model) && self.health.usable(now)
    }

    /// Whether the operator allows this key for a model.
    pub(crate) fn serves(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|m| m == model)
    }
}

/// The health of one key, in atomics. Texts (reasons) stand in a mutex that is touched only when a
/// state changes.
#[derive(Debug)]
pub struct KeyHealthCell {
    id: KeyId,
    in_flight: AtomicU32,
    /// Places after rate limits, in thousandths; 0: as many as the operator allows.
    places: AtomicU32,
    /// See [`Self::bucket`].
    full_at: AtomicI64,
    /// Switched off or deleted by the operator: requests that began before see it here.
    withdrawn: AtomicBool,
    disabled: AtomicBool,
    /// Milliseconds since the epoch; 0: not cooling.
    cooling_until: AtomicI64,
    backoff_ms: AtomicU64,
    failures_in_row: AtomicU32,
    /// Rejections since the key last drew.
    rejections: AtomicU32,
    /// When the platform is to be asked about a rejected key; 0: not any more.
    ask_at: AtomicI64,
    calls: AtomicU64,
    successes: AtomicU64,
    errors: AtomicU64,
    last_used: AtomicI64,
    reasons: Mutex<Reasons>,
    changed: AtomicBool,
}

#[derive(Debug, Default, Clone)]
struct Reasons {
    disabled: Option<String>,
    cooling: Option<String>,
    last_error: Option<String>,
}

impl KeyHealthCell {
    /// The state as it was stored.
    pub fn from_record(record: &KeyRecord) -> Self {
        let h = &record.health;
        Self {
            id: record.id.clone(),
            in_flight: AtomicU32::new(0),
            places: AtomicU32::new(0),
            full_at: AtomicI64::new(0),
            withdrawn: AtomicBool::new(!record.enabled),
            disabled: AtomicBool::new(h.disabled_reason.is_some()),
            cooling_until: AtomicI64::new(h.cooling_until.map_or(0, |t| t.0)),
            backoff_ms: AtomicU64::new(h.backoff_ms),
            failures_in_row: AtomicU32::new(h.failures_in_row),
            // How often it was rejected is not stored: one more time is enough.
            rejections: AtomicU32::new(if h.disabled_reason.is_some() { REJECTIONS_TO_BELIEVE - 1 } else { 0 }),
            ask_at: AtomicI64::new(0),
            calls: AtomicU64::new(h.calls),
            successes: AtomicU64::new(h.successes),
            errors: AtomicU64::new(h.errors),
            last_used: AtomicI64::new(h.last_used.map_or(0, |t| t.0)),
            reasons: Mutex::new(Reasons {
                disabled: h.disabled_reason.clone(),
                cooling: h.cooling_reason.clone(),
                last_error: h.last_error.clone(),
            }),
            changed: AtomicBool::new(false),
        }
    }

    /// The state to store.
    pub fn to_record(&self) -> KeyHealth {
        let stamp = |v: i64| (v != 0).then_some(Timestamp(v));
        let reasons = self.reasons.lock().expect("no panic while held").clone();
        KeyHealth {
            id: self.id.clone(),
            disabled_reason: reasons.disabled,
            cooling_until: stamp(self.cooling_until.load(Ordering::Relaxed)),
            cooling_reason: reasons.cooling,
            backoff_ms: self.backoff_ms.load(Ordering::Relaxed),
            failures_in_row: self.failures_in_row.load(Ordering::Relaxed),
            calls: self.calls.load(Ordering::Relaxed),
            successes: self.successes.load(Ordering::Relaxed),
            errors: self.errors.load(Ordering::Relaxed),
            last_used: stamp(self.last_used.load(Ordering::Relaxed)),
            last_error: reasons.last_error,
        }
    }

    /// The operator ends its rest, or its being disabled.
    pub(crate) fn revive(&self) {
        self.places.store(0, Ordering::Relaxed);
        self.disabled.store(false, Ordering::Relaxed);
        self.cooling_until.store(0, Ordering::Relaxed);
        self.failures_in_row.store(0, Ordering::Relaxed);
        self.backoff_ms.store(0, Ordering::Relaxed);
        self.rejections.store(0, Ordering::Relaxed);
        self.ask_at.store(0, Ordering::Relaxed);
        *self.reasons.lock().expect("no panic while held") = Reasons::default();
    }

    /// Whether a platform disabled it.
    pub fn is_disabled(&self) -> bool {
        self.disabled.load(Ordering::Relaxed)
    }

    /// Until when it is cooling, if it is at `now`.
    pub fn cooling_until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = Timestamp(self.cooling_until.load(Ordering::Relaxed));
        (until > now).then_some(until)
    }

    /// Exchanges under way with this key.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Says whether the operator took it out of use.
    pub(crate) fn withdraw(&self, withdrawn: bool) {
        self.withdrawn.store(withdrawn, Ordering::Relaxed);
    }

    /// Whether anything but time keeps it from being used.
    fn is_out(&self) -> bool {
        self.is_disabled() || self.withdrawn.load(Ordering::Relaxed)
    }

    fn usable(&self, now: Timestamp) -> bool {
        !self.is_out() && self.cooling_until(now).is_none()
    }

    /// Exchanges that may be under way at present, where the operator allows `most`.
    fn places(&self, most: u32) -> u32 {
        match self.places.load(Ordering::Relaxed) {
            0 => most,
            places => (places / PLACE).clamp(1, most.max(1)),
        }
    }

    /// When the bucket of tokens would be full after one more was taken, in microseconds since the epoch,
    /// if there is one: the generic cell rate algorithm, a token bucket in one number.
    fn bucket(&self, per_minute: u32, now: Timestamp) -> Option<i64> {
        Self::one_less(self.full_at.load(Ordering::Relaxed), per_minute, now)
    }

    fn take_token(&self, per_minute: u32, now: Timestamp) -> bool {
        self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| Self::one_less(full_at, per_minute, now)).is_ok()
    }

    fn one_less(full_at: i64, per_minute: u32, now: Timestamp) -> Option<i64> {
        if per_minute == 0 {
            return Some(full_at);
        }
        let token = 60_000_000 / i64::from(per_minute);
        let size = i64::from((per_minute / BUCKET_PART).max(1));
        let now = now.0.saturating_mul(1000);
        // Further ahead than an empty bucket can be, the clock was set back: begin anew.
        let full_at = if full_at > now + 2 * token * size { now } else { full_at.max(now) };
        (full_at + token <= now + token * size).then_some(full_at + token)
    }

    /// A success: its share of one more place.
    fn widen(&self, most: u32) {
        let _ = self.places.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |places| {
            let next = places.saturating_add(PLACE.div_ceil((places / PLACE).max(1)));
            (places > 0).then_some(if next >= most.saturating_mul(PLACE) { 0 } else { next })
        });
    }

    /// A rate limit: seven tenths of the places that there were.
    fn narrow(&self, most: u32) {
        let _ = self.places.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |places| {
            let most = most.saturating_mul(PLACE);
            let before = if places == 0 { most } else { places.min(most) };
            Some((before - before / 10 * 3).max(PLACE))
        });
    }

    /// Whether the platform is to be asked now if it still rejects the key. True once: what it said
    /// is told to [`Self::confirmed`] or [`Self::taken_back`], or it is asked later.
    pub(crate) fn is_to_be_asked(&self, now: Timestamp) -> bool {
        let at = self.ask_at.load(Ordering::Relaxed);
        at != 0 && at <= now.0 && self.is_disabled() && self.ask_at.compare_exchange(at, 0, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// The platform rejected the key once more.
    pub(crate) fn confirmed(&self, now: Timestamp) {
        let times = self.rejections.fetch_add(1, Ordering::Relaxed) + 1;
        let again = if times < REJECTIONS_TO_BELIEVE { now.plus_ms(ASK_AGAIN_MS * i64::from(times)).0 } else { 0 };
        self.ask_at.store(again, Ordering::Relaxed);
    }

    /// The platform could not be asked.
    pub(crate) fn ask_later(&self, now: Timestamp) {
        self.ask_at.store(now.plus_ms(ASK_AGAIN_MS).0, Ordering::Relaxed);
    }

    /// The platform takes the key after all. That it was rejected is not forgotten before it draws.
    pub(crate) fn taken_back(&self) {
        self.reasons.lock().expect("no panic while held").disabled = None;
        self.disabled.store(false, Ordering::Relaxed);
        self.mark_changed();
    }

    /// Its state is to be stored (again).
    pub(crate) fn mark_changed(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }

    /// Whether the state changed since it was last asked.
    pub(crate) fn take_changed(&self) -> bool {
        self.changed.swap(false, Ordering::Relaxed)
    }

    fn success(&self) {
        self.successes.fetch_add(1, Ordering::Relaxed);
        self.failures_in_row.store(0, Ordering::Relaxed);
        self.rejections.store(0, Ordering::Relaxed);
        let _ = self
            .backoff_ms
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |ms| (ms > 0).then_some(if ms <= FIRST_BACKOFF_MS { 0 } else { ms / 2 }));
    }

    fn cool(&self, until: Timestamp, reason: &str) {
        self.cooling_until.fetch_max(until.0, Ordering::Relaxed);
        self.reasons.lock().expect("no panic while held").cooling = Some(reason.to_owned());
    }

    fn failure(&self, effect: KeyEffect, reason: &str, now: Timestamp, most: u32) {
        self.errors.fetch_add(1, Ordering::Relaxed);
        // Several exchanges that are refused at once say one thing.
        if matches!(effect, KeyEffect::CoolForRate(_)) && self.cooling_until(now).is_none() {
            self.narrow(most);
        }
        match effect {
            KeyEffect::Untouched => {}
            KeyEffect::Disable => {
                if !self.disabled.swap(true, Ordering::Relaxed) {
                    self.confirmed(now);
                }
                self.reasons.lock().expect("no panic while held").disabled = Some(reason.to_owned());
            }
            KeyEffect::CoolUntilReset(Some(wait)) => self.cool(now.plus_ms(millis(wait)), reason),
            KeyEffect::CoolUntilReset(None) => self.cool(now.next_midnight(0), reason),
            KeyEffect::CoolForRate(Some(wait)) => self.cool(now.plus_ms(millis(wait)), reason),
            KeyEffect::CoolForRate(None) => {
                let last = self.backoff_ms.load(Ordering::Relaxed);
                let next = if last == 0 { FIRST_BACKOFF_MS } else { (last * 2).min(MOST_BACKOFF_MS) };
                self.backoff_ms.store(next, Ordering::Relaxed);
                self.cool(now.plus_ms(i64::try_from(next).expect("at most half an hour")), reason);
            }
            KeyEffect::CountFailure => {
                if self.failures_in_row.fetch_add(1, Ordering::Relaxed) + 1 >= FAILURES_TO_COOL {
                    self.failures_in_row.store(0, Ordering::Relaxed);
                    self.cool(now.plus_ms(FAILURE_COOL_MS), reason);
                }
            }
        }
        self.reasons.lock().expect("no panic while held").last_error = Some(reason.to_owned());
    }
}

fn millis(wait: Duration) -> i64 {
    i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)
}

/// What the picker found.
#[derive(Debug)]
pub(crate) enum Pick {
    /// A key, with a place on it.
    Lease(Lease),
    /// Usable keys exist, all at their limit of exchanges under way or begun.
    Busy,
    /// No key is usable; when the soonest one is again, if one is only cooling.
    None(Option<Timestamp>),
}

/// What the operator lets a key do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Exchanges under way at once.
    pub(crate) places: u32,
    /// Exchanges begun in a minute; 0: any number.
    pub(crate) per_minute: u32,
}

/// Picks the least busy usable key that is not among `tried`, beginning after the one before
/// (`turn`), and takes a place on it.
pub(crate) fn pick(keys: &[Arc<KeyCell>], model: &str, tried: &[KeyId], bounds: Bounds, turn: &AtomicU32, now: Timestamp) -> Pick {
    let start = turn.fetch_add(1, Ordering::Relaxed) as usize;
    let mut busy = false;
    // Bounded: another request can only take a place that we saw free a bounded number of times.
    for _ in 0..64 {
        let usable =
            (0..keys.len()).map(|i| &keys[(start + i) % keys.len()]).filter(|key| key.usable(model, now) && !tried.contains(&key.id));
        let free = |key: &&Arc<KeyCell>| {
            key.health.in_flight() < key.health.places(bounds.places) && key.health.bucket(bounds.per_minute, now).is_some()
        };
        let best = usable.inspect(|_| busy = true).filter(free);
        let Some(key) = best.min_by_key(|key| key.health.in_flight()) else { break };
        let most = key.health.places(bounds.places);
        let place = key.health.in_flight.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < most).then_some(n + 1));
        if place.is_ok() {
            if !key.health.take_token(bounds.per_minute, now) {
                key.health.in_flight.fetch_sub(1, Ordering::Relaxed);
                continue;
            }
            key.health.calls.fetch_add(1, Ordering::Relaxed);
            key.health.last_used.store(now.0, Ordering::Relaxed);
            return Pick::Lease(Lease { key: Arc::clone(key), most: bounds.places });
        }
    }
    if busy { Pick::Busy } else { Pick::None(soonest(keys, model)) }
}

/// When the soonest cooling key that could serve the model is usable again.
pub(crate) fn soonest(keys: &[Arc<KeyCell>], model: &str) -> Option<Timestamp> {
    keys.iter()
        .filter(|key| key.enabled && key.serves(model) && !key.health.is_out())
        .map(|key| Timestamp(key.health.cooling_until.load(Ordering::Relaxed)))
        .min()
}

/// A place on a key. Settling it says what came of the exchange; dropping it unsettled (the job was
/// cut off) only gives the place back.
#[derive(Debug)]
#[must_use = "a lease must be settled with the outcome of the exchange"]
pub(crate) struct Lease {
    key: Arc<KeyCell>,
    /// Places that the operator allowed when it was taken.
    most: u32,
}

impl Lease {
    pub(crate) fn key(&self) -> &KeyCell {
        &self.key
    }

    pub(crate) fn succeeded(self) {
        self.key.health.success();
        self.key.health.widen(self.most);
    }

    pub(crate) fn failed(self, effect: KeyEffect, reason: &str, clock: &dyn Clock) {
        self.key.health.failure(effect, reason, clock.now(), self.most);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.key.health.mark_changed();
        self.key.health.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
