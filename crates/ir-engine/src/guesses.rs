//! Keys that nobody knows: whoever is wrong often waits for the answers, so that keys cannot be guessed by the thousand.

use crate::engine::Engine;
use crate::pace::Paces;
use ir_store::AuditRecord;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// Unknown keys of an address within a minute that are answered at once.
const WRONG_KEYS: u32 = 60;
/// Rows about that in the audit log within a minute.
const GUESSERS_TOLD: u32 = 30;
/// How long the answer to a further one waits.
const HELD_BACK: Duration = Duration::from_secs(5);

/// What addresses got wrong within the last minute.
#[derive(Debug, Default)]
pub(crate) struct Guesses {
    keys: Paces,
    /// Rows in the audit log: one a minute for an address, [`GUESSERS_TOLD`] for all.
    told: Paces,
}

impl Engine {
    /// After a key that is not known: an address that was wrong often within the last minute waits for
    /// its answers, so that keys cannot be guessed by the thousand. Who has a good key does not wait,
    /// also not behind the same address.
    pub async fn hold_back(&self, peer: IpAddr) {
        let second = self.mono() / 1000;
        if self.guesses.keys.take(peer, WRONG_KEYS, second).is_ok() {
            return;
        }
        let all = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        if self.guesses.told.take(peer, 1, second).is_ok() && self.guesses.told.take(all, GUESSERS_TOLD, second).is_ok() {
            tracing::warn!(%peer, "wrong keys from one address: their answers wait");
            let record = AuditRecord {
                id: None,
                time: self.clock.now(),
                actor: "a stranger".to_owned(),
                address: peer.to_string(),
                action: "guess keys".to_owned(),
                target: String::new(),
                outcome: "held back".to_owned(),
            };
            if let Err(error) = self.store.add_audit(vec![record]).await {
                tracing::error!(%error, "the audit log could not be written");
            }
        }
        tokio::time::sleep(HELD_BACK).await;
    }
}
