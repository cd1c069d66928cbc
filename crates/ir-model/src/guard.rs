//! What kind of address is this? Public ones are what is left over: IPv4 minus the table below, and
//! of IPv6 only 2000::/3 minus the table below. Everything else is refused unless the operator
//! listed it, and metadata services are refused even then.
//!
//! The standard library has no stable `is_global`, and its notions of "embedded IPv4" differ from
//! method to method; the tables here are our own and are tested row by row.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What may be done with an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressClass {
    /// Global unicast: may be dialled.
    Public,
    /// Loopback, private, link-local, reserved, or an IPv4 address in disguise: only if listed.
    Special,
    /// Hands credentials to whoever asks from the machine: never.
    Metadata,
}

/// An address's class, and the name of the range that decided it (for the log).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What may be done with it.
    pub class: AddressClass,
    /// The range's name; `public` when no range matched.
    pub range: &'static str,
}

/// A range of IPv4 addresses that is not public.
#[derive(Clone, Copy, Debug)]
pub struct Range4 {
    /// The first address.
    pub net: [u8; 4],
    /// The length of the prefix, 0–32.
    pub bits: u32,
    /// What it is, and where that is written down.
    pub name: &'static str,
}

/// A range of IPv6 addresses that is not public.
#[derive(Clone, Copy, Debug)]
pub struct Range6 {
    /// The first address.
    pub net: [u16; 8],
    /// The length of the prefix, 0–128.
    pub bits: u32,
    /// What it is, and where that is written down.
    pub name: &'static str,
}

const fn v4(net: [u8; 4], bits: u32, name: &'static str) -> Range4 {
    Range4 { net, bits, name }
}

const fn v6(net: [u16; 8], bits: u32, name: &'static str) -> Range6 {
    Range6 { net, bits, name }
}

/// IPv4 ranges that are not public (IANA special-purpose registry, and what was ever assigned from
/// it; the registry marks a few of them "globally reachable", but nobody serves pictures there).
pub const SPECIAL_V4: &[Range4] = &[
    v4([0, 0, 0, 0], 8, "this network (RFC 1122)"),
    v4([10, 0, 0, 0], 8, "private (RFC 1918)"),
    v4([100, 64, 0, 0], 10, "shared by carriers (RFC 6598)"),
    v4([127, 0, 0, 0], 8, "loopback (RFC 1122)"),
    v4([169, 254, 0, 0], 16, "link-local (RFC 3927)"),
    v4([172, 16, 0, 0], 12, "private (RFC 1918)"),
    v4([192, 0, 0, 0], 24, "protocol assignments (RFC 6890)"),
    v4([192, 0, 2, 0], 24, "documentation (RFC 5737)"),
    v4([192, 31, 196, 0], 24, "AS112 (RFC 7535)"),
    v4([192, 52, 193, 0], 24, "AMT (RFC 7450)"),
    v4([192, 88, 99, 0], 24, "6to4 relays (RFC 7526)"),
    v4([192, 168, 0, 0], 16, "private (RFC 1918)"),
    v4([192, 175, 48, 0], 24, "AS112 (RFC 7534)"),
    v4([198, 18, 0, 0], 15, "benchmarks (RFC 2544)"),
    v4([198, 51, 100, 0], 24, "documentation (RFC 5737)"),
    v4([203, 0, 113, 0], 24, "documentation (RFC 5737)"),
    v4([224, 0, 0, 0], 4, "multicast (RFC 5771)"),
    v4([240, 0, 0, 0], 4, "reserved (RFC 1112) and broadcast"),
];

/// IPv6 ranges that are not public. Those outside 2000::/3 are refused anyway; they stand here to
/// have a name.
pub const SPECIAL_V6: &[Range6] = &[
    v6([0, 0, 0, 0, 0, 0, 0, 0], 128, "unspecified (RFC 4291)"),
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128, "loopback (RFC 4291)"),
    v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96, "mapped IPv4 (RFC 4291)"),
    v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96, "translated IPv4 (RFC 2765)"),
    v6([0, 0, 0, 0, 0, 0, 0, 0], 96, "compatible IPv4 (RFC 4291)"),
    v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96, "NAT64 (RFC 6052)"),
    v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, "local NAT64 (RFC 8215)"),
    v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64, "discard (RFC 6666)"),
    v6([0x100, 0, 0, 1, 0, 0, 0, 0], 64, "dummy prefix (RFC 9780)"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, "Teredo (RFC 4380)"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "protocol assignments (RFC 2928)"),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "documentation (RFC 3849)"),
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "6to4 (RFC 3056)"),
    v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48, "AS112 (RFC 7534)"),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "documentation (RFC 9637)"),
    v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, "segment routing (RFC 9602)"),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "unique local (RFC 4193)"),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "link-local (RFC 4291)"),
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "site-local (RFC 3879)"),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "multicast (RFC 4291)"),
];

/// Metadata and credential services of clouds. Some are public addresses.
pub const METADATA: &[(IpAddr, &str)] = &[
    (IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)), "metadata of AWS, Azure, GCP and others"),
    (IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)), "credentials of AWS ECS tasks"),
    (IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)), "credentials of AWS EKS pods"),
    (IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)), "metadata of Alibaba Cloud"),
    (IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)), "metadata of Oracle Cloud"),
    (IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)), "wire server of Azure"),
    (IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)), "metadata of AWS"),
    (IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)), "credentials of AWS EKS pods"),
    (IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)), "metadata of GCP"),
];

/// Judges one address.
pub fn classify(ip: IpAddr) -> Judged {
    if let Some(name) = metadata(ip) {
        return Judged { class: AddressClass::Metadata, range: name };
    }
    match ip {
        IpAddr::V4(ip) => judge_v4(ip),
        IpAddr::V6(ip) => judge_v6(ip),
    }
}

fn metadata(ip: IpAddr) -> Option<&'static str> {
    METADATA.iter().find(|(service, _)| *service == ip).map(|(_, name)| *name)
}

fn judge_v4(ip: Ipv4Addr) -> Judged {
    let bits = ip.to_bits();
    match SPECIAL_V4.iter().find(|range| same_prefix(bits.into(), u32::from_be_bytes(range.net).into(), 32, range.bits)) {
        Some(range) => Judged { class: AddressClass::Special, range: range.name },
        None => Judged { class: AddressClass::Public, range: "public" },
    }
}

fn judge_v6(ip: Ipv6Addr) -> Judged {
    let inner = embedded(ip);
    if let Some(name) = inner.iter().flatten().find_map(|v4| metadata(IpAddr::V4(*v4))) {
        return Judged { class: AddressClass::Metadata, range: name };
    }
    let bits = ip.to_bits();
    if let Some(range) = SPECIAL_V6.iter().find(|range| same_prefix(bits, range.first(), 128, range.bits)) {
        return Judged { class: AddressClass::Special, range: range.name };
    }
    if inner.iter().flatten().next().is_some() {
        return Judged { class: AddressClass::Special, range: "ISATAP (RFC 5214)" };
    }
    if bits >> 125 == 1 {
        Judged { class: AddressClass::Public, range: "public" }
    } else {
        Judged { class: AddressClass::Special, range: "outside 2000::/3" }
    }
}

impl Range6 {
    /// The first address as a number.
    fn first(&self) -> u128 {
        let [a, b, c, d, e, f, g, h] = self.net;
        Ipv6Addr::new(a, b, c, d, e, f, g, h).to_bits()
    }
}

/// Whether two addresses of `width` bits share their first `bits` bits.
fn same_prefix(a: u128, b: u128, width: u32, bits: u32) -> bool {
    (a ^ b).checked_shr(width - bits).unwrap_or(0) == 0
}

/// The IPv4 addresses that an IPv6 address may stand for: where a translator exists, dialling the
/// one reaches the other. Two for prefixes that hold two (Teredo: client and server) or that can be
/// read in two ways (local NAT64: a /48 by RFC 6052, or a /96 within it), and one for the interface
/// identifier of ISATAP (with or without the universal bit), which may stand behind any of them.
fn embedded(ip: Ipv6Addr) -> [Option<Ipv4Addr>; 3] {
    let o = ip.octets();
    let s = ip.segments();
    let at = |i: usize| Ipv4Addr::new(o[i], o[i + 1], o[i + 2], o[i + 3]);
    let isatap = matches!((s[4], s[5]), (0 | 0x200, 0x5efe)).then(|| at(12));
    let [first, second] = match s {
        // Compatible (the unspecified and loopback addresses fall in here and are special anyway), mapped, translated.
        [0, 0, 0, 0, 0, 0 | 0xffff, _, _] | [0, 0, 0, 0, 0xffff, 0, _, _] => [Some(at(12)), None],
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] => [Some(at(12)), None],
        [0x64, 0xff9b, 1, ..] => [Some(at(12)), Some(Ipv4Addr::new(o[6], o[7], o[9], o[10]))],
        [0x2002, ..] => [Some(at(2)), None],
        [0x2001, 0, ..] => [Some(Ipv4Addr::from_bits(!at(12).to_bits())), Some(at(4))],
        _ => [None, None],
    };
    [first, second, isatap]
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
