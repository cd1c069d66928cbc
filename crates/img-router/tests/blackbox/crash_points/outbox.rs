//! Copies to the bucket, and removals.

use super::{Rig, Steps, armed, each, picture, send};
use crate::admin::{Operator, send as call, try_send};
use crate::bucket::FakeBucket;
use crate::client;
use crate::platforms::NEW_API;
use crate::support::{SOON, Setup, stored};
use futures_util::future::join_all;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The sixth frame is within the put of the picture: one of the question to the platform, one of the
/// probe, one of the metadata come before.
pub(super) const PUTS: Steps = &[("outbox.begun", 1), ("outbox.told", 1), ("body.frame", 6), ("outbox.put", 1)];
/// The first while the operator's call is answered; the others when it can no longer be undone.
pub(super) const REMOVALS: Steps =
    &[("removal.hidden", 1), ("removal.final", 1), ("removal.unlinked", 1), ("removal.files", 1), ("outbox.deleted", 1)];

/// When a removal cannot be undone any more.
const LATER: &str = "660000";

/// A gateway with a bucket.
async fn with_bucket() -> (Rig, FakeBucket) {
    let (sim, bucket) = (NEW_API.sim().await, FakeBucket::start().await);
    let setup = NEW_API.add(Setup::new().env("LOG_LEVEL", "info"), &sim);
    let allowed = format!("{},{}", setup.value("IMG_ROUTER_ALLOW_PRIVATE").unwrap(), bucket.url.strip_prefix("http://").unwrap());
    let setup = setup
        .env("IMG_ROUTER_ALLOW_PRIVATE", allowed)
        .env("IMG_ROUTER_STORAGE_S3_ENDPOINT", bucket.url.clone())
        .env("IMG_ROUTER_STORAGE_S3_BUCKET", "pictures")
        .env("IMG_ROUTER_STORAGE_S3_ACCESS_KEY", "id")
        .env("IMG_ROUTER_STORAGE_S3_SECRET_KEY", "a-secret-of-the-bucket");
    (Rig::new(sim, setup), bucket)
}

/// Waits until the bucket holds the stored pictures and their metadata, and nothing else.
async fn mirrors(rig: &Rig, bucket: &FakeBucket) {
    let began = Instant::now();
    loop {
        let pictures = stored(&rig.setup.data());
        let names = pictures.iter().map(|path| path.strip_prefix(rig.setup.data().join("storage")).unwrap().to_string_lossy().into_owned());
        let names: BTreeMap<String, &std::path::PathBuf> = names.zip(&pictures).collect();
        let objects = bucket.objects();
        let copied = objects.iter().filter(|(key, _)| !key.ends_with(".json"));
        let same =
            copied.clone().all(|(key, bytes)| names.get(key).is_some_and(|path| std::fs::read(path).is_ok_and(|file| file == *bytes)));
        let told = names.keys().all(|name| objects.contains_key(name) && objects.contains_key(&format!("{name}.json")));
        if same && told && objects.len() == 2 * names.len() {
            return;
        }
        let keys: Vec<_> = objects.keys().collect();
        assert!(began.elapsed() < SOON, "the bucket holds {keys:?}, the disk {:?}", names.keys());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until the database knows of every copy, too: else the next start makes it again.
async fn nothing_is_to_be_copied(rig: &Rig) {
    let db = rusqlite::Connection::open(rig.setup.data().join("img-router.db")).unwrap();
    let began = Instant::now();
    while db.query_row("SELECT count(*) FROM outbox WHERE confirmed IS NULL", [], |row| row.get::<_, u64>(0)).unwrap() > 0 {
        assert!(began.elapsed() < SOON, "a copy is never confirmed");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Proves C-14, R-DUR-3.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_dies_at_each_point_of_its_way() {
    let (mut rig, bucket) = with_bucket().await;
    for _ in 0..each() {
        for step in PUTS {
            let (body, key) = rig.ask();
            let mut running = rig.setup.spawn_in(&[("IR_CRASHPOINT", &armed(*step))]);
            running.ready();
            // It may be answered before its copy begins.
            let answered = send(running.port, &body, &key).await;
            running.kills_itself(step.0);
            let running = rig.setup.start();
            let again = super::until_settled(running.port, &body, &key).await;
            if let Ok(answered) = answered {
                assert_eq!(picture(&answered), picture(&again), "{step:?}");
            }
            assert!(rig.submitted(body["prompt"].as_str().unwrap()) <= 1);
            mirrors(&rig, &bucket).await;
            rig.tidy(running.port).await;
            nothing_is_to_be_copied(&rig).await;
            running.kill();
        }
    }
    rig.close("outbox");
}

/// Proves C-15, R-FS-2.
#[tokio::test(flavor = "multi_thread", worker_threads = 16)]
async fn a_removal_dies_at_each_point_of_its_way() {
    // Side by side: the upkeep begins a second after a start.
    let ways = REMOVALS.iter().map(|step| tokio::spawn(removal(*step)));
    for way in join_all(ways).await {
        way.unwrap();
    }
}

async fn removal(step: (&'static str, u64)) {
    let (mut rig, bucket) = with_bucket().await;
    let running = rig.setup.start();
    let operator = Operator::first(&running).await;
    running.stop();
    let (hides, point) = (step.0 == "removal.hidden", armed(step));
    let arm = [("IR_CRASHPOINT", point.as_str())];
    for _ in 0..each() {
        let (body, key) = rig.ask();
        let mut running = rig.setup.spawn_in(if hides { &arm } else { &[] });
        running.ready();
        picture(&send(running.port, &body, &key).await.unwrap());
        let path = stored(&rig.setup.data()).pop().unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        mirrors(&rig, &bucket).await;
        let names = json!({"filenames": [name]});
        if hides {
            let gone = try_send(running.port, "DELETE", "/api/gallery", &[("cookie", &operator.cookie)], &names).await;
            assert!(gone.is_err(), "{gone:?}");
            running.kills_itself(step.0);
        } else {
            let answer = call(running.port, "DELETE", "/api/gallery", &[("cookie", &operator.cookie)], &names).await;
            assert_eq!(answer.status, 200, "{}", crate::admin::text(&answer));
            running.kill();
            rig.setup.spawn_in(&[arm[0], ("IR_CRASH_CLOCK_MS", LATER)]).kills_itself(step.0);
        }
        let mut running = rig.setup.spawn_in(&[("IR_CRASH_CLOCK_MS", LATER)]);
        running.ready();
        assert_eq!(client::get(running.port, &format!("/storage/{name}")).await.unwrap().status, 404, "{step:?}: it is hidden");
        let began = Instant::now();
        while path.exists() || path.with_file_name(format!("{name}.json")).exists() {
            assert!(began.elapsed() < SOON, "{step:?}: its files were never removed");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        mirrors(&rig, &bucket).await;
        assert_eq!(client::get(running.port, &format!("/storage/{name}")).await.unwrap().status, 404, "{step:?}: it stays away");
        let db = rusqlite::Connection::open(rig.setup.data().join("img-router.db")).unwrap();
        while db.query_row("SELECT count(*) FROM gallery", [], |row| row.get::<_, i64>(0)).unwrap() > 0 {
            assert!(began.elapsed() < SOON, "{step:?}: its row was never removed");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        running.kill();
    }
    rig.close(step.0);
}
