//! Keys of callers: found by a keyed hash, which is all that is kept of them, and held to what the
//! operator allows them. What is allowed stands in the snapshot; what was used outlives snapshots.

use crate::engine::Engine;
use crate::pace::{Pace, too_fast};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ir_model::{Caller, Fault, Gate, Secret, Timestamp};
use ir_settings::Vault;
use ir_store::{ClientKeyRecord, ClientKeyUse, StoreError};
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What every client key begins with. No platform's keys do.
const PREFIX: &str = "ir-";
/// Random bytes of a key.
const RANDOM: usize = 32;
/// When to come back to a key that draws as much as it may: nobody knows when a picture is done.
const WHEN_BUSY: Duration = Duration::from_secs(5);

/// A client key within one snapshot: what the operator set, and the shared use.
#[derive(Debug)]
pub struct ClientKey {
    /// What is stored of it; its use is that of the last start.
    pub record: ClientKeyRecord,
    /// Carried over between snapshots.
    pub live: Arc<ClientKeyLive>,
}

/// What becomes of a client key at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKeyState {
    /// It is let in.
    Active,
    /// Its time is over.
    Expired,
    /// The operator switched it off.
    Disabled,
}

impl ClientKey {
    /// Its state.
    pub fn state(&self, now: Timestamp) -> ClientKeyState {
        if self.record.expires.is_some_and(|at| at <= now) {
            ClientKeyState::Expired
        } else if self.record.enabled {
            ClientKeyState::Active
        } else {
            ClientKeyState::Disabled
        }
    }

    /// Whether it may be used now.
    pub(crate) fn let_in(&self, now: Timestamp) -> Result<(), Fault> {
        match self.state(now) {
            ClientKeyState::Active => Ok(()),
            ClientKeyState::Expired => Err(Fault::gate(Gate::BadKey, "This API key has expired.", "该 API 密钥已过期。")),
            ClientKeyState::Disabled => Err(Fault::gate(Gate::KeyDisabled, "This API key is switched off.", "该 API 密钥已停用。")),
        }
    }

    /// Whether it may draw with a model, by the name that the caller writes.
    pub(crate) fn may_use(&self, model: &str) -> bool {
        let asked = if crate::plan::is_auto(model) { "auto" } else { model };
        self.record.models.is_empty() || self.record.models.iter().any(|known| known == asked)
    }

    fn is_full(&self) -> bool {
        self.record.concurrent.is_some_and(|most| self.live.drawing.load(Ordering::Relaxed) >= most)
    }
}

/// What a client key was and is used for.
#[derive(Debug)]
pub struct ClientKeyLive {
    id: String,
    requests: AtomicU64,
    pictures: AtomicU64,
    /// Milliseconds since the epoch; 0: never.
    last_used: AtomicI64,
    drawing: AtomicU32,
    pace: Mutex<Pace>,
    changed: AtomicBool,
}

impl ClientKeyLive {
    fn of(usage: &ClientKeyUse) -> Self {
        Self {
            id: usage.id.clone(),
            requests: AtomicU64::new(usage.requests),
            pictures: AtomicU64::new(usage.pictures),
            last_used: AtomicI64::new(usage.last_used.map_or(0, |at| at.0)),
            drawing: AtomicU32::new(0),
            pace: Mutex::default(),
            changed: AtomicBool::new(false),
        }
    }

    /// What to store and to show.
    pub fn usage(&self) -> ClientKeyUse {
        let last_used = self.last_used.load(Ordering::Relaxed);
        ClientKeyUse {
            id: self.id.clone(),
            requests: self.requests.load(Ordering::Relaxed),
            pictures: self.pictures.load(Ordering::Relaxed),
            last_used: (last_used != 0).then_some(Timestamp(last_used)),
        }
    }

    /// Requests that draw at the moment.
    pub fn drawing(&self) -> u32 {
        self.drawing.load(Ordering::Relaxed)
    }

    /// Notes that somebody came with it.
    pub(crate) fn came(&self, now: Timestamp) {
        self.note(0, 0, now);
    }

    fn note(&self, requests: u64, pictures: u64, now: Timestamp) {
        self.requests.fetch_add(requests, Ordering::Relaxed);
        self.pictures.fetch_add(pictures, Ordering::Relaxed);
        self.last_used.fetch_max(now.0, Ordering::Relaxed);
        self.changed.store(true, Ordering::Release);
    }
}

/// A request that draws with a client key; dropped when it ends.
#[derive(Debug)]
pub(crate) struct ClientPlace(Arc<ClientKeyLive>);

impl Drop for ClientPlace {
    fn drop(&mut self) {
        self.0.drawing.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The client keys of a snapshot.
pub struct ClientKeys {
    vault: Vault,
    by_hash: HashMap<String, Arc<ClientKey>>,
    by_id: HashMap<String, Arc<ClientKey>>,
}

impl fmt::Debug for ClientKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientKeys").field("keys", &self.by_hash.len()).finish_non_exhaustive()
    }
}

impl ClientKeys {
    pub(crate) fn new(records: Vec<ClientKeyRecord>, vault: &Vault, before: Option<&Self>) -> Self {
        let carried = |id: &str| before.and_then(|keys| keys.by_id(id)).map(|key| Arc::clone(&key.live));
        let (mut by_hash, mut by_id) = (HashMap::new(), HashMap::new());
        for record in records {
            let live = carried(&record.id).unwrap_or_else(|| Arc::new(ClientKeyLive::of(&record.usage)));
            let key = Arc::new(ClientKey { record, live });
            by_hash.insert(key.record.hash.clone(), Arc::clone(&key));
            by_id.insert(key.record.id.clone(), key);
        }
        Self { vault: vault.clone(), by_hash, by_id }
    }

    /// The key that a token is. The whole token is hashed; nothing secret is compared.
    pub fn find(&self, token: &str) -> Option<&Arc<ClientKey>> {
        token.starts_with(PREFIX).then(|| self.by_hash.get(&hash(&self.vault, token)))?
    }

    /// The key of an id.
    pub fn by_id(&self, id: &str) -> Option<&Arc<ClientKey>> {
        self.by_id.get(id)
    }

    /// All of them, in no order.
    pub fn all(&self) -> impl Iterator<Item = &Arc<ClientKey>> {
        self.by_hash.values()
    }

    /// Whether there is any.
    pub fn is_empty(&self) -> bool {
        self.by_hash.is_empty()
    }
}

fn hash(vault: &Vault, token: &str) -> String {
    vault.fingerprint(&format!("client key|{token}"))
}

/// What the operator chooses for a client key.
#[derive(Clone, Debug)]
pub struct ClientKeyTerms {
    /// What to call it.
    pub name: String,
    /// From when on it is worth nothing.
    pub expires: Option<Timestamp>,
    /// Switched on.
    pub enabled: bool,
    /// Models that it may draw with; empty: all.
    pub models: Vec<String>,
    /// Requests for pictures in any minute.
    pub per_minute: Option<u32>,
    /// Requests drawing at once.
    pub concurrent: Option<u32>,
}

impl Engine {
    /// Makes a client key, in force when this answers: the key, which nobody can tell again, and what is
    /// stored. `created` is the time from which its terms reckon. `None`: there are as many as there may be.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn add_client_key(&self, terms: ClientKeyTerms, created: Timestamp) -> Result<Option<(Secret, ClientKeyRecord)>, StoreError> {
        let mut raw = [0; RANDOM];
        self.dice.fill(&mut raw);
        let key = Secret::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(raw)));
        let id = format!("ck_{}", self.dice.hex128());
        let record = ClientKeyRecord {
            name: terms.name,
            hash: hash(self.settings.vault(), key.expose()),
            hint: key.masked(),
            created,
            expires: terms.expires,
            enabled: terms.enabled,
            models: terms.models,
            per_minute: terms.per_minute,
            concurrent: terms.concurrent,
            usage: ClientKeyUse { id: id.clone(), ..ClientKeyUse::default() },
            id,
        };
        if !self.store.add_client_key(record.clone()).await? {
            return Ok(None);
        }
        self.reload().await?;
        Ok(Some((key, record)))
    }

    /// Changes what a client key may do, in force when this answers. `change` works on what is stored.
    /// `None`: there is no such key.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn change_client_key(
        &self,
        id: &str,
        change: impl FnOnce(&mut ClientKeyTerms) + Send,
    ) -> Result<Option<ClientKeyRecord>, StoreError> {
        let _turn = self.changing_clients.lock().await;
        let Some(record) = self.store.client_keys().await?.into_iter().find(|record| record.id == id) else { return Ok(None) };
        let ClientKeyRecord { name, expires, enabled, models, per_minute, concurrent, .. } = record.clone();
        let mut terms = ClientKeyTerms { name, expires, enabled, models, per_minute, concurrent };
        change(&mut terms);
        let ClientKeyTerms { name, expires, enabled, models, per_minute, concurrent } = terms;
        let record = ClientKeyRecord { name, expires, enabled, models, per_minute, concurrent, ..record };
        let there = self.store.update_client_key(record.clone()).await?;
        self.reload().await?;
        Ok(there.then_some(record))
    }

    /// Removes a client key: it is unknown when this answers. Requests under way end normally. `false`:
    /// there is no such key.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete_client_key(&self, id: &str) -> Result<bool, StoreError> {
        let _turn = self.changing_clients.lock().await;
        let there = self.store.delete_client_key(id).await?;
        self.reload().await?;
        Ok(there)
    }

    /// Lets a request for pictures in, or not, before its body is read: a client key's own limits, and
    /// those of an address that brings platforms' keys.
    ///
    /// # Errors
    /// 429 `rate_limit_exceeded` with the time to wait; 401 for a key that is gone meanwhile.
    pub fn admit(&self, caller: &Caller) -> Result<(), Fault> {
        if let Caller::Relay { peer, .. } = caller {
            let most = self.snapshot().settings.limits.relay_per_minute;
            return self.relayed.take(*peer, most, self.mono() / 1000);
        }
        let Some(key) = self.client_key(caller)? else { return Ok(()) };
        if key.is_full() {
            return Err(busy(&key));
        }
        if let Some(most) = key.record.per_minute {
            let mut pace = key.live.pace.lock().unwrap_or_else(PoisonError::into_inner);
            pace.take(most, self.mono() / 1000).map_err(|wait| too_fast("This key", "此密钥", most, wait))?;
        }
        key.live.note(1, 0, self.clock.now());
        Ok(())
    }

    /// Whether a caller may draw with a model.
    ///
    /// # Errors
    /// 403 `model_not_allowed`; 401 or 403 for a key that is gone, over or switched off meanwhile.
    pub(crate) fn allow(&self, caller: &Caller, model: &str) -> Result<(), Fault> {
        let Some(key) = self.client_key(caller)? else { return Ok(()) };
        key.let_in(self.clock.now())?;
        if key.may_use(model) {
            return Ok(());
        }
        Err(Fault::gate(
            Gate::ModelNotAllowed,
            "This key may not use this model. GET /v1/models lists those that it may.",
            "此密钥无权使用该模型，可用模型见 GET /v1/models。",
        )
        .param("model"))
    }

    /// A place among the requests that a caller may have drawing at once.
    ///
    /// # Errors
    /// 429 `rate_limit_exceeded`.
    pub(crate) fn client_place(&self, caller: &Caller) -> Result<Option<ClientPlace>, Fault> {
        let Some(key) = self.client_key(caller)? else { return Ok(None) };
        let most = key.record.concurrent.unwrap_or(u32::MAX);
        let taken = key.live.drawing.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |drawing| (drawing < most).then(|| drawing + 1));
        taken.map(|_| Some(ClientPlace(Arc::clone(&key.live)))).map_err(|_| busy(&key))
    }

    /// Notes what a caller came away with.
    pub(crate) fn note_drawn(&self, caller: &Caller, pictures: u64) {
        if let Ok(Some(key)) = self.client_key(caller) {
            key.live.note(0, pictures, self.clock.now());
        }
    }

    /// The key of a caller who has one, as it is now.
    fn client_key(&self, caller: &Caller) -> Result<Option<Arc<ClientKey>>, Fault> {
        let Caller::Key(id) = caller else { return Ok(None) };
        let found = self.snapshot().clients.by_id(id).cloned();
        found.map(Some).ok_or_else(|| Fault::gate(Gate::BadKey, "This API key is not known here.", "API 密钥无效。"))
    }

    /// Stores what client keys were used for since the last time.
    pub(crate) async fn flush_clients(&self) {
        let changed: Vec<ClientKeyUse> = {
            let snapshot = self.snapshot();
            let keys = snapshot.clients.all().filter(|key| key.live.changed.swap(false, Ordering::AcqRel));
            keys.map(|key| key.live.usage()).collect()
        };
        if !changed.is_empty()
            && let Err(error) = self.store.save_client_key_use(changed).await
        {
            tracing::error!(%error, "the use of client keys could not be stored");
        }
    }
}

fn busy(key: &ClientKey) -> Fault {
    let most = key.record.concurrent.unwrap_or(u32::MAX);
    Fault::gate(
        Gate::RateLimited,
        format!("This key may have {most} requests drawing at once. Wait until one is done."),
        format!("此密钥最多同时进行 {most} 个请求，请等待其中一个完成。"),
    )
    .retry_after(Some(WHEN_BUSY))
}
