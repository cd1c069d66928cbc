//! SQLite behind the traits: the behaviour of every store, and what holds for files on a disk.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod suite;

use ir_model::{KeyId, Timestamp};
use ir_store::{
    AttemptRecord, Gallery, GalleryFilter, JobRecord, JobState, Journal, KeyHealth, KeyRecord, KeyRepo, Matching, PictureRecord,
    RequestLog, RequestRecord, SqliteStore, Store, StoreError,
};
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn open(folder: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(folder, suite::clock())
}

fn database(folder: &Path) -> PathBuf {
    folder.join("img-router.db")
}

fn key(n: usize) -> KeyRecord {
    let id = KeyId(format!("k{n}"));
    KeyRecord {
        id: id.clone(),
        platform: "Doubao".to_owned(),
        name: String::new(),
        sealed: vec![1; 100],
        fingerprint: format!("f{n}"),
        tail: String::new(),
        base_url: None,
        models: vec![],
        enabled: true,
        added: Timestamp(0),
        health: KeyHealth { id, ..KeyHealth::default() },
    }
}

fn job(id: &str) -> (JobRecord, AttemptRecord) {
    let job = JobRecord {
        id: id.to_owned(),
        client: String::new(),
        task: "text".to_owned(),
        model: String::new(),
        prompt: String::new(),
        created: Timestamp(0),
    };
    let attempt = AttemptRecord {
        job: id.to_owned(),
        number: 1,
        provider: String::new(),
        base_url: String::new(),
        model: String::new(),
        key: None,
        began: Timestamp(0),
    };
    (job, attempt)
}

#[tokio::test]
async fn behaves_as_every_store() {
    let folder = tempfile::tempdir().unwrap();
    suite::suite(|place| Arc::new(open(&folder.path().join(place)).unwrap())).await;
}

/// So many, or as many as `PROPTEST_CASES` asks for.
fn cases(usual: u32) -> ProptestConfig {
    let asked = ProptestConfig::default().cases;
    ProptestConfig::with_cases(if asked == 256 { usual } else { asked })
}

proptest! {
    #![proptest_config(cases(32))]

    /// Keys, journal, gallery, outbox and claims do what a few maps in memory would, whatever comes in
    /// whatever order, restarts included.
    ///
    /// Proves P-9.
    #[test]
    fn behaves_as_the_plain_model(steps in suite::random::steps()) {
        // In memory where the machine has it: what is tested is meaning, not the disk.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(suite::random::play(|| Arc::new(open(folder.path()).unwrap()), steps));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_at_once_are_all_stored() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(folder.path()).unwrap());
    // More than the queue holds; every tenth is refused.
    let tasks: Vec<_> = (0..1500)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let result = store.add_keys(vec![key(n), key(if n % 10 == 0 { n } else { n + 10_000 })]).await;
                let twice = KeyRecord { fingerprint: "another".to_owned(), ..key(n) };
                let refused = store.add_keys(vec![key(n + 20_000), twice]).await;
                assert!(matches!(refused, Err(StoreError::Duplicate { .. })), "{refused:?}");
                result.unwrap().added
            })
        })
        .collect();
    let mut added = 0;
    for task in tasks {
        added += task.await.unwrap();
    }
    assert_eq!(added, 1500 + 1350);
    assert_eq!(store.keys().await.unwrap().len(), 2850);
    store.quick_check().await.unwrap();
}

#[tokio::test]
async fn what_was_answered_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    store.add_keys((0..50).map(key).collect()).await.unwrap();
    let (one, attempt) = job("j");
    store.begin_with_attempt(one.clone(), attempt).await.unwrap();
    store.ticket("j", 1, "t").await.unwrap();
    // The disk as a kill at this moment would leave it: the log not yet in the database, no index of
    // the log (C-22).
    let after = tempfile::tempdir().unwrap();
    for name in ["img-router.db", "img-router.db-wal"] {
        std::fs::copy(folder.path().join(name), after.path().join(name)).unwrap();
    }
    assert!(after.path().join("img-router.db-wal").metadata().unwrap().len() > 0);

    let again = open(after.path()).unwrap();
    assert_eq!(again.keys().await.unwrap().len(), 50);
    let found = again.mark_interrupted(Timestamp(9)).await.unwrap();
    assert_eq!((found.jobs, found.resumable.len()), (0, 1));
    assert_eq!(found.resumable[0].job, one);
    again.quick_check().await.unwrap();
}

#[tokio::test]
async fn a_torn_log_gives_up_its_tail_only() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    for n in 0..20 {
        store.add_keys(vec![key(n)]).await.unwrap();
    }
    let log = std::fs::read(folder.path().join("img-router.db-wal")).unwrap();
    let whole = std::fs::read(database(folder.path())).unwrap();
    let mut last = 0;
    for cut in (0..=log.len()).step_by(log.len() / 40) {
        let after = tempfile::tempdir().unwrap();
        put(&database(after.path()), &whole);
        put(&after.path().join("img-router.db-wal"), &log[..cut]);
        let again = open(after.path()).unwrap();
        let keys: Vec<String> = again.keys().await.unwrap().into_iter().map(|key| key.id.0).collect();
        let first: Vec<String> = (0..keys.len()).map(|n| format!("k{n}")).collect();
        assert_eq!(keys, first, "a beginning of what was written, cut at {cut}");
        assert!(keys.len() >= last, "a longer log holds no less");
        last = keys.len();
        again.quick_check().await.unwrap();
    }
}

#[tokio::test]
async fn dropping_writes_what_was_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    {
        // Polled once: accepted, and its caller leaves before the answer.
        let mut adding = Box::pin(store.add_keys(vec![key(1)]));
        let waker = std::task::Context::from_waker(std::task::Waker::noop());
        let _ = Future::poll(adding.as_mut(), &mut { waker });
    }
    drop(store);
    assert_eq!(open(folder.path()).unwrap().keys().await.unwrap().len(), 1);
}

#[tokio::test]
async fn closing_leaves_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    store.append(vec![]).await.unwrap();
    store.add_keys(vec![key(1)]).await.unwrap();
    assert_eq!(Gallery::count(&store).await.unwrap(), 0);
    store.close().await;
    let mut names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["img-router.db", "img-router.lock"]);
}

/// Proves F-76.
#[tokio::test]
async fn one_process_per_folder() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let refused = open(folder.path()).unwrap_err();
    assert_eq!(refused, StoreError::Locked { path: folder.path().join("img-router.lock") });
    assert!(refused.to_string().contains("img-router.lock is locked"), "{refused}");
    store.ready().await.unwrap();
    store.close().await;
    let second = open(folder.path()).unwrap();
    drop(second);
    drop(store);
    open(folder.path()).unwrap();
}

/// Proves R-DUR-8.
#[tokio::test]
async fn damage_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    store.add_keys((0..500).map(key).collect()).await.unwrap();
    store.close().await;
    drop(store);
    let good = std::fs::read(database(folder.path())).unwrap();
    let mut torn_schema = good.clone();
    torn_schema[100..200].fill(0xA5);
    let cases: [(&str, Vec<u8>); 3] =
        [("no database", vec![b'x'; 8192]), ("cut off", good[..good.len() / 2].to_vec()), ("first page overwritten", torn_schema)];
    for (case, bytes) in cases {
        put(&database(folder.path()), &bytes);
        let error = open(folder.path()).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{case}: {error:?}");
        assert!(error.to_string().contains("img-router.db") && error.to_string().contains("backups"), "{case}: {error}");
        assert_eq!(std::fs::read(database(folder.path())).unwrap(), bytes, "{case}");
    }
    put(&database(folder.path()), &good);
    assert_eq!(open(folder.path()).unwrap().keys().await.unwrap().len(), 500);
}

#[tokio::test]
async fn a_check_finds_damage_deep_inside() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    store.add_keys((0..5000).map(key).collect()).await.unwrap();
    store.quick_check().await.unwrap();
    store.close().await;
    drop(store);
    let mut bytes = std::fs::read(database(folder.path())).unwrap();
    let page = bytes.len() / 2 / 4096 * 4096;
    bytes[page..page + 4096].fill(0);
    put(&database(folder.path()), &bytes);
    let store = open(folder.path()).unwrap();
    let error = store.quick_check().await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
}

/// Proves F-77, R-DUR-8.
#[tokio::test]
async fn a_newer_schema_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    store.add_keys(vec![key(1)]).await.unwrap();
    store.close().await;
    drop(store);
    // As a newer version killed in the middle of its work leaves it: part of it in the log.
    let live = rusqlite::Connection::open(database(folder.path())).unwrap();
    live.execute_batch("PRAGMA user_version = 99; CREATE TABLE novelty (x);").unwrap();
    let after = tempfile::tempdir().unwrap();
    let files = ["img-router.db", "img-router.db-wal"];
    let before = files.map(|name| std::fs::read(folder.path().join(name)).unwrap());
    for (name, bytes) in files.iter().zip(&before) {
        put(&after.path().join(name), bytes);
    }
    let error = open(after.path()).unwrap_err();
    let known = 5;
    assert_eq!(error, StoreError::NewerSchema { path: database(after.path()), found: 99, known });
    assert_eq!(files.map(|name| std::fs::read(after.path().join(name)).unwrap()), before);
    assert!(!after.path().join("backups").exists());
}

#[test]
fn another_programs_database_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path());
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    let before = std::fs::read(&path).unwrap();
    assert_eq!(open(folder.path()).unwrap_err(), StoreError::Foreign { path: path.clone() });
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[cfg(unix)]
#[tokio::test]
async fn files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("data");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let store = open(&folder).unwrap();
    store.ready().await.unwrap();
    assert_eq!(store.keys().await.unwrap(), []);
    assert_eq!(mode(&folder), 0o700);
    for name in ["img-router.db", "img-router.db-wal", "img-router.db-shm", "img-router.lock"] {
        assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
    }
    drop(store);
    // A database that was copied here with everybody's rights.
    std::fs::set_permissions(database(&folder), std::fs::Permissions::from_mode(0o644)).unwrap();
    let store = open(&folder).unwrap();
    store.ready().await.unwrap();
    assert_eq!(mode(&database(&folder)), 0o600);
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    put(&file, b"");
    let error = open(&file.join("data")).unwrap_err();
    assert!(matches!(&error, StoreError::Io { path, .. } if path == &file.join("data")), "{error:?}");
}

#[tokio::test]
async fn reads_go_on_while_much_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(folder.path()).unwrap());
    let writing = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for n in 0..100 {
                store.append((0..20).map(|_| request(n)).collect()).await.unwrap();
            }
        })
    };
    let mut seen = 0;
    while seen < 2000 {
        let page = RequestLog::page(&*store, None, 1000).await.unwrap();
        let newest = usize::try_from(page.first().map_or(0, |record| record.id.unwrap())).unwrap();
        assert!(newest >= seen && newest % 20 == 0, "whole batches only: {newest}");
        seen = newest;
    }
    writing.await.unwrap();
    let (one, attempt) = job("j");
    store.begin_with_attempt(one, attempt).await.unwrap();
    store.finish("j", JobState::Done, vec![]).await.unwrap();
    assert_eq!(store.job("j").await.unwrap().unwrap().state, JobState::Done, "what was answered is seen");
}

fn request(n: i64) -> RequestRecord {
    RequestRecord {
        id: None,
        request_id: n.to_string(),
        time: Timestamp(n),
        duration_ms: 0,
        client: String::new(),
        task: String::new(),
        asked_model: String::new(),
        provider: None,
        model: None,
        outcome: String::new(),
        prompt: String::new(),
        pictures: vec![],
        bytes: 0,
        attempts: vec![],
    }
}

#[expect(clippy::disallowed_methods, reason = "a test makes a file of its own, whole or not")]
fn put(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn readers_follow_the_index_of_words_while_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let word = GalleryFilter { text: Some("word7".to_owned()), ..GalleryFilter::default() };
    let pair = GalleryFilter { text: Some("丁七".to_owned()), ..GalleryFilter::default() };
    for round in 1..=6_i64 {
        let prompt = |n: i64| format!("word{}, other{} 丁{}", n % 10, n * 31, if n % 10 == 7 { '七' } else { '一' });
        let some =
            (round * 1000..round * 1000 + 1000).map(|n| PictureRecord { prompt: prompt(n), ..suite::picture(&format!("{n}.png"), n) });
        // Beside one that fails in the middle and is undone in the same transaction.
        let other = PictureRecord { sha256: "other".to_owned(), ..suite::picture("1000.png", 0) };
        let lost = (0..50).map(|n| PictureRecord { prompt: prompt(7), ..suite::picture(&format!("lost{n}"), n) });
        let (kept, undone) = tokio::join!(
            store.finish_with("no job", JobState::Done, some.collect()),
            store.finish_with("no job", JobState::Done, lost.chain([other]).collect()),
        );
        kept.unwrap();
        assert!(matches!(undone, Err(StoreError::Duplicate { .. })), "{undone:?}");
        let gone: Vec<String> = (0..10).map(|n| format!("{}.png", round * 1000 + n * 10 + 7)).collect();
        store.remove(&gone, Timestamp(0)).await.unwrap();
        store.expire_removed(Timestamp(0), 100).await.unwrap();
        store.forget(&gone).await.unwrap();
        store.quick_check().await.unwrap();
        let expected = Matching { pictures: u64::try_from(round * 90).unwrap(), exact: true };
        assert_eq!(store.count_matching(word.clone()).await.unwrap(), expected, "round {round}");
        assert_eq!(store.count_matching(pair.clone()).await.unwrap(), expected, "round {round}");
    }
}
