//! `GET /api/events`: requests as they end, pictures, states of keys and platforms.

use super::{HEARTBEAT, Watch, event, follow, id, resumed};
use crate::admin::Admin;
use crate::authority::Operator;
use crate::gallery::item;
use crate::refusal::Refusal;
use crate::requests::{labels, row};
use crate::words::Event;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;
use ir_engine::Told;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

struct Watcher {
    admin: Arc<Admin>,
    operator: Operator,
    seen: u64,
    ready: VecDeque<Bytes>,
    _place: OwnedSemaphorePermit,
}

/// What happens: `hello`, then `request`, `picture`, `key`, `breaker`, `config`, and `lagged` with
/// the number of events that were missed.
#[utoipa::path(get, path = "/api/events", tag = "live", responses(
    (status = 200, body = Event, content_type = "text/event-stream")))]
pub(super) async fn events(State(admin): State<Arc<Admin>>, operator: Operator, headers: HeaderMap) -> Result<Response, Refusal> {
    let place = admin.watch()?;
    let seen = resumed(&admin, &headers).unwrap_or_else(|| admin.engine.feed().newest());
    let hello = event(Some(&id(&admin, seen)), Some("hello"), &json!({}));
    let watcher = Watcher { admin, operator, seen, ready: VecDeque::from([hello]), _place: place };
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
            let batch = self.admin.engine.feed().after(self.seen);
            if batch.missed > 0 {
                self.ready.push_back(event(None, Some("lagged"), &json!({"missed": batch.missed})));
                self.seen += batch.missed;
            }
            for (number, told) in batch.items {
                self.seen = number;
                if let Some((name, data)) = self.shown(told).await {
                    self.ready.push_back(event(Some(&id(&self.admin, number)), Some(name), &data));
                }
            }
            if self.ready.is_empty() {
                let feed = self.admin.engine.feed();
                if tokio::time::timeout(HEARTBEAT, feed.wait(self.seen)).await.is_err() {
                    return Bytes::from_static(b": still here\n\n");
                }
            }
        }
    }
}

impl Watcher {
    async fn shown(&self, told: Told) -> Option<(&'static str, Value)> {
        match told {
            Told::Request(record) => {
                let labels = labels(&self.admin).await.unwrap_or_default();
                Some(("request", serde_json::to_value(row((*record).clone(), &labels)).ok()?))
            }
            Told::Picture(picture) => Some(("picture", serde_json::to_value(item((*picture).clone(), false)).ok()?)),
            Told::Key(key) => {
                let keys = crate::keys::all(&self.admin).await.ok()?;
                Some(("key", serde_json::to_value(keys.into_iter().find(|known| known.id == key.0)?).ok()?))
            }
            Told::Breaker { provider, open, .. } => {
                Some(("breaker", json!({"provider": provider, "state": if open { "open" } else { "closed" }})))
            }
            Told::Changed => Some(("config", json!({"etag": self.admin.settings.stored().1}))),
        }
    }
}
