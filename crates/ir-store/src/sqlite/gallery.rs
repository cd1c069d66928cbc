//! The gallery's table. A picture's id is the millisecond of its creation, shifted, with a count in
//! the bits below: so ids tell the order, and times are ranges of them.

mod search;
mod words;

pub(super) use search::first_id;
pub(super) use words::register;

use super::SqliteStore;
use super::columns::{count, int, list, unreadable};
use super::outbox;
use crate::error::{Result, StoreError};
use crate::records::{Cursor, Facets, GalleryFilter, Listed, Matching, PictureRecord};
use crate::repos::{Gallery, MAX_FOUND_PICTURES, MAX_PAGE};
use async_trait::async_trait;
use ir_model::{Format, Size, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

/// Names looked up by one query: bounds the text that is made of them.
const NAMES: usize = 10_000;
/// Ids of one millisecond.
const ONE_OF: i64 = 1 << 20;

#[async_trait]
impl Gallery for SqliteStore {
    async fn add(&self, picture: PictureRecord) -> Result<()> {
        let now = self.clock.now();
        self.write(move |db| insert(db, &picture, now)).await
    }

    async fn get(&self, name: &str) -> Result<Option<PictureRecord>> {
        let name = name.to_owned();
        self.read(move |db| {
            let mut select = db.prepare_cached("SELECT * FROM gallery WHERE name = ?1 AND deleted_at IS NULL")?;
            Ok(select.query_row([name], record).optional()?)
        })
        .await
    }

    async fn named(&self, names: &[String]) -> Result<Vec<Listed>> {
        let names: Vec<String> = names.iter().take(MAX_PAGE as usize).cloned().collect();
        self.read(move |db| {
            let mut select = db.prepare_cached("SELECT * FROM gallery WHERE name = ?1 AND deleted_at IS NULL")?;
            let found = names.iter().filter_map(|name| select.query_row([name], listed).optional().transpose());
            Ok(found.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn page(&self, cursor: Option<Cursor>, limit: u32) -> Result<Vec<PictureRecord>> {
        let limit = limit.min(MAX_PAGE);
        self.read(move |db| match cursor {
            None => {
                let mut select =
                    db.prepare_cached("SELECT * FROM gallery WHERE deleted_at IS NULL ORDER BY created DESC, name DESC LIMIT ?1")?;
                Ok(select.query_map([limit], record)?.collect::<rusqlite::Result<_>>()?)
            }
            Some(Cursor { created, name }) => {
                let mut select = db.prepare_cached(
                    "SELECT * FROM gallery WHERE deleted_at IS NULL AND (created, name) < (?1, ?2) ORDER BY created DESC, name DESC LIMIT ?3",
                )?;
                Ok(select.query_map((created.0, name, limit), record)?.collect::<rusqlite::Result<_>>()?)
            }
        })
        .await
    }

    async fn search(&self, filter: GalleryFilter, before: Option<i64>, limit: u32) -> Result<Vec<Listed>> {
        let limit = limit.min(MAX_FOUND_PICTURES) as usize;
        self.read(move |db| search::search(db, &filter, before, limit)).await
    }

    async fn count_matching(&self, filter: GalleryFilter) -> Result<Matching> {
        self.read(move |db| search::count_matching(db, &filter)).await
    }

    async fn facets(&self) -> Result<Facets> {
        self.read(search::facets).await
    }

    async fn favorite(&self, names: &[String], favorite: bool) -> Result<u64> {
        let names = names.to_vec();
        self.write(move |db| {
            let mut update = db.prepare_cached("UPDATE gallery SET favorite = ?2 WHERE name = ?1 AND deleted_at IS NULL")?;
            let mut marked = 0;
            for name in &names {
                marked += update.execute((name, favorite))?;
            }
            Ok(u64::try_from(marked).unwrap_or(0))
        })
        .await
    }

    async fn remove(&self, names: &[String], undo_until: Timestamp) -> Result<Vec<String>> {
        let (names, now) = (names.to_vec(), self.clock.now());
        self.write(move |db| {
            let mut update =
                db.prepare_cached("UPDATE gallery SET deleted_at = ?2, undo_until = ?3 WHERE name = ?1 AND deleted_at IS NULL")?;
            let mut hidden = Vec::with_capacity(names.len());
            for name in names {
                if update.execute((&name, now.0, undo_until.0))? > 0 {
                    hidden.push(name);
                }
            }
            Ok(hidden)
        })
        .await
    }

    async fn restore(&self, names: &[String]) -> Result<Vec<String>> {
        let (names, now) = (names.to_vec(), self.clock.now());
        self.write(move |db| {
            let mut update = db.prepare_cached(
                "UPDATE gallery SET deleted_at = NULL, undo_until = NULL WHERE name = ?1 AND undo_until IS NOT NULL RETURNING path",
            )?;
            let mut restored = Vec::with_capacity(names.len());
            for name in names {
                let path: Option<String> = update.query_row([&name], |row| row.get(0)).optional()?;
                let Some(path) = path else { continue };
                // A bucket that was aimed at meanwhile has no row of a picture that was hidden.
                outbox::listed(db, &name, &path, now)?;
                restored.push(name);
            }
            Ok(restored)
        })
        .await
    }

    async fn expire_removed(&self, now: Timestamp, limit: u32) -> Result<Vec<PictureRecord>> {
        let limit = limit.min(MAX_PAGE);
        self.write(move |db| {
            let mut select = db.prepare_cached(
                "SELECT * FROM gallery WHERE undo_until IS NOT NULL AND undo_until <= ?1 ORDER BY undo_until, id LIMIT ?2",
            )?;
            let expired = select.query_map((now.0, limit), record)?.collect::<rusqlite::Result<Vec<_>>>()?;
            let mut update = db.prepare_cached("UPDATE gallery SET undo_until = NULL WHERE name = ?1")?;
            for picture in &expired {
                update.execute([&picture.name])?;
                outbox::removed(db, &picture.name, now)?;
            }
            Ok(expired)
        })
        .await
    }

    async fn removed(&self, limit: u32) -> Result<Vec<PictureRecord>> {
        let limit = limit.min(MAX_PAGE);
        self.read(move |db| {
            let mut select = db.prepare_cached(
                "SELECT * FROM gallery WHERE deleted_at IS NOT NULL AND undo_until IS NULL ORDER BY deleted_at, name LIMIT ?1",
            )?;
            Ok(select.query_map([limit], record)?.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn forget(&self, names: &[String]) -> Result<u64> {
        let names = names.to_vec();
        self.write(move |db| {
            let mut delete = db.prepare_cached("DELETE FROM gallery WHERE name = ?1 AND deleted_at IS NOT NULL AND undo_until IS NULL")?;
            let mut forgotten = 0;
            for name in &names {
                forgotten += delete.execute([name])?;
            }
            Ok(u64::try_from(forgotten).unwrap_or(0))
        })
        .await
    }

    async fn count(&self) -> Result<u64> {
        self.read(|db| search::facet(db, "all", "")).await
    }

    async fn names_missing_from(&self, names: &[String]) -> Result<Vec<String>> {
        let names = names.to_vec();
        self.read(move |db| {
            let mut select = db.prepare_cached(
                "SELECT given.value FROM json_each(?1) AS given
                 WHERE NOT EXISTS (SELECT 1 FROM gallery WHERE gallery.name = given.value) ORDER BY given.key",
            )?;
            let mut missing = Vec::new();
            for some in names.chunks(NAMES) {
                for name in select.query_map([list(some)], |row| row.get(0))? {
                    missing.push(name?);
                }
            }
            Ok(missing)
        })
        .await
    }
}

/// Lists a picture and queues its copy; see [`Gallery::add`].
pub(super) fn insert(db: &Connection, picture: &PictureRecord, now: Timestamp) -> Result<()> {
    let first = search::first_id(picture.created);
    let mut last = db.prepare_cached("SELECT max(id) FROM gallery WHERE id >= ?1 AND id < ?2")?;
    let last: Option<i64> = last.query_row((first, first.saturating_add(ONE_OF)), |row| row.get(0))?;
    let mut insert = db.prepare_cached(
        "INSERT INTO gallery (id, name, path, sha256, bytes, format, width, height, prompt, revised_prompt, model, provider, task, created,
                              request_id, client)
         VALUES (:id, :name, :path, :sha256, :bytes, :format, :width, :height, :prompt, :revised_prompt, :model, :provider, :task, :created,
                 :request_id, :client)
         ON CONFLICT (name) DO NOTHING",
    )?;
    let rows = insert.execute(named_params! {
        ":id": last.map_or(first, |last| last.saturating_add(1)),
        ":name": picture.name,
        ":path": picture.path,
        ":sha256": picture.sha256,
        ":bytes": int(picture.bytes),
        ":format": picture.format.openai_name(),
        ":width": picture.size.width,
        ":height": picture.size.height,
        ":prompt": picture.prompt,
        ":revised_prompt": picture.revised_prompt,
        ":model": picture.model,
        ":provider": picture.provider,
        ":task": picture.task,
        ":created": picture.created.0,
        ":request_id": picture.request_id,
        ":client": picture.client,
    })?;
    if rows > 0 {
        return outbox::listed(db, &picture.name, &picture.path, now);
    }
    let mut select = db.prepare_cached("SELECT sha256 = ?2 FROM gallery WHERE name = ?1")?;
    let same: bool = select.query_row((&picture.name, &picture.sha256), |row| row.get(0))?;
    if same { Ok(()) } else { Err(StoreError::Duplicate { what: format!("another picture named '{}'", picture.name) }) }
}

fn listed(row: &Row<'_>) -> rusqlite::Result<Listed> {
    Ok(Listed { id: row.get("id")?, picture: record(row)?, favorite: row.get("favorite")? })
}

fn record(row: &Row<'_>) -> rusqlite::Result<PictureRecord> {
    let format: String = row.get("format")?;
    Ok(PictureRecord {
        name: row.get("name")?,
        path: row.get("path")?,
        sha256: row.get("sha256")?,
        bytes: count(row, "bytes")?,
        format: Format::from_name(&format).ok_or_else(|| unreadable("format", format!("unknown '{format}'")))?,
        size: Size::new(row.get("width")?, row.get("height")?),
        prompt: row.get("prompt")?,
        revised_prompt: row.get("revised_prompt")?,
        model: row.get("model")?,
        provider: row.get("provider")?,
        task: row.get("task")?,
        created: Timestamp(row.get("created")?),
        request_id: row.get("request_id")?,
        client: row.get("client")?,
    })
}
