//! Answers kept for a while, by the hash of what was asked: bounded in number, in bytes and in age.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// What an answer is found by: SHA-256 over everything that it depends on.
pub(crate) type Key = [u8; 32];

/// A bounded memory. When it is full, what was not used for longest is forgotten.
pub(crate) struct Memory {
    shelf: Mutex<Shelf>,
    most_entries: usize,
    most_bytes: usize,
    lifetime: Duration,
}

#[derive(Default)]
struct Shelf {
    kept: HashMap<Key, Kept>,
    bytes: usize,
    /// Counts uses, so that their order is known.
    uses: u64,
}

struct Kept {
    text: String,
    born: Instant,
    used: u64,
}

impl Memory {
    pub(crate) fn new(most_entries: usize, most_bytes: usize, lifetime: Duration) -> Self {
        Self { shelf: Mutex::default(), most_entries, most_bytes, lifetime }
    }

    /// What is known, if it is young enough.
    pub(crate) fn get(&self, key: &Key) -> Option<String> {
        let mut shelf = self.lock();
        shelf.uses += 1;
        let uses = shelf.uses;
        let kept = shelf.kept.get_mut(key)?;
        if kept.born.elapsed() >= self.lifetime {
            shelf.forget(key);
            return None;
        }
        kept.used = uses;
        Some(kept.text.clone())
    }

    /// Keeps an answer. One that is larger than the whole memory is not kept.
    pub(crate) fn put(&self, key: Key, text: String) {
        if text.len() > self.most_bytes {
            return;
        }
        let mut shelf = self.lock();
        shelf.forget(&key);
        shelf.uses += 1;
        let used = shelf.uses;
        shelf.bytes += text.len();
        shelf.kept.insert(key, Kept { text, born: Instant::now(), used });
        while shelf.kept.len() > self.most_entries || shelf.bytes > self.most_bytes {
            let Some(oldest) = shelf.kept.iter().min_by_key(|(_, kept)| kept.used).map(|(key, _)| *key) else { return };
            shelf.forget(&oldest);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    fn forget(&mut self, key: &Key) {
        if let Some(kept) = self.kept.remove(key) {
            self.bytes -= kept.text.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> Key {
        [n; 32]
    }

    #[tokio::test(start_paused = true)]
    async fn forgets_what_is_old_and_what_was_not_used() {
        let memory = Memory::new(2, 10, Duration::from_secs(60));
        memory.put(key(1), "one".to_owned());
        memory.put(key(2), "two".to_owned());
        assert_eq!(memory.get(&key(1)).as_deref(), Some("one"));
        memory.put(key(3), "three".to_owned());
        assert_eq!(memory.get(&key(2)), None, "the third entry took the place of the one not used");
        assert_eq!(memory.get(&key(1)).as_deref(), Some("one"));
        memory.put(key(4), "12345678".to_owned());
        assert_eq!((memory.get(&key(1)), memory.get(&key(3))), (None, None), "its bytes took the place of both");
        memory.put(key(5), "more than ten bytes".to_owned());
        assert_eq!(memory.get(&key(5)), None);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(memory.get(&key(4)), None);
        assert_eq!(memory.lock().bytes, 0);
    }
}
