//! Repetitions at upstreams whose breaker is open: at most a tenth of recent requests, with a floor of
//! one a second and a reserve of ten. When everything is down, attempts stay near the number of
//! requests (Google's figure for a client's share of retries). What requests earn counts against the
//! floor: under load the tenth alone holds.

use std::sync::{Mutex, PoisonError};

const PER_REQUEST: u64 = 100;
const PER_MS: u64 = 1;
const COST: u64 = 1_000;
/// What is saved up while nothing is repeated.
const RESERVE: u64 = 10 * COST;
/// How far ahead of the floor requests may earn before it counts again.
const MOST_AHEAD: u64 = 10 * COST;

/// A token bucket in thousandths of a repetition.
#[derive(Debug)]
pub(crate) struct LastResort(Mutex<Bucket>);

#[derive(Debug)]
struct Bucket {
    tokens: u64,
    /// What requests earned beyond the floor.
    ahead: u64,
    /// The millisecond of the last change.
    then: u64,
}

impl LastResort {
    pub(crate) fn new(now: u64) -> Self {
        Self(Mutex::new(Bucket { tokens: RESERVE, ahead: 0, then: now }))
    }

    /// A request came: it earns a tenth of a retry.
    pub(crate) fn deposit(&self, now: u64) {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.pass(now);
        bucket.earn(PER_REQUEST);
        bucket.ahead = (bucket.ahead + PER_REQUEST).min(MOST_AHEAD);
    }

    /// Takes one repetition; false if none is left.
    pub(crate) fn withdraw(&self, now: u64) -> bool {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.pass(now);
        let left = bucket.tokens.checked_sub(COST);
        bucket.tokens = left.unwrap_or(bucket.tokens);
        left.is_some()
    }
}

impl Bucket {
    fn pass(&mut self, now: u64) {
        let floor = now.saturating_sub(self.then).saturating_mul(PER_MS);
        self.then = self.then.max(now);
        self.earn(floor.saturating_sub(self.ahead));
        self.ahead = self.ahead.saturating_sub(floor);
    }

    fn earn(&mut self, tokens: u64) {
        self.tokens = self.tokens.saturating_add(tokens).min(RESERVE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserve_of_ten_then_one_a_second_or_a_tenth_of_requests() {
        let budget = LastResort::new(0);
        let taken = |now| (0..100).filter(|_| budget.withdraw(now)).count();
        assert_eq!(taken(0), 10);
        assert_eq!(taken(3_000), 3);
        (0..50).for_each(|_| budget.deposit(3_000));
        assert_eq!(taken(3_000), 5);
        assert_eq!(taken(8_000), 0, "what requests earned is the floor of five seconds");
        assert_eq!(taken(9_000), 1);
        assert_eq!(taken(1_000_000), 10);
    }

    /// Proves R-RTY-2, P-4.
    #[test]
    fn an_outage_does_not_multiply_the_load() {
        for per_second in [1, 5, 50, 1_000] {
            let budget = LastResort::new(0);
            let mut taken = Vec::new();
            for request in 0..per_second * 60u64 {
                let now = request * 1_000 / per_second;
                budget.deposit(now);
                taken.extend((0..5).filter(|_| budget.withdraw(now)).map(|_| now));
            }
            // In every window of ten seconds, from wherever it begins.
            for from in 0..100 {
                let window = from * 500..from * 500 + 10_000u64;
                let retries = taken.iter().filter(|at| window.contains(*at)).count() as u64;
                let allowed = (per_second * 10 / 10).max(10) + 10 + 1;
                assert!(retries <= allowed, "{retries} of {allowed} at {per_second} a second from {from}");
            }
            let all = taken.len() as u64;
            assert!(all <= (per_second * 60 / 10).max(60) + 10, "{all} at {per_second} a second");
        }
    }
}
