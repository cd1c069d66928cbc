//! What lies on the disk, as a test saw it.

use super::sha256;
use crate::client;
use crate::support::{SOON, Setup, stored};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

/// Stored pictures by name.
#[derive(Default)]
pub(crate) struct Shelf {
    files: HashMap<String, Found>,
    by_hash: HashMap<String, String>,
    by_prompt: HashMap<String, Vec<String>>,
    /// Names that nobody has seen being served.
    new: Vec<String>,
}

struct Found {
    hash: String,
}

impl Shelf {
    /// Reads files that are new: each has its sidecar, and the sidecar its hash.
    pub(crate) fn read(&mut self, setup: &Setup) {
        for path in stored(&setup.data()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if self.files.contains_key(&name) {
                continue;
            }
            let sidecar =
                std::fs::read(path.with_file_name(format!("{name}.json"))).unwrap_or_else(|error| panic!("{name} has no sidecar: {error}"));
            let told: Value = serde_json::from_slice(&sidecar).unwrap_or_else(|error| panic!("{name}: a torn sidecar: {error}"));
            let hash = sha256(&std::fs::read(&path).unwrap());
            assert_eq!(told["sha256"], json!(hash), "{name} is torn");
            self.by_hash.insert(hash.clone(), name.clone());
            self.by_prompt.entry(told["prompt"].as_str().unwrap().to_owned()).or_default().push(hash.clone());
            self.files.insert(name.clone(), Found { hash });
            self.new.push(name);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    /// The name of the picture with these bytes.
    pub(crate) fn name(&self, hash: &str) -> Option<&String> {
        self.by_hash.get(hash)
    }

    /// Hashes of what was drawn from a prompt.
    pub(crate) fn of_prompt(&self, prompt: &str) -> Vec<String> {
        self.by_prompt.get(prompt).cloned().unwrap_or_default()
    }

    /// What is half done: temporary files, metadata without its picture, bytes on their way.
    pub(crate) fn leftovers(&self, setup: &Setup) -> Vec<String> {
        let data = setup.data();
        let mut folders = vec![data.clone(), data.join("storage"), data.join("spool")];
        folders.extend(
            std::fs::read_dir(data.join("storage")).into_iter().flatten().flatten().map(|day| day.path()).filter(|day| day.is_dir()),
        );
        let mut left = Vec::new();
        for folder in folders {
            let in_spool = folder.ends_with("spool");
            for path in std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|file| file.path()).filter(|path| path.is_file()) {
                let name = path.to_string_lossy();
                let lonely = folder.starts_with(data.join("storage"))
                    && name.strip_suffix(".json").is_some_and(|picture| !std::path::Path::new(picture).exists());
                if in_spool || name.ends_with(".tmp") || name.ends_with(".partial") || lonely {
                    left.push(name.into_owned());
                }
            }
        }
        left
    }

    /// Waits until nothing half done is left.
    pub(crate) async fn is_tidy(&self, setup: &Setup) {
        let began = Instant::now();
        loop {
            let left = self.leftovers(setup);
            if left.is_empty() {
                return;
            }
            assert!(began.elapsed() < SOON, "never removed: {left:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// As many rows as files, with the same hashes. The gateway is not running, and nothing was removed.
    pub(crate) fn is_what_is_listed(&self, setup: &Setup) {
        let db = rusqlite::Connection::open(setup.data().join("img-router.db")).unwrap();
        let mut select = db.prepare("SELECT name, sha256 FROM gallery").unwrap();
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let rows: BTreeMap<String, String> = rows.map(Result::unwrap).collect();
        let files: BTreeMap<String, String> = self.files.iter().map(|(name, found)| (name.clone(), found.hash.clone())).collect();
        let unknown: Vec<_> =
            stored(&setup.data()).into_iter().filter(|path| !files.contains_key(&*path.file_name().unwrap().to_string_lossy())).collect();
        let told = unknown.iter().map(|path| std::fs::read_to_string(format!("{}.json", path.display())));
        assert!(unknown.is_empty(), "stored later: {:?}, beside {:?}", told.collect::<Vec<_>>(), self.by_prompt);
        assert!(rows == files, "{} rows, {} files", rows.len(), files.len());
    }

    /// A stored picture is listed, and served as it is stored.
    pub(crate) async fn served(&self, port: u16, name: &str) {
        let found = self.files.get(name).unwrap_or_else(|| panic!("{name} was answered but is not on the disk"));
        let answer = client::get(port, &format!("/storage/{name}")).await.unwrap();
        assert_eq!(answer.status, 200, "{name} was answered but is not listed");
        assert_eq!(sha256(&answer.body), found.hash, "{name} is not served as it is stored");
    }

    /// A stored picture that nobody was told of is listed soon after the start.
    pub(crate) async fn check_new(&mut self, port: u16) {
        for name in std::mem::take(&mut self.new) {
            let began = Instant::now();
            loop {
                let answer = client::get(port, &format!("/storage/{name}")).await.unwrap();
                match answer.status {
                    200 => {
                        assert_eq!(sha256(&answer.body), self.files[&name].hash, "{name} is served torn");
                        break;
                    }
                    404 if began.elapsed() < SOON => tokio::time::sleep(Duration::from_millis(5)).await,
                    other => panic!("{name} is stored but never listed: {other}"),
                }
            }
        }
    }
}
