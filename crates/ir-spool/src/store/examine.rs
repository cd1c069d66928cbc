//! Reads a stored file from end to end, once: length, hash, and whether it is a whole picture.

use crate::BLOCK;
use crate::inspect::Inspector;
use ir_model::{Flaw, Limits, Probe};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Stored pictures were judged when they came in, by the limits of that time, or belong to the
/// operator: here only wholeness counts. 256 MiB keeps a stray giant from being read for minutes.
pub(super) const ANY_SIZE: Limits = Limits { side: u32::MAX, pixels: u64::MAX, bytes: 256 * 1024 * 1024 };

/// Length, SHA-256 and verdict. Blocks for as long as it takes to read the file.
pub(super) fn examine(file: &File) -> io::Result<(u64, [u8; 32], Result<Probe, Flaw>)> {
    let mut inspector = Inspector::new(ANY_SIZE);
    let mut hash = Sha256::new();
    let mut block = vec![0; BLOCK];
    let mut at = 0;
    loop {
        let n = match file.read_at(&mut block, at) {
            Ok(0) => break,
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if let Err(flaw) = inspector.feed(&block[..n]) {
            // Nobody asks for the hash of what is not a picture.
            return Ok((at + n as u64, [0; 32], Err(flaw)));
        }
        hash.update(&block[..n]);
        at += n as u64;
    }
    Ok((at, hash.finalize().into(), inspector.finish()))
}
