//! F-6: nothing is sent to a server that cannot prove its name.

use crate::support::*;
use ir_egress::{EgressParts, EgressWire, Phase, Purpose, Timing, Wire, WireFaultKind};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

/// A server with a certificate of its own making for `name`, and that certificate.
async fn server(name: &str) -> (Server, CertificateDer<'static>) {
    server_until(name, 4096).await
}

/// The same with a certificate that is good up to this year.
async fn server_until(name: &str, year: i32) -> (Server, CertificateDer<'static>) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    params.not_after = date_time_ymd(year, 1, 1);
    let certificate = params.self_signed(&key).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .expect("the key is the certificate's");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let server = Server::start(move |_, stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            while read_request(&mut stream).await.is_some() {
                let _ = stream.write_all(&ok("text/plain", b"hello")).await;
            }
        }
    })
    .await;
    (server, certificate.der().clone())
}

fn wire(server: &Server, name: &str, trusted: Option<CertificateDer<'static>>) -> EgressWire {
    let mut roots = RootCertStore::empty();
    if let Some(certificate) = trusted {
        roots.add(certificate).expect("a certificate");
    }
    EgressWire::with_parts(
        listing(&[format!("{name}:{}", server.port())]),
        EgressParts { resolver: Names::new(&[(name, &["127.0.0.1"])]), roots, ..EgressParts::default() },
    )
}

#[tokio::test]
async fn a_trusted_server_with_the_right_name_is_spoken_to() {
    let (server, certificate) = server("sim.example").await;
    let wire = wire(&server, "sim.example", Some(certificate));
    for _ in 0..2 {
        let mut reply = fetch(&wire, &format!("https://sim.example:{}/", server.port()), Purpose::Provider).await.unwrap();
        assert_eq!(body(&mut reply).await.unwrap(), b"hello");
    }
    assert_eq!(server.accepted(), 1);
}

/// Proves F-6.
#[tokio::test]
async fn an_unknown_issuer_or_a_wrong_name_is_not() {
    let (server, certificate) = server("sim.example").await;
    let unknown = wire(&server, "sim.example", None);
    let fault = fetch(&unknown, &format!("https://sim.example:{}/", server.port()), Purpose::Provider).await.unwrap_err();
    assert_eq!((fault.kind, fault.sent), (WireFaultKind::Tls, false));
    let wrong = wire(&server, "other.example", Some(certificate));
    let fault = fetch(&wrong, &format!("https://other.example:{}/", server.port()), Purpose::Provider).await.unwrap_err();
    assert_eq!((fault.kind, fault.sent), (WireFaultKind::Tls, false));
}

/// Proves F-6.
#[tokio::test]
async fn an_expired_certificate_is_not() {
    let (server, certificate) = server_until("sim.example", 2020).await;
    let wire = wire(&server, "sim.example", Some(certificate));
    let fault = fetch(&wire, &format!("https://sim.example:{}/", server.port()), Purpose::Provider).await.unwrap_err();
    assert_eq!((fault.kind, fault.sent), (WireFaultKind::Tls, false));
}

/// Proves F-6.
#[tokio::test]
async fn an_old_version_is_not() {
    for version in [1, 2] {
        let server = Server::start(move |_, mut stream| async move {
            let _ = stream.read(&mut [0; 4096]).await;
            // A ServerHello of TLS 1.0 or 1.1: 32 random bytes, no session, ECDHE-RSA-AES128-SHA, no compression.
            let hello = [&[0x16, 3, version, 0, 42, 2, 0, 0, 38, 3, version][..], &[7; 32], &[0, 0xC0, 0x13, 0]].concat();
            let _ = stream.write_all(&hello).await;
            while stream.read(&mut [0; 1024]).await.is_ok_and(|n| n > 0) {}
        })
        .await;
        let fault = fetch(&wire_to(&server), &format!("https://{}/", server.address), Purpose::Provider).await.unwrap_err();
        assert_eq!((fault.kind, fault.sent), (WireFaultKind::Tls, false), "3.{version}");
    }
}

#[tokio::test]
async fn a_server_without_tls_gets_nothing() {
    let server = Server::start(|_, mut stream| async move {
        let mut hello = [0; 5];
        let _ = stream.read_exact(&mut hello).await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    let fault = fetch(&wire_to(&server), &format!("https://{}/", server.address), Purpose::Provider).await.unwrap_err();
    assert_eq!((fault.kind, fault.sent), (WireFaultKind::Tls, false));
}

/// Proves R-TMO-2.
#[tokio::test]
async fn a_silent_handshake_is_cut() {
    let server = Server::start(|_, mut stream| async move { while stream.read(&mut [0; 1024]).await.is_ok_and(|n| n > 0) {} }).await;
    let timing = Timing { tls: Duration::from_millis(300), ..AMPLE };
    let request = get(&format!("https://{}/", server.address), Purpose::Provider, timing);
    let fault = wire_to(&server).send(request).await.unwrap_err();
    assert_eq!((fault.kind, fault.sent), (WireFaultKind::Timeout(Phase::Tls), false));
}
