//! What the fuzz targets run. Each target reads strangers' bytes with the gateway's own code and
//! checks more than that nothing breaks: a slow reference agrees, cuts change nothing, what is
//! accepted is within its limits.
//!
//! A target is a plain function of bytes that panics when something does not hold. libFuzzer calls
//! them from `fuzz/fuzz_targets`; a test replays the corpora in `fuzz/corpus` with any compiler.

mod support;
mod targets;

pub use support::Sequence;
pub use targets::{TARGETS, Target, run};
