//! The tables of claims and webhooks.

use super::columns::count;
use super::{SqliteStore, delete_in_portions, gallery};
use crate::error::{Result, StoreError};
use crate::records::{Claim, Hook};
use crate::repos::{Claims, MAX_PAGE};
use async_trait::async_trait;
use ir_model::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, named_params};

/// Claims that one look at the open ones gives.
const OPEN: u32 = 10_000;
/// Pictures of one request, more than it can ask for.
const DRAWN: u32 = 32;
/// Most characters of an error that are kept.
const ERROR: usize = 300;

#[async_trait]
impl Claims for SqliteStore {
    async fn open_claim(&self, claim: Claim, since: Timestamp) -> Result<()> {
        let run = self.run;
        self.write(move |db| {
            db.prepare_cached("UPDATE claims SET key = NULL WHERE scope = ?1 AND key = ?2 AND created < ?3")?.execute((
                &claim.scope,
                &claim.key,
                since.0,
            ))?;
            match upsert(db, &claim, run, "DO NOTHING")? {
                0 => Err(StoreError::Duplicate { what: format!("a claim of job '{}'", claim.job) }),
                _ => Ok(()),
            }
        })
        .await
    }

    async fn close_claim(&self, claim: Claim, hooks: Vec<Hook>) -> Result<()> {
        let run = self.run;
        self.write(move |db| {
            let mut claim = claim;
            if let Some(key) = &claim.key {
                let mut other = db.prepare_cached("SELECT 1 FROM claims WHERE scope = ?1 AND key = ?2 AND job <> ?3")?;
                if other.exists((&claim.scope, key, &claim.job))? {
                    claim.key = None;
                }
            }
            upsert(db, &claim, run, "(job) DO UPDATE SET key = excluded.key, outcome = excluded.outcome")?;
            let mut insert = db.prepare_cached("INSERT INTO hooks (id, url, body, queued, due) VALUES (?1, ?2, ?3, ?4, ?4)")?;
            for hook in hooks {
                insert.execute((hook.id, hook.url, hook.body, hook.queued.0))?;
            }
            Ok(())
        })
        .await
    }

    async fn drop_claim(&self, job: &str) -> Result<()> {
        let job = job.to_owned();
        self.write(move |db| {
            db.prepare_cached("DELETE FROM claims WHERE job = ?1")?.execute([job])?;
            Ok(())
        })
        .await
    }

    async fn claim_by_key(&self, scope: &str, key: &str, since: Timestamp) -> Result<Option<Claim>> {
        let (scope, key) = (scope.to_owned(), key.to_owned());
        self.read(move |db| one(db, "SELECT * FROM claims WHERE scope = ?1 AND key = ?2 AND created >= ?3", (scope, key, since.0))).await
    }

    async fn claim(&self, scope: &str, request_id: &str, since: Timestamp) -> Result<Option<Claim>> {
        let (scope, request_id) = (scope.to_owned(), request_id.to_owned());
        let query = "SELECT * FROM claims WHERE scope = ?1 AND request_id = ?2 AND created >= ?3 ORDER BY created DESC LIMIT 1";
        self.read(move |db| one(db, query, (scope, request_id, since.0))).await
    }

    async fn claim_of(&self, job: &str) -> Result<Option<Claim>> {
        let job = job.to_owned();
        self.read(move |db| one(db, "SELECT * FROM claims WHERE job = ?1", [job])).await
    }

    async fn open_claims(&self) -> Result<Vec<Claim>> {
        let run = self.run;
        self.read(move |db| {
            let mut select = db.prepare_cached("SELECT * FROM claims WHERE outcome IS NULL AND run < ?1 ORDER BY created, job LIMIT ?2")?;
            Ok(select.query_map((run, OPEN), claim)?.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn drawn_for(&self, claim: &Claim) -> Result<Vec<String>> {
        let Claim { scope, request_id, client, created, .. } = claim.clone();
        self.read(move |db| {
            let mut another = db.prepare_cached("SELECT 1 FROM claims WHERE request_id = ?1 AND client = ?2 AND scope <> ?3")?;
            if another.exists((&request_id, &client, scope))? {
                return Ok(Vec::new());
            }
            // Ids rise with time, so only what is as new as the request is looked at.
            let mut select = db.prepare_cached(
                "SELECT name FROM gallery WHERE id >= ?1 AND request_id = ?2 AND client = ?3 AND deleted_at IS NULL ORDER BY id LIMIT ?4",
            )?;
            let from = gallery::first_id(created);
            Ok(select.query_map((from, request_id, client, DRAWN), |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn prune_claims(&self, before: Timestamp) -> Result<u64> {
        let delete = "DELETE FROM claims WHERE job IN (
                        SELECT job FROM claims WHERE created < ?1 AND (outcome IS NOT NULL OR created < ?1 - 86400000) LIMIT ?2)";
        delete_in_portions(self, delete, before, None).await
    }

    async fn due_hooks(&self, now: Timestamp, limit: u32) -> Result<Vec<Hook>> {
        let limit = limit.min(MAX_PAGE);
        self.read(move |db| {
            let mut select = db.prepare_cached("SELECT * FROM hooks WHERE due <= ?1 ORDER BY due LIMIT ?2")?;
            Ok(select.query_map((now.0, limit), hook)?.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn drop_hook(&self, id: &str) -> Result<()> {
        let id = id.to_owned();
        self.write(move |db| {
            db.prepare_cached("DELETE FROM hooks WHERE id = ?1")?.execute([id])?;
            Ok(())
        })
        .await
    }

    async fn put_off_hook(&self, id: &str, until: Timestamp, error: &str) -> Result<()> {
        let (id, error) = (id.to_owned(), error.chars().take(ERROR).collect::<String>());
        self.write(move |db| {
            let mut update = db.prepare_cached("UPDATE hooks SET attempts = attempts + 1, due = ?2, last_error = ?3 WHERE id = ?1")?;
            update.execute((id, until.0, error))?;
            Ok(())
        })
        .await
    }
}

/// Inserts a claim; what happens where its job stands already is the caller's word. Answers how many
/// rows were written.
fn upsert(db: &Connection, claim: &Claim, run: i64, conflict: &str) -> Result<usize> {
    let mut insert = db.prepare_cached(&format!(
        "INSERT INTO claims (job, run, scope, request_id, client, key, print, memo, hook, asked, created, outcome)
         VALUES (:job, :run, :scope, :request_id, :client, :key, :print, :memo, :hook, :asked, :created, :outcome)
         ON CONFLICT {conflict}"
    ))?;
    Ok(insert.execute(named_params! {
        ":job": claim.job,
        ":run": run,
        ":scope": claim.scope,
        ":request_id": claim.request_id,
        ":client": claim.client,
        ":key": claim.key,
        ":print": claim.print,
        ":memo": claim.memo,
        ":hook": claim.hook,
        ":asked": claim.asked,
        ":created": claim.created.0,
        ":outcome": claim.outcome,
    })?)
}

fn one(db: &Connection, query: &str, params: impl rusqlite::Params) -> Result<Option<Claim>> {
    Ok(db.prepare_cached(query)?.query_row(params, claim).optional()?)
}

fn claim(row: &Row<'_>) -> rusqlite::Result<Claim> {
    Ok(Claim {
        job: row.get("job")?,
        scope: row.get("scope")?,
        request_id: row.get("request_id")?,
        client: row.get("client")?,
        key: row.get("key")?,
        print: row.get("print")?,
        memo: row.get("memo")?,
        hook: row.get("hook")?,
        asked: row.get("asked")?,
        created: Timestamp(row.get("created")?),
        outcome: row.get("outcome")?,
    })
}

fn hook(row: &Row<'_>) -> rusqlite::Result<Hook> {
    Ok(Hook {
        id: row.get("id")?,
        url: row.get("url")?,
        body: row.get("body")?,
        queued: Timestamp(row.get("queued")?),
        attempts: u32::try_from(count(row, "attempts")?).unwrap_or(u32::MAX),
        last_error: row.get("last_error")?,
    })
}
