//! Pictures that are small on the wire and huge unfolded, many at once, from callers and from platforms.

use super::{GENERATE, ask_from, drawing, memory_from_now, peak_memory};
use crate::client::{self, Answer};
use crate::faults::{World, code, ground, host, until};
use crate::support::{KEY, Setup, stored};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use http_body_util::Full;
use ir_sim::{Behaviour, Body, PictureSpec, Script, Sim, SimConfig, When, samples};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What one bomb may cost is measured among the bad inputs; this is for 32 of them at once.
const MOST_MEMORY: u64 = 64 * 1024 * 1024;
/// A picture of 64 × 64 whose data unfold to 400 MB.
const OVERFULL: &str = "overfull";

/// Bombs by their recipes, with the status and the code that a caller gets for them; no code: a picture is drawn with it.
const GIVEN: &[(&str, u16, &str)] = &[
    ("png 20000x20000 grey", 400, "image_too_large"),
    ("png 11000x11000 rgba", 400, "image_too_large"),
    ("png 30000x30000 grey", 400, "image_too_large"),
    ("png-head 1000000000x1", 400, "image_too_large"),
    ("png-head 2147483647x2147483647", 400, "image_too_large"),
    ("png-head 4294967295x4294967295", 400, "invalid_image_file"),
    ("apng 20000x20000 frames 2", 400, "image_too_large"),
    ("jpeg-markers 65535x65535", 400, "image_too_large"),
    ("jpeg-markers 64x64 code c2 scans 10000", 400, "invalid_image_file"),
    ("webp 16384x16384", 400, "image_too_large"),
    ("webp-animated 16383x16383 frames 10000", 400, "image_too_large"),
    ("gif 65535x65535 frames 10000 delay 0", 400, "image_too_large"),
    ("file svgz", 400, "unsupported_image_type"),
    // The first frame counts, and data are looked at where something is decoded only.
    ("apng 64x64 frames 2000 delay 0", 200, ""),
    ("gif 64x64 frames 10000 delay 0", 200, ""),
    (OVERFULL, 200, ""),
];

/// The same from a platform: what cannot be used is the platform's failure.
const DRAWN: &[(&str, u16)] = &[
    ("png-head 1000000000x1", 502),
    ("png-head 2147483647x2147483647", 502),
    ("png-head 4294967295x4294967295", 502),
    ("png-without-data 20000x20000", 502),
    ("jpeg-markers 64x64 code c2 scans 10000", 502),
    ("gif 65535x65535 frames 10000 delay 0 | cut 90%", 502),
    ("file svgz", 502),
    (OVERFULL, 200),
];

fn bomb(recipe: &str) -> Vec<u8> {
    if recipe != OVERFULL {
        return samples::bytes(recipe).unwrap_or_else(|why| panic!("{recipe}: {why}"));
    }
    // The signature and the header, with its sum, are the first 33 bytes.
    let (small, large) = (samples::bytes("png 64x64 grey").unwrap(), samples::bytes("png 20000x20000 grey").unwrap());
    [&small[..33], &large[33..]].concat()
}

fn media(recipe: &str) -> &'static str {
    match recipe.split([' ', '-']).next() {
        Some("jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("webp") => "image/webp",
        _ => "image/png",
    }
}

/// The ways in which a caller can give a picture.
const WAYS: usize = 6;

fn request(way: usize, recipe: &str) -> Request<Full<Bytes>> {
    let picture = bomb(recipe);
    let text = STANDARD.encode(&picture);
    let uri = format!("data:{};base64,{text}", media(recipe));
    let good = format!("data:image/png;base64,{}", STANDARD.encode(samples::bytes("png 64x64 rgb").unwrap()));
    let json = |path: &str, body: Value| build(path, "application/json", body.to_string().into_bytes());
    match way % WAYS {
        0 => json("/v1/images/edits", json!({"model": "any", "prompt": "brighter", "image": text})),
        1 => json("/v1/images/edits", json!({"model": "any", "prompt": "brighter", "image": uri})),
        2 => json("/v1/images/blend", json!({"model": "any", "prompt": "both", "images": [good, uri]})),
        3 => {
            let content = json!([{"type": "text", "text": "brighter"}, {"type": "image_url", "image_url": {"url": uri}}]);
            json("/v1/chat/completions", json!({"model": "any", "messages": [{"role": "user", "content": content}]}))
        }
        4 => json("/v1/images/variations", json!({"model": "any", "image": text})),
        _ => {
            let part = "--edge\r\ncontent-disposition: form-data; name=";
            let file = format!("{part}\"image\"; filename=\"a picture\"\r\n\r\n");
            let body = [
                format!("{part}\"model\"\r\n\r\nany\r\n{part}\"prompt\"\r\n\r\nbrighter\r\n{file}").as_bytes(),
                picture.as_slice(),
                b"\r\n--edge--\r\n",
            ]
            .concat();
            build("/v1/images/edits", "multipart/form-data; boundary=edge", body)
        }
    }
}

fn build(path: &str, media: &str, body: Vec<u8>) -> Request<Full<Bytes>> {
    let request = Request::post(path).header("host", "localhost").header("authorization", format!("Bearer {KEY}"));
    request.header("content-type", media).body(Full::from(body)).unwrap()
}

/// Callers who draw and look at `/health` until told to stop; how often they were served.
fn others(port: u16) -> (Arc<AtomicBool>, tokio::task::JoinHandle<usize>) {
    let stop = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&stop);
    let served = tokio::spawn(async move {
        let mut turns = 0;
        while turns < 3 || !over.load(Ordering::Relaxed) {
            let (health, drawn) = tokio::join!(client::get(port, "/health"), ask_from(port, Ipv4Addr::new(127, 0, 0, 2), drawing(1)));
            assert_eq!((health.unwrap().status, drawn.unwrap().status), (200, 200));
            turns += 1;
        }
        turns
    });
    (stop, served)
}

fn seen(answer: &Answer) -> (u16, String) {
    (answer.status, code(answer))
}

/// Proves B-61, B-62, B-64, B-65, B-17, R-MED-3.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bombs_of_callers_are_answered_one_by_one_while_others_draw() {
    let sim = Sim::start(SimConfig { picture: PictureSpec::exactly(8000), ..SimConfig::default() }).await.unwrap();
    let setup = Setup::new()
        .env("IMG_ROUTER_ALLOW_PRIVATE", host(sim.url()))
        .env("IMG_ROUTER_PROVIDERS_NEWAPI_ENABLED", "1")
        .env("IMG_ROUTER_LIMITS_KEY_CONCURRENCY", "64")
        .env("LOG_LEVEL", "warn");
    setup.run(&["keys", "add", "NewApi", "--base-url", sim.url(), "sk-bombs-0123456789abcdef"]);
    let running = setup.start();
    let port = running.port;
    assert_eq!(client::ask(port, drawing(1)).await.unwrap().status, 200);
    let before = memory_from_now(&running);

    let (stop, served) = others(port);
    // Each by two ways, and a compressed body in between.
    let given: Vec<_> = GIVEN.iter().enumerate().flat_map(|(at, bomb)| [(at, bomb), (at + WAYS / 2, bomb)]).collect();
    let answers = join_all(given.iter().map(|(way, (recipe, ..))| client::ask(port, request(*way, recipe))));
    let packed = join_all((0..4).map(|_| {
        let mut request = build(GENERATE, "application/json", bomb("file svgz"));
        request.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
        client::ask(port, request)
    }));
    let (answers, packed) = tokio::join!(answers, packed);
    stop.store(true, Ordering::Relaxed);
    let turns = served.await.unwrap();
    let grown = peak_memory(&running) - before;
    println!("{} bombs of callers at once, {turns} turns of others, {grown} bytes of memory more", given.len());

    let mut wrong = Vec::new();
    for ((way, (recipe, status, code)), answer) in given.iter().zip(&answers) {
        match answer {
            Ok(answer) if seen(answer) == (*status, (*code).to_owned()) => {}
            other => wrong.push(format!("{recipe}, way {}: {:?}", way % WAYS, other.as_ref().map(seen))),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for answer in packed {
        assert_eq!(seen(&answer.unwrap()), (415, "unsupported_media_type".to_owned()));
    }
    assert!(grown < MOST_MEMORY, "{grown} bytes more");
    assert!(!running.log().contains("panicked"), "{}", running.log());
    running.stop();
}

/// How the platform answers prompts that name a bomb: in its document and by an address.
fn platform(url: &str) -> Script {
    let mut script = Script::default();
    for (at, (recipe, _)) in DRAWN.iter().enumerate() {
        let picture = bomb(recipe);
        let inside = json!({"created": 1, "data": [{"b64_json": STANDARD.encode(&picture)}]});
        let outside = json!({"created": 1, "data": [{"url": format!("{url}/pic/bomb-{at}.png")}]});
        script = script
            .rule(When::prompt(&format!("inside {at}.")), None, Behaviour::with_body(Body::Json(inside)))
            .rule(When::prompt(&format!("outside {at}.")), None, Behaviour::with_body(Body::Json(outside)))
            .rule(
                When::path(&format!("/pic/bomb-{at}.png")),
                None,
                Behaviour::with_body(Body::Raw { content_type: media(recipe).to_owned(), bytes: picture }),
            );
    }
    let line = |text: &str| Behaviour::from_directives(text).unwrap();
    // Packed answers are refused by their heads; making large ones would keep the platform from its work.
    script.rule(When::prompt("packed"), None, line("gzip-bomb=1MB")).rule(When::prompt("deep"), None, line("deep=100000"))
}

/// Proves F-21, F-26, F-30, R-MED-3.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bombs_of_a_platform_are_its_failures_while_others_draw() {
    let bad = crate::faults::sim().await;
    let good = crate::faults::sim().await;
    bad.script(platform(bad.url()));
    let world = World::start(ground().env("IMG_ROUTER_LIMITS_KEY_CONCURRENCY", "64"), &[bad.url(), good.url()]).await;
    world.add(good.url(), "sk-good-0123456789abcdef", &["any"]).await;
    let port = world.running.port;
    let bombs = DRAWN.iter().enumerate();
    let mut asked: Vec<(String, u16)> =
        bombs.flat_map(|(at, (_, status))| ["inside", "outside"].map(|place| (format!("{place} {at}."), *status))).collect();
    let rest = ["packed", "deep"].iter().cycle().take(32 - asked.len());
    asked.extend(rest.map(|prompt| ((*prompt).to_owned(), 502)));
    // A key of its own for each: what fails five times in a row rests.
    for at in 0..asked.len() {
        world.add(bad.url(), &format!("sk-bad-{at}-0123456789abcdef"), &[format!("bad-{at}").as_str()]).await;
    }
    assert_eq!(world.draw("any").await.status, 200);
    let before = memory_from_now(&world.running);
    let (stop, served) = others(port);
    let ask = |(at, (prompt, _)): (usize, &(String, u16))| {
        world.ask(json!({"model": format!("bad-{at}"), "prompt": prompt, "response_format": "url"}))
    };
    let answers = join_all(asked.iter().enumerate().map(ask)).await;
    stop.store(true, Ordering::Relaxed);
    let turns = served.await.unwrap();
    let grown = peak_memory(&world.running) - before;
    println!("{} bombs of a platform at once, {turns} turns of others, {grown} bytes of memory more", asked.len());

    let told: BTreeMap<&str, (u16, String)> = asked.iter().map(|(prompt, _)| prompt.as_str()).zip(answers.iter().map(seen)).collect();
    let wrong: Vec<_> = asked
        .iter()
        .filter(|(prompt, status)| told[prompt.as_str()].0 != *status)
        .map(|(prompt, _)| (prompt, &told[prompt.as_str()]))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(told.values().all(|(status, code)| *status == 200 || code == "upstream_error"), "{told:#?}");
    assert!(grown < MOST_MEMORY, "{grown} bytes more");

    // What was taken can be looked at: its data are read no further than its header says.
    let kept: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 200).collect();
    let before = memory_from_now(&world.running);
    for answer in &kept {
        let name = answer.json()["data"][0]["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let thumb = client::get(port, &format!("/storage/{name}?thumb=256")).await.unwrap();
        assert!(thumb.status < 500, "{}", thumb.status);
    }
    let grown = peak_memory(&world.running) - before;
    assert!(grown < MOST_MEMORY, "{grown} bytes more for thumbnails");
    world.at_rest().await;
    until("the spool is empty", async || std::fs::read_dir(world.running.data().join("spool")).unwrap().next().is_none()).await;
    assert_eq!(stored(&world.running.data()).len(), 1 + turns + kept.len());
    assert!(!world.running.log().contains("panicked"), "{}", world.running.log());
    world.running.stop();
}
