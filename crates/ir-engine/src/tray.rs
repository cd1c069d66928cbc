//! Where the pictures of one conversation go: each is checked, stored and delivered as it comes, in
//! the order in which the platform told of them, while the conversation goes on.

use crate::course::DrawEvent;
use crate::draw::{Request, client_name};
use crate::exchange::Listener;
use crate::pictures::{Origin, preview, take};
use crate::plan::Candidate;
use futures_util::FutureExt;
use ir_egress::ExchangeLimits;
use ir_model::{Charge, Class, Drawn, Fault, Gate, Output, ResponseForm, Size};
use ir_platforms::Ticket;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::oneshot;

/// Pictures of one conversation that are taken: more than anybody may ask for.
const MOST: u32 = 32;

/// Previews of one picture that are told of: as many as can be asked for (`08-clients.md`, 7).
const MOST_PREVIEWS: u32 = 3;

/// See the module's text.
pub(crate) struct Tray {
    request: Arc<Request>,
    origin: Arc<Origin>,
    limits: ExchangeLimits,
    attempt: u32,
    /// The index of the first picture.
    first: u32,
    /// Pictures beyond these are stored, not delivered.
    wanted: u32,
    came: u32,
    /// Previews that were told of.
    previews: u32,
    /// The platform gave a ticket.
    ticketed: AtomicBool,
    /// What the last picture's task will tell of all up to it.
    last: oneshot::Receiver<Told>,
}

/// What became of the pictures so far.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// How many were delivered.
    pub(crate) delivered: u32,
    /// What the first of them measures.
    pub(crate) size: Option<Size>,
    /// Why one could not be used.
    worst: Option<Fault>,
}

impl Told {
    /// At least one good picture makes a success.
    pub(crate) fn outcome(self) -> Result<u32, Fault> {
        match self.worst {
            _ if self.delivered > 0 => Ok(self.delivered),
            Some(fault) => Err(fault),
            None => Err(Fault::new(Class::UpstreamFault).charged(Charge::Maybe).detail("the platform's answer holds no picture")),
        }
    }
}

impl Tray {
    pub(crate) fn new(
        request: &Arc<Request>,
        candidate: &Candidate,
        prompt: &str,
        attempt: u32,
        first: u32,
        wanted: u32,
        limits: ExchangeLimits,
    ) -> Self {
        let origin = Origin {
            prompt: request.ask.prompt.clone(),
            used_prompt: prompt.to_owned(),
            model: candidate.model.clone(),
            provider: candidate.upstream.name(),
            task: request.ask.task,
            request_id: request.id.to_string(),
            client: client_name(&request.caller),
            linked: request.ask.form == ResponseForm::Url,
            size: candidate.size,
            began: request.began,
            again: false,
            // The built-in renderer draws what it draws.
            foreign: !candidate.upstream.base_url.is_empty(),
        };
        let request = Arc::clone(request);
        Self {
            request,
            origin: Arc::new(origin),
            limits,
            attempt,
            first,
            wanted,
            came: 0,
            previews: 0,
            ticketed: AtomicBool::new(false),
            last: told(Told::default()),
        }
    }

    /// Waits until all pictures are dealt with. The second: whether the platform gave a ticket.
    pub(crate) async fn close(self) -> (Told, bool) {
        (self.last.await.unwrap_or_default(), self.ticketed.into_inner())
    }
}

fn told(told: Told) -> oneshot::Receiver<Told> {
    let (next, last) = oneshot::channel();
    let _ = next.send(told);
    last
}

impl Listener for Tray {
    async fn ticket(&self, ticket: &Ticket) -> Result<(), Fault> {
        self.ticketed.store(true, Ordering::Relaxed);
        let request = &self.request;
        if let Err(error) = request.engine.store.ticket(&request.job, self.attempt, &ticket.id).await {
            // The task is paid for. Its caller can still have it, unless this run ends before.
            tracing::error!(request_id = %request.id, task = ticket.id, %error, "a task could not be written down: a restart would lose it");
        }
        Ok(())
    }

    async fn preview(&mut self, output: Output) {
        // Which picture it is of can only be told where one is drawn at a time.
        if self.wanted != 1 || self.came > 0 || self.previews >= MOST_PREVIEWS {
            return;
        }
        match preview(&self.request.engine, output).await {
            Ok(picture) => {
                let event = DrawEvent::Preview { index: self.first, number: self.previews, picture };
                self.request.previewed.store(true, Ordering::Relaxed);
                self.request.course.tell(event);
                self.previews += 1;
            }
            Err(fault) => {
                tracing::debug!(request_id = %self.request.id, detail = fault.detail, "a preview cannot be used");
            }
        }
    }

    async fn picture(&mut self, output: Output) {
        self.came += 1;
        if self.came > MOST {
            tracing::warn!(request_id = %self.request.id, provider = self.origin.provider, "more pictures than are taken");
            return;
        }
        let (next, last) = oneshot::channel();
        let before = std::mem::replace(&mut self.last, last);
        let (request, origin, limits) = (Arc::clone(&self.request), Arc::clone(&self.origin), self.limits);
        let (first, wanted) = (self.first, self.wanted);
        tokio::spawn(async move {
            let taken = AssertUnwindSafe(take(&request.engine, output, &origin, &limits)).catch_unwind().await;
            let taken = taken
                .unwrap_or_else(|_| Err(Fault::new(Class::Gate(Gate::Internal)).charged(Charge::Yes).detail("taking a picture panicked")));
            // In order: a picture waits for those that were told of before it.
            let mut told = before.await.unwrap_or_default();
            match taken {
                Ok(drawn) if told.delivered < wanted => {
                    told.size = told.size.or_else(|| measured(&drawn));
                    request.deliver(first + told.delivered, drawn);
                    told.delivered += 1;
                }
                Ok(_) => {}
                Err(fault) => told.worst = Some(fault),
            }
            let _ = next.send(told);
        });
    }
}

fn measured(drawn: &Drawn) -> Option<Size> {
    drawn.picture.as_ref().map(|picture| picture.probe.size)
}
