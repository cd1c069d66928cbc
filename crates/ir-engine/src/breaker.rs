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

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

const FAILURES_IN_ROW: u32 = 5;
const MIN_ATTEMPTS: u64 = 20;
const BUCKETS: usize = 6;
const BUCKET_MS: u64 = 10_000;
const PROBE_AFTER_MS: u64 = 30_000;
/// A probe that never reported (its job was dropped) must not block the breaker for good.
const PROBE_LOST_MS: u64 = 600_000;
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

/// See the module's text. Times are milliseconds of one monotonic clock, starting above 0.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    in_row: AtomicU32,
    /// When it opened; 0: closed.
    opened: AtomicU64,
    /// When the present probe began; 0: none.
    probe: AtomicU64,
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
        let opened = self.opened.load(Ordering::Relaxed);
        let probe = self.probe.load(Ordering::Relaxed);
        let probe_free = probe == 0 || now.saturating_sub(probe) > PROBE_LOST_MS;
        if opened == 0 {
            return if self.ramps(now) { Admission::Usual } else { Admission::Last };
        }
        if now.saturating_sub(opened) >= PROBE_AFTER_MS && probe_free { Admission::Usual } else { Admission::Last }
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

    /// Called when an attempt begins: of several requests that found the breaker ripe for a probe,
    /// one becomes the probe. Returns false to those that should go elsewhere first.
    pub(crate) fn enter(&self, now: u64) -> bool {
        let opened = self.opened.load(Ordering::Relaxed);
        if opened == 0 {
            return true;
        }
        if now.saturating_sub(opened) < PROBE_AFTER_MS {
            return false;
        }
        let probe = self.probe.load(Ordering::Relaxed);
        let free = probe == 0 || now.saturating_sub(probe) > PROBE_LOST_MS;
        free && self.probe.compare_exchange(probe, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
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
            self.probe.store(0, Ordering::Relaxed);
        }
    }

    /// An attempt ended in a way that says nothing: gives a probe back.
    pub(crate) fn neutral(&self) {
        self.probe.store(0, Ordering::Relaxed);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_after_five_in_a_row_and_closes_by_a_probe() {
        let b = Breaker::default();
        for t in 1..5 {
            b.failure(t);
            assert!(!b.is_open());
        }
        b.failure(5);
        assert_eq!((b.is_open(), b.admission(6)), (true, Admission::Last));
        assert!(!b.enter(29_000));
        assert_eq!(b.admission(30_005), Admission::Usual);
        assert!(b.enter(30_005), "the first one is the probe");
        assert!(!b.enter(30_006), "and the only one");
        assert_eq!(b.admission(30_006), Admission::Last);
        b.alive(30_100);
        assert_eq!((b.is_open(), b.admission(30_101)), (false, Admission::Usual));
    }

    /// Proves F-44, P-14.
    #[test]
    fn those_who_waited_come_back_by_and_by() {
        let b = Breaker::default();
        (1..=5).for_each(|t| b.failure(t));
        assert!(b.enter(300_000));
        b.alive(300_000);
        for second in 0..12 {
            let usual = (0..100).filter(|i| b.admission(300_000 + second * 1_000 + i * 9) == Admission::Usual).count() as u64;
            assert_eq!(usual, ((second + 1) * 10).min(100), "in second {second}");
        }
    }

    #[test]
    fn a_failed_probe_opens_anew() {
        let b = Breaker::default();
        (1..=5).for_each(|t| b.failure(t));
        assert!(b.enter(30_005));
        b.failure(31_000);
        assert!(!b.enter(60_999));
        assert!(b.enter(61_000));
        b.neutral();
        assert!(b.enter(61_001), "a probe that proved nothing is given back");
    }

    #[test]
    fn opens_at_half_of_twenty_within_a_minute() {
        let b = Breaker::default();
        for i in 0..19 {
            if i % 2 == 0 {
                b.failure(1000 + i)
            } else {
                b.alive(1000 + i)
            }
            assert!(!b.is_open(), "{i}");
        }
        b.failure(1019);
        assert!(b.is_open());
    }

    #[test]
    fn old_failures_are_forgotten() {
        let b = Breaker::default();
        for i in 0..18 {
            if i % 2 == 0 { b.failure(1000 + i) } else { b.alive(1000 + i) }
        }
        b.alive(100_000);
        b.failure(100_001);
        b.failure(100_002);
        assert!(!b.is_open());
    }
}
