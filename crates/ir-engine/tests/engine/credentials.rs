//! Who is let in to the pools: only who has a key of the gateway, whatever a token looks like.

use crate::support::{Bench, ask, bench, json, picture};
use ir_engine::{ClientKeyTerms, NewKey};
use ir_model::{Ask, Caller, Class, Dice, Gate, Secret, SeededDice};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));
const GLOBAL: &str = "a-key-of-the-gateway";

/// Both modes on, every platform enabled.
fn config() -> String {
    let platforms: Vec<String> = ir_platforms::ADAPTERS
        .iter()
        .map(|adapter| adapter.card())
        .map(|card| {
            // The OpenAI-compatible platform has no address of its own.
            let base = if card.base_url.is_none() && card.name == "NewApi" { ",\"baseUrl\":\"https://relay.example/v1\"" } else { "" };
            format!("\"{}\":{{\"enabled\":true{base}}}", card.name)
        })
        .collect();
    format!(
        "{{\"system\":{{\"modes\":{{\"relay\":true,\"backend\":true}},\"globalAccessKey\":\"{GLOBAL}\"}},\"providers\":{{{}}}}}",
        platforms.join(",")
    )
}

async fn keys(bench: &Bench, count: usize) -> Vec<Secret> {
    let mut keys = Vec::new();
    for number in 0..count {
        let terms = ClientKeyTerms {
            name: format!("client {number}"),
            expires: None,
            enabled: true,
            models: vec![],
            per_minute: None,
            concurrent: None,
        };
        let created = bench.engine.clock().now();
        let made = bench.engine.add_client_key(terms, created).await.expect("the store works");
        keys.push(made.expect("there is room").0);
    }
    keys
}

/// A random text of this alphabet.
fn random(dice: &dyn Dice, alphabet: &[u8], length: usize) -> String {
    (0..length).map(|_| char::from(alphabet[usize::try_from(dice.below(alphabet.len() as u64)).expect("small")])).collect()
}

/// A random token of the shape of this number: every platform's, our own, and what lies near.
fn token(dice: &dyn Dice, shape: usize, known: &[Secret]) -> String {
    const ALNUM: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const URL: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let uuid = || {
        let hex = dice.hex128();
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    };
    let some = |least: u64, most: u64| usize::try_from(least + dice.below(most - least + 1)).expect("small");
    let ours = || known[usize::try_from(dice.below(known.len() as u64)).expect("small")].expose();
    match shape {
        0 => format!("hf_{}", random(dice, ALNUM, some(20, 40))),
        1 => format!("ms-{}", uuid()),
        2 => format!("pk_{}", random(dice, ALNUM, some(10, 30))),
        3 => format!("sk_{}", random(dice, ALNUM, some(10, 30))),
        4 => uuid(),
        5 => random(dice, ALNUM, some(30, 60)),
        6 => format!("sk-newapi-{}", random(dice, URL, some(8, 40))),
        7 => format!("sk-{}", random(dice, ALNUM, some(38, 60))),
        8 => format!("sk-imgrouter-{}", random(dice, b"0123456789abcdef", 48)),
        9 => format!("ir-{}", random(dice, URL, 43)),
        // All but the last character of a real one, or one more.
        10 => format!("{}{}", &ours()[..45], random(dice, b"!$%&", 1)),
        _ => format!("{}{}", ours(), random(dice, URL, some(1, 3))),
    }
}

/// The shape of a token opens no pool: it is relayed with itself, or refused. `IR_TOKENS` sets how many
/// are tried.
///
/// Proves R-AUTH-4, R-AUTH-5.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a test's own switch")]
async fn no_shape_of_a_token_opens_a_pool() {
    const SHAPES: usize = 12;
    let count: usize = std::env::var("IR_TOKENS").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let bench = bench(&config(), &[], |_| picture(0)).await;
    let known = keys(&bench, 50).await;
    let dice = SeededDice::new(20_261_126);
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for number in 0..count {
        let token = token(&dice, number % SHAPES, &known);
        let what = match bench.engine.identify(Some(&token), PEER) {
            Ok(Caller::Relay { platform, key, peer }) => {
                assert!(key.same_as(&token) && peer == PEER, "{platform} is sent the caller's own token");
                platform.to_owned()
            }
            Ok(caller @ (Caller::Client(_) | Caller::Key(_))) => panic!("{token} is {caller:?}"),
            Err(fault) => {
                assert_eq!(fault.class, Class::Gate(Gate::BadKey), "{token}");
                "refused".to_owned()
            }
        };
        *seen.entry(what).or_default() += 1;
    }
    println!("{count} tokens: {seen:?}");
    for platform in ["HuggingFace", "ModelScope", "Pollinations", "Doubao", "Gitee", "NewApi"] {
        assert!(seen.contains_key(platform), "no token had the shape of {platform}: {seen:?}");
    }
    assert!(seen["refused"] >= count as u64 / SHAPES as u64 * 3, "what looks like ours and is not is refused: {seen:?}");
    assert_eq!(bench.wire.recorded().len(), 0);
    for key in &known {
        assert!(matches!(bench.engine.identify(Some(key.expose()), PEER), Ok(Caller::Key(_))));
    }
    assert!(matches!(bench.engine.identify(Some(GLOBAL), PEER), Ok(Caller::Client(_))));
}

/// No key that the gateway makes has the shape of a platform's, so none is ever sent on.
///
/// Proves R-AUTH-5.
#[tokio::test]
async fn our_keys_look_like_no_platforms() {
    let bench = bench(&config(), &[], |_| picture(0)).await;
    let mut hashes = std::collections::HashSet::new();
    for key in keys(&bench, 200).await {
        for adapter in ir_platforms::ADAPTERS {
            assert!(!(adapter.card().key_format)(key.expose()), "{} takes it for its own", adapter.card().name);
        }
        assert!(hashes.insert(key.expose().to_owned()));
        assert_eq!(key.expose().len(), 46);
    }
    let stored = bench.store.client_keys().await.expect("rows");
    assert!(stored.iter().all(|record| record.hash.len() == 64 && !hashes.contains(&record.hash)));
}

/// Keys that only the gateway has a use for are relayed nowhere, though they have a platform's shape: the operator's, and
/// access keys that were replaced.
///
/// Proves R-AUTH-5, P-7.
#[tokio::test]
async fn the_gateways_own_keys_go_to_no_platform() {
    let (admin, password) = ("0123456789abcdef0123456789abcdef", "abcdefghijABCDEFGHIJ0123456789abcd");
    let closed = format!("\"security\":{{\"adminKey\":\"{admin}\",\"adminPassword\":\"{password}\"}},\"providers\"");
    let bench = bench(&config().replace("\"providers\"", &closed), &[], |_| picture(0)).await;
    let replaced = format!("{}{}", ir_engine::ACCESS_KEY, "0123456789abcdef".repeat(3));
    for token in [admin, password, &replaced] {
        let has_shape = ir_platforms::ADAPTERS.iter().any(|adapter| (adapter.card().key_format)(token));
        let refused = bench.engine.identify(Some(token), PEER).expect_err(token).class;
        assert_eq!((has_shape, refused), (true, Class::Gate(Gate::BadKey)), "{token}");
    }
}

/// Whoever is wrong often waits for the answers, and stands in the audit log once. Others do not wait.
///
/// Proves R-AUTH-6.
#[tokio::test(start_paused = true)]
async fn guessing_at_keys_takes_time() {
    let bench = bench(&config(), &[], |_| picture(0)).await;
    let waits = async |peer: IpAddr| {
        let began = tokio::time::Instant::now();
        bench.engine.hold_back(peer).await;
        began.elapsed() >= std::time::Duration::from_secs(5)
    };
    for _ in 0..60 {
        assert!(!waits(PEER).await);
    }
    for _ in 0..3 {
        assert!(waits(PEER).await);
    }
    assert!(!waits(IpAddr::V4(Ipv4Addr::new(203, 0, 114, 9))).await);
    let rows = bench.store.audit(None, 10).await.expect("rows");
    let told: Vec<(&str, &str)> = rows.iter().map(|row| (row.action.as_str(), row.address.as_str())).collect();
    assert_eq!(told, [("guess keys", "203.0.113.9")]);
}

/// Known keys are told why they are not let in, also where strangers are let in without one.
///
/// Proves B-6.
#[tokio::test]
async fn a_known_key_is_no_stranger() {
    let open = config().replace("\"globalAccessKey\"", "\"allowAnonymous\":true,\"globalAccessKey\"");
    let bench = bench(&open, &[], |_| picture(0)).await;
    let key = keys(&bench, 1).await.remove(0);
    let id = bench.store.client_keys().await.expect("rows")[0].id.clone();
    let class = |bench: &Bench| bench.engine.identify(Some(key.expose()), PEER).map_err(|fault| fault.class);
    let later = bench.engine.clock().now().plus_ms(1000);
    bench.engine.change_client_key(&id, |terms| terms.expires = Some(later)).await.expect("stored").expect("there");
    assert!(matches!(class(&bench), Ok(Caller::Key(_))));
    bench.clock.advance_ms(1000);
    assert_eq!(class(&bench).err(), Some(Class::Gate(Gate::BadKey)), "at this very moment it is over");
    bench.clock.advance_ms(-1);
    assert!(class(&bench).is_ok());
    bench.engine.change_client_key(&id, |terms| terms.enabled = false).await.expect("stored").expect("there");
    assert_eq!(class(&bench).err(), Some(Class::Gate(Gate::KeyDisabled)));
    assert!(bench.engine.delete_client_key(&id).await.expect("stored"));
    assert!(matches!(class(&bench), Ok(Caller::Client(name)) if name == "anonymous"), "now it is a stranger's");
}

/// A token of the pool goes to Spaces that the operator named, and to none that is built in.
///
/// Proves R-SEC-6.
#[tokio::test]
async fn a_token_goes_to_spaces_that_the_operator_named_only() {
    let config = |map: &str| {
        format!(
            r#"{{"system":{{"modes":{{"relay":false,"backend":true}}}},"providers":{{"HuggingFace":{{"enabled":true}}}},"hfModelMap":{map}}}"#
        )
    };
    for (map, sent) in [("{}", false), (r#"{"z-image-turbo":{"main":"https://own.example"}}"#, true)] {
        let bench = bench(&config(map), &[], |_| json(500, &[], "{}")).await;
        let secret = Secret::new("hf_canary0123456789abcdefgh");
        let key = NewKey { secret, name: String::new(), base_url: None, models: vec![], enabled: true };
        bench.engine.add_keys("HuggingFace", vec![key]).await.expect("key");
        let asked = Ask { model: "z-image-turbo".to_owned(), ..ask(1) };
        assert!(bench.draw(asked).await.1.is_err());
        let requests = bench.wire.recorded();
        assert!(!requests.is_empty());
        for request in requests {
            let named = request.url.host_str() == Some("own.example");
            assert_eq!(request.header("authorization").is_some(), named && sent, "{}", request.url);
        }
    }
}
