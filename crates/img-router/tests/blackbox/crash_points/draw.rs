//! The way of a request that a platform answers at once.

use super::{Fate, Rig, Steps, each};
use crate::platforms::NEW_API;
use crate::support::Setup;

/// A picture of 300 KiB comes in several chunks, is written in several blocks, and is answered in
/// several frames.
pub(super) const WAYS: &[(Steps, Fate)] = &[
    (&[("claim.opening", 1)], Fate::Anew),
    (&[("claim.opened", 1)], Fate::Anew),
    (&[("attempt.journaled", 1)], Fate::Lost),
    (&[("body.frame", 1)], Fate::Lost),
    (&[("reply.chunk", 1)], Fate::Lost),
    (&[("reply.chunk", 3)], Fate::Lost),
    (&[("spool.appended", 1)], Fate::Lost),
    (&[("spool.appended", 3)], Fate::Lost),
    (&[("exchange.answered", 1)], Fate::Lost),
    (&[("keep.written", 1)], Fate::Lost),
    (&[("keep.synced", 1)], Fate::Lost),
    (&[("keep.told", 1)], Fate::Lost),
    (&[("keep.renamed", 1)], Fate::Kept),
    (&[("picture.kept", 1)], Fate::Kept),
    (&[("picture.listed", 1)], Fate::Kept),
    (&[("claim.closing", 1)], Fate::Kept),
    (&[("claim.closed", 1)], Fate::Kept),
    (&[("body.frame", 4)], Fate::Kept),
    // The health of keys is written beside it, so it cannot be said which commit of a request this is.
    (&[("store.commit", 1)], Fate::Any),
    (&[("store.commit", 2)], Fate::Any),
    (&[("store.commit", 3)], Fate::Any),
    (&[("store.committed", 1)], Fate::Any),
    (&[("store.committed", 2)], Fate::Any),
    (&[("store.committed", 3)], Fate::Any),
    // While the next start puts things in order.
    (&[("attempt.journaled", 1), ("recover.marked", 1)], Fate::Lost),
    (&[("attempt.journaled", 1), ("claim.settling", 1)], Fate::Lost),
    (&[("attempt.journaled", 1), ("store.commit", 1)], Fate::Lost),
    (&[("keep.told", 1), ("recover.cleared", 1)], Fate::Lost),
    (&[("keep.written", 1), ("recover.cleared", 1)], Fate::Lost),
    (&[("picture.kept", 1), ("recover.listed", 1)], Fate::Kept),
    (&[("picture.kept", 1), ("recover.listed", 1), ("claim.settling", 1)], Fate::Kept),
    (&[("keep.renamed", 1), ("recover.marked", 1), ("recover.listed", 1), ("store.committed", 1)], Fate::Kept),
];

/// Proves C-1, C-2, C-3, C-4, C-7, C-8, C-9, C-10, C-11, C-12, C-13.
/// Proves R-DUR-2, R-DUR-4, R-DUR-7, R-DUR-11.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_dies_at_each_point_of_its_way() {
    let sim = NEW_API.sim().await;
    let setup = NEW_API.add(Setup::new().env("LOG_LEVEL", "warn"), &sim);
    let mut rig = Rig::new(sim, setup);
    for _ in 0..each() {
        for (steps, fate) in WAYS {
            rig.survives(steps, *fate).await;
        }
    }
    rig.close("draw");
}
