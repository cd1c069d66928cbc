//! How often an address may be wrong: guesses at a password or a key are counted, and after some the
//! address waits. Bounded: the oldest address is forgotten for a new one.

use ir_model::Timestamp;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// Wrong guesses before an address waits.
const FREE: u32 = 5;
/// The first wait in milliseconds; each further wrong guess doubles it.
const FIRST_WAIT: i64 = 15_000;
/// The longest wait in milliseconds.
const LONGEST_WAIT: i64 = 15 * 60_000;
/// After this long without a guess an address is as good as new, in milliseconds.
const FORGIVEN: i64 = 30 * 60_000;
/// Most addresses that are remembered.
const MOST: usize = 4096;

#[derive(Clone, Copy, Debug)]
struct Record {
    wrong: u32,
    last: Timestamp,
    until: Timestamp,
}

/// Wrong guesses by address. IPv6 callers count by their /64, which is what one customer has.
#[derive(Debug, Default)]
pub(crate) struct Attempts(Mutex<HashMap<IpAddr, Record>>);

impl Attempts {
    /// Whether an address may guess now.
    ///
    /// # Errors
    /// The seconds that it must wait.
    pub(crate) fn admit(&self, address: IpAddr, now: Timestamp) -> Result<(), u64> {
        let records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match records.get(&network(address)) {
            Some(record) if record.until > now => Err(record.until.since(now).div_ceil(1000).max(1)),
            Some(_) | None => Ok(()),
        }
    }

    /// Notes a wrong guess.
    pub(crate) fn wrong(&self, address: IpAddr, now: Timestamp) {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let network = network(address);
        if records.len() >= MOST && !records.contains_key(&network) {
            records.retain(|_, record| record.last.plus_ms(FORGIVEN) > now);
            if records.len() >= MOST
                && let Some(oldest) = records.iter().min_by_key(|(_, record)| record.last).map(|(address, _)| *address)
            {
                records.remove(&oldest);
            }
        }
        let record = records.entry(network).or_insert(Record { wrong: 0, last: now, until: Timestamp(0) });
        record.wrong = if record.last.plus_ms(FORGIVEN) > now { record.wrong + 1 } else { 1 };
        record.last = now;
        if record.wrong >= FREE {
            let doubled = FIRST_WAIT << (record.wrong - FREE).min(10);
            record.until = now.plus_ms(doubled.min(LONGEST_WAIT));
        }
    }

    /// Forgets what an address got wrong: it got it right.
    pub(crate) fn right(&self, address: IpAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&network(address));
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => IpAddr::V6((u128::from(v6) >> 64 << 64).into()),
        },
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_begins_after_some_guesses_and_doubles() {
        let (attempts, address) = (Attempts::default(), IpAddr::from([192, 0, 2, 1]));
        let mut now = Timestamp(1_000_000);
        for _ in 0..FREE {
            assert_eq!(attempts.admit(address, now), Ok(()));
            attempts.wrong(address, now);
        }
        assert_eq!(attempts.admit(address, now), Err(15));
        assert_eq!(attempts.admit(IpAddr::from([192, 0, 2, 2]), now), Ok(()), "others may");
        now = now.plus_ms(FIRST_WAIT);
        assert_eq!(attempts.admit(address, now), Ok(()));
        attempts.wrong(address, now);
        assert_eq!(attempts.admit(address, now), Err(30));
        attempts.right(address);
        assert_eq!(attempts.admit(address, now), Ok(()));
    }

    #[test]
    fn neighbours_of_one_network_share_their_guesses_and_memory_is_bounded() {
        let attempts = Attempts::default();
        for host in 0..u16::try_from(FREE).unwrap() {
            attempts.wrong(IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, host]), Timestamp(1));
        }
        assert!(attempts.admit(IpAddr::from([0x2001, 0xdb8, 0, 1, 9, 9, 9, 9]), Timestamp(1)).is_err());
        for network in 0..10_000_u32 {
            attempts.wrong(IpAddr::from(network.to_be_bytes()), Timestamp(2));
        }
        assert!(attempts.0.lock().unwrap().len() <= MOST);
    }
}
