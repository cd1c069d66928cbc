//! How long a platform wants to be left alone.

use super::events::{NOW, door, limits};
use crate::support::{Bench, bench};
use bytes::Bytes;
use ir_egress::Answer;
use ir_model::{Fault, Timestamp};
use ir_platforms::{ADAPTERS, Call, CallBody, Method, Target};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
/// Headers by which platforms say it, or something like it.
const NAMES: [&str; 4] = ["retry-after", "retry-after-ms", "x-ratelimit-reset", "ratelimit-reset"];
const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Whatever a header says, the pause is above nothing and at most an hour; seconds and dates mean what
/// they say.
pub(crate) fn run(data: &[u8]) {
    bench(|bench| {
        bench.wait(async {
            if let Ok(text) = std::str::from_utf8(data)
                && text.bytes().all(|byte| byte == b'\t' || (0x20..0x7f).contains(&byte))
            {
                for name in NAMES {
                    bounded(bench, &[(name, text)]).await;
                }
                bounded(bench, &[("retry-after-ms", text), ("retry-after", "7")]).await;
                if let Ok(seconds) = text.parse::<u64>() {
                    let wait = bounded(bench, &[("retry-after", text)]).await;
                    assert_eq!(wait, Some(Duration::from_secs(seconds).min(HOUR)).filter(|wait| !wait.is_zero()), "{text}");
                }
            }
            if let Some(raw) = data.first_chunk::<6>() {
                let [a, b, c, d, e, f] = *raw;
                date(bench, i64::from_be_bytes([0, 0, a, b, c, d, e, f]) % 253_000_000_000).await;
            }
        });
    });
}

/// The pause that a refusal with these headers comes to.
async fn bounded(bench: &Bench, headers: &[(&str, &str)]) -> Option<Duration> {
    let target = Target::Http { method: Method::Post, url: "https://platform.example/".to_owned(), headers: Vec::new() };
    let door = door(bench, 429, headers, vec![Bytes::from_static(b"{}")]);
    let Ok(Answer::Whole(reply)) = door.call(&Call::new(target, CallBody::None), &limits()).await else { panic!("a reply") };
    let within = |wait: Option<Duration>| assert!(wait.is_none_or(|wait| wait > Duration::ZERO && wait <= HOUR), "{headers:?}: {wait:?}");
    let wait = reply.retry_after();
    within(wait);
    for adapter in ADAPTERS {
        let Fault { retry_after, .. } = adapter.fault(&reply);
        within(retry_after);
    }
    wait
}

/// An HTTP date: the seconds until then, none for the past.
async fn date(bench: &Bench, seconds: i64) {
    let at = Timestamp(seconds * 1000);
    let (year, month, day, hour, minute, second) = at.civil();
    let [weekday, month] = [(seconds.div_euclid(86_400) + 4) % 7, i64::from(month) - 1].map(|index| usize::try_from(index).expect("small"));
    let text = format!("{}, {day:02} {} {year:04} {hour:02}:{minute:02}:{second:02} GMT", DAYS[weekday], MONTHS[month]);
    let wait = bounded(bench, &[("retry-after", &text)]).await;
    let expected = Duration::from_secs(at.since(NOW).div_ceil(1000)).min(HOUR);
    assert_eq!(wait, Some(expected).filter(|wait| !wait.is_zero()), "{text}");
}
