//! The schema: an ordered list of scripts, each run once, in one transaction, after a copy of the
//! database was put aside. `user_version` counts the scripts that were run.

use super::files;
use crate::error::{Result, StoreError};
use ir_model::Timestamp;
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;

/// The scripts; script `n` (from 0) leads to schema `n + 1`. A script that was released is never
/// changed.
pub(super) const SCRIPTS: &[&str] = &[
    include_str!("migrations/0001.sql"),
    include_str!("migrations/0002.sql"),
    include_str!("migrations/0003.sql"),
    include_str!("migrations/0004.sql"),
    include_str!("migrations/0005.sql"),
];

/// `application_id` of our databases: 'IMGR'.
const OURS: i64 = 0x494D_4752;

/// Copies of the database that are kept; a migration that fails at every start must not fill the disk.
const BACKUPS: usize = 10;

/// Refuses what this version must not touch. Only reads.
pub(super) fn check(db: &Connection, path: &Path, known: usize) -> Result<()> {
    let found = version(db)?;
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let id: i64 = db.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if tables > 0 && (id != OURS || found == 0) {
        return Err(StoreError::Foreign { path: path.to_owned() });
    }
    let known = u32::try_from(known).expect("there are few scripts");
    if found > known {
        return Err(StoreError::NewerSchema { path: path.to_owned(), found, known });
    }
    Ok(())
}

/// Runs the scripts that this database has not seen.
pub(super) fn migrate(db: &mut Connection, backups: &Path, scripts: &[&str], now: Timestamp) -> Result<()> {
    // A script may rebuild a table; that cannot be done while references to it are enforced, and
    // they cannot be switched within a transaction.
    db.pragma_update(None, "foreign_keys", false)?;
    let first = version(db)? as usize;
    for (from, script) in scripts.iter().enumerate().skip(first) {
        if first > 0 {
            backup(db, backups, from, now)?;
        }
        step(db, script, from + 1)?;
        if first > 0 {
            tracing::info!(schema = from + 1, "the database was brought to a newer schema; a copy of the old one is in 'backups'");
        }
    }
    db.pragma_update(None, "foreign_keys", true)?;
    Ok(())
}

/// Touches every table, so that the coarsest damage shows at the start.
pub(super) fn probe(db: &Connection) -> Result<()> {
    let tables = db
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<String>>>()?;
    for table in tables {
        db.prepare(&format!("SELECT 1 FROM \"{table}\" LIMIT 1"))?.query([])?.next()?;
    }
    Ok(())
}

fn version(db: &Connection) -> Result<u32> {
    // SQLite's number has a sign; nobody else writes it, and a negative one is surely not ours.
    let found: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok(u32::try_from(found).unwrap_or(u32::MAX))
}

fn step(db: &mut Connection, script: &str, to: usize) -> Result<()> {
    let failed = |error: rusqlite::Error| match StoreError::from(error) {
        StoreError::Database { detail } | StoreError::Duplicate { what: detail } => StoreError::Migration { to, detail },
        other => other,
    };
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    tx.execute_batch(script).map_err(failed)?;
    if tx.prepare("PRAGMA foreign_key_check").and_then(|mut check| check.exists([])).map_err(failed)? {
        return Err(StoreError::Migration { to, detail: "rows would refer to rows that are not there".to_owned() });
    }
    tx.pragma_update(None, "user_version", to).map_err(failed)?;
    ir_crash::point("migration.run");
    tx.commit().map_err(failed)?;
    ir_crash::point("migration.done");
    Ok(())
}

/// Puts a copy aside as `img-router-<time>-v<schema>.db`. Reads every page: damage shows before
/// anything is changed.
fn backup(db: &Connection, folder: &Path, version: usize, now: Timestamp) -> Result<()> {
    files::private_dir(folder)?;
    let partial = folder.join("img-router.partial");
    match std::fs::remove_file(&partial) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(files::failed(&partial, &error)),
        Ok(()) | Err(_) => {}
    }
    let file = files::new_private_file(&partial)?;
    let target =
        partial.to_str().ok_or_else(|| StoreError::Io { path: partial.clone(), detail: "the folder's name is not UTF-8".to_owned() })?;
    db.execute("VACUUM INTO ?1", [target])?;
    file.sync_all().map_err(|error| files::failed(&partial, &error))?;
    let (year, month, day, hour, minute, second) = now.civil();
    ir_crash::point("migration.copied");
    // The same second again, as a service that restarts at once can have it: the copies are equal.
    let name = folder.join(format!("img-router-{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}-v{version}.db"));
    std::fs::rename(&partial, &name).map_err(|error| files::failed(&name, &error))?;
    ir_crash::point("migration.named");
    files::sync_dir(folder)?;
    drop_old(folder)
}

fn drop_old(folder: &Path) -> Result<()> {
    let failed = |error: std::io::Error| files::failed(folder, &error);
    let mut copies = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let ours = path.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.starts_with("img-router-") && n.ends_with(".db"));
        if ours {
            copies.push(path);
        }
    }
    // Their names begin with the time.
    copies.sort_unstable();
    for old in copies.iter().rev().skip(BACKUPS) {
        std::fs::remove_file(old).map_err(|error| files::failed(old, &error))?;
    }
    Ok(())
}
