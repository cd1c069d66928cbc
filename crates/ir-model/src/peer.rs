//! Who is at the other end of a connection.

use crate::Caller;
use std::net::SocketAddr;

/// The address of the one who sent a request, put into its extensions by the listener (behind a
/// trusted proxy: the address that the proxy names).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// In the extensions of a request whose sender reached a trusted proxy over TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverTls;

/// Who asks, where a layer in front has found that out already: in the extensions of a request, it
/// stands for a credential.
#[derive(Clone, Debug)]
pub struct Known(pub Caller);
