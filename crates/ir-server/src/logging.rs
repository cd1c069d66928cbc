//! The log: text for people or JSON for machines, on standard error, through a bounded queue that
//! drops lines (and counts them) rather than hold a request up; and a ring of the newest lines for
//! those who watch the live log.

use ir_admin::LogLine;
use ir_engine::Feed;
use ir_model::Clock;
use ir_settings::LogFormat;
use std::fmt::{Debug, Write as _};
use std::sync::Arc;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

/// Lines that may wait for a slow terminal or pipe.
const QUEUE: usize = 16 * 1024;
/// Lines that are kept for the live log.
const KEPT: usize = 1000;
/// Longest sentence and longest field of a kept line, in characters; most fields.
const SENTENCE: usize = 1000;
const FIELD: usize = 300;
const FIELDS: usize = 24;

/// The running log. Dropping it writes what is still queued.
pub struct Log {
    /// The newest lines.
    pub feed: Arc<Feed<LogLine>>,
    filter: Option<reload::Handle<EnvFilter, Registry>>,
    dropped: Option<ErrorCounter>,
    _guard: Option<WorkerGuard>,
}

impl Log {
    /// A log that nobody writes to.
    pub fn silent() -> Self {
        Self { feed: Arc::new(Feed::new(1)), filter: None, dropped: None, _guard: None }
    }

    /// Lines that found the queue full.
    pub fn dropped(&self) -> u64 {
        self.dropped.as_ref().map_or(0, |counter| counter.dropped_lines() as u64)
    }

    /// Another level or filter from now on.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn set_level(&self, level: &str) -> Result<(), String> {
        let Some(filter) = &self.filter else { return Ok(()) };
        filter.reload(read(level)?).map_err(|error| error.to_string())
    }
}

/// Whether this is a level or a filter.
///
/// # Errors
/// Why it is not.
pub(crate) fn judge(level: &str) -> Result<(), String> {
    read(level).map(drop)
}

fn read(level: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(level).map_err(|error| format!("LOG_LEVEL '{level}' is not a level or filter: {error}"))
}

/// Starts the log. `level`: a level or a tracing filter.
///
/// # Errors
/// When the filter cannot be read.
pub fn init(level: &str, format: LogFormat, colour: bool) -> Result<Log, String> {
    let (filter, handle) = reload::Layer::new(read(level)?);
    let (writer, guard) = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(QUEUE).finish(std::io::stderr());
    let dropped = Some(writer.error_counter());
    let feed = Arc::new(Feed::new(KEPT));
    let registry = tracing_subscriber::registry().with(filter).with(Watched(Arc::clone(&feed)));
    match format {
        LogFormat::Json => registry.with(layer().json().flatten_event(true).with_writer(writer)).init(),
        LogFormat::Text => registry.with(layer().with_ansi(colour).with_target(false).with_writer(writer)).init(),
    }
    Ok(Log { feed, filter: Some(handle), dropped, _guard: Some(guard) })
}

/// Puts every line into the ring.
struct Watched(Arc<Feed<LogLine>>);

impl<S: Subscriber> Layer<S> for Watched {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.0.push(LogLine {
            time: crate::host::SystemClock.now(),
            level: metadata.level().as_str(),
            module: metadata.target().to_owned(),
            message: fields.message,
            request_id: fields.request_id,
            fields: fields.others,
        });
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    request_id: Option<String>,
    others: Vec<(String, String)>,
}

impl Fields {
    fn note(&mut self, field: &Field, text: &str) {
        match field.name() {
            "message" => self.message = text.chars().take(SENTENCE).collect(),
            "request_id" => self.request_id = Some(text.chars().take(FIELD).collect()),
            name if self.others.len() < FIELDS => self.others.push((name.to_owned(), text.chars().take(FIELD).collect())),
            _ => {}
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.note(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = String::new();
        let _ = write!(text, "{value:?}");
        self.note(field, &text);
    }
}
