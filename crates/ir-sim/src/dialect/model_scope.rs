//! ModelScope: an order becomes a task, unless the caller waits; quotas stand in headers.

use http::Method;
use serde_json::{Value, json};

use super::{Manners, Refused, Scene, inputs, nowhere};
use crate::answer::Draft;
use crate::behaviour::ErrorBody;
use crate::shelf::Chore;

/// API-Inference of ModelScope.
pub(crate) struct ModelScope;

/// Most characters of a prompt.
const MAX_PROMPT: usize = 2_000;
/// Calls of one day, of all models and of one.
const LIMITS: (u64, u64) = (2_000, 500);

impl Manners for ModelScope {
    fn paths(&self) -> &'static [&'static str] {
        &["POST /v1/images/generations (x-modelscope-async-mode: true)", "GET /v1/tasks/{id} (x-modelscope-task-type: image_generation)"]
    }

    fn cases(&self) -> &'static [&'static str] {
        &["task-failed", "no-quota"]
    }

    fn draws(&self, method: &Method, path: &str) -> bool {
        method == Method::POST && path.ends_with("/images/generations")
    }

    fn answer(&self, scene: &Scene<'_>) -> Result<Draft, Refused> {
        if scene.visit.draws {
            return order(scene);
        }
        match scene.visit.path().rsplit_once("/tasks/") {
            Some((_, id)) if scene.visit.head.method == Method::GET => Ok(state(scene, id)),
            _ => Err(nowhere()),
        }
    }

    fn error(&self, status: u16, error: &ErrorBody) -> Draft {
        let usual = match status {
            401 => "Please provide a valid ModelScope token.",
            404 => "The model is not supported.",
            429 => "You have exceeded today's quota.",
            _ => "The request could not be served.",
        };
        let mut errors = json!({"message": error.message.as_deref().unwrap_or(usual)});
        for (name, value) in [("code", &error.code), ("type", &error.kind), ("param", &error.param)] {
            if let Some(value) = value {
                errors[name] = value.as_str().into();
            }
        }
        Draft::document(status, &json!({"errors": errors, "request_id": "req_sim"}))
    }

    fn empty(&self) -> Value {
        json!({"images": [], "request_id": "req_sim"})
    }
}

fn bad(message: impl Into<String>) -> Refused {
    (400, ErrorBody::saying(message))
}

fn quota(draft: Draft, left: (u64, u64)) -> Draft {
    draft
        .header("modelscope-ratelimit-requests-limit", LIMITS.0)
        .header("modelscope-ratelimit-requests-remaining", left.0)
        .header("modelscope-ratelimit-model-requests-limit", LIMITS.1)
        .header("modelscope-ratelimit-model-requests-remaining", left.1)
}

fn order(scene: &Scene<'_>) -> Result<Draft, Refused> {
    let visit = scene.visit;
    if visit.asked.model.is_none() {
        return Err(bad("model is required"));
    }
    let prompt = scene.prompt()?;
    if prompt.chars().count() >= MAX_PROMPT {
        return Err(bad(format!("prompt has fewer than {MAX_PROMPT} characters")));
    }
    let size = visit.asked.size.as_deref().map(|text| inputs::size(text).ok_or_else(|| bad("size is WIDTHxHEIGHT"))).transpose()?;
    if size.is_some_and(|(width, height)| !(64..=2048).contains(&width) || !(64..=2048).contains(&height)) {
        return Err(bad("the sides of size are 64 to 2048"));
    }
    check_numbers(scene)?;
    match visit.member("image_url") {
        None => {}
        Some(Value::Array(list)) if !list.is_empty() => list.iter().try_for_each(input)?,
        Some(one) => input(one)?,
    }
    if scene.case == "no-quota" {
        let refusal = ModelScope.error(429, &ErrorBody::default());
        return Ok(quota(refusal, (0, 0)));
    }
    let number = scene.number();
    let left = (LIMITS.0.saturating_sub(number).max(1), LIMITS.1.saturating_sub(number).max(1));
    let canvas = scene.canvas(size, None)?;
    if visit.header("x-modelscope-async-mode") != Some("true") {
        let document = json!({"images": [{"url": canvas.link()}], "request_id": "req_sim"});
        return Ok(quota(Draft::document(200, &document), left).billed(1));
    }
    let id = format!("{}", 3_541_000 + number);
    let failed = scene.case == "task-failed";
    let last = if failed {
        json!({"task_id": id, "task_status": "FAILED", "errors": {"code": 400, "message": "the task failed"}, "request_id": "req_sim"})
    } else {
        let links: Vec<String> = (0..scene.count(1)).map(|_| canvas.link()).collect();
        json!({"task_id": id, "task_status": "SUCCEED", "output_images": links, "request_id": "req_sim"})
    };
    let first = json!({"task_id": id, "task_status": "PENDING", "output_images": [], "request_id": "req_sim"});
    visit.stage.keep.chores.put(id.clone(), Chore::new(vec![first, last]));
    // What the platform says of an order that it only took.
    let document = json!({"task_status": "SUCCEED", "task_id": id, "request_id": "req_sim"});
    Ok(quota(Draft::document(200, &document), left).billed(if failed { 0 } else { scene.count(1) }))
}

fn check_numbers(scene: &Scene<'_>) -> Result<(), Refused> {
    for (name, least, most) in [("steps", 1.0, 100.0), ("guidance", 1.5, 20.0), ("seed", 0.0, 2_147_483_647.0)] {
        if let Some(value) = scene.visit.member(name)
            && !value.as_f64().is_some_and(|value| (least..=most).contains(&value))
        {
            return Err(bad(format!("{name} is {least} to {most}")));
        }
    }
    Ok(())
}

/// Addresses are taken at their word: the platform fetches them later.
fn input(value: &Value) -> Result<(), Refused> {
    let text = value.as_str().ok_or_else(|| bad("image_url is a string or a list of strings"))?;
    inputs::check(text).map_err(|_| bad("image_url is neither an address nor a picture"))
}

/// A task is only found by those who name its type; others see it fail.
fn state(scene: &Scene<'_>, id: &str) -> Draft {
    let typed = scene.visit.header("x-modelscope-task-type") == Some("image_generation");
    let found = if typed { scene.visit.stage.keep.chores.look(id, Chore::ask) } else { None };
    let missing =
        || json!({"task_id": id, "task_status": "FAILED", "errors": {"code": 500, "message": "task not found"}, "request_id": "req_sim"});
    Draft::document(200, &found.unwrap_or_else(missing))
}
