//! Hosts with ports, networks of addresses, and which hosts are not on the public internet.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use url::{Host, Url};

/// A host and a port, as `security.allowPrivate` lists them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// A lower-case name (punycode) or an address, without brackets.
    pub host: String,
    /// The port, not 0.
    pub port: u16,
}

impl HostPort {
    /// Reads `host:port` or `[::1]:80`. None for anything else: no scheme, path or wildcard.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let plain = !port.is_empty() && port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit());
        let port = port.parse().ok().filter(|port| plain && *port != 0)?;
        // `Host::parse` takes what a URL's host may be, and writes addresses in one way only.
        let host = match Host::parse(host).ok()? {
            Host::Domain(name) if !name.is_empty() && !name.contains('*') => name,
            Host::Domain(_) => return None,
            Host::Ipv4(v4) => v4.to_string(),
            Host::Ipv6(v6) => v6.to_string(),
        };
        Some(Self { host, port })
    }

    /// Where a URL leads. None for one that names no host, or whose scheme has no port of its own.
    pub fn of(url: &Url) -> Option<Self> {
        let host = match url.host()? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(v4) => v4.to_string(),
            Host::Ipv6(v6) => v6.to_string(),
        };
        Some(Self { host, port: url.port_or_known_default()? })
    }

    /// Whether the host is an address or name that never is on the public internet. Names are not
    /// resolved: the way out judges the addresses that it dials.
    pub(crate) fn is_private(&self) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(IpAddr::V4(v4)) => private_v4(v4),
            Ok(IpAddr::V6(v6)) => private_v6(v6),
            Err(_) => self.host == "localhost" || self.host.ends_with(".localhost"),
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') { write!(f, "[{}]:{}", self.host, self.port) } else { write!(f, "{}:{}", self.host, self.port) }
    }
}

fn private_v4(v4: Ipv4Addr) -> bool {
    let [a, b, ..] = v4.octets();
    // 0/8 and 100.64/10 (carrier-grade translation) have no stable test in the standard library.
    v4.is_loopback()
        || v4.is_private()
        || v4.is_link_local()
        || v4.is_broadcast()
        || v4.is_multicast()
        || a == 0
        || (a == 100 && (64..128).contains(&b))
}

fn private_v6(v6: Ipv6Addr) -> bool {
    let mapped = v6.to_ipv4_mapped().is_some_and(private_v4);
    mapped || v6.is_loopback() || v6.is_unspecified() || v6.is_multicast() || v6.is_unique_local() || v6.is_unicast_link_local()
}

/// A network of addresses: `10.0.0.0/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpNet {
    address: IpAddr,
    prefix: u8,
}

impl IpNet {
    /// Reads an address with or without a prefix length.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => most,
            Some(digits) => digits.parse().ok().filter(|prefix| *prefix <= most && !digits.starts_with('+'))?,
        };
        Some(Self { address, prefix })
    }

    /// Whether `peer` is in it. An IPv4 address mapped into IPv6 counts as the IPv4 address.
    pub fn contains(&self, peer: IpAddr) -> bool {
        match (self.address, peer.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(peer)) => {
                let shift = 32 - u32::from(self.prefix);
                u32::from(net).checked_shr(shift) == u32::from(peer).checked_shr(shift)
            }
            (IpAddr::V6(net), IpAddr::V6(peer)) => {
                let shift = 128 - u32::from(self.prefix);
                u128::from(net).checked_shr(shift) == u128::from(peer).checked_shr(shift)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl fmt::Display for IpNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_ports() {
        for (text, shown) in [
            ("Example.com:80", "example.com:80"),
            ("[::1]:8080", "[::1]:8080"),
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("bücher.example:443", "xn--bcher-kva.example:443"),
        ] {
            assert_eq!(HostPort::parse(text).map(|h| h.to_string()).as_deref(), Some(shown), "{text}");
        }
        for bad in ["", ":80", "a", "a:", "a:0", "a:65536", "a:+1", "::1:80", "http://a:80", "a/b:80", "*.a:80", "a b:80", "[::1]"] {
            assert_eq!(HostPort::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn private_hosts() {
        for (text, private) in [
            ("http://127.0.0.1:3000", true),
            ("http://2130706433", true),
            ("http://[::ffff:10.0.0.1]", true),
            ("http://169.254.169.254", true),
            ("http://api.localhost", true),
            ("http://100.64.0.1", true),
            ("http://[fd00::1]", true),
            ("https://api.example.com", false),
            ("https://8.8.8.8", false),
            ("https://[2606:4700::1]", false),
        ] {
            assert_eq!(HostPort::of(&Url::parse(text).unwrap()).unwrap().is_private(), private, "{text}");
        }
    }

    #[test]
    fn networks() {
        let net = IpNet::parse("10.1.0.0/16").unwrap();
        assert!(net.contains("10.1.2.3".parse().unwrap()) && net.contains("::ffff:10.1.2.3".parse().unwrap()));
        assert!(!net.contains("10.2.0.0".parse().unwrap()) && !net.contains("::1".parse().unwrap()));
        assert!(IpNet::parse("0.0.0.0/0").unwrap().contains("9.9.9.9".parse().unwrap()));
        assert!(IpNet::parse("::1").unwrap().contains("::1".parse().unwrap()));
        for bad in ["10.0.0.0/33", "10.0.0/8", "a", "10.0.0.0/+8", "::/129", "10.0.0.0/"] {
            assert_eq!(IpNet::parse(bad), None, "{bad}");
        }
    }
}
