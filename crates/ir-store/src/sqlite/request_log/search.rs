//! Searching the request log: an index leads to the rows of one condition, newest first; the other
//! conditions are looked for row by row, and only so far.

use super::super::text::fold;
use super::{record, with_attempts};
use crate::error::Result;
use crate::records::{RequestFilter, RequestRecord};
use crate::repos::MAX_LOOK;
use rusqlite::types::ToSql;
use rusqlite::{Connection, OptionalExtension, Row};

/// How long after its beginning a request is appended at the latest: the longest deadline
/// (`routing.deadline`, one hour), and as much again.
const LATEST_MS: i64 = 2 * 3_600_000;

pub(super) fn search(db: &Connection, filter: &RequestFilter, before: Option<i64>, limit: usize) -> Result<Vec<RequestRecord>> {
    let wanted = Wanted { filter, text: filter.text.as_deref().map(|text| fold(text.trim())).filter(|text| !text.is_empty()) };
    let (after, before) = bounds(db, filter, before.unwrap_or(i64::MAX))?;
    let (rows, value) = way(filter);
    let mut select = db.prepare_cached(rows)?;
    let mut values: Vec<&dyn ToSql> = vec![&after, &before, &MAX_LOOK];
    values.extend(value.map(|value| value as &dyn ToSql));
    let mut rows = select.query(values.as_slice())?;
    let mut found: Vec<RequestRecord> = Vec::new();
    while found.len() < limit
        && let Some(row) = rows.next()?
    {
        // A key that was used twice for a request leads to it twice.
        let again = found.last().is_some_and(|last| last.id == row.get("id").ok());
        if !again && wanted.is(row)? {
            found.push(record(row)?);
        }
    }
    found.into_iter().map(|record| with_attempts(db, record)).collect()
}

/// The rows that the most telling condition leads to, newest first, and that condition's value.
fn way(filter: &RequestFilter) -> (&'static str, Option<&String>) {
    if filter.key.is_some() {
        let rows = "SELECT requests.* FROM request_attempts AS tried INDEXED BY request_attempts_key
                    CROSS JOIN requests ON requests.id = tried.request
                    WHERE tried.key = ?4 AND tried.request > ?1 AND tried.request < ?2 ORDER BY tried.request DESC LIMIT ?3";
        return (rows, filter.key.as_ref());
    }
    if filter.ok == Some(false) {
        let rows = "SELECT * FROM requests INDEXED BY requests_failed
                    WHERE outcome <> 'ok' AND id > ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
        return (rows, None);
    }
    if filter.client.is_some() {
        let rows = "SELECT * FROM requests INDEXED BY requests_client
                    WHERE client = ?4 AND id > ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
        return (rows, filter.client.as_ref());
    }
    if filter.model.is_some() {
        let rows = "SELECT * FROM requests INDEXED BY requests_model
                    WHERE model = ?4 AND id > ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
        return (rows, filter.model.as_ref());
    }
    if filter.provider.is_some() {
        let rows = "SELECT * FROM requests INDEXED BY requests_provider
                    WHERE provider = ?4 AND id > ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
        return (rows, filter.provider.as_ref());
    }
    if filter.task.is_some() {
        let rows = "SELECT * FROM requests INDEXED BY requests_task
                    WHERE task = ?4 AND id > ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
        return (rows, filter.task.as_ref());
    }
    ("SELECT * FROM requests NOT INDEXED WHERE id > ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3", None)
}

/// Ids between which all rows of the times asked for lie. A row of a time that is past by more than
/// [`LATEST_MS`] was appended before anything of now began, so its id is a bound.
fn bounds(db: &Connection, filter: &RequestFilter, before: i64) -> Result<(i64, i64)> {
    let (mut after, mut before) = (i64::MIN, before);
    if let Some(from) = filter.from {
        let mut select = db.prepare_cached("SELECT id FROM requests WHERE time <= ?1 ORDER BY time DESC LIMIT 1")?;
        let id: Option<i64> = select.query_row([from.0.saturating_sub(LATEST_MS)], |row| row.get(0)).optional()?;
        after = id.unwrap_or(after);
    }
    if let Some(to) = filter.to {
        let mut select = db.prepare_cached("SELECT id FROM requests WHERE time >= ?1 ORDER BY time LIMIT 1")?;
        let id: Option<i64> = select.query_row([to.0.saturating_add(LATEST_MS)], |row| row.get(0)).optional()?;
        before = id.map_or(before, |id| before.min(id));
    }
    Ok((after, before))
}

/// What every row is held to, whatever led to it. The key is what led to it.
struct Wanted<'a> {
    filter: &'a RequestFilter,
    text: Option<String>,
}

impl Wanted<'_> {
    fn is(&self, row: &Row<'_>) -> rusqlite::Result<bool> {
        let filter = self.filter;
        let time: i64 = row.get("time")?;
        if filter.from.is_some_and(|from| time < from.0) || filter.to.is_some_and(|to| time >= to.0) {
            return Ok(false);
        }
        if let Some(ok) = filter.ok
            && ok != (row.get_ref("outcome")?.as_str()? == "ok")
        {
            return Ok(false);
        }
        let conditions = [("provider", &filter.provider), ("model", &filter.model), ("task", &filter.task), ("client", &filter.client)];
        for (column, condition) in conditions {
            if let Some(value) = condition
                && row.get_ref(column)?.as_str_or_null()? != Some(value)
            {
                return Ok(false);
            }
        }
        let Some(text) = &self.text else { return Ok(true) };
        Ok(fold(row.get_ref("prompt")?.as_str()?).contains(text) || fold(row.get_ref("request_id")?.as_str()?).contains(text))
    }
}
