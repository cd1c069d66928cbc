//! Refused destinations on their way to the audit log. Equal ones within a moment are one row, and
//! a minute has few rows: whoever is refused must not push out what operators did.

use crate::engine::Engine;
use futures_util::FutureExt;
use ir_egress::{Refusals, Refused};
use ir_store::AuditRecord;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::time::Instant;

/// For how long refusals are gathered.
const GATHER: Duration = Duration::from_millis(200);
/// Rows of one minute. What comes beyond is told of by number with the next ones.
const MOST_ROWS: u32 = 30;
const MINUTE: Duration = Duration::from_secs(60);

/// Writes rows for as long as the engine lives.
pub(crate) async fn work(engine: Weak<Engine>, refusals: Arc<Refusals>) {
    let mut ledger = Ledger { until: Instant::now() + MINUTE, left: MOST_ROWS, untold: 0 };
    loop {
        let (mut heard, mut unheard) = refusals.heard().await;
        tokio::time::sleep(GATHER).await;
        let Some(engine) = engine.upgrade() else { return };
        if let Some((more, beyond)) = refusals.heard().now_or_never() {
            heard.extend(more);
            unheard += beyond;
        }
        let row = |(target, outcome)| AuditRecord {
            id: None,
            time: engine.clock.now(),
            actor: "gateway".to_owned(),
            address: String::new(),
            action: "refuse connection".to_owned(),
            target,
            outcome,
        };
        let rows = ledger.rows(heard, unheard).into_iter().map(row).collect();
        if let Err(error) = engine.store.add_audit(rows).await {
            tracing::error!(%error, "the audit log could not be written");
        }
    }
}

/// What this minute has room for.
struct Ledger {
    until: Instant,
    left: u32,
    /// Refusals that no row tells of yet.
    untold: u64,
}

impl Ledger {
    /// Target and outcome of each row to be written now.
    fn rows(&mut self, heard: Vec<Refused>, unheard: u64) -> Vec<(String, String)> {
        let now = Instant::now();
        if now >= self.until {
            (self.until, self.left) = (now + MINUTE, MOST_ROWS);
        }
        self.untold += unheard;
        let mut rows = Vec::new();
        for ((target, outcome), times) in counted(heard) {
            if self.left == 0 {
                self.untold += times;
                continue;
            }
            self.left -= 1;
            let times = if times > 1 { format!(" ({times} times)") } else { String::new() };
            let before = match std::mem::take(&mut self.untold) {
                0 => String::new(),
                untold => format!("; {untold} more before"),
            };
            rows.push((target, format!("{outcome}{times}{before}")));
        }
        rows
    }
}

/// How often each was refused, by target and reason.
fn counted(heard: Vec<Refused>) -> BTreeMap<(String, String), u64> {
    let mut counts = BTreeMap::new();
    for Refused { purpose, host, refusal } in heard {
        let target = format!("{} {}", purpose.name(), if host.is_empty() { "-" } else { &host });
        *counts.entry((target, format!("{}: {refusal}", refusal.class()))).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use ir_egress::{Purpose, Refusal};

    fn refused(host: &str) -> Refused {
        Refused { purpose: Purpose::UserUrl, host: host.to_owned(), refusal: Refusal::Port }
    }

    #[tokio::test(start_paused = true)]
    async fn a_minute_has_few_rows_and_no_refusal_is_lost() {
        let mut ledger = Ledger { until: Instant::now() + MINUTE, left: MOST_ROWS, untold: 0 };
        let rows = ledger.rows(vec![refused("a"), refused("b"), refused("a"), refused("")], 0);
        let row = |target: &str, outcome: &str| (target.to_owned(), outcome.to_owned());
        assert_eq!(
            rows,
            [
                row("user_url -", "port: the port is not allowed"),
                row("user_url a", "port: the port is not allowed (2 times)"),
                row("user_url b", "port: the port is not allowed"),
            ]
        );
        let many = || (0..100).map(|n| refused(&format!("h{n}"))).collect();
        assert_eq!(ledger.rows(many(), 7).len(), 27);
        assert_eq!(ledger.rows(many(), 0).len(), 0);
        tokio::time::advance(MINUTE).await;
        let rows = ledger.rows(vec![refused("a"), refused("b")], 1);
        assert_eq!(rows[0].1, "port: the port is not allowed; 174 more before");
        assert_eq!(rows[1].1, "port: the port is not allowed");
    }
}
