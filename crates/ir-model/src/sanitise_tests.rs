//! Canaries: what must never reach a caller, in the places where platforms put it.

use super::*;
use proptest::prelude::*;

/// (what the platform sent, texts that must be gone, text that must still be readable)
const CANARIES: &[(&str, &[&str], &str)] = &[
    ("Incorrect API key provided: sk-proj-CANARY1234567890abcdef.", &["CANARY"], "Incorrect API key provided"),
    ("Incorrect API key provided: abc123canary.", &["canary"], "Incorrect"),
    ("token hf_CANARYxyzabcdef is bad", &["CANARY"], "is bad"),
    ("bad ms-0f3cCANARY-8a2b", &["CANARY"], "bad"),
    ("Authorization: Bearer CANARY0123456789", &["CANARY"], "Authorization"),
    ("header authorization=CANARY-abcdef", &["CANARY"], "header"),
    ("{\"api_key\":\"CANARY01234567\"}", &["CANARY"], "api_key"),
    ("key 550e8400-e29b-41d4-a716-446655440000 rejected", &["550e8400", "446655440000"], "rejected"),
    ("digest 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 mismatch", &["9f86d081"], "mismatch"),
    ("data QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0/ZGVmZ2hpamts== end", &["QUJDREVG"], "end"),
    ("cannot reach http://10.0.3.7:8080/internal/draw today", &["10.0.3.7", "internal"], "today"),
    ("dial tcp 192.168.1.9:443 refused", &["192.168"], "refused"),
    ("host redis.prod.svc.cluster.local:6379 down", &["redis"], "down"),
    ("see http://metadata/latest now", &["metadata"], "now"),
    ("ip 169.254.169.254 x", &["169.254"], "ip"),
    ("[::1]:8080 refused", &["::1"], "refused"),
    (
        "bucket https://user:CANARY@cdn.example.com/p/a.png?X-Amz-Signature=CANARY2#f gone",
        &["CANARY", "X-Amz"],
        "https://cdn.example.com/p/a.png",
    ),
    ("boom\n    at draw (/srv/CANARY/app.js:10:5)\n    at main (/srv/CANARY/x.js:1:1)", &["CANARY", "app.js"], "boom"),
    ("boom\\n    at draw (/srv/CANARY/app.js:10:5)", &["CANARY"], "boom"),
    (
        "bad size\nTraceback (most recent call last):\n  File \"/opt/CANARY.py\", line 3\nValueError: CANARY",
        &["CANARY", "Traceback"],
        "bad size",
    ),
    ("open /srv/CANARY/data/key.pem failed", &["CANARY"], "failed"),
    ("open C:\\Users\\CANARY\\k failed", &["CANARY"], "failed"),
    ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJDQU5BUlkifQ.c2ln no", &["eyJ"], "no"),
    ("tab\tbell\u{7}esc\u{1b}[31m rtl\u{202e}x", &["\u{7}", "\u{1b}", "\u{202e}", "\t"], "bell"),
];

#[test]
fn canaries_are_gone_and_the_rest_is_readable() {
    for (text, gone, left) in CANARIES {
        let clean = sanitise(text).unwrap_or_else(|| panic!("nothing left of {text:?}"));
        for canary in *gone {
            assert!(!clean.contains(canary), "{canary:?} is left in {clean:?}");
        }
        assert!(clean.contains(left), "{left:?} is missing in {clean:?}");
    }
}

#[test]
fn ordinary_words_stay_as_they_are() {
    for text in [
        "The size 1536x1024 is not supported by doubao-seedream-4-5-251128, use 2048x2048.",
        "Your account has no balance left. See https://console.example.com/billing for details.",
        "图片内容违规，请修改后重试 (code 1301)",
        "model Tongyi-MAI/Z-Image-Turbo does not exist",
        "Rate limit: 5 requests per minute",
        "value of 'n' must be between 1 and 4",
    ] {
        assert_eq!(sanitise(text).as_deref(), Some(text));
    }
}

#[test]
fn pages_and_nothing_give_nothing() {
    for text in ["", "   ", "\u{0}\u{1}", "<!doctype html><title>502</title>", " <html>x</html>", "----"] {
        assert_eq!(sanitise(text), None, "{text:?}");
    }
}

#[test]
fn long_texts_are_cut() {
    let clean = sanitise(&"错 ".repeat(100_000)).unwrap();
    assert!(clean.chars().count() <= 500);
    assert!(clean.ends_with('…'));
}

proptest! {
    #[test]
    fn never_panics_and_never_grows_beyond_the_limit(text in "\\PC{0,600}") {
        if let Some(clean) = sanitise(&text) {
            prop_assert!(clean.chars().count() <= 500);
        }
    }

    #[test]
    fn a_key_never_survives_whatever_stands_around_it(before in "[ -~]{0,20}[ \"'(]", after in "[ \"',.)][ -~]{0,20}") {
        let text = format!("note {before}sk-CANARY0123456789abcdefghij{after}");
        prop_assert!(!sanitise(&text).unwrap_or_default().contains("CANARY"));
    }
}
