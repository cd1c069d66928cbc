//! What the admin API is, in OpenAPI 3.1: made from the routes' own words.
//!
//! Fields of answers that can be without a value are `null` then, not absent. The derived schemas call
//! them optional all the same; here they are made required, so that types made from the document say
//! what is really sent.

use crate::router::described;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, Info, OpenApi};

/// Fields that are left out where they have nothing to say; of an outcome each action fills its own.
const LEFT_OUT: [(&str, &[&str]); 4] = [
    ("ErrorObject", &["param"]),
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
    serde_json::from_value(document).expect("invariant: only lists of required fields were changed")
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
