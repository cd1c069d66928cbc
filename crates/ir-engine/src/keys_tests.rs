use super::*;
use ir_model::ManualClock;
use proptest::prelude::*;

fn record(id: &str) -> KeyRecord {
    let id = KeyId(id.to_owned());
    KeyRecord {
        id: id.clone(),
        platform: "NewApi".into(),
        name: String::new(),
        sealed: vec![],
        fingerprint: id.0.clone(),
        tail: String::new(),
        base_url: None,
        models: vec![],
        enabled: true,
        added: Timestamp(0),
        health: KeyHealth { id, ..KeyHealth::default() },
    }
}

fn cell(id: &str) -> Arc<KeyCell> {
    let record = record(id);
    Arc::new(KeyCell {
        id: record.id.clone(),
        secret: Secret::new(id),
        models: vec![],
        enabled: true,
        health: Arc::new(KeyHealthCell::from_record(&record)),
    })
}

fn take(keys: &[Arc<KeyCell>], turn: &AtomicU32, now: i64) -> Option<Lease> {
    match pick(keys, "m", &[], 4, turn, Timestamp(now)) {
        Pick::Lease(lease) => Some(lease),
        Pick::Busy | Pick::None(_) => None,
    }
}

#[test]
fn takes_turns_among_equals_and_prefers_the_least_busy() {
    let keys = [cell("a"), cell("b"), cell("c")];
    let turn = AtomicU32::new(0);
    let held: Vec<Lease> = (0..6).map(|_| take(&keys, &turn, 1).expect("free")).collect();
    assert!(keys.iter().all(|k| k.health.in_flight() == 2), "{keys:?}");
    let mut held = held;
    held.retain(|lease| lease.key().id.0 != "b");
    assert_eq!(take(&keys, &turn, 1).expect("free").key().id.0, "b");
}

#[test]
fn a_full_pool_is_busy_and_a_cooling_one_says_until_when() {
    let keys = [cell("a")];
    let turn = AtomicU32::new(0);
    let held: Vec<_> = (0..4).map(|_| take(&keys, &turn, 1)).collect();
    assert!(held.iter().all(Option::is_some));
    assert!(matches!(pick(&keys, "m", &[], 4, &turn, Timestamp(1)), Pick::Busy));
    drop(held);
    let clock = ManualClock::at(Timestamp(1000));
    take(&keys, &turn, 1000).expect("free").failed(KeyEffect::CoolForRate(Some(Duration::from_secs(2))), "rate", &clock);
    assert!(matches!(pick(&keys, "m", &[], 4, &turn, Timestamp(1001)), Pick::None(Some(Timestamp(3000)))));
    assert!(take(&keys, &turn, 3000).is_some());
}

/// Proves R-KEY-2.
#[test]
fn rate_pauses_double_to_half_an_hour_and_halve_after_success() {
    let keys = [cell("a")];
    let turn = AtomicU32::new(0);
    let clock = ManualClock::at(Timestamp(1));
    let mut now = 1;
    let mut pauses = vec![];
    for _ in 0..8 {
        take(&keys, &turn, now).expect("usable").failed(KeyEffect::CoolForRate(None), "rate", &clock);
        let until = keys[0].health.cooling_until(Timestamp(now)).expect("cooling").0;
        pauses.push((until - now) / 1000);
        clock.advance_ms(until - now);
        now = until;
    }
    assert_eq!(pauses, [30, 60, 120, 240, 480, 960, 1800, 1800]);
    take(&keys, &turn, now).expect("usable").succeeded();
    take(&keys, &turn, now).expect("usable").failed(KeyEffect::CoolForRate(None), "rate", &clock);
    assert_eq!((keys[0].health.cooling_until(Timestamp(now)).expect("cooling").0 - now) / 1000, 1800);
}

#[test]
fn five_failures_in_a_row_cool_for_a_minute() {
    let keys = [cell("a")];
    let turn = AtomicU32::new(0);
    let clock = ManualClock::at(Timestamp(10));
    for _ in 0..4 {
        take(&keys, &turn, 10).expect("usable").failed(KeyEffect::CountFailure, "x", &clock);
    }
    assert!(keys[0].health.cooling_until(Timestamp(10)).is_none());
    take(&keys, &turn, 10).expect("usable").failed(KeyEffect::CountFailure, "x", &clock);
    assert_eq!(keys[0].health.cooling_until(Timestamp(10)), Some(Timestamp(60_010)));
}

#[test]
fn exhausted_keys_wait_for_utc_midnight_and_rejected_ones_for_the_operator() {
    let keys = [cell("a"), cell("b")];
    let turn = AtomicU32::new(0);
    let clock = ManualClock::at(Timestamp(5));
    let first = take(&keys, &turn, 5).expect("usable");
    let other = take(&keys, &turn, 5).expect("usable");
    first.failed(KeyEffect::CoolUntilReset(None), "quota", &clock);
    other.failed(KeyEffect::Disable, "401", &clock);
    let states: Vec<_> = keys.iter().map(|k| (k.health.cooling_until(Timestamp(5)), k.health.is_disabled())).collect();
    assert!(states.contains(&(Some(Timestamp(86_400_000)), false)) && states.contains(&(None, true)), "{states:?}");
    assert!(keys.iter().all(|k| k.health.take_changed()));
    let stored = keys.iter().map(|k| k.health.to_record()).find(|h| h.disabled_reason.is_some()).expect("one is disabled");
    assert_eq!((stored.disabled_reason.as_deref(), stored.errors), (Some("401"), 1));
}

#[derive(Debug, Clone)]
enum Act {
    Take,
    Settle(usize, u8),
    Drop(usize),
    Wait(i64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => Just(Act::Take),
        3 => (any::<usize>(), 0u8..6).prop_map(|(i, k)| Act::Settle(i, k)),
        1 => any::<usize>().prop_map(Act::Drop),
        1 => (1i64..100_000).prop_map(Act::Wait),
    ];
    proptest::collection::vec(act, 1..200)
}

proptest! {
    /// P-3: exchanges under way never exceed the limit, a disabled or cooling key is never picked,
    /// every place comes back on every path.
    ///
    /// Proves R-KEY-1, R-KEY-3.
    #[test]
    fn the_pool_keeps_its_promises(acts in acts()) {
        let keys = [cell("a"), cell("b"), cell("c")];
        let turn = AtomicU32::new(0);
        let clock = ManualClock::at(Timestamp(1));
        let mut held: Vec<Lease> = vec![];
        for act in acts {
            let now = clock.now();
            match act {
                Act::Take => if let Pick::Lease(lease) = pick(&keys, "m", &[], 4, &turn, now) {
                    prop_assert!(lease.key().health.usable(now));
                    held.push(lease);
                },
                Act::Settle(i, kind) if !held.is_empty() => {
                    let lease = held.swap_remove(i % held.len());
                    match kind {
                        0 => lease.succeeded(),
                        1 => lease.failed(KeyEffect::Disable, "x", &clock),
                        2 => lease.failed(KeyEffect::CoolForRate(None), "x", &clock),
                        3 => lease.failed(KeyEffect::CoolForRate(Some(Duration::from_secs(3))), "x", &clock),
                        4 => lease.failed(KeyEffect::CountFailure, "x", &clock),
                        _ => lease.failed(KeyEffect::Untouched, "x", &clock),
                    }
                }
                Act::Drop(i) if !held.is_empty() => drop(held.swap_remove(i % held.len())),
                Act::Settle(..) | Act::Drop(_) => {}
                Act::Wait(ms) => clock.advance_ms(ms),
            }
            let under_way: u32 = keys.iter().map(|k| k.health.in_flight()).sum();
            prop_assert_eq!(under_way as usize, held.len());
            prop_assert!(keys.iter().all(|k| k.health.in_flight() <= 4));
        }
        drop(held);
        prop_assert!(keys.iter().all(|k| k.health.in_flight() == 0));
    }
}
