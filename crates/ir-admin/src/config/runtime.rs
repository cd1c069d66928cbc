//! `/api/runtime-config`: the configuration file, and changes of it.

use crate::admin::Admin;
use crate::authority::Operator;
use crate::body::{Answer, Json};
use crate::refusal::{ErrorBody, Refusal};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{ETAG, IF_MATCH};
use http::{HeaderMap, HeaderValue};
use ir_settings::MASK;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use utoipa::ToSchema;

/// What a change came to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Changed {
    ok: bool,
    /// The configuration file, its secrets masked.
    #[schema(value_type = Object)]
    config: Value,
    etag: String,
    /// The port that is listened at from now on.
    port: u16,
}

/// The configuration file, its secrets masked.
#[utoipa::path(get, path = "/api/runtime-config", tag = "configuration", responses(
    (status = 200, body = Object, headers(("etag" = String)))))]
pub(super) async fn read(State(admin): State<Arc<Admin>>) -> Response {
    let (config, etag) = admin.settings.stored();
    tagged(Answer(config).into_response(), &etag)
}

/// Changes the configuration: a merge patch, or the two forms of 1.x, `{provider, enabled}` and
/// `{provider, task, defaults}`. Judged whole: nothing is changed when a part does not fit.
#[utoipa::path(post, path = "/api/runtime-config", tag = "configuration", request_body(content = Object), responses(
    (status = 200, body = Changed, headers(("etag" = String))), (status = 409, body = ErrorBody), (status = 412, body = ErrorBody)))]
pub(super) async fn change(
    State(admin): State<Arc<Admin>>,
    operator: Operator,
    headers: HeaderMap,
    Json(change): Json<Value>,
) -> Result<Response, Refusal> {
    let patch = from_1x(change)?;
    keeps_the_password(&patch)?;
    let expected = headers.get(IF_MATCH).and_then(|tag| tag.to_str().ok()).map(|tag| tag.trim_matches('"')).filter(|tag| *tag != "*");
    let outcome = admin.change(&patch, expected).await;
    let told = paths(&patch);
    admin.audit(&operator.who, "change settings", &told, outcome.as_ref().map_or_else(Refusal::code, |_| "ok")).await;
    let port = outcome?;
    let (config, etag) = admin.settings.stored();
    let answer = Answer(Changed { ok: true, config, etag: etag.clone(), port }).into_response();
    Ok(tagged(answer, &etag))
}

/// A password is changed where the present one is asked for, and all sessions end with it: a session that
/// somebody else got hold of opens nothing beyond its end.
fn keeps_the_password(patch: &Value) -> Result<(), Refusal> {
    let touches = |name: &str| patch["security"].get(name).is_some_and(|value| value != MASK);
    let path = match &patch["security"] {
        Value::Null if patch.get("security").is_some() => "security",
        _ if touches("adminPasswordHash") => "security.adminPasswordHash",
        _ if touches("adminPassword") => "security.adminPassword",
        _ => return Ok(()),
    };
    Err(Refusal::bad(path, "The password is changed by POST /api/password.", "密码须通过 POST /api/password 修改。"))
}

fn tagged(mut response: Response, etag: &str) -> Response {
    let tag = HeaderValue::from_str(&format!("\"{etag}\"")).expect("invariant: tags are hexadecimal");
    response.headers_mut().insert(ETAG, tag);
    response
}

/// The forms of 1.x as merge patches.
fn from_1x(change: Value) -> Result<Value, Refusal> {
    let Value::Object(members) = &change else { return Ok(change) };
    let Some(provider) = members.get("provider") else { return Ok(change) };
    let unknown = members.keys().find(|name| !matches!(name.as_str(), "provider" | "enabled" | "task" | "defaults"));
    if let Some(unknown) = unknown {
        return Err(Refusal::bad(unknown, "This field does not belong to this form of change.", "该字段不属于此修改形式。"));
    }
    let provider =
        provider.as_str().ok_or_else(|| Refusal::bad("provider", "'provider' is a platform's name.", "provider 须为平台名称。"))?;
    let mut own = Map::new();
    if let Some(enabled) = members.get("enabled") {
        own.insert("enabled".to_owned(), enabled.clone());
    }
    match (members.get("task"), members.get("defaults")) {
        (Some(Value::String(task)), Some(defaults)) => {
            own.insert(task.clone(), defaults.clone());
        }
        (None, None) => {}
        (_, Some(_)) => return Err(Refusal::bad("task", "'task' is text, edit or blend.", "task 须为 text、edit 或 blend。")),
        (Some(_), None) => return Err(Refusal::bad("defaults", "'defaults' is missing.", "缺少 defaults。")),
    }
    Ok(json!({"providers": {provider: own}}))
}

/// The paths that a patch touches, without values: they may be secrets. At most a few.
fn paths(patch: &Value) -> String {
    fn walk(value: &Value, above: &str, out: &mut Vec<String>) {
        match value {
            Value::Object(members) if !members.is_empty() => {
                for (name, value) in members {
                    walk(value, &if above.is_empty() { name.clone() } else { format!("{above}.{name}") }, out);
                }
            }
            _ => out.push(above.to_owned()),
        }
    }
    let mut all = Vec::new();
    walk(patch, "", &mut all);
    let more = all.len().saturating_sub(8);
    all.truncate(8);
    if more > 0 { format!("{} and {more} more", all.join(", ")) } else { all.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_1x_are_patches() {
        let rows = [
            (json!({"system": {"port": 1}}), Ok(json!({"system": {"port": 1}}))),
            (json!({"provider": "Gitee", "enabled": false}), Ok(json!({"providers": {"Gitee": {"enabled": false}}}))),
            (
                json!({"provider": "Gitee", "task": "text", "defaults": {"weight": 3}}),
                Ok(json!({"providers": {"Gitee": {"text": {"weight": 3}}}})),
            ),
            (json!({"provider": "Gitee", "task": "text"}), Err("defaults")),
            (json!({"provider": "Gitee", "defaults": {}}), Err("task")),
            (json!({"provider": 1}), Err("provider")),
            (json!({"provider": "Gitee", "system": {}}), Err("system")),
        ];
        for (given, wanted) in rows {
            let got = from_1x(given.clone());
            match wanted {
                Ok(patch) => assert_eq!(got.unwrap(), patch),
                Err(param) => assert!(format!("{:?}", got.unwrap_err()).contains(param), "{given}"),
            }
        }
    }

    #[test]
    fn a_password_is_no_setting() {
        for (patch, param) in [
            (json!({"security": {"adminPasswordHash": "x"}}), Some("security.adminPasswordHash")),
            (json!({"security": {"adminPasswordHash": null}}), Some("security.adminPasswordHash")),
            (json!({"security": {"adminPassword": "a new password"}}), Some("security.adminPassword")),
            (json!({"security": {"adminPassword": null}}), Some("security.adminPassword")),
            (json!({"security": null}), Some("security")),
            (json!({"security": {"adminPasswordHash": MASK, "adminPassword": MASK, "adminKey": "k"}}), None),
            (json!({"system": {"port": 1}}), None),
            (json!([1]), None),
        ] {
            match (keeps_the_password(&patch), param) {
                (Ok(()), None) => {}
                (Err(refusal), Some(param)) => assert!(format!("{refusal:?}").contains(param), "{patch}"),
                (other, _) => panic!("{patch}: {other:?}"),
            }
        }
    }

    #[test]
    fn the_audit_log_is_told_paths_and_no_values() {
        let told = paths(&json!({"system": {"globalAccessKey": "sk-canary", "port": 1}, "hfModelMap": {}}));
        assert_eq!(told, "hfModelMap, system.globalAccessKey, system.port");
    }
}
