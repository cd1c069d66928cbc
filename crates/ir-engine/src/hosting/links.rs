//! The gateway's own links: `{publicBaseUrl}/inputs/{id}/{expiry}/{signature}.{ext}`. A link works for
//! a quarter of an hour, at most as long as its request, and never after a restart.

use hmac::{Hmac, Mac};
use ir_model::{Dice, Fault, Gate, Picture, Secret, Timestamp, hex};
use sha2::Sha256;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use url::Url;

/// Links that are open at a time, over all requests.
const MOST_LINKS: usize = 4096;
/// How long a link works.
const LIFETIME_MS: i64 = 15 * 60 * 1000;
/// A link with less than this left is not given again.
const ENOUGH_MS: u64 = 5 * 60 * 1000;

/// All open links.
pub(super) struct Table {
    key: Secret,
    dice: Arc<dyn Dice>,
    open: Mutex<HashMap<String, Entry>>,
}

struct Entry {
    picture: Picture,
    expiry: Timestamp,
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("open", &self.lock().len()).finish_non_exhaustive()
    }
}

impl Table {
    pub(super) fn new(dice: Arc<dyn Dice>) -> Self {
        let key = Secret::new(format!("{}{}", dice.hex128(), dice.hex128()));
        Self { key, dice, open: Mutex::default() }
    }

    /// The last part of a link's path.
    fn tail(&self, id: &str, expiry: Timestamp, picture_extension: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.expose().as_bytes()).expect("invariant: HMAC takes keys of any length");
        mac.update(format!("{id}/{}/{picture_extension}", expiry.0).as_bytes());
        format!("{}.{picture_extension}", hex(&mac.finalize().into_bytes()))
    }

    pub(super) fn open(&self, id: &str, expiry: &str, tail: &str, now: Timestamp) -> Option<Picture> {
        let until = Timestamp(expiry.parse().ok()?);
        // Only the text that was given out is taken: no `+1`, no leading zero.
        if until.0.to_string() != expiry || now >= until {
            return None;
        }
        let (_, extension) = tail.split_once('.')?;
        if !Secret::new(self.tail(id, until, extension)).same_as(tail) {
            return None;
        }
        self.lock().get(id).filter(|entry| entry.expiry == until).map(|entry| entry.picture.clone())
    }

    fn insert(&self, picture: Picture, now: Timestamp) -> Result<(String, Timestamp), Fault> {
        let expiry = now.plus_ms(LIFETIME_MS);
        let id = self.dice.hex128();
        let mut open = self.lock();
        if open.len() >= MOST_LINKS {
            open.retain(|_, entry| entry.expiry > now);
        }
        if open.len() >= MOST_LINKS {
            return Err(Fault::gate(Gate::Overloaded, "The gateway is busy. Try again in a moment.", "网关繁忙，请稍后再试。")
                .retry_after(Some(Duration::from_secs(5)))
                .detail("too many links to input pictures are open"));
        }
        open.insert(id.clone(), Entry { picture, expiry });
        Ok((id, expiry))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The links of one request. Dropping it closes them and lets go of their pictures.
pub struct Links {
    table: Arc<Table>,
    given: Mutex<Vec<Given>>,
}

struct Given {
    sha256: [u8; 32],
    id: String,
    expiry: Timestamp,
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Links").field("given", &self.lock().len()).finish_non_exhaustive()
    }
}

impl Links {
    pub(super) fn new(table: Arc<Table>) -> Self {
        Self { table, given: Mutex::default() }
    }

    /// A link to a picture below the gateway's public address; the one that the request has already,
    /// if it works for long enough.
    pub(super) fn link(&self, base: &Url, picture: &Picture, now: Timestamp) -> Result<String, Fault> {
        let sha256 = picture.blob.sha256();
        let mut given = self.lock();
        let known = given.iter().find(|one| one.sha256 == sha256 && one.expiry.since(now) >= ENOUGH_MS);
        let (id, expiry) = match known {
            Some(one) => (one.id.clone(), one.expiry),
            None => {
                let (id, expiry) = self.table.insert(picture.clone(), now)?;
                given.push(Given { sha256, id: id.clone(), expiry });
                (id, expiry)
            }
        };
        let tail = self.table.tail(&id, expiry, picture.probe.format.extension());
        Ok(format!("{}/inputs/{id}/{}/{tail}", base.as_str().trim_end_matches('/'), expiry.0))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Given>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        let given = std::mem::take(&mut *self.lock());
        let mut open = self.table.lock();
        for one in given {
            open.remove(&one.id);
        }
    }
}
