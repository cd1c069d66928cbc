//! Volcengine Ark: one endpoint for drawing and editing, several pictures in one answer, streams of finished pictures.

use http::Method;
use serde_json::{Value, json};

use super::inputs::{self, NoPicture};
use super::{Manners, Refused, Scene, nowhere, refused};
use crate::answer::Draft;
use crate::behaviour::{ErrorBody, Form};
use crate::body::Piece;
use crate::canvas::Canvas;
use crate::config::PictureFormat;
use crate::intake::Asked;

/// Seedream on Ark.
pub(crate) struct Ark;

/// What one family of models takes.
struct Family {
    /// Part of the model's name; the first that fits counts.
    name: &'static str,
    tiers: &'static [&'static str],
    /// Least and most pixels of a size given as `WxH`.
    pixels: (u64, u64),
    usual: (u32, u32),
    inputs: usize,
    /// Fields beyond those that all take.
    fields: &'static [&'static str],
}

const ALL: &[&str] = &["model", "prompt", "image", "size", "response_format", "watermark", "optimize_prompt_options", "optimize_prompt"];
const SERIES: &[&str] = &["sequential_image_generation", "sequential_image_generation_options", "stream", "tools"];
const LITE: &[&str] = &["sequential_image_generation", "sequential_image_generation_options", "stream", "tools", "output_format"];
const MOST: u64 = 16_777_216;

const FAMILIES: &[Family] = &[
    Family {
        name: "5-0-pro",
        tiers: &["1K", "1.5K", "2K"],
        pixels: (921_600, 4_624_220),
        usual: (2048, 2048),
        inputs: 10,
        fields: &["output_format", "background", "layer_decomposition"],
    },
    Family {
        name: "5-0-flash",
        tiers: &["1K", "1.5K", "2K"],
        pixels: (921_600, 4_624_220),
        usual: (2048, 2048),
        inputs: 10,
        fields: &["output_format", "background", "layer_decomposition"],
    },
    Family { name: "5-0", tiers: &["2K", "3K", "4K"], pixels: (3_686_400, MOST), usual: (2048, 2048), inputs: 14, fields: LITE },
    Family { name: "4-5", tiers: &["2K", "4K"], pixels: (3_686_400, MOST), usual: (2048, 2048), inputs: 14, fields: SERIES },
    Family { name: "4-0", tiers: &["1K", "2K", "4K"], pixels: (921_600, MOST), usual: (2048, 2048), inputs: 14, fields: SERIES },
    Family { name: "3-0", tiers: &[], pixels: (262_144, 4_194_304), usual: (1024, 1024), inputs: 1, fields: &["seed", "guidance_scale"] },
];

impl Manners for Ark {
    fn paths(&self) -> &'static [&'static str] {
        &["POST /api/v3/images/generations"]
    }

    fn cases(&self) -> &'static [&'static str] {
        &["partial", "stream-error", "overdue"]
    }

    fn draws(&self, method: &Method, path: &str) -> bool {
        method == Method::POST && path.ends_with("/images/generations")
    }

    fn unknown_model(&self, model: &str) -> Refused {
        refused(
            404,
            "InvalidEndpointOrModel.NotFound",
            format!("The model or endpoint {model} does not exist or you have no access to it."),
        )
    }

    fn answer(&self, scene: &Scene<'_>) -> Result<Draft, Refused> {
        if !scene.visit.draws {
            return Err(nowhere());
        }
        let order = Order::of(scene)?;
        if scene.case == "overdue" {
            return Err(refused(403, "AccountOverdueError", "The account has an overdue balance."));
        }
        if scene.visit.asked.stream { order.stream() } else { order.document() }
    }

    fn error(&self, status: u16, error: &ErrorBody) -> Draft {
        let (kind, code) = match status {
            400 => ("BadRequest", "InvalidParameter"),
            401 => ("Unauthorized", "AuthenticationError"),
            402 | 403 => ("Forbidden", "AccessDenied"),
            404 => ("NotFound", "InvalidEndpointOrModel.NotFound"),
            413 => ("BadRequest", "InvalidParameter.OversizedImage"),
            429 => ("TooManyRequests", "ModelAccountIpmRateLimitExceeded"),
            _ => ("InternalServerError", "InternalServiceError"),
        };
        let said = error.message.as_deref().unwrap_or("The request could not be served.");
        Draft::document(
            status,
            &json!({"error": {
                "code": error.code.as_deref().unwrap_or(code),
                "message": format!("{said} Request id: 021795305600sim"),
                "param": error.param.as_deref().unwrap_or_default(),
                "type": error.kind.as_deref().unwrap_or(kind),
            }}),
        )
    }

    fn empty(&self) -> Value {
        json!({"model": "sim", "created": 1_795_305_600, "data": [], "usage": {"generated_images": 0, "output_tokens": 0, "total_tokens": 0}})
    }
}

fn bad(param: &str, message: impl Into<String>) -> Refused {
    (400, ErrorBody { code: Some("InvalidParameter".into()), param: Some(param.into()), ..ErrorBody::saying(message) })
}

/// A drawing that Ark accepts.
struct Order<'a> {
    scene: &'a Scene<'a>,
    canvas: Canvas<'a>,
    size: (u32, u32),
    model: &'a str,
    count: u32,
    form: Form,
}

impl<'a> Order<'a> {
    fn of(scene: &'a Scene<'a>) -> Result<Self, Refused> {
        let Asked { model, parcel, output_format, .. } = scene.visit.asked;
        let missing =
            |param: &str| (400, ErrorBody { code: Some("MissingParameter".into()), param: Some(param.into()), ..ErrorBody::default() });
        let model = model.as_deref().ok_or_else(|| missing("model"))?;
        scene.prompt().map_err(|_| missing("prompt"))?;
        let plain = model.replace('.', "-");
        let family = FAMILIES.iter().find(|family| plain.contains(family.name));
        let fields = parcel.json.as_object().into_iter().flatten();
        for (name, value) in fields {
            let taken = family.is_none_or(|family| family.fields.contains(&name.as_str())) || ALL.contains(&name.as_str());
            if !taken {
                return Err(bad(name, format!("The parameter `{name}` specified in the request is not valid for the model {model}.")));
            }
            if matches!(name.as_str(), "watermark" | "stream") && !value.is_boolean() {
                return Err(bad(name, format!("The parameter `{name}` is a boolean.")));
            }
        }
        let format = output_format.as_deref().map(|name| match name {
            "png" | "jpeg" => Ok(PictureFormat::from_name(name)),
            _ => Err(bad("output_format", "output_format is one of jpeg and png.")),
        });
        let inputs = pictures(scene, family)?;
        let size = dimensions(scene, family)?;
        let count = series(scene, inputs)?;
        let canvas = scene.canvas(Some(size), format.transpose()?.flatten())?;
        Ok(Self { scene, canvas, size, model, count: scene.count(count), form: scene.form(Form::Url) })
    }

    fn withheld(&self, index: u32) -> bool {
        self.scene.case == "partial" && index % 2 == 1
    }

    fn drawn(&self) -> u32 {
        let count = if self.fails() { self.count.min(1) } else { self.count };
        (0..count).filter(|index| !self.withheld(*index)).count() as u32
    }

    fn fails(&self) -> bool {
        self.scene.case == "stream-error" || self.scene.failure.is_some()
    }

    fn usage(&self) -> Value {
        let tokens = u64::from(self.size.0) * u64::from(self.size.1) / 256 * u64::from(self.drawn());
        json!({"generated_images": self.drawn(), "output_tokens": tokens, "total_tokens": tokens})
    }

    fn item(&self, index: u32) -> Value {
        if self.withheld(index) {
            let message = "The picture was withheld. Request id: 021795305600sim";
            return json!({"error": {"code": "OutputImageSensitiveContentDetected", "message": message}});
        }
        let mut item = self.scene.item(&self.canvas, self.form);
        item["size"] = format!("{}x{}", self.size.0, self.size.1).into();
        item
    }

    fn document(&self) -> Result<Draft, Refused> {
        if self.fails() {
            return Err((500, self.scene.failure.cloned().unwrap_or_default()));
        }
        let data: Vec<Value> = (0..self.count).map(|index| self.item(index)).collect();
        let document = json!({"model": self.model, "created": self.scene.created(), "data": data, "usage": self.usage()});
        Ok(Draft::document(200, &document).billed(self.drawn()))
    }

    fn event(&self, kind: &str, mut data: Value) -> Piece {
        let kind = format!("image_generation.{kind}");
        data["type"] = kind.as_str().into();
        data["model"] = self.model.into();
        data["created"] = self.scene.created().into();
        Piece::Bytes(format!("event: {kind}\ndata: {data}\n\n").into())
    }

    fn stream(&self) -> Result<Draft, Refused> {
        let mut pieces = Vec::new();
        let count = if self.fails() { self.count.min(1) } else { self.count };
        for index in 0..count {
            let mut data = self.item(index);
            data["image_index"] = index.into();
            pieces.push(self.event(if self.withheld(index) { "partial_failed" } else { "partial_succeeded" }, data));
        }
        if self.fails() {
            let usual = ErrorBody::default();
            let error = self.scene.failure.unwrap_or(&usual);
            let (code, message) = (error.code.as_deref().unwrap_or("InternalServiceError"), error.message.as_deref());
            let data = json!({"error": {"code": code, "message": message.unwrap_or("The service failed.")}});
            pieces.push(Piece::Bytes(format!("event: error\ndata: {data}\n\n").into()));
        } else {
            pieces.push(self.event("completed", json!({"usage": self.usage()})));
        }
        pieces.push(Piece::Bytes("data: [DONE]\n\n".into()));
        Ok(Draft::new(200, "text/event-stream", pieces).billed(self.drawn()))
    }
}

/// Checks the pictures sent along and counts them.
fn pictures(scene: &Scene<'_>, family: Option<&Family>) -> Result<usize, Refused> {
    let inputs: Vec<&Value> = match scene.visit.member("image") {
        None => Vec::new(),
        Some(Value::Array(list)) => list.iter().collect(),
        Some(one) => vec![one],
    };
    let most = family.map_or(14, |family| family.inputs);
    if inputs.len() > most {
        return Err(bad("image", format!("The model takes at most {most} reference images.")));
    }
    for input in &inputs {
        let text = input.as_str().ok_or_else(|| bad("image", "image is a string or a list of strings."))?;
        inputs::check(text).map_err(|reason| {
            let (code, message) = match reason {
                NoPicture::Form => ("InvalidImageURL.InvalidFormat", "image is neither an address nor a data URI."),
                NoPicture::Type => ("InvalidParameter.UnsupportedImageFormat", "The format of the image is written in lower case."),
                NoPicture::Bytes => ("InvalidParameter.UnsupportedImageFormat", "The image cannot be decoded."),
            };
            (400, ErrorBody { param: Some("image".into()), ..refused(400, code, message).1 })
        })?;
    }
    Ok(inputs.len())
}

/// The size to draw: a tier or `WxH` within the model's pixels, 1:16 to 16:1.
fn dimensions(scene: &Scene<'_>, family: Option<&Family>) -> Result<(u32, u32), Refused> {
    let usual = family.map_or((1024, 1024), |family| family.usual);
    let Some(text) = scene.visit.asked.size.as_deref() else { return Ok(usual) };
    let side = match text {
        "1K" => Some(1024),
        "1.5K" => Some(1536),
        "2K" => Some(2048),
        "3K" => Some(3072),
        "4K" => Some(4096),
        _ => None,
    };
    if let Some(side) = side {
        let known = family.is_none_or(|family| family.tiers.contains(&text));
        return known.then_some((side, side)).ok_or_else(|| bad("size", format!("The model has no size {text}.")));
    }
    let (width, height) = inputs::size(text).ok_or_else(|| bad("size", "size is a tier or WIDTHxHEIGHT."))?;
    let (least, most) = family.map_or((1, MOST), |family| family.pixels);
    let pixels = u64::from(width) * u64::from(height);
    if pixels < least || pixels > most {
        return Err(bad("size", format!("image size must be at least {least} and at most {most} pixels.")));
    }
    if width > height.saturating_mul(16) || height > width.saturating_mul(16) {
        return Err(bad("size", "The aspect ratio is between 1:16 and 16:1."));
    }
    Ok((width, height))
}

/// How many pictures a sequence has: inputs and outputs are at most 15.
fn series(scene: &Scene<'_>, inputs: usize) -> Result<u32, Refused> {
    let most = 15 - u64::try_from(inputs).unwrap_or(15).min(14);
    match scene.visit.member("sequential_image_generation").map(Value::as_str) {
        None | Some(Some("disabled")) => Ok(1),
        Some(Some("auto")) => {
            let options = scene.visit.member("sequential_image_generation_options");
            let Some(asked) = options.and_then(|options| options.get("max_images")) else { return Ok(most.min(4) as u32) };
            let asked = asked.as_u64().filter(|asked| (1..=most).contains(asked));
            let wrong = || bad("sequential_image_generation_options.max_images", format!("max_images is 1 to {most}."));
            asked.map(|asked| asked as u32).ok_or_else(wrong)
        }
        Some(_) => Err(bad("sequential_image_generation", "sequential_image_generation is auto or disabled.")),
    }
}
