//! What platforms get of the pictures that callers give.

use crate::support::{Answered, Bench, ask, bench, json, picture, png_of, png_sized, png_with};
use ir_egress::{Recorded, WireReply};
use ir_engine::NewKey;
use ir_model::{Ask, AskPicture, Picture, Secret, Size, Task};
use ir_spool::Alphabet;

const PLAIN: &str = "https://pictures.example/plain.png";
const NOTED: &str = "https://pictures.example/noted.png";
const INSIDE: &str = "https://inside.example:8443/plain.png";

fn config(platform: &str, more: &str) -> String {
    let api = if platform == "Pollinations" { r#","api":"legacy""# } else { "" };
    format!(
        r#"{{"system":{{"modes":{{"relay":false,"backend":true}}{more}}},"providers":{{"{platform}":{{"enabled":true{api}}}}},
            "security":{{"allowPrivate":["inside.example:8443"]}}}}"#
    )
}

/// Serves pictures, and refuses to draw.
fn answer(request: &Recorded) -> Answered {
    if !request.url.path().ends_with(".png") || request.url.path().contains("/prompt/") {
        return json(400, &[], "{}");
    }
    let note = request.url.path().contains("noted").then_some("canary of a place");
    Ok(WireReply::scripted(200, &[("content-type", "image/png")], png_with(3, note)))
}

/// What a platform was asked to edit, as text.
async fn edit(platform: &'static str, more: &str, url: &str) -> String {
    let bench = bench(&config(platform, more), &[], answer).await;
    let secret = Secret::new("ms-11111111-2222-3333-4444-555555555555");
    let key = NewKey { secret, name: String::new(), base_url: None, models: vec![], enabled: true };
    bench.engine.add_keys(platform, vec![key]).await.expect("key");
    let wish = Ask { task: Task::Edit, pictures: vec![AskPicture::Url(url.to_owned())], ..ask(1) };
    assert!(bench.draw(wish).await.1.is_err(), "the platform refuses");
    let host = if platform == "ModelScope" { "modelscope" } else { "pollinations" };
    let recorded = bench.wire.recorded();
    let asked = recorded.iter().find(|request| request.url.host_str().is_some_and(|name| name.contains(host))).expect("asked");
    let query: Vec<String> = asked.url.query_pairs().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{}{}", query.join("&"), String::from_utf8_lossy(&asked.body))
}

#[tokio::test]
async fn a_callers_address_is_passed_on_only_if_it_shows_what_would_be_sent() {
    let plain = edit("ModelScope", "", PLAIN).await;
    assert!(plain.contains(PLAIN), "{plain}");
    for url in [NOTED, INSIDE] {
        let sent = edit("ModelScope", "", url).await;
        assert!(!sent.contains("example") && sent.contains("data:image/png;base64,"), "{url}: {sent}");
    }
}

#[tokio::test]
async fn a_platform_that_takes_nothing_but_addresses_gets_one_of_ours_if_there_is_any() {
    let public = r#","publicBaseUrl":"https://gate.example""#;
    for url in [NOTED, INSIDE] {
        let sent = edit("Pollinations", public, url).await;
        assert!(sent.contains("https://gate.example/inputs/") && !sent.contains(url), "{url}: {sent}");
        let sent = edit("Pollinations", "", url).await;
        assert!(sent.contains(url), "there is no other way: {sent}");
    }
    assert!(edit("Pollinations", public, PLAIN).await.contains(PLAIN));
}

/// Doubao, and NewApi after it.
const TWO: &str = r#"{"system":{"modes":{"relay":false,"backend":true}},"providers":{"Doubao":{"enabled":true,"edit":{"weight":20}},
  "NewApi":{"enabled":true,"edit":{"model":"m","weight":10}}}}"#;

/// Lets the two of them edit this picture. NewApi draws; Doubao does not.
async fn edited(png: Vec<u8>) -> Bench {
    let bench = bench(TWO, &[("https://one.example", "sk-one")], |request| {
        if request.url.host_str() == Some("one.example") { picture(3) } else { json(400, &[], "{}") }
    })
    .await;
    let secret = Secret::new("550e8400-e29b-41d4-a716-446655440000");
    let key = NewKey { secret, name: String::new(), base_url: None, models: vec![], enabled: true };
    bench.engine.add_keys("Doubao", vec![key]).await.expect("key");
    let mut writer = bench.engine.callers_spool().writer().expect("writer");
    writer.write(&png).await.expect("written");
    let given = Picture::from_blob(writer.finish().await.expect("blob")).expect("a picture");
    let wish = Ask { task: Task::Edit, pictures: vec![AskPicture::Here(given)], ..ask(1) };
    let outcome = bench.draw(wish).await.1;
    assert_eq!(outcome.expect("drawn").provider, "NewApi");
    bench
}

#[tokio::test]
async fn small_pictures_are_enlarged_for_platforms_that_take_none() {
    let bench = edited(png_sized(1, 3, None)).await;
    let asked = bench.wire.recorded().into_iter().find(|request| request.url.path().ends_with("/images/generations")).expect("asked");
    let body: serde_json::Value = serde_json::from_slice(&asked.body).expect("JSON");
    let sent =
        bench.engine.callers_spool().from_base64(body["image"].as_str().expect("a picture"), Alphabet::Either).await.expect("base64");
    assert_eq!(Picture::from_blob(sent).expect("whole").probe.size, Size::new(15, 15));
}

#[tokio::test]
async fn a_picture_that_one_platform_needs_otherwise_and_nobody_can_decode_goes_to_the_next() {
    let broken = png_of(1, &[1, 2, 3, 4], None);
    let bench = edited(broken.clone()).await;
    let hosts: Vec<String> =
        bench.wire.recorded().iter().filter(|r| r.method == "POST").filter_map(|r| r.url.host_str().map(str::to_owned)).collect();
    assert_eq!(hosts, ["one.example"]);
    assert!(bench.wire.recorded()[0].body.windows(broken.len()).any(|window| window == broken), "as it is");
}
