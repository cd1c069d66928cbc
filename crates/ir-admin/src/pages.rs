//! The panel: pages and assets, embedded in the binary. Routes of pages all answer the same document
//! (the panel finds its way by itself); assets have hashed names and are cached for good.

use axum::body::Body;
use axum::response::Response;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use rust_embed::RustEmbed;

/// What `npm run build` made. Empty where the panel was not built.
#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Dist;

/// The panel's pages: those of 1.x, and the new ones.
const PAGES: &[&str] = &[
    "/",
    "/admin",
    "/ui",
    "/index",
    "/setting",
    "/channel",
    "/keys",
    "/pic",
    "/prompt-optimizer",
    "/update",
    "/playground",
    "/requests",
    "/logs",
    "/setup",
    "/login",
    "/docs/api",
];

/// Everything comes from here; styles that the component library sets on elements are inline.
/// Pictures may be a platform's (playground) or made in the page.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob: https:; \
     connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Shown where the panel was not built.
const NOT_BUILT: &str = include_str!("pages/not_built.html");

/// Whether a path is a page or an asset of the panel.
pub fn is_page(path: &str) -> bool {
    PAGES.contains(&path) || path.starts_with("/requests/") || path.starts_with("/assets/") || path == "/favicon.svg"
}

/// The answer to a path for which [`is_page`] holds.
pub fn page(path: &str, headers: &HeaderMap) -> Response {
    if path.starts_with("/assets/") || path == "/favicon.svg" {
        let name = path.trim_start_matches('/');
        return match find(name, headers) {
            Some((bytes, coding)) => {
                let cache = if path.starts_with("/assets/") { "public, max-age=31536000, immutable" } else { "public, max-age=3600" };
                answer(StatusCode::OK, media_type(name), bytes, coding, cache)
            }
            None => answer(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", b"not found".to_vec(), None, "no-store"),
        };
    }
    match find("index.html", headers) {
        Some((bytes, coding)) => answer(StatusCode::OK, "text/html; charset=utf-8", bytes, coding, "no-store"),
        None => answer(StatusCode::OK, "text/html; charset=utf-8", NOT_BUILT.as_bytes().to_vec(), None, "no-store"),
    }
}

/// A file, compressed where the reader takes it and the build has it.
fn find(name: &str, headers: &HeaderMap) -> Option<(Vec<u8>, Option<&'static str>)> {
    let taken = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let takes = |coding: &str| taken.split(',').any(|part| part.trim().split(';').next() == Some(coding));
    for (coding, ending) in [("br", "br"), ("gzip", "gz")] {
        if takes(coding)
            && let Some(file) = Dist::get(&format!("{name}.{ending}"))
        {
            return Some((file.data.into_owned(), Some(coding)));
        }
    }
    Dist::get(name).map(|file| (file.data.into_owned(), None))
}

fn answer(status: StatusCode, media: &'static str, bytes: Vec<u8>, coding: Option<&'static str>, cache: &'static str) -> Response {
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Some(coding) = coding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" => "application/json",
        "woff2" => "font/woff2",
        "png" => "image/png",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_answer_without_the_panel_too() {
        for path in PAGES {
            let response = page(path, &HeaderMap::new());
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert!(response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().contains("script-src 'self'"));
        }
        assert_eq!(page("/assets/../../Cargo.toml", &HeaderMap::new()).status(), StatusCode::NOT_FOUND);
    }
}
