//! How often somebody may ask: so many requests in any minute, counted by second.

use ir_model::{Fault, Gate, network};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The window of [`Pace`].
const WINDOW_SECS: u64 = 60;
/// Addresses that are remembered. Beyond that, those that have not asked for a minute are forgotten, and
/// new ones are counted together.
const MOST_ADDRESSES: usize = 4096;

/// Requests of the last minute, by second: never more than so many in any sixty seconds.
#[derive(Debug)]
pub(crate) struct Pace {
    by_second: [u32; WINDOW_SECS as usize],
    newest: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { by_second: [0; WINDOW_SECS as usize], newest: 0 }
    }
}

impl Pace {
    /// Counts a request at a second of a clock that never goes back; else the seconds to wait.
    pub(crate) fn take(&mut self, most: u32, second: u64) -> Result<(), u64> {
        let second = second.max(self.newest);
        if second - self.newest >= WINDOW_SECS {
            self.by_second = [0; WINDOW_SECS as usize];
        } else {
            (self.newest + 1..=second).for_each(|passed| *self.slot(passed) = 0);
        }
        self.newest = second;
        let taken: u64 = self.by_second.iter().copied().map(u64::from).sum();
        if taken < u64::from(most) {
            *self.slot(second) += 1;
            return Ok(());
        }
        // The first second whose requests fall out of the window far enough.
        let mut left = taken;
        for age in (0..WINDOW_SECS).rev() {
            let Some(then) = second.checked_sub(age) else { continue };
            left -= u64::from(*self.slot(then));
            if left < u64::from(most) {
                return Err(WINDOW_SECS - age);
            }
        }
        Err(WINDOW_SECS)
    }

    fn slot(&mut self, second: u64) -> &mut u32 {
        let at = usize::try_from(second % WINDOW_SECS).expect("below sixty");
        &mut self.by_second[at]
    }
}

/// The pace of each address: of those that bring platforms' keys, which nobody has checked, so that a caller
/// could come with another one each time; and of those that bring unknown ones.
#[derive(Debug, Default)]
pub(crate) struct Paces(Mutex<HashMap<Option<IpAddr>, Pace>>);

impl Paces {
    /// Counts a request; with `most` 0 nothing is counted.
    ///
    /// # Errors
    /// 429 with the time to wait.
    pub(crate) fn take(&self, peer: IpAddr, most: u32, second: u64) -> Result<(), Fault> {
        if most == 0 {
            return Ok(());
        }
        let mut paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut who = Some(network(peer));
        if paces.len() >= MOST_ADDRESSES && !paces.contains_key(&who) {
            paces.retain(|_, pace| second.saturating_sub(pace.newest) < WINDOW_SECS);
            if paces.len() >= MOST_ADDRESSES {
                who = None;
            }
        }
        paces.entry(who).or_default().take(most, second).map_err(|wait| too_fast("Callers at this address", "此地址的调用方", most, wait))
    }
}

pub(crate) fn too_fast(who: &str, who_zh: &str, most: u32, wait: u64) -> Fault {
    Fault::gate(
        Gate::RateLimited,
        format!("{who} may ask {most} times a minute. Try again in {wait} s."),
        format!("{who_zh}每分钟最多 {most} 次请求，请在 {wait} 秒后重试。"),
    )
    .retry_after(Some(Duration::from_secs(wait)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever the seconds at which it is asked, a minute never holds more than so many, and whoever
    /// waits as long as told is let in.
    #[test]
    fn no_minute_holds_more_than_so_many() {
        for (most, step) in [(1, 1), (3, 7), (60, 1), (5, 61), (2, 59)] {
            let mut pace = Pace::default();
            let mut let_in: Vec<u64> = Vec::new();
            let mut second = 12_345;
            for turn in 0..400 {
                match pace.take(most, second) {
                    Ok(()) => let_in.push(second),
                    Err(wait) => {
                        assert!((1..=WINDOW_SECS).contains(&wait), "{wait}");
                        assert!(pace.take(most, second + wait - 1).is_err() || wait == 1, "told to wait too long: {wait} at {second}");
                        second += wait;
                        assert_eq!(pace.take(most, second), Ok(()), "told to wait too short: {wait}");
                        let_in.push(second);
                    }
                }
                second += if turn % 3 == 0 { 0 } else { step };
            }
            for (at, first) in let_in.iter().enumerate() {
                let within = let_in[at..].iter().take_while(|later| **later < first + WINDOW_SECS).count();
                assert!(within <= most as usize, "{within} from {first} on, of {most}");
            }
        }
    }

    /// One address is held to its pace whatever it calls itself, others are not, and however many come,
    /// so many are remembered.
    ///
    /// Proves R-AUTH-5.
    #[test]
    fn relayed_requests_are_counted_by_network() {
        let relayed = Paces::default();
        let at = |text: &str| text.parse::<IpAddr>().expect("an address");
        for from in ["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"] {
            relayed.take(at(from), 3, 100).expect("within its pace");
        }
        let fault = relayed.take(at("192.0.2.1"), 3, 110).expect_err("the fourth");
        assert_eq!(fault.retry_after, Some(Duration::from_secs(50)));
        relayed.take(at("192.0.2.2"), 3, 110).expect("another one");
        for host in ["2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::3"] {
            relayed.take(at(host), 3, 110).expect("within its pace");
        }
        relayed.take(at("2001:db8::4"), 3, 110).expect_err("the same network");
        relayed.take(at("2001:db8:0:1::4"), 3, 110).expect("another network");
        relayed.take(at("192.0.2.1"), 0, 110).expect("no limit is set");
        for number in 0..2 * MOST_ADDRESSES as u32 {
            let _ = relayed.take(IpAddr::V4(number.into()), 3, 111);
        }
        let remembered = || relayed.0.lock().expect("no panic").len();
        assert!(remembered() <= MOST_ADDRESSES + 1, "{}", remembered());
        relayed.take(at("198.51.100.9"), 3, 111).expect_err("new ones are counted together");
        relayed.take(at("198.51.100.9"), 3, 171).expect("the others are forgotten");
        assert_eq!(remembered(), 1);
    }
}
