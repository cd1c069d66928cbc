//! Fakes and golden files for the tests of this crate.
//! `UPDATE_GOLDEN=1 cargo nextest run -p ir-platforms` writes the files anew.

#![expect(clippy::disallowed_methods, reason = "golden files are read and, when asked for by the environment, written")]

use ir_model::{Blob, Extras, Flaw, Format, Input, Job, Picture, Probe, ResponseForm, Secret, Size, Spooled, Task};
use ir_platforms::{ADAPTERS, Adapter, Call, CallBody, HeaderValue, PartBody, Target};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

/// Bytes that exist only as a header's word.
#[derive(Debug)]
struct Fake(Probe, u64);

impl Spooled for Fake {
    fn size(&self) -> u64 {
        self.1
    }
    fn probe(&self) -> Result<Probe, Flaw> {
        Ok(self.0)
    }
    fn sha256(&self) -> [u8; 32] {
        [7; 32]
    }
}

pub(crate) fn blob(format: Format, width: u32, height: u32) -> Blob {
    Blob::new(Arc::new(Fake(Probe { format, size: Size::new(width, height), alpha: false }, 4711)))
}

pub(crate) fn picture(format: Format, width: u32, height: u32) -> Picture {
    Picture::from_blob(blob(format, width, height)).expect("a fake is whole")
}

pub(crate) fn input(format: Format) -> Input {
    Input { picture: picture(format, 640, 480), url: Some("https://pictures.example/in".to_owned()) }
}

/// The least that a platform must be able to draw.
pub(crate) fn job(task: Task) -> Job {
    Job {
        task,
        model: "a-model".to_owned(),
        prompt: "a red fox".to_owned(),
        n: 1,
        size: None,
        pictures: match task {
            Task::Text => vec![],
            Task::Edit => vec![input(Format::Png)],
            Task::Blend => vec![input(Format::Png), input(Format::Jpeg)],
        },
        mask: None,
        form: ResponseForm::Url,
        extras: Extras::default(),
        base_url: "https://relay.example/v1".to_owned(),
        key: Some(Secret::new(KEY)),
        key_id: None,
        entropy: 99,
        home: "https://hub.example".to_owned(),
        watermark: true,
    }
}

/// Every platform through each of its APIs.
pub(crate) fn apis() -> Vec<&'static dyn Adapter> {
    let others = ADAPTERS.iter().filter_map(|adapter| adapter.api("legacy"));
    ADAPTERS.iter().copied().chain(others).collect()
}

/// A key that must never show.
pub(crate) const KEY: &str = "sk-newapi-do-not-show-this-0123456789";

/// Compares with a file that a person can read.
pub(crate) fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).expect("the golden folder can be written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == text, "{name} differs; what came out:\n{text}");
}

/// A call as text.
pub(crate) fn show(call: &Call) -> String {
    let Target::Http { method, url, headers } = &call.target else { panic!("over HTTP") };
    let mut out = format!("{method:?} {url}\n");
    if call.after_ms > 0 {
        let _ = writeln!(out, "(after {} ms)", call.after_ms);
    }
    if call.harmless {
        out.push_str("(cannot be charged)\n");
    }
    if !call.memo.is_null() {
        let _ = writeln!(out, "(remembers {})", call.memo);
    }
    for (name, value) in headers {
        let value = match value {
            HeaderValue::Plain(text) => text.clone(),
            HeaderValue::Bearer(_) => "Bearer <key>".to_owned(),
            HeaderValue::Secret(_) => "<key>".to_owned(),
        };
        let _ = writeln!(out, "{name}: {value}");
    }
    match &call.body {
        CallBody::None => {}
        CallBody::Json(node) => {
            let _ = writeln!(out, "\n{}", serde_json::to_string_pretty(&node.to_value_lossy()).expect("JSON"));
        }
        CallBody::Multipart(parts) => {
            out.push_str("\nmultipart/form-data\n");
            for part in parts {
                let _ = match &part.body {
                    PartBody::Text(text) => writeln!(out, "  {} = {text}", part.name),
                    PartBody::File { filename, media_type, blob } => {
                        writeln!(out, "  {} = file {filename} ({media_type}, {} bytes)", part.name, blob.size())
                    }
                };
            }
        }
    }
    out
}
