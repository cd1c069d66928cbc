//! Streams of events as platforms should not send them.

use crate::exchange::call;
use crate::support::{Server, bench, limits, read_request, wire_to};
use bytes::Bytes;
use ir_egress::{Answer, ExchangeLimits, ScriptedWire, WireBody, WireFault, WireFaultKind, WireReply};
use ir_model::{Charge, Class, Fault};
use ir_platforms::{CallBody, ReplyBody};
use std::sync::Arc;
use tokio::io::AsyncWriteExt;

/// The texts of all events, and how the stream ended.
async fn told(body: WireBody, limits: &ExchangeLimits) -> (Vec<String>, Result<(), Fault>) {
    let reply = WireReply { body, ..WireReply::scripted(200, &[("content-type", "text/event-stream")], "") };
    let wire = ScriptedWire::queue([Ok(reply)]);
    let bench = bench(Arc::new(wire));
    let answer = bench.door.call(&call("https://one.example/", CallBody::None), limits).await.expect("an answer");
    let Answer::Events(mut events) = answer else { panic!("a stream of events") };
    let mut told = Vec::new();
    loop {
        match events.next().await {
            Ok(Some(event)) => told.push(match event.body {
                ReplyBody::Json(node) => format!("{} {}", event.name, node.to_value_lossy()),
                ReplyBody::Text(text) => format!("{} '{text}'", event.name),
                ReplyBody::Empty | ReplyBody::Picture(_) => panic!("an event has text"),
            }),
            Ok(None) => return (told, Ok(())),
            Err(fault) => {
                assert!(events.next().await.expect("over").is_none(), "after a fault the stream is over");
                return (told, Err(fault));
            }
        }
    }
}

fn pieces(text: &[u8], size: usize) -> WireBody {
    WireBody::scripted(text.chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))))
}

/// Proves F-50.
#[tokio::test]
async fn lines_may_end_in_any_way_and_be_cut_anywhere() {
    let rows: [(&str, &[&str]); 10] = [
        ("data: {\"a\":1}\n\ndata: [DONE]\n\n", &[" {\"a\":1}", " '[DONE]'"]),
        ("\u{feff}data: {\"a\":1}\r\n\r\n", &[" {\"a\":1}"]),
        ("event: x\rdata: {\"a\":1}\r\rdata: 2\r\r", &["x {\"a\":1}", " '2'"]),
        ("event: x\r\ndata: {\"a\":\ndata: 1}\r\n\n", &["x {\"a\":1}"]),
        (": a comment\n:\n\n\n\ndata:no blank\n\n", &[" 'no blank'"]),
        ("id: 1\nretry: 5\nunknown: x\ndata\ndata: y\n\n", &[" '\ny'"]),
        ("event: nothing\n\ndata: z\n\n", &[" 'z'"]),
        // Found by fuzzing: a field without a colon has an empty value.
        ("event: x\nevent\ndata: z\n\n", &[" 'z'"]),
        // Without a last blank line: whole documents are told, halves are not.
        ("data: {\"a\":1}", &[" {\"a\":1}"]),
        ("data: {\"a\":", &[]),
    ];
    for (text, wanted) in rows {
        for size in [1, 2, 3, 7, text.len()] {
            let (told, end) = told(pieces(text.as_bytes(), size), &limits()).await;
            assert_eq!(told, wanted, "{text:?} in pieces of {size}");
            assert!(end.is_ok(), "{text:?}");
        }
    }
}

/// What came whole before the end is told; the end is a fault that may have been charged.
///
/// Proves F-50.
#[tokio::test]
async fn a_stream_that_breaks_off_tells_what_came_whole() {
    let broken = WireFault { kind: WireFaultKind::Broken, sent: true, detail: String::new() };
    let body = WireBody::scripted([Ok("data: {\"a\":1}\n\ndata: {\"b\":".into()), Err(broken)]);
    let (told, end) = told(body, &limits()).await;
    let fault = end.expect_err("broken");
    assert_eq!((told.as_slice(), fault.class, fault.charge), (&[" {\"a\":1}".to_owned()][..], Class::UpstreamFault, Charge::Maybe));
}

/// Proves F-50.
#[tokio::test]
async fn floods_end_at_a_bound() {
    let small = ExchangeLimits { max_json: 200_000, ..limits() };
    let long = format!("data: \"{}\"\n\n", "x".repeat(1_000_000));
    let endless_line = format!("data: {{\"a\":\"{}", "x".repeat(1_000_000));
    let comments = ": keep-alive\n".repeat(400_000);
    let events = "data: x\n\n".repeat(120_000);
    for (name, flood) in [("a line", &long), ("an endless line", &endless_line), ("comments", &comments), ("events", &events)] {
        let (told, end) = told(pieces(flood.as_bytes(), 16 * 1024), &small).await;
        assert_eq!(end.expect_err(name).class, Class::UpstreamFault, "{name}");
        assert!(told.len() <= 100_000, "{name}");
    }
    // A megabyte in one line is no flood where documents may be as long.
    let (told, end) = told(pieces(long.as_bytes(), 16 * 1024), &limits()).await;
    assert!(told.len() == 1 && end.is_ok());
}

/// The gateway offers and speaks HTTP/1.1 only, so that streams which are refused, goaway frames and
/// floods of resets have no object. A server that speaks HTTP/2 all the same is not understood, and a
/// flood of its frames ends with the connection.
///
/// Proves F-9.
#[tokio::test]
async fn frames_of_http_2_end_the_connection() {
    // SETTINGS, GOAWAY, then empty DATA frames without end.
    let frames: &[u8] = b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x02";
    let (done, is_done) = tokio::sync::oneshot::channel();
    let done = std::sync::Mutex::new(Some(done));
    let server = Server::start(move |_, mut stream| {
        let done = done.lock().unwrap().take();
        async move {
            read_request(&mut stream).await;
            let _ = stream.write_all(frames).await;
            while stream.write_all(&b"\0\0\0\0\0\0\0\0\x01".repeat(1000)).await.is_ok() {}
            if let Some(done) = done {
                let _ = done.send(());
            }
        }
    })
    .await;
    let bench = bench(Arc::new(wire_to(&server)));
    let fault = bench.door.exchange(&call(&server.url("/"), CallBody::None), &limits()).await.expect_err("no HTTP/1.1");
    assert_eq!((fault.class, fault.charge), (Class::UpstreamFault, Charge::Maybe));
    is_done.await.unwrap();
}
