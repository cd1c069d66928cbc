//! The corpus: addresses that are not public, their public neighbours, every way to write one down,
//! and texts that parsers read differently. All generated; see `Corpus::default`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Ranges that are not public, as the registries write them, and single addresses that hand out
/// credentials.
const RANGES: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "255.255.255.255/32",
    "168.63.129.16/32",
    "169.254.169.254/32",
    "169.254.170.2/32",
    "169.254.170.23/32",
    "100.100.100.200/32",
    "192.0.0.192/32",
    "::/128",
    "::1/128",
    "::ffff:0:0/96",
    "::ffff:0:0:0/96",
    "::/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "100:0:0:1::/64",
    "2001::/23",
    "2001::/32",
    "2001:2::/48",
    "2001:10::/28",
    "2001:20::/28",
    "2001:db8::/32",
    "2002::/16",
    "2620:4f:8000::/48",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fd00:ec2::254/128",
    "fd00:ec2::23/128",
    "fd20:ce::254/128",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
];

/// An address of the corpus, and where it comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) ip: IpAddr,
    pub(crate) range: &'static str,
}

/// The first, the last and the middle address of every range; and of every range the addresses just
/// outside, unless they lie in another range.
pub(crate) fn targets() -> (Vec<Target>, Vec<Target>) {
    let (mut inside, mut beside) = (Vec::new(), Vec::new());
    let bounds: Vec<_> = RANGES.iter().map(|range| bounds(range)).collect();
    for (range, (first, last, width)) in RANGES.iter().zip(&bounds) {
        let target = |bits: u128| Target { ip: address(bits, *width), range };
        let mut picked = vec![*first, *last, *first + (*last - *first) / 2];
        picked.dedup();
        inside.extend(picked.into_iter().map(target));
        for outside in [first.checked_sub(1), last.checked_add(1).filter(|bits| *width == 128 || bits >> 32 == 0)].into_iter().flatten() {
            let elsewhere = bounds.iter().any(|(first, last, other)| other == width && *first <= outside && outside <= *last);
            // Of IPv6 only 2000::/3 was ever given out.
            if !elsewhere && (*width == 32 || outside >> 125 == 1) {
                beside.push(target(outside));
            }
        }
    }
    let mut seen = std::collections::HashSet::new();
    beside.retain(|target| seen.insert(target.ip));
    (inside, beside)
}

fn bounds(range: &str) -> (u128, u128, u32) {
    let (net, prefix) = range.split_once('/').unwrap();
    let prefix: u32 = prefix.parse().unwrap();
    let (first, width) = match net.parse().unwrap() {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    };
    let hosts = width - prefix;
    let last = if hosts == 128 { u128::MAX } else { first | ((1 << hosts) - 1) };
    (first, last, width)
}

fn address(bits: u128, width: u32) -> IpAddr {
    if width == 32 { Ipv4Addr::from_bits(u32::try_from(bits).unwrap()).into() } else { Ipv6Addr::from_bits(bits).into() }
}

/// Every way to write this address as the host of a URL that means the very same address.
pub(crate) fn spellings(ip: IpAddr) -> Vec<String> {
    match ip {
        IpAddr::V4(v4) => v4_spellings(v4),
        IpAddr::V6(v6) => v6_spellings(v6),
    }
}

fn v4_spellings(ip: Ipv4Addr) -> Vec<String> {
    let [a, b, c, d] = ip.octets();
    let n = ip.to_bits();
    let dotted = ip.to_string();
    let digits = |zero: char, one: char| -> String {
        let digit = |c: char| match c.to_digit(10) {
            None => c,
            Some(0) => zero,
            Some(value) => char::from_u32(u32::from(one) + value - 1).unwrap(),
        };
        dotted.chars().map(digit).collect()
    };
    let percent = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    let mut all = vec![
        dotted.clone(),
        format!("{dotted}."),
        n.to_string(),
        format!("{n:#x}"),
        format!("0X{n:X}"),
        format!("0x{n:012x}"),
        format!("0{n:o}"),
        format!("{a}.{}", n & 0xff_ffff),
        format!("{a}.{:#x}", n & 0xff_ffff),
        format!("{a}.{b}.{}", n & 0xffff),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("0{a:o}.{b}.{c:#x}.{d}"),
        format!("000{a:o}.00{b:o}.0{c:o}.0{d:o}"),
        format!("{a:#x}.{b:#x}.{c:#x}.{d:#x}"),
        format!("{a:#04x}.{b}.{:#x}", n & 0xffff),
        format!("{a}.{b}.{c}.0{d:o}"),
        // Digits and full stops that normalisation maps to ASCII ones.
        digits('\u{ff10}', '\u{ff11}'),
        digits('\u{24ea}', '\u{2460}'),
        digits('\u{1d7ce}', '\u{1d7cf}'),
        digits('\u{2080}', '\u{2081}'),
        dotted.replace('.', "\u{3002}"),
        dotted.replace('.', "\u{ff0e}"),
        dotted.replace('.', "\u{ff61}"),
        digits('\u{24ea}', '\u{2460}').replace('.', "\u{3002}"),
        // Characters that normalisation drops.
        dotted.replacen('.', "\u{ad}.", 1),
        dotted.replacen('.', "\u{200b}.", 1),
        dotted.replacen('.', "\u{2060}.", 2),
        percent(&dotted),
        format!("{}{}", percent(&dotted[..1]), &dotted[1..]),
        dotted.replace('.', "%2e"),
        dotted.replace('.', "%E3%80%82"),
        percent(&n.to_string()),
    ];
    // Odd ones that mean another address for some octets are none of this address's spellings.
    let same = |text: &String| url::Host::parse(text).is_ok_and(|host| matches!(host, url::Host::Ipv4(v4) if v4 == ip));
    all.retain(same);
    all.sort();
    all.dedup();
    all
}

fn v6_spellings(ip: Ipv6Addr) -> Vec<String> {
    let s = ip.segments();
    let [.., c, d] = ip.octets().chunks(4).last().map(<[u8; 4]>::try_from).unwrap().unwrap().map(u16::from);
    let expanded: Vec<String> = s.iter().map(|part| format!("{part:04x}")).collect();
    let plain: Vec<String> = s.iter().map(|part| format!("{part:x}")).collect();
    let [e, f] = s[6].to_be_bytes();
    let tail = format!("{e}.{f}.{c}.{d}");
    let mut all = vec![
        format!("[{ip}]"),
        format!("[{}]", ip.to_string().to_uppercase()),
        format!("[{}]", expanded.join(":")),
        format!("[{}]", expanded.join(":").to_uppercase()),
        format!("[{}]", plain.join(":")),
        format!("[{}:{tail}]", plain[..6].join(":")),
    ];
    all.dedup();
    all
}

/// IPv6 addresses that reach an IPv4 address where a translator or a tunnel exists.
pub(crate) fn embeddings(ip: Ipv4Addr) -> Vec<(&'static str, Ipv6Addr)> {
    let n = u128::from(ip.to_bits());
    let at = |prefix: &str, bits: u128| Ipv6Addr::from_bits(prefix.parse::<Ipv6Addr>().unwrap().to_bits() | bits);
    // RFC 6052, 2.2: a /48 leaves out bits 64 to 71.
    let over_the_gap = (n >> 16) << 64 | (n & 0xffff) << 40;
    vec![
        ("mapped", at("::ffff:0:0", n)),
        ("compatible", at("::", n)),
        ("translated", at("::ffff:0:0:0", n)),
        ("nat64", at("64:ff9b::", n)),
        ("local nat64", at("64:ff9b:1::", n)),
        ("local nat64 /48", at("64:ff9b:1::", over_the_gap)),
        ("6to4", at("2002::1", n << 80)),
        ("teredo client", at("2001:0:4136:e378:8000:63bf::", n ^ 0xffff_ffff)),
        ("teredo server", at("2001::8000:63bf:3fff:fdd2", n << 64)),
        ("isatap", at("2a00:1:2:3:0:5efe::", n)),
        ("isatap, universal", at("2a00:1:2:3:200:5efe::", n)),
    ]
}

/// What a text is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Refused from whomever it comes.
    Always,
    /// A name or a port that an operator may configure, but nobody else may give.
    Stranger,
}

/// Ways to lead to an address inside, whatever it is.
fn tricks_about(inner: &str) -> Vec<String> {
    vec![
        format!("http:/\\{inner}/"),
        format!("http:\\\\{inner}/"),
        format!("http://{inner}\\@example.com/"),
        format!("http:{inner}/"),
        format!("http:/{inner}/"),
        format!("http:///{inner}/"),
        format!("http:////////{inner}/"),
        format!("HtTp://{inner}/"),
        format!("http://example.com@{inner}/"),
        format!("http://example.com:80@{inner}/"),
        format!("http://@{inner}/"),
        format!("http://:@{inner}/"),
        format!("http://{inner}#@example.com/"),
        format!("http://{inner}?@example.com/"),
        format!("http://{inner}:80#.example.com/"),
        format!("http://{inner}/..//example.com/"),
        format!(" http://{inner}/"),
        format!("http://{inner}/ "),
        format!("\thttp://{inner}/"),
        format!("ht\ttp://{inner}/"),
        format!("http://{inner}/\r\nhost: example.com"),
        format!("\0http://{inner}/"),
        format!("gopher://{inner}:6379/_FLUSHALL"),
        format!("ftp://{inner}/x.png"),
        format!("dict://{inner}:11211/stat"),
        format!("ws://{inner}/"),
        format!("tftp://{inner}/"),
        format!("ldap://{inner}/"),
        format!("jar:http://{inner}/!/x"),
        format!("url:http://{inner}/"),
        format!("http://{inner}:0/"),
        format!("http://{inner}:99999/"),
        format!("http://{inner}:-1/"),
        format!("http://{inner}: 80/"),
    ]
}

/// Texts that nobody may give.
const ALWAYS: &[&str] = &[
    "",
    "http://",
    "http:///",
    "//example.com/x.png",
    "/x.png",
    "example.com/x.png",
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "data:image/png;base64,AAAA",
    "javascript:alert(1)",
    "blob:http://example.com/x",
    "about:blank",
    "http://user@example.com/",
    "http://user:password@example.com/",
    "http://:password@example.com/",
    "http://example.com:0/",
    "http://example.com:65536/",
    "http://example.com:99999/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://[::1%25lo]/",
    "http://[::1]./",
    "http://[::1/",
    "http://::1/",
    "http://[::ffff:127.0.0.1.]/",
    "http://[::ffff:0x7f.1]/",
    "http://[v1.127.0.0.1]/",
    "http://exam ple.com/",
    "http://exam%00ple.com/",
    "http://exam%0aple.com/",
    "http://exam%2fple.com/",
    "http://exam%40ple.com/",
    "http://example.com%3a80/",
    "http://example..com/",
    "http://.example.com/",
    "http://example.com./",
    "http://example.com../",
    "http://./",
    "http://../",
    "http://0x7f.1.example..com/",
    "http://256.256.256.256/",
    "http://1.2.3.4.5/",
    "http://0x1ffffffff/",
    "http://09.0.0.1/",
    "http://a.0x7f/",
    "http://\u{1f4a9}\u{0}.example/",
    "http://example.com\u{ff0f}@127.0.0.1/",
    "http://example.com\u{ff20}127.0.0.1/",
    "http://example.com\u{2100}127.0.0.1/",
];

/// Texts that parsers read differently, and names and schemes that lead inside.
pub(crate) fn tricks() -> Vec<(String, Kind)> {
    let inner = ["127.0.0.1", "169.254.169.254", "[::1]", "10.0.0.1"].into_iter().flat_map(tricks_about);
    let mut all: Vec<(String, Kind)> = inner.chain(ALWAYS.iter().map(|text| (*text).to_owned())).map(|text| (text, Kind::Always)).collect();
    let mut add = |kind: Kind, text: &str| all.push((text.to_owned(), kind));
    add(Kind::Always, &format!("http://example.com/{}", "a".repeat(40_000)));
    add(Kind::Always, &format!("http://{}.example.com/", "a".repeat(64)));
    add(Kind::Always, &format!("http://{}example.com/", "a.".repeat(130)));
    for text in [
        "http://@example.com/",
        "http://:@example.com/",
        "http://example.com/\u{7f}",
        "http://127.0.0.1\n.example.com/",
        "http://example.com/\r\nhost: 127.0.0.1",
        "http://example.com\\@127.0.0.1/",
        "http://example.com\\@[::1]/",
        "http://example\t.com/",
        " http://example.com/",
        "http://example.com/\u{b}",
        "http:\\\\example.com\\x.png",
    ] {
        add(Kind::Stranger, text);
    }
    add(Kind::Stranger, &format!("http://example.com/{}", "a".repeat(2048)));
    for name in [
        "localhost",
        "LOCALHOST",
        "local\u{ad}host",
        "\u{24db}\u{24de}\u{24d2}\u{24d0}\u{24db}\u{24d7}\u{24de}\u{24e2}\u{24e3}",
        "%6c%6f%63alhost",
        "l\u{ff4f}calhost",
    ] {
        add(Kind::Stranger, &format!("http://{name}/"));
        add(Kind::Stranger, &format!("http://x.{name}/"));
        // A full stop behind it is refused from operators too.
        add(Kind::Always, &format!("http://{name}./"));
    }
    for name in ["local", "internal", "home.arpa", "lan", "corp", "onion", "svc", "cluster.local"] {
        add(Kind::Stranger, &format!("http://{name}/"));
        add(Kind::Stranger, &format!("https://printer.{name}/"));
        add(Kind::Stranger, &format!("https://a.b.{}/", name.to_uppercase()));
    }
    for name in [
        "intranet",
        "metadata",
        "kubernetes",
        "redis",
        "metadata.google.internal",
        "instance-data.ec2.internal",
        "host.docker.internal",
        "kubernetes.default.svc",
    ] {
        add(Kind::Stranger, &format!("http://{name}/"));
    }
    for port in [1, 21, 22, 23, 25, 53, 79, 110, 143, 389, 445, 587, 631, 873, 2049, 3306, 5432, 6379, 10_080, 11_211, 27_017] {
        add(Kind::Stranger, &format!("http://example.com:{port}/"));
        add(Kind::Stranger, &format!("https://8.8.8.8:{port}/"));
    }
    all
}
