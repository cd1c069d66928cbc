//! An engine on a scripted wire: two upstreams of one platform, each at its own address with its
//! own keys.

use async_trait::async_trait;
use ir_egress::{Door, Recorded, ScriptedWire, Wire, WireFault, WireReply, WireRequest};
use ir_engine::{DrawEvent, Drawing, Engine, EngineParts, Failure, NewKey, Summary, Upstream};
use ir_model::{
    Ask, Caller, Clock, Dice, Drawn, Extras, Limits, ManualClock, RequestId, ResponseForm, Secret, SeededDice, SizeAsk, Task, Timestamp,
};
use ir_settings::{Env, SettingsFile};
use ir_spool::{Spool, SpoolConfig};
use ir_store::{SqliteStore, Store};
use std::sync::Arc;
use tempfile::TempDir;

/// 2026-11-22, 22:53:58 UTC.
pub(crate) const NOW: Timestamp = Timestamp(1_795_388_038_000);

pub(crate) struct Bench {
    pub(crate) engine: Arc<Engine>,
    pub(crate) wire: Arc<ScriptedWire>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) settings: Arc<SettingsFile>,
    pub(crate) dir: TempDir,
}

pub(crate) type Answered = Result<WireReply, WireFault>;

/// An engine with the given configuration file and keys (`address`, `key`).
pub(crate) async fn bench(config: &str, keys: &[(&str, &str)], answer: impl Fn(&Recorded) -> Answered + Send + Sync + 'static) -> Bench {
    bench_on(config, keys, answer, |wire| wire).await
}

/// The same on a wire that is put around the scripted one.
pub(crate) async fn bench_on(
    config: &str,
    keys: &[(&str, &str)],
    answer: impl Fn(&Recorded) -> Answered + Send + Sync + 'static,
    around: impl FnOnce(Arc<dyn Wire>) -> Arc<dyn Wire>,
) -> Bench {
    bench_of(config, keys, answer, around, |store| store, Arc::new(SeededDice::new(7))).await
}

/// The same with something put around the store as well.
pub(crate) async fn bench_with(
    config: &str,
    keys: &[(&str, &str)],
    answer: impl Fn(&Recorded) -> Answered + Send + Sync + 'static,
    around: impl FnOnce(Arc<dyn Wire>) -> Arc<dyn Wire>,
    store_around: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>,
) -> Bench {
    bench_of(config, keys, answer, around, store_around, Arc::new(SeededDice::new(7))).await
}

/// The same with these dice.
pub(crate) async fn bench_rolling(
    config: &str,
    keys: &[(&str, &str)],
    answer: impl Fn(&Recorded) -> Answered + Send + Sync + 'static,
    dice: Arc<dyn Dice>,
) -> Bench {
    bench_of(config, keys, answer, |wire| wire, |store| store, dice).await
}

async fn bench_of(
    config: &str,
    keys: &[(&str, &str)],
    answer: impl Fn(&Recorded) -> Answered + Send + Sync + 'static,
    around: impl FnOnce(Arc<dyn Wire>) -> Arc<dyn Wire>,
    store_around: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>,
    dice: Arc<dyn Dice>,
) -> Bench {
    let dir = tempfile::tempdir().expect("folder");
    std::fs::OpenOptions::new()
        .create_new(true)
        .write(true)
        .open(dir.path().join("runtime-config.json"))
        .and_then(|mut file| std::io::Write::write_all(&mut file, config.as_bytes()))
        .expect("configuration");
    let clock = Arc::new(ManualClock::at(NOW));
    let env = Env::from_pairs([("IMG_ROUTER_DATA_DIR", dir.path().to_str().expect("UTF-8"))]);
    let settings = Arc::new(SettingsFile::open(env, Arc::clone(&dice)).expect("settings"));
    let spool = Spool::open(
        SpoolConfig { data_dir: dir.path().to_owned(), limits: Limits::default(), fsync: false, max_in_flight_bytes: 1 << 30 },
        Arc::clone(&dice),
    )
    .expect("spool");
    let shared: Arc<dyn Clock> = Arc::clone(&clock) as Arc<dyn Clock>;
    let store: Arc<dyn Store> = store_around(Arc::new(SqliteStore::open(dir.path(), Arc::clone(&shared)).expect("store")));
    let wire = Arc::new(ScriptedWire::new(answer));
    let door = Door::new(around(Arc::clone(&wire) as Arc<dyn Wire>), spool.clone(), Arc::clone(&shared));
    let parts = EngineParts { door, spool, store: Arc::clone(&store), settings: Arc::clone(&settings), clock: shared, dice };
    let (engine, _) = Engine::start(parts).await.expect("engine");
    for (address, key) in keys {
        let new =
            NewKey { secret: Secret::new(*key), name: String::new(), base_url: Some((*address).to_owned()), models: vec![], enabled: true };
        engine.add_keys("NewApi", vec![new]).await.expect("key");
    }
    Bench { engine, wire, store, clock, settings, dir }
}

/// NewApi on, relay off; with a default model.
pub(crate) const PLAIN: &str = r#"{"system":{"modes":{"relay":false,"backend":true}},
  "providers":{"NewApi":{"enabled":true,"text":{"model":"m"},"edit":{"model":"m"},"blend":{"model":"m"}}}}"#;

/// The same, and no platform that needs no key.
pub(crate) const KEEPS: &str = r#"{"system":{"modes":{"relay":false,"backend":true}},
  "providers":{"NewApi":{"enabled":true,"text":{"model":"m"}},"Pollinations":{"enabled":false},"HuggingFace":{"enabled":false}}}"#;

pub(crate) fn ask(n: u32) -> Ask {
    Ask {
        task: Task::Text,
        model: "auto".to_owned(),
        prompt: "a lighthouse".to_owned(),
        n: Some(n),
        size: SizeAsk::Auto,
        pictures: vec![],
        mask: None,
        form: ResponseForm::Base64,
        extras: Extras::default(),
    }
}

pub(crate) fn client() -> Caller {
    Caller::Client("test".to_owned())
}

/// The names of the pictures that a drawing gives, and how it ends.
pub(crate) async fn end(mut drawing: Drawing) -> (Vec<String>, Result<Summary, Failure>) {
    let mut names = Vec::new();
    loop {
        match drawing.next().await {
            DrawEvent::Preview { .. } => {}
            DrawEvent::Picture { drawn, .. } => names.extend(drawn.name),
            DrawEvent::Done(result) => return (names, result),
        }
    }
}

impl Bench {
    pub(crate) async fn draw(&self, ask: Ask) -> (Vec<(u32, Drawn)>, Result<Summary, Failure>) {
        self.draw_as(ask, client()).await
    }

    pub(crate) async fn draw_as(&self, ask: Ask, caller: Caller) -> (Vec<(u32, Drawn)>, Result<Summary, Failure>) {
        let mut drawing = self.engine.draw(ask, caller, RequestId::random(&**self.engine.dice()));
        let mut pictures = Vec::new();
        loop {
            match drawing.next().await {
                DrawEvent::Preview { .. } => {}
                DrawEvent::Picture { index, drawn } => pictures.push((index, drawn)),
                DrawEvent::Done(outcome) => return (pictures, outcome),
            }
        }
    }

    /// The upstream at a host.
    pub(crate) fn upstream(&self, host: &str) -> Arc<Upstream> {
        let snapshot = self.engine.snapshot();
        Arc::clone(snapshot.upstreams.iter().find(|upstream| upstream.base_url.ends_with(host)).expect("upstream"))
    }

    /// How often each host was asked.
    pub(crate) fn asked(&self, host: &str) -> usize {
        self.wire.recorded().iter().filter(|request| request.url.host_str() == Some(host)).count()
    }
}

/// A wire on which one host never answers.
pub(crate) struct Mute {
    pub(crate) inner: Arc<dyn Wire>,
    pub(crate) host: &'static str,
}

#[async_trait]
impl Wire for Mute {
    async fn send(&self, request: WireRequest) -> Result<WireReply, WireFault> {
        let mute = request.url.host_str() == Some(self.host);
        let answer = self.inner.send(request).await;
        if mute { std::future::pending().await } else { answer }
    }
}

/// Keeps simulated time from moving by itself: a task that is never done keeps the runtime from taking a
/// database that works on a thread of its own for idleness.
pub(crate) struct Still(tokio::task::JoinHandle<()>);

impl Still {
    pub(crate) fn begin() -> Self {
        Self(tokio::spawn(async {
            loop {
                tokio::task::yield_now().await;
            }
        }))
    }

    /// Lets so many seconds pass one by one, with a moment of real time for the database in each.
    pub(crate) async fn pass(&self, seconds: u32) {
        for _ in 0..seconds {
            tokio::time::advance(std::time::Duration::from_secs(1)).await;
            let began = std::time::Instant::now();
            while began.elapsed() < std::time::Duration::from_millis(10) {
                tokio::task::yield_now().await;
            }
        }
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A wire that waits as long as it is told before it passes a request on.
pub(crate) struct Slow {
    pub(crate) inner: Arc<dyn Wire>,
    pub(crate) pause: Arc<dyn Fn() -> std::time::Duration + Send + Sync>,
}

#[async_trait]
impl Wire for Slow {
    async fn send(&self, request: WireRequest) -> Result<WireReply, WireFault> {
        tokio::time::sleep((self.pause)()).await;
        self.inner.send(request).await
    }
}

/// A wire on which requests arrive, and wait for their answer until they are let go.
pub(crate) struct Held {
    pub(crate) inner: Arc<dyn Wire>,
    pub(crate) arrived: Arc<tokio::sync::Semaphore>,
    pub(crate) let_go: Arc<tokio::sync::Semaphore>,
}

#[async_trait]
impl Wire for Held {
    async fn send(&self, request: WireRequest) -> Result<WireReply, WireFault> {
        let answer = self.inner.send(request).await;
        self.arrived.add_permits(1);
        self.let_go.acquire().await.expect("never closed").forget();
        answer
    }
}

/// A small real PNG: 16×16 pixels, `shade` grey.
pub(crate) fn png(shade: u8) -> Vec<u8> {
    png_with(shade, None)
}

/// The same with a note beside it, as cameras and editors leave them.
pub(crate) fn png_with(shade: u8, note: Option<&str>) -> Vec<u8> {
    png_sized(16, shade, note)
}

/// The same with sides of so many pixels.
pub(crate) fn png_sized(side: u8, shade: u8, note: Option<&str>) -> Vec<u8> {
    let raw: Vec<u8> = (0..side).flat_map(|_| std::iter::once(0).chain(std::iter::repeat_n(shade, side.into()))).collect();
    // One stored block: its length, and that turned round.
    let length = u16::try_from(raw.len()).expect("small");
    let mut zlib = vec![0x78, 0x01, 1];
    zlib.extend_from_slice(&length.to_le_bytes());
    zlib.extend_from_slice(&(!length).to_le_bytes());
    zlib.extend_from_slice(&raw);
    zlib.extend_from_slice(&adler32(&raw).to_be_bytes());
    png_of(side, &zlib, note)
}

/// The same with these bytes where the compressed pixels stand.
pub(crate) fn png_of(side: u8, pixels: &[u8], note: Option<&str>) -> Vec<u8> {
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut out, *b"IHDR", &[0, 0, 0, side, 0, 0, 0, side, 8, 0, 0, 0, 0]);
    if let Some(note) = note {
        chunk(&mut out, *b"tEXt", format!("Comment\0{note}").as_bytes());
    }
    chunk(&mut out, *b"IDAT", pixels);
    chunk(&mut out, *b"IEND", &[]);
    out
}

fn chunk(out: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    out.extend_from_slice(&u32::try_from(data.len()).expect("small").to_be_bytes());
    let from = out.len();
    out.extend_from_slice(&kind);
    out.extend_from_slice(data);
    let crc = crc32(&out[from..]);
    out.extend_from_slice(&crc.to_be_bytes());
}

fn crc32(data: &[u8]) -> u32 {
    !data
        .iter()
        .fold(!0u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & 0u32.wrapping_sub(crc & 1))))
}

fn adler32(data: &[u8]) -> u32 {
    let (a, b) = data.iter().fold((1u32, 0u32), |(a, b), byte| ((a + u32::from(*byte)) % 65_521, (a + u32::from(*byte) + b) % 65_521));
    b << 16 | a
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes
        .chunks(3)
        .flat_map(|chunk| {
            let word = u32::from(chunk[0]) << 16 | u32::from(*chunk.get(1).unwrap_or(&0)) << 8 | u32::from(*chunk.get(2).unwrap_or(&0));
            (0..4).map(move |i| if i <= chunk.len() { char::from(DIGITS[(word >> (18 - 6 * i) & 63) as usize]) } else { '=' })
        })
        .collect()
}

/// An answer with one picture.
pub(crate) fn picture(shade: u8) -> Answered {
    let body = format!(r#"{{"created":1,"data":[{{"b64_json":"{}"}}]}}"#, base64(&png(shade)));
    Ok(WireReply::scripted(200, &[("content-type", "application/json")], body))
}

pub(crate) fn json(status: u16, headers: &[(&str, &str)], body: &str) -> Answered {
    let mut all = vec![("content-type", "application/json")];
    all.extend_from_slice(headers);
    Ok(WireReply::scripted(status, &all, body.to_owned()))
}
