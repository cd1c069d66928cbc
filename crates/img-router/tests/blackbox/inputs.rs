//! The bytes of input pictures that a platform really gets.

use crate::client;
use crate::platforms::{NEW_API, RED};
use crate::support::{Running, Setup};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ir_sim::{FormFile, Sim};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

fn decoded(data_uri: &str) -> Vec<u8> {
    STANDARD.decode(data_uri.split_once(',').unwrap().1).unwrap()
}

fn data_uri(bytes: &[u8]) -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(bytes))
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// A PNG with a note behind its head, as editors and cameras leave them.
fn with_note(png: &[u8], note: &[u8]) -> Vec<u8> {
    let chunk = [b"tEXtComment\0", note].concat();
    let crc = !chunk
        .iter()
        .fold(!0u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & 0u32.wrapping_sub(crc & 1))));
    let length = u32::try_from(chunk.len() - 4).unwrap().to_be_bytes();
    let (head, rest) = png.split_at(33);
    [head, &length, &chunk, &crc.to_be_bytes(), rest].concat()
}

async fn post(running: &Running, path: &str, body: &Value) -> Value {
    let answer = client::post(running.port, path, body).await.unwrap();
    assert_eq!(answer.status, 200, "{}\n{}", String::from_utf8_lossy(&answer.body), running.log());
    answer.json()
}

/// The file that the platform gets when this picture is edited.
async fn sent(running: &Running, sim: &Sim, picture: &[u8]) -> FormFile {
    post(running, "/v1/images/edits", &json!({"prompt": "brighter", "image": data_uri(picture)})).await;
    sim.ledger().drawings().pop().unwrap().files()[0].clone()
}

/// Proves R-MED-3, R-PRIV-1.
#[tokio::test]
async fn what_was_written_beside_a_picture_stays_here() {
    let sim = NEW_API.sim().await;
    let setup = NEW_API.add(Setup::new(), &sim);
    let running = setup.start();
    let plain = decoded(RED);
    let noted = with_note(&plain, b"taken at home");
    for picture in [&plain, &noted] {
        assert_eq!(sent(&running, &sim, picture).await.sha256, sha256(&plain), "the rest is the same to the byte");
    }
}

#[tokio::test]
async fn heavy_pictures_are_compressed_to_what_the_operator_wants() {
    let sim = NEW_API.sim().await;
    let setup = NEW_API.add(Setup::new(), &sim);
    let running = setup.start();
    let drawn = json!({"model": "local/auto", "prompt": "a wide valley", "size": "1024x1024", "response_format": "b64_json"});
    let heavy = STANDARD.decode(post(&running, "/v1/images/generations", &drawn).await["data"][0]["b64_json"].as_str().unwrap()).unwrap();
    assert!(heavy.len() > 110_000, "{} bytes", heavy.len());
    assert_eq!(sent(&running, &sim, &heavy).await.len, heavy.len() as u64, "below the threshold of 5 MB");
    running.stop();
    let setup = setup.env("IMG_ROUTER_SYSTEM_COMPRESS_THRESHOLD", "0.1").env("IMG_ROUTER_SYSTEM_COMPRESS_TARGET", "0.1");
    let running = setup.start();
    let file = sent(&running, &sim, &heavy).await;
    assert!(file.len <= 100_000 && file.len > 1000, "{file:?}");
    let light = decoded(RED);
    assert_eq!(sent(&running, &sim, &light).await.sha256, sha256(&light), "what is light enough stays as it is");
}

#[tokio::test]
async fn the_gateways_own_links_need_no_way_out() {
    let sim = NEW_API.sim().await;
    // Its address is a private one, as at home: nobody may be sent there.
    let setup = NEW_API.add(Setup::new(), &sim).env("IMG_ROUTER_CHAT_CONTINUE_FROM_LAST_IMAGE", "1");
    let running = setup.start();
    let drawn = post(&running, "/v1/images/generations", &json!({"prompt": "a fox", "response_format": "url"})).await;
    let link = drawn["data"][0]["url"].as_str().unwrap();
    let bytes = client::get(running.port, link.strip_prefix(&format!("http://127.0.0.1:{}", running.port)).unwrap()).await.unwrap().body;
    post(&running, "/v1/images/edits", &json!({"prompt": "at night", "image": link})).await;
    let conversation = json!({"model": "auto", "messages": [
        {"role": "user", "content": "a fox"},
        {"role": "assistant", "content": format!("![image1]({link})")},
        {"role": "user", "content": "at night"},
    ]});
    post(&running, "/v1/chat/completions", &conversation).await;
    let drawings = sim.ledger().drawings();
    assert_eq!(drawings.len(), 3);
    let given = sent(&running, &sim, &bytes).await.sha256;
    for edit in &drawings[1..] {
        assert_eq!(edit.files()[0].sha256, given, "as if its bytes had come with the request");
    }
    // What is not there, and what only looks like a link of the gateway.
    let own = format!("http://127.0.0.1:{}", running.port);
    for (url, code) in [
        (format!("{own}/storage/gone.png"), "image_url_unreachable"),
        (format!("{own}/storage/../api/config"), "url_not_allowed"),
        (format!("{own}/storage/"), "url_not_allowed"),
        (format!("{own}1/storage/x.png"), "url_not_allowed"),
        (format!("{own}/api/config"), "url_not_allowed"),
    ] {
        let answer = client::post(running.port, "/v1/images/edits", &json!({"prompt": "x", "image": url})).await.unwrap();
        assert_eq!((answer.status, answer.json()["error"]["code"].as_str().unwrap()), (400, code), "{url}");
    }
}
