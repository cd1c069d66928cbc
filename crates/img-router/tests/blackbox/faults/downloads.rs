//! Pictures at addresses that never end.

use super::{World, always, code, ground, sim, until};
use crate::client;
use crate::support::stored;
use futures_util::future::join_all;
use ir_sim::Outcome;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

const MIB: u64 = 1024 * 1024;
/// What is taken of a drawn picture, and of one at a caller's address.
const DRAWN: u64 = 64 * MIB;
const GIVEN: u64 = 20 * MIB;
/// Blocks that are on their way when the limit is met.
const SLACK: u64 = MIB;

/// Looks all the time at how much lies in a folder.
struct Watch {
    most: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Watch {
    fn begin(folder: PathBuf) -> Self {
        let (most, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (seen, over) = (Arc::clone(&most), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                seen.fetch_max(size(&folder), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        Self { most, stop, thread: Some(thread) }
    }

    /// The most that lay there since the last time.
    fn most(&self) -> u64 {
        self.most.swap(0, Ordering::Relaxed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(std::thread::JoinHandle::join);
    }
}

fn size(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|found| found.len()).sum()
}

/// Five gigabytes where a picture should be, with and without a length that says so: cut at the limit, or not begun. The disk holds no more than
/// that at any time, and nothing afterwards.
///
/// Proves F-28, F-20, R-SSRF-10.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gigabytes_at_an_address_are_cut_at_the_limit() {
    const AT_ONCE: usize = 3;
    let sim = sim().await;
    let world = World::start(ground(), &[sim.url()]).await;
    world.add(sim.url(), "sk-0123456789abcdef", &["any"]).await;
    let spool = world.running.data().join("spool");
    let watch = Watch::begin(spool.clone());
    let links =
        |since: usize| sim.ledger().entries().into_iter().skip(since).filter(|entry| entry.path.contains("/pic/")).collect::<Vec<_>>();
    let empty =
        async || until("the spool is empty", async || size(&spool) == 0 && std::fs::read_dir(&spool).unwrap().next().is_none()).await;
    let cut = async |since: usize, downloads: usize| {
        until("the downloads are given up", async || links(since).iter().all(|entry| entry.outcome != Outcome::Open)).await;
        let found = links(since);
        assert_eq!(found.len(), downloads, "{found:#?}");
        assert!(found.iter().all(|entry| !matches!(entry.outcome, Outcome::Answered { .. })), "all of it was read: {found:#?}");
    };

    for (length, most) in [("", GIVEN), (";header=content-length:5000000000", 0)] {
        let since = sim.ledger().len();
        let body = json!({"model": "any", "prompt": "brighter", "image": format!("{}/pic/x.png?sim=endless=5GB{length}", sim.url())});
        let answer = client::post(world.running.port, "/v1/images/edits", &body).await.unwrap();
        assert_eq!((answer.status, code(&answer)), (400, "image_too_large".to_owned()), "{}", answer.json());
        cut(since, 1).await;
        empty().await;
        let held = watch.most();
        assert!(held <= most + SLACK, "{length}: {held}");
    }

    for (directives, most) in [("pic:endless=5GB", DRAWN), ("pic:endless=5GB pic:header=content-length:5000000000", 0)] {
        always(&sim, directives);
        // A key of its own: one that fails five times in a row rests.
        let model = format!("most-{most}");
        world.add(sim.url(), &format!("sk-{most}-0123456789abcdef"), &[model.as_str()]).await;
        let since = sim.ledger().len();
        let answers = join_all((0..AT_ONCE).map(|_| world.draw(&model))).await;
        for answer in &answers {
            assert_eq!((answer.status, code(answer)), (502, "upstream_error".to_owned()), "{directives}: {}", answer.json());
        }
        cut(since, AT_ONCE).await;
        empty().await;
        let held = watch.most();
        println!("{directives}: {held} bytes on the disk at most, for {AT_ONCE} at once");
        assert!(held <= AT_ONCE as u64 * (most + SLACK), "{directives}: {held}");
        assert!(most == 0 || held > MIB, "what is fetched was not seen: {held}");
    }
    world.at_rest().await;
    assert_eq!((stored(&world.running.data()).len(), sim.ledger().drawings().len()), (0, 2 * AT_ONCE));
    world.running.stop();
}
