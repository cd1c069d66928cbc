use crate::judge::KeyEffect;
use crate::keys::*;
use crate::sync::AtomicU32;
use ir_model::{Clock, KeyId, ManualClock, Secret, Timestamp};
use ir_store::{KeyHealth, KeyRecord};
use proptest::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

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

fn places(places: u32) -> Bounds {
    Bounds { places, per_minute: 0 }
}

fn take(keys: &[Arc<KeyCell>], turn: &AtomicU32, now: i64) -> Option<Lease> {
    match pick(keys, "m", &[], places(4), turn, Timestamp(now)) {
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

/// A key begins no more than so many exchanges in a minute, a sixth of them at once, and the others
/// spaced; another key serves meanwhile. A clock that is set back keeps nobody waiting.
///
/// Proves R-KEY-5.
#[test]
fn a_key_keeps_its_pace() {
    let bounds = Bounds { places: 1000, per_minute: 60 };
    let keys = [cell("a"), cell("b")];
    let turn = AtomicU32::new(0);
    let begun = |keys: &[Arc<KeyCell>], now: i64| {
        let lease = || match pick(keys, "m", &[], bounds, &turn, Timestamp(now)) {
            Pick::Lease(lease) => Some(lease),
            Pick::Busy => None,
            Pick::None(_) => panic!("a key that has begun enough is not out of use"),
        };
        std::iter::from_fn(lease).count()
    };
    let hour = 3_600_000;
    assert_eq!(begun(&keys[..1], hour), 10);
    assert_eq!(begun(&keys, hour), 10, "the other one");
    assert_eq!(begun(&keys, hour + 999), 0);
    assert_eq!(begun(&keys, hour + 1000), 2);
    let minute: usize = (1..=600).map(|tenth| begun(&keys[..1], hour + 1000 + 100 * tenth)).sum();
    assert_eq!(minute, 60);
    assert_eq!(begun(&keys[1..], hour + 61_000), 10, "no more than a bucket is saved up");
    assert_eq!(begun(&keys[1..], hour + 60_900), 0, "nothing is won by a clock that jitters");
    assert_eq!((begun(&keys[1..], 1), begun(&keys[1..], 1000), begun(&keys[1..], 1001)), (10, 0, 1));
    assert!(keys.iter().all(|key| key.health.in_flight() == 0));
}

#[test]
fn a_full_pool_is_busy_and_a_cooling_one_says_until_when() {
    let keys = [cell("a")];
    let turn = AtomicU32::new(0);
    let held: Vec<_> = (0..4).map(|_| take(&keys, &turn, 1)).collect();
    assert!(held.iter().all(Option::is_some));
    assert!(matches!(pick(&keys, "m", &[], places(4), &turn, Timestamp(1)), Pick::Busy));
    drop(held);
    let clock = ManualClock::at(Timestamp(1000));
    take(&keys, &turn, 1000).expect("free").failed(KeyEffect::CoolForRate(Some(Duration::from_secs(2))), "rate", &clock);
    assert!(matches!(pick(&keys, "m", &[], places(4), &turn, Timestamp(1001)), Pick::None(Some(Timestamp(3000)))));
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

/// A platform that says that it is asked too often gets fewer requests at once with that key, and more
/// again as they succeed.
///
/// Proves R-KEY-5, F-38.
#[test]
fn rate_limits_narrow_a_key_and_successes_widen_it() {
    let keys = [cell("a")];
    let turn = AtomicU32::new(0);
    let clock = ManualClock::at(Timestamp(1));
    let fits = |now: i64| {
        let held: Vec<Lease> = std::iter::from_fn(|| take(&keys, &turn, now)).collect();
        held.len()
    };
    let limited = |lease: Lease| lease.failed(KeyEffect::CoolForRate(Some(Duration::from_secs(2))), "rate", &clock);
    assert_eq!(fits(1), 4, "as many as the operator allows");
    // Four are refused at once: that is one limit, not four.
    let held: Vec<Lease> = (0..4).map(|_| take(&keys, &turn, 1).expect("free")).collect();
    held.into_iter().for_each(limited);
    clock.advance_ms(2000);
    let now = clock.now().0;
    assert_eq!(fits(now), 2, "2.8 places");
    limited(take(&keys, &turn, now).expect("free"));
    clock.advance_ms(2000);
    limited(take(&keys, &turn, clock.now().0).expect("free"));
    clock.advance_ms(2000);
    limited(take(&keys, &turn, clock.now().0).expect("free"));
    clock.advance_ms(2000);
    let now = clock.now().0;
    assert_eq!(fits(now), 1, "never none");
    let mut widths = Vec::new();
    for _ in 0..7 {
        take(&keys, &turn, now).expect("free").succeeded();
        widths.push(fits(now));
    }
    assert_eq!(widths, [2, 2, 3, 3, 3, 4, 4], "one more for every round of successes, up to what is allowed");
    keys[0].health.revive();
    assert_eq!(fits(now), 4);
}

#[derive(Debug, Clone)]
enum Act {
    /// A request takes a place, but not on the key of this number.
    Take(Option<usize>),
    Settle(usize, u8),
    /// A request is cut off, by a panic or by being dropped.
    Panic(usize),
    Cancel(usize),
    /// The operator switches a key off or on, or ends its rest.
    Withdraw(usize, bool),
    Revive(usize),
    Wait(i64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let key = || 0..KEYS;
    let act = prop_oneof![
        8 => proptest::option::weighted(0.2, key()).prop_map(Act::Take),
        6 => (any::<usize>(), 0u8..7).prop_map(|(i, k)| Act::Settle(i, k)),
        1 => any::<usize>().prop_map(Act::Panic),
        1 => any::<usize>().prop_map(Act::Cancel),
        1 => (key(), any::<bool>()).prop_map(|(i, on)| Act::Withdraw(i, on)),
        1 => key().prop_map(Act::Revive),
        2 => (1i64..100_000).prop_map(Act::Wait),
    ];
    proptest::collection::vec(act, 1..200)
}

const KEYS: usize = 3;
const MOST: u32 = 4;

/// A key told plainly.
#[derive(Debug, Clone, Default)]
struct Model {
    under_way: u32,
    disabled: bool,
    withdrawn: bool,
    rests_until: i64,
    rest_ms: i64,
    in_row: u32,
    /// Thousandths.
    places: Option<u32>,
    calls: u64,
    successes: u64,
    errors: u64,
}

impl Model {
    fn usable(&self, now: i64) -> bool {
        !self.disabled && !self.withdrawn && self.rests_until <= now
    }

    fn free(&self) -> bool {
        self.under_way < self.places.map_or(MOST, |places| places / 1000)
    }

    fn settle(&mut self, kind: u8, now: i64) {
        match kind {
            0 | 1 => {
                self.successes += 1;
                self.in_row = 0;
                self.rest_ms = if self.rest_ms <= 30_000 { 0 } else { self.rest_ms / 2 };
                self.places = self.places.map(|places| places + 1000_u32.div_ceil(places / 1000)).filter(|places| *places < MOST * 1000);
                return;
            }
            2 => self.disabled = true,
            3 | 4 => {
                if self.rests_until <= now {
                    let places = self.places.unwrap_or(MOST * 1000);
                    self.places = Some((places - places / 10 * 3).max(1000));
                }
                if kind == 3 {
                    self.rest_ms = if self.rest_ms == 0 { 30_000 } else { (self.rest_ms * 2).min(1_800_000) };
                }
                let rest = if kind == 3 { self.rest_ms } else { 3_000 };
                self.rests_until = self.rests_until.max(now + rest);
            }
            5 => {
                self.in_row += 1;
                if self.in_row == 5 {
                    self.in_row = 0;
                    self.rests_until = self.rests_until.max(now + 60_000);
                }
            }
            _ => {}
        }
        self.errors += 1;
    }
}

fn effect(kind: u8) -> KeyEffect {
    match kind {
        2 => KeyEffect::Disable,
        3 => KeyEffect::CoolForRate(None),
        4 => KeyEffect::CoolForRate(Some(Duration::from_secs(3))),
        5 => KeyEffect::CountFailure,
        _ => KeyEffect::Untouched,
    }
}

proptest! {
    /// Against the plain model, whatever happens in whatever order: exchanges under way never exceed what
    /// is allowed, a key that is disabled, withdrawn or at rest is never picked, the least busy one is,
    /// every place comes back on every path (success, failure, panic, cancellation), and the counts of
    /// all keys are the attempts.
    ///
    /// Proves P-3, R-KEY-1, R-KEY-2, R-KEY-3, R-KEY-5.
    #[test]
    fn the_pool_behaves_as_the_plain_model(acts in acts()) {
        let keys: Vec<Arc<KeyCell>> = ["a", "b", "c"].map(cell).into();
        let mut models = vec![Model::default(); KEYS];
        let turn = AtomicU32::new(0);
        let clock = ManualClock::at(Timestamp(1));
        let mut held: Vec<(Lease, usize)> = vec![];
        let mut attempts = 0;
        for act in acts {
            let now = clock.now().0;
            let which = |held: &Vec<(Lease, usize)>, i: usize| (!held.is_empty()).then(|| i % held.len().max(1));
            match act {
                Act::Take(not) => {
                    let tried: Vec<KeyId> = not.map(|i| keys[i].id.clone()).into_iter().collect();
                    let usable: Vec<usize> = (0..KEYS).filter(|i| Some(*i) != not && models[*i].usable(now)).collect();
                    let least = usable.iter().filter(|i| models[**i].free()).map(|i| models[*i].under_way).min();
                    match (pick(&keys, "m", &tried, places(MOST), &turn, Timestamp(now)), least) {
                        (Pick::Lease(lease), Some(least)) => {
                            let i = keys.iter().position(|key| key.id == lease.key().id).expect("one of them");
                            prop_assert!(usable.contains(&i) && models[i].free() && models[i].under_way == least, "{i}: {models:?}");
                            models[i].under_way += 1;
                            models[i].calls += 1;
                            attempts += 1;
                            held.push((lease, i));
                        }
                        (Pick::Busy, None) => prop_assert!(!usable.is_empty()),
                        (Pick::None(soonest), None) => {
                            let rests = models.iter().filter(|m| !m.disabled && !m.withdrawn).map(|m| m.rests_until).min();
                            prop_assert!(usable.is_empty());
                            prop_assert_eq!(soonest.map(|when| when.0), rests);
                        }
                        (pick, least) => prop_assert!(false, "{pick:?} where {least:?} was due: {models:?}"),
                    }
                }
                Act::Settle(i, kind) => if let Some(i) = which(&held, i) {
                    let (lease, key) = held.swap_remove(i);
                    models[key].under_way -= 1;
                    models[key].settle(kind, now);
                    if kind < 2 { lease.succeeded() } else { lease.failed(effect(kind), "x", &clock) }
                },
                Act::Panic(i) => if let Some(i) = which(&held, i) {
                    let (lease, key) = held.swap_remove(i);
                    models[key].under_way -= 1;
                    let unwound = catch_unwind(AssertUnwindSafe(move || {
                        let _lease = lease;
                        resume_unwind(Box::new("a job that breaks off"));
                    }));
                    prop_assert!(unwound.is_err());
                },
                Act::Cancel(i) => if let Some(i) = which(&held, i) {
                    let (lease, key) = held.swap_remove(i);
                    models[key].under_way -= 1;
                    drop(async move {
                        std::future::pending::<()>().await;
                        lease.succeeded();
                    });
                },
                Act::Withdraw(i, off) => {
                    keys[i].health.withdraw(off);
                    models[i].withdrawn = off;
                }
                Act::Revive(i) => {
                    keys[i].health.revive();
                    let m = &mut models[i];
                    (m.disabled, m.rests_until, m.rest_ms, m.in_row, m.places) = (false, 0, 0, 0, None);
                }
                Act::Wait(ms) => clock.advance_ms(ms),
            }
            for (key, model) in keys.iter().zip(&models) {
                prop_assert_eq!(key.health.in_flight(), model.under_way);
                prop_assert!(model.under_way <= MOST);
            }
        }
        drop(held);
        let stored: Vec<KeyHealth> = keys.iter().map(|key| key.health.to_record()).collect();
        for ((key, health), model) in keys.iter().zip(&stored).zip(&models) {
            prop_assert_eq!(key.health.in_flight(), 0);
            prop_assert_eq!((health.calls, health.successes, health.errors), (model.calls, model.successes, model.errors));
        }
        prop_assert_eq!(stored.iter().map(|health| health.calls).sum::<u64>(), attempts);
    }
}
