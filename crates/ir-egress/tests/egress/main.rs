//! The crate through its public interface, over real loopback connections where sockets matter and
//! over a scripted wire where they do not.

mod download;
mod events;
mod exchange;
mod faults;
mod ssrf;
mod support;
mod tls;
mod wire;
