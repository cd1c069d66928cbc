//! The socket: the text of these addresses tells nothing, so that only what is about to be dialled can
//! be judged.

use super::corpus::{embeddings, targets};
use super::recorder::{Dials, Lookups, Rig};
use super::vectors::Vector;
use crate::support::{Server, listing, ok};
use async_trait::async_trait;
use ir_egress::{Dial, Link, Purpose, Rules};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::net::TcpStream;

/// A public address, by number.
fn public(number: usize) -> IpAddr {
    Ipv4Addr::from_bits(0x5db8_d800 + u32::try_from(number).unwrap()).into()
}

/// Addresses that must not be dialled: of every range, and of every form that hides one.
fn forbidden() -> Vec<IpAddr> {
    let (inside, _) = targets();
    let hidden = inside.iter().filter_map(|target| if let IpAddr::V4(v4) = target.ip { Some(v4) } else { None });
    let hidden: Vec<IpAddr> = hidden.step_by(8).flat_map(embeddings).map(|(_, outer)| outer.into()).collect();
    inside.iter().map(|target| target.ip).chain(hidden).collect()
}

/// What the names of a test lead to; tests write to it.
type Table = Arc<Mutex<HashMap<String, Vec<IpAddr>>>>;

fn table() -> (Table, Arc<Lookups>) {
    let table = Table::default();
    let known = Arc::clone(&table);
    let names = Lookups::new(move |name, _| known.lock().unwrap().get(name).cloned().unwrap_or_default());
    (table, names)
}

const NAME: &str = "picture.example";

/// One forbidden answer at any place among public ones spoils the name, also beyond those that would
/// be dialled; it is looked up once.
///
/// Proves R-SSRF-4, R-SSRF-7, R-SSRF-9, F-5.
#[tokio::test]
async fn one_private_answer_at_any_place_refuses_the_name() {
    let (table, names) = table();
    let rig = Rig::new(Rules::default(), names);
    let forbidden = forbidden();
    let mut driven = 0;
    for (number, ip) in forbidden.iter().enumerate() {
        let shapes: &[(usize, usize)] =
            if number % 8 == 0 { &[(1, 0), (3, 0), (3, 1), (3, 2), (16, 15), (17, 16), (200, 199)] } else { &[(1, 0), (4, 3)] };
        for (many, place) in shapes {
            let answers: Vec<IpAddr> = (0..*many).map(|at| if at == *place { *ip } else { public(at) }).collect();
            table.lock().unwrap().insert(NAME.to_owned(), answers);
            for vector in Vector::ALL {
                let seen = vector.drive(&rig, &format!("http://{NAME}/x.png")).await;
                assert!(!seen.came && seen.dials.is_empty(), "{vector:?}: {ip} at {place} of {many}: {seen:?}");
                assert_eq!((seen.refused, seen.lookups.len()), (1, 1), "{vector:?}: {ip} at {place} of {many}");
                driven += 1;
            }
        }
    }
    println!("sockets: {} addresses behind names, {driven} connections refused, 0 dialled", forbidden.len());
}

/// Proves R-SSRF-2, R-SSRF-4, P-1.
#[tokio::test]
async fn public_answers_are_dialled_as_they_were_judged() {
    let (table, names) = table();
    let rig = Rig::new(Rules::default(), names);
    let (_, beside) = targets();
    let answers: Vec<IpAddr> = beside.iter().map(|target| target.ip).collect();
    for some in answers.chunks(16) {
        table.lock().unwrap().insert(NAME.to_owned(), some.to_vec());
        for vector in Vector::ALL {
            let seen = vector.drive(&rig, &format!("http://{NAME}/x.png")).await;
            let wanted: Vec<SocketAddr> = some.iter().map(|ip| SocketAddr::new(*ip, 80)).collect();
            assert_eq!((seen.refused, seen.lookups.len(), seen.dials), (0, 1, wanted), "{vector:?}");
        }
    }
    // More than are dialled, and more than are looked at.
    for (many, dialled) in [(17, 16), (256, 16), (257, 0)] {
        table.lock().unwrap().insert(NAME.to_owned(), (0..many).map(public).collect());
        let seen = Vector::CallersUrl.drive(&rig, &format!("http://{NAME}/")).await;
        assert_eq!((seen.refused, seen.dials.len()), (0, dialled), "{many} answers");
    }
}

/// Between two lookups an answer may change; between a lookup and a connection there is none.
///
/// Proves R-SSRF-2, R-SSRF-4.
#[tokio::test]
async fn an_answer_that_changes_is_judged_again() {
    let flips = Lookups::new(|_, number| if number == 0 { vec![public(1)] } else { vec![Ipv4Addr::LOCALHOST.into()] });
    let rig = Rig::new(Rules::default(), flips);
    for vector in Vector::ALL {
        let _ = rig.names.take();
        let mut outcomes = Vec::new();
        for _ in 0..3 {
            // Lookups are numbered since the last time that they were taken.
            let before = rig.refused();
            let url = "http://rebound.example/x.png";
            vector.send(&rig, url).await;
            outcomes.push((rig.refused() - before, rig.dials.take()));
        }
        let dialled = vec![SocketAddr::new(public(1), 80)];
        assert_eq!(outcomes, [(0, dialled), (1, Vec::new()), (1, Vec::new())], "{vector:?}");
        assert_eq!(rig.names.take().len(), 3, "{vector:?}: once for each connection");
    }
}

/// Names that look like addresses, and names that lead to others.
///
/// Proves R-SSRF-2, R-SSRF-4.
#[tokio::test]
async fn names_are_judged_by_what_they_lead_to() {
    let inner: Vec<IpAddr> =
        ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "fd00:ec2::254"].iter().map(|ip| ip.parse().unwrap()).collect();
    let names = [
        "127.0.0.1.nip.example",
        "127-0-0-1.dashed.example",
        "0x7f.0.0.1.example",
        "2130706433.example",
        "1.0.0.127.in-addr.arpa",
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
        "xn--bcher-kva.example",
        "-a.example",
        "a_b.example",
        "*.example",
        "8.8.8.8.example.com",
        "localhost.example.com",
        "notlocalhost",
        "metadata.google.internal.example.com",
    ];
    // What an alias leads to is what the resolver answers for it, however long the way.
    let aliases: HashMap<String, String> = (0..20).map(|n| (format!("alias{n}.example"), format!("alias{}.example", n + 1))).collect();
    for ip in inner {
        let aliases = aliases.clone();
        let lookups = Lookups::new(move |name, _| {
            let mut name = name.to_owned();
            while let Some(next) = aliases.get(&name) {
                name.clone_from(next);
            }
            vec![public(7), ip]
        });
        let rig = Rig::new(Rules::default(), lookups);
        for name in names.iter().copied().chain(["alias0.example", "alias19.example", "b\u{fc}cher.example"]) {
            for vector in Vector::ALL.into_iter().filter(|vector| vector.carries(&format!("http://{name}/"))) {
                let seen = vector.drive(&rig, &format!("http://{name}/x.png")).await;
                assert!(!seen.came && seen.dials.is_empty() && seen.lookups.len() <= 1, "{vector:?}: {name}: {seen:?}");
            }
        }
    }
}

/// Listed is an origin, never what it shares a machine, a name or a port with; and no metadata.
///
/// Proves R-SSRF-1, R-SSRF-7, R-SSRF-8.
#[tokio::test]
async fn what_is_listed_vouches_for_itself_alone() {
    let inner: IpAddr = "10.1.2.3".parse().unwrap();
    let (table, names) = table();
    for name in ["ours.example", "theirs.example", "sub.ours.example"] {
        table.lock().unwrap().insert(name.to_owned(), vec![inner]);
    }
    table.lock().unwrap().insert("cloud.example".to_owned(), vec![inner, "100.100.100.200".parse().unwrap()]);
    let listed = [
        "*:80",
        "*.example:8080",
        "ours.example:8080",
        "10.1.2.3:9090",
        "cloud.example:80",
        "169.254.169.254:80",
        "[fd00:ec2::254]:80",
        "[::ffff:169.254.169.254]:80",
    ];
    let rig = Rig::new(listing(&listed.map(str::to_owned)), names);
    for (url, allowed) in [
        ("http://ours.example:8080/", true),
        ("http://OURS.example:8080/", true),
        ("http://ours.example:8081/", false),
        ("http://ours.example/", false),
        ("http://theirs.example:8080/", false),
        ("http://sub.ours.example:8080/", false),
        ("http://10.1.2.3:8080/", false),
        ("http://10.1.2.3:9090/", true),
        ("http://0xa010203:9090/", true),
        ("http://ours.example:9090/", false),
        ("http://[::ffff:10.1.2.3]:9090/", false),
        ("http://10.1.2.4:9090/", false),
        ("http://cloud.example/", false),
        ("http://169.254.169.254/", false),
        ("http://[fd00:ec2::254]/", false),
        ("http://[::ffff:169.254.169.254]/", false),
    ] {
        for vector in Vector::ALL {
            let seen = vector.drive(&rig, url).await;
            assert_eq!((seen.dials.len(), seen.refused), if allowed { (1, 0) } else { (0, 1) }, "{vector:?}: {url}: {seen:?}");
        }
    }
}

/// Where the gateway listens is refused even if it is public.
///
/// Proves R-SSRF-4.
#[tokio::test]
async fn the_gateway_does_not_talk_to_itself() {
    let own = vec!["93.184.216.34:443".parse().unwrap(), "[2606:4700::1111]:443".parse().unwrap()];
    let (table, names) = table();
    table.lock().unwrap().insert("we.example".to_owned(), vec!["2606:4700::1111".parse().unwrap()]);
    let rig = Rig::new(Rules { own_addresses: own, ..Rules::default() }, names);
    for url in ["https://93.184.216.34/", "https://[2606:4700::1111]/", "https://we.example/", "https://0x5db8d822/"] {
        for vector in Vector::ALL {
            let seen = vector.drive(&rig, url).await;
            assert_eq!((seen.dials.len(), seen.refused), (0, 1), "{vector:?}: {url}: {seen:?}");
        }
    }
    assert_eq!(Vector::CallersUrl.drive(&rig, "http://93.184.216.34/").await.dials.len(), 1, "another port");
}

/// Reaches another place than it was told to, as a translating network would.
struct Astray {
    to: SocketAddr,
    asked: Arc<Dials>,
}

#[async_trait]
impl Dial for Astray {
    async fn dial(&self, address: SocketAddr) -> io::Result<Box<dyn Link>> {
        let _ = self.asked.dial(address).await;
        #[expect(clippy::disallowed_methods, reason = "the test is the network")]
        TcpStream::connect(self.to).await.map(|stream| Box::new(stream) as Box<dyn Link>)
    }
}

/// What was reached is compared with what was judged; nothing is written before.
///
/// Proves R-SSRF-4.
#[tokio::test]
async fn a_connection_that_leads_elsewhere_is_not_used() {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let got = Arc::clone(&requests);
    let server = Server::start(move |_, mut stream| {
        let got = Arc::clone(&got);
        async move {
            if let Some((head, _)) = crate::support::read_request(&mut stream).await {
                got.lock().unwrap().push(head);
                let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, &ok("image/png", &crate::support::png(8, 8))).await;
            }
        }
    })
    .await;
    let dials = Arc::new(Dials::default());
    let dialer = Arc::new(Astray { to: server.address, asked: Arc::clone(&dials) });
    let rig = Rig::over(Rules::default(), Lookups::new(|_, _| vec![public(1)]), dials, dialer);
    for vector in Vector::ALL {
        let seen = vector.drive(&rig, "http://picture.example/x.png").await;
        assert_eq!((seen.came, seen.refused, seen.dials), (false, 1, vec![SocketAddr::new(public(1), 80)]), "{vector:?}");
    }
    assert!(requests.lock().unwrap().is_empty(), "{requests:?}");
    let counts = rig.bench.door.refusals().counts();
    let own: u64 = counts.iter().filter(|(_, class, _)| *class == "self").map(|(_, _, number)| number).sum();
    assert_eq!(own, Vector::ALL.len() as u64, "by class");
    assert!(counts.iter().any(|(purpose, class, number)| (*purpose, *class, *number) == (Purpose::Storage, "self", 1)));
}
