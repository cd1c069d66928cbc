//! In which language a caller is told what went wrong.

use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;
use ir_model::Message;

/// The languages that the gateway speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Language {
    /// English, unless Chinese is preferred.
    #[default]
    English,
    /// Chinese.
    Chinese,
}

impl Language {
    /// The preferred one of the two by `Accept-Language` (RFC 9110, 12.5.4): the highest quality
    /// wins, the first of equals; anything unreadable is passed over.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut best = (0.0_f32, Self::English);
        let ranges = headers.get_all(ACCEPT_LANGUAGE).iter().filter_map(|value| value.to_str().ok());
        for range in ranges.flat_map(|text| text.split(',')).take(32) {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default().to_ascii_lowercase();
            let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(0.0));
            let language = match tag.split('-').next() {
                Some("zh") => Self::Chinese,
                Some("en") => Self::English,
                Some(_) | None => continue,
            };
            if quality > best.0 {
                best = (quality, language);
            }
        }
        best.1
    }

    /// The sentence in this language.
    pub(crate) fn pick(self, message: &Message) -> &str {
        match self {
            Self::English => &message.en,
            Self::Chinese => &message.zh,
        }
    }
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
    use http::HeaderValue;

    fn of(text: &str) -> Language {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_str(text).unwrap());
        Language::of(&headers)
    }

    #[test]
    fn the_preferred_language_wins() {
        assert_eq!(of("zh-CN,zh;q=0.9,en;q=0.8"), Language::Chinese);
        assert_eq!(of("en-US,en;q=0.9,zh;q=0.8"), Language::English);
        assert_eq!(of("fr, zh;q=0.2"), Language::Chinese);
        assert_eq!(of("zh;q=0.1, en;q=0.5"), Language::English);
        for odd in ["*", "", "zh;q=0", "zh;q=x", ";;,,", "de"] {
            assert_eq!(of(odd), Language::English, "{odd}");
        }
        assert_eq!(Language::of(&HeaderMap::new()), Language::English);
    }

    #[test]
    fn echoes_are_short_and_tame() {
        assert_eq!(echo("1024×1024"), "1024×1024");
        assert_eq!(echo("a\n\u{1b}[31m\u{202e}"), "a\\u{a}\\u{1b}[31m\\u{202e}");
        for long in ["x".repeat(5000), "\u{0}".repeat(5000), "é".repeat(5000)] {
            assert!(echo(&long).chars().count() <= 64);
        }
    }
}
