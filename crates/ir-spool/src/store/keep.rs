//! The steps by which a picture enters the store, in the only order that survives a crash.

use super::Inner;
use super::place::open_dir;
use crate::error::SpoolError;
use crate::spool::SpoolFile;
use ir_model::Blob;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags, linkat, mkdirat, openat, renameat_with, unlinkat};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

/// Keeps the file behind `blob` as `<folder>/<name>`, with `sidecar` beside it. Blocks.
pub(super) fn keep(inner: &Inner, blob: &Blob, folder: &str, name: &str, sidecar: &[u8]) -> Result<(), SpoolError> {
    let file: &SpoolFile = blob.keeper().ok_or_else(|| super::invalid("not a picture of the spool"))?;
    // Whoever holds the path is the only one who moves the file.
    let source = file.take_path().ok_or(io::Error::from(io::ErrorKind::AlreadyExists))?;
    let mut entry = Entry { fsync: inner.spool.fsync(), source: &source, spent: false };
    match entry.make(inner, file, folder, name, sidecar) {
        Ok(()) => {
            file.mark_kept();
            Ok(())
        }
        Err(error) if entry.spent => {
            file.mark_kept();
            Err(error.into())
        }
        Err(error) => {
            file.put_back(source);
            Err(error.into())
        }
    }
}

/// Writes a file in the spool, moves it into the store, and removes it. Blocks.
pub(super) fn try_out(inner: &Inner) -> io::Result<()> {
    let random = inner.spool.dice().hex128();
    let path = inner.spool.dir().join(&random);
    // What a crash leaves is a leftover by its name.
    let name = format!(".00000000T000000-{random}.png.tmp");
    let root = open_dir(CWD, inner.root(), false)?;
    let mut undo = Undo { dir: &root, names: Vec::with_capacity(1) };
    let tried: io::Result<()> = (|| {
        ir_crash::fault("spool.write")?;
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&path)?;
        ir_crash::fault("keep.write")?;
        file.write_all(&[0; 4096])?;
        if inner.spool.fsync() {
            ir_crash::fault("keep.fsync")?;
            file.sync_all()?;
        }
        rename_new(CWD, &path, &root, &name)?;
        undo.names.push(name);
        if inner.spool.fsync() { Ok(rustix::fs::fsync(&root)?) } else { Ok(()) }
    })();
    remove_quietly(CWD, &path);
    match tried {
        // Another file system: that it can be written to is not tried.
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => Ok(()),
        other => other,
    }
}

struct Entry<'a> {
    fsync: bool,
    source: &'a PathBuf,
    /// The spool file is gone, or what it holds cannot be trusted any more.
    spent: bool,
}

impl Entry<'_> {
    fn make(&mut self, inner: &Inner, file: &SpoolFile, folder: &str, name: &str, sidecar: &[u8]) -> io::Result<()> {
        let root = open_dir(CWD, inner.root(), false)?;
        let dir = make_folder(&root, folder)?;
        let temporary = format!(".{name}.json.tmp");
        let card = format!("{name}.json");
        let mut undo = Undo { dir: &dir, names: Vec::with_capacity(3) };

        write_new(&dir, &temporary, &mut undo, |out| out.write_all(sidecar), self.fsync)?;
        ir_crash::point("keep.written");
        if self.fsync
            && let Err(error) = ir_crash::fault("keep.fsync").and_then(|()| file.file().sync_data())
        {
            // The pages that could not be written may be forgotten by now: a second fsync would
            // succeed and mean nothing.
            self.spent = true;
            remove_quietly(CWD, self.source);
            return Err(error);
        }
        ir_crash::point("keep.synced");
        rename_new(&dir, Path::new(&temporary), &dir, &card)?;
        undo.replace(card);
        ir_crash::point("keep.told");
        match rename_new(CWD, self.source, &dir, name) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => copy_in(&dir, file.file(), name, self.fsync, &mut undo)?,
            other => other?,
        }
        undo.names.push(name.to_owned());
        self.spent = true;
        remove_quietly(CWD, self.source);
        ir_crash::point("keep.renamed");
        if self.fsync {
            rustix::fs::fsync(&dir)?;
            settle(inner, &root, folder)?;
        }
        undo.names.clear();
        Ok(())
    }
}

/// Opens the day's folder, making it if need be. Made anew should somebody have removed it.
fn make_folder(root: &OwnedFd, folder: &str) -> io::Result<OwnedFd> {
    match open_dir(root, Path::new(folder), true) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => return other,
    }
    match mkdirat(root, folder, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => open_dir(root, Path::new(folder), true),
        Err(error) => Err(error.into()),
    }
}

/// Puts the folder's own entry on the disk, once a day: whoever made it, what is in it counts as
/// kept only after that.
fn settle(inner: &Inner, root: &OwnedFd, folder: &str) -> io::Result<()> {
    let known = || inner.durable_folder.lock().unwrap_or_else(PoisonError::into_inner);
    if *known() != folder {
        rustix::fs::fsync(root)?;
        folder.clone_into(&mut known());
    }
    Ok(())
}

/// Writes a file that is not there yet.
fn write_new(
    dir: &OwnedFd,
    name: &str,
    undo: &mut Undo<'_>,
    write: impl FnOnce(&mut File) -> io::Result<()>,
    fsync: bool,
) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut out = File::from(openat(dir, name, flags, Mode::RUSR | Mode::WUSR)?);
    undo.names.push(name.to_owned());
    ir_crash::fault("keep.write")?;
    write(&mut out)?;
    if fsync { out.sync_all() } else { Ok(()) }
}

/// Renames without ever replacing anything.
fn rename_new(from_dir: impl AsFd, from: &Path, to_dir: &OwnedFd, to: &str) -> io::Result<()> {
    ir_crash::fault("keep.rename")?;
    match renameat_with(&from_dir, from, to_dir, to, RenameFlags::NOREPLACE) {
        // Some file systems (NFS, older overlays) know no flags.
        Err(Errno::INVAL | Errno::NOSYS) => {
            linkat(&from_dir, from, to_dir, to, AtFlags::empty())?;
            Ok(unlinkat(&from_dir, from, AtFlags::empty())?)
        }
        other => Ok(other?),
    }
}

/// The way in when `storage/` is another file system than `spool/`: a copy, then a rename there.
fn copy_in(dir: &OwnedFd, file: &File, name: &str, fsync: bool, undo: &mut Undo<'_>) -> io::Result<()> {
    let temporary = format!(".{name}.tmp");
    let copy = |out: &mut File| {
        let mut block = vec![0; crate::BLOCK];
        let mut at = 0;
        loop {
            let n = file.read_at(&mut block, at)?;
            if n == 0 {
                return Ok(());
            }
            out.write_all(&block[..n])?;
            at += n as u64;
        }
    };
    write_new(dir, &temporary, undo, copy, fsync)?;
    rename_new(dir, Path::new(&temporary), dir, name)?;
    undo.names.pop();
    Ok(())
}

fn remove_quietly(dir: impl AsFd, path: &Path) {
    match unlinkat(dir, path, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => tracing::warn!(%error, path = %path.display(), "a file of a picture could not be removed; the next scan reports it"),
    }
}

/// What to remove again if a step fails.
struct Undo<'a> {
    dir: &'a OwnedFd,
    names: Vec<String>,
}

impl Undo<'_> {
    /// The last file has another name now.
    fn replace(&mut self, name: String) {
        self.names.pop();
        self.names.push(name);
    }
}

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        // The picture before its sidecar, as in a removal.
        for name in self.names.iter().rev() {
            remove_quietly(self.dir, Path::new(name));
        }
    }
}
