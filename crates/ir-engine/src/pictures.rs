//! From what a platform's reply points at to a picture that is checked, stored and listed.

use crate::engine::Engine;
use crate::told::Told;
use ir_egress::{ExchangeLimits, Purpose};
use ir_model::{Blob, Charge, Class, Drawn, Fault, Flaw, Gate, Output, Picture, Source, hex};
use ir_spool::{Alphabet, Sidecar};
use ir_store::PictureRecord;
use std::sync::Arc;
use std::time::Duration;

/// Tries at fetching a drawn picture: fetching costs nothing, drawing it again would.
const FETCHES: u32 = 3;
/// How long an answer waits for the bucket, where pictures have a public address there.
const LINK_PATIENCE: Duration = Duration::from_secs(3);

/// What is known of a picture besides its bytes.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub prompt: String,
    /// What was sent in its place, if it was improved.
    pub used_prompt: String,
    pub model: String,
    pub provider: &'static str,
    pub task: ir_model::Task,
    pub request_id: String,
    pub client: String,
    /// Whether an address is wanted.
    pub linked: bool,
}

/// Checks, stores and lists one output.
pub(crate) async fn take(engine: &Engine, output: Output, origin: &Origin, limits: &ExchangeLimits) -> Result<Drawn, Fault> {
    let told = output.revised_prompt.unwrap_or_else(|| origin.used_prompt.clone());
    let revised_prompt = Some(told).filter(|text| *text != origin.prompt);
    let (picture, url) = match output.source {
        Source::Lifted(bytes) => (Some(whole(bytes.blob)?), None),
        Source::Body(blob) => (Some(whole(blob)?), None),
        Source::Base64(text) => (Some(decode(engine, &text).await?), None),
        Source::Url(url) if url.starts_with("data:") => (Some(decode(engine, &url).await?), None),
        Source::Url(url) => (fetch(engine, &url, limits).await?, Some(url)),
    };
    // It is paid for: a disk that fails now must not take it from the caller as well.
    let name = match &picture {
        Some(picture) => keep(engine, picture, origin, revised_prompt.clone())
            .await
            .inspect_err(|error| tracing::error!(request_id = origin.request_id, error, "a drawn picture could not be stored"))
            .ok(),
        None => None,
    };
    // The operator's own address lasts; a platform's hardly ever does.
    let ours = match &name {
        Some(name) if origin.linked => engine.outbox.public_link(name, LINK_PATIENCE).await,
        _ => None,
    };
    Ok(Drawn { picture, name, url: ours.or(url), revised_prompt })
}

/// A drawn picture that cannot be used was charged all the same.
fn flawed(flaw: Flaw) -> Fault {
    Fault::new(Class::UpstreamFault).charged(Charge::Yes).detail(format!("the platform's picture cannot be used: {flaw}"))
}

fn whole(blob: Blob) -> Result<Picture, Fault> {
    Picture::from_blob(blob).map_err(flawed)
}

async fn decode(engine: &Engine, text: &str) -> Result<Picture, Fault> {
    let blob = engine.spool.from_base64(text, Alphabet::Either).await.map_err(|error| {
        Fault::new(Class::UpstreamFault).charged(Charge::Yes).detail(format!("the platform's base64 cannot be used: {error}"))
    })?;
    whole(blob)
}

/// Fetches a drawn picture, without credentials, a few times. `None`: it could not be had; its
/// address is all that the caller can get.
async fn fetch(engine: &Engine, url: &str, limits: &ExchangeLimits) -> Result<Option<Picture>, Fault> {
    let mut pause = Duration::from_millis(250);
    for turn in 1..=FETCHES {
        match engine.door.download(url, Purpose::Drawn, limits).await {
            Ok(picture) => return Ok(Some(picture)),
            Err(fault) => {
                let final_ = matches!(fault.class, Class::Gate(Gate::UrlNotAllowed));
                if final_ {
                    return Err(Fault::new(Class::UpstreamFault).charged(Charge::Yes).detail(format!(
                        "the platform's picture lies at an address that is not allowed: {}",
                        fault.detail.unwrap_or_default()
                    )));
                }
                if matches!(fault.class, Class::Gate(Gate::ImageInvalid | Gate::ImageType | Gate::ImageTooLarge)) {
                    return Err(Fault::new(Class::UpstreamFault)
                        .charged(Charge::Yes)
                        .detail(fault.detail.unwrap_or_else(|| "the platform's address holds no usable picture".to_owned())));
                }
                tracing::warn!(turn, class = fault.class.name(), detail = fault.detail, "a drawn picture could not be fetched");
            }
        }
        if turn < FETCHES && tokio::time::timeout_at(limits.deadline, tokio::time::sleep(pause)).await.is_err() {
            break;
        }
        pause *= 4;
    }
    Ok(None)
}

/// Stores a picture and its row. When this returns its name, the picture survives whatever happens.
async fn keep(engine: &Engine, picture: &Picture, origin: &Origin, revised_prompt: Option<String>) -> Result<String, String> {
    let now = engine.clock.now();
    let name = engine.pictures.name_for(now, picture.probe.format);
    let record = PictureRecord {
        name: name.clone(),
        path: String::new(),
        sha256: hex(&picture.blob.sha256()),
        bytes: picture.blob.size(),
        format: picture.probe.format,
        size: picture.probe.size,
        prompt: origin.prompt.clone(),
        revised_prompt,
        model: origin.model.clone(),
        provider: origin.provider.to_owned(),
        task: origin.task.name().to_owned(),
        created: now,
        request_id: origin.request_id.clone(),
        client: origin.client.clone(),
    };
    let path = engine.pictures.keep(picture, &name, &sidecar(&record, picture)).await.map_err(|error| error.to_string())?;
    let record = PictureRecord { path, ..record };
    engine.store.add(record.clone()).await.map_err(|error| error.to_string())?;
    engine.feed.push(Told::Picture(Arc::new(record)));
    engine.outbox.wake();
    Ok(name)
}

/// What is kept beside a picture.
pub(crate) fn sidecar(record: &PictureRecord, picture: &Picture) -> Sidecar {
    Sidecar {
        prompt: record.prompt.clone(),
        revised_prompt: record.revised_prompt.clone(),
        model: record.model.clone(),
        provider: record.provider.clone(),
        task: record.task.clone(),
        created_ms: record.created.0,
        request_id: record.request_id.clone(),
        client: record.client.clone(),
        ..Sidecar::of(picture, &record.name)
    }
}
