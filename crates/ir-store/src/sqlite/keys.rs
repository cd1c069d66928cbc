//! The key pools' tables.

use super::SqliteStore;
use super::columns::{count, get_list, int, list};
use crate::error::Result;
use crate::records::{AddedKeys, KeyHealth, KeyRecord};
use crate::repos::KeyRepo;
use async_trait::async_trait;
use ir_model::{KeyId, Timestamp};
use rusqlite::{Connection, Row, named_params};

#[async_trait]
impl KeyRepo for SqliteStore {
    async fn keys(&self) -> Result<Vec<KeyRecord>> {
        self.read(|db| {
            let mut select = db.prepare_cached("SELECT * FROM keys JOIN key_health USING (id) ORDER BY platform, added, keys.rowid")?;
            Ok(select.query_map([], record)?.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn add_keys(&self, keys: Vec<KeyRecord>) -> Result<AddedKeys> {
        self.write(move |db| {
            let mut done = AddedKeys::default();
            for key in &keys {
                if insert(db, key)? {
                    upsert_health(db, &key.id, &key.health)?;
                    done.added += 1;
                } else {
                    done.duplicates += 1;
                }
            }
            Ok(done)
        })
        .await
    }

    async fn update_key(&self, key: KeyRecord) -> Result<bool> {
        self.write(move |db| {
            let found = update(db, &key)?;
            if found {
                upsert_health(db, &key.id, &key.health)?;
            }
            Ok(found)
        })
        .await
    }

    async fn delete_key(&self, id: &KeyId) -> Result<bool> {
        let id = id.clone();
        self.write(move |db| Ok(db.prepare_cached("DELETE FROM keys WHERE id = ?1")?.execute([&id.0])? > 0)).await
    }

    async fn save_key_health(&self, health: Vec<KeyHealth>) -> Result<()> {
        self.write(move |db| {
            let mut known = db.prepare_cached("SELECT 1 FROM keys WHERE id = ?1")?;
            for one in &health {
                if known.exists([&one.id.0])? {
                    upsert_health(db, &one.id, one)?;
                }
            }
            Ok(())
        })
        .await
    }
}

/// `false`: the pool has this key already.
fn insert(db: &Connection, key: &KeyRecord) -> Result<bool> {
    let mut insert = db.prepare_cached(
        "INSERT INTO keys (id, platform, name, sealed, fingerprint, tail, base_url, models, enabled, added)
         VALUES (:id, :platform, :name, :sealed, :fingerprint, :tail, :base_url, :models, :enabled, :added)
         ON CONFLICT (platform, base_url, fingerprint) DO NOTHING",
    )?;
    let rows = insert.execute(named_params! {
        ":id": key.id.0,
        ":platform": key.platform,
        ":name": key.name,
        ":sealed": key.sealed,
        ":fingerprint": key.fingerprint,
        ":tail": key.tail,
        ":base_url": key.base_url.as_deref().unwrap_or_default(),
        ":models": list(&key.models),
        ":enabled": key.enabled,
        ":added": key.added.0,
    })?;
    Ok(rows > 0)
}

fn update(db: &Connection, key: &KeyRecord) -> Result<bool> {
    let mut update = db.prepare_cached(
        "UPDATE keys SET platform = :platform, name = :name, sealed = :sealed, fingerprint = :fingerprint, tail = :tail,
                         base_url = :base_url, models = :models, enabled = :enabled, added = :added
         WHERE id = :id",
    )?;
    let rows = update.execute(named_params! {
        ":id": key.id.0,
        ":platform": key.platform,
        ":name": key.name,
        ":sealed": key.sealed,
        ":fingerprint": key.fingerprint,
        ":tail": key.tail,
        ":base_url": key.base_url.as_deref().unwrap_or_default(),
        ":models": list(&key.models),
        ":enabled": key.enabled,
        ":added": key.added.0,
    })?;
    Ok(rows > 0)
}

fn upsert_health(db: &Connection, id: &KeyId, health: &KeyHealth) -> Result<()> {
    let mut upsert = db.prepare_cached(
        "INSERT OR REPLACE INTO key_health (id, disabled_reason, cooling_until, cooling_reason, backoff_ms, failures_in_row,
                                            calls, successes, errors, last_used, last_error)
         VALUES (:id, :disabled_reason, :cooling_until, :cooling_reason, :backoff_ms, :failures_in_row,
                 :calls, :successes, :errors, :last_used, :last_error)",
    )?;
    upsert.execute(named_params! {
        ":id": id.0,
        ":disabled_reason": health.disabled_reason,
        ":cooling_until": health.cooling_until.map(|at| at.0),
        ":cooling_reason": health.cooling_reason,
        ":backoff_ms": int(health.backoff_ms),
        ":failures_in_row": health.failures_in_row,
        ":calls": int(health.calls),
        ":successes": int(health.successes),
        ":errors": int(health.errors),
        ":last_used": health.last_used.map(|at| at.0),
        ":last_error": health.last_error,
    })?;
    Ok(())
}

fn record(row: &Row<'_>) -> rusqlite::Result<KeyRecord> {
    let id = KeyId(row.get("id")?);
    let base_url: String = row.get("base_url")?;
    Ok(KeyRecord {
        id: id.clone(),
        platform: row.get("platform")?,
        name: row.get("name")?,
        sealed: row.get("sealed")?,
        fingerprint: row.get("fingerprint")?,
        tail: row.get("tail")?,
        base_url: (!base_url.is_empty()).then_some(base_url),
        models: get_list(row, "models")?,
        enabled: row.get("enabled")?,
        added: Timestamp(row.get("added")?),
        health: KeyHealth {
            id,
            disabled_reason: row.get("disabled_reason")?,
            cooling_until: row.get::<_, Option<i64>>("cooling_until")?.map(Timestamp),
            cooling_reason: row.get("cooling_reason")?,
            backoff_ms: count(row, "backoff_ms")?,
            failures_in_row: row.get("failures_in_row")?,
            calls: count(row, "calls")?,
            successes: count(row, "successes")?,
            errors: count(row, "errors")?,
            last_used: row.get::<_, Option<i64>>("last_used")?.map(Timestamp),
            last_error: row.get("last_error")?,
        },
    })
}
