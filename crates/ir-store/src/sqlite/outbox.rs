//! The outbox's tables. Rows enter in the transaction that lists or removes their picture, so none
//! can be missed between the two.

use super::SqliteStore;
use super::columns::{count, one_of};
use crate::error::Result;
use crate::records::{Backlog, Errand, ErrandKind};
use crate::repos::{MAX_PAGE, Outbox};
use async_trait::async_trait;
use ir_model::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};

/// Most characters of an error that are kept.
const ERROR: usize = 300;

#[async_trait]
impl Outbox for SqliteStore {
    async fn aim(&self, target: Option<&str>) -> Result<()> {
        let target = target.map(str::to_owned);
        self.write(move |db| {
            match target {
                Some(target) => db
                    .prepare_cached("INSERT INTO outbox_aim (one, target) VALUES (1, ?1) ON CONFLICT (one) DO UPDATE SET target = ?1")?
                    .execute([target])?,
                None => db.prepare_cached("DELETE FROM outbox_aim")?.execute([])?,
            };
            Ok(())
        })
        .await
    }

    async fn fill(&self, target: &str, after: &str, limit: u32) -> Result<Option<String>> {
        let (target, after, now, limit) = (target.to_owned(), after.to_owned(), self.clock.now(), limit.clamp(1, MAX_PAGE));
        self.write(move |db| {
            let mut last = db.prepare_cached("SELECT max(name) FROM (SELECT name FROM gallery WHERE name > ?1 ORDER BY name LIMIT ?2)")?;
            let last: Option<String> = last.query_row((&after, limit), |row| row.get(0))?;
            if let Some(last) = &last {
                let mut insert = db.prepare_cached(
                    "INSERT INTO outbox (target, name, path, op, queued, next_try)
                     SELECT ?1, name, path, 'put', ?2, ?2 FROM gallery WHERE name > ?3 AND name <= ?4 AND deleted_at IS NULL
                     ON CONFLICT DO NOTHING",
                )?;
                insert.execute((&target, now.0, &after, last))?;
            }
            Ok(last)
        })
        .await
    }

    async fn due(&self, target: &str, now: Timestamp, limit: u32) -> Result<Vec<Errand>> {
        let (target, limit) = (target.to_owned(), limit.min(MAX_PAGE));
        self.read(move |db| {
            let mut select = db.prepare_cached(
                "SELECT * FROM outbox WHERE target = ?1 AND confirmed IS NULL AND next_try <= ?2
                   AND (op = 'delete' OR NOT EXISTS (SELECT 1 FROM gallery WHERE gallery.name = outbox.name AND deleted_at IS NOT NULL))
                 ORDER BY next_try LIMIT ?3",
            )?;
            Ok(select.query_map((target, now.0, limit), errand)?.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn carried_out(&self, errand: &Errand) -> Result<bool> {
        let (target, name, kind, now) = (errand.target.clone(), errand.name.clone(), errand.kind, self.clock.now());
        self.write(move |db| {
            // Only what was asked for when the errand began: a picture that was removed meanwhile
            // is not confirmed, its row asks for the delete by now.
            let rows = match kind {
                ErrandKind::Put => db
                    .prepare_cached("UPDATE outbox SET confirmed = ?3, last_error = NULL WHERE target = ?1 AND name = ?2 AND op = 'put'")?
                    .execute((target, name, now.0))?,
                ErrandKind::Delete => {
                    db.prepare_cached("DELETE FROM outbox WHERE target = ?1 AND name = ?2 AND op = 'delete'")?.execute((target, name))?
                }
            };
            Ok(rows > 0)
        })
        .await
    }

    async fn put_off(&self, errand: &Errand, until: Timestamp, error: &str) -> Result<()> {
        let (target, name, kind) = (errand.target.clone(), errand.name.clone(), errand.kind);
        let error: String = error.chars().take(ERROR).collect();
        self.write(move |db| {
            db.prepare_cached(
                "UPDATE outbox SET attempts = attempts + 1, next_try = ?4, last_error = ?5
                 WHERE target = ?1 AND name = ?2 AND op = ?3 AND confirmed IS NULL",
            )?
            .execute((target, name, kind.name(), until.0, error))?;
            Ok(())
        })
        .await
    }

    async fn call_off(&self, errand: &Errand) -> Result<bool> {
        let (target, name) = (errand.target.clone(), errand.name.clone());
        self.write(move |db| {
            let mut delete =
                db.prepare_cached("DELETE FROM outbox WHERE target = ?1 AND name = ?2 AND op = 'put' AND confirmed IS NULL")?;
            Ok(delete.execute((target, name))? > 0)
        })
        .await
    }

    async fn copied(&self, target: &str, name: &str) -> Result<Option<Timestamp>> {
        let (target, name) = (target.to_owned(), name.to_owned());
        self.read(move |db| {
            let mut select = db.prepare_cached("SELECT confirmed FROM outbox WHERE target = ?1 AND name = ?2")?;
            let found: Option<Option<i64>> = select.query_row((target, name), |row| row.get(0)).optional()?;
            Ok(found.flatten().map(Timestamp))
        })
        .await
    }

    async fn backlog(&self, target: &str) -> Result<Backlog> {
        let target = target.to_owned();
        self.read(move |db| {
            let mut select = db.prepare_cached(
                "SELECT count(*) AS waiting, min(queued) AS oldest,
                        (SELECT last_error FROM outbox WHERE target = ?1 AND confirmed IS NULL AND last_error IS NOT NULL
                         ORDER BY next_try DESC LIMIT 1) AS last_error
                 FROM outbox WHERE target = ?1 AND confirmed IS NULL",
            )?;
            Ok(select.query_row([target], |row| {
                Ok(Backlog {
                    waiting: count(row, "waiting")?,
                    oldest: row.get::<_, Option<i64>>("oldest")?.map(Timestamp),
                    last_error: row.get("last_error")?,
                })
            })?)
        })
        .await
    }
}

/// A picture is listed: it is to be copied to the bucket that is aimed at.
pub(super) fn listed(db: &Connection, name: &str, path: &str, now: Timestamp) -> Result<()> {
    let mut insert = db.prepare_cached(
        "INSERT INTO outbox (target, name, path, op, queued, next_try) SELECT target, ?1, ?2, 'put', ?3, ?3 FROM outbox_aim WHERE true
         ON CONFLICT DO NOTHING",
    )?;
    insert.execute((name, path, now.0))?;
    Ok(())
}

/// A picture is gone for good: its copies are to be, wherever they are or may be by now.
pub(super) fn removed(db: &Connection, name: &str, now: Timestamp) -> Result<()> {
    let mut update = db.prepare_cached(
        "UPDATE outbox SET op = 'delete', queued = ?2, next_try = ?2, attempts = 0, last_error = NULL, confirmed = NULL WHERE name = ?1",
    )?;
    update.execute((name, now.0))?;
    Ok(())
}

fn errand(row: &Row<'_>) -> rusqlite::Result<Errand> {
    Ok(Errand {
        target: row.get("target")?,
        name: row.get("name")?,
        path: row.get("path")?,
        kind: one_of(row, "op", &[ErrandKind::Put, ErrandKind::Delete], ErrandKind::name)?,
        queued: Timestamp(row.get("queued")?),
        attempts: u32::try_from(count(row, "attempts")?).unwrap_or(u32::MAX),
        last_error: row.get("last_error")?,
    })
}
