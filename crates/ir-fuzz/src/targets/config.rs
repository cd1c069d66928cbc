//! The configuration file, as somebody wrote it, and changes of it.

use crate::support::opened;
use ir_settings::{Effective, Env, SettingsError, SettingsFile};
use serde_json::Value;
use std::path::Path;

/// The text is opened as a file, and put into force as a change: whole or not at all. What is in force
/// is what the next start reads. A file that is refused is left as it is.
pub(crate) fn run(data: &[u8]) {
    as_a_file(data);
    if let Ok(change) = serde_json::from_slice::<Value>(data) {
        as_a_change(&change);
    }
}

fn as_a_file(data: &[u8]) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("runtime-config.json");
    write(&path, data);
    let first = reopened(folder.path());
    assert_eq!(read(&path).as_deref(), Some(data), "a file was written over");
    match (first, reopened(folder.path())) {
        (Ok(first), Ok(second)) => {
            assert_eq!(rows(&first.current()), rows(&second.current()));
            // Nothing, as a change, changes nothing.
            if first.patch(&Value::Object(serde_json::Map::new())).is_ok() {
                let third = reopened(folder.path()).unwrap_or_else(|error| panic!("what was written cannot be read: {error}"));
                assert_eq!(rows(&first.current()), rows(&third.current()));
            }
        }
        (Err(first), Err(second)) => {
            assert_eq!(first.to_string(), second.to_string());
            // A secret that was sealed elsewhere is no secret of this folder.
            let foreign = matches!(first, SettingsError::MasterKey(_)) && data.windows(8).any(|part| part == b"\"enc:v1:");
            assert!(foreign || !matches!(first, SettingsError::Io { .. } | SettingsError::MasterKey(_)), "{first}");
        }
        (first, second) => panic!("{:?}, then {:?}", first.err(), second.err()),
    }
}

fn as_a_change(change: &Value) {
    const BEFORE: &[u8] = br#"{"system":{"publicBaseUrl":"https://gateway.example","requestLogging":true},"somethingElse":[1]}"#;
    let (file, folder) = opened(Env::default(), Some(BEFORE)).expect("good settings");
    let path = folder.path().join("runtime-config.json");
    let (before, stored) = (rows(&file.current()), file.stored());
    let judged = file.judge(change);
    assert_eq!((rows(&file.current()), read(&path).as_deref()), (before.clone(), Some(BEFORE)), "judged, it is in force");
    match file.patch(change) {
        Ok(effective) => {
            assert_eq!(rows(&judged.expect("what is taken was judged good")), rows(&effective));
            let again = reopened(folder.path()).unwrap_or_else(|error| panic!("what was written cannot be read: {error}"));
            assert_eq!(rows(&again.current()), rows(&effective), "after a start it is another");
            let text = read(&path).expect("it was written");
            assert!(serde_json::from_slice::<Value>(&text).is_ok_and(|file| file["somethingElse"] == Value::from(vec![1])
                || !change["somethingElse"].is_null()
                || change.get("somethingElse").is_some()));
        }
        Err(error) => {
            assert!(judged.is_err(), "judged good, and refused: {error}");
            assert_eq!((rows(&file.current()), file.stored()), (before, stored), "refused, it left something");
            assert_eq!(read(&path).as_deref(), Some(BEFORE));
        }
    }
}

fn reopened(folder: &Path) -> Result<SettingsFile, SettingsError> {
    let env = Env::default()
        .with("IMG_ROUTER_DATA_DIR", folder.to_string_lossy())
        .with("IMG_ROUTER_SECRET_KEY", "a master key for the fuzz targets");
    SettingsFile::open(env, std::sync::Arc::new(ir_model::SeededDice::new(5)))
}

/// Every setting with what is in force.
fn rows(effective: &Effective) -> String {
    format!("{:?}", effective.settings)
}

#[expect(clippy::disallowed_methods, reason = "a file that was edited by hand is neither atomic nor durable")]
fn write(path: &Path, data: &[u8]) {
    std::fs::write(path, data).expect("the folder can be written");
}

fn read(path: &Path) -> Option<Vec<u8>> {
    std::fs::read(path).ok()
}
