//! Thumbnails and small decodes.

use super::*;

#[tokio::test]
async fn a_thumbnail_is_made_once_and_kept() {
    let bench = bench();
    bench.store.keep(&bench.picture(&png(1000, 500, 77)).await, NAME, &story()).await.unwrap();
    let small = bench.store.thumbnail(RELATIVE, 256).await.unwrap();
    assert_eq!(small.probe(), Ok(Probe { format: Format::Webp, size: Size::new(256, 128), alpha: false }));
    let decoded = image::load_from_memory(&bench.spool.read(&small, 1 << 20).await.unwrap()).unwrap().into_rgb8();
    assert_eq!(decoded.get_pixel(200, 100).0, [77, 9, 9]);

    let path = bench.dir.path().join(format!("thumbs/256/2026-11-22/{NAME}.webp"));
    let inode = fs::metadata(&path).unwrap().ino();
    assert_eq!(bench.store.thumbnail(RELATIVE, 256).await.unwrap().sha256(), small.sha256());
    assert_eq!(fs::metadata(&path).unwrap().ino(), inode, "not made again");
    assert_eq!(files(path.parent().unwrap()), [format!("{NAME}.webp")]);

    put(&path, &fs::read(&path).unwrap()[..50]);
    assert_eq!(bench.store.thumbnail(RELATIVE, 256).await.unwrap().sha256(), small.sha256(), "a torn one is made anew");

    bench.put("tiny.png", &png(3, 2, 1));
    assert_eq!(bench.store.thumbnail("tiny.png", 512).await.unwrap().probe().unwrap().size, Size::new(3, 2), "never enlarged");
    for side in [0, 255, 1024, u32::MAX] {
        assert_eq!(kind_of(&bench.store.thumbnail(RELATIVE, side).await.unwrap_err()), io::ErrorKind::InvalidInput);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_ask_at_once_get_the_same() {
    let bench = Arc::new(bench());
    bench.store.keep(&bench.picture(&png(900, 900, 5)).await, NAME, &story()).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let bench = Arc::clone(&bench);
        tasks.spawn(async move { bench.store.thumbnail(RELATIVE, 512).await.unwrap().sha256() });
    }
    let hashes: HashSet<[u8; 32]> = tasks.join_all().await.into_iter().collect();
    assert_eq!(hashes.len(), 1);
    assert_eq!(files(&bench.dir.path().join("thumbs/512/2026-11-22")), [format!("{NAME}.webp")]);
}

/// Proves R-MED-3.
#[tokio::test]
async fn decodes_small_and_within_bounds() {
    let bench = bench_with(true, Limits { side: 65_535, pixels: 1 << 32, bytes: 1 << 30 });
    let picture = bench.picture(&png(40, 20, 200)).await;
    let (size, rgba) = bench.store.decode_small(&picture, 10).await.unwrap();
    assert_eq!((size, rgba.len()), (Size::new(10, 5), 200));
    assert_eq!(rgba[..4], [200, 9, 9, 255]);
    let (size, rgba) = bench.store.decode_small(&picture, u32::MAX).await.unwrap();
    assert_eq!((size, rgba.len()), (Size::new(40, 20), 3200));

    let wide = bench.picture(&png(9000, 1, 1)).await;
    assert!(matches!(bench.store.decode_small(&wide, 10).await, Err(SpoolError::TooLarge { .. })));
    // A header that would decode to more than 128 MiB, and data that is none.
    let mut bomb = png(1, 1, 1);
    bomb[16..24].copy_from_slice(&[0, 0, 0x20, 0, 0, 0, 0x20, 0]);
    let crc = crc32fast::hash(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&crc.to_be_bytes());
    let bomb = bench.picture(&bomb).await;
    assert_eq!(bomb.probe.size, Size::new(8192, 8192));
    assert!(matches!(bench.store.decode_small(&bomb, 10).await, Err(SpoolError::TooLarge { .. })));
}

/// A picture whose EXIF says that it lies on its side is shown upright, as browsers show it.
#[tokio::test]
async fn thumbnails_stand_upright() {
    let bench = bench();
    let mut out = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_pixel(30, 10, image::Rgb([1, 2, 3])).write_to(&mut out, image::ImageFormat::Jpeg).unwrap();
    let plain = out.into_inner();
    // TIFF, big endian, one entry: orientation (0x0112), short, 6 (turned by 90°).
    let exif = b"\xff\xe1\0\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    bench.put("turned.jpg", &[&plain[..2], exif, &plain[2..]].concat());
    assert_eq!(bench.store.thumbnail("turned.jpg", 256).await.unwrap().probe().unwrap().size, Size::new(10, 30));
}

#[tokio::test]
async fn a_picture_of_nothing_is_told_from_all_others() {
    use image::{DynamicImage, GrayImage, ImageFormat, Luma, LumaA, Rgb, Rgba};
    let bench = bench();
    let clear = DynamicImage::from(image::RgbaImage::from_pixel(70, 50, Rgba([9, 8, 7, 0])));
    let mut speck = clear.clone().into_rgba8();
    speck.put_pixel(69, 49, Rgba([9, 8, 7, 1]));
    let mut dot = GrayImage::new(70, 50);
    dot.put_pixel(0, 49, Luma([1]));
    let deep = image::ImageBuffer::from_pixel(70, 50, Rgb([0u16, 255, 0]));
    for (blank, what, image) in [
        (true, "black", DynamicImage::new_rgb8(70, 50)),
        (true, "black, of sixteen bits", DynamicImage::new_rgb16(70, 50)),
        (true, "black, with alpha", DynamicImage::from(image::RgbaImage::from_pixel(70, 50, Rgba([0, 0, 0, 255])))),
        (true, "transparent", clear),
        (true, "transparent grey", DynamicImage::from(image::GrayAlphaImage::from_pixel(70, 50, LumaA([99, 0])))),
        (false, "nearly transparent", DynamicImage::from(speck)),
        (false, "a dot", DynamicImage::from(dot)),
        (false, "white", DynamicImage::from(GrayImage::from_pixel(70, 50, Luma([255])))),
        (true, "darker than eight bits can tell", DynamicImage::from(deep)),
    ] {
        let mut out = std::io::Cursor::new(Vec::new());
        image.write_to(&mut out, ImageFormat::Png).unwrap();
        let picture = bench.picture(out.get_ref()).await;
        assert_eq!(bench.store.is_blank(&picture).await.unwrap(), blank, "{what}");
    }
    for (blank, shade) in [(true, 0), (false, 200)] {
        for format in [ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP] {
            let mut out = std::io::Cursor::new(Vec::new());
            image::RgbImage::from_pixel(70, 50, Rgb([shade; 3])).write_to(&mut out, format).unwrap();
            let picture = bench.picture(out.get_ref()).await;
            assert_eq!(bench.store.is_blank(&picture).await.unwrap(), blank, "{format:?} of shade {shade}");
        }
    }
}
