//! Adding rows up: in all, by point, by name. Rows come in the order of their key, so those that differ
//! only in latency follow each other: they are gathered, and added to their names' sums together.

use super::latency::percentile;
use crate::records::{Group, Tally};
use rusqlite::Row;
use std::cmp::Reverse;
use std::collections::HashMap;

/// Columns of the names: platform, model, key, client.
const NAMES: [usize; 4] = [6, 7, 8, 9];

/// A sum of rows.
#[derive(Clone, Default)]
struct Sums {
    requests: u64,
    errors: u64,
    pictures: u64,
    bytes: u64,
    /// Requests by bucket of latency, in the order of buckets; no more of them than rows.
    latencies: Vec<(u8, u64)>,
}

impl Sums {
    fn clear(&mut self) {
        self.latencies.clear();
        *self = Self { latencies: std::mem::take(&mut self.latencies), ..Self::default() };
    }

    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.pictures += other.pictures;
        self.bytes = self.bytes.saturating_add(other.bytes);
        // Both are in order, so each place is looked for from the one before.
        let mut place = 0;
        for (bucket, requests) in &other.latencies {
            while self.latencies.get(place).is_some_and(|(known, _)| known < bucket) {
                place += 1;
            }
            match self.latencies.get_mut(place) {
                Some((known, sum)) if known == bucket => *sum += requests,
                Some(_) | None => self.latencies.insert(place, (*bucket, *requests)),
            }
        }
    }

    fn tally(&self) -> Tally {
        Tally {
            requests: self.requests,
            errors: self.errors,
            pictures: self.pictures,
            bytes: self.bytes,
            p50_ms: percentile(&self.latencies, 50),
            p95_ms: percentile(&self.latencies, 95),
            p99_ms: percentile(&self.latencies, 99),
        }
    }
}

/// Sums by name.
#[derive(Default)]
pub(super) struct Named {
    places: HashMap<String, usize>,
    sums: Vec<(String, Sums)>,
}

impl Named {
    /// Adds to a name's sum; without a name to none.
    fn add(&mut self, name: &str, sums: &Sums) {
        if name.is_empty() {
            return;
        }
        let place = match self.places.get(name) {
            Some(place) => *place,
            None => {
                self.places.insert(name.to_owned(), self.sums.len());
                self.sums.push((name.to_owned(), Sums::default()));
                self.sums.len() - 1
            }
        };
        self.sums[place].1.add(sums);
    }

    /// Those with the most requests, these first.
    pub(super) fn most(mut self, most: usize) -> Vec<Group> {
        self.sums.sort_unstable_by(|(a, x), (b, y)| (Reverse(x.requests), a).cmp(&(Reverse(y.requests), b)));
        self.sums.truncate(most);
        self.sums.into_iter().map(|(name, sums)| Group { name, tally: sums.tally() }).collect()
    }
}

/// Adds rows up.
pub(super) struct Adding {
    series: Vec<Sums>,
    named: [Named; 4],
    /// The rows gathered: their point, their names, their sum.
    point: usize,
    names: [String; 4],
    gathered: Sums,
}

impl Adding {
    pub(super) fn new(points: usize) -> Self {
        Self {
            series: vec![Sums::default(); points],
            named: Default::default(),
            point: 0,
            names: Default::default(),
            gathered: Sums::default(),
        }
    }

    /// Adds a row: after its bucket of time come latency, requests, errors, pictures, bytes, and the
    /// names.
    pub(super) fn add(&mut self, row: &Row<'_>, point: usize) -> rusqlite::Result<()> {
        let latency: u8 = row.get(1)?;
        // The same names in the next bucket of time begin with a smaller latency, or are another point.
        let mut same = point == self.point && self.gathered.latencies.last().is_some_and(|(last, _)| *last < latency);
        for (column, name) in NAMES.into_iter().zip(&self.names) {
            same = same && row.get_ref(column)?.as_bytes()? == name.as_bytes();
        }
        if !same {
            self.flush();
            self.point = point;
            for (column, name) in NAMES.into_iter().zip(&mut self.names) {
                row.get_ref(column)?.as_str()?.clone_into(name);
            }
        }
        let count = |column: usize| Ok::<_, rusqlite::Error>(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0));
        let (requests, gathered) = (count(2)?, &mut self.gathered);
        gathered.requests += requests;
        gathered.errors += count(3)?;
        gathered.pictures += count(4)?;
        gathered.bytes = gathered.bytes.saturating_add(count(5)?);
        gathered.latencies.push((latency, requests));
        Ok(())
    }

    fn flush(&mut self) {
        if let Some(sums) = self.series.get_mut(self.point) {
            sums.add(&self.gathered);
        }
        for (named, name) in self.named.iter_mut().zip(&self.names) {
            named.add(name, &self.gathered);
        }
        self.gathered.clear();
    }

    /// What there is in all, by point and by name.
    pub(super) fn end(mut self) -> (Tally, Vec<Tally>, [Named; 4]) {
        self.flush();
        let mut totals = Sums::default();
        self.series.iter().for_each(|sums| totals.add(sums));
        (totals.tally(), self.series.iter().map(Sums::tally).collect(), self.named)
    }
}
