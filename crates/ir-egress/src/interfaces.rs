//! Is this one of the machine's own addresses? The kernel is asked, not a list: an interface may
//! come up at any time.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Whether packets to `ip` stay on this machine because an interface has that address. Connecting a
/// datagram socket sends nothing; it makes the kernel choose a source address, and only towards the
/// machine's own addresses is the source the destination.
pub(crate) fn is_ours(ip: IpAddr) -> bool {
    let any: IpAddr = if ip.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let source = UdpSocket::bind(SocketAddr::new(any, 0)).and_then(|socket| {
        // Port 9 is "discard"; nothing is sent to it.
        socket.connect(SocketAddr::new(ip, 9))?;
        socket.local_addr()
    });
    // No route, or no such address family: then it is not ours, and dialling it will say so.
    source.is_ok_and(|source| source.ip() == ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_own_addresses() {
        assert!(is_ours(Ipv4Addr::LOCALHOST.into()));
        assert!(!is_ours(Ipv4Addr::new(8, 8, 8, 8).into()));
        assert!(!is_ours("2606:4700::1111".parse().unwrap()));
    }
}
