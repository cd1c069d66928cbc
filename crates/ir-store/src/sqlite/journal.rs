//! Jobs and attempts.

use crate::records::charge_name;
use crate::{AttemptRecord, Interrupted, JobRecord, JobState, Journal, SqliteStore, StoreError, UnfinishedJob};
use async_trait::async_trait;
use ir_model::{Charge, Timestamp};
use rusqlite::{Row, params};

#[async_trait]
impl Journal for SqliteStore {
    async fn begin_with_attempt(&self, job: JobRecord, attempt: AttemptRecord) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.prepare_cached("INSERT INTO jobs (id, client, task, model, prompt, created, state) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'running') ON CONFLICT (id) DO UPDATE SET state = 'running'")?
                .execute(params![job.id, job.client, job.task, job.model, job.prompt, job.created.0])?;
            // A caller may reuse its own request id: the newer attempt of the same number counts.
            tx.prepare_cached("INSERT OR REPLACE INTO attempts (job, number, provider, base_url, model, key, began) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?.execute(params![
                attempt.job,
                attempt.number,
                attempt.provider,
                attempt.base_url,
                attempt.model,
                attempt.key,
                attempt.began.0
            ])?;
            Ok(())
        })
        .await
    }

    async fn ticket(&self, job: &str, attempt: u32, ticket: &str) -> Result<(), StoreError> {
        let (job, ticket) = (job.to_owned(), ticket.to_owned());
        self.write(move |tx| {
            tx.execute("UPDATE attempts SET ticket = ?3 WHERE job = ?1 AND number = ?2", params![job, attempt, ticket])?;
            Ok(())
        })
        .await
    }

    async fn settle(&self, job: &str, attempt: u32, outcome: &str, charge: Charge) -> Result<(), StoreError> {
        let (job, outcome) = (job.to_owned(), outcome.to_owned());
        self.write(move |tx| {
            tx.prepare_cached("UPDATE attempts SET outcome = ?3, charge = ?4 WHERE job = ?1 AND number = ?2")?.execute(params![job, attempt, outcome, charge_name(charge)])?;
            Ok(())
        })
        .await
    }

    async fn finish(&self, job: &str, state: JobState, pictures: Vec<String>) -> Result<(), StoreError> {
        let job = job.to_owned();
        self.write(move |tx| {
            tx.prepare_cached("UPDATE jobs SET state = ?2, pictures = ?3 WHERE id = ?1")?.execute(params![job, state.name(), pictures.join("\n")])?;
            Ok(())
        })
        .await
    }

    async fn unfinished(&self) -> Result<Vec<UnfinishedJob>, StoreError> {
        self.read(|connection| {
            let mut jobs = connection.prepare_cached("SELECT id, client, task, model, prompt, created FROM jobs WHERE state IN ('running', 'interrupted') ORDER BY created LIMIT 1000")?;
            let jobs = jobs.query_map([], job)?.collect::<Result<Vec<_>, _>>()?;
            let mut open = connection.prepare_cached(
                "SELECT job, number, provider, base_url, model, key, began, ticket FROM attempts WHERE job = ?1 AND (outcome IS NULL OR outcome = 'ambiguous') ORDER BY number",
            )?;
            jobs.into_iter()
                .map(|job| {
                    let open = open.query_map([&job.id], |row| Ok((attempt(row)?, row.get(7)?)))?.collect::<Result<Vec<_>, _>>()?;
                    Ok(UnfinishedJob { job, open })
                })
                .collect()
        })
        .await
    }

    async fn mark_interrupted(&self, now: Timestamp) -> Result<Interrupted, StoreError> {
        self.write(move |tx| {
            let tickets: i64 = tx.query_row("SELECT count(*) FROM attempts WHERE outcome IS NULL AND ticket IS NOT NULL", [], |row| row.get(0))?;
            let attempts = tx.execute("UPDATE attempts SET outcome = 'ambiguous', charge = 'maybe' WHERE outcome IS NULL", [])?;
            let jobs = tx.execute("UPDATE jobs SET state = 'interrupted', ended = ?1 WHERE state = 'running'", [now.0])?;
            Ok(Interrupted { jobs: jobs as u64, attempts: attempts as u64, tickets: u64::try_from(tickets).unwrap_or(0) })
        })
        .await
    }

    async fn prune_jobs(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.write(move |tx| Ok(tx.execute("DELETE FROM jobs WHERE created < ?1 AND state <> 'running'", [before.0])? as u64)).await
    }
}

fn job(row: &Row<'_>) -> rusqlite::Result<JobRecord> {
    Ok(JobRecord { id: row.get(0)?, client: row.get(1)?, task: row.get(2)?, model: row.get(3)?, prompt: row.get(4)?, created: Timestamp(row.get(5)?) })
}

fn attempt(row: &Row<'_>) -> rusqlite::Result<AttemptRecord> {
    Ok(AttemptRecord {
        job: row.get(0)?,
        number: row.get(1)?,
        provider: row.get(2)?,
        base_url: row.get(3)?,
        model: row.get(4)?,
        key: row.get(5)?,
        began: Timestamp(row.get(6)?),
    })
}
