//! What the statistics tell.

use ir_model::Timestamp;

/// How far back statistics look, and how finely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    /// 60 points of a minute.
    Hour,
    /// 72 points of five minutes.
    SixHours,
    /// 96 points of a quarter of an hour.
    Day,
    /// 168 points of an hour.
    Week,
    /// 30 points of a day (UTC).
    Month,
    /// 90 points of a day (UTC).
    Quarter,
}

impl Window {
    /// All windows, the shortest first.
    pub const ALL: [Self; 6] = [Self::Hour, Self::SixHours, Self::Day, Self::Week, Self::Month, Self::Quarter];

    /// What it is called, as in `24h`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::SixHours => "6h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Quarter => "90d",
        }
    }

    /// Back from its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|window| window.name() == name)
    }

    /// How long a point is, in milliseconds.
    pub const fn step_ms(self) -> i64 {
        match self {
            Self::Hour => 60_000,
            Self::SixHours => 300_000,
            Self::Day => 900_000,
            Self::Week => 3_600_000,
            Self::Month | Self::Quarter => 86_400_000,
        }
    }

    /// How many points there are. The last one is under way.
    pub const fn points(self) -> usize {
        match self {
            Self::Hour => 60,
            Self::SixHours => 72,
            Self::Day => 96,
            Self::Week => 168,
            Self::Month => 30,
            Self::Quarter => 90,
        }
    }
}

/// Requests, counted. The times are estimates from counts of how many took about how long: off by at
/// most an eighth, and 66 minutes for all that took longer. `None` where nothing was requested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests that ended.
    pub requests: u64,
    /// Those that gave no picture, whoever was to blame.
    pub errors: u64,
    /// Pictures drawn.
    pub pictures: u64,
    /// What they weigh, in bytes.
    pub bytes: u64,
    /// Half of the requests took no longer, in milliseconds.
    pub p50_ms: Option<u64>,
    /// 95 of a hundred took no longer.
    pub p95_ms: Option<u64>,
    /// 99 of a hundred took no longer.
    pub p99_ms: Option<u64>,
}

/// The requests that came within one point of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Where it begins.
    pub time: Timestamp,
    /// Its requests.
    pub tally: Tally,
}

/// The requests that share a platform, model, key or client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// What they share; `(other)` for what came after the most that is kept apart.
    pub name: String,
    /// The requests.
    pub tally: Tally,
}

/// Statistics of a window. The groups are those with the most requests, at most 50 of each; requests
/// that have no platform, model or key are in none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Where the window begins.
    pub from: Timestamp,
    /// Where its last point ends: after now.
    pub to: Timestamp,
    /// How long a point is, in milliseconds.
    pub step_ms: i64,
    /// All requests.
    pub totals: Tally,
    /// Every point, also those without requests, the oldest first.
    pub series: Vec<Point>,
    /// By the platform that drew or failed last.
    pub providers: Vec<Group>,
    /// By its model.
    pub models: Vec<Group>,
    /// By the entry of the key pool whose attempt drew or failed last.
    pub keys: Vec<Group>,
    /// By who asked.
    pub clients: Vec<Group>,
}
