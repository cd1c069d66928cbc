//! The engine through its public interface, on a scripted wire.

mod failover;
mod jobs;
mod support;
