//! What is done beside the requests: the health of keys stored, model lists refreshed, old rows and
//! pictures let go of.

use crate::claims::{KEPT_MS, settle_left};
use crate::engine::Engine;
use crate::hooks;
use crate::keys::KeyCell;
use crate::recover::adopt_recent;
use crate::refused;
use crate::resume::resume;
use crate::steer::KeyVerdict;
use crate::told::Told;
use ir_model::Timestamp;
use ir_store::{Cursor, Gallery, KeyHealth, PictureRecord, StoreError};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How often the health of used keys is stored. A crash loses at most this much of it.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// How often upstreams are asked for their models.
const MODELS_EVERY: Duration = Duration::from_secs(600);
/// An upstream's model list must be there by then.
const MODELS_WITHIN: Duration = Duration::from_secs(30);
/// Most models of one upstream that are listed.
const MOST_MODELS: usize = 5000;
/// How often what is past its retention is let go of.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);
/// How long a picture that an operator deleted can be brought back: the end that is passed to
/// [`Gallery::remove`] with it.
pub const UNDO_WINDOW: Duration = Duration::from_secs(600);
/// How often removed pictures are looked for whose window is over.
const EXPIRE_EVERY: Duration = Duration::from_secs(60);
/// Ended jobs stay in the journal for this long.
const JOB_DAYS: u32 = 7;
/// How long the gateway has to run before the newest picture of all may be past its retention: a machine whose clock
/// is wrong as it starts would lose the whole gallery, and has been told the time by then.
const CLOCK_TRUSTED: Duration = Duration::from_secs(86_400);
/// Pictures that one sweep deletes at most; the next one goes on.
const MOST_SWEPT: usize = 20_000;
const PAGE: u32 = 500;

impl Engine {
    /// Starts the upkeep and the copies to the bucket. They end with the engine.
    pub fn spawn_upkeep(self: &Arc<Self>) {
        self.outbox.spawn();
        self.adopted.send_replace(false);
        let weak = Arc::downgrade(self);
        let engine = Arc::clone(self);
        tokio::spawn(resume(Arc::clone(&engine)));
        tokio::spawn(hooks::work(weak.clone()));
        tokio::spawn(refused::work(weak.clone(), Arc::clone(self.door.refusals())));
        tokio::spawn(async move {
            adopt_recent(&engine).await;
            engine.adopted.send_replace(true);
            settle_left(&engine).await;
        });
        tokio::spawn(async move {
            let mut down = HashSet::new();
            let (mut next_models, mut next_expiry) = (Instant::now(), Instant::now() + FLUSH_EVERY);
            loop {
                let Some(engine) = weak.upgrade() else { return };
                engine.flush_health().await;
                engine.ask_about_rejected();
                engine.flush_clients().await;
                engine.try_disk().await;
                engine.tell_breakers(&mut down);
                if Instant::now() >= next_models {
                    next_models = Instant::now() + MODELS_EVERY;
                    let engine = Arc::clone(&engine);
                    tokio::spawn(async move { engine.refresh_models().await });
                }
                if Instant::now() >= next_expiry {
                    next_expiry = Instant::now() + EXPIRE_EVERY;
                    if let Err(error) = engine.expire_removed().await {
                        tracing::error!(%error, "removed pictures could not be deleted");
                    }
                }
                drop(engine);
                tokio::time::sleep(FLUSH_EVERY).await;
            }
        });
        // Beside it: thousands of pictures take minutes to delete.
        let weak = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(FLUSH_EVERY).await;
            while let Some(engine) = weak.upgrade() {
                if let Err(error) = engine.sweep().await {
                    tracing::error!(%error, "what is past its retention could not be removed");
                }
                drop(engine);
                tokio::time::sleep(SWEEP_EVERY).await;
            }
        });
    }

    /// Lets go of what is past its retention (`retention.*`; 0 days: for ever) and finishes deletions
    /// that a crash has interrupted.
    ///
    /// # Errors
    /// When the store fails. What is left is taken up by the next sweep.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let retention = self.snapshot().settings.retention.clone();
        let before = |days: u32| now.plus_ms(-i64::from(days) * 86_400_000);
        self.store.prune_jobs(before(JOB_DAYS)).await?;
        self.store.prune_claims(now.plus_ms(-KEPT_MS)).await?;
        self.store.prune_sessions(now).await?;
        self.store.prune_stats(now).await?;
        if retention.request_log_days > 0 {
            self.store.prune(before(retention.request_log_days)).await?;
        }
        if retention.picture_days > 0 {
            self.sweep_pictures(before(retention.picture_days), now).await?;
        }
        let left = self.store.removed(PAGE).await?;
        self.delete_files(&left).await
    }

    /// Deletes the pictures that are older than `end`.
    async fn sweep_pictures(&self, end: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        let newest = Gallery::page(&*self.store, None, 1).await?;
        if newest.iter().any(|newest| newest.created < end) && Duration::from_millis(self.mono()) < CLOCK_TRUSTED {
            tracing::warn!("every picture is past its retention: if the clock is right, they are deleted a day after the start");
            return Ok(());
        }
        let mut swept = 0;
        while swept < MOST_SWEPT {
            let page = Gallery::page(&*self.store, Some(Cursor { created: end, name: String::new() }), PAGE).await?;
            if page.is_empty() {
                break;
            }
            // Nobody asked for it, so nobody undoes it.
            let names: Vec<String> = page.into_iter().map(|picture| picture.name).collect();
            swept += self.store.remove(&names, now).await?.len();
            self.expire_removed().await?;
        }
        if swept > 0 {
            tracing::info!(pictures = swept, "pictures past their retention were deleted");
        }
        Ok(())
    }

    /// Makes the removal of pictures final that can no longer be undone, and deletes their files. A
    /// crash in between leaves it to the next sweep.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn expire_removed(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        loop {
            let expired = self.store.expire_removed(now, PAGE).await?;
            if expired.is_empty() {
                return Ok(());
            }
            ir_crash::point("removal.final");
            self.outbox.wake();
            self.delete_files(&expired).await?;
        }
    }

    /// Deletes the files of pictures whose removal is final, then their rows. A file that cannot be deleted keeps its
    /// row, so that it is tried again.
    async fn delete_files(&self, pictures: &[PictureRecord]) -> Result<(), StoreError> {
        let mut gone = Vec::with_capacity(pictures.len());
        for picture in pictures {
            match self.pictures.delete(&picture.path).await {
                Ok(_) => gone.push(picture.name.clone()),
                Err(error) => tracing::error!(name = picture.name, %error, "a removed picture's file cannot be deleted"),
            }
        }
        if gone.is_empty() {
            return Ok(());
        }
        ir_crash::point("removal.files");
        self.store.forget(&gone).await.map(drop)
    }

    /// Tells those who watch which upstreams went down or came back since the last time.
    fn tell_breakers(&self, down: &mut HashSet<(&'static str, String)>) {
        for upstream in &self.snapshot().upstreams {
            let (place, open) = ((upstream.name(), upstream.base_url.clone()), upstream.is_down());
            if open != down.contains(&place) {
                let (provider, base_url) = place.clone();
                if open {
                    down.insert(place)
                } else {
                    down.remove(&place)
                };
                self.feed.push(Told::Breaker { provider, base_url, open });
            }
        }
    }

    pub(crate) async fn flush_health(&self) {
        let snapshot = self.snapshot();
        let cells = snapshot.upstreams.iter().flat_map(|upstream| &upstream.keys);
        let changed: Vec<&Arc<KeyCell>> = cells.filter(|key| key.health.take_changed()).collect();
        changed.iter().for_each(|key| self.feed.push(Told::Key(key.id.clone())));
        let records: Vec<KeyHealth> = changed.iter().map(|key| key.health.to_record()).collect();
        if !changed.is_empty()
            && let Err(error) = self.store.save_key_health(records).await
        {
            // The next time, then.
            changed.iter().for_each(|key| key.health.mark_changed());
            tracing::error!(%error, "the health of keys could not be stored");
        }
    }

    /// Asks platforms about keys that they rejected, by calls that cost nothing: what heals by itself
    /// must not wait for the operator.
    fn ask_about_rejected(self: &Arc<Self>) {
        let snapshot = self.snapshot();
        let now = self.clock.now();
        for (upstream, key) in snapshot.upstreams.iter().flat_map(|upstream| upstream.keys.iter().map(move |key| (upstream, key))) {
            if !upstream.enabled || !key.enabled || !key.health.is_to_be_asked(now) {
                continue;
            }
            let (engine, upstream, key, snapshot) = (Arc::clone(self), Arc::clone(upstream), Arc::clone(key), Arc::clone(&snapshot));
            tokio::spawn(async move {
                let base = if upstream.space.is_some() { upstream.home(&snapshot.settings) } else { upstream.base_url.clone() };
                let (verdict, _) = engine.try_key(upstream.adapter, &base, &key.secret).await;
                let now = engine.clock.now();
                match verdict {
                    KeyVerdict::Good | KeyVerdict::Quota => {
                        tracing::info!(provider = upstream.name(), key = %key.id, "a key that was rejected is taken again");
                        key.health.taken_back();
                    }
                    KeyVerdict::Rejected => key.health.confirmed(now),
                    KeyVerdict::RateLimited | KeyVerdict::Unreachable => key.health.ask_later(now),
                    KeyVerdict::NotCheckable => {}
                }
            });
        }
    }

    /// Asks every enabled upstream that has a list for its models; one flight each.
    pub async fn refresh_models(&self) {
        let snapshot = self.snapshot();
        for upstream in snapshot.upstreams.iter().filter(|u| u.enabled && !u.base_url.is_empty()) {
            let key = upstream.keys.iter().find(|key| key.enabled && !key.health.is_disabled());
            if key.is_none() {
                continue;
            }
            let Some(call) = upstream.adapter.list_models(&upstream.base_url, key.map(|key| &key.secret)) else { continue };
            let limits = self.exchange_limits(&snapshot, upstream, Instant::now() + MODELS_WITHIN);
            let listed = match self.door.exchange(&call, &limits).await {
                Ok(reply) if (200..300).contains(&reply.status) => upstream.adapter.read_models(&reply),
                Ok(reply) => Err(upstream.adapter.fault(&reply)),
                Err(fault) => Err(fault),
            };
            match listed {
                Ok(mut models) => {
                    models.truncate(MOST_MODELS);
                    upstream.health.models.store(Some(Arc::new(models)));
                }
                Err(fault) => {
                    tracing::warn!(
                        provider = upstream.name(),
                        class = fault.class.name(),
                        detail = fault.detail,
                        "the model list could not be read"
                    );
                }
            }
        }
    }
}
