//! The runtime configuration file: opened, watched for edits by hand, changed.
//!
//! What is never done: writing over a file that cannot be read, dropping a part that is not
//! understood, leaving a half-written file, or putting a refused change in force.

use crate::disk::{self, Stamp};
use crate::env::Env;
use crate::error::SettingsError;
use crate::legacy::{self, LegacyKey};
use crate::patch;
use crate::resolve::{Effective, FILE, KEY_POOLS, Resolved, resolve};
use crate::sealing;
use crate::table::all_defs;
use crate::vault::{NewMasterKey, Vault};
use arc_swap::ArcSwap;
use ir_model::{Dice, Timestamp, hex};
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

/// Largest configuration file. 1.x files with thousands of keys have some hundred KB.
const LARGEST: u64 = 8 * 1024 * 1024;

/// The runtime configuration of one data folder, with what the environment says on top.
pub struct SettingsFile {
    env: Env,
    dice: Arc<dyn Dice>,
    data_dir: PathBuf,
    path: PathBuf,
    vault: Vault,
    current: ArcSwap<Effective>,
    state: Mutex<State>,
}

/// What was last seen on the disk.
struct State {
    stamp: Option<Stamp>,
    digest: Option<[u8; 32]>,
    /// The last good content.
    content: Map<String, Json>,
}

/// A change that may be written.
struct Judged {
    effective: Effective,
    after: Map<String, Json>,
    /// The version before.
    backup: Option<Vec<u8>>,
}

/// A file as it was read.
struct Read {
    bytes: Option<Vec<u8>>,
    stamp: Option<Stamp>,
}

impl Read {
    fn digest(&self) -> Option<[u8; 32]> {
        self.bytes.as_ref().map(|bytes| Sha256::digest(bytes).into())
    }
}

impl SettingsFile {
    /// Opens the data folder that the environment names; makes it, and the master key, if there is
    /// none. A configuration file is not made before the first change.
    ///
    /// # Errors
    /// When the folder cannot be used, the file cannot be read or holds a value that does not fit, a
    /// variable does not fit, or the master key is not the one used before. Nothing is written over.
    pub fn open(env: Env, dice: Arc<dyn Dice>) -> Result<Self, SettingsError> {
        let data_dir = env.data_dir();
        disk::private_dir(&data_dir)?;
        let path = data_dir.join(FILE);
        let read = read(&path)?;
        let content = parse(&path, read.bytes.as_deref())?;
        if read.bytes.is_some() {
            // 1.x wrote it for all to read.
            if let Err(error) = disk::tighten(&path) {
                tracing::warn!(%error, "the configuration file can be read by others, and its mode could not be changed");
            }
        }
        let sealed_before = read.bytes.as_deref().is_some_and(|bytes| contains(bytes, b"\"enc:v1:"));
        // A database is only made after a key: the keys in it are sealed too.
        let used_before = sealed_before || data_dir.join("img-router.db").exists();
        let (mut vault, marked) = Vault::of_folder(&env, &data_dir, used_before, &dice)?;
        let (effective, resolved) = resolve(&env, &content, &vault, FILE)?;
        if !marked {
            // The marker may have held the root of all keys: what does not open must not be lost.
            if sealed_before && !sealing::any_opens(&content, &resolved, &vault) {
                return Err(SettingsError::MasterKey(format!(
                    "secret.check is missing from {}, and no sealed secret opens without it. Nothing was changed. Put the file back",
                    data_dir.display()
                )));
            }
            if !vault.mark(&data_dir)? {
                vault = Vault::of_folder(&env, &data_dir, used_before, &dice)?.0;
            }
        }
        let state = State { stamp: read.stamp, digest: read.digest(), content };
        Ok(Self { env, dice, data_dir, path, vault, current: ArcSwap::from_pointee(effective), state: Mutex::new(state) })
    }

    /// Replaces the master key: by the one of `IMG_ROUTER_NEW_SECRET_KEY`, or by a random one in the
    /// key file. No gateway may be running on the folder.
    ///
    /// # Errors
    /// When the new key is too short or a file cannot be written; the old key holds then.
    pub fn rotate_master_key(&self) -> Result<NewMasterKey, SettingsError> {
        self.vault.rotate(&self.env, &self.data_dir)
    }

    /// Removes what writes that were cut short have left in the data folder. For the process that holds
    /// its lock: what another one is writing would be taken from it.
    ///
    /// # Errors
    /// The system's.
    pub fn remove_leftovers(&self) -> Result<(), SettingsError> {
        disk::remove_temporary(&self.data_dir)
    }

    /// The data folder.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The settings in force.
    pub fn current(&self) -> Arc<Effective> {
        self.current.load_full()
    }

    /// What secrets at rest are sealed with.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// The file's content with every secret masked, and a text that changes whenever the content
    /// does (for `ETag`).
    pub fn stored(&self) -> (Json, String) {
        let state = self.lock();
        let tag = state.digest.map_or_else(|| "none".to_owned(), |digest| hex(&digest[..16]));
        (patch::masked(&state.content), tag)
    }

    /// What a merge patch would come to, without applying it. Blocks on the disk.
    ///
    /// # Errors
    /// As [`SettingsFile::patch`].
    pub fn judge(&self, change: &Json) -> Result<Effective, SettingsError> {
        Ok(self.judged(&self.lock(), change)?.effective)
    }

    /// Applies a merge patch (RFC 7396) to the newest content on the disk: `null` deletes a setting,
    /// a mask (`********`) leaves a secret as it is. The change is judged whole; when it is accepted
    /// it is on the disk, with the version before in `runtime-config.json.bak`. Blocks on the disk.
    ///
    /// # Errors
    /// [`SettingsError::Invalid`] with the path for a value that does not fit, an unknown setting, or
    /// anything else that would be a [`crate::Problem`]; [`SettingsError::Broken`] as long as the file on the
    /// disk cannot be read; [`SettingsError::Io`]. Nothing was changed then.
    pub fn patch(&self, change: &Json) -> Result<Arc<Effective>, SettingsError> {
        let mut state = self.lock();
        let Judged { effective, after, backup } = self.judged(&state, change)?;
        self.write(&mut state, after, backup)?;
        Ok(self.put_in_force(effective))
    }

    fn judged(&self, state: &State, change: &Json) -> Result<Judged, SettingsError> {
        let (change, masks) = (patch::prepare(change)?, patch::masks(change));
        let (read, before) = self.newest(state)?;
        let (known, resolved) = resolve(&self.env, &before, &self.vault, FILE)?;
        // Before the change: a secret in plain text belongs to the address that stands beside it now.
        let mut before = before;
        sealing::seal_all(&mut before, &resolved, &self.vault);
        let mut after = before.clone();
        patch::merge(&mut after, change);
        let effective = self.settle(&mut after)?;
        if let Some(new) = effective.problems.iter().find(|problem| !known.problems.contains(problem)) {
            return Err(SettingsError::Invalid {
                path: new.path.clone(),
                source_name: patch::CHANGE.to_owned(),
                message: new.message.clone(),
            });
        }
        if let Some(gone) = masks.into_iter().find(|path| is_unset_secret(&effective, path)) {
            return Err(SettingsError::Invalid {
                path: gone,
                source_name: patch::CHANGE.to_owned(),
                message: "is a mask, but no secret of this address is stored: the key must be entered again".to_owned(),
            });
        }
        let backup = self.backup_of(&read, &before, &resolved);
        Ok(Judged { effective, after, backup })
    }

    /// Looks whether the file was edited by hand; to be called every second. None: it was not. A good
    /// edit is in force when this returns; a bad one is told once, and what was in force stays.
    pub fn poll(&self) -> Option<Result<Arc<Effective>, SettingsError>> {
        let mut state = self.lock();
        let stamp = match disk::stamp(&self.path) {
            Ok(stamp) if stamp == state.stamp => return None,
            Ok(stamp) => stamp,
            Err(error) => {
                // Told when the file was there the last time, not every second.
                let news = state.stamp.take().is_some();
                return news.then_some(Err(error));
            }
        };
        state.stamp = stamp;
        let read = match read(&self.path) {
            Ok(read) => read,
            Err(error) => return Some(Err(error)),
        };
        state.stamp = read.stamp;
        let digest = read.digest();
        if digest == state.digest {
            return None;
        }
        state.digest = digest;
        if read.bytes.is_none() {
            return Some(Err(self.gone()));
        }
        let taken =
            parse(&self.path, read.bytes.as_deref()).and_then(|content| Ok((resolve(&self.env, &content, &self.vault, FILE)?.0, content)));
        Some(taken.map(|(effective, content)| {
            state.content = content;
            self.put_in_force(effective)
        }))
    }

    /// The keys that 1.x kept in the file, until [`SettingsFile::drop_legacy_key_pools`].
    pub fn legacy_key_pools(&self) -> Vec<LegacyKey> {
        legacy::read(self.lock().content.get(KEY_POOLS))
    }

    /// Takes the key pools of 1.x out of the file, after they were imported. The file as it was is
    /// kept beside it, named for the day and time of its last change: it is what 1.x can read, and it
    /// holds the keys in plain text, so the operator may want to delete it.
    ///
    /// # Errors
    /// As [`SettingsFile::patch`].
    pub fn drop_legacy_key_pools(&self) -> Result<(), SettingsError> {
        let mut state = self.lock();
        let (read, mut content) = self.newest(&state)?;
        if !content.contains_key(KEY_POOLS) {
            return Ok(());
        }
        let (effective, _) = resolve(&self.env, &content, &self.vault, FILE)?;
        if let Some(bytes) = &read.bytes {
            self.keep_1x(bytes, read.stamp)?;
        }
        content.remove(KEY_POOLS);
        if effective.settings.system.global_key_is_admin {
            // Was concluded from the pools being there; must not change when they go.
            let system = content.entry("system").or_insert_with(|| json!({}));
            if let Some(system) = system.as_object_mut() {
                system.entry("globalKeyIsAdmin").or_insert(Json::Bool(true));
            }
        }
        let effective = self.settle(&mut content)?;
        let text = serialise(&content);
        self.write(&mut state, content, Some(text))?;
        self.put_in_force(effective);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while held")
    }

    fn put_in_force(&self, effective: Effective) -> Arc<Effective> {
        let effective = Arc::new(effective);
        self.current.store(Arc::clone(&effective));
        effective
    }

    fn gone(&self) -> SettingsError {
        SettingsError::Broken {
            path: self.path.clone(),
            message: "it is gone; what was in force stays, and the next change writes it anew".to_owned(),
        }
    }

    /// What is on the disk now; the last good content if the file was taken away.
    fn newest(&self, state: &State) -> Result<(Read, Map<String, Json>), SettingsError> {
        let read = read(&self.path)?;
        let content = match &read.bytes {
            Some(bytes) => parse(&self.path, Some(bytes))?,
            None => state.content.clone(),
        };
        Ok((read, content))
    }

    /// Judges a new content and seals its secrets.
    fn settle(&self, content: &mut Map<String, Json>) -> Result<Effective, SettingsError> {
        let (effective, resolved) = resolve(&self.env, content, &self.vault, patch::CHANGE)?;
        if sealing::seal_all(content, &resolved, &self.vault) {
            return Ok(resolve(&self.env, content, &self.vault, patch::CHANGE)?.0);
        }
        Ok(effective)
    }

    /// The version before: byte for byte, unless secrets stand in it in plain text. `sealed` is the
    /// same content with its secrets sealed.
    fn backup_of(&self, read: &Read, sealed: &Map<String, Json>, resolved: &Resolved) -> Option<Vec<u8>> {
        let bytes = read.bytes.as_ref()?;
        let mut plain = parse(&self.path, Some(bytes)).ok()?;
        Some(if sealing::seal_all(&mut plain, resolved, &self.vault) { serialise(sealed) } else { bytes.clone() })
    }

    fn write(&self, state: &mut State, content: Map<String, Json>, backup: Option<Vec<u8>>) -> Result<(), SettingsError> {
        let bytes = serialise(&content);
        if bytes.len() as u64 > LARGEST {
            return Err(SettingsError::Invalid {
                path: String::new(),
                source_name: patch::CHANGE.to_owned(),
                message: format!("makes the file larger than {LARGEST} bytes"),
            });
        }
        if let Some(backup) = backup {
            disk::replace(&self.data_dir.join(format!("{FILE}.bak")), &backup, self.dice.as_ref())?;
        }
        disk::replace(&self.path, &bytes, self.dice.as_ref())?;
        *state = State { stamp: disk::stamp(&self.path)?, digest: Some(Sha256::digest(&bytes).into()), content };
        Ok(())
    }

    fn keep_1x(&self, bytes: &[u8], stamp: Option<Stamp>) -> Result<(), SettingsError> {
        let changed = stamp.map_or(0, Stamp::secs);
        let (year, month, day, hour, minute, second) = Timestamp(changed.saturating_mul(1000)).civil();
        let name = format!("{FILE}.1x-{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}.bak");
        match disk::create_new(&self.data_dir.join(&name), bytes, self.dice.as_ref()) {
            Err(SettingsError::Io { error, .. }) if error.kind() == io::ErrorKind::AlreadyExists => {
                disk::create_new(&self.data_dir.join(format!("{name}.{}", self.dice.hex128())), bytes, self.dice.as_ref())
            }
            kept => kept,
        }
    }
}

impl fmt::Debug for SettingsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SettingsFile").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Whether a path is a secret's that has no value: a change of its address has dropped it, or it was never there.
fn is_unset_secret(effective: &Effective, path: &str) -> bool {
    let mut rows = all_defs().iter().zip(&effective.rows);
    rows.any(|(def, row)| def.is_secret() && def.path.eq_ignore_ascii_case(path) && row.value.is_empty())
}

fn read(path: &Path) -> Result<Read, SettingsError> {
    // The stamp first: an edit in between is seen the next time.
    let stamp = disk::stamp(path)?;
    Ok(Read { bytes: disk::read_bounded(path, LARGEST)?, stamp })
}

fn parse(path: &Path, bytes: Option<&[u8]>) -> Result<Map<String, Json>, SettingsError> {
    let broken = |message: String| SettingsError::Broken { path: path.to_owned(), message };
    let Some(bytes) = bytes else { return Ok(Map::new()) };
    // Editors on Windows put a byte order mark in front.
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match serde_json::from_slice(bytes) {
        Ok(Json::Object(content)) => Ok(content),
        Ok(_) => Err(broken("it must hold a JSON object".to_owned())),
        Err(error) => Err(broken(error.to_string())),
    }
}

fn serialise(content: &Map<String, Json>) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(content).expect("JSON values can be written");
    bytes.push(b'\n');
    bytes
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
