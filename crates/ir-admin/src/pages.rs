//! The panel: pages and assets, embedded in the binary. Routes of pages all answer the same document
//! (the panel finds its way by itself); assets have hashed names and are cached for good. And the documentation.

use axum::response::Response;
use http::{HeaderMap, StatusCode};
use rust_embed::RustEmbed;

use files::{Found, Sent};

mod docs;
mod files;

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
/// Pictures may be a platform's (playground) or made in the page. Text becomes neither code nor markup:
/// the one policy that is allowed passes nothing with a tag in it (`web/src/app/trusted.ts`).
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob: https:; \
     connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types default";

/// Shown where the panel was not built.
const NOT_BUILT: &str = include_str!("pages/not_built.html");

/// Whether a path is a page or an asset of the panel or of the documentation.
pub fn is_page(path: &str) -> bool {
    PAGES.contains(&path) || path.starts_with("/requests/") || path.starts_with("/assets/") || path == "/favicon.svg" || docs::is_docs(path)
}

/// The answer to a path for which [`is_page`] holds.
pub fn page(path: &str, headers: &HeaderMap) -> Response {
    if docs::is_docs(path) {
        return docs::page(path, headers);
    }
    let html = Sent { status: StatusCode::OK, media: files::media_type("html"), cache: "no-store", policy: POLICY };
    if path.starts_with("/assets/") || path == "/favicon.svg" {
        let name = path.trim_start_matches('/');
        let cache = if path.starts_with("/assets/") { files::FOR_GOOD } else { "public, max-age=3600" };
        let missing = Sent { status: StatusCode::NOT_FOUND, media: "text/plain; charset=utf-8", ..html };
        return match files::find::<Dist>(name, headers) {
            Some(found) => files::answer(found, &Sent { media: files::media_type(name), cache, ..html }),
            None => files::answer(Found::text("not found"), &missing),
        };
    }
    files::answer(files::find::<Dist>("index.html", headers).unwrap_or_else(|| Found::text(NOT_BUILT)), &html)
}

#[cfg(test)]
mod tests {
    use http::header::CONTENT_SECURITY_POLICY;

    use super::*;

    /// Proves R-WEB-4.
    #[test]
    fn pages_answer_without_the_panel_too() {
        for path in PAGES {
            let response = page(path, &HeaderMap::new());
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.contains("script-src 'self'") && policy.contains("require-trusted-types-for 'script'"));
        }
        assert_eq!(page("/assets/../../Cargo.toml", &HeaderMap::new()).status(), StatusCode::NOT_FOUND);
    }
}
