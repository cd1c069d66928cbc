use super::*;
use base64::engine::general_purpose::STANDARD as STRICT;
use proptest::prelude::*;

/// Decodes `input` cut at `cuts`, with `room` bytes of output at a time. `Err`: the bad byte.
fn decode(input: &[u8], cuts: &[usize], room: usize, url_safe: bool, blanks: Blanks) -> Result<Vec<u8>, usize> {
    let mut decoder = Decoder::new(url_safe);
    let mut out = Vec::new();
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (input.len() + 1)).collect();
    ends.push(input.len());
    ends.sort_unstable();
    let mut at = 0;
    for end in ends {
        while at < end {
            let mut block = vec![0; room];
            let step = decoder.decode(&input[at..end], &mut block, blanks);
            assert!(step.read > 0 || step.bad, "no progress");
            out.extend_from_slice(&block[..step.written]);
            at += step.read;
            if step.bad {
                return Err(at);
            }
        }
    }
    let (tail, n) = decoder.finish().ok_or(input.len())?;
    out.extend_from_slice(&tail[..n]);
    Ok(out)
}

fn at_once(input: &str) -> Result<Vec<u8>, usize> {
    decode(input.as_bytes(), &[], 4096, false, Blanks::Any)
}

/// The `base64` crate on the same text without white space, padding optional.
fn reference(input: &[u8]) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let letters: Vec<u8> = input.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    GeneralPurpose::new(&alphabet::STANDARD, config).decode(letters).ok()
}

proptest! {
    #[test]
    fn white_space_and_cuts_make_no_difference(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        blanks in prop::collection::vec((any::<usize>(), prop::sample::select(&b" \t\r\n\x0c"[..])), 0..12),
        cuts in prop::collection::vec(any::<usize>(), 0..6),
        room in LEAST_ROOM..80,
        padded in any::<bool>(),
    ) {
        let mut text = STRICT.encode(&bytes).into_bytes();
        if !padded {
            text.retain(|byte| *byte != b'=');
        }
        for (at, blank) in blanks {
            text.insert(at % (text.len() + 1), blank);
        }
        prop_assert_eq!(decode(&text, &cuts, room, false, Blanks::Any), Ok(bytes));
    }

    #[test]
    fn agrees_with_the_reference(
        text in "[AQZazg09+/=_ \n-]{0,24}",
        cuts in prop::collection::vec(any::<usize>(), 0..4),
        room in LEAST_ROOM..12,
    ) {
        let ours = decode(text.as_bytes(), &cuts, room, false, Blanks::Any);
        prop_assert_eq!(&ours.clone().ok(), &reference(text.as_bytes()));
        prop_assert_eq!(ours, at_once(&text));
    }
}

#[test]
fn the_bad_byte_is_told() {
    for (text, at) in [
        ("*", 0),
        ("QUJD*", 4),
        ("QUJDQ*JD", 5),
        ("QQ==Q", 4),
        ("QQ==QUJD", 4),
        ("QQ===", 4),
        ("Q===", 1),
        ("=", 0),
        ("QUJD====", 4),
        ("QR==", 2),
        ("QUJ-", 3),
        ("QUJDQ", 5),
        ("QUJDQR", 6),
        ("QU\u{e9}D", 2),
        ("QU\u{b}JD", 2),
    ] {
        assert_eq!(at_once(text), Err(at), "{text:?}");
        let cuts: Vec<usize> = (0..text.len()).collect();
        assert_eq!(decode(text.as_bytes(), &cuts, 3, false, Blanks::Any), Err(at), "{text:?}, byte by byte");
    }
}

#[test]
fn every_place_of_a_bad_byte_in_a_long_text() {
    let whole = STRICT.encode([7; 300]);
    for at in 0..whole.len() {
        let mut text = whole.clone().into_bytes();
        text[at] = b'!';
        assert_eq!(decode(&text, &[at / 2], 4096, false, Blanks::Any), Err(at));
    }
}

#[test]
fn padding_may_be_missing_in_whole_or_in_part() {
    for text in ["QQ==", "QQ=", "QQ", " Q Q = = "] {
        assert_eq!(at_once(text), Ok(b"A".to_vec()), "{text:?}");
    }
    assert_eq!(at_once("QUI"), Ok(b"AB".to_vec()));
    assert_eq!(at_once(""), Ok(Vec::new()));
}

#[test]
fn the_other_alphabet_only_where_it_is_asked_for() {
    let text = b"-_-_QUJD-_+/";
    assert_eq!(decode(text, &[], 64, false, Blanks::Any), Err(0));
    assert_eq!(decode(text, &[], 64, true, Blanks::Any), Ok(STRICT.decode("+/+/QUJD+/+/").unwrap()));
}

#[test]
fn raw_json_may_hold_spaces_only() {
    assert_eq!(decode(b"QU JD", &[], 64, false, Blanks::SpaceOnly), Ok(b"ABC".to_vec()));
    assert_eq!(decode(b"QU\nJD", &[], 64, false, Blanks::SpaceOnly), Err(2));
}

#[test]
fn data_uris() {
    for (text, media) in [
        ("data:image/png;base64,", "image/png"),
        ("DATA:IMAGE/PNG;BASE64,", "IMAGE/PNG"),
        ("data:image/png;charset=utf-8;base64,", "image/png;charset=utf-8"),
        ("data:;base64,", ""),
        ("data:text/html;base64,", "text/html"),
    ] {
        assert_eq!(data_uri(text.as_bytes()), Some((media, text.len())), "{text}");
        assert_eq!(data_uri(format!("{text}QUJD,").as_bytes()), Some((media, text.len())), "{text}");
    }
    for text in [
        "data:image/png;base64",
        "data:image/png;base64;base64,",
        "data:image/png,",
        "data:,",
        "data:base64,",
        "data:image/png;base64 ,",
        "data: image/png;base64,",
        "dat:image/png;base64,",
        "data",
        "",
    ] {
        assert_eq!(data_uri(text.as_bytes()), None, "{text}");
    }
    assert_eq!(data_uri(format!("data:{};base64,", "a".repeat(MAX_HEADER)).as_bytes()), None);
}
