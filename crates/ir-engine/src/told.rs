//! What watchers of the gateway are told, besides what is stored.

use ir_model::KeyId;
use ir_store::{PictureRecord, RequestRecord};
use std::sync::Arc;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Told {
    /// A request ended.
    Request(Arc<RequestRecord>),
    /// A picture was stored and listed.
    Picture(Arc<PictureRecord>),
    /// A key was used, or its state changed. At most once a second for each.
    Key(KeyId),
    /// An upstream's breaker opened or closed. Noticed within a second.
    Breaker {
        /// The platform.
        provider: &'static str,
        /// The upstream's address.
        base_url: String,
        /// Whether it is open now.
        open: bool,
    },
    /// Settings or keys were changed and are in force.
    Changed,
}
