//! How much and how long a picture at an address may be.

use crate::support::*;
use async_trait::async_trait;
use bytes::Bytes;
use ir_egress::{ExchangeLimits, Purpose, Wire, WireBody, WireFault, WireReply, WireRequest};
use ir_model::{Class, Gate};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// Remembers what each request was allowed, and redirects until it has seen four.
#[derive(Default)]
struct Allowances(Mutex<Vec<WireRequest>>);

#[async_trait]
impl Wire for Allowances {
    async fn send(&self, request: WireRequest) -> Result<WireReply, WireFault> {
        let mut seen = self.0.lock().unwrap();
        seen.push(request);
        let body = png(8, 8);
        Ok(if seen.len().is_multiple_of(4) {
            WireReply::scripted(200, &[], body)
        } else {
            WireReply::scripted(302, &[("location", "/next")], "")
        })
    }
}

/// Proves R-SSRF-10.
#[tokio::test(start_paused = true)]
async fn a_callers_address_has_ten_seconds_to_begin_and_thirty_to_end() {
    let wire = Arc::new(Allowances::default());
    let bench = bench(Arc::clone(&wire) as _);
    let began = Instant::now();
    bench.door.download("https://a.example/x.png", Purpose::UserUrl, &limits()).await.unwrap();
    let seen = std::mem::take(&mut *wire.0.lock().unwrap());
    assert_eq!(seen.len(), 4);
    for request in &seen {
        assert!(request.timing.first_byte <= Duration::from_secs(10) && request.timing.total <= Duration::from_secs(30));
        assert!(request.deadline <= began + Duration::from_secs(30), "one deadline for all hops");
        assert_eq!((request.method.as_str(), request.body.is_none()), ("GET", true));
        assert_eq!(request.headers["accept-encoding"], "identity");
    }
}

/// Twenty MiB in pieces, and one more byte.
fn heavy(announced: bool) -> WireReply {
    const PIECE: usize = 1 << 20;
    let mut first = png(8, 8);
    first.resize(PIECE, 0);
    let pieces = std::iter::once(first).chain(std::iter::repeat_n(vec![0; PIECE], 19)).chain([vec![0]]);
    let length = (20 * PIECE + 1).to_string();
    let headers: &[(&str, &str)] = if announced { &[("content-length", &length)] } else { &[] };
    let mut reply = WireReply::scripted(200, headers, "");
    reply.body = WireBody::scripted(pieces.map(|piece| Ok(Bytes::from(piece))));
    reply
}

struct Once(Mutex<Option<WireReply>>);

#[async_trait]
impl Wire for Once {
    async fn send(&self, _request: WireRequest) -> Result<WireReply, WireFault> {
        Ok(self.0.lock().unwrap().take().unwrap())
    }
}

/// Proves R-SSRF-10.
#[tokio::test]
async fn a_callers_picture_has_twenty_mib_whatever_else_is_allowed() {
    for announced in [true, false] {
        let bench = bench(Arc::new(Once(Mutex::new(Some(heavy(announced))))));
        let generous = ExchangeLimits { max_picture: 64 * MIB, ..limits() };
        let fault = bench.door.download("https://a.example/x.png", Purpose::UserUrl, &generous).await.unwrap_err();
        assert_eq!(fault.class, Class::Gate(Gate::ImageTooLarge), "announced: {announced}");
    }
}

/// Compressed transfers are refused whatever they would come to, so that the bound on what comes is a
/// bound on what it is.
///
/// Proves R-SSRF-10.
#[tokio::test]
async fn no_picture_comes_encoded() {
    for encoding in ["gzip", "deflate", "br", "zstd", "x-gzip", "identity, gzip", "gzip, identity"] {
        let picture = png(8, 8);
        let mut answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-encoding: {encoding}\r\ncontent-length: {}\r\n\r\n",
            picture.len()
        )
        .into_bytes();
        answer.extend_from_slice(&picture);
        let server = Server::answering(answer).await;
        for purpose in [Purpose::UserUrl, Purpose::Drawn] {
            let bench = bench(Arc::new(wire_to(&server)));
            let fault = bench.door.download(&server.url("/x.png"), purpose, &limits()).await.unwrap_err();
            assert_eq!(fault.class, Class::Gate(Gate::ImageUrlUnreachable), "{encoding}");
        }
    }
}
