//! In which language a caller is told what went wrong, and what of its words may be shown.

use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;
use ir_model::Language;

/// The language that a request prefers.
pub(crate) fn language_of(headers: &HeaderMap) -> Language {
    Language::preferred(headers.get_all(ACCEPT_LANGUAGE).iter().filter_map(|value| value.to_str().ok()))
}

/// At most 64 characters of what a caller wrote, escaped so that they stay on one line and cannot
/// steer a terminal or reverse the text around them.
pub(crate) fn echo(text: &str) -> String {
    let mut out = String::new();
    let mut count = 0;
    for ch in text.chars() {
        let steering = matches!(ch, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
        let shown = if ch.is_control() || steering || ch == '"' || ch == '\\' { ch.escape_unicode().to_string() } else { ch.to_string() };
        count += shown.chars().count();
        if count > 63 {
            out.push('…');
            break;
        }
        out.push_str(&shown);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Proves R-LOG-3.
    #[test]
    fn echoes_are_short_and_tame() {
        assert_eq!(echo("1024×1024"), "1024×1024");
        assert_eq!(echo("a\n\u{1b}[31m\u{202e}"), "a\\u{a}\\u{1b}[31m\\u{202e}");
        for long in ["x".repeat(5000), "\u{0}".repeat(5000), "é".repeat(5000)] {
            assert!(echo(&long).chars().count() <= 64);
        }
    }
}
