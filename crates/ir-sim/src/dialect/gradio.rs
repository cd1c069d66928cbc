//! A Space with Gradio 5: two functions behind the queue protocol, files by path.

use http::Method;
use http::request::Parts;
use serde_json::{Value, json};

use super::{Manners, Refused, Scene, Visit, inputs, nowhere};
use crate::answer::{Draft, PAGE};
use crate::behaviour::ErrorBody;
use crate::intake::Asked;
use crate::shelf::Chore;

/// A Space. What goes wrong while drawing is told in the stream of the session, not by a status.
pub(crate) struct Gradio;

/// Where the Space keeps its files.
const CACHE: &str = "/tmp/gradio/";

impl Manners for Gradio {
    fn paths(&self) -> &'static [&'static str] {
        &[
            "GET /config",
            "GET /gradio_api/info",
            "POST /gradio_api/upload",
            "POST /gradio_api/queue/join",
            "GET /gradio_api/queue/data?session_hash={session}",
            "GET /gradio_api/file={path}",
            "POST /gradio_api/cancel",
            "GET /api/spaces/{id}",
        ]
    }

    fn cases(&self) -> &'static [&'static str] {
        &["queue-full", "zero-gpu", "error", "sleeping", "progress"]
    }

    fn draws(&self, method: &Method, path: &str) -> bool {
        method == Method::POST && path.ends_with("/gradio_api/queue/join")
    }

    fn complete(&self, _head: &Parts, asked: &mut Asked) {
        let data = asked.parcel.json.get("data").and_then(Value::as_array);
        asked.prompt = data.and_then(|data| data.iter().find_map(Value::as_str)).map(str::to_owned);
    }

    fn open(&self, visit: &Visit<'_>) -> bool {
        visit.path().starts_with("/api/spaces/")
    }

    fn answer(&self, scene: &Scene<'_>) -> Result<Draft, Refused> {
        let (visit, asleep) = (scene.visit, scene.case == "sleeping");
        if visit.draws {
            return join(scene);
        }
        if visit.head.method == Method::POST {
            return match visit.path() {
                path if path.ends_with("/gradio_api/upload") => upload(scene),
                path if path.ends_with("/gradio_api/cancel") => Ok(Draft::document(200, &json!({"success": true}))),
                _ => Err(nowhere()),
            };
        }
        Ok(match visit.path() {
            path if path.starts_with("/api/spaces/") => state(asleep),
            // The proxy answers for a Space that sleeps.
            _ if asleep => Draft { status: 503, ..Draft::bytes("text/html; charset=utf-8", PAGE) },
            path if path.ends_with("/gradio_api/info") => Draft::document(200, &info()),
            path if path.ends_with("/gradio_api/queue/data") => events(scene)?,
            path if path.contains("/gradio_api/file=") => file(scene)?,
            path if path.ends_with("/config") => Draft::document(200, &config(scene.url())),
            _ => return Err(nowhere()),
        })
    }

    fn error(&self, status: u16, error: &ErrorBody) -> Draft {
        let usual = match status {
            403 => "File not allowed",
            404 => "Not Found",
            413 => "Request Entity Too Large",
            503 => "Queue is full. Max size is 3 and size is 3.",
            _ => "Internal Server Error",
        };
        let detail = match (status, &error.message) {
            (401, None) => json!({"error": "Not authenticated", "auth_message": null}),
            (_, message) => json!(message.as_deref().unwrap_or(usual)),
        };
        Draft::document(status, &json!({"detail": detail}))
    }

    fn empty(&self) -> Value {
        json!({})
    }
}

fn state(asleep: bool) -> Draft {
    let stage = if asleep { "SLEEPING" } else { "RUNNING" };
    Draft::document(200, &json!({"id": "sim/space", "subdomain": "sim-space", "runtime": {"stage": stage}}))
}

fn config(url: &str) -> Value {
    let function = |id: u32, name: &str| json!({"id": id, "api_name": name, "queue": true, "connection": "sse", "show_api": true, "types": {"generator": false, "cancel": false}});
    json!({
        "version": "5.50.0", "api_prefix": "/gradio_api", "protocol": "sse_v3", "root": url, "space_id": "sim/space",
        "enable_queue": true, "show_error": true, "max_file_size": null,
        "dependencies": [function(0, "generate_image"), function(1, "edit_image")],
    })
}

/// The functions' parameters: label, name, component, JSON type, default (`null`: there is none).
fn info() -> Value {
    let parameter = |label: &str, name: &str, component: &str, kind: &str, default: Value| {
        json!({
            "label": label, "parameter_name": name, "parameter_has_default": !default.is_null(), "parameter_default": default,
            "type": {"type": kind, "description": range(name)}, "python_type": {"type": kind, "description": ""},
            "component": component, "example_input": default,
        })
    };
    let prompt = parameter("Prompt", "prompt", "Textbox", "string", Value::Null);
    let numbers = |name: &str, default: u32| parameter(name, name, "Slider", "number", json!(default));
    let (seed, randomize) = (
        parameter("Seed", "seed", "Number", "number", json!(42)),
        parameter("Randomize seed", "randomize_seed", "Checkbox", "boolean", json!(true)),
    );
    let returns = json!([{"label": "Image", "type": {"description": ""}, "python_type": {"type": "dict"}, "component": "Image"}]);
    let sized = [numbers("height", 1024), numbers("width", 1024), numbers("num_inference_steps", 9)];
    let draw: Vec<Value> = [prompt.clone()].into_iter().chain(sized).chain([seed.clone(), randomize.clone()]).collect();
    let pictures = parameter("Input images", "images", "Gallery", "array", Value::Null);
    json!({
        "named_endpoints": {
            "/generate_image": {"parameters": draw, "returns": returns, "show_api": true},
            "/edit_image": {"parameters": [pictures, prompt, seed, randomize], "returns": returns, "show_api": true},
        },
        "unnamed_endpoints": {},
    })
}

fn range(name: &str) -> &'static str {
    match name {
        "height" | "width" => "numeric value between 64 and 2048",
        "num_inference_steps" => "numeric value between 1 and 20",
        _ => "",
    }
}

fn upload(scene: &Scene<'_>) -> Result<Draft, Refused> {
    let files = scene.visit.asked.parcel.files.iter().filter(|file| file.name == "files");
    let paths: Vec<String> = files
        .map(|file| {
            let path = format!("{CACHE}{:016x}/{}", scene.number(), file.filename);
            scene.visit.stage.keep.uploads.put(path.clone(), file.bytes.clone());
            path
        })
        .collect();
    if paths.is_empty() {
        return Err((422, ErrorBody::saying("files is required")));
    }
    Ok(Draft::document(200, &json!(paths)))
}

fn join(scene: &Scene<'_>) -> Result<Draft, Refused> {
    let visit = scene.visit;
    let session = visit.member("session_hash").and_then(Value::as_str);
    let session = session.ok_or_else(|| (400, ErrorBody::saying("Session hash not found.")))?;
    let data = visit.member("data").and_then(Value::as_array).ok_or_else(|| (422, ErrorBody::saying("data: Field required")))?;
    let function = visit.member("fn_index").and_then(Value::as_u64).filter(|number| *number < 2);
    let function = function.ok_or_else(|| (500, ErrorBody::default()))?;
    match scene.case {
        "queue-full" => return Err((503, ErrorBody::default())),
        "sleeping" => return Ok(Draft { status: 503, ..Draft::bytes("text/html; charset=utf-8", PAGE) }),
        _ => {}
    }
    let event = format!("{:032x}", scene.number());
    let end = ending(scene, function, data)?;
    let drawn = u32::from(end["success"] == true);
    let mut frames = vec![
        json!({"msg": "estimation", "event_id": event, "rank": 0, "queue_size": 1, "rank_eta": 0.5}),
        json!({"msg": "process_starts", "event_id": event, "eta": 0.5}),
    ];
    if scene.case == "progress" {
        let step = json!({"index": 1, "length": 2, "unit": "steps", "progress": null, "desc": null});
        frames.push(json!({"msg": "progress", "event_id": event, "progress_data": [step]}));
        frames.push(json!({"msg": "heartbeat"}));
    }
    let mut end = end;
    end["msg"] = "process_completed".into();
    end["event_id"] = event.as_str().into();
    frames.extend([end, json!({"msg": "close_stream", "event_id": null})]);
    let frames: String = frames.iter().map(|frame| format!("data: {frame}\n\n")).collect();
    visit.stage.keep.chores.put(session.to_owned(), Chore::new(vec![json!(frames), json!(unknown_session())]));
    Ok(Draft::document(200, &json!({"event_id": event})).billed(drawn))
}

/// How the function ends: with a picture or with words.
fn ending(scene: &Scene<'_>, function: u64, data: &[Value]) -> Result<Value, Refused> {
    let failure = |title: &str, words: Option<&str>| {
        let output = json!({"error": words, "duration": 10, "visible": true, "title": title});
        json!({"success": false, "title": title, "output": output})
    };
    Ok(match scene.case {
        "zero-gpu" => {
            let words = "You have exceeded your free ZeroGPU quota (60s requested vs. 0s left). Try again in 3:24:10";
            failure("ZeroGPU quota exceeded", Some(words))
        }
        "error" => failure("Error", Some("The function failed.")),
        _ => match arguments(scene, function, data) {
            Err(words) => failure("Error", Some(&words)),
            Ok(size) => {
                let link = scene.canvas(size, None)?.link();
                let name = link.rsplit('/').next().and_then(|name| name.split('?').next()).unwrap_or_default();
                let path = format!("{CACHE}drawn/{name}");
                let url = format!("{}/gradio_api/file={path}", scene.url());
                let image = json!({
                    "path": path, "url": url, "size": null, "orig_name": "image.png", "mime_type": null, "is_stream": false,
                    "meta": {"_type": "gradio.FileData"},
                });
                let output = json!({
                    "data": [image], "is_generating": false, "duration": 0.45, "average_duration": 0.46,
                    "render_config": null, "changed_state_ids": [],
                });
                json!({"success": true, "title": null, "output": output})
            }
        },
    })
}

/// Checks the arguments of a function as Gradio does before it calls it, and finds the size.
fn arguments(scene: &Scene<'_>, function: u64, data: &[Value]) -> Result<Option<(u32, u32)>, String> {
    let most = if function == 0 { 6 } else { 4 };
    if data.len() < most {
        return Err(format!("An event handler didn't receive enough input values (needed: {most}, got: {}).", data.len()));
    }
    if function == 0 {
        let side = |at: usize| data[at].as_u64().and_then(|side| u32::try_from(side).ok()).filter(|side| (64..=2048).contains(side));
        let (height, width) = side(1).zip(side(2)).ok_or("Value is not between minimum value 64 and maximum value 2048.")?;
        let steps = data[3].as_f64().is_some_and(|steps| (1.0..=20.0).contains(&steps));
        return if steps { Ok(Some((width, height))) } else { Err("Value is not between minimum value 1 and maximum value 20.".into()) };
    }
    let pictures = data[0].as_array().filter(|list| !list.is_empty()).ok_or("An image is needed.")?;
    for one in pictures {
        let path = one["image"]["path"].as_str().filter(|_| one["image"]["meta"]["_type"] == "gradio.FileData");
        let path = path.ok_or("The value is no gradio.FileData.")?;
        let real = scene.visit.stage.keep.uploads.look(path, |file| inputs::real(file).is_ok());
        if real != Some(true) {
            return Err(format!("cannot identify image file {path}"));
        }
    }
    Ok(None)
}

fn unknown_session() -> String {
    let frame =
        json!({"msg": "unexpected_error", "message": "404: Not Found", "success": false, "session_not_found": true, "event_id": null});
    format!("data: {frame}\n\n")
}

fn events(scene: &Scene<'_>) -> Result<Draft, Refused> {
    let session = scene.visit.query("session_hash").ok_or_else(|| (422, ErrorBody::saying("session_hash: Field required")))?;
    let frames = scene.visit.stage.keep.chores.look(&session, Chore::ask);
    let frames = frames.as_ref().and_then(Value::as_str).map_or_else(unknown_session, str::to_owned);
    Ok(Draft { chunked: true, ..Draft::bytes("text/event-stream", frames) })
}

fn file(scene: &Scene<'_>) -> Result<Draft, Refused> {
    let path = scene.visit.path().split_once("file=").map(|(_, path)| inputs::decoded(path)).unwrap_or_default();
    let refusal = || (403, ErrorBody::saying(format!("File not allowed: {path}.")));
    let uploaded = scene.visit.stage.keep.uploads.look(&path, |file| file.clone());
    let draft = match path.strip_prefix(CACHE).and_then(|rest| rest.strip_prefix("drawn/")) {
        Some(name) => {
            let drawn = scene.visit.stage.easel.file(&format!("/pic/{name}"), scene.pictures).ok_or_else(refusal)?;
            drawn.map_err(|error| (500, ErrorBody::saying(error.to_string())))?
        }
        None => Draft::bytes("image/png", uploaded.ok_or_else(refusal)?),
    };
    Ok(draft.header("content-disposition", "inline"))
}
