//! What a platform must be able to do.

use crate::{Call, Card, Next, Reply, Ticket};
use ir_model::{Fault, Job};

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

    /// Classifies a reply whose status is not 2xx.
    fn fault(&self, reply: &Reply) -> Fault;

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
