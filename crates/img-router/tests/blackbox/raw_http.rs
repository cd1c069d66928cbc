//! Bytes that are nearly HTTP/1.1, against the whole server: what is drawn is what a strict reader finds to be asked for, and no more answers
//! come than requests.

mod ahead;
mod cases;
mod reader;

use crate::client::{self, dial};
use crate::crash::setting;
use crate::faults::{self, World};
use crate::support::{SOON, stored};
use cases::Case;
use futures_util::StreamExt;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::time::timeout;

/// Connections at a time.
const AT_ONCE: usize = 400;
/// Longer than the gateway waits for the rest of a head or a body: who is still let wait ends its side.
const QUIET: Duration = Duration::from_millis(1500);
/// Buffers of the connections that are open at a time, and what is drawn.
const MOST_MEMORY: u64 = 128 * 1024;
/// Failures of the caller that are told with a status of the server's (RFC 9110, 15.6.2 and 15.6.6).
const NOT_OURS: [u16; 2] = [501, 505];

async fn send(mut to: OwnedWriteHalf, case: &Case) -> OwnedWriteHalf {
    let mut cuts = [case.cuts.as_slice(), &[0, case.bytes.len()]].concat();
    cuts.sort_unstable();
    for pair in cuts.windows(2) {
        // Who was refused is not listened to any more.
        if to.write_all(&case.bytes[pair[0]..pair[1]]).await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    to
}

/// Sends a stream; all that comes back until the gateway ends the connection.
async fn exchange(port: u16, case: &Case) -> Result<Vec<u8>, String> {
    let stream = dial(port).await.map_err(|error| error.to_string())?;
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    let (mut from, to) = stream.into_split();
    let mut answers = Vec::new();
    let talk = async {
        let sent = send(to, case);
        tokio::pin!(sent);
        let (mut to, mut block) = (None, vec![0; 16 * 1024]);
        loop {
            tokio::select! {
                half = &mut sent, if to.is_none() => to = Some(half),
                came = timeout(QUIET, from.read(&mut block)) => match came {
                    // A reset is an end, too.
                    Ok(Ok(0) | Err(_)) => return,
                    Ok(Ok(count)) => answers.extend_from_slice(&block[..count]),
                    Err(_) => if let Some(to) = &mut to {
                        let _ = to.shutdown().await;
                    },
                },
            }
        }
    };
    timeout(SOON, talk).await.map_err(|_| "the connection is never ended".to_owned())?;
    Ok(answers)
}

/// The pictures that a strict reader finds to be asked for.
fn prompts(requests: &[reader::Request]) -> impl Iterator<Item = String> {
    let documents = requests.iter().filter_map(|request| serde_json::from_slice::<Value>(&request.body).ok());
    documents.filter_map(|document| document["prompt"].as_str().map(str::to_owned))
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// A figure of `/proc/<pid>/status`, in KiB.
fn memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Proves Z-17, B-10, B-13, B-22.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_nearly_http_is_taken_for_no_more_than_it_is() {
    let count: u64 = setting("IR_RAW_HTTP", 2000);
    let sim = faults::sim().await;
    let waits = ["HEADER_TIMEOUT", "BODY_IDLE_TIMEOUT", "KEEP_ALIVE"];
    let setup = waits.iter().fold(faults::ground(), |setup, name| setup.env(&format!("IMG_ROUTER_LIMITS_{name}"), "1"));
    let setup = setup.env("IMG_ROUTER_LIMITS_CONNECTIONS_PER_IP", "4000").env("IMG_ROUTER_LIMITS_KEY_CONCURRENCY", "64");
    let world = World::start(setup, &[sim.url()]).await;
    world.add(sim.url(), "sk-0123456789abcdef", &["any"]).await;
    let port = world.running.port;
    assert_eq!(world.draw("any").await.status, 200);
    let (before, logged) = (memory(world.running.pid()), world.running.log().len());

    let streams = futures_util::stream::iter(0..count).map(|number| async move {
        let case = cases::case(number);
        let answers = exchange(port, &case).await;
        (number, case, answers)
    });
    let (mut wrong, mut asked, mut statuses) = (Vec::new(), BTreeSet::from(["a boat".to_owned()]), std::collections::BTreeMap::new());
    let mut streams = streams.buffer_unordered(AT_ONCE);
    while let Some((number, case, answers)) = streams.next().await {
        let requests = reader::requests(&case.bytes);
        asked.extend(prompts(&requests));
        let told = answers.and_then(|answers| reader::statuses(&answers, &requests));
        let mut flaw = |what: String| wrong.push(format!("{number}: {what}: {}", case.bytes[..case.bytes.len().min(600)].escape_ascii()));
        match told {
            Err(why) => flaw(why),
            Ok(told) => {
                if told.iter().any(|status| *status >= 500 && !NOT_OURS.contains(status)) {
                    flaw(format!("{told:?}"));
                }
                if told.len() > requests.len() + 1 {
                    flaw(format!("{} answers to {} requests", told.len(), requests.len()));
                }
                told.iter().for_each(|status| *statuses.entry(*status).or_insert(0_usize) += 1);
            }
        }
    }
    world.at_rest().await;
    let grown = memory(world.running.pid()) - before;
    let drawn: Vec<String> = sim.ledger().drawings().iter().filter_map(|entry| entry.field("prompt")).collect();
    println!("{count} streams, answers {statuses:?}, {} pictures drawn, {grown} KiB of memory more", drawn.len());
    for prompt in drawn.iter().filter(|prompt| !asked.contains(*prompt)) {
        let numbers = (0..count).filter(|number| holds(&cases::case(*number).bytes, prompt));
        wrong.extend(numbers.map(|number| format!("{number}: {prompt} is drawn: {}", cases::case(number).bytes.escape_ascii())));
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    // What is hidden would be seen: it is drawn where it is a request.
    assert!(drawn.iter().any(|prompt| prompt.ends_with("in it")) && drawn.iter().any(|prompt| prompt.ends_with("around it")), "{drawn:?}");
    assert_eq!(stored(&world.running.data()).len(), drawn.len());
    assert!(grown < MOST_MEMORY, "{grown} KiB more");
    assert_eq!(client::get(port, "/health").await.unwrap().status, 200);
    let log = world.running.log().split_off(logged);
    assert!(!log.contains("panicked"), "{log}");
    let odd = |line: &&str| !line.starts_with("20") || line.chars().any(char::is_control);
    assert!(!log.lines().any(|line| odd(&line)), "{:?}", log.lines().find(odd));
    world.running.stop();
}
