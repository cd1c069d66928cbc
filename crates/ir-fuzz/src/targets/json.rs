//! The lifting JSON reader.

use crate::support::{Bench, bench, cuttings, lift, told, written};
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use ir_model::Node;
use ir_spool::{LiftErrorKind, LiftLimits, PieceBody, render_json};
use serde_json::Value;

const DEPTH: usize = 24;
const MEMBERS: usize = 200;
const ABOVE: usize = 48;
const PART: u64 = 2048;

/// Without padding, as [`normal`] leaves it.
const DECODER: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireNone));

fn limits(lift_above: usize) -> LiftLimits {
    LiftLimits { total: 16 * 1024, kept: 64 * 1024, text: PART, picture: PART, depth: DEPTH, members: MEMBERS, lift_above, url_safe: false }
}

/// Cuts change nothing; `serde_json` agrees about what is JSON and what it says; limits hold; what
/// was written down reads the same.
pub(crate) fn run(data: &[u8]) {
    bench(|bench| bench.wait(check(bench, data)));
}

async fn check(bench: &Bench, data: &[u8]) {
    let spool = &bench.spool;
    let ways = cuttings(data);
    let whole = lift(spool, limits(ABOVE), &ways[0]).await;
    for way in &ways[1..] {
        assert_eq!(told(&lift(spool, limits(ABOVE), way).await), told(&whole), "cuts make a difference");
    }
    let reference = serde_json::from_slice::<Value>(data);
    match &whole {
        Ok(node) => {
            let reference = reference.expect("what is accepted is JSON");
            let (depth, members) = same(bench, node, &reference).await;
            assert!(depth <= DEPTH && members <= MEMBERS, "{depth} deep, {members} members");
            round_trip(bench, node).await;
        }
        Err(error) => match error.kind {
            // Long base64 and what the reader is stricter about, and bounds.
            LiftErrorKind::Base64
            | LiftErrorKind::DuplicateKey
            | LiftErrorKind::Depth
            | LiftErrorKind::Members
            | LiftErrorKind::TooLarge { .. } => {}
            LiftErrorKind::Syntax(what) if ["NUL", "U+0000", "too long", "longer than"].iter().any(|bound| what.contains(bound)) => {}
            LiftErrorKind::Syntax(_) | LiftErrorKind::Utf8 | LiftErrorKind::Truncated => {
                assert!(reference.is_err(), "{error} in a good document");
            }
            LiftErrorKind::Io(_) | LiftErrorKind::Full => panic!("{error}"),
        },
    }
    if whole.is_ok() {
        let plain = lift(spool, LiftLimits { text: u64::MAX, ..limits(16 * 1024) }, &ways[0]).await.expect("it was good before");
        assert_eq!(plain.to_value_lossy(), serde_json::from_slice::<Value>(data).expect("it is JSON"));
    }
}

/// Compares with what `serde_json` read; returns depth and members.
async fn same(bench: &Bench, node: &Node, value: &Value) -> (usize, usize) {
    match (node, value) {
        (Node::Array(items), Value::Array(values)) => {
            assert_eq!(items.len(), values.len());
            let (mut deepest, mut members) = (0, items.len());
            for (item, value) in items.iter().zip(values) {
                let (depth, more) = Box::pin(same(bench, item, value)).await;
                (deepest, members) = (deepest.max(depth), members + more);
            }
            (deepest + 1, members)
        }
        (Node::Object(map), Value::Object(values)) => {
            assert_eq!(map.0.len(), values.len());
            let (mut deepest, mut members) = (0, values.len());
            for (name, item) in &map.0 {
                let (depth, more) = Box::pin(same(bench, item, &values[name])).await;
                (deepest, members) = (deepest.max(depth), members + more);
            }
            (deepest + 1, members)
        }
        (Node::Bytes(lifted), Value::String(text)) => {
            assert!(text.len() > ABOVE && lifted.blob.size() <= PART);
            let encoded = match &lifted.data_uri {
                Some(media) => {
                    let (head, encoded) = text.split_once(',').expect("a data URI has a comma");
                    assert!(head.eq_ignore_ascii_case(&format!("data:{media};base64")), "{head}");
                    encoded
                }
                None => text,
            };
            let decoded = DECODER.decode(normal(encoded)).expect("what was decoded is base64");
            assert_eq!(bench.bytes(&lifted.blob).await, decoded);
            (0, 0)
        }
        (Node::Text(text), Value::String(value)) => {
            assert!(value.len() > ABOVE && text.blob.size() <= PART);
            let left = bench.bytes(&text.blob).await;
            if text.pictures.is_empty() {
                assert_eq!(left, value.as_bytes());
            } else {
                assert!(left.len() < value.len());
            }
            (0, 0)
        }
        (Node::String(text), Value::String(value)) => {
            // What may be a data URI is held until its comma.
            let held = if text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) { 5 + 512 } else { ABOVE };
            assert!(text == value && text.len() <= held, "{} bytes in memory", text.len());
            (0, 0)
        }
        (node, value) => {
            assert_eq!(node.to_value_lossy(), *value);
            (0, 0)
        }
    }
}

/// Base64 without what is forgiven: blanks and padding.
fn normal(text: &str) -> String {
    let letters: String = text.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
    letters.trim_end_matches('=').to_owned()
}

async fn round_trip(bench: &Bench, node: &Node) {
    let mut body = PieceBody::new(render_json(node));
    let (length, mut bytes) = (body.len(), Vec::new());
    while let Some(piece) = body.next().await {
        bytes.extend_from_slice(&piece.expect("the spool can be read"));
    }
    assert_eq!(bytes.len() as u64, length, "the announced length is right");
    // Escapes may take six times the room.
    let wide = LiftLimits { total: 1 << 20, ..limits(ABOVE) };
    let written_again = lift(&bench.spool, wide, &[Bytes::from(bytes)]).await;
    if !holds_text_with_pictures(node) {
        let again = written_again.expect("what is written can be read");
        // Base64 without blanks and a text without its pictures may be short enough to stay.
        if !is_near_the_bound(node) {
            assert_eq!(written(&again), written(node));
        }
    }
}

fn holds_text_with_pictures(node: &Node) -> bool {
    match node {
        Node::Text(text) => !text.pictures.is_empty(),
        Node::Array(items) => items.iter().any(holds_text_with_pictures),
        Node::Object(map) => map.0.iter().any(|(_, item)| holds_text_with_pictures(item)),
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::String(_) | Node::Bytes(_) => false,
    }
}

fn is_near_the_bound(node: &Node) -> bool {
    match node {
        Node::Bytes(lifted) => lifted.blob.size() < ABOVE as u64,
        Node::Array(items) => items.iter().any(is_near_the_bound),
        Node::Object(map) => map.0.iter().any(|(_, item)| is_near_the_bound(item)),
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::String(_) | Node::Text(_) => false,
    }
}
