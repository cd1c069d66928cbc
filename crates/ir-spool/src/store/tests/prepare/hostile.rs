//! Whatever a picture carries, and however it is damaged.

use super::*;
use proptest::prelude::*;

fn laden(format: usize, image: &DynamicImage, notes: &[Vec<u8>], orientation: u8) -> Vec<u8> {
    match format {
        0 => {
            let chunks: Vec<_> = notes.iter().map(|note| chunk(b"tEXt", note)).chain([chunk(b"eXIf", &exif(orientation))]).collect();
            png_with(&encoded(image, ImageFormat::Png), &chunks)
        }
        1 => {
            let segments: Vec<_> = notes
                .iter()
                .enumerate()
                .map(|(i, note)| segment([0xe1, 0xed, 0xfe][i % 3], note))
                .chain([jpeg_exif(orientation)])
                .collect();
            jpeg_with(&image.to_rgb8().into(), &segments)
        }
        2 => {
            let exif = exif(orientation);
            let chunks: Vec<(&[u8; 4], &[u8])> = notes.iter().map(|note| (b"XMP ", &note[..])).chain([(b"EXIF", &exif[..])]).collect();
            webp_with(image, if notes.is_empty() { 0x08 } else { 0x0c }, &chunks)
        }
        _ => {
            let plain = encoded(&image.to_rgba8().into(), ImageFormat::Gif);
            let extension = |note: &Vec<u8>| {
                let n = note.len().min(255);
                if n == 0 { b"\x21\xfe\0".to_vec() } else { [b"\x21\xfe", &[u8::try_from(n).unwrap()][..], &note[..n], b"\0"].concat() }
            };
            let notes: Vec<u8> = notes.iter().flat_map(extension).collect();
            [&plain[..plain.len() - 1], &notes, b"\x3b"].concat()
        }
    }
}

async fn strip(bench: &Bench, bytes: &[u8]) -> Option<Result<Prepared, SpoolError>> {
    let mut writer = bench.spool.writer().unwrap();
    writer.write(bytes).await.unwrap();
    let picture = Picture::from_blob(writer.finish().await.unwrap()).ok()?;
    Some(bench.store.prepare(&picture, &AS_IT_IS).await)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn stripping_changes_no_pixel(
        format in 0usize..4, width in 1u32..40, height in 1u32..40, alpha: bool, orientation in 0u8..10,
        notes in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..6),
    ) {
        let image = picture(width, height, alpha);
        let bytes = laden(format, &image, &notes, orientation);
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let bench = bench_with(false, Limits::default());
            let before = bench.picture(&bytes).await.probe;
            let once = strip(&bench, &bytes).await.unwrap().unwrap();
            assert_eq!(once.picture.probe, before);
            let out = bench.bytes(&once).await;
            assert!(!holds(&out, SECRET));
            assert_eq!(decoded(&out), decoded(&bytes));
            let twice = strip(&bench, &out).await.unwrap().unwrap();
            assert!(!twice.stripped);
            assert_eq!(twice.picture.blob.sha256(), once.picture.blob.sha256());
        });
    }

    #[test]
    fn damage_is_an_error_or_harmless(
        format in 0usize..4, alpha: bool,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = laden(format, &picture(12, 9, alpha), &[b"note".to_vec(), SECRET.to_vec()], 6);
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let bench = bench_with(false, Limits::default());
            match strip(&bench, &bytes).await {
                None => {}
                Some(Err(error)) => assert_eq!(kind_of(&error), io::ErrorKind::InvalidData, "{error}"),
                Some(Ok(once)) => {
                    let out = bench.bytes(&once).await;
                    let twice = strip(&bench, &out).await.unwrap().unwrap();
                    assert!(!twice.stripped);
                }
            }
            // Drawing what is damaged fails in order, too: a panic would be another kind of error.
            let mut writer = bench.spool.writer().unwrap();
            writer.write(&bytes).await.unwrap();
            if let Ok(picture) = Picture::from_blob(writer.finish().await.unwrap())
                && let Err(SpoolError::Io(error)) = bench.store.prepare(&picture, &Wanted { max_side: 8, ..AS_IT_IS }).await
            {
                assert!(!error.to_string().contains("panic"), "{error}");
            }
        });
    }
}

#[tokio::test]
async fn a_picture_in_shreds_is_refused() {
    let bench = bench();
    let shreds = vec![[chunk(b"fcTL", &[0; 26]), chunk(b"tEXt", b"a\0b")].concat(); 5000];
    let bytes = png_with(&encoded(&picture(4, 4, false), ImageFormat::Png), &shreds);
    let error = strip(&bench, &bytes).await.unwrap().unwrap_err();
    assert_eq!(kind_of(&error), io::ErrorKind::InvalidData);
}

/// A blob whose file is shorter than it was.
#[tokio::test]
async fn a_file_cut_behind_our_back_is_an_error() {
    let bench = bench();
    let picture = bench.picture(&laden(1, &picture(40, 30, false), &[SECRET.to_vec()], 1)).await;
    let [name] = &files(&bench.dir.path().join("spool"))[..] else { panic!("one file") };
    let file = fs::OpenOptions::new().write(true).open(bench.dir.path().join("spool").join(name)).unwrap();
    file.set_len(picture.blob.size() / 2).unwrap();
    let error = bench.store.prepare(&picture, &AS_IT_IS).await.unwrap_err();
    assert_eq!(kind_of(&error), io::ErrorKind::InvalidData);
}

/// Found by fuzzing: a frame that ends too early in a file that does not was taken for a fault of the disk.
#[tokio::test]
async fn a_frame_that_ends_too_early_is_the_pictures_fault() {
    let bytes = include_bytes!("../../../../../../fuzz/corpus/picture/webp-short-frame");
    let bench = bench();
    let picture = bench.picture(bytes).await;
    let smaller = Wanted { formats: &[Format::Jpeg], max_side: 4, ..AS_IT_IS };
    assert_eq!(kind_of(&bench.store.prepare(&picture, &smaller).await.unwrap_err()), io::ErrorKind::InvalidData);
}

/// Found by fuzzing: the decoder took what follows the container for a part of it, and made room for as many
/// bytes as its head says.
#[tokio::test]
async fn what_follows_a_container_is_no_part_of_the_picture() {
    let bench = bench();
    let plain = webp_with(&picture(40, 30, false), 0, &[]);
    let turned = [&b"EXIF"[..], &[u8::try_from(exif(6).len()).unwrap(), 0, 0, 0], &exif(6)].concat();
    for behind in [turned, b"EXIF\xff\xff\xff\xff".to_vec(), b"EX".to_vec()] {
        let picture = bench.picture(&[&plain[..], &behind].concat()).await;
        let smaller = Wanted { formats: &[Format::Jpeg], max_side: 4, ..AS_IT_IS };
        let drawn = bench.store.prepare(&picture, &smaller).await.unwrap();
        assert_eq!(drawn.picture.probe.size, Size::new(4, 3), "{behind:?}");
    }
}
