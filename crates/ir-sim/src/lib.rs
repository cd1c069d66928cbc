//! Simulated platforms: scriptable, with faults and a ledger of what was asked.
//!
//! [`Sim`] is a platform on a loopback port: an OpenAI-compatible one, or of another [`Dialect`]. A request is answered by the first [`Rule`] of its [`Script`] that matches,
//! else by directives in the prompt (`[sim status=429 retry-after=2]`, see [`directive`]), else by the default [`Behaviour`].
//! [`samples`] makes odd and hostile bytes by name, and [`BadInput`] tells what they get.
//! Whatever arrives is written into the [`Ledger`]. [`load`] is the generator that measures a server of this machine,
//! [`proxy`] stands before any server of this machine and breaks connections to it.
//!
//! Used by tests, benchmarks and demonstrations; no part of the gateway.

mod answer;
mod bad_input;
mod behaviour;
mod body;
mod canvas;
mod config;
mod connection;
mod control;
mod dialect;
pub mod directive;
mod drawing;
mod intake;
mod ledger;
pub mod load;
mod picture;
pub mod proxy;
pub mod samples;
mod script;
mod server;
mod shelf;
pub mod soak;
mod validate;

pub use bad_input::{BadBody, BadInput, BadPart, OneOf};
pub use behaviour::{Behaviour, Body, ChatForm, Coding, Cut, Drip, ErrorBody, ErrorShape, Flaw, Form, Length, Pictures};
pub use config::{PictureFormat, PictureSpec, SimConfig, Strictness, bytes_from_text};
pub use dialect::Dialect;
pub use ledger::{Entry, FormFile, Ledger, Outcome, Recorded};
pub use picture::make_picture;
pub use script::{Rule, Script, When};
pub use server::Sim;
