//! What the gateway's own disk does: once it failed to keep a picture, nothing more is bought until a
//! trial goes through, which is made every second.

use crate::engine::Engine;
use ir_model::{Fault, Gate};
use ir_spool::SpoolError;
use ir_store::StoreError;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// When to ask again.
const AGAIN: Duration = Duration::from_secs(2);

/// Whether pictures can be stored, as far as is known.
#[derive(Debug, Default)]
pub(crate) struct Disk(Mutex<Option<Trouble>>);

#[derive(Debug)]
struct Trouble {
    full: bool,
    why: String,
}

impl Disk {
    /// Something could not be stored.
    pub(crate) fn failed(&self, error: &SpoolError) {
        *self.state() = Some(Trouble { full: matches!(error, SpoolError::Full), why: error.to_string() });
    }

    /// Something may be wrong: a trial will tell.
    pub(crate) fn doubted(&self, why: &str) {
        self.state().get_or_insert_with(|| Trouble { full: false, why: why.to_owned() });
    }

    /// Why pictures cannot be stored.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.state().as_ref().map(|trouble| trouble.why.clone())
    }

    /// Why nothing is begun.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        match &*self.state() {
            None => Ok(()),
            Some(Trouble { full: true, .. }) => Err(full()),
            Some(trouble) => Err(unwritable().detail(trouble.why.clone())),
        }
    }

    fn state(&self) -> MutexGuard<'_, Option<Trouble>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// Tries a disk that failed.
    pub(crate) async fn try_disk(&self) {
        if self.disk.trouble().is_none() {
            return;
        }
        match self.pictures.try_out().await {
            Ok(()) => {
                *self.disk.state() = None;
                tracing::info!("pictures can be stored again");
            }
            Err(error) => self.disk.failed(&error),
        }
    }
}

pub(crate) fn full() -> Fault {
    Fault::gate(Gate::StorageFull, "The gateway has no disk space left for pictures.", "网关磁盘空间不足。")
}

fn unwritable() -> Fault {
    Fault::gate(
        Gate::Overloaded,
        "The gateway cannot write to its disk at present, so nothing was drawn. Try again in a moment.",
        "网关暂时无法写入磁盘，未进行绘制，请稍后再试。",
    )
    .retry_after(Some(AGAIN))
}

/// The failure of a request for which nothing can be written down.
pub(crate) fn unrecorded(error: &StoreError) -> Fault {
    match error {
        StoreError::Full => full(),
        StoreError::Busy | StoreError::Disk { .. } | StoreError::Failed { .. } | StoreError::Io { .. } | StoreError::Corrupt { .. } => {
            unwritable().detail(error.to_string())
        }
        StoreError::Locked { .. }
        | StoreError::NewerSchema { .. }
        | StoreError::Foreign { .. }
        | StoreError::Migration { .. }
        | StoreError::Missing { .. }
        | StoreError::Duplicate { .. }
        | StoreError::Database { .. }
        | StoreError::Closed => {
            Fault::gate(Gate::Internal, "The gateway cannot read or write what it keeps of requests.", "网关无法读写请求记录。")
                .detail(error.to_string())
        }
    }
}
