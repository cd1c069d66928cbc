//! The store's files: private to their owner, and one process at a time.

use crate::error::{Result, StoreError};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

/// Makes a folder (0700) unless it is there.
pub(super) fn private_dir(path: &Path) -> Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| failed(path, &error))
}

/// Makes an empty file (0600) unless it is there; takes other people's rights from one that is.
/// SQLite gives its log the rights of the database.
pub(super) fn private_file(path: &Path) -> Result<File> {
    open(path, false).map_err(|error| failed(path, &error))
}

/// Makes an empty file (0600) that was not there.
pub(super) fn new_private_file(path: &Path) -> Result<File> {
    open(path, true).map_err(|error| failed(path, &error))
}

fn open(path: &Path, new: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).truncate(false);
    if new {
        options.create_new(true);
    } else {
        options.create(true);
    }
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        }
    }
    Ok(file)
}

/// Locks a file until it is dropped. The system lets go of it when the process dies.
pub(super) fn lock(path: &Path) -> Result<File> {
    let file = private_file(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(failed(path, &error)),
    }
}

/// Makes names in a folder durable.
pub(super) fn sync_dir(path: &Path) -> Result<()> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(|error| failed(path, &error))
}

pub(super) fn failed(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Io { path: path.to_owned(), detail: error.to_string() }
}
