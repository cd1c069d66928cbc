//! Making pictures ready for a platform.
//!
//! What a camera or an editor wrote beside a picture (where, when and by whom it was taken, what it
//! showed before it was cut) is nobody's business but its owner's: it never leaves. That is done by
//! copying the rest of the file, so the pixels stay what they are. Only a picture that a platform
//! would not take, or that is heavier than its operator wants to send, is drawn and encoded anew.

mod encode;
mod gif;
mod jpeg;
mod plan;
mod png;
mod scale;
mod webp;

use super::decode::{Decoded, first_frame};
use super::{PictureStore, blocking};
use crate::error::SpoolError;
use crate::pieces::PieceBody;
use crate::reader::file_of;
use image::metadata::Orientation;
use ir_model::{Blob, Flaw, Format, Picture, Size};
use plan::{Part, Plan};
use std::io;

/// Most bytes that an encoder may write into memory.
const ENCODED: u64 = 64 * 1024 * 1024;

/// What a platform takes. The default is whatever there is: only metadata is removed for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Formats; empty for any. To be encoded anew a picture needs PNG, JPEG or WebP among them.
    pub formats: &'static [Format],
    /// Most bytes.
    pub max_bytes: u64,
    /// Longest side, in pixels.
    pub max_side: u32,
    /// Most pixels.
    pub max_pixels: u64,
    /// Least pixels of the shorter side; smaller pictures are enlarged. 0 for none.
    pub min_side: u32,
    /// The operator's threshold, in bytes: what is heavier is compressed.
    pub compress_above: u64,
    /// Bytes that compression aims at. Where that is out of reach, [`Wanted::max_bytes`] counts.
    pub compress_to: u64,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            formats: &[],
            max_bytes: u64::MAX,
            max_side: u32::MAX,
            max_pixels: u64::MAX,
            min_side: 0,
            compress_above: u64::MAX,
            compress_to: u64::MAX,
        }
    }
}

impl Wanted {
    fn takes(&self, format: Format) -> bool {
        self.formats.is_empty() || self.formats.contains(&format)
    }

    fn too_heavy(&self, bytes: u64) -> bool {
        bytes > self.compress_above.max(self.compress_to)
    }

    fn is_met_by(&self, format: Format, size: Size, bytes: u64) -> bool {
        let sides = scale::long(size) <= self.max_side && scale::short(size) >= self.min_side;
        self.takes(format) && bytes <= self.max_bytes && !self.too_heavy(bytes) && sides && size.pixels() <= self.max_pixels
    }
}

/// A picture that is ready to be sent.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The picture: the same blob as before if there was nothing to do.
    pub picture: Picture,
    /// Whether it was encoded anew: its pixels, its dimensions or its format are others.
    pub changed: bool,
    /// Whether metadata was removed.
    pub stripped: bool,
}

impl PictureStore {
    /// Removes a picture's metadata and brings it within what is wanted. An orientation that cannot
    /// be applied without decoding stays, as the only thing that its EXIF still tells. Encoded anew
    /// are: the first frame, upright, in the same shape, as JPEG, or with its transparency as PNG or
    /// WebP; smaller in quality and then in size until it fits. What is seen through is laid on white
    /// only if nothing else fits. Two are decoded at once at most.
    ///
    /// # Errors
    /// `InvalidData` for what cannot be decoded, has a shape that cannot be brought within the wanted
    /// sides, or has more than 4096 blocks of metadata; `InvalidInput` for a blob that is not the
    /// spool's and for formats that cannot be written; [`SpoolError::TooLarge`] above 128 MiB of
    /// memory to decode, and for what cannot be made small enough; `TimedOut` after 30 s in the
    /// queue; the spool's.
    pub async fn prepare(&self, picture: &Picture, wanted: &Wanted) -> Result<Prepared, SpoolError> {
        Ok(self.prepare_turned(picture, wanted).await?.0)
    }

    /// The same for a picture and its mask, which keeps the dimensions of the picture. The mask loses
    /// its metadata; it is drawn anew, as a PNG whose values stay what they are, only if the picture
    /// was turned or scaled, or if the mask's own bytes or format are not wanted.
    ///
    /// # Errors
    /// As [`PictureStore::prepare`], for either.
    pub async fn prepare_with_mask(&self, picture: &Picture, mask: &Picture, wanted: &Wanted) -> Result<(Prepared, Prepared), SpoolError> {
        let (prepared, turned) = self.prepare_turned(picture, wanted).await?;
        let plan = self.plan(mask).await?;
        let size = if prepared.changed { prepared.picture.probe.size } else { mask.probe.size };
        let format = mask.probe.format == Format::Png || wanted.takes(mask.probe.format);
        let stays = mask.probe.size == size && turned == Orientation::NoTransforms;
        if stays && format && plan.size() <= wanted.max_bytes {
            return Ok((prepared, self.strip(mask, plan).await?));
        }
        // A mask as large as the file of the picture was drawn on it as it lies there.
        let turned = if mask.probe.size == picture.probe.size { turned } else { Orientation::NoTransforms };
        let limit = wanted.max_bytes.min(self.largest());
        let mask = self.draw(mask, move |decoded| {
            let mut image = decoded.image;
            image.apply_orientation(if decoded.orientation == Orientation::NoTransforms { turned } else { decoded.orientation });
            let same = Size::new(image.width(), image.height()) == size;
            let image = if same { image } else { scale::resample_mask(&image, size) };
            Ok((encode::mask(image, limit)?.ok_or(SpoolError::TooLarge { limit })?, ()))
        });
        let (mask, ()) = mask.await?;
        Ok((prepared, Prepared { picture: mask, changed: true, stripped: plan.dropped }))
    }

    /// The prepared picture, and how it was turned.
    async fn prepare_turned(&self, picture: &Picture, wanted: &Wanted) -> Result<(Prepared, Orientation), SpoolError> {
        let plan = self.plan(picture).await?;
        if wanted.is_met_by(picture.probe.format, picture.probe.size, plan.size()) {
            return Ok((self.strip(picture, plan).await?, Orientation::NoTransforms));
        }
        let aims = if wanted.too_heavy(plan.size()) {
            [wanted.compress_to.min(wanted.max_bytes), wanted.max_bytes]
        } else {
            [wanted.max_bytes; 2]
        };
        let (wanted, largest) = (*wanted, self.largest());
        let aims = aims.map(|aim| aim.min(largest));
        let drawn = self.draw(picture, move |decoded| {
            let Decoded { mut image, orientation, profile } = decoded;
            image.apply_orientation(orientation);
            let base = scale::fit(Size::new(image.width(), image.height()), &wanted).ok_or_else(misshapen)?;
            let source = encode::Source::new(image, profile);
            let aimed = source.shrink(base, &wanted, aims[0])?;
            let bytes = if aimed.is_none() && aims[1] > aims[0] { source.shrink(base, &wanted, aims[1])? } else { aimed };
            Ok((bytes.ok_or(SpoolError::TooLarge { limit: aims[1] })?, orientation))
        });
        let (picture, turned) = drawn.await?;
        Ok((Prepared { picture, changed: true, stripped: plan.dropped }, turned))
    }

    /// Most bytes of a picture that is encoded here.
    fn largest(&self) -> u64 {
        self.0.spool.limits().bytes.min(ENCODED)
    }

    async fn plan(&self, picture: &Picture) -> Result<Plan, SpoolError> {
        let picture = picture.clone();
        blocking(move || Ok(Plan::of(file_of(&picture.blob)?.file(), picture.probe.format)?)).await
    }

    /// Copies what the plan keeps, a block at a time.
    async fn strip(&self, picture: &Picture, plan: Plan) -> Result<Prepared, SpoolError> {
        if !plan.dropped {
            return Ok(Prepared { picture: picture.clone(), changed: false, stripped: false });
        }
        let mut writer = self.0.spool.for_callers().writer()?;
        for part in plan.parts {
            match part {
                Part::Bytes(bytes) => writer.write(&bytes).await?,
                Part::Range { start, end } => {
                    let mut range = PieceBody::range(picture.blob.clone(), start, end);
                    while let Some(bytes) = range.next().await {
                        writer.write(&bytes?).await?;
                    }
                }
            }
        }
        Ok(Prepared { picture: whole(writer.finish().await?)?, changed: false, stripped: true })
    }

    /// Decodes a picture, lets `work` make new bytes of it, and puts those into the spool. Whoever
    /// draws takes the memory of a decode, as much again for the turned and as much for the scaled
    /// picture, 128 MiB for resampling and 64 MiB for the new bytes.
    async fn draw<T: Send + 'static>(
        &self,
        picture: &Picture,
        work: impl FnOnce(Decoded) -> Result<(Vec<u8>, T), SpoolError> + Send + 'static,
    ) -> Result<(Picture, T), SpoolError> {
        let permit = self.permit().await?;
        let picture = picture.clone();
        let (bytes, told, _held) = blocking(move || {
            let decoded = first_frame(file_of(&picture.blob)?.file(), picture.probe.format)?;
            let (bytes, told) = work(decoded)?;
            Ok((bytes, told, permit))
        })
        .await?;
        let mut writer = self.0.spool.for_callers().writer()?;
        writer.write(&bytes).await?;
        Ok((whole(writer.finish().await?)?, told))
    }
}

/// What was written here is a picture, unless it is above the spool's limits.
fn whole(blob: Blob) -> Result<Picture, SpoolError> {
    Picture::from_blob(blob).map_err(|flaw: Flaw| SpoolError::Io(io::Error::new(io::ErrorKind::InvalidData, flaw.to_string())))
}

fn misshapen() -> SpoolError {
    SpoolError::Io(io::Error::new(io::ErrorKind::InvalidData, "a picture's shape cannot be brought within the wanted sides"))
}
