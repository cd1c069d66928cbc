//! Image answers: `{created, data: […]}`, streamed from files with their exact length.

use crate::compose::Composer;
use crate::stream::Events;
use axum::body::Body;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use ir_engine::{DrawEvent, Failure, Summary};
use ir_model::{Background, Charge, Class, Drawn, Fault, Format, Language, Picture, Quality, ResponseForm};
use ir_spool::{Piece, PieceBody};
use serde_json::{Value, json};

/// Which platform drew.
const PROVIDER: HeaderName = HeaderName::from_static("x-img-router-provider");
/// With which model.
const MODEL: HeaderName = HeaderName::from_static("x-img-router-model");
/// After how many attempts.
const ATTEMPTS: HeaderName = HeaderName::from_static("x-img-router-attempts");
/// Which hints were not honoured (R-API-1).
const IGNORED: HeaderName = HeaderName::from_static("x-img-router-ignored");
/// What else the caller should know.
const WARNING: HeaderName = HeaderName::from_static("x-img-router-warning");
/// The size that was drawn when it is not the one asked for.
const REVISED_SIZE: HeaderName = HeaderName::from_static("x-img-router-revised-size");
/// Bytes of one of these headers; proxies take 8 KiB for all of them together.
const HEADER: usize = 1024;

/// What the answer has to look like, taken from the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    /// Address or base64.
    pub(crate) form: ResponseForm,
    /// As a stream.
    pub(crate) stream: bool,
    /// The quality asked for.
    pub(crate) quality: Option<Quality>,
    /// The background asked for.
    pub(crate) background: Option<Background>,
    /// Where stored pictures are reached from outside.
    pub(crate) public_base_url: Option<String>,
}

/// A drawing that came to an end.
pub(crate) struct Finished {
    /// At least one picture, in order.
    pub(crate) pictures: Vec<Drawn>,
    /// What it took.
    pub(crate) summary: Summary,
}

/// Waits for the whole drawing.
///
/// # Errors
/// Its failure; also a success without a picture, which is none (R-API-5).
pub(crate) async fn finish(mut drawing: impl Events) -> Result<Finished, Failure> {
    let mut pictures = Vec::new();
    loop {
        match drawing.next().await {
            DrawEvent::Preview { .. } => {}
            DrawEvent::Picture { index, drawn } => pictures.push((index, drawn)),
            DrawEvent::Done(Err(failure)) => return Err(failure),
            DrawEvent::Done(Ok(summary)) => {
                pictures.sort_by_key(|(index, _)| *index);
                let pictures: Vec<Drawn> = pictures.into_iter().map(|(_, drawn)| drawn).collect();
                if pictures.is_empty() {
                    return Err(no_pictures(&summary));
                }
                return Ok(Finished { pictures, summary });
            }
        }
    }
}

/// The failure of a drawing that gave nothing.
pub(crate) fn no_pictures(summary: &Summary) -> Failure {
    Failure {
        fault: Fault::new(Class::UpstreamFault).charged(Charge::Maybe).say("No picture was drawn.", "没有生成任何图片。"),
        provider: Some(summary.provider.clone()),
        model: Some(summary.model.clone()),
        attempts: Vec::new(),
    }
}

/// Where a picture is to be read from.
pub(crate) enum Place<'a> {
    /// An address.
    Url(String),
    /// Its bytes.
    Bytes(&'a Picture),
}

/// How a picture is given when an address is wanted: the platform's own, else the gateway's link,
/// else its bytes as a data URI. `None`: there is neither, which the engine rules out.
pub(crate) fn place<'a>(drawn: &'a Drawn, wish: &Wish) -> Option<Place<'a>> {
    let bytes = || drawn.picture.as_ref().map(Place::Bytes);
    match wish.form {
        ResponseForm::Base64 => bytes().or_else(|| drawn.url.clone().map(Place::Url)),
        ResponseForm::Url => {
            let link = || Some(format!("{}/storage/{}", wish.public_base_url.as_ref()?, drawn.name.as_ref()?));
            drawn.url.clone().or_else(link).map(Place::Url).or_else(bytes)
        }
    }
}

/// The answer of an image endpoint.
pub(crate) fn images(finished: &Finished, wish: &Wish, created: i64) -> Response<Body> {
    let summary = &finished.summary;
    let mut out = Composer::default();
    out.raw("{\"created\":").raw(&created.to_string());
    for (name, value) in details(finished, wish) {
        out.raw(",").value(&Value::from(name)).raw(":").value(&value);
    }
    out.raw(",\"data\":[");
    for (i, drawn) in finished.pictures.iter().enumerate() {
        out.raw(if i == 0 { "{" } else { ",{" });
        item(&mut out, drawn, wish);
        out.raw("}");
    }
    out.raw("]");
    let warnings = warnings(summary);
    if !warnings.is_empty() {
        out.raw(",\"warnings\":").value(&json!(warnings));
    }
    out.raw("}");
    let mut response = json_response(out.finish());
    set_summary(response.headers_mut(), summary);
    response
}

fn item(out: &mut Composer, drawn: &Drawn, wish: &Wish) {
    let mut comma = "";
    if let Some(place) = place(drawn, wish) {
        comma = ",";
        match (place, wish.form) {
            (Place::Url(url), _) => out.raw("\"url\":").value(&Value::from(url)),
            (Place::Bytes(picture), ResponseForm::Base64) => out.raw("\"b64_json\":\"").base64(&picture.blob).raw("\""),
            (Place::Bytes(picture), ResponseForm::Url) => {
                out.raw("\"url\":\"data:").raw(picture.probe.format.media_type()).raw(";base64,").base64(&picture.blob).raw("\"")
            }
        };
    }
    if let Some(prompt) = &drawn.revised_prompt {
        out.raw(comma).raw("\"revised_prompt\":").value(&Value::from(prompt.as_str()));
    }
}

/// `background`, `output_format`, `quality`, `size`: only where true for all pictures and among the
/// values that strict clients know.
fn details(finished: &Finished, wish: &Wish) -> Vec<(&'static str, Value)> {
    let ignored = |name: &str| finished.summary.ignored.iter().any(|field| field == name);
    let mut details = Vec::new();
    match wish.background {
        Some(background @ (Background::Transparent | Background::Opaque)) if !ignored("background") => {
            details.push(("background", Value::from(background.name())));
        }
        Some(_) | None => {}
    }
    let probes: Vec<_> = finished.pictures.iter().filter_map(|drawn| drawn.picture.as_ref().map(|picture| picture.probe)).collect();
    if probes.len() == finished.pictures.len() && !probes.is_empty() {
        let (format, size) = (probes[0].format, probes[0].size);
        if probes.iter().all(|probe| probe.format == format) && format != Format::Gif {
            details.push(("output_format", Value::from(format.openai_name())));
        }
        let size = known_size(&size.to_string());
        if let Some(size) = size.filter(|size| probes.iter().all(|probe| probe.size.to_string() == *size)) {
            details.push(("size", Value::from(size)));
        }
    }
    if let Some(quality) = known_quality(wish.quality).filter(|_| !ignored("quality")) {
        details.push(("quality", Value::from(quality)));
    }
    details
}

/// The sizes that strict clients know in answers.
pub(crate) fn known_size(size: &str) -> Option<&'static str> {
    ["1024x1024", "1024x1536", "1536x1024"].into_iter().find(|known| *known == size)
}

/// The qualities that strict clients know in answers.
pub(crate) fn known_quality(quality: Option<Quality>) -> Option<&'static str> {
    match quality? {
        quality @ (Quality::Low | Quality::Medium | Quality::High) => Some(quality.name()),
        Quality::Auto | Quality::Standard | Quality::Hd | Quality::Xhigh | Quality::Max => None,
    }
}

/// What the caller should know: above all that fewer pictures came than were asked for.
pub(crate) fn warnings(summary: &Summary) -> Vec<String> {
    let mut warnings = summary.warnings.clone();
    if warnings.is_empty() {
        warnings.extend(shortfall(summary, Language::English));
    }
    warnings
}

/// The sentence about pictures that are missing, if some are.
pub(crate) fn shortfall(summary: &Summary, language: Language) -> Option<String> {
    let (drawn, asked) = (summary.pictures, summary.asked);
    (drawn < asked).then(|| match language {
        Language::English => format!("Only {drawn} of {asked} pictures could be drawn."),
        Language::Chinese => format!("仅完成 {asked} 张图片中的 {drawn} 张。"),
    })
}

/// The same for people who read along: how many pictures came is said in their language.
pub(crate) fn remarks(summary: &Summary, language: Language) -> Vec<String> {
    let counted = format!("{} of {} pictures were drawn", summary.pictures, summary.asked);
    let others = summary.warnings.iter().filter(|warning| !warning.starts_with(&counted)).cloned();
    shortfall(summary, language).into_iter().chain(others).collect()
}

/// A JSON response whose length is known before a byte of it is read.
pub(crate) fn json_response(pieces: Vec<Piece>) -> Response<Body> {
    let body = PieceBody::new(pieces);
    let length = body.len();
    let mut response = Response::new(Body::new(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// The headers that tell who drew, and how.
pub(crate) fn set_summary(headers: &mut HeaderMap, summary: &Summary) {
    set_headers(headers, Some(&summary.provider), Some(&summary.model), usize::try_from(summary.attempts).unwrap_or(usize::MAX));
    let revised = summary.revised.iter().find(|(name, _)| name == "size").map(|(_, value)| value.clone()).unwrap_or_default();
    for (name, text) in [(IGNORED, summary.ignored.join(", ")), (WARNING, warnings(summary).join(" ")), (REVISED_SIZE, revised)] {
        set(headers, name, &text);
    }
}

/// The three headers of every answer that reached a platform.
pub(crate) fn set_headers(headers: &mut HeaderMap, provider: Option<&str>, model: Option<&str>, attempts: usize) {
    let Some(provider) = provider else { return };
    set(headers, PROVIDER, provider);
    set(headers, MODEL, model.unwrap_or_default());
    set(headers, ATTEMPTS, &attempts.to_string());
}

/// A header's value in visible ASCII; nothing for an empty text.
fn set(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    let plain: String = text.chars().map(|ch| if ch.is_ascii_graphic() || ch == ' ' { ch } else { '?' }).take(HEADER).collect();
    if let Ok(value) = HeaderValue::from_str(plain.trim())
        && !value.is_empty()
    {
        headers.insert(name, value);
    }
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
