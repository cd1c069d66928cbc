//! One caller: a connection, a request, the whole answer, the next request.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::Request;
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use memchr::memmem;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::{LoadAsk, LoadPlan};

type Sent = UnsyncBoxBody<Bytes, std::convert::Infallible>;

/// Divides the parts of a form; holds nothing that a picture's noise could hold but by chance of 2^-200.
const BOUNDARY: &str = "ir-sim-9d1f6b0c5a7e4f3882b1d0c6e5a79f34";
/// Bytes of an upload that are handed on at a time.
const BLOCK: usize = 65_536;
/// Pause after a failed connection, so that a dead server is not hammered.
const PAUSE: Duration = Duration::from_millis(20);
const CONNECTING: Duration = Duration::from_secs(5);

/// What a caller saw.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Microseconds to the last byte, of whole answers.
    pub(super) latencies: Vec<u64>,
    /// Microseconds to the head.
    pub(super) first_bytes: Vec<u64>,
    pub(super) statuses: BTreeMap<u16, u64>,
    /// Kinds of failures below HTTP.
    pub(super) failures: BTreeMap<String, u64>,
    pub(super) bytes: u64,
    pub(super) pictures: u64,
    /// Microseconds to the last byte, of 429 and 503.
    pub(super) refusals: Vec<u64>,
}

impl Tally {
    pub(super) fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.first_bytes.extend(other.first_bytes);
        other.statuses.into_iter().for_each(|(status, count)| *self.statuses.entry(status).or_default() += count);
        other.failures.into_iter().for_each(|(kind, count)| *self.failures.entry(kind).or_default() += count);
        self.bytes += other.bytes;
        self.pictures += other.pictures;
        self.refusals.extend(other.refusals);
    }

    pub(super) fn ended(&self) -> u64 {
        self.statuses.values().chain(self.failures.values()).sum()
    }
}

pub(super) struct Caller {
    plan: Arc<LoadPlan>,
    address: SocketAddr,
    sequence: Arc<AtomicU64>,
    left: Arc<AtomicU64>,
    begun: Instant,
    deadline: Instant,
    tally: Tally,
}

impl Caller {
    pub(super) fn new(
        plan: Arc<LoadPlan>,
        address: SocketAddr,
        sequence: Arc<AtomicU64>,
        left: Arc<AtomicU64>,
        begun: Instant,
        deadline: Instant,
    ) -> Self {
        Self { plan, address, sequence, left, begun, deadline, tally: Tally::default() }
    }

    /// When the next request is due, and whether there is one.
    fn next(&self) -> Option<Instant> {
        let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).ok()?;
        let Some(rate) = self.plan.rate else { return Some(self.begun) };
        Some(self.begun + Duration::from_secs_f64(self.plan.requests.saturating_sub(left) as f64 / rate.max(0.01)))
    }

    /// Asks until nothing is left to ask or the time is over.
    pub(super) async fn work(mut self) -> Tally {
        let mut drivers = JoinSet::new();
        let mut sender = None;
        while let Some(due) = self.next() {
            sleep_until(due.min(self.deadline)).await;
            let Ok(asked) = timeout_at(self.deadline, self.ask(&mut sender, &mut drivers)).await else { break };
            if let Err(kind) = asked {
                *self.tally.failures.entry(kind).or_default() += 1;
                sender = None;
                tokio::time::sleep(PAUSE).await;
            }
        }
        self.tally
    }

    async fn ask(&mut self, sender: &mut Option<SendRequest<Sent>>, drivers: &mut JoinSet<()>) -> Result<(), String> {
        let request = self.request();
        // A server may close a kept connection: the next request takes a new one.
        if let Some(kept) = sender
            && kept.ready().await.is_err()
        {
            *sender = None;
        }
        let start = Instant::now();
        let sender = match sender {
            Some(kept) => kept,
            None => sender.insert(self.connect(drivers).await.map_err(|error| format!("connect: {}", error.kind()))?),
        };
        let mut answer = sender.send_request(request).await.map_err(|error| kind(&error))?;
        let first = start.elapsed();
        let mut pictures = Pictures::default();
        while let Some(frame) = answer.body_mut().frame().await {
            let Ok(data) = frame.map_err(|error| kind(&error))?.into_data() else { continue };
            self.tally.bytes += data.len() as u64;
            if self.plan.count_pictures {
                pictures.look(&data);
            }
        }
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        if matches!(answer.status().as_u16(), 429 | 503) {
            self.tally.refusals.push(micros(start.elapsed()));
        }
        self.tally.latencies.push(micros(start.elapsed()));
        self.tally.first_bytes.push(micros(first));
        self.tally.pictures += pictures.count;
        *self.tally.statuses.entry(answer.status().as_u16()).or_default() += 1;
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "a load generator is a client of its own; its addresses are loopback addresses only")]
    async fn connect(&self, drivers: &mut JoinSet<()>) -> io::Result<SendRequest<Sent>> {
        let stream = timeout(CONNECTING, TcpStream::connect(self.address)).await??;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        while drivers.try_join_next().is_some() {}
        drivers.spawn(async move {
            // Its error is told to the request on it.
            let _ = connection.await;
        });
        Ok(sender)
    }

    fn request(&self) -> Request<Sent> {
        let seq = self.sequence.fetch_add(1, Ordering::Relaxed);
        let plan = &self.plan;
        let path = plan.url.path_and_query().map_or("/", |path| path.as_str());
        let host = plan.url.authority().map_or("", |authority| authority.as_str());
        let mut request = Request::post(path).header("host", host);
        if let Some(key) = &plan.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let request = match &plan.ask {
            LoadAsk::Json(document) => {
                let body = Full::new(Bytes::from(document.replace("{seq}", &seq.to_string())));
                request.header("content-type", "application/json").body(body.boxed_unsync())
            }
            LoadAsk::Upload { fields, file } => {
                let (before, after) = form(fields);
                let length = before.len() + file.len() + after.len();
                let request = request.header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
                request.header("content-length", length).body(upload(before, file.clone(), after))
            }
        };
        request.expect("the path and host come from a parsed address, the key was checked as a header by the command line")
    }
}

/// What stands before and after the file.
fn form(fields: &[(String, String)]) -> (Bytes, Bytes) {
    let mut before = String::new();
    for (name, value) in fields {
        before.push_str(&format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"));
    }
    let head = "content-disposition: form-data; name=\"image\"; filename=\"load.png\"\r\ncontent-type: image/png";
    before.push_str(&format!("--{BOUNDARY}\r\n{head}\r\n\r\n"));
    (before.into(), format!("\r\n--{BOUNDARY}--\r\n").into())
}

fn upload(before: Bytes, file: Bytes, after: Bytes) -> Sent {
    let parts = [before, file, after]
        .into_iter()
        .flat_map(|mut part| std::iter::from_fn(move || (!part.is_empty()).then(|| part.split_to(part.len().min(BLOCK)))));
    StreamBody::new(stream::iter(parts.map(|part| Ok(Frame::data(part))))).boxed_unsync()
}

fn kind(error: &hyper::Error) -> String {
    let kind = if error.is_incomplete_message() {
        "incomplete answer"
    } else if error.is_parse() {
        "no HTTP"
    } else if error.is_canceled() || error.is_closed() {
        "closed"
    } else {
        "broken"
    };
    kind.to_owned()
}

/// Counts `"b64_json":"x` and `"url":"x` in a stream, across the borders of its parts.
#[derive(Debug, Default)]
struct Pictures {
    count: u64,
    tail: Vec<u8>,
}

impl Pictures {
    const NAMES: [&'static [u8]; 2] = [b"\"b64_json\":\"", b"\"url\":\""];
    /// Of the longest name, without its last byte: what may stand before a border.
    const KEPT: usize = 11;

    fn look(&mut self, data: &[u8]) {
        for name in Self::NAMES {
            self.count += memmem::find_iter(data, name).count() as u64;
            // Names that begin before the border and end after it.
            let kept = &self.tail[self.tail.len().saturating_sub(name.len() - 1)..];
            let joined: Vec<u8> = kept.iter().chain(data.iter().take(name.len() - 1)).copied().collect();
            self.count += memmem::find_iter(&joined, name).count() as u64;
        }
        self.tail.extend_from_slice(&data[data.len().saturating_sub(Self::KEPT)..]);
        self.tail.drain(..self.tail.len().saturating_sub(Self::KEPT));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_counted_across_every_border() {
        let text = br#"{"data":[{"b64_json":"AAAA"},{"url":"http://x"},{"b64_json":null}]}"#;
        for step in 1..=text.len() {
            let mut pictures = Pictures::default();
            text.chunks(step).for_each(|part| pictures.look(part));
            assert_eq!(pictures.count, 2, "in steps of {step}");
        }
    }
}
