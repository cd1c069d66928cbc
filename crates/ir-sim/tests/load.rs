//! The load generator against the simulator.

use std::time::Duration;

use ir_sim::load::{LoadAsk, LoadPlan, Report, run, table};
use ir_sim::{Behaviour, PictureSpec, Script, Sim, SimConfig, When, make_picture};

fn plan(sim: &Sim, ask: LoadAsk) -> LoadPlan {
    LoadPlan {
        label: "direct".into(),
        scenario: "small".into(),
        url: format!("{}/v1/images/{}", sim.url(), if matches!(ask, LoadAsk::Json(_)) { "generations" } else { "edits" })
            .parse()
            .expect("a sound address"),
        key: Some("sk-load".into()),
        callers: 4,
        requests: 40,
        rate: None,
        warm_up: 4,
        limit: Duration::from_secs(60),
        ask,
        count_pictures: true,
        pids: vec![std::process::id()],
    }
}

fn json() -> LoadAsk {
    LoadAsk::Json(r#"{"prompt":"load {seq}","n":2}"#.into())
}

#[tokio::test]
async fn every_request_is_sent_once_and_measured() {
    let sim = Sim::start(SimConfig { picture: PictureSpec::exactly(50_000), ..SimConfig::default() }).await.unwrap();
    let report = run(plan(&sim, json())).await.unwrap();
    assert_eq!((report.requests, report.errors, report.unfinished, report.pictures), (40, 0, 0, Some(80)));
    assert!(report.bytes > 80 * 66_000 && report.requests_per_second > 0.0);
    assert!(
        report.latency_ms.p50 > 0.0 && report.latency_ms.p50 <= report.latency_ms.p99 && report.latency_ms.p99 <= report.latency_ms.max
    );
    assert!(report.peak_rss.unwrap() > 1_000_000 && report.cpu_ms_per_request.is_some());
    let entries = sim.ledger().entries();
    let mut prompts: Vec<String> = entries.iter().map(|entry| entry.field("prompt").unwrap()).collect();
    prompts.sort();
    prompts.dedup();
    assert_eq!((entries.len(), prompts.len()), (44, 44), "the warm-up is sent too, every prompt is its own");
    assert!(entries.iter().all(|entry| entry.key.as_deref() == Some("sk-load")));
    let line = serde_json::to_string(&report).unwrap();
    let again: Report = serde_json::from_str(&line).unwrap();
    let slower = Report { label: "gateway".into(), ..again.clone() };
    let table = table(&[again, slower]);
    assert_eq!(table.lines().count(), 4);
    assert!(table.lines().nth(3).unwrap().starts_with("| small | gateway | ") && table.contains("| +0.00 |"), "{table}");
}

#[tokio::test]
async fn uploads_arrive_whole() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let file = make_picture(PictureSpec::exactly(2_000_000), 0).unwrap();
    let fields = vec![("prompt".to_owned(), "night".to_owned()), ("size".to_owned(), "64x64".to_owned())];
    let report = run(LoadPlan { requests: 4, warm_up: 0, ..plan(&sim, LoadAsk::Upload { fields, file }) }).await.unwrap();
    assert_eq!((report.requests, report.errors), (4, 0));
    let entries = sim.ledger().entries();
    assert!(entries.iter().all(|entry| entry.files()[0].len == 2_000_000 && entry.field("prompt").as_deref() == Some("night")));
    assert_eq!(entries[0].files()[0].sha256, entries[3].files()[0].sha256);
}

#[tokio::test]
async fn failures_are_counted_by_kind_and_the_run_goes_on() {
    let sim = Sim::start(SimConfig { picture: PictureSpec::exactly(50_000), ..SimConfig::default() }).await.unwrap();
    let broken = Behaviour::from_directives("cut=mid").unwrap();
    sim.script(Script::default().rule(When::default(), Some(3), Behaviour::error(503)).rule(When::default(), Some(2), broken));
    let report = run(LoadPlan { callers: 1, requests: 20, warm_up: 0, ..plan(&sim, json()) }).await.unwrap();
    assert_eq!((report.statuses[&503], report.failures.values().sum::<u64>(), report.requests, report.unfinished), (3, 2, 20, 0));
    assert_eq!((report.errors, report.statuses[&200]), (5, 15));
}

#[tokio::test]
async fn a_run_ends_when_its_time_is_over() {
    let sim = Sim::start(SimConfig { default: Behaviour::delayed(Duration::from_secs(600)), ..SimConfig::default() }).await.unwrap();
    let report = run(LoadPlan { limit: Duration::from_millis(300), warm_up: 0, ..plan(&sim, json()) }).await.unwrap();
    assert_eq!((report.requests, report.unfinished), (0, 40));
    let elsewhere = LoadPlan { url: "http://192.0.2.1/".parse().unwrap(), ..plan(&sim, json()) };
    assert!(run(elsewhere).await.is_err());
    assert!(run(LoadPlan { callers: 100_000, ..plan(&sim, json()) }).await.is_err());
}

#[tokio::test]
async fn a_rate_does_not_wait_for_answers() {
    let slow = SimConfig { default: Behaviour::delayed(Duration::from_secs(5)), ..SimConfig::default() };
    let sim = Sim::start(slow).await.unwrap();
    let report = run(LoadPlan { callers: 40, requests: 20, warm_up: 0, rate: Some(40.0), ..plan(&sim, json()) }).await.unwrap();
    assert_eq!((report.requests, report.errors, report.refused_p99_ms), (20, 0, None));
    // One after the other they would take 100 s; all at once, 5 s and the half second in which they begin.
    assert!((5.4..60.0).contains(&report.seconds), "{} s", report.seconds);
    assert!(run(LoadPlan { rate: Some(1.0), warm_up: 1, ..plan(&sim, json()) }).await.is_err());
}
