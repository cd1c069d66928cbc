//! Which addresses are public, worked out a second time: octet by octet and bit by bit, from no table.

use super::corpus::{embeddings, targets};
use ir_model::guard::{AddressClass, classify};
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Global unicast, by arithmetic.
pub(crate) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let n = ip.to_bits();
    let (a, b, c, d) = (n >> 24, n >> 16 & 255, n >> 8 & 255, n & 255);
    let whole = a == 0 || a == 10 || a == 127 || a >= 224;
    let half = (a == 100 && b / 64 == 1) || (a == 172 && b / 16 == 1) || (a == 198 && b / 2 == 9) || (a, b) == (169, 254);
    let small = match (a, b) {
        (192, 168) => true,
        (192, 0) => c == 0 || c == 2,
        (192, 31) => c == 196,
        (192, 52) => c == 193,
        (192, 88) => c == 99,
        (192, 175) => c == 48,
        (198, 51) => c == 100,
        (203, 0) => c == 113,
        (168, 63) => (c, d) == (129, 16),
        _ => false,
    };
    !(whole || half || small)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let n = ip.to_bits();
    let bits = |from: u32, count: u32| (n << from) >> (128 - count);
    let given_out = bits(0, 3) == 0b001;
    let assignments = bits(0, 16) == 0x2001 && bits(16, 7) == 0;
    let documentation = bits(0, 32) == 0x2001_0db8 || (bits(0, 12) == 0x3ff && bits(12, 8) == 0xf0);
    let tunnel = bits(0, 16) == 0x2002;
    let as112 = bits(0, 48) == 0x2620_004f_8000;
    let isatap = bits(70, 1) <= 1 && bits(64, 6) == 0 && bits(71, 9) == 0 && bits(80, 16) == 0x5efe;
    given_out && !(assignments || documentation || tunnel || as112 || isatap)
}

fn says_public(ip: IpAddr) -> bool {
    classify(ip).class == AddressClass::Public
}

/// Proves P-1, R-SSRF-4.
#[test]
fn the_guard_agrees_on_every_boundary_of_ipv4() {
    let check = |n: u32| {
        let ip = IpAddr::V4(Ipv4Addr::from_bits(n));
        assert_eq!(says_public(ip), is_public(ip), "{ip}");
    };
    let mut checked = 0_u32;
    for high in 0..=0xffff_u32 {
        for low in [0, 1, 0x7fff, 0x8000, 0xfffe, 0xffff] {
            check(high << 16 | low);
            checked += 1;
        }
    }
    // Where a range is smaller than that: the ends of every /24, and every address of two /16s.
    for first in [100_u32, 168, 169, 172, 192, 198, 203] {
        for middle in 0..=0xffff_u32 {
            check(first << 24 | middle << 8);
            check(first << 24 | middle << 8 | 255);
            checked += 2;
        }
    }
    for high in [0xa83f_u32, 0xc000] {
        for low in 0..=0xffff {
            check(high << 16 | low);
            checked += 1;
        }
    }
    println!("classifier: {checked} addresses of IPv4 agree");
}

/// Proves P-1, R-SSRF-4.
#[test]
fn ranges_are_refused_and_their_neighbours_are_not() {
    let (inside, beside) = targets();
    for target in &inside {
        assert!(!says_public(target.ip) && !is_public(target.ip), "{} of {}", target.ip, target.range);
    }
    for target in &beside {
        assert!(says_public(target.ip) && is_public(target.ip), "{} beside {}", target.ip, target.range);
    }
    println!("classifier: {} addresses inside of ranges refused, {} beside them allowed", inside.len(), beside.len());
}

/// Proves P-1, R-SSRF-4.
#[test]
fn whatever_stands_for_an_ipv4_address_is_refused_whole() {
    let (inside, beside) = targets();
    let v4 = inside.iter().chain(&beside).filter_map(|target| if let IpAddr::V4(v4) = target.ip { Some(v4) } else { None });
    for inner in v4.chain([Ipv4Addr::new(8, 8, 8, 8)]) {
        for (form, outer) in embeddings(inner) {
            assert!(!says_public(outer.into()) && !is_public(outer.into()), "{inner} as {outer} ({form})");
            let metadata = classify(inner.into()).class == AddressClass::Metadata;
            assert!(!metadata || classify(outer.into()).class == AddressClass::Metadata, "{inner} as {outer} ({form})");
        }
    }
}

/// Anywhere, within what was given out, near an edge, and with the identifier of ISATAP.
fn any_v6() -> impl Strategy<Value = Ipv6Addr> {
    let edges: Vec<u128> = targets()
        .0
        .iter()
        .chain(&targets().1)
        .filter_map(|target| if let IpAddr::V6(v6) = target.ip { Some(v6.to_bits()) } else { None })
        .collect();
    prop_oneof![
        any::<u128>(),
        any::<u128>().prop_map(|n| n >> 3 | 1 << 125),
        (proptest::sample::select(edges), -3_i128..=3).prop_map(|(edge, off)| edge.wrapping_add_signed(off)),
        (any::<u64>(), any::<u32>(), any::<u8>())
            .prop_map(|(net, v4, universal)| { u128::from(net) << 64 | u128::from(universal & 3) << 56 | 0x5efe << 32 | u128::from(v4) }),
    ]
    .prop_map(Ipv6Addr::from_bits)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    /// Proves P-1.
    #[test]
    fn the_guard_agrees_on_ipv6(ip in any_v6()) {
        prop_assert_eq!(says_public(ip.into()), is_public(ip.into()), "{}", ip);
    }

    /// Proves P-1.
    #[test]
    fn the_guard_agrees_on_ipv4(n: u32) {
        let ip = IpAddr::V4(Ipv4Addr::from_bits(n));
        prop_assert_eq!(says_public(ip), is_public(ip), "{}", ip);
        for (form, outer) in embeddings(Ipv4Addr::from_bits(n)) {
            prop_assert!(!says_public(outer.into()), "{} ({})", outer, form);
        }
    }
}
