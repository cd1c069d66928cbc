//! A data folder to open settings on.

#![expect(clippy::unwrap_used, reason = "a test helper: a folder that cannot be used fails the test")]

use ir_model::{Dice, SeededDice};
use ir_settings::{Effective, Env, Row, SettingsError, SettingsFile};
use serde_json::Value as Json;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;

pub(crate) struct Folder {
    pub(crate) dir: TempDir,
    seed: AtomicU64,
}

impl Folder {
    pub(crate) fn empty() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), seed: AtomicU64::new(1) }
    }

    pub(crate) fn with(content: &Json) -> Self {
        let folder = Self::empty();
        folder.write(&content.to_string());
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path("runtime-config.json")
    }

    #[expect(clippy::disallowed_methods, reason = "a hand edit is neither atomic nor durable")]
    pub(crate) fn write(&self, text: &str) {
        std::fs::write(self.config(), text).unwrap();
    }

    pub(crate) fn text(&self) -> String {
        std::fs::read_to_string(self.config()).unwrap()
    }

    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.text()).unwrap()
    }

    pub(crate) fn open(&self) -> SettingsFile {
        self.open_with(&[]).unwrap()
    }

    pub(crate) fn open_with(&self, env: &[(&str, &str)]) -> Result<SettingsFile, SettingsError> {
        let env = env.iter().fold(Env::default(), |env, (name, value)| env.with(*name, *value));
        let seed = self.seed.fetch_add(1, Ordering::Relaxed);
        let dice: Arc<dyn Dice> = Arc::new(SeededDice::new(seed << 32));
        SettingsFile::open(env.with("IMG_ROUTER_DATA_DIR", self.dir.path().to_str().unwrap()), dice)
    }

    /// Every file of the folder with its content.
    pub(crate) fn everything(&self) -> Vec<(String, Vec<u8>)> {
        let mut all: Vec<_> = std::fs::read_dir(self.dir.path())
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path()).unwrap()))
            .collect();
        all.sort();
        all
    }

    pub(crate) fn mode(&self, name: &str) -> u32 {
        std::fs::metadata(self.path(name)).unwrap().mode() & 0o777
    }
}

pub(crate) fn row<'a>(effective: &'a Effective, path: &str) -> &'a Row {
    effective.rows.iter().find(|row| row.path == path).unwrap_or_else(|| panic!("no row {path}"))
}

/// Asserts that opening is refused, and gives the message.
pub(crate) fn refusal(opened: Result<SettingsFile, SettingsError>) -> String {
    opened.expect_err("should be refused").to_string()
}
