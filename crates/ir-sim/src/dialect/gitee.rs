//! Gitee AI: some models answer at once, others as tasks; editing is a form.

use http::Method;
use serde_json::{Value, json};

use super::{Manners, Refused, Scene, inputs, nowhere};
use crate::answer::Draft;
use crate::behaviour::{ErrorBody, Form};
use crate::canvas::Canvas;
use crate::shelf::Chore;

/// Gitee AI, also named Moark.
pub(crate) struct Gitee;

impl Manners for Gitee {
    fn paths(&self) -> &'static [&'static str] {
        &[
            "POST /v1/images/generations | edits",
            "POST /v1/async/images/generations | edits",
            "GET /v1/task/{id}",
            "POST /v1/task/{id}/cancel",
        ]
    }

    fn cases(&self) -> &'static [&'static str] {
        &["task-failed", "at-once", "b64"]
    }

    fn draws(&self, method: &Method, path: &str) -> bool {
        method == Method::POST && (path.ends_with("/images/generations") || path.ends_with("/images/edits"))
    }

    fn answer(&self, scene: &Scene<'_>) -> Result<Draft, Refused> {
        let visit = scene.visit;
        if !visit.draws {
            return match visit.path().rsplit_once("/task/") {
                Some((_, rest)) => state(scene, rest),
                None => Err(nowhere()),
            };
        }
        check(scene)?;
        // A size of another form is ignored, as with models that choose their own.
        let canvas = scene.canvas(visit.asked.size.as_deref().and_then(inputs::size), None)?;
        if visit.path().contains("/async/") { Ok(task(scene, &canvas)) } else { Ok(document(scene, &canvas)) }
    }

    fn error(&self, status: u16, error: &ErrorBody) -> Draft {
        let usual = match status {
            400 => "The parameters are invalid.",
            401 => "The token is invalid.",
            402 => "The balance is not sufficient.",
            403 => "You may not use this model.",
            404 => "The model is not available.",
            429 => "Too many requests.",
            _ => "The service failed.",
        };
        let code = error.code.as_deref().map_or_else(|| json!(status), |code| json!(code));
        Draft::document(status, &json!({"code": code, "message": error.message.as_deref().unwrap_or(usual)}))
    }

    fn empty(&self) -> Value {
        json!({"created": 1_795_305_600, "data": []})
    }
}

fn bad(message: impl Into<String>) -> Refused {
    (400, ErrorBody::saying(message))
}

fn check(scene: &Scene<'_>) -> Result<(), Refused> {
    let visit = scene.visit;
    let model = visit.asked.model.as_deref().ok_or_else(|| bad("model is required"))?;
    scene.prompt()?;
    let most = if model.starts_with("wan2.7") { 4 } else { 1 };
    if visit.asked.n.is_some_and(|n| !(1..=most).contains(&n)) && model != "gpt-image-2" {
        return Err(bad(format!("n is 1 to {most}")));
    }
    if model == "qwen-image-2.0-pro" && visit.asked.size.is_some() {
        return Err(bad("invalid parameter: size"));
    }
    if !visit.ends("/images/edits") {
        let mut list = visit.member("images").and_then(Value::as_array).into_iter().flatten();
        let real = |input: &Value| input.as_str().is_some_and(|text| inputs::check(text).is_ok());
        return if list.all(real) { Ok(()) } else { Err(bad("images holds what is no picture")) };
    }
    let parcel = &visit.asked.parcel;
    if parcel.files.iter().any(|file| file.name != "image" && file.name != "mask") {
        return Err(bad("the file parts are image and mask"));
    }
    let pictures = parcel.files.iter().filter(|file| file.name == "image").count();
    if pictures == 0 {
        return Err(bad("image is required"));
    }
    if parcel.files.iter().any(|file| inputs::real(&file.bytes).is_err()) {
        return Err(bad("image cannot be decoded"));
    }
    if visit.path().contains("/async/") && parcel.fields.iter().filter(|(name, _)| name == "task_types").count() != pictures {
        return Err(bad("task_types is given once for every image"));
    }
    Ok(())
}

fn count(scene: &Scene<'_>) -> u32 {
    scene.count(scene.visit.asked.n.and_then(|n| u32::try_from(n).ok()).unwrap_or(1))
}

fn document(scene: &Scene<'_>, canvas: &Canvas<'_>) -> Draft {
    let data = (0..count(scene)).map(|_| {
        let mut item = scene.item(canvas, scene.form(Form::B64));
        item["type"] = canvas.spec.format.media_type().into();
        item
    });
    Draft::document(200, &json!({"created": scene.created(), "data": data.collect::<Vec<_>>()})).billed(count(scene))
}

fn task(scene: &Scene<'_>, canvas: &Canvas<'_>) -> Draft {
    let id = format!("TASK{:06}", scene.number());
    let get = format!("{}/api/v1/task/{id}", scene.url());
    let mut order = json!({
        "task_id": id, "status": "waiting", "created_at": scene.created(), "urls": {"get": get, "cancel": format!("{get}/cancel")},
    });
    let failed = scene.case == "task-failed";
    let last = match scene.case {
        "task-failed" => json!({"task_id": id, "status": "failure", "error": "InternalError", "message": "the task failed"}),
        "b64" => json!({"task_id": id, "status": "success", "output": {"b64_json": canvas.text()}}),
        _ => json!({"task_id": id, "status": "success", "completed_at": scene.created(), "output": {"file_url": canvas.link()}}),
    };
    if scene.case == "at-once" {
        order["status"] = "success".into();
        order["output"] = json!({"image": canvas.link()});
    }
    let first = json!({"task_id": id, "status": "in_progress", "started_at": scene.created()});
    scene.visit.stage.keep.chores.put(id, Chore::new(vec![first, last]));
    Draft::document(200, &order).billed(u32::from(!failed))
}

fn state(scene: &Scene<'_>, rest: &str) -> Result<Draft, Refused> {
    let (id, verb) = rest.split_once('/').unwrap_or((rest, "get"));
    let chores = &scene.visit.stage.keep.chores;
    let found = match (&scene.visit.head.method, verb) {
        (&Method::GET, "get" | "status") => chores.look(id, Chore::ask),
        (&Method::POST, "cancel") => {
            let cancelled = json!({"task_id": id, "status": "cancelled"});
            chores.look(id, |chore| *chore = Chore::new(vec![cancelled.clone()])).map(|()| cancelled)
        }
        _ => None,
    };
    found.map(|state| Draft::document(200, &state)).ok_or_else(|| (404, ErrorBody::saying("The task does not exist.")))
}
