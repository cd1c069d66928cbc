//! How often an address may be wrong: guesses at a password or a key are counted, and after some the
//! address waits. Bounded: the oldest address is forgotten for a new one.

use ir_model::{Timestamp, network};
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The stretch of time that guesses are counted in, in milliseconds.
const WINDOW: i64 = 60_000;
/// Wrong passwords of an address within the window.
const PASSWORDS: usize = 5;
/// Wrong guesses of an address within the window, whatever at.
const GUESSES: usize = 20;
/// Wrong passwords of all addresses within the window.
const ALL_PASSWORDS: usize = 60;
/// Wrong guesses before an address waits longer each time.
const FREE: u32 = 8;
/// The first of these waits in milliseconds; each further wrong guess doubles it.
const FIRST_WAIT: i64 = 15_000;
/// The longest wait in milliseconds.
const LONGEST_WAIT: i64 = 15 * 60_000;
/// After this long without a guess an address is as good as new, in milliseconds.
const FORGIVEN: i64 = 30 * 60_000;
/// Most addresses that are remembered.
const MOST: usize = 4096;

/// What is guessed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guess {
    /// A password, or the token of the set-up link: in a form, and by people.
    Password,
    /// A key, in a header.
    Key,
}

#[derive(Clone, Debug)]
struct Record {
    /// The newest wrong guesses, at most [`GUESSES`].
    recent: VecDeque<(Timestamp, Guess)>,
    wrong: u32,
    last: Timestamp,
    until: Timestamp,
}

/// Wrong guesses by address. IPv6 callers count by their /64, which is what one customer has.
#[derive(Debug, Default)]
pub(crate) struct Attempts(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    by_network: HashMap<IpAddr, Record>,
    /// Wrong passwords of everybody, at most [`ALL_PASSWORDS`].
    passwords: VecDeque<Timestamp>,
}

impl Attempts {
    /// Whether an address may guess now.
    ///
    /// # Errors
    /// The seconds that it must wait.
    pub(crate) fn admit(&self, guess: Guess, address: IpAddr, now: Timestamp) -> Result<(), u64> {
        self.state().admit(guess, network(address), now)
    }

    /// Notes a wrong guess.
    pub(crate) fn wrong(&self, guess: Guess, address: IpAddr, now: Timestamp) {
        self.state().wrong(guess, network(address), now);
    }

    /// Admits a guess that takes a while to judge, and counts it as wrong until it is told to be right:
    /// however many are made at the same time, no more are judged than may be wrong.
    ///
    /// # Errors
    /// As [`Attempts::admit`].
    pub(crate) fn reserve(&self, guess: Guess, address: IpAddr, now: Timestamp) -> Result<(), u64> {
        let mut state = self.state();
        state.admit(guess, network(address), now)?;
        state.wrong(guess, network(address), now);
        Ok(())
    }

    /// Forgets what an address got wrong: it got it right. `now`: when the guess was reserved.
    pub(crate) fn right(&self, address: IpAddr, now: Timestamp) {
        let mut state = self.state();
        state.by_network.remove(&network(address));
        if let Some(at) = state.passwords.iter().rposition(|time| *time == now) {
            state.passwords.remove(at);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn admit(&self, guess: Guess, network: IpAddr, now: Timestamp) -> Result<(), u64> {
        let mut free = Timestamp(i64::MIN);
        if guess == Guess::Password {
            free = free.max(room(self.passwords.iter().copied(), ALL_PASSWORDS));
        }
        if let Some(record) = self.by_network.get(&network) {
            free = free.max(record.until).max(room(record.recent.iter().map(|(time, _)| *time), GUESSES));
            if guess == Guess::Password {
                let passwords = record.recent.iter().filter(|(_, guess)| *guess == Guess::Password);
                free = free.max(room(passwords.map(|(time, _)| *time), PASSWORDS));
            }
        }
        if free > now { Err(free.since(now).div_ceil(1000).max(1)) } else { Ok(()) }
    }

    fn wrong(&mut self, guess: Guess, network: IpAddr, now: Timestamp) {
        let records = &mut self.by_network;
        if records.len() >= MOST && !records.contains_key(&network) {
            records.retain(|_, record| record.last.plus_ms(FORGIVEN) > now);
            if records.len() >= MOST
                && let Some(oldest) = records.iter().min_by_key(|(_, record)| record.last).map(|(address, _)| *address)
            {
                records.remove(&oldest);
            }
        }
        let fresh = || Record { recent: VecDeque::new(), wrong: 0, last: now, until: Timestamp(0) };
        let record = records.entry(network).or_insert_with(fresh);
        record.wrong = if record.last.plus_ms(FORGIVEN) > now { record.wrong + 1 } else { 1 };
        record.last = now;
        push(&mut record.recent, (now, guess), GUESSES);
        if record.wrong >= FREE {
            let doubled = FIRST_WAIT << (record.wrong - FREE).min(10);
            record.until = now.plus_ms(doubled.min(LONGEST_WAIT));
        }
        if guess == Guess::Password {
            push(&mut self.passwords, now, ALL_PASSWORDS);
        }
    }
}

fn push<T>(newest: &mut VecDeque<T>, one: T, most: usize) {
    if newest.len() >= most {
        newest.pop_front();
    }
    newest.push_back(one);
}

/// From when on fewer than `most` of these times, oldest first, lie within the window.
fn room(times: impl DoubleEndedIterator<Item = Timestamp>, most: usize) -> Timestamp {
    times.rev().nth(most - 1).map_or(Timestamp(i64::MIN), |time| time.plus_ms(WINDOW))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    /// Proves R-AUTH-6.
    #[test]
    fn five_wrong_passwords_a_minute_and_the_wait_doubles() {
        let attempts = Attempts::default();
        let mut now = Timestamp(1_000_000);
        for _ in 0..PASSWORDS {
            assert_eq!(attempts.reserve(Guess::Password, HERE, now), Ok(()));
            now = now.plus_ms(1000);
        }
        assert_eq!(attempts.reserve(Guess::Password, HERE, now), Err(55));
        assert_eq!(attempts.admit(Guess::Key, HERE, now), Ok(()), "keys are another matter");
        assert_eq!(attempts.admit(Guess::Password, THERE, now), Ok(()), "others may");
        now = now.plus_ms(55_000);
        // One falls out of the minute each second; with the eighth the long waits begin.
        for _ in 0..2 {
            assert_eq!(attempts.reserve(Guess::Password, HERE, now), Ok(()));
            assert!(attempts.admit(Guess::Password, HERE, now).is_err());
            now = now.plus_ms(1000);
        }
        assert_eq!(attempts.reserve(Guess::Password, HERE, now), Ok(()));
        now = now.plus_ms(60_000);
        assert_eq!(attempts.reserve(Guess::Password, HERE, now), Ok(()));
        assert_eq!(attempts.admit(Guess::Password, HERE, now), Err(30));
        attempts.right(HERE, now);
        assert_eq!(attempts.admit(Guess::Password, HERE, now), Ok(()));
    }

    #[test]
    fn wrong_keys_make_an_address_wait_too() {
        let (attempts, now) = (Attempts::default(), Timestamp(1_000_000));
        for _ in 0..FREE {
            assert_eq!(attempts.admit(Guess::Key, HERE, now), Ok(()));
            attempts.wrong(Guess::Key, HERE, now);
        }
        assert_eq!(attempts.admit(Guess::Key, HERE, now), Err(15));
        // Patient ones reach the most of a minute only where the waits do not come first.
        let mut later = now;
        let mut within = 0;
        while later < now.plus_ms(WINDOW) {
            later = later.plus_ms(1000);
            if attempts.admit(Guess::Key, HERE, later).is_ok() {
                attempts.wrong(Guess::Key, HERE, later);
                within += 1;
            }
        }
        assert!(FREE as usize + within <= GUESSES, "{within}");
    }

    /// However many addresses guess, all of them together have so many a minute.
    #[test]
    fn all_addresses_share_a_bound() {
        let (attempts, now) = (Attempts::default(), Timestamp(1_000_000));
        let address = |n: u32| IpAddr::from((0xc633_6400 + n).to_be_bytes());
        let let_in = (0..200).filter(|n| attempts.reserve(Guess::Password, address(*n), now).is_ok()).count();
        assert_eq!(let_in, ALL_PASSWORDS);
        assert_eq!(attempts.admit(Guess::Key, THERE, now), Ok(()), "keys are not to be locked out by that");
        assert_eq!(attempts.admit(Guess::Password, THERE, now.plus_ms(WINDOW)), Ok(()));
        attempts.right(address(0), now);
        assert_eq!(attempts.admit(Guess::Password, THERE, now), Ok(()), "a right one was none of them");
    }

    #[test]
    fn neighbours_of_one_network_share_their_guesses_and_memory_is_bounded() {
        let attempts = Attempts::default();
        for host in 0..u16::try_from(FREE).unwrap() {
            attempts.wrong(Guess::Key, IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, host]), Timestamp(1));
        }
        assert!(attempts.admit(Guess::Key, IpAddr::from([0x2001, 0xdb8, 0, 1, 9, 9, 9, 9]), Timestamp(1)).is_err());
        for network in 0..10_000_u32 {
            attempts.wrong(Guess::Password, IpAddr::from(network.to_be_bytes()), Timestamp(2));
        }
        let state = attempts.0.lock().unwrap();
        assert!(state.by_network.len() <= MOST && state.passwords.len() <= ALL_PASSWORDS);
    }
}
