//! The spool: files for bytes on their way, gone with their last handle.

use crate::base64_stream::Alphabet;
use crate::error::SpoolError;
use crate::writer::SpoolWriter;
use ir_model::{Blob, Dice, Flaw, Limits, LongText, Probe, Spooled};
use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::{fmt, io};

/// Where the spool is and what it may hold.
#[derive(Clone, Debug)]
pub struct SpoolConfig {
    /// The data directory; `spool/`, `storage/` and `thumbs/` are made in it.
    pub data_dir: PathBuf,
    /// What a picture may measure.
    pub limits: Limits,
    /// Whether kept pictures are forced to the disk before they count as kept.
    pub fsync: bool,
    /// Most bytes that the spool holds at any time, over all requests; kept pictures do not count. What
    /// callers send takes three quarters of it at most: see [`Spool::for_callers`].
    pub max_in_flight_bytes: u64,
}

/// Files for bytes on their way. Cloning is cheap and shares the spool.
#[derive(Clone)]
pub struct Spool {
    inner: Arc<Inner>,
    /// Bytes in flight above which this handle begins and grows no file.
    most: u64,
}

struct Inner {
    spool_dir: PathBuf,
    storage_dir: PathBuf,
    thumbs_dir: PathBuf,
    limits: Limits,
    fsync: bool,
    dice: Arc<dyn Dice>,
    budget: Arc<Budget>,
}

impl Spool {
    /// Makes the directories that are missing (mode 0700) and removes what an earlier process left
    /// in `spool/`. One process per data directory: the caller holds its lock.
    ///
    /// # Errors
    /// The file system's.
    pub fn open(config: SpoolConfig, dice: Arc<dyn Dice>) -> io::Result<Self> {
        let under = |name: &str| config.data_dir.join(name);
        let (spool_dir, storage_dir, thumbs_dir) = (under("spool"), under("storage"), under("thumbs"));
        for dir in [&spool_dir, &storage_dir, &thumbs_dir] {
            DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        }
        for entry in fs::read_dir(&spool_dir)? {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                fs::remove_file(entry.path())?;
            }
        }
        let (limits, fsync, budget) = (config.limits, config.fsync, Arc::default());
        let inner = Arc::new(Inner { spool_dir, storage_dir, thumbs_dir, limits, fsync, dice, budget });
        Ok(Self { inner, most: config.max_in_flight_bytes })
    }

    /// The same spool for what callers send, or make the gateway fetch: it is full for them while a
    /// quarter of it is left for replies, which are paid for.
    #[must_use]
    pub fn for_callers(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), most: self.most - self.most / 4 }
    }

    /// A writer of a new blob, of at most as many bytes as the budget has left.
    ///
    /// # Errors
    /// [`SpoolError::Full`] when the budget of bytes in flight is used up already.
    pub fn writer(&self) -> Result<SpoolWriter, SpoolError> {
        self.writer_up_to(u64::MAX)
    }

    /// A writer that refuses more than `limit` bytes.
    pub(crate) fn writer_up_to(&self, limit: u64) -> Result<SpoolWriter, SpoolError> {
        if self.is_full() {
            return Err(SpoolError::Full);
        }
        Ok(SpoolWriter::new(self, Reservation { budget: Arc::clone(&self.inner.budget), most: self.most, bytes: 0 }, limit))
    }

    /// Decodes a text that stayed in memory: base64, or a `data:` URI of base64. White space and
    /// missing padding are forgiven, nothing else. At most [`Limits::bytes`].
    ///
    /// # Errors
    /// [`SpoolError::Base64`] with the place; [`SpoolError::TooLarge`]; the spool's own.
    pub async fn from_base64(&self, text: &str, alphabet: Alphabet) -> Result<Blob, SpoolError> {
        crate::base64_stream::decode_text(self, text, alphabet).await
    }

    /// All bytes of a blob, for those that are small by their nature.
    ///
    /// # Errors
    /// [`SpoolError::TooLarge`] above `limit` bytes; the file system's.
    pub async fn read(&self, blob: &Blob, limit: u64) -> Result<Vec<u8>, SpoolError> {
        crate::reader::read_all(blob, limit).await
    }

    /// The text of a long string (without the pictures that were in it), for the field that wants
    /// it.
    ///
    /// # Errors
    /// [`SpoolError::TooLarge`] above `limit` bytes; the file system's.
    pub async fn read_text(&self, text: &LongText, limit: u64) -> Result<String, SpoolError> {
        let bytes = crate::reader::read_all(&text.blob, limit).await?;
        String::from_utf8(bytes).map_err(|e| SpoolError::Io(io::Error::new(io::ErrorKind::InvalidData, e)))
    }

    /// Bytes that the file system of the data folder has left for us.
    ///
    /// # Errors
    /// What the system says.
    pub fn free_bytes(&self) -> io::Result<u64> {
        if ir_crash::fault("disk.free").is_err() {
            return Ok(0);
        }
        let stat = rustix::fs::statvfs(self.dir())?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Whether the budget of bytes in flight (this handle's share of it) is used up, so that no further file is begun.
    pub fn is_full(&self) -> bool {
        self.in_flight_bytes() >= self.most
    }

    /// Bytes that the spool holds at present, for metrics and tests.
    pub fn in_flight_bytes(&self) -> u64 {
        self.inner.budget.0.load(Ordering::Relaxed)
    }

    /// Where unfinished files are. On the same file system as [`Spool::storage_dir`].
    pub(crate) fn dir(&self) -> &Path {
        &self.inner.spool_dir
    }

    /// Where kept pictures are.
    pub(crate) fn storage_dir(&self) -> &Path {
        &self.inner.storage_dir
    }

    /// Where thumbnails are.
    pub(crate) fn thumbs_dir(&self) -> &Path {
        &self.inner.thumbs_dir
    }

    /// Where names come from.
    pub(crate) fn dice(&self) -> &dyn Dice {
        &*self.inner.dice
    }

    /// What a picture may measure.
    pub(crate) fn limits(&self) -> Limits {
        self.inner.limits
    }

    /// Whether kept pictures are forced to the disk.
    pub(crate) fn fsync(&self) -> bool {
        self.inner.fsync
    }
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool").field("dir", &self.inner.spool_dir).field("in_flight_bytes", &self.in_flight_bytes()).finish()
    }
}

/// How many bytes the spool holds.
#[derive(Debug, Default)]
struct Budget(AtomicU64);

/// A part of the budget, given back when dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<Budget>,
    most: u64,
    bytes: u64,
}

impl Reservation {
    /// Takes `more` bytes, or fails with [`SpoolError::Full`] and takes nothing.
    pub(crate) fn grow(&mut self, more: u64) -> Result<(), SpoolError> {
        let fits = |used: u64| used.checked_add(more).filter(|sum| *sum <= self.most);
        match self.budget.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits) {
            Ok(_) => {
                self.bytes += more;
                Ok(())
            }
            Err(_) => Err(SpoolError::Full),
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The file behind a blob. Its handle stays open, so it can be read however often it is renamed.
/// Dropped with the last [`Blob`] that shares it; unless it was kept, its file goes with it.
pub struct SpoolFile {
    file: File,
    size: u64,
    sha256: [u8; 32],
    verdict: Result<Probe, Flaw>,
    place: Mutex<Place>,
}

/// Where the file is, as far as that is this handle's business.
struct Place {
    /// To be removed; `None` once kept.
    path: Option<PathBuf>,
    /// Given back once kept.
    reservation: Option<Reservation>,
}

impl SpoolFile {
    /// A file that the spool has written.
    pub(crate) fn spooled(
        file: File,
        path: PathBuf,
        size: u64,
        sha256: [u8; 32],
        verdict: Result<Probe, Flaw>,
        reservation: Reservation,
    ) -> Self {
        let place = Mutex::new(Place { path: Some(path), reservation: Some(reservation) });
        Self { file, size, sha256, verdict, place }
    }

    /// A stored file that was opened for reading; it is never removed by this handle. The hash and
    /// the verdict are what the caller knows of it: nothing is read here. Blocks.
    pub(crate) fn from_existing(file: File, sha256: [u8; 32], verdict: Result<Probe, Flaw>) -> io::Result<Self> {
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        Ok(Self { file, size: meta.len(), sha256, verdict, place: Mutex::new(Place { path: None, reservation: None }) })
    }

    /// The open file.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Takes the spool path and with it the duty to rename or remove the file; `None` if somebody
    /// has taken it before. Give it back with [`SpoolFile::put_back`] if the rename fails.
    pub(crate) fn take_path(&self) -> Option<PathBuf> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner).path.take()
    }

    /// Undoes [`SpoolFile::take_path`].
    pub(crate) fn put_back(&self, path: PathBuf) {
        self.place.lock().unwrap_or_else(PoisonError::into_inner).path = Some(path);
    }

    /// The file was renamed to where it stays: it is not removed any more, and its bytes leave the
    /// budget.
    pub(crate) fn mark_kept(&self) {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        place.path = None;
        place.reservation = None;
    }
}

impl Spooled for SpoolFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn probe(&self) -> Result<Probe, Flaw> {
        self.verdict
    }

    fn sha256(&self) -> [u8; 32] {
        self.sha256
    }
}

impl fmt::Debug for SpoolFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpoolFile").field("size", &self.size).field("verdict", &self.verdict).finish_non_exhaustive()
    }
}

impl Drop for SpoolFile {
    fn drop(&mut self) {
        let place = self.place.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = place.path.take() {
            // In place and not on another thread: unlinking a file of a few MiB takes some 100 µs,
            // and the budget must not be given back before the bytes are.
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(%error, path = %path.display(), "a spool file could not be removed; the next start removes it");
            }
        }
    }
}
