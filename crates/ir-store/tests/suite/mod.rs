//! What every store must do, whatever its database.

mod admin;
mod claims;
mod client_keys;
mod gallery;
mod journal;
mod keys;
mod outbox;
pub(crate) mod random;
mod request_log;
mod statistics;

pub(crate) use gallery::picture;

use ir_model::{Clock, ManualClock, Timestamp};
use ir_store::{Store, StoreError};
use std::sync::{Arc, LazyLock};

/// The clock of every store in the suite.
pub(crate) static CLOCK: LazyLock<Arc<ManualClock>> = LazyLock::new(|| Arc::new(ManualClock::at(Timestamp(1_795_388_038_000))));

/// The clock as a store takes it.
pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::clone(&*CLOCK) as Arc<dyn Clock>
}

/// Holds a store to the behaviour of its traits. `make` opens the store of a place: empty at first,
/// later with what was stored there before it was closed.
pub(crate) async fn suite(make: impl Fn(&str) -> Arc<dyn Store>) {
    keys::suite(&make).await;
    journal::suite(&make).await;
    request_log::suite(&make).await;
    gallery::suite(&make).await;
    outbox::suite(&make).await;
    admin::suite(&make).await;
    statistics::suite(&make).await;
    claims::suite(&make).await;
    client_keys::suite(&make).await;
    readiness_and_closing(&make).await;
}

async fn readiness_and_closing(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("closing");
    store.ready().await.unwrap();
    store.close().await;
    store.close().await;
    assert_eq!(store.ready().await, Err(StoreError::Closed));
    assert_eq!(store.keys().await, Err(StoreError::Closed));
    let again = make("closing");
    again.ready().await.unwrap();
}
