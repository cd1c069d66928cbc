//! Keys: what is known of them outlives a restart, and what operators do to them holds at once.

use super::{World, always, code, ground, sim, until};
use crate::client;
use futures_util::future::join_all;
use ir_sim::{Behaviour, Script, When};
use serde_json::json;

const ONE: &str = "sk-one-0123456789abcdef";
const TWO: &str = "sk-two-0123456789abcdef";

/// Proves F-34, F-38, R-KEY-4.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ails_a_key_is_known_after_a_kill() {
    let (limited, spent, dead) = (sim().await, sim().await, sim().await);
    let world = World::start(ground(), &[limited.url(), spent.url(), dead.url()]).await;
    let places = [("limited", &limited, "status=429 retry-after=600"), ("spent", &spent, "status=402"), ("dead", &dead, "status=401")];
    let mut ids = Vec::new();
    for (model, sim, directives) in places {
        always(sim, directives);
        ids.push(world.add(sim.url(), &format!("sk-{model}-0123456789ab"), &[model]).await);
        assert_ne!(world.draw(model).await.status, 200);
    }
    // What happened to keys is on disk within a second.
    let db = rusqlite::Connection::open(world.running.data().join("img-router.db")).unwrap();
    let ailing = "SELECT count(*) FROM key_health WHERE cooling_until IS NOT NULL OR disabled_reason IS NOT NULL";
    until("known on the disk", async || db.query_row(ailing, [], |row| row.get::<_, u64>(0)).unwrap() == 3).await;
    drop(db);
    let World { setup, running, .. } = world;
    running.kill();
    let stored = setup.run(&["keys", "list", "NewApi", "--json"]);
    assert_eq!((stored.matches("cooling until").count(), stored.matches("disabled (").count()), (2, 1), "{stored}");
    let running = setup.start();
    for (model, sim, _) in places {
        sim.script(Script::default());
        let asked = sim.ledger().drawings().len();
        let body = json!({"model": model, "prompt": "a boat"});
        let answer = client::post(running.port, super::GENERATE, &body).await.unwrap();
        assert_eq!((answer.status, code(&answer)), (503, "no_available_key".to_owned()), "{model}");
        assert_eq!(sim.ledger().drawings().len(), asked, "{model}: its key is not used");
        if model == "limited" {
            let wait: u64 = answer.header("retry-after").parse().unwrap();
            assert!((500..=600).contains(&wait), "{wait}");
        }
    }
    running.stop();
}

/// A key that the operator switches off or deletes ends what it draws and begins nothing more, not even
/// for requests that were there before.
///
/// Proves F-72, R-KEY-1.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_was_taken_away_begins_nothing() {
    for deleted in [false, true] {
        let sim = sim().await;
        // Four at a time with a key: the others wait for a place.
        always(&sim, "delay=5000");
        let world = World::start(ground(), &[sim.url()]).await;
        let one = world.add(sim.url(), ONE, &["any"]).await;
        world.add(sim.url(), TWO, &["any"]).await;
        let port = world.running.port;
        let body = json!({"model": "any", "prompt": "a boat"});
        let callers: Vec<_> = (0..24)
            .map(|_| {
                let body = body.clone();
                tokio::spawn(async move { client::post(port, super::GENERATE, &body).await.unwrap() })
            })
            .collect();
        let of = |key: &str| sim.ledger().drawings().iter().filter(|entry| entry.key.as_deref() == Some(key)).count();
        until("both keys draw", async || of(ONE) == 4 && of(TWO) == 4).await;
        let action = if deleted {
            json!({"provider": "NewApi", "action": "delete", "id": one})
        } else {
            json!({"provider": "NewApi", "action": "update", "id": one, "keyItem": {"enabled": false}})
        };
        world.operator.change("/api/key-pool", action).await;
        let before = of(ONE);
        sim.script(Script::default());
        let answers = join_all(callers).await;
        assert!(answers.iter().all(|answer| answer.as_ref().unwrap().status == 200), "every request ends well");
        assert_eq!(of(ONE), before, "it began nothing after the operator was answered");
        assert_eq!(of(ONE) + of(TWO), 24);
        world.at_rest().await;
        world.running.stop();
    }
}

/// Proves F-33.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejected_key_is_replaced_by_another_and_told_to_the_operator() {
    let sim = sim().await;
    sim.script(Script::default().rule(When::key(ONE), None, Behaviour::from_directives("status=401 code=invalid_api_key").unwrap()));
    let world = World::start(ground(), &[sim.url()]).await;
    let one = world.add(sim.url(), ONE, &["any"]).await;
    world.add(sim.url(), TWO, &["any"]).await;
    until("rejected", async || {
        assert_eq!(world.draw("any").await.status, 200);
        world.key(&one).await["status"] == "disabled"
    })
    .await;
    world.running.says("a key was rejected and is disabled").await;
    let of_one = || sim.ledger().drawings().iter().filter(|entry| entry.key.as_deref() == Some(ONE)).count();
    assert_eq!(of_one(), 1);
    for _ in 0..6 {
        assert_eq!(world.draw("any").await.status, 200);
    }
    assert_eq!(of_one(), 1, "it is not used again");
    let keys = world.numbers().await;
    assert_eq!(keys.get("img_router_keys{provider=\"NewApi\",state=\"disabled\"}"), Some(&1.0), "{keys:?}");
    world.running.stop();
}
