//! Whatever addresses, answers of the resolver and redirects come in whatever order: what is dialled is
//! allowed, by rules that are written down here a second time.

use super::classifier::is_public;
use super::corpus::{embeddings, spellings, targets, tricks};
use super::recorder::{Dials, Lookups};
use super::vectors::call;
use crate::support::{AMPLE, bench, get, limits, listing, png};
use async_trait::async_trait;
use http::{HeaderMap, HeaderValue};
use ir_egress::{Dial, EgressParts, EgressWire, Purpose, Resolver, Wire, WireBody, WireFault, WireFaultKind, WireReply, WireRequest};
use ir_platforms::Method;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use rustls::RootCertStore;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use url::{Host, Url};

const NAMES: [&str; 8] = ["a.example", "b.example", "c.example", "listed.example", "listed.example", "intranet", "x.internal", "localhost"];
const METADATA: [&str; 9] = [
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "100.100.100.200",
    "192.0.0.192",
    "168.63.129.16",
    "fd00:ec2::254",
    "fd00:ec2::23",
    "fd20:ce::254",
];

/// One request on the wire, and what it led to.
#[derive(Debug)]
struct Step {
    url: Url,
    purpose: Purpose,
    headers: HeaderMap,
    lookups: Vec<(String, Vec<IpAddr>)>,
    dials: Vec<SocketAddr>,
}

/// The real way out up to the socket; behind the socket, servers that answer by a script.
struct World {
    real: EgressWire,
    names: Arc<Lookups>,
    dials: Arc<Dials>,
    replies: Mutex<VecDeque<(u16, String)>>,
    steps: Mutex<Vec<Step>>,
}

#[async_trait]
impl Wire for World {
    async fn send(&self, request: WireRequest) -> Result<WireReply, WireFault> {
        let (url, purpose, headers) = (request.url.clone(), request.purpose, request.headers.clone());
        let outcome = self.real.send(request).await;
        let step = Step { url, purpose, headers, lookups: self.names.take(), dials: self.dials.take() };
        let connected = !step.dials.is_empty();
        self.steps.lock().unwrap().push(step);
        match outcome {
            Err(fault) if connected && fault.kind == WireFaultKind::Connect => {
                let (status, location) = self.replies.lock().unwrap().pop_front().unwrap_or((200, String::new()));
                let mut headers = HeaderMap::new();
                if let Ok(location) = HeaderValue::from_bytes(location.as_bytes()) {
                    headers.insert("location", location);
                }
                let body = if status == 200 { png(4, 4) } else { Vec::new() };
                Ok(WireReply { status, headers, body: WireBody::scripted([Ok(body.into())]) })
            }
            other => other,
        }
    }
}

/// What goes out in one case, and what the world does about it.
#[derive(Clone, Debug)]
struct Case {
    listed: Vec<String>,
    /// The answers of each lookup, in turn.
    answers: Vec<Vec<IpAddr>>,
    /// Addresses that are asked for, each with its way in.
    asked: Vec<(u8, String)>,
    replies: Vec<(u16, String)>,
}

fn any_ip() -> impl Strategy<Value = IpAddr> {
    let (inside, beside) = targets();
    let ips = |targets: Vec<super::corpus::Target>| targets.into_iter().map(|target| target.ip).collect::<Vec<_>>();
    let (inside, beside) = (ips(inside), ips(beside));
    prop_oneof![
        8 => select(beside),
        2 => select(inside),
        1 => any::<u32>().prop_map(|n| Ipv4Addr::from_bits(n).into()),
        1 => (any::<u32>(), 0..11_usize).prop_map(|(n, form)| embeddings(Ipv4Addr::from_bits(n))[form].1.into()),
        1 => select(&METADATA[..]).prop_map(|ip| ip.parse().unwrap()),
    ]
}

fn any_port() -> impl Strategy<Value = &'static str> {
    select(&["", "", "", "", "", ":80", ":80", ":443", ":8080", ":22", ":6379", ":9000", ":0"][..])
}

fn any_address() -> impl Strategy<Value = String> {
    let tricks: Vec<String> = tricks().into_iter().map(|(text, _)| text).filter(|text| text.len() < 200).collect();
    let scheme = select(&["http", "http", "https"][..]);
    prop_oneof![
        4 => (scheme.clone(), select(&NAMES[..]), any_port()).prop_map(|(scheme, name, port)| format!("{scheme}://{name}{port}/x")),
        3 => (scheme, any_ip(), any::<proptest::sample::Index>(), any_port()).prop_map(|(scheme, ip, which, port)| {
            let hosts = spellings(ip);
            format!("{scheme}://{}{port}/x", hosts[which.index(hosts.len())])
        }),
        1 => Just("http://listed.example/x".to_owned()),
        1 => select(tricks),
        1 => select(&["/y", "y?z", "//b.example/y", "//127.0.0.1/", "?", "http:y", "https:y", "../.."][..]).prop_map(str::to_owned),
    ]
}

fn any_case() -> impl Strategy<Value = Case> {
    let listed = select(
        &["listed.example:80", "listed.example:8080", "10.0.0.1:80", "127.0.0.1:9000", "169.254.169.254:80", "localhost:443", "[::1]:80"][..],
    );
    let inside: Vec<IpAddr> = targets().0.into_iter().map(|target| target.ip).collect();
    let answers = prop_oneof![3 => prop::collection::vec(any_ip(), 1..4), 1 => prop::collection::vec(select(inside), 1..2)];
    let status = select(&[200_u16, 301, 302, 303, 307, 308][..]);
    (
        prop::collection::vec(listed.prop_map(str::to_owned), 0..3),
        prop::collection::vec(answers, 1..8),
        prop::collection::vec((0..7_u8, any_address()), 1..8),
        prop::collection::vec((status, any_address()), 0..10),
    )
        .prop_map(|(listed, answers, asked, replies)| Case { listed, answers, asked, replies })
}

/// Runs a case; the steps of each address that was asked for.
fn run(case: &Case) -> Vec<Vec<Step>> {
    let answers = case.answers.clone();
    let turn = Mutex::new(0);
    let names = Lookups::new(move |_, _| {
        let mut turn = turn.lock().unwrap();
        *turn += 1;
        answers[(*turn - 1) % answers.len()].clone()
    });
    let dials = Arc::new(Dials::default());
    let parts = EgressParts {
        resolver: Arc::clone(&names) as Arc<dyn Resolver>,
        dialer: Arc::clone(&dials) as Arc<dyn Dial>,
        roots: RootCertStore::empty(),
    };
    let real = EgressWire::with_parts(listing(&case.listed), parts);
    let world = Arc::new(World { real, names, dials, replies: Mutex::new(case.replies.clone().into()), steps: Mutex::default() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let bench = bench(Arc::clone(&world) as Arc<dyn Wire>);
        let mut all = Vec::new();
        for (way, url) in &case.asked {
            match way {
                0..=1 => drop(bench.door.download(url, Purpose::UserUrl, &limits()).await),
                2..=3 => drop(bench.door.download(url, Purpose::Drawn, &limits()).await),
                4 => drop(bench.door.exchange(&call(Method::Post, url), &limits()).await),
                5 => drop(bench.door.post(url, Purpose::UserUrl, Vec::new(), "{}".to_owned()).await),
                _ => {
                    if let Ok(url) = Url::parse(url) {
                        let _ = world.send(get(url.as_str(), Purpose::Admin, AMPLE)).await;
                    }
                }
            }
            all.push(std::mem::take(&mut *world.steps.lock().unwrap()));
        }
        all
    })
}

/// A service that hands out credentials, in whatever form.
fn is_metadata(ip: IpAddr) -> bool {
    METADATA.iter().map(|text| text.parse::<IpAddr>().unwrap()).any(|service| {
        let hidden = |outer: IpAddr| match service {
            // By its last or its embedded bits; prefixes are the classifier's business.
            IpAddr::V4(v4) => embeddings(v4).into_iter().any(|(_, form)| IpAddr::V6(form) == outer),
            IpAddr::V6(_) => false,
        };
        service == ip || hidden(ip)
    })
}

fn may_be_dialled(case: &Case, step: &Step, address: SocketAddr) -> bool {
    let host = step.url.host_str().unwrap_or_default();
    let Some(port) = step.url.port_or_known_default() else { return false };
    let listed = case.listed.iter().any(|entry| *entry == format!("{host}:{port}"));
    if address.port() != port || is_metadata(address.ip()) {
        return false;
    }
    if listed {
        return true;
    }
    let stranger = matches!(step.purpose, Purpose::UserUrl | Purpose::Drawn);
    let inner_name = !host.contains('.') && !host.starts_with('[') || host.ends_with(".internal");
    let odd_port = match step.purpose {
        Purpose::UserUrl => port != 80 && port != 443,
        Purpose::Drawn => port == 6379 || (port < 1024 && port != 80 && port != 443),
        Purpose::Provider | Purpose::Storage | Purpose::Admin => false,
    };
    is_public(address.ip()) && !(stranger && (inner_name || odd_port))
}

fn judge(case: &Case, steps: &[Step]) -> Result<(), TestCaseError> {
    for step in steps {
        prop_assert!(step.lookups.len() <= 1, "{:?}", step);
        let answers = match step.url.host() {
            Some(Host::Domain(_)) => step.lookups.first().map(|(_, answers)| answers.clone()).unwrap_or_default(),
            Some(Host::Ipv4(v4)) => vec![v4.into()],
            Some(Host::Ipv6(v6)) => vec![v6.into()],
            None => Vec::new(),
        };
        for address in &step.dials {
            prop_assert!(may_be_dialled(case, step, *address), "{} must not be dialled: {:?}", address, step);
            prop_assert!(answers.contains(&address.ip()), "{} was not judged: {:?}", address, step);
        }
        let port = step.url.port_or_known_default().unwrap_or_default();
        let bad = answers.iter().any(|ip| !may_be_dialled(case, step, SocketAddr::new(*ip, port)));
        prop_assert!(step.dials.is_empty() || !bad, "one bad answer spoils all: {:?}", step);
        if matches!(step.purpose, Purpose::UserUrl | Purpose::Drawn) {
            prop_assert!(!step.headers.contains_key("authorization") && step.url.username().is_empty(), "{:?}", step);
        }
    }
    prop_assert!(steps.len() <= 4, "{:?}", steps);
    let single = steps.first().is_some_and(|step| matches!(step.purpose, Purpose::Provider | Purpose::Admin));
    prop_assert!(!single || steps.len() == 1, "{:?}", steps);
    for pair in steps.windows(2) {
        prop_assert!(pair[0].url.scheme() != "https" || pair[1].url.scheme() == "https", "{:?}", pair);
    }
    Ok(())
}

proptest! {
    // 256 cases; `PROPTEST_CASES` says otherwise.
    #![proptest_config(ProptestConfig::default())]

    /// Proves P-2, R-SSRF-2, R-SSRF-3, R-SSRF-4, R-SSRF-7.
    #[test]
    fn nothing_leads_to_a_connection_outside_of_the_rules(case in any_case()) {
        for steps in run(&case) {
            judge(&case, &steps)?;
        }
    }
}

/// The cases are worth something: of a hundred, many connections are made and many redirects
/// followed.
#[test]
fn the_cases_go_far() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut dials, mut hops, mut listed) = (0, 0, 0);
    for _ in 0..100 {
        let case = any_case().new_tree(&mut runner).unwrap().current();
        for steps in run(&case) {
            dials += steps.iter().map(|step| step.dials.len()).sum::<usize>();
            hops += steps.len().saturating_sub(1);
            listed += steps.iter().flat_map(|step| &step.dials).filter(|address| !is_public(address.ip())).count();
        }
    }
    println!("property: {dials} connections, {hops} redirects followed, {listed} connections to listed places in 100 cases");
    assert!(dials > 100 && hops > 20 && listed > 2, "{dials} {hops} {listed}");
}
