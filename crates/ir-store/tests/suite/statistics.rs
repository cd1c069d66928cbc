use super::CLOCK;
use super::request_log::request;
use ir_model::{Clock, Dice, SeededDice, Timestamp};
use ir_store::{AttemptNote, Group, RequestRecord, Store, Tally, Window};
use std::collections::BTreeMap;
use std::sync::Arc;

const MINUTE: i64 = 60_000;
const DAY: i64 = 1440 * MINUTE;

pub(super) async fn suite(make: &impl Fn(&str) -> Arc<dyn Store>) {
    nothing_is_told_of_nothing(make).await;
    counts_agree_with_the_records(make).await;
    too_many_combinations_share_one(make).await;
    counts_past_their_time_are_pruned(make).await;
}

async fn nothing_is_told_of_nothing(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("stats-empty");
    for window in Window::ALL {
        assert_eq!(Window::from_name(window.name()), Some(window));
        let stats = store.stats(window, CLOCK.now()).await.unwrap();
        assert_eq!(stats.totals, Tally::default());
        assert_eq!((stats.series.len(), stats.step_ms), (window.points(), window.step_ms()));
        assert_eq!(stats.series[0].time, stats.from);
        assert_eq!(stats.series[window.points() - 1].time.plus_ms(stats.step_ms), stats.to);
        assert!(stats.to > CLOCK.now() && stats.to.plus_ms(-stats.step_ms) <= CLOCK.now(), "the last point is the present one");
        assert!(stats.series.iter().all(|point| point.tally == Tally::default()));
        assert_eq!([stats.providers, stats.models, stats.keys, stats.clients], [vec![], vec![], vec![], vec![]]);
    }
    assert_eq!(Window::from_name("2h"), None);
}

/// A request of some time within the last hundred days, more of them recent.
fn random(dice: &SeededDice, now: Timestamp) -> RequestRecord {
    let name = |letter: char, most: u64| format!("{letter}{}", dice.below(dice.below(most) + 1));
    let maybe = |letter: char| (dice.below(5) > 0).then(|| name(letter, 70));
    let age = dice.below(1 << (8 + dice.below(26)));
    let attempt = || AttemptNote {
        key: maybe('k'),
        outcome: if dice.below(2) == 0 { "ok" } else { "timeout" }.to_owned(),
        ..request("", 0).attempts[0].clone()
    };
    RequestRecord {
        time: now.plus_ms(-i64::try_from(age).unwrap()),
        duration_ms: dice.below(1 << dice.below(22)).min(3_500_000),
        provider: maybe('p'),
        model: maybe('m'),
        client: name('c', 70),
        outcome: if dice.below(3) == 0 { "timeout" } else { "ok" }.to_owned(),
        pictures: (0..dice.below(4)).map(|n| n.to_string()).collect(),
        bytes: dice.below(10_000_000),
        attempts: (0..dice.below(4)).map(|_| attempt()).collect(),
        ..request("r", 0)
    }
}

/// What is told of these requests: whole numbers exactly, times to an eighth.
fn assert_tally(told: &Tally, requests: &[&RequestRecord], what: &str) {
    let sum = |number: fn(&RequestRecord) -> u64| requests.iter().map(|request| number(request)).sum::<u64>();
    let expected = Tally {
        requests: requests.len() as u64,
        errors: sum(|request| u64::from(request.outcome != "ok")),
        pictures: sum(|request| request.pictures.len() as u64),
        bytes: sum(|request| request.bytes),
        ..*told
    };
    assert_eq!(*told, expected, "{what}");
    let mut times: Vec<u64> = requests.iter().map(|request| request.duration_ms).collect();
    times.sort_unstable();
    for (percent, told) in [(50, told.p50_ms), (95, told.p95_ms), (99, told.p99_ms)] {
        let exact = (times.len() * percent).div_ceil(100).checked_sub(1).map(|place| times[place]);
        let near = match (told, exact) {
            (Some(told), Some(exact)) => told.abs_diff(exact) <= exact / 8,
            (told, exact) => told == exact,
        };
        assert!(near, "{what}: {percent} of a hundred took {exact:?}, not {told:?}");
    }
}

fn assert_groups(told: &[Group], requests: &[&RequestRecord], name: impl Fn(&RequestRecord) -> Option<String>, what: &str) {
    let mut groups: BTreeMap<String, Vec<&RequestRecord>> = BTreeMap::new();
    for request in requests {
        if let Some(name) = name(request) {
            groups.entry(name).or_default().push(request);
        }
    }
    let mut names: Vec<(usize, &String)> = groups.iter().map(|(name, requests)| (requests.len(), name)).collect();
    names.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    names.truncate(50);
    assert_eq!(told.iter().map(|group| &group.name).collect::<Vec<_>>(), names.iter().map(|(_, name)| *name).collect::<Vec<_>>(), "{what}");
    for group in told {
        assert_tally(&group.tally, &groups[&group.name], &format!("{what}, {}", group.name));
    }
}

/// The key of the attempt that drew or failed last.
fn key(request: &RequestRecord) -> Option<String> {
    let mut attempts = request.attempts.iter().rev();
    let last = if request.outcome == "ok" { attempts.find(|attempt| attempt.outcome == "ok") } else { attempts.next() };
    last.and_then(|attempt| attempt.key.clone())
}

/// Proves P-15.
/// Proves R-DUR-10.
async fn counts_agree_with_the_records(make: &impl Fn(&str) -> Arc<dyn Store>) {
    for seed in 0..10 {
        let (dice, now) = (SeededDice::new(seed), CLOCK.now().plus_ms(i64::try_from(seed).unwrap() * 7_654_321));
        let store = make(&format!("stats-{seed}"));
        let records: Vec<RequestRecord> = (0..600).map(|_| random(&dice, now)).collect();
        for some in records.chunks(usize::try_from(1 + dice.below(300)).unwrap()) {
            store.append(some.to_vec()).await.unwrap();
        }
        for window in Window::ALL {
            let what = format!("seed {seed}, {}", window.name());
            let stats = store.stats(window, now).await.unwrap();
            let within: Vec<&RequestRecord> = records.iter().filter(|r| r.time >= stats.from && r.time < stats.to).collect();
            assert_tally(&stats.totals, &within, &what);
            for point in &stats.series {
                let end = point.time.plus_ms(stats.step_ms);
                let some: Vec<_> = within.iter().copied().filter(|r| r.time >= point.time && r.time < end).collect();
                assert_tally(&point.tally, &some, &format!("{what}, at {:?}", point.time));
            }
            assert_groups(&stats.providers, &within, |r| r.provider.clone(), &format!("{what}, platforms"));
            assert_groups(&stats.models, &within, |r| r.model.clone(), &format!("{what}, models"));
            assert_groups(&stats.keys, &within, key, &format!("{what}, keys"));
            assert_groups(&stats.clients, &within, |r| Some(r.client.clone()), &format!("{what}, clients"));
        }
    }
}

async fn too_many_combinations_share_one(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("stats-many");
    let records = |from: u64, to: u64| -> Vec<RequestRecord> {
        (from..to).map(|n| RequestRecord { client: format!("c{n:05}"), attempts: vec![], ..request("r", CLOCK.now().0) }).collect()
    };
    for _ in 0..2 {
        store.append(records(0, 2000)).await.unwrap();
        store.append(records(2000, 2500)).await.unwrap();
    }
    let stats = store.stats(Window::Hour, CLOCK.now()).await.unwrap();
    assert_eq!(stats.totals.requests, 5000, "nothing is lost");
    assert_eq!((stats.clients[0].name.as_str(), stats.clients[0].tally.requests), ("(other)", 1000));
    assert_eq!((stats.clients.len(), stats.clients[49].tally.requests), (50, 2));
    assert_eq!((stats.providers[0].name.as_str(), stats.providers[0].tally.requests), ("Doubao", 5000), "platforms stay apart");
    let stats = store.stats(Window::Week, CLOCK.now()).await.unwrap();
    assert_eq!(stats.clients[0].tally.requests, 2, "an hour keeps more apart");
}

async fn counts_past_their_time_are_pruned(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("stats-prune");
    let now = CLOCK.now();
    let days = [0, 1, 3, 39, 41, 80, 401, 700];
    store.append(days.iter().map(|days| request("r", now.0 - days * DAY)).collect()).await.unwrap();
    assert_eq!(store.prune(now).await.unwrap(), 7);
    let requests = async |window: Window, now: Timestamp| store.stats(window, now).await.unwrap().totals.requests;
    let quarter = requests(Window::Quarter, now).await;
    assert_eq!(quarter, 6, "what the log has dropped is still counted");
    assert_eq!(store.prune_stats(now).await.unwrap(), 6 + 4 + 2);
    assert_eq!(store.prune_stats(now).await.unwrap(), 0);
    assert_eq!(requests(Window::Quarter, now).await, quarter);
    assert_eq!((requests(Window::Day, now.plus_ms(-DAY)).await, requests(Window::Day, now.plus_ms(-3 * DAY)).await), (1, 0));
    assert_eq!((requests(Window::Week, now.plus_ms(-39 * DAY)).await, requests(Window::Week, now.plus_ms(-45 * DAY)).await), (1, 0));
    assert_eq!(requests(Window::Quarter, now.plus_ms(-400 * DAY)).await, 0);
}
