//! Servers of HTTPS that cannot prove who they are, or speak a version that nobody should.

use super::{World, code, ground};
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A server, and what it was sent: the bytes of connections, and what they said once a connection was secured.
struct Server {
    port: u16,
    heard: Arc<Mutex<Heard>>,
}

#[derive(Default)]
struct Heard {
    connections: usize,
    secured: usize,
    bytes: Vec<u8>,
}

/// What a server does.
#[derive(Clone)]
enum Manner {
    /// It has a certificate of its own making.
    SelfSigned(TlsAcceptor),
    /// It answers every greeting with TLS 1.0.
    Old,
}

impl Server {
    async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Heard::default()));
        let shared = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.lock().unwrap().connections += 1;
                tokio::spawn(serve(stream, manner.clone(), Arc::clone(&shared)));
            }
        });
        Self { port, heard }
    }

    fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }
}

async fn serve(mut stream: TcpStream, manner: Manner, heard: Arc<Mutex<Heard>>) {
    let mut bytes = Vec::new();
    match manner {
        Manner::SelfSigned(acceptor) => {
            let Ok(mut secured) = acceptor.accept(stream).await else { return };
            heard.lock().unwrap().secured += 1;
            let _ = secured.read_to_end(&mut bytes).await;
        }
        Manner::Old => {
            let mut hello = vec![0; 16 * 1024];
            let length = stream.read(&mut hello).await.unwrap_or(0);
            bytes.extend_from_slice(&hello[..length]);
            // A ServerHello of TLS 1.0: 32 random bytes, no session, ECDHE-RSA-AES128-SHA, no compression.
            let answer = [&[0x16, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1][..], &[7; 32], &[0, 0xC0, 0x13, 0]].concat();
            let _ = stream.write_all(&answer).await;
            let _ = stream.read_to_end(&mut bytes).await;
        }
    }
    heard.lock().unwrap().bytes.extend(bytes);
}

fn self_signed() -> Manner {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    Manner::SelfSigned(TlsAcceptor::from(Arc::new(config)))
}

/// Nothing is sent to them, by no kind of connection; the failure is the platform's, costs nothing, and no key is blamed. That a certificate is
/// too old, or another's, is tested where issuers can be trusted: `tls.rs` of the tests of `ir-egress`.
///
/// Proves F-6.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_that_cannot_prove_its_name_gets_no_key() {
    let servers = [("of its own making", Server::start(self_signed()).await), ("TLS 1.0", Server::start(Manner::Old).await)];
    let urls: Vec<String> = servers.iter().map(|(_, server)| server.url()).collect();
    let world = World::start(ground(), &urls.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for (at, (what, server)) in servers.iter().enumerate() {
        let secret = format!("sk-nobody-hears-this-{at}");
        let id = world.add(&server.url(), &secret, &[&format!("model-{at}")]).await;
        let answer = world.draw(&format!("model-{at}")).await;
        assert_eq!((answer.status, code(&answer)), (502, "upstream_error".to_owned()), "{what}: {}", answer.json());
        world.at_rest().await;
        assert_eq!(world.key(&id).await["status"], "active", "{what}");
        let heard = server.heard.lock().unwrap();
        assert!(heard.connections > 0, "{what}: it was never asked");
        assert_eq!(heard.secured, 0, "{what}: it was trusted");
        let said = String::from_utf8_lossy(&heard.bytes).into_owned();
        assert!(!said.contains(&secret) && !said.contains("POST") && !said.contains("a boat"), "{what}: {said}");
    }
    assert_eq!(world.billed().await, 0);
    assert!(world.running.log().to_lowercase().contains("tls"), "the operator reads why: {}", world.running.log());
    world.running.stop();
}
