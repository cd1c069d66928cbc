//! A circuit breaker per upstream, without locks.
//!
//! Closed, it counts. It opens at five failures in a row, or when at least half of at least twenty
//! attempts within the last minute failed. Open, its upstream goes to the end of plans instead of
//! vanishing: when nothing else is left, a request that may succeed beats one that certainly fails.
//! Thirty seconds after it opened one request is let through at its usual place as a probe; its
//! success closes the breaker, its failure opens it anew. Closed by a probe, the upstream gets its
//! place back for one plan in ten at first, and one more every second, so that those who waited do not
//! push it over again. Refusals of a key or of a prompt prove
//! that the upstream lives; a rate limit proves nothing (it is quick, and counting it as a success
//! would draw more traffic to a limited endpoint).
//!
//! Figures: `06-errors.md`, "Attempts, deadlines, budgets".

use crate::sync::{AtomicU32, AtomicU64, Ordering};

const FAILURES_IN_ROW: u32 = 5;
const MIN_ATTEMPTS: u64 = 20;
const BUCKETS: usize = 6;
const BUCKET_MS: u64 = 10_000;
const PROBE_AFTER_MS: u64 = 30_000;
/// How long the ramp takes: a tenth more of the plans every second.
const RAMP_MS: u64 = 10_000;

/// How a plan may use an upstream now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// At its usual place.
    Usual,
    /// Last.
    Last,
}

/// How an upstream takes a request that is about to try it.
#[derive(Debug)]
pub(crate) enum Entry<'a> {
    /// Like any other.
    Usual,
    /// As the one that shows whether it lives again.
    Probe(#[expect(dead_code, reason = "held, and given back by being dropped")] Probe<'a>),
    /// Only when nothing else is left.
    Last,
}

/// The right to probe. Dropping it, whatever came of the request, lets another one probe.
#[derive(Debug)]
pub(crate) struct Probe<'a> {
    breaker: &'a Breaker,
    number: u64,
}

impl Drop for Probe<'_> {
    fn drop(&mut self) {
        // A success has ended all probes; the present one may be another's.
        let _ = self.breaker.probe.compare_exchange(self.number, 0, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// See the module's text. Times are milliseconds of one monotonic clock, starting above 0.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    in_row: AtomicU32,
    /// When it opened; 0: closed.
    opened: AtomicU64,
    /// The number of the present probe; 0: none.
    probe: AtomicU64,
    /// Probes so far.
    probes: AtomicU64,
    /// When a probe closed it; 0: its ramp is over.
    recovered: AtomicU64,
    /// Plans made on the ramp.
    turn: AtomicU64,
    /// Ten seconds each: epoch (24 bits) · attempts (20 bits) · failures (20 bits).
    window: [AtomicU64; BUCKETS],
}

impl Breaker {
    /// Whether it is open.
    pub(crate) fn is_open(&self) -> bool {
        self.opened.load(Ordering::Relaxed) != 0
    }

    /// Whether it is open and a request may try it: at its usual place, to see whether it lives again.
    pub(crate) fn is_probing(&self, now: u64) -> bool {
        let opened = self.opened.load(Ordering::Relaxed);
        opened != 0 && now.saturating_sub(opened) >= PROBE_AFTER_MS
    }

    /// How the upstream stands in a plan made now.
    pub(crate) fn admission(&self, now: u64) -> Admission {
        let free = self.probe.load(Ordering::Relaxed) == 0;
        let usual = if self.is_open() { self.is_probing(now) && free } else { self.ramps(now) };
        if usual { Admission::Usual } else { Admission::Last }
    }

    /// Whether this plan is among those that the ramp lets through.
    fn ramps(&self, now: u64) -> bool {
        let recovered = self.recovered.load(Ordering::Relaxed);
        let passed = now.saturating_sub(recovered);
        if recovered == 0 || passed >= RAMP_MS {
            return true;
        }
        self.turn.fetch_add(1, Ordering::Relaxed) % 10 <= passed * 10 / RAMP_MS
    }

    /// Called when a request turns to the upstream: of several that found the breaker ripe for a
    /// probe, one becomes the probe.
    pub(crate) fn enter(&self, now: u64) -> Entry<'_> {
        if !self.is_open() {
            return Entry::Usual;
        }
        if !self.is_probing(now) {
            return Entry::Last;
        }
        let number = self.probes.fetch_add(1, Ordering::Relaxed) + 1;
        if self.probe.compare_exchange(0, number, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return Entry::Last;
        }
        let probe = Probe { breaker: self, number };
        // The one before may have failed between the look at the time and here.
        if self.is_probing(now) { Entry::Probe(probe) } else { Entry::Last }
    }

    /// An attempt proved that the upstream works.
    pub(crate) fn alive(&self, now: u64) {
        self.in_row.store(0, Ordering::Relaxed);
        self.count(now, false);
        if self.opened.swap(0, Ordering::Relaxed) != 0 {
            self.turn.store(0, Ordering::Relaxed);
            self.recovered.store(now, Ordering::Relaxed);
        }
        self.probe.store(0, Ordering::Relaxed);
    }

    /// An attempt failed in a way that speaks against the upstream.
    pub(crate) fn failure(&self, now: u64) {
        let in_row = self.in_row.fetch_add(1, Ordering::Relaxed) + 1;
        let (attempts, failures) = self.count(now, true);
        let ratio = attempts >= MIN_ATTEMPTS && failures * 2 >= attempts;
        if in_row >= FAILURES_IN_ROW || ratio || self.is_open() {
            self.opened.store(now.max(1), Ordering::Relaxed);
        }
    }

    fn count(&self, now: u64, failed: bool) -> (u64, u64) {
        let epoch = (now / BUCKET_MS) & 0xFF_FFFF;
        let at = usize::try_from(epoch % BUCKETS as u64).expect("below 6");
        let _ = self.window[at].fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
            let (then, attempts, failures) = unpack(word);
            let (attempts, failures) = if then == epoch { (attempts, failures) } else { (0, 0) };
            Some(pack(epoch, (attempts + 1).min(0xF_FFFF), (failures + u64::from(failed)).min(0xF_FFFF)))
        });
        self.window
            .iter()
            .map(|word| unpack(word.load(Ordering::Relaxed)))
            .filter(|(then, _, _)| epoch.wrapping_sub(*then) & 0xFF_FFFF < BUCKETS as u64)
            .fold((0, 0), |(attempts, failures), (_, a, f)| (attempts + a, failures + f))
    }
}

fn pack(epoch: u64, attempts: u64, failures: u64) -> u64 {
    epoch << 40 | attempts << 20 | failures
}

fn unpack(word: u64) -> (u64, u64, u64) {
    (word >> 40, word >> 20 & 0xF_FFFF, word & 0xF_FFFF)
}
