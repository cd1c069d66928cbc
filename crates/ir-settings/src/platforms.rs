//! The names of the platforms, for the rows of the settings table that every platform has: those of
//! the adapters that there are.

use std::sync::LazyLock;

/// Canonical spelling of every platform's name, as it stands under `providers` in the file.
pub static PLATFORMS: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| ir_platforms::ADAPTERS.iter().map(|adapter| adapter.card().name).collect());

/// The canonical spelling of `name`, whatever its case.
pub(crate) fn canonical(name: &str) -> Option<&'static str> {
    PLATFORMS.iter().copied().find(|known| known.eq_ignore_ascii_case(name))
}
