//! The gateway as a simulated host: the real engine on the real way out, with a real database and spool
//! on the disk that outlive its crashes; and its callers, who come back with their idempotency keys.

use crate::simulation::network::{PLATFORMS, wire};
use crate::simulation::{DEADLINE, World, dice_for};
use crate::support::ask;
use crate::watched::{Listener, Watched};
use async_trait::async_trait;
use ir_egress::Door;
use ir_engine::{DrawEvent, Drawing, Engine, EngineParts, NewKey, Terms};
use ir_model::{Ask, Caller, Charge, Class, Clock, Dice, Fault, Gate, Limits, RequestId, Secret};
use ir_settings::{Env, SettingsFile};
use ir_spool::{Spool, SpoolConfig};
use ir_store::{AttemptRecord, Gallery, JobRecord, JobState, RequestLog, SqliteStore, Store, Window};
use sha2::{Digest, Sha256};
use std::any::Any;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// What came of a call in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// Names and hashes of its pictures.
    Drawn(Vec<(String, String)>),
    /// Nothing, and certainly nothing was charged.
    Free(Class),
    /// Nothing, and something may have been charged.
    Charged(Class),
}

/// A host's time stands still while work is done on another thread: the database's thread is not the
/// runtime's, so a blocking task of the runtime stands for it until the call has ended. One call at a time,
/// so that threads cannot change the order.
struct StandStill {
    one: Arc<tokio::sync::Mutex<()>>,
    world: Arc<World>,
}

#[async_trait]
impl Listener for StandStill {
    async fn before(&self, _call: &'static str) -> Box<dyn Any + Send> {
        let one = Arc::clone(&self.one).lock_owned().await;
        let (held, ended) = mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || ended.recv());
        Box::new((held, one))
    }

    fn journaled(&self, job: &JobRecord, attempt: &AttemptRecord) {
        self.world.journaled(job, attempt);
    }
}

const CONFIG: &str = r#"{"system":{"modes":{"relay":false,"backend":true},"apiTimeout":5000},"routing":{"deadline":20},
  "limits":{"keyConcurrency":2},"providers":{"NewApi":{"enabled":true,"text":{"model":"m"}}}}"#;

/// The host's software.
pub(super) async fn serve(world: Arc<World>) -> turmoil::Result {
    let engine = start(&world).await;
    *world.engine.lock().expect("world") = Arc::downgrade(&engine);
    engine.spawn_upkeep();
    for at in 0..world.calls() {
        if world.end(at).is_none() {
            tokio::spawn(call(Arc::clone(&world), Arc::clone(&engine), at));
        }
    }
    if let Some(at) = world.drains_at {
        wait_until(&world, at).await;
        world.note_draining();
        let left = engine.drain(Duration::from_secs(60)).await;
        world.expect(left == 0, || format!("{left} jobs were left by the shutdown"));
    }
    wait_until(&world, world.audit_at).await;
    audit(&world, &engine).await;
    Ok(())
}

async fn start(world: &Arc<World>) -> Arc<Engine> {
    world.expect(world.engine.lock().expect("world").upgrade().is_none(), || "the engine outlived its crash".to_owned());
    let config = world.dir.join("runtime-config.json");
    if !config.exists() {
        let file = std::fs::File::create_new(&config);
        file.and_then(|mut file| std::io::Write::write_all(&mut file, CONFIG.as_bytes())).expect("configuration");
    }
    // Names of files have dice of their own: when they fall depends on the disk.
    let (dice, names) = (world.dice("engine"), world.dice("names"));
    let clock: Arc<dyn Clock> = Arc::clone(&world.clock) as Arc<dyn Clock>;
    let env = Env::from_pairs([("IMG_ROUTER_DATA_DIR", world.dir.to_str().expect("UTF-8"))]);
    let settings = Arc::new(SettingsFile::open(env, Arc::clone(&dice)).expect("settings"));
    let spool = SpoolConfig { data_dir: world.dir.clone(), limits: Limits::default(), fsync: false, max_in_flight_bytes: 1 << 30 };
    let spool = Spool::open(spool, names).expect("spool");
    let sqlite: Arc<dyn Store> = Arc::new(SqliteStore::open(&world.dir, Arc::clone(&clock)).expect("the last run has let go of it"));
    let listener = StandStill { one: Arc::default(), world: Arc::clone(world) };
    let store: Arc<dyn Store> = Arc::new(Watched::new(sqlite, Arc::new(listener)));
    let door = Door::new(Arc::new(wire(world.unlisted)), spool.clone(), Arc::clone(&clock));
    let parts = EngineParts { door, spool, store: Arc::clone(&store), settings, clock, dice };
    let (engine, _) = Engine::start(parts).await.expect("engine");
    if store.keys().await.expect("keys").is_empty() {
        for host in PLATFORMS {
            for number in 0..2 {
                let secret = Secret::new(format!("sk-{number}-{host}"));
                let base_url = Some(format!("http://{host}"));
                let key = NewKey { secret, name: String::new(), base_url, models: vec![], enabled: true };
                engine.add_keys("NewApi", vec![key]).await.expect("added");
            }
        }
    }
    engine
}

async fn wait_until(world: &World, at: i64) {
    let left = world.start.0 + at - world.clock.now().0;
    sleep(Duration::from_millis(u64::try_from(left).unwrap_or(0))).await;
}

/// One caller: asks at its time, and again under the same key as long as it is told that nothing was charged.
async fn call(world: Arc<World>, engine: Arc<Engine>, at: usize) {
    let call = world.call(at);
    wait_until(&world, call.at).await;
    for turn in 0.. {
        let dice = dice_for(&(world.seed, &call.prompt, turn, world.crashes()));
        let began = Instant::now();
        let terms = Terms { key: Some(call.key.clone()), what: "a picture".to_owned(), ..Terms::default() };
        let asked = Ask { prompt: call.prompt.clone(), ..ask(call.n) };
        let id = RequestId::random(&dice);
        let (names, result) = match engine.request(asked, Caller::Client(call.tenant.clone()), id, terms).await {
            Ok(drawing) => watch(drawing).await,
            Err(fault) => (Vec::new(), Err(fault)),
        };
        let took = began.elapsed();
        world.expect(took <= DEADLINE + Duration::from_secs(1), || format!("{} took {took:?}", call.prompt));
        let end = match result {
            Ok(()) => End::Drawn(verified(&world, &engine, &call.prompt, names).await),
            Err(fault) if fault.charge != Charge::No => End::Charged(fault.class),
            Err(fault) => End::Free(fault.class),
        };
        let again = match &end {
            // Refused for good, or told to come back to another process.
            End::Free(class) => turn < 4 && !matches!(class, Class::ContentRejected | Class::Gate(Gate::ShuttingDown)),
            End::Drawn(_) | End::Charged(_) => false,
        };
        if !again {
            return world.set_end(at, end);
        }
        sleep(Duration::from_millis(1000 + dice.below(2000))).await;
    }
}

async fn watch(mut drawing: Drawing) -> (Vec<String>, Result<(), Fault>) {
    let mut names = Vec::new();
    loop {
        match drawing.next().await {
            DrawEvent::Preview { .. } => {}
            DrawEvent::Picture { drawn, .. } => names.extend(drawn.name),
            DrawEvent::Done(result) => return (names, result.map(|_| ()).map_err(|failure| failure.fault)),
        }
    }
}

/// An answered picture is on the disk with the hash that its row and the platform's ledger have, and it is this
/// call's own.
async fn verified(world: &World, engine: &Engine, prompt: &str, names: Vec<String>) -> Vec<(String, String)> {
    world.expect(!names.is_empty(), || format!("{prompt} succeeded without a picture"));
    let mut found = Vec::new();
    for name in names {
        let row = engine.store().get(&name).await.expect("gallery");
        let Some(row) = row else {
            world.expect(false, || format!("{prompt}: {name} is not listed"));
            continue;
        };
        let bytes = std::fs::read(world.dir.join("storage").join(&row.path)).unwrap_or_default();
        let hash = ir_model::hex(&Sha256::digest(&bytes));
        world.expect(hash == row.sha256, || format!("{prompt}: {name} is not what its row says"));
        world.expect(world.drew(prompt, &hash), || format!("{prompt}: nobody drew {name} for it"));
        let own = bytes.windows(prompt.len()).any(|part| part == prompt.as_bytes());
        world.expect(own && row.prompt == prompt, || format!("{prompt} was answered with another's picture"));
        found.push((name, hash));
    }
    found
}

/// What must be true when all is over.
async fn audit(world: &World, engine: &Engine) {
    engine.drain(Duration::from_secs(5)).await;
    world.expect(engine.jobs() == 0, || format!("{} jobs are still counted", engine.jobs()));
    let snapshot = engine.snapshot();
    for key in snapshot.upstreams.iter().flat_map(|upstream| &upstream.keys) {
        world.expect(key.health.in_flight() == 0, || format!("a place on {} was lost", key.id));
    }
    // Every row that was acknowledged is there, and none is left open.
    for (job, number) in world.journal() {
        let entry = engine.store().job(&job).await.expect("journal");
        let there = entry.as_ref().is_some_and(|entry| entry.attempts.iter().any(|attempt| attempt.record.number == number));
        world.expect(there, || format!("attempt {number} of {job} is gone from the journal"));
        world.expect(entry.is_none_or(|entry| entry.state != JobState::Running), || format!("{job} is never finished"));
    }
    // The statistics are the request log, and the request log is the journal.
    let log = RequestLog::page(&**engine.store(), None, 1000).await.expect("request log");
    let totals = engine.store().stats(Window::Hour, world.clock.now()).await.expect("statistics").totals;
    let pictures: usize = log.iter().map(|request| request.pictures.len()).sum();
    let errors = log.iter().filter(|request| request.outcome != "ok").count();
    let told = (totals.requests, totals.pictures, totals.errors);
    let logged = (log.len() as u64, pictures as u64, errors as u64);
    world.expect(told == logged, || format!("statistics tell {told:?}, the request log {logged:?}"));
    if world.crashes() == 0 {
        let noted: usize = log.iter().map(|request| request.attempts.len()).sum();
        let written = world.journal().len();
        world.expect(noted == written || world.drains_at.is_some(), || format!("{noted} attempts in the log, {written} in the journal"));
        let calls: u64 = engine.store().keys().await.expect("keys").iter().map(|key| key.health.calls).sum();
        let attempts = world.journal().len() as u64;
        // An attempt that the shutdown stopped took its place and was written down, too.
        world.expect(calls == attempts || world.drains_at.is_some(), || format!("{calls} calls of keys, {attempts} attempts"));
    }
    // Files and rows are the same pictures.
    let mut files: Vec<String> = engine.pictures().scan().map(|item| item.relative.clone()).collect();
    let listed = Gallery::page(&**engine.store(), None, 1000).await.expect("gallery");
    let mut rows: Vec<String> = listed.into_iter().map(|picture| picture.path).collect();
    files.sort();
    rows.sort();
    world.expect(files == rows, || format!("files {files:?}, rows {rows:?}"));
    world.note_audited();
}
