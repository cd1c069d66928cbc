use super::picture;
use ir_model::Timestamp;
use ir_store::{Claim, Gallery, Hook, PictureRecord, Store, StoreError};
use std::sync::Arc;

/// The beginning of all times of the suite.
const EVER: Timestamp = Timestamp(0);

pub(super) async fn suite(make: &impl Fn(&str) -> Arc<dyn Store>) {
    a_claim_is_found_by_its_request_and_its_key(make).await;
    a_key_belongs_to_one_claim_at_a_time(make).await;
    what_came_of_it_is_stored_with_the_messages(make).await;
    claims_of_earlier_runs_are_told_apart(make).await;
    a_message_waits_until_it_is_taken(make).await;
    pictures_of_a_request_are_found(make).await;
}

fn claim(job: &str, key: Option<&str>, created: i64) -> Claim {
    Claim {
        job: job.to_owned(),
        scope: "a".to_owned(),
        request_id: format!("req-{job}"),
        client: "global".to_owned(),
        key: key.map(str::to_owned),
        print: "print".to_owned(),
        memo: "{}".to_owned(),
        hook: None,
        asked: 2,
        created: Timestamp(created),
        outcome: None,
    }
}

fn hook(id: &str, queued: i64) -> Hook {
    Hook {
        id: id.to_owned(),
        url: "https://there.example/".to_owned(),
        body: "{}".to_owned(),
        queued: Timestamp(queued),
        attempts: 0,
        last_error: None,
    }
}

async fn a_claim_is_found_by_its_request_and_its_key(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("claims-found");
    let written = claim("1", Some("k"), 10);
    store.open_claim(written.clone(), EVER).await.unwrap();
    let found = Some(written.clone());
    assert_eq!(store.claim_by_key("a", "k", EVER).await.unwrap(), found);
    assert_eq!(store.claim("a", "req-1", EVER).await.unwrap(), found);
    assert_eq!(store.claim_of("1").await.unwrap(), found);
    assert_eq!(store.claim_by_key("b", "k", EVER).await.unwrap(), None, "another caller's");
    assert_eq!(store.claim("b", "req-1", EVER).await.unwrap(), None);
    assert_eq!(store.claim_by_key("a", "k", Timestamp(11)).await.unwrap(), None, "too old");

    // A caller may use a name twice: the newest counts.
    let again = Claim { request_id: "req-1".to_owned(), ..claim("2", None, 20) };
    store.close_claim(again.clone(), vec![]).await.unwrap();
    assert_eq!(store.claim("a", "req-1", EVER).await.unwrap(), Some(again));

    store.drop_claim("1").await.unwrap();
    assert_eq!(store.claim_of("1").await.unwrap(), None);
    store.open_claim(claim("3", None, 20), EVER).await.unwrap();
    store.close_claim(Claim { outcome: Some("ended".to_owned()), ..claim("4", None, 20) }, vec![]).await.unwrap();
    assert_eq!(store.prune_claims(Timestamp(21)).await.unwrap(), 1);
    // What came of the others is still to be told.
    assert_eq!((store.claim_of("3").await.unwrap().is_some(), store.claim_of("4").await.unwrap()), (true, None));
    assert_eq!(store.prune_claims(Timestamp(86_400_021)).await.unwrap(), 2);
    assert_eq!(store.claim_of("3").await.unwrap(), None);
}

async fn a_key_belongs_to_one_claim_at_a_time(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("claims-keys");
    store.open_claim(claim("1", Some("k"), 10), EVER).await.unwrap();
    assert!(matches!(store.open_claim(claim("2", Some("k"), 11), EVER).await, Err(StoreError::Duplicate { .. })));
    assert!(matches!(store.open_claim(claim("1", None, 11), EVER).await, Err(StoreError::Duplicate { .. })));

    // What began too long ago gives way, and does not take the key back when it ends.
    store.open_claim(claim("2", Some("k"), 30), Timestamp(20)).await.unwrap();
    store.close_claim(Claim { outcome: Some("late".to_owned()), ..claim("1", Some("k"), 10) }, vec![]).await.unwrap();
    assert_eq!(store.claim_by_key("a", "k", EVER).await.unwrap().unwrap().job, "2");
    assert_eq!(store.claim_of("1").await.unwrap().unwrap().outcome.as_deref(), Some("late"));

    // A claim may end without its key, which is free then.
    store.close_claim(Claim { key: None, outcome: Some("refused".to_owned()), ..claim("2", None, 30) }, vec![]).await.unwrap();
    assert_eq!(store.claim_by_key("a", "k", EVER).await.unwrap(), None);
    store.open_claim(claim("3", Some("k"), 31), EVER).await.unwrap();
}

async fn what_came_of_it_is_stored_with_the_messages(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("claims-ended");
    store.open_claim(claim("1", Some("k"), 10), EVER).await.unwrap();
    let ended = Claim { outcome: Some("{\"pictures\":[]}".to_owned()), ..claim("1", Some("k"), 10) };
    store.close_claim(ended.clone(), vec![hook("a", 1), hook("b", 2)]).await.unwrap();
    assert_eq!(store.claim_by_key("a", "k", EVER).await.unwrap(), Some(ended.clone()));
    assert_eq!(store.due_hooks(Timestamp(5), 10).await.unwrap(), [hook("a", 1), hook("b", 2)]);

    // A message's id stands for one message: with it nothing of the claim is written.
    let other = Claim { outcome: Some("other".to_owned()), ..ended.clone() };
    assert!(store.close_claim(other, vec![hook("a", 1)]).await.is_err());
    assert_eq!(store.claim_of("1").await.unwrap(), Some(ended));
}

async fn claims_of_earlier_runs_are_told_apart(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("claims-runs");
    store.open_claim(claim("1", Some("k"), 10), EVER).await.unwrap();
    store.open_claim(claim("2", None, 9), EVER).await.unwrap();
    store.close_claim(Claim { outcome: Some("done".to_owned()), ..claim("3", None, 8) }, vec![]).await.unwrap();
    assert_eq!(store.open_claims().await.unwrap(), [], "this run's own");
    store.close().await;

    let store = make("claims-runs");
    store.open_claim(claim("4", None, 1), EVER).await.unwrap();
    assert_eq!(store.open_claims().await.unwrap(), [claim("2", None, 9), claim("1", Some("k"), 10)]);
}

async fn a_message_waits_until_it_is_taken(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("claims-hooks");
    store.close_claim(claim("1", None, 1), vec![hook("a", 5), hook("b", 6)]).await.unwrap();
    assert_eq!(store.due_hooks(Timestamp(4), 10).await.unwrap(), []);
    assert_eq!(store.due_hooks(Timestamp(6), 1).await.unwrap(), [hook("a", 5)]);
    store.put_off_hook("a", Timestamp(100), &"x".repeat(400)).await.unwrap();
    store.drop_hook("b").await.unwrap();
    assert_eq!(store.due_hooks(Timestamp(99), 10).await.unwrap(), []);
    store.close().await;

    let store = make("claims-hooks");
    let waiting = Hook { attempts: 1, last_error: Some("x".repeat(300)), ..hook("a", 5) };
    assert_eq!(store.due_hooks(Timestamp(100), 10).await.unwrap(), [waiting]);
}

async fn pictures_of_a_request_are_found(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("claims-pictures");
    let drawn = |name: &str, created: i64, request: &str, client: &str| PictureRecord {
        request_id: request.to_owned(),
        client: client.to_owned(),
        ..picture(name, created)
    };
    let pictures = [
        drawn("a.png", 20, "req", "me"),
        drawn("b.png", 10, "req", "me"),
        drawn("before.png", 9, "req", "me"),
        drawn("other.png", 20, "other", "me"),
        drawn("theirs.png", 20, "req", "them"),
        drawn("gone.png", 20, "req", "me"),
    ];
    for picture in pictures {
        Gallery::add(&*store, picture).await.unwrap();
    }
    store.remove(&["gone.png".to_owned()], Timestamp(i64::MAX)).await.unwrap();
    let mine = |job: &str| Claim { request_id: "req".to_owned(), client: "me".to_owned(), ..claim(job, None, 10) };
    for job in ["mine", "once more"] {
        store.open_claim(mine(job), EVER).await.unwrap();
    }
    assert_eq!(store.drawn_for(&mine("mine")).await.unwrap(), ["b.png", "a.png"]);
    // Whose it is cannot be told any more.
    store.open_claim(Claim { scope: "b".to_owned(), ..mine("theirs") }, EVER).await.unwrap();
    assert_eq!(store.drawn_for(&mine("mine")).await.unwrap(), Vec::<String>::new());
}
