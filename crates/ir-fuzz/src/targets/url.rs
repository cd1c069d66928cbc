//! From an address as text to the decision whether it may be contacted.

use super::address::is_public;
use ir_egress::fuzzing::{Decision, decide, decide_dial, decide_location};
use ir_egress::{AllowEntry, Purpose, Refusal, Rules};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use url::{Host, Url};

const MAX_URL: usize = 2048;
/// Names that mean something inside of networks only.
const INSIDE: [&str; 9] = ["localhost", "local", "internal", "home.arpa", "lan", "corp", "onion", "svc", "cluster.local"];
const PURPOSES: [Purpose; 4] = [Purpose::UserUrl, Purpose::Drawn, Purpose::Provider, Purpose::Admin];

/// What is accepted is public by a classifier of our own; the decision is the same for the address as
/// it was read; the C library's reading of a numeric host is the one that was judged.
pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let rules = Rules::default();
    for purpose in PURPOSES {
        let decision = decide(text, purpose, &rules);
        if let Ok(decision) = &decision {
            holds(text, decision, purpose, &rules);
        }
        listed(text, purpose, &decision);
    }
    redirected(text, &rules);
}

fn holds(text: &str, decision: &Decision, purpose: Purpose, rules: &Rules) {
    let again = decide(decision.url.as_str(), purpose, rules);
    if decision.url.as_str().len() <= MAX_URL {
        assert_eq!(again.as_ref(), Ok(decision), "read again, it is another");
    }
    assert!(["http", "https"].contains(&decision.url.scheme()) && decision.port != 0);
    assert_eq!(decision.tls, decision.url.scheme() == "https");
    // As it stands in an address that is written as all of them should be.
    let scheme =
        ["http://", "https://"].iter().find(|scheme| text.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme)));
    let authority = scheme.and_then(|scheme| text[scheme.len()..].split(['/', '?', '#']).next()).unwrap_or_default();
    // An empty user is dropped by the parser.
    assert!(authority.split('@').rev().skip(1).all(|user| user.is_empty() || user == ":"), "{authority} names a user");
    let name = match &decision.host {
        Host::Ipv4(ip) => return literal(IpAddr::V4(*ip), decision, purpose, rules),
        Host::Ipv6(ip) => return literal(IpAddr::V6(*ip), decision, purpose, rules),
        Host::Domain(name) => name,
    };
    assert_eq!(inet_aton(name), None, "{name} is an address to the C library");
    assert!(name.len() <= 253 && name.split('.').all(|label| (1..=63).contains(&label.len())), "{name}");
    if !purpose.is_configured() {
        assert!(name.contains('.'));
        for inside in INSIDE {
            assert!(name != inside && !name.ends_with(&format!(".{inside}")), "{name}");
        }
    }
    if purpose == Purpose::UserUrl {
        assert!([80, 443].contains(&decision.port));
    }
    // Whatever a name turns out to be, the address that is dialled is judged again.
    for inner in ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:192.168.0.1"] {
        let inner: IpAddr = inner.parse().expect("an address");
        assert!(decide_dial(&decision.url, SocketAddr::new(inner, decision.port), purpose, rules).is_err());
    }
    if let Some(ip) = written_host(authority).and_then(inet_aton) {
        panic!("{authority} is {ip} to the C library, but was taken for {name}");
    }
}

fn literal(ip: IpAddr, decision: &Decision, purpose: Purpose, rules: &Rules) {
    assert!(is_public(ip), "{ip} is not public");
    let own = SocketAddr::new(ip, decision.port);
    let ours = Rules { own_addresses: vec![own], ..rules.clone() };
    assert_eq!(decide_dial(&decision.url, own, purpose, &ours), Err(Refusal::OwnAddress));
    let written = decision.url.host_str().unwrap_or_default();
    if let IpAddr::V4(ip) = ip {
        assert_eq!(inet_aton(written), Some(ip));
    }
}

/// A listed origin may be private; a metadata service never.
fn listed(text: &str, purpose: Purpose, unlisted: &Result<Decision, Refusal>) {
    let Ok(url) = ir_egress::parse_url(text) else { return };
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return };
    let Ok(entry) = AllowEntry::new(host.trim_matches(['[', ']']), port) else { return };
    let rules = Rules { allow_private: vec![entry], ..Rules::default() };
    match (decide(text, purpose, &rules), unlisted) {
        (Ok(listed), Ok(unlisted)) => assert_eq!(listed, *unlisted),
        (Ok(listed), Err(_)) => match listed.host {
            Host::Ipv4(ip) => assert!(!(ip.is_link_local() && ip.octets()[2..] == [169, 254])),
            Host::Ipv6(_) | Host::Domain(_) => {}
        },
        (Err(refusal), Ok(_)) => panic!("listed, it is refused: {refusal}"),
        (Err(_), Err(_)) => {}
    }
}

/// A redirect is judged like an address of its own, and never leaves TLS.
fn redirected(text: &str, rules: &Rules) {
    for base in ["https://pictures.example/a/b.png?q#f", "http://pictures.example/a"] {
        let base = Url::parse(base).expect("an address");
        let Ok(to) = decide_location(&base, text, Purpose::UserUrl, rules) else { continue };
        assert!(to.tls || base.scheme() == "http");
        if to.url.as_str().len() <= MAX_URL {
            assert_eq!(decide(to.url.as_str(), Purpose::UserUrl, rules), Ok(to));
        }
    }
}

/// The host as it stands in an authority without user, if it is plain.
fn written_host(authority: &str) -> Option<&str> {
    if authority.contains(['@', '[', '%']) {
        return None;
    }
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    Some(host).filter(|host| !host.is_empty() && host.is_ascii())
}

/// A numeric host as C libraries read it: one to four numbers, decimal, octal or hexadecimal, the
/// last of which fills what is left.
fn inet_aton(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<&str> = text.split('.').collect();
    let numbers: Vec<u64> = parts.iter().map(|part| c_number(part)).collect::<Option<_>>()?;
    let (last, first) = numbers.split_last()?;
    if first.len() > 3 || first.iter().any(|number| *number > 255) || *last >= 1 << (8 * (4 - first.len())) {
        return None;
    }
    let bits = first.iter().enumerate().fold(*last, |bits, (at, number)| bits | number << (8 * (3 - at)));
    u32::try_from(bits).ok().map(Ipv4Addr::from)
}

fn c_number(text: &str) -> Option<u64> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', rest @ ..] if !rest.is_empty() => (&text[2..], 16),
        [b'0', rest @ ..] if !rest.is_empty() => (&text[1..], 8),
        _ => (text, 10),
    };
    if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) { u64::from_str_radix(digits, radix).ok() } else { None }
}
