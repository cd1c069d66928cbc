//! The engine through its public interface, on a scripted wire.

mod claims;
mod failover;
mod hosting;
mod inputs;
mod jobs;
mod models;
mod optimizer;
mod outage;
mod outbox;
mod panics;
mod placeholders;
mod refused;
mod rejected;
mod shutdown;
mod support;
mod tasks;
