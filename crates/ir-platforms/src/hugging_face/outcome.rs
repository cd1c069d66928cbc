//! The end of a call: where the picture is that a Space drew.

use super::{get, nonsense, words};
use crate::Progress;
use crate::openai_like as openai;
use ir_model::{Charge, Class, Fault, Job, Node, Output};
use serde_json::{Value, json};
use url::Url;

/// The end of the call: a file to fetch, with the key where there is one, or why there is none.
pub(super) fn completed(job: &Job, memo: &Value, document: &Node) -> Result<Progress, Fault> {
    let missing = Node::Null;
    let output = document.get("output").unwrap_or(&missing);
    let succeeded = !matches!(document.get("success"), Some(Node::Bool(false)));
    if !succeeded || output.get("data").is_none() {
        return Err(words::fault(&words::of(document)));
    }
    let found = output.get("data").and_then(Node::as_array).unwrap_or_default().iter().find_map(|item| file(item, 0));
    match found {
        Some(Found::Path(path)) => {
            // Built here: what Gradio 4 says about its own address may be wrong.
            let prefix = memo["prefix"].as_str().unwrap_or_default();
            let mut url = Url::parse(&job.base_url).map_err(|_| nonsense("has no address"))?;
            url.set_path(&format!("{}{prefix}/file={path}", url.path().trim_end_matches('/')));
            let memo = json!({"step": "file", "url": url.as_str(), "tries": 1});
            Ok(Progress::Then(get(job, url.into(), "image/*").memo(memo)))
        }
        Some(Found::Output(output)) => Ok(Progress::Picture(output)),
        None => Err(Fault::new(Class::UpstreamFault).charged(Charge::Maybe).detail("the Space's answer holds no picture")),
    }
}

enum Found {
    Path(String),
    Output(Output),
}

/// The first picture in an output: a file, a gallery, a pair, an update that holds one, a data URI.
fn file(node: &Node, depth: u32) -> Option<Found> {
    if depth > 4 {
        return None;
    }
    if let Some(path) = node.get("path").and_then(Node::as_filled_str).filter(|path| !path.starts_with("http")) {
        return Some(Found::Path(path.to_owned()));
    }
    match node {
        // Of a pair (before, after) the last one is the result; of a gallery the first.
        Node::Array(items) if items.len() == 2 && depth > 0 => items.iter().rev().find_map(|item| file(item, depth + 1)),
        Node::Array(items) => items.iter().find_map(|item| file(item, depth + 1)),
        Node::Object(map) => ["image", "value", "composite"]
            .iter()
            .find_map(|name| file(map.get(name)?, depth + 1))
            .or_else(|| openai::item(node).map(Found::Output)),
        other => openai::item(other).map(Found::Output),
    }
}
