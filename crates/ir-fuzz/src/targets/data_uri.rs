//! Base64 and `data:` URIs of it.

use crate::support::{Bench, bench, lift};
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use ir_model::{AskPicture, Node};
use ir_openai::fuzzing::{Arriving, fields};
use ir_spool::{Alphabet, LiftLimits, SpoolError};
use serde_json::json;

const DECODER: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireNone));

/// A reference decoder agrees on every text; bytes survive the round trip; what a request accepts is
/// what its label says.
pub(crate) fn run(data: &[u8]) {
    bench(|bench| {
        bench.wait(async {
            if let Ok(text) = std::str::from_utf8(data) {
                for alphabet in [Alphabet::Standard, Alphabet::Either] {
                    agrees(bench, text, alphabet).await;
                }
                as_a_request(bench, text).await;
            }
            there_and_back(bench, data).await;
        });
    });
}

async fn agrees(bench: &Bench, text: &str, alphabet: Alphabet) {
    let expected = reference(text, alphabet);
    match bench.spool.from_base64(text, alphabet).await {
        Ok(blob) => assert_eq!(Some(bench.bytes(&blob).await), expected, "decoded otherwise"),
        Err(SpoolError::Base64 { at }) => {
            assert_eq!(expected, None, "refused at {at}, but good");
            assert!(at <= text.len() as u64);
        }
        Err(SpoolError::TooLarge { .. }) => assert!(text.len() > 256 * 1024),
        Err(error) => panic!("{error}"),
    }
}

/// Slow, with the `base64` crate at its core: blanks and missing padding are forgiven, nothing else.
fn reference(text: &str, alphabet: Alphabet) -> Option<Vec<u8>> {
    let lead = text.trim_start_matches(|letter: char| letter.is_ascii_whitespace());
    let encoded = if lead.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
        let (head, encoded) = lead[5..].split_once(',')?;
        let lower = head.to_ascii_lowercase();
        let media = lower.strip_suffix(";base64")?;
        if head.len() >= 512 || media.ends_with(";base64") || !media.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        encoded
    } else {
        text
    };
    let mut letters: String = encoded.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
    if alphabet == Alphabet::Either {
        letters = letters.replace('-', "+").replace('_', "/");
    }
    let core = letters.trim_end_matches('=');
    let pads = letters.len() - core.len();
    let room = match core.len() % 4 {
        2 => 2,
        3 => 1,
        _ => 0,
    };
    if pads > room {
        return None;
    }
    DECODER.decode(core).ok()
}

async fn there_and_back(bench: &Bench, data: &[u8]) {
    for (encoded, alphabet) in
        [(general_purpose::STANDARD.encode(data), Alphabet::Standard), (general_purpose::URL_SAFE_NO_PAD.encode(data), Alphabet::Either)]
    {
        let blob = bench.spool.from_base64(&encoded, alphabet).await.expect("good base64");
        assert_eq!(bench.bytes(&blob).await, data);
        let uri = format!("data:image/png;base64,{encoded}");
        let document = Bytes::from(format!("\"{uri}\""));
        let limits = LiftLimits { lift_above: 64, url_safe: alphabet == Alphabet::Either, ..LiftLimits::default() };
        match lift(&bench.spool, limits, &[document]).await.expect("a good string") {
            Node::Bytes(lifted) => {
                assert_eq!(bench.bytes(&lifted.blob).await, data);
                assert_eq!(lifted.data_uri.as_deref(), Some("image/png"));
            }
            node => assert!(uri.len() <= 64 && node.as_str() == Some(&uri)),
        }
    }
}

async fn as_a_request(bench: &Bench, text: &str) {
    let body = json!({"image": text}).to_string();
    let arriving = Arriving { content_type: "application/json".to_owned(), chunks: vec![body.into()] };
    let Ok(fields) = fields(&bench.spool, arriving).await else { return };
    let text = text.trim_ascii();
    for picture in &fields.pictures {
        match picture {
            AskPicture::Here(picture) => {
                assert_eq!(Some(bench.bytes(&picture.blob).await), reference(text, Alphabet::Standard));
                if let Some((label, _)) = text.strip_prefix("data:").and_then(|rest| rest.split_once(';')) {
                    assert_eq!(label.replace("jpg", "jpeg"), picture.probe.format.media_type(), "the label lies");
                }
            }
            AskPicture::Url(url) => {
                assert_eq!(url, text);
                assert!(url.len() <= 8192 && url.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("http")));
            }
        }
    }
}
