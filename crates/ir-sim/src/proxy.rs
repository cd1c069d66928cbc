//! A TCP proxy that breaks connections on purpose: what a simulated platform cannot do by itself,
//! because it happens below HTTP.
//!
//! ```no_run
//! # async fn example(sim: ir_sim::Sim) -> std::io::Result<()> {
//! use ir_sim::proxy::{End, Faults, Proxy};
//! let proxy = Proxy::start(sim.url()).await?;
//! // Connections from now on: the answer is cut by a reset after 100 bytes.
//! proxy.set(Faults { answer_end: Some((100, End::Reset)), ..Faults::default() });
//! # Ok(()) }
//! ```
//!
//! [`Proxy::refuse`] ends the listening, so that connections are refused by the system itself;
//! [`Proxy::accept`] takes it up again at the same port.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

/// Bytes read at a time.
const BLOCK: usize = 16 * 1024;
/// Most connections that are remembered.
const MAX_SEEN: usize = 10_000;

/// What is wrong with a connection. The default: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Silence before the first byte of the answer.
    pub latency: Duration,
    /// The answer comes in portions of so many bytes, with this pause after each.
    pub drip: Option<(usize, Duration)>,
    /// The end of the connection after so many bytes of the answer.
    pub answer_end: Option<(u64, End)>,
    /// The end of the connection after so many bytes of the request went on to the server.
    pub request_end: Option<(u64, End)>,
    /// The byte of the answer at this place is another one.
    pub corrupt: Option<u64>,
    /// What the caller sends is read and goes nowhere; nothing comes back.
    pub blackhole: bool,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// FIN in both directions.
    Close,
    /// RST.
    Reset,
    /// FIN towards the caller, who is read from on.
    Half,
    /// Nothing comes any more, and nothing ends.
    Silence,
}

/// A connection that came, as far as it got.
#[derive(Debug, Default)]
pub struct Seen {
    asked: AtomicU64,
    answered: AtomicU64,
    over: AtomicBool,
}

impl Seen {
    /// Bytes that came from the caller.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    /// Bytes that were passed to the caller.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Whether the connection has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }
}

/// See the module's text. It stops, and closes its connections, when dropped.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    address: SocketAddr,
    acceptor: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    server: SocketAddr,
    faults: Mutex<Faults>,
    /// For the next connections, one each, before `faults` holds.
    next: Mutex<Vec<Faults>>,
    seen: Mutex<Vec<Arc<Seen>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Proxy {
    /// A proxy on a port of its own before a server at `http://HOST:PORT` of this machine.
    ///
    /// # Errors
    /// When the address is none, or no port can be had.
    pub async fn start(server: &str) -> io::Result<Self> {
        let host = server.strip_prefix("http://").unwrap_or(server).trim_end_matches('/');
        let server = host.parse().map_err(|_| io::Error::other(format!("{host} is no address")))?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { server, faults: Mutex::default(), next: Mutex::default(), seen: Mutex::default() });
        let acceptor = Mutex::new(Some(tokio::spawn(accept(listener, Arc::clone(&shared)))));
        Ok(Self { shared, address, acceptor })
    }

    /// `http://127.0.0.1:PORT`
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `127.0.0.1:PORT`
    #[must_use]
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// What is wrong with connections from now on.
    pub fn set(&self, faults: Faults) {
        *lock(&self.shared.faults) = faults;
    }

    /// What is wrong with the next connections, one each.
    pub fn next(&self, faults: impl IntoIterator<Item = Faults>) {
        *lock(&self.shared.next) = faults.into_iter().collect();
    }

    /// The connections so far, in order.
    #[must_use]
    pub fn seen(&self) -> Vec<Arc<Seen>> {
        lock(&self.shared.seen).clone()
    }

    /// Connections that have not ended.
    #[must_use]
    pub fn open(&self) -> usize {
        lock(&self.shared.seen).iter().filter(|seen| !seen.is_over()).count()
    }

    /// Ends the listening and every connection: the system refuses new ones. Returns when it does.
    pub async fn refuse(&self) {
        let acceptor = lock(&self.acceptor).take();
        if let Some(acceptor) = acceptor {
            acceptor.abort();
            // Its result is that it was aborted.
            let _ = acceptor.await;
        }
    }

    /// Listens again after [`Proxy::refuse`].
    ///
    /// # Errors
    /// When somebody else has the port by now.
    pub async fn accept(&self) -> io::Result<()> {
        let listener = TcpListener::bind(self.address).await?;
        *lock(&self.acceptor) = Some(tokio::spawn(accept(listener, Arc::clone(&self.shared))));
        Ok(())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(acceptor) = lock(&self.acceptor).take() {
            acceptor.abort();
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // The tasks of the connections end with this one.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((caller, _)) = accepted else { continue };
                let mut next = lock(&shared.next);
                let faults = if next.is_empty() { *lock(&shared.faults) } else { next.remove(0) };
                drop(next);
                let seen = Arc::new(Seen::default());
                let mut all = lock(&shared.seen);
                if all.len() < MAX_SEEN {
                    all.push(Arc::clone(&seen));
                }
                drop(all);
                let over = Over(Arc::clone(&seen));
                let server = shared.server;
                connections.spawn(async move {
                    let _over = over;
                    // An error is an end, which is what this is for.
                    let _ = connection(caller, server, faults, &seen).await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

struct Over(Arc<Seen>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Release);
    }
}

#[expect(clippy::disallowed_methods, reason = "a proxy for tests dials the server that it stands before")]
async fn connection(mut caller: TcpStream, server: SocketAddr, faults: Faults, seen: &Arc<Seen>) -> io::Result<()> {
    if faults.blackhole {
        return drain(&mut caller, &seen.asked).await;
    }
    let mut server = TcpStream::connect(server).await?;
    caller.set_nodelay(true)?;
    server.set_nodelay(true)?;
    if matches!((faults.answer_end, faults.request_end), (Some((_, End::Reset)), _) | (_, Some((_, End::Reset)))) {
        // With a linger of zero, closing sends RST instead of FIN.
        caller.set_zero_linger()?;
    }
    let (from_caller, to_caller) = caller.split();
    let (from_server, to_server) = server.split();
    let ended = Arc::new(Notify::new());
    let request = Way { faults: Faults::default(), end: faults.request_end, passed: &seen.asked, ended: &ended };
    let answer = Way { faults, end: faults.answer_end, passed: &seen.answered, ended: &ended };
    tokio::select! {
        () = async { tokio::join!(request.pump(from_caller, to_server), answer.pump(from_server, to_caller)); } => {}
        () = ended.notified() => {}
    }
    Ok(())
}

/// Reads to the end.
async fn drain(caller: &mut TcpStream, count: &AtomicU64) -> io::Result<()> {
    let mut block = vec![0; BLOCK];
    loop {
        match caller.read(&mut block).await? {
            0 => return Ok(()),
            read => count.fetch_add(read as u64, Ordering::Relaxed),
        };
    }
}

/// One direction.
struct Way<'a> {
    faults: Faults,
    end: Option<(u64, End)>,
    passed: &'a AtomicU64,
    /// Rung when the whole connection is to end.
    ended: &'a Notify,
}

impl Way<'_> {
    async fn pump(&self, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) {
        let mut block = vec![0; BLOCK];
        loop {
            // A side that failed is over.
            let read = from.read(&mut block).await.unwrap_or(0);
            if read == 0 {
                // The other direction may go on.
                let _ = to.shutdown().await;
                return;
            }
            if self.passed.load(Ordering::Relaxed) == 0 && !self.faults.latency.is_zero() {
                tokio::time::sleep(self.faults.latency).await;
            }
            if !self.pass(&mut block[..read], &mut to).await {
                self.ended.notify_one();
                return;
            }
            if let Some((_, end)) = self.end.filter(|(after, _)| self.passed.load(Ordering::Relaxed) >= *after) {
                match end {
                    End::Close | End::Reset => self.ended.notify_one(),
                    End::Half => {
                        let _ = to.shutdown().await;
                    }
                    End::Silence => {
                        // Reads on so that the other side is not held up. No half is shut down: the
                        // connection is over when its caller ends it.
                        while from.read(&mut block).await.is_ok_and(|read| read > 0) {}
                    }
                }
                return;
            }
        }
    }

    /// Passes a block on, as far as the end allows. False: the other side is gone.
    async fn pass(&self, block: &mut [u8], to: &mut WriteHalf<'_>) -> bool {
        let before = self.passed.load(Ordering::Relaxed);
        let room = self.end.map_or(u64::MAX, |(after, _)| after.saturating_sub(before));
        let length = block.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        let block = &mut block[..length];
        if let Some(at) = self.faults.corrupt.and_then(|at| usize::try_from(at.checked_sub(before)?).ok())
            && let Some(byte) = block.get_mut(at)
        {
            *byte ^= 0x20;
        }
        let (portion, pause) = self.faults.drip.unwrap_or((BLOCK, Duration::ZERO));
        for part in block.chunks(portion.max(1)) {
            if to.write_all(part).await.is_err() {
                return false;
            }
            self.passed.fetch_add(part.len() as u64, Ordering::Relaxed);
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
        true
    }
}
