//! A client that sends bytes as they are, and reads whatever comes back.

use crate::client::dial;
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// How long a connection may stay open behind an answer before it counts as kept.
pub(super) const GRACE: Duration = Duration::from_millis(500);

/// What came back for one request.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// Whether the connection was closed afterwards.
    pub(super) closed: bool,
    pub(super) is_head: bool,
}

impl Reply {
    pub(super) fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The beginning of its body.
    pub(super) fn text(&self, most: usize) -> String {
        String::from_utf8_lossy(&self.body).chars().take(most).collect()
    }
}

/// Sends a request and reads the answer to its end; status 0: there was none.
pub(super) async fn exchange(port: u16, request: &[u8], hangs_up: bool, limit: Duration) -> Result<Reply, String> {
    let mut replies = conversation(port, request, hangs_up, GRACE, limit).await?;
    if replies.len() > 1 {
        return Err(format!("{} answers to one request", replies.len()));
    }
    Ok(replies.pop().unwrap_or(Reply { status: 0, headers: Vec::new(), body: Vec::new(), closed: true, is_head: false }))
}

/// Sends bytes and reads all answers, until the connection is closed or nothing more comes for `grace`.
pub(super) async fn conversation(
    port: u16,
    request: &[u8],
    hangs_up: bool,
    grace: Duration,
    limit: Duration,
) -> Result<Vec<Reply>, String> {
    let (mut from, mut to) = dial(port).await.map_err(|error| error.to_string())?.into_split();
    let is_head = request.starts_with(b"HEAD ");
    let mut bytes = Vec::new();
    let talk = async {
        // A refusal comes before all is sent; a reset says that no more is taken.
        let send = async {
            let _ = to.write_all(request).await;
            if hangs_up {
                let _ = to.shutdown().await;
            }
        };
        let read = async {
            let mut block = vec![0; 64 * 1024];
            loop {
                let done = replies(&bytes, is_head, false).is_some_and(|replies| !replies.is_empty());
                let next = if done { timeout(grace, from.read(&mut block)).await } else { Ok(from.read(&mut block).await) };
                match next {
                    Ok(Ok(0) | Err(_)) => return true,
                    Ok(Ok(count)) => bytes.extend_from_slice(&block[..count]),
                    Err(_) => return false,
                }
            }
        };
        tokio::join!(read, send).0
    };
    let Ok(closed) = timeout(limit, talk).await else {
        return Err(format!("no whole answer in time: {:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(300)])));
    };
    let mut found = replies(&bytes, is_head, closed)
        .ok_or_else(|| format!("broken off: {:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(300)])))?;
    if let Some(last) = found.last_mut() {
        last.closed = closed;
    }
    Ok(found)
}

/// The answers that these bytes are; `None`: the last one is not whole.
fn replies(mut bytes: &[u8], is_head: bool, closed: bool) -> Option<Vec<Reply>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers: Vec<(String, String)> =
            lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
        bytes = &bytes[end..];
        let find = |wanted: &str| headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.as_str());
        let none = is_head || status == 204 || status == 304 || status < 200;
        let body = match (find("content-length"), find("transfer-encoding")) {
            _ if none => Vec::new(),
            (Some(length), _) => {
                let length: usize = length.parse().ok()?;
                let body = bytes.get(..length)?.to_vec();
                bytes = &bytes[length..];
                body
            }
            (None, Some(_)) => chunked(&mut bytes)?,
            (None, None) if closed => std::mem::take(&mut bytes).to_vec(),
            (None, None) => return None,
        };
        all.push(Reply { status, headers, body, closed: false, is_head });
    }
    Some(all)
}

fn chunked(bytes: &mut &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|two| two == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).ok()?.split(';').next()?.trim(), 16).ok()?;
        *bytes = &bytes[end + 2..];
        body.extend_from_slice(bytes.get(..size)?);
        *bytes = bytes.get(size + 2..)?;
        if size == 0 {
            return Some(body);
        }
    }
}
