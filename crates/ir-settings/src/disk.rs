//! Files that are written whole or not at all, and are nobody else's to read.

use crate::error::SettingsError;
use ir_model::Dice;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

const PRIVATE_FILE: u32 = 0o600;
const PRIVATE_DIR: u32 = 0o700;

/// What tells one state of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    secs: i64,
    nanos: i64,
    bytes: u64,
    inode: u64,
}

impl Stamp {
    /// When it was last changed, in seconds since the epoch.
    pub(crate) fn secs(self) -> i64 {
        self.secs
    }
}

/// The state of a file; None: there is none.
pub(crate) fn stamp(path: &Path) -> Result<Option<Stamp>, SettingsError> {
    match fs::metadata(path) {
        Ok(meta) => Ok(Some(Stamp { secs: meta.mtime(), nanos: meta.mtime_nsec(), bytes: meta.len(), inode: meta.ino() })),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(SettingsError::io(path)(error)),
    }
}

/// Makes a folder that only its owner may enter; one that is there is left as it is.
pub(crate) fn private_dir(path: &Path) -> Result<(), SettingsError> {
    DirBuilder::new().recursive(true).mode(PRIVATE_DIR).create(path).map_err(SettingsError::io(path))
}

/// Reads a file of at most `limit` bytes; None: there is none.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, SettingsError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(SettingsError::io(path)(error)),
    };
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(SettingsError::io(path))?;
    if bytes.len() as u64 > limit {
        let error = io::Error::new(ErrorKind::FileTooLarge, format!("is larger than {limit} bytes"));
        return Err(SettingsError::io(path)(error));
    }
    Ok(Some(bytes))
}

/// Takes away what others may do with a file that holds secrets.
pub(crate) fn tighten(path: &Path) -> Result<(), SettingsError> {
    let meta = fs::metadata(path).map_err(SettingsError::io(path))?;
    if meta.mode() & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(PRIVATE_FILE)).map_err(SettingsError::io(path))?;
    }
    Ok(())
}

/// Puts a file in place of another, whole: a temporary file beside it, flushed, renamed, and the
/// folder flushed. When it returns, the file is on the disk.
pub(crate) fn replace(path: &Path, bytes: &[u8], dice: &dyn Dice) -> Result<(), SettingsError> {
    beside(path, bytes, dice, |from| fs::rename(from, path))
}

/// As [`replace`], but fails with `AlreadyExists` if there is a file. A half-written file is never
/// seen under the name.
pub(crate) fn create_new(path: &Path, bytes: &[u8], dice: &dyn Dice) -> Result<(), SettingsError> {
    beside(path, bytes, dice, |from| {
        fs::hard_link(from, path)?;
        fs::remove_file(from)
    })
}

/// Renames a file within its folder, in place of one that may be there. When it returns, it is so on
/// the disk.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), SettingsError> {
    let folder = to.parent().expect("a file of the data folder has a folder");
    fs::rename(from, to).and_then(|()| File::open(folder)?.sync_all()).map_err(SettingsError::io(to))
}

/// Removes a file, if it is there.
pub(crate) fn remove(path: &Path) -> Result<(), SettingsError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(SettingsError::io(path)),
    }
}

fn beside(path: &Path, bytes: &[u8], dice: &dyn Dice, put: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), SettingsError> {
    let folder = path.parent().expect("a file of the data folder has a folder");
    let name = path.file_name().expect("a file of the data folder has a name").to_string_lossy();
    let temporary = folder.join(format!(".{name}.{}.tmp", dice.hex128()));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(PRIVATE_FILE).open(&temporary)?;
        ir_crash::fault("file.write")?;
        file.write_all(bytes)?;
        file.sync_all()?;
        ir_crash::point("file.flushed");
        put(&temporary)?;
        ir_crash::point("file.placed");
        File::open(folder)?.sync_all()
    })();
    written.map_err(|error| {
        let _ = fs::remove_file(&temporary);
        SettingsError::io(path)(error)
    })
}

/// Removes the temporary files of [`replace`] and [`create_new`] from a folder.
pub(crate) fn remove_temporary(folder: &Path) -> Result<(), SettingsError> {
    for entry in fs::read_dir(folder).map_err(SettingsError::io(folder))? {
        let entry = entry.map_err(SettingsError::io(folder))?;
        let name = entry.file_name();
        let random = name.to_str().and_then(|name| name.strip_prefix('.')?.strip_suffix(".tmp")?.rsplit_once('.'));
        let ours = random.is_some_and(|(_, random)| random.len() == 32 && random.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if ours {
            fs::remove_file(entry.path()).map_err(SettingsError::io(entry.path()))?;
        }
    }
    Ok(())
}
