//! The first start, the start on an older database, and the end.

use super::{Steps, armed, each};
use crate::admin::{Operator, fresh};
use crate::support::Setup;
use std::path::PathBuf;

/// The files of a first start are the master key and its marker. The schema has four steps and more.
pub(super) const FIRST: Steps = &[
    ("file.flushed", 1),
    ("file.placed", 1),
    ("file.flushed", 2),
    ("file.placed", 2),
    ("migration.run", 1),
    ("migration.done", 1),
    ("migration.run", 3),
    ("migration.done", 4),
    ("store.commit", 1),
    ("store.committed", 1),
    ("recover.marked", 1),
];
/// From the first schema there are three steps and more, each with a copy of the database before it.
pub(super) const MIGRATIONS: Steps = &[
    ("migration.copied", 1),
    ("migration.named", 1),
    ("migration.run", 1),
    ("migration.done", 1),
    ("migration.copied", 3),
    ("migration.named", 2),
    ("migration.run", 3),
    ("migration.done", 3),
];
pub(super) const STOPS: Steps = &[("store.tidy", 1)];

const OLDEST: &str = include_str!("../../../../ir-store/src/sqlite/migrations/0001.sql");

/// Proves C-20, R-AUTH-2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_start_dies_at_each_point_of_its_way() {
    for _ in 0..each() {
        for step in FIRST {
            let setup = fresh();
            setup.spawn_in(&[("IR_CRASHPOINT", &armed(*step))]).kills_itself(step.0);
            let running = setup.start();
            let left: Vec<_> = std::fs::read_dir(setup.data()).unwrap().flatten().map(|file| file.file_name()).collect();
            assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".tmp")), "{step:?}: {left:?}");
            // The way in is shown by the start that is completed, and is good once.
            let operator = Operator::first(&running).await;
            running.kill();
            let running = setup.start();
            assert_eq!(operator.get("/api/config").await.status, 200, "{step:?}");
            running.stop();
        }
    }
}

fn database(setup: &Setup) -> PathBuf {
    setup.data().join("img-router.db")
}

fn schema(path: &std::path::Path) -> (i64, i64) {
    let db = rusqlite::Connection::open(path).unwrap();
    let version = db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    (version, db.query_row("SELECT count(*) FROM gallery WHERE name = 'old.png'", [], |row| row.get(0)).unwrap())
}

/// Proves C-18, C-21, R-DUR-8.
#[test]
fn a_migration_dies_at_each_point_of_its_way() {
    let scripts = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../ir-store/src/sqlite/migrations")).unwrap();
    let newest = i64::try_from(scripts.count()).unwrap();
    for _ in 0..each() {
        for step in MIGRATIONS {
            let setup = Setup::new();
            // Makes the folder and the master key.
            setup.run(&["check"]);
            {
                let db = rusqlite::Connection::open(database(&setup)).unwrap();
                db.execute_batch(OLDEST).unwrap();
                db.execute_batch(
                    "INSERT INTO gallery (name, path, sha256, bytes, format, width, height, prompt, model, provider, task, created, request_id, client)
                     VALUES ('old.png', 'old.png', 'a', 10, 'png', 1, 1, 'a cat', 'm', 'Doubao', 'text', 5, 'r1', 'me');
                     PRAGMA user_version = 1;",
                )
                .unwrap();
            }
            setup.spawn_in(&[("IR_CRASHPOINT", &armed(*step))]).kills_itself(step.0);
            let (version, rows) = schema(&database(&setup));
            assert!((1..=newest).contains(&version) && rows == 1, "{step:?}: schema {version}, {rows} rows");
            setup.start().stop();
            assert_eq!(schema(&database(&setup)), (newest, 1), "{step:?}");
            let copies: Vec<PathBuf> = std::fs::read_dir(setup.data().join("backups")).unwrap().flatten().map(|file| file.path()).collect();
            assert!(copies.iter().all(|copy| copy.extension().is_some_and(|ending| ending == "db")), "{step:?}: {copies:?}");
            let mut versions: Vec<i64> = copies.iter().map(|copy| schema(copy).0).collect();
            versions.sort_unstable();
            versions.dedup();
            assert_eq!(versions, (1..newest).collect::<Vec<_>>(), "{step:?}: a copy from before each step");
            assert!(copies.iter().all(|copy| schema(copy).1 == 1), "{step:?}");
        }
    }
}

/// Proves C-21.
#[test]
fn a_stop_dies_at_its_last_point() {
    for _ in 0..each() {
        for step in STOPS {
            let setup = Setup::new();
            let mut running = setup.spawn_in(&[("IR_CRASHPOINT", &armed(*step))]);
            running.ready();
            running.ask_to_stop();
            running.kills_itself(step.0);
            setup.start().stop();
        }
    }
}
