//! Forms as clients send them (`08-clients.md`, 11, 10–28), and as nobody should (B-74 to B-78).

use super::*;
use crate::edits::{Given, parse};
use crate::testing::{b64, data_uri, headers, jpeg, large_png, noise_png, place, png, status};
use ir_model::{Ask, ResponseForm, SizeAsk, Task};

const BOUNDARY: &str = "cef749221a77c37f";

/// A part's headers and content.
type Piece = (String, Vec<u8>);
/// A form's name, its parts, the parameter that the refusal names.
type Row = (&'static str, Vec<Piece>, &'static str);

/// Builds a form from (part headers, content).
fn form(parts: &[Piece]) -> Vec<u8> {
    let mut out = Vec::new();
    for (head, content) in parts {
        out.extend_from_slice(format!("--{BOUNDARY}\r\n{head}\r\n\r\n").as_bytes());
        out.extend_from_slice(content);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    out
}

fn text(name: &str, value: &str) -> (String, Vec<u8>) {
    (format!("Content-Disposition: form-data; name=\"{name}\""), value.as_bytes().to_vec())
}

fn file(name: &str, bytes: Vec<u8>) -> (String, Vec<u8>) {
    (format!("Content-Disposition: form-data; name=\"{name}\"; filename=\"in.png\"\r\nContent-Type: image/png"), bytes)
}

fn raw(head: &str, bytes: Vec<u8>) -> (String, Vec<u8>) {
    (head.to_owned(), bytes)
}

/// Reads a form that arrives in pieces of `step` bytes.
async fn read_in_steps(spool: &Spool, bytes: Vec<u8>, step: usize) -> Result<Ask, Fault> {
    let chunks: Vec<Result<Bytes, std::io::Error>> = bytes.chunks(step).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    let body = Body::from_stream(futures_util::stream::iter(chunks));
    let rules = Rules::default();
    let form = read(spool, &HeaderMap::new(), body, BOUNDARY.to_owned(), &rules).await?;
    let given = Given { fields: form.fields, pictures: form.pictures, mask: form.mask, messages: None };
    parse(spool, given, &rules).await.map(|(ask, _)| ask)
}

async fn edit(spool: &Spool, parts: &[Piece]) -> Result<Ask, Fault> {
    read_in_steps(spool, form(parts), 16 * 1024).await
}

#[tokio::test]
async fn pictures_under_all_their_names() {
    let place = place();
    let rows: Vec<(&[&str], Task)> = vec![
        (&["image"], Task::Edit),
        (&["image[]"], Task::Edit),
        (&["image[]", "image[]", "image[]"], Task::Blend),
        (&["image", "image", "image"], Task::Blend),
        (&["image[0]", "image[1]"], Task::Blend),
        (&["image", "image[]"], Task::Blend),
    ];
    for (names, task) in rows {
        for files_first in [true, false] {
            let mut parts: Vec<_> = (1u32..).zip(names).map(|(i, name)| file(name, png(4 * i, 4))).collect();
            let at = if files_first { parts.len() } else { 0 };
            parts.insert(at, text("prompt", "p 中文"));
            let ask = edit(&place.spool, &parts).await.unwrap();
            assert_eq!((ask.task, ask.prompt.as_str()), (task, "p 中文"), "{names:?}");
            let widths: Vec<u32> = ask
                .pictures
                .iter()
                .map(|picture| match picture {
                    AskPicture::Here(picture) => picture.probe.size.width,
                    AskPicture::Url(url) => panic!("{url}"),
                })
                .collect();
            assert_eq!(widths, (1u32..).take(names.len()).map(|i| 4 * i).collect::<Vec<_>>(), "{names:?}: order is kept");
        }
    }
}

#[tokio::test]
async fn parts_as_real_clients_write_them() {
    let place = place();
    let heads = [
        "Content-Type: image/png\r\nContent-Disposition: form-data; name=\"image\"; filename=\"x.png\"",
        "Content-Disposition: form-data; name=\"image\"; filename=\"upload\"\r\nContent-Type: application/octet-stream",
        "Content-Disposition: form-data; name=\"image\"; filename=\"unknown_file\"",
        "Content-Disposition: form-data; name=\"image\"; filename=\"blob\"\r\nContent-Type: image/webp",
        "Content-Disposition: form-data; name=\"image\"; filename=\"图片.png\"",
        "Content-Disposition: form-data; name=\"image\"; filename=\"../../etc/passwd\"",
        "Content-Disposition: form-data; name=\"image\"; filename=\"\"",
        "Content-Disposition: form-data; name=\"image\"; filename=\"con.png\"; filename*=utf-16''x",
        "Content-Disposition: form-data; name=\"image\"",
        "content-disposition: form-data; name=\"image\"; filename=\"x\"\r\ncontent-transfer-encoding: binary",
    ];
    for head in heads {
        for bytes in [png(4, 4), jpeg()] {
            let parts = [
                raw(head, bytes),
                raw("Content-Disposition: form-data; name=\"prompt\"\r\nContent-Type: text/plain; charset=utf-8", b"x".to_vec()),
            ];
            let ask = edit(&place.spool, &parts).await.unwrap_or_else(|fault| panic!("{head}: {fault:?}"));
            assert_eq!(ask.pictures.len(), 1, "{head}");
        }
    }
}

/// Found by fuzzing: a picture without a file name was taken for text when its first bytes came alone.
#[tokio::test]
async fn a_picture_without_a_file_name_is_one_wherever_it_is_cut() {
    let place = place();
    let bytes = form(&[text("prompt", "x"), raw("Content-Disposition: form-data; name=\"image\"", png(4, 4))]);
    for step in [1, 2, 3, 5, 7, bytes.len()] {
        let ask = read_in_steps(&place.spool, bytes.clone(), step).await.unwrap_or_else(|fault| panic!("in steps of {step}: {fault:?}"));
        assert!(matches!(ask.pictures[..], [AskPicture::Here(_)]));
    }
}

/// Found by fuzzing: whose fault a form was that broke off depended on where it had been cut.
#[tokio::test]
async fn a_form_that_breaks_off_is_the_bodys_fault_wherever_it_is_cut() {
    let place = place();
    let mut bytes = form(&[text("prompt", "x"), text("image", "data:image/png;base64,iVBORw0KGgoAAAANSUhEUg")]);
    bytes.truncate(bytes.len() - 40);
    for step in 1..=bytes.len() {
        let fault = read_in_steps(&place.spool, bytes.clone(), step).await.unwrap_err();
        assert_eq!((status(&fault), fault.param.as_deref()), (400, Some("body")), "in steps of {step}");
    }
}

#[tokio::test]
async fn pictures_written_as_text() {
    let place = place();
    let lines = b64(&large_png()).as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line)).collect::<Vec<_>>().join("\r\n");
    for value in [b64(&png(4, 4)), data_uri(&png(4, 4), "image/png"), b64(&large_png()), data_uri(&large_png(), "image/png"), lines] {
        let ask = edit(&place.spool, &[text("prompt", "x"), text("image", &value)]).await.unwrap();
        assert!(matches!(ask.pictures[..], [AskPicture::Here(_)]));
    }
    let ask = edit(&place.spool, &[text("prompt", "x"), text("image", "https://example.com/a.png"), text("image[]", "")]).await.unwrap();
    assert!(matches!(&ask.pictures[..], [AskPicture::Url(url)] if url == "https://example.com/a.png"));
    assert_eq!(place.spool.in_flight_bytes(), 0);
}

#[tokio::test]
async fn fields_become_what_json_would_give() {
    let place = place();
    let image = || file("image", png(4, 4));
    let parts = [text("prompt", "x"), image(), text("n", "0"), text("size", ""), text("response_format", ""), text("quality", "")];
    let ask = edit(&place.spool, &parts).await.unwrap();
    assert_eq!((ask.n, ask.size, ask.form), (None, SizeAsk::Auto, ResponseForm::Url), "go-openai's empty fields");
    let parts = [
        text("prompt", "x"),
        image(),
        text("n", "2"),
        text("stream", "true"),
        text("partial_images", "1"),
        text("output_compression", "80"),
        text("output_compression", "80"),
        text("model", "gpt-image-2"),
        text("input_fidelity", "high"),
        text("seed", "7"),
    ];
    let ask = edit(&place.spool, &parts).await.unwrap();
    assert_eq!((ask.n, ask.extras.partial_images, ask.extras.output_compression, ask.extras.seed), (Some(2), 1, Some(80), Some(7)));
    assert_eq!((ask.form, ask.extras.input_fidelity.as_deref()), (ResponseForm::Base64, Some("high")));
}

#[tokio::test]
async fn masks_come_as_files_too() {
    let place = place();
    let ask = edit(&place.spool, &[text("prompt", "x"), file("image", png(4, 4)), file("mask", png(4, 4))]).await.unwrap();
    assert!(ask.mask.is_some());
    for (parts, param) in [
        (vec![text("prompt", "x"), file("mask", png(4, 4))], "image"),
        (vec![text("prompt", "x"), file("image", png(4, 4)), file("mask", png(8, 4))], "mask"),
        (vec![text("prompt", "x"), file("image", png(4, 4)), file("mask", png(4, 4)), file("mask", png(4, 4))], "mask"),
    ] {
        assert_eq!(edit(&place.spool, &parts).await.unwrap_err().param.as_deref(), Some(param));
    }
}

#[tokio::test]
async fn forms_that_are_refused() {
    let place = place();
    let (p, i) = (|| text("prompt", "x"), || file("image", png(4, 4)));
    let rows: Vec<Row> = vec![
        ("no prompt", vec![i()], "prompt"),
        ("empty prompt", vec![text("prompt", " "), i()], "prompt"),
        ("no picture", vec![p()], "image"),
        ("prompt twice", vec![p(), p(), i()], "prompt"),
        ("n twice", vec![p(), i(), text("n", "1"), text("n", "1")], "n"),
        ("n as words", vec![p(), i(), text("n", "two")], "n"),
        ("n too large", vec![p(), i(), text("n", "17")], "n"),
        ("size", vec![p(), i(), text("size", "big")], "size"),
        ("stream", vec![p(), i(), text("stream", "maybe")], "stream"),
        ("unknown file", vec![p(), i(), file("extra", png(4, 4))], "extra"),
        ("prompt as file", vec![file("prompt", b"x".to_vec()), i()], "prompt"),
        ("not a picture", vec![p(), file("image", b"hello".to_vec())], "image"),
        ("empty file", vec![p(), file("image", Vec::new())], "image"),
        ("cut picture", vec![p(), file("image", png(4, 4)[..50].to_vec())], "image"),
        ("a bitmap", vec![p(), file("image", b"BM bitmap".to_vec())], "image"),
        ("NUL", vec![text("prompt", "a\0b"), i()], "prompt"),
        ("not UTF-8", vec![raw("Content-Disposition: form-data; name=\"prompt\"", b"\xff".to_vec()), i()], "prompt"),
        ("nameless", vec![p(), i(), raw("Content-Disposition: form-data", b"x".to_vec())], "body"),
        ("long name", vec![p(), i(), text(&"n".repeat(200), "x")], "body"),
        (
            "transfer encoding",
            vec![
                p(),
                raw("Content-Disposition: form-data; name=\"image\"; filename=\"x\"\r\nContent-Transfer-Encoding: base64", png(4, 4)),
            ],
            "image",
        ),
        ("17 pictures", std::iter::once(p()).chain((0..17).map(|_| i())).collect(), "image"),
        ("200 parts", std::iter::once(p()).chain((0..200).map(|k| text(&format!("k{k}"), "x"))).collect(), "body"),
    ];
    for (name, parts, param) in rows {
        let fault = edit(&place.spool, &parts).await.err().unwrap_or_else(|| panic!("{name} was taken"));
        assert_eq!((status(&fault), fault.param.as_deref()), (400, Some(param)), "{name}: {:?}", fault.message);
    }
    assert_eq!(place.spool.in_flight_bytes(), 0, "nothing stays behind");
}

#[tokio::test]
async fn forms_that_are_not_forms() {
    let place = place();
    let whole = form(&[text("prompt", "x"), file("image", png(4, 4))]);
    let rows: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("other boundary", b"--other\r\n\r\n--other--\r\n".to_vec()),
        ("never closed", whole[..whole.len() - 6].to_vec()),
        ("cut in a picture", whole[..whole.len() / 2].to_vec()),
        ("boundary in data", form(&[text("prompt", &format!("a\r\n--{BOUNDARY}xyz"))])),
    ];
    for (name, bytes) in rows {
        let fault = read_in_steps(&place.spool, bytes, 1000).await.err().unwrap_or_else(|| panic!("{name} was taken"));
        assert_eq!(status(&fault), 400, "{name}");
    }
    let mut endless = format!("--{BOUNDARY}\r\nX: ").into_bytes();
    endless.resize(2 << 20, b'x');
    let fault = read_in_steps(&place.spool, endless, 16 * 1024).await.unwrap_err();
    assert!(fault.message.unwrap().en.contains("headers"), "endless headers are cut short");
}

#[tokio::test]
async fn preambles_are_passed_over_and_any_cut_gives_the_same() {
    let place = place();
    let mut bytes = b"a preamble\n\n".to_vec();
    bytes.extend(form(&[text("prompt", "p 中文"), file("image", png(4, 4)), file("image", jpeg())]));
    for step in [1, 2, 3, 7, 64, 1000, 1 << 20] {
        let ask = read_in_steps(&place.spool, bytes.clone(), step).await.unwrap();
        assert_eq!((ask.prompt.as_str(), ask.pictures.len()), ("p 中文", 2), "{step}");
    }
}

/// Proves R-DOS-4.
#[tokio::test]
async fn what_is_too_large_is_refused_while_it_arrives() {
    let place = place();
    let rules = Rules { picture: ir_model::Limits { bytes: 1000, ..ir_model::Limits::default() }, body: 60_000, ..Rules::default() };
    let post = |bytes: Vec<u8>| {
        let (spool, rules) = (place.spool.clone(), rules.clone());
        async move { read(&spool, &HeaderMap::new(), Body::from(bytes), BOUNDARY.to_owned(), &rules).await }
    };
    assert_eq!(status(&post(form(&[file("image", vec![0; 2000])])).await.unwrap_err()), 413);
    assert_eq!(status(&post(form(&[file("image", vec![0; 100_000])])).await.unwrap_err()), 413);
    assert_eq!(status(&edit(&place.spool, &[text("user", &"x".repeat(70_000))]).await.unwrap_err()), 413);
    let many: Vec<Piece> = (0..20).map(|k| text(&format!("k{k}"), &"x".repeat(60_000))).collect();
    assert_eq!(status(&edit(&place.spool, &many).await.unwrap_err()), 413);
    let announced = headers(&[("content-length", "60001")]);
    let fault = read(&place.spool, &announced, Body::empty(), BOUNDARY.to_owned(), &rules).await.unwrap_err();
    assert_eq!(status(&fault), 413, "before a byte is read");
    assert_eq!(place.spool.in_flight_bytes(), 0, "nothing stays behind");
}

#[tokio::test]
async fn a_body_that_is_there_at_once_is_not_held_in_memory() {
    let place = place();
    // More than may wait to be understood: it passes only if it is worked on while it arrives.
    let large = noise_png(500);
    assert!(large.len() > WAITING);
    let ask = edit(&place.spool, &[text("prompt", "x"), file("image", large.clone()), file("image", large)]).await.unwrap();
    assert_eq!(ask.pictures.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_is_given_up() {
    let place = place();
    let rules = Rules::default();
    let body = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
    let began = tokio::time::Instant::now();
    let fault = read(&place.spool, &HeaderMap::new(), body, BOUNDARY.to_owned(), &rules).await.unwrap_err();
    assert_eq!((status(&fault), began.elapsed().as_secs()), (408, 15));
    // One byte every ten seconds is never idle, and never done.
    let drip = unfold((), |()| async {
        tokio::time::sleep(std::time::Duration::from_secs(10)).await;
        Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ()))
    });
    let began = tokio::time::Instant::now();
    let fault = crate::body::json(&place.spool, &HeaderMap::new(), Body::from_stream(drip), &rules, false).await.unwrap_err();
    assert_eq!((status(&fault), began.elapsed().as_secs()), (408, 120));
}
