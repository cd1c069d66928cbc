use super::CLOCK;
use super::gallery::picture;
use ir_model::{Clock, Timestamp};
use ir_store::{Backlog, Errand, ErrandKind, Gallery, JobState, Store};
use std::sync::Arc;

const HERE: &str = "https://s3.example/here";
const THERE: &str = "https://s3.example/there";
/// Past all times of the suite.
const LATER: Timestamp = Timestamp(i64::MAX);

pub(super) async fn suite(make: &impl Fn(&str) -> Arc<dyn Store>) {
    a_listed_picture_is_queued_with_its_row(make).await;
    what_was_listed_before_is_found(make).await;
    a_removed_picture_is_deleted_wherever_it_may_be(make).await;
    a_delete_waits_until_it_cannot_be_undone(make).await;
    a_failed_errand_waits_its_turn(make).await;
    a_put_without_a_picture_is_called_off(make).await;
    errands_outlive_a_restart(make).await;
}

async fn due(store: &Arc<dyn Store>, target: &str) -> Vec<Errand> {
    store.due(target, LATER, 100).await.unwrap()
}

async fn due_names(store: &Arc<dyn Store>, target: &str) -> Vec<(ErrandKind, String)> {
    let mut names: Vec<_> = due(store, target).await.into_iter().map(|errand| (errand.kind, errand.name)).collect();
    names.sort_by(|a, b| a.1.cmp(&b.1));
    names
}

fn put(name: &str) -> (ErrandKind, String) {
    (ErrandKind::Put, name.to_owned())
}

fn delete(name: &str) -> (ErrandKind, String) {
    (ErrandKind::Delete, name.to_owned())
}

async fn remove_for_good(store: &Arc<dyn Store>, name: &str) {
    assert_eq!(store.remove(&[name.to_owned()], Timestamp(0)).await.unwrap(), [name]);
    let expired = store.expire_removed(Timestamp(0), 10).await.unwrap();
    assert_eq!(expired.into_iter().map(|picture| picture.name).collect::<Vec<_>>(), [name]);
}

async fn a_listed_picture_is_queued_with_its_row(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("outbox-listed");
    Gallery::add(&*store, picture("before.png", 1)).await.unwrap();
    assert_eq!(due_names(&store, HERE).await, [], "nothing is aimed at");
    store.aim(Some(HERE)).await.unwrap();
    Gallery::add(&*store, picture("a.png", 1)).await.unwrap();
    Gallery::add(&*store, picture("a.png", 1)).await.unwrap();
    store.finish_with("no job", JobState::Done, vec![picture("b.png", 1)]).await.unwrap();
    assert_eq!(due_names(&store, HERE).await, [put("a.png"), put("b.png")]);
    assert_eq!(store.copied(HERE, "a.png").await.unwrap(), None);

    let errand = due(&store, HERE).await.into_iter().find(|errand| errand.name == "a.png").unwrap();
    assert_eq!((errand.path.as_str(), errand.queued, errand.attempts), ("2026-11-22/a.png", CLOCK.now(), 0));
    assert!(store.carried_out(&errand).await.unwrap());
    assert_eq!(store.copied(HERE, "a.png").await.unwrap(), Some(CLOCK.now()));
    assert_eq!(store.copied(THERE, "a.png").await.unwrap(), None, "another bucket is another matter");
    Gallery::add(&*store, picture("a.png", 1)).await.unwrap();
    assert_eq!(due_names(&store, HERE).await, [put("b.png")], "what is confirmed is not queued again");

    store.aim(None).await.unwrap();
    Gallery::add(&*store, picture("c.png", 1)).await.unwrap();
    assert_eq!(due_names(&store, HERE).await, [put("b.png")]);
}

async fn what_was_listed_before_is_found(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("outbox-fill");
    for n in 0..7 {
        Gallery::add(&*store, picture(&format!("{n}.png"), n)).await.unwrap();
    }
    remove_for_good(&store, "3.png").await;
    for round in 0..2 {
        let (mut after, mut pages) = (String::new(), 0);
        while let Some(last) = store.fill(HERE, &after, 3).await.unwrap() {
            assert!(last > after);
            (after, pages) = (last, pages + 1);
        }
        assert_eq!(pages, 3);
        let waiting = due(&store, HERE).await;
        assert_eq!(waiting.len(), if round == 0 { 6 } else { 5 }, "each once, the removed one not, the confirmed one not again");
        store.carried_out(&waiting[0]).await.unwrap();
    }
    assert_eq!(store.backlog(HERE).await.unwrap(), Backlog { waiting: 4, oldest: Some(CLOCK.now()), last_error: None });
    assert_eq!(store.backlog(THERE).await.unwrap(), Backlog::default());
}

async fn a_removed_picture_is_deleted_wherever_it_may_be(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("outbox-removed");
    for target in [HERE, THERE] {
        store.aim(Some(target)).await.unwrap();
        Gallery::add(&*store, picture("copied.png", 1)).await.unwrap();
        Gallery::add(&*store, picture("on its way.png", 1)).await.unwrap();
        store.fill(target, "", 10).await.unwrap();
    }
    let copied = due(&store, HERE).await.into_iter().find(|errand| errand.name == "copied.png").unwrap();
    store.carried_out(&copied).await.unwrap();
    let on_its_way = due(&store, HERE).await.remove(0);
    store.aim(None).await.unwrap();
    for name in ["copied.png", "on its way.png"] {
        remove_for_good(&store, name).await;
        store.forget(&[name.to_owned()]).await.unwrap();
    }
    let expected = [delete("copied.png"), delete("on its way.png")];
    assert_eq!(due_names(&store, HERE).await, expected, "whatever is aimed at now");
    assert_eq!(due_names(&store, THERE).await, expected);
    assert_eq!(store.copied(HERE, "copied.png").await.unwrap(), None);

    assert!(!store.carried_out(&on_its_way).await.unwrap(), "the put came too late");
    assert!(!store.call_off(&on_its_way).await.unwrap());
    store.put_off(&on_its_way, LATER, "too late as well").await.unwrap();
    assert_eq!(due_names(&store, HERE).await, expected, "nothing hides the delete");
    for errand in due(&store, HERE).await {
        assert!(store.carried_out(&errand).await.unwrap());
    }
    assert_eq!(due_names(&store, HERE).await, []);
    assert_eq!(due_names(&store, THERE).await, expected);
}

async fn a_delete_waits_until_it_cannot_be_undone(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("outbox-undo");
    store.aim(Some(HERE)).await.unwrap();
    let names = ["copied.png", "on its way.png"].map(str::to_owned);
    for name in &names {
        Gallery::add(&*store, picture(name, 1)).await.unwrap();
    }
    let errands = due(&store, HERE).await;
    let (copied, on_its_way): (Vec<Errand>, Vec<Errand>) = errands.into_iter().partition(|errand| errand.name == "copied.png");
    store.carried_out(&copied[0]).await.unwrap();
    store.remove(&names, Timestamp(10)).await.unwrap();
    assert_eq!(due_names(&store, HERE).await, [], "nothing is deleted, and what is hidden is not copied");
    assert!(store.carried_out(&on_its_way[0]).await.unwrap(), "a put that was under way counts");
    store.aim(Some(THERE)).await.unwrap();
    store.fill(THERE, "", 10).await.unwrap();
    assert_eq!(due_names(&store, THERE).await, []);

    store.restore(&names[..1]).await.unwrap();
    assert!(store.copied(HERE, "copied.png").await.unwrap().is_some(), "the copy that came back is still there");
    assert_eq!(due_names(&store, THERE).await, [put("copied.png")], "and is wanted at a bucket that is new");
    store.expire_removed(Timestamp(10), 10).await.unwrap();
    assert_eq!(due_names(&store, HERE).await, [delete("on its way.png")]);
    assert_eq!(due_names(&store, THERE).await, [put("copied.png")]);

    // Hidden before its put began: the put waits, and becomes a delete or goes on.
    store.remove(&names[..1], Timestamp(20)).await.unwrap();
    assert_eq!(due_names(&store, THERE).await, []);
    store.restore(&names[..1]).await.unwrap();
    assert_eq!(due_names(&store, THERE).await, [put("copied.png")]);
    store.remove(&names[..1], Timestamp(20)).await.unwrap();
    store.expire_removed(Timestamp(20), 10).await.unwrap();
    assert_eq!(due_names(&store, THERE).await, [delete("copied.png")]);
}

async fn a_failed_errand_waits_its_turn(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("outbox-failed");
    store.aim(Some(HERE)).await.unwrap();
    Gallery::add(&*store, picture("a.png", 1)).await.unwrap();
    let errand = due(&store, HERE).await.remove(0);
    let until = CLOCK.now().plus_ms(1000);
    store.put_off(&errand, until, &"slow down ".repeat(100)).await.unwrap();
    assert_eq!(store.due(HERE, until.plus_ms(-1), 10).await.unwrap(), []);
    let again = store.due(HERE, until, 10).await.unwrap().remove(0);
    assert_eq!(again.attempts, 1);
    assert_eq!(again.last_error.as_deref().map(str::len), Some(300));
    assert_eq!(store.backlog(HERE).await.unwrap().last_error, again.last_error);
    store.carried_out(&again).await.unwrap();
    assert_eq!(store.backlog(HERE).await.unwrap(), Backlog::default());
}

async fn a_put_without_a_picture_is_called_off(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("outbox-called-off");
    store.aim(Some(HERE)).await.unwrap();
    Gallery::add(&*store, picture("a.png", 1)).await.unwrap();
    let errand = due(&store, HERE).await.remove(0);
    assert!(store.call_off(&errand).await.unwrap());
    assert!(!store.call_off(&errand).await.unwrap());
    assert_eq!(due_names(&store, HERE).await, []);
}

async fn errands_outlive_a_restart(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("outbox-restart");
    store.aim(Some(HERE)).await.unwrap();
    Gallery::add(&*store, picture("a.png", 1)).await.unwrap();
    store.close().await;
    let store = make("outbox-restart");
    Gallery::add(&*store, picture("b.png", 1)).await.unwrap();
    assert_eq!(due_names(&store, HERE).await, [put("a.png"), put("b.png")], "the aim outlives it too");
}
