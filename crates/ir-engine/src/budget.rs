//! The retry budget: repetitions are at most a fifth of recent requests, with a floor of ten a
//! second, so that an outage does not multiply the load (`06-errors.md`; Finagle's figures).

use crate::sync::{AtomicU64, Ordering};

const PER_REQUEST: u64 = 200;
const PER_SECOND: u64 = 10_000;
const COST: u64 = 1_000;
const MOST: u64 = 100_000;

/// A token bucket in thousandths of a retry. Packed in one word: tokens (24 bits) and the
/// millisecond of the last refill (40 bits).
#[derive(Debug)]
pub(crate) struct RetryBudget(AtomicU64);

impl RetryBudget {
    pub(crate) fn new(now: u64) -> Self {
        Self(AtomicU64::new(pack(PER_SECOND, now)))
    }

    /// A request came: it earns a fifth of a retry.
    pub(crate) fn deposit(&self, now: u64) {
        self.change(now, |tokens| Some((tokens + PER_REQUEST).min(MOST)));
    }

    /// Takes one retry; false if the budget is spent.
    pub(crate) fn withdraw(&self, now: u64) -> bool {
        self.change(now, |tokens| tokens.checked_sub(COST))
    }

    fn change(&self, now: u64, f: impl Fn(u64) -> Option<u64>) -> bool {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
                let (tokens, then) = (word >> 40, word & 0xFF_FFFF_FFFF);
                let earned = now.saturating_sub(then).min(1000) * PER_SECOND / 1000;
                // Time alone fills only up to one second's worth; requests earn beyond.
                let tokens = if tokens < PER_SECOND { (tokens + earned).min(PER_SECOND) } else { tokens };
                Some(pack(f(tokens)?, now.max(then)))
            })
            .is_ok()
    }
}

fn pack(tokens: u64, now: u64) -> u64 {
    tokens << 40 | now & 0xFF_FFFF_FFFF
}
