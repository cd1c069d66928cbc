//! Whether platforms get the share of requests that their weights give them.

use crate::support::{NOW, ask, bench, client, picture};
use ir_engine::plan;
use ir_model::SeededDice;
use std::collections::BTreeMap;

const DRAWS: u32 = 20_000;

/// How far counts are from what was expected of them.
fn chi_square(counts: &BTreeMap<&str, u32>, shares: &[(&str, u32)]) -> f64 {
    let all: u32 = shares.iter().map(|(_, share)| share).sum();
    let draws: u32 = counts.values().sum();
    let off = |(name, share): &(&str, u32)| {
        let expected = f64::from(draws) * f64::from(*share) / f64::from(all);
        let seen = f64::from(counts.get(name).copied().unwrap_or(0));
        (seen - expected).powi(2) / expected
    };
    shares.iter().map(off).sum()
}

async fn counts(config: &str, seed: u64) -> (BTreeMap<&'static str, u32>, BTreeMap<&'static str, u32>) {
    let bench = bench(config, &[("https://one.example", "sk-one")], |_| picture(3)).await;
    for platform in ["SiliconFlow", "Gitee", "ModelScope"] {
        let key = ir_engine::NewKey {
            secret: ir_model::Secret::new(format!("key of {platform}")),
            name: String::new(),
            base_url: None,
            models: vec![],
            enabled: true,
        };
        bench.engine.add_keys(platform, vec![key]).await.expect("added");
    }
    let (snapshot, dice) = (bench.engine.snapshot(), SeededDice::new(seed));
    let (mut first, mut second) = (BTreeMap::new(), BTreeMap::new());
    for _ in 0..DRAWS {
        let plan = plan(&snapshot, &ask(1), &client(), &dice, NOW, 1).expect("a plan");
        let names: Vec<&'static str> = plan.candidates.iter().map(|candidate| candidate.upstream.name()).collect();
        assert_eq!(names.len(), 4, "{names:?}");
        *first.entry(names[0]).or_default() += 1;
        if names[0] == "SiliconFlow" {
            *second.entry(names[1]).or_default() += 1;
        }
    }
    (first, second)
}

fn config(strategy: &str, weights: [u32; 4]) -> String {
    let [a, b, c, d] = weights;
    format!(
        r#"{{"system":{{"modes":{{"relay":false,"backend":true}}}},"routing":{{"strategy":"{strategy}"}},"providers":{{
  "NewApi":{{"enabled":true,"text":{{"model":"m","weight":{a}}}}},"SiliconFlow":{{"enabled":true,"text":{{"model":"m","weight":{b}}}}},
  "Gitee":{{"enabled":true,"text":{{"model":"m","weight":{c}}}}},"ModelScope":{{"enabled":true,"text":{{"model":"m","weight":{d}}}}},
  "Pollinations":{{"enabled":false}},"HuggingFace":{{"enabled":false}}}}}}"#
    )
}

/// 99.9 % of fair choices are nearer to their shares than this, with three and two degrees of freedom.
const NEAR: [f64; 2] = [16.266, 13.816];

/// By share, each place of a plan falls to a platform in proportion to its weight; by priority, equals come
/// equally often. Seeds are fixed, so this holds or does not.
///
/// Proves P-12, R-ROUTE-3.
#[tokio::test]
async fn platforms_get_their_shares() {
    let named = |weights: [u32; 4]| ["NewApi", "SiliconFlow", "Gitee", "ModelScope"].into_iter().zip(weights).collect::<Vec<_>>();
    for (seed, weights) in [(1, [10, 20, 30, 40]), (2, [1, 1, 1, 97])] {
        let (first, second) = counts(&config("weighted", weights), seed).await;
        let off = chi_square(&first, &named(weights));
        assert!(off < NEAR[0], "{off}: {first:?}");
        let others: Vec<_> = named(weights).into_iter().filter(|(name, _)| *name != "SiliconFlow").collect();
        let off = chi_square(&second, &others);
        assert!(seed == 2 || off < NEAR[1], "{off}: {second:?}");
    }
    let (first, _) = counts(&config("priority", [10; 4]), 3).await;
    let off = chi_square(&first, &named([1; 4]));
    assert!(off < NEAR[0], "{off}: {first:?}");
}
