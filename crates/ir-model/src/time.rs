//! Time and randomness as parameters, so that a test can choose them.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Whole seconds since the epoch, as OpenAI's `created` wants them.
    pub fn secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// `self` plus `ms`, saturating.
    #[must_use]
    pub fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to `self`, never negative (clocks jump back).
    pub fn since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }

    /// Civil date and time in UTC: year, month, day, hour, minute, second.
    /// (Howard Hinnant's `civil_from_days`.)
    pub fn civil(self) -> (i64, u32, u32, u32, u32, u32) {
        let secs = self.secs();
        let (days, rest) = (secs.div_euclid(86_400), secs.rem_euclid(86_400));
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let day = doy - (153 * mp + 2) / 5 + 1;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = yoe + era * 400 + i64::from(month <= 2);
        let part = |v: i64| u32::try_from(v).expect("civil parts are small and not negative");
        (year, part(month), part(day), part(rest / 3600), part(rest / 60 % 60), part(rest % 60))
    }

    /// The start of the next day, `zone` hours east of UTC, when daily quotas begin anew.
    #[must_use]
    pub fn next_midnight(self, zone: i8) -> Self {
        let east = i64::from(zone) * 3_600_000;
        let day = self.0.saturating_add(east).div_euclid(86_400_000);
        Self((day + 1).saturating_mul(86_400_000) - east)
    }
}

/// Where wall-clock time comes from. Durations are measured with the runtime's own (pausable)
/// clock; this one only stamps what is stored or shown.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// Where randomness comes from.
pub trait Dice: Send + Sync {
    /// Fills the buffer with unpredictable bytes.
    fn fill(&self, out: &mut [u8]);

    /// 128 random bits as 32 hexadecimal digits.
    fn hex128(&self) -> String {
        let mut raw = [0u8; 16];
        self.fill(&mut raw);
        crate::ids::hex(&raw)
    }

    /// A number below `bound` (0 when `bound` is 0). The bias is below 2⁻³² for bounds under 2³².
    fn below(&self, bound: u64) -> u64 {
        let mut raw = [0u8; 8];
        self.fill(&mut raw);
        if bound == 0 { 0 } else { u64::from_le_bytes(raw) % bound }
    }
}

/// A clock that stands still until it is moved: for tests.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `at`.
    pub fn at(at: Timestamp) -> Self {
        Self(AtomicI64::new(at.0))
    }

    /// Moves the clock forward.
    pub fn advance_ms(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

/// Predictable dice (SplitMix64): for tests, never for names or keys.
#[derive(Debug)]
pub struct SeededDice(AtomicU64);

impl SeededDice {
    /// Dice that fall the same way for the same seed.
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Dice for SeededDice {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            let mut z = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed).wrapping_add(0x9E37_79B9_7F4A_7C15);
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            let raw = (z ^ (z >> 31)).to_le_bytes();
            chunk.copy_from_slice(&raw[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn civil_dates() {
        assert_eq!(Timestamp(0).civil(), (1970, 1, 1, 0, 0, 0));
        assert_eq!(Timestamp(951_782_399_000).civil(), (2000, 2, 28, 23, 59, 59));
        assert_eq!(Timestamp(951_782_400_000).civil(), (2000, 2, 29, 0, 0, 0));
        assert_eq!(Timestamp(1_795_388_038_000).civil(), (2026, 11, 22, 22, 53, 58));
        assert_eq!(Timestamp(-1000).civil(), (1969, 12, 31, 23, 59, 59));
    }

    #[test]
    fn midnight_is_the_next_one() {
        assert_eq!(Timestamp(0).next_midnight(0), Timestamp(86_400_000));
        assert_eq!(Timestamp(86_399_999).next_midnight(0), Timestamp(86_400_000));
        // Beijing's day begins at 16:00 UTC.
        assert_eq!(Timestamp(0).next_midnight(8), Timestamp(57_600_000));
        assert_eq!(Timestamp(57_600_000).next_midnight(8), Timestamp(57_600_000 + 86_400_000));
    }
}
