//! The names of the platforms, for the rows of the settings table that every platform has. Kept here
//! so that settings do not depend on adapters; a test in the server holds the two lists together.

/// Canonical spelling of every platform's name, as it stands under `providers` in the file.
pub const PLATFORMS: &[&str] = &["Doubao", "Gitee", "ModelScope", "HuggingFace", "Pollinations", "NewApi", "Local"];

/// The canonical spelling of `name`, whatever its case.
pub(crate) fn canonical(name: &str) -> Option<&'static str> {
    PLATFORMS.iter().copied().find(|known| known.eq_ignore_ascii_case(name))
}
