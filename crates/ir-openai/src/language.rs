//! In which language a caller is told what went wrong.

use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;
use ir_model::Language;
pub(crate) use ir_model::echo;

/// The language that a request prefers.
pub(crate) fn language_of(headers: &HeaderMap) -> Language {
    Language::preferred(headers.get_all(ACCEPT_LANGUAGE).iter().filter_map(|value| value.to_str().ok()))
}
