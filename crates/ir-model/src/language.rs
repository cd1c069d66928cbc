//! In which language people are told what went wrong.

use crate::fault::Message;

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
    /// The preferred one of the two by the values of `Accept-Language` (RFC 9110, 12.5.4): the
    /// highest quality wins, the first of equals; anything unreadable is passed over.
    pub fn preferred<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut best = (0.0_f32, Self::English);
        for range in values.into_iter().flat_map(|text| text.split(',')).take(32) {
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
    pub fn pick(self, message: &Message) -> &str {
        match self {
            Self::English => &message.en,
            Self::Chinese => &message.zh,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_language_wins() {
        let of = |text| Language::preferred([text]);
        assert_eq!(of("zh-CN,zh;q=0.9,en;q=0.8"), Language::Chinese);
        assert_eq!(of("en-US,en;q=0.9,zh;q=0.8"), Language::English);
        assert_eq!(of("fr, zh;q=0.2"), Language::Chinese);
        assert_eq!(of("zh;q=0.1, en;q=0.5"), Language::English);
        for odd in ["*", "", "zh;q=0", "zh;q=x", ";;,,", "de"] {
            assert_eq!(of(odd), Language::English, "{odd}");
        }
        assert_eq!(Language::preferred([]), Language::English);
    }
}
