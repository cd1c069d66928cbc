//! Another master key in place of the old one.
//!
//! Nothing that is sealed is touched: the root that sealing keys come from stays, and the marker is
//! written anew, with the root in it, sealed with the new master key. A key from a file takes three
//! steps: the new key beside the old one, the marker, the new key in the old one's place. Killed in
//! between, the next start finds a key that opens the marker, and finishes the last step.

use super::{CHECK_BINDING, CHECK_FILE, KEY_FILE, Key, ROOT, Vault, from_environment, random_key, read_key_file, root};
use crate::disk;
use crate::env::Env;
use crate::error::SettingsError;
use ir_model::{Dice, hex};
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The variable that a new master key is taken from.
pub(crate) const NEW_SECRET_KEY: &str = "IMG_ROUTER_NEW_SECRET_KEY";
/// A new key on its way into the place of the old one.
const NEXT_FILE: &str = "secret.key.new";

/// Where the new master key is from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewMasterKey {
    /// The one of `IMG_ROUTER_NEW_SECRET_KEY`: the next start wants it as `IMG_ROUTER_SECRET_KEY`.
    Environment,
    /// A random one, in `secret.key`: the next start wants no variable.
    File,
}

impl Vault {
    /// Replaces the master key. The gateway must not be running on the folder. When it returns, the
    /// old master key opens nothing any more.
    pub(crate) fn rotate(&self, env: &Env, data: &Path) -> Result<NewMasterKey, SettingsError> {
        let dice = self.0.dice.as_ref();
        let check = data.join(CHECK_FILE);
        if let Some(text) = env.get(NEW_SECRET_KEY) {
            disk::replace(&check, &self.marker_for(from_environment(text)?), dice)?;
            disk::remove(&data.join(KEY_FILE))?;
            return Ok(NewMasterKey::Environment);
        }
        let (key, text) = random_key(dice);
        disk::replace(&data.join(NEXT_FILE), text.as_bytes(), dice)?;
        disk::replace(&check, &self.marker_for(key), dice)?;
        disk::rename(&data.join(NEXT_FILE), &data.join(KEY_FILE))?;
        Ok(NewMasterKey::File)
    }

    /// The marker that opens with another master key.
    fn marker_for(&self, master: Key) -> Vec<u8> {
        let text = Zeroizing::new(format!("{ROOT}{}", hex(&self.0.root[..])));
        Self::new(master, Arc::clone(&self.0.dice)).seal(&text, CHECK_BINDING)
    }
}

/// Ends what a kill interrupted: if the marker opens with the key that was on its way, it takes its
/// place. None: there is none, or it never came into force.
pub(super) fn finish(data: &Path, sealed: &[u8], dice: &Arc<dyn Dice>) -> Option<Result<Key, SettingsError>> {
    let key = read_key_file(&data.join(NEXT_FILE)).ok().flatten()?;
    root(&key, sealed, dice)?;
    Some(disk::rename(&data.join(NEXT_FILE), &data.join(KEY_FILE)).map(|()| key))
}
