//! What the public dialect is, in OpenAPI 3.1. Bodies go through the lifting reader instead of types
//! that could describe themselves, so the document is written by hand (`openapi.json`); a test holds
//! its paths to the router's.

use utoipa::openapi::OpenApi;

/// The routes of `/v1`.
pub fn openapi() -> OpenApi {
    serde_json::from_str(include_str!("openapi.json")).expect("invariant: the document that is built in can be read")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_described() {
        let routes = include_str!("api.rs").lines().filter_map(|line| line.trim().strip_prefix(".route(\"")?.split('"').next());
        let mut routes: Vec<String> = routes.map(|route| route.replace("{*", "{")).collect();
        let api = openapi();
        let mut described: Vec<String> = api.paths.paths.keys().cloned().collect();
        routes.sort();
        described.sort();
        assert_eq!(described, routes);
    }
}
