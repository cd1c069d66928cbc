//! Pictures in place of a drawing: paid for, of no use, and never answered as a success.

use crate::support::{Answered, PLAIN, ask, base64, bench, json, picture};
use image::{ImageFormat, Rgba, RgbaImage};
use ir_egress::Recorded;
use ir_model::{Charge, Class, SizeAsk};
use std::io::Cursor;

const KEYS: [(&str, &str); 2] = [("https://one.example", "sk-one"), ("https://two.example", "sk-two")];
const BLACK: Rgba<u8> = Rgba([0, 0, 0, 255]);

fn of(image: &RgbaImage) -> Answered {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).expect("encoded");
    json(200, &[], &format!(r#"{{"data":[{{"b64_json":"{}"}}]}}"#, base64(bytes.get_ref())))
}

fn filled(side: u32, colour: Rgba<u8>) -> RgbaImage {
    RgbaImage::from_pixel(side, side, colour)
}

#[tokio::test]
async fn a_placeholder_is_no_drawing() {
    for (name, image, class, stored) in [
        ("one pixel", filled(1, Rgba([9, 9, 9, 255])), Class::UpstreamFault, 0),
        ("eight pixels", filled(8, Rgba([9, 9, 9, 255])), Class::UpstreamFault, 0),
        ("black", filled(512, BLACK), Class::TaskFailed, 1),
        ("transparent", filled(512, Rgba([200, 100, 50, 0])), Class::TaskFailed, 1),
    ] {
        let bench = bench(PLAIN, &KEYS[..1], move |_: &Recorded| of(&image)).await;
        let failure = bench.draw(ask(1)).await.1.expect_err(name);
        assert_eq!((failure.fault.class, failure.fault.charge, bench.wire.recorded().len()), (class, Charge::Yes, 1), "{name}");
        // What may have been wanted after all is not lost.
        assert_eq!(bench.store.count().await.expect("gallery"), stored, "{name}");
    }
}

#[tokio::test]
async fn a_placeholder_is_made_good_elsewhere() {
    let first = std::sync::OnceLock::<String>::new();
    let bench = bench(PLAIN, &KEYS, move |request: &Recorded| {
        let host = request.url.host_str().expect("host").to_owned();
        if *first.get_or_init(|| host.clone()) == host { of(&filled(512, BLACK)) } else { picture(1) }
    })
    .await;
    let (pictures, outcome) = bench.draw(ask(1)).await;
    assert_eq!((outcome.expect("the other one draws").attempts, pictures.len()), (2, 1));
}

#[tokio::test]
async fn what_is_dark_small_or_flat_is_a_drawing() {
    let mut star = filled(512, BLACK);
    star.put_pixel(300, 17, Rgba([1, 0, 0, 255]));
    for (name, image) in [("a star", star), ("white", filled(512, Rgba([255; 4]))), ("nine pixels", filled(9, BLACK))] {
        let bench = bench(PLAIN, &KEYS[..1], move |_: &Recorded| of(&image)).await;
        assert!(bench.draw(ask(1)).await.1.is_ok(), "{name}");
    }
    let bench = bench(PLAIN, &KEYS[..1], |_: &Recorded| of(&filled(8, BLACK))).await;
    let mut icon = ask(1);
    icon.size = SizeAsk::Exact(ir_model::Size::new(8, 8));
    assert!(bench.draw(icon).await.1.is_ok(), "it was asked for");
}
