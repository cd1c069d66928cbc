//! The proxy breaks what it is told to break, and nothing else.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "the test is the client, and a helper's failure is its failure")]

use ir_sim::proxy::{End, Faults, Proxy};
use ir_sim::{Sim, SimConfig};
use std::io::ErrorKind;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ASK: &[u8] = b"GET /v1/models HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

/// After so much silence nothing more is expected to come.
const SILENCE: Duration = Duration::from_secs(3);

/// What comes back, and how it ends: `None` by FIN.
async fn ask(proxy: &Proxy) -> (Vec<u8>, Option<ErrorKind>) {
    let mut stream = TcpStream::connect(proxy.host()).await.unwrap();
    stream.write_all(ASK).await.unwrap();
    let mut answer = Vec::new();
    let end = tokio::time::timeout(SILENCE, stream.read_to_end(&mut answer)).await;
    let end = end.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()));
    (answer, end.err().map(|error| error.kind()))
}

#[tokio::test]
async fn each_fault_is_played() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let proxy = Proxy::start(sim.url()).await.unwrap();
    let (whole, end) = ask(&proxy).await;
    assert!(whole.starts_with(b"HTTP/1.1 200") && end.is_none(), "{end:?}");
    let length = whole.len() as u64;

    let ends =
        [(End::Close, None), (End::Half, None), (End::Reset, Some(ErrorKind::ConnectionReset)), (End::Silence, Some(ErrorKind::TimedOut))];
    for (end, wanted) in ends {
        proxy.set(Faults { answer_end: Some((40, end)), ..Faults::default() });
        let (answer, seen) = ask(&proxy).await;
        assert_eq!(seen, wanted, "{end:?}");
        // A reset may overtake what was sent before it.
        assert!(answer == whole[..40] || end == End::Reset && answer.len() <= 40, "{end:?}: {answer:?}");
    }
    let before = sim.ledger().entries().len();
    proxy.set(Faults { request_end: Some((20, End::Close)), ..Faults::default() });
    assert_eq!(ask(&proxy).await.0, b"");
    proxy.set(Faults { blackhole: true, ..Faults::default() });
    assert_eq!(ask(&proxy).await, (Vec::new(), Some(ErrorKind::TimedOut)));
    assert_eq!(sim.ledger().entries().len(), before, "the server saw no request");

    proxy.set(Faults { corrupt: Some(length - 1), ..Faults::default() });
    let (answer, _) = ask(&proxy).await;
    // Of the head the date may have moved on.
    let (tail, last) = (answer.len() - 100, answer.len() - 1);
    assert_eq!((answer.len(), &answer[tail..last]), (whole.len(), &whole[tail..last]));
    assert_ne!(answer.last(), whole.last());
    for faults in [
        Faults { latency: Duration::from_millis(120), ..Faults::default() },
        Faults { drip: Some((usize::try_from(length / 3).unwrap(), Duration::from_millis(40))), ..Faults::default() },
    ] {
        proxy.next([faults]);
        let began = Instant::now();
        proxy.set(Faults::default());
        assert_eq!(ask(&proxy).await.0.len(), whole.len());
        assert!(began.elapsed() >= Duration::from_millis(110), "{faults:?}");
    }
    assert_eq!(proxy.seen()[0].answered(), length);

    proxy.refuse().await;
    assert_eq!(TcpStream::connect(proxy.host()).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    proxy.accept().await.unwrap();
    assert!(ask(&proxy).await.1.is_none());
}
