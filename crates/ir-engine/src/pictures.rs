//! From what a platform's reply points at to a picture that is checked, stored and listed.

use crate::disk::full;
use crate::engine::Engine;
use crate::told::Told;
use ir_egress::{ExchangeLimits, Purpose};
use ir_model::{Blob, Charge, Class, Drawn, Fault, Flaw, Gate, Output, Picture, Size, Source, Timestamp, hex};
use ir_spool::{Alphabet, Sidecar, SpoolError, is_out_of_descriptors};
use ir_store::{Cursor, Gallery, PictureRecord};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Tries at fetching a drawn picture: fetching costs nothing, drawing it again would.
const FETCHES: u32 = 3;
/// Sides up to which a picture is no drawing: what stands for one where there is none.
const TINY: u32 = 8;
/// Pixels per byte above which a picture may be of one colour: quick encoders take a byte for 40 of
/// them, JPEG for 64. Drawings have a byte for a few pixels and are not decoded.
const SPARSE: u64 = 32;
/// How long an answer waits for the bucket, where pictures have a public address there.
const LINK_PATIENCE: Duration = Duration::from_secs(3);

/// How long a picture that is paid for waits for the descriptors to keep it with, and between two tries.
const DESCRIPTOR_PATIENCE: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Pictures of the gallery that are compared at a time with one that may be there already.
const PAGE: u32 = 500;
/// Such pages: a hundred thousand pictures were drawn since then.
const MOST_PAGES: u32 = 200;

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
    /// What was asked for, if a size was.
    pub size: Option<Size>,
    /// When its request began: a clock that is set back must not make it older than that.
    pub began: Timestamp,
    /// An earlier run asked for it too, and may have stored it.
    pub again: bool,
    /// It comes from somewhere else, so that it may be a picture in place of a drawing.
    pub foreign: bool,
}

/// Checks a preview, which comes with the reply or not at all: nothing is fetched for it.
pub(crate) async fn preview(engine: &Engine, output: Output) -> Result<Picture, Fault> {
    match output.source {
        Source::Lifted(bytes) => whole(bytes.blob),
        Source::Base64(text) => decode(engine, &text).await,
        Source::Body(_) | Source::Url(_) => Err(Fault::new(Class::UpstreamFault).detail("a preview that is not in the reply")),
    }
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
    let doubted = picture.as_ref().filter(|_| origin.foreign);
    if let Some(size) = doubted.map(|picture| picture.probe.size).filter(|size| is_tiny(*size, origin.size)) {
        let detail = format!("the platform's picture has {size} pixels: it stands for one that is not there");
        return Err(Fault::new(Class::UpstreamFault).charged(Charge::Yes).detail(detail));
    }
    let blank = match doubted {
        Some(picture) => is_blank(engine, picture).await,
        None => false,
    };
    // It is paid for: a disk that fails now must not take it from the caller as well.
    let name = match &picture {
        Some(picture) => keep(engine, picture, origin, revised_prompt.clone())
            .await
            .inspect_err(|error| tracing::error!(request_id = origin.request_id, error, "a drawn picture could not be stored"))
            .ok(),
        None => None,
    };
    // It is in the gallery, lest a black picture that was wanted be lost; the request goes on.
    if blank {
        return Err(Fault::new(Class::TaskFailed).charged(Charge::Yes).detail("the picture is wholly black or transparent").say(
            "The platform answered with a wholly black or transparent picture, as safety checks do in place of a drawing.",
            "平台返回了一张全黑或全透明的图片，通常是安全检查代替绘图结果返回的占位图。",
        ));
    }
    // The operator's own address lasts; a platform's hardly ever does.
    let ours = match &name {
        Some(name) if origin.linked => engine.outbox.public_link(name, LINK_PATIENCE).await,
        _ => None,
    };
    Ok(Drawn { picture, name, url: ours.or(url), revised_prompt })
}

/// Whether a picture is far too small to be what was asked for.
fn is_tiny(size: Size, wanted: Option<Size>) -> bool {
    let tiny = |size: Size| size.width.max(size.height) <= TINY;
    tiny(size) && !wanted.is_some_and(tiny)
}

/// Whether a picture is wholly black or wholly transparent: what safety checkers give in place of a
/// drawing. Only one with suspiciously few bytes is looked at; one that cannot be decoded is not doubted.
async fn is_blank(engine: &Engine, picture: &Picture) -> bool {
    let is_sparse = picture.blob.size().saturating_mul(SPARSE) < picture.probe.size.pixels();
    is_sparse && engine.pictures.is_blank(picture).await.unwrap_or(false)
}

/// A drawn picture that cannot be used was charged all the same.
fn flawed(flaw: Flaw) -> Fault {
    Fault::new(Class::UpstreamFault).charged(Charge::Yes).detail(format!("the platform's picture cannot be used: {flaw}"))
}

fn whole(blob: Blob) -> Result<Picture, Fault> {
    Picture::from_blob(blob).map_err(flawed)
}

async fn decode(engine: &Engine, text: &str) -> Result<Picture, Fault> {
    let unusable = |detail: String| Fault::new(Class::UpstreamFault).charged(Charge::Yes).detail(detail);
    let blob = engine.spool.from_base64(text, Alphabet::Either).await.map_err(|error| match &error {
        SpoolError::Base64 { .. } | SpoolError::TooLarge { .. } => unusable(format!("the platform's base64 cannot be used: {error}")),
        // Our own fault: another platform's picture could not be taken either.
        SpoolError::Full => full().charged(Charge::Yes),
        SpoolError::Io(io) if is_out_of_descriptors(io) => {
            Fault::new(Class::Gate(Gate::Overloaded)).charged(Charge::Yes).detail(error.to_string())
        }
        SpoolError::Io(_) => {
            engine.disk.failed(&error);
            Fault::new(Class::Gate(Gate::Internal)).charged(Charge::Yes).detail(error.to_string())
        }
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
    if origin.again
        && let Some(name) = stored_before(engine, picture, origin).await?
    {
        return Ok(name);
    }
    let now = engine.clock.now().max(origin.began);
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
    let sidecar = sidecar(&record, picture);
    let end = Instant::now() + DESCRIPTOR_PATIENCE;
    let path = loop {
        match engine.pictures.keep(picture, &name, &sidecar).await {
            Ok(path) => break path,
            // The disk is well, and connections that end free some.
            Err(SpoolError::Io(error)) if is_out_of_descriptors(&error) => {
                if Instant::now() >= end {
                    return Err(error.to_string());
                }
                sleep(LOOK_AGAIN).await;
            }
            Err(error) => {
                engine.disk.failed(&error);
                return Err(error.to_string());
            }
        }
    };
    ir_crash::point("picture.kept");
    let record = PictureRecord { path, ..record };
    engine.store.add(record.clone()).await.map_err(|error| error.to_string())?;
    ir_crash::point("picture.listed");
    engine.feed.push(Told::Picture(Arc::new(record)));
    engine.outbox.wake();
    Ok(name)
}

/// The name of the same picture, where an earlier run stored it before it ended. An error where nobody can tell, as
/// while the process ends: its task is asked for again, and the picture is not stored twice.
async fn stored_before(engine: &Engine, picture: &Picture, origin: &Origin) -> Result<Option<String>, String> {
    // What that run stored without listing it is listed first.
    let _ = engine.adopted.subscribe().wait_for(|adopted| *adopted).await;
    let sha256 = hex(&picture.blob.sha256());
    let mut cursor = None;
    for _ in 0..MOST_PAGES {
        let page = Gallery::page(&*engine.store, cursor, PAGE).await.map_err(|error| error.to_string())?;
        if let Some(found) = page.iter().find(|found| found.sha256 == sha256 && found.provider == origin.provider) {
            return Ok(Some(found.name.clone()));
        }
        let Some(oldest) = page.last().filter(|oldest| oldest.created >= origin.began) else { return Ok(None) };
        cursor = Some(Cursor { created: oldest.created, name: oldest.name.clone() });
    }
    Ok(None)
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
