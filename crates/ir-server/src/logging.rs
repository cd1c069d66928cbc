//! The log: text for people or JSON for machines, on standard error, through a bounded queue that
//! drops lines (and counts them) rather than hold a request up.

use ir_settings::LogFormat;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::prelude::*;

/// Lines that may wait for a slow terminal or pipe.
const QUEUE: usize = 16 * 1024;

/// Starts the log. `level`: a level or a tracing filter. Keep the guard: dropping it writes what is
/// still queued.
///
/// # Errors
/// When the filter cannot be read.
pub fn init(level: &str, format: LogFormat, colour: bool) -> Result<WorkerGuard, String> {
    let filter = EnvFilter::try_new(level).map_err(|error| format!("LOG_LEVEL '{level}' is not a level or filter: {error}"))?;
    let (writer, guard) = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(QUEUE).finish(std::io::stderr());
    let registry = tracing_subscriber::registry().with(filter);
    match format {
        LogFormat::Json => registry.with(layer().json().flatten_event(true).with_writer(writer)).init(),
        LogFormat::Text => registry.with(layer().with_ansi(colour).with_target(false).with_writer(writer)).init(),
    }
    Ok(guard)
}
