//! What is wrong with a setting, and where it came from.

use std::path::PathBuf;

/// Something in the configuration file that was not understood as written, but does not keep the
/// gateway from running. It stays in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: `providers.Gitee.text.weight`.
    pub path: String,
    /// What is odd, and what was made of it.
    pub message: String,
}

/// Why settings were refused. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A value of the wrong type or out of its range.
    #[error("{path} ({source_name}): {message}")]
    Invalid {
        /// The setting: `system.port`.
        path: String,
        /// Where the value came from: `environment variable PORT`, `runtime-config.json`, `this change`.
        source_name: String,
        /// What is wrong and what is allowed. Never the value of a secret.
        message: String,
    },
    /// The configuration file cannot be read as JSON. It is left as it is.
    #[error("{} cannot be read: {message}. It was left as it is: mend it, or put back {}.bak", path.display(), path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column where known.
        message: String,
    },
    /// The master key is missing, unusable or not the one that secrets were sealed with.
    #[error("master key: {0}")]
    MasterKey(String),
    /// A sealed secret does not open: sealed for something else, or with another master key.
    #[error("a sealed secret does not open: it was sealed for another place or with another master key")]
    Sealed,
    /// The data folder or a file in it cannot be used.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's word.
        error: std::io::Error,
    },
}

impl SettingsError {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |error| Self::Io { path, error }
    }

    /// The path of the setting that was refused, where one value was.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Invalid { path, .. } => Some(path),
            Self::Broken { .. } | Self::MasterKey(_) | Self::Sealed | Self::Io { .. } => None,
        }
    }
}
