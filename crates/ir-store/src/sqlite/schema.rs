//! The schema and its history. Migrations run one after another, each in a transaction of its own,
//! after a dated backup of what was there.

use crate::StoreError;
use crate::sqlite::private;
use ir_model::Timestamp;
use rusqlite::{Connection, TransactionBehavior};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// `MIGRATIONS[i]` leads from schema `i` to `i + 1`. Never changed, only added to.
const MIGRATIONS: [&str; 1] = [V1];

const V1: &str = "
CREATE TABLE alive (one INTEGER PRIMARY KEY CHECK (one = 1), n INTEGER NOT NULL) STRICT;

CREATE TABLE keys (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT,
    id              TEXT NOT NULL UNIQUE,
    platform        TEXT NOT NULL,
    name            TEXT NOT NULL,
    sealed          BLOB NOT NULL,
    fingerprint     TEXT NOT NULL,
    tail            TEXT NOT NULL,
    base_url        TEXT,
    models          TEXT NOT NULL,
    enabled         INTEGER NOT NULL,
    added           INTEGER NOT NULL,
    disabled_reason TEXT,
    cooling_until   INTEGER,
    cooling_reason  TEXT,
    backoff_ms      INTEGER NOT NULL,
    failures_in_row INTEGER NOT NULL,
    calls           INTEGER NOT NULL,
    successes       INTEGER NOT NULL,
    errors          INTEGER NOT NULL,
    last_used       INTEGER,
    last_error      TEXT,
    UNIQUE (platform, fingerprint)
) STRICT;

CREATE TABLE jobs (
    id       TEXT PRIMARY KEY,
    client   TEXT NOT NULL,
    task     TEXT NOT NULL,
    model    TEXT NOT NULL,
    prompt   TEXT NOT NULL,
    created  INTEGER NOT NULL,
    state    TEXT NOT NULL,
    ended    INTEGER,
    pictures TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX jobs_open ON jobs (created) WHERE state IN ('running', 'interrupted');
CREATE INDEX jobs_created ON jobs (created);

CREATE TABLE attempts (
    job      TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    number   INTEGER NOT NULL,
    provider TEXT NOT NULL,
    base_url TEXT NOT NULL,
    model    TEXT NOT NULL,
    key      TEXT,
    began    INTEGER NOT NULL,
    ticket   TEXT,
    outcome  TEXT,
    charge   TEXT,
    PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_open ON attempts (job) WHERE outcome IS NULL;

CREATE TABLE requests (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id  TEXT NOT NULL,
    time        INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    client      TEXT NOT NULL,
    task        TEXT NOT NULL,
    asked_model TEXT NOT NULL,
    provider    TEXT,
    model       TEXT,
    outcome     TEXT NOT NULL,
    prompt      TEXT NOT NULL,
    pictures    TEXT NOT NULL,
    attempts    TEXT NOT NULL
) STRICT;
CREATE INDEX requests_time ON requests (time);

CREATE TABLE pictures (
    name           TEXT PRIMARY KEY,
    path           TEXT NOT NULL,
    sha256         TEXT NOT NULL,
    bytes          INTEGER NOT NULL,
    format         TEXT NOT NULL,
    width          INTEGER NOT NULL,
    height         INTEGER NOT NULL,
    prompt         TEXT NOT NULL,
    revised_prompt TEXT,
    model          TEXT NOT NULL,
    provider       TEXT NOT NULL,
    task           TEXT NOT NULL,
    created        INTEGER NOT NULL,
    request_id     TEXT NOT NULL,
    client         TEXT NOT NULL,
    favorite       INTEGER NOT NULL DEFAULT 0,
    deleted        INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX pictures_newest ON pictures (created DESC, name DESC) WHERE deleted IS NULL;
";

/// Brings the database to the newest schema.
pub(crate) fn migrate(connection: &mut Connection, path: &Path, now: Timestamp) -> Result<(), StoreError> {
    run(connection, path, now, &MIGRATIONS)
}

fn run(connection: &mut Connection, path: &Path, now: Timestamp, migrations: &[&str]) -> Result<(), StoreError> {
    let known = u32::try_from(migrations.len()).expect("few migrations");
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > known {
        return Err(StoreError::Newer { path: path.to_owned(), found, known });
    }
    for version in found..known {
        if version > 0 {
            backup(connection, path, version, now)?;
        }
        let tx = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
        tx.execute_batch(migrations[version as usize])?;
        tx.pragma_update(None, "user_version", version + 1)?;
        tx.commit()?;
        tracing::info!(schema = version + 1, "the database was brought to a new schema");
    }
    Ok(())
}

/// A whole copy beside the database: `backups/img-router-<date>-v<schema>.db`.
fn backup(connection: &Connection, path: &Path, version: u32, now: Timestamp) -> Result<(), StoreError> {
    let folder = path.with_file_name("backups");
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(|error| StoreError::Io(folder.clone(), error))?;
    let (year, month, day, hour, minute, second) = now.civil();
    let copy = folder.join(format!("img-router-{year}{month:02}{day:02}T{hour:02}{minute:02}{second:02}-v{version}.db"));
    connection.execute("VACUUM INTO ?1", [copy.to_string_lossy().as_ref()])?;
    private(&copy)?;
    std::fs::File::open(&copy).and_then(|file| file.sync_all()).map_err(|error| StoreError::Io(copy, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_is_backed_up_and_whole() {
        let dir = tempfile::tempdir().expect("folder");
        let path = dir.path().join("img-router.db");
        let mut connection = Connection::open(&path).expect("opens");
        let steps = ["CREATE TABLE a (x) ; INSERT INTO a VALUES (7)", "CREATE TABLE b (y)", "CREATE TABLE c (z); SELECT broken FROM nowhere"];
        run(&mut connection, &path, Timestamp(0), &steps[..1]).expect("first");
        assert!(!dir.path().join("backups").exists(), "nothing was there to back up");
        run(&mut connection, &path, Timestamp(0), &steps[..2]).expect("second");
        let copy = dir.path().join("backups/img-router-19700101T000000-v1.db");
        let old: i64 = Connection::open(copy).expect("backup").query_row("SELECT x FROM a", [], |row| row.get(0)).expect("row");
        assert_eq!(old, 7);
        assert!(run(&mut connection, &path, Timestamp(1000), &steps).is_err());
        let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).expect("version");
        let half: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'c'", [], |row| row.get(0)).expect("count");
        assert_eq!((version, half), (2, 0), "a step that fails leaves nothing behind");
    }
}
