//! Files that are embedded in the binary, as answers: compressed where the reader takes it and the build
//! has it, and with what every page of ours is sent with.

use axum::body::Body;
use axum::response::Response;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY, VARY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use rust_embed::RustEmbed;

/// For files whose name changes with what is in them.
pub(super) const FOR_GOOD: &str = "public, max-age=31536000, immutable";

/// An embedded file, as it will be sent.
pub(super) struct Found {
    pub(super) bytes: Vec<u8>,
    coding: Option<&'static str>,
    /// Of these very bytes, so that each coding has its own.
    etag: HeaderValue,
}

impl Found {
    /// A page that is always there.
    pub(super) fn text(text: &str) -> Self {
        Self { bytes: text.as_bytes().to_vec(), coding: None, etag: HeaderValue::from_static("\"0\"") }
    }
}

/// A file, compressed where the reader takes it and the build has it.
pub(super) fn find<Dist: RustEmbed>(name: &str, headers: &HeaderMap) -> Option<Found> {
    let taken = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let takes = |coding: &str| taken.split(',').any(|part| part.trim().split(';').next() == Some(coding));
    let compressed = [("br", "br"), ("gzip", "gz")]
        .into_iter()
        .filter(|(coding, _)| takes(coding))
        .find_map(|(coding, ending)| Dist::get(&format!("{name}.{ending}")).map(|file| (file, Some(coding))));
    let (file, coding) = compressed.or_else(|| Dist::get(name).map(|file| (file, None)))?;
    let hash = file.metadata.sha256_hash();
    let tag: String = hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    let etag = HeaderValue::try_from(format!("\"{tag}\"")).expect("invariant: hexadecimal digits are visible ASCII");
    Some(Found { bytes: file.data.into_owned(), coding, etag })
}

/// How a page or file is sent.
pub(super) struct Sent {
    pub(super) status: StatusCode,
    pub(super) media: &'static str,
    pub(super) cache: &'static str,
    pub(super) policy: &'static str,
}

/// The answer with a file.
pub(super) fn answer(found: Found, sent: &Sent) -> Response {
    let mut response = Response::new(Body::from(found.bytes));
    *response.status_mut() = sent.status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(sent.media));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(sent.cache));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(sent.policy));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Some(coding) = found.coding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}

/// [`answer`], or 304 to a reader who has these very bytes.
pub(super) fn revalidated(found: Found, sent: &Sent, asked: &HeaderMap) -> Response {
    let etag = found.etag.clone();
    let known = asked.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()).is_some_and(|tags| {
        let same = |tag: &str| tag == "*" || tag.trim_start_matches("W/").as_bytes() == etag.as_bytes();
        tags.split(',').any(|tag| same(tag.trim()))
    });
    let mut response = answer(found, sent);
    if known && sent.status == StatusCode::OK {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(CONTENT_TYPE);
        response.headers_mut().remove(CONTENT_ENCODING);
    }
    response.headers_mut().insert(ETAG, etag);
    response
}

pub(super) fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" => "application/json",
        "woff2" => "font/woff2",
        "png" => "image/png",
        _ => "application/octet-stream",
    }
}
