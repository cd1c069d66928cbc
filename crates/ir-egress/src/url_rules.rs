//! Rules on addresses as they are written. Text is parsed once, by the WHATWG parser; decisions are
//! made on what it says, and that same value is handed on. `http::Uri` reads some of these texts as
//! a different host and never sees them.

use crate::guard::{AddressClass, classify};
use crate::rules::{Purpose, Refusal, Rules};
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
    if purpose == Purpose::UserUrl && !listed && !rules.user_ports.contains(&port) {
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
