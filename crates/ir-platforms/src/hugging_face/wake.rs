//! Finding a Space awake: its first answer, its state, and the pauses between.

use super::{ROWS, get, nonsense};
use crate::openai_like as openai;
use crate::{Call, Next, Reply};
use ir_model::{Charge, Class, Fault, Job, Node};
use serde_json::{Value, json};
use url::Url;

/// Times that a Space is looked at until it is awake, and the pause between (the JS client's).
const WAKES: u64 = 10;
const WAKE_MS: u64 = 5000;

/// Asks what the Space runs. The base address must be one: everything is built on it.
pub(super) fn look(job: &Job, tries: u64) -> Result<Call, Fault> {
    let sound =
        Url::parse(&job.base_url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none());
    if !sound {
        return Err(nonsense("has no absolute http(s) address"));
    }
    let memo = json!({"step": "config", "tries": tries});
    Ok(get(job, format!("{}/config", job.base_url), "application/json").harmless().memo(memo))
}

/// What follows when a Space does not answer: its state, where HuggingFace tells it, else a pause.
pub(super) fn asleep(job: &Job, memo: &Value, reply: &Reply) -> Result<Next, Fault> {
    let tries = memo["tries"].as_u64().unwrap_or(WAKES);
    if tries >= WAKES {
        let fault = openai::fault_by(ROWS, reply);
        return Err(Fault { class: Class::Overloaded, charge: Charge::No, ..fault }.detail("the Space did not wake up in time"));
    }
    let host = Url::parse(&job.base_url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    let Some(space) = host.strip_suffix(".hf.space") else { return Ok(Next::Then(again(job, memo)?)) };
    let url = format!("{}/api/spaces/by-subdomain/{space}", job.home);
    Ok(Next::Then(get(job, url, "application/json").harmless().memo(json!({"step": "runtime", "tries": tries}))))
}

/// Another look at a Space that has to wake up.
pub(super) fn again(job: &Job, memo: &Value) -> Result<Call, Fault> {
    Ok(look(job, memo["tries"].as_u64().unwrap_or(WAKES) + 1)?.after(WAKE_MS))
}

/// Reads a Space's state: looking at it wakes it, but not if it was stopped or is broken. That is
/// nobody's fault, and does not pass by asking once more.
pub(super) fn state(job: &Job, memo: &Value, document: &Node) -> Result<Call, Fault> {
    let stage = document.at(&["runtime", "stage"]).and_then(Node::as_str).unwrap_or_default().to_ascii_uppercase();
    if matches!(stage.as_str(), "PAUSED" | "STOPPED" | "DELETING" | "NO_APP_FILE") || stage.ends_with("_ERROR") {
        return Err(Fault::new(Class::Overloaded).charged(Charge::No).detail(format!("the Space is in the state {stage}")));
    }
    again(job, memo)
}
