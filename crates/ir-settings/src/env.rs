//! The environment, read once at start and in one place only.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// A copy of the environment variables that a process was started with.
#[derive(Clone, Default)]
pub struct Env(BTreeMap<String, String>);

impl Env {
    /// The variables of this process. A value that is not Unicode is kept with its wrong bytes
    /// replaced, so that it is refused as a value rather than overlooked.
    pub fn from_process() -> Self {
        let text = |raw: std::ffi::OsString| raw.to_string_lossy().into_owned();
        let env = Self(std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect());
        // Empty outside tests.
        ir_crash::arm(|name| env.get(name));
        env
    }

    /// Variables that are given.
    pub fn from_pairs<N: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// The same with one more variable, or another value of one.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.insert(name.into(), value.into());
        self
    }

    /// The value of a variable, if it is set (it may be empty).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The data folder: `IMG_ROUTER_DATA_DIR`, or `data` in the working folder.
    pub fn data_dir(&self) -> PathBuf {
        PathBuf::from(self.get("IMG_ROUTER_DATA_DIR").map(str::trim).filter(|dir| !dir.is_empty()).unwrap_or("data"))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl fmt::Debug for Env {
    /// Names only: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
