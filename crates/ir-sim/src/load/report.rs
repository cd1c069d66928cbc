//! What a run showed, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::LoadPlan;
use super::caller::Tally;
use super::process::Usage;

/// The result of a run. Times in milliseconds, sizes in bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The server, as the plan calls it.
    pub label: String,
    /// The load, as the plan calls it.
    pub scenario: String,
    /// Requests under way at a time.
    pub callers: usize,
    /// Requests that ended, well or badly.
    pub requests: u64,
    /// Of these, those without a status of 2xx or without a whole answer.
    pub errors: u64,
    /// Requests that did not end in time or were never sent.
    pub unfinished: u64,
    /// Whole answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Failures below HTTP by kind.
    pub failures: BTreeMap<String, u64>,
    /// Length of the run in seconds.
    pub seconds: f64,
    /// Good answers per second.
    pub requests_per_second: f64,
    /// Bytes of the answers' bodies.
    pub bytes: u64,
    /// 10^6 bytes of the answers' bodies per second.
    pub mb_per_second: f64,
    /// Pictures in the answers, if they were counted.
    pub pictures: Option<u64>,
    /// To the last byte, over whole answers.
    pub latency_ms: Latency,
    /// 99 % of 429 and 503 came within this time; `None`: there were none.
    #[serde(default)]
    pub refused_p99_ms: Option<f64>,
    /// Median to the head.
    pub first_byte_p50_ms: f64,
    /// Memory of the watched processes before the run.
    pub rss_before: Option<u64>,
    /// Their peak during the run.
    pub peak_rss: Option<u64>,
    /// Their processor time per request that ended.
    pub cpu_ms_per_request: Option<f64>,
}

/// Percentiles in milliseconds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Latency {
    /// Half were faster.
    pub p50: f64,
    /// 95 % were faster.
    pub p95: f64,
    /// 99 % were faster.
    pub p99: f64,
    /// The slowest.
    pub max: f64,
}

impl Report {
    pub(super) fn new(plan: &LoadPlan, mut tally: Tally, unfinished: u64, elapsed: Duration, usage: Option<Usage>) -> Self {
        let good: u64 = tally.statuses.iter().filter(|(status, _)| (200..300).contains(*status)).map(|(_, count)| count).sum();
        let (requests, seconds) = (tally.ended(), elapsed.as_secs_f64().max(1e-6));
        tally.latencies.sort_unstable();
        tally.first_bytes.sort_unstable();
        tally.refusals.sort_unstable();
        let at = |share| percentile(&tally.latencies, share);
        Self {
            label: plan.label.clone(),
            scenario: plan.scenario.clone(),
            callers: plan.callers,
            requests,
            errors: requests - good,
            unfinished,
            seconds,
            requests_per_second: good as f64 / seconds,
            bytes: tally.bytes,
            mb_per_second: tally.bytes as f64 / 1e6 / seconds,
            pictures: plan.count_pictures.then_some(tally.pictures),
            latency_ms: Latency { p50: at(0.50), p95: at(0.95), p99: at(0.99), max: at(1.0) },
            refused_p99_ms: (!tally.refusals.is_empty()).then(|| percentile(&tally.refusals, 0.99)),
            first_byte_p50_ms: percentile(&tally.first_bytes, 0.50),
            rss_before: usage.map(|usage| usage.rss_before),
            peak_rss: usage.map(|usage| usage.peak_rss),
            cpu_ms_per_request: usage.map(|usage| usage.cpu.as_secs_f64() * 1e3 / requests.max(1) as f64),
            statuses: tally.statuses,
            failures: tally.failures,
        }
    }
}

/// Of sorted microseconds, the smallest that a share of all does not exceed, in milliseconds.
fn percentile(sorted: &[u64], share: f64) -> f64 {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.max(1) - 1).map_or(0.0, |micros| *micros as f64 / 1e3)
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Latency { p50, p95, p99, max } = self.latency_ms;
        writeln!(out, "requests      {} ({} errors, {} unfinished) in {:.2} s", self.requests, self.errors, self.unfinished, self.seconds)?;
        writeln!(out, "statuses      {:?} {:?}", self.statuses, self.failures)?;
        writeln!(out, "throughput    {:.1} requests/s, {:.1} MB/s", self.requests_per_second, self.mb_per_second)?;
        writeln!(
            out,
            "latency ms    p50 {p50:.2}  p95 {p95:.2}  p99 {p99:.2}  max {max:.2}  first byte p50 {:.2}",
            self.first_byte_p50_ms
        )?;
        if let Some(refused) = self.refused_p99_ms {
            writeln!(out, "refusals ms   p99 {refused:.2}")?;
        }
        if let Some(pictures) = self.pictures {
            writeln!(out, "pictures      {pictures}")?;
        }
        if let (Some(before), Some(peak), Some(cpu)) = (self.rss_before, self.peak_rss, self.cpu_ms_per_request) {
            writeln!(out, "process       RSS {:.1} MB before, {:.1} MB peak, {cpu:.3} CPU ms per request", mega(before), mega(peak))?;
        }
        Ok(())
    }
}

fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// A Markdown table of reports, grouped by scenario in order of appearance. Added latency is the median's distance from the one of the label
/// `direct` in the same scenario.
#[must_use]
pub fn table(reports: &[Report]) -> String {
    let mut text = String::from(
        "| load | server | requests | errors | requests/s | MB/s | p50 ms | p99 ms | added p50 ms | peak RSS MB | CPU ms/request |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    let mut scenarios: Vec<&str> = Vec::new();
    for report in reports {
        if !scenarios.contains(&report.scenario.as_str()) {
            scenarios.push(&report.scenario);
        }
    }
    for scenario in scenarios {
        let of_scenario = || reports.iter().filter(|report| report.scenario == scenario);
        let direct = of_scenario().find(|report| report.label == "direct").map(|report| report.latency_ms.p50);
        for report in of_scenario() {
            let added =
                direct.filter(|_| report.label != "direct").map_or_else(dash, |direct| format!("{:+.2}", report.latency_ms.p50 - direct));
            let peak = report.peak_rss.map_or_else(dash, |peak| format!("{:.1}", mega(peak)));
            let cpu = report.cpu_ms_per_request.map_or_else(dash, |cpu| format!("{cpu:.3}"));
            let (rate, volume, latency, label) = (report.requests_per_second, report.mb_per_second, report.latency_ms, &report.label);
            let (requests, errors) = (report.requests, report.errors);
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "| {scenario} | {label} | {requests} | {errors} | {rate:.1} | {volume:.1} | {:.2} | {:.2} | {added} | {peak} | {cpu} |",
                latency.p50, latency.p99
            );
        }
    }
    text
}

fn dash() -> String {
    "–".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let sorted: Vec<u64> = (1..=100).map(|ms| ms * 1_000).collect();
        assert_eq!((percentile(&sorted, 0.5), percentile(&sorted, 0.99), percentile(&sorted, 1.0)), (50.0, 99.0, 100.0));
        assert_eq!((percentile(&[7_000], 0.01), percentile(&[], 0.5)), (7.0, 0.0));
    }
}
