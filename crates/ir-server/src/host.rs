//! The machine's own clock and randomness: the only real ones, handed in from here.

use ir_model::{Clock, Dice, Timestamp};

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is handed")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX).saturating_add(ir_crash::clock_offset_ms()))
    }
}

/// The operating system's random bytes.
#[derive(Debug, Default, Clone, Copy)]
pub struct OsDice;

impl Dice for OsDice {
    fn fill(&self, out: &mut [u8]) {
        getrandom::fill(out).expect("the operating system gives random bytes; without them no name is safe");
    }
}
