use crate::budget::*;
use proptest::prelude::*;

#[test]
fn ten_a_second_and_a_fifth_of_requests() {
    let budget = RetryBudget::new(0);
    let taken = (0..100).filter(|_| budget.withdraw(0)).count();
    assert_eq!(taken, 10);
    (0..50).for_each(|_| budget.deposit(0));
    assert_eq!((0..100).filter(|_| budget.withdraw(0)).count(), 10);
    assert_eq!((0..100).filter(|_| budget.withdraw(500)).count(), 5);
}

#[test]
fn an_outage_does_not_multiply_the_load() {
    let budget = RetryBudget::new(0);
    let mut retries = 0;
    for request in 0..10_000u64 {
        let now = request; // 1,000 requests a second for ten seconds
        budget.deposit(now);
        retries += (0..5).filter(|_| budget.withdraw(now)).count();
    }
    assert!(retries <= 10_000 / 5 + 10 * 10 + 10, "{retries}");
}

/// What a request or a wish to retry does, and how long after the one before.
fn history() -> impl Strategy<Value = Vec<(bool, u64)>> {
    proptest::collection::vec((any::<bool>(), prop_oneof![4 => Just(0u64), 4 => 1..50u64, 1 => 50..5_000u64]), 1..400)
}

proptest! {
    /// In whatever stretch of time, retries are at most a fifth of its requests, ten a second, and what
    /// had been saved up before (a hundred); and ten are to be had after any quiet second.
    ///
    /// Proves P-4, R-RTY-2.
    #[test]
    fn every_window_keeps_the_budget(history in history()) {
        let budget = RetryBudget::new(0);
        let (mut now, mut events) = (0, Vec::new());
        for (request, pause) in history {
            now += pause;
            let granted = if request { budget.deposit(now); false } else { budget.withdraw(now) };
            events.push((now, request, granted));
        }
        for from in 0..events.len() {
            let (mut requests, mut retries) = (0u64, 0u64);
            for (at, request, granted) in &events[from..] {
                requests += u64::from(*request);
                retries += u64::from(*granted);
                let most = 100_000 + requests * 200 + (at - events[from].0) * 10;
                prop_assert!(retries * 1000 <= most, "{retries} retries, {requests} requests in {} ms", at - events[from].0);
            }
        }
        prop_assert_eq!((0..10).filter(|_| budget.withdraw(now + 1000)).count(), 10);
    }
}
