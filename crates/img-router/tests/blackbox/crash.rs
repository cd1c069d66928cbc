//! `kill -9` at any moment: what a caller was told is there, what is there is whole.

use crate::client;
use crate::support::{Running, SOON, Setup, stored};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ir_sim::{PictureSpec, Sim, SimConfig};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const KILLS: usize = 200;
const DRAWERS: u64 = 4;
/// Old acknowledgements that are looked at after every start; all of them are at the end.
const SAMPLE: usize = 10;

/// SplitMix64: a run is repeated by its seed.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

#[expect(clippy::disallowed_methods, reason = "the seed of a run that is to be repeated comes from outside")]
fn seed() -> u64 {
    let given = std::env::var("IR_CRASH_SEED").ok().and_then(|text| text.parse().ok());
    given.unwrap_or_else(|| std::collections::hash_map::RandomState::new().build_hasher().finish())
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a caller holds after a whole 2xx answer.
#[derive(Clone, Debug)]
enum Acked {
    /// The name behind a link.
    Named(String),
    /// The hash of the bytes.
    Bytes(String),
}

/// What was promised and what was seen.
#[derive(Default)]
struct Book {
    acked: Vec<Acked>,
    /// Acknowledgements that were looked at already.
    checked: usize,
    /// Hashes of the stored files by name.
    files: HashMap<String, String>,
    names: HashMap<String, String>,
}

/// One caller: asks and asks until the gateway is gone.
async fn draw_on(port: u16, mut dice: Dice, acked: Arc<Mutex<Vec<Acked>>>) {
    loop {
        let provider = ["NewApi/sim", "NewApi/sim", "Local/local"][usize::try_from(dice.below(3)).unwrap()];
        let kib = [4, 30, 300][usize::try_from(dice.below(3)).unwrap()];
        let form = ["url", "b64_json"][usize::try_from(dice.below(2)).unwrap()];
        let prompt = format!("{} [sim b64 bytes={kib}KiB delay={}]", dice.next(), dice.below(30));
        let ask = json!({"model": provider, "prompt": prompt, "size": "64x64", "response_format": form, "n": 1 + dice.below(2)});
        let Ok(answer) = client::post(port, "/v1/images/generations", &ask).await else { return };
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let document = answer.json();
        let pictures = document["data"].as_array().unwrap().iter().map(|item| match item["url"].as_str() {
            Some(url) => Acked::Named(url.rsplit_once("/storage/").unwrap_or_else(|| panic!("no link: {:.80}", url)).1.to_owned()),
            None => Acked::Bytes(sha256(&STANDARD.decode(item["b64_json"].as_str().unwrap()).unwrap())),
        });
        acked.lock().unwrap().extend(pictures);
    }
}

impl Book {
    /// Reads files that are new: each has its sidecar, and the sidecar its hash. Answers their names.
    fn read_disk(&mut self, setup: &Setup) -> Vec<String> {
        let mut new = Vec::new();
        for path in stored(&setup.data()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if self.files.contains_key(&name) {
                continue;
            }
            let sidecar =
                std::fs::read(path.with_file_name(format!("{name}.json"))).unwrap_or_else(|error| panic!("{name} has no sidecar: {error}"));
            let told: Value = serde_json::from_slice(&sidecar).unwrap_or_else(|error| panic!("{name}: a torn sidecar: {error}"));
            let hash = sha256(&std::fs::read(&path).unwrap());
            assert_eq!(told["sha256"], json!(hash), "{name} is torn");
            self.names.insert(hash.clone(), name.clone());
            self.files.insert(name.clone(), hash);
            new.push(name);
        }
        new
    }

    /// The gateway lists an acknowledged picture, and shows it as it is on the disk.
    async fn check(&self, port: u16, acked: &Acked) {
        let name = match acked {
            Acked::Named(name) => name,
            Acked::Bytes(hash) => self.names.get(hash).unwrap_or_else(|| panic!("an answered picture is not on the disk: {hash}")),
        };
        let hash = self.files.get(name).unwrap_or_else(|| panic!("{name} was answered but is not on the disk"));
        let answer = client::get(port, &format!("/storage/{name}")).await.unwrap();
        assert_eq!(answer.status, 200, "{name} was answered but is not listed");
        assert_eq!(&sha256(&answer.body), hash, "{name} is not served as it is stored");
    }

    /// A stored picture that nobody was told of is listed soon after the start.
    async fn adopted(&self, port: u16, name: &str) {
        let began = Instant::now();
        loop {
            let answer = client::get(port, &format!("/storage/{name}")).await.unwrap();
            match answer.status {
                200 => return assert_eq!(&sha256(&answer.body), &self.files[name], "{name} is served torn"),
                404 if began.elapsed() < SOON => tokio::time::sleep(Duration::from_millis(5)).await,
                other => panic!("{name} is stored but never listed: {other}"),
            }
        }
    }

    /// Everything that must hold after a start.
    async fn audit(&mut self, setup: &Setup, running: &Running, dice: &mut Dice) {
        let left: Vec<_> = std::fs::read_dir(setup.data().join("spool")).unwrap().flatten().map(|file| file.file_name()).collect();
        assert!(left.is_empty(), "the spool was not cleared: {left:?}");
        let new = self.read_disk(setup);
        for acked in &self.acked[self.checked..] {
            self.check(running.port, acked).await;
        }
        for _ in 0..SAMPLE.min(self.checked) {
            let at = usize::try_from(dice.below(u64::try_from(self.checked).unwrap())).unwrap();
            self.check(running.port, &self.acked[at]).await;
        }
        self.checked = self.acked.len();
        for name in &new {
            self.adopted(running.port, name).await;
        }
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
async fn draw_and_kill(running: Running, dice: &mut Dice, book: &mut Book) {
    let acked = Arc::new(Mutex::new(Vec::new()));
    let callers: Vec<_> = (0..DRAWERS).map(|_| tokio::spawn(draw_on(running.port, Dice(dice.next()), Arc::clone(&acked)))).collect();
    tokio::time::sleep(Duration::from_millis(1 + dice.below(300))).await;
    running.kill();
    for caller in callers {
        caller.await.unwrap();
    }
    book.acked.append(&mut acked.lock().unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_kills_lose_nothing() {
    let seed = seed();
    println!("repeat with IR_CRASH_SEED={seed}");
    let mut dice = Dice(seed);
    let (sim, setup) = ready_made().await;
    let (mut book, mut starts, mut early) = (Book::default(), Vec::new(), 0);
    for kill in 0..KILLS {
        let mut running = setup.spawn();
        if dice.below(6) == 0 {
            // While it starts, perhaps while it mends what the kill before left behind.
            tokio::time::sleep(Duration::from_millis(dice.below(60))).await;
            running.kill();
            early += 1;
            continue;
        }
        starts.push(running.ready());
        book.audit(&setup, &running, &mut dice).await;
        draw_and_kill(running, &mut dice, &mut book).await;
        assert!(kill < 50 || !book.acked.is_empty(), "the load draws nothing");
    }
    let running = setup.start();
    book.checked = 0;
    book.audit(&setup, &running, &mut dice).await;
    running.stop();
    let keys: Value = serde_json::from_str(&setup.run(&["keys", "list", "--json"])).unwrap();
    assert_eq!((keys.as_array().unwrap().len(), &keys[0]["state"]), (1, &json!("good")), "{keys}");
    starts.sort();
    println!(
        "{KILLS} kills, {early} of them during the start; {} pictures acknowledged, {} stored, {} drawn by the platform; start to ready: median {:?}, longest {:?}",
        book.acked.len(),
        book.files.len(),
        sim.ledger().drawings().len(),
        starts[starts.len() / 2],
        starts[starts.len() - 1],
    );
    assert!(starts[starts.len() - 1] < Duration::from_secs(10), "a start took {:?}", starts[starts.len() - 1]);
}
