//! What is dialled, what is not, and how connections are kept.

use crate::support::*;
use ir_egress::{EgressWire, Purpose, Rules, WireFaultKind};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

const CONFIGURED: [Purpose; 3] = [Purpose::Provider, Purpose::Storage, Purpose::Admin];
const ALL: [Purpose; 4] = [Purpose::Provider, Purpose::Storage, Purpose::Admin, Purpose::UserUrl];

/// Proves R-SSRF-4, R-SSRF-7.
#[tokio::test]
async fn loopback_is_dialled_only_if_listed() {
    let server = Server::answering(ok("text/plain", b"hello")).await;
    for purpose in ALL {
        let fault = fetch(&EgressWire::new(Rules::default()), &server.url("/"), purpose).await.unwrap_err();
        assert_eq!((fault.kind, fault.sent), (WireFaultKind::Refused, false), "{}", purpose.name());
    }
    assert_eq!(server.accepted(), 0);
    for purpose in ALL {
        let mut reply = fetch(&wire_to(&server), &server.url("/"), purpose).await.unwrap();
        assert_eq!(body(&mut reply).await.unwrap(), b"hello");
    }
    assert_eq!(server.accepted(), ALL.len());
}

/// A listed name, port or address does not vouch for its neighbours.
///
/// Proves R-SSRF-1.
#[tokio::test]
async fn neighbours_of_a_listed_origin_stay_refused() {
    let (server, canary) = (Server::canary().await, Server::canary().await);
    let wire = wire_to(&server);
    for url in [canary.url("/"), format!("http://127.0.0.2:{}/", server.port()), format!("http://[::1]:{}/", server.port())] {
        let fault = fetch(&wire, &url, Purpose::Provider).await.unwrap_err();
        assert_eq!(fault.kind, WireFaultKind::Refused, "{url}");
    }
    assert_eq!((server.accepted(), canary.accepted()), (0, 0));
}

/// One private answer among many spoils the name, and it is looked up once.
///
/// Proves R-SSRF-4.
#[tokio::test]
async fn one_private_answer_refuses_the_name() {
    let canary = Server::canary().await;
    let names = Names::new(&[
        ("mixed.example", &["93.184.216.34", "2606:4700::1111", "127.0.0.1"]),
        ("mapped.example", &["::ffff:127.0.0.1"]),
        ("metadata.example", &["169.254.169.254"]),
    ]);
    let wire = wire_with(&names, &[]);
    for (done, name) in ["mixed.example", "mapped.example", "metadata.example"].into_iter().enumerate() {
        let url = format!("http://{name}:{}/", canary.port());
        let fault = fetch(&wire, &url, Purpose::Provider).await.unwrap_err();
        assert_eq!((fault.kind, fault.sent), (WireFaultKind::Blocked, false), "{name}");
        assert_eq!(names.lookups.load(Ordering::SeqCst), done + 1);
    }
    assert_eq!(canary.accepted(), 0);
}

/// A metadata service is not dialled even under a listed name.
#[tokio::test]
async fn a_listed_name_does_not_reach_metadata() {
    let names = Names::new(&[("ours.example", &["10.0.0.1", "100.100.100.200"])]);
    let fault = fetch(&wire_with(&names, &["ours.example:80".to_owned()]), "http://ours.example/", Purpose::Provider).await.unwrap_err();
    assert_eq!(fault.kind, WireFaultKind::Blocked);
}

/// The host that was judged is the host that is told, and its address the one dialled.
///
/// Proves R-SSRF-2.
#[tokio::test]
async fn a_listed_name_is_looked_up_once_and_told_as_host() {
    let server = Server::start(|_, mut stream| async move {
        let (head, _) = read_request(&mut stream).await.unwrap();
        let _ = stream.write_all(&ok("text/plain", head.as_bytes())).await;
    })
    .await;
    let names = Names::new(&[("sim.example", &["127.0.0.1"])]);
    let origin = format!("sim.example:{}", server.port());
    let wire = wire_with(&names, std::slice::from_ref(&origin));
    let mut reply = fetch(&wire, &format!("http://SIM.example:{}/a%20b?c=d#e", server.port()), Purpose::Provider).await.unwrap();
    let head = String::from_utf8(body(&mut reply).await.unwrap()).unwrap();
    assert_eq!(head, format!("GET /a%20b?c=d HTTP/1.1\r\nhost: {origin}\r\n\r\n"));
    assert_eq!(names.lookups.load(Ordering::SeqCst), 1);
}

/// New rules hold for connections that are already open.
#[tokio::test]
async fn kept_connections_are_judged_anew() {
    let server = Server::answering(ok("text/plain", b"hello")).await;
    let wire = wire_to(&server);
    for _ in 0..3 {
        body(&mut fetch(&wire, &server.url("/"), Purpose::Provider).await.unwrap()).await.unwrap();
    }
    assert_eq!(server.accepted(), 1, "the connection was kept");
    wire.set_rules(Rules::default());
    let fault = fetch(&wire, &server.url("/"), Purpose::Provider).await.unwrap_err();
    assert_eq!(fault.kind, WireFaultKind::Refused);
}

/// No connection is shared between purposes, none is kept for callers' addresses.
#[tokio::test]
async fn purposes_do_not_share_connections() {
    let server = Server::answering(ok("text/plain", b"hello")).await;
    let wire = wire_to(&server);
    for purpose in CONFIGURED {
        for _ in 0..2 {
            body(&mut fetch(&wire, &server.url("/"), purpose).await.unwrap()).await.unwrap();
        }
    }
    assert_eq!(server.accepted(), 3);
    for _ in 0..2 {
        body(&mut fetch(&wire, &server.url("/"), Purpose::UserUrl).await.unwrap()).await.unwrap();
    }
    assert_eq!(server.accepted(), 5);
}

/// F-8: a kept connection that the other side closed costs nothing but a new one.
///
/// Proves F-8.
#[tokio::test]
async fn a_stale_connection_is_replaced_silently() {
    let (closed, mut is_closed) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::start(move |_, mut stream| {
        let closed = closed.clone();
        async move {
            read_request(&mut stream).await;
            let _ = stream.write_all(&ok("text/plain", b"hello")).await;
            drop(stream);
            let _ = closed.send(());
        }
    })
    .await;
    let wire = wire_to(&server);
    for _ in 0..5 {
        let mut reply = fetch(&wire, &server.url("/"), Purpose::Provider).await.unwrap();
        assert_eq!(body(&mut reply).await.unwrap(), b"hello");
        is_closed.recv().await.unwrap();
        // Until the kernel has told, too.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(server.accepted(), 5);
}

/// F-18: bytes after the announced end do not become the next answer.
///
/// Proves F-18.
#[tokio::test]
async fn extra_bytes_do_not_reach_the_next_request() {
    let server = Server::start(|number, mut stream| async move {
        while read_request(&mut stream).await.is_some() {
            let mut answer = ok("text/plain", format!("answer {number}").as_bytes());
            answer.extend_from_slice(&ok("text/plain", b"smuggled"));
            if stream.write_all(&answer).await.is_err() {
                return;
            }
        }
    })
    .await;
    let wire = wire_to(&server);
    for number in 0..3 {
        let mut reply = fetch(&wire, &server.url("/"), Purpose::Provider).await.unwrap();
        assert_eq!(body(&mut reply).await.unwrap(), format!("answer {number}").as_bytes());
    }
}

/// A reply that is not read to its end closes its connection.
///
/// Proves F-12.
#[tokio::test]
async fn a_dropped_reply_closes_its_connection() {
    let (closed, is_closed) = tokio::sync::oneshot::channel();
    let closed = Arc::new(std::sync::Mutex::new(Some(closed)));
    let server = Server::start(move |_, mut stream| {
        let closed = closed.lock().unwrap().take();
        async move {
            read_request(&mut stream).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n").await;
            while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
            let _ = closed.unwrap().send(());
        }
    })
    .await;
    let mut reply = fetch(&wire_to(&server), &server.url("/"), Purpose::Provider).await.unwrap();
    reply.body.chunk().await.unwrap();
    drop(reply);
    is_closed.await.unwrap();
}

/// At this level a redirect is a reply like others.
///
/// Proves R-SSRF-3.
#[tokio::test]
async fn redirects_are_not_followed() {
    let canary = Server::canary().await;
    let answer = format!("HTTP/1.1 307 Go\r\nlocation: {}\r\nalt-svc: h2=\":443\"\r\ncontent-length: 0\r\n\r\n", canary.url("/"));
    let server = Server::answering(answer).await;
    let reply = fetch(&wire_to(&server), &server.url("/"), Purpose::Provider).await.unwrap();
    assert_eq!(reply.status, 307);
    assert_eq!(canary.accepted(), 0);
}

#[tokio::test]
async fn more_than_sixteen_answers_are_not_dialled() {
    let many: Vec<String> = (0..40).map(|n| format!("127.0.0.{}", n + 1)).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let names = Names::new(&[("many.example", &many)]);
    let wire = wire_with(&names, &["many.example:9".to_owned()]);
    let fault = fetch(&wire, "http://many.example:9/", Purpose::Provider).await.unwrap_err();
    assert_eq!((fault.kind, fault.sent), (WireFaultKind::Connect, false));
}

/// Proves F-4.
#[tokio::test]
async fn unknown_names_do_not_resolve() {
    let names = Names::new(&[("empty.example", &[])]);
    for host in ["unknown.example", "empty.example"] {
        let fault = fetch(&wire_with(&names, &[]), &format!("https://{host}/"), Purpose::UserUrl).await.unwrap_err();
        assert_eq!((fault.kind, fault.sent), (WireFaultKind::Resolve, false), "{host}");
    }
}

/// The system's resolver knows this machine, and the rules do not let it through unlisted.
///
/// Proves R-SSRF-4, F-5.
#[tokio::test]
async fn localhost_needs_to_be_listed_too() {
    let server = Server::answering(ok("text/plain", b"hello")).await;
    let url = format!("http://localhost:{}/", server.port());
    let fault = fetch(&EgressWire::new(Rules::default()), &url, Purpose::Provider).await.unwrap_err();
    assert_eq!(fault.kind, WireFaultKind::Blocked);
    assert_eq!(server.accepted(), 0);
    let wire = EgressWire::new(listing(&[format!("localhost:{}", server.port())]));
    assert_eq!(fetch(&wire, &url, Purpose::UserUrl).await.unwrap().status, 200);
}

/// T2: the child runs with every proxy variable set to a canary.
#[tokio::test]
async fn proxies_of_the_environment_are_ignored() {
    let canary = Server::canary().await;
    let proxy = format!("http://{}", canary.address);
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--ignored", "--exact", "wire::child_with_proxies"]);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        child.env(name, &proxy);
    }
    let output = tokio::task::spawn_blocking(move || child.output().unwrap()).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    assert_eq!(canary.accepted(), 0);
}

#[tokio::test]
#[ignore = "run by proxies_of_the_environment_are_ignored"]
async fn child_with_proxies() {
    let server = Server::answering(ok("text/plain", b"direct")).await;
    let mut reply = fetch(&wire_to(&server), &server.url("/"), Purpose::Provider).await.unwrap();
    assert_eq!(body(&mut reply).await.unwrap(), b"direct");
}
