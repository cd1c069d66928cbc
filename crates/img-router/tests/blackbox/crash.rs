//! `kill -9` at any moment: what a caller was told is there, what is there is whole, and what was
//! asked for under one key is drawn once.
//!
//! `IR_CRASH_KILLS` says how many kills, `IR_CRASH_LOOP_SECS` how long a gateway is killed again and
//! again, `IR_CRASH_SEED` repeats a run.

mod shelf;

use crate::client::{self, Answer};
use crate::crash_points::{send, unexplained, until_settled};
use crate::dice::Dice;
use crate::support::{Running, SOON, Setup};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ir_sim::{PictureSpec, Sim, SimConfig};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
pub(crate) use shelf::Shelf;
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const DRAWERS: u64 = 4;
/// Kills of one data folder: each start looks through all that is stored.
const ONE_FOLDER: usize = 250;
/// Old acknowledgements that are looked at after every start; all of them are at the end.
const SAMPLE: usize = 10;
/// Kills after which the platform's ledger is read: it keeps the newest entries only.
const LEDGER_EVERY: usize = 100;

/// How long or how often, where it is said from outside.
#[expect(clippy::disallowed_methods, reason = "how much is tested comes from outside")]
pub(crate) fn setting<T: FromStr>(name: &str, default: T) -> T {
    let given = std::env::var(name).ok();
    given.map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

#[expect(clippy::print_stdout, reason = "a run is repeated by it")]
fn seed() -> Dice {
    let seed = setting("IR_CRASH_SEED", std::collections::hash_map::RandomState::new().build_hasher().finish());
    println!("repeat with IR_CRASH_SEED={seed}");
    Dice(seed)
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a caller holds after a whole 2xx answer.
#[derive(Clone, Debug, PartialEq)]
enum Acked {
    /// The name behind a link.
    Named(String),
    /// The hash of the bytes.
    Bytes(String),
}

/// A request.
#[derive(Clone, Debug)]
struct Asked {
    body: Value,
    key: Option<String>,
    /// Its answer, once it has one.
    acked: Option<Vec<Acked>>,
    /// It was told that its picture is lost.
    lost: bool,
}

impl Asked {
    fn new(dice: &mut Dice, keyed: bool) -> Self {
        let model = ["NewApi/sim", "NewApi/sim", "Local/local"][dice.place(3)];
        let kib = [4, 30, 300][dice.place(3)];
        let form = ["url", "b64_json"][dice.place(2)];
        let prompt = format!("{} [sim b64 bytes={kib}KiB delay={}]", dice.next(), dice.below(30));
        let body = json!({"model": model, "prompt": prompt, "size": "64x64", "response_format": form, "n": 1 + dice.below(2)});
        Self { key: keyed.then(|| format!("key {}", dice.next())), body, acked: None, lost: false }
    }
}

fn told(answer: &Answer) -> Vec<Acked> {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let document = answer.json();
    let pictures = document["data"].as_array().unwrap().iter().map(|item| match item["url"].as_str() {
        Some(url) => Acked::Named(url.rsplit_once("/storage/").unwrap_or_else(|| panic!("no link: {:.80}", url)).1.to_owned()),
        None => Acked::Bytes(sha256(&STANDARD.decode(item["b64_json"].as_str().unwrap()).unwrap())),
    });
    pictures.collect()
}

/// One caller: asks and asks until the gateway is gone.
async fn draw_on(port: u16, mut dice: Dice, asked: Arc<Mutex<Vec<Asked>>>) {
    loop {
        let keyed = dice.below(2) == 0;
        let mut one = Asked::new(&mut dice, keyed);
        let answer = match &one.key {
            Some(key) => send(port, &one.body, key).await,
            None => client::post(port, "/v1/images/generations", &one.body).await,
        };
        let gone = answer.is_err();
        one.acked = answer.ok().map(|answer| told(&answer));
        asked.lock().unwrap().push(one);
        if gone {
            return;
        }
    }
}

/// What was promised and what was seen.
#[derive(Default)]
struct Book {
    asked: Vec<Asked>,
    /// Requests that were looked at already.
    checked: usize,
    shelf: Shelf,
    /// Pictures that the platform drew for each prompt.
    drawn: HashMap<String, u32>,
    /// The first entry of the ledger that was not read.
    unread: u64,
}

impl Book {
    /// A request with a key is repeated: it is given the same, or what its gateway died of.
    async fn repeat(&mut self, port: u16, at: usize) {
        let one = &mut self.asked[at];
        let Some(key) = &one.key else { return };
        let answer = until_settled(port, &one.body, key).await;
        match (&one.acked, answer.status) {
            (Some(acked), _) => assert_eq!(&told(&answer), acked, "{one:?} was answered otherwise"),
            (None, 200) if !one.lost => one.acked = Some(told(&answer)),
            (None, 502) => one.lost = true,
            (None, _) => panic!("{one:?}: {}", String::from_utf8_lossy(&answer.body)),
        }
    }

    /// The gateway lists what it acknowledged, and shows it as it is on the disk.
    async fn check(&self, port: u16, at: usize) {
        for acked in self.asked[at].acked.iter().flatten() {
            let name = match acked {
                Acked::Named(name) => name,
                Acked::Bytes(hash) => self.shelf.name(hash).unwrap_or_else(|| panic!("an answered picture is not on the disk: {hash}")),
            };
            self.shelf.served(port, name).await;
        }
    }

    /// Everything that must hold after a start.
    async fn audit(&mut self, setup: &Setup, port: u16, dice: &mut Dice) {
        let left: Vec<_> = std::fs::read_dir(setup.data().join("spool")).unwrap().flatten().map(|file| file.file_name()).collect();
        assert!(left.is_empty(), "the spool was not cleared: {left:?}");
        self.shelf.read(setup);
        let sample: Vec<usize> = (0..SAMPLE.min(self.checked)).map(|_| dice.place(self.checked)).collect();
        for at in self.checked..self.asked.len() {
            self.check(port, at).await;
            if self.asked[at].acked.is_none() {
                self.repeat(port, at).await;
            }
        }
        self.shelf.read(setup);
        for at in sample {
            self.check(port, at).await;
            self.repeat(port, at).await;
        }
        self.checked = self.asked.len();
        self.shelf.check_new(port).await;
        self.shelf.is_tidy(setup).await;
    }

    /// Nothing was drawn more often than it was asked for.
    fn read_ledger(&mut self, sim: &Sim) {
        let unread = self.unread;
        for entry in sim.ledger().drawings().iter().filter(|entry| entry.seq >= unread) {
            *self.drawn.entry(entry.field("prompt").unwrap_or_default()).or_default() += 1;
            self.unread = entry.seq + 1;
        }
    }

    fn acked(&self) -> usize {
        self.asked.iter().filter_map(|one| one.acked.as_ref()).map(Vec::len).sum()
    }

    /// What must hold of everything at the end.
    fn settle(&mut self, setup: &Setup, sim: &Sim) {
        self.read_ledger(sim);
        for one in &self.asked {
            let prompt = one.body["prompt"].as_str().unwrap();
            let (drawn, asked) = (self.drawn.get(prompt).copied().unwrap_or_default(), one.body["n"].as_u64().unwrap());
            assert!(u64::from(drawn) <= asked, "{one:?} was drawn {drawn} times");
            let stored = self.shelf.of_prompt(prompt).len();
            assert!(stored <= usize::try_from(asked).unwrap(), "{one:?} was stored {stored} times");
        }
        self.shelf.is_what_is_listed(setup);
        unexplained(setup, sim);
    }
}

/// A gateway in front of a simulated platform, with one key.
async fn ready_made() -> (Sim, Setup) {
    let sim =
        Sim::start(SimConfig { picture: PictureSpec::exactly(4096), models: vec!["sim".into()], ..SimConfig::default() }).await.unwrap();
    let address = sim.url().strip_prefix("http://").unwrap();
    let setup = Setup::new()
        .env("IMG_ROUTER_ALLOW_PRIVATE", address)
        .env("IMG_ROUTER_PROVIDERS_NEWAPI_ENABLED", "1")
        .env("IMG_ROUTER_SYSTEM_REQUEST_LOGGING", "0")
        .env("LOG_LEVEL", "warn");
    setup.run(&["keys", "add", "NewApi", "--base-url", sim.url(), "sk-crash-0123456789abcdef"]);
    (sim, setup)
}

/// Lets callers draw for a while, and kills the gateway while they do.
async fn draw_and_kill(running: Running, dice: &mut Dice, book: &mut Book, pause: Duration) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let callers: Vec<_> = (0..DRAWERS).map(|_| tokio::spawn(draw_on(running.port, Dice(dice.next()), Arc::clone(&asked)))).collect();
    tokio::time::sleep(pause).await;
    running.kill();
    for caller in callers {
        caller.await.unwrap();
    }
    book.asked.append(&mut asked.lock().unwrap());
}

/// What a number of kills came to.
#[derive(Default)]
struct Tally {
    kills: usize,
    early: usize,
    requests: usize,
    keyed: usize,
    lost: usize,
    acked: usize,
    stored: usize,
    drawn: u32,
    starts: Vec<Duration>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.kills += other.kills;
        self.early += other.early;
        self.requests += other.requests;
        self.keyed += other.keyed;
        self.lost += other.lost;
        self.acked += other.acked;
        self.stored += other.stored;
        self.drawn += other.drawn;
        self.starts.extend(other.starts);
        self.starts.sort();
    }

    fn longest(&self) -> Duration {
        self.starts.last().copied().unwrap_or_default()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, early, requests, keyed, lost, acked, stored, drawn, starts } = self;
        write!(
            f,
            "{kills} kills, {early} of them during the start; {requests} requests, {keyed} with a key, {lost} of those lost; {acked} pictures acknowledged, {stored} stored, {drawn} drawn by the platform; start to ready: median {:?}, longest {:?}",
            starts.get(starts.len() / 2),
            self.longest(),
        )
    }
}

/// Kills of one data folder.
async fn kill_at_random(kills: usize, dice: &mut Dice) -> Tally {
    let (sim, setup) = ready_made().await;
    let (mut book, mut tally) = (Book::default(), Tally { kills, ..Tally::default() });
    for kill in 0..kills {
        let mut running = setup.spawn();
        if dice.below(6) == 0 {
            // While it starts, perhaps while it mends what the kill before left behind.
            tokio::time::sleep(Duration::from_millis(dice.below(60))).await;
            running.kill();
            tally.early += 1;
            continue;
        }
        tally.starts.push(running.ready());
        book.audit(&setup, running.port, dice).await;
        let pause = Duration::from_millis(1 + dice.below(300));
        draw_and_kill(running, dice, &mut book, pause).await;
        assert!(kill < 50 || book.acked() > 0, "the load draws nothing");
        if kill % LEDGER_EVERY == LEDGER_EVERY - 1 {
            book.read_ledger(&sim);
        }
    }
    let running = setup.start();
    book.checked = 0;
    book.audit(&setup, running.port, dice).await;
    running.stop();
    book.settle(&setup, &sim);
    let keys: Value = serde_json::from_str(&setup.run(&["keys", "list", "--json"])).unwrap();
    assert_eq!((keys.as_array().unwrap().len(), &keys[0]["state"]), (1, &json!("good")), "{keys}");
    tally.requests = book.asked.len();
    tally.keyed = book.asked.iter().filter(|one| one.key.is_some()).count();
    tally.lost = book.asked.iter().filter(|one| one.lost).count();
    tally.acked = book.acked();
    tally.stored = book.shelf.len();
    tally.drawn = book.drawn.values().sum();
    tally
}

/// Proves C-1, C-2, C-3, C-4, C-7, C-8, C-9, C-10, C-11, C-12, C-13, C-21.
/// Proves C-23, P-5, P-9, R-DUR-2, R-DUR-4, R-DUR-7, R-DUR-11.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_at_random_lose_nothing() {
    let kills = setting("IR_CRASH_KILLS", 120);
    let mut dice = seed();
    let mut all = Tally::default();
    while all.kills < kills {
        all.add(kill_at_random(ONE_FOLDER.min(kills - all.kills), &mut dice).await);
        println!("{all}");
    }
    assert!(all.longest() < SOON, "a start took {:?}", all.longest());
}

/// Proves C-24.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_is_killed_again_and_again_gets_on() {
    let long = Duration::from_secs(setting("IR_CRASH_LOOP_SECS", 4));
    let mut dice = seed();
    let (sim, setup) = ready_made().await;
    let (mut book, mut starts, began) = (Book::default(), Vec::new(), Instant::now());
    while began.elapsed() < long || starts.len() < 5 {
        let mut running = setup.spawn();
        starts.push(running.ready());
        draw_and_kill(running, &mut dice, &mut book, Duration::from_millis(300)).await;
        let spool = std::fs::read_dir(setup.data().join("spool")).unwrap().count();
        assert!(spool <= 64, "{spool} files of killed gateways are left in the spool");
    }
    let running = setup.start();
    book.audit(&setup, running.port, &mut dice).await;
    running.stop();
    book.settle(&setup, &sim);
    starts.sort();
    let (median, longest) = (starts[starts.len() / 2], starts[starts.len() - 1]);
    println!("{} kills; {} pictures acknowledged; start to ready: median {median:?}, longest {longest:?}", starts.len(), book.acked());
    assert!(book.acked() > 0, "no progress");
    assert!(longest < SOON, "a start took {longest:?}");
}
