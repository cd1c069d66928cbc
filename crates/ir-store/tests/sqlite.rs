//! The embedded store: the behaviour suite, and what only a file can do.

mod suite;

use ir_model::{Clock, ManualClock, Timestamp};
use ir_store::{Gallery, KeyRepo, SqliteStore, Store, StoreError};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::at(Timestamp(1_795_388_038_000)))
}

fn open(dir: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(dir, &clock())
}

struct Folder(tempfile::TempDir);

impl suite::Home for Folder {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(open(self.0.path()).expect("opens"))
    }
}

fn folder() -> Folder {
    Folder(tempfile::tempdir().expect("folder"))
}

macro_rules! behaviour {
    ($($case:ident),* $(,)?) => {
        $(#[tokio::test]
        async fn $case() {
            suite::$case(&folder()).await;
        })*
    };
}

behaviour!(
    keys_come_back_as_they_went_in,
    duplicate_keys_are_counted_and_left_alone,
    health_is_written_and_gone_keys_are_passed_over,
    an_attempt_stands_in_the_journal_until_it_is_settled,
    what_was_under_way_is_interrupted_and_ambiguous,
    tickets_survive,
    old_jobs_are_forgotten_and_running_ones_are_not,
    the_request_log_pages_newest_first,
    pictures_page_newest_first_without_gaps,
    a_listed_picture_stays_as_it_is,
    many_writers_at_once_all_get_their_word,
    everything_is_there_after_opening_again,
);

#[tokio::test]
async fn a_second_process_is_refused_and_told_why() {
    let home = folder();
    let first = open(home.0.path()).expect("opens");
    let refused = open(home.0.path()).err().expect("refused");
    assert!(matches!(&refused, StoreError::Locked(path) if path.ends_with("img-router.lock")), "{refused}");
    drop(first);
    open(home.0.path()).expect("free again");
}

#[tokio::test]
async fn what_was_acknowledged_survives_without_closing() {
    let home = folder();
    let store = open(home.0.path()).expect("opens");
    for i in 0..50 {
        store.add(suite::picture(i)).await.expect("added");
    }
    // What a kill leaves: the files as they are now, nothing flushed or closed.
    let copy = tempfile::tempdir().expect("folder");
    for name in ["img-router.db", "img-router.db-wal"] {
        std::fs::copy(home.0.path().join(name), copy.path().join(name)).expect("copied");
    }
    assert_eq!(open(copy.path()).expect("opens").count().await.expect("counted"), 50);
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_untouched() {
    let home = folder();
    open(home.0.path()).expect("opens").close().await;
    let path = home.0.path().join("img-router.db");
    let raw = rusqlite::Connection::open(&path).expect("raw");
    raw.pragma_update(None, "user_version", 99).expect("set");
    drop(raw);
    let before = std::fs::read(&path).expect("read");
    let refused = open(home.0.path()).err().expect("refused");
    assert!(matches!(refused, StoreError::Newer { found: 99, .. }), "{refused}");
    assert_eq!(std::fs::read(&path).expect("read"), before);
}

#[tokio::test]
async fn a_damaged_file_is_refused_and_untouched() {
    let home = folder();
    let path = home.0.path().join("img-router.db");
    let rubbish = vec![0x55u8; 8192];
    std::fs::OpenOptions::new().write(true).create_new(true).open(&path).and_then(|mut file| std::io::Write::write_all(&mut file, &rubbish)).expect("written");
    let refused = open(home.0.path()).err().expect("refused");
    assert!(matches!(refused, StoreError::Damaged { .. }), "{refused}");
    assert_eq!(std::fs::read(&path).expect("read"), rubbish);
}

#[tokio::test]
async fn files_are_the_owners_alone() {
    let home = folder();
    let data = home.0.path().join("data");
    let store = open(&data).expect("opens");
    store.keys().await.expect("read");
    store.ready().await.expect("ready");
    let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for entry in std::fs::read_dir(&data).expect("listed").flatten() {
        assert_eq!(mode(&entry.path()), 0o600, "{:?}", entry.path());
    }
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let home = folder();
    let store = open(home.0.path()).expect("opens");
    store.close().await;
    assert!(matches!(store.ready().await, Err(StoreError::Closed)));
    assert!(matches!(store.count().await, Err(StoreError::Closed)));
}
