//! The documentation, embedded in the binary: `/docs` and what is below it, but for `/docs/api`, which is a
//! page of the panel. Pages are looked at anew each time; what they load has hashed names.

use axum::body::Body;
use axum::response::Response;
use http::header::LOCATION;
use http::{HeaderMap, HeaderValue, StatusCode};
use rust_embed::RustEmbed;

use super::files::{self, Found, Sent};

/// What `npm run build` made in `docs/`. Empty where the documentation was not built.
#[derive(RustEmbed)]
#[folder = "../../docs/.vitepress/dist"]
#[allow_missing = true]
struct Dist;

/// The panel's, but stricter: these pages show nothing of others and send nothing. The colours of code are inline styles.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; \
     object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Shown where the documentation was not built.
const NOT_BUILT: &str = include_str!("docs_not_built.html");

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    File(String),
    /// The same page under the address that its relative links are made for.
    Moved(String),
    Nowhere,
}

/// Whether a path is one of the documentation.
pub(super) fn is_docs(path: &str) -> bool {
    (path == "/docs" || path.starts_with("/docs/")) && path != "/docs/api"
}

/// The answer to a path for which [`is_docs`] holds.
pub(super) fn page(path: &str, headers: &HeaderMap) -> Response {
    let html = Sent { status: StatusCode::OK, media: files::media_type("html"), cache: "no-cache", policy: POLICY };
    match place(path, |name| Dist::get(name).is_some()) {
        Place::Moved(to) => moved(&to),
        Place::File(name) => {
            let cache = if name.starts_with("assets/") { files::FOR_GOOD } else { html.cache };
            let found = files::find::<Dist>(&name, headers).unwrap_or_else(|| Found::text(""));
            files::revalidated(found, &Sent { media: files::media_type(&name), cache, ..html }, headers)
        }
        Place::Nowhere if Dist::get("index.html").is_none() => files::answer(Found::text(NOT_BUILT), &Sent { cache: "no-store", ..html }),
        Place::Nowhere => match files::find::<Dist>("404.html", headers) {
            Some(found) if !path.starts_with("/docs/assets/") => {
                files::answer(found, &Sent { status: StatusCode::NOT_FOUND, cache: "no-store", ..html })
            }
            Some(_) | None => {
                let plain = Sent { status: StatusCode::NOT_FOUND, media: "text/plain; charset=utf-8", cache: "no-store", ..html };
                files::answer(Found::text("not found"), &plain)
            }
        },
    }
}

/// A page has an address without `.html`; a folder's first page has one with a slash at the end.
fn place(path: &str, is_there: impl Fn(&str) -> bool) -> Place {
    let Some(name) = path.strip_prefix("/docs/") else { return Place::Moved("/docs/".to_owned()) };
    let folder = name.trim_end_matches('/');
    if name.is_empty() || name.ends_with('/') {
        let first = format!("{name}index.html");
        return if is_there(&first) {
            Place::File(first)
        } else if !folder.is_empty() && is_there(&format!("{folder}.html")) {
            Place::Moved(format!("/docs/{folder}"))
        } else {
            Place::Nowhere
        };
    }
    let page = format!("{name}.html");
    if is_there(name) {
        Place::File(name.to_owned())
    } else if is_there(&page) {
        Place::File(page)
    } else if is_there(&format!("{name}/index.html")) {
        Place::Moved(format!("/docs/{name}/"))
    } else {
        Place::Nowhere
    }
}

fn moved(to: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response.headers_mut().insert(LOCATION, HeaderValue::try_from(to).expect("invariant: names of embedded files are visible ASCII"));
    response
}

#[cfg(test)]
mod tests {
    use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, IF_NONE_MATCH};

    use super::*;

    #[test]
    fn every_page_has_one_address() {
        let built = ["index.html", "manual.html", "clients/index.html", "clients/n8n.html", "assets/app.1a2b.js"];
        let file = |name: &str| Place::File(name.to_owned());
        let moved = |to: &str| Place::Moved(to.to_owned());
        for (path, expected) in [
            ("/docs", moved("/docs/")),
            ("/docs/", file("index.html")),
            ("/docs/manual", file("manual.html")),
            ("/docs/manual.html", file("manual.html")),
            ("/docs/manual/", moved("/docs/manual")),
            ("/docs/clients", moved("/docs/clients/")),
            ("/docs/clients/", file("clients/index.html")),
            ("/docs/clients/n8n", file("clients/n8n.html")),
            ("/docs/assets/app.1a2b.js", file("assets/app.1a2b.js")),
            ("/docs/nothing", Place::Nowhere),
            ("/docs/../manual", Place::Nowhere),
            ("/docs//example.com", Place::Nowhere),
            ("/docs///", Place::Nowhere),
        ] {
            assert_eq!(place(path, |name| built.contains(&name)), expected, "{path}");
        }
    }

    #[test]
    fn the_api_reference_is_the_panels() {
        assert!(is_docs("/docs") && is_docs("/docs/") && is_docs("/docs/apis"));
        assert!(!is_docs("/docs/api") && !is_docs("/docsify"));
    }

    #[test]
    fn it_answers_without_the_documentation_too() {
        let response = page("/docs/", &HeaderMap::new());
        assert_eq!(response.status(), StatusCode::OK);
        let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("script-src 'self';") && policy.contains("default-src 'self'"), "{policy}");
    }

    #[test]
    fn nothing_beside_the_documentation_is_shown() {
        for path in ["/docs/../Cargo.toml", "/docs/../../../Cargo.toml", "/docs/assets/../../../Cargo.toml", "/docs/%2e%2e/Cargo.toml"] {
            let response = page(path, &HeaderMap::new());
            assert!(response.headers().get(ETAG).is_none(), "{path} is a file");
        }
    }

    #[test]
    fn pages_are_looked_at_anew_and_assets_kept() {
        let Some(asset) = Dist::iter().find(|name| name.starts_with("assets/") && name.ends_with(".js")) else {
            return; // not built
        };
        let response = page(&format!("/docs/{asset}"), &HeaderMap::new());
        assert_eq!(response.headers()[CACHE_CONTROL], files::FOR_GOOD);
        let first = page("/docs/", &HeaderMap::new());
        assert_eq!(first.headers()[CACHE_CONTROL], "no-cache");
        let again = page("/docs/", &HeaderMap::from_iter([(IF_NONE_MATCH, first.headers()[ETAG].clone())]));
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(page("/docs/nothing-of-that-name", &HeaderMap::new()).status(), StatusCode::NOT_FOUND);
        assert_eq!(page("/docs/assets/nothing.js", &HeaderMap::new()).status(), StatusCode::NOT_FOUND);
    }
}
