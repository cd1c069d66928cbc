//! A spool that callers fill: a share of it is kept for what is paid for.

use super::{GENERATE, slow_platform};
use crate::client;
use crate::faults::until;
use crate::support::{KEY, SOON, Setup};
use ir_sim::{PictureSpec, make_picture};
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// `limits.inFlightBytes`.
const SPOOL: usize = 8 * 1024 * 1024;
/// What the caller with the picture to change sends of it: below three quarters of the spool.
const FIRST: usize = 6_000_000;
/// What the second one sends: both together fit into the spool, and not into the callers' share.
const SECOND: usize = 2_000_000;
/// What the platform answers in between: fits into what is kept free for it.
const REPLY: usize = 1_500_000;

/// Uploads the beginning of a picture, and stays.
async fn upload(port: u16, picture: &[u8]) -> TcpStream {
    let mut stream = client::dial(port).await.unwrap();
    let head = format!("POST /v1/images/edits HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\n");
    let length = format!("content-type: multipart/form-data; boundary=b\r\ncontent-length: {SPOOL}\r\n\r\n");
    let part = "--b\r\ncontent-disposition: form-data; name=\"image\"; filename=\"a.png\"\r\ncontent-type: image/png\r\n\r\n";
    // Who is refused meanwhile cannot send all of it.
    let _ = stream.write_all(&[head.as_bytes(), length.as_bytes(), part.as_bytes(), picture].concat()).await;
    stream
}

/// Bytes of the files in the spool.
fn spooled(setup: &Setup) -> u64 {
    let files = std::fs::read_dir(setup.data().join("spool")).unwrap();
    files.filter_map(|file| Some(file.ok()?.metadata().ok()?.len())).sum()
}

/// Proves R-DUR-6, R-DOS-4.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_finds_room_in_a_spool_that_callers_fill() {
    let (_sim, setup) = slow_platform(0, 8).await;
    let setup = setup.env("IMG_ROUTER_LIMITS_IN_FLIGHT_BYTES", SPOOL.to_string());
    let running = setup.start();
    let port = running.port;
    let picture = make_picture(PictureSpec::exactly(SPOOL as u64), 0).unwrap();
    let body = json!({"model": "m", "prompt": format!("a full house [sim bytes={REPLY} delay=8000]"), "response_format": "b64_json"});
    let paid = tokio::spawn(async move { client::post(port, GENERATE, &body).await });
    let first = upload(port, &picture[..FIRST]).await;
    // All of it, so that it is the second one that finds no room.
    until("spooled", async || {
        let before = spooled(&setup);
        tokio::time::sleep(Duration::from_secs(1)).await;
        before > FIRST as u64 - 1_000_000 && spooled(&setup) == before
    })
    .await;
    let mut second = upload(port, &picture[..SECOND]).await;
    let mut answer = [0; 12];
    timeout(SOON, second.read_exact(&mut answer)).await.expect("it is refused").unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 50"), "{}", String::from_utf8_lossy(&answer));
    drop(second);
    let paid = paid.await.unwrap().unwrap();
    assert_eq!(paid.status, 200, "{}", String::from_utf8_lossy(&paid.body));
    drop(first);
    until("freed", async || spooled(&setup) == 0).await;
    running.stop();
}
