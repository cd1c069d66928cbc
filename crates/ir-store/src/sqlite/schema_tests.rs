use super::*;
use crate::records::{GalleryFilter, KeyHealth, KeyRecord, RequestFilter, Window};
use crate::repos::{Gallery, KeyRepo, RequestLog, Statistics};
use ir_model::{KeyId, ManualClock, Timestamp};

const FIRST: &[&str] = &[schema::SCRIPTS[0]];
const SECOND: &str = "ALTER TABLE keys ADD COLUMN note TEXT NOT NULL DEFAULT 'none'; UPDATE keys SET name = name || '!';";
const NEWER: &[&str] = &[schema::SCRIPTS[0], SECOND];
const BROKEN: &[&str] = &[schema::SCRIPTS[0], SECOND, "UPDATE keys SET name = 'lost'; DROP TABLE gallery; SELECT no_such_function();"];
const ORPHANING: &[&str] = &[schema::SCRIPTS[0], "DELETE FROM keys;"];

fn open(folder: &Path, scripts: &[&str], now: i64) -> Result<SqliteStore> {
    SqliteStore::open_with(folder, Arc::new(ManualClock::at(Timestamp(now))), scripts, BUSY_TIMEOUT)
}

fn key() -> KeyRecord {
    let id = KeyId("k".to_owned());
    KeyRecord {
        id: id.clone(),
        platform: "Doubao".to_owned(),
        name: "name".to_owned(),
        sealed: vec![1],
        fingerprint: "f".to_owned(),
        tail: String::new(),
        base_url: None,
        models: vec![],
        enabled: true,
        added: Timestamp(0),
        health: KeyHealth { id, ..KeyHealth::default() },
    }
}

fn copies(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder.join("backups")) else { return vec![] };
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

fn version(db: &Connection) -> i64 {
    db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

async fn first_version(folder: &Path) {
    let store = open(folder, FIRST, 0).unwrap();
    store.add_keys(vec![key()]).await.unwrap();
    store.close().await;
    assert_eq!(copies(folder), Vec::<String>::new(), "a new database needs no copy");
}

/// Proves C-18, R-DUR-8.
#[tokio::test]
async fn an_older_schema_is_brought_up_to_date_after_a_copy() {
    let folder = tempfile::tempdir().unwrap();
    first_version(folder.path()).await;
    let store = open(folder.path(), NEWER, 1_795_388_038_000).unwrap();
    assert_eq!(store.keys().await.unwrap()[0].name, "name!");
    assert_eq!(copies(folder.path()), ["img-router-20261122T225358-v1.db"]);
    let copy = folder.path().join("backups/img-router-20261122T225358-v1.db");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    // The copy is a database to go back to.
    let back = tempfile::tempdir().unwrap();
    std::fs::copy(copy, back.path().join("img-router.db")).unwrap();
    assert_eq!(open(back.path(), FIRST, 0).unwrap().keys().await.unwrap(), [key()]);
    // And nothing is done twice.
    drop(store);
    assert_eq!(open(folder.path(), NEWER, 1).unwrap().keys().await.unwrap()[0].name, "name!");
    assert_eq!(copies(folder.path()).len(), 1);
}

/// Proves R-DUR-8.
#[tokio::test]
async fn a_step_that_fails_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    first_version(folder.path()).await;
    let error = open(folder.path(), BROKEN, 1_795_388_038_000).unwrap_err();
    assert!(matches!(&error, StoreError::Migration { to: 3, .. }), "{error:?}");
    assert_eq!(copies(folder.path()), ["img-router-20261122T225358-v1.db", "img-router-20261122T225358-v2.db"]);
    {
        let db = Connection::open(folder.path().join("img-router.db")).unwrap();
        assert_eq!(version(&db), 2, "the steps before it stand");
        let name: String = db.query_row("SELECT name FROM keys", [], |row| row.get(0)).unwrap();
        assert_eq!(name, "name!");
    }
    assert_eq!(open(folder.path(), NEWER, 0).unwrap().keys().await.unwrap()[0].name, "name!");
}

#[tokio::test]
async fn a_step_that_leaves_rows_without_their_parents_is_undone() {
    let folder = tempfile::tempdir().unwrap();
    first_version(folder.path()).await;
    let error = open(folder.path(), ORPHANING, 0).unwrap_err();
    assert!(matches!(&error, StoreError::Migration { to: 2, .. }), "{error:?}");
    assert_eq!(open(folder.path(), FIRST, 0).unwrap().keys().await.unwrap(), [key()]);
}

#[tokio::test]
async fn a_crash_loop_does_not_fill_the_disk_with_copies() {
    let folder = tempfile::tempdir().unwrap();
    first_version(folder.path()).await;
    for second in 0..15 {
        open(folder.path(), ORPHANING, second * 1000).unwrap_err();
    }
    let kept = copies(folder.path());
    assert_eq!(kept.len(), 10);
    assert_eq!(kept[9], "img-router-19700101T000014-v1.db", "the newest are kept");
}

#[tokio::test]
async fn an_older_version_refuses_and_a_copy_left_half_written_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    first_version(folder.path()).await;
    std::fs::create_dir(folder.path().join("backups")).unwrap();
    std::fs::File::create(folder.path().join("backups/img-router.partial")).unwrap();
    drop(open(folder.path(), NEWER, 0).unwrap());
    assert_eq!(copies(folder.path()), ["img-router-19700101T000000-v1.db"]);
    let error = open(folder.path(), FIRST, 0).unwrap_err();
    assert_eq!(error, StoreError::NewerSchema { path: folder.path().join("img-router.db"), found: 2, known: 1 });
}

/// What the gallery and the request log held before they could be searched.
const OLD_ROWS: &str = r#"
INSERT INTO gallery (name, path, sha256, bytes, format, width, height, prompt, model, provider, task, created, request_id, client, favorite, deleted_at)
VALUES ('b.png', 'b.png', 'b', 10, 'png', 1, 1, 'a cat 猫', 'm', 'Doubao', 'text', 5, 'r1', 'me', 1, NULL),
       ('a.png', 'a.png', 'a', 20, 'png', 1, 1, 'a dog', 'n', 'Doubao', 'text', 5, 'r1', 'me', 0, NULL),
       ('c.png', 'c.png', 'c', 40, 'png', 1, 1, 'a cat', 'n', 'Doubao', 'text', -7, 'r2', 'me', 0, 99),
       ('d.png', 'd.png', 'd', 80, 'png', 1, 1, 'far away', 'n', 'Doubao', 'text', 9223372036854775807, 'r2', 'me', 0, NULL);
INSERT INTO requests (request_id, time, duration_ms, client, task, asked_model, provider, model, outcome, prompt, pictures)
VALUES ('r1', 1795388038000, 1500, 'me', 'text', 'auto', 'Doubao', 'm', 'ok', 'a cat', '["a.png","b.png","gone.png"]'),
       ('r2', 1795388039000, 9, 'me', 'text', 'auto', 'Doubao', 'm', 'timeout', 'a cat', '[]');
INSERT INTO request_attempts (request, number, provider, model, key, duration_ms, outcome, message)
VALUES (1, 1, 'Doubao', 'm', 'k1', 100, 'ok', ''), (1, 2, 'Doubao', 'm', 'k2', 100, 'rate_limited', ''), (2, 1, 'Doubao', 'm', 'k2', 9, 'timeout', '');
"#;

#[tokio::test]
async fn what_was_there_before_it_could_be_searched_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &schema::SCRIPTS[..2], 0).unwrap();
    store.write(|db| Ok(db.execute_batch(OLD_ROWS)?)).await.unwrap();
    store.close().await;
    drop(store);
    let store = open(folder.path(), schema::SCRIPTS, 0).unwrap();
    let names = async |filter: GalleryFilter| -> Vec<String> {
        let found = Gallery::search(&store, filter, None, 10).await.unwrap();
        found.into_iter().map(|one| one.picture.name).collect()
    };
    let words = |text: &str| GalleryFilter { text: Some(text.to_owned()), ..GalleryFilter::default() };
    assert_eq!(names(GalleryFilter::default()).await, ["d.png", "b.png", "a.png"]);
    assert_eq!(names(GalleryFilter { favorite: true, ..words("cat") }).await, ["b.png"]);
    assert_eq!(names(words("猫")).await, ["b.png"]);
    assert_eq!(store.restore(&["c.png".to_owned()]).await.unwrap(), Vec::<String>::new(), "what was removed then is gone");
    assert_eq!(store.removed(10).await.unwrap().len(), 1);
    let facets = store.facets().await.unwrap();
    assert_eq!((facets.pictures, facets.bytes, facets.models[0].pictures, facets.days.len()), (3, 110, 2, 1));
    let requests =
        RequestLog::search(&store, RequestFilter { key: Some("k2".to_owned()), ..RequestFilter::default() }, None, 10).await.unwrap();
    assert_eq!(requests.iter().map(|request| (request.request_id.as_str(), request.bytes)).collect::<Vec<_>>(), [("r2", 0), ("r1", 30)]);
    for window in Window::ALL {
        let stats = store.stats(window, Timestamp(1_795_388_040_000)).await.unwrap();
        let totals = stats.totals;
        assert_eq!((totals.requests, totals.errors, totals.pictures, totals.bytes, totals.p50_ms), (2, 1, 3, 30, Some(9)));
        assert_eq!(stats.keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(), ["k1", "k2"], "the one that drew or failed last");
    }
    store.quick_check().await.unwrap();
}
