//! What the settings promise, through the crate's public interface.

mod files;
mod patches;
mod races;
mod random;
mod support;
mod table;
mod vaults;
