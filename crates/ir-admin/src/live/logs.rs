//! `GET /api/logs/stream`: the log as it is written.

use super::{HEARTBEAT, Watch, event, follow, id, resumed};
use crate::admin::{Admin, LogLine};
use crate::authority::Operator;
use crate::body::Query;
use crate::refusal::Refusal;
use crate::words::{Event, LevelName};
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::IntoParams;

/// From the gravest to the least.
const LEVELS: [&str; 5] = ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"];

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LogQuery {
    /// `ERROR`, `WARN`, `INFO` (default), `DEBUG` or `TRACE`: that and what is graver.
    #[param(inline, value_type = Option<LevelName>)]
    level: Option<String>,
}

struct Watcher {
    admin: Arc<Admin>,
    operator: Operator,
    least: usize,
    seen: u64,
    ready: VecDeque<Bytes>,
    _place: OwnedSemaphorePermit,
}

/// The log: `{type: "connected", level}`, then the newest lines, then what is written, and
/// `{type: "lagged", missed}` where lines were missed.
#[utoipa::path(get, path = "/api/logs/stream", tag = "live", params(LogQuery), responses(
    (status = 200, body = Event, content_type = "text/event-stream")))]
pub(super) async fn stream(
    State(admin): State<Arc<Admin>>,
    operator: Operator,
    Query(query): Query<LogQuery>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let level = query.level.unwrap_or_else(|| "INFO".to_owned()).to_ascii_uppercase();
    let least = LEVELS.iter().position(|known| *known == level || (level == "WARNING" && *known == "WARN"));
    let least = least.ok_or_else(|| {
        Refusal::bad("level", "'level' is ERROR, WARN, INFO, DEBUG or TRACE.", "level 须为 ERROR、WARN、INFO、DEBUG 或 TRACE。")
    })?;
    let place = admin.watch()?;
    let seen = resumed(&admin, &headers).unwrap_or_else(|| admin.logs.before_oldest());
    let hello = event(None, None, &json!({"type": "connected", "level": LEVELS[least]}));
    let watcher = Watcher { admin, operator, least, seen, ready: VecDeque::from([hello]), _place: place };
    Ok(follow(watcher))
}

impl Watch for Watcher {
    fn by(&self) -> (&Admin, &Operator) {
        (&self.admin, &self.operator)
    }

    async fn next(&mut self) -> Bytes {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return bytes;
            }
            let batch = self.admin.logs.after(self.seen);
            if batch.missed > 0 {
                self.ready.push_back(event(None, None, &json!({"type": "lagged", "missed": batch.missed})));
                self.seen += batch.missed;
            }
            for (number, line) in batch.items {
                self.seen = number;
                if LEVELS.iter().position(|level| *level == line.level).is_some_and(|level| level <= self.least) {
                    let id = id(&self.admin, number);
                    self.ready.push_back(event(Some(&id), None, &shown(&id, line)));
                }
            }
            if self.ready.is_empty() && tokio::time::timeout(HEARTBEAT, self.admin.logs.wait(self.seen)).await.is_err() {
                return Bytes::from_static(b": still here\n\n");
            }
        }
    }
}

fn shown(id: &str, line: LogLine) -> Value {
    let (year, month, day, hour, minute, second) = line.time.civil();
    let millis = line.time.0.rem_euclid(1000);
    let fields: Map<String, Value> = line.fields.into_iter().map(|(name, value)| (name, value.into())).collect();
    json!({
        "type": "log",
        "id": id,
        "timestamp": format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z"),
        "level": line.level,
        "module": line.module,
        "message": line.message,
        "requestId": line.request_id,
        "fields": fields,
    })
}
