//! A plain client: one connection per request, nothing hidden.

use crate::support::{KEY, SOON};
use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// An answer that came whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

#[expect(clippy::disallowed_methods, reason = "the test is the client")]
pub(crate) async fn dial(port: u16) -> std::io::Result<TcpStream> {
    TcpStream::connect(("127.0.0.1", port)).await
}

/// Asks once. An error unless the answer came to its very end.
pub(crate) async fn ask(port: u16, request: Request<Full<Bytes>>) -> Result<Answer, String> {
    let exchange = async {
        let told = |error: hyper::Error| error.to_string();
        let (mut sender, connection) = handshake(TokioIo::new(dial(port).await.map_err(|error| error.to_string())?)).await.map_err(told)?;
        let connection = tokio::spawn(connection);
        let mut response = sender.send_request(request).await.map_err(told)?;
        let mut body = Vec::new();
        while let Some(frame) = response.body_mut().frame().await {
            body.extend_from_slice(frame.map_err(told)?.data_ref().map_or(&[], |data| data));
        }
        connection.abort();
        Ok(Answer { status: response.status().as_u16(), headers: response.headers().clone(), body })
    };
    tokio::time::timeout(SOON, exchange).await.unwrap_or_else(|_| Err("no answer in time".to_owned()))
}

pub(crate) async fn get(port: u16, path: &str) -> Result<Answer, String> {
    ask(port, Request::get(path).header("host", "localhost").body(Full::default()).unwrap()).await
}

pub(crate) async fn post(port: u16, path: &str, document: &Value) -> Result<Answer, String> {
    post_as(port, path, KEY, document).await
}

/// Posts with another key.
pub(crate) async fn post_as(port: u16, path: &str, key: &str, document: &Value) -> Result<Answer, String> {
    let request = Request::post(path).header("host", "localhost").header("authorization", format!("Bearer {key}"));
    ask(port, request.header("content-type", "application/json").body(Full::from(document.to_string())).unwrap()).await
}

/// What a stream says within its first moments: until it was silent for a while.
pub(crate) async fn first_bytes(port: u16, path: &str, cookie: &str) -> Vec<u8> {
    first_bytes_after(port, path, cookie, "").await
}

/// The same for one who has seen the events up to this id.
pub(crate) async fn first_bytes_after(port: u16, path: &str, cookie: &str, last_event: &str) -> Vec<u8> {
    const SILENCE: std::time::Duration = std::time::Duration::from_secs(2);
    let request = Request::get(path).header("host", "localhost").header("cookie", cookie).header("last-event-id", last_event);
    let request = request.body(Full::<Bytes>::default()).unwrap();
    let (mut sender, connection) = handshake(TokioIo::new(dial(port).await.unwrap())).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut response = sender.send_request(request).await.unwrap();
    let mut body = Vec::new();
    while let Ok(Some(frame)) = tokio::time::timeout(SILENCE, response.body_mut().frame()).await {
        body.extend_from_slice(frame.unwrap().data_ref().map_or(&[], |data| data));
    }
    connection.abort();
    body
}

/// A stream that is read until it ends.
pub(crate) struct Stream {
    _sender: hyper::client::conn::http1::SendRequest<Full<Bytes>>,
    body: hyper::body::Incoming,
}

impl Stream {
    pub(crate) async fn open(port: u16, path: &str, cookie: &str) -> Self {
        let request = Request::get(path).header("host", "localhost").header("cookie", cookie).body(Full::default()).unwrap();
        let (mut sender, connection) = handshake(TokioIo::new(dial(port).await.unwrap())).await.unwrap();
        tokio::spawn(connection);
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        Self { _sender: sender, body: response.into_body() }
    }

    /// Reads it to its end.
    pub(crate) async fn ended(mut self) {
        while let Some(Ok(_)) = self.body.frame().await {}
    }
}
