//! The tables of the panel's authority.

use super::SqliteStore;
use super::text::cut;
use crate::error::Result;
use crate::records::{AuditRecord, SessionRecord};
use crate::repos::{AdminRepo, MAX_AUDIT, MAX_AUDIT_PAGE, MAX_AUDIT_TEXT, MAX_SESSIONS};
use async_trait::async_trait;
use ir_model::Timestamp;
use rusqlite::{OptionalExtension, Row, named_params};

/// How old a note of a session's use must be to be written anew.
const TOUCH_MS: i64 = 60_000;

#[async_trait]
impl AdminRepo for SqliteStore {
    async fn create_session(&self, session: SessionRecord) -> Result<()> {
        self.write(move |db| {
            db.prepare_cached(
                "INSERT INTO sessions (id, token_hash, created, last_seen, expires, address, user_agent)
                 VALUES (:id, :token_hash, :created, :last_seen, :expires, :address, :user_agent)",
            )?
            .execute(named_params! {
                ":id": session.id,
                ":token_hash": session.token_hash,
                ":created": session.created.0,
                ":last_seen": session.last_seen.0,
                ":expires": session.expires.0,
                ":address": cut(&session.address, MAX_AUDIT_TEXT),
                ":user_agent": cut(&session.user_agent, MAX_AUDIT_TEXT),
            })?;
            // The new one stays, whatever the clock says.
            db.prepare_cached(
                "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE id <> ?1 ORDER BY created DESC, id LIMIT -1 OFFSET ?2)",
            )?
            .execute((&session.id, MAX_SESSIONS - 1))?;
            Ok(())
        })
        .await
    }

    async fn find_session(&self, token_hash: &[u8], now: Timestamp) -> Result<Option<SessionRecord>> {
        let token_hash = token_hash.to_vec();
        self.read(move |db| {
            let mut select = db.prepare_cached("SELECT * FROM sessions WHERE token_hash = ?1 AND expires > ?2")?;
            Ok(select.query_row((token_hash, now.0), session).optional()?)
        })
        .await
    }

    async fn session(&self, id: &str) -> Result<Option<SessionRecord>> {
        let id = id.to_owned();
        self.read(move |db| Ok(db.prepare_cached("SELECT * FROM sessions WHERE id = ?1")?.query_row([id], session).optional()?)).await
    }

    async fn touch_session(&self, id: &str, now: Timestamp) -> Result<bool> {
        let id = id.to_owned();
        let asked = id.clone();
        let seen: Option<i64> = self
            .read(move |db| {
                let mut select = db.prepare_cached("SELECT last_seen FROM sessions WHERE id = ?1")?;
                Ok(select.query_row([asked], |row| row.get(0)).optional()?)
            })
            .await?;
        match seen {
            None => Ok(false),
            Some(seen) if now.0.saturating_sub(seen) < TOUCH_MS => Ok(true),
            Some(_) => {
                self.write(move |db| {
                    let mut update = db.prepare_cached("UPDATE sessions SET last_seen = max(last_seen, ?2) WHERE id = ?1")?;
                    Ok(update.execute((id, now.0))? > 0)
                })
                .await
            }
        }
    }

    async fn sessions(&self, now: Timestamp) -> Result<Vec<SessionRecord>> {
        self.read(move |db| {
            let mut select = db.prepare_cached("SELECT * FROM sessions WHERE expires > ?1 ORDER BY last_seen DESC, id LIMIT ?2")?;
            Ok(select.query_map((now.0, MAX_SESSIONS), session)?.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn delete_session(&self, id: &str) -> Result<bool> {
        let id = id.to_owned();
        self.write(move |db| Ok(db.prepare_cached("DELETE FROM sessions WHERE id = ?1")?.execute([id])? > 0)).await
    }

    async fn delete_other_sessions(&self, but: Option<&str>) -> Result<u64> {
        let but = but.map(str::to_owned);
        self.write(move |db| {
            let ended = db.prepare_cached("DELETE FROM sessions WHERE id IS NOT ?1")?.execute([but])?;
            Ok(u64::try_from(ended).unwrap_or(0))
        })
        .await
    }

    async fn prune_sessions(&self, now: Timestamp) -> Result<u64> {
        self.write(move |db| {
            let ended = db.prepare_cached("DELETE FROM sessions WHERE expires <= ?1")?.execute([now.0])?;
            Ok(u64::try_from(ended).unwrap_or(0))
        })
        .await
    }

    async fn add_audit(&self, records: Vec<AuditRecord>) -> Result<()> {
        self.write(move |db| {
            let mut insert = db.prepare_cached(
                "INSERT INTO audit (time, actor, address, action, target, outcome)
                 VALUES (:time, :actor, :address, :action, :target, :outcome)",
            )?;
            for record in &records {
                insert.execute(named_params! {
                    ":time": record.time.0,
                    ":actor": cut(&record.actor, MAX_AUDIT_TEXT),
                    ":address": cut(&record.address, MAX_AUDIT_TEXT),
                    ":action": cut(&record.action, MAX_AUDIT_TEXT),
                    ":target": cut(&record.target, MAX_AUDIT_TEXT),
                    ":outcome": cut(&record.outcome, MAX_AUDIT_TEXT),
                })?;
            }
            // Ids have no gaps: what is undone gives its ids back.
            db.prepare_cached("DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?1")?.execute([MAX_AUDIT])?;
            Ok(())
        })
        .await
    }

    async fn audit(&self, before: Option<i64>, limit: u32) -> Result<Vec<AuditRecord>> {
        let limit = limit.min(MAX_AUDIT_PAGE);
        self.read(move |db| {
            let mut select = db.prepare_cached("SELECT * FROM audit WHERE id < ?1 ORDER BY id DESC LIMIT ?2")?;
            let rows = select.query_map((before.unwrap_or(i64::MAX), limit), |row| {
                Ok(AuditRecord {
                    id: Some(row.get("id")?),
                    time: Timestamp(row.get("time")?),
                    actor: row.get("actor")?,
                    address: row.get("address")?,
                    action: row.get("action")?,
                    target: row.get("target")?,
                    outcome: row.get("outcome")?,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }
}

fn session(row: &Row<'_>) -> rusqlite::Result<SessionRecord> {
    Ok(SessionRecord {
        id: row.get("id")?,
        token_hash: row.get("token_hash")?,
        created: Timestamp(row.get("created")?),
        last_seen: Timestamp(row.get("last_seen")?),
        expires: Timestamp(row.get("expires")?),
        address: row.get("address")?,
        user_agent: row.get("user_agent")?,
    })
}
