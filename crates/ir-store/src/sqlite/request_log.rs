//! The request log.

use crate::sqlite::keys::{count, number};
use crate::{AttemptNote, RequestLog, RequestRecord, SqliteStore, StoreError};
use async_trait::async_trait;
use ir_model::Timestamp;
use rusqlite::{Row, params};

const MOST: u32 = 100;

#[async_trait]
impl RequestLog for SqliteStore {
    async fn append(&self, requests: Vec<RequestRecord>) -> Result<(), StoreError> {
        self.write(move |tx| {
            let mut insert = tx.prepare_cached(
                "INSERT INTO requests (request_id, time, duration_ms, client, task, asked_model, provider, model, outcome, prompt, pictures, attempts) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?;
            for r in requests {
                let attempts = serde_json::to_string(&r.attempts).map_err(|error| StoreError::Value(error.to_string()))?;
                insert.execute(params![
                    r.request_id,
                    r.time.0,
                    number(r.duration_ms),
                    r.client,
                    r.task,
                    r.asked_model,
                    r.provider,
                    r.model,
                    r.outcome,
                    r.prompt,
                    r.pictures.join("\n"),
                    attempts
                ])?;
            }
            Ok(())
        })
        .await
    }

    async fn page(&self, before: Option<i64>, limit: u32) -> Result<Vec<RequestRecord>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, request_id, time, duration_ms, client, task, asked_model, provider, model, outcome, prompt, pictures, attempts \
                 FROM requests WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
            )?;
            let rows = statement.query_map(params![before.unwrap_or(i64::MAX), limit.min(MOST)], |row| Ok(record(row)))?;
            rows.map(|row| row?).collect()
        })
        .await
    }

    async fn prune(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.write(move |tx| Ok(tx.execute("DELETE FROM requests WHERE time < ?1", [before.0])? as u64)).await
    }
}

fn record(row: &Row<'_>) -> Result<RequestRecord, StoreError> {
    let (pictures, attempts): (String, String) = (row.get(11)?, row.get(12)?);
    let attempts: Vec<AttemptNote> = serde_json::from_str(&attempts).map_err(|error| StoreError::Value(error.to_string()))?;
    Ok(RequestRecord {
        id: Some(row.get(0)?),
        request_id: row.get(1)?,
        time: Timestamp(row.get(2)?),
        duration_ms: count(row, 3)?,
        client: row.get(4)?,
        task: row.get(5)?,
        asked_model: row.get(6)?,
        provider: row.get(7)?,
        model: row.get(8)?,
        outcome: row.get(9)?,
        prompt: row.get(10)?,
        pictures: pictures.lines().map(str::to_owned).collect(),
        attempts,
    })
}
