//! Opening a connection to an address that was judged: the kernel's TCP, or a simulated network in
//! its place. What may be dialled, and whether it was reached, is decided by the connector in either
//! case.

use async_trait::async_trait;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A connection as the transport gives it.
pub trait Link: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin + 'static {
    /// The other end.
    ///
    /// # Errors
    /// When the connection is gone.
    fn peer(&self) -> io::Result<SocketAddr>;

    /// This end.
    ///
    /// # Errors
    /// When the connection is gone.
    fn local(&self) -> io::Result<SocketAddr>;

    /// Sends what is written at once instead of waiting for more.
    ///
    /// # Errors
    /// When the connection is gone.
    fn set_nodelay(&self) -> io::Result<()>;
}

/// What opens connections.
#[async_trait]
pub trait Dial: Send + Sync + 'static {
    /// Connects to exactly this address. Dropping the future gives it up.
    ///
    /// # Errors
    /// When nothing answers there.
    async fn dial(&self, address: SocketAddr) -> io::Result<Box<dyn Link>>;
}

/// The kernel's TCP.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tcp;

#[async_trait]
impl Dial for Tcp {
    async fn dial(&self, address: SocketAddr) -> io::Result<Box<dyn Link>> {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that dials, and the connector judged the address")]
        let stream = TcpStream::connect(address).await?;
        Ok(Box::new(stream))
    }
}

impl Link for TcpStream {
    fn peer(&self) -> io::Result<SocketAddr> {
        self.peer_addr()
    }

    fn local(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }

    fn set_nodelay(&self) -> io::Result<()> {
        Self::set_nodelay(self, true)
    }
}
