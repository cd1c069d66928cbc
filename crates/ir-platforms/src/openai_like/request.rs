//! Writing requests in OpenAI's words.

use crate::{Call, CallBody, HeaderValue, Method, Part, PartBody, Target};
use ir_model::{Charge, Class, Extras, Fault, Input, Job, LiftedBytes, Map, Node, Picture, ResponseForm, Secret, Task};
use serde_json::{Number, Value};
use url::Url;

/// Endpoints that an operator may have pasted as the base address.
const ENDPOINTS: [&str; 3] = ["/images/generations", "/images/edits", "/chat/completions"];

/// Fields that an unknown field of the caller's must never replace or bring in: those that carry
/// the job, and those that change the form of the answer (`stream`, `async`).
const RESERVED: [&str; 12] =
    ["model", "prompt", "n", "size", "response_format", "image", "images", "image[]", "mask", "stream", "partial_images", "async"];

/// The exchange that draws a job: `POST …/images/generations` with a JSON body, or
/// `POST …/images/edits` as a form when there are pictures (blending is editing with several).
///
/// `n` is always written: some models behind relays draw four when it is absent. `size` is written
/// only when one was settled. `response_format` is written only when the caller wants base64, and
/// never for GPT image models, which refuse it: an absent field is refused by nobody, and the
/// answer is read in either form. A stream is asked for where previews are wanted, of those models
/// alone: others do not know it.
///
/// # Errors
/// `InvalidRequest` for an edit without a picture; `NoKey` without a key; `UpstreamFault` for a base
/// address that is none.
pub(crate) fn draw(job: &Job) -> Result<Call, Fault> {
    let (path, body) = match job.task {
        Task::Text => ("/images/generations", CallBody::Json(fields(job).into())),
        Task::Edit | Task::Blend => ("/images/edits", CallBody::Multipart(form(job)?)),
    };
    send(job, path, body, &[])
}

/// A POST below the base address, with the job's key and further headers.
///
/// # Errors
/// `NoKey` without a key; `UpstreamFault` for a base address that is none.
pub(crate) fn send(job: &Job, path: &str, body: CallBody, more: &[(&'static str, &str)]) -> Result<Call, Fault> {
    let key = job.key.as_ref().ok_or_else(|| Fault::new(Class::NoKey))?;
    let url = endpoint(&job.base_url, path)?;
    Ok(Call::new(Target::Http { method: Method::Post, url, headers: headers(Some(key), more) }, body))
}

/// A GET below the base address.
///
/// # Errors
/// As [`send`].
pub(crate) fn get(job: &Job, path: &str, more: &[(&'static str, &str)]) -> Result<Call, Fault> {
    let url = endpoint(&job.base_url, path)?;
    Ok(Call::new(Target::Http { method: Method::Get, url, headers: headers(job.key.as_ref(), more) }, CallBody::None))
}

fn headers(key: Option<&Secret>, more: &[(&'static str, &str)]) -> Vec<(&'static str, HeaderValue)> {
    let mut headers: Vec<_> = key.map(|key| ("authorization", HeaderValue::Bearer(key.clone()))).into_iter().collect();
    headers.push(("accept", HeaderValue::Plain("application/json".to_owned())));
    headers.extend(more.iter().map(|(name, value)| (*name, HeaderValue::Plain((*value).to_owned()))));
    headers
}

/// The exchange that lists models. `None` when the base address is none.
pub(crate) fn list_models(base_url: &str, key: Option<&Secret>) -> Option<Call> {
    let url = endpoint(base_url, "/models").ok()?;
    Some(Call::new(Target::Http { method: Method::Get, url, headers: headers(key, &[]) }, CallBody::None))
}

/// A POST for [`crate::Adapter::probe`]. `None` when the base address is none.
pub(crate) fn probe(base_url: &str, path: &str, key: &Secret, body: CallBody) -> Option<Call> {
    let url = endpoint(base_url, path).ok()?;
    Some(Call::new(Target::Http { method: Method::Post, url, headers: headers(Some(key), &[]) }, body))
}

/// Joins a base address and a path below `/v1`. The base may be a host, end in `/v1` (any `/v` and
/// digits), or be a full endpoint address: then `path` stands in the endpoint's place, so that one
/// pasted address serves both drawing and editing. A query (Azure's `api-version`) is kept.
fn endpoint(base: &str, path: &str) -> Result<String, Fault> {
    let (address, query) = match base.trim().split_once('?') {
        Some((address, query)) => (address, Some(query)),
        None => (base.trim(), None),
    };
    let address = address.trim_end_matches('/');
    if !is_http_origin(address) {
        return Err(Fault::new(Class::UpstreamFault).charged(Charge::No).detail("the base address is not an absolute http(s) URL").say(
            "This platform's base URL is missing or is not an absolute http(s) address. Set it in the configuration.",
            "该平台的 baseUrl 未设置或不是完整的 http(s) 地址，请在配置中填写。",
        ));
    }
    let mut url = match ENDPOINTS.iter().find_map(|tail| address.strip_suffix(tail)) {
        Some(root) => format!("{root}{path}"),
        None if ends_in_version(address) => format!("{address}{path}"),
        None => format!("{address}/v1{path}"),
    };
    if let Some(query) = query.filter(|query| !query.is_empty()) {
        url.push('?');
        url.push_str(query);
    }
    Ok(url)
}

/// Whether this is an `http(s)` address with a host and without credentials or a fragment.
fn is_http_origin(address: &str) -> bool {
    Url::parse(address).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
    })
}

/// Whether an address ends in `/v1`, `/v3`, ….
fn ends_in_version(address: &str) -> bool {
    let digits = address.rsplit('/').next().and_then(|last| last.strip_prefix('v'));
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// GPT image models (`gpt-image-2`, `chatgpt-image-latest`, `openai/gpt-image-2`) always answer with
/// base64 and refuse `response_format`.
fn always_base64(model: &str) -> bool {
    model.to_ascii_lowercase().contains("gpt-image")
}

/// Everything but the pictures, in the order in which it is written.
fn fields(job: &Job) -> Map {
    let mut map = Map::default();
    let text = |text: &str| Node::String(text.to_owned());
    map.set("model", text(&job.model));
    map.set("prompt", text(&job.prompt));
    map.set("n", Value::from(job.n.max(1)));
    if let Some(size) = job.size {
        map.set("size", text(&size.to_string()));
    }
    if job.form == ResponseForm::Base64 && !always_base64(&job.model) {
        map.set("response_format", text("b64_json"));
    }
    if job.extras.partial_images > 0 && always_base64(&job.model) {
        map.set("stream", Value::from(true));
        map.set("partial_images", Value::from(job.extras.partial_images));
    }
    wishes(&job.extras, job.task != Task::Text, &mut map);
    for (name, node) in &job.extras.unknown.0 {
        if !RESERVED.contains(&name.as_str()) && map.get(name).is_none() {
            map.set(name, node.clone());
        }
    }
    map
}

/// The optional wishes: each is written only when it was asked for.
fn wishes(extras: &Extras, edits: bool, map: &mut Map) {
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            map.set(name, value);
        }
    };
    put("quality", extras.quality.map(|v| v.name().into()));
    put("style", extras.style.as_deref().map(Value::from));
    put("background", extras.background.map(|v| v.name().into()));
    put("output_format", extras.output_format.map(|v| v.openai_name().into()));
    put("output_compression", extras.output_compression.map(Value::from));
    put("moderation", extras.moderation.as_deref().map(Value::from));
    if edits {
        put("input_fidelity", extras.input_fidelity.as_deref().map(Value::from));
    }
    put("user", extras.user.as_deref().map(Value::from));
    sampling(extras, ["seed", "steps", "guidance_scale", "negative_prompt"], map);
}

/// Seed, steps, guidance and negative prompt by the names that a platform has for them, each only
/// when it was asked for.
pub(crate) fn sampling(extras: &Extras, names: [&str; 4], map: &mut Map) {
    let values = [
        extras.seed.map(Value::from),
        extras.steps.map(Value::from),
        extras.guidance_scale.and_then(Number::from_f64).map(Value::Number),
        extras.negative_prompt.as_deref().map(Value::from),
    ];
    for (name, value) in names.into_iter().zip(values) {
        if let Some(value) = value {
            map.set(name, value);
        }
    }
}

/// Wishes with the seed folded to at most `most`: what is above is refused, and the same seed still
/// gives the same picture.
pub(crate) fn folded(extras: &Extras, most: u64) -> Extras {
    Extras { seed: extras.seed.map(|seed| seed % (most + 1)), ..extras.clone() }
}

/// An input picture as text: its address where it has one, else a data URI (`data:image/png;base64,…`,
/// the format in lower case).
pub(crate) fn address_or_data(input: &Input) -> Node {
    match &input.url {
        Some(url) => Node::String(url.clone()),
        None => data_uri(input),
    }
}

/// An input picture as a data URI.
pub(crate) fn data_uri(input: &Input) -> Node {
    let data_uri = Some(input.picture.probe.format.media_type().to_owned());
    LiftedBytes { blob: input.picture.blob.clone(), data_uri }.into()
}

/// The form of an edit: fields first, then pictures, then the mask. One picture is a part `image`,
/// several are parts `image[]`, as OpenAI's SDKs write them; relays that know only `image` take the
/// common case of one.
fn form(job: &Job) -> Result<Vec<Part>, Fault> {
    let name = if job.pictures.len() == 1 { "image" } else { "image[]" };
    form_of(job, &fields(job), name)
}

/// Whether a job has the pictures that its task needs.
///
/// # Errors
/// `InvalidRequest` for an edit without a picture.
pub(crate) fn need_pictures(job: &Job) -> Result<(), Fault> {
    if job.task == Task::Text || !job.pictures.is_empty() {
        return Ok(());
    }
    Err(Fault::new(Class::InvalidRequest)
        .param("image")
        .everywhere()
        .say("Editing needs at least one picture in `image`.", "编辑图片时 `image` 至少要有一张图片。"))
}

/// A form of fields, then the job's pictures under one name, then its mask.
///
/// # Errors
/// `InvalidRequest` without a picture.
pub(crate) fn form_of(job: &Job, fields: &Map, name: &str) -> Result<Vec<Part>, Fault> {
    need_pictures(job)?;
    let mut parts = Vec::new();
    for (name, node) in &fields.0 {
        flatten(name, node, &mut parts);
    }
    for (at, input) in job.pictures.iter().enumerate() {
        parts.push(file(name, &format!("image-{}", at + 1), &input.picture));
    }
    parts.extend(job.mask.as_ref().map(|mask| file("mask", "mask", mask)));
    Ok(parts)
}

/// A picture as a part. The media type is the one that its bytes have: some relays refuse
/// `application/octet-stream`.
fn file(name: &str, stem: &str, picture: &Picture) -> Part {
    let format = picture.probe.format;
    let filename = format!("{stem}.{}", format.extension());
    Part { name: name.to_owned(), body: PartBody::File { filename, media_type: format.media_type(), blob: picture.blob.clone() } }
}

/// Writes a JSON value as form fields the way OpenAI's SDKs do: scalars as text, `name[key]` for
/// members, `name[]` for elements. `null` is absent. A string too long for memory is no form field
/// of any platform and is left out, as are names that could not stand in a part's header. The depth
/// is that of the caller's document, at most 128.
fn flatten(name: &str, node: &Node, parts: &mut Vec<Part>) {
    let text = match node {
        Node::Bool(value) => value.to_string(),
        Node::Number(value) => value.to_string(),
        Node::String(value) => value.clone(),
        Node::Array(items) => return items.iter().for_each(|item| flatten(&format!("{name}[]"), item, parts)),
        Node::Object(map) => return map.0.iter().for_each(|(key, item)| flatten(&format!("{name}[{key}]"), item, parts)),
        Node::Bytes(bytes) => {
            if let Ok(picture) = Picture::from_blob(bytes.blob.clone()) {
                parts.push(file(name, "file", &picture));
            }
            return;
        }
        Node::Null | Node::Text(_) => return,
    };
    if !name.chars().any(|c| c.is_control() || c == '"') {
        parts.push(Part { name: name.to_owned(), body: PartBody::Text(text) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_addresses_join_by_the_rule() {
        let cases = [
            ("https://relay.example", "https://relay.example/v1/images/edits"),
            ("https://relay.example/", "https://relay.example/v1/images/edits"),
            ("https://relay.example/v1", "https://relay.example/v1/images/edits"),
            (" https://relay.example/v1// ", "https://relay.example/v1/images/edits"),
            ("https://relay.example/api/v3", "https://relay.example/api/v3/images/edits"),
            ("https://relay.example/openai", "https://relay.example/openai/v1/images/edits"),
            ("https://relay.example/v1/images/generations", "https://relay.example/v1/images/edits"),
            ("https://relay.example/draw/images/edits", "https://relay.example/draw/images/edits"),
            ("https://relay.example/v1/chat/completions", "https://relay.example/v1/images/edits"),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000/v1/images/edits"),
            (
                "https://a.example/openai/deployments/d/images/edits?api-version=2025-04-01",
                "https://a.example/openai/deployments/d/images/edits?api-version=2025-04-01",
            ),
        ];
        for (base, url) in cases {
            assert_eq!(endpoint(base, "/images/edits").expect(base), url, "{base}");
        }
    }

    #[test]
    fn other_base_addresses_are_refused_without_charge() {
        for base in ["", "relay.example/v1", "ftp://relay.example", "https://user:pass@relay.example", "https://", "https://a.example/#/x"]
        {
            let fault = endpoint(base, "/models").expect_err(base);
            assert_eq!((fault.class, fault.charge), (Class::UpstreamFault, Charge::No), "{base}");
        }
    }
}
