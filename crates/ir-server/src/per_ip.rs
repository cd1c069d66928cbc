//! Connections by address. IPv6 callers count by their /64, which is what one customer has.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

/// How many are there from where.
#[derive(Debug)]
pub(crate) struct PerIp {
    most: usize,
    counts: Mutex<HashMap<IpAddr, usize>>,
}

/// One of them; dropped when it leaves.
pub(crate) struct Guest {
    per_ip: Arc<PerIp>,
    ip: IpAddr,
}

impl PerIp {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, counts: Mutex::default() })
    }

    /// `None`: there are as many as there may be.
    pub(crate) fn enter(self: &Arc<Self>, ip: IpAddr) -> Option<Guest> {
        let ip = match ip {
            IpAddr::V6(v6) if v6.to_ipv4_mapped().is_none() => {
                let s = v6.segments();
                IpAddr::V6([s[0], s[1], s[2], s[3], 0, 0, 0, 0].into())
            }
            other => other.to_canonical(),
        };
        let mut counts = self.counts.lock().expect("no panic while held");
        let count = counts.entry(ip).or_insert(0);
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Guest { per_ip: Arc::clone(self), ip })
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut counts = self.per_ip.counts.lock().expect("no panic while held");
        if let Some(count) = counts.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.ip);
            }
        }
    }
}
