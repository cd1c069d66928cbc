use super::*;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

const SOON: Duration = Duration::from_secs(300);

fn who(name: &str) -> Who {
    Arc::from(name)
}

fn deadline() -> Instant {
    Instant::now() + SOON
}

type Wait<'a> = Pin<Box<dyn Future<Output = Result<Place, Fault>> + 'a>>;

/// Whether a waiter was told something by now.
fn told(wait: &mut Wait<'_>) -> Option<Result<Place, Fault>> {
    match wait.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(told) => Some(told),
        Poll::Pending => None,
    }
}

fn waiting(admitted: &Admitted) -> Wait<'_> {
    let mut wait: Wait<'_> = Box::pin(admitted.place(1, deadline()));
    assert!(told(&mut wait).is_none(), "it has to wait");
    wait
}

#[tokio::test(start_paused = true)]
async fn callers_take_turns_whatever_each_has_waiting() {
    let admission = Admission::default();
    let jobs: Vec<Admitted> = (0..100).map(|_| admission.admit(who("greedy"), 1, 1).expect("room")).collect();
    let first = jobs[0].place(1, deadline()).await.expect("a free place");
    let mut greedy: Vec<Wait<'_>> = jobs[1..].iter().map(waiting).collect();
    let modest = admission.admit(who("modest"), 1, 1).expect("room");
    let mut wait = waiting(&modest);
    drop(first);
    // The one that came first has its turn, then the other caller.
    let second = told(&mut greedy[0]).expect("its turn").expect("a place");
    assert!(told(&mut wait).is_none());
    drop(second);
    let place = told(&mut wait).expect("its turn").expect("a place");
    assert!(greedy[1..].iter_mut().all(|wait| told(wait).is_none()));
    drop(place);
    assert!(told(&mut greedy[1]).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_loses_the_newest_of_who_has_the_most() {
    let admission = Admission::default();
    let most = usize::try_from(MOST_WAITING).expect("small") + 1;
    let jobs: Vec<Admitted> = (0..most).map(|_| admission.admit(who("greedy"), 1, 1).expect("room")).collect();
    let _drawing = jobs[0].place(1, deadline()).await.expect("a free place");
    let mut waits: Vec<Wait<'_>> = jobs[1..].iter().map(waiting).collect();
    let refused = admission.admit(who("greedy"), 1, 1).err().expect("full for who filled it");
    assert!(admission.has_room("greedy", 1).is_err() && admission.has_room("modest", 1).is_ok());
    assert!(refused.retry_after.is_some_and(|wait| (LEAST_WAIT..=MOST_WAIT).contains(&wait)));
    let _modest = admission.admit(who("modest"), 16, 1).expect("room is made");
    for (at, wait) in waits.iter_mut().enumerate() {
        let away = told(wait).map(|told| told.is_err());
        assert_eq!(away, (at + 1 >= most - 16).then_some(true), "waiter {at}");
    }
    drop(waits);
    drop(jobs);
    let state = admission.state();
    assert_eq!((state.weight, state.lines.len()), (16, 1), "nothing is kept of who is gone");
}

#[tokio::test(start_paused = true)]
async fn who_cannot_be_served_in_time_is_told_at_once() {
    let admission = Admission::default();
    let job = admission.admit(who("one"), 16, 1).expect("room");
    let slow = job.place(1, deadline()).await.expect("a free place");
    tokio::time::advance(Duration::from_secs(100)).await;
    drop(slow);
    let _drawing = job.place(1, deadline()).await.expect("a free place");
    // A drawing takes 100 s: the first one waits, the third would have no time left.
    let (_one, _two) = (waiting(&job), Box::pin(job.place(1, deadline())));
    let refused = job.place(1, Instant::now() + Duration::from_secs(150)).await.err().expect("in vain");
    assert_eq!(refused.retry_after, Some(MOST_WAIT));
    let began = Instant::now();
    let refused = job.place(1, Instant::now() + Duration::from_secs(330)).await.err().expect("nobody gives a place back");
    assert!(began.elapsed() < Duration::from_secs(300), "told before the deadline: {:?}", began.elapsed());
    assert!(refused.retry_after.is_some());
}

#[tokio::test(start_paused = true)]
async fn who_leaves_makes_room_and_loses_no_place() {
    let admission = Admission::default();
    let (one, two) = (admission.admit(who("one"), 1, 1).expect("room"), admission.admit(who("two"), 1, 1).expect("room"));
    let drawing = one.place(1, deadline()).await.expect("a free place");
    let left = waiting(&two);
    drop(left);
    assert!(admission.state().turns.is_empty());
    // One that is given a place and leaves before it looks gives it back.
    let given = waiting(&two);
    drop(drawing);
    assert_eq!(admission.state().busy, 1);
    drop(given);
    assert_eq!(admission.state().busy, 0);
    drop(one.place(1, deadline()).await.expect("a free place"));
    // A setting that is raised lets further ones draw at once.
    let _first = one.place(1, deadline()).await.expect("a free place");
    let mut wait = waiting(&two);
    let _second = one.place(3, deadline()).await.expect("room for three");
    assert!(told(&mut wait).is_some());
}
