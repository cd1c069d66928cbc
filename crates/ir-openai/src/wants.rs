//! How a caller wants to be served, by the headers of the request: again (`Idempotency-Key`), later
//! (`Prefer`, RFC 7240), elsewhere (`X-Img-Router-Webhook`).

use http::{HeaderMap, HeaderName};
use ir_model::Fault;
use std::time::Duration;

pub(crate) const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const PREFER: HeaderName = HeaderName::from_static("prefer");
/// Where the end of the request is to be told.
const WEBHOOK: HeaderName = HeaderName::from_static("x-img-router-webhook");
/// Longest idempotency key, as elsewhere (Stripe).
const LONGEST_KEY: usize = 255;
/// Longest wait that is granted; the caller asks again.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// See the module's text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Wants {
    /// The same request again must not draw again.
    pub(crate) key: Option<String>,
    /// `respond-async`: answered at once, drawn meanwhile.
    pub(crate) respond_async: bool,
    /// `wait`: how long an answer may take.
    pub(crate) wait: Option<Duration>,
    /// Where the end is to be told.
    pub(crate) hook: Option<String>,
}

impl Wants {
    /// Reads the headers. Preferences that are not known are ignored, as RFC 7240 has it.
    ///
    /// # Errors
    /// 400 for a key or an address that cannot be one, or stands twice.
    pub(crate) fn read(headers: &HeaderMap) -> Result<Self, Fault> {
        let key = single(headers, &KEY, "Idempotency-Key")?;
        if key.as_ref().is_some_and(|key| key.is_empty() || key.len() > LONGEST_KEY) {
            let en = format!("An idempotency key has 1 to {LONGEST_KEY} visible characters.");
            return Err(Fault::bad("Idempotency-Key", en, format!("幂等键应为 1 到 {LONGEST_KEY} 个可见字符。")));
        }
        let mut wants = Self { key, hook: single(headers, &WEBHOOK, "X-Img-Router-Webhook")?, ..Self::default() };
        let values = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
        for preference in values.flat_map(|value| value.split(',')) {
            let word = preference.split(';').next().unwrap_or_default();
            let (name, value) = word.split_once('=').map_or((word, ""), |(name, value)| (name, value.trim().trim_matches('"')));
            match name.trim().to_ascii_lowercase().as_str() {
                "respond-async" => wants.respond_async = true,
                "wait" => wants.wait = value.parse().ok().map(|secs| Duration::from_secs(secs).min(LONGEST_WAIT)),
                _ => {}
            }
        }
        Ok(wants)
    }
}

/// A header that stands at most once, in visible ASCII.
fn single(headers: &HeaderMap, header: &HeaderName, name: &str) -> Result<Option<String>, Fault> {
    let mut values = headers.get_all(header).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| values.next().is_none() && !text.bytes().any(|b| b.is_ascii_control()));
    match text {
        Some(text) => Ok(Some(text.trim().to_owned())),
        None => Err(Fault::bad(
            name,
            format!("{name} must stand once, in visible ASCII characters."),
            format!("{name} 只能出现一次，且只能包含可见的 ASCII 字符。"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn read(given: &[(&'static str, &[u8])]) -> Result<Wants, Option<String>> {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        Wants::read(&headers).map_err(|fault| fault.param)
    }

    #[test]
    fn keys_that_cannot_be_keys() {
        let long = "k".repeat(256);
        let bad: [&[(&'static str, &[u8])]; 5] = [
            &[("idempotency-key", b"")],
            &[("idempotency-key", b"  ")],
            &[("idempotency-key", b"a\tb")],
            &[("idempotency-key", "ключ".as_bytes())],
            &[("idempotency-key", b"a"), ("idempotency-key", b"a")],
        ];
        for given in bad.into_iter().chain([&[("idempotency-key", long.as_bytes())] as &[_]]) {
            assert_eq!(read(given), Err(Some("Idempotency-Key".to_owned())), "{given:?}");
        }
        assert_eq!(read(&[("idempotency-key", &b"k".repeat(255))]).unwrap().key, Some("k".repeat(255)));
    }

    #[test]
    fn preferences_in_all_their_spellings() {
        let secs = |secs| Some(Duration::from_secs(secs));
        type Row<'a> = (&'a [(&'static str, &'a [u8])], bool, Option<Duration>);
        let rows: [Row<'_>; 7] = [
            (&[], false, None),
            (&[("prefer", b"respond-async")], true, None),
            (&[("prefer", b"Respond-Async, wait=10")], true, secs(10)),
            (&[("prefer", b"wait=\"3\""), ("prefer", b"respond-async")], true, secs(3)),
            (&[("prefer", b"wait=1000")], false, secs(60)),
            (&[("prefer", b"handling=lenient; foo, wait=soon")], false, None),
            (&[("prefer", b"respond-async;x=y")], true, None),
        ];
        for (given, respond_async, wait) in rows {
            let wants = read(given).unwrap();
            assert_eq!((wants.respond_async, wants.wait), (respond_async, wait), "{given:?}");
        }
    }
}
