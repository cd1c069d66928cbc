//! The engine through its public interface, on a scripted wire.

mod claims;
mod credentials;
mod failover;
mod hosting;
mod inputs;
mod jobs;
mod models;
mod once;
mod optimizer;
mod outage;
mod outbox;
mod panics;
mod placeholders;
mod races;
mod refused;
mod rejected;
mod shares;
mod shutdown;
mod simulation;
mod support;
mod tasks;
mod watched;
