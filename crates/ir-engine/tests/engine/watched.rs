//! A store that tells of its calls before and after it passes them on, and waits if the listener does.

use async_trait::async_trait;
use ir_model::{Charge, KeyId, Timestamp};
use ir_store::{
    AddedKeys, AdminRepo, AttemptRecord, AuditRecord, Backlog, Claim, Claims, ClientKeyRecord, ClientKeyRepo, ClientKeyUse, Cursor, Errand,
    Facets, Gallery, GalleryFilter, Hook, Interrupted, JobRecord, JobState, Journal, JournalEntry, KeyHealth, KeyRecord, KeyRepo, Listed,
    Matching, Outbox, PictureRecord, RequestFilter, RequestLog, RequestRecord, Result, SessionRecord, Statistics, Stats, Store, StoreError,
    Window,
};
use std::any::Any;
use std::sync::Arc;

/// Who listens.
#[async_trait]
pub(crate) trait Listener: Send + Sync + 'static {
    /// Before a call. What is returned is held until the call has ended.
    async fn before(&self, call: &'static str) -> Box<dyn Any + Send>;

    /// After a call, before its caller is answered.
    async fn after(&self, _call: &'static str) {}

    /// Whether the gallery cannot be read now.
    fn is_unread(&self) -> bool {
        false
    }

    /// An attempt stands in the journal.
    fn journaled(&self, _job: &JobRecord, _attempt: &AttemptRecord) {}
}

/// See the module's text.
pub(crate) struct Watched {
    inner: Arc<dyn Store>,
    listener: Arc<dyn Listener>,
}

impl Watched {
    pub(crate) fn new(inner: Arc<dyn Store>, listener: Arc<dyn Listener>) -> Self {
        Self { inner, listener }
    }
}

macro_rules! pass_on {
    ($repo:ident { $(fn $name:ident($($arg:ident: $kind:ty),*) -> $out:ty;)* } $($own:tt)*) => {
        #[async_trait]
        impl $repo for Watched {
            $(
                async fn $name(&self, $($arg: $kind),*) -> $out {
                    let _held = self.listener.before(stringify!($name)).await;
                    let result = $repo::$name(&*self.inner, $($arg),*).await;
                    self.listener.after(stringify!($name)).await;
                    result
                }
            )*
            $($own)*
        }
    };
}

pass_on! { KeyRepo {
    fn keys() -> Result<Vec<KeyRecord>>;
    fn add_keys(keys: Vec<KeyRecord>) -> Result<AddedKeys>;
    fn update_key(key: KeyRecord) -> Result<bool>;
    fn delete_key(id: &KeyId) -> Result<bool>;
    fn save_key_health(health: Vec<KeyHealth>) -> Result<()>;
} }

pass_on! { Journal {
    fn begin(job: JobRecord) -> Result<()>;
    fn attempt(attempt: AttemptRecord) -> Result<()>;
    fn ticket(job: &str, attempt: u32, ticket: &str) -> Result<()>;
    fn settle(job: &str, attempt: u32, outcome: &str, charge: Charge) -> Result<()>;
    fn finish(job: &str, state: JobState, pictures: Vec<String>) -> Result<()>;
    fn finish_with(job: &str, state: JobState, pictures: Vec<PictureRecord>) -> Result<()>;
    fn job(id: &str) -> Result<Option<JournalEntry>>;
    fn unfinished() -> Result<Vec<JournalEntry>>;
    fn mark_interrupted(now: Timestamp) -> Result<Interrupted>;
    fn prune_jobs(before: Timestamp) -> Result<u64>;
} async fn begin_with_attempt(&self, job: JobRecord, attempt: AttemptRecord) -> Result<()> {
    let _held = self.listener.before("begin_with_attempt").await;
    self.inner.begin_with_attempt(job.clone(), attempt.clone()).await?;
    self.listener.journaled(&job, &attempt);
    Ok(())
} }

pass_on! { RequestLog {
    fn append(records: Vec<RequestRecord>) -> Result<()>;
    fn page(before: Option<i64>, limit: u32) -> Result<Vec<RequestRecord>>;
    fn search(filter: RequestFilter, before: Option<i64>, limit: u32) -> Result<Vec<RequestRecord>>;
    fn request(request_id: &str) -> Result<Option<RequestRecord>>;
    fn prune(before: Timestamp) -> Result<u64>;
} }

pass_on! { Outbox {
    fn aim(target: Option<&str>) -> Result<()>;
    fn fill(target: &str, after: &str, limit: u32) -> Result<Option<String>>;
    fn due(target: &str, now: Timestamp, limit: u32) -> Result<Vec<Errand>>;
    fn carried_out(errand: &Errand) -> Result<bool>;
    fn put_off(errand: &Errand, until: Timestamp, error: &str) -> Result<()>;
    fn call_off(errand: &Errand) -> Result<bool>;
    fn copied(target: &str, name: &str) -> Result<Option<Timestamp>>;
    fn backlog(target: &str) -> Result<Backlog>;
} }

pass_on! { Gallery {
    fn add(picture: PictureRecord) -> Result<()>;
    fn get(name: &str) -> Result<Option<PictureRecord>>;
    fn named(names: &[String]) -> Result<Vec<Listed>>;
    fn search(filter: GalleryFilter, before: Option<i64>, limit: u32) -> Result<Vec<Listed>>;
    fn count_matching(filter: GalleryFilter) -> Result<Matching>;
    fn facets() -> Result<Facets>;
    fn favorite(names: &[String], favorite: bool) -> Result<u64>;
    fn remove(names: &[String], undo_until: Timestamp) -> Result<Vec<String>>;
    fn restore(names: &[String]) -> Result<Vec<String>>;
    fn expire_removed(now: Timestamp, limit: u32) -> Result<Vec<PictureRecord>>;
    fn removed(limit: u32) -> Result<Vec<PictureRecord>>;
    fn forget(names: &[String]) -> Result<u64>;
    fn count() -> Result<u64>;
    fn names_missing_from(names: &[String]) -> Result<Vec<String>>;
}
async fn page(&self, cursor: Option<Cursor>, limit: u32) -> Result<Vec<PictureRecord>> {
    let _held = self.listener.before("page").await;
    if self.listener.is_unread() {
        return Err(StoreError::Closed);
    }
    Gallery::page(&*self.inner, cursor, limit).await
} }

pass_on! { Claims {
    fn open_claim(claim: Claim, since: Timestamp) -> Result<()>;
    fn close_claim(claim: Claim, hooks: Vec<Hook>) -> Result<()>;
    fn drop_claim(job: &str) -> Result<()>;
    fn claim_by_key(scope: &str, key: &str, since: Timestamp) -> Result<Option<Claim>>;
    fn claim(scope: &str, request_id: &str, since: Timestamp) -> Result<Option<Claim>>;
    fn claim_of(job: &str) -> Result<Option<Claim>>;
    fn open_claims() -> Result<Vec<Claim>>;
    fn drawn_for(claim: &Claim) -> Result<Vec<String>>;
    fn prune_claims(before: Timestamp) -> Result<u64>;
    fn due_hooks(now: Timestamp, limit: u32) -> Result<Vec<Hook>>;
    fn drop_hook(id: &str) -> Result<()>;
    fn put_off_hook(id: &str, until: Timestamp, error: &str) -> Result<()>;
} }

pass_on! { AdminRepo {
    fn create_session(session: SessionRecord) -> Result<()>;
    fn find_session(token_hash: &[u8], now: Timestamp) -> Result<Option<SessionRecord>>;
    fn session(id: &str) -> Result<Option<SessionRecord>>;
    fn touch_session(id: &str, now: Timestamp) -> Result<bool>;
    fn sessions(now: Timestamp) -> Result<Vec<SessionRecord>>;
    fn delete_session(id: &str) -> Result<bool>;
    fn delete_other_sessions(but: Option<&str>) -> Result<u64>;
    fn prune_sessions(now: Timestamp) -> Result<u64>;
    fn add_audit(records: Vec<AuditRecord>) -> Result<()>;
    fn audit(before: Option<i64>, limit: u32) -> Result<Vec<AuditRecord>>;
} }

pass_on! { Statistics {
    fn stats(window: Window, now: Timestamp) -> Result<Stats>;
    fn prune_stats(now: Timestamp) -> Result<u64>;
} }

pass_on! { ClientKeyRepo {
    fn client_keys() -> Result<Vec<ClientKeyRecord>>;
    fn add_client_key(key: ClientKeyRecord) -> Result<bool>;
    fn update_client_key(key: ClientKeyRecord) -> Result<bool>;
    fn delete_client_key(id: &str) -> Result<bool>;
    fn save_client_key_use(usage: Vec<ClientKeyUse>) -> Result<()>;
} }

pass_on! { Store {
    fn ready() -> Result<()>;
     fn broken() -> String;
    fn close() -> ();
} }
