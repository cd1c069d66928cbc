//! An S3-compatible bucket of the operator: objects put, looked at and deleted, each request signed
//! in its headers (`sigv4`). A put repeated is the same object again, so whoever does not know how
//! one ended sends it once more.
//!
//! Facts of the protocol: Amazon S3 API reference (PutObject, HeadObject, DeleteObject, error
//! responses). Redirects are never followed: the signature is meant for one host.

mod sigv4;

use crate::exchange::{AGENT, Door};
use crate::rules::Purpose;
use crate::wire::{Phase, Timing, WireFault, WireFaultKind, WireReply, WireRequest};
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use ir_model::{Secret, Timestamp, hex};
use ir_spool::{Piece, PieceBody};
use sha2::{Digest, Sha256};
use sigv4::{Signature, encode_path};
use std::fmt;
use std::time::{Duration, UNIX_EPOCH};
use tokio::time::Instant;
use url::{Host, Url};

/// Most bytes of an error document that are read.
const MOST_ERROR: usize = 16 * 1024;
/// Longest key of an object, in bytes (Amazon S3 user guide, "Naming Amazon S3 objects").
const LONGEST_KEY: usize = 1024;
/// The slowest connection that a put is given time for, in bytes per second.
const SLOWEST: u64 = 16 * 1024;
/// Time for a request besides its bytes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the bucket's name stands in addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BucketStyle {
    /// [`BucketStyle::Virtual`] at public names under which a certificate can cover the bucket's
    /// name, else [`BucketStyle::Path`].
    Auto,
    /// `https://host/bucket/key`.
    Path,
    /// `https://bucket.host/key`.
    Virtual,
}

/// A bucket and how to get in.
#[derive(Clone, Debug)]
pub struct BucketConfig {
    /// The service's address.
    pub endpoint: Url,
    /// The bucket.
    pub bucket: String,
    /// The id of the access key.
    pub access_key: String,
    /// The access key's secret.
    pub secret_key: Secret,
    /// The region; `auto`: the one that the endpoint's name tells, else the service's usual one.
    pub region: String,
    /// Where the bucket's name stands.
    pub style: BucketStyle,
    /// A folder that all keys are put in.
    pub prefix: Option<String>,
}

/// A bucket that can be talked to. Cloning is cheap.
#[derive(Clone)]
pub struct Bucket {
    door: Door,
    /// Ends with `/`; keys are appended to it.
    base: Url,
    region: String,
    config: BucketConfig,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("target", &self.target()).finish_non_exhaustive()
    }
}

/// What is put.
#[derive(Debug)]
pub struct Object {
    /// Its bytes.
    pub content: Vec<Piece>,
    /// Their SHA-256. The service checks it.
    pub sha256: [u8; 32],
    /// What they are.
    pub media_type: &'static str,
}

impl Object {
    /// An object from memory.
    pub fn from_bytes(bytes: Vec<u8>, media_type: &'static str) -> Self {
        let sha256 = Sha256::digest(&bytes).into();
        Self { content: vec![Piece::Bytes(bytes.into())], sha256, media_type }
    }
}

/// Why a bucket did not do what it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketFault {
    /// What kind of failure.
    pub kind: BucketFaultKind,
    /// When the service wants to be asked again.
    pub retry_after: Option<Duration>,
    /// For the log: status and the service's error code, never a header, a query or a body.
    pub detail: String,
}

impl fmt::Display for BucketFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for BucketFault {}

/// Kinds of [`BucketFault`], by what they are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BucketFaultKind {
    /// The settings: credentials, the bucket's name, region, style, or an address that is not
    /// allowed. No repetition helps.
    Settings,
    /// The service as a whole: not reachable, or too busy.
    Service,
    /// This object: the request broke off, took too long, or was refused for what it holds.
    Object,
}

impl Bucket {
    /// A bucket behind a door.
    ///
    /// # Errors
    /// `Settings` when no address can be made of the configuration.
    pub fn new(door: &Door, config: BucketConfig) -> Result<Self, BucketFault> {
        let settings = |detail: &str| BucketFault::new(BucketFaultKind::Settings, detail.to_owned());
        if !is_bucket_name(&config.bucket) {
            return Err(settings("the bucket's name is none: 3 to 63 lower-case letters, digits, dots and hyphens are allowed"));
        }
        if config.prefix.as_deref().is_some_and(|prefix| prefix.split('/').any(|part| matches!(part, "" | "." | ".."))) {
            return Err(settings("the prefix must not have empty parts, '.' or '..'"));
        }
        let mut base = config.endpoint.clone();
        base.set_query(None);
        base.set_fragment(None);
        let mut path = base.path().trim_end_matches('/').to_owned();
        if is_virtual(&config) {
            let host = format!("{}.{}", config.bucket, base.host_str().unwrap_or_default());
            base.set_host(Some(&host)).map_err(|_| settings("the bucket's name cannot stand before the endpoint's host"))?;
        } else {
            path = format!("{path}/{}", config.bucket);
        }
        path.push('/');
        base.set_path(&path);
        let region = region_of(&config);
        Ok(Self { door: door.clone(), base, region, config })
    }

    /// The bucket's lasting name: another key to the same bucket does not change it.
    pub fn target(&self) -> String {
        let endpoint = self.config.endpoint.as_str().trim_end_matches('/');
        let prefix = self.config.prefix.as_ref().map(|prefix| format!("/{prefix}")).unwrap_or_default();
        format!("{endpoint}|{}{prefix}", self.config.bucket)
    }

    /// The key of what lies at `relative` below the storage folder.
    pub fn key(&self, relative: &str) -> String {
        self.config.prefix.as_ref().map_or_else(|| relative.to_owned(), |prefix| format!("{prefix}/{relative}"))
    }

    /// Where callers read an object, when the bucket's objects are published at `public`.
    pub fn link(&self, public: &Url, key: &str) -> String {
        format!("{}/{}", public.as_str().trim_end_matches('/'), encode_path(key))
    }

    /// Puts an object, in place of one that is there under this key.
    ///
    /// # Errors
    /// [`BucketFault`]; the object may be there all the same, unless the kind is `Settings`.
    pub async fn put(&self, key: &str, object: Object) -> Result<(), BucketFault> {
        let media_type = HeaderValue::from_static(object.media_type);
        let body = PieceBody::new(object.content);
        let reply = self.send(Method::PUT, key, Some((body, media_type)), object.sha256).await?;
        self.expect(reply, &[200, 201, 204]).await
    }

    /// Deletes an object. That there is none is no error.
    ///
    /// # Errors
    /// [`BucketFault`].
    pub async fn delete(&self, key: &str) -> Result<(), BucketFault> {
        let reply = self.send(Method::DELETE, key, None, empty()).await?;
        if reply.status != 404 {
            return self.expect(reply, &[200, 202, 204]).await;
        }
        // Amazon answers 204 for what is not there; Google and others say so.
        let (fault, code) = self.told(reply).await;
        if code == "NoSuchBucket" { Err(fault) } else { Ok(()) }
    }

    /// Whether there is an object, and how long it is.
    ///
    /// # Errors
    /// [`BucketFault`].
    pub async fn head(&self, key: &str) -> Result<Option<u64>, BucketFault> {
        let reply = self.send(Method::HEAD, key, None, empty()).await?;
        match reply.status {
            200 => Ok(Some(reply.header("content-length").and_then(|text| text.parse().ok()).unwrap_or_default())),
            404 => Ok(None),
            _ => Err(self.fault(reply).await),
        }
    }

    /// Tries out whether objects can be put and deleted, with a small one that is gone afterwards.
    ///
    /// # Errors
    /// [`BucketFault`].
    pub async fn probe(&self) -> Result<(), BucketFault> {
        let key = self.key(".img-router-probe");
        self.put(&key, Object::from_bytes(b"img-router\n".to_vec(), "text/plain")).await?;
        self.delete(&key).await
    }

    async fn send(
        &self,
        method: Method,
        key: &str,
        body: Option<(PieceBody, HeaderValue)>,
        sha256: [u8; 32],
    ) -> Result<WireReply, BucketFault> {
        let too_long = || BucketFault::new(BucketFaultKind::Object, format!("the key is longer than {LONGEST_KEY} bytes"));
        if key.len() > LONGEST_KEY {
            return Err(too_long());
        }
        let mut url = self.base.clone();
        url.set_path(&format!("{}{}", self.base.path(), encode_path(key)));
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, AGENT);
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let signature = Signature {
            method: method.as_str(),
            url: &url,
            sha256: &hex(&sha256),
            now: self.door.now(),
            region: &self.region,
            access_key: &self.config.access_key,
            secret_key: &self.config.secret_key,
        };
        for (name, value) in signature.headers() {
            let mut value = HeaderValue::try_from(value)
                .map_err(|_| BucketFault::new(BucketFaultKind::Settings, "the access key cannot stand in a header".to_owned()))?;
            let name = HeaderName::from_static(name);
            value.set_sensitive(name == AUTHORIZATION);
            headers.insert(name, value);
        }
        let length = body.as_ref().map_or(0, |(body, _)| body.len());
        let body = body.map(|(body, media_type)| {
            headers.insert(CONTENT_TYPE, media_type);
            body
        });
        let total = PATIENCE + Duration::from_secs(length / SLOWEST);
        let timing = Timing { total, ..Timing::provider(total) };
        let request = WireRequest { method, url, headers, body, purpose: Purpose::Storage, timing, deadline: Instant::now() + total };
        self.door.wire.send(request).await.map_err(|fault| from_wire(&fault))
    }

    /// Reads a reply to its end, so that its connection can be used again.
    async fn expect(&self, mut reply: WireReply, good: &[u16]) -> Result<(), BucketFault> {
        if !good.contains(&reply.status) {
            return Err(self.fault(reply).await);
        }
        let mut left = MOST_ERROR;
        while let Some(chunk) = reply.body.chunk().await.map_err(|fault| from_wire(&fault))? {
            left = left.saturating_sub(chunk.len());
            if left == 0 {
                break;
            }
        }
        Ok(())
    }

    async fn fault(&self, reply: WireReply) -> BucketFault {
        self.told(reply).await.0
    }

    /// A refusal, and the service's code for it (empty: it named none).
    async fn told(&self, mut reply: WireReply) -> (BucketFault, String) {
        let retry_after = reply.header("retry-after").and_then(|text| wait(text, self.door.now()));
        let mut document = Vec::new();
        while let Ok(Some(chunk)) = reply.body.chunk().await {
            document.extend_from_slice(&chunk[..chunk.len().min(MOST_ERROR - document.len())]);
            if document.len() == MOST_ERROR {
                break;
            }
        }
        let document = String::from_utf8_lossy(&document);
        let code = element(&document, "Code").unwrap_or_default();
        let status = reply.status;
        let mut detail = if code.is_empty() { format!("status {status}") } else { format!("status {status}, {code}") };
        if let Some(region) = element(&document, "Region").or_else(|| reply.header("x-amz-bucket-region").map(word)) {
            detail = format!("{detail}: the bucket's region is {region}, {} is set", self.region);
        }
        (BucketFault { retry_after, ..BucketFault::new(kind_of(status, &code), detail) }, code)
    }
}

impl BucketFault {
    fn new(kind: BucketFaultKind, detail: String) -> Self {
        Self { kind, retry_after: None, detail }
    }
}

/// By status and code (Amazon S3 API reference, "Error responses").
fn kind_of(status: u16, code: &str) -> BucketFaultKind {
    match (status, code) {
        // What the sender's own disk or connection garbled.
        (400, "BadDigest" | "IncompleteBody" | "RequestTimeout" | "XAmzContentSHA256Mismatch" | "EntityTooLarge" | "KeyTooLongError") => {
            BucketFaultKind::Object
        }
        (400, _) | (401 | 403 | 404 | 405 | 411 | 301..=308, _) => BucketFaultKind::Settings,
        (408 | 409 | 412 | 413, _) => BucketFaultKind::Object,
        (429 | 500..=599, _) => BucketFaultKind::Service,
        _ => BucketFaultKind::Object,
    }
}

fn from_wire(fault: &WireFault) -> BucketFault {
    let kind = match fault.kind {
        WireFaultKind::Refused | WireFaultKind::Blocked | WireFaultKind::Tls => BucketFaultKind::Settings,
        WireFaultKind::Resolve | WireFaultKind::Connect | WireFaultKind::Exhausted => BucketFaultKind::Service,
        WireFaultKind::Timeout(Phase::Resolve | Phase::Connect | Phase::Tls) => BucketFaultKind::Service,
        WireFaultKind::Timeout(_) | WireFaultKind::Broken | WireFaultKind::TooLarge | WireFaultKind::Protocol => BucketFaultKind::Object,
    };
    BucketFault::new(kind, fault.to_string())
}

/// `Retry-After`: seconds, or an HTTP date.
fn wait(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(text.trim()).ok()?.duration_since(UNIX_EPOCH).ok()?.as_millis();
    Some(Duration::from_millis(u64::try_from(i64::try_from(at).ok()?.saturating_sub(now.0)).unwrap_or(0)))
}

/// The text of an element of an error document, if it is a word.
fn element(document: &str, name: &str) -> Option<String> {
    let (_, rest) = document.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(word(text)).filter(|word| !word.is_empty())
}

/// What codes and regions are made of; nothing else of a stranger's answer gets into the log.
fn word(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_')).take(60).collect()
}

fn empty() -> [u8; 32] {
    Sha256::digest(b"").into()
}

/// Amazon's rule for general-purpose buckets; others are no wider. Capitals and underscores are
/// left for buckets older than the rule, which only path style reaches.
fn is_bucket_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    (3..=255).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('.') && !name.contains("..")
}

fn is_virtual(config: &BucketConfig) -> bool {
    match config.style {
        BucketStyle::Path => false,
        BucketStyle::Virtual => true,
        BucketStyle::Auto => {
            let public = matches!(config.endpoint.host(), Some(Host::Domain(name)) if name.contains('.') && !name.ends_with(".localhost"));
            let label = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            // A dot in the bucket's name would be one label more than a wildcard certificate covers. A port or a path tells of a
            // server of one's own, where hardly anybody sets up a name for each bucket.
            public
                && config.endpoint.port().is_none()
                && config.endpoint.path() == "/"
                && config.bucket.len() <= 63
                && config.bucket.bytes().all(label)
        }
    }
}

/// The region to sign for. `s3.<region>.<service>` names it; Cloudflare's is called `auto`; services
/// that have none (MinIO and most others) take Amazon's first, `us-east-1`.
fn region_of(config: &BucketConfig) -> String {
    if config.region != "auto" {
        return config.region.clone();
    }
    let host = config.endpoint.host_str().unwrap_or_default();
    if host.ends_with(".r2.cloudflarestorage.com") {
        return "auto".to_owned();
    }
    let mut labels = host.split('.');
    let named = matches!(labels.next(), Some("s3" | "cos")).then(|| labels.next()).flatten();
    named.filter(|label| label.contains('-')).unwrap_or("us-east-1").to_owned()
}

#[cfg(test)]
#[path = "bucket_tests.rs"]
mod tests;
