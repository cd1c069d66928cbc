//! Tests of the real binary, from outside: `cargo nextest run -p img-router --test blackbox`.
#![expect(clippy::unwrap_used, reason = "a helper's failure is the test's failure")]

mod admin;
mod bad_inputs;
mod bucket;
mod cascade;
mod cli;
mod client;
mod clock;
mod coming_back;
mod crash;
mod crash_points;
mod dice;
mod disk;
mod failover;
mod faults;
mod inputs;
mod listener;
mod operation;
mod operator;
mod overload;
mod pace;
mod platforms;
mod previews;
mod raw_http;
mod services;
mod ssrf;
mod support;
mod tasks;
mod webhooks;
mod wire_1x;
