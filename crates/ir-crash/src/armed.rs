//! What a test asked for.

use crate::{FAULTS, POINTS};
use rustix::process::{Signal, getpid, kill_process};
use std::io;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

struct Armed {
    point: Option<String>,
    /// Passes until the end.
    left: AtomicU64,
    /// Passes count once this is there.
    after: Option<PathBuf>,
    faults: Option<PathBuf>,
    clock_ms: i64,
}

static ARMED: OnceLock<Armed> = OnceLock::new();

pub(crate) fn arm<'a>(variable: impl Fn(&str) -> Option<&'a str>) {
    ARMED.get_or_init(|| {
        let (point, left) = match variable("IR_CRASHPOINT").and_then(|text| text.rsplit_once(':')) {
            Some((name, count)) => {
                assert!(POINTS.contains(&name), "IR_CRASHPOINT: there is no point '{name}'");
                (Some(name.to_owned()), count.parse().expect("IR_CRASHPOINT: a number of passes"))
            }
            None => (None, 0),
        };
        let clock_ms = variable("IR_CRASH_CLOCK_MS").map_or(0, |text| text.parse().expect("IR_CRASH_CLOCK_MS: milliseconds"));
        let path = |name| variable(name).map(PathBuf::from);
        Armed { point, left: AtomicU64::new(left), after: path("IR_CRASH_AFTER"), faults: path("IR_CRASH_FAULTS"), clock_ms }
    });
}

pub(crate) fn point(name: &'static str) {
    debug_assert!(POINTS.contains(&name), "'{name}' is in no list of points");
    let Some(armed) = ARMED.get() else { return };
    if armed.point.as_deref() != Some(name) || armed.after.as_ref().is_some_and(|after| !after.exists()) {
        return;
    }
    if armed.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) == Ok(1) {
        kill_process(getpid(), Signal::KILL).expect("a process may end itself");
        loop {
            std::thread::park();
        }
    }
}

pub(crate) fn fault(name: &'static str) -> io::Result<()> {
    debug_assert!(FAULTS.contains(&name), "'{name}' is in no list of faults");
    match told(name).and_then(|errno| i32::try_from(errno).ok()) {
        Some(errno) => Err(io::Error::from_raw_os_error(errno)),
        None => Ok(()),
    }
}

pub(crate) fn clock_offset_ms() -> i64 {
    told("clock").unwrap_or_else(|| ARMED.get().map_or(0, |armed| armed.clock_ms))
}

/// The number behind a word in the file of faults.
fn told(word: &str) -> Option<i64> {
    let path = ARMED.get().and_then(|armed| armed.faults.as_ref())?;
    let text = std::fs::read_to_string(path).ok()?;
    let number = text.lines().filter_map(|line| line.split_once(' ')).find(|(known, _)| *known == word)?.1;
    number.trim().parse().ok()
}
