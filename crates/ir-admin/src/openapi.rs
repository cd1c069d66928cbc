//! What the admin API is, in OpenAPI 3.1: made from the routes' own words.
//!
//! Fields of answers that can be without a value are `null` then, not absent. The derived schemas call
//! them optional all the same; here they are made required, so that types made from the document say
//! what is really sent.
//!
//! Operations name the statuses that are their own. What the door in front of all of them, the readers of
//! requests and the database can answer is added here, so that no operation forgets it.

use crate::authority::OPEN;
use crate::router::described;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, Info, OpenApi};

/// Fields that are left out where they have nothing to say; of an outcome each action fills its own.
const LEFT_OUT: [(&str, &[&str]); 5] = [
    ("ErrorObject", &["param"]),
    ("Event", &["event", "id"]),
    ("Outcome", &["id", "added", "duplicates", "invalid", "deleted", "items", "test", "results"]),
    ("Tried", &["url"]),
    ("UpdateState", &["_stale"]),
];

/// What the admin API is, in OpenAPI 3.1.
pub fn openapi(version: &str) -> OpenApi {
    let (_, mut api) = described().split_for_parts();
    api.info = Info::new("ImgRouter", version);
    api.info.description = Some(
        "The public API (/v1) takes an access key as a bearer token. The admin API (/api) takes the session's cookie of the panel, or an \
         admin key as a bearer token."
            .to_owned(),
    );
    let components = api.components.get_or_insert_with(Components::new);
    let session = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(crate::session::COOKIE)));
    let key = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    components.add_security_scheme("session", session);
    components.add_security_scheme("adminKey", key);
    let none: [&str; 0] = [];
    api.security = Some(vec![SecurityRequirement::new("session", none), SecurityRequirement::new("adminKey", none)]);
    let mut document = serde_json::to_value(&api).expect("invariant: the document is JSON");
    say_what_is_sent(&mut document);
    say_what_is_refused(&mut document);
    serde_json::from_value(document).expect("invariant: what was added is OpenAPI")
}

/// Of every operation: other sites (403), names that are not ours (421), heads that are refused (400, 414).
const BY_ALL: &[&str] = &["400", "403", "414", "421"];
/// Who is not signed in (401), or guesses (429); the database, which knows the sessions.
const BY_CLOSED: &[&str] = &["401", "429", "500", "503", "507"];
/// Bodies that are slow, large, or no JSON; what is open and takes one looks for guesses and sessions, too.
const BY_BODIES: &[&str] = &["408", "413", "415", "429", "500", "503", "507"];

fn say_what_is_refused(document: &mut Value) {
    let content = json!({"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}});
    document["components"]["responses"] = json!({"Refused": {"description": "Refused or failed; `code` says why", "content": content}});
    for (path, operations) in document["paths"].as_object_mut().into_iter().flatten() {
        for (method, operation) in operations.as_object_mut().into_iter().flatten() {
            let open = OPEN.iter().any(|(known, at)| at == path && known.as_str().eq_ignore_ascii_case(method));
            if open {
                operation["security"] = json!([{}]);
            }
            let by_closed = if open { &[][..] } else { BY_CLOSED };
            let by_bodies = if operation.get("requestBody").is_some() { BY_BODIES } else { &[][..] };
            let own = operation["responses"].as_object().into_iter().flatten().map(|(status, _)| status.clone());
            let mut refused: BTreeSet<String> = own.filter(|status| status.as_str() >= "400").collect();
            refused.extend([BY_ALL, by_closed, by_bodies].concat().into_iter().map(str::to_owned));
            for status in refused {
                operation["responses"][status] = json!({"$ref": "#/components/responses/Refused"});
            }
        }
    }
}

fn say_what_is_sent(document: &mut Value) {
    let (mut sent, mut taken) = (BTreeSet::new(), BTreeSet::new());
    let operations = document["paths"].as_object().into_iter().flatten().flat_map(|(_, path)| path.as_object().into_iter().flatten());
    for (_, operation) in operations {
        gather(document, &operation["responses"], &mut sent);
        gather(document, &operation["requestBody"], &mut taken);
    }
    for name in sent.difference(&taken) {
        let left_out = LEFT_OUT.iter().find(|(schema, _)| schema == name).map_or(&[][..], |(_, fields)| fields);
        require_all(&mut document["components"]["schemas"][name], left_out);
    }
}

/// The names of all schemas that a part of the document leads to.
fn gather(document: &Value, part: &Value, names: &mut BTreeSet<String>) {
    match part {
        Value::Object(members) => {
            if let Some(name) = members.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next())
                && names.insert(name.to_owned())
            {
                gather(document, &document["components"]["schemas"][name], names);
            }
            members.values().for_each(|member| gather(document, member, names));
        }
        Value::Array(items) => items.iter().for_each(|item| gather(document, item, names)),
        _ => {}
    }
}

fn require_all(schema: &mut Value, left_out: &[&str]) {
    if let Some(properties) = schema["properties"].as_object() {
        let names: Vec<String> = properties.keys().filter(|name| !left_out.contains(&name.as_str())).cloned().collect();
        schema["required"] = json!(names);
    }
    for group in ["allOf", "oneOf", "anyOf"] {
        schema[group].as_array_mut().into_iter().flatten().for_each(|part| require_all(part, left_out));
        if schema[group].is_null() {
            schema.as_object_mut().map(|members| members.remove(group));
        }
    }
}
