//! Redirects: each one judged like the first address, few of them, and none with a credential.

use super::recorder::{FRONT, Lookups, Rig};
use super::vectors::{Vector, call};
use crate::support::limits;
use http::HeaderValue;
use ir_egress::{Purpose, Rules};
use ir_model::{Class, Gate};
use ir_platforms::Method;
use std::net::{IpAddr, SocketAddr};

const STATUSES: [u16; 5] = [301, 302, 303, 307, 308];

/// What a redirect may lead to that must not be followed; the second half is told by the socket.
const INSIDE: &[&str] = &[
    "http://127.0.0.1/",
    "http://2130706433/",
    "http://[::ffff:127.0.0.1]/",
    "http://169.254.169.254/latest/meta-data/",
    "http://localhost/",
    "//127.0.0.1/",
    "//0x7f.1:80/x",
    "http://inner.example/",
    "//inner.example/x",
    "http://cloud.example/",
];

fn rig() -> Rig {
    let answers = |name: &str, _| match name {
        "inner.example" => vec![IpAddr::from([10, 0, 0, 1])],
        "cloud.example" => vec![IpAddr::from([93, 184, 216, 34]), IpAddr::from([169, 254, 169, 254])],
        _ => vec![IpAddr::from([93, 184, 216, 34])],
    };
    Rig::new(Rules::default(), Lookups::new(answers))
}

/// Proves R-SSRF-3, R-SSRF-9, R-SSRF-11, F-28.
#[tokio::test]
async fn no_redirect_leads_inside() {
    let rig = rig();
    let mut told = Vec::new();
    let mut followed = 0;
    for to in INSIDE {
        for status in STATUSES {
            for hops in 1..=3 {
                for purpose in [Purpose::UserUrl, Purpose::Drawn] {
                    rig.front.leads(status, hops, HeaderValue::from_static(to));
                    let before = rig.refused();
                    let fault = rig.bench.door.download(&format!("http://{FRONT}/hop/1"), purpose, &limits()).await.unwrap_err();
                    assert_eq!((rig.dials.take(), rig.refused() - before), (Vec::new(), 1), "{to} {status} {hops}");
                    assert_eq!(rig.front.heads.lock().unwrap().len(), hops);
                    let wanted = if purpose == Purpose::Drawn { Gate::UrlNotAllowed } else { Gate::ImageUrlUnreachable };
                    assert_eq!(fault.class, Class::Gate(wanted), "{to} {status} {hops}");
                    if purpose == Purpose::UserUrl {
                        told.push((fault.message, fault.param, fault.upstream, fault.retry_after));
                    }
                    followed += 1;
                }
            }
        }
    }
    told.dedup();
    assert_eq!(told.len(), 1, "callers read one sentence: {told:?}");
    println!("redirects: {followed} chains that lead inside, 0 dialled");
}

/// Proves R-SSRF-3.
#[tokio::test]
async fn chains_end_after_three_and_never_leave_tls() {
    let rig = rig();
    let public = SocketAddr::from(([93, 184, 216, 34], 80));
    for status in STATUSES {
        for hops in 1..=6 {
            for purpose in [Purpose::UserUrl, Purpose::Drawn] {
                rig.front.leads(status, hops, HeaderValue::from_static("http://there.example/x.png"));
                let outcome = rig.bench.door.download(&format!("http://{FRONT}/hop/1"), purpose, &limits()).await;
                assert_eq!(outcome.unwrap_err().class, Class::Gate(Gate::ImageUrlUnreachable));
                assert_eq!(rig.dials.take(), if hops <= 3 { vec![public] } else { Vec::new() }, "{hops}");
                assert_eq!(rig.front.heads.lock().unwrap().len(), hops.min(4));
                for head in &*rig.front.heads.lock().unwrap() {
                    let mut names: Vec<&str> = head.keys().map(http::HeaderName::as_str).collect();
                    names.sort_unstable();
                    assert_eq!(names, ["accept", "accept-encoding", "user-agent"]);
                }
                // From https to http, at every hop.
                let outcome = rig.bench.door.download(&format!("https://{FRONT}/hop/1"), purpose, &limits()).await;
                assert!(outcome.is_err() && rig.dials.take().is_empty(), "{hops}");
            }
        }
        // In a circle.
        rig.front.leads(status, 1, HeaderValue::from_static("/hop/1"));
        assert!(rig.bench.door.download(&format!("http://{FRONT}/hop/1"), Purpose::UserUrl, &limits()).await.is_err());
        assert_eq!(rig.front.heads.lock().unwrap().len(), 4);
    }
}

/// What carries a credential or a body is sent once, whatever the answer says of another place.
///
/// Proves R-SSRF-3, R-SEC-6, F-42, F-54.
#[tokio::test]
async fn nothing_with_a_credential_or_a_body_is_sent_on() {
    let rig = rig();
    for status in STATUSES.into_iter().chain([300, 304, 305, 306]) {
        for to in ["http://there.example/", "https://there.example/", "/hop/1", "http://127.0.0.1/", "//inner.example/"] {
            let ways = [Vector::Provider, Vector::Optimizer, Vector::Trial, Vector::Storage, Vector::CallersWebhook, Vector::OwnWebhook];
            for vector in ways {
                rig.front.leads(status, 1, HeaderValue::from_static(to));
                let came = vector.send(&rig, &format!("http://{FRONT}/v1")).await;
                // To a webhook a redirect is a status like others.
                assert_eq!(came, matches!(vector, Vector::CallersWebhook | Vector::OwnWebhook), "{vector:?} {status} {to}");
                assert_eq!(rig.front.heads.lock().unwrap().len(), 1, "{vector:?} {status} {to}");
                assert!(rig.dials.take().is_empty() && rig.names.take().is_empty(), "{vector:?} {status} {to}");
            }
        }
    }
    rig.front.leads(307, 1, HeaderValue::from_static("http://there.example/"));
    let fault = rig.bench.door.exchange(&call(Method::Post, &format!("http://{FRONT}/v1")), &limits()).await.unwrap_err();
    assert_eq!(fault.class, Class::UpstreamFault);
}
