//! The journal's tables.

use super::columns::{charge, charge_name, get_list, list, one_of};
use super::{SqliteStore, delete_in_portions, gallery};
use crate::error::{Result, StoreError};
use crate::records::{AttemptRecord, AttemptState, Interrupted, JobRecord, JobState, JournalAttempt, JournalEntry, PictureRecord};
use crate::repos::Journal;
use async_trait::async_trait;
use ir_model::{Charge, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

/// Jobs that one look at the unfinished gives: above what any gateway has under way at a time.
const UNFINISHED: u32 = 10_000;

#[async_trait]
impl Journal for SqliteStore {
    async fn begin(&self, job: JobRecord) -> Result<()> {
        let run = self.run;
        self.write(move |db| if insert_job(db, &job, run)? { Ok(()) } else { Err(taken(&job.id)) }).await
    }

    async fn attempt(&self, attempt: AttemptRecord) -> Result<()> {
        self.write(move |db| match standing(db, &attempt.job)? {
            Some((JobState::Running, _)) => insert_attempt(db, &attempt),
            Some(_) | None => Err(StoreError::Missing { what: format!("running job '{}'", attempt.job) }),
        })
        .await
    }

    async fn begin_with_attempt(&self, job: JobRecord, attempt: AttemptRecord) -> Result<()> {
        let run = self.run;
        self.write(move |db| {
            if !insert_job(db, &job, run)? && standing(db, &job.id)? != Some((JobState::Running, job.created)) {
                return Err(taken(&job.id));
            }
            insert_attempt(db, &attempt)
        })
        .await
    }

    async fn ticket(&self, job: &str, attempt: u32, ticket: &str) -> Result<()> {
        let (job, ticket) = (job.to_owned(), ticket.to_owned());
        self.write(move |db| {
            let mut update = db.prepare_cached(
                "UPDATE attempts SET ticket = ?3, state = 'ticket' WHERE job = ?1 AND number = ?2 AND state IN ('prepared', 'ticket')",
            )?;
            match update.execute((&job, attempt, ticket))? {
                0 => Err(StoreError::Missing { what: format!("attempt {attempt} under way of job '{job}'") }),
                _ => Ok(()),
            }
        })
        .await
    }

    async fn settle(&self, job: &str, attempt: u32, outcome: &str, charge: Charge) -> Result<()> {
        let (job, outcome, now) = (job.to_owned(), outcome.to_owned(), self.clock.now());
        self.write(move |db| {
            let mut update = db.prepare_cached(
                "UPDATE attempts SET state = 'settled', outcome = ?3, charge = ?4, settled = ?5 WHERE job = ?1 AND number = ?2",
            )?;
            update.execute((job, attempt, outcome, charge_name(charge), now.0))?;
            Ok(())
        })
        .await
    }

    async fn finish(&self, job: &str, state: JobState, pictures: Vec<String>) -> Result<()> {
        let (job, now) = (job.to_owned(), self.clock.now());
        self.write(move |db| update_finished(db, &job, state, &pictures, now)).await
    }

    async fn finish_with(&self, job: &str, state: JobState, pictures: Vec<PictureRecord>) -> Result<()> {
        let (job, now) = (job.to_owned(), self.clock.now());
        self.write(move |db| {
            pictures.iter().try_for_each(|picture| gallery::insert(db, picture, now))?;
            let names: Vec<String> = pictures.into_iter().map(|picture| picture.name).collect();
            update_finished(db, &job, state, &names, now)
        })
        .await
    }

    async fn job(&self, id: &str) -> Result<Option<JournalEntry>> {
        let id = id.to_owned();
        self.read(move |db| {
            let mut select = db.prepare_cached("SELECT * FROM jobs WHERE id = ?1")?;
            select.query_row([id], entry).optional()?.map(|entry| with_attempts(db, entry)).transpose()
        })
        .await
    }

    async fn unfinished(&self) -> Result<Vec<JournalEntry>> {
        let run = self.run;
        self.read(move |db| select_unfinished(db, run)).await
    }

    async fn mark_interrupted(&self, now: Timestamp) -> Result<Interrupted> {
        let run = self.run;
        self.write(move |db| {
            let attempts = db.execute(
                "UPDATE attempts SET state = 'ambiguous', charge = 'maybe', settled = ?1
                 WHERE state = 'prepared' AND job IN (SELECT id FROM jobs WHERE state = 'running' AND run < ?2)",
                (now.0, run),
            )?;
            let jobs = db.execute(
                "UPDATE jobs SET state = 'interrupted', finished = ?1
                 WHERE state = 'running' AND run < ?2
                   AND NOT EXISTS (SELECT 1 FROM attempts WHERE attempts.job = jobs.id AND attempts.state = 'ticket')",
                (now.0, run),
            )?;
            Ok(Interrupted {
                jobs: u64::try_from(jobs).unwrap_or(0),
                attempts: u64::try_from(attempts).unwrap_or(0),
                resumable: select_unfinished(db, run)?,
            })
        })
        .await
    }

    async fn prune_jobs(&self, before: Timestamp) -> Result<u64> {
        let delete = "DELETE FROM jobs WHERE id IN (
                        SELECT id FROM jobs WHERE finished < ?1
                        UNION ALL SELECT id FROM jobs WHERE state = 'running' AND run < ?3 AND created < ?1
                        LIMIT ?2)";
        delete_in_portions(self, delete, before, Some(self.run)).await
    }
}

fn taken(id: &str) -> StoreError {
    StoreError::Duplicate { what: format!("a job '{id}'") }
}

/// `false`: the id is taken.
fn insert_job(db: &Connection, job: &JobRecord, run: i64) -> Result<bool> {
    let mut insert = db.prepare_cached(
        "INSERT INTO jobs (id, run, client, task, model, prompt, created, state)
         VALUES (:id, :run, :client, :task, :model, :prompt, :created, 'running')
         ON CONFLICT (id) DO NOTHING",
    )?;
    let rows = insert.execute(named_params! {
        ":id": job.id,
        ":run": run,
        ":client": job.client,
        ":task": job.task,
        ":model": job.model,
        ":prompt": job.prompt,
        ":created": job.created.0,
    })?;
    Ok(rows > 0)
}

/// A job's state and beginning.
fn standing(db: &Connection, id: &str) -> Result<Option<(JobState, Timestamp)>> {
    let mut select = db.prepare_cached("SELECT state, created FROM jobs WHERE id = ?1")?;
    let found = select.query_row([id], |row| Ok((one_of(row, "state", &JobState::ALL, JobState::name)?, Timestamp(row.get("created")?))));
    Ok(found.optional()?)
}

fn insert_attempt(db: &Connection, attempt: &AttemptRecord) -> Result<()> {
    let mut insert = db.prepare_cached(
        "INSERT INTO attempts (job, number, provider, base_url, model, key, began)
         VALUES (:job, :number, :provider, :base_url, :model, :key, :began)",
    )?;
    insert.execute(named_params! {
        ":job": attempt.job,
        ":number": attempt.number,
        ":provider": attempt.provider,
        ":base_url": attempt.base_url,
        ":model": attempt.model,
        ":key": attempt.key,
        ":began": attempt.began.0,
    })?;
    Ok(())
}

fn update_finished(db: &Connection, job: &str, state: JobState, pictures: &[String], now: Timestamp) -> Result<()> {
    let mut update = db.prepare_cached("UPDATE jobs SET state = ?2, pictures = ?3, finished = ?4 WHERE id = ?1")?;
    update.execute((job, state.name(), list(pictures), now.0))?;
    Ok(())
}

fn select_unfinished(db: &Connection, run: i64) -> Result<Vec<JournalEntry>> {
    let mut select = db.prepare_cached("SELECT * FROM jobs WHERE state = 'running' AND run < ?1 ORDER BY created, id LIMIT ?2")?;
    let entries = select.query_map((run, UNFINISHED), entry)?.collect::<rusqlite::Result<Vec<_>>>()?;
    entries.into_iter().map(|entry| with_attempts(db, entry)).collect()
}

fn entry(row: &Row<'_>) -> rusqlite::Result<JournalEntry> {
    Ok(JournalEntry {
        job: JobRecord {
            id: row.get("id")?,
            client: row.get("client")?,
            task: row.get("task")?,
            model: row.get("model")?,
            prompt: row.get("prompt")?,
            created: Timestamp(row.get("created")?),
        },
        state: one_of(row, "state", &JobState::ALL, JobState::name)?,
        pictures: get_list(row, "pictures")?,
        finished: row.get::<_, Option<i64>>("finished")?.map(Timestamp),
        attempts: Vec::new(),
    })
}

fn with_attempts(db: &Connection, mut entry: JournalEntry) -> Result<JournalEntry> {
    let mut select = db.prepare_cached("SELECT * FROM attempts WHERE job = ?1 ORDER BY number")?;
    let attempts = select.query_map([&entry.job.id], |row| {
        Ok(JournalAttempt {
            record: AttemptRecord {
                job: row.get("job")?,
                number: row.get("number")?,
                provider: row.get("provider")?,
                base_url: row.get("base_url")?,
                model: row.get("model")?,
                key: row.get("key")?,
                began: Timestamp(row.get("began")?),
            },
            state: one_of(row, "state", &AttemptState::ALL, AttemptState::name)?,
            ticket: row.get("ticket")?,
            outcome: row.get("outcome")?,
            charge: charge(row, "charge")?,
        })
    })?;
    entry.attempts = attempts.collect::<rusqlite::Result<_>>()?;
    Ok(entry)
}
