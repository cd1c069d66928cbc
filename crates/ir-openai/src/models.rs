//! `GET /v1/models` and `GET /v1/models/{id}`: from memory, no platform is asked.

use crate::answer::json_response;
use crate::api::{Api, identify_head};
use crate::compose::Composer;
use crate::entry::{Answer, reader_of, refuse, serve, stamped};
use crate::language::echo;
use crate::rules::Rules;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use http::Response;
use ir_engine::{Engine, ModelInfo};
use ir_model::{Caller, Class, Fault, Task};
use serde_json::{Value, json};
use std::sync::Arc;

/// All models.
pub(crate) async fn list(State(api): State<Arc<Api>>, request: Request) -> Response<Body> {
    open(api, request, |engine, caller| {
        let data: Vec<Value> = engine.models(caller).iter().map(model).collect();
        Ok(document(&json!({"object": "list", "data": data})))
    })
    .await
}

/// One model; its id may hold `/`.
pub(crate) async fn one(State(api): State<Arc<Api>>, id: Result<Path<String>, PathRejection>, request: Request) -> Response<Body> {
    open(api, request, |engine, caller| {
        let id = id.map(|Path(id)| id).unwrap_or_default();
        match engine.models(caller).iter().find(|info| info.id == id) {
            Some(info) => Ok(document(&model(info))),
            None => Err(unknown(&id).into()),
        }
    })
    .await
}

/// Without a key unless the setting `modelsRequireKey` wants one: several clients ask without. A key
/// that is given, and good, tells which platforms could serve its caller.
async fn open(api: Arc<Api>, request: Request, answer: impl FnOnce(&Engine, Option<&Caller>) -> Answer) -> Response<Body> {
    if Rules::of(&api.engine().snapshot().settings).models_require_key {
        return serve(api, request, |entry, _, _| async move { answer(&entry.engine, Some(&entry.caller)) }).await;
    }
    let (parts, _) = request.into_parts();
    let reader = reader_of(&parts, api.engine());
    let caller = identify_head(&api, &parts).await.ok();
    match answer(api.engine(), caller.as_ref()) {
        Ok(response) => stamped(response, &reader),
        Err(refusal) => refuse(&refusal, &reader),
    }
}

fn unknown(id: &str) -> Fault {
    let id = echo(id);
    Fault::new(Class::ModelNotFound).param("model").say(
        format!("There is no model \"{id}\". GET /v1/models lists what there is."),
        format!("没有模型 \"{id}\"，可用模型见 GET /v1/models。"),
    )
}

fn model(info: &ModelInfo) -> Value {
    let tasks: Vec<&str> = info.tasks.iter().copied().map(Task::name).collect();
    json!({
        "id": info.id,
        "object": "model",
        "created": info.created,
        "owned_by": info.owner,
        "capabilities": {"tasks": tasks, "sizes": info.sizes, "max_n": info.max_n},
    })
}

fn document(value: &Value) -> Response<Body> {
    let mut out = Composer::default();
    out.value(value);
    json_response(out.finish())
}
