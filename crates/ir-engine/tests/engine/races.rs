//! What happens at the same time: changes of the operator beside each other and beside requests.

use crate::support::{PLAIN, ask, bench_on, bench_with, client, json, picture};
use crate::watched::{Listener, Watched};
use async_trait::async_trait;
use ir_egress::{Wire, WireFault, WireReply, WireRequest};
use ir_engine::{Engine, KeyChange, NewKey};
use ir_model::{Class, Dice, KeyId, Secret, SeededDice};
use ir_store::Store;
use std::any::Any;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::Notify;

const ADDRESS: &str = "https://one.example";

/// Puts pauses by dice around every call of the store: so changes overtake each other in every way.
struct Pauses(SeededDice);

impl Pauses {
    async fn pause(&self, most: u64) {
        match self.0.below(3) {
            0 => {}
            1 => tokio::task::yield_now().await,
            _ => tokio::time::sleep(Duration::from_micros(self.0.below(most))).await,
        }
    }
}

#[async_trait]
impl Listener for Pauses {
    async fn before(&self, _call: &'static str) -> Box<dyn Any + Send> {
        self.pause(3000).await;
        Box::new(())
    }

    async fn after(&self, call: &'static str) {
        // What was read grows old meanwhile.
        self.pause(if call == "keys" { 10_000 } else { 1000 }).await;
    }
}

fn key(number: u32) -> NewKey {
    let secret = Secret::new(format!("sk-{number}"));
    NewKey { secret, name: String::new(), base_url: Some(ADDRESS.to_owned()), models: vec![], enabled: true }
}

/// Keys are added, renamed and switched off at the same time, in orders that the dice choose: what is in force
/// afterwards is what is stored, and no change undid another.
///
/// Proves P-10, F-73, F-74.
#[tokio::test]
async fn no_change_of_a_key_is_lost() {
    for seed in 1..=12 {
        let around = move |store: Arc<dyn Store>| Arc::new(Watched::new(store, Arc::new(Pauses(SeededDice::new(seed))))) as Arc<dyn Store>;
        let bench = bench_with(PLAIN, &[(ADDRESS, "sk-first")], |_| picture(3), |wire| wire, around).await;
        let first = bench.store.keys().await.expect("keys")[0].id.clone();
        let changes = [
            KeyChange { name: Some("renamed".to_owned()), ..KeyChange::default() },
            KeyChange { enabled: Some(false), ..KeyChange::default() },
            KeyChange { models: Some(vec!["m".to_owned()]), ..KeyChange::default() },
        ];
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..4 {
            let engine = Arc::clone(&bench.engine);
            tasks.spawn(async move { engine.add_keys("NewApi", vec![key(number)]).await.map(|_| true) });
        }
        for change in changes {
            let (engine, first) = (Arc::clone(&bench.engine), first.clone());
            tasks.spawn(async move { engine.change_key(&first, change).await });
        }
        while let Some(done) = tasks.join_next().await {
            assert!(done.expect("no panic").expect("changed"), "seed {seed}");
        }
        let stored = bench.store.keys().await.expect("keys");
        let record = stored.iter().find(|record| record.id == first).expect("stored");
        let all = (record.name.as_str(), record.enabled, record.models.clone());
        assert_eq!(all, ("renamed", false, vec!["m".to_owned()]), "seed {seed}: a change was undone by another");
        let snapshot = bench.engine.snapshot();
        let mut in_force: Vec<(KeyId, bool)> =
            snapshot.upstreams.iter().flat_map(|upstream| &upstream.keys).map(|key| (key.id.clone(), key.enabled)).collect();
        let mut stored: Vec<(KeyId, bool)> = stored.into_iter().map(|record| (record.id, record.enabled)).collect();
        in_force.sort_by(|a, b| a.0.0.cmp(&b.0.0));
        stored.sort_by(|a, b| a.0.0.cmp(&b.0.0));
        assert_eq!(in_force, stored, "seed {seed}: an older snapshot replaced a newer one");
    }
}

/// Holds one look at the keys back, after it was taken.
#[derive(Default)]
struct Slow {
    armed: AtomicBool,
    release: Notify,
}

#[async_trait]
impl Listener for Slow {
    async fn before(&self, _call: &'static str) -> Box<dyn Any + Send> {
        Box::new(())
    }

    async fn after(&self, call: &'static str) {
        if call == "keys" && self.armed.swap(false, Ordering::SeqCst) {
            self.release.notified().await;
        }
    }
}

/// A snapshot whose making takes long does not replace one that knows more.
///
/// Proves P-10.
#[tokio::test]
async fn an_older_look_at_the_keys_never_wins() {
    let slow = Arc::new(Slow::default());
    let listener = Arc::clone(&slow);
    let around = move |store: Arc<dyn Store>| Arc::new(Watched::new(store, listener)) as Arc<dyn Store>;
    let bench = bench_with(PLAIN, &[(ADDRESS, "sk-first")], |_| picture(3), |wire| wire, around).await;
    slow.armed.store(true, Ordering::SeqCst);
    let engine = Arc::clone(&bench.engine);
    let older = tokio::spawn(async move { engine.reload().await });
    while slow.armed.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let engine = Arc::clone(&bench.engine);
    let mut newer = tokio::spawn(async move { engine.add_keys("NewApi", vec![key(1)]).await });
    // It overtakes the older one, or waits for it.
    let overtook = tokio::time::timeout(Duration::from_millis(300), &mut newer).await;
    slow.release.notify_one();
    older.await.expect("no panic").expect("reloaded");
    let added = match overtook {
        Ok(added) => added,
        Err(_) => newer.await,
    };
    assert_eq!(added.expect("no panic").expect("added").added, 1);
    let snapshot = bench.engine.snapshot();
    assert_eq!(snapshot.upstreams.iter().map(|upstream| upstream.keys.len()).sum::<usize>(), 2, "the added key is gone again");
}

/// A wire on which an operator acts while the first request is under way.
struct Meddling {
    inner: Arc<dyn Wire>,
    engine: Arc<OnceLock<Arc<Engine>>>,
    sent: AtomicU32,
}

#[async_trait]
impl Wire for Meddling {
    async fn send(&self, request: WireRequest) -> Result<WireReply, WireFault> {
        if self.sent.fetch_add(1, Ordering::SeqCst) == 0 {
            let engine = self.engine.get().expect("set");
            let used = request.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
            let snapshot = engine.snapshot();
            let keys = snapshot.upstreams.iter().flat_map(|upstream| &upstream.keys);
            let others: Vec<KeyId> = keys.filter(|key| !used.ends_with(key.secret.expose())).map(|key| key.id.clone()).collect();
            assert_eq!(others.len(), 2);
            let off = KeyChange { enabled: Some(false), ..KeyChange::default() };
            assert!(engine.change_key(&others[0], off).await.expect("changed"));
            assert_eq!(engine.delete_keys(&others[1..]).await.expect("deleted"), 1);
        }
        self.inner.send(request).await
    }
}

/// A request that began before keys were switched off and deleted does not turn to them afterwards; the
/// exchange under way ends normally.
///
/// Proves F-72, P-3.
#[tokio::test]
async fn a_withdrawn_key_serves_no_request_that_began_before() {
    let engine = Arc::new(OnceLock::new());
    let meddler = Arc::clone(&engine);
    let around = |inner| Arc::new(Meddling { inner, engine: meddler, sent: AtomicU32::new(0) }) as Arc<dyn Wire>;
    let keys = [(ADDRESS, "sk-one"), (ADDRESS, "sk-two"), (ADDRESS, "sk-three")];
    let limited = |_: &_| json(429, &[("retry-after", "60")], r#"{"error":{"message":"slow down"}}"#);
    let bench = bench_on(PLAIN, &keys, limited, around).await;
    assert!(engine.set(Arc::clone(&bench.engine)).is_ok());
    let failure = bench.draw_as(ask(1), client()).await.1.expect_err("limited");
    assert_eq!((failure.fault.class, bench.asked("one.example")), (Class::RateLimited, 1));
    assert!(bench.engine.snapshot().upstreams.iter().flat_map(|upstream| &upstream.keys).all(|key| key.health.in_flight() == 0));
}

/// A key that its platform rejected stays out of use whatever is reloaded before that is stored.
///
/// Proves P-3, R-KEY-1.
#[tokio::test]
async fn a_rejected_key_is_not_revived_by_a_change_of_settings() {
    let bench = bench_on(PLAIN, &[(ADDRESS, "sk-one")], |_| json(401, &[], "{}"), |wire| wire).await;
    assert_eq!(bench.draw(ask(1)).await.1.expect_err("rejected").fault.class, Class::KeyRejected);
    for _ in 0..3 {
        bench.engine.reload().await.expect("reloaded");
        assert_eq!(bench.draw(ask(1)).await.1.expect_err("no key").fault.class, Class::NoKey);
    }
    assert_eq!(bench.asked("one.example"), 1);
    let id = bench.store.keys().await.expect("keys")[0].id.clone();
    assert!(bench.engine.reset_key(&id).await.expect("reset"));
    assert_eq!(bench.draw(ask(1)).await.1.expect_err("rejected").fault.class, Class::KeyRejected);
    assert_eq!(bench.asked("one.example"), 2, "the operator's word counts");
}
