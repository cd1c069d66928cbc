//! Pools of platform keys.

use crate::{AddedKeys, KeyHealth, KeyRecord, KeyRepo, SqliteStore, StoreError};
use async_trait::async_trait;
use ir_model::{KeyId, Timestamp};
use rusqlite::{Row, Transaction, params};

const SELECT: &str = "SELECT id, platform, name, sealed, fingerprint, tail, base_url, models, enabled, added, disabled_reason, cooling_until, \
     cooling_reason, backoff_ms, failures_in_row, calls, successes, errors, last_used, last_error FROM keys ORDER BY seq";

#[async_trait]
impl KeyRepo for SqliteStore {
    async fn keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(SELECT)?;
            let rows = statement.query_map([], |row| Ok(record(row)))?;
            rows.map(|row| row?).collect()
        })
        .await
    }

    async fn add_keys(&self, keys: Vec<KeyRecord>) -> Result<AddedKeys, StoreError> {
        self.write(move |tx| {
            let mut done = AddedKeys::default();
            for key in keys {
                if insert(tx, &key)? { done.added += 1 } else { done.duplicates += 1 }
            }
            Ok(done)
        })
        .await
    }

    async fn update_key(&self, key: KeyRecord) -> Result<bool, StoreError> {
        self.write(move |tx| {
            let changed = tx.prepare_cached("UPDATE keys SET name = ?2, sealed = ?3, fingerprint = ?4, tail = ?5, base_url = ?6, models = ?7, enabled = ?8 WHERE id = ?1")?.execute(params![
                key.id.0,
                key.name,
                key.sealed,
                key.fingerprint,
                key.tail,
                key.base_url,
                key.models.join("\n"),
                key.enabled
            ])?;
            write_health(tx, &key.health)?;
            Ok(changed > 0)
        })
        .await
    }

    async fn delete_key(&self, id: &KeyId) -> Result<bool, StoreError> {
        let id = id.0.clone();
        self.write(move |tx| Ok(tx.execute("DELETE FROM keys WHERE id = ?1", [id])? > 0)).await
    }

    async fn save_key_health(&self, health: Vec<KeyHealth>) -> Result<(), StoreError> {
        self.write(move |tx| health.iter().try_for_each(|health| write_health(tx, health))).await
    }
}

fn insert(tx: &Transaction<'_>, key: &KeyRecord) -> Result<bool, StoreError> {
    let h = &key.health;
    let inserted = tx
        .prepare_cached(
            "INSERT INTO keys (id, platform, name, sealed, fingerprint, tail, base_url, models, enabled, added, disabled_reason, cooling_until, cooling_reason, \
             backoff_ms, failures_in_row, calls, successes, errors, last_used, last_error) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20) \
             ON CONFLICT (platform, fingerprint) DO NOTHING",
        )?
        .execute(params![
            key.id.0,
            key.platform,
            key.name,
            key.sealed,
            key.fingerprint,
            key.tail,
            key.base_url,
            key.models.join("\n"),
            key.enabled,
            key.added.0,
            h.disabled_reason,
            h.cooling_until.map(|t| t.0),
            h.cooling_reason,
            number(h.backoff_ms),
            h.failures_in_row,
            number(h.calls),
            number(h.successes),
            number(h.errors),
            h.last_used.map(|t| t.0),
            h.last_error
        ])?;
    Ok(inserted > 0)
}

fn write_health(tx: &Transaction<'_>, h: &KeyHealth) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE keys SET disabled_reason = ?2, cooling_until = ?3, cooling_reason = ?4, backoff_ms = ?5, failures_in_row = ?6, calls = ?7, successes = ?8, \
         errors = ?9, last_used = ?10, last_error = ?11 WHERE id = ?1",
    )?
    .execute(params![
        h.id.0,
        h.disabled_reason,
        h.cooling_until.map(|t| t.0),
        h.cooling_reason,
        number(h.backoff_ms),
        h.failures_in_row,
        number(h.calls),
        number(h.successes),
        number(h.errors),
        h.last_used.map(|t| t.0),
        h.last_error
    ])?;
    Ok(())
}

fn record(row: &Row<'_>) -> Result<KeyRecord, StoreError> {
    let id = KeyId(row.get(0)?);
    let models: String = row.get(7)?;
    Ok(KeyRecord {
        platform: row.get(1)?,
        name: row.get(2)?,
        sealed: row.get(3)?,
        fingerprint: row.get(4)?,
        tail: row.get(5)?,
        base_url: row.get(6)?,
        models: models.lines().map(str::to_owned).collect(),
        enabled: row.get(8)?,
        added: Timestamp(row.get(9)?),
        health: KeyHealth {
            id: id.clone(),
            disabled_reason: row.get(10)?,
            cooling_until: row.get::<_, Option<i64>>(11)?.map(Timestamp),
            cooling_reason: row.get(12)?,
            backoff_ms: count(row, 13)?,
            failures_in_row: row.get(14)?,
            calls: count(row, 15)?,
            successes: count(row, 16)?,
            errors: count(row, 17)?,
            last_used: row.get::<_, Option<i64>>(18)?.map(Timestamp),
            last_error: row.get(19)?,
        },
        id,
    })
}

/// SQLite's integers are signed.
pub(crate) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(crate) fn count(row: &Row<'_>, column: usize) -> Result<u64, StoreError> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}
