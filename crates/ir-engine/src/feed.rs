//! What happens, for those who watch: a bounded ring that every watcher reads at its own pace. A slow
//! watcher costs nothing and holds nobody up; it is told how much it missed.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// Most items of one batch.
const BATCH: usize = 64;

/// A ring of the newest items. Items are numbered from 1.
pub struct Feed<T> {
    ring: Mutex<VecDeque<T>>,
    most: usize,
    newest: watch::Sender<u64>,
}

/// What a watcher has not seen.
#[derive(Debug, PartialEq, Eq)]
pub struct Batch<T> {
    /// Items that have left the ring unseen.
    pub missed: u64,
    /// Items with their numbers, oldest first; at most 64.
    pub items: Vec<(u64, T)>,
}

impl<T: Clone> Feed<T> {
    /// An empty feed that keeps `most` items.
    pub fn new(most: usize) -> Self {
        Self { ring: Mutex::default(), most: most.max(1), newest: watch::Sender::new(0) }
    }

    /// Adds an item. Never waits for a watcher.
    pub fn push(&self, item: T) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        if ring.len() == self.most {
            ring.pop_front();
        }
        ring.push_back(item);
        self.newest.send_modify(|newest| *newest += 1);
    }

    /// The number of the newest item; 0: there was none.
    pub fn newest(&self) -> u64 {
        *self.newest.borrow()
    }

    /// The number before the oldest item that is kept: who has seen it will be given all of them.
    pub fn before_oldest(&self) -> u64 {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        self.newest() - ring.len() as u64
    }

    /// What came after the item number `seen`.
    pub fn after(&self, seen: u64) -> Batch<T> {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = *self.newest.borrow();
        let gone = newest - ring.len() as u64;
        let from = seen.min(newest).max(gone);
        let items = (from + 1..=newest).zip(ring.iter().skip(usize::try_from(from - gone).unwrap_or(usize::MAX)).cloned());
        Batch { missed: gone.saturating_sub(seen), items: items.take(BATCH).collect() }
    }

    /// Ends when there is an item after number `seen`.
    pub async fn wait(&self, seen: u64) {
        // The sender lives as long as `self`.
        let _ = self.newest.subscribe().wait_for(|newest| *newest > seen).await;
    }
}

impl<T> fmt::Debug for Feed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("newest", &*self.newest.borrow()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Proves R-DOS-7.
    #[test]
    fn a_slow_watcher_is_told_what_it_missed() {
        let feed = Feed::new(3);
        assert_eq!(feed.after(0), Batch { missed: 0, items: vec![] });
        (1..=5).for_each(|n| feed.push(n * 10));
        assert_eq!((feed.newest(), feed.before_oldest()), (5, 2));
        assert_eq!(feed.after(4), Batch { missed: 0, items: vec![(5, 50)] });
        assert_eq!(feed.after(0), Batch { missed: 2, items: vec![(3, 30), (4, 40), (5, 50)] });
        // A number of another run of the gateway.
        assert_eq!(feed.after(900), Batch { missed: 0, items: vec![] });
    }

    #[tokio::test]
    async fn waiting_ends_with_the_next_item() {
        let feed = Feed::new(3);
        feed.push(1);
        feed.wait(0).await;
        let (waited, ()) = tokio::join!(feed.wait(1), async { feed.push(2) });
        assert_eq!((waited, feed.after(1).items), ((), vec![(2, 2)]));
    }
}
