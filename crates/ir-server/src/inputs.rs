//! `/inputs/<id>/<expiry>/<signature>.<ext>`: an input picture, for the platform that was given this
//! link instead of its bytes. The signature is the credential; whatever is wrong with a link, there
//! is nothing behind it.

use crate::storage::{Shown, answer};
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use http::Response;
use ir_model::{Class, Fault, Gate, hex};
use ir_openai::Api;
use std::borrow::Cow;
use std::sync::Arc;

const ROOT: &str = "/inputs/";

pub(crate) async fn serve(
    State(api): State<Arc<Api>>,
    path: Result<Path<(String, String, String)>, PathRejection>,
    request: Request,
) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let engine = api.engine();
    let picture = path.ok().and_then(|Path((id, expiry, tail))| {
        // An escaped spelling of a link is not the link.
        let canonical = parts.uri.path() == format!("{ROOT}{id}/{expiry}/{tail}");
        engine.hosting().open(&id, &expiry, &tail, engine.clock().now()).filter(|_| canonical)
    });
    let Some(picture) = picture else {
        return ir_openai::refuse_head(&api, &parts, &Fault::new(Class::Gate(Gate::NotFound)));
    };
    let (format, sha256) = (picture.probe.format, hex(&picture.blob.sha256()));
    let shown = Shown {
        media_type: format.media_type(),
        etag: format!("\"{}\"", &sha256[..32]),
        cache_control: "no-store",
        name: &format!("input.{}", format.extension()),
    };
    answer(&parts.method, &parts.headers, &shown, picture.blob)
}

/// A path as it may stand in the log: a link would be a key to its picture there.
pub(crate) fn loggable(path: &str) -> Cow<'_, str> {
    match path.strip_prefix(ROOT) {
        Some(rest) => format!("{ROOT}{}/…", rest.split('/').next().unwrap_or_default()).into(),
        None => path.into(),
    }
}

#[cfg(test)]
#[path = "inputs_tests.rs"]
mod tests;
