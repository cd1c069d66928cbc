//! One request on a connection of its own.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// Longer than any fault that the soak plays.
const PATIENCE: Duration = Duration::from_secs(120);
/// Largest answer that is read.
const MOST: usize = 64 << 20;

/// An answer that came whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// OpenAI's code of a refusal; empty without one.
    pub(super) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// Asks once. An error unless the answer came to its very end.
pub(super) async fn ask(port: u16, request: Request<Full<Bytes>>) -> io::Result<Answer> {
    tokio::time::timeout(PATIENCE, exchange(port, request)).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

#[expect(clippy::disallowed_methods, reason = "the soak is a client of its own; its address is a loopback address")]
async fn exchange(port: u16, request: Request<Full<Bytes>>) -> io::Result<Answer> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    // Its error is told to the request on it.
    let driver = tokio::spawn(connection);
    let answer = async {
        let mut response = sender.send_request(request).await.map_err(io::Error::other)?;
        let mut body = Vec::new();
        while let Some(frame) = response.body_mut().frame().await {
            if let Ok(data) = frame.map_err(io::Error::other)?.into_data() {
                body.extend_from_slice(&data);
            }
            if body.len() > MOST {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
        }
        Ok(Answer { status: response.status().as_u16(), body })
    }
    .await;
    driver.abort();
    answer
}
