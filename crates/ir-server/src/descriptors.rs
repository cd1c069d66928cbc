//! File descriptors: as many connections as there are descriptors for what they lead to.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// For the database, the log, the listeners and the pool of connections to platforms.
const OWN: u64 = 64;
/// A connection's own, one to a platform, and one for a picture on its way.
const PER_CONNECTION: u64 = 3;
/// Fewer would serve nobody.
const LEAST: usize = 16;

/// How many connections of `wanted` there are descriptors for. Takes as many descriptors as the system allows
/// first: what a shell gives by default is often a small part of it.
pub(crate) fn affordable(wanted: usize) -> usize {
    let before = getrlimit(Resource::Nofile);
    let limit = match setrlimit(Resource::Nofile, Rlimit { current: before.maximum, maximum: before.maximum }) {
        Ok(()) => before.maximum,
        // Some systems take no limit above one of their own.
        Err(_) => before.current,
    };
    let most = share(limit).min(wanted);
    if most < wanted {
        tracing::warn!(
            connections = most,
            wanted,
            descriptors = limit,
            "the limit of open files allows fewer connections than limits.maxConnections"
        );
    }
    most
}

fn share(limit: Option<u64>) -> usize {
    let Some(limit) = limit else { return usize::MAX };
    usize::try_from(limit.saturating_sub(OWN) / PER_CONNECTION).unwrap_or(usize::MAX).max(LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_what_they_lead_to() {
        assert_eq!((share(Some(1024)), share(Some(20)), share(None)), (320, LEAST, usize::MAX));
    }
}
