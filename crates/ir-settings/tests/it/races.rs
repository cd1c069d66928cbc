//! Changes at the same time, and who reads meanwhile.

use crate::support::Folder;
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Whoever reads sees each change whole, and its own settings in the file afterwards; no change undoes
/// another's field.
///
/// Proves P-10, F-73, F-74.
#[test]
fn readers_see_whole_changes_and_none_is_lost() {
    const CHANGES: u64 = 20;
    let folder = Folder::empty();
    let file = folder.open();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let (mut reads, mut last) = (0u64, (0, 0));
                    loop {
                        let is_over = over.load(Ordering::SeqCst);
                        let now = file.current();
                        let (limits, retention) = (&now.settings.limits, &now.settings.retention);
                        let places = (limits.max_connections, limits.connections_per_ip);
                        assert!(places.0 == places.1 || places == (4096, 256), "half of a change: {places:?}");
                        let days = (retention.request_log_days, retention.picture_days);
                        assert!(days.0 == days.1 || days == (30, 0), "half of a change: {days:?}");
                        let seen = (places.0, days.1);
                        assert!(seen.0 >= last.0 && seen.1 >= last.1, "an older change came back: {seen:?} after {last:?}");
                        last = seen;
                        reads += 1;
                        if is_over {
                            return reads;
                        }
                    }
                })
            })
            .collect();
        let writers = [0u8, 1, 2].map(|writer| {
            let file = &file;
            scope.spawn(move || {
                for n in 1..=CHANGES {
                    let change = match writer {
                        0 => json!({"limits": {"maxConnections": 5000 + n, "connectionsPerIp": 5000 + n}}),
                        1 => json!({"retention": {"requestLogDays": n, "pictureDays": n}}),
                        _ => json!({"system": {"port": 20_000 + n}}),
                    };
                    let after = file.patch(&change).expect("taken");
                    let settings = &after.settings;
                    let own = match writer {
                        0 => settings.limits.max_connections as u64 - 5000,
                        1 => u64::from(settings.retention.picture_days),
                        _ => u64::from(settings.system.port) - 20_000,
                    };
                    assert_eq!(own, n, "the answer is not what was asked for");
                }
            })
        });
        writers.into_iter().for_each(|writer| writer.join().expect("no panic"));
        over.store(true, Ordering::SeqCst);
        assert!(readers.into_iter().all(|reader| reader.join().expect("no panic") > 0));
    });
    let expected = json!({
        "limits": {"maxConnections": 5000 + CHANGES, "connectionsPerIp": 5000 + CHANGES},
        "retention": {"requestLogDays": CHANGES, "pictureDays": CHANGES},
        "system": {"port": 20_000 + CHANGES},
    });
    assert_eq!(folder.json(), expected);
    assert_eq!(folder.open().current().rows, file.current().rows);
}
