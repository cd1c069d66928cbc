//! Pictures: judged without decoding, then decoded, then made ready to be sent.

use crate::support::{Bench, SMALL, Sequence, bench, fingerprint};
use image::{ImageReader, Limits as DecodeLimits};
use ir_model::{Flaw, Format, Limits, Picture, Probe, Size};
use ir_spool::{Inspector, PictureStore, SpoolError, Wanted};
use std::io::{Cursor, ErrorKind};

/// What a decoder may take: the pixels that are allowed, several times over.
const DECODED: u64 = 4 * 1024 * 1024;
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Cuts change no verdict; what is taken has the size that its header says when it is decoded; what
/// is made ready decodes, without metadata, and within what was wanted.
pub(crate) fn run(data: &[u8]) {
    check(data);
    // Checksums that were broken by chance would hide what is behind them.
    if let Some(mended) = with_checksums(data) {
        check(&mended);
    }
}

fn check(data: &[u8]) {
    let verdict = inspect(SMALL, data, data.len().max(1));
    for step in [1, 3, 64, 1000] {
        assert_eq!(inspect(SMALL, data, step), verdict, "in steps of {step}");
    }
    let mut sequence = Sequence::new(fingerprint(data));
    let cut = sequence.below(data.len().max(1));
    assert!(inspect(SMALL, &data[..cut], 64).is_err() || verdict.is_ok() || trailing(data, cut), "the beginning is a picture, all is not");
    let Ok(probe) = verdict else { return };
    assert!(probe.size.width <= SMALL.side && probe.size.height <= SMALL.side && probe.size.pixels() <= SMALL.pixels);
    assert!(probe.size.width > 0 && probe.size.height > 0);
    let tight = Limits { bytes: data.len() as u64 - 1, ..SMALL };
    assert_eq!(inspect(tight, data, 64), Err(Flaw::TooLarge), "one byte above the limit");
    let decoded = decode(data, probe.format);
    if let Some(size) = decoded {
        assert_eq!(size, probe.size, "decoded, it has another size");
    }
    bench(|bench| bench.wait(prepare(bench, data, probe, decoded.is_some())));
}

fn inspect(limits: Limits, data: &[u8], step: usize) -> Result<Probe, Flaw> {
    let mut inspector = Inspector::new(limits);
    for piece in data.chunks(step) {
        if inspector.feed(piece).is_err() {
            break;
        }
    }
    inspector.finish()
}

/// What follows a picture's end may be too long or, in a GIF or WebP, too much metadata.
fn trailing(data: &[u8], cut: usize) -> bool {
    data.len() > cut && inspect(SMALL, data, 64) != Err(Flaw::Truncated)
}

fn decode(data: &[u8], format: Format) -> Option<Size> {
    let format = match format {
        Format::Png => image::ImageFormat::Png,
        Format::Jpeg => image::ImageFormat::Jpeg,
        Format::Webp => image::ImageFormat::WebP,
        Format::Gif => image::ImageFormat::Gif,
    };
    let mut reader = ImageReader::with_format(Cursor::new(data), format);
    let mut limits = DecodeLimits::default();
    limits.max_alloc = Some(DECODED);
    reader.limits(limits);
    let image = reader.decode().ok()?;
    Some(Size::new(image.width(), image.height()))
}

async fn prepare(bench: &Bench, data: &[u8], probe: Probe, decodes: bool) {
    let mut writer = bench.spool.writer().expect("there is room");
    writer.write(data).await.expect("there is room");
    let blob = writer.finish().await.expect("the spool can be written");
    assert_eq!(blob.probe(), Ok(probe), "the spool judges otherwise");
    let picture = Picture::from_blob(blob).expect("it was judged to be one");
    let store = PictureStore::new(&bench.spool);
    match store.prepare(&picture, &Wanted::default()).await {
        Ok(ready) => {
            let bytes = bench.bytes(&ready.picture.blob).await;
            assert_eq!((ready.changed, ready.picture.probe.format), (false, probe.format));
            assert_eq!(ready.picture.probe.size, probe.size);
            assert!(bytes.len() <= data.len() + 64, "{} bytes became {}", data.len(), bytes.len());
            if decodes && !(probe.format == Format::Jpeg && has_notes_behind_a_scan(data)) {
                assert_eq!(decode(&bytes, probe.format), Some(probe.size), "without its metadata it does not decode");
            }
            assert!(!names_a_place(&bytes, probe.format), "metadata is left");
        }
        Err(error) => refused(&error),
    }
    let wanted = Wanted { formats: &[Format::Jpeg], max_side: 40, max_pixels: 1000, max_bytes: 20_000, ..Wanted::default() };
    match store.prepare(&picture, &wanted).await {
        Ok(ready) => {
            let Probe { format, size, .. } = ready.picture.probe;
            assert!(format == Format::Jpeg && size.width <= 40 && size.height <= 40 && size.pixels() <= 1000, "{format:?} {size}");
            let bytes = bench.bytes(&ready.picture.blob).await;
            assert!(bytes.len() <= 20_000);
            if ready.changed {
                assert_eq!(decode(&bytes, format), Some(size));
            }
        }
        Err(error) => refused(&error),
    }
}

/// Whether an application segment or a comment stands behind the first scan of a JPEG. There the decoder breaks off
/// and shows what it has; without the segment it goes on, to whatever damage follows.
fn has_notes_behind_a_scan(jpeg: &[u8]) -> bool {
    let scan = jpeg.windows(2).position(|marker| marker == [0xff, 0xda]).unwrap_or(jpeg.len());
    jpeg[scan..].windows(2).any(|marker| marker[0] == 0xff && matches!(marker[1], 0xe0..=0xef | 0xfe))
}

/// What cannot be decoded, is too long and thin, or needs too much memory.
fn refused(error: &SpoolError) {
    match error {
        SpoolError::Io(io) => assert_eq!(io.kind(), ErrorKind::InvalidData, "{error}"),
        SpoolError::TooLarge { .. } => {}
        SpoolError::Base64 { .. } | SpoolError::Full => panic!("{error}"),
    }
}

/// Whether texts or positions stand beside a PNG.
fn names_a_place(bytes: &[u8], format: Format) -> bool {
    format == Format::Png && chunks(bytes).any(|(kind, _, _)| [*b"tEXt", *b"zTXt", *b"iTXt", *b"tIME"].contains(&kind))
}

/// A PNG's chunks: kind, beginning, and length of the data.
fn chunks(png: &[u8]) -> impl Iterator<Item = ([u8; 4], usize, usize)> + '_ {
    let mut at = PNG.len();
    std::iter::from_fn(move || {
        let head = png.get(at..at + 8)?;
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let kind = [head[4], head[5], head[6], head[7]];
        let begin = at + 8;
        at = begin.checked_add(length)?.checked_add(4)?;
        (at <= png.len()).then_some((kind, begin, length))
    })
}

/// A PNG whose checksums were made anew; none if nothing changes.
fn with_checksums(data: &[u8]) -> Option<Vec<u8>> {
    if !data.starts_with(PNG) {
        return None;
    }
    let mut mended = data.to_vec();
    for (_, begin, length) in chunks(data) {
        let end = begin + length;
        let sum = crc32fast::hash(&data[begin - 4..end]);
        mended[end..end + 4].copy_from_slice(&sum.to_be_bytes());
    }
    (mended != data).then_some(mended)
}
