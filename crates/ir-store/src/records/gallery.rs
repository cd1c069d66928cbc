//! What the gallery finds.

use super::PictureRecord;
use ir_model::Timestamp;

/// Which pictures are looked for: those that match everything that is set. The default matches
/// every picture that is listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GalleryFilter {
    /// Words that all stand in the prompt, parted by white space, whatever their case; a word may be
    /// a part of another. The first 500 characters and 16 words count.
    pub text: Option<String>,
    /// The platform.
    pub provider: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// `text`, `edit` or `blend`.
    pub task: Option<String>,
    /// When they were stored, at the earliest.
    pub from: Option<Timestamp>,
    /// They were stored before that.
    pub to: Option<Timestamp>,
    /// Only those that the operator marked.
    pub favorite: bool,
}

/// A picture as the gallery shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its place: greater ones are newer. Where the next page begins.
    pub id: i64,
    /// The picture.
    pub picture: PictureRecord,
    /// Whether the operator marked it.
    pub favorite: bool,
}

/// How many pictures match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matching {
    /// Pictures counted.
    pub pictures: u64,
    /// Whether these are all; else there may be more.
    pub exact: bool,
}

/// A value that pictures have, and how many have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facet {
    /// The value.
    pub name: String,
    /// Pictures listed that have it, at least one.
    pub pictures: u64,
}

/// What the listed pictures are, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facets {
    /// All pictures.
    pub pictures: u64,
    /// What they weigh, in bytes.
    pub bytes: u64,
    /// Models, the most used first; at most 1000.
    pub models: Vec<Facet>,
    /// Platforms, the most used first; at most 1000.
    pub providers: Vec<Facet>,
    /// Days (UTC) such as `2026-11-26`, the newest first; at most 366.
    pub days: Vec<Facet>,
}
