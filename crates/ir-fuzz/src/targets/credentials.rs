//! The heads that say who is asking, and what the body is.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use ir_openai::fuzzing::{boundary, token};

/// Lines of `name: value`.
///
/// One credential, none, or a refusal: two that differ are never resolved by taking one of them. A
/// form has one boundary of a lawful length.
pub(crate) fn run(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n').take(32) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (HeaderName::from_bytes(&line[..colon]), Bytes::copy_from_slice(line[colon + 1..].trim_ascii()));
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_maybe_shared(value)) {
            headers.append(name, value);
        }
    }
    let given: Vec<(&HeaderName, &HeaderValue)> =
        headers.iter().filter(|(name, _)| ["authorization", "api-key", "x-api-key"].contains(&name.as_str())).collect();
    match token(&headers) {
        Ok(None) => assert!(given.is_empty(), "a credential is overlooked"),
        Ok(Some(token)) => {
            assert!((1..=4096).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic()));
            for (name, value) in given {
                let text = value.to_str().expect("a token is visible ASCII");
                let own = if name == "authorization" { text.split_once(' ').map_or("", |(_, own)| own) } else { text };
                assert_eq!(own, token, "{name} says another");
                assert_eq!(headers.get_all(name).iter().count(), 1, "{name} stands twice");
            }
        }
        Err(fault) => {
            assert!(!given.is_empty(), "{fault:?} without a credential");
            // The name of the header is said, whatever was sent in it.
            let told = format!("{:?}", fault.message).replace("Authorization", "");
            let secret = given.iter().filter_map(|(_, value)| value.to_str().ok()).flat_map(|text| text.split(' ').next_back());
            assert!(secret.filter(|text| text.len() >= 12).all(|text| !told.contains(text)), "a credential is repeated: {told}");
        }
    }
    if let Ok(Some(boundary)) = boundary(&headers) {
        assert!((1..=70).contains(&boundary.len()));
    }
}
