//! From an address to a connection: resolve once, judge every answer, dial exactly what was judged,
//! and look again at what was reached.

use crate::dial::{Dial, Link, Tcp};
use crate::refusals::Refusals;
use crate::resolve::{MAX_DIALLED, Resolver, SystemResolver, resolve};
use crate::rules::{Purpose, Refusal, Rules};
use crate::url_rules::Destination;
use crate::wire::{Phase, Timing, WireFault, WireFaultKind};
use ir_spool::is_out_of_descriptors;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::Host;

/// An open connection, and the address that was judged for it.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) stream: Stream,
    pub(crate) peer: SocketAddr,
}

/// What names are resolved, addresses dialled, and servers believed by.
pub struct EgressParts {
    /// Names to addresses.
    pub resolver: Arc<dyn Resolver>,
    /// Addresses to connections.
    pub dialer: Arc<dyn Dial>,
    /// Who may sign a server's certificate.
    pub roots: RootCertStore,
}

impl Default for EgressParts {
    /// The system's resolver and sockets, and Mozilla's roots.
    fn default() -> Self {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        Self { resolver: Arc::new(SystemResolver::default()), dialer: Arc::new(Tcp), roots }
    }
}

impl fmt::Debug for EgressParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EgressParts").field("roots", &self.roots.len()).finish_non_exhaustive()
    }
}

/// Opens connections.
pub(crate) struct Connector {
    resolver: Arc<dyn Resolver>,
    dialer: Arc<dyn Dial>,
    tls: TlsConnector,
    refusals: Arc<Refusals>,
}

impl Connector {
    /// A connector. TLS 1.2 and 1.3, HTTP/1.1 only. What it refuses is noted.
    pub(crate) fn new(parts: EgressParts, refusals: Arc<Refusals>) -> Self {
        let EgressParts { resolver, dialer, roots } = parts;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("invariant: ring has cipher suites for TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self { resolver, dialer, tls: TlsConnector::from(Arc::new(config)), refusals }
    }

    /// Opens a connection that the rules allow. Nothing of a request is written.
    pub(crate) async fn connect(
        &self,
        purpose: Purpose,
        to: &Destination,
        rules: &Rules,
        timing: &Timing,
        end: Instant,
    ) -> Result<Connected, WireFault> {
        let mut candidates = match (&to.host, to.literal()) {
            (_, Some(address)) => vec![address],
            (Host::Domain(name), None) => resolve(&*self.resolver, name, to.port, end).await?,
            (Host::Ipv4(_) | Host::Ipv6(_), None) => unreachable!("invariant: an address is a literal"),
        };
        // One bad answer spoils the name: otherwise it would be a matter of luck which one is dialled.
        for address in &candidates {
            rules.judge_address(*address, to).map_err(|refusal| self.blocked(purpose, to, *address, refusal))?;
        }
        candidates.truncate(MAX_DIALLED);
        let stream = dial(&*self.dialer, to, &candidates, end.min(Instant::now() + timing.connect)).await?;
        let peer = self.verify(purpose, to, &candidates, &*stream)?;
        if !to.tls {
            return Ok(Connected { stream: Stream::Plain(stream), peer });
        }
        let tls = self.tls.connect(server_name(to)?, stream);
        match timeout_at(end.min(Instant::now() + timing.tls), tls).await {
            Ok(Ok(stream)) => Ok(Connected { stream: Stream::Tls(Box::new(stream)), peer }),
            Ok(Err(error)) => Err(fault(WireFaultKind::Tls, to, &error)),
            Err(_) => Err(fault(WireFaultKind::Timeout(Phase::Tls), to, &"no TLS handshake in time")),
        }
    }

    fn blocked(&self, purpose: Purpose, to: &Destination, address: SocketAddr, refusal: Refusal) -> WireFault {
        tracing::warn!(host = %to.host, %address, purpose = purpose.name(), class = refusal.class(), "outgoing connection refused: {refusal}");
        self.refusals.note(purpose, &to.host.to_string(), refusal);
        fault(WireFaultKind::Blocked, to, &format_args!("{}: {refusal}", address.ip()))
    }

    /// Defence in depth: what was reached must be what was judged, and not this very socket.
    fn verify(&self, purpose: Purpose, to: &Destination, candidates: &[SocketAddr], stream: &dyn Link) -> Result<SocketAddr, WireFault> {
        let lost = |error: io::Error| fault(WireFaultKind::Connect, to, &error);
        let peer = stream.peer().map_err(lost)?;
        let local = stream.local().map_err(lost)?;
        if !candidates.iter().any(|judged| judged.ip() == peer.ip() && judged.port() == peer.port()) || local == peer {
            return Err(self.blocked(purpose, to, peer, Refusal::OwnAddress));
        }
        // Requests are written whole; waiting for more would only delay them.
        stream.set_nodelay().map_err(lost)?;
        Ok(peer)
    }
}

fn fault(kind: WireFaultKind, to: &Destination, why: &dyn std::fmt::Display) -> WireFault {
    WireFault { kind, sent: false, detail: format!("{}:{}: {why}", to.host, to.port) }
}

/// Tries the addresses one after the other; each gets an equal share of the time that is left.
async fn dial(dialer: &dyn Dial, to: &Destination, candidates: &[SocketAddr], end: Instant) -> Result<Box<dyn Link>, WireFault> {
    let mut last = fault(WireFaultKind::Connect, to, &"no addresses");
    for (tried, address) in candidates.iter().enumerate() {
        let now = Instant::now();
        let left = u32::try_from(candidates.len() - tried).unwrap_or(1);
        let share = end.saturating_duration_since(now) / left;
        last = match timeout_at(now + share, dialer.dial(*address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) if is_out_of_descriptors(&error) => return Err(fault(WireFaultKind::Exhausted, to, &error)),
            Ok(Err(error)) => fault(WireFaultKind::Connect, to, &error),
            Err(_) => fault(WireFaultKind::Timeout(Phase::Connect), to, &"no connection in time"),
        };
    }
    Err(last)
}

fn server_name(to: &Destination) -> Result<ServerName<'static>, WireFault> {
    match &to.host {
        Host::Domain(name) => ServerName::try_from(name.clone()).map_err(|error| fault(WireFaultKind::Tls, to, &error)),
        Host::Ipv4(ip) => Ok(ServerName::from(IpAddr::V4(*ip))),
        Host::Ipv6(ip) => Ok(ServerName::from(IpAddr::V6(*ip))),
    }
}

/// TCP, with or without TLS.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(Box<dyn Link>),
    Tls(Box<TlsStream<Box<dyn Link>>>),
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
