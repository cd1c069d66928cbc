//! The vault: what secrets at rest are sealed with.
//!
//! XChaCha20-Poly1305 with a random 24-byte nonce per secret (long enough that random nonces never
//! meet), bound to the place that the secret belongs to. The master key comes from
//! `IMG_ROUTER_SECRET_KEY`, or from a key file that is made on the first start; separate subkeys are
//! derived from it for sealing and for fingerprints. A sealed marker in the data folder tells a wrong
//! master key before anything is written.
//!
//! Another master key (`rotation.rs`) seals nothing anew: the marker then holds the root that the
//! subkeys come from, sealed with the new master key. One file changes, whole.

mod rotation;

pub(crate) use rotation::NEW_SECRET_KEY;
pub use rotation::NewMasterKey;

use crate::disk;
use crate::env::Env;
use crate::error::SettingsError;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use ir_model::{Dice, Secret, hex};
use sha2::{Digest, Sha256};
use std::fmt;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use zeroize::{Zeroize, Zeroizing};

/// The environment variable of the master key.
pub(crate) const SECRET_KEY: &str = "IMG_ROUTER_SECRET_KEY";
/// First byte of everything sealed: the format.
const FORMAT: u8 = 1;
const NONCE: usize = 24;
const TAG: usize = 16;
/// Shortest master key from the environment.
const SHORTEST: usize = 16;
const KEY_FILE: &str = "secret.key";
const CHECK_FILE: &str = "secret.check";
const CHECK_TEXT: &str = "img-router";
const CHECK_BINDING: &str = "secret.check";
/// What the marker begins with once the master key was replaced; the root follows, in hexadecimal.
const ROOT: &str = "root:";
/// Largest key or marker file that is read.
const MOST_FILE: u64 = 4096;

type HmacSha256 = Hmac<Sha256>;

/// Seals and opens secrets. Clones share the keys.
#[derive(Clone)]
pub struct Vault(Arc<Keys>);

type Key = Zeroizing<[u8; 32]>;

struct Keys {
    /// What the others come from: the first master key.
    root: Key,
    cipher: XChaCha20Poly1305,
    fingerprint: Key,
    dice: Arc<dyn Dice>,
}

impl Vault {
    /// Opens the vault of a data folder, which exists; tells whether its marker is there.
    /// `sealed_before`: there are sealed secrets, so that a new key would be a wrong one.
    pub(crate) fn of_folder(env: &Env, data: &Path, sealed_before: bool, dice: &Arc<dyn Dice>) -> Result<(Self, bool), SettingsError> {
        let check = disk::read_bounded(&data.join(CHECK_FILE), MOST_FILE)?;
        let master = match env.get(SECRET_KEY) {
            Some(text) => from_environment(text)?,
            None => match check.as_deref().and_then(|sealed| rotation::finish(data, sealed, dice)) {
                Some(finished) => finished?,
                None => key_file(&data.join(KEY_FILE), sealed_before || check.is_some(), dice.as_ref())?,
            },
        };
        let Some(sealed) = check else { return Ok((Self::new(master, Arc::clone(dice)), false)) };
        match root(&master, &sealed, dice) {
            Some(root) => Ok((Self::new(root, Arc::clone(dice)), true)),
            None => Err(SettingsError::MasterKey(format!(
                "it is not the one that the secrets in {} were sealed with. Nothing was changed. Put back the {} or the {KEY_FILE} that was used before",
                data.display(),
                SECRET_KEY
            ))),
        }
    }

    /// Leaves the marker, if there is none. Another process may have been faster: its marker is the
    /// one to pass then, and the answer is false.
    pub(crate) fn mark(&self, data: &Path) -> Result<bool, SettingsError> {
        let sealed = self.seal(CHECK_TEXT, CHECK_BINDING);
        match disk::create_new(&data.join(CHECK_FILE), &sealed, self.0.dice.as_ref()) {
            Err(SettingsError::Io { error, .. }) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            made => made.map(|()| true),
        }
    }

    fn new(root: Key, dice: Arc<dyn Dice>) -> Self {
        let mut seal = subkey(&root, b"img-router seal v1");
        let cipher = XChaCha20Poly1305::new((&seal).into());
        seal.zeroize();
        let fingerprint = Zeroizing::new(subkey(&root, b"img-router fingerprint v1"));
        Self(Arc::new(Keys { root, cipher, fingerprint, dice }))
    }

    /// Seals a text for one place. `aad` names the place (and the origin that the secret may be sent
    /// to); it is needed again to open it, and is not stored.
    pub fn seal(&self, plain: &str, aad: &str) -> Vec<u8> {
        let mut nonce = [0u8; NONCE];
        self.0.dice.fill(&mut nonce);
        let payload = Payload { msg: plain.as_bytes(), aad: aad.as_bytes() };
        let sealed = self.0.cipher.encrypt(XNonce::from_slice(&nonce), payload).expect("encryption fails only beyond 256 GiB");
        [&[FORMAT], nonce.as_slice(), &sealed].concat()
    }

    /// Opens what [`Vault::seal`] sealed for the same place.
    ///
    /// # Errors
    /// [`SettingsError::Sealed`] when it was sealed for another place, with another master key, or is damaged.
    pub fn open(&self, sealed: &[u8], aad: &str) -> Result<Secret, SettingsError> {
        let (format, rest) = sealed.split_first().ok_or(SettingsError::Sealed)?;
        if *format != FORMAT || rest.len() < NONCE + TAG {
            return Err(SettingsError::Sealed);
        }
        let (nonce, text) = rest.split_at(NONCE);
        let payload = Payload { msg: text, aad: aad.as_bytes() };
        let plain = Zeroizing::new(self.0.cipher.decrypt(XNonce::from_slice(nonce), payload).map_err(|_| SettingsError::Sealed)?);
        std::str::from_utf8(&plain).map(Secret::new).map_err(|_| SettingsError::Sealed)
    }

    /// A keyed hash (HMAC-SHA-256, 64 hexadecimal digits): the same text gives the same fingerprint,
    /// and without the master key nothing can be guessed from it.
    pub fn fingerprint(&self, text: &str) -> String {
        hex(&mac(&self.0.fingerprint[..], text.as_bytes()))
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(…)")
    }
}

fn mac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = <HmacSha256 as Mac>::new_from_slice(key).expect("a key of HMAC may have any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

fn subkey(master: &[u8; 32], purpose: &[u8]) -> [u8; 32] {
    mac(master, purpose)
}

/// What the subkeys come from, if a marker opens with a master key.
fn root(master: &Key, sealed: &[u8], dice: &Arc<dyn Dice>) -> Option<Key> {
    let text = Vault::new(master.clone(), Arc::clone(dice)).open(sealed, CHECK_BINDING).ok()?;
    match text.expose() {
        CHECK_TEXT => Some(master.clone()),
        other => from_hex(other.strip_prefix(ROOT)?.as_bytes()),
    }
}

fn from_environment(text: &str) -> Result<Key, SettingsError> {
    if text.trim().chars().count() < SHORTEST {
        return Err(SettingsError::MasterKey(format!("{SECRET_KEY} must have at least {SHORTEST} characters")));
    }
    let hash = Sha256::new().chain_update(b"img-router master key v1\0").chain_update(text.trim().as_bytes());
    Ok(Zeroizing::new(hash.finalize().into()))
}

/// Reads the key file, or makes it if no secret can have been sealed yet.
fn key_file(path: &Path, sealed_before: bool, dice: &dyn Dice) -> Result<Key, SettingsError> {
    if let Some(key) = read_key_file(path)? {
        return Ok(key);
    }
    if sealed_before {
        return Err(SettingsError::MasterKey(format!(
            "{} is missing, and {SECRET_KEY} is not set, but there are sealed secrets. Nothing was changed. Put the file back, or set the variable as before",
            path.display()
        )));
    }
    let (key, text) = random_key(dice);
    match disk::create_new(path, text.as_bytes(), dice) {
        Ok(()) => Ok(key),
        // Another process was faster: its key holds.
        Err(SettingsError::Io { error, .. }) if error.kind() == ErrorKind::AlreadyExists => {
            read_key_file(path)?.ok_or_else(|| SettingsError::MasterKey(format!("{} comes and goes", path.display())))
        }
        Err(error) => Err(error),
    }
}

/// A random key, and how it stands in a file.
fn random_key(dice: &dyn Dice) -> (Key, Zeroizing<String>) {
    let mut key = Zeroizing::new([0u8; 32]);
    dice.fill(&mut key[..]);
    let text = Zeroizing::new(format!("{}\n", hex(&key[..])));
    (key, text)
}

fn read_key_file(path: &Path) -> Result<Option<Key>, SettingsError> {
    let Some(text) = disk::read_bounded(path, MOST_FILE)?.map(Zeroizing::new) else { return Ok(None) };
    disk::tighten(path)?;
    from_hex(text.trim_ascii())
        .map(Some)
        .ok_or_else(|| SettingsError::MasterKey(format!("{} must hold 64 hexadecimal digits. It was left as it is", path.display())))
}

fn from_hex(digits: &[u8]) -> Option<Key> {
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|v| u8::try_from(v).ok());
    let mut key = Zeroizing::new([0u8; 32]);
    if digits.len() != 64 {
        return None;
    }
    for (pair, out) in digits.chunks_exact(2).zip(key.iter_mut()) {
        *out = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(key)
}
