//! Pictures that are made ready for a platform.

use super::*;
use crate::{Prepared, Wanted};
use image::metadata::Orientation;
use image::{AnimationDecoder, DynamicImage, ImageDecoder, ImageFormat, ImageReader, Rgba, RgbaImage};
use std::io::Cursor;

mod drawn;
mod hostile;

/// What must not leave.
const SECRET: &[u8] = b"48.2082N 16.3738E";

/// Nothing but the removal of metadata.
const AS_IT_IS: Wanted = Wanted {
    formats: &[],
    max_bytes: u64::MAX,
    max_side: u32::MAX,
    max_pixels: u64::MAX,
    min_side: 0,
    compress_above: u64::MAX,
    compress_to: u64::MAX,
};

/// A picture of noise and slopes; `alpha`: partly seen through.
fn picture(width: u32, height: u32, alpha: bool) -> DynamicImage {
    let mixed = |x: u32, y: u32| (x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca6b)).wrapping_mul(0xc2b2_ae35);
    let noise = |x, y| u8::try_from(mixed(x, y) >> 26).unwrap();
    let slope = |a: u32, of: u32| u8::try_from(a * 190 / of).unwrap();
    let pixel = |x, y| {
        let see = if alpha && x < width / 2 { 0 } else { 255 };
        Rgba([slope(x, width) + noise(x, y), slope(y, height), noise(y, x), see])
    };
    let image = DynamicImage::ImageRgba8(RgbaImage::from_fn(width, height, pixel));
    if alpha { image } else { image.into_rgb8().into() }
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    image.write_to(&mut out, format).unwrap();
    out.into_inner()
}

/// TIFF, big endian: an orientation, and a GPS directory with the secret.
fn exif(orientation: u8) -> Vec<u8> {
    let gps = u32::try_from(SECRET.len()).unwrap().to_be_bytes();
    [
        &b"MM\0\x2a\0\0\0\x08\0\x02"[..],
        &[1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0],
        &[0x88, 0x25, 0, 4, 0, 0, 0, 1, 0, 0, 0, 38, 0, 0, 0, 0],
        &[0, 1, 0, 2, 0, 2],
        &gps,
        &[0, 0, 0, 56, 0, 0, 0, 0],
        SECRET,
    ]
    .concat()
}

fn segment(code: u8, body: &[u8]) -> Vec<u8> {
    [&[0xff, code][..], &u16::try_from(body.len() + 2).unwrap().to_be_bytes(), body].concat()
}

fn jpeg_with(image: &DynamicImage, segments: &[Vec<u8>]) -> Vec<u8> {
    let plain = encoded(image, ImageFormat::Jpeg);
    [&plain[..2], &segments.concat(), &plain[2..]].concat()
}

fn jpeg_exif(orientation: u8) -> Vec<u8> {
    segment(0xe1, &[b"Exif\0\0", &exif(orientation)[..]].concat())
}

fn chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut out = u32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
    out.extend(kind);
    out.extend(body);
    let crc = crc32fast::hash(&out[4..]);
    [out, crc.to_be_bytes().to_vec()].concat()
}

/// Chunks behind IHDR, which ends at 33.
fn png_with(plain: &[u8], chunks: &[Vec<u8>]) -> Vec<u8> {
    [&plain[..33], &chunks.concat(), &plain[33..]].concat()
}

/// An extended WebP of a plain lossless one.
fn webp_with(image: &DynamicImage, flags: u8, chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let plain = encoded(image, ImageFormat::WebP);
    let side = |side: u32| (side - 1).to_le_bytes()[..3].to_vec();
    let alpha = if image.color().has_alpha() { 0x10 } else { 0 };
    let mut body =
        [&b"WEBPVP8X\x0a\0\0\0"[..], &[flags | alpha, 0, 0, 0], &side(image.width()), &side(image.height()), &plain[12..]].concat();
    for (kind, bytes) in chunks {
        body.extend(*kind);
        body.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
        body.extend(*bytes);
        body.extend(vec![0; bytes.len() % 2]);
    }
    [b"RIFF", &u32::try_from(body.len()).unwrap().to_le_bytes()[..], &body].concat()
}

/// Two frames, run for ever.
fn animation() -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new(&mut out);
    encoder.set_repeat(image::codecs::gif::Repeat::Infinite).unwrap();
    for shade in [10, 200] {
        encoder.encode_frame(image::Frame::new(RgbaImage::from_pixel(40, 30, Rgba([shade, 0, 0, 255])))).unwrap();
    }
    drop(encoder);
    out
}

fn holds(bytes: &[u8], what: &[u8]) -> bool {
    memchr::memmem::find(bytes, what).is_some()
}

fn decoded(bytes: &[u8]) -> DynamicImage {
    image::load_from_memory(bytes).unwrap()
}

fn orientation(bytes: &[u8]) -> Orientation {
    ImageReader::new(Cursor::new(bytes)).with_guessed_format().unwrap().into_decoder().unwrap().orientation().unwrap()
}

impl Bench {
    async fn bytes(&self, prepared: &Prepared) -> Vec<u8> {
        self.spool.read(&prepared.picture.blob, 1 << 30).await.unwrap()
    }

    /// Strips a picture, proves that its pixels stay and that there is nothing more to strip.
    async fn stripped(&self, bytes: &[u8]) -> Vec<u8> {
        let before = self.picture(bytes).await;
        let after = self.store.prepare(&before, &AS_IT_IS).await.unwrap();
        assert!(after.stripped && !after.changed);
        assert_eq!(after.picture.probe, before.probe);
        let out = self.bytes(&after).await;
        assert!(!holds(&out, SECRET) && out.len() < bytes.len());
        assert_eq!(decoded(&out), decoded(bytes), "the pixels stay");
        let again = self.store.prepare(&after.picture, &AS_IT_IS).await.unwrap();
        assert!(!again.stripped && !again.changed);
        assert_eq!(again.picture.blob.sha256(), after.picture.blob.sha256());
        out
    }
}

#[tokio::test]
async fn a_jpeg_keeps_what_decoders_need() {
    let bench = bench();
    let profile = [b"ICC_PROFILE\0\x01\x01", &[7; 40][..]].concat();
    let segments = [
        jpeg_exif(1),
        segment(0xe0, &[b"JFXX\0", SECRET].concat()),
        segment(0xe1, &[b"http://ns.adobe.com/xap/1.0/\0", SECRET].concat()),
        segment(0xe2, &profile),
        segment(0xe2, &[b"MPF\0", SECRET].concat()),
        segment(0xed, &[b"Photoshop 3.0\0", SECRET].concat()),
        segment(0xee, b"Adobe\0\x64\0\0\0\0\x01"),
        segment(0xfe, SECRET),
        segment(0xef, SECRET),
    ];
    let bytes = [jpeg_with(&picture(40, 30, false), &segments), SECRET.to_vec()].concat();
    let out = bench.stripped(&bytes).await;
    assert!(holds(&out, &profile) && holds(&out, b"Adobe") && holds(&out, b"JFIF"));
    for gone in [&b"Exif"[..], b"xap", b"MPF", b"Photoshop", b"JFXX"] {
        assert!(!holds(&out, gone), "{gone:?}");
    }
    assert_eq!(&out[out.len() - 2..], [0xff, 0xd9]);
}

#[tokio::test]
async fn a_thumbnail_in_the_header_goes() {
    let bench = bench();
    let plain = encoded(&picture(16, 16, false), ImageFormat::Jpeg);
    let header = segment(0xe0, &[b"JFIF\0\x01\x02\0\0\x01\0\x01\x03\x02", SECRET, b"\0"].concat());
    let out = bench.stripped(&[&plain[..2], &header, &plain[20..]].concat()).await;
    assert_eq!(out[..20], *b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x02\0\0\x01\0\x01\0\0");
}

#[tokio::test]
async fn an_orientation_stays_alone() {
    let bench = bench();
    let image = picture(40, 30, false);
    let png = png_with(&encoded(&image, ImageFormat::Png), &[chunk(b"eXIf", &exif(8))]);
    let webp = webp_with(&image, 0x0c, &[(b"EXIF", &exif(3)), (b"XMP ", SECRET)]);
    let cases = [
        (jpeg_with(&image, &[jpeg_exif(6), jpeg_exif(6)]), Orientation::Rotate90),
        (png, Orientation::Rotate270),
        (webp, Orientation::Rotate180),
    ];
    for (bytes, expected) in cases {
        let out = bench.stripped(&bytes).await;
        assert_eq!(orientation(&out), expected);
    }
}

#[tokio::test]
async fn a_png_keeps_colours_and_density() {
    let bench = bench();
    let image = picture(40, 30, true);
    let kept = [chunk(b"gAMA", &45_455_u32.to_be_bytes()), chunk(b"pHYs", &[0, 0, 1, 0, 0, 0, 1, 0, 1])];
    let dropped = [
        chunk(b"tEXt", &[b"Author\0", SECRET].concat()),
        chunk(b"zTXt", &[b"Comment\0\0", SECRET].concat()),
        chunk(b"iTXt", &[b"XML:com.adobe.xmp\0\0\0\0\0", SECRET].concat()),
        chunk(b"tIME", &[7, 234, 11, 23, 8, 0, 0]),
        chunk(b"eXIf", &exif(1)),
        chunk(b"caBX", SECRET),
    ];
    let plain = encoded(&image, ImageFormat::Png);
    let bytes = [png_with(&plain, &[kept.concat(), dropped.concat()]), SECRET.to_vec()].concat();
    assert_eq!(bench.stripped(&bytes).await, png_with(&plain, &kept));
}

#[tokio::test]
async fn a_webp_tells_of_no_metadata_any_more() {
    let bench = bench();
    for alpha in [false, true] {
        let image = picture(41, 30, alpha);
        let bytes = webp_with(&image, 0x0c, &[(b"EXIF", &exif(1)), (b"XMP ", SECRET), (b"JUNK", SECRET)]);
        let bytes = [bytes, SECRET.to_vec()].concat();
        assert_eq!(bench.stripped(&bytes).await, webp_with(&image, 0, &[]));
    }
}

#[tokio::test]
async fn an_animation_still_runs() {
    let bench = bench();
    let plain = animation();
    let comment = [b"\x21\xfe", &[u8::try_from(SECRET.len()).unwrap()][..], SECRET, b"\0"].concat();
    let xmp = [b"\x21\xff\x0bXMP DataXMP", &[u8::try_from(SECRET.len()).unwrap()][..], SECRET, b"\0"].concat();
    let end = plain.len() - 1;
    let bytes = [&plain[..end], &comment, &xmp, b"\x3b", SECRET].concat();
    let out = bench.stripped(&bytes).await;
    assert_eq!(out, plain);
    assert!(holds(&out, b"NETSCAPE2.0"));
    let frames = image::codecs::gif::GifDecoder::new(Cursor::new(&out)).unwrap().into_frames();
    assert_eq!(frames.count(), 2);
}

#[tokio::test]
async fn where_nothing_is_to_be_done_nothing_is_written() {
    let bench = bench();
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif] {
        let before = bench.picture(&encoded(&picture(40, 30, false), format)).await;
        let used = bench.spool.in_flight_bytes();
        let wanted = Wanted { formats: &Format::ALL, max_side: 40, max_pixels: 1200, min_side: 30, ..Wanted::default() };
        let wanted = Wanted { max_bytes: before.blob.size(), compress_above: before.blob.size(), compress_to: 1, ..wanted };
        let after = bench.store.prepare(&before, &wanted).await.unwrap();
        assert!(!after.changed && !after.stripped);
        assert_eq!(after.picture.blob.sha256(), before.blob.sha256());
        assert_eq!(bench.spool.in_flight_bytes(), used);
    }
    assert_eq!(AS_IT_IS, Wanted::default());
}
