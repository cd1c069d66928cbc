//! The gallery's index.

use crate::sqlite::keys::{count, number};
use crate::{Cursor, Gallery, PictureRecord, SqliteStore, StoreError};
use async_trait::async_trait;
use ir_model::{Format, Size, Timestamp};
use rusqlite::{OptionalExtension, Row, params};

const MOST: u32 = 100;
const COLUMNS: &str = "name, path, sha256, bytes, format, width, height, prompt, revised_prompt, model, provider, task, created, request_id, client";

#[async_trait]
impl Gallery for SqliteStore {
    async fn add(&self, p: PictureRecord) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.prepare_cached(
                "INSERT INTO pictures (name, path, sha256, bytes, format, width, height, prompt, revised_prompt, model, provider, task, created, request_id, client) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) ON CONFLICT (name) DO NOTHING",
            )?
            .execute(params![
                p.name,
                p.path,
                p.sha256,
                number(p.bytes),
                p.format.openai_name(),
                p.size.width,
                p.size.height,
                p.prompt,
                p.revised_prompt,
                p.model,
                p.provider,
                p.task,
                p.created.0,
                p.request_id,
                p.client
            ])?;
            Ok(())
        })
        .await
    }

    async fn get(&self, name: &str) -> Result<Option<PictureRecord>, StoreError> {
        let name = name.to_owned();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM pictures WHERE name = ?1 AND deleted IS NULL"))?;
            statement.query_row([name], |row| Ok(record(row))).optional()?.transpose()
        })
        .await
    }

    async fn pictures(&self, after: Option<Cursor>, limit: u32) -> Result<Vec<PictureRecord>, StoreError> {
        self.read(move |connection| {
            let after = after.unwrap_or(Cursor { created: Timestamp(i64::MAX), name: String::new() });
            let mut statement =
                connection.prepare_cached(&format!("SELECT {COLUMNS} FROM pictures WHERE deleted IS NULL AND (created, name) < (?1, ?2) ORDER BY created DESC, name DESC LIMIT ?3"))?;
            let rows = statement.query_map(params![after.created.0, after.name, limit.min(MOST)], |row| Ok(record(row)))?;
            rows.map(|row| row?).collect()
        })
        .await
    }

    async fn remove(&self, name: &str) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.write(move |tx| Ok(tx.execute("DELETE FROM pictures WHERE name = ?1", [name])? > 0)).await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        self.read(|connection| connection.query_row("SELECT count(*) FROM pictures WHERE deleted IS NULL", [], |row| Ok(count(row, 0)))?).await
    }

    async fn names_missing_from(&self, names: &[String]) -> Result<Vec<String>, StoreError> {
        let names = names.to_vec();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached("SELECT 1 FROM pictures WHERE name = ?1")?;
            let mut missing = Vec::new();
            for name in names {
                if !statement.exists([&name])? {
                    missing.push(name);
                }
            }
            Ok(missing)
        })
        .await
    }
}

fn record(row: &Row<'_>) -> Result<PictureRecord, StoreError> {
    let format: String = row.get(4)?;
    Ok(PictureRecord {
        name: row.get(0)?,
        path: row.get(1)?,
        sha256: row.get(2)?,
        bytes: count(row, 3)?,
        format: Format::from_name(&format).ok_or_else(|| StoreError::Value(format!("picture format '{format}'")))?,
        size: Size::new(row.get(5)?, row.get(6)?),
        prompt: row.get(7)?,
        revised_prompt: row.get(8)?,
        model: row.get(9)?,
        provider: row.get(10)?,
        task: row.get(11)?,
        created: Timestamp(row.get(12)?),
        request_id: row.get(13)?,
        client: row.get(14)?,
    })
}
