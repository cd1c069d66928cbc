//! Memory and processor time of other processes, from `/proc`.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

/// How often memory is sampled, for systems that do not let the peak be reset.
const SAMPLING: Duration = Duration::from_millis(50);
/// `USER_HZ`: the unit of the times in `/proc/PID/stat`, 100 on every architecture that Linux supports today (proc(5)).
const TICKS_PER_SECOND: f64 = 100.0;

/// What processes used between start and stop.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    pub(super) rss_before: u64,
    /// The sum of the processes' peaks, which need not have coincided.
    pub(super) peak_rss: u64,
    pub(super) cpu: Duration,
}

/// An eye on some processes.
#[derive(Debug)]
pub(super) struct Watch {
    pids: Vec<u32>,
    /// Whether the kernel let the peaks be reset.
    reset: bool,
    rss_before: u64,
    cpu_before: Duration,
    sampled: Arc<AtomicU64>,
    sampler: JoinHandle<()>,
}

impl Watch {
    /// Resets the peaks and begins.
    pub(super) fn start(pids: &[u32]) -> io::Result<Self> {
        let rss_before = sum(pids, |pid| kilobytes(pid, "VmRSS:"))?;
        let cpu_before = cpu(pids)?;
        // `5` sets the peak to what is held now (proc(5), since Linux 4.0).
        let reset = pids.iter().all(|pid| {
            OpenOptions::new().write(true).open(format!("/proc/{pid}/clear_refs")).and_then(|mut file| file.write_all(b"5")).is_ok()
        });
        let sampled = Arc::new(AtomicU64::new(rss_before));
        let sampler = tokio::spawn(sample(pids.to_vec(), sampled.clone()));
        Ok(Self { pids: pids.to_vec(), reset, rss_before, cpu_before, sampled, sampler })
    }

    /// Ends and answers the usage since the start.
    pub(super) async fn stop(self) -> io::Result<Option<Usage>> {
        self.sampler.abort();
        // Its only end is that it was aborted.
        let _ = self.sampler.await;
        if self.pids.is_empty() {
            return Ok(None);
        }
        let mut peak_rss = self.sampled.load(Ordering::Relaxed);
        if self.reset {
            peak_rss = peak_rss.max(sum(&self.pids, |pid| kilobytes(pid, "VmHWM:"))?);
        }
        Ok(Some(Usage { rss_before: self.rss_before, peak_rss, cpu: cpu(&self.pids)?.saturating_sub(self.cpu_before) }))
    }
}

async fn sample(pids: Vec<u32>, sampled: Arc<AtomicU64>) {
    let mut ticks = interval(SAMPLING);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Ok(rss) = sum(&pids, |pid| kilobytes(pid, "VmRSS:")) {
            sampled.fetch_max(rss, Ordering::Relaxed);
        }
    }
}

fn sum(pids: &[u32], look: impl Fn(u32) -> io::Result<u64>) -> io::Result<u64> {
    pids.iter().map(|pid| look(*pid)).sum()
}

/// A line of `/proc/PID/status`, in bytes.
pub(crate) fn kilobytes(pid: u32, name: &str) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse::<u64>().ok());
    number.map(|kilobytes| kilobytes * 1024).ok_or_else(|| io::Error::other(format!("process {pid} has no {name}")))
}

/// User and system time of all threads of the processes.
fn cpu(pids: &[u32]) -> io::Result<Duration> {
    let ticks = sum(pids, |pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name in parentheses may hold spaces; utime and stime are fields 14 and 15, the 12th and 13th after it.
        let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        Ok(rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum())
    })?;
    Ok(Duration::from_secs_f64(ticks as f64 / TICKS_PER_SECOND))
}
