//! The optimizer's breaker. A prompt can be drawn without it, so it opens early and lets requests
//! pass untouched while the service is down: after three failures in a row, for half a minute at
//! first and up to five. Then a single request tries.

use crate::memory::Key;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

const FAILURES_IN_ROW: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

#[derive(Default)]
pub(crate) struct Fuse(Mutex<State>);

struct State {
    /// Which service it is about: another one begins anew.
    service: Key,
    failures: u32,
    open_until: Option<Instant>,
    pause: Duration,
    trying: bool,
}

impl Default for State {
    fn default() -> Self {
        Self { service: Key::default(), failures: 0, open_until: None, pause: FIRST_PAUSE, trying: false }
    }
}

/// Leave to ask the service once. Dropped without a report it says nothing of the service.
pub(crate) struct Leave<'a> {
    fuse: &'a Fuse,
    service: Key,
    trial: bool,
}

impl Fuse {
    /// Leave to ask, unless the service is left alone at present.
    pub(crate) fn enter(&self, service: Key) -> Option<Leave<'_>> {
        let mut state = self.lock();
        if state.service != service {
            *state = State { service, ..State::default() };
        }
        let trial = state.open_until.is_some();
        if state.open_until.is_some_and(|until| state.trying || Instant::now() < until) {
            return None;
        }
        state.trying = trial;
        Some(Leave { fuse: self, service, trial })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leave<'_> {
    /// Says whether the service worked.
    pub(crate) fn report(self, worked: bool) {
        let mut state = self.fuse.lock();
        if state.service != self.service {
            return;
        }
        if worked {
            *state = State { service: self.service, ..State::default() };
        } else if self.trial {
            state.pause = (state.pause * 2).min(LONGEST_PAUSE);
            state.open_until = Some(Instant::now() + state.pause);
        } else if state.open_until.is_none() {
            state.failures += 1;
            if state.failures >= FAILURES_IN_ROW {
                state.open_until = Some(Instant::now() + state.pause);
            }
        }
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if self.trial {
            let mut state = self.fuse.lock();
            if state.service == self.service {
                state.trying = false;
            }
        }
    }
}
