//! Pictures on disk instead of in memory.
//!
//! - [`Lifter`] reads JSON while it arrives; big strings leave it for the spool, base64 decoded.
//! - [`Spool`], [`SpoolWriter`] and [`SpoolFile`] are the spool: one file per blob, removed with
//!   its last handle.
//! - [`render_json`] and [`PieceBody`] write documents and blobs back out, 48 KiB at a time.
//! - [`Inspector`] judges pictures while they are written, without decoding them.
//! - [`PictureStore`] keeps pictures for good, each with its [`Sidecar`], and prepares those that are
//!   sent to a platform.

mod base64_stream;
mod error;
mod inspect;
mod json;
mod lifter;
pub mod markdown;
mod pieces;
mod reader;
mod render;
mod sidecar;
mod spool;
mod store;
mod writer;

pub use base64_stream::Alphabet;
pub use error::{LiftError, LiftErrorKind, SpoolError, is_out_of_descriptors};
pub use inspect::Inspector;
pub use lifter::{LiftLimits, Lifter};
pub use pieces::{Piece, PieceBody};
pub use render::render_json;
pub use sidecar::{LegacyMetadata, Sidecar};
pub use spool::{Spool, SpoolConfig, SpoolFile};
pub use store::{PictureStore, Prepared, ScanItem, ScanKind, Unfit, Verified, Wanted};
pub use writer::SpoolWriter;

/// One block of a file in memory, in bytes. 64 KiB was the best of the sizes measured: larger ones
/// cost memory per picture and gave no throughput.
pub(crate) const BLOCK: usize = 64 * 1024;
