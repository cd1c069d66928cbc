use super::*;
use crate::{Spool, SpoolConfig, render_json};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ir_model::{Flaw, LiftedBytes, Limits, LongText, Node, Probe, SeededDice, Spooled};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;
use tempfile::TempDir;

fn spool() -> (TempDir, Spool) {
    let dir = tempfile::tempdir().unwrap();
    let config = SpoolConfig { data_dir: dir.path().to_owned(), limits: Limits::default(), fsync: false, max_in_flight_bytes: 1 << 30 };
    let spool = Spool::open(config, Arc::new(SeededDice::new(3))).unwrap();
    (dir, spool)
}

async fn blob(spool: &Spool, bytes: &[u8]) -> Blob {
    let mut writer = spool.writer().unwrap();
    writer.write(bytes).await.unwrap();
    writer.finish().await.unwrap()
}

/// Reads a body to its end, checking the length that it tells on the way.
async fn drain(mut body: PieceBody) -> Vec<u8> {
    let (mut out, length) = (Vec::new(), body.len());
    while let Some(bytes) = body.next().await {
        let bytes = bytes.unwrap();
        assert!(!bytes.is_empty());
        out.extend_from_slice(&bytes);
        assert_eq!(body.len(), length - out.len() as u64);
        assert_eq!(body.size_hint().exact(), Some(body.len()));
    }
    assert!(body.is_end_stream());
    assert_eq!(out.len() as u64, length);
    out
}

#[tokio::test]
async fn lengths_are_exact_around_every_block() {
    let (_dir, spool) = spool();
    for n in [0, 1, 2, 3, READ - 1, READ, READ + 1, READ + 2, 2 * READ + 5, 200_000] {
        let bytes: Vec<u8> = (0..n).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let blob = blob(&spool, &bytes).await;
        assert!(drain(PieceBody::new(vec![Piece::Raw(blob.clone())])).await == bytes);
        let pieces = vec![Piece::Bytes("<".into()), Piece::Base64(blob.clone()), Piece::Bytes(Bytes::new()), Piece::Bytes(">".into())];
        let expected = format!("<{}>", STANDARD.encode(&bytes));
        assert!(drain(PieceBody::new(pieces)).await == expected.as_bytes(), "{n} bytes");
    }
    assert!(drain(PieceBody::new(Vec::new())).await.is_empty());
}

#[tokio::test]
async fn blocks_are_64_kib_at_most() {
    let (_dir, spool) = spool();
    let blob = blob(&spool, &[7; 300_000]).await;
    let mut body = PieceBody::new(vec![Piece::Base64(blob)]);
    while let Some(bytes) = body.next().await {
        assert!(bytes.unwrap().len() <= crate::BLOCK);
    }
}

#[tokio::test]
async fn ranges() {
    let (_dir, spool) = spool();
    let bytes: Vec<u8> = (0..200_000u32).map(|at| u8::try_from(at % 241).unwrap()).collect();
    let blob = blob(&spool, &bytes).await;
    for (start, end) in [(0, 200_000), (0, 0), (5, 6), (49_000, 150_000), (199_999, 300_000), (300_000, 400_000), (9, 3)] {
        let expected = bytes.get(start.min(bytes.len())..end.min(bytes.len())).unwrap_or_default();
        assert!(drain(PieceBody::range(blob.clone(), start as u64, end as u64)).await == expected, "{start}..{end}");
    }
}

#[tokio::test]
async fn a_blob_can_be_sent_while_it_is_gone_from_the_directory() {
    let (dir, spool) = spool();
    let blob = blob(&spool, &[1; 100_000]).await;
    for entry in std::fs::read_dir(dir.path().join("spool")).unwrap() {
        std::fs::rename(entry.unwrap().path(), dir.path().join("elsewhere")).unwrap();
    }
    assert_eq!(drain(PieceBody::new(vec![Piece::Raw(blob)])).await.len(), 100_000);
}

#[tokio::test]
async fn a_file_that_shrank_is_an_error_and_the_end() {
    let (dir, spool) = spool();
    let blob = blob(&spool, &[1; 100_000]).await;
    let path = std::fs::read_dir(dir.path().join("spool")).unwrap().next().unwrap().unwrap().path();
    std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(60_000).unwrap();
    let mut body = PieceBody::new(vec![Piece::Raw(blob)]);
    assert!(body.next().await.unwrap().is_ok());
    assert_eq!(body.next().await.unwrap().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    assert!(body.next().await.is_none());
}

#[derive(Debug)]
struct Foreign;

impl Spooled for Foreign {
    fn size(&self) -> u64 {
        3
    }
    fn probe(&self) -> Result<Probe, Flaw> {
        Err(Flaw::Empty)
    }
    fn sha256(&self) -> [u8; 32] {
        [0; 32]
    }
}

#[tokio::test]
async fn blobs_of_others_are_an_error() {
    for piece in [Piece::Raw(Blob::new(Arc::new(Foreign))), Piece::Text(Blob::new(Arc::new(Foreign)))] {
        let mut body = PieceBody::new(vec![piece]);
        assert!(!body.is_end_stream());
        assert!(body.next().await.unwrap().is_err());
        assert!(body.next().await.is_none());
    }
}

#[tokio::test]
async fn documents_are_written_as_serde_json_writes_them() {
    let (_dir, spool) = spool();
    let value = json!({"z": [1, -2.5, 1e300, u64::MAX, true, false, null, {}], "a\n\"": "\u{1}\u{7f}\u{8} \\ / é 中 \u{1f600}", "": []});
    let node = Node::from(value.clone());
    assert_eq!(drain(PieceBody::new(render_json(&node))).await, serde_json::to_vec(&value).unwrap());

    let picture = blob(&spool, &[9; 70_000]).await;
    let text: String = (0..100_000u32).map(|n| char::from_u32(n % 0x500).unwrap()).filter(|c| *c != '\0').collect();
    let text_blob = blob(&spool, text.as_bytes()).await;
    let node = Node::Array(vec![
        Node::Bytes(LiftedBytes { blob: picture.clone(), data_uri: None }),
        Node::Bytes(LiftedBytes { blob: picture, data_uri: Some("image/\"png".into()) }),
        Node::Text(LongText { blob: text_blob, pictures: Vec::new() }),
    ]);
    let base64 = STANDARD.encode([9; 70_000]);
    let expected = json!([base64, format!("data:image/\"png;base64,{base64}"), text]);
    assert!(drain(PieceBody::new(render_json(&node))).await == serde_json::to_vec(&expected).unwrap());
}

proptest! {
    #[test]
    fn escaping_is_that_of_serde_json(text in ".{0,40}") {
        let ours: Vec<u8> = text.bytes().flat_map(|byte| escape(byte, &mut [0; 6]).to_vec()).collect();
        prop_assert_eq!(format!("\"{}\"", String::from_utf8(ours).unwrap()), Value::from(text).to_string());
    }
}
