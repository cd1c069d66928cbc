//! Who is at the other end of a connection.

use std::net::SocketAddr;

/// The address of the one who sent a request, put into its extensions by the listener (behind a
/// trusted proxy: the address that the proxy names).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);
