//! The atomics and locks of keys, breakers and the retry budget. The tests of interleavings
//! (`tests/interleavings`) compile those modules a second time with a scheduler's own in place of
//! these, so nothing here is chosen by a feature.

pub(crate) use std::sync::Mutex;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
