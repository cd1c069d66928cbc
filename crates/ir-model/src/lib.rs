//! The nouns of the gateway: what is asked for, what is drawn, what goes wrong, and who may know a
//! secret. No I/O, no async, no clock and no random source of its own: both come in through
//! [`Clock`] and [`Dice`].

mod ask;
mod blob;
mod echo;
mod fault;
pub mod guard;
mod ids;
mod language;
mod node;
mod peer;
mod picture;
mod sanitise;
mod secret;
mod size;
mod time;

pub use ask::{Ask, AskPicture, Background, Caller, Drawn, Extras, Job, Quality, ResponseForm, Task, network};
pub use blob::{Blob, LiftedBytes, LongText, Spooled};
pub use echo::{echo, tame};
pub use fault::{Blame, Charge, Class, Fault, Gate, Message};
pub use ids::{KeyId, RequestId, hex};
pub use language::Language;
pub use node::{Map, Node};
pub use peer::{Known, OverTls, Peer};
pub use picture::{Flaw, Format, Input, Limits, Output, Picture, Probe, Source};
pub use sanitise::sanitise;
pub use secret::Secret;
pub use size::{Size, SizeAsk, SizeError};
pub use time::{Clock, Dice, ManualClock, SeededDice, Timestamp};
