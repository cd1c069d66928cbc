//! Refused destinations on their way to the audit log. Equal ones within a moment are one row, and
//! a minute has few rows: whoever is refused must not push out what operators did.

use crate::engine::Engine;
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
    let (mut until, mut left, mut untold) = (Instant::now() + MINUTE, MOST_ROWS, 0);
    loop {
        let (mut heard, unheard) = refusals.heard().await;
        tokio::time::sleep(GATHER).await;
        let Some(engine) = engine.upgrade() else { return };
        untold += unheard;
        if let Some((more, unheard)) = futures_util::FutureExt::now_or_never(refusals.heard()) {
            heard.extend(more);
            untold += unheard;
        }
        if Instant::now() >= until {
            (until, left) = (Instant::now() + MINUTE, MOST_ROWS);
        }
        let mut rows = Vec::new();
        for ((target, outcome), times) in counted(heard) {
            if left == 0 {
                untold += times;
                continue;
            }
            left -= 1;
            let more = if times > 1 { format!(" ({times} times)") } else { String::new() };
            let before = if untold > 0 { format!("; {untold} more before") } else { String::new() };
            untold = 0;
            rows.push(AuditRecord {
                id: None,
                time: engine.clock.now(),
                actor: "gateway".to_owned(),
                address: String::new(),
                action: "refuse connection".to_owned(),
                target,
                outcome: format!("{outcome}{more}{before}"),
            });
        }
        if let Err(error) = engine.store.add_audit(rows).await {
            tracing::error!(%error, "the audit log could not be written");
        }
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
