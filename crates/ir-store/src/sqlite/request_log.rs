//! The request log's tables.

mod search;

use super::columns::{count, get_list, int, list};
use super::{SqliteStore, delete_in_portions, statistics};
use crate::error::Result;
use crate::records::{AttemptNote, RequestFilter, RequestRecord};
use crate::repos::{MAX_FOUND_REQUESTS, MAX_PAGE, RequestLog};
use async_trait::async_trait;
use ir_model::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, named_params};

#[async_trait]
impl RequestLog for SqliteStore {
    async fn append(&self, records: Vec<RequestRecord>) -> Result<()> {
        self.write(move |db| {
            records.iter().try_for_each(|record| insert(db, record))?;
            statistics::count(db, &records)
        })
        .await
    }

    async fn page(&self, before: Option<i64>, limit: u32) -> Result<Vec<RequestRecord>> {
        let limit = limit.min(MAX_PAGE);
        self.read(move |db| {
            let mut select = db.prepare_cached("SELECT * FROM requests WHERE id < ?1 ORDER BY id DESC LIMIT ?2")?;
            // Ids end one below the largest number: SQLite refuses to give that one.
            let rows = select.query_map((before.unwrap_or(i64::MAX), limit), record)?.collect::<rusqlite::Result<Vec<_>>>()?;
            rows.into_iter().map(|record| with_attempts(db, record)).collect()
        })
        .await
    }

    async fn search(&self, filter: RequestFilter, before: Option<i64>, limit: u32) -> Result<Vec<RequestRecord>> {
        let limit = limit.min(MAX_FOUND_REQUESTS) as usize;
        self.read(move |db| search::search(db, &filter, before, limit)).await
    }

    async fn request(&self, request_id: &str) -> Result<Option<RequestRecord>> {
        let request_id = request_id.to_owned();
        self.read(move |db| {
            let mut select = db.prepare_cached("SELECT * FROM requests WHERE request_id = ?1 ORDER BY id DESC LIMIT 1")?;
            select.query_row([request_id], record).optional()?.map(|record| with_attempts(db, record)).transpose()
        })
        .await
    }

    async fn prune(&self, before: Timestamp) -> Result<u64> {
        let delete = "DELETE FROM requests WHERE id IN (SELECT id FROM requests WHERE time < ?1 LIMIT ?2)";
        delete_in_portions(self, delete, before, None).await
    }
}

fn insert(db: &Connection, record: &RequestRecord) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO requests (request_id, time, duration_ms, client, task, asked_model, provider, model, outcome, prompt, pictures,
                               bytes)
         VALUES (:request_id, :time, :duration_ms, :client, :task, :asked_model, :provider, :model, :outcome, :prompt, :pictures,
                 :bytes)",
    )?
    .execute(named_params! {
        ":request_id": record.request_id,
        ":time": record.time.0,
        ":duration_ms": int(record.duration_ms),
        ":client": record.client,
        ":task": record.task,
        ":asked_model": record.asked_model,
        ":provider": record.provider,
        ":model": record.model,
        ":outcome": record.outcome,
        ":prompt": record.prompt,
        ":pictures": list(&record.pictures),
        ":bytes": int(record.bytes),
    })?;
    let id = db.last_insert_rowid();
    let mut insert = db.prepare_cached(
        "INSERT INTO request_attempts (request, number, provider, model, key, started_ms, duration_ms, outcome, message, next)
         VALUES (:request, :number, :provider, :model, :key, :started_ms, :duration_ms, :outcome, :message, :next)",
    )?;
    for (number, note) in (1..).zip(&record.attempts) {
        let number: i64 = number;
        insert.execute(named_params! {
            ":request": id,
            ":number": number,
            ":provider": note.provider,
            ":model": note.model,
            ":key": note.key,
            ":started_ms": int(note.started_ms),
            ":duration_ms": int(note.duration_ms),
            ":outcome": note.outcome,
            ":message": note.message,
            ":next": note.next,
        })?;
    }
    Ok(())
}

fn record(row: &Row<'_>) -> rusqlite::Result<RequestRecord> {
    Ok(RequestRecord {
        id: Some(row.get("id")?),
        request_id: row.get("request_id")?,
        time: Timestamp(row.get("time")?),
        duration_ms: count(row, "duration_ms")?,
        client: row.get("client")?,
        task: row.get("task")?,
        asked_model: row.get("asked_model")?,
        provider: row.get("provider")?,
        model: row.get("model")?,
        outcome: row.get("outcome")?,
        prompt: row.get("prompt")?,
        pictures: get_list(row, "pictures")?,
        bytes: count(row, "bytes")?,
        attempts: Vec::new(),
    })
}

fn with_attempts(db: &Connection, mut record: RequestRecord) -> Result<RequestRecord> {
    let mut select = db.prepare_cached("SELECT * FROM request_attempts WHERE request = ?1 ORDER BY number")?;
    let notes = select.query_map([record.id], |row| {
        Ok(AttemptNote {
            provider: row.get("provider")?,
            model: row.get("model")?,
            key: row.get("key")?,
            started_ms: count(row, "started_ms")?,
            duration_ms: count(row, "duration_ms")?,
            outcome: row.get("outcome")?,
            message: row.get("message")?,
            next: row.get("next")?,
        })
    })?;
    record.attempts = notes.collect::<rusqlite::Result<_>>()?;
    Ok(record)
}
