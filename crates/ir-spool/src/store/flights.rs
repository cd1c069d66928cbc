//! One flight per name: whoever asks for what is being made waits for it instead of making it too.

use crate::error::SpoolError;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

/// Most names in flight at once; more callers are turned away.
const NAMES: usize = 1024;

/// Longest wait for a turn.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Names in flight, each with the number of those who hold or await its turn.
#[derive(Default)]
pub(super) struct Flights(Arc<Mutex<Turns>>);

type Turns = HashMap<String, (usize, Arc<Turn<()>>)>;

/// The turn for one name. Given up when dropped, on whatever thread.
pub(super) struct Flight {
    _turn: OwnedMutexGuard<()>,
    _seat: Seat,
}

struct Seat {
    turns: Arc<Mutex<Turns>>,
    name: String,
}

impl Flights {
    /// Waits for the turn for `name`.
    ///
    /// # Errors
    /// [`SpoolError::Full`] when too many names are in flight; `TimedOut` after 30 s.
    pub(super) async fn board(&self, name: &str) -> Result<Flight, SpoolError> {
        let (turn, seat) = self.sit(name)?;
        let turn = tokio::time::timeout(PATIENCE, turn.lock_owned()).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
        Ok(Flight { _turn: turn, _seat: seat })
    }

    fn sit(&self, name: &str) -> Result<(Arc<Turn<()>>, Seat), SpoolError> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.len() >= NAMES && !turns.contains_key(name) {
            return Err(SpoolError::Full);
        }
        let (count, turn) = turns.entry(name.to_owned()).or_default();
        *count += 1;
        Ok((Arc::clone(turn), Seat { turns: Arc::clone(&self.0), name: name.to_owned() }))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((count, _)) = turns.get_mut(&self.name) {
            *count -= 1;
            if *count == 0 {
                turns.remove(&self.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_at_a_time_and_nothing_left_behind() {
        let flights = Flights::default();
        let first = flights.board("a").await.unwrap();
        assert!(flights.board("b").await.is_ok(), "another name does not wait");
        let late = flights.board("a").await;
        assert!(matches!(late, Err(SpoolError::Io(ref error)) if error.kind() == io::ErrorKind::TimedOut));
        drop(first);
        assert!(flights.board("a").await.is_ok());
        assert!(flights.0.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn names_are_bounded() {
        let flights = Flights::default();
        let mut held = Vec::new();
        for i in 0..NAMES {
            held.push(flights.board(&i.to_string()).await.unwrap());
        }
        assert!(matches!(flights.board("one more").await, Err(SpoolError::Full)));
        held.clear();
        assert!(flights.board("one more").await.is_ok());
    }
}
