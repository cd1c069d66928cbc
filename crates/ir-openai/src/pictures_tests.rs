//! Pictures in JSON, good and bad (`07-security.md`, B-60 to B-73).

use crate::edits::{from_json, parse};
use crate::rules::Rules;
use crate::testing::{b64, data_uri, jpeg, large_png, opaque_png, place, png, read_json, status};
use ir_model::{Ask, AskPicture, Class, Fault, Gate, Task};
use ir_spool::Spool;
use serde_json::{Value, json};

async fn edit(spool: &Spool, body: &Value) -> Result<Ask, Fault> {
    let given = from_json(spool, read_json(spool, body.to_string(), false).await?).await?;
    parse(spool, given, &Rules::default()).await.map(|(ask, _)| ask)
}

async fn with_image(spool: &Spool, image: Value) -> Result<Ask, Fault> {
    edit(spool, &json!({"prompt": "make it green", "image": image})).await
}

#[tokio::test]
async fn pictures_that_are_taken() {
    let place = place();
    let small = png(4, 4);
    let wrapped = b64(&small).as_bytes().chunks(60).map(|line| String::from_utf8_lossy(line)).collect::<Vec<_>>().join("\r\n");
    let rows: Vec<(&str, Value, usize, Task)> = vec![
        ("bare base64", json!(b64(&small)), 1, Task::Edit),
        ("base64 in lines", json!(wrapped), 1, Task::Edit),
        ("base64 without padding", json!(b64(&small).trim_end_matches('=')), 1, Task::Edit),
        ("data URI", json!(data_uri(&small, "image/png")), 1, Task::Edit),
        ("jpg means jpeg", json!(data_uri(&jpeg(), "image/jpg")), 1, Task::Edit),
        ("lifted", json!(b64(&large_png())), 1, Task::Edit),
        ("lifted data URI", json!(data_uri(&large_png(), "image/png")), 1, Task::Edit),
        ("address", json!("https://example.com/a.png"), 1, Task::Edit),
        ("address in capitals", json!("HTTPS://example.com/a.png"), 1, Task::Edit),
        ("an object", json!({"image_url": data_uri(&small, "image/png")}), 1, Task::Edit),
        ("a chat part", json!({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}), 1, Task::Edit),
        ("one in an array", json!([b64(&small)]), 1, Task::Edit),
        ("two", json!([b64(&small), "https://example.com/a.png"]), 2, Task::Blend),
    ];
    for (name, image, count, task) in rows {
        let ask = with_image(&place.spool, image).await.unwrap_or_else(|fault| panic!("{name}: {fault:?}"));
        assert_eq!((ask.pictures.len(), ask.task), (count, task), "{name}");
    }
    assert_eq!(place.spool.in_flight_bytes(), 0, "dropped with the ask");
}

#[tokio::test]
async fn pictures_that_are_refused() {
    let place = place();
    let small = b64(&png(4, 4));
    let (bad, invalid, kind, url) = (Gate::BadInput, Gate::ImageInvalid, Gate::ImageType, Gate::UrlNotAllowed);
    let rows: Vec<(Value, Gate)> = vec![
        (json!(5), bad),
        (json!(true), bad),
        (json!({}), bad),
        (json!({"url": 5}), bad),
        (json!([[small.clone()]]), bad),
        (json!({"file_id": "file-1"}), Gate::Unsupported),
        (json!({"file_id": "file-1", "image_url": "https://example.com/a.png"}), bad),
        (json!(""), invalid),
        (json!(" "), invalid),
        (json!("data:image/png;base64"), bad),
        (json!(format!("data:image/png,{small}")), bad),
        (json!(format!("data:image/png;base64;base64,{small}")), bad),
        (json!(format!("data:image/png;charset=utf-8;base64,{small}")), bad),
        (json!(format!("data:;base64,{small}")), bad),
        (json!(format!("data:text/html;base64,{small}")), bad),
        (json!(format!("DATA:IMAGE/PNG;BASE64,{small}")), url),
        (json!(format!("data:image/png;base64,data:image/png;base64,{small}")), bad),
        (json!(format!("data:image/svg+xml;base64,{small}")), kind),
        (json!(format!("data:image/webp;base64,{small}")), invalid),
        (json!("data:image/png;base64,%89PNG"), bad),
        (json!("data:image/png;base64,ab_-"), bad),
        (json!("data:image/png;base64,a"), bad),
        (json!("data:image/png;base64,"), invalid),
        (json!("!!!"), bad),
        (json!("AAAA"), invalid),
        (json!(b64(b"\x89PNG\r\n\x1a\n")), invalid),
        (json!(b64(&png(4, 4)[..40])), invalid),
        (json!(b64(b"BM and a bitmap after it")), kind),
        (json!(b64(b"%PDF-1.7 and more of it")), kind),
        (json!(b64(b"<svg xmlns='http://www.w3.org/2000/svg'/>")), kind),
        (json!(b64(b"PK\x03\x04 and a zip after it")), kind),
        (json!(b64(b"\0\0\0\x20ftypavif and more of it")), kind),
        (json!("ftp://example.com/a.png"), url),
        (json!("file:///etc/passwd"), url),
        (json!("javascript:alert(1)"), url),
        (json!("https://example.com/a b.png"), bad),
        (json!(format!("https://example.com/{}", "a".repeat(9000))), bad),
        (json!(vec!["https://example.com/a.png"; 17]), bad),
    ];
    for (image, gate) in rows {
        let shown: String = image.to_string().chars().take(80).collect();
        let fault = with_image(&place.spool, image).await.err().unwrap_or_else(|| panic!("{shown} was taken"));
        assert_eq!(fault.class, Class::Gate(gate), "{shown}: {:?}", fault.message);
        assert!(fault.param.as_deref().is_some_and(|param| param.starts_with("image")), "{shown}: {:?}", fault.param);
    }
    assert_eq!(place.spool.in_flight_bytes(), 0, "nothing stays behind");
}

#[tokio::test]
async fn a_lifted_label_must_agree_too() {
    let place = place();
    let fault = with_image(&place.spool, json!(data_uri(&large_png(), "image/jpeg"))).await.unwrap_err();
    assert_eq!(fault.class, Class::Gate(Gate::ImageInvalid));
    let mut broken = data_uri(&large_png(), "image/png");
    broken.replace_range(70_000..70_001, "*");
    let fault = with_image(&place.spool, json!(broken)).await.unwrap_err();
    assert_eq!((status(&fault), fault.param.as_deref()), (400, Some("image")));
    assert!(fault.message.unwrap().en.contains("base64"));
}

#[tokio::test]
async fn the_other_json_forms_of_an_edit() {
    let place = place();
    let small = data_uri(&png(4, 4), "image/png");
    let ask = edit(&place.spool, &json!({"prompt": "x", "images": [{"image_url": small}, {"image_url": "http://example.com/b.png"}]}))
        .await
        .unwrap();
    assert!(matches!(ask.pictures[..], [AskPicture::Here(_), AskPicture::Url(_)]));
    let messages =
        json!([{"role": "user", "content": [{"type": "text", "text": "go"}, {"type": "image_url", "image_url": {"url": small}}]}]);
    let ask = edit(&place.spool, &json!({"messages": messages})).await.unwrap();
    assert_eq!((ask.prompt.as_str(), ask.task), ("go", Task::Edit));
    for (body, param) in [
        (json!({"prompt": "x"}), "image"),
        (json!({"prompt": "x", "images": []}), "image"),
        (json!({"prompt": "x", "images": "https://example.com/b.png"}), "images"),
        (json!({"image": small}), "prompt"),
        (json!({"prompt": "x", "mask": small}), "image"),
    ] {
        assert_eq!(edit(&place.spool, &body).await.unwrap_err().param.as_deref(), Some(param), "{body}");
    }
}

#[tokio::test]
async fn masks() {
    let place = place();
    let image = data_uri(&png(8, 8), "image/png");
    let with_mask = |mask: Vec<u8>| json!({"prompt": "x", "image": image, "mask": {"image_url": data_uri(&mask, "image/png")}});
    assert!(edit(&place.spool, &with_mask(png(8, 8))).await.unwrap().mask.is_some());
    for mask in [png(4, 4), opaque_png(8, 8)] {
        let fault = edit(&place.spool, &with_mask(mask)).await.unwrap_err();
        assert_eq!((status(&fault), fault.param.as_deref()), (400, Some("mask")));
    }
}
