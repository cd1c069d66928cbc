use super::*;
use proptest::prelude::*;
use serde_json::{Map as JsonMap, Value};

const WIDE: Bounds = Bounds { kept: 1 << 20, depth: 100, members: 10_000, lift_above: 1 << 16 };
const NARROW: Bounds = Bounds { lift_above: 16, ..WIDE };

/// Reads `input`, cut at `cuts`; strings that are handed out are put together again. The second
/// value counts them.
fn read(input: &[u8], cuts: &[usize], bounds: Bounds) -> Result<(Node, usize), LiftError> {
    let mut parser = Parser::new(bounds);
    let (mut lifted, mut count) = (Vec::new(), 0);
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (input.len() + 1)).collect();
    ends.push(input.len());
    ends.sort_unstable();
    let mut at = 0;
    for end in ends {
        loop {
            let (used, event) = parser.step(&input[at..end])?;
            at += used;
            match event {
                Event::More => break,
                Event::Begin(begin) => {
                    count += 1;
                    for (index, byte) in begin.prefix.iter().enumerate() {
                        let place = usize::try_from(begin.places.of(index)).unwrap();
                        assert!(input[place] == *byte || input[place] == b'\\' || !byte.is_ascii(), "byte {index} is not at {place}");
                    }
                    lifted = begin.prefix;
                }
                Event::Run { bytes, at: place } => {
                    assert!(input[usize::try_from(place).unwrap()..].starts_with(bytes));
                    // Base64 is handed out unchecked: whoever decodes it refuses what is not.
                    if bytes.iter().any(|byte| *byte < 0x20) {
                        return Err(parser.fail(Fail::new(LiftErrorKind::Base64, 0)));
                    }
                    lifted.extend_from_slice(bytes);
                }
                Event::Char { bytes, len, at: place } => {
                    let first = input[usize::try_from(place).unwrap()];
                    assert!(first == b'\\' || first == bytes[0]);
                    lifted.extend_from_slice(&bytes[..len]);
                }
                Event::End { at: place } => {
                    assert_eq!(input[usize::try_from(place).unwrap()], b'"');
                    let bytes = std::mem::take(&mut lifted);
                    let text = String::from_utf8(bytes).map_err(|_| parser.fail(Fail::new(LiftErrorKind::Base64, 0)))?;
                    parser.lifted(Node::String(text))?;
                }
            }
        }
        assert_eq!(at, end, "all input is used");
    }
    Ok((parser.finish()?, count))
}

fn shown(result: &Result<(Node, usize), LiftError>) -> String {
    format!("{result:?}")
}

/// Whether we refuse what `serde_json` takes, on purpose.
fn stricter(error: &LiftError) -> bool {
    match error.kind {
        LiftErrorKind::Syntax(what) => what == "a NUL character" || what == "a number is too long",
        LiftErrorKind::DuplicateKey | LiftErrorKind::Depth | LiftErrorKind::TooLarge { .. } | LiftErrorKind::Base64 => true,
        _ => false,
    }
}

fn same_as_serde(input: &[u8], cuts: &[usize], bounds: Bounds) {
    let ours = read(input, cuts, bounds);
    let theirs = serde_json::from_slice::<Value>(input);
    match (&ours, theirs) {
        (Ok((node, _)), Ok(value)) => assert_eq!(node.to_value_lossy(), value),
        (Err(error), Ok(_)) => assert!(stricter(error), "{error:?} on {:?}", String::from_utf8_lossy(input)),
        (Ok(node), Err(error)) => panic!("{node:?} but {error} on {:?}", String::from_utf8_lossy(input)),
        (Err(_), Err(_)) => {}
    }
    assert_eq!(shown(&ours), shown(&read(input, &[], bounds)), "cuts {cuts:?}");
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no others", |f| f.is_finite()).prop_map(Value::from),
        "[^\u{0}]{0,40}".prop_map(Value::from),
        "data:image/png;base64,[A-Za-z0-9+/ ]{0,40}".prop_map(Value::from),
        "iVBORw0KGgo[A-Za-z0-9+/é\n]{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[^\u{0}]{0,8}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect::<JsonMap<_, _>>())),
        ]
    })
}

/// Escapes some characters of a document's strings that need not be.
fn over_escaped(text: &str, every: usize) -> String {
    let (mut out, mut inside, mut escaped) = (String::new(), false, false);
    for (at, character) in text.chars().enumerate() {
        if inside && !escaped && character != '"' && character != '\\' && at % every == 0 {
            let mut units = [0; 2];
            character.encode_utf16(&mut units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04X}")));
        } else {
            out.push(character);
        }
        inside ^= character == '"' && !escaped;
        escaped = inside && character == '\\' && !escaped;
    }
    out
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(any::<usize>(), 0..8)
}

proptest! {
    #[test]
    fn documents_are_those_of_serde_json(value in value(), cuts in cuts(), every in 1usize..9, pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        same_as_serde(text.as_bytes(), &cuts, WIDE);
        same_as_serde(text.as_bytes(), &cuts, NARROW);
        same_as_serde(over_escaped(&text, every).as_bytes(), &cuts, NARROW);
    }

    #[test]
    fn broken_documents_are_refused_as_by_serde_json(
        value in value(),
        damage in prop::collection::vec((any::<usize>(), prop::option::of(prop::sample::select(&b"\"\\{}[]:,0-.eEtun \n\x01\x80\xe4\xff"[..]))), 1..4),
        cuts in cuts(),
    ) {
        let mut text = serde_json::to_vec(&value).unwrap();
        for (at, byte) in damage {
            let at = at % text.len();
            match byte {
                Some(byte) => text[at] = byte,
                None => text.truncate(at.max(1)),
            }
        }
        same_as_serde(&text, &cuts, WIDE);
        same_as_serde(&text, &cuts, NARROW);
    }

    #[test]
    fn garbage_never_panics(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            prop::collection::vec(prop::sample::select(&b"\"\\u{}[]:,0123-.eEtruefalsn \n\xe4\xb8\xad"[..]), 0..60),
        ],
        cuts in cuts(),
    ) {
        same_as_serde(&bytes, &cuts, NARROW);
    }

    #[test]
    fn numbers_are_those_of_serde_json(text in "-?[0-9]{0,25}(\\.[0-9]{0,25})?([eE][+-]?[0-9]{0,3})?", cuts in cuts()) {
        same_as_serde(text.as_bytes(), &cuts, WIDE);
    }
}

/// Found by fuzzing: each time a large number was read and written it moved by a digit.
#[test]
fn a_number_that_is_written_again_stays_what_it_was() {
    for text in ["123456789012734567890", "0.1", "-1.7976931348623157e308", "5e-324", "9007199254740993.0", "123456789.123456789"] {
        let (node, _) = read(text.as_bytes(), &[], WIDE).unwrap();
        let written = node.to_value_lossy().to_string();
        let (again, _) = read(written.as_bytes(), &[], WIDE).unwrap();
        assert_eq!(written.parse::<f64>(), text.parse::<f64>(), "{text}");
        assert_eq!(again.to_value_lossy().to_string(), written, "{text}");
    }
}

#[test]
fn the_same_wherever_it_is_cut() {
    for text in [
        r#"{"a":[1,-2.5e3,true,false,null],"b":{"c":"short"},"ключ":"значение"}"#,
        " [ \"0123456789abcdef\" , \"0123456789abcdefg\" ,\n \"0123456789abcde\\u00e9\" ] ",
        r#"["data:image/png;base64,QUJDREVGR0hJSktMTU5P", "DATA:;BASE64,QUJDREVGR0hJSktMTU5P"]"#,
        r#"["iVBORw0KGgoAAAANSUhEUgAA", "  \n\/9j\/4AAQSkZJRgABAQAAAQ\u0041\r\n", "UklGRgAAAAAAAAAA"]"#,
        "[\"a long text 中文中文中文 \u{1f600}\u{1f600} \\ud83d\\ude00 \\\" \\\\ \\/\"]",
        "[\"a long text that ends in a cut character \u{e4}\"]",
        "{\"a\":\n\n  \"0123456789abcdef\x01\"}",
        r#"{"a":1,"b":{"x":1,"x":2}}"#,
        r#"["lone \ud83d surrogate in a long text"]"#,
        r#"["0123456789abcdef \u0000"]"#,
        r#"[1.5.2, 3]"#,
        "[1e999]",
        "[tru]",
        "[1,2",
        "\"0123456789abcdefgh",
        "",
        " \n ",
    ] {
        let whole = shown(&read(text.as_bytes(), &[], NARROW));
        for first in 0..=text.len() {
            assert_eq!(shown(&read(text.as_bytes(), &[first], NARROW)), whole, "{text} cut at {first}");
            assert_eq!(shown(&read(text.as_bytes(), &[first, first + 1], NARROW)), whole, "{text} cut around {first}");
        }
        let all: Vec<usize> = (0..=text.len()).collect();
        assert_eq!(shown(&read(text.as_bytes(), &all, NARROW)), whole, "{text} byte by byte");
    }
}

#[test]
fn bytes_that_are_not_utf8_are_told_where_they_are_whether_lifted_or_not() {
    for (text, at) in [
        (&b"[\"abc\xff\"]"[..], 5),
        (b"[\"abc\xe4\xb8\"]", 5),
        (b"[\"a long text, a long text \xe4\xb8\"]", 27),
        (b"[\"a long text, a long text \xe4\\n\"]", 27),
        (b"[\"a long text, a long text \xe4\x01\"]", 27),
        (b"[\"a long text, a long text \xc0\xaf\"]", 27),
        (b"[\"a long text \\n\\n\\n \xed\xa0\x80 and on and on\"]", 21),
    ] {
        for cut in 0..text.len() {
            let error = read(text, &[cut], NARROW).unwrap_err();
            assert!(matches!(error.kind, LiftErrorKind::Utf8), "{error:?}");
            assert_eq!((error.offset, error.column), (at, at + 1), "{:?} cut at {cut}", String::from_utf8_lossy(text));
        }
    }
}

#[test]
fn errors_name_their_place() {
    let place = |text: &str| {
        let error = read(text.as_bytes(), &[], NARROW).unwrap_err();
        (error.path, error.line, error.column, error.offset)
    };
    assert_eq!(place("{\"images\":[1,\n {\"url\": nul}]}"), ("images[1].url".into(), 2, 10, 23));
    assert_eq!(place("{\"a\":1,\"a\":2}"), ("a".into(), 1, 8, 7));
    assert_eq!(place("{\"a\":{\"b\":[[],[\"\x02\"]]}}"), ("a.b[1][0]".into(), 1, 17, 16));
    assert_eq!(place("[1 2]"), (String::new(), 1, 4, 3));
    assert_eq!(place("[1]x"), (String::new(), 1, 4, 3));
}

#[test]
fn bounds_are_kept() {
    let kind = |text: &str, bounds: Bounds| read(text.as_bytes(), &[3], bounds).map(|_| ()).map_err(|error| error.kind);
    let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
    assert!(kind(&deep(100), WIDE).is_ok());
    assert!(matches!(kind(&deep(101), WIDE), Err(LiftErrorKind::Depth)));
    assert!(matches!(kind(&deep(100_000), WIDE), Err(LiftErrorKind::Depth)));
    let list = |n: usize| format!("[{}]", vec!["1"; n].join(","));
    assert!(kind(&list(10_000), WIDE).is_ok());
    assert!(matches!(kind(&list(10_001), WIDE), Err(LiftErrorKind::Members)));
    let named = |n: usize| format!("{{\"{}\":1}}", "k".repeat(n));
    assert!(kind(&named(1024), NARROW).is_ok());
    assert!(matches!(kind(&named(1025), WIDE), Err(LiftErrorKind::Syntax("a name is longer than 1024 bytes"))));
    let small = Bounds { kept: 300, ..WIDE };
    assert!(kind(&format!("[\"{}\"]", "a".repeat(100)), small).is_ok());
    assert!(matches!(kind(&format!("[\"{}\"]", "a".repeat(300)), small), Err(LiftErrorKind::TooLarge { limit: 300 })));
    let names: Vec<String> = (0..100).map(|n| format!("\"k{n}\":0")).collect();
    assert!(kind(&format!("{{{}}}", names.join(",")), WIDE).is_ok());
    for twice in [0, 15, 16, 17, 99] {
        let text = format!("{{{},\"k{twice}\":1}}", names.join(","));
        assert!(matches!(kind(&text, WIDE), Err(LiftErrorKind::DuplicateKey)), "k{twice}");
    }
}

#[test]
fn after_an_error_nothing_is_read() {
    let mut parser = Parser::new(WIDE);
    parser.step(b"[x").unwrap_err();
    assert!(matches!(parser.step(b"1]").unwrap_err().kind, LiftErrorKind::Syntax(_)));
    assert!(parser.finish().is_err());
}

#[test]
fn memory_does_not_grow_with_what_flows_through() {
    let chunk: Vec<u8> = b"QUJDREVG".repeat(8192);
    let escapes: Vec<u8> = b"\\n\\u00e9".repeat(2048);
    for (begin, chunk) in [(&b"[\"data:image/png;base64,"[..], &chunk), (b"[\"once upon a time ", &chunk), (b"[\"", &escapes)] {
        let mut parser = Parser::new(WIDE);
        let mut most = 0;
        let (mut flown, mut rest) = (0, begin);
        while flown < 50 << 20 {
            while !rest.is_empty() {
                let (used, event) = parser.step(rest).unwrap();
                // What is handed out is the receiver's; it is counted here as long as it lives.
                let handed = if let Event::Begin(begin) = &event { begin.prefix.capacity() } else { 0 };
                most = most.max(parser.held() + handed);
                rest = &rest[used..];
            }
            flown += if chunk.len() == escapes.len() { chunk.len() * 8 } else { chunk.len() };
            rest = chunk;
        }
        assert!(most <= WIDE.most_held(), "{most} bytes held");
        assert!(most >= WIDE.lift_above, "nothing was held: the test is blind");
    }
}
