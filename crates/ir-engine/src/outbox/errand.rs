//! One errand: a picture and its metadata brought into a bucket, or taken out of it.

use super::{OutboxParts, sidecar};
use ir_egress::{Bucket, BucketFault, Object};
use ir_model::{Blob, Picture};
use ir_spool::Piece;
use ir_store::{Errand, ErrandKind, PictureRecord, StoreError};
use std::fmt;
use std::time::Duration;

/// Why an errand is to be tried again.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The bucket, or the way to it.
    Bucket(BucketFault),
    /// Our own disk or database.
    Local(String),
}

impl Trouble {
    /// When the service wants to be asked again.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Bucket(fault) => fault.retry_after,
            Self::Local(_) => None,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bucket(fault) => fault.fmt(f),
            Self::Local(why) => f.write_str(why),
        }
    }
}

impl From<BucketFault> for Trouble {
    fn from(fault: BucketFault) -> Self {
        Self::Bucket(fault)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Local(error.to_string())
    }
}

/// Carries an errand out and notes that it was. Repeated, it does the same again.
pub(super) async fn carry_out(parts: &OutboxParts, bucket: &Bucket, errand: &Errand) -> Result<(), Trouble> {
    let key = bucket.key(&errand.path);
    ir_crash::point("outbox.begun");
    match errand.kind {
        ErrandKind::Put => {
            let Some((picture, metadata)) = load(parts, errand).await? else { return Ok(()) };
            // The metadata first: a picture in the bucket is always told of, as on the disk.
            bucket.put(&format!("{key}.json"), Object::from_bytes(metadata, "application/json")).await?;
            ir_crash::point("outbox.told");
            let (sha256, media_type) = (picture.blob.sha256(), picture.probe.format.media_type());
            bucket.put(&key, Object { content: vec![Piece::Raw(picture.blob)], sha256, media_type }).await?;
            ir_crash::point("outbox.put");
        }
        ErrandKind::Delete => {
            bucket.delete(&key).await?;
            ir_crash::point("outbox.deleted");
            bucket.delete(&format!("{key}.json")).await?;
        }
    }
    parts.store.carried_out(errand).await?;
    Ok(())
}

/// The picture and its metadata; `None` when there is none to copy any more.
async fn load(parts: &OutboxParts, errand: &Errand) -> Result<Option<(Picture, Vec<u8>)>, Trouble> {
    // Removed meanwhile: its row waits until that cannot be undone, or asks for a delete by now.
    let Some(record) = parts.store.get(&errand.name).await? else { return Ok(None) };
    // A file that is not there may be on a disk that is not mounted: it is looked for again as long as the picture is listed.
    let blob = parts.pictures.open(&record.path).await.map_err(|error| Trouble::Local(format!("the picture cannot be read: {error}")))?;
    let picture = picture(blob, &record)?;
    let metadata = serde_json::to_vec(&sidecar(&record, &picture)).expect("invariant: texts and numbers are always JSON");
    Ok(Some((picture, metadata)))
}

fn picture(blob: Blob, record: &PictureRecord) -> Result<Picture, Trouble> {
    Picture::from_blob(blob).map_err(|flaw| Trouble::Local(format!("{} is not a whole picture: {flaw}", record.path)))
}
