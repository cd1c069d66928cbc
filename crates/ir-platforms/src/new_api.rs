//! Any OpenAI-compatible endpoint.

use crate::{Adapter, Auth, Call, Card, Next, Reply};
use ir_model::{Class, Fault, Job};

/// Any OpenAI-compatible endpoint.
#[derive(Debug)]
pub struct NewApi;

static CARD: Card = Card {
    name: "NewApi",
    base_url: None,
    auth: Auth::Required,
    key_format: |_| false,
    enabled_by_default: false,
    tasks: &[],
    first_byte_secs: None,
    in_plans: true,
    takes_unknown: true,
    open_models: true,
};

impl Adapter for NewApi {
    fn card(&self) -> &'static Card {
        &CARD
    }
    fn open(&self, _job: &Job) -> Result<Call, Fault> {
        Err(Fault::new(Class::UpstreamFault))
    }
    fn read(&self, _job: &Job, _reply: &Reply) -> Result<Next, Fault> {
        Err(Fault::new(Class::UpstreamFault))
    }
    fn fault(&self, _reply: &Reply) -> Fault {
        Fault::new(Class::UpstreamFault)
    }
}
