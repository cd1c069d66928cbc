//! Handles to bytes that are kept outside memory.

use crate::picture::{Flaw, Probe};
use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// What keeps the bytes behind a [`Blob`]. Implemented by the spool; dropping the last handle
/// removes the bytes unless they were kept.
pub trait Spooled: Any + Send + Sync + fmt::Debug {
    /// Length in bytes.
    fn size(&self) -> u64;
    /// What the bytes turned out to be while they were written: a whole picture, or why not.
    fn probe(&self) -> Result<Probe, Flaw>;
    /// SHA-256 of the bytes.
    fn sha256(&self) -> [u8; 32];
}

/// A shared handle to bytes in the spool. Cloning is cheap and shares the bytes.
#[derive(Clone, Debug)]
pub struct Blob(Arc<dyn Spooled>);

impl Blob {
    /// A handle to `keeper`'s bytes.
    pub fn new(keeper: Arc<dyn Spooled>) -> Self {
        Self(keeper)
    }

    /// Length in bytes.
    pub fn size(&self) -> u64 {
        self.0.size()
    }

    /// What the bytes are; see [`Spooled::probe`].
    pub fn probe(&self) -> Result<Probe, Flaw> {
        self.0.probe()
    }

    /// SHA-256 of the bytes.
    pub fn sha256(&self) -> [u8; 32] {
        self.0.sha256()
    }

    /// The keeper, for the crate that made it.
    pub fn keeper<T: Spooled>(&self) -> Option<&T> {
        let any: &dyn Any = &*self.0;
        any.downcast_ref()
    }
}

/// A long JSON string that held base64 and was decoded into the spool while it was read; when
/// written, it becomes base64 again.
#[derive(Clone, Debug)]
pub struct LiftedBytes {
    /// The decoded bytes.
    pub blob: Blob,
    /// `Some(media type)`: the string was, or is to be, a `data:<media type>;base64,` URI.
    pub data_uri: Option<String>,
}

/// A long JSON string of text. Pictures written into it as Markdown with a data URI were taken out
/// (`![alt](data:…)` is gone from the text) and stand in `pictures`, in order.
#[derive(Clone, Debug)]
pub struct LongText {
    /// The text left over, UTF-8, in the spool.
    pub blob: Blob,
    /// The pictures that were in it.
    pub pictures: Vec<Blob>,
}
