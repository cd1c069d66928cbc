//! Keys: one state machine per key, one picker.
//!
//! A key is usable unless the operator or the platform disabled it, or it is cooling. What a platform
//! disabled it is asked about once more: see [`REJECTIONS_TO_BELIEVE`]. The picker
//! takes the least busy usable key, in turn among equals. A [`Lease`] holds a place on the key and
//! must be settled with what came of it.

use crate::judge::KeyEffect;
use ir_model::{Clock, KeyId, Secret, Timestamp};
use ir_store::{KeyHealth, KeyRecord};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
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
/// A rate limit takes three tenths of the places that a key may have at a time; successes bring one
/// back each time that all of them were used (additive increase, multiplicative decrease).
const FULL: u32 = 1_000;

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
    disabled: AtomicBool,
    /// Milliseconds since the epoch; 0: not cooling.
    cooling_until: AtomicI64,
    backoff_ms: AtomicU64,
    failures_in_row: AtomicU32,
    /// Rejections since the key last drew.
    rejections: AtomicU32,
    /// When the platform is to be asked about a rejected key; 0: not any more.
    ask_at: AtomicI64,
    /// Places that rate limits have left, in thousandths; 0: all.
    places: AtomicU32,
    /// Deleted or switched off by the operator: not even requests under way begin anything with it.
    retired: AtomicBool,
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
            disabled: AtomicBool::new(h.disabled_reason.is_some()),
            cooling_until: AtomicI64::new(h.cooling_until.map_or(0, |t| t.0)),
            backoff_ms: AtomicU64::new(h.backoff_ms),
            failures_in_row: AtomicU32::new(h.failures_in_row),
            // How often it was rejected is not stored: one more time is enough.
            rejections: AtomicU32::new(if h.disabled_reason.is_some() { REJECTIONS_TO_BELIEVE - 1 } else { 0 }),
            ask_at: AtomicI64::new(0),
            places: AtomicU32::new(0),
            retired: AtomicBool::new(false),
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

    /// Takes over what the operator did to the stored record (re-enabled, reset).
    pub(crate) fn revive(&self) {
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

    /// The operator deleted the key or switched it off, or took that back.
    pub(crate) fn retire(&self, retired: bool) {
        self.retired.store(retired, Ordering::Relaxed);
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

    /// Has the state stored with the next round.
    pub(crate) fn mark_changed(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }

    /// Whether the state changed since it was last asked. Leaves it so.
    pub(crate) fn is_changed(&self) -> bool {
        self.changed.load(Ordering::Relaxed)
    }

    /// How many exchanges at a time it may have, of those that the settings allow.
    fn places(&self, per_key: u32) -> u32 {
        match self.places.load(Ordering::Relaxed) {
            0 => per_key,
            left => (left / FULL).clamp(1, per_key.max(1)),
        }
    }

    /// A rate limit: fewer at a time.
    fn fewer(&self, per_key: u32) {
        let _ = self.places.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            let present = if left == 0 { per_key.saturating_mul(FULL) } else { left };
            Some((present / 10 * 7).max(FULL))
        });
    }

    /// A success: one more for each time that all places were used.
    fn more(&self, per_key: u32) {
        let _ = self.places.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            let more = left + FULL * FULL / left.max(FULL);
            (left != 0).then_some(if more >= per_key.saturating_mul(FULL) { 0 } else { more })
        });
    }

    fn usable(&self, now: Timestamp) -> bool {
        !self.is_disabled() && !self.retired.load(Ordering::Relaxed) && self.cooling_until(now).is_none()
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

    fn failure(&self, effect: KeyEffect, reason: &str, now: Timestamp) {
        self.errors.fetch_add(1, Ordering::Relaxed);
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
    /// Usable keys exist, all at their limit of exchanges under way.
    Busy,
    /// No key is usable; when the soonest one is again, if one is only cooling.
    None(Option<Timestamp>),
}

/// Picks the least busy usable key that is not among `tried`, beginning after the one before
/// (`turn`), and takes a place on it.
pub(crate) fn pick(keys: &[Arc<KeyCell>], model: &str, tried: &[KeyId], per_key: u32, turn: &AtomicU32, now: Timestamp) -> Pick {
    let start = turn.fetch_add(1, Ordering::Relaxed) as usize;
    let mut busy = false;
    // Bounded: another request can only take a place that we saw free a bounded number of times.
    for _ in 0..64 {
        let usable = (0..keys.len())
            .map(|i| &keys[(start + i) % keys.len()])
            .filter(|key| key.usable(model, now) && !tried.contains(&key.id))
            .inspect(|_| busy = true);
        let free = usable.filter(|key| key.health.in_flight() < key.health.places(per_key));
        let Some(key) = free.min_by_key(|key| key.health.in_flight()) else { break };
        let places = key.health.places(per_key);
        let place = key.health.in_flight.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < places).then_some(n + 1));
        if place.is_ok() {
            key.health.calls.fetch_add(1, Ordering::Relaxed);
            key.health.last_used.store(now.0, Ordering::Relaxed);
            return Pick::Lease(Lease { key: Arc::clone(key), per_key });
        }
    }
    if busy { Pick::Busy } else { Pick::None(soonest(keys, model)) }
}

/// When the soonest cooling key that could serve the model is usable again.
pub(crate) fn soonest(keys: &[Arc<KeyCell>], model: &str) -> Option<Timestamp> {
    keys.iter()
        .filter(|key| key.enabled && key.serves(model) && !key.health.is_disabled() && !key.health.retired.load(Ordering::Relaxed))
        .map(|key| Timestamp(key.health.cooling_until.load(Ordering::Relaxed)))
        .min()
}

/// A place on a key. Settling it says what came of the exchange; dropping it unsettled (the job was
/// cut off) only gives the place back.
#[derive(Debug)]
#[must_use = "a lease must be settled with the outcome of the exchange"]
pub(crate) struct Lease {
    key: Arc<KeyCell>,
    per_key: u32,
}

impl Lease {
    pub(crate) fn key(&self) -> &KeyCell {
        &self.key
    }

    pub(crate) fn succeeded(self) {
        self.key.health.more(self.per_key);
        self.key.health.success();
    }

    pub(crate) fn failed(self, effect: KeyEffect, reason: &str, clock: &dyn Clock) {
        if matches!(effect, KeyEffect::CoolForRate(_)) {
            self.key.health.fewer(self.per_key);
        }
        self.key.health.failure(effect, reason, clock.now());
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.key.health.changed.store(true, Ordering::Relaxed);
        self.key.health.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
