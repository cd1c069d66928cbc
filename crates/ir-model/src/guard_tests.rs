use super::*;
use proptest::prelude::*;

/// Every range again, written down independently as first and last address; `true`: public.
const SLOW_V6: &[(&str, &str)] = &[
    ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff"),
    ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
];

const SLOW_V4: &[(&str, &str)] = &[
    ("0.0.0.0", "0.255.255.255"),
    ("10.0.0.0", "10.255.255.255"),
    ("100.64.0.0", "100.127.255.255"),
    ("127.0.0.0", "127.255.255.255"),
    ("168.63.129.16", "168.63.129.16"),
    ("169.254.0.0", "169.254.255.255"),
    ("172.16.0.0", "172.31.255.255"),
    ("192.0.0.0", "192.0.0.255"),
    ("192.0.2.0", "192.0.2.255"),
    ("192.31.196.0", "192.31.196.255"),
    ("192.52.193.0", "192.52.193.255"),
    ("192.88.99.0", "192.88.99.255"),
    ("192.168.0.0", "192.168.255.255"),
    ("192.175.48.0", "192.175.48.255"),
    ("198.18.0.0", "198.19.255.255"),
    ("198.51.100.0", "198.51.100.255"),
    ("203.0.113.0", "203.0.113.255"),
    ("224.0.0.0", "255.255.255.255"),
];

fn slow_is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let text = |s: &str| s.parse::<Ipv4Addr>().unwrap();
            !SLOW_V4.iter().any(|(first, last)| text(first) <= ip && ip <= text(last))
        }
        IpAddr::V6(ip) => {
            let text = |s: &str| s.parse::<Ipv6Addr>().unwrap();
            let octets = ip.octets();
            // The interface identifier that ISATAP builds: 00-00-5e-fe or 02-00-5e-fe.
            let isatap = (octets[8] == 0 || octets[8] == 2) && octets[9..12] == [0, 0x5e, 0xfe];
            text("2000::") <= ip
                && ip <= text("3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
                && !isatap
                && !SLOW_V6.iter().any(|(first, last)| text(first) <= ip && ip <= text(last))
        }
    }
}

fn is_public(ip: IpAddr) -> bool {
    classify(ip).class == AddressClass::Public
}

/// Every way to write an IPv4 address into an IPv6 one.
fn embeddings(ip: Ipv4Addr) -> Vec<Ipv6Addr> {
    let [a, b, c, d] = ip.octets();
    let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let mut local_nat64 = [0_u8; 16];
    local_nat64[..6].copy_from_slice(&[0, 0x64, 0xff, 0x9b, 0, 1]);
    (local_nat64[6], local_nat64[7], local_nat64[9], local_nat64[10]) = (a, b, c, d);
    vec![
        Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, high, low),
        Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
        Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
        Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
        Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
        Ipv6Addr::from(local_nat64),
        Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
        Ipv6Addr::new(0x2001, 0, 0x4136, 0xe378, 0x8000, 0x63bf, !high, !low),
        Ipv6Addr::new(0x2001, 0, high, low, 0x8000, 0x63bf, 0x1234, 0x5678),
        Ipv6Addr::new(0x2a00, 1, 2, 3, 0, 0x5efe, high, low),
        Ipv6Addr::new(0x2a00, 1, 2, 3, 0x200, 0x5efe, high, low),
    ]
}

#[test]
fn every_v4_range_is_refused_from_first_to_last_and_not_beyond() {
    for range in SPECIAL_V4 {
        let first = u32::from_be_bytes(range.net);
        let last = first | u32::MAX.checked_shr(range.bits).unwrap_or(0);
        for inside in [first, last, first + (last - first) / 2] {
            assert!(!is_public(Ipv4Addr::from_bits(inside).into()), "{} in {}", Ipv4Addr::from_bits(inside), range.name);
        }
        for beside in [first.checked_sub(1), last.checked_add(1)].into_iter().flatten() {
            let ip = IpAddr::V4(Ipv4Addr::from_bits(beside));
            assert_eq!(is_public(ip), slow_is_public(ip), "{ip} beside {}", range.name);
        }
    }
}

#[test]
fn every_v6_range_is_refused_from_first_to_last_and_not_beyond() {
    for range in SPECIAL_V6 {
        let first = range.first();
        let last = first | u128::MAX.checked_shr(range.bits).unwrap_or(0);
        for inside in [first, last, first + (last - first) / 2] {
            assert!(!is_public(Ipv6Addr::from_bits(inside).into()), "{} in {}", Ipv6Addr::from_bits(inside), range.name);
        }
        for beside in [first.checked_sub(1), last.checked_add(1)].into_iter().flatten() {
            let ip = IpAddr::V6(Ipv6Addr::from_bits(beside));
            assert_eq!(is_public(ip), slow_is_public(ip), "{ip} beside {}", range.name);
        }
    }
}

#[test]
fn neighbours_of_single_ranges_are_public() {
    for ip in [
        "1.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "168.63.129.15",
        "168.63.129.17",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.0.3.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2000::",
        "2001:200::",
        "2001:db7:ffff::",
        "2001:db9::",
        "2003::",
        "2001:4860:4860::8888",
        "2606:4700::1111",
        "2620:4f:7fff::",
        "2620:4f:8001::",
        "3ffe::1",
        "3fff:1000::",
    ] {
        assert!(is_public(ip.parse().unwrap()), "{ip}");
    }
}

#[test]
fn outside_2000_3_nothing_is_public() {
    for first in 0..=u16::MAX {
        let ip = Ipv6Addr::new(first, 7, 7, 7, 7, 7, 7, 7);
        if !(0x2000..0x4000).contains(&first) {
            assert!(!is_public(ip.into()), "{ip}");
        }
    }
}

#[test]
fn embedded_addresses_are_refused_whole() {
    let inner = SPECIAL_V4.iter().map(|range| Ipv4Addr::from(range.net)).chain([Ipv4Addr::new(8, 8, 8, 8)]);
    for v4 in inner {
        for v6 in embeddings(v4) {
            assert!(!is_public(v6.into()), "{v4} as {v6}");
        }
    }
}

#[test]
fn metadata_is_metadata_in_every_disguise() {
    for (ip, name) in METADATA {
        assert_eq!(classify(*ip), Judged { class: AddressClass::Metadata, range: name });
        if let IpAddr::V4(v4) = ip {
            for v6 in embeddings(*v4) {
                assert_eq!(classify(v6.into()).class, AddressClass::Metadata, "{v4} as {v6}");
            }
        }
    }
    // Found by fuzzing: ISATAP behind a prefix that holds other addresses.
    for hidden in ["2001::5efe:a83f:8110", "2002:808:808::200:5efe:a9fe:a9fe", "64:ff9b:1::5efe:a83f:8110"] {
        assert_eq!(classify(hidden.parse().unwrap()).class, AddressClass::Metadata, "{hidden}");
    }
    for named in ["169.254.169.254", "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254", "fd20:ce::254"] {
        assert_eq!(classify(named.parse().unwrap()).class, AddressClass::Metadata, "{named}");
    }
}

/// Addresses near the edges of ranges, where mistakes live, and anywhere.
fn any_v6() -> impl Strategy<Value = Ipv6Addr> {
    let edge = (0..SPECIAL_V6.len(), any::<bool>(), -2_i8..=2).prop_map(|(at, upper, off)| {
        let range = SPECIAL_V6[at];
        let base = if upper { range.first() | u128::MAX.checked_shr(range.bits).unwrap_or(0) } else { range.first() };
        Ipv6Addr::from_bits(base.wrapping_add_signed(off.into()))
    });
    prop_oneof![any::<u128>().prop_map(Ipv6Addr::from_bits), (any::<u128>()).prop_map(|n| Ipv6Addr::from_bits(n >> 3 | 1 << 125)), edge]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn agrees_with_the_slow_classifier_v4(bits: u32) {
        let ip = IpAddr::V4(Ipv4Addr::from_bits(bits));
        prop_assert_eq!(is_public(ip), slow_is_public(ip));
    }

    #[test]
    fn agrees_with_the_slow_classifier_v6(ip in any_v6()) {
        let ip = IpAddr::V6(ip);
        prop_assert_eq!(is_public(ip), slow_is_public(ip));
    }

    #[test]
    fn no_embedding_is_public(bits: u32) {
        for v6 in embeddings(Ipv4Addr::from_bits(bits)) {
            prop_assert!(!is_public(v6.into()), "{}", v6);
        }
    }
}

#[test]
fn agrees_on_every_16_bit_boundary_of_v4() {
    for high in 0..=u16::MAX {
        for low in [0, u16::MAX] {
            let ip = IpAddr::V4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
            assert_eq!(is_public(ip), slow_is_public(ip), "{ip}");
        }
    }
}
