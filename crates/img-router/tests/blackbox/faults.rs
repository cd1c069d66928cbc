//! What networks, platforms, clocks and operators do to requests, and what must be seen of it: by the
//! caller, in the platforms' ledgers, in the keys' states, in the metrics and in the storage.
//!
//! A table is played on one gateway, all rows at once: each row has a platform of its own, a proxy
//! that breaks connections before it, and a key that serves the row's model only.

mod connections;
mod downloads;
mod keys;
mod life;
mod payloads;
mod statuses;
mod tls;

use crate::admin::Operator;
use crate::client::{self, Answer};
use crate::support::{Running, SOON, Setup, stored};
use futures_util::future::join_all;
use ir_sim::proxy::{Faults, Proxy};
use ir_sim::{Behaviour, PictureSpec, Script, Sim, SimConfig};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

pub(crate) const GENERATE: &str = "/v1/images/generations";

/// What ails a platform.
#[derive(Clone, Copy)]
pub(crate) enum Ail {
    /// How it answers, in the simulator's words.
    Says(&'static str),
    /// What happens to connections.
    Wire(Faults),
    /// Nobody listens.
    Refuses,
    /// It is asked at this address instead.
    At(&'static str),
    /// It is asked by TLS, which it does not speak.
    Tls,
    /// This document, with status 200.
    Document(&'static str),
}

/// A platform alone, and what must be seen of its fault.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) ail: Ail,
    /// Status and code that the caller gets; an empty code: a picture.
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    /// Drawings that the platform was asked for.
    pub(crate) asked: usize,
    /// The attempts' outcome in the metrics, and how many there are.
    pub(crate) outcome: &'static str,
    pub(crate) attempts: u64,
    /// Attempts that may have been charged for nothing.
    pub(crate) billed: u64,
    /// The key's state afterwards.
    pub(crate) key: &'static str,
}

/// A gateway, its operator, and the numbers that it tells.
pub(crate) struct World {
    pub(crate) setup: Setup,
    pub(crate) running: Running,
    pub(crate) operator: Operator,
    metrics: u16,
}

/// A gateway that draws at places that are added later.
pub(crate) fn ground() -> Setup {
    // Every host of this machine by its name would be too much; single ports are added by their places.
    Setup::new()
        .env("IMG_ROUTER_PROVIDERS_NEWAPI_ENABLED", "1")
        .env("IMG_ROUTER_PROVIDERS_NEWAPI_TEXT_MODEL", "any")
        .env("IMG_ROUTER_METRICS_ENABLED", "1")
}

pub(crate) async fn sim() -> Sim {
    Sim::start(SimConfig { picture: PictureSpec::exactly(20_000), ..SimConfig::default() }).await.unwrap()
}

pub(crate) fn host(url: &str) -> String {
    url.split_once("://").unwrap().1.split('/').next().unwrap().to_owned()
}

pub(crate) fn always(sim: &Sim, directives: &str) {
    sim.script(Script::always(Behaviour::from_directives(directives).unwrap()));
}

impl World {
    /// Starts a gateway that may call these addresses.
    pub(crate) async fn start(setup: Setup, urls: &[&str]) -> Self {
        let allowed: Vec<String> = urls.iter().map(|url| host(url)).collect();
        let metrics = Setup::new().port;
        let setup =
            setup.env("IMG_ROUTER_ALLOW_PRIVATE", allowed.join(",")).env("IMG_ROUTER_METRICS_LISTEN", format!("127.0.0.1:{metrics}"));
        let running = setup.start();
        let operator = Operator::first(&running).await;
        Self { setup, running, operator, metrics }
    }

    /// Adds a key for a platform at an address; its id.
    pub(crate) async fn add(&self, url: &str, key: &str, models: &[&str]) -> String {
        let item = json!({"key": key, "name": key, "baseUrl": url, "models": models, "enabled": true});
        let added = self.operator.change("/api/key-pool", json!({"provider": "NewApi", "action": "add", "keyItem": item})).await;
        added["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn draw(&self, model: &str) -> Answer {
        self.ask(json!({"model": model, "prompt": "a boat", "response_format": "b64_json"})).await
    }

    pub(crate) async fn ask(&self, body: Value) -> Answer {
        let answer = client::post(self.running.port, GENERATE, &body).await.unwrap();
        assert!(!answer.header("x-request-id").is_empty(), "{body}");
        answer
    }

    /// All numbers, by their names with labels.
    pub(crate) async fn numbers(&self) -> BTreeMap<String, f64> {
        let text = String::from_utf8(client::get(self.metrics, "/metrics").await.unwrap().body).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.filter_map(|line| line.rsplit_once(' ')).map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect()
    }

    pub(crate) async fn attempts(&self, outcome: &str) -> u64 {
        let name = format!("img_router_attempts_total{{provider=\"NewApi\",outcome=\"{outcome}\"}}");
        number(self.numbers().await.get(&name).copied().unwrap_or_default())
    }

    pub(crate) async fn billed(&self) -> u64 {
        number(self.numbers().await["img_router_possibly_billed_total"])
    }

    /// Waits until nothing is under way: no request, and no exchange with any key.
    pub(crate) async fn at_rest(&self) {
        let began = Instant::now();
        loop {
            let numbers = self.numbers().await;
            let exchanges: f64 = numbers.iter().filter(|(name, _)| name.starts_with("img_router_key_exchanges")).map(|(_, n)| n).sum();
            if number(numbers["img_router_jobs"]) == 0 && number(exchanges) == 0 {
                return;
            }
            assert!(began.elapsed() < SOON, "never at rest: {numbers:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// How a key stands.
    pub(crate) async fn key(&self, id: &str) -> Value {
        self.operator.read(&format!("/api/key-pool?provider=NewApi&id={id}")).await
    }

    /// The newest rows of the request log, once there are so many.
    pub(crate) async fn log(&self, rows: usize) -> Vec<Value> {
        let began = Instant::now();
        loop {
            let page = self.operator.read("/api/requests?limit=100").await["items"].as_array().unwrap().clone();
            if page.len() >= rows {
                return page;
            }
            assert!(began.elapsed() < SOON, "{} of {rows} rows", page.len());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts")]
pub(crate) fn number(value: f64) -> u64 {
    value as u64
}

pub(crate) fn code(answer: &Answer) -> String {
    if answer.status == 200 { String::new() } else { answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned() }
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < SOON, "never {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A row being played.
struct Stage {
    sim: Sim,
    proxy: Proxy,
    url: String,
    model: String,
    key: String,
}

async fn stage(at: usize, row: &Row) -> Stage {
    let sim = sim().await;
    let proxy = Proxy::start(sim.url()).await.unwrap();
    let mut url = proxy.url();
    match row.ail {
        Ail::Says(directives) => always(&sim, directives),
        Ail::Wire(faults) => proxy.set(faults),
        Ail::Refuses => proxy.refuse().await,
        Ail::At(address) => url = address.to_owned(),
        Ail::Tls => url = proxy.url().replace("http:", "https:"),
        Ail::Document(text) => {
            let body = ir_sim::Body::Text { content_type: "application/json".to_owned(), text: text.to_owned() };
            sim.script(Script::always(Behaviour::with_body(body)));
        }
    }
    Stage { sim, proxy, url, model: format!("row-{at}"), key: format!("sk-row-{at:04}-0123456789abcdef") }
}

/// Plays a table; all its sums are looked at in the end.
async fn play(setup: Setup, rows: &[Row]) -> World {
    let stages = join_all(rows.iter().enumerate().map(|(at, row)| stage(at, row))).await;
    let urls: Vec<&str> = stages.iter().map(|stage| stage.url.as_str()).collect();
    let world = World::start(setup, &urls).await;
    let mut ids = Vec::new();
    for stage in &stages {
        ids.push(world.add(&stage.url, &stage.key, &[&stage.model]).await);
    }
    let answers = join_all(stages.iter().map(|stage| world.draw(&stage.model))).await;
    world.at_rest().await;
    let mut wrong = Vec::new();
    for (((row, stage), answer), id) in rows.iter().zip(&stages).zip(&answers).zip(&ids) {
        let key = world.key(id).await;
        let seen =
            (answer.status, code(answer), stage.sim.ledger().drawings().len(), key["status"].as_str().unwrap_or_default().to_owned());
        if seen != (row.status, row.code.to_owned(), row.asked, row.key.to_owned()) {
            wrong.push(format!("{}: {seen:?}, {}", row.name, String::from_utf8_lossy(&answer.body[..answer.body.len().min(300)])));
        }
        if row.status == 200 {
            continue;
        }
        let error = &answer.json()["error"];
        let whole = error["message"].is_string() && error["type"].is_string() && error.get("param").is_some();
        let text = String::from_utf8_lossy(&answer.body);
        let leaks = text.contains(&stage.key) || text.contains(&host(&stage.url));
        let may_repeat = answer.header("x-should-retry") != "false";
        let waits = !answer.header("retry-after").is_empty();
        if !whole || leaks || (may_repeat && row.billed > 0) || waits != matches!(row.status, 429 | 503) {
            wrong.push(format!("{}: {error}, {:?}", row.name, answer.headers));
        }
        // What goes wrong in the midst of an answer must not be met by the next request.
        if row.billed > 0 && stage.proxy.open() > 0 && matches!(row.outcome, "timeout") {
            wrong.push(format!("{}: its connection is kept", row.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let mut sums = BTreeMap::<&str, u64>::new();
    rows.iter().for_each(|row| *sums.entry(row.outcome).or_default() += row.attempts);
    for (outcome, wanted) in sums {
        assert_eq!(world.attempts(outcome).await, wanted, "{outcome}");
    }
    assert_eq!(world.billed().await, rows.iter().map(|row| row.billed).sum::<u64>(), "possibly billed");
    let drawn = rows.iter().filter(|row| row.status == 200).count();
    assert_eq!(stored(&world.running.data()).len(), drawn, "only good pictures are stored");
    assert_eq!(world.log(rows.len()).await.len(), rows.len(), "every request stands in the log");
    world
}
