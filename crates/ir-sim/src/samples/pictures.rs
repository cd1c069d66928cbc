//! Pictures that are more, less or other than they should be.

use super::number;
use crate::config::{PictureFormat, PictureSpec};
use crate::picture::{chunk, make_picture};
use flate2::{Compress, Compression, FlushCompress};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Raw bytes that are compressed once and repeated.
const UNIT: u64 = 1 << 20;

/// The picture that a recipe begins with; `None`: it begins with something else.
pub(super) fn source(name: &str, rest: &str) -> Result<Option<Vec<u8>>, String> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    let after = |name: &str| words.iter().position(|word| *word == name).and_then(|at| words.get(at + 1).copied());
    let option = |name: &str, default: u32| after(name).map_or(Ok(default), number::<u32>);
    let sides = || -> Result<(u32, u32), String> {
        let (width, height) = words.first().and_then(|size| size.split_once('x')).ok_or_else(|| format!("{name} WIDTHxHEIGHT"))?;
        Ok((number(width)?, number(height)?))
    };
    Ok(Some(match name {
        "png-signature" => PNG.to_vec(),
        "png" => png(sides()?, words.get(1).copied().unwrap_or("rgb"), &[])?,
        // A head and an end, and nothing between them.
        "png-without-data" => file(&[(*b"IHDR", &header(sides()?, 2)), (*b"IEND", &[])]),
        // So large that no data could be made: the head must be enough.
        "png-head" => file(&[(*b"IHDR", &header(sides()?, 0)), (*b"IDAT", &zeros(64)), (*b"IEND", &[])]),
        "apng" => apng(sides()?, option("frames", 2)?, option("delay", 0)?)?,
        "jpeg" => jpeg(sides()?)?,
        "jpeg-gps" => with_position(&jpeg(sides()?)?),
        // Marker by marker, not to be decoded: `code c2 scans 3 components 3 bits 8`.
        "jpeg-markers" => {
            let code = u8::from_str_radix(after("code").unwrap_or("c0"), 16).map_err(|_| "code: two digits")?;
            jpeg_markers(sides()?, code, option("scans", 1)?, option("components", 1)?, option("bits", 8)?)?
        }
        "gif" => gif(sides()?, option("frames", 1)?, option("delay", 0)?)?,
        "webp" => riff(&[(*b"VP8L", &lossless(sides()?))]),
        "webp-animated" => animated(sides()?, option("frames", 2)?),
        _ => return Ok(None),
    }))
}

fn file(chunks: &[([u8; 4], &[u8])]) -> Vec<u8> {
    let mut file = PNG.to_vec();
    chunks.iter().for_each(|(kind, data)| chunk(&mut file, *kind, data));
    file
}

fn header((width, height): (u32, u32), colour: u8) -> Vec<u8> {
    [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, colour, 0, 0, 0]].concat()
}

/// A black, or wholly transparent, PNG; `more` stands before its data.
fn png((width, height): (u32, u32), colour: &str, more: &[([u8; 4], Vec<u8>)]) -> Result<Vec<u8>, String> {
    let (code, channels) = match colour {
        "grey" => (0, 1),
        "rgb" => (2, 3),
        "rgba" => (6, 4),
        other => return Err(format!("no colour '{other}'")),
    };
    let data = zeros(u64::from(height) * (1 + u64::from(width) * channels));
    let head = header((width, height), code);
    let mut chunks: Vec<([u8; 4], &[u8])> = vec![(*b"IHDR", &head)];
    chunks.extend(more.iter().map(|(kind, data)| (*kind, data.as_slice())));
    chunks.extend([(*b"IDAT", data.as_slice()), (*b"IEND", &[])]);
    Ok(file(&chunks))
}

/// So many zero bytes in zlib's form. One piece is compressed and repeated, so that gigabytes take a moment.
fn zeros(count: u64) -> Vec<u8> {
    let compress = |count: u64, flush: FlushCompress| {
        let raw = vec![0; usize::try_from(count).expect("a piece is small")];
        let mut out = Vec::with_capacity(raw.len() / 500 + 64);
        Compress::new(Compression::best(), false).compress_vec(&raw, &mut out, flush).expect("memory to memory");
        out
    };
    let mut out = vec![0x78, 0x01];
    if count >= UNIT {
        let unit = compress(UNIT, FlushCompress::Full);
        (0..count / UNIT).for_each(|_| out.extend_from_slice(&unit));
    }
    out.extend(compress(count % UNIT, FlushCompress::Finish));
    // Adler-32 of zeros: the first sum stays 1, the second counts the bytes.
    let second = u32::try_from(count % 65_521).expect("below the modulus");
    out.extend((second << 16 | 1).to_be_bytes());
    out
}

fn apng((width, height): (u32, u32), frames: u32, delay: u32) -> Result<Vec<u8>, String> {
    let control = |number: u32| {
        let delay = u16::try_from(delay).unwrap_or(u16::MAX);
        let numbers = [number, width, height, 0, 0].map(u32::to_be_bytes).concat();
        [numbers, delay.to_be_bytes().to_vec(), vec![0, 100, 0, 0]].concat()
    };
    let still = png((width, height), "rgb", &[(*b"acTL", [frames.to_be_bytes(), 0_u32.to_be_bytes()].concat()), (*b"fcTL", control(0))])?;
    let (before, end) = still.split_at(still.len() - 12);
    let mut file = before.to_vec();
    let data = zeros(u64::from(height) * (1 + u64::from(width) * 3));
    for frame in 1..frames {
        chunk(&mut file, *b"fcTL", &control(frame * 2 - 1));
        chunk(&mut file, *b"fdAT", &[&(frame * 2).to_be_bytes()[..], &data].concat());
    }
    file.extend_from_slice(end);
    Ok(file)
}

fn jpeg((width, height): (u32, u32)) -> Result<Vec<u8>, String> {
    let spec = PictureSpec { bytes: None, format: PictureFormat::Jpeg, width, height, follow_size: false };
    make_picture(spec, 0).map(|bytes| bytes.to_vec()).map_err(|error| error.to_string())
}

fn segment(code: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 2).expect("segments are short").to_be_bytes();
    [&[0xFF, code][..], &length, body].concat()
}

/// With an EXIF block behind the start: where it was taken (latitude 48° 51′ 29″ N), and the word `GPS-CANARY`.
fn with_position(jpeg: &[u8]) -> Vec<u8> {
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let make = *b"GPS-CANARY\0\0";
    let rationals: Vec<u8> = [48_u32, 1, 51, 1, 29, 1].iter().flat_map(|n| n.to_le_bytes()).collect();
    // Offsets count from the byte order: 8 head, 30 first directory, 30 directory of the position, then the values.
    let tiff = [
        &b"II*\0\x08\0\0\0"[..],
        &2_u16.to_le_bytes(),
        &entry(0x010F, 2, 11, 68),
        &entry(0x8825, 4, 1, 38),
        &[0; 4],
        &2_u16.to_le_bytes(),
        &entry(1, 2, 2, u32::from(b'N')),
        &entry(2, 5, 3, 80),
        &[0; 4],
        &make,
        &rationals,
    ]
    .concat();
    let (start, rest) = jpeg.split_at(2);
    [start, &segment(0xE1, &[b"Exif\0\0", tiff.as_slice()].concat()), rest].concat()
}

fn jpeg_markers((width, height): (u32, u32), code: u8, scans: u32, components: u32, bits: u32) -> Result<Vec<u8>, String> {
    let small = |value: u32| u8::try_from(value).map_err(|_| format!("{value} is too large"));
    let side = |side: u32| u16::try_from(side).map(u16::to_be_bytes).map_err(|_| "a JPEG has 65535 at most".to_owned());
    let (count, (w, h)) = (small(components)?, (side(width)?, side(height)?));
    let mut frame = vec![small(bits)?, h[0], h[1], w[0], w[1], count];
    (1..=count).for_each(|id| frame.extend([id, 0x11, 0]));
    let scan = [segment(0xDA, &[1, 1, 0, 0, 63, 0]), vec![0x12, 0x34, 0x56]].concat();
    let app = segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
    Ok([&[0xFF, 0xD8][..], &app, &segment(code, &frame), &scan.repeat(scans as usize), &[0xFF, 0xD9]].concat())
}

/// Every frame is one white pixel in the corner.
fn gif((width, height): (u32, u32), frames: u32, delay: u32) -> Result<Vec<u8>, String> {
    let side = |side: u32| u16::try_from(side).map(u16::to_le_bytes).map_err(|_| "a GIF has 65535 at most".to_owned());
    let delay = u16::try_from(delay).unwrap_or(u16::MAX).to_le_bytes();
    let frame = [
        &[0x21, 0xF9, 4, 0, delay[0], delay[1], 0, 0][..],
        &[0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0],
        // Codes of two bits: clear, colour 1, end.
        &[2, 2, 0x4C, 0x01, 0],
    ]
    .concat();
    Ok([&b"GIF89a"[..], &side(width)?, &side(height)?, &[0x80, 0, 0, 0, 0, 0, 255, 255, 255], &frame.repeat(frames as usize), b";"]
        .concat())
}

fn riff(chunks: &[([u8; 4], &[u8])]) -> Vec<u8> {
    let mut body = b"WEBP".to_vec();
    for (kind, data) in chunks {
        body.extend(kind);
        body.extend(u32::try_from(data.len()).expect("chunks are short").to_le_bytes());
        body.extend_from_slice(data);
        body.extend(vec![0; data.len() % 2]);
    }
    [b"RIFF", &u32::try_from(body.len()).expect("pictures are short").to_le_bytes()[..], &body].concat()
}

/// The head of a lossless picture, and a few bits that repeat one colour for ever.
fn lossless((width, height): (u32, u32)) -> Vec<u8> {
    let bits = (width - 1) & 0x3FFF | ((height - 1) & 0x3FFF) << 14;
    [&[0x2F][..], &bits.to_le_bytes(), &[0x07, 0x10, 0x11, 0x11, 0x88, 0x88, 0x08]].concat()
}

fn animated((width, height): (u32, u32), frames: u32) -> Vec<u8> {
    let le24 = |value: u32| value.to_le_bytes()[..3].to_vec();
    let canvas = [vec![0x02, 0, 0, 0], le24(width - 1), le24(height - 1)].concat();
    let picture = riff(&[(*b"VP8L", &lossless((1, 1)))])[12..].to_vec();
    let frame = [le24(0), le24(0), le24(0), le24(0), le24(0), vec![0], picture].concat();
    let mut chunks: Vec<([u8; 4], &[u8])> = vec![(*b"VP8X", &canvas), (*b"ANIM", &[0; 6])];
    chunks.extend((0..frames).map(|_| (*b"ANMF", frame.as_slice())));
    riff(&chunks)
}
