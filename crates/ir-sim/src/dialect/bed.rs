//! A CloudFlare-ImgBed: takes files and serves them.

use http::Method;
use serde_json::{Value, json};

use super::{Manners, Refused, Scene, Visit, inputs, nowhere};
use crate::answer::Draft;
use crate::behaviour::ErrorBody;

/// An image bed. Its errors are plain words.
pub(crate) struct Bed;

impl Manners for Bed {
    fn paths(&self) -> &'static [&'static str] {
        &["POST /upload", "GET /file/{id}"]
    }

    fn cases(&self) -> &'static [&'static str] {
        &["relative", "full", "code"]
    }

    fn draws(&self, method: &Method, path: &str) -> bool {
        method == Method::POST && path.ends_with("/upload")
    }

    /// Codes are looked for in more places than keys, and files are for all.
    fn open(&self, _visit: &Visit<'_>) -> bool {
        true
    }

    fn answer(&self, scene: &Scene<'_>) -> Result<Draft, Refused> {
        if scene.visit.draws {
            return upload(scene);
        }
        match scene.visit.path().split_once("/file/") {
            Some((_, id)) if scene.visit.head.method == Method::GET => {
                let file = scene.visit.stage.keep.uploads.look(&inputs::decoded(id), |file| file.clone()).ok_or_else(nowhere)?;
                let kind = image::guess_format(&file).map_or("application/octet-stream", |format| format.to_mime_type());
                Ok(Draft::bytes(kind, file))
            }
            _ => Err(nowhere()),
        }
    }

    fn error(&self, status: u16, error: &ErrorBody) -> Draft {
        let usual = match status {
            400 => "Error: No file provided",
            401 => "Unauthorized",
            403 => "Error: Your IP is blocked",
            404 => "Not Found",
            413 => "Error: The file is too large",
            _ => "Error: Failed to upload to S3 - the store did not answer",
        };
        let words = error.message.clone().unwrap_or_else(|| usual.into());
        Draft { status, ..Draft::bytes("text/plain; charset=utf-8", words) }
    }

    fn empty(&self) -> Value {
        json!([])
    }
}

/// The code, from where it is looked for first: an API token, the query, the query of the referring page, a header, a cookie.
fn code(visit: &Visit<'_>) -> Option<String> {
    let pair = |text: &str, ends: &[char]| {
        let mut pairs = text.split(ends).filter_map(|pair| pair.trim().strip_prefix("authCode="));
        pairs.next().map(inputs::decoded)
    };
    visit
        .key
        .map(str::to_owned)
        .or_else(|| visit.query("authCode"))
        .or_else(|| visit.header("referer").and_then(|page| pair(page.split_once('?')?.1, &['&'])))
        .or_else(|| visit.header("authcode").map(str::to_owned))
        .or_else(|| visit.header("cookie").and_then(|cookies| pair(cookies, &[';'])))
}

fn upload(scene: &Scene<'_>) -> Result<Draft, Refused> {
    let visit = scene.visit;
    let keys = visit.stage.config.keys.as_ref();
    if keys.is_some_and(|keys| code(visit).is_none_or(|code| !keys.contains(&code))) {
        return Err((401, ErrorBody::default()));
    }
    let file = visit.asked.parcel.files.iter().find(|file| file.name == "file").ok_or_else(|| (400, ErrorBody::default()))?;
    let name: String = file.filename.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '_' }).collect();
    let folder = visit.query("uploadFolder").map_or_else(String::new, |folder| format!("{}/", folder.trim_matches('/')));
    let number = scene.number();
    let id = match visit.query("uploadNameType").as_deref() {
        Some("origin") => format!("{folder}{name}"),
        Some("index" | "short") => format!("{folder}{number}.{}", name.rsplit('.').next().unwrap_or_default()),
        _ => format!("{folder}{}_{name}", 1_795_305_600_000 + number),
    };
    visit.stage.keep.uploads.put(id.clone(), file.bytes.clone());
    let (relative, full) = (format!("/file/{id}"), format!("{}/file/{id}", scene.url()));
    let document = match (scene.case, visit.query("returnFormat").as_deref()) {
        ("code", _) => json!({"code": 200, "data": {"url": full}}),
        ("full", _) | ("", Some("full")) => json!([{"src": full}]),
        _ => json!([{"src": relative}]),
    };
    Ok(Draft::document(200, &document))
}
