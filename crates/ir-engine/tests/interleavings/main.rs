//! Keys, breakers and the retry budget under a scheduler that chooses every interleaving of their
//! atomic steps: at random, and with few but unlikely switches (PCT). The modules are compiled here a second
//! time, with the scheduler's atomics in place of the machine's; the gateway itself is built without it.
//! A failure prints the schedule that `shuttle::replay` repeats. `IR_SHUTTLE_RUNS` sets how many are tried.

mod sync {
    pub(crate) use shuttle::sync::Mutex;
    pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
}

mod judge {
    pub(crate) use ir_engine::KeyEffect;
}

#[path = "../../src/breaker.rs"]
#[expect(dead_code, reason = "what is tested elsewhere")]
mod breaker;
#[path = "../../src/budget.rs"]
mod budget;
#[path = "../../src/keys.rs"]
#[expect(dead_code, unreachable_pub, reason = "what is tested elsewhere")]
mod keys;

use breaker::{Breaker, Entry};
use budget::RetryBudget;
use ir_model::{KeyId, ManualClock, Secret, Timestamp};
use ir_store::{KeyHealth, KeyRecord};
use judge::KeyEffect;
use keys::{Bounds, KeyCell, KeyHealthCell, Lease, Pick, pick};
use shuttle::thread;
use std::sync::Arc;
use std::time::Duration;
use sync::{AtomicBool, AtomicU32, Ordering};

/// Tries interleavings of a scene.
fn explore(scene: impl Fn() + Send + Sync + Clone + 'static) {
    #[expect(clippy::disallowed_methods, reason = "a longer run is asked for by the environment")]
    let runs = std::env::var("IR_SHUTTLE_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(800);
    shuttle::check_random(scene.clone(), runs);
    shuttle::check_pct(scene, runs, 3);
}

fn pool<const N: usize>() -> Arc<[Arc<KeyCell>; N]> {
    Arc::new(std::array::from_fn(|i| {
        let id = KeyId(format!("key_{i}"));
        let record = KeyRecord {
            id: id.clone(),
            platform: "NewApi".to_owned(),
            name: String::new(),
            sealed: vec![],
            fingerprint: String::new(),
            tail: String::new(),
            base_url: None,
            models: vec![],
            enabled: true,
            added: Timestamp(0),
            health: KeyHealth { id: id.clone(), ..KeyHealth::default() },
        };
        Arc::new(KeyCell {
            id,
            secret: Secret::new("s"),
            models: vec![],
            enabled: true,
            health: Arc::new(KeyHealthCell::from_record(&record)),
        })
    }))
}

fn take(keys: &[Arc<KeyCell>], turn: &AtomicU32, most: u32) -> Option<Lease> {
    match pick(keys, "m", &[], Bounds { places: most, per_minute: 0 }, turn, Timestamp(1)) {
        Pick::Lease(lease) => Some(lease),
        Pick::Busy | Pick::None(_) => None,
    }
}

/// Four requests on two keys with one place each: no place is given twice, all come back, every attempt
/// is counted once, and with a free place nobody is told that there is no usable key.
///
/// Proves P-3, R-KEY-5.
#[test]
fn no_place_is_given_twice() {
    explore(|| {
        let keys = pool::<2>();
        let turn = Arc::new(AtomicU32::new(0));
        let holders = Arc::new([AtomicU32::new(0), AtomicU32::new(0)]);
        let requests: Vec<_> = (0..4)
            .map(|n| {
                let (keys, turn, holders) = (Arc::clone(&keys), Arc::clone(&turn), Arc::clone(&holders));
                thread::spawn(move || {
                    let mut taken = 0;
                    for _ in 0..2 {
                        let lease = match pick(&*keys, "m", &[], Bounds { places: 1, per_minute: 0 }, &turn, Timestamp(1)) {
                            Pick::Lease(lease) => lease,
                            Pick::Busy => continue,
                            Pick::None(_) => panic!("both keys can be used"),
                        };
                        let at = usize::from(lease.key().id.0 == "key_1");
                        assert_eq!(holders[at].fetch_add(1, Ordering::SeqCst), 0, "two on one place");
                        taken += 1;
                        holders[at].fetch_sub(1, Ordering::SeqCst);
                        match n {
                            0 => lease.succeeded(),
                            1 => lease.failed(KeyEffect::CountFailure, "x", &ManualClock::at(Timestamp(1))),
                            _ => drop(lease),
                        }
                    }
                    taken
                })
            })
            .collect();
        let attempts: u64 = requests.into_iter().map(|request| request.join().expect("ended")).sum();
        let calls: u64 = keys.iter().map(|key| key.health.to_record().calls).sum();
        assert!(attempts >= 2 && calls == attempts, "{attempts} attempts, {calls} counted");
        assert!(keys.iter().all(|key| key.health.in_flight() == 0));
    });
}

/// Whoever knows that a key is out (disabled by its platform, at rest, switched off by the operator)
/// never gets it.
///
/// Proves P-3, R-KEY-1, F-72.
#[test]
fn a_key_that_is_out_is_never_picked() {
    for way in 0..3 {
        explore(move || {
            let keys = pool::<2>();
            let turn = Arc::new(AtomicU32::new(0));
            let out = Arc::new(AtomicBool::new(false));
            let taker = {
                let (keys, out) = (Arc::clone(&keys), Arc::clone(&out));
                let turn = Arc::clone(&turn);
                thread::spawn(move || {
                    for _ in 0..3 {
                        let known = out.load(Ordering::SeqCst);
                        let lease = take(&*keys, &turn, 4).expect("the other one can be used");
                        assert!(!(known && lease.key().id.0 == "key_0"), "a key that is out was picked");
                    }
                })
            };
            match way {
                0 => keys[0].health.withdraw(true),
                way => {
                    let lease = take(&keys[..1], &turn, 4).expect("free");
                    let effect = if way == 1 { KeyEffect::Disable } else { KeyEffect::CoolForRate(Some(Duration::from_secs(9))) };
                    lease.failed(effect, "x", &ManualClock::at(Timestamp(1)));
                }
            }
            out.store(true, Ordering::SeqCst);
            taker.join().expect("ended");
        });
    }
}

/// Rate limits and successes at the same time leave between one place and what is allowed, and successes
/// alone bring all of them back.
///
/// Proves R-KEY-5.
#[test]
fn places_stay_between_one_and_all() {
    explore(|| {
        let keys = pool::<1>();
        let turn = Arc::new(AtomicU32::new(0));
        let threads: Vec<_> = (0..3)
            .map(|n| {
                let (keys, turn) = (Arc::clone(&keys), Arc::clone(&turn));
                thread::spawn(move || {
                    let clock = ManualClock::at(Timestamp(1));
                    for _ in 0..2 {
                        let Some(lease) = take(&*keys, &turn, 3) else { return };
                        match n {
                            0 => lease.succeeded(),
                            _ => lease.failed(KeyEffect::CoolForRate(Some(Duration::ZERO)), "rate", &clock),
                        }
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().expect("ended"));
        let fits = || std::iter::from_fn(|| take(&*keys, &turn, 3)).collect::<Vec<_>>().len();
        assert!((1..=3).contains(&fits()), "{}", fits());
        (0..6).for_each(|_| take(&*keys, &turn, 3).expect("free").succeeded());
        assert_eq!((fits(), keys[0].health.in_flight()), (3, 0));
    });
}

fn open_breaker() -> Breaker {
    let breaker = Breaker::default();
    (1..=5).for_each(|now| breaker.failure(now));
    breaker
}

/// Of several requests that find the breaker ripe, one probes.
///
/// Proves P-14.
#[test]
fn one_request_probes() {
    explore(|| {
        let breaker = Arc::new(open_breaker());
        let probing = Arc::new(AtomicU32::new(0));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (breaker, probing) = (Arc::clone(&breaker), Arc::clone(&probing));
                thread::spawn(move || {
                    let entry = breaker.enter(40_000);
                    let probe = matches!(entry, Entry::Probe(_));
                    if probe {
                        assert_eq!(probing.fetch_add(1, Ordering::SeqCst), 0, "two probes at a time");
                        probing.fetch_sub(1, Ordering::SeqCst);
                    }
                    u32::from(probe)
                })
            })
            .collect();
        let probes: u32 = threads.into_iter().map(|thread| thread.join().expect("ended")).sum();
        assert!(probes >= 1, "nobody probed");
        assert!(matches!(breaker.enter(40_001), Entry::Probe(_)), "the right to probe came back");
    });
}

/// After a probe that failed nobody probes until the pause is over, not even one who was about to.
///
/// Proves P-14.
#[test]
fn a_failed_probe_is_the_last_for_a_while() {
    explore(|| {
        let breaker = Arc::new(open_breaker());
        let failed = Arc::new(AtomicBool::new(false));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (breaker, failed) = (Arc::clone(&breaker), Arc::clone(&failed));
                thread::spawn(move || {
                    let entry = breaker.enter(40_000);
                    if matches!(entry, Entry::Probe(_)) {
                        assert!(!failed.load(Ordering::SeqCst), "a probe right after one that failed");
                        breaker.failure(40_000);
                        failed.store(true, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().expect("ended"));
        assert!(matches!(breaker.enter(69_999), Entry::Last));
        assert!(matches!(breaker.enter(70_000), Entry::Probe(_)));
    });
}

/// Several who retry at once get what there is, and no more.
///
/// Proves P-4.
#[test]
fn the_budget_is_spent_once() {
    explore(|| {
        let budget = Arc::new(RetryBudget::new(1));
        (0..8).for_each(|_| assert!(budget.withdraw(1)));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let budget = Arc::clone(&budget);
                thread::spawn(move || (0..2).map(|_| u32::from(budget.withdraw(1))).sum::<u32>())
            })
            .collect();
        budget.deposit(1);
        let got: u32 = threads.into_iter().map(|thread| thread.join().expect("ended")).sum();
        assert_eq!(got, 2, "ten in all, and a fifth is none");
    });
}
