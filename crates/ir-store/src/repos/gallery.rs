//! What the gallery needs of a database.

use crate::error::Result;
use crate::records::{Cursor, Facets, GalleryFilter, Listed, Matching, PictureRecord};
use async_trait::async_trait;
use ir_model::Timestamp;

/// The most pictures of one search; larger limits are cut to it.
pub const MAX_FOUND_PICTURES: u32 = 200;
/// Pictures with certain words are counted up to this many.
pub const MAX_COUNTED: u64 = 10_000;

/// The gallery's index. What was removed keeps its row, hidden, until its file is gone too: first for
/// as long as it can be brought back, then, once its removal is final, until it is forgotten.
#[async_trait]
pub trait Gallery: Send + Sync {
    /// Lists a picture. The same picture under the same name again is no error and changes nothing;
    /// a removed one stays removed. Up to a million pictures can be of the same millisecond.
    ///
    /// # Errors
    /// `Duplicate` when the name belongs to other bytes.
    async fn add(&self, picture: PictureRecord) -> Result<()>;

    /// One picture, if it is listed.
    async fn get(&self, name: &str) -> Result<Option<PictureRecord>>;

    /// Those of `names` that are listed, in their order; of the first [`MAX_PAGE`] names.
    ///
    /// [`MAX_PAGE`]: crate::MAX_PAGE
    async fn named(&self, names: &[String]) -> Result<Vec<Listed>>;

    /// Pictures after a place, newest first (as old ones: by name, descending).
    async fn page(&self, cursor: Option<Cursor>, limit: u32) -> Result<Vec<PictureRecord>>;

    /// Pictures that match `filter` and have an id below `before` (`None`: from the newest on), newest
    /// first (as old ones: the one listed last first), at most [`MAX_FOUND_PICTURES`].
    ///
    /// Fast however many there are: an index leads to the pictures of one condition (words, mark,
    /// model, platform or task, the first of these that is set), and of those the newest
    /// [`MAX_LOOK`] below `before` are looked at for the other conditions. Words of three characters and
    /// more have an index, and so have shorter ones with characters beyond ASCII, such as Chinese; for
    /// others, as `3d`, prompts are read: so they are found only that far back, unless a longer word
    /// stands beside them.
    ///
    /// [`MAX_LOOK`]: crate::MAX_LOOK
    async fn search(&self, filter: GalleryFilter, before: Option<i64>, limit: u32) -> Result<Vec<Listed>>;

    /// How many pictures match `filter`. Without words the number is exact. With words they are
    /// counted up to [`MAX_COUNTED`], and as far back as [`Gallery::search`] looks; beyond that the
    /// answer says that it is not exact.
    async fn count_matching(&self, filter: GalleryFilter) -> Result<Matching>;

    /// What the listed pictures are. Kept up to date with every change, so that it costs nothing to ask.
    async fn facets(&self) -> Result<Facets>;

    /// Marks pictures, or takes the mark away. Answers how many of `names` are listed. All in one
    /// transaction: the caller bounds them.
    async fn favorite(&self, names: &[String], favorite: bool) -> Result<u64>;

    /// Hides pictures. Until `undo_until` they can be brought back; then [`Gallery::expire_removed`] makes
    /// it final. Answers those that were hidden: not the ones that are not listed. All in one
    /// transaction: the caller bounds them.
    async fn remove(&self, names: &[String], undo_until: Timestamp) -> Result<Vec<String>>;

    /// Brings back removed pictures whose removal is not final yet, and queues their copies where they
    /// have none. Answers those that were brought back, in the order of `names`.
    async fn restore(&self, names: &[String]) -> Result<Vec<String>>;

    /// Makes removals final that could be undone until `now` or earlier, and queues the deletes of
    /// their copies: both or none. Answers them, the oldest window first, at most [`MAX_PAGE`]: their
    /// files are to be deleted then, and their rows by [`Gallery::forget`].
    ///
    /// [`MAX_PAGE`]: crate::MAX_PAGE
    async fn expire_removed(&self, now: Timestamp, limit: u32) -> Result<Vec<PictureRecord>>;

    /// Pictures whose removal is final and that are not yet forgotten, oldest removal first: recovery
    /// deletes their files.
    async fn removed(&self, limit: u32) -> Result<Vec<PictureRecord>>;

    /// Drops the rows of pictures whose removal is final. Others stay. Answers how many.
    async fn forget(&self, names: &[String]) -> Result<u64>;

    /// How many pictures are listed.
    async fn count(&self) -> Result<u64>;

    /// Those of `names` that the index does not know, in their order. Removed pictures are known:
    /// nothing may list them again.
    async fn names_missing_from(&self, names: &[String]) -> Result<Vec<String>>;
}
