//! Pictures by address: hops, credentials, and what callers may learn.

use crate::support::*;
use ir_egress::{EgressWire, ExchangeLimits, Purpose, Rules, ScriptedWire, Timing, WireFaultKind, WireReply};
use ir_model::{Charge, Class, Fault, Gate, Picture, Size};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

const UNREACHABLE: Class = Class::Gate(Gate::ImageUrlUnreachable);

fn redirect(to: &str) -> WireReply {
    WireReply::scripted(302, &[("location", to)], "")
}

fn picture() -> WireReply {
    WireReply::scripted(200, &[("content-type", "image/png")], png(20, 10))
}

async fn scripted(replies: Vec<WireReply>, url: &str, purpose: Purpose) -> (Result<Picture, Fault>, Vec<ir_egress::Recorded>) {
    let wire = Arc::new(ScriptedWire::queue(replies.into_iter().map(Ok)));
    let outcome = bench(Arc::clone(&wire) as _).door.download(url, purpose, &limits()).await;
    (outcome, wire.recorded())
}

async fn given(reply: WireReply, purpose: Purpose) -> Result<Picture, Fault> {
    scripted(vec![reply], "https://a.example/x.png", purpose).await.0
}

/// Proves R-SSRF-3, R-SSRF-9.
#[tokio::test]
async fn a_picture_is_fetched_over_redirects_without_credentials() {
    let replies = vec![redirect("/b?c"), redirect("https://b.example/"), redirect("//c.example/d"), picture()];
    let (outcome, requests) = scripted(replies, "http://a.example/a", Purpose::UserUrl).await;
    assert_eq!(outcome.unwrap().probe.size, Size::new(20, 10));
    let urls: Vec<&str> = requests.iter().map(|request| request.url.as_str()).collect();
    assert_eq!(urls, ["http://a.example/a", "http://a.example/b?c", "https://b.example/", "https://c.example/d"]);
    for request in &requests {
        let mut names: Vec<&str> = request.headers.keys().map(http::HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "accept-encoding", "user-agent"]);
        assert_eq!(request.header("accept-encoding"), Some("identity"));
        assert_eq!((request.method.as_str(), request.purpose), ("GET", Purpose::UserUrl));
    }
}

/// Proves R-SSRF-3.
#[tokio::test]
async fn at_most_three_redirects() {
    let replies = (0..10).map(|n| redirect(&format!("/{n}"))).collect();
    let (outcome, requests) = scripted(replies, "https://a.example/", Purpose::UserUrl).await;
    assert_eq!(outcome.unwrap_err().class, UNREACHABLE);
    assert_eq!(requests.len(), 4);
}

/// Proves R-SSRF-3, R-SSRF-6.
#[tokio::test]
async fn redirects_that_are_not_followed() {
    for to in ["http://a.example/", "ftp://a.example/", "file:///etc/passwd", "data:image/png;base64,AAAA", "https://b.example/\\x", ""] {
        for (purpose, class) in [(Purpose::UserUrl, UNREACHABLE), (Purpose::Provider, Class::UpstreamFault)] {
            let (outcome, requests) = scripted(vec![redirect(to), picture()], "https://a.example/", purpose).await;
            assert_eq!(outcome.unwrap_err().class, class, "{to}");
            assert_eq!(requests.len(), 1, "{to}");
        }
    }
    let (outcome, _) = scripted(vec![WireReply::scripted(302, &[], "")], "https://a.example/", Purpose::UserUrl).await;
    assert_eq!(outcome.unwrap_err().class, UNREACHABLE);
    for status in [300, 304, 305] {
        let odd = WireReply::scripted(status, &[("location", "https://b.example/")], "");
        assert_eq!(scripted(vec![odd, picture()], "https://a.example/", Purpose::UserUrl).await.1.len(), 1);
    }
}

/// The second hop is judged like the first.
///
/// Proves R-SSRF-3, R-SSRF-9, F-28.
#[tokio::test]
async fn a_redirect_to_a_private_address_is_refused() {
    let canary = Server::canary().await;
    let names = Names::new(&[("front.example", &["127.0.0.1"]), ("inner.example", &["127.0.0.1"])]);
    let port = canary.port();
    for to in [
        format!("http://127.0.0.1:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://inner.example:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
    ] {
        let server = Server::answering(format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")).await;
        let origin = format!("front.example:{}", server.port());
        for (purpose, class) in
            [(Purpose::UserUrl, UNREACHABLE), (Purpose::Drawn, Class::Gate(Gate::UrlNotAllowed)), (Purpose::Provider, Class::Blocked)]
        {
            let bench = bench(Arc::new(wire_with(&names, std::slice::from_ref(&origin))));
            let fault = bench.door.download(&format!("http://{origin}/"), purpose, &limits()).await.unwrap_err();
            // The resolver of this test does not know the name, and an operator may use it.
            let unknown = purpose == Purpose::Provider && to.contains("localhost");
            assert_eq!((fault.class, fault.charge), (if unknown { Class::UpstreamFault } else { class }, Charge::No), "{to}");
        }
        assert_eq!(server.accepted(), 3);
    }
    assert_eq!(canary.accepted(), 0);
}

/// Whatever happens out there, callers read the same; only the text of their own address is judged
/// openly.
///
/// Proves R-SSRF-11.
#[tokio::test]
async fn callers_learn_nothing_of_the_network() {
    let names = Names::new(&[("private.example", &["10.0.0.1"]), ("metadata.example", &["169.254.169.254"])]);
    let hidden = bench(Arc::new(wire_with(&names, &[])));
    let mut faults = Vec::new();
    for url in ["http://private.example/", "http://metadata.example/", "http://unknown.example/"] {
        faults.push(hidden.door.download(url, Purpose::UserUrl, &limits()).await.unwrap_err());
    }
    for reply in [WireReply::scripted(404, &[], ""), WireReply::scripted(500, &[], "x"), redirect("http://10.0.0.1/")] {
        faults.push(given(reply, Purpose::UserUrl).await.unwrap_err());
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    let bench = bench(Arc::new(EgressWire::new(listing(&[closed.to_string()]))));
    faults.push(bench.door.download(&format!("http://{closed}/"), Purpose::UserUrl, &limits()).await.unwrap_err());
    for fault in &faults {
        assert_eq!((fault.class, &fault.message), (UNREACHABLE, &faults[0].message), "{fault:?}");
        assert_eq!((fault.charge, &fault.upstream, &fault.retry_after), (Charge::No, &None, &None));
    }
}

/// Proves R-SSRF-2, R-SSRF-6, R-SSRF-11.
#[tokio::test]
async fn addresses_that_are_refused_as_written() {
    let bench = bench(Arc::new(EgressWire::new(Rules::default())));
    let mut messages = Vec::new();
    for url in [
        "http://127.0.0.1/",
        "http://127.1/x.png",
        "http://[::1]/",
        "http://192.168.0.1/",
        "http://169.254.169.254/",
        "http://localhost/",
        "http://intranet/",
        "http://a.internal/",
        "http://example.com:8080/",
        "http://u:p@example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "http://example.com\\@127.0.0.1/",
        "",
    ] {
        let fault = bench.door.download(url, Purpose::UserUrl, &limits()).await.unwrap_err();
        assert_eq!(fault.class, Class::Gate(Gate::UrlNotAllowed), "{url}");
        messages.push(fault.message);
    }
    messages.dedup();
    assert_eq!(messages.len(), 1, "one text for all refusals");
}

#[tokio::test]
async fn what_is_no_picture_is_refused() {
    let whole = png(200, 200);
    let typed = |media: &str, body: Vec<u8>| WireReply::scripted(200, &[("content-type", media)], body);
    let mut flipped = whole.clone();
    flipped[60] ^= 1;
    for (body, gate) in [
        (b"<html></html>".to_vec(), Gate::ImageType),
        (b"  <svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(), Gate::ImageType),
        (b"{\"a\":1}".to_vec(), Gate::ImageType),
        (Vec::new(), Gate::ImageInvalid),
        (whole[..whole.len() - 20].to_vec(), Gate::ImageInvalid),
        (flipped, Gate::ImageInvalid),
    ] {
        let fault = given(typed("image/png", body.clone()), Purpose::UserUrl).await.unwrap_err();
        assert_eq!(
            (fault.class, fault.charge),
            (Class::Gate(gate), Charge::No),
            "{}",
            String::from_utf8_lossy(&body[..body.len().min(20)])
        );
        let fault = given(typed("image/png", body), Purpose::Provider).await.unwrap_err();
        assert_eq!(fault.class, Class::UpstreamFault);
    }
    assert_eq!(given(typed("image/jpeg", whole.clone()), Purpose::UserUrl).await.unwrap_err().class, Class::Gate(Gate::ImageInvalid));
    for (media, purpose) in
        [("image/jpeg", Purpose::Provider), ("application/octet-stream", Purpose::UserUrl), ("image/png; x=y", Purpose::UserUrl)]
    {
        assert!(given(typed(media, whole.clone()), purpose).await.is_ok(), "{media}");
    }
}

/// Proves R-SSRF-10.
#[tokio::test]
async fn pictures_above_the_limit_are_cut() {
    let whole = png(400, 400);
    let limits = ExchangeLimits { max_picture: 100_000, ..limits() };
    for length in [Some(whole.len()), None] {
        let text = length.map(|n| n.to_string());
        let headers: Vec<(&str, &str)> = text.iter().map(|n| ("content-length", n.as_str())).collect();
        for (purpose, class) in [(Purpose::UserUrl, Class::Gate(Gate::ImageTooLarge)), (Purpose::Provider, Class::UpstreamFault)] {
            let wire = ScriptedWire::queue([Ok(WireReply::scripted(200, &headers, whole.clone()))]);
            let fault = bench(Arc::new(wire)).door.download("https://a.example/", purpose, &limits).await.unwrap_err();
            assert_eq!(fault.class, class);
        }
    }
}

/// F-12, F-17 while a picture comes, over a real wire.
#[tokio::test]
async fn a_picture_that_stops_coming() {
    for hang in [true, false] {
        let server = Server::start(move |_, mut stream| async move {
            read_request(&mut stream).await;
            let answer = ok("image/png", &png(300, 300));
            let _ = stream.write_all(&answer[..5000]).await;
            while hang && read_request(&mut stream).await.is_some() {}
        })
        .await;
        let timing = Timing { idle: Duration::from_millis(300), ..AMPLE };
        for (purpose, class) in
            [(Purpose::UserUrl, UNREACHABLE), (Purpose::Provider, if hang { Class::Timeout } else { Class::UpstreamFault })]
        {
            let bench = bench(Arc::new(wire_to(&server)));
            let fault = bench.door.download(&server.url("/"), purpose, &ExchangeLimits { timing, ..limits() }).await.unwrap_err();
            assert_eq!((fault.class, fault.charge), (class, Charge::No));
        }
    }
}

#[tokio::test]
async fn wires_without_answers_are_connect_faults() {
    let (outcome, _) = scripted(Vec::new(), "https://a.example/", Purpose::Provider).await;
    let fault = outcome.unwrap_err();
    assert_eq!(fault.class, Class::UpstreamFault);
    assert!(fault.detail.unwrap().contains(&format!("{:?}", WireFaultKind::Connect)));
}
