//! The assembly: settings, store, spool, egress and engine put together into a gateway, and the
//! listener, layers and routes that serve it.

mod connection;
mod cors;
mod descriptors;
mod force;
mod framing;
mod gateway;
mod health;
mod host;
mod inputs;
mod layers;
mod linger;
mod listener;
mod logging;
mod metrics;
mod openapi;
mod per_ip;
mod playground;
mod proxies;
mod storage;

pub use gateway::{Gateway, OpenError};
pub use host::{OsDice, SystemClock};
pub use listener::{End, ServeError, Server};
pub use logging::{Log, init as init_logging};
