//! Places in the code at which tests end the process, or let the disk fail.
//!
//! Without the feature `crashpoints` every function here is empty and nothing of it is left in the
//! program. With it, a process that was started with
//!
//! - `IR_CRASHPOINT=name:k` kills itself (SIGKILL) when it passes the point the k-th time; with
//!   `IR_CRASH_AFTER=path` passes count once that file is there;
//! - `IR_CRASH_FAULTS=path` reads that file whenever it passes a fault's place: a line `name errno`
//!   makes the place fail with that error, for as long as the line stands there, and a line `clock n`
//!   has the same effect as the next variable;
//! - `IR_CRASH_CLOCK_MS=n` has a clock that is n milliseconds ahead (or behind).
//!
//! The tests of the real binary walk over [`POINTS`] and [`FAULTS`]; a name that stands in the code
//! and not here, or the other way round, fails `tidy.rs`.

#[cfg(feature = "crashpoints")]
mod armed;

use std::io;

/// Every point, in the order of a request, of its copy, of its removal, of the operator's changes, and
/// of a start.
pub const POINTS: &[&str] = &[
    "claim.opening",
    "claim.opened",
    "attempt.journaled",
    "body.frame",
    "reply.chunk",
    "spool.appended",
    "exchange.answered",
    "ticket.received",
    "ticket.stored",
    "keep.written",
    "keep.synced",
    "keep.told",
    "keep.renamed",
    "picture.kept",
    "picture.listed",
    "claim.closing",
    "claim.closed",
    "outbox.begun",
    "outbox.told",
    "outbox.put",
    "outbox.deleted",
    "removal.hidden",
    "removal.final",
    "removal.unlinked",
    "removal.files",
    "file.flushed",
    "file.placed",
    "store.commit",
    "store.committed",
    "store.tidy",
    "migration.copied",
    "migration.named",
    "migration.run",
    "migration.done",
    "recover.marked",
    "recover.listed",
    "recover.cleared",
    "claim.settling",
    "resume.asking",
];

/// Every place that can fail.
pub const FAULTS: &[&str] = &["spool.write", "keep.write", "keep.fsync", "keep.rename", "store.commit", "file.write", "disk.free"];

/// Passes a point.
#[inline]
pub fn point(name: &'static str) {
    #[cfg(feature = "crashpoints")]
    armed::point(name);
    #[cfg(not(feature = "crashpoints"))]
    let _ = name;
}

/// Passes a place that can fail.
///
/// # Errors
/// What a test wants.
#[inline]
pub fn fault(name: &'static str) -> io::Result<()> {
    #[cfg(feature = "crashpoints")]
    return armed::fault(name);
    #[cfg(not(feature = "crashpoints"))]
    {
        let _ = name;
        Ok(())
    }
}

/// How far the clock is ahead of the machine's.
#[inline]
pub fn clock_offset_ms() -> i64 {
    #[cfg(feature = "crashpoints")]
    return armed::clock_offset_ms();
    #[cfg(not(feature = "crashpoints"))]
    0
}

/// Takes what the environment says, by `variable`. The first time counts.
pub fn arm<'a>(variable: impl Fn(&str) -> Option<&'a str>) {
    #[cfg(feature = "crashpoints")]
    armed::arm(variable);
    #[cfg(not(feature = "crashpoints"))]
    let _ = variable;
}
