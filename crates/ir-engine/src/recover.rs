//! Starting is recovering: whatever ended the last run, this is what puts things in order. The same
//! walk over the stored pictures rebuilds the whole index on demand.

use crate::engine::Engine;
use ir_model::{Timestamp, hex};
use ir_spool::{PictureStore, ScanItem, ScanKind, Verified};
use ir_store::{Gallery, PictureRecord, Store, StoreError};
use std::sync::Arc;
use tokio::runtime::Handle;

/// What a start found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Jobs that were under way when the last run ended.
    pub interrupted: u64,
}

/// What a walk over the pictures did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reindexed {
    /// Pictures found in storage.
    pub found: u64,
    /// Pictures added to the index.
    pub added: u64,
    /// Files that are not whole pictures, left alone.
    pub damaged: u64,
    /// Leftovers of interrupted writes, removed.
    pub removed: u64,
}

/// Names looked up in the index at once.
const BATCH: usize = 500;
/// A crash can leave pictures unlisted only for as long as a job may last; two days before the last
/// picture that was listed are plenty, and bear a clock that was set otherwise meanwhile.
const RECENT_MS: i64 = 2 * 86_400_000;

pub(crate) async fn recover(engine: &Engine) -> Result<Recovered, StoreError> {
    let interrupted = engine.store.mark_interrupted(engine.clock.now()).await?;
    ir_crash::point("recover.marked");
    Ok(Recovered { interrupted: interrupted.jobs })
}

/// Lists pictures that were stored when the last run was cut off before it could list them. Beside
/// the requests, on a thread of its own: what was answered is listed already.
pub(crate) async fn adopt_recent(engine: &Engine) {
    // An empty index beside a full storage: a folder of 1.x, or a database that was lost.
    let since = match Gallery::page(&*engine.store, None, 1).await.map(|newest| newest.first().map(|picture| picture.created)) {
        Ok(newest) => newest.map(|newest| newest.min(engine.clock.now()).plus_ms(-RECENT_MS)),
        Err(error) => return tracing::error!(%error, "the gallery cannot be read"),
    };
    match walk(engine.pictures.clone(), Arc::clone(&engine.store), since).await {
        Ok(done) if since.is_none() && done.added > 0 => {
            tracing::info!(pictures = done.added, damaged = done.damaged, "the stored pictures are in the gallery now");
        }
        Ok(done) if done.added + done.removed > 0 => {
            tracing::warn!(
                adopted = done.added,
                leftovers_removed = done.removed,
                "the last run was cut off: its stored pictures are listed now"
            );
        }
        Ok(_) => {}
        Err(error) => tracing::error!(%error, "the stored pictures could not be compared with the index"),
    }
}

/// Rebuilds the gallery's index from the pictures and the metadata beside them. What is listed
/// already stays as it is.
///
/// # Errors
/// When the store fails.
pub async fn reindex(pictures: &PictureStore, store: &Arc<dyn Store>) -> Result<Reindexed, StoreError> {
    walk(pictures.clone(), Arc::clone(store), None).await
}

async fn walk(pictures: PictureStore, store: Arc<dyn Store>, since: Option<Timestamp>) -> Result<Reindexed, StoreError> {
    let runtime = Handle::current();
    let walked = tokio::task::spawn_blocking(move || {
        let mut done = Reindexed::default();
        let mut batch: Vec<ScanItem> = Vec::with_capacity(BATCH);
        for item in pictures.scan().filter(|item| since.is_none_or(|since| item.modified >= since)) {
            match &item.kind {
                ScanKind::Leftover => {
                    if pictures.remove_leftover(&item).unwrap_or(false) {
                        done.removed += 1;
                        ir_crash::point("recover.cleared");
                    }
                    continue;
                }
                ScanKind::Unreadable(error) => {
                    tracing::warn!(file = item.relative, error, "a part of the storage cannot be read");
                    continue;
                }
                ScanKind::Ours(_) | ScanKind::Legacy(_) | ScanKind::NoSidecar => {}
            }
            done.found += 1;
            batch.push(item);
            if batch.len() >= BATCH {
                add(&runtime, &pictures, &*store, std::mem::take(&mut batch), &mut done)?;
            }
        }
        add(&runtime, &pictures, &*store, batch, &mut done)?;
        Ok(done)
    });
    walked.await.map_err(|error| StoreError::Database { detail: format!("the walk over the pictures failed: {error}") })?
}

fn add(runtime: &Handle, pictures: &PictureStore, store: &dyn Store, batch: Vec<ScanItem>, done: &mut Reindexed) -> Result<(), StoreError> {
    let names: Vec<String> = batch.iter().map(|item| item.name.clone()).collect();
    let missing = runtime.block_on(store.names_missing_from(&names))?;
    for item in batch.into_iter().filter(|item| missing.contains(&item.name)) {
        match pictures.verify(&item) {
            Ok(verified) => {
                runtime.block_on(store.add(record(&item, &verified)))?;
                done.added += 1;
                ir_crash::point("recover.listed");
            }
            Err(error) => {
                done.damaged += 1;
                tracing::warn!(file = item.relative, %error, "a file in storage is not a whole picture of ours: left alone");
            }
        }
    }
    Ok(())
}

fn record(item: &ScanItem, verified: &Verified) -> PictureRecord {
    let base = PictureRecord {
        name: item.name.clone(),
        path: item.relative.clone(),
        sha256: hex(&verified.sha256),
        bytes: verified.bytes,
        format: verified.probe.format,
        size: verified.probe.size,
        prompt: String::new(),
        revised_prompt: None,
        model: String::new(),
        provider: String::new(),
        task: String::new(),
        created: item.modified,
        request_id: String::new(),
        client: String::new(),
    };
    match &item.kind {
        ScanKind::Ours(sidecar) => PictureRecord {
            prompt: sidecar.prompt.clone(),
            revised_prompt: sidecar.revised_prompt.clone(),
            model: sidecar.model.clone(),
            provider: sidecar.provider.clone(),
            task: sidecar.task.clone(),
            created: Timestamp(sidecar.created_ms),
            request_id: sidecar.request_id.clone(),
            client: sidecar.client.clone(),
            ..base
        },
        ScanKind::Legacy(legacy) => PictureRecord {
            prompt: legacy.prompt.clone(),
            model: legacy.model.clone(),
            provider: legacy.provider.clone(),
            task: legacy.task.clone(),
            created: legacy.created.unwrap_or(item.modified),
            client: "1.x".to_owned(),
            ..base
        },
        ScanKind::NoSidecar | ScanKind::Leftover | ScanKind::Unreadable(_) => base,
    }
}
