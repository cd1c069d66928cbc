//! Pictures that stay: `data/storage/<day>/<name>`, each with its sidecar `<name>.json`.
//!
//! A picture enters by rename, after its sidecar and only once both are on the disk; so whatever
//! moment the power fails at, a picture in the store is whole and told of by its sidecar, or it is
//! none of ours. What was cut short is a leftover that [`PictureStore::scan`] reports. Names are
//! unguessable and never used twice: nothing in the store is ever written over.
//!
//! Pictures of 1.x lie flat in `data/storage/`, with a sidecar of another form or none; they are
//! read where they are.

mod blank;
mod decode;
mod examine;
mod flights;
mod keep;
mod place;
mod prepare;
mod scan;
#[cfg(test)]
mod tests;
mod thumbs;

use crate::error::SpoolError;
use crate::inspect::Inspector;
use crate::sidecar::{AnySidecar, Sidecar};
use crate::spool::{Spool, SpoolFile};
use examine::{ANY_SIZE, examine};
use flights::Flights;
use ir_model::{Blob, Format, Picture, Probe, Timestamp};
use place::{EXTENSIONS, Place};
pub use prepare::{Prepared, Wanted};
use rustix::fs::{AtFlags, unlinkat};
pub use scan::{ScanItem, ScanKind, Unfit, Verified};
use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// Decodes at once: each may allocate 128 MiB (`07-security.md`, "Pictures as attack").
const DECODES: usize = 2;

/// Sides of thumbnails, in pixels.
const SIDES: [u32; 2] = [256, 512];

/// Keeps, finds, previews and removes pictures. Cloning is cheap and shares the store.
#[derive(Clone)]
pub struct PictureStore(Arc<Inner>);

struct Inner {
    spool: Spool,
    /// The day's folder whose own directory entry is known to be on the disk.
    durable_folder: Mutex<String>,
    /// Names that are being kept right now: what the disk shows of them is not finished. As many as
    /// the spool has files.
    keeping: Arc<Mutex<HashSet<String>>>,
    decodes: Arc<Semaphore>,
    flights: Flights,
}

impl PictureStore {
    /// The store beside `spool`. One per data directory.
    pub fn new(spool: &Spool) -> Self {
        Self(Arc::new(Inner {
            spool: spool.clone(),
            durable_folder: Mutex::default(),
            keeping: Arc::default(),
            decodes: Arc::new(Semaphore::new(DECODES)),
            flights: Flights::default(),
        }))
    }

    /// A new name, such as `20261122T225358-<32 hexadecimal digits>.png`: the time in UTC and 128
    /// random bits.
    pub fn name_for(&self, now: Timestamp, format: Format) -> String {
        let (year, month, day, hour, minute, second) = now.civil();
        let random = self.0.spool.dice().hex128();
        format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}-{random}.{}", format.extension())
    }

    /// Keeps a picture for good under a name of [`PictureStore::name_for`]; when this returns `Ok`,
    /// it is on the disk (unless the spool was opened with `fsync: false`). The sidecar's facts are
    /// filled in from the picture, over-long texts are cut. A future that is dropped does not stop
    /// what it has begun. Answers the relative path under `storage/`, `2026-11-22/<name>`.
    ///
    /// # Errors
    /// The file system's: the picture is still in the spool and may be kept again, except after a
    /// failed fsync, which makes its bytes worthless. `AlreadyExists` for a name that is taken and
    /// for a picture that was kept before; `InvalidInput` for another kind of name.
    pub async fn keep(&self, picture: &Picture, name: &str, sidecar: &Sidecar) -> Result<String, SpoolError> {
        let folder =
            day_of(name, picture.probe.format).ok_or_else(|| invalid("a picture's name is its time, 128 random bits and its format"))?;
        let json = sidecar.about(picture, name).to_json();
        let guard = Keeping::begin(&self.0.keeping, name)?;
        let (inner, blob, name) = (Arc::clone(&self.0), picture.blob.clone(), name.to_owned());
        blocking(move || {
            let _guard = guard;
            keep::keep(&inner, &blob, &folder, &name, &json)?;
            Ok(format!("{folder}/{name}"))
        })
        .await
    }

    /// Goes through the steps of keeping with a small file, which is gone afterwards.
    ///
    /// # Errors
    /// The file system's: nothing can be kept at present.
    pub async fn try_out(&self) -> Result<(), SpoolError> {
        let inner = Arc::clone(&self.0);
        blocking(move || Ok(keep::try_out(&inner)?)).await
    }

    /// Opens a kept picture by its relative path, as the index has it. Pictures of ours are known by
    /// their sidecar and header; of others all bytes are read and checked.
    ///
    /// # Errors
    /// `InvalidInput` for what is not the plain relative path of a picture, `NotFound` for what is
    /// not there or is a link, `InvalidData` for what is not a whole picture.
    pub async fn open(&self, relative: &str) -> Result<Blob, SpoolError> {
        let (inner, relative) = (Arc::clone(&self.0), relative.to_owned());
        blocking(move || Ok(inner.open(&relative)?)).await
    }

    /// Removes a picture, its sidecar and its thumbnails. Whether there was such a picture; what is
    /// left of a removal that was cut short is removed all the same.
    ///
    /// # Errors
    /// `InvalidInput` as for [`PictureStore::open`]; the file system's.
    pub async fn delete(&self, relative: &str) -> Result<bool, SpoolError> {
        let (inner, relative) = (Arc::clone(&self.0), relative.to_owned());
        blocking(move || Ok(inner.delete(&relative)?)).await
    }
}

impl std::fmt::Debug for PictureStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PictureStore").field("dir", &self.0.root()).finish_non_exhaustive()
    }
}

impl Inner {
    fn root(&self) -> &Path {
        self.spool.storage_dir()
    }

    fn open(&self, relative: &str) -> io::Result<Blob> {
        let place = Place::find(self.root(), relative)?;
        let file = place.open()?;
        let sidecar = scan::sidecar_of(&place.dir, &place.name)?;
        let (sha256, probe) = match sidecar {
            Some(AnySidecar::Ours(sidecar)) => told(&sidecar, &file, &place.name)?,
            _ => None,
        }
        .map_or_else(|| read_whole(&file), Ok)?;
        Ok(Blob::new(Arc::new(SpoolFile::from_existing(file, sha256, Ok(probe))?)))
    }

    fn delete(&self, relative: &str) -> io::Result<bool> {
        let place = match Place::find(self.root(), relative) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            other => other?,
        };
        // A link is not a picture of ours: it is left alone, like what it points to.
        match place.open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound && place.is_there()? => return Err(error),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // The picture first: a sidecar alone is a leftover, a picture alone would be for ever.
        let found = remove(&place, &place.name)?;
        ir_crash::point("removal.unlinked");
        remove(&place, &format!("{}.json", place.name))?;
        // What is found now is 1.x's `<stem>.json`, which several pictures may share.
        if let Some(shared) = scan::stem_sidecar(&place.name)
            && matches!(scan::sidecar_of(&place.dir, &place.name)?, Some(AnySidecar::Legacy(_)))
            && !has_sibling(&place)?
        {
            remove(&place, &shared)?;
        }
        if self.spool.fsync() {
            rustix::fs::fsync(&place.dir)?;
        }
        for side in SIDES {
            thumbs::remove(self.spool.thumbs_dir(), side, relative)?;
        }
        Ok(found)
    }
}

/// What our sidecar tells of an open picture; `None` if it tells of another one.
fn told(sidecar: &Sidecar, file: &File, name: &str) -> io::Result<Option<([u8; 32], Probe)>> {
    let Some(sha256) = sidecar.digest().filter(|_| sidecar.name == name && file.metadata().is_ok_and(|meta| meta.len() == sidecar.bytes))
    else {
        return Ok(None);
    };
    // The header decides what it is served as, whatever stands beside it.
    let probe = header(file)?.filter(|probe| probe.format == sidecar.format && probe.size == sidecar.size());
    Ok(probe.map(|probe| (sha256, probe)))
}

/// The header of an open picture, if it stands within the first mebibyte.
fn header(file: &File) -> io::Result<Option<Probe>> {
    let mut inspector = Inspector::new(ANY_SIZE);
    let mut block = [0; 4096];
    let mut at = 0;
    while at < 1024 * 1024 {
        let n = file.read_at(&mut block, at)?;
        if n == 0 || inspector.feed(&block[..n]).is_err() {
            return Ok(None);
        }
        if let Some(probe) = inspector.header() {
            return Ok(Some(probe));
        }
        at += n as u64;
    }
    Ok(None)
}

fn read_whole(file: &File) -> io::Result<([u8; 32], Probe)> {
    let (_, sha256, verdict) = examine(file)?;
    let probe = verdict.map_err(|flaw| io::Error::new(io::ErrorKind::InvalidData, flaw.to_string()))?;
    Ok((sha256, probe))
}

/// Removes one file of a directory; whether it was there.
fn remove(place: &Place, name: &str) -> io::Result<bool> {
    match unlinkat(&place.dir, name, AtFlags::empty()) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether another picture shares the name but for its extension, and so a 1.x sidecar.
fn has_sibling(place: &Place) -> io::Result<bool> {
    let Some((stem, _)) = place.name.rsplit_once('.') else { return Ok(false) };
    for extension in EXTENSIONS {
        let sibling = Place { dir: place.dir.try_clone()?, name: format!("{stem}.{extension}") };
        if sibling.is_there()? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The folder of a name of ours: `2026-11-22` for `20261122T225358-<32 hexadecimal digits>.png`.
fn day_of(name: &str, format: Format) -> Option<String> {
    let base = name.strip_suffix(format.extension())?.strip_suffix('.')?;
    let (time, random) = base.split_once('-')?;
    let (day, clock) = time.split_once('T')?;
    let digits = |text: &str, n: usize| text.len() == n && text.bytes().all(|b| b.is_ascii_digit());
    let hex = random.len() == 32 && random.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    (digits(day, 8) && digits(clock, 6) && hex).then(|| format!("{}-{}-{}", &day[..4], &day[4..6], &day[6..]))
}

/// Whether a name is of our form, in whatever format.
fn is_ours(name: &str) -> bool {
    Format::ALL.into_iter().any(|format| day_of(name, format).is_some())
}

/// Marks a name as being kept for as long as it lives.
struct Keeping {
    names: Arc<Mutex<HashSet<String>>>,
    name: String,
}

impl Keeping {
    fn begin(names: &Arc<Mutex<HashSet<String>>>, name: &str) -> Result<Self, SpoolError> {
        let fresh = names.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        if !fresh {
            return Err(SpoolError::Io(io::ErrorKind::AlreadyExists.into()));
        }
        Ok(Self { names: Arc::clone(names), name: name.to_owned() })
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

fn invalid(what: &'static str) -> SpoolError {
    SpoolError::Io(io::Error::new(io::ErrorKind::InvalidInput, what))
}

/// Runs what blocks on a thread for it. A panic there becomes an error here.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, SpoolError> + Send + 'static) -> Result<T, SpoolError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(SpoolError::Io(io::Error::other(error))))
}
