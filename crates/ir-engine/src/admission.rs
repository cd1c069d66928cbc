//! Who may draw: so many pictures at once, and a bounded queue that is fair among callers.
//!
//! Callers with waiting pictures take turns, whatever number each has waiting. When the queue is full, who has
//! the most in it loses the newest to a caller who has less: nobody can keep others out by asking much. Who could
//! not be served in time is told at once instead of waiting in vain.

use ir_model::{Fault, Gate};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// Pictures that wait for a place while the gateway draws as many as it may.
const MOST_WAITING: u64 = 1024;
/// How much the newest drawing counts in what drawings take: the mean of about the last ten.
const NEWEST: f64 = 0.1;
/// What a caller who is turned away is told to wait, at least and at most.
const LEAST_WAIT: Duration = Duration::from_secs(1);
const MOST_WAIT: Duration = Duration::from_secs(60);

/// Who shares a turn: a credential at an address.
pub(crate) type Who = Arc<str>;

/// The queue. Cloning shares it.
#[derive(Clone, Default)]
pub(crate) struct Admission(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// Pictures that may be drawn at once, as the settings last said.
    capacity: u64,
    /// Pictures that are being drawn.
    busy: u64,
    /// Pictures of all admitted jobs.
    weight: u64,
    /// Jobs by number, with their pictures. One that was turned away later is not in it.
    jobs: HashMap<u64, u64>,
    lines: HashMap<Who, Line>,
    /// Callers with waiting pictures, next first.
    turns: VecDeque<Who>,
    /// Of jobs and waiters.
    numbers: u64,
    /// How long a place is held, in seconds; 0 before the first was given back.
    held: f64,
}

/// One caller's.
#[derive(Default)]
struct Line {
    weight: u64,
    waiters: VecDeque<Waiter>,
}

struct Waiter {
    number: u64,
    job: u64,
    tell: oneshot::Sender<Result<Place, Fault>>,
}

/// A job that was let in. Dropping it makes room.
pub(crate) struct Admitted {
    admission: Admission,
    who: Who,
    job: u64,
}

/// The right to draw one picture. Dropping it lets the next one draw.
pub(crate) struct Place {
    admission: Option<Admission>,
    since: Instant,
}

impl Admission {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a picture of this caller would be let in now, for refusing before anything is read.
    pub(crate) fn has_room(&self, who: &str, capacity: usize) -> Result<(), Fault> {
        let mut state = self.state();
        state.capacity = capacity as u64;
        if state.weight < state.most() || state.victim(who, 1).is_some() { Ok(()) } else { Err(state.full()) }
    }

    /// Lets a job of so many pictures in.
    ///
    /// # Errors
    /// 503 when the queue is full, and this caller has no smaller part of it than others.
    pub(crate) fn admit(&self, who: Who, pictures: u64, capacity: usize) -> Result<Admitted, Fault> {
        let mut state = self.state();
        state.capacity = capacity as u64;
        while state.weight > 0 && state.weight + pictures > state.most() {
            let Some(victim) = state.victim(&who, pictures) else { return Err(state.full()) };
            state.turn_away(&victim);
        }
        state.numbers += 1;
        let job = state.numbers;
        state.weight += pictures;
        state.jobs.insert(job, pictures);
        state.lines.entry(Arc::clone(&who)).or_default().weight += pictures;
        Ok(Admitted { admission: self.clone(), who, job })
    }
}

impl Admission {
    /// Tells everybody who waits that nothing more is drawn.
    pub(crate) fn close(&self, why: &Fault) {
        let waiters: Vec<Waiter> = {
            let mut state = self.state();
            state.turns.clear();
            state.lines.values_mut().flat_map(|line| std::mem::take(&mut line.waiters)).collect()
        };
        for waiter in waiters {
            // One that left needs no answer.
            let _ = waiter.tell.send(Err(why.clone()));
        }
    }
}

impl Admitted {
    /// A place to draw one picture, waited for in turn.
    ///
    /// # Errors
    /// 503 as soon as it is known that the picture could not be drawn by `deadline`.
    pub(crate) async fn place(&self, capacity: usize, deadline: Instant) -> Result<Place, Fault> {
        let (number, wait, last_call) = {
            let mut state = self.admission.state();
            state.capacity = capacity as u64;
            state.give(&self.admission);
            if !state.jobs.contains_key(&self.job) {
                return Err(state.full());
            }
            if state.busy < state.capacity && state.turns.is_empty() {
                state.busy += 1;
                return Ok(Place::new(&self.admission));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let held = Duration::try_from_secs_f64(state.held).unwrap_or(MOST_WAIT);
            let turn = state.until_turn(&self.who);
            if state.held > 0.0 && turn + held > left {
                return Err(busy(turn));
            }
            let (tell, wait) = oneshot::channel();
            state.numbers += 1;
            let number = state.numbers;
            let line = state.lines.entry(Arc::clone(&self.who)).or_default();
            line.waiters.push_back(Waiter { number, job: self.job, tell });
            if line.waiters.len() == 1 {
                state.turns.push_back(Arc::clone(&self.who));
            }
            // Whoever gets a place too late to draw would only have waited for nothing.
            (number, wait, deadline - held.min(left / 4))
        };
        let _waiting = Waiting { admitted: self, number };
        match timeout_at(last_call, wait).await {
            Ok(Ok(told)) => told,
            Ok(Err(_)) | Err(_) => Err(self.admission.state().full()),
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut state = self.admission.state();
        if let Some(pictures) = state.jobs.remove(&self.job) {
            state.lighten(&self.who, pictures);
        }
        state.forget(&self.who);
    }
}

/// A waiter in its line. Dropping it takes it out.
struct Waiting<'a> {
    admitted: &'a Admitted,
    number: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let who = &self.admitted.who;
        let mut state = self.admitted.admission.state();
        if let Some(line) = state.lines.get_mut(who) {
            let before = line.waiters.len();
            line.waiters.retain(|waiter| waiter.number != self.number);
            if before > 0 && line.waiters.is_empty() {
                state.turns.retain(|turn| turn != who);
            }
        }
    }
}

impl Place {
    fn new(admission: &Admission) -> Self {
        Self { admission: Some(admission.clone()), since: Instant::now() }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(admission) = self.admission.take() else { return };
        let mut state = admission.state();
        state.busy -= 1;
        let held = self.since.elapsed().as_secs_f64();
        state.held = if state.held > 0.0 { state.held + NEWEST * (held - state.held) } else { held };
        state.give(&admission);
    }
}

impl State {
    fn most(&self) -> u64 {
        self.capacity + MOST_WAITING
    }

    /// Gives free places to those whose turn it is.
    fn give(&mut self, admission: &Admission) {
        while self.busy < self.capacity
            && let Some(who) = self.turns.pop_front()
        {
            let Some(line) = self.lines.get_mut(&who) else { continue };
            let waiter = line.waiters.pop_front();
            if !line.waiters.is_empty() {
                self.turns.push_back(who);
            }
            let Some(waiter) = waiter else { continue };
            self.busy += 1;
            if let Err(Ok(mut place)) = waiter.tell.send(Ok(Place::new(admission))) {
                // It left in this moment. Its place is given back here, where the lock is held.
                place.admission = None;
                self.busy -= 1;
            }
        }
    }

    /// Who has more waiting than this caller would have, and the most of all.
    fn victim(&self, who: &str, pictures: u64) -> Option<Who> {
        let own = self.lines.get(who).map_or(0, |line| line.weight) + pictures;
        let (victim, line) = self.lines.iter().filter(|(_, line)| !line.waiters.is_empty()).max_by_key(|(_, line)| line.weight)?;
        (line.weight > own && **victim != *who).then(|| Arc::clone(victim))
    }

    /// Refuses the newest job that waits in this line.
    fn turn_away(&mut self, victim: &Who) {
        let refusal = self.full();
        let Some(line) = self.lines.get_mut(victim) else { return };
        let Some(job) = line.waiters.back().map(|waiter| waiter.job) else { return };
        let (gone, stay) = std::mem::take(&mut line.waiters).into_iter().partition(|waiter| waiter.job == job);
        line.waiters = stay;
        if line.waiters.is_empty() {
            self.turns.retain(|who| who != victim);
        }
        if let Some(pictures) = self.jobs.remove(&job) {
            self.lighten(victim, pictures);
        }
        let gone: VecDeque<Waiter> = gone;
        for waiter in gone {
            // One that left needs no answer.
            let _ = waiter.tell.send(Err(refusal.clone()));
        }
    }

    fn lighten(&mut self, who: &Who, pictures: u64) {
        self.weight -= pictures;
        if let Some(line) = self.lines.get_mut(who) {
            line.weight -= pictures;
        }
    }

    /// Keeps no line of a caller who is gone.
    fn forget(&mut self, who: &Who) {
        if self.lines.get(who).is_some_and(|line| line.weight == 0 && line.waiters.is_empty()) {
            self.lines.remove(who);
        }
    }

    /// How long a further picture of this caller would wait.
    fn until_turn(&self, who: &Who) -> Duration {
        let own = self.lines.get(who).map_or(0, |line| line.waiters.len()) + 1;
        let before: usize = self.turns.iter().filter_map(|turn| self.lines.get(turn)).map(|line| line.waiters.len().min(own)).sum();
        self.time_for(before as u64 + 1)
    }

    fn time_for(&self, pictures: u64) -> Duration {
        Duration::try_from_secs_f64(self.held * pictures as f64 / self.capacity.max(1) as f64).unwrap_or(MOST_WAIT)
    }

    fn full(&self) -> Fault {
        busy(self.time_for(self.weight.saturating_sub(self.busy)))
    }
}

/// The refusal, with the time after which it is worth coming back.
fn busy(wait: Duration) -> Fault {
    Fault::gate(Gate::Overloaded, "The gateway is busy. Try again in a moment.", "网关繁忙，请稍后再试。")
        .retry_after(Some(wait.clamp(LEAST_WAIT, MOST_WAIT)))
}

#[cfg(test)]
#[path = "admission_tests.rs"]
mod tests;
