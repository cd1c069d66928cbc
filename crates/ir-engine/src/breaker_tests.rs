use crate::breaker::*;
use proptest::prelude::*;

#[test]
fn opens_after_five_in_a_row_and_closes_by_a_probe() {
    let b = Breaker::default();
    for t in 1..5 {
        b.failure(t);
        assert!(!b.is_open());
    }
    b.failure(5);
    assert_eq!((b.is_open(), b.admission(6)), (true, Admission::Last));
    assert!(matches!(b.enter(29_000), Entry::Last));
    assert_eq!(b.admission(30_005), Admission::Usual);
    let probe = b.enter(30_005);
    assert!(matches!(probe, Entry::Probe(_)), "the first one is the probe");
    assert!(matches!(b.enter(30_006), Entry::Last), "and the only one");
    assert_eq!(b.admission(30_006), Admission::Last);
    b.alive(30_100);
    assert_eq!((b.is_open(), b.admission(30_101)), (false, Admission::Usual));
}

#[test]
fn a_failed_probe_opens_anew() {
    let b = Breaker::default();
    (1..=5).for_each(|t| b.failure(t));
    let probe = b.enter(30_005);
    assert!(matches!(probe, Entry::Probe(_)));
    b.failure(31_000);
    drop(probe);
    assert!(matches!(b.enter(60_999), Entry::Last));
    let probe = b.enter(61_000);
    assert!(matches!(probe, Entry::Probe(_)));
    drop(probe);
    assert!(matches!(b.enter(61_001), Entry::Probe(_)), "a probe that proved nothing is given back");
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

#[derive(Debug, Clone)]
enum Act {
    /// A request turns to the upstream.
    Enter,
    /// One of those that did fails.
    Fail(usize),
    /// One of them shows that it works.
    Live(usize),
    /// One of them ends without saying anything, on whatever path.
    End(usize),
    /// Time passes.
    Wait(u64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        5 => Just(Act::Enter),
        4 => any::<usize>().prop_map(Act::Fail),
        1 => any::<usize>().prop_map(Act::Live),
        2 => any::<usize>().prop_map(Act::End),
        3 => prop_oneof![1..2_000u64, 9_000..31_000u64].prop_map(Act::Wait),
    ];
    proptest::collection::vec(act, 1..150)
}

/// The breaker told plainly: all outcomes with their times, and who probes.
#[derive(Default)]
struct Model {
    outcomes: Vec<(u64, bool)>,
    in_row: u32,
    opened: Option<u64>,
}

impl Model {
    /// Half of at least twenty in the running and the five ten-second stretches before.
    fn half(&self, now: u64) -> bool {
        let recent: Vec<bool> = self.outcomes.iter().filter(|(at, _)| now / 10_000 - at / 10_000 < 6).map(|(_, failed)| *failed).collect();
        recent.len() >= 20 && recent.iter().filter(|failed| **failed).count() * 2 >= recent.len()
    }

    fn fail(&mut self, now: u64) {
        self.outcomes.push((now, true));
        self.in_row += 1;
        if self.in_row >= 5 || self.half(now) || self.opened.is_some() {
            self.opened = Some(now);
        }
    }

    fn live(&mut self, now: u64) {
        self.outcomes.push((now, false));
        *self = Self { outcomes: std::mem::take(&mut self.outcomes), ..Self::default() };
    }
}

proptest! {
    /// Against the plain model: when it is open, that one request at a time probes, and that an upstream
    /// that has become healthy is used again half a minute after its last failure at the latest, by one
    /// probe.
    ///
    /// Proves P-14.
    #[test]
    fn it_behaves_as_the_plain_model(acts in acts()) {
        let breaker = Breaker::default();
        let mut model = Model::default();
        let mut entered: Vec<(Entry<'_>, u64)> = Vec::new();
        // Probes of an earlier time are none any more once the upstream has shown that it works.
        let (mut now, mut era) = (1u64, 0u64);
        for act in acts {
            match act {
                Act::Enter => {
                    let probing = entered.iter().any(|(entry, of)| *of == era && matches!(entry, Entry::Probe(_)));
                    let ripe = model.opened.is_some_and(|at| now - at >= 30_000);
                    let entry = breaker.enter(now);
                    let expected = match (model.opened, ripe && !probing) {
                        (None, _) => matches!(entry, Entry::Usual),
                        (Some(_), true) => matches!(entry, Entry::Probe(_)),
                        (Some(_), false) => matches!(entry, Entry::Last),
                    };
                    prop_assert!(expected, "{entry:?}, opened {:?}, now {now}, probing {probing}", model.opened);
                    entered.push((entry, era));
                }
                Act::Fail(i) if !entered.is_empty() => {
                    let i = i % entered.len();
                    breaker.failure(now);
                    model.fail(now);
                    entered.swap_remove(i);
                }
                Act::Live(i) if !entered.is_empty() => {
                    let i = i % entered.len();
                    breaker.alive(now);
                    model.live(now);
                    era += 1;
                    entered.swap_remove(i);
                }
                Act::End(i) if !entered.is_empty() => {
                    let i = i % entered.len();
                    entered.swap_remove(i);
                }
                Act::Fail(_) | Act::Live(_) | Act::End(_) => {}
                Act::Wait(ms) => now += ms,
            }
            prop_assert_eq!(breaker.is_open(), model.opened.is_some());
        }
        // Healthy from here on: nothing fails any more.
        entered.clear();
        now += 30_000;
        let entry = breaker.enter(now);
        prop_assert!(!matches!(entry, Entry::Last), "not used again in time");
        prop_assert_eq!(breaker.admission(now) == Admission::Usual, !matches!(entry, Entry::Probe(_)));
        breaker.alive(now);
        drop(entry);
        prop_assert!(!breaker.is_open() && matches!(breaker.enter(now), Entry::Usual));
    }
}
