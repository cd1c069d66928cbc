//! Pictures that have to be encoded anew.

use super::*;

impl Bench {
    async fn drawn(&self, bytes: &[u8], wanted: Wanted) -> (Picture, Vec<u8>) {
        let prepared = self.store.prepare(&self.picture(bytes).await, &wanted).await.unwrap();
        assert!(prepared.changed);
        let bytes = self.bytes(&prepared).await;
        (prepared.picture, bytes)
    }

    async fn refused(&self, bytes: &[u8], wanted: Wanted) -> SpoolError {
        self.store.prepare(&self.picture(bytes).await, &wanted).await.unwrap_err()
    }
}

#[tokio::test]
async fn compression_reaches_its_target() {
    let bench = bench();
    let bytes = encoded(&picture(400, 300, false), ImageFormat::Png);
    for target in [60_000, 20_000, 5000] {
        let (picture, out) = bench.drawn(&bytes, Wanted { compress_above: 90_000, compress_to: target, ..AS_IT_IS }).await;
        assert_eq!(picture.probe.format, Format::Jpeg);
        assert!(out.len() as u64 <= target && out.len() as u64 > target / 5, "{} of {target}", out.len());
        let Size { width, height } = picture.probe.size;
        assert!((width * 3).abs_diff(height * 4) <= 4, "{width}x{height}");
    }
    // A target below what can be reached is a wish; a platform's limit is not.
    let out_of_reach = Wanted { compress_above: 90_000, compress_to: 10, max_bytes: 30_000, ..AS_IT_IS };
    assert!(bench.drawn(&bytes, out_of_reach).await.1.len() <= 30_000);
    let refused = bench.refused(&bytes, Wanted { max_bytes: 100, ..AS_IT_IS }).await;
    assert!(matches!(refused, SpoolError::TooLarge { limit: 100 }), "{refused}");
}

#[tokio::test]
async fn metadata_is_not_weighed() {
    let bench = bench();
    let image = picture(40, 30, false);
    let plain = encoded(&image, ImageFormat::Jpeg).len() as u64;
    let heavy = bench.picture(&jpeg_with(&image, &[segment(0xfe, &[1; 60_000])])).await;
    let prepared = bench.store.prepare(&heavy, &Wanted { max_bytes: plain, ..AS_IT_IS }).await.unwrap();
    assert!(prepared.stripped && !prepared.changed);
    assert_eq!(prepared.picture.blob.size(), plain);
}

#[tokio::test]
async fn what_is_seen_through_stays_so_if_it_can() {
    let bench = bench();
    let image = picture(100, 80, true);
    let bytes = encoded(&image, ImageFormat::Png);
    let half = Wanted { max_side: 50, ..AS_IT_IS };
    for (formats, expected) in
        [(&[][..], Format::Png), (&[Format::Webp, Format::Jpeg], Format::Webp), (&[Format::Jpeg, Format::Png], Format::Png)]
    {
        let (picture, out) = bench.drawn(&bytes, Wanted { formats, ..half }).await;
        assert_eq!((picture.probe.format, picture.probe.size), (expected, Size::new(50, 40)));
        let out = decoded(&out).into_rgba8();
        assert_eq!((out.get_pixel(5, 20).0[3], out.get_pixel(45, 20).0[3]), (0, 255));
    }
    let (picture, out) = bench.drawn(&bytes, Wanted { max_bytes: 2500, ..AS_IT_IS }).await;
    assert!(picture.probe.alpha && picture.probe.size.width < 100 && out.len() <= 2500, "smaller rather than opaque");
    let (picture, out) = bench.drawn(&bytes, Wanted { formats: &[Format::Jpeg], ..AS_IT_IS }).await;
    assert_eq!(picture.probe.format, Format::Jpeg);
    assert!(decoded(&out).into_rgb8().get_pixel(10, 40).0.iter().all(|value| *value > 245), "laid on white");
    // Opaque, whatever the header says.
    let opaque = encoded(&DynamicImage::ImageRgba8(super::picture(100, 80, false).into_rgba8()), ImageFormat::Png);
    assert_eq!(bench.drawn(&opaque, half).await.0.probe.format, Format::Jpeg);
}

#[tokio::test]
async fn sides_and_pixels_come_within_bounds() {
    let bench = bench();
    let bytes = encoded(&picture(400, 200, false), ImageFormat::Jpeg);
    let size = async |wanted| bench.drawn(&bytes, wanted).await.0.probe.size;
    assert_eq!(size(Wanted { max_side: 300, ..AS_IT_IS }).await, Size::new(300, 150));
    assert_eq!(size(Wanted { max_pixels: 20_000, ..AS_IT_IS }).await, Size::new(200, 100));
    assert_eq!(size(Wanted { min_side: 240, ..AS_IT_IS }).await, Size::new(480, 240));
    assert_eq!(size(Wanted { min_side: 240, max_side: 480, max_pixels: 480 * 240, ..AS_IT_IS }).await, Size::new(480, 240));
    for impossible in [
        Wanted { min_side: 240, max_side: 479, ..AS_IT_IS },
        Wanted { min_side: 240, max_pixels: 480 * 240 - 1, ..AS_IT_IS },
        Wanted { min_side: 8000, ..AS_IT_IS },
        Wanted { max_side: 0, ..AS_IT_IS },
        Wanted { max_pixels: 0, ..AS_IT_IS },
    ] {
        assert_eq!(kind_of(&bench.refused(&bytes, impossible).await), io::ErrorKind::InvalidData, "{impossible:?}");
    }
    let gif_only = Wanted { formats: &[Format::Gif], ..AS_IT_IS };
    assert_eq!(kind_of(&bench.refused(&bytes, gif_only).await), io::ErrorKind::InvalidInput);
    let (line, _) = bench.drawn(&encoded(&picture(300, 1, false), ImageFormat::Png), Wanted { max_side: 30, ..AS_IT_IS }).await;
    assert_eq!(line.probe.size, Size::new(30, 1));
}

/// Above the memory that resampling may take, another way is taken.
#[tokio::test]
async fn a_large_picture_is_averaged() {
    let bench = bench();
    let wide = encoded(
        &DynamicImage::ImageLuma8(image::GrayImage::from_fn(8000, 1500, |x, _| image::Luma([u8::try_from(x / 40).unwrap()]))),
        ImageFormat::Png,
    );
    let (picture, out) = bench.drawn(&wide, Wanted { max_side: 7500, ..AS_IT_IS }).await;
    assert_eq!(picture.probe.size, Size::new(7500, 1406));
    let out = decoded(&out).into_luma8();
    assert!(out.get_pixel(3750, 700).0[0].abs_diff(100) <= 3, "{:?}", out.get_pixel(3750, 700));
}

#[tokio::test]
async fn what_is_drawn_is_upright_and_has_its_colours() {
    let bench = bench();
    let mut profile = [0; 128];
    profile[16..20].copy_from_slice(b"RGB ");
    let icc = segment(0xe2, &[b"ICC_PROFILE\0\x01\x01", &profile[..]].concat());
    let mut image = image::RgbImage::from_pixel(60, 20, image::Rgb([250, 0, 0]));
    (0..20).for_each(|y| (0..20).for_each(|x| image.put_pixel(x, y, image::Rgb([0, 0, 250]))));
    let bytes = jpeg_with(&image.into(), &[jpeg_exif(6), icc]);
    for formats in [&[Format::Png][..], &[Format::Webp]] {
        let (picture, out) = bench.drawn(&bytes, Wanted { formats, ..AS_IT_IS }).await;
        assert_eq!(picture.probe.size, Size::new(20, 60));
        assert_eq!(orientation(&out), Orientation::NoTransforms);
        assert!(!holds(&out, SECRET));
        // Turned clockwise the left end is at the top.
        let pixels = decoded(&out).into_rgb8();
        assert!(pixels.get_pixel(10, 5).0[2] > 200 && pixels.get_pixel(10, 50).0[0] > 200);
        let kept = ImageReader::new(Cursor::new(&out)).with_guessed_format().unwrap().into_decoder().unwrap().icc_profile().unwrap();
        assert_eq!(kept.as_deref(), Some(&profile[..]));
    }
}

#[tokio::test]
async fn of_an_animation_the_first_frame_is_drawn() {
    let bench = bench();
    let (picture, out) = bench.drawn(&animation(), Wanted { formats: &[Format::Png, Format::Jpeg], ..AS_IT_IS }).await;
    assert_eq!((picture.probe.format, picture.probe.size), (Format::Jpeg, Size::new(40, 30)));
    assert!(decoded(&out).into_rgb8().get_pixel(20, 15).0[0] < 30);
}

/// A mask that is seen through in its left half, with an author's name in it.
fn mask(width: u32, height: u32) -> Vec<u8> {
    let pixel = |x, _| Rgba([9, 9, 9, if x < width / 2 { 0 } else { 255 }]);
    png_with(&encoded(&RgbaImage::from_fn(width, height, pixel).into(), ImageFormat::Png), &[chunk(b"tEXt", SECRET)])
}

#[tokio::test]
async fn a_mask_follows_its_picture() {
    let bench = bench();
    let original = bench.picture(&mask(90, 60)).await;
    let plain = bench.picture(&encoded(&picture(90, 60, false), ImageFormat::Png)).await;
    for formats in [&[][..], &[Format::Jpeg]] {
        let (one, two) = bench.store.prepare_with_mask(&plain, &original, &Wanted { formats, ..AS_IT_IS }).await.unwrap();
        assert_eq!(one.changed, !formats.is_empty());
        assert!(two.stripped && !two.changed);
        assert_eq!(two.picture.probe, original.probe);
        assert!(!holds(&bench.bytes(&two).await, SECRET));
    }
    let turned = bench.picture(&jpeg_with(&picture(90, 60, false), &[jpeg_exif(6)])).await;
    let third = Wanted { max_side: 30, ..AS_IT_IS };
    let upright = bench.picture(&mask(60, 90)).await;
    // What is seen through, after scaling: the left half, or, turned with its picture, the upper.
    for (picture, mask, size, through) in [
        (&plain, &original, Size::new(30, 20), (10, 10)),
        (&turned, &original, Size::new(20, 30), (15, 5)),
        (&turned, &upright, Size::new(20, 30), (5, 25)),
    ] {
        let (one, two) = bench.store.prepare_with_mask(picture, mask, &third).await.unwrap();
        assert!(two.changed && two.stripped);
        assert_eq!((one.picture.probe.size, two.picture.probe.size, two.picture.probe.format), (size, size, Format::Png));
        let bytes = bench.bytes(&two).await;
        assert!(!holds(&bytes, SECRET));
        let drawn = decoded(&bytes).into_rgba8();
        assert_eq!(drawn.get_pixel(through.0, through.1).0[3], 0);
        assert_eq!(drawn.get_pixel(size.width - 1, size.height - 1).0[3], 255);
        assert!(drawn.pixels().all(|pixel| [0, 255].contains(&pixel.0[3])), "nothing is half masked");
    }
}

#[tokio::test]
async fn a_heavy_mask_gives_up_its_colours() {
    let bench = bench();
    let plain = bench.picture(&encoded(&image::RgbImage::new(40, 40).into(), ImageFormat::Jpeg)).await;
    let heavy = bench.picture(&encoded(&picture(40, 40, true), ImageFormat::Png)).await;
    let limit = Wanted { max_bytes: plain.blob.size(), ..AS_IT_IS };
    assert!(heavy.blob.size() > limit.max_bytes);
    let (one, two) = bench.store.prepare_with_mask(&plain, &heavy, &limit).await.unwrap();
    assert!(!one.changed && two.changed && two.picture.blob.size() <= limit.max_bytes);
    let drawn = decoded(&bench.bytes(&two).await).into_rgba8();
    assert_eq!((drawn.get_pixel(5, 5).0, drawn.get_pixel(35, 5).0), ([0, 0, 0, 0], [0, 0, 0, 255]));
}
