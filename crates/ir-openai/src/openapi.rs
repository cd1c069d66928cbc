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
    use crate::error::{Mode, status};
    use ir_model::{Class, Gate};
    use std::collections::BTreeSet;

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

    /// No `default`: a status that no operation tells of is none of ours.
    #[test]
    fn the_statuses_of_a_drawing_are_the_table_of_failures() {
        let document = serde_json::to_value(openapi()).unwrap();
        let classes = Class::ATTEMPT.into_iter().chain(Gate::ALL.into_iter().map(Class::Gate));
        let statuses = classes.flat_map(|class| [status(class, Mode::Backend), status(class, Mode::Relay)]);
        // Another method is another operation, and nobody reads the answer of one who left.
        let table: BTreeSet<String> = statuses.filter(|status| ![405, 499].contains(status)).map(|status| status.to_string()).collect();
        let told = |path: &str, method: &str| -> BTreeSet<String> {
            let responses = document["paths"][path][method]["responses"].as_object().unwrap();
            let refused = responses.iter().filter(|(status, _)| !status.starts_with('2'));
            refused
                .inspect(|(_, told)| assert_eq!(told["$ref"], "#/components/responses/Failed"))
                .map(|(status, _)| status.clone())
                .collect()
        };
        assert_eq!(told("/v1/images/generations", "post"), table);
        for (path, methods) in document["paths"].as_object().unwrap() {
            for method in methods.as_object().unwrap().keys() {
                assert!(told(path, method).is_subset(&table), "{method} {path}");
            }
        }
    }
}
