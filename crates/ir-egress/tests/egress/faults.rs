//! What goes wrong on the way, and whether it is known that nothing was sent (F-1 to F-20).

use crate::support::*;
use ir_egress::{EgressParts, EgressWire, Pace, Phase, Purpose, Resolver, Rules, Timing, Wire, WireFault, WireFaultKind};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

const SHORT: Duration = Duration::from_millis(300);
/// For a whole exchange, which begins well before.
const ALL: Duration = Duration::from_secs(3);

fn outcome(fault: &WireFault) -> (WireFaultKind, bool) {
    (fault.kind, fault.sent)
}

/// A server that reads a request, writes this, and keeps the connection open in silence.
async fn silent_after(beginning: &'static [u8]) -> Server {
    Server::start(move |_, mut stream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(beginning).await;
        // Until the other side hangs up.
        let _ = stream.read(&mut [0; 16]).await;
    })
    .await
}

#[tokio::test]
async fn refused_connections_sent_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let wire = EgressWire::new(listing(&[address.to_string()]));
    let fault = fetch(&wire, &format!("http://{address}/"), Purpose::Provider).await.unwrap_err();
    assert_eq!(outcome(&fault), (WireFaultKind::Connect, false));
}

/// A resolver that never answers is given up after 5 seconds, whatever else would be allowed.
///
/// Proves F-4, R-TMO-2.
#[tokio::test(start_paused = true)]
async fn lookups_are_cut() {
    struct Never;
    #[async_trait::async_trait]
    impl Resolver for Never {
        async fn resolve(&self, _name: &str) -> std::io::Result<Vec<std::net::IpAddr>> {
            std::future::pending().await
        }
    }
    let wire = EgressWire::with_parts(Rules::default(), EgressParts { resolver: Arc::new(Never), ..EgressParts::default() });
    let start = Instant::now();
    let fault = fetch(&wire, "https://a.example/", Purpose::Provider).await.unwrap_err();
    assert_eq!(outcome(&fault), (WireFaultKind::Timeout(Phase::Resolve), false));
    assert_eq!(start.elapsed().as_secs(), 5);
}

/// A listener whose queue is full does not answer further connections at all.
///
/// Proves R-TMO-2.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn connecting_is_cut() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let wire = Arc::new(EgressWire::new(listing(&[address.to_string()])));
    let timing = Timing { connect: SHORT, first_byte: 10 * SHORT, ..AMPLE };
    let sends: Vec<_> = (0..12)
        .map(|_| {
            let (wire, request) = (Arc::clone(&wire), get(&format!("http://{address}/"), Purpose::Provider, timing));
            tokio::spawn(async move { outcome(&wire.send(request).await.unwrap_err()) })
        })
        .collect();
    let mut cut = 0;
    for send in sends {
        match send.await.unwrap() {
            (WireFaultKind::Timeout(Phase::Connect), false) => cut += 1,
            queued => assert_eq!(queued, (WireFaultKind::Timeout(Phase::FirstByte), true)),
        }
    }
    assert!(cut >= 8, "{cut} of 12, where 2 fit into the queue");
}

/// Proves F-10.
#[tokio::test]
async fn a_reset_after_the_request_may_have_been_heard() {
    let server = Server::start(|_, mut stream| async move {
        read_request(&mut stream).await;
        // Closing with a byte unread resets the connection.
        drop(stream);
    })
    .await;
    let fault = fetch(&wire_to(&server), &server.url("/"), Purpose::Provider).await.unwrap_err();
    assert_eq!(outcome(&fault), (WireFaultKind::Broken, true));
    assert_eq!(server.accepted(), 1, "it is not tried again here");
}

/// Proves F-14, R-TMO-2.
#[tokio::test]
async fn silence_is_cut_at_the_first_byte() {
    let server = silent_after(b"").await;
    let timing = Timing { first_byte: SHORT, ..AMPLE };
    let fault = wire_to(&server).send(get(&server.url("/"), Purpose::Provider, timing)).await.unwrap_err();
    assert_eq!(outcome(&fault), (WireFaultKind::Timeout(Phase::FirstByte), true));
}

/// Proves R-TMO-1.
#[tokio::test]
async fn the_deadline_is_absolute() {
    let server = silent_after(b"").await;
    let wire = wire_to(&server);
    let mut request = get(&server.url("/"), Purpose::Provider, AMPLE);
    request.deadline = Instant::now() + ALL;
    let fault = wire.send(request).await.unwrap_err();
    assert_eq!(outcome(&fault), (WireFaultKind::Timeout(Phase::Total), true));
}

#[tokio::test]
async fn half_a_head_is_no_first_byte() {
    let server = silent_after(b"HTTP/1.1 200 OK\r\ncontent-le").await;
    let timing = Timing { first_byte: SHORT, ..AMPLE };
    let fault = wire_to(&server).send(get(&server.url("/"), Purpose::Provider, timing)).await.unwrap_err();
    assert_eq!(outcome(&fault), (WireFaultKind::Timeout(Phase::FirstByte), true));
}

/// Proves F-12, R-TMO-2.
#[tokio::test]
async fn headers_then_silence_is_cut_when_idle() {
    let server = silent_after(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345").await;
    let timing = Timing { idle: SHORT, ..AMPLE };
    let wire = wire_to(&server);
    let mut reply = wire.send(get(&server.url("/"), Purpose::Provider, timing)).await.unwrap();
    let fault = body(&mut reply).await.unwrap_err();
    assert_eq!(outcome(&fault), (WireFaultKind::Timeout(Phase::Idle), true));
    assert_eq!(reply.body.chunk().await, Ok(None), "after a fault the body is over");
    // The connection was not kept.
    let _ = wire.send(get(&server.url("/"), Purpose::Provider, timing)).await.unwrap();
    assert_eq!(server.accepted(), 2);
}

async fn dripping() -> Server {
    Server::start(|_, mut stream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").await;
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        while stream.write_all(b"x").await.is_ok() {
            tick.tick().await;
        }
    })
    .await
}

/// Proves F-13, R-TMO-2.
#[tokio::test]
async fn a_drip_ends_at_the_total() {
    let server = dripping().await;
    let timing = Timing { total: ALL, ..AMPLE };
    let mut reply = wire_to(&server).send(get(&server.url("/"), Purpose::Provider, timing)).await.unwrap();
    let fault = body(&mut reply).await.unwrap_err();
    assert_eq!(outcome(&fault), (WireFaultKind::Timeout(Phase::Total), true));
}

/// Callers' addresses have to be fast as well.
///
/// Proves R-SSRF-10.
#[tokio::test]
async fn a_drip_from_a_callers_address_is_too_slow() {
    let server = dripping().await;
    let mut rules = listing(&[server.address.to_string()]);
    rules.user_pace = Pace { bytes_per_second: 10 * 1024, grace: SHORT };
    let mut reply = fetch(&EgressWire::new(rules), &server.url("/"), Purpose::UserUrl).await.unwrap();
    assert_eq!(outcome(&body(&mut reply).await.unwrap_err()), (WireFaultKind::Timeout(Phase::Pace), true));
}

/// F-17, and the same for chunks.
///
/// Proves F-17.
#[tokio::test]
async fn a_body_that_ends_early_is_broken() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort"[..],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nshort\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nsho",
    ] {
        let server = Server::start(move |_, mut stream| async move {
            read_request(&mut stream).await;
            let _ = stream.write_all(answer).await;
        })
        .await;
        let mut reply = fetch(&wire_to(&server), &server.url("/"), Purpose::Provider).await.unwrap();
        assert_eq!(outcome(&body(&mut reply).await.unwrap_err()), (WireFaultKind::Broken, true));
    }
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "a".repeat(100_000)).into_bytes();
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(200)).into_bytes();
    let gzip = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc".to_vec();
    let upgrade = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n".to_vec();
    for (answer, kinds) in [
        (b"220 mail.example ESMTP\r\n".to_vec(), &[WireFaultKind::Protocol][..]),
        (long, &[WireFaultKind::TooLarge]),
        (many, &[WireFaultKind::TooLarge, WireFaultKind::Protocol]),
        (gzip, &[WireFaultKind::Protocol]),
        (upgrade, &[WireFaultKind::Protocol]),
    ] {
        let server = Server::answering(answer.clone()).await;
        let fault = fetch(&wire_to(&server), &server.url("/"), Purpose::Provider).await.unwrap_err();
        assert!(kinds.contains(&fault.kind) && fault.sent, "{fault} for {}", String::from_utf8_lossy(&answer[..20]));
    }
}

#[tokio::test]
async fn identity_is_an_encoding_that_is_taken() {
    let server = Server::answering("HTTP/1.1 200 OK\r\ncontent-encoding: Identity\r\ncontent-length: 3\r\n\r\nabc").await;
    let mut reply = fetch(&wire_to(&server), &server.url("/"), Purpose::Provider).await.unwrap();
    assert_eq!(body(&mut reply).await.unwrap(), b"abc");
}

/// Nothing in a fault's text tells a query, which may hold a signature.
/// Proves R-PRIV-2.
#[tokio::test]
async fn faults_do_not_tell_queries() {
    let server = silent_after(b"HTTP/1.0 nonsense").await;
    let timing = Timing { first_byte: SHORT, ..AMPLE };
    for rules in [Rules::default(), listing(&[server.address.to_string()])] {
        let request = get(&server.url("/x?signature=canary"), Purpose::Provider, timing);
        assert!(!format!("{request:?}").contains("canary"));
        let fault = EgressWire::new(rules).send(request).await.unwrap_err();
        assert!(!fault.to_string().contains("canary"), "{fault}");
    }
}
