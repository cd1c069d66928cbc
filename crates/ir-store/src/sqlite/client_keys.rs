//! The tables of callers' keys.

use super::SqliteStore;
use super::columns::{count, get_list, int, list};
use crate::error::Result;
use crate::records::{ClientKeyRecord, ClientKeyUse};
use crate::repos::{ClientKeyRepo, MAX_CLIENT_KEYS};
use async_trait::async_trait;
use ir_model::Timestamp;
use rusqlite::{Connection, Row, named_params};

#[async_trait]
impl ClientKeyRepo for SqliteStore {
    async fn client_keys(&self) -> Result<Vec<ClientKeyRecord>> {
        self.read(|db| {
            let mut select = db.prepare_cached("SELECT * FROM client_keys JOIN client_key_use USING (id) ORDER BY created, id")?;
            Ok(select.query_map([], record)?.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn add_client_key(&self, key: ClientKeyRecord) -> Result<bool> {
        self.write(move |db| {
            let there: u32 = db.prepare_cached("SELECT count(*) FROM client_keys")?.query_row([], |row| row.get(0))?;
            if there >= MAX_CLIENT_KEYS {
                return Ok(false);
            }
            db.prepare_cached(
                "INSERT INTO client_keys (id, name, hash, hint, created, expires, enabled, models, per_minute, concurrent)
                 VALUES (:id, :name, :hash, :hint, :created, :expires, :enabled, :models, :per_minute, :concurrent)",
            )?
            .execute(named_params! {
                ":id": key.id,
                ":name": key.name,
                ":hash": key.hash,
                ":hint": key.hint,
                ":created": key.created.0,
                ":expires": key.expires.map(|at| at.0),
                ":enabled": key.enabled,
                ":models": list(&key.models),
                ":per_minute": key.per_minute,
                ":concurrent": key.concurrent,
            })?;
            save_use(db, &ClientKeyUse { id: key.id, ..key.usage })?;
            Ok(true)
        })
        .await
    }

    async fn update_client_key(&self, key: ClientKeyRecord) -> Result<bool> {
        self.write(move |db| {
            let rows = db
                .prepare_cached(
                    "UPDATE client_keys SET name = :name, expires = :expires, enabled = :enabled, models = :models,
                                            per_minute = :per_minute, concurrent = :concurrent
                     WHERE id = :id",
                )?
                .execute(named_params! {
                    ":id": key.id,
                    ":name": key.name,
                    ":expires": key.expires.map(|at| at.0),
                    ":enabled": key.enabled,
                    ":models": list(&key.models),
                    ":per_minute": key.per_minute,
                    ":concurrent": key.concurrent,
                })?;
            Ok(rows > 0)
        })
        .await
    }

    async fn delete_client_key(&self, id: &str) -> Result<bool> {
        let id = id.to_owned();
        self.write(move |db| Ok(db.prepare_cached("DELETE FROM client_keys WHERE id = ?1")?.execute([id])? > 0)).await
    }

    async fn save_client_key_use(&self, usage: Vec<ClientKeyUse>) -> Result<()> {
        self.write(move |db| {
            let mut known = db.prepare_cached("SELECT 1 FROM client_keys WHERE id = ?1")?;
            for one in &usage {
                if known.exists([&one.id])? {
                    save_use(db, one)?;
                }
            }
            Ok(())
        })
        .await
    }
}

fn save_use(db: &Connection, usage: &ClientKeyUse) -> Result<()> {
    let mut upsert = db.prepare_cached(
        "INSERT OR REPLACE INTO client_key_use (id, requests, pictures, last_used) VALUES (:id, :requests, :pictures, :last_used)",
    )?;
    upsert.execute(named_params! {
        ":id": usage.id,
        ":requests": int(usage.requests),
        ":pictures": int(usage.pictures),
        ":last_used": usage.last_used.map(|at| at.0),
    })?;
    Ok(())
}

fn record(row: &Row<'_>) -> rusqlite::Result<ClientKeyRecord> {
    let id: String = row.get("id")?;
    Ok(ClientKeyRecord {
        id: id.clone(),
        name: row.get("name")?,
        hash: row.get("hash")?,
        hint: row.get("hint")?,
        created: Timestamp(row.get("created")?),
        expires: row.get::<_, Option<i64>>("expires")?.map(Timestamp),
        enabled: row.get("enabled")?,
        models: get_list(row, "models")?,
        per_minute: row.get("per_minute")?,
        concurrent: row.get("concurrent")?,
        usage: ClientKeyUse {
            id,
            requests: count(row, "requests")?,
            pictures: count(row, "pictures")?,
            last_used: row.get::<_, Option<i64>>("last_used")?.map(Timestamp),
        },
    })
}
