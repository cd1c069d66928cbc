//! What platforms reply, read by their adapters.

use super::events::{door, limits};
use crate::support::{Bench, bench};
use bytes::Bytes;
use ir_egress::Answer;
use ir_model::{Class, Extras, Fault, Job, Output, ResponseForm, Secret, Size, Source, Task, sanitise};
use ir_platforms::{ADAPTERS, Adapter, Call, CallBody, Method, Next, Progress, Reply, Target, Ticket, completion};
use std::time::Duration;

const KEY: &str = "sk-canary-0123456789abcdef0123456789abcdef";
const STATUSES: [u16; 24] =
    [200, 200, 200, 200, 201, 202, 204, 400, 401, 402, 403, 404, 405, 408, 409, 413, 415, 422, 429, 451, 500, 502, 503, 504];
const HEADERS: [(&str, &str); 8] = [
    ("content-type", "application/json"),
    ("content-type", "application/json"),
    ("content-type", "text/event-stream"),
    ("content-type", "text/plain"),
    ("content-type", "image/png"),
    ("retry-after", "7"),
    ("retry-after", "Wed, 21 Oct 2099 07:28:00 GMT"),
    ("x-ratelimit-reset", "99999999999"),
];
/// Stands between the replies of one conversation.
const NEXT: &[u8] = b"\n%%\n";
/// Exchanges that a conversation may have.
const MOST: usize = 6;

/// The first byte chooses the platform, the second what is drawn; then replies, one after the other,
/// each begun by a byte for the status and one for a header.
///
/// Every reply comes to something: pictures, at least one; a further exchange; a task; or a fault of a
/// class that a platform can cause. No secret is written where it can be seen.
pub(crate) fn run(data: &[u8]) {
    let [platform, task, rest @ ..] = data else { return };
    let adapter = ADAPTERS[usize::from(*platform) % ADAPTERS.len()];
    let adapter = if *platform >= 128 { adapter.api("legacy").unwrap_or(adapter) } else { adapter };
    let Some(card) = adapter.card().tasks.get(usize::from(*task) % adapter.card().tasks.len().max(1)) else { return };
    let model = card.models.get(usize::from(*task) / 4 % card.models.len().max(1)).copied().unwrap_or("a-model");
    bench(|bench| bench.wait(talk(bench, adapter, &job(card.task, model, adapter), rest)));
}

fn job(task: Task, model: &str, adapter: &dyn Adapter) -> Job {
    Job {
        task,
        model: model.to_owned(),
        prompt: "a red fox".to_owned(),
        n: 1,
        size: Some(Size::new(1024, 1024)),
        pictures: Vec::new(),
        mask: None,
        form: ResponseForm::Url,
        extras: Extras::default(),
        base_url: adapter.card().base_url.unwrap_or("https://platform.example/v1").trim_end_matches('/').to_owned(),
        key: Some(Secret::new(KEY)),
        key_id: None,
        entropy: 99,
        home: "https://hub.example".to_owned(),
        watermark: true,
    }
}

async fn talk(bench: &Bench, adapter: &dyn Adapter, job: &Job, script: &[u8]) {
    // Without a first call (it needs a picture, say) its replies can be read all the same.
    let plain = Target::Http { method: Method::Post, url: job.base_url.clone(), headers: Vec::new() };
    let mut call = adapter.open(job).unwrap_or_else(|_| Call::new(plain.clone(), CallBody::None));
    for reply in pieces(script).into_iter().take(MOST) {
        let [status, header, body @ ..] = reply else { return };
        let status = STATUSES[usize::from(*status) % STATUSES.len()];
        let header = HEADERS[usize::from(*header) % HEADERS.len()];
        let asked = Call { target: plain.clone(), body: CallBody::None, ..call.clone() };
        let answer = door(bench, status, &[header], vec![Bytes::copy_from_slice(body)]).call(&asked, &limits()).await;
        let next = match answer {
            Ok(Answer::Whole(reply)) => whole(adapter, job, &reply),
            Ok(Answer::Events(mut events)) => {
                let mut next = None;
                while let Ok(Some(event)) = events.next().await {
                    match adapter.event(job, &asked.memo, &event) {
                        Ok(Progress::Then(call)) => {
                            next = Some(Ok(Next::Then(call)));
                            break;
                        }
                        Ok(Progress::Preview(output) | Progress::Picture(output)) => drawn(&output),
                        Ok(Progress::Missing(fault)) => classed(&fault),
                        Ok(Progress::Nothing) => {}
                        Ok(Progress::End) => break,
                        Err(fault) => {
                            classed(&fault);
                            break;
                        }
                    }
                }
                next.unwrap_or(Err(Fault::new(Class::UpstreamFault)))
            }
            Err(fault) => Err(fault),
        };
        match settled(adapter, job, next) {
            Some(following) => call = following,
            None => return,
        }
    }
}

fn pieces(mut script: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    while let Some(at) = script.windows(NEXT.len()).position(|window| window == NEXT) {
        pieces.push(&script[..at]);
        script = &script[at + NEXT.len()..];
    }
    pieces.push(script);
    pieces
}

fn whole(adapter: &dyn Adapter, job: &Job, reply: &Reply) -> Result<Next, Fault> {
    let wait = reply.retry_after();
    assert!(wait.is_none_or(|wait| wait > Duration::ZERO && wait <= Duration::from_secs(3600)), "{wait:?}");
    if let Ok(models) = adapter.read_models(reply) {
        assert!(models.iter().all(|model| !model.is_empty()), "a model without a name");
    }
    let _ = completion::answer(reply);
    if (200..300).contains(&reply.status) { adapter.read(job, reply) } else { adapter.refused(job, reply) }
}

/// Judges what came out; returns the exchange that follows.
fn settled(adapter: &dyn Adapter, job: &Job, next: Result<Next, Fault>) -> Option<Call> {
    match next {
        Ok(Next::Done(pictures)) => {
            assert!(!pictures.is_empty(), "done without a picture");
            pictures.iter().for_each(drawn);
            None
        }
        Ok(Next::Partly(pictures, fault)) => {
            assert!(!pictures.is_empty(), "partly done without a picture");
            pictures.iter().for_each(drawn);
            classed(&fault);
            None
        }
        Ok(Next::Then(call)) => {
            sendable(&call);
            Some(call)
        }
        Ok(Next::Wait(ticket)) => {
            assert!(!ticket.id.is_empty(), "a task without a name");
            assert!(ticket.after_ms <= 3_600_000, "asked again in {} ms", ticket.after_ms);
            let Ticket { id, after_ms } = ticket;
            let poll = adapter.poll(job, &Ticket { id, after_ms }).expect("who has tasks can be asked for them");
            sendable(&poll);
            Some(poll)
        }
        Err(fault) => {
            classed(&fault);
            None
        }
    }
}

fn drawn(output: &Output) {
    match &output.source {
        Source::Url(url) => assert!(!url.trim().is_empty(), "a picture without an address"),
        Source::Base64(text) => assert!(!text.is_empty(), "a picture without bytes"),
        Source::Lifted(_) | Source::Body(_) => {}
    }
}

/// An absolute address without a secret, and a pause that is bounded.
fn sendable(call: &Call) {
    assert!(call.after_ms <= 60_000, "{} ms", call.after_ms);
    assert!(!call.memo.to_string().contains(KEY), "a secret is remembered");
    let Target::Http { url, .. } = &call.target else { return };
    assert!(!url.contains(KEY), "a secret stands in {url}");
    let parsed = url::Url::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
    assert!(["http", "https"].contains(&parsed.scheme()), "{url}");
}

/// A fault of the platform's, not of the gateway's own.
fn classed(fault: &Fault) {
    match fault.class {
        Class::InvalidRequest
        | Class::ContentRejected
        | Class::KeyRejected
        | Class::QuotaExhausted
        | Class::RateLimited
        | Class::Overloaded
        | Class::UpstreamFault
        | Class::Timeout
        | Class::TaskFailed
        | Class::ModelNotFound => {}
        Class::NoKey | Class::Cancelled | Class::Blocked | Class::Gate(_) => panic!("no platform causes {:?}", fault.class),
    }
    // Only a quota of days takes longer than the hour that a header may name.
    let longest = Duration::from_hours(if fault.class == Class::QuotaExhausted { 31 * 24 + 1017 } else { 1 });
    assert!(fault.retry_after.is_none_or(|wait| wait <= longest), "{:?}", fault.retry_after);
    if let Some(words) = &fault.upstream {
        let clean = sanitise(words).unwrap_or_default();
        assert!(!clean.contains(KEY) && !clean.chars().any(|letter| letter.is_control()), "{clean:?}");
    }
}
