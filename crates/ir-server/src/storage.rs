//! `/storage/<name>`: a stored picture, by its name in the index. A path is never built from what a
//! request says.

use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use http::{HeaderMap, Method, Response, StatusCode, header};
use ir_model::{Blob, Class, Fault, Gate};
use ir_openai::Api;
use ir_spool::{Piece, PieceBody};
use ir_store::PictureRecord;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// Longest name that is looked up; ours have 53 characters, those of 1.x were file names.
const MAX_NAME: usize = 255;

pub(crate) async fn serve(
    State(api): State<Arc<Api>>,
    name: Result<Path<String>, PathRejection>,
    query: Result<Query<HashMap<String, String>>, QueryRejection>,
    request: Request,
) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let refuse = |fault: &Fault| ir_openai::refuse_head(&api, &parts, fault);
    let engine = api.engine();
    let is_closed = engine.snapshot().settings.storage.require_auth;
    if is_closed && let Err(fault) = ir_openai::identify_head(&api, &parts).await {
        return refuse(&fault);
    }
    let nothing = || Fault::new(Class::Gate(Gate::NotFound));
    // A name that is not UTF-8 is nobody's, like every other that is not listed.
    let name = name.map(|Path(name)| name).unwrap_or_default();
    let query = query.map(|Query(query)| query).unwrap_or_default();
    if name.is_empty() || name.len() > MAX_NAME || name.bytes().any(|b| b.is_ascii_control()) {
        return refuse(&nothing());
    }
    let side = match query.get("thumb").map(String::as_str) {
        None => None,
        Some("256") => Some(256),
        Some("512") => Some(512),
        Some(_) => return refuse(&Fault::bad("thumb", "'thumb' is 256 or 512.", "thumb 只能是 256 或 512。")),
    };
    let record = match engine.store().get(&name).await {
        Ok(Some(record)) => record,
        Ok(None) => return refuse(&nothing()),
        Err(error) => return refuse(&Fault::gate(Gate::Internal, "The index cannot be read.", "索引无法读取。").detail(error.to_string())),
    };
    let opened = match side {
        Some(side) => engine.pictures().thumbnail(&record.path, side).await,
        None => engine.pictures().open(&record.path).await,
    };
    match opened {
        Ok(blob) => answer(&parts.method, &parts.headers, &shown(&record, side, is_closed), blob),
        Err(error) => {
            tracing::error!(name, %error, "a listed picture cannot be opened");
            refuse(&nothing())
        }
    }
}

/// How a picture is shown.
pub(crate) struct Shown<'a> {
    pub(crate) media_type: &'static str,
    pub(crate) etag: String,
    pub(crate) cache_control: &'static str,
    /// What it is called when it is saved.
    pub(crate) name: &'a str,
}

fn shown(record: &PictureRecord, side: Option<u32>, is_closed: bool) -> Shown<'_> {
    let (media_type, etag) = match side {
        Some(side) => ("image/webp", format!("\"{}-{side}\"", short(&record.sha256))),
        None => (record.format.media_type(), format!("\"{}\"", short(&record.sha256))),
    };
    // What not everybody may see is for the caller's own cache.
    let cache_control = if is_closed { "private, max-age=31536000, immutable" } else { "public, max-age=31536000, immutable" };
    Shown { media_type, etag, cache_control, name: &record.name }
}

/// Answers with a picture: whole, a range of it, or that it is unchanged.
pub(crate) fn answer(method: &Method, headers: &HeaderMap, shown: &Shown<'_>, blob: Blob) -> Response<Body> {
    let etag = &shown.etag;
    let size = blob.size();
    let builder = Response::builder()
        .header(header::CONTENT_TYPE, shown.media_type)
        .header(header::ETAG, etag)
        .header(header::CACHE_CONTROL, shown.cache_control)
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'")
        .header("cross-origin-resource-policy", "cross-origin")
        .header(header::CONTENT_DISPOSITION, format!("inline; filename=\"{}\"", quoted(shown.name)));
    let unchanged = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).is_some_and(|tags| matches_tag(tags, etag));
    let whole = |status: StatusCode, body: Body| builder_with(builder, status, body);
    if unchanged {
        return whole(StatusCode::NOT_MODIFIED, Body::empty());
    }
    // A range is only good for the version that it was asked of.
    let same = headers.get(header::IF_RANGE).is_none_or(|value| value.as_bytes() == etag.as_bytes());
    let range = headers.get(header::RANGE).filter(|_| same).and_then(|value| value.to_str().ok()).and_then(|text| parse_range(text, size));
    let empty = *method == Method::HEAD;
    match range {
        None => {
            let body = if empty { Body::empty() } else { Body::new(PieceBody::new(vec![Piece::Raw(blob)])) };
            let mut response = whole(StatusCode::OK, body);
            response.headers_mut().insert(header::CONTENT_LENGTH, size.into());
            response
        }
        Some(Err(())) => {
            let mut response = whole(StatusCode::RANGE_NOT_SATISFIABLE, Body::empty());
            response
                .headers_mut()
                .insert(header::CONTENT_RANGE, format!("bytes */{size}").parse().expect("invariant: digits are a valid header"));
            response
        }
        Some(Ok(range)) => {
            let length = range.end - range.start;
            let told = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            let body = if empty { Body::empty() } else { Body::new(PieceBody::range(blob, range.start, range.end)) };
            let mut response = whole(StatusCode::PARTIAL_CONTENT, body);
            response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
            response.headers_mut().insert(header::CONTENT_RANGE, told.parse().expect("invariant: digits are a valid header"));
            response
        }
    }
}

fn builder_with(builder: http::response::Builder, status: StatusCode, body: Body) -> Response<Body> {
    builder.status(status).body(body).expect("invariant: all headers were made of valid text")
}

fn short(sha256: &str) -> &str {
    sha256.get(..32).unwrap_or(sha256)
}

fn quoted(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_graphic() && c != '"' && c != '\\' { c } else { '_' }).collect()
}

fn matches_tag(tags: &str, etag: &str) -> bool {
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
}

/// A single range of bytes. `None`: absent, malformed or several ranges (the whole is a valid answer
/// then, RFC 9110, 14.2); `Some(Err)`: nothing of it exists.
fn parse_range(text: &str, size: u64) -> Option<Result<Range<u64>, ()>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let number = |digits: &str| -> Option<u64> { digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())? };
    let range = match (first.trim(), last.trim()) {
        ("", "") => return None,
        ("", suffix) => size.saturating_sub(number(suffix)?)..size,
        (first, "") => number(first)?..size,
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            first..last.saturating_add(1).min(size)
        }
    };
    Some(if range.start < range.end { Ok(range) } else { Err(()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        type Row = (&'static str, Option<Result<Range<u64>, ()>>);
        let table: [Row; 12] = [
            ("bytes=0-9", Some(Ok(0..10))),
            ("bytes=90-", Some(Ok(90..100))),
            ("bytes=-10", Some(Ok(90..100))),
            ("bytes=-1000", Some(Ok(0..100))),
            ("bytes=95-1000", Some(Ok(95..100))),
            ("bytes=100-", Some(Err(()))),
            ("bytes=-0", Some(Err(()))),
            ("bytes=5-3", None),
            ("bytes=0-1,5-6", None),
            ("bytes=a-b", None),
            ("items=0-1", None),
            ("bytes=-", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse_range(text, 100), expected, "{text}");
        }
    }

    #[test]
    fn tags() {
        assert!(matches_tag("\"a\", W/\"b\"", "\"b\""));
        assert!(matches_tag("*", "\"b\""));
        assert!(!matches_tag("\"a\"", "\"b\""));
    }
}
