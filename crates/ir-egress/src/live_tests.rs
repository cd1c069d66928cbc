use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn user() -> Option<Pace> {
    Some(Rules::default().user_pace)
}

/// Proves F-13.
#[tokio::test(start_paused = true)]
async fn a_drip_is_cut_by_its_pace_not_by_its_pauses() {
    let start = Instant::now();
    let mut deadlines = Deadlines::new(10 * SECOND, start + 600 * SECOND, user());
    let mut now = start;
    // One byte a second: never idle for long, yet far too slow.
    while deadlines.next(now).0 > now + SECOND {
        deadlines.arrived(1, SECOND);
        now += SECOND;
    }
    assert_eq!(deadlines.next(now).1, Phase::Pace);
    assert!(now - start <= 6 * SECOND, "cut after {:?}", now - start);
}

/// Proves R-SSRF-10.
#[tokio::test(start_paused = true)]
async fn ten_kib_a_second_is_enough_for_ever() {
    let start = Instant::now();
    let mut deadlines = Deadlines::new(10 * SECOND, start + 3600 * SECOND, user());
    for second in 0..1000 {
        let now = start + second * SECOND;
        assert!(deadlines.next(now).0 > now + SECOND, "second {second}");
        deadlines.arrived(10 * 1024, SECOND);
    }
}

#[tokio::test(start_paused = true)]
async fn the_nearest_deadline_counts() {
    let start = Instant::now();
    let at = |idle: u32, total: u32, pace| Deadlines::new(idle * SECOND, start + total * SECOND, pace).next(start);
    assert_eq!(at(3, 100, None), (start + 3 * SECOND, Phase::Idle));
    assert_eq!(at(60, 100, user()), (start + 5 * SECOND, Phase::Pace));
    assert_eq!(at(60, 2, user()), (start + 2 * SECOND, Phase::Total));
}

#[test]
fn hosts_are_written_as_they_stand() {
    for (text, host) in [
        ("http://example.com/x", "example.com"),
        ("http://example.com:80/x", "example.com"),
        ("https://example.com:80/x", "example.com:80"),
        ("http://[::1]:8080/", "[::1]:8080"),
    ] {
        assert_eq!(authority(&Url::parse(text).unwrap()), host);
    }
}
