//! What strangers write stays inside of one line.

use super::*;
use ir_model::{Dice, Secret, SeededDice};
use serde_json::Value;
use std::sync::Mutex;

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What one event is written as that holds a text in every way in which the code logs texts.
fn logged(format: LogFormat, text: &str, secret: &Secret) -> String {
    let kept = Kept::default();
    let writer = kept.clone();
    let subscriber = tracing_subscriber::registry().with(written(format, false, move || writer.clone()));
    tracing::subscriber::with_default(subscriber, || {
        tracing::warn!(plain = text, shown = %text, debugged = ?text, key = ?secret, "an event: {text}");
    });
    String::from_utf8(kept.0.lock().unwrap().clone()).unwrap()
}

/// Line breaks, quotes, escapes, terminal sequences, JSON, and any characters.
fn texts() -> impl Iterator<Item = String> {
    const PIECES: [&str; 16] = [
        "\n",
        "\r\n",
        "\r",
        "\"",
        "\\",
        "\\n",
        "\x1b[2J",
        "\x1b]0;title\x07",
        "{\"level\":\"ERROR\"}",
        "\0",
        "\u{7f}",
        "\u{85}",
        "\u{2028}",
        "图",
        " ",
        "a",
    ];
    let dice = SeededDice::new(15);
    let random = move || -> String {
        let pieces = dice.below(12);
        (0..pieces)
            .map(|_| match dice.below(3) {
                0 => char::from_u32(u32::try_from(dice.below(0x11_0000)).unwrap()).map_or(String::new(), String::from),
                _ => PIECES[usize::try_from(dice.below(16)).unwrap()].to_owned(),
            })
            .collect()
    };
    let forged = "x\n2026-01-01T00:00:00Z  INFO admin: signed in actor=\"admin key\"".to_owned();
    PIECES.iter().map(|piece| (*piece).to_owned()).chain([forged]).chain((0..2000).map(move |_| random()))
}

/// Proves Z-15.
#[test]
fn an_event_is_one_line_whatever_it_holds() {
    let canary = Secret::new("sk-canary-0123456789abcdef");
    for text in texts() {
        let line = logged(LogFormat::Text, &text, &canary);
        assert!(
            line.ends_with('\n') && line.lines().count() == 1 && !line.trim_end_matches('\n').contains(['\n', '\r']),
            "{text:?}: {line:?}"
        );
        assert!(!line.trim_end_matches('\n').contains(|c: char| c.is_control() && c != '\t'), "{text:?} reaches the terminal: {line:?}");
        let json = logged(LogFormat::Json, &text, &canary);
        assert_eq!(json.find('\n'), Some(json.len() - 1), "{json:?}");
        let value: Value = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json:?}"));
        assert_eq!((value["plain"].as_str(), value["shown"].as_str()), (Some(text.as_str()), Some(text.as_str())));
        assert_eq!(value["message"], format!("an event: {text}"));
        assert!(!line.contains("canary") && !json.contains("canary"), "a secret is told");
    }
}

#[test]
fn colours_stay_where_they_are_wanted() {
    for (line, colour, wanted) in [
        ("\x1b[33m WARN\x1b[0m a\tb", true, "\x1b[33m WARN\x1b[0m a\tb"),
        ("\x1b[1;31mx\x1b[2J\x1b]0;t\x07\ny", true, "\x1b[1;31mx\\u{1b}[2J\\u{1b}]0;t\\u{7}\\ny"),
        ("\x1b[33mx\u{85}\u{9b}\r", false, "\\u{1b}[33mx\\u{85}\\u{9b}\\r"),
        ("图\x1b", true, "图\\u{1b}"),
    ] {
        assert_eq!(plain(line, colour), wanted);
    }
}
