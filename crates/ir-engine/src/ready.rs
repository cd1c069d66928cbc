//! Pictures of a request made ready for one candidate: once, for all of its exchanges.

use crate::draw::Request;
use crate::plan::Candidate;
use ir_model::{Fault, Input, Picture};

/// Pictures as a platform takes them.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    pub(crate) pictures: Vec<Input>,
    pub(crate) mask: Option<Picture>,
}

impl Candidate {
    /// The request's pictures, brought within what the platform takes.
    ///
    /// # Errors
    /// What keeps a picture from being sent, naming the parameter.
    pub(crate) async fn ready(&self, request: &Request) -> Result<&Ready, Fault> {
        self.ready.get_or_try_init(|| make(request, self)).await
    }
}

async fn make(request: &Request, _candidate: &Candidate) -> Result<Ready, Fault> {
    Ok(Ready { pictures: request.inputs.clone(), mask: request.mask.as_ref().map(|mask| mask.picture.clone()) })
}
