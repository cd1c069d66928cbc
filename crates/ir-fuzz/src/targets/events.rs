//! Replies that are streams of events.

use crate::support::{Bench, bench, cuttings, lift, told};
use bytes::Bytes;
use ir_egress::{Answer, Door, ExchangeLimits, ScriptedWire, Timing, WireBody, WireReply};
use ir_model::{Fault, ManualClock, Timestamp};
use ir_platforms::{Call, CallBody, Event, Method, ReplyBody, Target};
use ir_spool::LiftLimits;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// What the clock shows.
pub(crate) const NOW: Timestamp = Timestamp(1_700_000_000_000);
const MAX_JSON: u64 = 16 * 1024;
/// As the reader has it.
const MAX_NAME: usize = 256;

/// Cuts change nothing; a slow reader of the whole stream agrees.
pub(crate) fn run(data: &[u8]) {
    bench(|bench| {
        bench.wait(async {
            let ways = cuttings(data);
            let whole = read(bench, ways[0].clone()).await;
            for way in &ways[1..] {
                assert_eq!(read(bench, way.clone()).await, whole, "cuts make a difference");
            }
            let data_bytes = data.len() as u64;
            if data_bytes <= MAX_JSON {
                assert_eq!(whole, slowly(bench, data).await, "the reference reads it differently");
            }
        });
    });
}

/// A door behind which one reply stands.
pub(crate) fn door(bench: &Bench, status: u16, headers: &[(&str, &str)], pieces: Vec<Bytes>) -> Door {
    let mut reply = WireReply::scripted(status, headers, Bytes::new());
    reply.body = WireBody::scripted(pieces.into_iter().map(Ok));
    let reply = Mutex::new(Some(reply));
    let wire = ScriptedWire::new(move |_| Ok(reply.lock().expect("nothing panics in between").take().expect("one exchange")));
    Door::new(Arc::new(wire), bench.spool.clone(), Arc::new(ManualClock::at(NOW)))
}

pub(crate) fn limits() -> ExchangeLimits {
    ExchangeLimits {
        timing: Timing::provider(Duration::from_secs(60)),
        deadline: Instant::now() + Duration::from_secs(60),
        max_json: MAX_JSON,
        max_picture: 4096,
    }
}

async fn read(bench: &Bench, pieces: Vec<Bytes>) -> Vec<String> {
    let door = door(bench, 200, &[("content-type", "text/event-stream")], pieces);
    let target = Target::Http { method: Method::Post, url: "https://platform.example/".to_owned(), headers: Vec::new() };
    let Ok(Answer::Events(mut events)) = door.call(&Call::new(target, CallBody::None), &limits()).await else {
        panic!("a stream of events is none")
    };
    let mut out = Vec::new();
    loop {
        match events.next().await {
            Ok(Some(event)) => out.push(shown(&event)),
            Ok(None) => return out,
            Err(fault) => {
                out.push(failed(&fault));
                assert!(matches!(events.next().await, Ok(None)), "it goes on after a fault");
                return out;
            }
        }
    }
}

fn failed(fault: &Fault) -> String {
    format!("{:?} {:?} {:?}", fault.class, fault.charge, fault.detail)
}

fn shown(event: &Event) -> String {
    match &event.body {
        ReplyBody::Json(node) => format!("{:?} {}", event.name, told(&Ok(node.clone()))),
        ReplyBody::Text(text) => format!("{:?} text {text:?}", event.name),
        ReplyBody::Empty | ReplyBody::Picture(_) => panic!("an event is a document or text"),
    }
}

/// All at once, line by line (WHATWG HTML, 9.2.6).
async fn slowly(bench: &Bench, data: &[u8]) -> Vec<String> {
    let data = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
    let (mut out, mut name, mut lines) = (Vec::new(), Vec::new(), None::<Vec<u8>>);
    let (all, rest) = lines_of(data);
    for line in all {
        if line.is_empty() {
            if let Some(data) = lines.take() {
                out.push(dispatched(bench, &name, &data).await.0);
            }
            name.clear();
            continue;
        }
        field(line, &mut name, &mut lines);
    }
    // The last event may lack its end if its data is a whole document.
    if rest.contains(&b':') {
        field(rest, &mut name, &mut lines);
    }
    if let Some(data) = lines {
        let (text, whole) = dispatched(bench, &name, &data).await;
        if whole {
            out.push(text);
        }
    }
    out
}

fn lines_of(mut data: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let mut lines = Vec::new();
    while let Some(end) = data.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
        lines.push(&data[..end]);
        let skip = if data[end..].starts_with(b"\r\n") { 2 } else { 1 };
        data = &data[end + skip..];
    }
    (lines, data)
}

fn field(line: &[u8], name: &mut Vec<u8>, data: &mut Option<Vec<u8>>) {
    let (field, value) = match line.iter().position(|byte| *byte == b':') {
        Some(colon) => (&line[..colon], &line[colon + 1..]),
        None => (line, &b""[..]),
    };
    let value = value.strip_prefix(b" ").unwrap_or(value);
    match field {
        b"event" => {
            name.clear();
            name.extend_from_slice(&value[..value.len().min(MAX_NAME)]);
        }
        b"data" => match data {
            Some(data) => {
                data.push(b'\n');
                data.extend_from_slice(value);
            }
            None => *data = Some(value.to_vec()),
        },
        _ => {}
    }
}

async fn dispatched(bench: &Bench, name: &[u8], data: &[u8]) -> (String, bool) {
    let name = String::from_utf8_lossy(name).into_owned();
    if matches!(data.first(), Some(b'{' | b'[')) {
        let limits = LiftLimits { total: MAX_JSON, text: MAX_JSON, picture: 4096, url_safe: true, ..LiftLimits::default() };
        if let Ok(node) = lift(&bench.spool, limits, &[Bytes::copy_from_slice(data)]).await {
            return (format!("{name:?} {}", told(&Ok(node))), true);
        }
    }
    (format!("{name:?} text {:?}", String::from_utf8_lossy(data)), false)
}
