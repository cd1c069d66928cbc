//! Rules on addresses as they are written. Text is parsed once, by the WHATWG parser; decisions are
//! made on what it says, and that same value is handed on. `http::Uri` reads some of these texts as
//! a different host and never sees them.

use crate::rules::{Purpose, Refusal, Rules};
use ir_model::guard::{AddressClass, classify};
use std::net::{IpAddr, SocketAddr};
use url::{Host, Url};

/// Longest address taken from callers, replies and redirects, in bytes.
const MAX_URL: usize = 2048;
/// Longest parsed address under [`Purpose::UserUrl`]: percent encoding triples a byte.
const MAX_PARSED: usize = 3 * MAX_URL;
/// Longest address of a call: some platforms take the prompt in it.
const MAX_CALL_URL: usize = 32 * 1024;

/// Names under these are only known inside of networks, hosts or clusters.
const RESERVED: &[&str] = &["localhost", "local", "internal", "home.arpa", "lan", "corp", "onion", "svc", "cluster.local"];

/// Ports above 1023 that belong to other protocols (Fetch Standard, "bad port"; databases and caches).
const FOREIGN_PORTS: &[u16] = &[
    1719, 1720, 1723, 2049, 3306, 3659, 4045, 4190, 5060, 5061, 5432, 6000, 6379, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
    11211, 27017,
];

/// Where an address leads, after its text was judged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Destination {
    /// The host.
    pub(crate) host: Host<String>,
    /// The port, never 0.
    pub(crate) port: u16,
    /// Over TLS.
    pub(crate) tls: bool,
    /// The operator listed this origin.
    pub(crate) listed: bool,
}

impl Destination {
    /// The address, if the host is one.
    pub(crate) fn literal(&self) -> Option<SocketAddr> {
        let ip = match self.host {
            Host::Domain(_) => return None,
            Host::Ipv4(ip) => IpAddr::V4(ip),
            Host::Ipv6(ip) => IpAddr::V6(ip),
        };
        Some(SocketAddr::new(ip, self.port))
    }
}

/// Reads an address that came from a caller, a reply or a redirect.
///
/// # Errors
/// [`Refusal::Length`], [`Refusal::Characters`], [`Refusal::Unreadable`], [`Refusal::Scheme`].
pub fn parse_url(text: &str) -> Result<Url, Refusal> {
    check_text(text)?;
    let url = Url::parse(text).map_err(|_| Refusal::Unreadable)?;
    check_scheme(&url)?;
    check_authority(text)?;
    Ok(url)
}

/// Reads a redirect's `Location`, which may be relative to `base`.
///
/// # Errors
/// As [`parse_url`]; [`Refusal::Downgrade`] from https to http.
pub(crate) fn parse_location(base: &Url, text: &str) -> Result<Url, Refusal> {
    check_text(text)?;
    let url = base.join(text).map_err(|_| Refusal::Unreadable)?;
    check_scheme(&url)?;
    check_authority(text)?;
    if base.scheme() == "https" && url.scheme() != "https" {
        return Err(Refusal::Downgrade);
    }
    Ok(url)
}

/// What the parser would silently repair: other parsers read such texts differently.
fn check_text(text: &str) -> Result<(), Refusal> {
    if text.is_empty() || text.len() > MAX_URL {
        return Err(Refusal::Length);
    }
    if text.starts_with(' ') || text.ends_with(' ') || text.chars().any(|c| c.is_ascii_control() || c == '\\') {
        return Err(Refusal::Characters);
    }
    Ok(())
}

/// An empty user name leaves no trace in what the parser says. The text has an authority if it has a
/// scheme, or begins with two slashes; it ends with the next slash, question mark or hash.
fn check_authority(text: &str) -> Result<(), Refusal> {
    let head = text.split(['/', '?', '#']).next().unwrap_or_default();
    let rest = head.split_once(':').map_or(text, |(scheme, _)| &text[scheme.len() + 1..]);
    if rest.len() == text.len() && !text.starts_with("//") {
        return Ok(());
    }
    let authority = rest.trim_start_matches('/').split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') { Err(Refusal::UserInfo) } else { Ok(()) }
}

/// Before the host is looked at: for other schemes the parser takes `127.0.0.1` for a name.
fn check_scheme(url: &Url) -> Result<(), Refusal> {
    if matches!(url.scheme(), "http" | "https") { Ok(()) } else { Err(Refusal::Scheme) }
}

/// Judges a parsed address by what can be known without resolving it.
///
/// # Errors
/// Why it is refused.
pub(crate) fn judge_url(url: &Url, purpose: Purpose, rules: &Rules) -> Result<Destination, Refusal> {
    if url.as_str().len() > if purpose.is_configured() { MAX_CALL_URL } else { MAX_PARSED } {
        return Err(Refusal::Length);
    }
    check_scheme(url)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refusal::UserInfo);
    }
    let port = url.port_or_known_default().filter(|port| *port != 0).ok_or(Refusal::Port)?;
    let host = url.host().ok_or(Refusal::HostName)?.to_owned();
    let listed = rules.lists(&host, port);
    if !listed && !may_have_port(purpose, port, rules) {
        return Err(Refusal::Port);
    }
    if let Host::Domain(name) = &host {
        judge_name(name, purpose, listed)?;
    }
    let destination = Destination { host, port, tls: url.scheme() == "https", listed };
    if let Some(address) = destination.literal() {
        // Own and listed addresses are judged by the connector as well; here only so that nothing
        // depends on a lookup when the text alone tells.
        let judged = classify(address.ip());
        match judged.class {
            AddressClass::Metadata => return Err(Refusal::Metadata(judged.range)),
            AddressClass::Special if !listed => return Err(Refusal::Address(judged.range)),
            AddressClass::Special | AddressClass::Public => {}
        }
    }
    Ok(destination)
}

/// Platforms of one's own may host pictures at ports above the well-known ones; other protocols
/// listen there too, but for HTTP nobody does.
fn may_have_port(purpose: Purpose, port: u16, rules: &Rules) -> bool {
    match purpose {
        Purpose::UserUrl => rules.user_ports.contains(&port),
        Purpose::Drawn => rules.user_ports.contains(&port) || (port >= 1024 && !FOREIGN_PORTS.contains(&port)),
        Purpose::Provider | Purpose::Storage | Purpose::Admin => true,
    }
}

fn judge_name(name: &str, purpose: Purpose, listed: bool) -> Result<(), Refusal> {
    if name.is_empty() || name.len() > 253 || name.split('.').any(|label| label.is_empty() || label.len() > 63) {
        return Err(Refusal::HostName);
    }
    if purpose.is_configured() || listed {
        return Ok(());
    }
    let below = |suffix: &str| name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if RESERVED.iter().any(|suffix| below(suffix)) {
        return Err(Refusal::ReservedName);
    }
    if !name.contains('.') {
        return Err(Refusal::HostName);
    }
    Ok(())
}

#[cfg(test)]
#[path = "url_rules_tests.rs"]
mod tests;
