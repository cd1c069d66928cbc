//! SiliconFlow: the size is `image_size`, the pictures are links, errors carry numbers.

use http::Method;
use http::request::Parts;
use serde_json::{Value, json};

use super::{Manners, Refused, Scene, inputs, nowhere, refused};
use crate::answer::Draft;
use crate::behaviour::ErrorBody;
use crate::intake::Asked;

/// SiliconFlow.
pub(crate) struct SiliconFlow;

/// The largest seed.
const MAX_SEED: u64 = 9_999_999_999;

impl Manners for SiliconFlow {
    fn paths(&self) -> &'static [&'static str] {
        &["POST /v1/images/generations"]
    }

    fn cases(&self) -> &'static [&'static str] {
        &["no-balance", "overloaded", "unverified"]
    }

    fn draws(&self, method: &Method, path: &str) -> bool {
        method == Method::POST && path.ends_with("/images/generations")
    }

    fn complete(&self, _head: &Parts, asked: &mut Asked) {
        asked.size = asked.parcel.json.get("image_size").and_then(Value::as_str).map(str::to_owned);
    }

    fn open(&self, _visit: &super::Visit<'_>) -> bool {
        false
    }

    fn unknown_model(&self, _model: &str) -> Refused {
        refused(400, "20012", "Model does not exist. Please check it carefully.")
    }

    fn answer(&self, scene: &Scene<'_>) -> Result<Draft, Refused> {
        if !scene.visit.draws {
            return Err(nowhere());
        }
        let (count, size) = check(scene)?;
        match scene.case {
            "no-balance" => return Err(refused(403, "30001", "Sorry, your account balance is insufficient")),
            "unverified" => return Err(refused(403, "30011", "Please complete the real-name verification first.")),
            "overloaded" => return Err(refused(503, "50505", "Model service overloaded. Please try again later.")),
            _ => {}
        }
        let canvas = scene.canvas(size, None)?;
        let count = scene.count(count);
        let images: Vec<Value> = (0..count).map(|_| json!({"url": canvas.link()})).collect();
        let seed = scene.visit.member("seed").cloned().unwrap_or_else(|| json!(7));
        let document = json!({"images": images, "timings": {"inference": 2.1}, "seed": seed, "data": images});
        Ok(Draft::document(200, &document).billed(count).header("x-siliconcloud-trace-id", "ti_sim"))
    }

    fn error(&self, status: u16, error: &ErrorBody) -> Draft {
        if status == 401 && error.code.is_none() {
            // The only error of this platform that is no object.
            return Draft::document(401, &json!(error.message.as_deref().unwrap_or("Invalid token")));
        }
        let (code, message) = match status {
            400 => (20_015, "The parameter is invalid. Please check again."),
            403 => (30_001, "Sorry, your account balance is insufficient"),
            404 => (20_013, "The page does not exist."),
            429 => (50_001, "Request was rejected due to rate limiting. Details:IPM limit reached."),
            503 | 504 => (50_505, "Model service overloaded. Please try again later."),
            _ => (50_500, "Unknown error"),
        };
        let code = error
            .code
            .as_deref()
            .map_or_else(|| json!(code), |said| said.parse::<u64>().map_or_else(|_| json!(said), |number| json!(number)));
        Draft::document(status, &json!({"code": code, "message": error.message.as_deref().unwrap_or(message), "data": null}))
    }

    fn empty(&self) -> Value {
        json!({"images": [], "timings": {"inference": 0.1}, "seed": 7})
    }
}

/// The count and size of an order that is accepted.
fn check(scene: &Scene<'_>) -> Result<(u32, Option<(u32, u32)>), Refused> {
    let visit = scene.visit;
    let bad = |message: &str| refused(400, "20015", message);
    let model = visit.asked.model.as_deref().ok_or_else(|| bad("model is required"))?;
    scene.prompt().map_err(|_| bad("prompt is required"))?;
    let edits = model.contains("Image-Edit");
    let size = match visit.asked.size.as_deref() {
        Some(text) => Some(inputs::size(text).ok_or_else(|| bad("image_size is WIDTHxHEIGHT"))?),
        None if edits => None,
        None => return Err(bad("image_size is required")),
    };
    let most = if model.contains("Kolors") { 4 } else { 1 };
    let count = visit.member("batch_size").map_or(Some(1), Value::as_u64).filter(|count| (1..=most).contains(count));
    let count = count.ok_or_else(|| bad("batch_size is 1, and up to 4 of Kolors"))?;
    if visit.member("seed").is_some_and(|seed| seed.as_u64().is_none_or(|seed| seed > MAX_SEED)) {
        return Err(bad("seed is 0 to 9999999999"));
    }
    if edits && visit.member("image").is_none() {
        return Err(bad("image is required"));
    }
    for input in ["image", "image2", "image3"].iter().filter_map(|name| visit.member(name)) {
        let fine = input.as_str().is_some_and(|text| inputs::check(text).is_ok());
        fine.then_some(()).ok_or_else(|| bad("image is neither an address nor a picture"))?;
    }
    Ok((count as u32, size))
}
