//! Real sockets: a listener on every address of this machine, which nobody may ever reach.

use super::corpus::{embeddings, spellings};
use super::recorder::{Dials, Lookups, Rig};
use super::vectors::Vector;
use crate::support::listing;
use ir_egress::{Rules, Tcp};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// Listens on every address of both families at one port, and counts who comes.
struct Canary {
    port: u16,
    came: Arc<AtomicUsize>,
}

impl Canary {
    async fn start() -> Self {
        let both = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).await;
        let listener = match both {
            Ok(listener) => listener,
            // A machine without IPv6.
            Err(_) => TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await.unwrap(),
        };
        let port = listener.local_addr().unwrap().port();
        let came = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&came);
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { port, came }
    }

    /// Connects without any rules. Whoever came before is counted when this returns true.
    async fn is_reached_at(&self, ip: IpAddr) -> bool {
        let before = self.came.load(Ordering::SeqCst);
        #[expect(clippy::disallowed_methods, reason = "the test shows that the listener can be reached")]
        let dialled = TcpStream::connect((ip, self.port)).await;
        let Ok(_stream) = dialled else { return false };
        while self.came.load(Ordering::SeqCst) == before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        true
    }
}

/// The addresses of this machine's interfaces, and those that mean the machine itself.
fn own_addresses() -> BTreeSet<IpAddr> {
    let mut all: BTreeSet<IpAddr> =
        ["127.0.0.1", "127.0.0.2", "127.1.2.3", "127.255.255.254", "0.0.0.0", "::1", "::"].map(|ip| ip.parse().unwrap()).into();
    let table = std::fs::read_to_string("/proc/net/fib_trie").unwrap_or_default();
    let mut last: Option<IpAddr> = None;
    for line in table.lines() {
        match line.trim().strip_prefix("|-- ") {
            Some(ip) => last = ip.parse().ok(),
            None if line.contains("host LOCAL") => all.extend(last),
            None => {}
        }
    }
    let table = std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    let ips = table.lines().filter_map(|line| u128::from_str_radix(line.split(' ').next()?, 16).ok());
    // A link-local address is none without its link.
    all.extend(ips.map(Ipv6Addr::from_bits).filter(|ip| !ip.is_unicast_link_local()).map(IpAddr::V6));
    all
}

/// Proves R-SSRF-4, R-SSRF-7, R-SSRF-9, P-1, P-2, F-5, F-28.
#[tokio::test]
async fn nobody_reaches_this_machine() {
    let canary = Canary::start().await;
    let own = own_addresses();
    let mut controls = 0;
    let mut reached = Vec::new();
    for ip in &own {
        if canary.is_reached_at(*ip).await {
            controls += 1;
            reached.push(*ip);
        }
    }
    assert!(reached.contains(&IpAddr::from([127, 0, 0, 1])) && reached.contains(&IpAddr::from([0, 0, 0, 0])), "{reached:?}");
    let every: Vec<IpAddr> = reached
        .iter()
        .copied()
        .chain(
            reached
                .iter()
                .filter_map(|ip| if let IpAddr::V4(v4) = ip { Some(*v4) } else { None })
                .flat_map(|v4| embeddings(v4).into_iter().map(|(_, outer)| outer.into())),
        )
        .collect();
    let names = Lookups::new({
        let every = every.clone();
        // `n<number>.example` leads to an address of this machine, and then to nowhere of this machine.
        move |name, _| {
            name.strip_prefix('n').and_then(|rest| every.get(rest.split('.').next()?.parse::<usize>().ok()?)).copied().into_iter().collect()
        }
    });
    let rules = Rules { user_ports: vec![80, 443, canary.port], ..Rules::default() };
    let rig = Rig::over(rules, names, Arc::new(Dials::default()), Arc::new(Tcp));
    let mut driven = 0;
    for (number, ip) in every.iter().enumerate() {
        let by_name = [format!("http://n{number}.example:{}/x.png", canary.port)];
        let literal = spellings(*ip).into_iter().map(|host| format!("http://{host}:{}/x.png", canary.port));
        for url in literal.chain(by_name) {
            for vector in Vector::ALL.into_iter().filter(|vector| vector.carries(&url)) {
                let before = rig.refused();
                assert!(!vector.send(&rig, &url).await, "{vector:?}: {url}");
                assert!(rig.refused() > before || !url.is_ascii(), "{vector:?}: {url}");
                driven += 1;
            }
        }
    }
    let last = reached[0];
    assert!(canary.is_reached_at(last).await);
    assert_eq!(canary.came.load(Ordering::SeqCst), controls + 1, "only the test itself came");
    println!("canaries: {} addresses of this machine reachable, {} forms, {driven} requests, 0 connections", reached.len(), every.len());

    // With the rule, and only with it, the very same request gets there.
    let listed = listing(&[format!("127.0.0.1:{}", canary.port)]);
    let rig = Rig::over(listed, Lookups::none(), Arc::new(Dials::default()), Arc::new(Tcp));
    let task = tokio::spawn(async move { Vector::Provider.send(&rig, &format!("http://127.0.0.1:{}/", canary.port)).await });
    while canary.came.load(Ordering::SeqCst) < controls + 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    task.abort();
}

/// A public address that an interface has is refused as well. Needs such an interface:
/// `unshare -rn sh -c 'ip addr add 93.184.216.34/32 dev lo; ip link set lo up; cargo nextest run -p ir-egress --run-ignored only own_public'`
#[tokio::test]
#[ignore = "needs 93.184.216.34 on an interface"]
async fn an_own_public_address_is_refused() {
    let canary = Canary::start().await;
    let own: IpAddr = "93.184.216.34".parse().unwrap();
    assert!(canary.is_reached_at(own).await, "{own} is on no interface");
    let rules = Rules { user_ports: vec![canary.port], ..Rules::default() };
    let rig = Rig::over(rules, Lookups::new(move |_, _| vec![own]), Arc::new(Dials::default()), Arc::new(Tcp));
    for url in [format!("http://{own}:{}/", canary.port), format!("http://we.example:{}/", canary.port)] {
        for vector in Vector::ALL {
            assert!(!vector.send(&rig, &url).await, "{vector:?}: {url}");
        }
    }
    assert!(canary.is_reached_at(own).await);
    assert_eq!(canary.came.load(Ordering::SeqCst), 2);
    let address = SocketAddr::new(own, canary.port);
    println!("{address}: {} refusals, 0 connections", rig.refused());
}
