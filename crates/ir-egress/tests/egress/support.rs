//! Servers on loopback, a scripted resolver, and pictures.

use async_trait::async_trait;
use ir_egress::{
    AllowEntry, Door, EgressParts, EgressWire, ExchangeLimits, Purpose, Resolver, Rules, Timing, Wire, WireFault, WireReply, WireRequest,
};
use ir_model::{Limits, ManualClock, SeededDice, Timestamp};
use ir_spool::{Spool, SpoolConfig};
use rustls::RootCertStore;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use url::Url;

/// A listener on loopback that hands every connection, with its number, to a function.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start<F, Served>(serve: F) -> Self
    where
        F: Fn(usize, TcpStream) -> Served + Send + 'static,
        Served: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(count.fetch_add(1, Ordering::SeqCst), stream));
            }
        });
        Self { address, accepted, task }
    }

    /// Answers every request on every connection with the same bytes.
    pub(crate) async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = Arc::new(answer.into());
        Self::start(move |_, mut stream| {
            let answer = Arc::clone(&answer);
            async move {
                while read_request(&mut stream).await.is_some() {
                    if stream.write_all(&answer).await.is_err() {
                        return;
                    }
                }
            }
        })
        .await
    }

    /// Nobody should ever connect to it.
    pub(crate) async fn canary() -> Self {
        Self::answering(ok("text/plain", b"canary")).await
    }

    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One request: its head, and its body by `content-length`.
pub(crate) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let body = bytes.split_off(end);
    let head = String::from_utf8(bytes).ok()?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap_or(0));
    let mut body = body;
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some((head, body))
}

/// A complete answer with status 200.
pub(crate) fn ok(content_type: &str, body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer
}

/// Resolves from a table and counts.
#[derive(Default)]
pub(crate) struct Names {
    table: HashMap<String, Vec<IpAddr>>,
    pub(crate) lookups: AtomicUsize,
}

impl Names {
    pub(crate) fn new(table: &[(&str, &[&str])]) -> Arc<Self> {
        let ips = |list: &[&str]| list.iter().map(|ip| ip.parse().expect("an address")).collect();
        Arc::new(Self { table: table.iter().map(|(name, list)| ((*name).to_owned(), ips(list))).collect(), ..Self::default() })
    }
}

#[async_trait]
impl Resolver for Names {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.lookups.fetch_add(1, Ordering::SeqCst);
        self.table.get(name).cloned().ok_or_else(|| io::Error::other("no such name"))
    }
}

/// Rules that list these origins.
pub(crate) fn listing(origins: &[String]) -> Rules {
    let allow_private = origins.iter().map(|text| AllowEntry::parse(text).expect("host:port")).collect();
    Rules { allow_private, ..Rules::default() }
}

/// A wire that may talk to this server by its address.
pub(crate) fn wire_to(server: &Server) -> EgressWire {
    EgressWire::new(listing(&[server.address.to_string()]))
}

/// A wire with names of its own.
pub(crate) fn wire_with(names: &Arc<Names>, listed: &[String]) -> EgressWire {
    EgressWire::with_parts(
        listing(listed),
        EgressParts { resolver: Arc::clone(names) as Arc<dyn Resolver>, roots: RootCertStore::empty(), ..EgressParts::default() },
    )
}

/// Ample time for everything: what is tested is shortened by the test.
pub(crate) const AMPLE: Timing = Timing {
    connect: Duration::from_secs(20),
    tls: Duration::from_secs(20),
    first_byte: Duration::from_secs(20),
    idle: Duration::from_secs(20),
    total: Duration::from_secs(60),
};

pub(crate) fn get(url: &str, purpose: Purpose, timing: Timing) -> WireRequest {
    WireRequest {
        method: http::Method::GET,
        url: Url::parse(url).expect("an address"),
        headers: http::HeaderMap::new(),
        body: None,
        purpose,
        timing,
        deadline: Instant::now() + Duration::from_secs(120),
    }
}

pub(crate) async fn fetch(wire: &dyn Wire, url: &str, purpose: Purpose) -> Result<WireReply, WireFault> {
    wire.send(get(url, purpose, AMPLE)).await
}

/// The whole body of a reply, at most 64 MiB.
pub(crate) async fn body(reply: &mut WireReply) -> Result<Vec<u8>, WireFault> {
    let mut out = Vec::new();
    while let Some(chunk) = reply.body.chunk().await? {
        out.extend_from_slice(&chunk);
        assert!(out.len() < 64 << 20, "an endless body");
    }
    Ok(out)
}

pub(crate) const MIB: u64 = 1024 * 1024;

pub(crate) fn limits() -> ExchangeLimits {
    ExchangeLimits { timing: AMPLE, deadline: Instant::now() + Duration::from_secs(120), max_json: 64 * MIB, max_picture: 20 * MIB }
}

/// A spool in a directory of its own, and a door over a wire. The clock stands at 2026-11-22 22:53:58.
pub(crate) struct Bench {
    pub(crate) door: Door,
    pub(crate) spool: Spool,
    _directory: tempfile::TempDir,
}

pub(crate) fn bench(wire: Arc<dyn Wire>) -> Bench {
    let directory = tempfile::tempdir().expect("a directory");
    let config =
        SpoolConfig { data_dir: directory.path().to_owned(), limits: Limits::default(), fsync: false, max_in_flight_bytes: 1 << 30 };
    let spool = Spool::open(config, Arc::new(SeededDice::new(1))).expect("a spool");
    let clock = Arc::new(ManualClock::at(Timestamp(1_795_388_038_000)));
    Bench { door: Door::new(wire, spool.clone(), clock), spool, _directory: directory }
}

/// A whole grey PNG with noise in it, so that its size is about `width * height` bytes.
pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    let mut state = 1_u32;
    let mut raw = Vec::new();
    for _ in 0..height {
        raw.push(0);
        raw.extend((0..width).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        }));
    }
    let mut zlib = vec![0x78, 0x01];
    let blocks = raw.chunks(65_535).count();
    for (at, block) in raw.chunks(65_535).enumerate() {
        let length = block.len() as u16;
        zlib.push(u8::from(at + 1 == blocks));
        zlib.extend_from_slice(&length.to_le_bytes());
        zlib.extend_from_slice(&(!length).to_le_bytes());
        zlib.extend_from_slice(block);
    }
    let (a, b) = raw.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    zlib.extend_from_slice(&(b << 16 | a).to_be_bytes());
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = Vec::new();
    header.extend_from_slice(&width.to_be_bytes());
    header.extend_from_slice(&height.to_be_bytes());
    header.extend_from_slice(&[8, 0, 0, 0, 0]);
    for (name, data) in [(b"IHDR", header), (b"IDAT", zlib), (b"IEND", Vec::new())] {
        out.extend_from_slice(&(data.len() as u32).to_be_bytes());
        let start = out.len();
        out.extend_from_slice(name);
        out.extend_from_slice(&data);
        let crc = crc32fast::hash(&out[start..]);
        out.extend_from_slice(&crc.to_be_bytes());
    }
    out
}
