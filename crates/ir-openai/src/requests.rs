//! `GET /v1/images/requests/{id}`: a request that its caller comes back to, whether it was answered
//! later on purpose or its connection broke. The answer is the one that it would have had; before that
//! 202, or the events as they come for those who accept `text/event-stream`.

use crate::api::Api;
use crate::entry::{Answer, Entry, serve};
use crate::order::{Show, again};
use crate::responses_memory::Given;
use crate::shape::{Shape, Today};
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use http::Response;
use http::request::Parts;
use ir_model::{Fault, Gate, RequestId};
use std::sync::Arc;

/// One request of the caller.
pub(crate) async fn one(State(api): State<Arc<Api>>, id: Result<Path<String>, PathRejection>, request: Request) -> Response<Body> {
    let given = Arc::clone(&api.given);
    let id = id.map(|Path(id)| id).unwrap_or_default();
    serve(api, request, |entry, parts, _| async move { pick_up(entry, &parts, &id, &given).await }).await
}

async fn pick_up(entry: Entry, parts: &Parts, id: &str, given: &Arc<Given>) -> Answer {
    let unknown = || {
        Fault::gate(
            Gate::NotFound,
            "There is no request of this id: requests are kept for 24 hours, for the key that they were made with.",
            "没有此编号的请求：请求保留 24 小时，且只能用发起时的密钥查询。",
        )
        .param("id")
    };
    let id = RequestId::parse(id).ok_or_else(unknown)?;
    let found = entry.engine.pick_up(&entry.caller, &id).await?.ok_or_else(unknown)?;
    let clock = entry.engine.clock().clone();
    let given = given.to(&entry.engine.scope(&entry.caller));
    let today = Today { rules: &entry.rules, reader: &entry.reader, given: &given, clock: &clock };
    let shape = Shape::of_memo(&found.memo, &today).ok_or_else(unknown)?;
    let show = Show { shape, engine: entry.engine.clone(), created: found.created, asked: found.asked, keep_alive: false };
    again(show, found.drawing, &parts.headers, entry.reader).await
}
