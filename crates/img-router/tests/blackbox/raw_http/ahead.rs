//! Heads behind other heads that readers disagree about.

use super::cases::Case;
use super::{exchange, reader};
use crate::faults::{self, GENERATE, World};
use crate::support::KEY;

const HEALTH: &str = "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// Whatever stands before it, what is in doubt is refused: 400, nothing drawn, nothing behind it answered.
///
/// Proves B-10.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_doubt_is_refused_wherever_it_stands() {
    let sim = faults::sim().await;
    let world = World::start(faults::ground(), &[sim.url()]).await;
    world.add(sim.url(), "sk-0123456789abcdef", &["any"]).await;
    let document = "{\"model\":\"any\",\"prompt\":\"in doubt\"}";
    let length = document.len();
    let head = format!("POST {GENERATE} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\n");
    let chunk = format!("{length:x}\r\n{document}\r\n0\r\n");
    let streams = [
        ("both lengths", format!("{head}content-length: {}\r\ntransfer-encoding: chunked\r\n\r\n{chunk}\r\n", chunk.len() + 2)),
        ("a line that ends without carriage return", format!("{head}x: y\ncontent-length: {length}\r\n\r\n{document}")),
        ("the same length twice", format!("{head}content-length: {length}\r\ncontent-length: {length}\r\n\r\n{document}")),
    ];
    let mut wrong = Vec::new();
    for (what, stream) in streams {
        for before in [0, 1, 3] {
            let bytes = format!("{}{stream}{HEALTH}", HEALTH.repeat(before)).into_bytes();
            let answers = exchange(world.running.port, &Case { bytes, cuts: Vec::new() }).await.unwrap();
            let told = reader::statuses(&answers, &[]).unwrap();
            let wanted = [vec![200; before], vec![400]].concat();
            if told != wanted {
                wrong.push(format!("{what}, behind {before}: {told:?} instead of {wanted:?}"));
            }
        }
    }
    world.at_rest().await;
    let drawn = sim.ledger().drawings().len();
    assert!(wrong.is_empty() && drawn == 0, "{drawn} drawn; {wrong:#?}");
    world.running.stop();
}
