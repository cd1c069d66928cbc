use super::*;
use ir_model::{ManualClock, Timestamp};
use rusqlite::ffi;
use std::sync::mpsc;

type Change = Box<dyn FnOnce(&Transaction<'_>) -> Result<i64> + Send>;

fn open(folder: &Path, busy_timeout: Duration) -> SqliteStore {
    SqliteStore::open_with(folder, Arc::new(ManualClock::at(Timestamp(0))), schema::SCRIPTS, busy_timeout).unwrap()
}

/// Keeps the writer in a transaction of its own until the sender is used or dropped.
async fn hold(store: &Arc<SqliteStore>) -> (mpsc::Sender<()>, tokio::task::JoinHandle<Result<()>>) {
    let (release, held) = mpsc::channel::<()>();
    let (begun, wait) = tokio::sync::oneshot::channel();
    let store = Arc::clone(store);
    let held = tokio::spawn(async move {
        store
            .write(move |_| {
                begun.send(()).unwrap();
                let _ = held.recv();
                Ok(())
            })
            .await
    });
    wait.await.unwrap();
    (release, held)
}

/// Changes that wait together, so that one transaction takes them.
async fn together(store: &Arc<SqliteStore>, works: Vec<Change>) -> Vec<Result<i64>> {
    let (release, held) = hold(store).await;
    let tasks = futures(store, works);
    tokio::task::yield_now().await;
    release.send(()).unwrap();
    held.await.unwrap().unwrap();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}

fn futures(store: &Arc<SqliteStore>, works: Vec<Change>) -> Vec<tokio::task::JoinHandle<Result<i64>>> {
    let spawn = |work| {
        let store = Arc::clone(store);
        tokio::spawn(async move { store.write(work).await })
    };
    works.into_iter().map(spawn).collect()
}

/// Adds a row and tells how many the transaction sees.
fn put(name: &'static str) -> Change {
    Box::new(move |db| {
        db.execute("INSERT INTO meta (name, value) VALUES (?1, 0)", [name])?;
        Ok(db.query_row("SELECT count(*) FROM meta WHERE name LIKE 't-%'", [], |row| row.get(0))?)
    })
}

async fn rows(store: &SqliteStore) -> Vec<String> {
    store
        .read(|db| {
            let mut select = db.prepare("SELECT name FROM meta WHERE name LIKE 't-%' ORDER BY name")?;
            Ok(select.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?)
        })
        .await
        .unwrap()
}

#[tokio::test]
async fn one_failure_in_a_transaction_hurts_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(folder.path(), BUSY_TIMEOUT));
    let half: Change = Box::new(|db| {
        db.execute("INSERT INTO meta (name, value) VALUES ('t-half', 0)", [])?;
        Err(StoreError::Missing { what: "reason".to_owned() })
    });
    let results = together(&store, vec![put("t-a"), half, put("t-a"), put("t-b")]).await;
    assert_eq!(results[0], Ok(1));
    assert_eq!(results[1], Err(StoreError::Missing { what: "reason".to_owned() }));
    assert!(matches!(results[2], Err(StoreError::Duplicate { .. })), "{:?}", results[2]);
    assert_eq!(results[3], Ok(2));
    assert_eq!(rows(&store).await, ["t-a", "t-b"]);
}

#[tokio::test]
async fn a_commit_that_fails_fails_everyone_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(folder.path(), BUSY_TIMEOUT));
    // A reference that is checked only at the commit.
    let poison: Change = Box::new(|db| {
        db.execute_batch(
            "PRAGMA defer_foreign_keys = ON; INSERT INTO key_health VALUES ('none', NULL, NULL, NULL, 0, 0, 0, 0, 0, NULL, NULL)",
        )?;
        Ok(0)
    });
    let results = together(&store, vec![put("t-a"), poison, put("t-b")]).await;
    assert!(results.iter().all(|result| matches!(result, Err(StoreError::Database { .. }))), "{results:?}");
    assert_eq!(rows(&store).await, Vec::<String>::new());
    store.write(put("t-c")).await.unwrap();
    assert_eq!(rows(&store).await, ["t-c"]);
}

#[tokio::test]
async fn a_transaction_that_sqlite_undoes_is_answered_as_undone() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(folder.path(), BUSY_TIMEOUT));
    let undo: Change = Box::new(|db| {
        // What a full disk does.
        db.execute("INSERT OR ROLLBACK INTO meta (name, value) VALUES ('run', 0)", [])?;
        Ok(0)
    });
    let results = together(&store, vec![put("t-a"), undo, put("t-b")]).await;
    assert!(results.iter().all(Result::is_err), "{results:?}");
    assert_eq!(rows(&store).await, Vec::<String>::new());
    store.write(put("t-c")).await.unwrap();
}

/// Proves F-57.
#[tokio::test]
async fn after_a_failure_of_the_disk_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), BUSY_TIMEOUT);
    let failure = rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_IOERR_FSYNC), None);
    let first: Result<()> = store.write(move |_| Err(failure.into())).await;
    assert!(matches!(first, Err(StoreError::Disk { .. })), "{first:?}");
    let next = store.ready().await;
    assert!(matches!(next, Err(StoreError::Failed { .. })), "{next:?}");
    assert_eq!(rows(&store).await, Vec::<String>::new(), "reading goes on");
    store.close().await;
    open(folder.path(), BUSY_TIMEOUT).ready().await.unwrap();
}

/// Proves F-58.
#[tokio::test]
async fn a_lock_held_by_another_is_waited_for_then_reported() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), Duration::from_millis(50));
    let other = Connection::open(folder.path().join("img-router.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(store.ready().await, Err(StoreError::Busy));
    assert_eq!(rows(&store).await, Vec::<String>::new(), "readers do not care");
    other.execute_batch("COMMIT").unwrap();
    store.ready().await.unwrap();
}

#[tokio::test]
async fn a_lock_let_go_of_in_time_is_not_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(folder.path(), Duration::from_secs(60)));
    let other = Connection::open(folder.path().join("img-router.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let waiting = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.ready().await })
    };
    tokio::task::yield_now().await;
    other.execute_batch("COMMIT").unwrap();
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn closing_writes_what_waits() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(folder.path(), BUSY_TIMEOUT));
    let (release, held) = hold(&store).await;
    let waiting = futures(&store, vec![put("t-a"), put("t-b")]);
    tokio::task::yield_now().await;
    let closing = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.close().await })
    };
    tokio::task::yield_now().await;
    release.send(()).unwrap();
    closing.await.unwrap();
    held.await.unwrap().unwrap();
    for task in waiting {
        task.await.unwrap().unwrap();
    }
    assert_eq!(store.write(put("t-c")).await, Err(StoreError::Closed));
    assert_eq!(rows(&open_again(store, folder.path())).await, ["t-a", "t-b"]);
}

fn open_again(store: Arc<SqliteStore>, folder: &Path) -> SqliteStore {
    drop(store);
    open(folder, BUSY_TIMEOUT)
}
