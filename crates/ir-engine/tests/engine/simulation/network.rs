//! The simulated network under the real way out: names, and connections.

use async_trait::async_trait;
use ir_egress::{AllowEntry, Dial, EgressParts, EgressWire, Link, Resolver, Rules};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::TcpStream;

/// The hosts of the platforms, as they stand in addresses.
pub(super) const PLATFORMS: [&str; 3] = ["one.example", "two.example", "three.example"];

/// The real wire on the simulated network. Its hosts have private addresses, so each is listed; one is
/// not, to see that the rules hold here too.
pub(super) fn wire(unlisted: Option<&str>) -> EgressWire {
    let listed = PLATFORMS.iter().filter(|host| Some(**host) != unlisted);
    let allow_private = listed.map(|host| AllowEntry::new(host, 80).expect("an entry")).collect();
    let rules = Rules { allow_private, ..Rules::default() };
    let parts = EgressParts { resolver: Arc::new(Names), dialer: Arc::new(Network), ..EgressParts::default() };
    EgressWire::with_parts(rules, parts)
}

struct Names;

#[async_trait]
impl Resolver for Names {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec![turmoil::lookup(name)])
    }
}

struct Network;

#[async_trait]
impl Dial for Network {
    async fn dial(&self, address: SocketAddr) -> io::Result<Box<dyn Link>> {
        Ok(Box::new(Connection(TcpStream::connect(address).await?)))
    }
}

#[derive(Debug)]
struct Connection(TcpStream);

impl Link for Connection {
    fn peer(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }

    fn local(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    fn set_nodelay(&self) -> io::Result<()> {
        self.0.set_nodelay(true)
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
