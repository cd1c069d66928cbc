use super::gallery::picture;
use ir_model::{Charge, Timestamp};
use ir_store::{
    AttemptRecord, AttemptState, Gallery, Interrupted, JobRecord, JobState, JournalAttempt, JournalEntry, PictureRecord, Store, StoreError,
};
use std::sync::Arc;

pub(super) async fn suite(make: &impl Fn(&str) -> Arc<dyn Store>) {
    a_job_is_followed_from_begin_to_end(make).await;
    ids_are_taken_once(make).await;
    attempts_need_a_running_job(make).await;
    what_was_never_written_down_needs_no_end(make).await;
    pictures_and_the_end_of_a_job_are_stored_together(make).await;
    a_restart_finds_what_was_under_way(make).await;
    old_jobs_are_pruned(make).await;
}

fn job(id: &str) -> JobRecord {
    JobRecord {
        id: id.to_owned(),
        client: "me".to_owned(),
        task: "text".to_owned(),
        model: "m".to_owned(),
        prompt: "a cat".to_owned(),
        created: Timestamp(5),
    }
}

fn attempt(job: &str, number: u32) -> AttemptRecord {
    AttemptRecord {
        job: job.to_owned(),
        number,
        provider: "Doubao".to_owned(),
        base_url: "https://a.example".to_owned(),
        model: "m".to_owned(),
        key: (number == 1).then(|| "key_1".to_owned()),
        began: Timestamp(6),
    }
}

fn prepared(job: &str, number: u32) -> JournalAttempt {
    JournalAttempt { record: attempt(job, number), state: AttemptState::Prepared, ticket: None, outcome: None, charge: None }
}

fn running(id: &str, attempts: Vec<JournalAttempt>) -> JournalEntry {
    JournalEntry { job: job(id), state: JobState::Running, pictures: vec![], finished: None, attempts }
}

async fn a_job_is_followed_from_begin_to_end(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("journal-life");
    store.begin(job("j")).await.unwrap();
    store.attempt(attempt("j", 1)).await.unwrap();
    store.begin_with_attempt(job("j"), attempt("j", 2)).await.unwrap();
    assert_eq!(store.job("j").await.unwrap(), Some(running("j", vec![prepared("j", 1), prepared("j", 2)])));

    store.settle("j", 1, "timeout", Charge::Maybe).await.unwrap();
    store.ticket("j", 2, "task-7").await.unwrap();
    let failed = JournalAttempt {
        state: AttemptState::Settled,
        outcome: Some("timeout".to_owned()),
        charge: Some(Charge::Maybe),
        ..prepared("j", 1)
    };
    let waiting = JournalAttempt { state: AttemptState::Ticket, ticket: Some("task-7".to_owned()), ..prepared("j", 2) };
    assert_eq!(store.job("j").await.unwrap(), Some(running("j", vec![failed.clone(), waiting.clone()])));

    store.settle("j", 2, "ok", Charge::Yes).await.unwrap();
    store.finish("j", JobState::Done, vec!["p.png".to_owned()]).await.unwrap();
    let drawn = JournalAttempt { state: AttemptState::Settled, outcome: Some("ok".to_owned()), charge: Some(Charge::Yes), ..waiting };
    let done = JournalEntry {
        state: JobState::Done,
        pictures: vec!["p.png".to_owned()],
        finished: Some(super::clock().now()),
        ..running("j", vec![failed, drawn])
    };
    assert_eq!(store.job("j").await.unwrap(), Some(done));
    assert_eq!(store.job("other").await.unwrap(), None);
}

async fn ids_are_taken_once(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("journal-ids");
    let taken = |result: Result<(), StoreError>| assert!(matches!(result, Err(StoreError::Duplicate { .. })), "{result:?}");
    store.begin_with_attempt(job("j"), attempt("j", 1)).await.unwrap();
    taken(store.begin(job("j")).await);
    taken(store.begin_with_attempt(job("j"), attempt("j", 1)).await);
    // Another request under the same name.
    taken(store.begin_with_attempt(JobRecord { created: Timestamp(6), ..job("j") }, attempt("j", 2)).await);
    store.finish("j", JobState::Failed, vec![]).await.unwrap();
    taken(store.begin_with_attempt(job("j"), attempt("j", 2)).await);
    assert_eq!(store.job("j").await.unwrap().unwrap().attempts, [prepared("j", 1)]);
}

async fn attempts_need_a_running_job(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("journal-order");
    let missing = |result: Result<(), StoreError>| assert!(matches!(result, Err(StoreError::Missing { .. })), "{result:?}");
    missing(store.attempt(attempt("j", 1)).await);
    store.begin_with_attempt(job("j"), attempt("j", 1)).await.unwrap();
    missing(store.ticket("j", 2, "t").await);
    store.settle("j", 1, "ok", Charge::Yes).await.unwrap();
    missing(store.ticket("j", 1, "t").await);
    store.finish("j", JobState::Done, vec![]).await.unwrap();
    missing(store.attempt(attempt("j", 2)).await);
}

async fn what_was_never_written_down_needs_no_end(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("journal-unknown");
    store.settle("j", 1, "ok", Charge::No).await.unwrap();
    store.finish("j", JobState::Failed, vec![]).await.unwrap();
    assert_eq!(store.job("j").await.unwrap(), None);
    store.begin(job("j")).await.unwrap();
    assert!(store.finish("j", JobState::Running, vec![]).await.is_err());
}

async fn pictures_and_the_end_of_a_job_are_stored_together(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("journal-pictures");
    store.begin(job("j")).await.unwrap();
    Gallery::add(&*store, picture("taken.png", 1)).await.unwrap();

    let other = PictureRecord { sha256: "other".to_owned(), ..picture("taken.png", 1) };
    let result = store.finish_with("j", JobState::Done, vec![picture("a.png", 2), other]).await;
    assert!(matches!(result, Err(StoreError::Duplicate { .. })), "{result:?}");
    assert_eq!(store.get("a.png").await.unwrap(), None, "nothing of it is stored");
    assert_eq!(store.job("j").await.unwrap(), Some(running("j", vec![])));

    store.finish_with("j", JobState::Done, vec![picture("a.png", 2), picture("b.png", 2)]).await.unwrap();
    assert_eq!(store.get("a.png").await.unwrap(), Some(picture("a.png", 2)));
    let entry = store.job("j").await.unwrap().unwrap();
    assert_eq!((entry.state, entry.pictures), (JobState::Done, vec!["a.png".to_owned(), "b.png".to_owned()]));
}

async fn a_restart_finds_what_was_under_way(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("journal-restart");
    store.begin(job("bare")).await.unwrap();
    store.begin_with_attempt(job("sent"), attempt("sent", 1)).await.unwrap();
    store.begin_with_attempt(job("ticket"), attempt("ticket", 1)).await.unwrap();
    store.begin_with_attempt(job("ticket"), attempt("ticket", 2)).await.unwrap();
    store.ticket("ticket", 2, "t").await.unwrap();
    store.begin(job("done")).await.unwrap();
    store.finish("done", JobState::Done, vec![]).await.unwrap();
    assert_eq!(store.unfinished().await.unwrap(), [], "jobs of this run are nobody else's");
    assert_eq!(store.mark_interrupted(Timestamp(70)).await.unwrap(), Interrupted::default());
    store.close().await;

    let store = make("journal-restart");
    let waiting = JournalAttempt { state: AttemptState::Ticket, ticket: Some("t".to_owned()), ..prepared("ticket", 2) };
    let before = [
        running("bare", vec![]),
        running("sent", vec![prepared("sent", 1)]),
        running("ticket", vec![prepared("ticket", 1), waiting.clone()]),
    ];
    assert_eq!(store.unfinished().await.unwrap(), before);
    store.begin(job("new")).await.unwrap();

    let lost = |job| JournalAttempt { state: AttemptState::Ambiguous, charge: Some(Charge::Maybe), ..prepared(job, 1) };
    let resumable = vec![running("ticket", vec![lost("ticket"), waiting])];
    let found = store.mark_interrupted(Timestamp(80)).await.unwrap();
    assert_eq!(found, Interrupted { jobs: 2, attempts: 2, resumable: resumable.clone() });
    let over = JournalEntry { state: JobState::Interrupted, finished: Some(Timestamp(80)), ..running("sent", vec![lost("sent")]) };
    assert_eq!(store.job("sent").await.unwrap(), Some(over));
    assert_eq!(store.job("new").await.unwrap(), Some(running("new", vec![])));
    store.close().await;

    // A second crash, before the ticket was asked for.
    let store = make("journal-restart");
    let found = store.mark_interrupted(Timestamp(90)).await.unwrap();
    assert_eq!(found, Interrupted { jobs: 1, attempts: 0, resumable });
    store.settle("ticket", 2, "ok", Charge::Yes).await.unwrap();
    store.finish("ticket", JobState::Done, vec![]).await.unwrap();
    assert_eq!(store.unfinished().await.unwrap(), []);
}

async fn old_jobs_are_pruned(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("journal-prune");
    let now = super::clock().now();
    store.begin_with_attempt(job("stuck"), attempt("stuck", 1)).await.unwrap();
    store.ticket("stuck", 1, "t").await.unwrap();
    store.close().await;
    let store = make("journal-prune");
    store.begin_with_attempt(job("done"), attempt("done", 1)).await.unwrap();
    store.finish("done", JobState::Done, vec![]).await.unwrap();
    store.begin(job("running")).await.unwrap();
    assert_eq!(store.prune_jobs(Timestamp(5)).await.unwrap(), 0);
    assert_eq!(store.prune_jobs(now).await.unwrap(), 1, "the one that nobody picked up");
    assert_eq!(store.prune_jobs(now.plus_ms(1)).await.unwrap(), 1);
    assert_eq!(store.job("done").await.unwrap(), None);
    assert_eq!(store.job("running").await.unwrap(), Some(running("running", vec![])));
    // Its attempts are gone too: the names are free again.
    store.begin_with_attempt(job("done"), attempt("done", 1)).await.unwrap();
}
