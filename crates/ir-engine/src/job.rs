//! What one exchange is to draw: the request, a candidate and a key, settled into a job.

use crate::draw::Request;
use crate::keys::Lease;
use crate::plan::Candidate;
use crate::ready::Ready;
use ir_model::{Caller, Extras, Job, Quality};

/// A job for the pictures from `index` on, `missing` of them at most.
pub(crate) fn job(
    request: &Request,
    candidate: &Candidate,
    ready: &Ready,
    lease: Option<&Lease>,
    missing: u32,
    index: u32,
    prompt: &str,
) -> Job {
    let upstream = &candidate.upstream;
    let settings = &request.snapshot.settings;
    // A key goes only where it belongs, whoever brought it.
    let key = match &request.caller {
        _ if !upstream.takes_keys() => None,
        Caller::Relay { key, .. } => Some(key.clone()),
        Caller::Client(_) | Caller::Key(_) => lease.map(|lease| lease.key().secret.clone()),
    };
    let n = missing.min(candidate.at_once(ready.pictures.len()));
    Job {
        task: request.ask.task,
        model: candidate.model.clone(),
        prompt: prompt.to_owned(),
        n,
        size: candidate.size,
        pictures: ready.pictures.clone(),
        mask: ready.mask.clone(),
        form: request.ask.form,
        extras: extras(request, candidate, index, n),
        base_url: upstream.base_url.clone(),
        key,
        key_id: lease.map(|lease| lease.key().id.clone()),
        entropy: request.engine.dice.below(1 << 53),
        home: upstream.home(settings),
        watermark: settings.providers.get(upstream.name()).is_none_or(|provider| provider.watermark),
    }
}

/// The caller's wishes, and the operator's where the caller has none.
fn extras(request: &Request, candidate: &Candidate, index: u32, count: u32) -> Extras {
    let mut extras = request.ask.extras.clone();
    // Of several pictures nobody could say which one a preview is of.
    extras.partial_images *= u32::from(count == 1);
    let route = candidate.upstream.route(request.ask.task);
    extras.steps = extras.steps.or_else(|| route.and_then(|route| route.steps));
    let configured = || Quality::ALL.into_iter().find(|quality| route.and_then(|route| route.quality.as_deref()) == Some(quality.name()));
    extras.quality = extras.quality.or_else(configured);
    // One seed for several exchanges would draw the same picture several times.
    extras.seed = extras.seed.map(|seed| seed.wrapping_add(u64::from(index)));
    extras
}
