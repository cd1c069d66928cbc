//! What a simulator remembers between requests: tasks under way and files that were uploaded.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use serde_json::Value;

/// Things by name, at most a stated number; the oldest go first.
pub(crate) struct Shelf<T> {
    most: usize,
    places: Mutex<Places<T>>,
}

struct Places<T> {
    things: HashMap<String, T>,
    order: VecDeque<String>,
}

impl<T> Shelf<T> {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, places: Mutex::new(Places { things: HashMap::new(), order: VecDeque::new() }) }
    }

    /// Keeps a thing under a name that was not used before.
    pub(crate) fn put(&self, name: String, thing: T) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.order.len() == self.most
            && let Some(oldest) = places.order.pop_front()
        {
            places.things.remove(&oldest);
        }
        places.order.push_back(name.clone());
        places.things.insert(name, thing);
    }

    /// Looks at a thing, or changes it.
    pub(crate) fn look<R>(&self, name: &str, look: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).things.get_mut(name).map(look)
    }
}

impl<T> fmt::Debug for Shelf<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Shelf").field("most", &self.most).finish_non_exhaustive()
    }
}

/// A task that goes on by being asked about: no clock decides.
#[derive(Debug)]
pub(crate) struct Chore {
    /// The answers to the first question, the second, …; the last one is given ever after.
    states: Vec<Value>,
    asked: usize,
}

impl Chore {
    pub(crate) fn new(states: Vec<Value>) -> Self {
        Self { states, asked: 0 }
    }

    /// Answers the next question.
    pub(crate) fn ask(&mut self) -> Value {
        let at = self.asked.min(self.states.len().saturating_sub(1));
        self.asked += 1;
        self.states.get(at).cloned().unwrap_or_default()
    }
}

/// What one simulator keeps.
#[derive(Debug)]
pub(crate) struct Keep {
    pub(crate) chores: Shelf<Chore>,
    pub(crate) uploads: Shelf<Bytes>,
}

impl Default for Keep {
    fn default() -> Self {
        Self { chores: Shelf::new(10_000), uploads: Shelf::new(256) }
    }
}
