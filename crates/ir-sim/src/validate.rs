//! What the platform refuses before it draws.

use crate::behaviour::ErrorBody;
use crate::config::{PictureFormat, SimConfig};
use crate::intake::{Asked, Route};

/// The refusal of a request that names no admitted key.
pub(crate) fn key(config: &SimConfig, key: Option<&str>) -> Option<(u16, ErrorBody)> {
    let admitted = config.keys.as_ref().is_none_or(|keys| key.is_some_and(|key| keys.iter().any(|known| known == key)));
    (!admitted).then(|| (401, ErrorBody::default()))
}

/// The refusal of a drawing that the platform would not make (05-providers 6.2, 6.3, 6.7).
pub(crate) fn drawing(config: &SimConfig, route: Route, asked: &Asked) -> Option<(u16, ErrorBody)> {
    if let Some(model) = &asked.model
        && !config.models.is_empty()
        && !config.models.contains(model)
    {
        return Some((404, ErrorBody { message: Some(format!("The model '{model}' does not exist.")), ..ErrorBody::default() }));
    }
    if route != Route::Variations && asked.prompt.as_deref().is_none_or(str::is_empty) {
        return Some(refusal("missing_required_parameter", "prompt", "Missing required parameter: 'prompt'."));
    }
    if matches!(route, Route::Edits | Route::Variations) && asked.images == 0 {
        return Some(refusal("missing_required_parameter", "image", "Missing required parameter: 'image'."));
    }
    if asked.images > 16 {
        return Some(refusal("invalid_value", "image", "At most 16 images are taken."));
    }
    if asked.octet_stream && config.strict.octet_stream {
        return Some(refusal("invalid_value", "image", "Unsupported mimetype 'application/octet-stream'."));
    }
    if route == Route::Chat {
        return None;
    }
    if asked.n.is_some_and(|n| !(1..=10).contains(&n)) {
        return Some(refusal("invalid_value", "n", "Invalid value: 'n' is 1 to 10."));
    }
    if asked.response_format && config.strict.response_format {
        return Some(refusal("unknown_parameter", "response_format", "Unknown parameter: 'response_format'."));
    }
    if asked.output_format.as_deref().is_some_and(|format| PictureFormat::from_name(format).is_none()) {
        return Some(refusal("invalid_value", "output_format", "The simulator draws 'png' and 'jpeg'."));
    }
    let shaped = |size: &str| matches!(size, "auto" | "1K" | "2K" | "4K") || crate::drawing::size(size).is_some();
    if asked.size.as_deref().is_some_and(|size| !shaped(size)) {
        return Some(refusal("invalid_value", "size", "Invalid value: 'size' is 'auto' or WxH with sides up to 4096."));
    }
    None
}

fn refusal(code: &str, param: &str, message: &str) -> (u16, ErrorBody) {
    let error = ErrorBody { code: Some(code.into()), param: Some(param.into()), message: Some(message.into()), ..ErrorBody::default() };
    (400, error)
}
