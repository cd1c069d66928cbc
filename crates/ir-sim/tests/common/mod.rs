//! A plain client: one connection per request, nothing hidden.

use std::io;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) const SOON: Duration = Duration::from_secs(20);

/// An answer as far as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// Why the body ended before its time.
    pub(crate) broken: Option<hyper::Error>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The pictures of `data[].b64_json`.
    pub(crate) fn pictures(&self) -> Vec<Vec<u8>> {
        let document = self.json();
        document["data"].as_array().unwrap().iter().map(|item| STANDARD.decode(item["b64_json"].as_str().unwrap()).unwrap()).collect()
    }
}

#[expect(clippy::disallowed_methods, reason = "the test is the client")]
pub(crate) async fn dial(url: &str) -> TcpStream {
    TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap()
}

/// A kept connection.
pub(crate) async fn connect(url: &str) -> SendRequest<Full<Bytes>> {
    let (sender, connection) = handshake(TokioIo::new(dial(url).await)).await.unwrap();
    tokio::spawn(connection);
    sender
}

pub(crate) async fn exchange(sender: &mut SendRequest<Full<Bytes>>, request: Request<Full<Bytes>>) -> Result<Answer, hyper::Error> {
    let exchange = async {
        let mut response = sender.send_request(request).await?;
        let (mut body, mut broken) = (Vec::new(), None);
        while let Some(frame) = response.body_mut().frame().await {
            match frame {
                Ok(frame) => body.extend_from_slice(frame.data_ref().unwrap()),
                Err(error) => {
                    broken = Some(error);
                    break;
                }
            }
        }
        Ok(Answer { status: response.status().as_u16(), headers: response.headers().clone(), body, broken })
    };
    tokio::time::timeout(SOON, exchange).await.expect("the simulator answers soon")
}

pub(crate) fn post(path: &str, key: &str, document: &Value) -> Request<Full<Bytes>> {
    let request = Request::post(path).header("host", "sim").header("content-type", "application/json");
    request.header("authorization", format!("Bearer {key}")).body(Full::from(document.to_string())).unwrap()
}

pub(crate) async fn ask(url: &str, request: Request<Full<Bytes>>) -> Answer {
    exchange(&mut connect(url).await, request).await.unwrap()
}

/// Draws with this prompt.
pub(crate) async fn draw(url: &str, prompt: &str) -> Answer {
    ask(url, generation(prompt)).await
}

pub(crate) fn generation(prompt: &str) -> Request<Full<Bytes>> {
    post("/v1/images/generations", "sk-test", &json!({"model": "gpt-image-2", "prompt": prompt, "size": "64x64"}))
}

pub(crate) async fn get(url: &str, path: &str) -> Answer {
    ask(url, Request::get(path).header("host", "sim").body(Full::default()).unwrap()).await
}

/// Sends raw bytes and reads until the peer ends the connection; the error if it ended with one.
pub(crate) async fn raw(url: &str, request: &str) -> (Vec<u8>, Option<io::Error>) {
    let mut stream = dial(url).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(SOON, stream.read_to_end(&mut bytes)).await.expect("the simulator ends the connection soon");
    (bytes, read.err())
}
