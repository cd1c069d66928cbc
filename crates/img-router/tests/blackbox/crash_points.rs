//! `kill -9` at each named point of the code (`ir_crash::POINTS`): what stands on the disk then is put
//! in order by the next start, however often that is killed too.
//!
//! `IR_CRASH_EACH` says how often each way is gone.

mod draw;
mod outbox;
mod start;
mod steer;
mod task;

use crate::client::{self, Answer};
use crate::crash::{Shelf, setting, sha256};
use crate::support::{KEY, SOON, Setup};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use ir_sim::{Behaviour, Script, Sim, When};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

/// Points and the pass at which the process ends there: the first while it works, the others while
/// it starts again.
pub(super) type Steps = &'static [(&'static str, u64)];

/// How often each way is gone.
fn each() -> usize {
    setting("IR_CRASH_EACH", 2)
}

/// The variable that arms a point.
fn armed((point, pass): (&str, u64)) -> String {
    format!("{point}:{pass}")
}

/// What became of a request whose gateway was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing was sent: its repetition is drawn.
    Anew,
    /// It may have been paid for and there is nothing: its repetition is told so, and not drawn.
    Lost,
    /// Its repetition is given the picture.
    Kept,
    /// One of these, by the moment.
    Any,
}

/// A gateway in front of a platform, and what it has stored.
pub(super) struct Rig {
    sim: Sim,
    setup: Setup,
    shelf: Shelf,
    model: &'static str,
    turn: u32,
    starts: Vec<Duration>,
}

impl Rig {
    pub(super) fn new(sim: Sim, setup: Setup) -> Self {
        // A list of models that comes while a picture does would pass points as well.
        sim.script(Script::default().rule(When::path("/models"), None, Behaviour::from_directives("delay=60000").unwrap()));
        Self { sim, setup, shelf: Shelf::default(), model: "auto", turn: 0, starts: Vec::new() }
    }

    /// A request that was not there before.
    fn ask(&mut self) -> (Value, String) {
        self.turn += 1;
        let prompt = format!("picture {} [sim b64 bytes=300KiB]", self.turn);
        (json!({"model": self.model, "prompt": prompt, "response_format": "b64_json"}), format!("key-{}", self.turn))
    }

    /// Kills the gateway at the first step while it draws, then at each other one while it starts.
    async fn die(&self, steps: Steps, body: &Value, key: &str) {
        let (first, others) = steps.split_first().unwrap();
        let now = self.setup.beside("now");
        let mut running = self.setup.spawn_in(&[("IR_CRASHPOINT", &armed(*first)), ("IR_CRASH_AFTER", now.to_str().unwrap())]);
        running.ready();
        // What the start itself passes does not count.
        std::fs::File::create(&now).unwrap();
        let answer = send(running.port, body, key).await;
        running.kills_itself(first.0);
        std::fs::remove_file(&now).unwrap();
        assert!(answer.is_err(), "{steps:?}: nobody was answered, but {answer:?}");
        for step in others {
            self.setup.spawn_in(&[("IR_CRASHPOINT", &armed(*step))]).kills_itself(step.0);
        }
        if self.turn.is_multiple_of(2) {
            // Once more, somewhere in the midst of putting things in order.
            let running = self.setup.spawn();
            tokio::time::sleep(Duration::from_millis(u64::from(self.turn * 13 % 90))).await;
            running.kill();
        }
    }

    /// One request that dies on its way, and everything that must hold afterwards.
    async fn survives(&mut self, steps: Steps, fate: Fate) {
        let (body, key) = self.ask();
        self.die(steps, &body, &key).await;
        let mut running = self.setup.spawn();
        self.starts.push(running.ready());
        let prompt = body["prompt"].as_str().unwrap();
        let before = self.submitted(prompt);
        let answer = until_settled(running.port, &body, &key).await;
        let (told, replayed) = (answer.status, answer.header("idempotent-replayed") == "true");
        let submitted = self.submitted(prompt);
        let context =
            format!("{steps:?}: {told} {}\n{}", String::from_utf8_lossy(&answer.body[..answer.body.len().min(300)]), running.log());
        match fate {
            Fate::Anew => assert_eq!((told, replayed, before, submitted), (200, false, 0, 1), "{context}"),
            Fate::Lost => assert_eq!(told, 502, "{context}"),
            Fate::Kept => assert_eq!((told, replayed, submitted), (200, true, 1), "{context}"),
            Fate::Any => assert!([200, 502].contains(&told), "{context}"),
        }
        assert!(submitted <= 1, "{context}: paid for {submitted} times");
        assert_eq!(answer.header("x-should-retry") == "false", told == 502, "{context}");
        self.shelf.read(&self.setup);
        let stored = self.shelf.of_prompt(prompt);
        if told == 200 {
            let hash = sha256(&picture(&answer));
            assert_eq!(stored, std::slice::from_ref(&hash), "{context}: stored once, as it was answered");
            let again = until_settled(running.port, &body, &key).await;
            assert_eq!((sha256(&picture(&again)), self.submitted(prompt)), (hash, submitted), "{context}: told the same again");
        } else {
            assert_eq!(stored, [""; 0], "{context}: a picture was said to be lost");
        }
        self.tidy(running.port).await;
        // To its end, so that nothing of it is taken up by the next run.
        running.stop();
    }

    /// Nothing half done is left, and every stored picture is listed and served whole.
    async fn tidy(&mut self, port: u16) {
        self.shelf.is_tidy(&self.setup).await;
        self.shelf.read(&self.setup);
        self.shelf.check_new(port).await;
    }

    /// How often the platform was asked to draw this.
    fn submitted(&self, prompt: &str) -> usize {
        self.sim
            .ledger()
            .drawings()
            .iter()
            .filter(|entry| entry.method == "POST" && entry.field("prompt").as_deref() == Some(prompt))
            .count()
    }

    /// Stops, and compares what the platform was asked for with what the journal says.
    #[expect(clippy::print_stdout, reason = "what was measured")]
    fn close(mut self, what: &str) {
        let running = self.setup.start();
        // A task that is asked for anew may still be.
        let began = Instant::now();
        while open_rows(&self.setup) > 0 {
            assert!(began.elapsed() < SOON, "{what}: rows are never closed");
            std::thread::sleep(Duration::from_millis(20));
        }
        running.stop();
        unexplained(&self.setup, &self.sim);
        if self.shelf.len() > 0 {
            self.shelf.is_what_is_listed(&self.setup);
        }
        self.starts.sort();
        let (kills, slowest) = (self.turn, self.starts.last().copied().unwrap_or_default());
        println!("{what}: {kills} requests killed on their way; start to ready: longest {slowest:?}");
    }
}

/// Every drawing of the platform has its row in the journal, written before it was asked for; no row
/// is left open.
#[track_caller]
pub(crate) fn unexplained(setup: &Setup, sim: &Sim) {
    let db = rusqlite::Connection::open(setup.data().join("img-router.db")).unwrap();
    let mut select =
        db.prepare("SELECT prompt, count(attempts.job) FROM jobs JOIN attempts ON attempts.job = jobs.id GROUP BY prompt").unwrap();
    let rows = select.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, usize>(1)?))).unwrap();
    let mut journal: HashMap<String, usize> = rows.map(Result::unwrap).collect();
    for entry in sim.ledger().drawings().iter().filter(|entry| entry.method == "POST") {
        let prompt = entry.field("prompt").unwrap_or_default();
        let left = journal.get_mut(&prompt).filter(|left| **left > 0).unwrap_or_else(|| panic!("no row explains a drawing of: {prompt}"));
        *left -= 1;
    }
    assert_eq!(open_rows(setup), 0, "rows were left open");
}

/// Jobs, attempts and requests of which it is not said how they ended.
fn open_rows(setup: &Setup) -> i64 {
    const OPEN: &str = "SELECT (SELECT count(*) FROM jobs WHERE state = 'running')
                             + (SELECT count(*) FROM attempts WHERE state IN ('prepared', 'ticket'))
                             + (SELECT count(*) FROM claims WHERE outcome IS NULL)";
    let db = rusqlite::Connection::open(setup.data().join("img-router.db")).unwrap();
    db.query_row(OPEN, [], |row| row.get(0)).unwrap()
}

/// Asks under an idempotency key.
pub(crate) async fn send(port: u16, body: &Value, key: &str) -> Result<Answer, String> {
    let request = Request::post("/v1/images/generations").header("host", "localhost").header("authorization", format!("Bearer {KEY}"));
    let request = request.header("content-type", "application/json").header("idempotency-key", key);
    client::ask(port, request.body(Full::from(Bytes::from(body.to_string()))).unwrap()).await
}

/// Asks until there is an answer that stands.
pub(crate) async fn until_settled(port: u16, body: &Value, key: &str) -> Answer {
    let began = Instant::now();
    loop {
        let answer = send(port, body, key).await.unwrap();
        if answer.status != 503 {
            return answer;
        }
        assert!(began.elapsed() < SOON, "never settled: {}", answer.json());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) fn picture(answer: &Answer) -> Vec<u8> {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let pictures = answer.json();
    let pictures = pictures["data"].as_array().unwrap();
    assert_eq!(pictures.len(), 1, "as many as were asked for");
    STANDARD.decode(pictures[0]["b64_json"].as_str().unwrap()).unwrap()
}

/// A point that no test passes proves nothing.
///
/// Proves P-5, P-9.
#[test]
fn every_point_has_a_test() {
    let steps = draw::WAYS.iter().chain(task::WAYS).map(|(steps, _)| *steps).chain([outbox::PUTS, outbox::REMOVALS]);
    let steps = steps.chain([steer::SETTINGS, steer::KEYS, steer::ROTATIONS, start::FIRST, start::MIGRATIONS, start::STOPS]);
    let tested: BTreeSet<&str> = steps.flatten().map(|(point, _)| *point).collect();
    let known: BTreeSet<&str> = ir_crash::POINTS.iter().copied().collect();
    assert_eq!(known.difference(&tested).collect::<Vec<_>>(), [&""; 0], "points that no test passes");
    assert_eq!(tested, known);
}
