//! A long run: gateways as processes of their own, platforms that fail by chance, a mixed load, and at the end the
//! question whether everything that was promised was kept and whether nothing grows.
//!
//! Two gateways are loaded side by side. The steady one is never stopped: its memory tells about growth. The other
//! one is killed every few minutes: its pictures tell about crashes.

mod book;
mod client;
mod dice;
mod gateway;
mod trend;
mod work;

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use self::book::Book;
use self::dice::Dice;
use self::gateway::{Gateway, Sample};
use self::trend::{median, trend};
use self::work::Worker;
use crate::behaviour::Behaviour;
use crate::config::{PictureSpec, SimConfig};
use crate::picture::make_picture;
use crate::script::{Script, When};
use crate::server::Sim;

/// How often memory and descriptors are looked at.
const SAMPLING: Duration = Duration::from_secs(5);
/// How often a platform gets into another mood.
const MOOD: Duration = Duration::from_secs(3);
/// Most growth of memory after the warm-up, in MiB an hour.
const MOST_GROWTH: f64 = 1.0;
/// Shortest stretch after the warm-up that growth is judged by.
const JUDGED: Duration = Duration::from_secs(1800);
/// More descriptors than before the load, after it: connections of pools that are kept for a while.
const MOST_DESCRIPTORS: usize = 32;

/// What a platform does to a few requests in a row.
const FAULTS: &[&str] = &[
    "status=500",
    "status=503",
    "status=502 html",
    "status=429 retry-after=1",
    "cut=reset",
    "cut=request",
    "cut=headers",
    "cut=mid",
    "cut=reset-mid",
    "delay=4000",
    "drip=2000/40",
    "empty-data",
];

/// How to soak.
#[derive(Clone, Debug)]
pub struct SoakPlan {
    /// The gateway's binary.
    pub binary: PathBuf,
    /// Where data folders, logs and samples are kept.
    pub folder: PathBuf,
    /// How long.
    pub time: Duration,
    /// Requests per second to both gateways together.
    pub rate: f64,
    /// Between two kills.
    pub kill_every: Duration,
    /// Of all chance.
    pub seed: u64,
}

/// One look at a gateway's process.
#[derive(Clone, Copy, Debug)]
struct Look {
    /// Seconds since the load began, and since the process did.
    at: f64,
    age: f64,
    sample: Sample,
}

/// The two gateways, by what becomes of them.
const STEADY: usize = 0;
const KILLED: usize = 1;
const NAMES: [&str; 2] = ["steady", "killed"];

struct Soak {
    /// Before everything else.
    born: Instant,
    plan: SoakPlan,
    platforms: [Sim; 2],
    gateways: [Gateway; 2],
    book: Arc<Book>,
    numbers: Arc<AtomicU64>,
    dice: Dice,
    looks: [Vec<Look>; 2],
    starts: Vec<Duration>,
}

/// Soaks, and prints what it saw. Answers whether everything held.
///
/// # Errors
/// When a gateway cannot be started or files cannot be written.
pub async fn run(plan: SoakPlan, out: &mut (dyn io::Write + Send)) -> io::Result<bool> {
    let mut soak = Soak::begin(plan).await?;
    let before = soak.look(STEADY)?;
    let end = Instant::now() + soak.plan.time;
    let mut workers = soak.crowd(end)?;
    soak.watch(end).await?;
    for sim in &soak.platforms {
        sim.script(Script::default());
    }
    while workers.join_next().await.is_some() {}
    // What was under way when its caller left ends as well.
    sleep(Duration::from_secs(5)).await;
    soak.collect();
    let after = soak.look(STEADY)?;
    let audited = soak.book.audit(&soak.gateways[STEADY]).await? + soak.book.audit(&soak.gateways[KILLED]).await?;
    for gateway in &mut soak.gateways {
        if !gateway.stop().await? {
            soak.book.wrong("a gateway did not end well when it was asked to stop".to_owned());
        }
    }
    soak.report(out, before, after, audited)
}

async fn platform() -> io::Result<Sim> {
    let picture = PictureSpec { width: 64, height: 64, follow_size: false, ..PictureSpec::default() };
    Sim::start(SimConfig { picture, models: vec!["sim".into()], hash_files: false, ..SimConfig::default() }).await
}

impl Soak {
    async fn begin(plan: SoakPlan) -> io::Result<Self> {
        let born = Instant::now();
        let platforms = [platform().await?, platform().await?];
        let urls: Vec<String> = platforms.iter().map(|sim| sim.url().to_owned()).collect();
        let gateway = |name: &str| Gateway::new(&plan.binary, plan.folder.join(name), &urls);
        let mut gateways = [gateway(NAMES[STEADY])?, gateway(NAMES[KILLED])?];
        let mut starts = Vec::new();
        for gateway in &mut gateways {
            starts.push(gateway.start().await?);
        }
        let (book, numbers, dice) = (Arc::default(), Arc::default(), Dice(plan.seed));
        Ok(Self { born, plan, platforms, gateways, book, numbers, dice, looks: [Vec::new(), Vec::new()], starts })
    }

    fn look(&self, which: usize) -> io::Result<Sample> {
        self.gateways[which].sample().ok_or_else(|| io::Error::other(format!("the {} gateway is gone", NAMES[which])))
    }

    /// Starts the callers.
    fn crowd(&mut self, end: Instant) -> io::Result<JoinSet<()>> {
        // So many that a slow answer does not slow the load down: each asks once in a few seconds.
        let each = (self.plan.rate * 2.0).ceil().clamp(2.0, 256.0);
        let pause = Duration::from_secs_f64(2.0 * each / self.plan.rate.max(0.1));
        let picture = make_picture(PictureSpec::exactly(20_000), 0)?;
        let mut workers = JoinSet::new();
        for gateway in &self.gateways {
            for _ in 0..each as u64 {
                let (book, numbers, picture) = (Arc::clone(&self.book), Arc::clone(&self.numbers), picture.clone());
                workers.spawn(Worker { port: gateway.port, dice: Dice(self.dice.next()), book, numbers, picture }.work(end, pause));
            }
        }
        Ok(workers)
    }

    /// Everything that happens beside the load, until its end.
    async fn watch(&mut self, end: Instant) -> io::Result<()> {
        let began = Instant::now();
        let mut file = File::create(self.plan.folder.join("samples.csv"))?;
        writeln!(file, "seconds,gateway,age,rss,descriptors")?;
        let (mut looks, mut moods) = (interval(SAMPLING), interval(MOOD));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        moods.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut kill_at = began + self.plan.kill_every;
        loop {
            tokio::select! {
                () = sleep_until(end) => return Ok(()),
                _ = looks.tick() => {
                    if !self.gateways[STEADY].is_alive()? {
                        return Err(io::Error::other("the steady gateway died"));
                    }
                    for which in [STEADY, KILLED] {
                        let Some(sample) = self.gateways[which].sample() else { continue };
                        let look = Look { at: began.elapsed().as_secs_f64(), age: self.gateways[which].born.elapsed().as_secs_f64(), sample };
                        writeln!(file, "{:.0},{},{:.0},{},{}", look.at, NAMES[which], look.age, sample.rss, sample.descriptors)?;
                        self.looks[which].push(look);
                    }
                    self.collect();
                }
                _ = moods.tick() => self.mood()?,
                () = sleep_until(kill_at) => {
                    let every = u64::try_from(self.plan.kill_every.as_millis()).unwrap_or(u64::MAX);
                    self.gateways[KILLED].kill()?;
                    sleep(Duration::from_millis(self.dice.below(1500))).await;
                    let start = self.gateways[KILLED].start().await?;
                    self.starts.push(start);
                    kill_at = Instant::now() + Duration::from_millis(every / 2 + self.dice.below(every));
                }
            }
        }
    }

    /// Takes over what the platforms were asked.
    fn collect(&self) {
        for sim in &self.platforms {
            let ledger = sim.ledger();
            let began = u64::try_from(self.born.elapsed().saturating_sub(ledger.age()).as_millis()).unwrap_or_default();
            self.book.submitted(ledger.take_ended(), began, self.numbers.load(Ordering::Relaxed));
        }
    }

    /// Perhaps lets one of the platforms fail a few times.
    fn mood(&mut self) -> io::Result<()> {
        let which = self.dice.index(3);
        let Some(sim) = self.platforms.get(which) else { return Ok(()) };
        let line = FAULTS[self.dice.index(FAULTS.len())];
        let times = 1 + u32::try_from(self.dice.below(3)).unwrap_or_default();
        let fault = Behaviour::from_directives(line).map_err(io::Error::other)?;
        sim.script(Script::default().rule(When::default(), Some(times), fault));
        Ok(())
    }

    fn report(&self, out: &mut (dyn io::Write + Send), before: Sample, after: Sample, audited: usize) -> io::Result<bool> {
        let (lines, mut wrong) = self.book.close();
        writeln!(out, "seed {}, {:.2} h, {} kills", self.plan.seed, self.plan.time.as_secs_f64() / 3600.0, self.starts.len() - 2)?;
        for line in lines {
            writeln!(out, "{line}")?;
        }
        writeln!(out, "{audited} acknowledged pictures fetched again and compared with what was stored")?;
        for which in [STEADY, KILLED] {
            let port = self.gateways[which].port;
            let (good, bad) = self.book.score(port);
            let share = good as f64 * 100.0 / (good + bad).max(1) as f64;
            writeln!(out, "{} (port {port}): {good} pictures, {bad} failures, {share:.2} % good", NAMES[which])?;
        }
        if self.book.broken(self.gateways[STEADY].port) > 0 {
            writeln!(out, "WRONG: the steady gateway broke connections")?;
            wrong += 1;
        }
        writeln!(
            out,
            "start to ready: median {:.0} ms, longest {:.0} ms",
            median(self.starts.iter().map(|start| start.as_secs_f64() * 1e3).collect()),
            self.starts.iter().map(|start| start.as_secs_f64() * 1e3).fold(0.0, f64::max)
        )?;
        wrong += u64::from(!self.growth(out)?);
        writeln!(out, "descriptors of the steady gateway: {} before the load, {} after it", before.descriptors, after.descriptors)?;
        if after.descriptors > before.descriptors + MOST_DESCRIPTORS {
            writeln!(out, "WRONG: descriptors leak")?;
            wrong += 1;
        }
        writeln!(out, "{}", if wrong == 0 { "everything held".to_owned() } else { format!("{wrong} things did not hold") })?;
        Ok(wrong == 0)
    }

    /// Tells how memory went. Answers whether the steady gateway's is flat.
    fn growth(&self, out: &mut (dyn io::Write + Send)) -> io::Result<bool> {
        const MIB: f64 = 1024.0 * 1024.0;
        let time = self.plan.time.as_secs_f64();
        // That long the database's caches and the allocator's heaps go on filling.
        let warm = (time / 2.0).min(1800.0);
        let line =
            |looks: &[Look]| -> Vec<(f64, f64)> { looks.iter().map(|look| (look.at / 3600.0, look.sample.rss as f64 / MIB)).collect() };
        let steady: Vec<Look> = self.looks[STEADY].iter().copied().filter(|look| look.at >= warm).collect();
        let peak = self.looks.iter().flatten().map(|look| look.sample.rss).max().unwrap_or_default() as f64 / MIB;
        let level = median(line(&steady).iter().map(|point| point.1).collect());
        // The killed one is compared at the same age of each of its lives.
        let aged: Vec<Look> = self.looks[KILLED].iter().copied().filter(|look| (30.0..60.0).contains(&look.age)).collect();
        writeln!(out, "memory: peak {peak:.1} MiB; steady gateway after {warm:.0} s: median {level:.1} MiB")?;
        if let Some(found) = trend(&line(&aged)) {
            writeln!(out, "killed gateway, 30 to 60 s after each start: {:+.2} MiB/h (standard error {:.2})", found.slope, found.error)?;
        }
        let Some(found) = trend(&line(&steady)) else { return Ok(true) };
        let judged = time - warm >= JUDGED.as_secs_f64();
        let verdict = match (judged, found.slope <= MOST_GROWTH) {
            (false, _) => "too short to be judged",
            (true, true) => "flat",
            (true, false) => "WRONG: it grows",
        };
        writeln!(out, "steady gateway: {:+.2} MiB/h (standard error {:.2}): {verdict}", found.slope, found.error)?;
        Ok(!judged || found.slope <= MOST_GROWTH)
    }
}
