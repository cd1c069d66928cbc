//! The targets by name.

mod address;
mod config;
mod credentials;
mod data_uri;
mod events;
mod json;
mod markdown;
mod multipart;
mod names;
mod picture;
mod replies;
mod request;
mod retry_after;
mod size;
mod url;
mod vault;

/// A target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name of its binary and of its corpus.
    pub name: &'static str,
    /// Panics when something does not hold.
    pub run: fn(&[u8]),
    /// Longest input that is worth trying, in bytes.
    pub longest: usize,
}

const fn target(name: &'static str, longest: usize, run: fn(&[u8])) -> Target {
    Target { name, run, longest }
}

/// All of them.
pub const TARGETS: &[Target] = &[
    target("json", 4096, json::run),
    target("multipart", 4096, multipart::run),
    target("data_uri", 2048, data_uri::run),
    target("url", 2200, url::run),
    target("picture", 8192, picture::run),
    target("events", 4096, events::run),
    target("replies", 8192, replies::run),
    target("markdown", 4096, markdown::run),
    target("request", 4096, request::run),
    target("address", 16, address::run),
    target("retry_after", 64, retry_after::run),
    target("size", 24, size::run),
    target("names", 160, names::run),
    target("credentials", 1024, credentials::run),
    target("config", 2048, config::run),
    target("vault", 512, vault::run),
];

/// The target of this name.
///
/// # Panics
/// When there is none.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("no target is called {name}"));
    (target.run)(data);
}
