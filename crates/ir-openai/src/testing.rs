//! What the tests of this crate share: a spool in a temporary folder, and pictures.

use crate::body;
use crate::rules::Rules;
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue};
use ir_model::{Class, Fault, Limits, Node, SeededDice};
use ir_spool::{PieceBody, Spool, SpoolConfig};
use std::io::Cursor;
use std::sync::Arc;

pub(crate) struct Place {
    pub(crate) spool: Spool,
    _folder: tempfile::TempDir,
}

pub(crate) fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let config = SpoolConfig { data_dir: folder.path().to_owned(), limits: Limits::default(), fsync: false, max_in_flight_bytes: 1 << 30 };
    Place { spool: Spool::open(config, Arc::new(SeededDice::new(1))).unwrap(), _folder: folder }
}

fn encoded(image: &image::DynamicImage, format: image::ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    image.write_to(&mut out, format).unwrap();
    out.into_inner()
}

/// A PNG with an alpha channel.
pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    encoded(&image::RgbaImage::new(width, height).into(), image::ImageFormat::Png)
}

/// A PNG without one.
pub(crate) fn opaque_png(width: u32, height: u32) -> Vec<u8> {
    encoded(&image::RgbImage::new(width, height).into(), image::ImageFormat::Png)
}

/// A PNG of 120 KB: its base64 is above the size at which strings leave the memory.
pub(crate) fn large_png() -> Vec<u8> {
    noise_png(200)
}

/// A PNG whose pixels are noise: about three bytes each.
pub(crate) fn noise_png(side: u32) -> Vec<u8> {
    let mut state = 1u32;
    let noise = image::RgbImage::from_fn(side, side, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        image::Rgb([(state >> 24) as u8, (state >> 16) as u8, (state >> 8) as u8])
    });
    encoded(&noise.into(), image::ImageFormat::Png)
}

pub(crate) fn jpeg() -> Vec<u8> {
    encoded(&image::RgbImage::new(8, 8).into(), image::ImageFormat::Jpeg)
}

pub(crate) fn b64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn data_uri(bytes: &[u8], media: &str) -> String {
    format!("data:{media};base64,{}", b64(bytes))
}

/// Reads a JSON body as the endpoints do.
pub(crate) async fn read_json(spool: &Spool, text: impl Into<Vec<u8>>, chat: bool) -> Result<Node, Fault> {
    body::json(spool, &HeaderMap::new(), Body::from(text.into()), &Rules::default(), chat).await
}

/// Puts bytes into the spool as a picture.
pub(crate) async fn stored(spool: &Spool, bytes: &[u8]) -> ir_model::Picture {
    let mut writer = spool.writer().unwrap();
    writer.write(bytes).await.unwrap();
    ir_model::Picture::from_blob(writer.finish().await.unwrap()).unwrap()
}

/// All bytes of some pieces.
pub(crate) async fn bytes_of(pieces: Vec<ir_spool::Piece>) -> String {
    let mut body = PieceBody::new(pieces);
    let mut out = Vec::new();
    while let Some(data) = body.next().await {
        out.extend_from_slice(&data.unwrap());
    }
    String::from_utf8(out).unwrap()
}

/// The status that a fault is answered with.
pub(crate) fn status(fault: &Fault) -> u16 {
    match fault.class {
        Class::Gate(gate) => gate.status(),
        other => panic!("not a refusal: {other:?}"),
    }
}

pub(crate) fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())).collect()
}
