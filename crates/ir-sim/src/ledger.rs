//! What was asked and how it ended.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;

/// Most entries kept; the oldest go first.
const MAX_ENTRIES: usize = 100_000;

/// One request.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Number of the request, from 0, over the life of the simulator.
    pub seq: u64,
    /// When its head arrived, in ms since the start.
    pub at_ms: u64,
    /// When its answer ended, in ms since the start.
    pub ended_ms: Option<u64>,
    /// Method.
    pub method: String,
    /// Path with query.
    pub path: String,
    /// Bearer token, `x-api-key` or `api-key`.
    pub key: Option<String>,
    /// The other headers, in order, lower-case names, values cut at 512 bytes.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Recorded,
    /// Whether it asks the platform for its work (a picture, a translation, a place for a file), not for a list, a task's state or a file.
    pub draws: bool,
    /// Pictures that the platform bills for it, also where the answer was cut.
    pub pictures: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether the caller left before the answer was whole.
    pub client_gone: bool,
}

impl Entry {
    /// The value of a header, by its lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// A member of the JSON body or a field of the form, as text without quotes.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<String> {
        match &self.body {
            Recorded::Json { value, .. } => value.get(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
            Recorded::Form { fields, .. } => fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone()),
            Recorded::None | Recorded::Other { .. } => None,
        }
    }

    /// The files of the form.
    #[must_use]
    pub fn files(&self) -> &[FormFile] {
        match &self.body {
            Recorded::Form { files, .. } => files,
            _ => &[],
        }
    }
}

/// A request's body as the ledger keeps it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Recorded {
    /// There was none, or it was not read to its end.
    #[default]
    None,
    /// A JSON document; strings above 2048 characters are shortened to 64 and a note of their length.
    Json {
        /// Length of the document in bytes.
        len: u64,
        /// The document.
        value: Value,
    },
    /// A form.
    Form {
        /// Text parts in order, shortened alike.
        fields: Vec<(String, String)>,
        /// File parts in order.
        files: Vec<FormFile>,
    },
    /// Something else, or a document of more than 64 KiB after its strings were shortened.
    Other {
        /// Length in bytes.
        len: u64,
    },
}

/// A file part of a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FormFile {
    /// Name of the part.
    pub name: String,
    /// Name of the file.
    pub filename: String,
    /// Type the caller declared.
    pub content_type: Option<String>,
    /// Length in bytes.
    pub len: u64,
    /// SHA-256 in hexadecimal; empty when hashing is off.
    pub sha256: String,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Outcome {
    /// Still being read, delayed or answered.
    Open,
    /// Answered whole.
    Answered {
        /// The status.
        status: u16,
        /// Bytes of the body.
        bytes: u64,
    },
    /// Cut by the simulator on purpose.
    Cut {
        /// Bytes of the body that were sent before; `None` when not even a head was.
        bytes: Option<u64>,
        /// Whether by a reset.
        reset: bool,
    },
    /// The caller left.
    Gone,
}

/// The book of requests; clones share it.
#[derive(Clone, Debug)]
pub struct Ledger {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    start: Instant,
    pages: Mutex<Pages>,
    version: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Pages {
    next: u64,
    entries: VecDeque<Entry>,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self { shared: Arc::new(Shared { start: Instant::now(), pages: Mutex::default(), version: watch::Sender::new(0) }) }
    }

    /// All entries that are kept, oldest first.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.pages().entries.iter().cloned().collect()
    }

    /// Entries of drawings only: without lists and downloads.
    #[must_use]
    pub fn drawings(&self) -> Vec<Entry> {
        self.pages().entries.iter().filter(|entry| entry.draws).cloned().collect()
    }

    /// Pictures that the platform billed, of the entries that are kept.
    #[must_use]
    pub fn billed(&self) -> u64 {
        self.pages().entries.iter().map(|entry| u64::from(entry.pictures)).sum()
    }

    /// Number of entries kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pages().entries.len()
    }

    /// Whether nothing was asked yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The newest entry.
    #[must_use]
    pub fn last(&self) -> Option<Entry> {
        self.pages().entries.back().cloned()
    }

    /// Takes the oldest entries out, up to the first that has not ended yet.
    #[must_use]
    pub fn take_ended(&self) -> Vec<Entry> {
        let mut pages = self.pages();
        let ended = pages.entries.iter().take_while(|entry| entry.outcome != Outcome::Open).count();
        pages.entries.drain(..ended).collect()
    }

    /// Forgets every entry; the numbering goes on.
    pub fn clear(&self) {
        self.pages().entries.clear();
        self.changed();
    }

    /// Waits until the entries satisfy `wanted`, at most `limit`. Answers whether they did.
    pub async fn wait(&self, limit: Duration, wanted: impl Fn(&[Entry]) -> bool) -> bool {
        let mut version = self.shared.version.subscribe();
        let watching = async {
            loop {
                version.mark_unchanged();
                if wanted(self.pages().entries.make_contiguous()) {
                    return;
                }
                if version.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::time::timeout(limit, watching).await.is_ok()
    }

    /// Seconds since the start.
    pub(crate) fn age(&self) -> Duration {
        self.shared.start.elapsed()
    }

    pub(crate) fn open(&self, method: String, path: String, key: Option<String>, headers: Vec<(String, String)>) -> Recording {
        let at_ms = self.now();
        let mut pages = self.pages();
        let seq = pages.next;
        pages.next += 1;
        if pages.entries.len() == MAX_ENTRIES {
            pages.entries.pop_front();
        }
        let (body, outcome, draws) = (Recorded::None, Outcome::Open, method == "POST");
        pages.entries.push_back(Entry {
            seq,
            at_ms,
            ended_ms: None,
            method,
            path,
            key,
            headers,
            body,
            draws,
            pictures: 0,
            outcome,
            client_gone: false,
        });
        drop(pages);
        self.changed();
        Recording { ledger: self.clone(), seq, done: false }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.age().as_millis()).unwrap_or(u64::MAX)
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.shared.pages.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn changed(&self) {
        self.shared.version.send_modify(|version| *version += 1);
    }

    fn update(&self, seq: u64, change: impl FnOnce(&mut Entry)) {
        let mut pages = self.pages();
        // Entries are numbered without gaps, so the newest tells where this one stands.
        let back = pages.next - 1 - seq;
        let place = usize::try_from(back).ok().and_then(|back| pages.entries.len().checked_sub(back + 1));
        if let Some(entry) = place.and_then(|place| pages.entries.get_mut(place)) {
            change(entry);
        }
        drop(pages);
        self.changed();
    }
}

/// The hand that writes one entry. Dropped before its end, it notes that the caller left.
#[derive(Debug)]
pub(crate) struct Recording {
    ledger: Ledger,
    seq: u64,
    done: bool,
}

impl Recording {
    pub(crate) fn body(&self, body: Recorded) {
        self.ledger.update(self.seq, |entry| entry.body = body);
    }

    pub(crate) fn draws(&self, draws: bool) {
        self.ledger.update(self.seq, |entry| entry.draws = draws);
    }

    pub(crate) fn bill(&self, pictures: u32) {
        self.ledger.update(self.seq, |entry| entry.pictures = pictures);
    }

    pub(crate) fn finish(&mut self, outcome: Outcome) {
        if !self.done {
            self.done = true;
            let now = self.ledger.now();
            self.ledger.update(self.seq, |entry| (entry.outcome, entry.ended_ms) = (outcome, Some(now)));
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if !self.done {
            self.finish(Outcome::Gone);
            self.ledger.update(self.seq, |entry| entry.client_gone = true);
        }
    }
}
