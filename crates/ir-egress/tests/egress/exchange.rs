//! Calls written as requests, and replies read into documents and the spool.

use crate::support::*;
use bytes::Bytes;
use ir_egress::{Answer, ScriptedWire, WireBody, WireFault, WireFaultKind, WireReply};
use ir_model::{Charge, Class, Gate, LiftedBytes, Map, Node, Secret};
use ir_platforms::{Call, CallBody, HeaderValue, Method, Part, PartBody, Reply, ReplyBody, Target};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt;

pub(crate) fn call(url: &str, body: CallBody) -> Call {
    let key = Secret::new("sk-0123456789abcdefghijkl");
    let headers = vec![("authorization", HeaderValue::Bearer(key)), ("x-plain", HeaderValue::Plain("yes".to_owned()))];
    let method = if matches!(body, CallBody::None) { Method::Get } else { Method::Post };
    Call::new(Target::Http { method, url: url.to_owned(), headers }, body)
}

fn simple() -> Call {
    call("https://api.example.com/v1/images", CallBody::Json(serde_json::json!({"prompt": "a cat"}).into()))
}

fn json(status: u16, text: impl Into<Bytes>) -> WireReply {
    WireReply::scripted(status, &[("content-type", "application/json")], text)
}

async fn read(reply: WireReply) -> Result<Reply, ir_model::Fault> {
    bench(Arc::new(ScriptedWire::queue([Ok(reply)]))).door.exchange(&simple(), &limits()).await
}

/// A reply in pieces of this size.
fn in_pieces(mut reply: WireReply, bytes: &[u8], size: usize) -> WireReply {
    reply.body = WireBody::scripted(bytes.chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))));
    reply
}

/// Standard base64, to be independent of the encoder under test.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let n = three.iter().enumerate().fold(0_u32, |n, (at, byte)| n | u32::from(*byte) << (16 - 8 * at));
        for at in 0..4 {
            let six = ALPHABET[(n >> (18 - 6 * at) & 63) as usize];
            out.push(if at <= three.len() { char::from(six) } else { '=' });
        }
    }
    out
}

#[tokio::test]
async fn a_call_becomes_a_request() {
    let wire = Arc::new(ScriptedWire::new(|_| Ok(WireReply::scripted(200, &[], "{}"))));
    let bench = bench(Arc::clone(&wire) as _);
    bench.door.exchange(&simple(), &limits()).await.unwrap();
    bench.door.exchange(&call("https://api.example.com/v1/models", CallBody::None), &limits()).await.unwrap();
    let [post, get] = &wire.recorded()[..] else { panic!("two requests") };
    assert_eq!((post.method.as_str(), post.url.as_str()), ("POST", "https://api.example.com/v1/images"));
    assert_eq!(post.body, br#"{"prompt":"a cat"}"#);
    for (name, value) in [
        ("content-type", "application/json"),
        ("authorization", "Bearer sk-0123456789abcdefghijkl"),
        ("x-plain", "yes"),
        ("accept-encoding", "identity"),
        ("accept", "*/*"),
    ] {
        assert_eq!(post.header(name), Some(value), "{name}");
    }
    assert!(!format!("{:?}", post.headers).contains("sk-0123"), "the key is marked as sensitive");
    assert_eq!((get.method.as_str(), get.header("content-type"), &get.body[..]), ("GET", None, &b""[..]));
}

/// A picture goes out as base64, straight from the spool, with its exact length, over a real wire.
#[tokio::test]
async fn a_picture_goes_out_from_the_spool() {
    let server = Server::start(|_, mut stream| async move {
        let (head, body) = read_request(&mut stream).await.unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        assert!(!head.contains("chunked"), "{head}");
        let answer = serde_json::json!({ "got": body.len(), "starts": String::from_utf8_lossy(&body[..60]) });
        let _ = stream.write_all(&ok("application/json", answer.to_string().as_bytes())).await;
    })
    .await;
    let bench = bench(Arc::new(wire_to(&server)));
    let picture = png(1000, 700);
    let mut writer = bench.spool.writer().unwrap();
    writer.write(&picture).await.unwrap();
    let bytes = LiftedBytes { blob: writer.finish().await.unwrap(), data_uri: Some("image/png".to_owned()) };
    let mut document = Map::default();
    document.set("image", Node::Bytes(bytes));
    let reply = bench.door.exchange(&call(&server.url("/v1"), CallBody::Json(document.into())), &limits()).await.unwrap();
    let got = reply.json().unwrap().to_value_lossy();
    assert_eq!(got["starts"].as_str().unwrap()[..34], r#"{"image":"data:image/png;base64,iV"#[..34]);
    assert_eq!(got["got"], r#"{"image":"data:image/png;base64,"}"#.len() + base64(&picture).len());
}

#[tokio::test]
async fn multipart_to_the_byte() {
    let wire = Arc::new(ScriptedWire::new(|_| Ok(WireReply::scripted(200, &[], "{}"))));
    let bench = bench(Arc::clone(&wire) as _);
    let picture = png(8, 8);
    let mut writer = bench.spool.writer().unwrap();
    writer.write(&picture).await.unwrap();
    let file = PartBody::File { filename: "a\"\r\n.png".to_owned(), media_type: "image/png", blob: writer.finish().await.unwrap() };
    let parts = vec![
        Part { name: "prompt".to_owned(), body: PartBody::Text("猫 --x\r\n".to_owned()) },
        Part { name: "image[]".to_owned(), body: file },
        Part { name: "n".to_owned(), body: PartBody::Text("1".to_owned()) },
    ];
    bench.door.exchange(&call("https://api.example.com/v1/edits", CallBody::Multipart(parts)), &limits()).await.unwrap();
    let recorded = wire.recorded().remove(0);
    let kind = recorded.header("content-type").unwrap().to_owned();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    assert!((16..=70).contains(&boundary.len()) && boundary.bytes().all(|b| b.is_ascii_alphanumeric()), "{boundary}");
    let mut wanted = format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"prompt\"\r\n\r\n猫 --x\r\n\r\n\
         --{boundary}\r\ncontent-disposition: form-data; name=\"image[]\"; filename=\"a%22%0D%0A.png\"\r\ncontent-type: image/png\r\n\r\n"
    )
    .into_bytes();
    wanted.extend_from_slice(&picture);
    wanted.extend_from_slice(
        format!("\r\n--{boundary}\r\ncontent-disposition: form-data; name=\"n\"\r\n\r\n1\r\n--{boundary}--\r\n").as_bytes(),
    );
    assert_eq!(recorded.body, wanted);
}

#[tokio::test]
async fn a_big_string_is_lifted_while_it_is_read() {
    let picture = png(2000, 1100);
    let text = format!(r#"{{"created":1,"data":[{{"b64_json":"{}"}}]}}"#, base64(&picture));
    assert!(text.len() > 2_900_000);
    let bench = bench(Arc::new(ScriptedWire::queue([Ok(in_pieces(json(200, ""), text.as_bytes(), 8191))])));
    let reply = bench.door.exchange(&simple(), &limits()).await.unwrap();
    let data = reply.json().and_then(|node| node.get("data")).and_then(Node::as_array).unwrap();
    let Some(Node::Bytes(bytes)) = data[0].get("b64_json") else { panic!("not lifted: {reply:?}") };
    assert_eq!(bytes.blob.size(), picture.len() as u64);
    assert_eq!(bytes.blob.probe().unwrap().size, ir_model::Size::new(2000, 1100));
    assert_eq!(bench.spool.read(&bytes.blob, 20 * MIB).await.unwrap(), picture);
}

#[tokio::test]
async fn a_picture_as_body_is_spooled() {
    let picture = png(300, 200);
    for size in [1, 7, 4096] {
        let reply = read(in_pieces(WireReply::scripted(200, &[("content-type", "text/plain")], ""), &picture, size)).await.unwrap();
        let ReplyBody::Picture(blob) = reply.body else { panic!("pieces of {size}") };
        assert_eq!((blob.size(), blob.probe().unwrap().size), (picture.len() as u64, ir_model::Size::new(300, 200)));
    }
}

#[tokio::test]
async fn bodies_are_what_they_begin_as() {
    let html = WireReply::scripted(200, &[("content-type", "text/html")], "<html>portal</html>");
    assert!(matches!(read(html).await.unwrap().body, ReplyBody::Text(text) if text == "<html>portal</html>"));
    let blank = WireReply::scripted(200, &[("content-type", "text/plain")], " \n\n {\"a\":1}");
    assert!(matches!(read(blank).await.unwrap().body, ReplyBody::Json(_)), "blanks keep a connection open");
    let marked = WireReply::scripted(200, &[], &b"\xef\xbb\xbf[1]"[..]);
    assert!(matches!(read(marked).await.unwrap().body, ReplyBody::Json(_)));
    assert!(matches!(read(WireReply::scripted(204, &[], "")).await.unwrap().body, ReplyBody::Empty));
    assert!(matches!(read(json(200, "  ")).await.unwrap().body, ReplyBody::Empty));
    let log = WireReply::scripted(200, &[("content-type", "text/plain")], "[INFO] starting");
    assert!(matches!(read(log).await.unwrap().body, ReplyBody::Text(text) if text == "[INFO] starting"));
    let scalar = read(json(200, "\"queued\"")).await.unwrap();
    assert_eq!(scalar.json().and_then(Node::as_str), Some("queued"));
}

/// F-30: what claims to be a document and is none.
///
/// Proves F-30.
#[tokio::test]
async fn broken_documents_are_upstream_faults() {
    let deep = "[".repeat(10_000);
    for text in ["{\"a\":", "{\"a\":NaN}", "{\"a\":1,\"a\":2}", "{\"a\":\"\\ud800\"}", &deep] {
        let fault = read(json(200, text.to_owned())).await.unwrap_err();
        assert_eq!((fault.class, fault.charge), (Class::UpstreamFault, Charge::Maybe), "{}", &text[..text.len().min(20)]);
    }
}

/// F-17: a reply that breaks off is a fault, whatever it had begun as.
///
/// Proves F-17.
#[tokio::test]
async fn a_success_that_breaks_off_is_a_fault() {
    let broken = WireFault { kind: WireFaultKind::Broken, sent: true, detail: String::new() };
    let picture = png(50, 50);
    for beginning in [&b"{\"a\":1"[..], b"hello", &picture[..200], b"", b"  "] {
        let mut reply = WireReply::scripted(200, &[], "");
        reply.body = WireBody::scripted([Ok(Bytes::copy_from_slice(beginning)), Err(broken.clone())]);
        let fault = read(reply).await.unwrap_err();
        assert_eq!((fault.class, fault.charge), (Class::UpstreamFault, Charge::Maybe), "{}", String::from_utf8_lossy(beginning));
    }
}

/// An error's status counts even if its body is a mess.
#[tokio::test]
async fn errors_keep_their_status_whatever_the_body() {
    let reply = read(json(502, "<html>Bad gateway</html>")).await.unwrap();
    assert!(matches!((reply.status, reply.body), (502, ReplyBody::Text(text)) if text.contains("Bad gateway")));
    let reply = read(json(500, "{\"error\":")).await.unwrap();
    assert!(matches!((reply.status, reply.body), (500, ReplyBody::Text(text)) if text == "{\"error\":"));
    let broken = WireFault { kind: WireFaultKind::Broken, sent: true, detail: String::new() };
    for pieces in [vec![Ok(Bytes::from("{\"error\":{}")), Err(broken.clone())], vec![Err(broken)]] {
        let mut reply = json(429, "");
        reply.body = WireBody::scripted(pieces);
        assert_eq!(read(reply).await.unwrap().status, 429);
    }
}

#[tokio::test]
async fn text_is_cut_and_long_text_is_dropped() {
    let long = "x".repeat(300_000);
    let reply = read(in_pieces(WireReply::scripted(500, &[], ""), long.as_bytes(), 5000)).await.unwrap();
    assert!(matches!(reply.body, ReplyBody::Text(text) if text.len() == 64 * 1024));
}

/// F-20: an endless body ends at a bound, and the connection with it.
///
/// Proves F-20.
#[tokio::test]
async fn endless_bodies_are_cut() {
    for (beginning, wanted) in
        [(&b"<html>"[..], None), (b"{\"a\":[", Some(Class::UpstreamFault)), (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Some(Class::UpstreamFault))]
    {
        let written = Arc::new(AtomicUsize::new(0));
        let (done, is_done) = tokio::sync::oneshot::channel();
        let done = std::sync::Mutex::new(Some(done));
        let count = Arc::clone(&written);
        let server = Server::start(move |_, mut stream| {
            let (count, done) = (Arc::clone(&count), done.lock().unwrap().take());
            async move {
                read_request(&mut stream).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                let _ = stream.write_all(beginning).await;
                while stream.write_all(&[b' '; 8192]).await.is_ok() {
                    count.fetch_add(8192, Ordering::SeqCst);
                }
                let _ = done.unwrap().send(());
            }
        })
        .await;
        let bench = bench(Arc::new(wire_to(&server)));
        let limits = ir_egress::ExchangeLimits { max_json: 2 * MIB, max_picture: 2 * MIB, ..limits() };
        let outcome = bench.door.exchange(&call(&server.url("/"), CallBody::None), &limits).await;
        match wanted {
            None => assert!(matches!(outcome.unwrap().body, ReplyBody::Text(text) if text.len() == 64 * 1024)),
            Some(class) => assert_eq!(outcome.unwrap_err().class, class),
        }
        is_done.await.unwrap();
        // The bound, plus what fits into the buffers of both ends.
        assert!(written.load(Ordering::SeqCst) < 32 << 20);
    }
}

/// Proves R-SSRF-3, R-SEC-6, F-42.
#[tokio::test]
async fn a_redirect_is_never_followed_with_the_key() {
    for status in [300, 301, 302, 303, 304, 307, 308] {
        let moved = WireReply::scripted(status, &[("location", "https://other.example/")], "");
        let wire = Arc::new(ScriptedWire::queue([Ok(moved)]));
        let fault = bench(Arc::clone(&wire) as _).door.exchange(&simple(), &limits()).await.unwrap_err();
        assert_eq!((fault.class, fault.charge), (Class::UpstreamFault, Charge::No), "{status}");
        assert_eq!(wire.recorded().len(), 1);
    }
}

/// Proves F-38.
#[tokio::test]
async fn retry_after_dates_become_seconds() {
    for (text, seconds) in [
        ("Sun, 22 Nov 2026 22:55:00 GMT", Some(62)),
        ("Sunday, 22-Nov-26 22:54:00 GMT", Some(2)),
        ("Sun Nov 22 22:53:59 2026", Some(1)),
        // The past is no pause, and neither is none.
        ("Sun, 22 Nov 2026 22:00:00 GMT", None),
        ("0", None),
        ("Fri, 01 Jan 2100 00:00:00 GMT", Some(3600)),
        ("7", Some(7)),
        ("soon", None),
    ] {
        let reply = read(WireReply::scripted(429, &[("Retry-After", text)], "")).await.unwrap();
        assert_eq!(reply.retry_after(), seconds.map(Duration::from_secs), "{text}");
    }
    // 2026-11-22, 22:54:00 UTC.
    for text in ["1795388040", "1795388040000", "1795388040.0", "Sun, 22 Nov 2026 22:54:00 GMT", "2s", "2"] {
        let reply = read(WireReply::scripted(429, &[("X-RateLimit-Reset-Requests", text)], "")).await.unwrap();
        assert_eq!(reply.retry_after(), Some(Duration::from_secs(2)), "{text}");
    }
}

#[tokio::test]
async fn every_wire_fault_has_its_class_and_charge() {
    use ir_egress::Phase;
    for (kind, sent, class, charge) in [
        (WireFaultKind::Refused, false, Class::Blocked, Charge::No),
        (WireFaultKind::Blocked, false, Class::Blocked, Charge::No),
        (WireFaultKind::Resolve, false, Class::UpstreamFault, Charge::No),
        (WireFaultKind::Connect, false, Class::UpstreamFault, Charge::No),
        (WireFaultKind::Tls, false, Class::UpstreamFault, Charge::No),
        (WireFaultKind::Timeout(Phase::Connect), false, Class::Timeout, Charge::No),
        (WireFaultKind::Timeout(Phase::FirstByte), true, Class::Timeout, Charge::Maybe),
        (WireFaultKind::Broken, true, Class::UpstreamFault, Charge::Maybe),
        (WireFaultKind::Broken, false, Class::UpstreamFault, Charge::No),
        (WireFaultKind::TooLarge, true, Class::UpstreamFault, Charge::Maybe),
        (WireFaultKind::Protocol, true, Class::UpstreamFault, Charge::Maybe),
    ] {
        let wire = ScriptedWire::new(move |_| Err(WireFault { kind, sent, detail: "why".to_owned() }));
        let bench = bench(Arc::new(wire));
        let fault = bench.door.exchange(&simple(), &limits()).await.unwrap_err();
        assert_eq!((fault.class, fault.charge), (class, charge), "{kind:?}");
        assert!(fault.detail.unwrap().contains("why"));
        let fault = bench.door.exchange(&simple().harmless(), &limits()).await.unwrap_err();
        assert_eq!((fault.class, fault.charge), (class, Charge::No), "{kind:?}: what cannot be charged");
    }
}

#[tokio::test]
async fn keys_that_no_header_can_carry_are_rejected_without_being_told() {
    let wire = Arc::new(ScriptedWire::queue([]));
    let mut call = simple();
    if let Target::Http { headers, .. } = &mut call.target {
        headers[0].1 = HeaderValue::Bearer(Secret::new("sk-canary\r\nx-evil: 1"));
    }
    let fault = bench(Arc::clone(&wire) as _).door.exchange(&call, &limits()).await.unwrap_err();
    assert_eq!((fault.class, fault.charge), (Class::KeyRejected, Charge::No));
    assert!(!format!("{fault:?}").contains("canary"));
    assert!(wire.recorded().is_empty());
}

#[tokio::test]
async fn recipes_are_not_sent() {
    let job = ir_model::Job {
        task: ir_model::Task::Text,
        model: String::new(),
        prompt: "a cat".to_owned(),
        n: 1,
        size: None,
        pictures: Vec::new(),
        mask: None,
        form: ir_model::ResponseForm::Url,
        extras: ir_model::Extras::default(),
        base_url: String::new(),
        key: None,
        key_id: None,
        entropy: 0,
        home: String::new(),
        watermark: true,
    };
    let call = ir_platforms::by_name("Local").unwrap().open(&job).unwrap();
    let fault = bench(Arc::new(ScriptedWire::queue([]))).door.exchange(&call, &limits()).await.unwrap_err();
    assert_eq!(fault.class, Class::Gate(Gate::Internal));
}

/// Found by fuzzing: a byte order mark that was cut in two swallowed the first event.
#[tokio::test]
async fn a_stream_of_events_reads_the_same_wherever_it_is_cut() {
    for (stream, wanted) in [
        (&b"\xef\xbb\xbfdata: {\"a\": 1}\n\ndata: y\r\n\r\n"[..], &["{\"a\":1}", "y"][..]),
        (b"\xef\xbbdata: x\n\ndata: y\n\n", &["y"]),
        (b"\xef", &[]),
    ] {
        for size in 1..=stream.len() {
            let head = WireReply::scripted(200, &[("content-type", "text/event-stream")], "");
            let bench = bench(Arc::new(ScriptedWire::queue([Ok(in_pieces(head, stream, size))])));
            let Ok(Answer::Events(mut events)) = bench.door.call(&simple(), &limits()).await else { panic!("events") };
            let mut told = Vec::new();
            while let Some(event) = events.next().await.unwrap() {
                told.push(match event.body {
                    ReplyBody::Text(text) => text,
                    body => body.json().expect("a document").to_value_lossy().to_string(),
                });
            }
            assert_eq!(told, wanted, "in pieces of {size}");
        }
    }
}
