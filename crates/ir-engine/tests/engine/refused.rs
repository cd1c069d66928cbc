//! Platforms, and addresses of platforms, that lead where the gateway may not go.

use crate::support::{PLAIN, ask, bench, json, picture};
use ir_egress::{Recorded, WireFault, WireFaultKind, WireReply};
use ir_model::{Charge, Class};

const KEYS: [(&str, &str); 2] = [("https://one.example", "sk-one"), ("https://two.example", "sk-two")];

fn blocked() -> Result<WireReply, WireFault> {
    Err(WireFault { kind: WireFaultKind::Blocked, sent: false, detail: "10.0.0.1: the address is not public".to_owned() })
}

fn is_at(request: &Recorded, host: &str) -> bool {
    request.url.host_str() == Some(host)
}

/// The next platform draws; nothing was sent, and no key is blamed.
///
/// Proves F-5.
#[tokio::test]
async fn another_platform_draws_for_one_that_leads_inside() {
    let bench = bench(PLAIN, &KEYS, |request| if is_at(request, "one.example") { blocked() } else { picture(3) }).await;
    let mut drawn = 0;
    for _ in 0..6 {
        let (pictures, outcome) = bench.draw(ask(1)).await;
        outcome.unwrap();
        drawn += pictures.len();
    }
    assert_eq!((drawn, bench.asked("two.example")), (6, 6));
    let keys = bench.store.keys().await.unwrap();
    assert!(keys.iter().all(|key| key.health.disabled_reason.is_none() && key.health.cooling_until.is_none() && key.enabled), "{keys:?}");
}

/// Proves F-5.
#[tokio::test]
async fn a_platform_that_leads_inside_is_told_apart() {
    let bench = bench(PLAIN, &KEYS[..1], |_| blocked()).await;
    let failure = bench.draw(ask(1)).await.1.unwrap_err();
    assert_eq!((failure.fault.class, failure.fault.charge), (Class::Blocked, Charge::No));
    assert_eq!(bench.asked("one.example"), 1, "no use to try again");
    assert!(!failure.fault.message.unwrap().en.contains("10.0.0.1"));
}

/// It is paid for, so that it is made good once, elsewhere; the address is neither fetched again nor
/// given to the caller.
///
/// Proves R-SSRF-9, F-28.
#[tokio::test]
async fn a_picture_at_a_forbidden_place_is_a_failure_of_its_platform() {
    let bench = bench(PLAIN, &KEYS, |request| {
        if is_at(request, "pictures.example") {
            return blocked();
        }
        json(200, &[], r#"{"created":1,"data":[{"url":"https://pictures.example/x.png"}]}"#)
    })
    .await;
    let (pictures, outcome) = bench.draw(ask(1)).await;
    let failure = outcome.unwrap_err();
    assert!(pictures.is_empty());
    assert_eq!((failure.fault.class, failure.fault.charge), (Class::UpstreamFault, Charge::Yes));
    assert_eq!(bench.asked("pictures.example"), 2, "once for each drawing");
    assert_eq!(bench.asked("one.example") + bench.asked("two.example"), 2);
}
