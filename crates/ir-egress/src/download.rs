//! Pictures by address: fetched without credentials, redirects by hand, verified before they are
//! handed on. The result is a [`Picture`], never an address: what could not be fetched cannot be
//! used by mistake.

use crate::exchange::{AGENT, Door, ExchangeLimits};
use crate::faults::{from_fetch, from_flaw, from_refusal, from_spool, nonsense, unreachable};
use crate::peek::{Interrupted, Peeked};
use crate::rules::Purpose;
use crate::url_rules::{parse_location, parse_url};
use crate::wire::{Timing, WireReply, WireRequest};
use http::header::{ACCEPT, ACCEPT_ENCODING, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method};
use ir_model::{Charge, Fault, Flaw, Format, Gate, Picture};
use ir_spool::SpoolError;
use tokio::time::Instant;
use url::Url;

/// Redirects followed.
const MAX_HOPS: usize = 3;
/// Blanks before what cannot be a picture then.
const MAX_BLANKS: u64 = 4096;
/// Most bytes of a picture at a caller's address (R-SSRF-10).
const MAX_USER_PICTURE: u64 = 20 * 1024 * 1024;

impl Door {
    /// Fetches a picture. Only `Accept`, `Accept-Encoding: identity` and `User-Agent` are sent, on
    /// every hop; at most 3 redirects are followed, each judged like the first address. Under
    /// [`Purpose::UserUrl`], [`Timing::user_url`] and 20 MiB are upper bounds; under
    /// [`Purpose::Drawn`], [`Timing::drawn`] counts.
    ///
    /// Nothing is tried twice: fetching is free of charge, so the caller may repeat it.
    ///
    /// # Errors
    /// For callers' addresses: `UrlNotAllowed` when the address is refused as it is written,
    /// `ImageUrlUnreachable` (always the same text) for whatever happens on the way, and
    /// `ImageInvalid`, `ImageType` or `ImageTooLarge` for what it gave. Else `UpstreamFault`,
    /// `Timeout`. A [`Gate`] fault when our own disk fails. `charge` is always `No`: it speaks of
    /// the fetch alone, not of what was drawn before.
    pub async fn download(&self, url: &str, purpose: Purpose, limits: &ExchangeLimits) -> Result<Picture, Fault> {
        self.fetch(url, purpose, limits).await.map_err(|fault| fault.charged(Charge::No))
    }

    async fn fetch(&self, url: &str, purpose: Purpose, limits: &ExchangeLimits) -> Result<Picture, Fault> {
        let (mut timing, mut max_picture) = (limits.timing, limits.max_picture);
        match purpose {
            Purpose::UserUrl => (timing, max_picture) = (timing.at_most(Timing::user_url()), max_picture.min(MAX_USER_PICTURE)),
            Purpose::Drawn => timing = Timing::drawn(),
            Purpose::Provider | Purpose::Storage | Purpose::Admin => {}
        }
        let deadline = limits.deadline.min(Instant::now() + timing.total);
        let mut url = parse_url(url).map_err(|refusal| {
            self.refusals.note_text(purpose, url, refusal);
            from_refusal(refusal, purpose)
        })?;
        for hop in 0..=MAX_HOPS {
            let request = get(url.clone(), purpose, timing, deadline);
            let reply = self.wire.send(request).await.map_err(|fault| from_fetch(&fault, purpose, hop == 0))?;
            match reply.status {
                200 => return self.receive(reply, purpose, max_picture).await,
                301 | 302 | 303 | 307 | 308 => url = self.next_hop(&url, &reply, purpose)?,
                status => return Err(failed(purpose, format!("status {status}"))),
            }
        }
        Err(failed(purpose, format!("more than {MAX_HOPS} redirects")))
    }

    fn next_hop(&self, from: &Url, reply: &WireReply, purpose: Purpose) -> Result<Url, Fault> {
        let location = reply.header("location").ok_or_else(|| failed(purpose, format!("status {} without a location", reply.status)))?;
        parse_location(from, location).map_err(|refusal| {
            self.refusals.note_text(purpose, location, refusal);
            failed(purpose, format!("a redirect that is not followed: {refusal}"))
        })
    }

    async fn receive(&self, reply: WireReply, purpose: Purpose, limit: u64) -> Result<Picture, Fault> {
        let label = reply.header("content-type").and_then(label);
        let announced = reply.header("content-length").and_then(|text| text.parse::<u64>().ok());
        if announced.is_some_and(|length| length > limit) {
            return Err(too_large(purpose, limit));
        }
        let body = Peeked::new(reply.body, MAX_BLANKS).await.map_err(|fault| from_fetch(&fault, purpose, false))?;
        if !body.is_picture() {
            let flaw = if body.head.is_empty() { Flaw::Empty } else { Flaw::Unsupported };
            return Err(from_flaw(flaw, purpose));
        }
        // Only what a platform drew is paid for.
        let spool = if purpose == Purpose::Drawn { self.spool.clone() } else { self.spool.for_callers() };
        let blob = body.spooled(&spool, limit).await.map_err(|why| match why {
            Interrupted::Wire(fault) => from_fetch(&fault, purpose, false),
            Interrupted::Spool(SpoolError::TooLarge { limit }) => too_large(purpose, limit),
            Interrupted::Spool(error) => from_spool(&error),
        })?;
        let picture = Picture::from_blob(blob).map_err(|flaw| from_flaw(flaw, purpose))?;
        // A caller's server that labels a JPEG as PNG lies or is confused; platforms do it all the time.
        if purpose == Purpose::UserUrl && label.is_some_and(|label| label != picture.probe.format) {
            return Err(from_flaw(Flaw::Corrupt, purpose));
        }
        Ok(picture)
    }
}

fn get(url: Url, purpose: Purpose, timing: Timing, deadline: Instant) -> WireRequest {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("image/png,image/jpeg,image/webp,image/gif"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(USER_AGENT, AGENT);
    WireRequest { method: Method::GET, url, headers, body: None, purpose, timing, deadline }
}

/// The format that a media type names, if it is one of ours.
fn label(content_type: &str) -> Option<Format> {
    let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media.strip_prefix("image/").and_then(Format::from_name)
}

fn failed(purpose: Purpose, detail: String) -> Fault {
    if purpose.is_configured() { nonsense(detail) } else { unreachable(&detail) }
}

fn too_large(purpose: Purpose, limit: u64) -> Fault {
    if purpose.is_configured() {
        return nonsense(format!("the picture is above {limit} bytes"));
    }
    let mib = limit / (1024 * 1024);
    Fault::gate(
        Gate::ImageTooLarge,
        format!("The picture at the given address is above {mib} MiB."),
        format!("图片地址返回的图片超过 {mib} MiB。"),
    )
}
