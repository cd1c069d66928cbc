//! Pollinations: the present host speaks nearly OpenAI's protocol, the old one is a link that is a picture.

use http::Method;
use http::request::Parts;
use serde_json::{Value, json};

use super::{Manners, Refused, Scene, inputs, nowhere, refused};
use crate::answer::Draft;
use crate::behaviour::{ErrorBody, Form};
use crate::canvas::Canvas;
use crate::config::PictureFormat;
use crate::intake::Asked;

/// Both hosts of Pollinations.
pub(crate) struct Pollinations;

impl Manners for Pollinations {
    fn paths(&self) -> &'static [&'static str] {
        &["POST /v1/images/generations | edits", "GET /prompt/{text}", "GET /image/{text}"]
    }

    fn cases(&self) -> &'static [&'static str] {
        &["relabelled", "publishable"]
    }

    fn draws(&self, method: &Method, path: &str) -> bool {
        let posted = path.ends_with("/images/generations") || path.ends_with("/images/edits");
        (method == Method::POST && posted) || (method == Method::GET && words(path).is_some())
    }

    fn complete(&self, head: &Parts, asked: &mut Asked) {
        if let Some(words) = words(head.uri.path()) {
            asked.prompt = Some(inputs::decoded(words));
            asked.model = inputs::query(head, "model");
            let side = |name| inputs::query(head, name).unwrap_or_else(|| "1024".into());
            asked.size = Some(format!("{}x{}", side("width"), side("height")));
        }
    }

    fn answer(&self, scene: &Scene<'_>) -> Result<Draft, Refused> {
        let visit = scene.visit;
        if !visit.draws {
            return Err(nowhere());
        }
        scene.prompt()?;
        let size = visit.asked.size.as_deref().map(|text| inputs::size(text).ok_or_else(|| bad("size is WIDTHxHEIGHT"))).transpose()?;
        let seed = visit.query("seed").map(|seed| seed.parse::<i64>().ok()).or_else(|| visit.member("seed").map(Value::as_i64));
        if seed.is_some_and(|seed| !seed.is_some_and(|seed| (-1..=2_147_483_647).contains(&seed))) {
            return Err(bad("seed is -1 to 2147483647"));
        }
        pictures(scene)?;
        match scene.case {
            "relabelled" => return Ok(relabelled()),
            "publishable" => return Ok(publishable()),
            _ => {}
        }
        // The platform draws JPEG, whatever the simulator does elsewhere.
        let canvas = scene.canvas(size, Some(PictureFormat::Jpeg))?;
        let model = visit.asked.model.as_deref().unwrap_or("zimage");
        if visit.head.method == Method::GET { Ok(file(&canvas, model)) } else { document(scene, &canvas) }
    }

    fn error(&self, status: u16, error: &ErrorBody) -> Draft {
        let (code, name, message) = match status {
            400 => ("BAD_REQUEST", "BadRequestError", "The request is not valid."),
            401 => ("UNAUTHORIZED", "UnauthorizedError", "Authentication required."),
            402 => ("PAYMENT_REQUIRED", "PaymentRequiredError", "The balance is used up."),
            403 => ("FORBIDDEN", "ForbiddenError", "Access denied."),
            404 => ("NOT_FOUND", "NotFoundError", "Not found."),
            408 => ("REQUEST_TIMEOUT", "TimeoutError", "The request took too long."),
            422 => ("content_policy_violation", "ContentPolicyError", "The prompt was refused."),
            429 => ("RATE_LIMITED", "RateLimitError", "Please slow down."),
            502 => ("BAD_GATEWAY", "UpstreamError", "The upstream failed."),
            _ => ("INTERNAL_ERROR", "InternalServerError", "The service failed."),
        };
        Draft::document(
            status,
            &json!({"status": status, "success": false, "error": {
                "code": error.code.as_deref().unwrap_or(code),
                "message": error.message.as_deref().unwrap_or(message),
                "timestamp": "2026-11-22T00:00:00Z", "details": {"name": name}, "requestId": "req_sim",
            }}),
        )
    }

    fn empty(&self) -> Value {
        json!({"created": 1_795_305_600, "data": []})
    }
}

/// The prompt in a path, as it is written there.
fn words(path: &str) -> Option<&str> {
    path.split_once("/prompt/").or_else(|| path.split_once("/image/")).map(|(_, words)| words)
}

fn bad(message: &str) -> Refused {
    refused(400, "BAD_REQUEST", message)
}

/// Checks the pictures sent along: addresses joined by `|` or `,`, files or texts of a form, members of a document.
fn pictures(scene: &Scene<'_>) -> Result<(), Refused> {
    let (visit, parcel) = (scene.visit, &scene.visit.asked.parcel);
    let invalid = || refused(400, "invalid_image_url", "image is not an address.");
    let addresses = visit.query("image").unwrap_or_default();
    let mut addresses: Vec<&str> = addresses.split(['|', ',']).filter(|one| !one.is_empty()).collect();
    addresses
        .extend(parcel.fields.iter().filter(|(name, _)| matches!(name.as_str(), "image" | "image[]")).map(|(_, value)| value.as_str()));
    let member = visit.member("image");
    let listed = member.and_then(Value::as_array).into_iter().flatten();
    let listed = listed.map(|one| one.get("image_url").unwrap_or(one)).chain(member.filter(|one| one.is_string()));
    for one in listed {
        addresses.push(one.as_str().ok_or_else(invalid)?);
    }
    for address in &addresses {
        inputs::check(address).map_err(|_| invalid())?;
    }
    for file in &parcel.files {
        if !matches!(file.name.as_str(), "image" | "image[]" | "mask") {
            return Err(bad("the file parts are image and mask"));
        }
        inputs::real(&file.bytes).map_err(|_| refused(415, "unsupported_image_media_type", "image cannot be decoded."))?;
    }
    if visit.ends("/images/edits") && addresses.is_empty() && parcel.files.is_empty() {
        return Err(bad("image is required"));
    }
    Ok(())
}

fn document(scene: &Scene<'_>, canvas: &Canvas<'_>) -> Result<Draft, Refused> {
    let form = if scene.visit.ends("/images/edits") { Form::B64 } else { scene.form(Form::B64) };
    // The platform draws one picture, whatever `n` says; only a script makes it more.
    let count = scene.count(1);
    let data = (0..count).map(|_| {
        let mut item = scene.item(canvas, form);
        item["revised_prompt"] = scene.visit.asked.prompt.as_deref().into();
        item["media_type"] = canvas.spec.format.media_type().into();
        item
    });
    let usage = json!({"input_tokens": 0, "output_tokens": 1, "total_tokens": 1});
    let document = json!({"created": scene.created(), "data": data.collect::<Vec<_>>(), "usage": usage});
    Ok(Draft::document(200, &document).billed(count))
}

fn file(canvas: &Canvas<'_>, model: &str) -> Draft {
    let draft = Draft::bytes(canvas.spec.format.media_type(), canvas.file()).billed(1);
    draft
        .header("cache-control", "public, max-age=31536000, immutable")
        .header("content-disposition", "inline")
        .header("x-model-used", model)
}

/// What another platform said, under a status of Pollinations' own.
fn relabelled() -> Draft {
    let details = json!({
        "name": "UpstreamError", "upstreamStatus": 429, "upstreamHost": "upstream.example", "upstreamBody": "{\"error\":\"rate limited\"}",
    });
    let error = json!({
        "code": "BAD_GATEWAY", "message": "The upstream refused.", "timestamp": "2026-11-22T00:00:00Z", "details": details, "requestId": "req_sim",
    });
    Draft::document(502, &json!({"status": 502, "success": false, "error": error}))
}

/// The refusal of a publishable key that drew too often.
fn publishable() -> Draft {
    let document = json!({"error": "Rate limit exceeded", "message": "This key has used its hour.", "retryAfterSeconds": 41.5});
    Draft::document(429, &document).header("retry-after", 42)
}
