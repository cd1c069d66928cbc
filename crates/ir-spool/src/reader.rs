//! Reading a blob in blocks. Pages that are in memory (a file just written, nearly always) are read
//! in place; only a read that would wait for the disk hops to a blocking thread. A hop per block
//! halved the throughput when it was measured.

use crate::error::SpoolError;
use crate::spool::SpoolFile;
use crate::writer::lost;
use ir_model::Blob;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use tokio::task::spawn_blocking;

/// The file behind a blob.
pub(crate) fn file_of(blob: &Blob) -> io::Result<&SpoolFile> {
    blob.keeper::<SpoolFile>().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a blob that is not the spool's"))
}

/// Fills `buffer` from `offset` as far as that is possible without waiting for the disk; returns
/// how much was filled.
///
/// # Errors
/// The file system's; `UnexpectedEof` if the file ends before the buffer does.
pub(crate) fn read_without_waiting(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read_some(file, offset + filled as u64, &mut buffer[filled..])? {
            Some(0) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a spool file is shorter than it was")),
            Some(n) => filled += n,
            None => break,
        }
    }
    Ok(filled)
}

/// `None`: reading would wait, or the file system cannot say (`EOPNOTSUPP`).
#[cfg(target_os = "linux")]
fn read_some(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    use rustix::io::{Errno, ReadWriteFlags, preadv2};
    loop {
        match preadv2(file, &mut [io::IoSliceMut::new(buffer)], offset, ReadWriteFlags::NOWAIT) {
            Ok(n) => return Ok(Some(n)),
            Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS) => return Ok(None),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// `None`: elsewhere a read cannot be asked not to wait.
#[cfg(not(target_os = "linux"))]
fn read_some(_file: &File, _offset: u64, _buffer: &mut [u8]) -> io::Result<Option<usize>> {
    Ok(None)
}

/// Fills the rest of `buffer`, of which the first `filled` bytes are there already. Blocks.
pub(crate) fn read_waiting(blob: &Blob, offset: u64, buffer: &mut [u8], filled: usize) -> io::Result<()> {
    file_of(blob)?.file().read_exact_at(&mut buffer[filled..], offset + filled as u64)
}

/// The whole blob, if it has at most `limit` bytes.
pub(crate) async fn read_all(blob: &Blob, limit: u64) -> Result<Vec<u8>, SpoolError> {
    let too_large = SpoolError::TooLarge { limit };
    if blob.size() > limit {
        return Err(too_large);
    }
    let Ok(size) = usize::try_from(blob.size()) else { return Err(too_large) };
    let mut buffer = vec![0; size];
    let filled = read_without_waiting(file_of(blob)?.file(), 0, &mut buffer)?;
    if filled == size {
        return Ok(buffer);
    }
    let blob = blob.clone();
    spawn_blocking(move || {
        read_waiting(&blob, 0, &mut buffer, filled)?;
        Ok(buffer)
    })
    .await
    .map_err(lost)?
}
