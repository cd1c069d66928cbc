//! What may be dialled, as data: swapped whole, judged anew for every request.

use crate::interfaces;
use crate::url_rules::Destination;
use ir_model::guard::{AddressClass, classify};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use url::Host;

/// On whose word an address is contacted. Every purpose has its own pool of connections;
/// those that nobody vouches for keep none at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A platform at the address that the operator configured.
    Provider,
    /// An address from a caller, or any other that nobody vouches for.
    UserUrl,
    /// An address at which a platform says that its picture lies. As little trusted as a caller's,
    /// but slower and larger: it was paid for.
    Drawn,
    /// The operator's object storage.
    Storage,
    /// An address that the operator is trying out in the panel.
    Admin,
}

impl Purpose {
    /// All purposes.
    pub const ALL: [Self; 5] = [Self::Provider, Self::UserUrl, Self::Drawn, Self::Storage, Self::Admin];

    /// The name in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::UserUrl => "user_url",
            Self::Drawn => "drawn",
            Self::Storage => "storage",
            Self::Admin => "admin",
        }
    }

    /// Whether the operator wrote the address down.
    pub const fn is_configured(self) -> bool {
        match self {
            Self::Provider | Self::Storage | Self::Admin => true,
            Self::UserUrl | Self::Drawn => false,
        }
    }
}

/// One `host:port` of `security.allowPrivate`: an origin that may be contacted although its address
/// is not public. The host is compared as it stands in an address (a name does not cover the
/// address that it resolves to, nor the other way round), both normalised by the one URL parser.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AllowEntry {
    host: Host<String>,
    port: u16,
}

impl AllowEntry {
    /// An entry. IPv6 addresses may come with or without brackets.
    ///
    /// # Errors
    /// [`Refusal::HostName`] when the host cannot be one, [`Refusal::Port`] for port 0.
    pub fn new(host: &str, port: u16) -> Result<Self, Refusal> {
        if port == 0 {
            return Err(Refusal::Port);
        }
        let host = match host.parse::<std::net::Ipv6Addr>() {
            Ok(ip) => Host::Ipv6(ip),
            Err(_) => Host::parse(host).map_err(|_| Refusal::HostName)?,
        };
        Ok(Self { host, port })
    }

    /// Reads `host:port`.
    ///
    /// # Errors
    /// As [`AllowEntry::new`]; [`Refusal::Port`] when there is no port.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let (host, port) = text.trim().rsplit_once(':').ok_or(Refusal::Port)?;
        Self::new(host, port.parse().map_err(|_| Refusal::Port)?)
    }

    /// Whether it lists this origin.
    pub(crate) fn covers(&self, host: &Host<String>, port: u16) -> bool {
        self.port == port && self.host == *host
    }
}

impl fmt::Display for AllowEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// The slowest that a sender may be: `bytes_per_second` on average, after a grace. Only time spent
/// waiting for the sender counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Bytes per second, at least 1.
    pub bytes_per_second: u64,
    /// What it may idle away once.
    pub grace: Duration,
}

/// The rules for every outgoing connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Origins that may be contacted although their addresses are not public. Metadata services
    /// stay refused.
    pub allow_private: Vec<AllowEntry>,
    /// Where this process listens; refused, so that it never talks to itself.
    pub own_addresses: Vec<SocketAddr>,
    /// Ports that addresses of callers may have without being listed.
    pub user_ports: Vec<u16>,
    /// How fast senders at addresses of callers must be.
    pub user_pace: Pace,
}

impl Default for Rules {
    /// Nothing private, ports 80 and 443, 10 KiB/s (`07-security.md`, R-SSRF-10) after 5 s.
    fn default() -> Self {
        Self {
            allow_private: Vec::new(),
            own_addresses: Vec::new(),
            user_ports: vec![80, 443],
            user_pace: Pace { bytes_per_second: 10 * 1024, grace: Duration::from_secs(5) },
        }
    }
}

impl Rules {
    /// Whether the operator listed this origin.
    pub(crate) fn lists(&self, host: &Host<String>, port: u16) -> bool {
        self.allow_private.iter().any(|entry| entry.covers(host, port))
    }

    /// Judges the very address that is about to be dialled (or was, for a kept connection).
    ///
    /// # Errors
    /// Why it may not be.
    pub(crate) fn judge_address(&self, address: SocketAddr, destination: &Destination) -> Result<(), Refusal> {
        let judged = classify(address.ip());
        match judged.class {
            AddressClass::Metadata => return Err(Refusal::Metadata(judged.range)),
            AddressClass::Special if !destination.listed => return Err(Refusal::Address(judged.range)),
            AddressClass::Special | AddressClass::Public => {}
        }
        if destination.listed {
            return Ok(());
        }
        let own = |ip: IpAddr| self.own_addresses.iter().any(|own| own.ip().to_canonical() == ip && own.port() == address.port());
        if own(address.ip().to_canonical()) || interfaces::is_ours(address.ip()) {
            return Err(Refusal::OwnAddress);
        }
        Ok(())
    }

    /// The pace that a sender must keep.
    pub(crate) fn pace(&self, purpose: Purpose) -> Option<Pace> {
        match purpose {
            Purpose::UserUrl | Purpose::Drawn => Some(self.user_pace),
            // A platform may draw for minutes and send a blank now and then to keep the
            // connection open: only idle time and the total bound it.
            Purpose::Provider | Purpose::Storage | Purpose::Admin => None,
        }
    }
}

/// Why something is not dialled. For the log; callers read one text for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Longer than 2,048 bytes, or empty.
    Length,
    /// Holds a control character, blanks around it, or a backslash: parsers read those differently.
    Characters,
    /// Not an address at all.
    Unreadable,
    /// Neither `http` nor `https`.
    Scheme,
    /// From `https` to `http`.
    Downgrade,
    /// Holds a user name or a password.
    UserInfo,
    /// A port that is not allowed.
    Port,
    /// A host name with an empty label, a trailing dot, or (from callers) a single label.
    HostName,
    /// A name that is only known inside of networks.
    ReservedName,
    /// A range that is not public.
    Address(&'static str),
    /// A metadata service.
    Metadata(&'static str),
    /// This process itself, or its machine.
    OwnAddress,
}

impl Refusal {
    /// All classes.
    pub const CLASSES: [&'static str; 8] = ["form", "scheme", "userinfo", "port", "name", "address", "metadata", "self"];

    /// A coarse class for the log and for counting.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Length | Self::Characters | Self::Unreadable => "form",
            Self::Scheme | Self::Downgrade => "scheme",
            Self::UserInfo => "userinfo",
            Self::Port => "port",
            Self::HostName | Self::ReservedName => "name",
            Self::Address(_) => "address",
            Self::Metadata(_) => "metadata",
            Self::OwnAddress => "self",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => f.write_str("the address is empty or too long"),
            Self::Characters => f.write_str("the address holds characters that parsers read differently"),
            Self::Unreadable => f.write_str("the address cannot be read"),
            Self::Scheme => f.write_str("the scheme is neither http nor https"),
            Self::Downgrade => f.write_str("a redirect from https to http"),
            Self::UserInfo => f.write_str("the address holds a user name or a password"),
            Self::Port => f.write_str("the port is not allowed"),
            Self::HostName => f.write_str("the host name is malformed or has a single label"),
            Self::ReservedName => f.write_str("the host name is only known inside of networks"),
            Self::Address(range) => write!(f, "the address is not public: {range}"),
            Self::Metadata(name) => write!(f, "a metadata service: {name}"),
            Self::OwnAddress => f.write_str("the address is this machine's own"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url_rules::judge_url;

    fn judge(rules: &Rules, url: &str, address: &str) -> Result<(), Refusal> {
        let to = judge_url(&url::Url::parse(url).unwrap(), Purpose::Provider, rules)?;
        rules.judge_address(address.parse().unwrap(), &to)
    }

    /// Self-connection, even over a public address; listed, the operator means it.
    #[test]
    fn own_addresses_are_refused_unless_listed() {
        let own_addresses = vec!["93.184.216.34:3000".parse().unwrap(), "[2606:4700::1111]:3000".parse().unwrap()];
        let mut rules = Rules { own_addresses, ..Rules::default() };
        assert_eq!(judge(&rules, "http://we.example:3000/", "93.184.216.34:3000"), Err(Refusal::OwnAddress));
        assert_eq!(judge(&rules, "http://we.example:3000/", "[2606:4700::1111]:3000"), Err(Refusal::OwnAddress));
        assert_eq!(judge(&rules, "http://we.example:3001/", "93.184.216.34:3001"), Ok(()));
        rules.allow_private.push(AllowEntry::parse("we.example:3000").unwrap());
        assert_eq!(judge(&rules, "http://we.example:3000/", "93.184.216.34:3000"), Ok(()));
    }

    #[test]
    fn metadata_is_refused_whatever_is_listed() {
        let rules = Rules { allow_private: vec![AllowEntry::parse("we.example:80").unwrap()], ..Rules::default() };
        for address in ["169.254.169.254:80", "168.63.129.16:80", "[fd00:ec2::254]:80", "[::ffff:100.100.100.200]:80"] {
            assert!(matches!(judge(&rules, "http://we.example/", address), Err(Refusal::Metadata(_))), "{address}");
        }
        assert_eq!(judge(&rules, "http://we.example/", "10.0.0.1:80"), Ok(()));
    }
}
