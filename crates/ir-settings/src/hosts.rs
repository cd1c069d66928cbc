//! Hosts with ports, networks of addresses, and which hosts are not on the public internet.

use crate::value::url as plain_url;
use ir_model::guard::{AddressClass, classify};
use std::fmt;
use std::net::IpAddr;
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

    /// What kind of place the host is, as far as it tells by itself: names are not resolved, the way
    /// out judges the addresses that it dials.
    pub(crate) fn class(&self) -> AddressClass {
        match self.host.parse::<IpAddr>() {
            Ok(ip) => classify(ip).class,
            Err(_) if self.host == "localhost" || self.host.ends_with(".localhost") => AddressClass::Special,
            Err(_) => AddressClass::Public,
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') { write!(f, "[{}]:{}", self.host, self.port) } else { write!(f, "{}:{}", self.host, self.port) }
    }
}

/// Judges where an address that an operator gave leads, as far as it tells by itself.
pub(crate) fn judge_place(url: &Url, allowed: &[HostPort]) -> Result<(), String> {
    let place = HostPort::of(url).ok_or("names no host")?;
    match place.class() {
        AddressClass::Metadata => Err(format!("leads to {place}, which hands out credentials: it is never dialled")),
        AddressClass::Special if !allowed.contains(&place) => {
            Err(format!("leads to a private address: list {place} in security.allowPrivate if that is meant"))
        }
        AddressClass::Special | AddressClass::Public => Ok(()),
    }
}

/// Judges a base address that does not stand among the settings, as if it did.
///
/// # Errors
/// What is wrong with it, to be put after its name.
pub fn judge_base(text: &str, allowed: &[HostPort]) -> Result<(), String> {
    let url = plain_url(text).ok_or("must be an http or https address without a user name and a fragment")?;
    judge_place(&url, allowed)
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
    fn classes_of_hosts() {
        use AddressClass::{Metadata, Public, Special};
        for (text, class) in [
            ("http://127.0.0.1:3000", Special),
            ("http://2130706433", Special),
            ("http://[::ffff:10.0.0.1]", Special),
            ("http://[64:ff9b::8.8.8.8]", Special),
            ("http://198.18.0.1", Special),
            ("http://169.254.169.254", Metadata),
            ("http://168.63.129.16", Metadata),
            ("http://[::ffff:169.254.169.254]", Metadata),
            ("http://api.localhost", Special),
            ("http://100.64.0.1", Special),
            ("http://[fd00::1]", Special),
            ("https://api.example.com", Public),
            ("https://8.8.8.8", Public),
            ("https://[2606:4700::1]", Public),
        ] {
            assert_eq!(HostPort::of(&Url::parse(text).unwrap()).unwrap().class(), class, "{text}");
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
