//! Writing a blob: two blocks of memory, and at most one write handed to a blocking thread.
//! Waiting for that write is the backpressure on whoever sends the bytes.
//!
//! Creating the file, hashing and inspecting happen on the blocking thread as well: they cost more
//! than the write itself, and a blob below one block thus costs a single hop, all included.

use crate::BLOCK;
use crate::error::{SpoolError, is_out_of_descriptors};
use crate::inspect::Inspector;
use crate::spool::{Reservation, Spool, SpoolFile};
use ir_model::{Blob, Flaw, Limits};
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::{JoinHandle, spawn_blocking};

/// How long a file waits for a descriptor, and how often it looks for one.
const DESCRIPTOR_PATIENCE: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Writes one blob. Dropping it before [`SpoolWriter::finish`] removes the file. Holds at most two
/// blocks of 64 KiB. Lives inside a tokio runtime.
#[derive(Debug)]
pub struct SpoolWriter {
    /// The block that is being filled; empty until the first byte.
    block: Vec<u8>,
    filled: usize,
    /// The other block, while it is not being written.
    spare: Vec<u8>,
    desk: Desk,
    reservation: Option<Reservation>,
    size: u64,
    limit: u64,
}

/// Where the unfinished file is.
#[derive(Debug)]
enum Desk {
    Here(Box<Unfinished>),
    Away(JoinHandle<(io::Result<Box<Unfinished>>, Vec<u8>)>),
    /// A write failed: there is nothing to go on with.
    Broken,
}

impl SpoolWriter {
    /// A writer of at most `limit` bytes.
    pub(crate) fn new(spool: &Spool, reservation: Reservation, limit: u64) -> Self {
        let path = spool.dir().join(spool.dice().hex128());
        let unfinished = Unfinished::new(path, spool.limits());
        Self {
            block: Vec::new(),
            filled: 0,
            spare: Vec::new(),
            desk: Desk::Here(Box::new(unfinished)),
            reservation: Some(reservation),
            size: 0,
            limit,
        }
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// [`SpoolError::Full`] when the budget or the disk is used up, the file system's. After an
    /// error the writer is good for nothing but dropping.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), SpoolError> {
        while !bytes.is_empty() {
            let room = self.room(1).await?;
            let n = room.len().min(bytes.len());
            let (now, later) = bytes.split_at(n);
            room[..n].copy_from_slice(now);
            self.advance(n)?;
            bytes = later;
        }
        Ok(())
    }

    /// Ends the blob.
    ///
    /// # Errors
    /// As [`SpoolWriter::write`].
    pub async fn finish(mut self) -> Result<Blob, SpoolError> {
        let unfinished = self.take_back().await?;
        let mut block = std::mem::take(&mut self.block);
        block.truncate(self.filled);
        let reservation = self.reservation.take().expect("invariant: only finish takes the reservation, and it owns the writer");
        let file = spawn_blocking(move || unfinished.finish(&block, reservation)).await.map_err(lost)??;
        Ok(Blob::new(Arc::new(file)))
    }

    /// Memory to decode into, at least `at_least` bytes of it (≤ [`BLOCK`]); hands the block over
    /// to be written if it has less left. To be followed by [`SpoolWriter::advance`].
    pub(crate) async fn room(&mut self, at_least: usize) -> Result<&mut [u8], SpoolError> {
        if self.block.is_empty() {
            self.block = vec![0; BLOCK];
        }
        if BLOCK - self.filled < at_least {
            self.hand_over().await?;
        }
        Ok(&mut self.block[self.filled..])
    }

    /// Counts `n` bytes of [`SpoolWriter::room`] as written.
    ///
    /// # Errors
    /// [`SpoolError::TooLarge`] or [`SpoolError::Full`]: the bytes do not count.
    pub(crate) fn advance(&mut self, n: usize) -> Result<(), SpoolError> {
        debug_assert!(self.filled + n <= self.block.len(), "more than there was room for");
        let more = n as u64;
        if self.size + more > self.limit {
            return Err(SpoolError::TooLarge { limit: self.limit });
        }
        self.reservation.as_mut().map_or(Err(SpoolError::Full), |reservation| reservation.grow(more))?;
        self.filled += n;
        self.size += more;
        Ok(())
    }

    async fn hand_over(&mut self) -> Result<(), SpoolError> {
        let mut unfinished = self.take_back().await?;
        let next = if self.spare.is_empty() { vec![0; BLOCK] } else { std::mem::take(&mut self.spare) };
        let block = std::mem::replace(&mut self.block, next);
        let filled = std::mem::take(&mut self.filled);
        self.desk = Desk::Away(spawn_blocking(move || {
            let done = unfinished.append(&block[..filled]).map(|()| unfinished);
            (done, block)
        }));
        Ok(())
    }

    /// Waits for the write that is under way, if one is. Cancel safe.
    async fn take_back(&mut self) -> Result<Box<Unfinished>, SpoolError> {
        if let Desk::Away(task) = &mut self.desk {
            let returned = task.await;
            self.desk = Desk::Broken;
            let (done, block) = returned.map_err(lost)?;
            self.spare = block;
            self.desk = Desk::Here(done?);
        }
        match std::mem::replace(&mut self.desk, Desk::Broken) {
            Desk::Here(unfinished) => Ok(unfinished),
            Desk::Away(_) | Desk::Broken => Err(SpoolError::Io(io::Error::other("an earlier write failed"))),
        }
    }
}

/// A blocking task that did not come back: it panicked, or the runtime is going down.
pub(crate) fn lost(error: tokio::task::JoinError) -> SpoolError {
    SpoolError::Io(io::Error::other(error))
}

/// Makes a file. Where there is no descriptor for it, one is waited for: it may be for a picture that is paid
/// for, and connections that end free some. Blocks.
fn create(path: &Path) -> io::Result<File> {
    let began = Instant::now();
    loop {
        match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path) {
            Err(error) if is_out_of_descriptors(&error) && began.elapsed() < DESCRIPTOR_PATIENCE => std::thread::sleep(LOOK_AGAIN),
            other => return other,
        }
    }
}

/// A file that is being written. Wherever it is dropped, the file goes.
struct Unfinished {
    /// Empty once the file belongs to a [`SpoolFile`].
    path: PathBuf,
    file: Option<File>,
    size: u64,
    hash: Sha256,
    inspector: Inspector,
    flaw: Option<Flaw>,
}

impl Unfinished {
    fn new(path: PathBuf, limits: Limits) -> Self {
        Self { path, file: None, size: 0, hash: Sha256::new(), inspector: Inspector::new(limits), flaw: None }
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(create(&self.path)?),
        };
        ir_crash::fault("spool.write")?;
        file.write_all(bytes)?;
        ir_crash::point("spool.appended");
        self.size += bytes.len() as u64;
        self.hash.update(bytes);
        if self.flaw.is_none() {
            self.flaw = self.inspector.feed(bytes).err();
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, rest: &[u8], reservation: Reservation) -> io::Result<SpoolFile> {
        self.append(rest)?;
        let verdict = match self.flaw {
            Some(flaw) => Err(flaw),
            None => self.inspector.finish(),
        };
        let file = self.file.take().expect("invariant: append opened the file");
        let path = std::mem::take(&mut self.path);
        let sha256 = std::mem::take(&mut self.hash).finalize().into();
        Ok(SpoolFile::spooled(file, path, self.size, sha256, verdict, reservation))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if self.file.is_some()
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(%error, path = %self.path.display(), "an unfinished spool file could not be removed; the next start removes it");
        }
    }
}

impl std::fmt::Debug for Unfinished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unfinished").field("size", &self.size).finish_non_exhaustive()
    }
}
