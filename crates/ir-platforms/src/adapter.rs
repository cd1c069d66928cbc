//! What a platform must be able to do.

use crate::{Call, Card, Event, Next, Progress, Reply, Ticket};
use ir_model::{Charge, Class, Fault, Job};
use serde_json::Value;

/// A platform. All functions are pure: the same arguments give the same result.
pub trait Adapter: Sync {
    /// What it can do, its limits, key format, origin and models.
    fn card(&self) -> &'static Card;

    /// The first exchange of a job.
    ///
    /// # Errors
    /// `InvalidRequest` when the platform cannot draw the job as asked.
    fn open(&self, job: &Job) -> Result<Call, Fault>;

    /// Reads a reply with status 2xx.
    ///
    /// # Errors
    /// What the platform says went wrong, or `UpstreamFault` when it makes no sense.
    fn read(&self, job: &Job, reply: &Reply) -> Result<Next, Fault>;

    /// The exchange that asks for a ticket's state. Only platforms with tasks need it.
    fn poll(&self, _job: &Job, _ticket: &Ticket) -> Option<Call> {
        None
    }

    /// Reads one event of a reply that is a stream of events. `memo` is that of the call.
    ///
    /// # Errors
    /// What the platform says went wrong with the whole of it.
    fn event(&self, _job: &Job, _memo: &Value, _event: &Event) -> Result<Progress, Fault> {
        Err(Fault::new(Class::UpstreamFault).charged(Charge::Maybe).detail("the platform answered with events that nobody asked for"))
    }

    /// Classifies a reply whose status is not 2xx.
    fn fault(&self, reply: &Reply) -> Fault;

    /// What follows from a reply whose status is not 2xx: a fault, for nearly every platform.
    ///
    /// # Errors
    /// As [`Adapter::fault`].
    fn refused(&self, _job: &Job, reply: &Reply) -> Result<Next, Fault> {
        Err(self.fault(reply))
    }

    /// The same platform through another of its APIs, by the name that the operator's setting has.
    fn api(&self, _name: &str) -> Option<&'static dyn Adapter> {
        None
    }

    /// A call that costs nothing and lets only a good key through; a reply that refuses what was asked
    /// instead of the key is as good. `None` where the platform has none: a model list that answers
    /// anybody tells nothing.
    fn probe(&self, _base_url: &str, _key: &ir_model::Secret) -> Option<Call> {
        None
    }

    /// The exchange that lists the platform's models for a key, where it has one.
    fn list_models(&self, _base_url: &str, _key: Option<&ir_model::Secret>) -> Option<Call> {
        None
    }

    /// Reads the reply to [`Adapter::list_models`]: model ids.
    ///
    /// # Errors
    /// As [`Adapter::read`].
    fn read_models(&self, _reply: &Reply) -> Result<Vec<String>, Fault> {
        Ok(Vec::new())
    }
}
