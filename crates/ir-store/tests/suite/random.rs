//! Random histories against a plain model: maps in memory. After every step the whole of what can be
//! read is compared.

use super::picture;
use ir_model::{Charge, KeyId, Timestamp};
use ir_store::{
    AddedKeys, AttemptRecord, AttemptState, Claim, ErrandKind, Gallery, JobRecord, JobState, JournalAttempt, JournalEntry, KeyHealth,
    KeyRecord, PictureRecord, Store, StoreError,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const TARGET: &str = "https://bucket.example/folder";
const EVER: Timestamp = Timestamp(0);
const NEVER: Timestamp = Timestamp(i64::MAX);

#[derive(Debug, Clone)]
pub(crate) enum Step {
    AddKey {
        id: u8,
        print: u8,
    },
    DeleteKey(u8),
    SaveHealth {
        id: u8,
        calls: u64,
    },
    Begin {
        job: u8,
        number: u32,
    },
    Ticket {
        job: u8,
        number: u32,
    },
    Settle {
        job: u8,
        number: u32,
        charge: Charge,
    },
    Finish {
        job: u8,
        state: JobState,
    },
    Interrupt,
    List {
        name: u8,
        other: bool,
    },
    Hide {
        name: u8,
        undo: bool,
    },
    Restore(u8),
    Expire,
    Forget(u8),
    Copy,
    OpenClaim {
        job: u8,
        key: Option<u8>,
        created: i64,
        since: i64,
    },
    CloseClaim {
        job: u8,
        key: Option<u8>,
    },
    DropClaim(u8),
    /// The process ends, and another one begins.
    Reopen,
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let few = || 0..3u8;
    let charge = prop_oneof![Just(Charge::No), Just(Charge::Maybe), Just(Charge::Yes)];
    let state = prop_oneof![Just(JobState::Done), Just(JobState::Failed), Just(JobState::Cancelled)];
    let key = || proptest::option::weighted(0.8, 0..2u8);
    let keys = prop_oneof![
        2 => (few(), few()).prop_map(|(id, print)| Step::AddKey { id, print }),
        1 => few().prop_map(Step::DeleteKey),
        1 => (few(), 0..9u64).prop_map(|(id, calls)| Step::SaveHealth { id, calls }),
    ];
    let journal = prop_oneof![
        4 => (few(), 1..3u32).prop_map(|(job, number)| Step::Begin { job, number }),
        1 => (few(), 1..3u32).prop_map(|(job, number)| Step::Ticket { job, number }),
        2 => (few(), 1..3u32, charge).prop_map(|(job, number, charge)| Step::Settle { job, number, charge }),
        1 => (few(), state).prop_map(|(job, state)| Step::Finish { job, state }),
        1 => Just(Step::Interrupt),
    ];
    let gallery = prop_oneof![
        4 => (few(), proptest::bool::weighted(0.2)).prop_map(|(name, other)| Step::List { name, other }),
        2 => (few(), any::<bool>()).prop_map(|(name, undo)| Step::Hide { name, undo }),
        1 => few().prop_map(Step::Restore),
        1 => Just(Step::Expire),
        1 => few().prop_map(Step::Forget),
        2 => Just(Step::Copy),
    ];
    let claims = prop_oneof![
        3 => (few(), key(), 1..9i64, 0..9i64).prop_map(|(job, key, created, since)| Step::OpenClaim { job, key, created, since }),
        2 => (few(), key()).prop_map(|(job, key)| Step::CloseClaim { job, key }),
        1 => few().prop_map(Step::DropClaim),
    ];
    proptest::collection::vec(prop_oneof![3 => keys, 4 => journal, 5 => gallery, 4 => claims, 1 => Just(Step::Reopen)], 1..60)
}

/// How a listed picture stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Yes,
    /// Until then its removal can be undone.
    Hidden(Timestamp),
    Gone,
}

#[derive(Default)]
struct Model {
    keys: BTreeMap<String, KeyRecord>,
    jobs: BTreeMap<String, (JournalEntry, u32)>,
    pictures: BTreeMap<String, (PictureRecord, Shown)>,
    /// What the bucket is to do, or has confirmed.
    copies: BTreeMap<String, (ErrandKind, bool)>,
    claims: BTreeMap<String, (Claim, u32)>,
    run: u32,
}

fn key(id: u8, print: u8) -> KeyRecord {
    let id = KeyId(format!("key_{id}"));
    KeyRecord {
        id: id.clone(),
        platform: "Doubao".to_owned(),
        name: String::new(),
        sealed: vec![1, 2],
        fingerprint: format!("print-{print}"),
        tail: String::new(),
        base_url: None,
        models: vec![],
        enabled: true,
        added: Timestamp(7),
        health: KeyHealth { id, ..KeyHealth::default() },
    }
}

fn job(id: u8) -> JobRecord {
    JobRecord {
        id: format!("job_{id}"),
        client: "me".to_owned(),
        task: "text".to_owned(),
        model: "m".to_owned(),
        prompt: "a cat".to_owned(),
        created: Timestamp(5),
    }
}

fn attempt(job: u8, number: u32) -> AttemptRecord {
    AttemptRecord {
        job: format!("job_{job}"),
        number,
        provider: "Doubao".to_owned(),
        base_url: "https://one.example".to_owned(),
        model: "m".to_owned(),
        key: Some("key_1".to_owned()),
        began: Timestamp(6),
    }
}

fn claim(job: u8, key: Option<u8>, created: i64) -> Claim {
    Claim {
        job: format!("job_{job}"),
        scope: "scope".to_owned(),
        request_id: format!("req_{job}"),
        client: "me".to_owned(),
        key: key.map(|key| format!("k{key}")),
        print: "print".to_owned(),
        memo: "{}".to_owned(),
        hook: None,
        asked: 1,
        created: Timestamp(created),
        outcome: None,
    }
}

fn is_duplicate<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Duplicate { .. }))
}

/// Plays a history on a store and on the model.
pub(crate) async fn play(make: impl Fn() -> Arc<dyn Store>, steps: Vec<Step>) {
    let mut store = make();
    store.aim(Some(TARGET)).await.unwrap();
    let mut model = Model { run: 1, ..Model::default() };
    for step in steps {
        if matches!(step, Step::Reopen) {
            store.close().await;
            store = make();
            model.run += 1;
        }
        match step {
            Step::AddKey { .. } | Step::DeleteKey(_) | Step::SaveHealth { .. } => keys(&*store, &mut model, &step).await,
            Step::Begin { .. } | Step::Ticket { .. } | Step::Settle { .. } | Step::Finish { .. } | Step::Interrupt => {
                journal(&*store, &mut model, &step).await
            }
            Step::List { .. } | Step::Hide { .. } | Step::Restore(_) | Step::Expire | Step::Forget(_) | Step::Copy => {
                gallery(&*store, &mut model, &step).await
            }
            Step::OpenClaim { .. } | Step::CloseClaim { .. } | Step::DropClaim(_) => claims(&*store, &mut model, &step).await,
            Step::Reopen => {}
        }
        compare(&*store, &model).await;
    }
    store.close().await;
}

async fn keys(store: &dyn Store, model: &mut Model, step: &Step) {
    match *step {
        Step::AddKey { id, print } => {
            let record = key(id, print);
            let known = model.keys.values().any(|known| known.fingerprint == record.fingerprint);
            let taken = model.keys.contains_key(&record.id.0);
            // Both at once: which of the two is told is the database's choice.
            if known && taken {
                return;
            }
            let added = store.add_keys(vec![record.clone()]).await;
            if taken {
                return assert!(is_duplicate(&added), "{added:?}");
            }
            assert_eq!(added, Ok(AddedKeys { added: u64::from(!known), duplicates: u64::from(known) }));
            if !known {
                model.keys.insert(record.id.0.clone(), record);
            }
        }
        Step::DeleteKey(id) => {
            let id = KeyId(format!("key_{id}"));
            assert_eq!(store.delete_key(&id).await, Ok(model.keys.remove(&id.0).is_some()));
        }
        Step::SaveHealth { id, calls } => {
            let health = KeyHealth { calls, ..key(id, 0).health };
            store.save_key_health(vec![health.clone()]).await.unwrap();
            if let Some(record) = model.keys.get_mut(&health.id.0) {
                record.health = health;
            }
        }
        _ => unreachable!("not a step of keys"),
    }
}

async fn journal(store: &dyn Store, model: &mut Model, step: &Step) {
    let under_way = |attempt: &JournalAttempt| matches!(attempt.state, AttemptState::Prepared | AttemptState::Ticket);
    match *step {
        Step::Begin { job: id, number } => {
            let (record, attempt) = (job(id), attempt(id, number));
            let begun = store.begin_with_attempt(record.clone(), attempt.clone()).await;
            let known = model.jobs.get(&record.id);
            let over = known.is_some_and(|(entry, _)| entry.state != JobState::Running);
            let taken = known.is_some_and(|(entry, _)| entry.attempts.iter().any(|known| known.record.number == number));
            if over || taken {
                return assert!(is_duplicate(&begun), "{begun:?}");
            }
            begun.unwrap();
            let fresh = JournalEntry { job: record.clone(), state: JobState::Running, pictures: vec![], finished: None, attempts: vec![] };
            let (entry, _) = model.jobs.entry(record.id).or_insert((fresh, model.run));
            entry.attempts.push(JournalAttempt {
                record: attempt,
                state: AttemptState::Prepared,
                ticket: None,
                outcome: None,
                charge: None,
            });
            entry.attempts.sort_by_key(|attempt| attempt.record.number);
        }
        Step::Ticket { job: id, number } => {
            let told = store.ticket(&format!("job_{id}"), number, "t").await;
            let Some(attempt) = find(model, id, number).filter(|attempt| under_way(attempt)) else {
                return assert!(matches!(told, Err(StoreError::Missing { .. })), "{told:?}");
            };
            told.unwrap();
            (attempt.state, attempt.ticket) = (AttemptState::Ticket, Some("t".to_owned()));
        }
        Step::Settle { job: id, number, charge } => {
            store.settle(&format!("job_{id}"), number, "said", charge).await.unwrap();
            if let Some(attempt) = find(model, id, number) {
                (attempt.state, attempt.outcome, attempt.charge) = (AttemptState::Settled, Some("said".to_owned()), Some(charge));
            }
        }
        Step::Finish { job: id, state } => {
            let names = vec!["a.png".to_owned()];
            store.finish(&format!("job_{id}"), state, names.clone()).await.unwrap();
            if let Some((entry, _)) = model.jobs.get_mut(&format!("job_{id}")) {
                (entry.state, entry.pictures) = (state, names);
            }
        }
        Step::Interrupt => {
            let told = store.mark_interrupted(Timestamp(50)).await.unwrap();
            let (mut jobs, mut attempts) = (0, 0);
            for (entry, run) in model.jobs.values_mut() {
                if entry.state != JobState::Running || *run >= model.run {
                    continue;
                }
                for attempt in entry.attempts.iter_mut().filter(|attempt| attempt.state == AttemptState::Prepared) {
                    (attempt.state, attempt.charge) = (AttemptState::Ambiguous, Some(Charge::Maybe));
                    attempts += 1;
                }
                if !entry.attempts.iter().any(|attempt| attempt.state == AttemptState::Ticket) {
                    entry.state = JobState::Interrupted;
                    jobs += 1;
                }
            }
            assert_eq!((told.jobs, told.attempts), (jobs, attempts));
        }
        _ => unreachable!("not a step of the journal"),
    }
}

fn find(model: &mut Model, job: u8, number: u32) -> Option<&mut JournalAttempt> {
    let (entry, _) = model.jobs.get_mut(&format!("job_{job}"))?;
    entry.attempts.iter_mut().find(|attempt| attempt.record.number == number)
}

async fn gallery(store: &dyn Store, model: &mut Model, step: &Step) {
    let name = |name: u8| format!("{name}.png");
    match *step {
        Step::List { name: n, other } => {
            let mut record = picture(&name(n), 10);
            if other {
                record.sha256.push_str(" and more");
            }
            let listed = Gallery::add(store, record.clone()).await;
            if let Some((known, _)) = model.pictures.get(&record.name) {
                return assert_eq!(listed.is_ok(), known.sha256 == record.sha256, "{listed:?}");
            }
            listed.unwrap();
            // A delete that still waits for the bucket goes first.
            model.copies.entry(record.name.clone()).or_insert((ErrandKind::Put, false));
            model.pictures.insert(record.name.clone(), (record, Shown::Yes));
        }
        Step::Hide { name: n, undo } => {
            let until = if undo { Timestamp(1000) } else { Timestamp(0) };
            let hidden = store.remove(&[name(n)], until).await.unwrap();
            let shown = model.pictures.get_mut(&name(n)).filter(|(_, shown)| *shown == Shown::Yes);
            assert_eq!(hidden.len(), usize::from(shown.is_some()));
            if let Some((_, shown)) = shown {
                *shown = Shown::Hidden(until);
            }
        }
        Step::Restore(n) => {
            let restored = store.restore(&[name(n)]).await.unwrap();
            let shown = model.pictures.get_mut(&name(n)).filter(|(_, shown)| matches!(shown, Shown::Hidden(_)));
            assert_eq!(restored.len(), usize::from(shown.is_some()));
            if let Some((_, shown)) = shown {
                *shown = Shown::Yes;
                model.copies.entry(name(n)).or_insert((ErrandKind::Put, false));
            }
        }
        Step::Expire => {
            let now = Timestamp(500);
            let expired: BTreeSet<String> = store.expire_removed(now, 100).await.unwrap().into_iter().map(|picture| picture.name).collect();
            let mut expected = BTreeSet::new();
            for (name, (_, shown)) in &mut model.pictures {
                if matches!(shown, Shown::Hidden(until) if *until <= now) {
                    *shown = Shown::Gone;
                    expected.insert(name.clone());
                    if let Some(copy) = model.copies.get_mut(name) {
                        *copy = (ErrandKind::Delete, false);
                    }
                }
            }
            assert_eq!(expired, expected);
        }
        Step::Forget(n) => {
            let gone = model.pictures.get(&name(n)).is_some_and(|(_, shown)| *shown == Shown::Gone);
            assert_eq!(store.forget(&[name(n)]).await, Ok(u64::from(gone)));
            if gone {
                model.pictures.remove(&name(n));
            }
        }
        Step::Copy => {
            if let Some(errand) = store.due(TARGET, NEVER, 1).await.unwrap().first() {
                assert_eq!(store.carried_out(errand).await, Ok(true));
                match errand.kind {
                    ErrandKind::Put => model.copies.insert(errand.name.clone(), (ErrandKind::Put, true)),
                    ErrandKind::Delete => model.copies.remove(&errand.name),
                };
            }
        }
        _ => unreachable!("not a step of the gallery"),
    }
}

async fn claims(store: &dyn Store, model: &mut Model, step: &Step) {
    match *step {
        Step::OpenClaim { job, key, created, since } => {
            let record = claim(job, key, created);
            let opened = store.open_claim(record.clone(), Timestamp(since)).await;
            // What is too old gives way only if the new one is taken.
            let same = |other: &Claim| record.key.is_some() && other.key == record.key;
            let taken = model.claims.contains_key(&record.job)
                || model.claims.values().any(|(other, _)| same(other) && other.created >= Timestamp(since));
            if taken {
                return assert!(is_duplicate(&opened), "{opened:?}");
            }
            opened.unwrap();
            model.claims.values_mut().filter(|(other, _)| same(other)).for_each(|(other, _)| other.key = None);
            model.claims.insert(record.job.clone(), (record, model.run));
        }
        Step::CloseClaim { job, key } => {
            let known = model.claims.get(&format!("job_{job}"));
            let mut record = Claim { outcome: Some("done".to_owned()), ..claim(job, key, known.map_or(4, |(known, _)| known.created.0)) };
            store.close_claim(record.clone(), vec![]).await.unwrap();
            let others = model.claims.values().filter(|(other, _)| other.job != record.job);
            if others.into_iter().any(|(other, _)| other.key == record.key) {
                record.key = None;
            }
            let run = known.map_or(model.run, |(_, run)| *run);
            model.claims.insert(record.job.clone(), (record, run));
        }
        Step::DropClaim(job) => {
            store.drop_claim(&format!("job_{job}")).await.unwrap();
            model.claims.remove(&format!("job_{job}"));
        }
        _ => unreachable!("not a step of claims"),
    }
}

/// Everything that can be read.
async fn compare(store: &dyn Store, model: &Model) {
    let mut keys = store.keys().await.unwrap();
    keys.sort_by(|a, b| a.id.0.cmp(&b.id.0));
    assert_eq!(keys, model.keys.values().cloned().collect::<Vec<_>>());
    for id in 0..3 {
        let stored = store.job(&format!("job_{id}")).await.unwrap().map(|entry| JournalEntry { finished: None, ..entry });
        assert_eq!(stored.as_ref(), model.jobs.get(&format!("job_{id}")).map(|(entry, _)| entry));
        let name = format!("{id}.png");
        let shown = model.pictures.get(&name).filter(|(_, shown)| *shown == Shown::Yes).map(|(record, _)| record.clone());
        assert_eq!(store.get(&name).await.unwrap(), shown);
        let copied = model.copies.get(&name).is_some_and(|copy| *copy == (ErrandKind::Put, true));
        assert_eq!(store.copied(TARGET, &name).await.unwrap().is_some(), copied, "{name}");
        let claim = model.claims.get(&format!("job_{id}")).map(|(claim, _)| claim.clone());
        assert_eq!(store.claim_of(&format!("job_{id}")).await.unwrap(), claim);
        let key = format!("k{id}");
        let by_key = model.claims.values().map(|(claim, _)| claim).find(|claim| claim.key.as_deref() == Some(key.as_str())).cloned();
        assert_eq!(store.claim_by_key("scope", &key, EVER).await.unwrap(), by_key);
    }
    let names = |of: &dyn Fn(Shown) -> bool| -> BTreeSet<String> {
        model.pictures.iter().filter(|(_, (_, shown))| of(*shown)).map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(Gallery::count(store).await.unwrap(), names(&|shown| shown == Shown::Yes).len() as u64);
    let gone: BTreeSet<String> = store.removed(100).await.unwrap().into_iter().map(|picture| picture.name).collect();
    assert_eq!(gone, names(&|shown| shown == Shown::Gone));
    let errands = store.due(TARGET, NEVER, 100).await.unwrap();
    let due: BTreeSet<(String, bool)> = errands.into_iter().map(|errand| (errand.name, errand.kind == ErrandKind::Put)).collect();
    // Puts of what is hidden are held back.
    let shown = names(&|shown| shown == Shown::Yes);
    let waiting = model.copies.iter().filter(|(_, (_, confirmed))| !confirmed);
    let due_now =
        waiting.map(|(name, (kind, _))| (name.clone(), *kind == ErrandKind::Put)).filter(|(name, put)| !put || shown.contains(name));
    assert_eq!(due, due_now.collect());
    let open: BTreeSet<String> = store.open_claims().await.unwrap().into_iter().map(|claim| claim.job).collect();
    let left = model.claims.values().filter(|(claim, run)| claim.outcome.is_none() && *run < model.run);
    assert_eq!(open, left.map(|(claim, _)| claim.job.clone()).collect());
    let unfinished: BTreeSet<String> = store.unfinished().await.unwrap().into_iter().map(|entry| entry.job.id).collect();
    let left = model.jobs.values().filter(|(entry, run)| entry.state == JobState::Running && *run < model.run);
    assert_eq!(unfinished, left.map(|(entry, _)| entry.job.id.clone()).collect());
}
