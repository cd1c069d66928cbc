//! How long the queries of the request log and the statistics take with ten million requests of 90
//! days, or with as many as the first argument says: `cargo run --release -p ir-store --example
//! ten_million`. Fills a database in a temporary folder (the second argument: where), and asks each
//! question five times.

#![expect(clippy::print_stdout, reason = "prints figures")]

use ir_model::{Dice, ManualClock, SeededDice, Timestamp};
use ir_store::{AttemptNote, RequestFilter, RequestLog, RequestRecord, SqliteStore, Statistics, Store, StoreError, Window};
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Requests of one transaction.
const BATCH: u64 = 5000;
/// 2026-11-22.
const NOW: i64 = 1_795_388_038_000;
const DAY: i64 = 86_400_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let requests: u64 = arguments.next().map_or(Ok(10_000_000), |count| count.parse())?;
    let folder = tempfile::tempdir_in(arguments.next().map_or_else(std::env::temp_dir, Into::into))?;
    let store = SqliteStore::open(folder.path(), Arc::new(ManualClock::at(Timestamp(NOW))))?;
    let (dice, began) = (SeededDice::new(1), Instant::now());
    for first in (0..requests).step_by(BATCH as usize) {
        store.append((first..(first + BATCH).min(requests)).map(|n| request(n, requests, &dice)).collect()).await?;
    }
    let took = began.elapsed();
    println!("{requests} requests appended in {took:.1?}, {:.1?} each", took / u32::try_from(requests)?);
    search(&store).await?;
    for window in Window::ALL {
        let (took, stats) = middle(|| store.stats(window, Timestamp(NOW))).await?;
        println!("statistics of {}: {} requests in {took:.1?}", window.name(), stats.totals.requests);
    }
    let began = Instant::now();
    let pruned = store.prune_stats(Timestamp(NOW)).await?;
    println!("{pruned} counts pruned in {:.1?}", began.elapsed());
    let (took, _) = middle(|| store.stats(Window::Day, Timestamp(NOW))).await?;
    println!("statistics of 24h after that in {took:.1?}");
    let mut waits = Vec::new();
    for n in 0..200 {
        let began = Instant::now();
        store.append(vec![request(requests - 1, requests, &SeededDice::new(n))]).await?;
        waits.push(began.elapsed());
    }
    waits.sort_unstable();
    println!("one request more in {:.1?}, at most {:.1?}", waits[100], waits[199]);
    store.close().await;
    let bytes = folder.path().join("img-router.db").metadata()?.len();
    println!("the database has {} MB", bytes / 1_000_000);
    Ok(())
}

async fn search(store: &SqliteStore) -> Result<(), StoreError> {
    let any = RequestFilter::default;
    let some = |text: &str| Some(text.to_owned());
    let day = |ago: i64| Some(Timestamp(NOW - ago * DAY));
    let cases = [
        ("everything", any()),
        ("those that went well", RequestFilter { ok: Some(true), ..any() }),
        ("failures", RequestFilter { ok: Some(false), ..any() }),
        ("a platform", RequestFilter { provider: some("P1"), ..any() }),
        ("a rare platform", RequestFilter { provider: some("rare"), ..any() }),
        ("no such platform", RequestFilter { provider: some("none"), ..any() }),
        ("a model", RequestFilter { model: some("m3"), ..any() }),
        ("a key", RequestFilter { key: some("k7"), ..any() }),
        ("a rare key", RequestFilter { key: some("rare"), ..any() }),
        ("a task", RequestFilter { task: some("blend"), ..any() }),
        ("a client", RequestFilter { client: some("c3"), ..any() }),
        ("an old day", RequestFilter { from: day(60), to: day(59), ..any() }),
        (
            "a platform's failures on an old day",
            RequestFilter { ok: Some(false), provider: some("P1"), from: day(60), to: day(59), ..any() },
        ),
        ("a platform and a model that never meet", RequestFilter { provider: some("P1"), model: some("m2"), ..any() }),
        ("a word", RequestFilter { text: some("word7 "), ..any() }),
        ("no such word", RequestFilter { text: some("nowhere"), ..any() }),
        ("no such word of a platform", RequestFilter { text: some("nowhere"), provider: some("P1"), ..any() }),
    ];
    for (what, filter) in cases {
        let (took, found) = middle(|| RequestLog::search(store, filter.clone(), None, 50)).await?;
        println!("{what}: {} found in {took:.1?}", found.len());
    }
    let (took, _) = middle(|| RequestLog::search(store, RequestFilter { provider: some("P1"), ..any() }, Some(1_000_000), 50)).await?;
    println!("a platform, deep: {took:.1?}");
    Ok(())
}

/// The middle time of five, and what came of it.
async fn middle<T, F: Future<Output = Result<T, StoreError>>>(work: impl Fn() -> F) -> Result<(Duration, T), StoreError> {
    let mut times = Vec::new();
    loop {
        let began = Instant::now();
        let result = work().await?;
        times.push(began.elapsed());
        if times.len() == 5 {
            times.sort_unstable();
            return Ok((times[2], result));
        }
    }
}

/// The `n`th request: five platforms with four models each, 20 keys, 10 clients, times from 2 to 60
/// seconds, three of a hundred failing; every tenth with a second attempt.
fn request(n: u64, all: u64, dice: &SeededDice) -> RequestRecord {
    let platform = dice.below(5);
    let rare = n.is_multiple_of(100_000);
    let (provider, model) = (format!("P{platform}"), format!("m{}", platform + 5 * dice.below(4)));
    let ok = dice.below(100) >= 3;
    let outcome = if ok { "ok" } else { "timeout" }.to_owned();
    let duration_ms = 2000 + dice.below(1000) * dice.below(58);
    let attempt = |outcome: &str| AttemptNote {
        provider: provider.clone(),
        model: model.clone(),
        key: Some(if rare { "rare".to_owned() } else { format!("k{}", platform * 4 + dice.below(4)) }),
        started_ms: 0,
        duration_ms,
        outcome: outcome.to_owned(),
        message: String::new(),
        next: String::new(),
    };
    let mut attempts = vec![attempt(&outcome)];
    if n.is_multiple_of(10) {
        attempts.insert(0, AttemptNote { next: "next key".to_owned(), message: "slow down".to_owned(), ..attempt("rate_limited") });
    }
    let part = i128::from(all - n) * i128::from(90 * DAY) / i128::from(all);
    RequestRecord {
        id: None,
        request_id: format!("req_{n:032x}"),
        time: Timestamp(NOW).plus_ms(-i64::try_from(part).unwrap_or(0)),
        duration_ms,
        client: format!("c{}", dice.below(10)),
        task: ["text", "text", "edit", "blend"][usize::try_from(dice.below(4)).unwrap_or(0)].to_owned(),
        asked_model: "auto".to_owned(),
        prompt: (0..12).map(|_| format!("word{} ", dice.below(1000))).collect(),
        pictures: if ok { vec![format!("20261122T225358-{n:032x}.png")] } else { vec![] },
        bytes: if ok { 1_500_000 } else { 0 },
        provider: Some(if rare { "rare".to_owned() } else { provider }),
        model: Some(model),
        outcome,
        attempts,
    }
}
