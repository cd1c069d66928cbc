//! The tables of the statistics: one row for each step of time, combination of names and bucket of
//! latencies.

mod latency;
mod tally;

use super::SqliteStore;
use super::columns::int;
use super::text::cut;
use crate::error::Result;
use crate::records::{Point, RequestRecord, Stats, Window};
use crate::repos::Statistics;
use async_trait::async_trait;
use ir_model::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use std::collections::BTreeMap;
use tally::Adding;

/// Characters of a name that are kept.
const NAME: usize = 200;
/// What requests share that are no longer kept apart.
const OTHER: &str = "(other)";
/// Groups that are told.
const GROUPS: usize = 50;
/// Buckets of time that are removed in one transaction.
const PORTION: i64 = 16;

/// One fineness of the counts.
#[derive(Clone, Copy)]
struct Step {
    /// Length in milliseconds: also its name in the database.
    length: i64,
    /// How long counts are kept, in milliseconds.
    keep: i64,
    /// Combinations that are kept apart.
    most: i64,
}

const MINUTE: Step = Step { length: 60_000, keep: 2 * DAY.length, most: 2000 };
const HOUR: Step = Step { length: 3_600_000, keep: 40 * DAY.length, most: 12_000 };
const DAY: Step = Step { length: 86_400_000, keep: 400 * 86_400_000, most: 30_000 };
const STEPS: [Step; 3] = [MINUTE, HOUR, DAY];

impl Step {
    /// Where the bucket of a moment begins.
    fn bucket(&self, moment: Timestamp) -> i64 {
        moment.0.div_euclid(self.length).saturating_mul(self.length)
    }
}

#[async_trait]
impl Statistics for SqliteStore {
    async fn stats(&self, window: Window, now: Timestamp) -> Result<Stats> {
        self.read(move |db| select(db, window, now)).await
    }

    async fn prune_stats(&self, now: Timestamp) -> Result<u64> {
        let mut total = 0;
        for step in STEPS {
            let before = step.bucket(now).saturating_sub(step.keep);
            while let Some(removed) = self.write(move |db| delete_some(db, &step, before)).await? {
                total += removed;
            }
        }
        Ok(total)
    }
}

/// One combination within one step of time: the key of a row.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Cell<'a> {
    bucket: i64,
    provider: &'a str,
    model: &'a str,
    key: &'a str,
    client: &'a str,
    latency: u8,
}

/// What is added to a row.
#[derive(Default)]
struct Counts {
    requests: i64,
    errors: i64,
    pictures: i64,
    bytes: i64,
}

/// Counts requests that are being appended.
pub(super) fn count(db: &Connection, records: &[RequestRecord]) -> Result<()> {
    for step in &STEPS {
        let mut cells: BTreeMap<Cell<'_>, Counts> = BTreeMap::new();
        for record in records {
            let counts = cells.entry(cell(step, record)).or_default();
            counts.requests += 1;
            counts.errors += i64::from(record.outcome != "ok");
            counts.pictures += i64::try_from(record.pictures.len()).unwrap_or(0);
            counts.bytes = counts.bytes.saturating_add(int(record.bytes));
        }
        for (cell, counts) in &cells {
            add(db, step, cell, counts)?;
        }
    }
    Ok(())
}

fn cell<'a>(step: &Step, record: &'a RequestRecord) -> Cell<'a> {
    let name = |text: Option<&'a str>| cut(text.unwrap_or_default(), NAME);
    let ok = record.outcome == "ok";
    // The attempt that drew, or failed last.
    let last = record.attempts.iter().rev().find(|attempt| !ok || attempt.outcome == "ok");
    Cell {
        bucket: step.bucket(record.time),
        provider: name(record.provider.as_deref()),
        model: name(record.model.as_deref()),
        key: name(last.and_then(|attempt| attempt.key.as_deref())),
        client: name(Some(&record.client)),
        latency: latency::bucket(record.duration_ms),
    }
}

fn add(db: &Connection, step: &Step, cell: &Cell<'_>, counts: &Counts) -> Result<()> {
    if update(db, step, cell, counts)? {
        return Ok(());
    }
    let mut kept = db.prepare_cached("SELECT rows FROM rollup_sizes WHERE step = ?1 AND bucket = ?2")?;
    let kept: i64 = kept.query_row((step.length, cell.bucket), |row| row.get(0)).optional()?.unwrap_or(0);
    if kept < step.most {
        return insert(db, step, cell, counts);
    }
    let other = Cell { model: OTHER, key: OTHER, client: OTHER, ..cell.clone() };
    if update(db, step, &other, counts)? { Ok(()) } else { insert(db, step, &other, counts) }
}

/// `false`: there is no such row yet.
fn update(db: &Connection, step: &Step, cell: &Cell<'_>, counts: &Counts) -> Result<bool> {
    let mut update = db.prepare_cached(
        "UPDATE rollups SET requests = requests + ?8, errors = errors + ?9, pictures = pictures + ?10, bytes = bytes + ?11
         WHERE step = ?1 AND bucket = ?2 AND provider = ?3 AND model = ?4 AND key = ?5 AND client = ?6 AND latency = ?7",
    )?;
    Ok(update.execute(values(step, cell, counts))? > 0)
}

fn insert(db: &Connection, step: &Step, cell: &Cell<'_>, counts: &Counts) -> Result<()> {
    let mut insert = db.prepare_cached(
        "INSERT INTO rollups (step, bucket, provider, model, key, client, latency, requests, errors, pictures, bytes)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    insert.execute(values(step, cell, counts))?;
    let mut size = db.prepare_cached(
        "INSERT INTO rollup_sizes (step, bucket, rows) VALUES (?1, ?2, 1) ON CONFLICT (step, bucket) DO UPDATE SET rows = rows + 1",
    )?;
    size.execute((step.length, cell.bucket))?;
    Ok(())
}

fn values<'a>(step: &Step, cell: &Cell<'a>, counts: &Counts) -> (i64, i64, &'a str, &'a str, &'a str, &'a str, u8, i64, i64, i64, i64) {
    let Cell { bucket, provider, model, key, client, latency } = cell;
    (step.length, *bucket, provider, model, key, client, *latency, counts.requests, counts.errors, counts.pictures, counts.bytes)
}

/// Removes the oldest buckets of a step that begin before `before`. `None`: there are none.
fn delete_some(db: &Connection, step: &Step, before: i64) -> Result<Option<u64>> {
    let mut oldest = db.prepare_cached("SELECT min(bucket) FROM rollup_sizes WHERE step = ?1")?;
    let oldest: Option<i64> = oldest.query_row([step.length], |row| row.get(0))?;
    let Some(oldest) = oldest.filter(|oldest| *oldest < before) else { return Ok(None) };
    let end = oldest.saturating_add(PORTION * step.length).min(before);
    db.prepare_cached("DELETE FROM rollup_sizes WHERE step = ?1 AND bucket < ?2")?.execute((step.length, end))?;
    let removed = db.prepare_cached("DELETE FROM rollups WHERE step = ?1 AND bucket < ?2")?.execute((step.length, end))?;
    Ok(Some(u64::try_from(removed).unwrap_or(0)))
}

/// Which counts a window is made of.
fn source(window: Window) -> Step {
    match window {
        Window::Hour | Window::SixHours | Window::Day => MINUTE,
        Window::Week => HOUR,
        Window::Month | Window::Quarter => DAY,
    }
}

fn select(db: &Connection, window: Window, now: Timestamp) -> Result<Stats> {
    let (step, points) = (window.step_ms(), window.points());
    let to = now.0.div_euclid(step).saturating_add(1).saturating_mul(step);
    let from = to.saturating_sub(i64::try_from(points).unwrap_or(0).saturating_mul(step));
    let mut adding = Adding::new(points);
    let mut select = db.prepare_cached(
        "SELECT bucket, latency, requests, errors, pictures, bytes, provider, model, key, client FROM rollups
         WHERE step = ?1 AND bucket >= ?2 AND bucket < ?3
         ORDER BY step, bucket, provider, model, key, client, latency",
    )?;
    let mut rows = select.query((source(window).length, from, to))?;
    while let Some(row) = rows.next()? {
        let point = (row.get::<_, i64>(0)? - from) / step;
        adding.add(row, usize::try_from(point).unwrap_or(0))?;
    }
    let (totals, series, groups) = adding.end();
    let [providers, models, keys, clients] = groups.map(|named| named.most(GROUPS));
    let times = (0..).map(|point: i64| Timestamp(from.saturating_add(point.saturating_mul(step))));
    Ok(Stats {
        from: Timestamp(from),
        to: Timestamp(to),
        step_ms: step,
        totals,
        series: times.zip(series).map(|(time, tally)| Point { time, tally }).collect(),
        providers,
        models,
        keys,
        clients,
    })
}
