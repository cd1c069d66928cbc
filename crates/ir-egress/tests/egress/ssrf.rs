//! Requests that somebody else chose the destination of: a generated corpus, driven through every
//! way that an address can take into the gateway, judged at the text and at the socket separately.
#![expect(clippy::unwrap_used, reason = "a helper's failure is the test's failure")]

mod bounds;
mod canaries;
mod classifier;
mod corpus;
mod property;
mod recorder;
mod redirects;
mod sockets;
mod texts;
mod vectors;
