//! A load generator for servers of this machine: so many callers, each on one kept connection, asking one thing after the other.

mod caller;
mod process;
mod report;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use self::report::{Report, table};

pub(crate) use self::process::kilobytes;

use self::caller::{Caller, Tally};
use self::process::Watch;

/// Most callers.
pub const MAX_CALLERS: usize = 4_096;
/// Most requests.
pub const MAX_REQUESTS: u64 = 1_000_000;
/// Longest run.
pub const MAX_TIME: Duration = Duration::from_secs(600);

/// What to send, to whom, how often.
#[derive(Clone, Debug)]
pub struct LoadPlan {
    /// What the table calls the server.
    pub label: String,
    /// What the table calls the load.
    pub scenario: String,
    /// Where to; a loopback address, `http` only.
    pub url: Uri,
    /// Bearer token.
    pub key: Option<String>,
    /// Requests under way at a time, 1 to [`MAX_CALLERS`].
    pub callers: usize,
    /// Requests in all, 1 to [`MAX_REQUESTS`].
    pub requests: u64,
    /// Requests that are sent in a second, whether earlier ones were answered or not, as long as a caller is free; `None`: each caller asks as soon
    /// as it was answered.
    pub rate: Option<f64>,
    /// Requests before the measurement begins.
    pub warm_up: u64,
    /// When to give up, at most [`MAX_TIME`]; requests not ended by then are counted as unfinished.
    pub limit: Duration,
    /// What is sent.
    pub ask: LoadAsk,
    /// Counts the pictures in the answers (costs a look at every byte).
    pub count_pictures: bool,
    /// Processes whose memory and processor time are measured.
    pub pids: Vec<u32>,
}

/// What is sent.
#[derive(Clone, Debug)]
pub enum LoadAsk {
    /// A JSON document; `{seq}` in it becomes the number of the request.
    Json(String),
    /// A form with these fields and this file as `image`.
    Upload {
        /// Text parts.
        fields: Vec<(String, String)>,
        /// A picture, shared by all callers.
        file: Bytes,
    },
}

/// Plays a plan and reports. Answers are read to their end and thrown away.
///
/// # Errors
/// `InvalidInput` when the plan leaves its bounds or its address is no loopback address; others when a process cannot be looked at.
pub async fn run(plan: LoadPlan) -> io::Result<Report> {
    let address = loopback(&plan.url)?;
    if !(1..=MAX_CALLERS).contains(&plan.callers) || !(1..=MAX_REQUESTS).contains(&plan.requests) || plan.limit > MAX_TIME {
        return Err(invalid(format!("at most {MAX_CALLERS} callers, {MAX_REQUESTS} requests, {} seconds", MAX_TIME.as_secs())));
    }
    if plan.rate.is_some() && plan.warm_up > 0 {
        return Err(invalid("a load with a rate has no warm-up".to_owned()));
    }
    let plan = Arc::new(plan);
    let deadline = Instant::now() + plan.limit;
    let sequence = Arc::new(AtomicU64::new(0));
    if plan.warm_up > 0 {
        crowd(&plan, address, &sequence, plan.warm_up, deadline).await;
    }
    let watch = Watch::start(&plan.pids)?;
    let start = Instant::now();
    let (tally, unfinished) = crowd(&plan, address, &sequence, plan.requests, deadline).await;
    let elapsed = start.elapsed();
    let usage = watch.stop().await?;
    Ok(Report::new(&plan, tally, unfinished, elapsed, usage))
}

/// Lets the callers ask `requests` times in all; answers what they saw and how many requests did not end.
async fn crowd(plan: &Arc<LoadPlan>, address: SocketAddr, sequence: &Arc<AtomicU64>, requests: u64, deadline: Instant) -> (Tally, u64) {
    let left = Arc::new(AtomicU64::new(requests));
    let begun = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..plan.callers {
        callers.spawn(Caller::new(plan.clone(), address, sequence.clone(), left.clone(), begun, deadline).work());
    }
    let mut tally = Tally::default();
    while let Some(ended) = callers.join_next().await {
        if let Ok(seen) = ended {
            tally.add(seen);
        }
    }
    let unfinished = requests.saturating_sub(tally.ended());
    (tally, unfinished)
}

/// The address to dial. Names other than `localhost` are not resolved: this tool loads no machine but its own.
fn loopback(url: &Uri) -> io::Result<SocketAddr> {
    let refused = || invalid(format!("{url} is refused: only http://127.x.x.x, http://[::1] and http://localhost are loaded"));
    if url.scheme_str() != Some("http") {
        return Err(refused());
    }
    let host = url.host().unwrap_or_default();
    let ip = match host {
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        _ => host.trim_matches(['[', ']']).parse().map_err(|_| refused())?,
    };
    if !ip.is_loopback() {
        return Err(refused());
    }
    Ok(SocketAddr::new(ip, url.port_u16().unwrap_or(80)))
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loaded() {
        for url in ["http://127.0.0.1:9", "http://localhost/x", "http://[::1]:80/", "http://127.9.9.9:1/"] {
            assert!(loopback(&url.parse().unwrap()).is_ok(), "{url}");
        }
        for url in ["https://127.0.0.1/", "http://10.0.0.1/", "http://example.com/", "http://127.0.0.1.example.com/", "/images"] {
            assert!(loopback(&url.parse().unwrap()).is_err(), "{url}");
        }
    }
}
