//! Searching the gallery: one index leads to pictures, newest first; the other conditions are
//! looked for picture by picture, and only so far.

use super::words::{Lead, Words};
use super::{ONE_OF, listed};
use crate::error::Result;
use crate::records::{Facet, Facets, GalleryFilter, Listed, Matching};
use crate::repos::{MAX_COUNTED, MAX_LOOK, MAX_PAGE};
use ir_model::Timestamp;
use rusqlite::types::ToSql;
use rusqlite::{Connection, OptionalExtension, Row};

/// Days that are told.
const DAYS: u32 = 366;

/// Pictures that match, with an id below `before`.
pub(super) fn search(db: &Connection, filter: &GalleryFilter, before: Option<i64>, limit: usize) -> Result<Vec<Listed>> {
    let mut found = Vec::new();
    if limit > 0 {
        walk(db, filter, before, |row| {
            found.push(listed(row)?);
            Ok(found.len() < limit)
        })?;
    }
    Ok(found)
}

/// How many match: read off where that is kept, counted in an index, or with words one by one.
pub(super) fn count_matching(db: &Connection, filter: &GalleryFilter) -> Result<Matching> {
    if Words::of(filter.text.as_deref().unwrap_or_default()).is_empty() {
        let pictures = match kept(filter) {
            Some((kind, name)) => facet(db, kind, name)?,
            None => counted(db, filter)?,
        };
        return Ok(Matching { pictures, exact: true });
    }
    let mut pictures = 0;
    let looked = walk(db, filter, None, |_| {
        pictures += 1;
        Ok(pictures <= MAX_COUNTED)
    })?;
    Ok(Matching { pictures: pictures.min(MAX_COUNTED), exact: pictures <= MAX_COUNTED && looked < u64::from(MAX_LOOK) })
}

pub(super) fn facets(db: &Connection) -> Result<Facets> {
    let mut all = db.prepare_cached("SELECT pictures, bytes FROM facets WHERE kind = 'all' AND name = ''")?;
    let (pictures, bytes): (i64, i64) = all.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?.unwrap_or_default();
    let most = "SELECT name, pictures FROM facets WHERE kind = ?1 AND pictures > 0 ORDER BY pictures DESC, name LIMIT ?2";
    let newest = "SELECT name, pictures FROM facets WHERE kind = ?1 AND pictures > 0 AND name <> '' ORDER BY name DESC LIMIT ?2";
    let some = |select: &str, kind: &str, limit: u32| -> Result<Vec<Facet>> {
        let mut select = db.prepare_cached(select)?;
        let rows = select.query_map((kind, limit), |row| Ok(Facet { name: row.get(0)?, pictures: unsigned(row.get(1)?) }))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    };
    Ok(Facets {
        pictures: unsigned(pictures),
        bytes: unsigned(bytes),
        models: some(most, "model", MAX_PAGE)?,
        providers: some(most, "provider", MAX_PAGE)?,
        days: some(newest, "day", DAYS)?,
    })
}

/// How many listed pictures are of a kind, as the gallery's triggers keep it.
pub(super) fn facet(db: &Connection, kind: &str, name: &str) -> Result<u64> {
    let mut select = db.prepare_cached("SELECT pictures FROM facets WHERE kind = ?1 AND name = ?2")?;
    Ok(select.query_row((kind, name), |row| row.get(0)).optional()?.map_or(0, unsigned))
}

/// The facet that a filter asks for, if it asks for one alone.
fn kept(filter: &GalleryFilter) -> Option<(&'static str, &str)> {
    if filter.favorite || filter.from.is_some() || filter.to.is_some() {
        return None;
    }
    match (&filter.model, &filter.provider, &filter.task) {
        (None, None, None) => Some(("all", "")),
        (Some(model), None, None) => Some(("model", model)),
        (None, Some(provider), None) => Some(("provider", provider)),
        (None, None, Some(task)) => Some(("task", task)),
        (Some(_) | None, Some(_) | None, Some(_) | None) => None,
    }
}

/// A count in an index that holds all that is asked for: at a million pictures at most a tenth of a
/// second or so.
fn counted(db: &Connection, filter: &GalleryFilter) -> Result<u64> {
    let kinds = [("model", &filter.model), ("provider", &filter.provider), ("task", &filter.task)];
    let (from, to) = bounds(filter, None);
    let (from_time, to_time) = (filter.from.map_or(i64::MIN, |from| from.0), filter.to.map_or(i64::MAX, |to| to.0));
    let mut values: Vec<&dyn ToSql> = vec![&from, &to];
    let mut conditions = String::new();
    for (column, value) in kinds {
        if let Some(value) = value {
            values.push(value);
            conditions += &format!(" AND {column} = ?{}", values.len());
        }
    }
    let index = match (values.len() > 2, filter.favorite) {
        (true, _) => "gallery_kinds",
        (false, true) => "gallery_favorites",
        (false, false) => "gallery_newest",
    };
    if index == "gallery_newest" {
        // The one in the order of times.
        conditions += " AND created >= ?3 AND created < ?4";
        values.extend([&from_time as &dyn ToSql, &to_time]);
    }
    if filter.favorite {
        conditions += " AND favorite = 1";
    }
    let select = format!("SELECT count(*) FROM gallery INDEXED BY {index} WHERE deleted_at IS NULL AND id >= ?1 AND id < ?2{conditions}");
    let rows: i64 = db.prepare_cached(&select)?.query_row(values.as_slice(), |row| row.get(0))?;
    Ok(unsigned(rows))
}

/// Goes through the pictures that match, newest first, until `take` has enough or [`MAX_LOOK`] were
/// looked at. Answers how many were.
fn walk(db: &Connection, filter: &GalleryFilter, before: Option<i64>, mut take: impl FnMut(&Row<'_>) -> Result<bool>) -> Result<u64> {
    let words = Words::of(filter.text.as_deref().unwrap_or_default());
    let (from, to) = bounds(filter, before);
    let (rows, value) = way(filter, &words);
    let mut select = db.prepare_cached(rows)?;
    let mut values: Vec<&dyn ToSql> = vec![&from, &to, &MAX_LOOK];
    values.extend(value.map(|value| value as &dyn ToSql));
    let mut rows = select.query(values.as_slice())?;
    let mut looked = 0;
    while let Some(row) = rows.next()? {
        looked += 1;
        if is_wanted(row, filter, &words)? && !take(row)? {
            break;
        }
    }
    Ok(looked)
}

/// The pictures that the most telling condition leads to, newest first, and that condition's value.
fn way<'a>(filter: &'a GalleryFilter, words: &'a Words) -> (&'static str, Option<&'a String>) {
    match &words.lead {
        Lead::Trigrams(expression) => {
            let rows = "SELECT gallery.* FROM gallery_words CROSS JOIN gallery ON gallery.id = gallery_words.rowid
                        WHERE gallery_words MATCH ?4 AND gallery_words.rowid >= ?1 AND gallery_words.rowid < ?2
                        ORDER BY gallery_words.rowid DESC LIMIT ?3";
            return (rows, Some(expression));
        }
        Lead::Grams(expression) => {
            let rows = "SELECT gallery.* FROM gallery_grams CROSS JOIN gallery ON gallery.id = gallery_grams.rowid
                        WHERE gallery_grams MATCH ?4 AND gallery_grams.rowid >= ?1 AND gallery_grams.rowid < ?2
                        ORDER BY gallery_grams.rowid DESC LIMIT ?3";
            return (rows, Some(expression));
        }
        Lead::None => {}
    }
    if filter.favorite {
        let rows = "SELECT * FROM gallery INDEXED BY gallery_favorites
                    WHERE favorite = 1 AND deleted_at IS NULL AND id >= ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
        return (rows, None);
    }
    if filter.model.is_some() {
        let rows = "SELECT * FROM gallery INDEXED BY gallery_model
                    WHERE model = ?4 AND deleted_at IS NULL AND id >= ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
        return (rows, filter.model.as_ref());
    }
    if filter.provider.is_some() {
        let rows = "SELECT * FROM gallery INDEXED BY gallery_provider
                    WHERE provider = ?4 AND deleted_at IS NULL AND id >= ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
        return (rows, filter.provider.as_ref());
    }
    if filter.task.is_some() {
        let rows = "SELECT * FROM gallery INDEXED BY gallery_task
                    WHERE task = ?4 AND deleted_at IS NULL AND id >= ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
        return (rows, filter.task.as_ref());
    }
    ("SELECT * FROM gallery NOT INDEXED WHERE deleted_at IS NULL AND id >= ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3", None)
}

/// What every picture is held to, whatever led to it. Times are held by the bounds of the ids.
fn is_wanted(row: &Row<'_>, filter: &GalleryFilter, words: &Words) -> rusqlite::Result<bool> {
    if row.get::<_, Option<i64>>("deleted_at")?.is_some() || (filter.favorite && !row.get::<_, bool>("favorite")?) {
        return Ok(false);
    }
    for (column, condition) in [("model", &filter.model), ("provider", &filter.provider), ("task", &filter.task)] {
        if let Some(value) = condition
            && row.get_ref(column)?.as_str()? != value
        {
            return Ok(false);
        }
    }
    Ok(words.are_in(row.get_ref("prompt")?.as_str()?))
}

/// The first id wanted, and the first that is no longer.
fn bounds(filter: &GalleryFilter, before: Option<i64>) -> (i64, i64) {
    let from = filter.from.map_or(i64::MIN, first_id);
    let to = filter.to.map_or(i64::MAX, first_id);
    (from, to.min(before.unwrap_or(i64::MAX)))
}

/// The smallest id that a picture of this moment can have. Moments beyond 139 years from the epoch
/// share the ids at the ends.
pub(in crate::sqlite) fn first_id(moment: Timestamp) -> i64 {
    const FARTHEST: i64 = 1 << 42;
    moment.0.clamp(-FARTHEST, FARTHEST - 1) * ONE_OF
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
