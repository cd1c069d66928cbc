//! Everything in the store, for rebuilding the index and for recovery after a crash.

use super::examine::examine;
use super::place::{Place, is_picture, open_dir, open_file, split};
use super::{Inner, PictureStore, is_ours};
use crate::sidecar::{AnySidecar, LegacyMetadata, SIDECAR_LIMIT, Sidecar, parse};
use ir_model::{Flaw, Probe, Timestamp};
use rustix::fs::{AtFlags, CWD, unlinkat};
use std::fs::{self, DirEntry, ReadDir};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::UNIX_EPOCH;
use std::{error, fmt};

/// One file that a scan has found.
#[derive(Debug)]
pub struct ScanItem {
    /// Its path under `storage/`, as [`PictureStore::open`] takes it.
    pub relative: String,
    /// Its file name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// When it was last written.
    pub modified: Timestamp,
    /// What it is by its surroundings; its bytes have not been read.
    pub kind: ScanKind,
}

/// What a file is by its surroundings.
#[derive(Debug)]
pub enum ScanKind {
    /// A picture with a sidecar of ours.
    Ours(Box<Sidecar>),
    /// A picture of 1.x; without a sidecar its metadata is empty.
    Legacy(LegacyMetadata),
    /// A picture in a day's folder that no readable sidecar tells of: not to be indexed.
    NoSidecar,
    /// What a crash has left: a sidecar without its picture, or a half-written file. To be removed.
    Leftover,
    /// The file system failed here.
    Unreadable(String),
}

/// What a picture turned out to be when all of it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// What its header says.
    pub probe: Probe,
    /// Its length.
    pub bytes: u64,
}

/// Why a found file must not be indexed.
#[derive(Debug)]
pub enum Unfit {
    /// It could not be read.
    Io(io::Error),
    /// It is not a whole picture.
    Flaw(Flaw),
    /// It is not the picture that its sidecar tells of.
    Mismatch,
    /// Nothing tells what it is.
    Unknown,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "it cannot be read: {error}"),
            Self::Flaw(flaw) => flaw.fmt(f),
            Self::Mismatch => f.write_str("it is not the picture that its sidecar tells of"),
            Self::Unknown => f.write_str("no sidecar tells what it is"),
        }
    }
}

impl error::Error for Unfit {}

impl PictureStore {
    /// Walks over every picture and every leftover under `storage/`, one folder deep, following no
    /// links. Other files are passed over, and so is what is being kept right now. Blocks while it
    /// reads directories and sidecars, holding one at a time: for a thread of its own.
    pub fn scan(&self) -> impl Iterator<Item = ScanItem> + Send + use<> {
        Scan { inner: Arc::clone(&self.0), root: None, folder: None, done: false }
    }

    /// Reads a found picture from end to end: whether it is whole, and the one that its sidecar
    /// tells of. Only what passes may be indexed. Blocks.
    ///
    /// # Errors
    /// Why it must not be indexed.
    pub fn verify(&self, item: &ScanItem) -> Result<Verified, Unfit> {
        let sidecar = match &item.kind {
            ScanKind::Ours(sidecar) => Some(sidecar),
            ScanKind::Legacy(_) => None,
            ScanKind::NoSidecar | ScanKind::Leftover | ScanKind::Unreadable(_) => return Err(Unfit::Unknown),
        };
        let file = Place::find(self.0.root(), &item.relative).and_then(|place| place.open()).map_err(Unfit::Io)?;
        let (bytes, sha256, verdict) = examine(&file).map_err(Unfit::Io)?;
        let probe = verdict.map_err(Unfit::Flaw)?;
        let told = |sidecar: &Sidecar| {
            let same_bytes = sidecar.bytes == bytes && sidecar.digest() == Some(sha256);
            same_bytes && sidecar.name == item.name && sidecar.format == probe.format && sidecar.size() == probe.size
        };
        if sidecar.is_none_or(|sidecar| told(sidecar)) { Ok(Verified { sha256, probe, bytes }) } else { Err(Unfit::Mismatch) }
    }

    /// Removes a leftover that a scan has found; whether it was still there. Blocks.
    ///
    /// # Errors
    /// `InvalidInput` for anything else than a leftover; the file system's.
    pub fn remove_leftover(&self, item: &ScanItem) -> io::Result<bool> {
        let folder = item.relative.strip_suffix(item.name.as_str()).map(|folder| folder.trim_end_matches('/'));
        let (ScanKind::Leftover, Some(folder)) = (&item.kind, folder) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a leftover"));
        };
        let mut dir = open_dir(CWD, self.0.root(), false)?;
        if !folder.is_empty() {
            dir = open_dir(&dir, Path::new(folder), true)?;
        }
        match unlinkat(&dir, &item.name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// The walk: at most two directories are open at a time.
struct Scan {
    inner: Arc<Inner>,
    root: Option<Walk>,
    folder: Option<Walk>,
    done: bool,
}

struct Walk {
    name: Option<String>,
    entries: ReadDir,
    dir: OwnedFd,
}

impl Walk {
    fn open(root: &Path, name: Option<String>) -> io::Result<Self> {
        let path = name.as_deref().map_or_else(|| root.to_owned(), |name| root.join(name));
        Ok(Self { dir: open_dir(CWD, &path, name.is_some())?, entries: fs::read_dir(path)?, name })
    }

    fn relative(&self, name: &str) -> String {
        self.name.as_deref().map_or_else(|| name.to_owned(), |folder| format!("{folder}/{name}"))
    }
}

impl Iterator for Scan {
    type Item = ScanItem;

    fn next(&mut self) -> Option<ScanItem> {
        if self.root.is_none() && !self.done {
            match Walk::open(self.inner.root(), None) {
                Ok(walk) => self.root = Some(walk),
                Err(error) => {
                    self.done = true;
                    return Some(unreadable("", &error));
                }
            }
        }
        loop {
            let deep = self.folder.is_some();
            let walk = if deep { self.folder.as_mut() } else { self.root.as_mut() }?;
            match walk.entries.next() {
                None if deep => self.folder = None,
                None => {
                    self.done = true;
                    self.root = None;
                    return None;
                }
                Some(Err(error)) => {
                    // The rest of this directory cannot be listed.
                    let item = unreadable(walk.name.as_deref().unwrap_or_default(), &error);
                    if deep {
                        self.folder = None;
                    } else {
                        self.done = true;
                        self.root = None;
                    }
                    return Some(item);
                }
                Some(Ok(entry)) => {
                    if let Some(item) = self.visit(&entry, deep) {
                        return Some(item);
                    }
                }
            }
        }
    }
}

impl Scan {
    fn visit(&mut self, entry: &DirEntry, deep: bool) -> Option<ScanItem> {
        let Ok(name) = entry.file_name().into_string() else {
            tracing::warn!(name = ?entry.file_name(), "a file in storage has a name that is not UTF-8: passed over");
            return None;
        };
        let kind = entry.file_type().ok()?;
        if kind.is_dir() && !deep && !name.starts_with('.') {
            match Walk::open(self.inner.root(), Some(name.clone())) {
                Ok(walk) => self.folder = Some(walk),
                Err(error) => return Some(unreadable(&name, &error)),
            }
        }
        if !kind.is_file() {
            return None;
        }
        let walk = if deep { self.folder.as_ref() } else { self.root.as_ref() }?;
        let relative = walk.relative(&name);
        let kind = match judge(&self.inner, walk, &name, &relative) {
            Ok(kind) => kind?,
            Err(error) => return Some(unreadable(&relative, &error)),
        };
        // A directory is listed in advance: what nothing tells of may be renamed or removed by now.
        if !matches!(kind, ScanKind::Ours(_)) && matches!(there(&walk.dir, &name), Ok(false)) {
            return None;
        }
        let (bytes, modified) = facts(entry);
        Some(ScanItem { relative, name, bytes, modified, kind })
    }
}

/// What a regular file is; `None` for what is none of the store's business.
fn judge(inner: &Inner, walk: &Walk, name: &str, relative: &str) -> io::Result<Option<ScanKind>> {
    // Asked before the disk is: what is being kept is registered until its picture has arrived.
    let keeping = |name: &str| inner.keeping.lock().unwrap_or_else(PoisonError::into_inner).contains(name);
    if let Some(base) = name.strip_prefix('.').and_then(|name| name.strip_suffix(".tmp")) {
        let base = base.strip_suffix(".json").unwrap_or(base);
        return Ok((is_ours(base) && !keeping(base)).then_some(ScanKind::Leftover));
    }
    if let Some(base) = name.strip_suffix(".json") {
        // 1.x never wrote names of our form: what has one and no picture is what a crash has left.
        let alone = is_ours(base) && !keeping(base) && !there(&walk.dir, base)?;
        return Ok(alone.then_some(ScanKind::Leftover));
    }
    if !is_picture(name) || split(relative).is_none() || keeping(name) {
        return Ok(None);
    }
    Ok(Some(match sidecar_of(&walk.dir, name)? {
        Some(AnySidecar::Ours(sidecar)) => ScanKind::Ours(sidecar),
        Some(AnySidecar::Legacy(metadata)) => ScanKind::Legacy(metadata),
        None if walk.name.is_none() && !is_ours(name) => ScanKind::Legacy(LegacyMetadata::default()),
        None => ScanKind::NoSidecar,
    }))
}

fn there(dir: &OwnedFd, name: &str) -> io::Result<bool> {
    Place { dir: dir.try_clone()?, name: name.to_owned() }.is_there()
}

fn facts(entry: &DirEntry) -> (u64, Timestamp) {
    let Ok(meta) = entry.metadata() else { return (0, Timestamp(0)) };
    let since = meta.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    (meta.len(), Timestamp(since.and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or(0)))
}

fn unreadable(relative: &str, error: &io::Error) -> ScanItem {
    let name = relative.rsplit('/').next().unwrap_or_default().to_owned();
    ScanItem { relative: relative.to_owned(), name, bytes: 0, modified: Timestamp(0), kind: ScanKind::Unreadable(error.to_string()) }
}

/// The sidecar that 1.x may have written without the picture's extension: `a.json` for `a.png`.
pub(super) fn stem_sidecar(name: &str) -> Option<String> {
    name.rsplit_once('.').filter(|_| !is_ours(name)).map(|(stem, _)| format!("{stem}.json"))
}

/// The readable sidecar of a picture; `None` if there is none.
pub(super) fn sidecar_of(dir: &OwnedFd, name: &str) -> io::Result<Option<AnySidecar>> {
    for candidate in [Some(format!("{name}.json")), stem_sidecar(name)].into_iter().flatten() {
        let file = match open_file(dir, &candidate) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other?,
        };
        let mut json = Vec::new();
        file.take(SIDECAR_LIMIT + 1).read_to_end(&mut json)?;
        if json.len() as u64 > SIDECAR_LIMIT {
            continue;
        }
        if let Some(sidecar) = parse(&json) {
            return Ok(Some(sidecar));
        }
    }
    Ok(None)
}
