//! What is decided about an address before it is dialled, for the fuzz targets.

use crate::rules::{Purpose, Refusal, Rules};
use crate::url_rules::{judge_url, parse_location, parse_url};
use std::net::SocketAddr;
use url::{Host, Url};

/// An address that may be contacted as far as its text tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// As it was read.
    pub url: Url,
    /// The host.
    pub host: Host<String>,
    /// The port.
    pub port: u16,
    /// Over TLS.
    pub tls: bool,
}

/// Reads an address and judges it.
///
/// # Errors
/// Why it is refused.
pub fn decide(text: &str, purpose: Purpose, rules: &Rules) -> Result<Decision, Refusal> {
    judged(parse_url(text)?, purpose, rules)
}

/// Reads the `Location` of a redirect from `base` and judges it.
///
/// # Errors
/// Why it is refused.
pub fn decide_location(base: &Url, text: &str, purpose: Purpose, rules: &Rules) -> Result<Decision, Refusal> {
    judged(parse_location(base, text)?, purpose, rules)
}

/// Judges the address that a name turned out to have.
///
/// # Errors
/// Why it is refused.
pub fn decide_dial(url: &Url, address: SocketAddr, purpose: Purpose, rules: &Rules) -> Result<(), Refusal> {
    rules.judge_address(address, &judge_url(url, purpose, rules)?)
}

fn judged(url: Url, purpose: Purpose, rules: &Rules) -> Result<Decision, Refusal> {
    let to = judge_url(&url, purpose, rules)?;
    Ok(Decision { url, host: to.host, port: to.port, tls: to.tls })
}
