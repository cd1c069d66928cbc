use super::*;
use crate::Alphabet;
use crate::{PieceBody, SpoolConfig, render_json};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ir_model::{Flaw, Limits, Map, SeededDice};
use proptest::prelude::*;
use std::fs;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const MIB: u64 = 1024 * 1024;

struct Place {
    dir: TempDir,
    spool: Spool,
    runtime: Runtime,
}

impl Place {
    fn new() -> Self {
        Self::with_budget(64 * MIB)
    }

    fn with_budget(max_in_flight_bytes: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = SpoolConfig { data_dir: dir.path().to_owned(), limits: Limits::default(), fsync: false, max_in_flight_bytes };
        let spool = Spool::open(config, Arc::new(SeededDice::new(1))).unwrap();
        Self { dir, spool, runtime: tokio::runtime::Builder::new_current_thread().build().unwrap() }
    }

    fn lift_cut(&self, document: &[u8], limits: LiftLimits, cuts: &[usize]) -> Result<Node, LiftError> {
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (document.len() + 1)).collect();
        ends.push(document.len());
        ends.sort_unstable();
        self.runtime.block_on(async {
            let mut lifter = Lifter::new(&self.spool, limits);
            let mut at = 0;
            for end in ends {
                lifter.push(&document[at..end]).await?;
                at = end;
            }
            lifter.finish().await
        })
    }

    fn lift(&self, document: &str) -> Result<Node, LiftError> {
        self.lift_cut(document.as_bytes(), small(), &[])
    }

    fn bytes(&self, blob: &Blob) -> Vec<u8> {
        self.runtime.block_on(self.spool.read(blob, u64::MAX)).unwrap()
    }

    fn written(&self, node: &Node) -> String {
        let mut body = PieceBody::new(render_json(node));
        let length = body.len();
        let mut out = Vec::new();
        self.runtime.block_on(async {
            while let Some(bytes) = body.next().await {
                out.extend_from_slice(&bytes.unwrap());
            }
        });
        assert_eq!(out.len() as u64, length, "the length was announced exactly");
        String::from_utf8(out).unwrap()
    }

    /// A node with everything lifted put back, for comparison.
    fn shown(&self, result: &Result<Node, LiftError>) -> String {
        match result {
            Ok(node) => format!("{} {}", self.written(node), self.pictures(node)),
            Err(error) => format!("{error:?}"),
        }
    }

    fn pictures(&self, node: &Node) -> String {
        match node {
            Node::Text(text) => format!("{:?}", text.pictures.iter().map(|blob| self.bytes(blob)).collect::<Vec<_>>()),
            Node::Array(items) => items.iter().map(|item| self.pictures(item)).collect(),
            Node::Object(map) => map.0.iter().map(|(_, item)| self.pictures(item)).collect(),
            _ => String::new(),
        }
    }

    fn files(&self) -> usize {
        fs::read_dir(self.dir.path().join("spool")).unwrap().count()
    }
}

/// Lifts above 16 bytes.
fn small() -> LiftLimits {
    LiftLimits { lift_above: 16, ..LiftLimits::default() }
}

fn lifted(node: &Node) -> &LiftedBytes {
    match node {
        Node::Bytes(bytes) => bytes,
        other => panic!("{} is not lifted bytes", other.kind()),
    }
}

fn long_text(node: &Node) -> &LongText {
    match node {
        Node::Text(text) => text,
        other => panic!("{} is not a long text", other.kind()),
    }
}

/// Bytes that begin like a PNG, so that they are recognised without a `data:` URI.
fn like_png(n: usize) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    bytes.extend((0..n).map(|at| u8::try_from(at * 7 % 251).unwrap()));
    bytes
}

#[test]
fn big_pictures_leave_the_document() {
    let place = Place::new();
    let bytes = like_png(3_000_000);
    let base64 = STANDARD.encode(&bytes);
    let document = format!(r#"{{"prompt":"a cat","image":"{base64}","images":[{{"image_url":"data:image/png;base64,{base64}"}}],"n":1}}"#);
    let node = place.lift_cut(document.as_bytes(), LiftLimits::default(), &[1_000_000, 1_000_001]).unwrap();
    assert_eq!(node.get("prompt").unwrap().as_str(), Some("a cat"));
    assert_eq!(node.get("n").unwrap().as_i64(), Some(1));
    let bare = lifted(node.get("image").unwrap());
    assert_eq!(bare.data_uri, None);
    assert!(place.bytes(&bare.blob) == bytes);
    let uri = lifted(node.get("images").unwrap().as_array().unwrap()[0].get("image_url").unwrap());
    assert_eq!(uri.data_uri.as_deref(), Some("image/png"));
    assert_eq!(uri.blob.size(), bytes.len() as u64);
    assert_eq!(uri.blob.sha256(), bare.blob.sha256());
    assert!(uri.blob.probe().is_err(), "it only begins like a PNG");
    assert!(place.written(&node) == document, "what is read is what is written");
}

#[test]
fn short_strings_stay() {
    let place = Place::new();
    let document = format!(r#"["data:image/png;base64,{}","iVBORw0KGgo","bad base64: /9j/**"]"#, "QUJD".repeat(1000));
    let node = place.lift_cut(document.as_bytes(), LiftLimits::default(), &[]).unwrap();
    assert!(node.as_array().unwrap().iter().all(|item| item.as_str().is_some()));
    assert_eq!(place.files(), 0);
}

/// `07-security.md`, B-72.
#[test]
fn data_uris_of_all_kinds() {
    let place = Place::new();
    let base64 = STANDARD.encode(like_png(40));
    let spaced = base64.replace('K', " K\\n ");
    for (uri, media) in [
        (format!("data:image/png;base64,{base64}"), "image/png"),
        (format!("DATA:IMAGE/PNG;BASE64,{base64}"), "IMAGE/PNG"),
        (format!("data:image/png;charset=utf-8;base64,{base64}"), "image/png;charset=utf-8"),
        (format!("data:;base64,{base64}"), ""),
        (format!("data:text/html;base64,{base64}"), "text/html"),
        (format!("data:image/png;base64,{}", base64.trim_end_matches('=')), "image/png"),
        (format!("data:image/png;base64, {spaced}"), "image/png"),
    ] {
        let node = place.lift(&format!("\"{uri}\"")).unwrap();
        assert_eq!(lifted(&node).data_uri.as_deref(), Some(media), "{uri}");
        assert_eq!(place.bytes(&lifted(&node).blob), like_png(40), "{uri}");
    }
    for text in [
        format!("data:image/png;base64{}", base64.repeat(10)),
        format!("data:image/png,{base64}"),
        format!("data:image/png;base64;base64,{base64}"),
        "data:image/png,%89PNG%0D%0A%1A%0A".to_owned(),
    ] {
        let node = place.lift(&format!("\"{text}\"")).unwrap();
        assert_eq!(place.runtime.block_on(place.spool.read_text(long_text(&node), 1000)).unwrap(), text, "no base64: a text");
        let short = place.runtime.block_on(place.spool.from_base64(&text, Alphabet::Standard));
        assert!(matches!(short, Err(SpoolError::Base64 { at: 4 })), "{text}");
    }
    for base64 in ["QUJDREVGR0hJSktMTU5P*", "QUJDREVGR0hJSktMTU5PQ===", "QUJDREVGR0hJSktMTU5PQ", "QUJDREVG-_-_SktMTU5P"] {
        let error = place.lift(&format!("[\"data:image/png;base64,{base64}\"]")).unwrap_err();
        assert!(matches!(error.kind, LiftErrorKind::Base64), "{base64}: {error:?}");
        let short = place.runtime.block_on(place.spool.from_base64(&format!("data:image/png;base64,{base64}"), Alphabet::Standard));
        let Err(SpoolError::Base64 { at }) = short else { panic!("{base64}: {short:?}") };
        assert_eq!(at + 2, error.offset, "{base64}");
    }
    let url_safe = LiftLimits { url_safe: true, ..small() };
    assert!(place.lift_cut(br#""data:image/png;base64,QUJDREVG-_-_SktMTU5P""#, url_safe, &[]).is_ok());
    assert_eq!(place.files(), 0);
}

#[test]
fn short_base64_is_decoded_too() {
    let place = Place::new();
    for text in ["QUJD", " QU\nJD ", "data:image/png;base64,QUJD", " DATA:;base64,QUJD"] {
        let blob = place.runtime.block_on(place.spool.from_base64(text, Alphabet::Standard)).unwrap();
        assert_eq!(place.bytes(&blob), b"ABC");
        assert_eq!(blob.probe(), Err(Flaw::Unsupported));
    }
    let bad = place.runtime.block_on(place.spool.from_base64("QUJDRE*", Alphabet::Standard));
    assert!(matches!(bad, Err(SpoolError::Base64 { at: 6 })));
}

#[test]
fn escapes_inside_base64() {
    let place = Place::new();
    let bytes = like_png(3000);
    let mut escaped = String::new();
    for (at, letter) in STANDARD.encode(&bytes).chars().enumerate() {
        match letter {
            '/' => escaped.push_str("\\/"),
            '+' => escaped.push_str("\\u002b"),
            letter if at % 7 == 0 => escaped.push_str(&format!("\\u{:04x}", u32::from(letter))),
            letter => escaped.push(letter),
        }
        if at % 76 == 75 {
            escaped.push_str("\\r\\n");
        }
    }
    for lift_above in [16, 300, 2000] {
        let node = place.lift_cut(format!("\"{escaped}\"").as_bytes(), LiftLimits { lift_above, ..small() }, &[700]).unwrap();
        assert!(place.bytes(&lifted(&node).blob) == bytes, "lifted above {lift_above}");
    }
}

#[test]
fn bad_base64_is_told_where_it_is() {
    let place = Place::new();
    let begin = "{\n \"a\": {\"b\": [1, \"data:image\\/png;base64,";
    let base64 = STANDARD.encode(like_png(60)).replace("w0K", "w0\\u004b\\n");
    for at in (0..base64.len()).filter(|at| base64.as_bytes()[*at].is_ascii_uppercase() && *at != base64.find("u004b").unwrap()) {
        let mut broken = base64.clone();
        broken.replace_range(at..=at, "*");
        let document = format!("{begin}{broken}\"]}}}}");
        let offset = (begin.len() + at) as u64;
        for cut in [0, begin.len() - 3, begin.len() + at, begin.len() + at + 1] {
            let error = place.lift_cut(document.as_bytes(), small(), &[cut]).unwrap_err();
            assert!(matches!(error.kind, LiftErrorKind::Base64), "{error:?}");
            assert_eq!((error.offset, error.line, error.column), (offset, 2, offset - 1), "{broken}");
            assert_eq!(error.path, "a.b[1]");
        }
    }
    let control = place.lift("[\"data:image/png;base64,QUJD\nQUJD\"]").unwrap_err();
    assert!(matches!(control.kind, LiftErrorKind::Syntax(_)), "{control:?}");
    assert_eq!(control.offset, 28);
    assert_eq!(place.files(), 0);
}

#[test]
fn pictures_in_long_texts_are_taken_out_wherever_it_is_cut() {
    let place = Place::new();
    let (one, two) = (like_png(10), like_png(25));
    let document = format!(
        "{{\"content\":\"Here it is: ![a [cat]](data:image/png;base64,{}) \\u4e2d\\n文 ![](https://e.com/x.png) \
         ![b](data:image\\/webp;base64,{}\\n \\\"title\\\")! ![\",\"k\":1}}",
        STANDARD.encode(&one),
        STANDARD.encode(&two).replace('/', "\\/"),
    );
    let whole = place.lift(&document).unwrap();
    let text = long_text(whole.get("content").unwrap());
    assert_eq!(text.pictures.iter().map(|blob| place.bytes(blob)).collect::<Vec<_>>(), [one, two]);
    let left = "Here it is:  中\n文 ![](https://e.com/x.png) ! ![";
    assert_eq!(place.runtime.block_on(place.spool.read_text(text, 100)).unwrap(), left);
    let above = place.runtime.block_on(place.spool.read_text(text, 10));
    assert!(matches!(above, Err(SpoolError::TooLarge { limit: 10 })));
    let expected = place.shown(&Ok(whole));
    for cut in 0..document.len() {
        let cut_there = place.lift_cut(document.as_bytes(), small(), &[cut, cut + 1]);
        assert_eq!(place.shown(&cut_there), expected, "cut at {cut}");
    }
}

#[test]
fn bad_base64_in_a_long_text_is_told_where_it_is() {
    let place = Place::new();
    let document = "[\"some long text\\n ![x](data:image/png;base64,QUJDREVGR0hJSktMTU5PUFFSU1RVVldY*)\"]";
    let at = document.find('*').unwrap() as u64;
    for lift_above in [16, 48, 60, 70, 76] {
        for cut in 0..document.len() {
            let error = place.lift_cut(document.as_bytes(), LiftLimits { lift_above, ..small() }, &[cut]).unwrap_err();
            assert!(matches!(error.kind, LiftErrorKind::Base64));
            assert_eq!((error.offset, error.path.as_str()), (at, "[0]"));
        }
    }
}

#[test]
fn limits_of_what_is_lifted() {
    let place = Place::new();
    let base64 = STANDARD.encode(like_png(992));
    let document = format!("[\"{base64}\"]");
    let kind = |document: &str, limits: LiftLimits| {
        let whole = place.lift_cut(document.as_bytes(), limits, &[]);
        for cut in [17, 500, 1300] {
            assert_eq!(place.shown(&place.lift_cut(document.as_bytes(), limits, &[cut])), place.shown(&whole));
        }
        whole.map(|_| ()).map_err(|error| error.kind)
    };
    assert!(kind(&document, LiftLimits { picture: 1000, ..small() }).is_ok());
    assert!(matches!(kind(&document, LiftLimits { picture: 999, ..small() }), Err(LiftErrorKind::TooLarge { limit: 999 })));
    let text = format!("[\"{}\"]", "text ".repeat(200));
    assert!(kind(&text, LiftLimits { text: 1000, ..small() }).is_ok());
    assert!(matches!(kind(&text, LiftLimits { text: 999, ..small() }), Err(LiftErrorKind::TooLarge { limit: 999 })));
    assert!(kind(&text, LiftLimits { total: 1004, ..small() }).is_ok());
    assert!(matches!(kind(&text, LiftLimits { total: 1003, ..small() }), Err(LiftErrorKind::TooLarge { limit: 1003 })));
    let many = |n: usize| format!("[\"some long text {}\"]", "![](data:image/png;base64,QUJD)".repeat(n));
    assert!(kind(&many(64), small()).is_ok());
    assert!(matches!(kind(&many(65), small()), Err(LiftErrorKind::Members)));
    assert_eq!(place.spool.in_flight_bytes(), 0);
    assert_eq!(place.files(), 0);
}

#[test]
fn the_budget_is_given_back() {
    let place = Place::with_budget(200_000);
    let document = format!("[\"{}\"]", STANDARD.encode(like_png(120_000)));
    let first = place.lift_cut(document.as_bytes(), LiftLimits::default(), &[]).unwrap();
    assert_eq!(place.spool.in_flight_bytes(), 120_008);
    assert_eq!(place.files(), 1);
    let error = place.lift_cut(document.as_bytes(), LiftLimits::default(), &[]).unwrap_err();
    assert!(matches!(error.kind, LiftErrorKind::Full), "{error:?}");
    assert_eq!((error.path.as_str(), error.offset), ("[0]", 1));
    drop(first);
    assert_eq!(place.spool.in_flight_bytes(), 0);
    assert!(place.lift_cut(document.as_bytes(), LiftLimits::default(), &[]).is_ok());
}

/// Proves R-DOS-4.
#[test]
fn callers_leave_a_quarter_of_the_spool_to_replies() {
    let place = Place::with_budget(1000);
    place.runtime.block_on(async {
        let (callers, block) = (place.spool.for_callers(), [7; 250]);
        let mut upload = callers.writer().unwrap();
        upload.write(&block.repeat(3)).await.unwrap();
        assert!(matches!(upload.write(&[7]).await, Err(SpoolError::Full)));
        assert!(matches!(callers.writer(), Err(SpoolError::Full)));
        let mut reply = place.spool.writer().unwrap();
        reply.write(&block).await.unwrap();
        assert!(matches!(reply.write(&[7]).await, Err(SpoolError::Full)));
        assert!(callers.is_full() && place.spool.is_full());
    });
    assert_eq!(place.spool.in_flight_bytes(), 0);
}

#[test]
fn leftovers_are_removed_when_the_spool_opens() {
    let place = Place::new();
    let blob = place.runtime.block_on(place.spool.from_base64("QUJD", Alphabet::Standard)).unwrap();
    assert_eq!(place.files(), 1);
    let config = SpoolConfig { data_dir: place.dir.path().to_owned(), limits: Limits::default(), fsync: false, max_in_flight_bytes: MIB };
    Spool::open(config, Arc::new(SeededDice::new(2))).unwrap();
    assert_eq!(place.files(), 0);
    assert_eq!(place.bytes(&blob), b"ABC", "an open blob can still be read");
}

#[test]
fn files_are_for_the_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let _blob = place.runtime.block_on(place.spool.from_base64("QUJD", Alphabet::Standard)).unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let file = fs::read_dir(place.spool.dir()).unwrap().next().unwrap().unwrap();
    assert_eq!(mode(&file.path()), 0o600);
    for dir in ["spool", "storage", "thumbs"] {
        assert_eq!(mode(&place.dir.path().join(dir)), 0o700);
    }
}

#[test]
fn an_unfinished_writer_leaves_nothing() {
    let mut place = Place::new();
    place.runtime.block_on(async {
        let mut writer = place.spool.writer().unwrap();
        writer.write(&[7; 300_000]).await.unwrap();
        assert_eq!(place.spool.in_flight_bytes(), 300_000);
        drop(writer);
        assert_eq!(place.spool.in_flight_bytes(), 0);
    });
    // Ends the write that was under way.
    place.runtime = Runtime::new().unwrap();
    assert_eq!(place.files(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn what_is_lifted_and_written_is_what_was_read(
        pictures in prop::collection::vec((0usize..3000, any::<bool>()), 0..3),
        words in prop::collection::vec("[^\u{0}!]{0,60}", 0..4),
        numbers in prop::collection::vec(any::<i64>(), 0..3),
        cuts in prop::collection::vec(any::<usize>(), 0..6),
    ) {
        let place = Place::new();
        let mut members: Vec<(String, Node)> = Vec::new();
        for (n, uri) in pictures {
            let base64 = STANDARD.encode(like_png(n));
            let text = if uri { format!("data:image/png;base64,{base64}") } else { base64 };
            members.push((format!("p{}", members.len()), Node::String(text)));
        }
        members.push(("words".into(), Node::Array(words.into_iter().map(Node::String).collect())));
        members.push(("numbers".into(), Node::Array(numbers.into_iter().map(|n| Node::Number(n.into())).collect())));
        let document = place.written(&Node::Object(Map(members)));
        let node = place.lift_cut(document.as_bytes(), small(), &cuts).unwrap();
        prop_assert_eq!(place.written(&node), document);
    }

    #[test]
    fn broken_documents_end_alike_wherever_they_are_cut(
        damage in prop::collection::vec((any::<usize>(), prop::sample::select(&b"\"\\{}!](), *=\x01\xe4"[..])), 0..4),
        cuts in prop::collection::vec(any::<usize>(), 1..6),
    ) {
        let place = Place::new();
        let mut document = format!(
            r#"{{"a":"data:image/png;base64,{}","b":["some text ![x](data:image/png;base64,QUJDREVG) 中文中文 more"]}}"#,
            STANDARD.encode(like_png(100)),
        )
        .into_bytes();
        for (at, byte) in damage {
            let at = at % document.len();
            document[at] = byte;
        }
        let limits = LiftLimits { picture: 90, text: 30, ..small() };
        let whole = place.shown(&place.lift_cut(&document, limits, &[]));
        prop_assert_eq!(place.shown(&place.lift_cut(&document, limits, &cuts)), whole);
        let whole = place.shown(&place.lift_cut(&document, small(), &[]));
        prop_assert_eq!(place.shown(&place.lift_cut(&document, small(), &cuts)), whole);
        prop_assert_eq!(place.spool.in_flight_bytes(), 0);
    }
}
