//! The accept loop: how many connections, from whom, for how long; and how they end.

use crate::connection::{Over, Patience, Pulse, Watched};
use crate::descriptors;
use crate::force::{self, Move, Process, address};
use crate::gateway::Gateway;
use crate::layers;
use crate::linger::{Lent, Rest};
use crate::per_ip::Guest;
use crate::proxies::is_trusted;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_LENGTH, EXPECT};
use http_body::{Frame, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use ir_admin::Admin;
use ir_model::Peer;
use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::timeout;
use tower::ServiceExt;

/// Read buffer of one connection. It matters most for the memory of many callers.
const MAX_BUF: usize = 64 * 1024;
const MAX_HEADERS: usize = 100;
/// A peer that takes nothing of its answer for this long is gone.
const BLOCKED: Duration = Duration::from_secs(60);
/// How long the listener goes on accepting after it has said that it is not ready.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(100);
/// Connections that are ended at once where there is no room for others.
const MAKE_ROOM: usize = 16;

/// Why the gateway could not listen.
#[derive(Debug)]
pub struct ServeError {
    /// Where it should have.
    pub address: SocketAddr,
    /// What the system said.
    pub error: io::Error,
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen on {}: {}", self.address, self.error)?;
        if self.error.kind() == io::ErrorKind::AddrInUse {
            f.write_str(" (is another gateway running? set PORT to use another port)")?;
        }
        Ok(())
    }
}

impl std::error::Error for ServeError {}

/// A gateway that listens.
pub struct Server {
    gateway: Arc<Gateway>,
    admin: Arc<Admin>,
    host: Arc<Process>,
    listener: TcpListener,
    moves: mpsc::Receiver<Move>,
    address: SocketAddr,
}

impl Server {
    /// Binds the address that the settings name.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn bind(gateway: Gateway) -> Result<Self, ServeError> {
        let address = address(&gateway.engine.snapshot().settings);
        let failed = |error| ServeError { address, error };
        let listener = listen(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let gateway = Arc::new(gateway);
        gateway.listens_on(vec![address]);
        let (admin, host, moves) = force::assemble(&gateway);
        Ok(Self { gateway, admin, host, listener, moves, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The gateway.
    pub fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// The path of the page that sets the admin's first password, as long as there is no way in.
    pub fn setup_path(&self) -> Option<String> {
        self.admin.setup_path()
    }

    /// Serves until `stop` ends or the database fails; then lets requests under way finish, within the
    /// settings' grace: what was sent is paid for, and its callers are answered from what was spooled.
    pub async fn run(self, stop: impl Future<Output = ()>) -> End {
        let Self { gateway, admin, host, mut listener, mut moves, .. } = self;
        gateway.spawn_watch(host);
        gateway.engine.spawn_upkeep();
        let limits = gateway.engine.snapshot().settings.limits.clone();
        let patience =
            Patience { head: Duration::from_secs(limits.header_secs), idle: Duration::from_secs(limits.keep_alive_secs), blocked: BLOCKED };
        let most_connections = descriptors::affordable(limits.max_connections);
        let acceptor = Acceptor {
            router: layers::app(&gateway, &admin),
            places: Arc::new(Semaphore::new(most_connections)),
            gateway: Arc::clone(&gateway),
            present: Arc::default(),
            patience,
            closing: watch::channel(false).0,
        };
        tokio::pin!(stop);
        let _metrics = crate::metrics::spawn(&gateway, &admin).await;
        let store = Arc::clone(gateway.engine.store());
        let broken = store.broken();
        tokio::pin!(broken);
        let broken = loop {
            tokio::select! {
                () = &mut stop => break None,
                why = &mut broken => {
                    tracing::error!(%why, "the database can be opened anew only by another start: ending");
                    break Some(why);
                }
                accepted = acceptor.accept(&listener) => acceptor.serve(accepted),
                Some((wanted, done)) = moves.recv() => {
                    let outcome = relocate(&mut listener, wanted).await;
                    if let Ok(address) = &outcome {
                        gateway.listens_on(vec![*address]);
                        tracing::info!(%address, "listening at another address");
                    }
                    let _ = done.send(outcome);
                }
            }
        };
        drop(listener);
        tracing::info!("shutting down: no new connections, finishing what is under way");
        let _ = acceptor.closing.send(true);
        let left = gateway.engine.drain(Duration::from_secs(limits.drain_secs)).await;
        // Answers of finished jobs are still being written.
        let _ = tokio::time::timeout(
            Duration::from_secs(10),
            acceptor.places.acquire_many(u32::try_from(most_connections).unwrap_or(u32::MAX)),
        )
        .await;
        gateway.engine.store().close().await;
        End { left, broken }
    }
}

/// How serving ended.
#[derive(Debug)]
pub struct End {
    /// Jobs that were left unfinished.
    pub left: u64,
    /// Why the database could not be written any more, if that ended it.
    pub broken: Option<String>,
}

/// Connections that wait to be accepted. Further ones are tried again by their own systems, seconds later.
const QUEUED: i32 = 1024;

async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address).await?;
    // Once more, for a longer queue than the library's.
    rustix::net::listen(&listener, QUEUED)?;
    Ok(listener)
}

/// Listens at `wanted` instead. A failure leaves the old address. Where both have the same port the
/// system gives out the new one only when the old one is given up: then nobody is let in for a moment.
async fn relocate(listener: &mut TcpListener, wanted: SocketAddr) -> io::Result<SocketAddr> {
    let old = listener.local_addr()?;
    if old.port() == wanted.port() {
        // Any free port of loopback keeps the place.
        *listener = listen((std::net::Ipv4Addr::LOCALHOST, 0).into()).await?;
    }
    match listen(wanted).await {
        Ok(new) => {
            *listener = new;
            listener.local_addr()
        }
        Err(error) => {
            if old.port() == wanted.port() {
                *listener = listen(old).await?;
            }
            Err(error)
        }
    }
}

struct Acceptor {
    router: Router,
    places: Arc<Semaphore>,
    gateway: Arc<Gateway>,
    /// What the open connections are doing.
    present: Arc<Mutex<HashMap<SocketAddr, Arc<Pulse>>>>,
    patience: Patience,
    closing: watch::Sender<bool>,
}

struct Accepted {
    socket: TcpStream,
    peer: SocketAddr,
    _place: OwnedSemaphorePermit,
    _guest: Option<Guest>,
}

impl Acceptor {
    /// The next connection that may be served. Waits for a place before it accepts: further callers
    /// stay in the kernel's queue.
    async fn accept(&self, listener: &TcpListener) -> Accepted {
        loop {
            let place = self.place().await;
            match listener.accept().await {
                Ok((socket, peer)) => {
                    let _ = socket.set_nodelay(true);
                    // All of a proxy's callers come from one address; they are counted by their own.
                    if is_trusted(&self.gateway.engine.snapshot().settings.security.trusted_proxies, peer.ip()) {
                        return Accepted { socket, peer, _place: place, _guest: None };
                    }
                    if let Some(guest) = self.gateway.per_ip.enter(peer.ip()) {
                        return Accepted { socket, peer, _place: place, _guest: Some(guest) };
                    }
                    tracing::debug!(%peer, "too many connections from one address: closed");
                }
                Err(error) => {
                    // Out of file descriptors: pause instead of spinning; connections end and free some.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                }
            }
        }
    }

    /// A place for a connection. Where there is none, slow and idle connections make room, the oldest first.
    async fn place(&self) -> OwnedSemaphorePermit {
        loop {
            let free = timeout(PAUSE_AFTER_ERROR, Arc::clone(&self.places).acquire_owned()).await;
            if let Ok(place) = free {
                return place.expect("invariant: the semaphore is never closed");
            }
            let present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
            let worst = present.iter().filter_map(|(peer, pulse)| Some((pulse.dispensable()?, peer, pulse)));
            let mut worst: Vec<_> = worst.collect();
            worst.sort_unstable_by_key(|(why, ..)| std::cmp::Reverse(*why));
            // Several at once: those who wait are as many.
            for (_, peer, pulse) in worst.into_iter().take(MAKE_ROOM) {
                tracing::debug!(%peer, "a slow or idle connection makes room");
                pulse.end();
            }
        }
    }

    fn serve(&self, accepted: Accepted) {
        let router = self.router.clone();
        let patience = self.patience;
        let mut closing = self.closing.subscribe();
        let present = Arc::clone(&self.present);
        tokio::spawn(async move {
            let Accepted { socket, peer, _place, _guest } = accepted;
            let pulse = Pulse::new();
            present.lock().unwrap_or_else(PoisonError::into_inner).insert(peer, Arc::clone(&pulse));
            let _here = Here { present, peer };
            let beat = Arc::clone(&pulse);
            let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                beat.busy(!http_body::Body::is_end_stream(request.body()));
                let ambiguous = beat.take_ambiguous();
                let beat = Arc::clone(&beat);
                let router = router.clone();
                async move {
                    // Who waits for "100 Continue" has sent nothing yet: there is nothing to throw away.
                    let waits = request.headers().contains_key(EXPECT);
                    let (parts, incoming) = request.into_parts();
                    let (lent, rest) = Lent::new(incoming, &beat);
                    let mut request = Request::from_parts(parts, Body::new(lent));
                    request.extensions_mut().insert(Peer(peer));
                    if let Some(ambiguous) = ambiguous {
                        request.extensions_mut().insert(ambiguous);
                    }
                    let response = router.oneshot(request).await.unwrap_or_else(|never| match never {});
                    let refused = response.status().as_u16() >= 400 && !waits && rest.is_any();
                    let mut response = response.map(|body| Answered { body: Some(body), rest: refused.then_some(rest), beat });
                    if refused {
                        // With a known length the answer would be over, for hyper, at its last byte.
                        response.headers_mut().remove(CONTENT_LENGTH);
                    }
                    Ok::<_, Infallible>(response)
                }
            });
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new())
                .header_read_timeout(patience.idle + patience.head)
                .max_buf_size(MAX_BUF)
                .max_headers(MAX_HEADERS)
                .keep_alive(true);
            let connection = http.serve_connection(Watched::new(socket, Arc::clone(&pulse)), service);
            tokio::pin!(connection);
            let mut polite = false;
            loop {
                tokio::select! {
                    ended = connection.as_mut() => {
                        if let Err(error) = ended {
                            tracing::debug!(%peer, %error, "a connection ended badly");
                        }
                        return;
                    }
                    over = pulse.watch(patience) => match over {
                        Over::Idle if !polite => {
                            polite = true;
                            connection.as_mut().graceful_shutdown();
                        }
                        Over::Idle | Over::Stalled => return,
                    },
                    _ = closing.changed(), if !polite => {
                        polite = true;
                        connection.as_mut().graceful_shutdown();
                    }
                }
            }
        });
    }
}

/// A connection among those that are open.
struct Here {
    present: Arc<Mutex<HashMap<SocketAddr, Arc<Pulse>>>>,
    peer: SocketAddr,
}

impl Drop for Here {
    fn drop(&mut self) {
        self.present.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.peer);
    }
}

/// An answer's body that tells the connection's pulse when it is over. A refusal is not over before
/// what its caller is still sending was thrown away.
struct Answered {
    body: Option<Body>,
    rest: Option<Rest>,
    beat: Arc<Pulse>,
}

impl Drop for Answered {
    fn drop(&mut self) {
        self.beat.idle();
    }
}

impl http_body::Body for Answered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Some(body) = &mut self.body {
            match ready!(Pin::new(body).poll_frame(cx)) {
                Some(frame) => return Poll::Ready(Some(frame)),
                None => self.body = None,
            }
        }
        if let Some(rest) = &mut self.rest {
            ready!(rest.poll_throw(cx));
            self.rest = None;
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_none() && self.body.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let known = self.body.as_ref().filter(|_| self.rest.is_none());
        known.map_or_else(SizeHint::default, http_body::Body::size_hint)
    }
}
