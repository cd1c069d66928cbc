//! Counts since the process began, for metrics: few numbers per platform and outcome, whatever comes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Upper bounds of the buckets of durations, in milliseconds. The last one has none.
pub const BOUNDS_MS: [u64; 10] = [250, 500, 1000, 2500, 5000, 10_000, 20_000, 40_000, 80_000, 160_000];

/// What was counted for a platform and an outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Requests that ended.
    pub requests: u64,
    /// Pictures drawn.
    pub pictures: u64,
    /// What they weigh, in bytes.
    pub bytes: u64,
    /// How long they took together, in milliseconds.
    pub duration_ms: u64,
    /// Requests by duration; see [`BOUNDS_MS`].
    pub buckets: [u64; BOUNDS_MS.len() + 1],
}

/// The counts. Bounded: platforms and outcomes are words of ours.
#[derive(Debug, Default)]
pub struct Counters {
    requests: Mutex<BTreeMap<(String, String), Count>>,
    attempts: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
    possibly_billed: AtomicU64,
}

impl Counters {
    pub(crate) fn note(&self, provider: &str, outcome: &str, pictures: u64, bytes: u64, duration_ms: u64) {
        let mut counts = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry((provider.to_owned(), outcome.to_owned())).or_default();
        count.requests += 1;
        count.pictures += pictures;
        count.bytes += bytes;
        count.duration_ms += duration_ms;
        let bucket = BOUNDS_MS.iter().position(|bound| duration_ms <= *bound).unwrap_or(BOUNDS_MS.len());
        count.buckets[bucket] += 1;
    }

    /// All counts, by platform (empty: none was reached) and outcome (`ok` or a class).
    pub fn all(&self) -> BTreeMap<(String, String), Count> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// An exchange with a platform ended. `lost`: it may have been charged and gave no picture.
    pub(crate) fn note_attempt(&self, provider: &'static str, outcome: &'static str, lost: bool) {
        *self.attempts.lock().unwrap_or_else(PoisonError::into_inner).entry((provider, outcome)).or_default() += 1;
        self.possibly_billed.fetch_add(u64::from(lost), Ordering::Relaxed);
    }

    /// Attempts by platform and outcome (`ok` or a class).
    pub fn attempts(&self) -> BTreeMap<(&'static str, &'static str), u64> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Attempts that may have been charged and gave no picture.
    pub fn possibly_billed(&self) -> u64 {
        self.possibly_billed.load(Ordering::Relaxed)
    }
}
