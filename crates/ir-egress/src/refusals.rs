//! Destinations that were refused: counted by purpose and class, and kept for whoever writes them
//! down. Neither ever holds a request up.

use crate::rules::{Purpose, Refusal};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::sync::Notify;
use url::Url;

/// Refusals that wait to be written down; further ones are only counted.
const MOST_WAITING: usize = 256;

/// A destination that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// On whose word it would have been contacted.
    pub purpose: Purpose,
    /// The host, as the one parser reads it; empty if it reads none.
    pub host: String,
    /// Why.
    pub refusal: Refusal,
}

/// See the module's text.
#[derive(Debug, Default)]
pub struct Refusals {
    counts: [[AtomicU64; Refusal::CLASSES.len()]; Purpose::ALL.len()],
    waiting: Mutex<VecDeque<Refused>>,
    unheard: AtomicU64,
    bell: Notify,
}

impl Refusals {
    pub(crate) fn note(&self, purpose: Purpose, host: &str, refusal: Refusal) {
        let place = |known: Option<usize>| known.expect("invariant: the tables of names are complete");
        let row = place(Purpose::ALL.iter().position(|known| *known == purpose));
        let column = place(Refusal::CLASSES.iter().position(|known| *known == refusal.class()));
        self.counts[row][column].fetch_add(1, Ordering::Relaxed);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MOST_WAITING {
            waiting.push_back(Refused { purpose, host: host.chars().take(253).collect(), refusal });
        } else {
            self.unheard.fetch_add(1, Ordering::Relaxed);
        }
        self.bell.notify_one();
    }

    /// A text that was refused before it became an address.
    pub(crate) fn note_text(&self, purpose: Purpose, text: &str, refusal: Refusal) {
        let url = Url::parse(text).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
        tracing::warn!(host, purpose = purpose.name(), class = refusal.class(), "outgoing request refused: {refusal}");
        self.note(purpose, host, refusal);
    }

    /// How often each class was refused since the start, by purpose.
    pub fn counts(&self) -> Vec<(Purpose, &'static str, u64)> {
        let number = |row: usize, column: usize| self.counts[row][column].load(Ordering::Relaxed);
        let cell = |row, column| (Purpose::ALL[row], Refusal::CLASSES[column], number(row, column));
        (0..Purpose::ALL.len()).flat_map(|row| (0..Refusal::CLASSES.len()).map(move |column| cell(row, column))).collect()
    }

    /// What was refused since the last call, oldest first, and how many more there were than are
    /// kept (256). Waits until there is something.
    pub async fn heard(&self) -> (Vec<Refused>, u64) {
        loop {
            let bell = self.bell.notified();
            let waiting: Vec<Refused> = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect();
            if !waiting.is_empty() {
                return (waiting, self.unheard.swap(0, Ordering::Relaxed));
            }
            bell.await;
        }
    }
}
