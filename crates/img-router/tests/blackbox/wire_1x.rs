//! What platforms are asked, beside what 1.x asked of them (`wire-1x.json`, recorded): every request of
//! the recording is sent to the gateway, and each difference must have a reason. The table is
//! `docs/WIRE-1X.md`; `UPDATE_GOLDEN=1` writes it anew.

use crate::client;
use crate::platforms::{BLUE, DOUBAO, GITEE, LEGACY, MODEL_SCOPE, Platform, RED, host};
use crate::support::Setup;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::Full;
use ir_sim::{Dialect, Entry, Recorded, Sim, SimConfig};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Platform, field (an exchange if it begins with a capital), and why it is another now.
const REASONS: &[(&str, &str, &str)] = &[
    (
        "Doubao",
        "sequential_image_generation",
        "`auto` lets the model draw, and bill, more than one picture; only series say it, and some models refuse the parameter",
    ),
    ("Doubao", "stream", "the platform's default; series are streamed, so that a connection that breaks loses no picture"),
    ("Gitee", "Result", "the result of a task is fetched at once, without the key"),
    ("ModelScope", "returnFormat", "sent to every bed, as 1.x did for Pollinations"),
    ("ModelScope", "uploadChannel", "only where the operator chose one: the bed has its own default"),
    ("ModelScope", "authorization", "the form that 1.x used for Pollinations"),
    ("ModelScope", "authcode", "beds take the code here, tokens in `authorization`"),
    ("Pollinations", "uploadFolder", "only where the operator chose one"),
    ("Pollinations", "uploadChannel", "only where the operator chose one: the bed has its own default"),
    ("Pollinations", "authcode", "beds take the code here, tokens in `authorization`"),
];

/// An exchange: its name, and its fields by name.
type Exchanges = BTreeMap<String, BTreeMap<String, String>>;

/// Method and path without what differs from run to run.
fn name(method: &str, path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    if path.starts_with("/out/") || path.starts_with("/pic/") {
        return "Result".to_owned();
    }
    let parts: Vec<&str> = path.split('/').collect();
    let task = parts.iter().position(|part| matches!(*part, "task" | "tasks"));
    match task {
        Some(at) => format!("{method} {}/{{id}}", parts[..=at].join("/")),
        None => format!("{method} {path}"),
    }
}

/// A value without what differs from run to run.
fn plain(field: &str, value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(|item| plain(field, item)).collect::<Vec<_>>().join(", ")),
        Value::String(text) if text.starts_with("data:") => "<picture>".to_owned(),
        Value::String(text) if text.contains('|') => text.split('|').map(|one| plain(field, &one.into())).collect::<Vec<_>>().join("|"),
        Value::String(text) if text.starts_with("http://") => "<address>".to_owned(),
        Value::String(_) | Value::Number(_) if field == "seed" => "<seed>".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn is_told(header: &str) -> bool {
    matches!(header, "authorization" | "authcode") || (header.starts_with("x-") && header != "x-request-id")
}

/// The exchanges of a recording.
fn recorded(case: &Value) -> Exchanges {
    let mut all = Exchanges::new();
    for exchange in case["upstream"].as_array().unwrap() {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let mut fields = BTreeMap::new();
        for (header, value) in exchange["headers"].as_object().unwrap().iter().filter(|(header, _)| is_told(header)) {
            fields.insert(header.clone(), text(value));
        }
        for pair in exchange["query"].as_array().unwrap() {
            fields.insert(text(&pair[0]), plain(pair[0].as_str().unwrap(), &pair[1]));
        }
        for (field, value) in exchange["json"].as_object().into_iter().flatten() {
            fields.insert(field.clone(), plain(field, value));
        }
        for part in exchange["form"].as_array().into_iter().flatten() {
            let value = if part["filename"].is_null() { text(&part["value"]) } else { file(&text(&part["type"])) };
            join(&mut fields, text(&part["name"]), &value);
        }
        all.entry(name(&text(&exchange["method"]), &text(&exchange["path"]))).or_default().extend(fields);
    }
    all
}

fn file(media_type: &str) -> String {
    format!("<file {media_type}>")
}

fn join(fields: &mut BTreeMap<String, String>, name: String, value: &str) {
    fields.entry(name).and_modify(|known| *known = format!("{known}, {value}")).or_insert_with(|| value.to_owned());
}

/// The exchanges of a ledger.
fn asked(entries: &[Entry]) -> Exchanges {
    let mut all = Exchanges::new();
    for entry in entries {
        let url = url::Url::parse(&format!("http://localhost{}", entry.path)).unwrap();
        let mut fields: BTreeMap<String, String> = entry.headers.iter().filter(|(header, _)| is_told(header)).cloned().collect();
        if let Some(key) = &entry.key {
            fields.insert("authorization".to_owned(), format!("Bearer {key}"));
        }
        fields.extend(url.query_pairs().map(|(field, value)| (field.to_string(), plain(&field, &value.as_ref().into()))));
        match &entry.body {
            Recorded::Json { value, .. } => {
                fields.extend(value.as_object().into_iter().flatten().map(|(field, value)| (field.clone(), plain(field, value))));
            }
            Recorded::Form { fields: texts, files } => {
                for (field, value) in texts {
                    join(&mut fields, field.clone(), value);
                }
                for one in files {
                    join(&mut fields, one.name.clone(), &file(one.content_type.as_deref().unwrap_or_default()));
                }
            }
            Recorded::None | Recorded::Other { .. } => {}
        }
        all.entry(name(&entry.method, &entry.path)).or_default().extend(fields);
    }
    all
}

/// The recording's request, with real pictures in the places of the recorded ones.
fn request(case: &Value, key: &str) -> http::Request<Full<bytes::Bytes>> {
    let given = &case["request"];
    let builder = http::Request::post(given["path"].as_str().unwrap()).header("host", "localhost");
    let builder = builder.header("authorization", format!("Bearer {key}"));
    if let Some(parts) = given["form"].as_array() {
        let mut body = Vec::new();
        let mut pictures = [RED, BLUE].into_iter().cycle();
        for part in parts {
            let (name, value) = (part[0].as_str().unwrap(), part[1].as_str().unwrap());
            body.extend_from_slice(format!("--cut\r\ncontent-disposition: form-data; name=\"{name}\"").as_bytes());
            if value.starts_with("<file ") {
                body.extend_from_slice(b"; filename=\"in.png\"\r\ncontent-type: image/png\r\n\r\n");
                body.extend_from_slice(&STANDARD.decode(pictures.next().unwrap().split(',').nth(1).unwrap()).unwrap());
            } else {
                body.extend_from_slice(format!("\r\n\r\n{value}").as_bytes());
            }
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--cut--\r\n");
        return builder.header("content-type", "multipart/form-data; boundary=cut").body(Full::from(body)).unwrap();
    }
    let text = given["json"].to_string().replacen("data:image/png;base64,<bytes>", RED, 1).replace("data:image/png;base64,<bytes>", BLUE);
    builder.header("content-type", "application/json").body(Full::from(text)).unwrap()
}

/// What a platform and the image bed are asked for a recorded request.
async fn replayed(platform: &Platform, case: &Value) -> Exchanges {
    let sim = platform.sim().await;
    let bed = Sim::start(SimConfig { dialect: Dialect::Bed, ..SimConfig::default() }).await.unwrap();
    let setup = platform.add(Setup::new(), &sim);
    let setup = setup
        .env("IMG_ROUTER_ALLOW_PRIVATE", format!("{},{}", host(&sim), host(&bed)))
        .env("IMAGE_BED_BASE_URL", bed.url())
        .env("IMAGE_BED_AUTH_CODE", "bedcode");
    let running = setup.start();
    let answer = client::ask(running.port, request(case, platform.key)).await.unwrap();
    assert_eq!(answer.status, 200, "{}: {}\n{}", case["case"], String::from_utf8_lossy(&answer.body), running.log());
    let mut entries = sim.ledger().entries();
    entries.extend(bed.ledger().entries());
    asked(&entries)
}

/// Platform, exchange, field → 1.x's value, ours, and the cases.
type Differences = BTreeMap<(String, String, String), (String, String, BTreeSet<String>)>;

fn compare(platform: &str, case: &str, theirs: &Exchanges, ours: &Exchanges, out: &mut Differences) {
    let nothing = BTreeMap::new();
    let exchanges: BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
    for exchange in exchanges {
        let mut note = |field: &str, old: &str, new: &str| {
            let key = (platform.to_owned(), exchange.clone(), field.to_owned());
            out.entry(key).or_insert_with(|| (old.to_owned(), new.to_owned(), BTreeSet::new())).2.insert(case.to_owned());
        };
        match (theirs.get(exchange), ours.get(exchange)) {
            (Some(_), None) => note("", "asked", "–"),
            (None, Some(_)) => note("", "–", "asked"),
            (old, new) => {
                let (old, new) = (old.unwrap_or(&nothing), new.unwrap_or(&nothing));
                for field in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
                    let value = |of: &BTreeMap<String, String>| of.get(field).cloned().unwrap_or_else(|| "–".to_owned());
                    if old.get(field) != new.get(field) {
                        note(field, &value(old), &value(new));
                    }
                }
            }
        }
    }
}

fn table(found: &Differences) -> (String, Vec<String>) {
    let mut out = String::from(
        "# What platforms are asked, beside 1.x\n\nWritten by a test that sends every recorded request of 1.x to the gateway and compares what the platforms and the image \
         bed are asked. Values that\ndiffer from run to run are in angle brackets; `–`: absent. Pollinations is compared through its legacy API, the one that 1.x speaks.\n\n\
         | platform | exchange | field | 1.x | now | why |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    let mut unexplained = Vec::new();
    for ((platform, exchange, field), (old, new, cases)) in found {
        let of = if field.is_empty() { exchange } else { field };
        let reason = REASONS.iter().find(|(known, what, _)| known == platform && what == of).map(|(.., why)| *why);
        if reason.is_none() {
            unexplained.push(format!("{platform}, {exchange}, {field}: {old} → {new} ({cases:?})"));
        }
        let cell = |text: &str| if text.is_empty() { String::new() } else { format!("`{}`", text.replace('|', "\\|")) };
        let _ =
            writeln!(out, "| {platform} | {exchange} | {} | {} | {} | {} |", cell(field), cell(old), cell(new), reason.unwrap_or_default());
    }
    (out, unexplained)
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a test's own switch, and a file of the repository")]
async fn every_difference_from_1x_has_its_reason() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("wire-1x.json")).unwrap();
    let mut found = Differences::new();
    for case in &cases {
        let name = case["platform"].as_str().unwrap();
        let platform = [&DOUBAO, &GITEE, &MODEL_SCOPE, &LEGACY].into_iter().find(|platform| platform.name == name).unwrap();
        let ours = replayed(platform, case).await;
        compare(name, case["case"].as_str().unwrap(), &recorded(case), &ours, &mut found);
    }
    let (text, unexplained) = table(&found);
    let used = |platform: &str, what: &str| found.keys().any(|(of, exchange, field)| of == platform && (field == what || exchange == what));
    assert!(REASONS.iter().all(|(platform, what, _)| used(platform, what)), "a reason for no difference");
    assert!(unexplained.is_empty(), "differences without a reason:\n{}", unexplained.join("\n"));
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/WIRE-1X.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), text, "docs/WIRE-1X.md is out of date: run once with UPDATE_GOLDEN=1");
}
