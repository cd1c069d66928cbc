use super::*;
use image::{DynamicImage, ImageFormat};
use ir_model::Format;
use proptest::prelude::*;
use std::io::Cursor;

/// What is special, the parts, the verdict.
type Case = (&'static str, Vec<Vec<u8>>, Result<Probe, Flaw>);

const WIDE: Limits = Limits { side: 65_535, pixels: 1 << 32, bytes: 1 << 30 };

/// The well-known smallest lossy WebP: 1 × 1.
const LOSSY: &[u8] = b"RIFF\x22\0\0\0WEBPVP8 \x16\0\0\0\x30\x01\0\x9d\x01\x2a\x01\0\x01\0\x0e\xc0\xfe\x25\xa4\0\x03p\0\0\0\0";

fn judge_in(limits: Limits, bytes: &[u8], cut: usize) -> Result<Probe, Flaw> {
    let mut inspector = Inspector::new(limits);
    for piece in bytes.chunks(cut.max(1)) {
        inspector.feed(piece)?;
    }
    inspector.finish()
}

fn judge_all(bytes: &[u8]) -> Result<Probe, Flaw> {
    let whole = judge_in(WIDE, bytes, usize::MAX);
    for cut in [1, 2, 3, 7, 64] {
        assert_eq!(judge_in(WIDE, bytes, cut), whole, "cut into {cut}");
    }
    whole
}

fn encoded(format: Format, width: u32, height: u32, colour: u8, seed: u64) -> (Vec<u8>, DynamicImage) {
    let dice = ir_model::SeededDice::new(seed);
    let channels = [1, 2, 3, 4][usize::from(colour % 4)];
    let mut raw = vec![0; usize::try_from(width * height * channels).unwrap()];
    ir_model::Dice::fill(&dice, &mut raw);
    let picture = match channels {
        1 => DynamicImage::ImageLuma8(image::GrayImage::from_raw(width, height, raw).unwrap()),
        2 => DynamicImage::ImageLumaA8(image::GrayAlphaImage::from_raw(width, height, raw).unwrap()),
        3 => DynamicImage::ImageRgb8(image::RgbImage::from_raw(width, height, raw).unwrap()),
        _ => DynamicImage::ImageRgba8(image::RgbaImage::from_raw(width, height, raw).unwrap()),
    };
    let (picture, format) = match format {
        Format::Png => (picture, ImageFormat::Png),
        Format::Jpeg => (DynamicImage::ImageRgb8(picture.into_rgb8()), ImageFormat::Jpeg),
        Format::Webp => (picture, ImageFormat::WebP),
        Format::Gif => (DynamicImage::ImageRgba8(picture.into_rgba8()), ImageFormat::Gif),
    };
    let mut out = Cursor::new(Vec::new());
    picture.write_to(&mut out, format).unwrap();
    let bytes = out.into_inner();
    let decoded = image::load_from_memory_with_format(&bytes, format).unwrap();
    (bytes, decoded)
}

fn chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut out = u32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
    out.extend(kind);
    out.extend(body);
    let mut crc = crc32fast::Hasher::new();
    crc.update(&out[4..]);
    out.extend(crc.finalize().to_be_bytes());
    out
}

fn png(chunks: &[Vec<u8>]) -> Vec<u8> {
    [PNG_MAGIC.to_vec(), chunks.concat()].concat()
}

fn ihdr(width: u32, height: u32, depth: u8, colour: u8) -> Vec<u8> {
    chunk(b"IHDR", &[&width.to_be_bytes()[..], &height.to_be_bytes(), &[depth, colour, 0, 0, 0]].concat())
}

fn segment(code: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    [&[0xff, code][..], &length, body].concat()
}

fn frame(code: u8, precision: u8, width: u16, height: u16) -> Vec<u8> {
    let (h, w) = (height.to_be_bytes(), width.to_be_bytes());
    segment(code, &[precision, h[0], h[1], w[0], w[1], 1, 1, 0x11, 0])
}

fn jpeg(parts: &[Vec<u8>]) -> Vec<u8> {
    [&[0xff, 0xd8][..], &segment(0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"), &parts.concat(), &[0xff, 0xd9]].concat()
}

fn scan(data: &[u8]) -> Vec<u8> {
    [segment(0xda, &[1, 1, 0, 0, 63, 0]), data.to_vec()].concat()
}

/// A Huffman table: how many codes of each length, and what they stand for.
fn huffman(counts: &[u8], values: &[u8]) -> Vec<u8> {
    let mut table = vec![0; 17];
    table[1..=counts.len()].copy_from_slice(counts);
    [table, values.to_vec()].concat()
}

fn riff(chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut body = b"WEBP".to_vec();
    for (kind, bytes) in chunks {
        body.extend(*kind);
        body.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
        body.extend(bytes);
        body.extend(vec![0; bytes.len() % 2]);
    }
    [b"RIFF", &u32::try_from(body.len()).unwrap().to_le_bytes()[..], &body].concat()
}

fn le(value: u32) -> [u8; 3] {
    let [a, b, c, _] = value.to_le_bytes();
    [a, b, c]
}

fn vp8x(flags: u8, width: u32, height: u32) -> Vec<u8> {
    [&[flags, 0, 0, 0][..], &le(width - 1), &le(height - 1)].concat()
}

fn gif(screen: (u16, u16), frame: (u16, u16), data: &[u8]) -> Vec<u8> {
    let pair = |(w, h): (u16, u16)| [w.to_le_bytes(), h.to_le_bytes()].concat();
    [&b"GIF89a"[..], &pair(screen), &[0, 0, 0], &[0x2c, 0, 0, 0, 0], &pair(frame), &[0x80, 0, 0, 0, 255, 255, 255], data, &[0x3b]].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn probes_what_the_decoder_decodes(format in 0usize..4, width in 1u32..80, height in 1u32..80, colour: u8, seed: u64) {
        let format = Format::ALL[format];
        let (bytes, decoded) = encoded(format, width, height, colour, seed);
        let probe = judge_all(&bytes).unwrap();
        prop_assert_eq!(probe.size, Size::new(decoded.width(), decoded.height()));
        prop_assert_eq!(probe.format, format);
        if matches!(format, Format::Png | Format::Webp) {
            prop_assert_eq!(probe.alpha, decoded.color().has_alpha());
        }
        let trailed = [&bytes[..], b"<script>"].concat();
        prop_assert_eq!(judge_all(&trailed), Ok(probe));
    }

    /// Proves R-MED-1.
    #[test]
    fn cut_short_it_is_never_whole(format in 0usize..4, width in 1u32..24, height in 1u32..24, colour: u8, seed: u64) {
        let (bytes, _) = encoded(Format::ALL[format], width, height, colour, seed);
        for end in 0..bytes.len() {
            let verdict = judge_in(WIDE, &bytes[..end], usize::MAX);
            let expected = if end == 0 { Flaw::Empty } else { Flaw::Truncated };
            prop_assert_eq!(verdict, Err(expected), "{} of {}", end, bytes.len());
        }
    }

    /// Proves R-MED-1.
    #[test]
    fn any_damaged_byte_of_a_png_is_seen(width in 1u32..24, height in 1u32..24, colour: u8, seed: u64, flip in 1u8..) {
        let (mut bytes, _) = encoded(Format::Png, width, height, colour, seed);
        for at in 0..bytes.len() {
            bytes[at] ^= flip;
            prop_assert!(judge_in(WIDE, &bytes, usize::MAX).is_err(), "byte {}", at);
            bytes[at] ^= flip;
        }
    }

    #[test]
    fn cuts_never_matter(format in 0usize..4, seed: u64, damage in prop::collection::vec((0usize..600, any::<u8>()), 0..6), bytes in 0u64..700, cut in 1usize..40) {
        let (mut picture, _) = encoded(Format::ALL[format], 9, 7, 3, seed);
        for (at, value) in damage {
            if let Some(byte) = picture.get_mut(at) {
                *byte = value;
            }
        }
        let limits = Limits { bytes, ..WIDE };
        prop_assert_eq!(judge_in(limits, &picture, cut), judge_in(limits, &picture, usize::MAX));
    }

    #[test]
    fn noise_after_a_magic_is_judged_without_panic(format in 0usize..5, noise in prop::collection::vec(any::<u8>(), 0..400)) {
        let magic: [&[u8]; 5] = [PNG_MAGIC, JPEG_MAGIC, b"GIF89a", b"RIFF\x80\0\0\0WEBPVP8X\x0a\0\0\0", b"RIFF\x80\0\0\0WEBPVP8L"];
        let _ = judge_all(&[magic[format], &noise].concat());
    }
}

/// B-61: by the first 33 bytes, before anything is decoded.
/// Proves R-MED-3.
#[test]
fn oversized_pictures_are_refused_by_their_header() {
    let large = Limits::default();
    for (width, height) in [(20_000, 20_000), (11_000, 11_000), (30_000, 30_000), (65_535, 1), (1, 1_000_000_000), (8193, 1), (8192, 8192)]
    {
        let header = png(&[ihdr(width, height, 8, 6)]);
        assert_eq!(header.len(), 33);
        assert_eq!(Inspector::new(large).feed(&header), Err(Flaw::TooLarge), "{width} × {height}");
    }
    let headers = [
        jpeg(&[frame(0xc0, 8, 65_535, 65_535)]),
        gif((65_535, 65_535), (1, 1), &[]),
        // A decoder makes room for the frame, not for the screen.
        gif((1, 1), (65_535, 65_535), &[]),
        riff(&[(b"VP8X", vp8x(0x02, 1 << 24, 1))]),
        riff(&[(b"VP8L", vec![0x2f, 0xff, 0xff, 0xff, 0x0f, 0])]),
    ];
    for header in headers {
        assert_eq!(Inspector::new(large).feed(&header), Err(Flaw::TooLarge), "{header:x?}");
    }
    assert_eq!(judge_in(Limits { bytes: 40, ..large }, &[PNG_MAGIC, &[0; 4000]].concat(), 7), Err(Flaw::Corrupt));
    assert_eq!(judge_in(Limits { bytes: LOSSY.len() as u64 - 1, ..large }, LOSSY, 7), Err(Flaw::TooLarge));
}

/// B-65, B-66, and SVG in every disguise.
/// Proves R-MED-1.
#[test]
fn other_formats_are_not_taken() {
    let others: [&[u8]; 18] = [
        b"\0\0\0\x1cftypavif\0\0\0\0",
        b"\0\0\0\x18ftypheic\0\0\0\0",
        b"II*\0\x08\0\0\0\0\0\0\0",
        b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0",
        b"\0\0\x01\0\x01\0\x10\x10\0\0\x01\0",
        b"8BPS\0\x01\0\0\0\0\0\0\0\x03",
        b"v/1\x01\x02\0\0\0channels",
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3",
        b"%!PS-Adobe-3.0 EPSF",
        b"push graphic-context",
        b"<?xml version=\"1.0\"?><svg/>",
        b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03svgz",
        b"<!DOCTYPE html><html>",
        b"PK\x03\x04\x14\0\0\0\0\0\0\0",
        b"\0\0\0\x20ftypisom\0\0\x02\0",
        b"RIFF\x24\0\0\0WAVEfmt ",
        b"\xff\xd8\xfe\0\0\0\0\0\0\0\0\0",
    ];
    for bytes in others {
        assert_eq!(judge_all(bytes), Err(Flaw::Unsupported), "{}", bytes.escape_ascii());
    }
    for (short, flaw) in
        [(&b""[..], Flaw::Empty), (b"<svg", Flaw::Unsupported), (b"RIFF\x24\0", Flaw::Truncated), (b"\x89PNG", Flaw::Truncated)]
    {
        assert_eq!(judge_all(short), Err(flaw));
    }
}

/// B-60.
#[test]
fn png_structure() {
    let (head, data, end) = (|| ihdr(2, 3, 8, 2), || chunk(b"IDAT", b"zlib"), || chunk(b"IEND", b""));
    let good = Probe { format: Format::Png, size: Size::new(2, 3), alpha: false };
    let with = |alpha| Ok(Probe { alpha, ..good });
    let palette = || chunk(b"PLTE", &[0; 6]);
    let cases: Vec<Case> = vec![
        ("plain", vec![head(), data(), data(), end()], with(false)),
        ("transparent colour", vec![head(), chunk(b"tRNS", &[0; 6]), data(), end()], with(true)),
        ("tRNS too late", vec![head(), data(), chunk(b"tRNS", &[0; 6]), end()], with(false)),
        ("grey and alpha", vec![ihdr(2, 3, 16, 4), data(), end()], with(true)),
        ("palette", vec![ihdr(2, 3, 4, 3), palette(), data(), end()], with(false)),
        ("animation", vec![head(), chunk(b"acTL", &[0; 8]), data(), chunk(b"fdAT", &[0; 99]), end()], with(false)),
        ("no palette", vec![ihdr(2, 3, 4, 3), data(), end()], Err(Flaw::Corrupt)),
        ("odd palette", vec![ihdr(2, 3, 4, 3), chunk(b"PLTE", &[0; 5]), data(), end()], Err(Flaw::Corrupt)),
        ("no data", vec![head(), end()], Err(Flaw::Corrupt)),
        ("empty data", vec![head(), chunk(b"IDAT", b""), end()], Err(Flaw::Corrupt)),
        ("data apart", vec![head(), data(), chunk(b"tEXt", b"a\0b"), data(), end()], Err(Flaw::Corrupt)),
        ("no header", vec![data(), end()], Err(Flaw::Corrupt)),
        ("two headers", vec![head(), head(), data(), end()], Err(Flaw::Corrupt)),
        ("unknown critical", vec![head(), chunk(b"EVIL", b""), data(), end()], Err(Flaw::Corrupt)),
        ("bad type", vec![head(), chunk(b"I\0AT", b""), data(), end()], Err(Flaw::Corrupt)),
        ("0 × 0", vec![ihdr(0, 0, 8, 2)], Err(Flaw::Corrupt)),
        ("negative", vec![ihdr(0x8000_0001, 1, 8, 2)], Err(Flaw::Corrupt)),
        ("depth", vec![ihdr(2, 3, 4, 2)], Err(Flaw::Corrupt)),
        ("endless chunk", vec![head(), b"\x80\0\0\0IDAT".to_vec()], Err(Flaw::Corrupt)),
        ("signature only", vec![], Err(Flaw::Truncated)),
        ("no end", vec![head(), data()], Err(Flaw::Truncated)),
        ("text bomb", vec![head(), chunk(b"zTXt", &vec![0; 33 << 20]), data(), end()], Err(Flaw::TooLarge)),
    ];
    for (name, chunks, expected) in cases {
        let bytes = png(&chunks);
        assert_eq!(judge_in(WIDE, &bytes, 4096), expected, "{name}");
    }
}

/// B-64.
#[test]
fn jpeg_structure() {
    let good = Ok(Probe { format: Format::Jpeg, size: Size::new(5, 4), alpha: false });
    let head = |code| frame(code, 8, 5, 4);
    let data = || scan(b"\x12\x34\xff\x00\xff\xd0\x56");
    let cases: Vec<Case> = vec![
        ("baseline", vec![head(0xc0), data()], good),
        ("extended", vec![head(0xc1), data()], good),
        ("progressive", vec![head(0xc2), data(), segment(0xc4, &[0; 17]), data(), data()], good),
        ("fill bytes", vec![vec![0xff; 5], head(0xc0), data()], good),
        ("a thumbnail inside", vec![segment(0xe1, &jpeg(&[frame(0xc0, 8, 1, 1), data()])), head(0xc0), data()], good),
        ("data of stuffed bytes only", vec![head(0xc0), scan(b"\xff\x00")], good),
        ("tables", vec![segment(0xdb, &[0; 130]), segment(0xc4, &huffman(&[2], &[1, 2])), head(0xc0), data()], good),
        ("tables of 16 bits", vec![segment(0xdb, &[vec![0x11], vec![7; 128]].concat()), head(0xc0), data()], good),
        // Found by fuzzing: decoders do not agree where the picture goes on.
        ("a table beyond its segment", vec![segment(0xc4, &huffman(&[3], &[1, 2])), head(0xc0), data()], Err(Flaw::Corrupt)),
        ("bytes behind a table", vec![segment(0xdb, &[0; 66]), head(0xc0), data()], Err(Flaw::Corrupt)),
        ("more codes than there are", vec![segment(0xc4, &huffman(&[200, 57], &[9; 257])), head(0xc0), data()], Err(Flaw::Corrupt)),
        ("a table of no known precision", vec![segment(0xdb, &[0x20; 257]), head(0xc0), data()], Err(Flaw::Corrupt)),
        ("no table", vec![segment(0xc4, &[]), head(0xc0), data()], Err(Flaw::Corrupt)),
        ("a restart outside a scan", vec![head(0xc0), vec![0xff, 0xd2], data()], Err(Flaw::Corrupt)),
        ("a restart interval too long", vec![segment(0xdd, &[0; 3]), head(0xc0), data()], Err(Flaw::Corrupt)),
        ("arithmetic", vec![head(0xc9), data()], Err(Flaw::Unsupported)),
        ("lossless", vec![head(0xc3), data()], Err(Flaw::Unsupported)),
        ("12 bits", vec![frame(0xc1, 12, 5, 4), data()], Err(Flaw::Unsupported)),
        ("10,000 scans", vec![head(0xc2), vec![data(); 10_000].concat()], Err(Flaw::Corrupt)),
        ("no height", vec![frame(0xc0, 8, 5, 0), data()], Err(Flaw::Corrupt)),
        ("no frame", vec![data()], Err(Flaw::Corrupt)),
        ("no scan", vec![head(0xc0)], Err(Flaw::Corrupt)),
        ("empty scan", vec![head(0xc0), scan(b"")], Err(Flaw::Corrupt)),
        ("two frames", vec![head(0xc0), head(0xc0), data()], Err(Flaw::Corrupt)),
        ("short segment", vec![vec![0xff, 0xe1, 0, 1]], Err(Flaw::Corrupt)),
        ("two starts", vec![vec![0xff, 0xd8]], Err(Flaw::Corrupt)),
    ];
    for (name, parts, expected) in cases {
        assert_eq!(judge_all(&jpeg(&parts)), expected, "{name}");
    }
    let cmyk = [0xff_u8, 0xc0, 0, 20, 8, 0, 4, 0, 5, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0];
    assert_eq!(judge_all(&jpeg(&[cmyk.to_vec(), data()])), good);
}

/// B-62.
#[test]
fn gif_structure() {
    let image = [2, 1, 0x44, 0];
    let good = Ok(Probe { format: Format::Gif, size: Size::new(3, 2), alpha: false });
    assert_eq!(judge_all(&gif((3, 2), (3, 2), &image)), good);
    assert_eq!(judge_all(&gif((3, 2), (3, 2), &[2, 0])), Err(Flaw::Corrupt), "no data");
    assert_eq!(judge_all(&gif((0, 2), (3, 2), &image)), Err(Flaw::Corrupt), "no width");
    assert_eq!(judge_all(&gif((3, 2), (0, 2), &image)), Err(Flaw::Corrupt), "an empty frame");
    assert_eq!(judge_all(&gif((3, 2), (3, 2), &[99, 1, 0, 0])), Err(Flaw::Corrupt), "code size");
    assert_eq!(judge_all(&gif((3, 2), (3, 2), &[2, 1, 0x44, 0, 0x77])), Err(Flaw::Corrupt), "unknown block");
    assert_eq!(judge_all(b"GIF89a\x03\0\x02\0\0\0\0\x3b"), Err(Flaw::Corrupt), "no frame");
    let again = [&image[..], &[0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0], &image].concat();
    assert_eq!(
        judge_all(&gif((3, 2), (3, 2), &[&image[..], &again[4..].repeat(10_000)].concat())),
        good,
        "10,000 frames: the first counts"
    );
    let control = b"GIF89a\x03\0\x02\0\0\0\0\x21\xf9\x04\x01\0\0\0\0\x21\xfe\x02hi\0\x2c\0\0\0\0\x03\0\x02\0\0\x02\x01\x44\0\x3b";
    assert_eq!(judge_all(control), good.map(|probe| Probe { alpha: true, ..probe }));
}

#[test]
fn webp_structure() {
    let lossless = |side: u32| {
        let (bytes, _) = encoded(Format::Webp, side, side, 3, 7);
        bytes[20..].to_vec()
    };
    let still = |size: u32, alpha| Ok(Probe { format: Format::Webp, size: Size::new(size, size), alpha });
    assert_eq!(judge_all(LOSSY), still(1, false));
    image::load_from_memory(LOSSY).expect("the sample is decodable");

    let frame = |x: u32, side: u32| {
        let inner = riff(&[(b"VP8L", lossless(side))]);
        [&le(x)[..], &le(0), &le(side - 1), &le(side - 1), &le(100), &[0], &inner[12..]].concat()
    };
    let animated = riff(&[(b"VP8X", vp8x(0x12, 8, 8)), (b"ANIM", vec![0; 6]), (b"ANMF", frame(0, 8)), (b"ANMF", frame(2, 4))]);
    assert_eq!(judge_all(&animated), still(8, true));
    let decoded = image::load_from_memory(&animated).expect("the decoder takes the first frame");
    assert_eq!((decoded.width(), decoded.height()), (8, 8));

    let extended = |flags, side, inner: u32| riff(&[(b"VP8X", vp8x(flags, side, side)), (b"VP8L", lossless(inner)), (b"EXIF", vec![1; 9])]);
    assert_eq!(judge_all(&extended(0x10, 8, 8)), still(8, true));
    let unpadded = {
        let mut bytes = extended(0x10, 8, 8);
        bytes.pop();
        let size = u32::try_from(bytes.len() - 8).unwrap();
        bytes[4..8].copy_from_slice(&size.to_le_bytes());
        bytes
    };
    assert_eq!(judge_all(&unpadded), still(8, true), "the last padding is missing");
    let bad = [
        ("canvas and picture differ", extended(0x10, 8, 9)),
        ("a still in an animation", extended(0x12, 8, 8)),
        ("no picture", riff(&[(b"VP8X", vp8x(0, 8, 8)), (b"EXIF", vec![1; 8])])),
        ("frame outside", riff(&[(b"VP8X", vp8x(2, 8, 8)), (b"ANMF", frame(2, 8))])),
        ("frame without animation", riff(&[(b"VP8X", vp8x(0, 8, 8)), (b"ANMF", frame(0, 8))])),
        ("first chunk", riff(&[(b"EXIF", vec![1; 8])])),
        ("empty", riff(&[])),
        ("header too short", riff(&[(b"VP8L", vec![0x2f, 0, 0])])),
        ("two pictures", riff(&[(b"VP8L", lossless(3)), (b"VP8L", lossless(3))])),
        ("chunk beyond the end", [&b"RIFF\x10\0\0\0WEBPVP8L\xff\0\0\0"[..], &[0; 300]].concat()),
        ("tiny container", b"RIFF\x02\0\0\0WEBP".to_vec()),
        ("not a key frame", {
            let mut bytes = LOSSY.to_vec();
            bytes[20] |= 1;
            bytes
        }),
    ];
    for (name, bytes) in bad {
        assert_eq!(judge_all(&bytes), Err(Flaw::Corrupt), "{name}");
    }
}

#[test]
fn the_verdict_stays_and_the_state_is_small() {
    let mut inspector = Inspector::new(WIDE);
    assert_eq!(inspector.finish(), Err(Flaw::Empty));
    assert_eq!(inspector.feed(b"nothing known"), Err(Flaw::Unsupported));
    assert_eq!(inspector.feed(LOSSY), Err(Flaw::Unsupported));
    assert_eq!(inspector.finish(), Err(Flaw::Unsupported));
    assert!(size_of::<Inspector>() <= 256, "{}", size_of::<Inspector>());
}

#[test]
fn the_header_is_known_before_the_end() {
    for format in Format::ALL {
        let (bytes, _) = encoded(format, 40, 30, 2, 1);
        let mut inspector = Inspector::new(WIDE);
        let early = bytes.chunks(1).position(|byte| {
            inspector.feed(byte).unwrap();
            inspector.header().is_some()
        });
        assert!(early.unwrap() < bytes.len() - 100, "{format:?}");
        let probe = inspector.header();
        inspector.feed(&bytes[early.unwrap() + 1..]).unwrap();
        assert_eq!(inspector.finish().ok(), probe);
    }
}
