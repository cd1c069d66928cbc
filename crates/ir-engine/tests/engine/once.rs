//! Coming back, held against a plain model: two tenants with random calls, the same keys and names.

use crate::support::{Answered, Bench, KEEPS, ask, base64, bench, json, png_with};
use ir_egress::{Recorded, WireReply};
use ir_engine::{DrawEvent, Drawing, Terms};
use ir_model::{Ask, Caller, Class, Fault, Gate, RequestId};
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

const DAY_MS: i64 = 86_400_000;
const TENANTS: [&str; 2] = ["ada", "bob"];

#[derive(Debug, Clone)]
enum Step {
    /// A request, alone or three times at once.
    Ask { tenant: usize, key: Option<u8>, what: u8, thrice: bool },
    /// A tenant asks for a request by its name, its own or the other's.
    PickUp { tenant: usize, of: usize },
    /// Hours pass.
    Later(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..2usize, proptest::option::weighted(0.8, 0..2u8), 0..4u8, any::<bool>())
            .prop_map(|(tenant, key, what, thrice)| Step::Ask { tenant, key, what, thrice }),
        3 => (0..2usize, any::<usize>()).prop_map(|(tenant, of)| Step::PickUp { tenant, of }),
        1 => (1..20i64).prop_map(Step::Later),
    ];
    proptest::collection::vec(step, 1..24)
}

/// What a request came to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    Drawn(Vec<String>),
    Failed(Class),
}

/// What is asked for; the first two are drawn. The words name their tenant.
fn prompt(tenant: usize, what: u8) -> String {
    format!("{} {}", ["lighthouse", "harbour", "refused", "nonsense"][usize::from(what)], canary(tenant))
}

fn canary(tenant: usize) -> String {
    format!("canary-of-{}", TENANTS[tenant])
}

fn answer(request: &Recorded, count: &AtomicU32) -> Answered {
    let body: serde_json::Value = serde_json::from_slice(&request.body).expect("JSON");
    let prompt = body["prompt"].as_str().expect("a prompt");
    if prompt.starts_with("refused") {
        return json(400, &[], r#"{"error":{"code":"content_policy_violation","message":"no"}}"#);
    }
    if prompt.starts_with("nonsense") {
        return json(200, &[], r#"{"data":"nonsense"}"#);
    }
    let note = format!("{prompt} {}", count.fetch_add(1, Ordering::Relaxed));
    let body = format!(r#"{{"created":1,"data":[{{"b64_json":"{}"}}]}}"#, base64(&png_with(9, Some(&note))));
    Ok(WireReply::scripted(200, &[("content-type", "application/json")], body))
}

async fn end(mut drawing: Drawing) -> End {
    let mut names = Vec::new();
    loop {
        match drawing.next().await {
            DrawEvent::Preview { .. } => {}
            DrawEvent::Picture { drawn, .. } => names.extend(drawn.name),
            DrawEvent::Done(Ok(_)) => return End::Drawn(names),
            DrawEvent::Done(Err(failure)) => return End::Failed(failure.fault.class),
        }
    }
}

async fn ask_once(bench: &Bench, tenant: usize, key: Option<u8>, what: u8) -> (RequestId, Result<End, Fault>) {
    let terms = Terms { key: key.map(|key| format!("key-{key}")), what: "w".to_owned(), kept: true, ..Terms::default() };
    let asked = Ask { prompt: prompt(tenant, what), ..ask(1) };
    let id = RequestId::random(&**bench.engine.dice());
    let caller = Caller::Client(TENANTS[tenant].to_owned());
    let end = match bench.engine.request(asked, caller, id.clone(), terms).await {
        Ok(drawing) => Ok(end(drawing).await),
        Err(fault) => Err(fault),
    };
    (id, end)
}

/// Nothing of the other tenant stands in the pictures of one.
async fn own(bench: &Bench, tenant: usize, end: &End) {
    let End::Drawn(names) = end else { return };
    assert!(!names.is_empty());
    for name in names {
        let row = bench.store.get(name).await.expect("gallery").expect("listed");
        let bytes = std::fs::read(bench.dir.path().join("storage").join(&row.path)).expect("on the disk");
        let has = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
        assert!(has(&canary(tenant)) && !has(&canary(1 - tenant)), "{name} is another's");
    }
}

/// A request under a key, as long as the key counts.
struct Kept {
    what: u8,
    at: i64,
    end: End,
}

async fn play(steps: Vec<Step>) {
    let count = AtomicU32::new(0);
    let bench = bench(KEEPS, &[("https://one.example", "sk-one")], move |request| answer(request, &count)).await;
    let key_id = bench.store.keys().await.expect("keys")[0].id.clone();
    let mut kept: HashMap<(usize, u8), Kept> = HashMap::new();
    let mut asked: Vec<(RequestId, usize, i64, End)> = Vec::new();
    let (mut now, mut sent) = (0i64, 0usize);
    for step in steps {
        match step {
            Step::Ask { tenant, key, what, thrice } => {
                let earlier = key.and_then(|key| kept.get(&(tenant, key))).filter(|kept| kept.at >= now - DAY_MS);
                let mut results = vec![];
                if thrice && key.is_some() {
                    let (a, b, c) = tokio::join!(
                        ask_once(&bench, tenant, key, what),
                        ask_once(&bench, tenant, key, what),
                        ask_once(&bench, tenant, key, what)
                    );
                    results.extend([a, b, c]);
                } else {
                    results.push(ask_once(&bench, tenant, key, what).await);
                }
                let expected = match earlier {
                    Some(kept) if kept.what != what => Err(Class::Gate(Gate::KeyReused)),
                    Some(kept) => Ok(kept.end.clone()),
                    None => {
                        sent += 1;
                        match (what, &results[0].1) {
                            (0 | 1, Ok(end @ End::Drawn(_))) => Ok(end.clone()),
                            (2, _) => Ok(End::Failed(Class::ContentRejected)),
                            (3, _) => Ok(End::Failed(Class::UpstreamFault)),
                            (_, other) => panic!("{what} came to {other:?}"),
                        }
                    }
                };
                for (id, result) in &results {
                    assert_eq!(result.clone().map_err(|fault| fault.class), expected, "the same for all who ask at once");
                    if let Ok(end) = result {
                        own(&bench, tenant, end).await;
                    }
                    // Only the one that drew is a request of its own.
                    if earlier.is_none() && results.len() == 1 {
                        asked.push((id.clone(), tenant, now, expected.clone().expect("drawn or failed")));
                    }
                }
                let first = earlier.is_none();
                if let (true, Some(key), Ok(end)) = (first, key, expected) {
                    // What certainly cost nothing gives its key back.
                    if what == 2 {
                        kept.remove(&(tenant, key))
                    } else {
                        kept.insert((tenant, key), Kept { what, at: now, end })
                    };
                }
                let recorded = bench.wire.recorded().len();
                if first && thrice && what == 2 {
                    // What cost nothing gives its key back: who came a moment after that asked anew.
                    assert!((sent..sent + 3).contains(&recorded), "{recorded} were sent where {sent} were due");
                    sent = recorded;
                }
                assert_eq!(recorded, sent, "sent once for all who ask at once");
                // The platform's failures are not what is tested.
                bench.engine.reset_key(&key_id).await.expect("reset");
            }
            Step::PickUp { tenant, of } => {
                if asked.is_empty() {
                    continue;
                }
                let (id, owner, at, expected) = &asked[of % asked.len()];
                let found = bench.engine.pick_up(&Caller::Client(TENANTS[tenant].to_owned()), id).await.expect("store");
                assert_eq!(found.is_some(), tenant == *owner && *at >= now - DAY_MS, "{} asks for {}'s", TENANTS[tenant], TENANTS[*owner]);
                if let Some(found) = found {
                    let end = end(found.drawing).await;
                    own(&bench, tenant, &end).await;
                    assert_eq!(&end, expected);
                }
            }
            Step::Later(hours) => {
                bench.clock.advance_ms(hours * 3_600_000);
                now += hours * 3_600_000;
            }
        }
    }
}

/// So many, or as many as `PROPTEST_CASES` asks for.
fn cases(usual: u32) -> ProptestConfig {
    let asked = ProptestConfig::default().cases;
    ProptestConfig::with_cases(if asked == 256 { usual } else { asked })
}

proptest! {
    #![proptest_config(cases(12))]

    /// One key draws once: whoever repeats it, at the same time or later, is told the same; another
    /// request under it is refused; what cost nothing gives it back; a day later it is free. Two tenants
    /// share nothing, though they use the same keys and ask for each other's requests by name.
    ///
    /// Proves P-11, P-5, F-70, B-50.
    #[test]
    fn coming_back_behaves_as_the_plain_model(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(play(steps));
    }
}
