//! Pictures written into text as Markdown.

use crate::support::fingerprint;
use ir_spool::markdown::{MarkdownPicture, take_pictures};
use std::time::Duration;

/// As the extractor has it: the longest beginning of a picture, from `!` to its target's.
const MAX_HELD: usize = 1536;
/// Bytes of the text that linear time is measured with, and what it may take: some hundred times
/// what it takes, and less than a quadratic search would.
const LONG: usize = 128 * 1024;
const SOON: Duration = Duration::from_secs(2);

/// A slow reference agrees; nothing is lost or invented; long texts take linear time.
pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (left, pictures) = take_pictures(text);
    assert_eq!((left.clone(), pictures.clone()), slowly(text), "the reference reads it differently");
    if pictures.is_empty() {
        assert_eq!(left, text);
    }
    let taken: usize = pictures.iter().map(|picture| address(picture).len()).sum();
    assert!(left.len() + taken <= text.len(), "more came out than went in");
    assert!(pictures.iter().all(|picture| text.contains(address(picture))));
    if (2..=64).contains(&text.len()) && fingerprint(data).is_multiple_of(32) {
        let long = text.repeat(LONG / text.len());
        let began = worked();
        let _ = take_pictures(&long);
        let took = worked() - began;
        assert!(took < SOON, "{took:?} for {LONG} bytes");
    }
}

/// What this thread has worked: others on the machine make no difference.
fn worked() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

fn address(picture: &MarkdownPicture) -> &str {
    match picture {
        MarkdownPicture::DataUri(text) | MarkdownPicture::Url(text) => text,
    }
}

/// Tries every `![` anew, from left to right.
fn slowly(text: &str) -> (String, Vec<MarkdownPicture>) {
    let bytes = text.as_bytes();
    let (mut left, mut pictures, mut at) = (Vec::new(), Vec::new(), 0);
    while at < bytes.len() {
        match picture_at(bytes, at) {
            Some(Found::Picture(end, picture)) => {
                pictures.push(picture);
                at = end;
            }
            // Nothing is looked for behind a picture that never ends.
            Some(Found::Endless) => {
                left.extend_from_slice(&bytes[at..]);
                break;
            }
            None => {
                left.push(bytes[at]);
                at += 1;
            }
        }
    }
    (String::from_utf8(left).expect("cut at ASCII"), pictures)
}

enum Found {
    /// Where it ends, and what it is.
    Picture(usize, MarkdownPicture),
    Endless,
}

/// A picture that begins at `at`.
fn picture_at(bytes: &[u8], at: usize) -> Option<Found> {
    if !bytes[at..].starts_with(b"![") {
        return None;
    }
    let close = end_of_alt(bytes, at + 2)?;
    if bytes.get(close + 1) != Some(&b'(') {
        return None;
    }
    let blanks = bytes[close + 2..].iter().take_while(|byte| b" \n<".contains(byte)).count();
    let from = close + 2 + blanks;
    let rest = &bytes[from..];
    let begins = |word: &[u8]| rest.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
    let (target, end) = if begins(b"http://") || begins(b"https://") {
        let scheme = if begins(b"http://") { 7 } else { 8 };
        if from + scheme - at > MAX_HELD {
            return None;
        }
        let Some(stop) = end_of_url(rest, scheme) else { return Some(Found::Endless) };
        (&rest[..stop], stop)
    } else if begins(b"data:image/") {
        let comma = rest.iter().position(|byte| *byte == b',')?;
        let head = std::str::from_utf8(&rest[..comma]).ok()?;
        if !head.bytes().skip(11).all(|byte| byte.is_ascii_graphic() && !b"()<>[]!\"'\\".contains(&byte)) {
            return None;
        }
        let media = head[5..].to_ascii_lowercase();
        let media = media.strip_suffix(";base64")?;
        if media.ends_with(";base64") || comma - 5 >= 512 || from + comma + 1 - at > MAX_HELD {
            return None;
        }
        let Some(length) = rest[comma + 1..].iter().position(|byte| b")\">".contains(byte)) else { return Some(Found::Endless) };
        (&rest[..comma + 1 + length], comma + 1 + length)
    } else {
        return None;
    };
    let Some(tail) = bytes[from + end..].iter().position(|byte| *byte == b')') else { return Some(Found::Endless) };
    let target = String::from_utf8(target.trim_ascii_end().to_vec()).ok()?;
    let picture = if begins(b"d") { MarkdownPicture::DataUri(target) } else { MarkdownPicture::Url(target) };
    Some(Found::Picture(from + end + tail + 1, picture))
}

/// The bracket that closes an alternative text; none if another picture begins in it.
fn end_of_alt(bytes: &[u8], from: usize) -> Option<usize> {
    let (mut depth, mut at) = (1usize, from);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'[' if bytes[at - 1] == b'!' => return None,
            b'[' => depth += 1,
            b']' if depth == 1 => return Some(at),
            b']' => depth -= 1,
            // What it escapes is no bracket; a picture may begin there all the same.
            b'\\' => at += 1,
            _ => {}
        }
        at += 1;
    }
    None
}

/// Where an address ends: at a blank, `>`, or the parenthesis that closes the picture.
fn end_of_url(rest: &[u8], from: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (at, byte) in rest.iter().enumerate().skip(from) {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 0 => return Some(at),
            b')' => depth -= 1,
            b' ' | b'\t' | b'\n' | b'\r' | b'>' => return Some(at),
            _ => {}
        }
    }
    None
}
