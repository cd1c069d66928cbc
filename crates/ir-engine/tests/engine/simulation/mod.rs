//! The engine with its real way out on a simulated network: three platforms that fail by dice, a
//! gateway that crashes and comes back on its data, partitions, losses, delays. Time is simulated, too:
//! two minutes of it take a moment. A run is told by its seed: `IR_SIM_SEED` chooses the first one, `IR_SIM_RUNS`
//! how many. What every run must leave behind is said in `World::judge` and `gateway::audit`.

mod gateway;
mod network;
mod platform;

use crate::support::NOW;
use gateway::End;
use ir_engine::Engine;
use ir_model::{Dice, ManualClock, SeededDice, Timestamp};
use ir_store::{AttemptRecord, JobRecord};
use network::PLATFORMS;
use platform::Submission;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use turmoil::Sim;

/// `routing.deadline` of the simulated gateway.
const DEADLINE: Duration = Duration::from_secs(20);
/// One step of simulated time.
const TICK: Duration = Duration::from_millis(10);
/// Faults end here, in milliseconds.
const HEALED_AT: i64 = 30_000;
/// From here on everything works: keys have rested, breakers have probed.
const WELL_AT: i64 = 100_000;
const AUDIT_AT: i64 = 112_000;
const GATEWAY: &str = "gateway";

#[derive(Debug, Clone)]
struct Call {
    at: i64,
    tenant: String,
    key: String,
    prompt: String,
    n: u32,
    end: Option<End>,
}

/// What outlives every host, and sees everything.
struct World {
    seed: u64,
    start: Timestamp,
    clock: Arc<ManualClock>,
    dir: PathBuf,
    unlisted: Option<&'static str>,
    drains_at: Option<i64>,
    audit_at: i64,
    healed: AtomicBool,
    audited: AtomicBool,
    crashes: AtomicU32,
    draining_since: Mutex<Option<i64>>,
    engine: Mutex<Weak<Engine>>,
    calls: Mutex<Vec<Call>>,
    ledger: Mutex<Vec<Submission>>,
    journal: Mutex<Vec<(JobRecord, AttemptRecord)>>,
    flaws: Mutex<Vec<String>>,
}

/// Dice that fall by the seed and the simulated time: who rolls more or less often at one moment does
/// not change how they fall at the next.
struct TimedDice {
    seed: u64,
    clock: Arc<ManualClock>,
    rolled: Mutex<(Timestamp, u64)>,
}

impl Dice for TimedDice {
    fn fill(&self, out: &mut [u8]) {
        let now = ir_model::Clock::now(&*self.clock);
        let mut rolled = self.rolled.lock().expect("world");
        *rolled = if rolled.0 == now { (now, rolled.1 + 1) } else { (now, 0) };
        dice_for(&(self.seed, now.0, rolled.1)).fill(out);
    }
}

/// Dice for one thing: they fall the same way whatever else happened.
fn dice_for(thing: &impl Hash) -> SeededDice {
    let mut hasher = DefaultHasher::new();
    thing.hash(&mut hasher);
    SeededDice::new(hasher.finish())
}

impl World {
    fn dice(&self, of: &str) -> Arc<dyn Dice> {
        let seed = dice_for(&(self.seed, of)).below(u64::MAX);
        Arc::new(TimedDice { seed, clock: Arc::clone(&self.clock), rolled: Mutex::default() })
    }

    fn expect(&self, holds: bool, flaw: impl FnOnce() -> String) {
        if !holds {
            self.flaws.lock().expect("world").push(flaw());
        }
    }

    fn is_healed(&self) -> bool {
        self.healed.load(Ordering::Relaxed)
    }

    fn calls(&self) -> usize {
        self.calls.lock().expect("world").len()
    }

    fn call(&self, at: usize) -> Call {
        self.calls.lock().expect("world")[at].clone()
    }

    fn end(&self, at: usize) -> Option<End> {
        self.call(at).end
    }

    fn set_end(&self, at: usize, end: End) {
        self.calls.lock().expect("world")[at].end = Some(end);
    }

    fn crashes(&self) -> u32 {
        self.crashes.load(Ordering::Relaxed)
    }

    fn note_draining(&self) {
        *self.draining_since.lock().expect("world") = Some(ir_model::Clock::now(&*self.clock).0);
    }

    fn note_audited(&self) {
        self.audited.store(true, Ordering::Relaxed);
    }

    fn journaled(&self, job: &JobRecord, attempt: &AttemptRecord) {
        self.journal.lock().expect("world").push((job.clone(), attempt.clone()));
    }

    /// Jobs and numbers of all attempts that were written down.
    fn journal(&self) -> Vec<(String, u32)> {
        self.journal.lock().expect("world").iter().map(|(job, attempt)| (job.id.clone(), attempt.number)).collect()
    }

    /// A platform was asked to draw: that must have been written down before.
    fn submitted(&self, submission: Submission) {
        let mut ledger = self.ledger.lock().expect("world");
        let here = |prompt: &str, host: &str| prompt == submission.prompt && host == submission.host;
        let sent = ledger.iter().filter(|earlier| here(&earlier.prompt, earlier.host)).count() + 1;
        let journal = self.journal.lock().expect("world");
        let written = journal.iter().filter(|(job, attempt)| here(&job.prompt, attempt.base_url.trim_start_matches("http://"))).count();
        self.expect(written >= sent, || {
            format!("{} was sent to {} {sent} times and written down {written} times", submission.prompt, submission.host)
        });
        ledger.push(submission);
    }

    /// How often a platform was asked for it so far.
    fn sent(&self, host: &str, prompt: &str) -> usize {
        self.ledger.lock().expect("world").iter().filter(|entry| entry.host == host && entry.prompt == prompt).count()
    }

    fn drew(&self, prompt: &str, hash: &str) -> bool {
        let ledger = self.ledger.lock().expect("world");
        ledger.iter().any(|entry| entry.prompt == prompt && entry.drawn.as_deref() == Some(hash))
    }

    /// The ledger against what the callers were told.
    fn judge(&self) {
        let ledger = self.ledger.lock().expect("world");
        for call in &*self.calls.lock().expect("world") {
            let name = &call.prompt;
            let billed: Vec<&Submission> = ledger.iter().filter(|entry| entry.prompt == *name && entry.drawn.is_some()).collect();
            // One for each picture, and one that is made good elsewhere.
            let most = call.n as usize + 1;
            self.expect(billed.len() <= most, || format!("{name} was billed {} times: {billed:#?}", billed.len()));
            for host in PLATFORMS {
                let here = billed.iter().filter(|entry| entry.host == host).count();
                self.expect(here <= call.n as usize, || format!("{name} was billed {here} times at {host}"));
            }
            match &call.end {
                None => self.expect(false, || format!("{name} never came to an end")),
                Some(End::Drawn(_)) => {}
                Some(End::Charged(class)) => self.expect(call.at < HEALED_AT, || format!("{name} failed in good times: {class:?}")),
                Some(End::Free(class)) => {
                    self.expect(billed.is_empty(), || format!("{name} was told that it cost nothing ({class:?}): {billed:#?}"));
                    self.expect(call.at < WELL_AT, || format!("{name} failed in good times: {class:?}"));
                }
            }
        }
        let mut attempts: BTreeMap<&str, u32> = BTreeMap::new();
        let journal = self.journal.lock().expect("world");
        journal.iter().for_each(|(job, _)| *attempts.entry(&job.id).or_default() += 1);
        // Twelve for each of at most two pictures.
        self.expect(attempts.values().all(|attempts| *attempts <= 24), || format!("attempts of jobs: {attempts:?}"));
        if let Some(since) = *self.draining_since.lock().expect("world") {
            // What was on its way then may still arrive.
            let late: Vec<&Submission> = ledger.iter().filter(|entry| entry.at > since + 500).collect();
            self.expect(late.is_empty(), || format!("sent after the shutdown began: {late:#?}"));
        }
        self.expect(self.audited.load(Ordering::Relaxed), || "the run did not come to its end".to_owned());
    }
}

/// Something that befalls the network or a host, with its time.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Partition(usize),
    Repair(usize),
    Hold(usize),
    Release(usize),
    Lossy(usize, u64),
    Slow(usize, u64),
    Crash(Option<usize>),
    Bounce(Option<usize>),
}

impl Fault {
    fn befall(self, sim: &mut Sim<'_>, world: &World) {
        let host = |which: Option<usize>| which.map_or(GATEWAY, |at| PLATFORMS[at]);
        #[expect(clippy::cast_precision_loss, reason = "a few per cent")]
        let share = |percent: u64| percent as f64 / 100.0;
        match self {
            Self::Partition(at) => sim.partition(GATEWAY, PLATFORMS[at]),
            Self::Repair(at) => sim.repair(GATEWAY, PLATFORMS[at]),
            Self::Hold(at) => sim.hold(GATEWAY, PLATFORMS[at]),
            Self::Release(at) => sim.release(GATEWAY, PLATFORMS[at]),
            Self::Lossy(at, percent) => sim.set_link_fail_rate(GATEWAY, PLATFORMS[at], share(percent)),
            Self::Slow(at, ms) => sim.set_link_max_message_latency(GATEWAY, PLATFORMS[at], Duration::from_millis(ms)),
            Self::Crash(which) => {
                if which.is_none() {
                    world.crashes.fetch_add(1, Ordering::Relaxed);
                }
                sim.crash(host(which));
            }
            Self::Bounce(which) => sim.bounce(host(which)),
        }
    }
}

/// The faults of a run, by time.
fn weather(dice: &SeededDice) -> Vec<(i64, Fault)> {
    let below = |bound: u64| i64::try_from(dice.below(bound)).expect("small");
    let mut faults = Vec::new();
    for at in 0..PLATFORMS.len() {
        let mut now = 500 + below(4000);
        while now < HEALED_AT - 5_000 {
            let (begins, ends, lasts) = match dice.below(5) {
                0 => (Fault::Partition(at), Fault::Repair(at), 300 + below(4000)),
                1 => (Fault::Hold(at), Fault::Release(at), 200 + below(3000)),
                2 => (Fault::Lossy(at, 2 + dice.below(20)), Fault::Lossy(at, 0), 500 + below(4000)),
                3 => (Fault::Slow(at, 200 + dice.below(1500)), Fault::Slow(at, 50), 500 + below(4000)),
                _ => (Fault::Crash(Some(at)), Fault::Bounce(Some(at)), 50 + below(3000)),
            };
            faults.extend([(now, begins), (now + lasts, ends)]);
            now += lasts + 300 + below(6000);
        }
    }
    let mut now = 2000 + below(8000);
    for _ in 0..dice.below(4) {
        let down = 20 + below(1500);
        faults.extend([(now, Fault::Crash(None)), (now + down, Fault::Bounce(None))]);
        now += down + 500 + below(8000);
    }
    faults.sort_by_key(|(at, _)| *at);
    faults
}

/// What a run is to be like.
#[derive(Default)]
struct Scene {
    /// Without faults of network and hosts.
    calm: bool,
    drains_at: Option<i64>,
    unlisted: Option<&'static str>,
}

/// Plays one run to its end and judges it.
fn play(seed: u64, scene: &Scene) -> Arc<World> {
    let dice = SeededDice::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    // In memory where the machine has it: what is tested is order, not the disk.
    let memory = std::path::Path::new("/dev/shm");
    let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("folder");
    let mut calls: Vec<Call> = (0..24).map(|n| caller(&dice, n, 27_000)).collect();
    if scene.drains_at.is_none() {
        calls.extend((24..30).map(|n| Call { at: WELL_AT + i64::from(n) * 50, n: 1, ..caller(&dice, n, 1) }));
    }
    let world = Arc::new(World {
        seed,
        start: NOW,
        clock: Arc::new(ManualClock::at(NOW)),
        dir: dir.path().to_owned(),
        unlisted: scene.unlisted,
        drains_at: scene.drains_at,
        audit_at: scene.drains_at.map_or(AUDIT_AT, |at| at + 90_000),
        healed: AtomicBool::new(false),
        audited: AtomicBool::new(false),
        crashes: AtomicU32::new(0),
        draining_since: Mutex::default(),
        engine: Mutex::default(),
        calls: Mutex::new(calls),
        ledger: Mutex::default(),
        journal: Mutex::default(),
        flaws: Mutex::default(),
    });
    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .tick_duration(TICK)
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(50))
        .simulation_duration(Duration::from_secs(100_000))
        .tcp_capacity(4096)
        .enable_random_order()
        .build();
    for host in PLATFORMS {
        let world = Arc::clone(&world);
        sim.host(host, move || platform::serve(Arc::clone(&world), host));
    }
    let host = Arc::clone(&world);
    sim.host(GATEWAY, move || gateway::serve(Arc::clone(&host)));
    let mut faults = if scene.calm { Vec::new() } else { weather(&dice) }.into_iter().peekable();
    let step = i64::try_from(TICK.as_millis()).expect("small");
    let mut now = 0;
    while now < world.audit_at + 10_000 && !world.audited.load(Ordering::Relaxed) {
        while let Some((_, fault)) = faults.next_if(|(at, _)| *at <= now) {
            fault.befall(&mut sim, &world);
        }
        if now == HEALED_AT {
            world.healed.store(true, Ordering::Relaxed);
        }
        if let Err(error) = sim.step() {
            world.expect(false, || format!("a host broke down: {error}"));
            break;
        }
        now += step;
        world.clock.advance_ms(step);
    }
    drop(sim);
    world.judge();
    let flaws = world.flaws.lock().expect("world").clone();
    assert!(flaws.is_empty(), "{flaws:#?}");
    world
}

fn caller(dice: &SeededDice, number: u32, within: u64) -> Call {
    Call {
        at: i64::try_from(dice.below(within)).expect("small"),
        tenant: ["ada", "bob"][usize::from(dice.below(2) == 1)].to_owned(),
        // Both tenants use the same keys: that is no key in common.
        key: format!("key-{number}"),
        prompt: format!("call-{number:02}-{}", dice.hex128()),
        n: 1 + u32::from(dice.below(4) == 0),
        end: None,
    }
}

/// Plays many runs, and says how to repeat one that fails.
#[expect(clippy::print_stdout, reason = "whoever looks into a failure needs its seed")]
fn play_many(runs: u64, test: &str, scene: impl Fn(u64) -> Scene) -> Vec<Arc<World>> {
    #[expect(clippy::disallowed_methods, reason = "a longer run is asked for by the environment")]
    let set = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let (first, runs) = (set("IR_SIM_SEED").unwrap_or(1), set("IR_SIM_RUNS").unwrap_or(runs));
    let play = |seed| {
        println!("seed {seed}");
        catch_unwind(AssertUnwindSafe(|| play(seed, &scene(seed)))).unwrap_or_else(|panic| {
            println!("to repeat: IR_SIM_SEED={seed} IR_SIM_RUNS=1 cargo nextest run -p ir-engine {test}");
            resume_unwind(panic)
        })
    };
    (first..first + runs).map(play).collect()
}

/// Faults of every kind, whatever comes together: nothing is bought twice, nothing that was answered
/// is lost, nobody waits for ever, nobody sees another's picture, and all is well when the faults are over.
///
/// Proves P-3, P-4, P-5, P-9, P-11, P-15, R-TMO-1, R-DUR-4, R-DUR-11, F-10.
#[test]
fn the_ledger_is_right_whatever_fails() {
    let worlds = play_many(16, "the_ledger_is_right_whatever_fails", |_| Scene::default());
    let mut moods: BTreeMap<String, u32> = BTreeMap::new();
    let mut ends: BTreeMap<&str, u32> = BTreeMap::new();
    for world in &worlds {
        for entry in &*world.ledger.lock().expect("world") {
            *moods.entry(format!("{:?}", entry.mood)).or_default() += 1;
        }
        for call in &*world.calls.lock().expect("world") {
            let end = match call.end {
                Some(End::Drawn(_)) => "drawn",
                Some(End::Charged(_)) => "charged",
                Some(End::Free(_)) => "free",
                None => "none",
            };
            *ends.entry(end).or_default() += 1;
        }
    }
    let crashes: u32 = worlds.iter().map(|world| world.crashes()).sum();
    println!("{} runs, {crashes} crashes of the gateway, submissions {moods:?}, ends {ends:?}", worlds.len());
    if worlds.len() >= 16 {
        assert!(crashes > 0 && moods.len() == 10 && ends.len() == 3, "the runs hold less than they should");
    }
}

/// From the moment that the gateway goes down nothing more is bought; what was sent is finished and
/// answered, the others are told to come back.
///
/// Proves P-13, F-66.
#[test]
fn nothing_is_sent_once_the_gateway_goes_down() {
    let worlds = play_many(4, "nothing_is_sent_once_the_gateway_goes_down", |seed| Scene {
        calm: true,
        drains_at: Some(6000 + i64::try_from(seed % 20).expect("small") * 500),
        ..Scene::default()
    });
    let ends: Vec<End> = worlds.iter().flat_map(|world| world.calls.lock().expect("world").clone()).filter_map(|call| call.end).collect();
    let refused = ir_model::Class::Gate(ir_model::Gate::ShuttingDown);
    assert!(ends.contains(&End::Free(refused)) && ends.iter().any(|end| matches!(end, End::Drawn(_))));
}

/// A network that stands in for the kernel's does not stand in for the rules.
///
/// Proves R-SSRF-4, R-SSRF-7.
#[test]
fn private_addresses_stay_closed_on_the_simulated_network() {
    let world = play(1, &Scene { calm: true, unlisted: Some("two.example"), ..Scene::default() });
    let ledger = world.ledger.lock().expect("world");
    let asked = |host: &str| ledger.iter().filter(|entry| entry.host == host).count();
    assert!(asked("one.example") > 0 && asked("two.example") == 0, "{}", ledger.len());
}

/// A seed says what befalls whom when, who asks for what, and how a platform takes which request: so a
/// run that failed can be looked into.
#[test]
fn a_seed_is_a_script() {
    let script = |seed: u64| {
        let dice = SeededDice::new(seed);
        let calls: Vec<Call> = (0..24).map(|n| caller(&dice, n, 27_000)).collect();
        let moods: Vec<_> = calls.iter().map(|call| platform::mood(&dice_for(&(seed, "one.example", &call.prompt, 1)))).collect();
        format!("{:?}{calls:?}{moods:?}", weather(&dice))
    };
    assert_eq!(script(7), script(7));
    assert_ne!(script(7), script(8));
    let worlds = [play(7, &Scene::default()), play(7, &Scene::default())];
    let [first, second] = worlds.map(|world| {
        let told = |call: &Call| (call.at, call.tenant.clone(), call.key.clone(), call.prompt.clone(), call.n);
        let calls: Vec<_> = world.calls.lock().expect("world").iter().map(told).collect();
        let ledger = world.ledger.lock().expect("world").clone();
        (calls, world.crashes(), ledger)
    });
    // Often, and less often on a busy machine: files that are written within one instant are ready in any
    // order, and what follows differs from there on.
    println!("the same ledger to the last row: {}", first.2 == second.2);
    assert_eq!((first.0, first.1), (second.0, second.1));
}
