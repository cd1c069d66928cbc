//! The way of a task that a platform is asked for until it has ended.

use super::{Fate, Rig, Steps, each};
use crate::platforms::GITEE;
use crate::support::Setup;
use futures_util::future::join_all;

pub(super) const WAYS: &[(Steps, Fate)] = &[
    (&[("ticket.received", 1)], Fate::Lost),
    (&[("ticket.stored", 1)], Fate::Kept),
    // It is fetched anew, and is the same picture as the one that was stored then.
    (&[("keep.renamed", 1)], Fate::Kept),
    (&[("picture.listed", 1)], Fate::Kept),
    (&[("claim.closed", 1)], Fate::Kept),
    (&[("ticket.stored", 1), ("resume.asking", 1)], Fate::Kept),
    (&[("ticket.stored", 1), ("picture.kept", 1)], Fate::Kept),
    (&[("picture.kept", 1), ("recover.listed", 1), ("claim.settling", 1)], Fate::Kept),
];

/// Proves C-5, C-6, C-11, F-46.
#[tokio::test(flavor = "multi_thread", worker_threads = 16)]
async fn a_task_dies_at_each_point_of_its_way() {
    // Side by side: most of the time the platform is not asked yet.
    let ways = WAYS.iter().map(|(steps, fate)| {
        tokio::spawn(async move {
            let sim = GITEE.sim().await;
            let setup = GITEE.add(Setup::new().env("LOG_LEVEL", "warn"), &sim);
            let mut rig = Rig { model: "Qwen-Image", ..Rig::new(sim, setup) };
            for _ in 0..each() {
                rig.survives(steps, *fate).await;
            }
            rig.close(steps[0].0);
        })
    });
    for way in join_all(ways).await {
        way.unwrap();
    }
}
