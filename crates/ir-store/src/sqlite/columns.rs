//! How values stand in columns.

use ir_model::Charge;
use rusqlite::Row;
use rusqlite::types::Type;

/// A count; above 2⁶³−1 that.
pub(super) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A count back; nobody writes negative ones.
pub(super) fn count(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}

/// A list of texts as JSON.
pub(super) fn list(texts: &[String]) -> String {
    serde_json::to_string(texts).expect("a list of texts is always JSON")
}

/// A list back.
pub(super) fn get_list(row: &Row<'_>, column: &str) -> rusqlite::Result<Vec<String>> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| unreadable(column, error))
}

/// One of a few names back as what it names.
pub(super) fn one_of<T: Copy>(row: &Row<'_>, column: &str, all: &[T], name: fn(T) -> &'static str) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    all.iter().copied().find(|value| name(*value) == text).ok_or_else(|| unreadable(column, format!("unknown '{text}'")))
}

/// As `one_of`, where nothing may stand.
pub(super) fn charge(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Charge>> {
    match row.get::<_, Option<String>>(column)? {
        None => Ok(None),
        Some(_) => one_of(row, column, &[Charge::No, Charge::Maybe, Charge::Yes], charge_name).map(Some),
    }
}

/// The name in the database.
pub(super) fn charge_name(charge: Charge) -> &'static str {
    match charge {
        Charge::No => "no",
        Charge::Maybe => "maybe",
        Charge::Yes => "yes",
    }
}

/// A row that no version of ours can have written.
pub(super) fn unreadable(column: &str, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> rusqlite::Error {
    let why = format!("column '{column}': {}", why.into());
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, why.into())
}
