//! What kind of address an address is, and a slow classifier of our own beside the gateway's tables.

use ir_model::guard::{AddressClass, classify};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// First and last IPv4 address of everything that is not public (IANA's special-purpose registry and
/// what was assigned before).
const NOT_PUBLIC: [(u32, u32); 20] = [
    (0x0000_0000, 0x00ff_ffff),
    (0x0a00_0000, 0x0aff_ffff),
    (0x6440_0000, 0x647f_ffff),
    (0x7f00_0000, 0x7fff_ffff),
    (0xa9fe_0000, 0xa9fe_ffff),
    (0xac10_0000, 0xac1f_ffff),
    (0xc000_0000, 0xc000_00ff),
    (0xc000_0200, 0xc000_02ff),
    (0xc01f_c400, 0xc01f_c4ff),
    (0xc034_c100, 0xc034_c1ff),
    (0xc058_6300, 0xc058_63ff),
    (0xc0a8_0000, 0xc0a8_ffff),
    (0xc0af_3000, 0xc0af_30ff),
    (0xc612_0000, 0xc613_ffff),
    (0xc633_6400, 0xc633_64ff),
    (0xcb00_7100, 0xcb00_71ff),
    (0xe000_0000, 0xefff_ffff),
    (0xf000_0000, 0xffff_ffff),
    // Metadata services that have no range of their own: Alibaba's lies in 100.64/10, Azure's is public.
    (0x6464_64c8, 0x6464_64c8),
    (0xa83f_8110, 0xa83f_8110),
];

/// Whether an IPv4 address may be dialled without being listed.
pub(crate) fn is_public_v4(ip: Ipv4Addr) -> bool {
    let bits = u32::from(ip);
    !NOT_PUBLIC.iter().any(|(first, last)| (*first..=*last).contains(&bits))
}

/// Whether an IPv6 address may be dialled without being listed: in 2000::/3, in none of its special
/// blocks, and no IPv4 address in disguise.
pub(crate) fn is_public_v6(ip: Ipv6Addr) -> bool {
    let bits = u128::from(ip);
    let top = |n: u32| (bits >> (128 - n)).to_be_bytes();
    let is = |n: u32, value: u128| top(n) == value.to_be_bytes();
    let isatap = matches!((bits >> 32) & 0xffff_ffff, 0x0000_5efe | 0x0200_5efe);
    bits >> 125 == 1
        && !is(23, 0x2001_0000 >> 9)
        && !is(32, 0x2001_0db8)
        && !is(16, 0x2002)
        && !is(48, 0x2620_004f_8000)
        && !is(20, 0x0003_fff0)
        && !isatap
}

pub(crate) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

/// Every way to write an IPv4 address as an IPv6 address that some translator understands. `prefix`
/// fills what is free.
fn disguises(ip: Ipv4Addr, prefix: u64) -> Vec<Ipv6Addr> {
    let v4 = u128::from(u32::from(ip));
    let (high, low) = (v4 >> 16, v4 & 0xffff);
    let free = u128::from(prefix);
    [
        v4,
        0xffff_0000_0000 | v4,
        0xffff_0000_0000_0000 | v4,
        (0x0064_ff9b_u128 << 96) | v4,
        (0x0064_ff9b_0001_u128 << 80) | v4,
        (0x0064_ff9b_0001_u128 << 80) | (high << 64) | (low >> 8 << 48) | ((low & 0xff) << 40),
        (0x2002_u128 << 112) | (v4 << 80) | (free & 0xffff_ffff_ffff_ffff),
        (0x2001_u128 << 112) | (v4 << 64) | (free & 0xffff_ffff_ffff_ffff),
        (0x2001_u128 << 112) | (free & 0xffff_ffff) << 32 | u128::from(!u32::from(ip)),
        (free << 64) | (0x5efe_u128 << 32) | v4,
        (free << 64) | (0x0200_5efe_u128 << 32) | v4,
    ]
    .into_iter()
    .map(Ipv6Addr::from)
    .collect()
}

/// The slow classifier agrees; no disguise makes an address better; the same in all of them.
pub(crate) fn run(data: &[u8]) {
    let mut raw = [0; 16];
    let n = data.len().min(16);
    raw[..n].copy_from_slice(&data[..n]);
    let v6 = Ipv6Addr::from(raw);
    let v4 = Ipv4Addr::new(raw[0], raw[1], raw[2], raw[3]);
    agrees(IpAddr::V6(v6));
    agrees(IpAddr::V4(v4));
    let free = u64::from_be_bytes([raw[4], raw[5], raw[6], raw[7], raw[8], raw[9], raw[10], raw[11]]);
    for disguise in disguises(v4, free) {
        let judged = classify(IpAddr::V6(disguise)).class;
        assert_ne!(judged, AddressClass::Public, "{disguise} stands for {v4}");
        if classify(IpAddr::V4(v4)).class == AddressClass::Metadata {
            assert_eq!(judged, AddressClass::Metadata, "{disguise} stands for {v4}");
        }
    }
}

fn agrees(ip: IpAddr) {
    assert_eq!(classify(ip).class == AddressClass::Public, is_public(ip), "{ip}");
}
