//! An image bed that speaks the protocol of CloudFlare-ImgBed: one multipart upload, answered by
//! `[{"src": …}]`, or by `{code, data: {url}}` as similar ones do. Its errors are plain text.

use ir_egress::{Door, ExchangeLimits, Timing};
use ir_model::{Charge, Class, Fault, Node, Picture, Secret, hex};
use ir_platforms::{Call, CallBody, HeaderValue, Method, Part, PartBody, Reply, Target};
use ir_settings::ImageBed;
use sha2::{Digest, Sha256};
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// Longest upload. It may be 20 MB over a slow line, and the bed passes it on before it answers.
const PATIENCE: Duration = Duration::from_secs(60);
/// Most bytes of its answer.
const MOST_ANSWER: u64 = 64 * 1024;
/// Longest address that it may give.
const MOST_URL: usize = 2048;

/// A configured image bed.
pub(crate) struct Bed<'a> {
    base: &'a str,
    upload: String,
    auth: Option<&'a Secret>,
}

impl<'a> Bed<'a> {
    /// The bed of the settings, if there is one.
    pub(crate) fn of(settings: &'a ImageBed) -> Option<Self> {
        let base = settings.base_url.as_ref()?.as_str().trim_end_matches('/');
        let mut upload = Url::parse(&format!("{base}/{}", settings.upload_endpoint.trim_start_matches('/'))).ok()?;
        {
            let mut query = upload.query_pairs_mut();
            query.append_pair("returnFormat", "full");
            for (name, value) in [("uploadChannel", &settings.upload_channel), ("uploadFolder", &settings.upload_folder)] {
                if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
                    query.append_pair(name, value);
                }
            }
        }
        Some(Self { base, upload: upload.into(), auth: settings.auth_code.as_ref().filter(|auth| !auth.is_empty()) })
    }

    /// What an upload is remembered by: the bed with its folder and channel, and the bytes.
    pub(super) fn key(&self, picture: &Picture) -> [u8; 32] {
        Sha256::new().chain_update(&self.upload).chain_update(picture.blob.sha256()).finalize().into()
    }

    /// Uploads a picture and reads where it lies.
    pub(crate) async fn upload(&self, door: &Door, picture: &Picture, deadline: Instant) -> Result<String, Fault> {
        let timing = Timing { total: PATIENCE, ..Timing::provider(PATIENCE) };
        let limits = ExchangeLimits { timing, deadline, max_json: MOST_ANSWER, max_picture: MOST_ANSWER };
        let reply = door.exchange(&self.call(picture), &limits).await.map_err(|fault| {
            let class = if matches!(fault.class, Class::Timeout | Class::Blocked) { fault.class } else { Class::UpstreamFault };
            failed(class, fault.detail.as_deref().unwrap_or(fault.class.name()))
        })?;
        self.read(&reply)
    }

    /// The credential goes in headers: as a token (which the bed tries first) and as an upload code.
    /// An address would end up in logs.
    fn call(&self, picture: &Picture) -> Call {
        let headers = self.auth.map_or_else(Vec::new, |auth| {
            vec![("authorization", HeaderValue::Bearer(auth.clone())), ("authcode", HeaderValue::Secret(auth.clone()))]
        });
        let format = picture.probe.format;
        let filename = format!("input-{}.{}", &hex(&picture.blob.sha256())[..16], format.extension());
        let body = PartBody::File { filename, media_type: format.media_type(), blob: picture.blob.clone() };
        let target = Target::Http { method: Method::Post, url: self.upload.clone(), headers };
        Call::new(target, CallBody::Multipart(vec![Part { name: "file".to_owned(), body }]))
    }

    fn read(&self, reply: &Reply) -> Result<String, Fault> {
        match reply.status {
            200..300 => {}
            401 | 403 => return Err(failed(Class::UpstreamFault, &format!("it refused the credential (status {})", reply.status))),
            status => return Err(failed(Class::UpstreamFault, &format!("status {status}"))),
        }
        let given = reply.json().and_then(address_in).ok_or_else(|| failed(Class::UpstreamFault, "its answer names no address"))?;
        let absolute = if given.contains("://") { given.to_owned() } else { format!("{}/{}", self.base, given.trim_start_matches('/')) };
        let fit = |url: &Url| {
            matches!(url.scheme(), "http" | "https") && url.has_host() && url.username().is_empty() && url.as_str().len() <= MOST_URL
        };
        let url = Url::parse(&absolute).ok().filter(fit);
        url.map(String::from).ok_or_else(|| failed(Class::UpstreamFault, "the address in its answer cannot be used"))
    }
}

/// Where the answer says that the picture lies.
fn address_in(answer: &Node) -> Option<&str> {
    let first = answer.as_array().and_then(<[Node]>::first);
    let src = first.and_then(|item| item.get("src"));
    src.or_else(|| answer.at(&["data", "url"])).and_then(Node::as_filled_str)
}

/// Nothing was sent to the platform: it costs nothing, whatever happened.
fn failed(class: Class, why: &str) -> Fault {
    Fault::new(class)
        .charged(Charge::No)
        .say(
            "The picture could not be uploaded to the image bed, and this platform takes only addresses of pictures.",
            "图片无法上传到图床，而该平台只接受图片网址。",
        )
        .detail(format!("image bed: {why}"))
}
