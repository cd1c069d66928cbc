//! Small versions of kept pictures, made when they are first asked for.
//!
//! They can be made again at any time: written whole by rename, but not forced to the disk. One that
//! a power failure has torn is seen when it is opened, and made anew.

use super::decode::{self, Decoded, decode_error};
use super::examine::examine;
use super::flights::PATIENCE;
use super::place::{Place, open_file};
use super::{Inner, PictureStore, SIDES, blocking, invalid};
use crate::error::SpoolError;
use crate::spool::SpoolFile;
use image::{DynamicImage, ImageFormat};
use ir_model::{Blob, Format, Picture, Size};
use rustix::fs::{AtFlags, Mode, OFlags, openat, renameat, unlinkat};
use std::fs::{DirBuilder, File};
use std::io::{self, Cursor, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// Longest side that [`PictureStore::decode_small`] gives: 16 MiB of RGBA.
const SMALL_SIDE: u32 = 2048;

impl PictureStore {
    /// The WebP thumbnail of a kept picture: its first frame, upright, no side longer than `side`
    /// (256 or 512), never enlarged. Made when it is first asked for, two at once at most.
    ///
    /// # Errors
    /// As [`PictureStore::open`]; `InvalidInput` for another side; [`SpoolError::TooLarge`] for a
    /// picture that takes more than 128 MiB to decode; `TimedOut` after 30 s in the queue.
    pub async fn thumbnail(&self, relative: &str, side: u32) -> Result<Blob, SpoolError> {
        if !SIDES.contains(&side) || super::place::split(relative).is_none() {
            return Err(invalid("not a thumbnail's side, or not the relative path of a picture"));
        }
        if let Some(blob) = self.thumbnail_made(relative, side).await? {
            return Ok(blob);
        }
        let flight = self.0.flights.board(&format!("{side}/{relative}")).await?;
        // Whoever had the turn before may have made it.
        if let Some(blob) = self.thumbnail_made(relative, side).await? {
            return Ok(blob);
        }
        let permit = self.permit().await?;
        let (inner, relative) = (Arc::clone(&self.0), relative.to_owned());
        blocking(move || {
            let _held = (flight, permit);
            let source = Place::find(inner.root(), &relative)?.open()?;
            let probe = super::header(&source)?.ok_or(io::Error::from(io::ErrorKind::InvalidData))?;
            let image = decode(&source, probe.format, side)?;
            let place = thumb_place(inner.spool.thumbs_dir(), side, &relative, true)?;
            store(&place, &encode(image)?)?;
            drop(source);
            open(&place)?.ok_or_else(|| SpoolError::Io(io::ErrorKind::NotFound.into()))
        })
        .await
    }

    async fn thumbnail_made(&self, relative: &str, side: u32) -> Result<Option<Blob>, SpoolError> {
        let (inner, relative) = (Arc::clone(&self.0), relative.to_owned());
        blocking(move || inner.thumbnail_made(&relative, side)).await
    }

    /// The first frame of a picture, upright, as RGBA, no side longer than `max_side` (at most 2048),
    /// never enlarged.
    ///
    /// # Errors
    /// `InvalidData` for what cannot be decoded; [`SpoolError::TooLarge`] above 128 MiB of memory;
    /// `TimedOut` after 30 s in the queue.
    pub async fn decode_small(&self, picture: &Picture, max_side: u32) -> Result<(Size, Vec<u8>), SpoolError> {
        let permit = self.permit().await?;
        let picture = picture.clone();
        blocking(move || {
            let _permit = permit;
            let file: &SpoolFile = picture.blob.keeper().ok_or_else(|| invalid("not a picture of the spool"))?;
            let image = decode(file.file(), picture.probe.format, max_side.clamp(1, SMALL_SIDE))?;
            Ok((Size::new(image.width(), image.height()), image.into_rgba8().into_raw()))
        })
        .await
    }

    /// The right to decode one picture.
    pub(super) async fn permit(&self) -> Result<OwnedSemaphorePermit, SpoolError> {
        let permit = tokio::time::timeout(PATIENCE, Arc::clone(&self.0.decodes).acquire_owned()).await;
        Ok(permit.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?.expect("the semaphore is never closed"))
    }
}

impl Inner {
    /// The thumbnail, if it is there and whole. A thumbnail whose picture is gone is not there.
    fn thumbnail_made(&self, relative: &str, side: u32) -> Result<Option<Blob>, SpoolError> {
        Place::find(self.root(), relative)?.open()?;
        match thumb_place(self.spool.thumbs_dir(), side, relative, false) {
            Ok(place) => open(&place),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Where a thumbnail is: `<thumbs>/<side>/<relative>.webp`.
fn thumb_place(thumbs: &Path, side: u32, relative: &str, make: bool) -> io::Result<Place> {
    let root = thumbs.join(side.to_string());
    if make {
        let folder = super::place::split(relative).and_then(|(folder, _)| folder);
        let dir = folder.map_or_else(|| root.clone(), |folder| root.join(folder));
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
    let place = Place::find(&root, relative)?;
    Ok(Place { name: format!("{}.webp", place.name), dir: place.dir })
}

/// Opens a thumbnail that is there and whole.
fn open(place: &Place) -> Result<Option<Blob>, SpoolError> {
    let file = match open_file(&place.dir, &place.name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let (_, sha256, Ok(probe)) = examine(&file)? else { return Ok(None) };
    Ok(Some(Blob::new(Arc::new(SpoolFile::from_existing(file, sha256, Ok(probe))?))))
}

/// Writes a thumbnail whole. Whoever has the flight is alone here, so the temporary name needs no
/// randomness, and what a crash leaves is written over.
fn store(place: &Place, bytes: &[u8]) -> io::Result<()> {
    let temporary = format!(".{}.tmp", place.name);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut out = File::from(openat(&place.dir, &temporary, flags, Mode::RUSR | Mode::WUSR)?);
    out.write_all(bytes)?;
    Ok(renameat(&place.dir, &temporary, &place.dir, &place.name)?)
}

/// Removes a thumbnail if there is one.
pub(super) fn remove(thumbs: &Path, side: u32, relative: &str) -> io::Result<()> {
    let place = match thumb_place(thumbs, side, relative, false) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    match unlinkat(&place.dir, &place.name, AtFlags::empty()) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Decodes the first frame within the limits and makes it small and upright.
fn decode(file: &File, format: Format, max_side: u32) -> Result<DynamicImage, SpoolError> {
    let Decoded { mut image, orientation, .. } = decode::first_frame(file, format)?;
    if image.width().max(image.height()) > max_side {
        image = image.thumbnail(max_side, max_side);
    }
    image.apply_orientation(orientation);
    Ok(image)
}

/// WebP without loss; at most 512² pixels, so some hundred KiB at worst.
fn encode(image: DynamicImage) -> Result<Vec<u8>, SpoolError> {
    let image =
        if image.color().has_alpha() { DynamicImage::ImageRgba8(image.into_rgba8()) } else { DynamicImage::ImageRgb8(image.into_rgb8()) };
    let mut out = Cursor::new(Vec::new());
    image.write_to(&mut out, ImageFormat::WebP).map_err(decode_error)?;
    Ok(out.into_inner())
}
