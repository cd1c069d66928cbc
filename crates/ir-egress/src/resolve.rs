//! Names to addresses: one lookup, bounded in time, number and threads.

use crate::wire::{Phase, WireFault, WireFaultKind};
use async_trait::async_trait;
use ir_spool::is_out_of_descriptors;
use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

/// How long a lookup may take.
const RESOLVE_TIME: Duration = Duration::from_secs(5);
/// Answers that are dialled, of those that were judged.
pub(crate) const MAX_DIALLED: usize = 16;
/// Answers of one name. All of them are judged; a name that has more is not dialled.
const MAX_ANSWERS: usize = 256;
/// Lookups at once. Each holds a thread of the blocking pool until the system's resolver returns, which may be half a
/// minute after it was given up: the pool has as many threads again, and more, for files and the database.
const MAX_LOOKUPS: usize = 32;

/// Where names are looked up. Answers are judged by the connector, not here.
#[async_trait]
pub trait Resolver: Send + Sync + 'static {
    /// All addresses of a name, in the order in which they should be tried.
    ///
    /// # Errors
    /// When there is none, or the lookup failed.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's resolver (`getaddrinfo`), at most 32 lookups at once.
#[derive(Debug)]
pub struct SystemResolver {
    slots: Arc<Semaphore>,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self { slots: Arc::new(Semaphore::new(MAX_LOOKUPS)) }
    }
}

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(io::Error::other)?;
        let name = name.to_owned();
        // In a task of its own, so that a lookup that is given up keeps its slot as long as its thread.
        let lookup = tokio::spawn(async move {
            let _slot = slot;
            #[expect(clippy::disallowed_methods, reason = "this is the one place that resolves names")]
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(|error| lack_of_descriptors().unwrap_or(error))?;
            Ok(found.map(|address| address.ip()).take(MAX_ANSWERS + 1).collect())
        });
        lookup.await.map_err(io::Error::other)?
    }
}

/// The error of a process that has no descriptor left: `getaddrinfo` then says anything but that (EBUSY, glibc 2.36).
fn lack_of_descriptors() -> Option<io::Error> {
    File::open("/dev/null").err().filter(is_out_of_descriptors)
}

/// Looks a name up within the bounds.
///
/// # Errors
/// [`WireFaultKind::Resolve`], or [`Phase::Resolve`] timed out.
pub(crate) async fn resolve(resolver: &dyn Resolver, name: &str, port: u16, end: Instant) -> Result<Vec<SocketAddr>, WireFault> {
    let fault = |kind, detail: String| WireFault { kind, sent: false, detail };
    let end = end.min(Instant::now() + RESOLVE_TIME);
    let mut found = timeout_at(end, resolver.resolve(name))
        .await
        .map_err(|_| fault(WireFaultKind::Timeout(Phase::Resolve), format!("{name}: no answer from the resolver in time")))?
        .map_err(|error| {
            let kind = if is_out_of_descriptors(&error) { WireFaultKind::Exhausted } else { WireFaultKind::Resolve };
            fault(kind, format!("{name}: {error}"))
        })?;
    if found.len() > MAX_ANSWERS {
        return Err(fault(WireFaultKind::Resolve, format!("{name}: more than {MAX_ANSWERS} addresses")));
    }
    // The system's resolver repeats an address per socket type on some platforms.
    let mut seen = HashSet::with_capacity(found.len());
    found.retain(|ip| seen.insert(*ip));
    if found.is_empty() {
        return Err(fault(WireFaultKind::Resolve, format!("{name}: no addresses")));
    }
    Ok(found.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
}
