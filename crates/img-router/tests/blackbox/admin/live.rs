//! What those see who watch (R-DOS-7, R-SSE-1).

use super::{Operator, fresh, text};
use crate::client::{dial, first_bytes};
use http::Request;
use http_body_util::Full;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use serde_json::json;

/// Names of the events of a stream, and the last id.
fn events(stream: &[u8]) -> (Vec<String>, String) {
    let text = String::from_utf8_lossy(stream).into_owned();
    let field = |name: &str| text.lines().filter_map(|line| line.strip_prefix(name).map(str::to_owned)).collect::<Vec<_>>();
    (field("event: "), field("id: ").pop().unwrap_or_default())
}

async fn draw(operator: &Operator, prompt: &str) {
    operator.change("/api/playground/v1/images/generations", json!({"prompt": prompt, "size": "256x256"})).await;
}

/// Proves R-DOS-7.
#[tokio::test]
async fn watchers_go_on_where_they_were() {
    let setup = fresh().env("IMG_ROUTER_DEMO", "1");
    let running = setup.start();
    let operator = Operator::first(&running).await;
    let (names, seen) = events(&first_bytes(running.port, "/api/events", &operator.cookie).await);
    assert_eq!(names, ["hello"]);
    draw(&operator, "a red boat").await;
    draw(&operator, "a blue boat").await;
    let (names, last) = events(&resumed_bytes(&operator, &seen).await);
    assert_eq!(names, ["hello", "picture", "request", "picture", "request"], "nothing is missed, nothing comes twice");
    let (names, _) = events(&resumed_bytes(&operator, &last).await);
    assert_eq!(names, ["hello"], "all was seen");
    let (names, _) = events(&resumed_bytes(&operator, "12345-1").await);
    assert_eq!(names, ["hello"], "the number of another run means nothing");
}

async fn resumed_bytes(operator: &Operator, last: &str) -> Vec<u8> {
    crate::client::first_bytes_after(operator.port, "/api/events", &operator.cookie, last).await
}

/// Proves R-DOS-7, B-100.
#[tokio::test]
async fn only_so_many_watch_at_once_and_a_place_comes_free() {
    let setup = fresh();
    let running = setup.start();
    let operator = Operator::first(&running).await;
    let mut held = Vec::new();
    for _ in 0..16 {
        let (mut sender, connection) = handshake(TokioIo::new(dial(running.port).await.unwrap())).await.unwrap();
        let connection = tokio::spawn(connection);
        let request = Request::get("/api/logs/stream").header("host", "localhost").header("cookie", &operator.cookie);
        let response = sender.send_request(request.body(Full::<bytes::Bytes>::default()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
        held.push((sender, connection, response));
    }
    let refused = operator.get("/api/events").await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "10"), "{}", text(&refused));
    let (_, connection, _) = held.pop().unwrap();
    connection.abort();
    // The gateway notices when it next writes: the log has a line for every request.
    for _ in 0..500 {
        let (names, _) = events(&first_bytes(running.port, "/api/events", &operator.cookie).await);
        if names == ["hello"] {
            return;
        }
    }
    panic!("the place never came free");
}
