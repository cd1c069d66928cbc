//! Cleans a platform's own words before a caller reads them: no keys, no internal addresses, no
//! stack traces, no control characters, at most 500 characters. One pass over the text per step,
//! so the time is linear in its (bounded) length.

use std::net::IpAddr;

/// Characters that a cleaned text may have.
const MOST: usize = 500;
/// Bytes of a text that are looked at; a platform's error page can be long.
const LOOKED_AT: usize = 16 * 1024;
/// What stands for something taken out.
const GONE: &str = "[…]";
/// How keys and tokens of the known platforms and clouds begin.
const KEY_STARTS: [&str; 16] =
    ["sk-", "sk_", "pk-", "pk_", "hf_", "ms-", "rk_", "ak-", "AIza", "AKIA", "AKLT", "ghp_", "github_pat_", "glpat-", "xox", "eyJ"];
/// What stands before a secret written as `name=value` or `name: value`.
const SECRET_NAMES: [&str; 10] =
    ["authorization", "api_key", "apikey", "api-key", "key", "token", "secret", "password", "credential", "signature"];
/// Host endings that are never public.
const PRIVATE_ENDINGS: [&str; 8] = [".local", ".internal", ".svc", ".lan", ".localhost", ".intranet", ".corp", ".home.arpa"];

/// The cleaned text; `None` when nothing worth reading is left.
pub fn sanitise(text: &str) -> Option<String> {
    let text = cut_bytes(text, LOOKED_AT);
    if text.trim_start().starts_with('<') {
        // An error page of a proxy: its markup tells people nothing.
        return None;
    }
    let kept = without_traces(text);
    let mut out = String::new();
    let mut secret_next = false;
    for (gap, word) in words(&kept) {
        out.push_str(gap);
        if word.is_empty() {
            continue;
        }
        let clean = clean_word(word, secret_next);
        out.push_str(&clean);
        secret_next = announces_secret(word, gap, secret_next);
    }
    let out = out.split_whitespace().collect::<Vec<_>>().join(" ");
    let out = out.trim();
    if out.chars().all(|ch| !ch.is_alphanumeric()) {
        return None;
    }
    Some(match out.char_indices().nth(MOST) {
        None => out.to_owned(),
        Some(_) => format!("{}…", out.chars().take(MOST - 1).collect::<String>()),
    })
}

/// The lines without those of a stack trace; control and direction characters become blanks.
fn without_traces(text: &str) -> String {
    let unescaped = text.replace("\\n", "\n").replace("\\r", "\n").replace("\\t", "\t");
    let mut out = String::with_capacity(unescaped.len());
    for line in unescaped.lines() {
        let start = line.trim_start();
        let trace = start.starts_with("Traceback (most recent")
            || start.starts_with("stack backtrace")
            || start.starts_with("goroutine ")
            || start.starts_with("File \"")
            || (start.starts_with("at ") && (start.contains('(') || start.contains(':') || start.contains('/')));
        if trace {
            // What follows a trace's head on further lines is the trace.
            if !start.starts_with("at ") {
                break;
            }
            continue;
        }
        out.extend(line.chars().map(|ch| if hidden(ch) { ' ' } else { ch }));
        out.push(' ');
    }
    out
}

fn hidden(ch: char) -> bool {
    ch.is_control() || matches!(ch, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Splits a text into gaps (blanks, quotes, brackets, commas) and the words after them.
fn words(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let is_gap = |ch: char| ch.is_whitespace() || "\"'`,;<>(){}|，。；：“”（）".contains(ch);
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let start = rest.find(|ch| !is_gap(ch)).unwrap_or(rest.len());
        let end = rest[start..].find(is_gap).map_or(rest.len(), |at| start + at);
        let pair = (&rest[..start], &rest[start..end]);
        rest = &rest[end..];
        Some(pair)
    })
}

/// One word without what must not be shown.
fn clean_word(word: &str, secret: bool) -> String {
    let bare = word.trim_matches(|ch: char| ".:!?=".contains(ch));
    if secret && !word.contains("://") && bare.len() >= 6 && bare.bytes().any(|b| b.is_ascii_digit()) {
        return GONE.to_owned();
    }
    if let Some(at) = word.find("://") {
        return clean_url(word, at);
    }
    if let Some((name, value)) = word.split_once(['=', ':'])
        && is_secret_name(name)
        && value.len() >= 4
    {
        return format!("{name}={GONE}");
    }
    if is_private_host(bare) || is_path(bare) {
        return GONE.to_owned();
    }
    clean_runs(word)
}

/// Whether the next word is likely a secret: `Bearer x`, `key: x`, `key is x`.
fn announces_secret(word: &str, gap: &str, before: bool) -> bool {
    let bare = word.trim_matches(|ch: char| ":=.".contains(ch));
    if bare.eq_ignore_ascii_case("bearer") || bare.eq_ignore_ascii_case("basic") || is_secret_name(bare) {
        return true;
    }
    // "key is …", "key provided: …", `"key": "…"`.
    let link = matches!(bare.to_ascii_lowercase().as_str(), "" | "is" | "was" | "provided" | "given" | "value" | "of");
    before && (link || gap.contains(':'))
}

fn is_secret_name(name: &str) -> bool {
    let name = name.rsplit(['[', '?', '&', '.']).next().unwrap_or(name).to_ascii_lowercase();
    SECRET_NAMES.iter().any(|secret| name == *secret || (name.len() > secret.len() && name.ends_with(secret)))
}

/// An address: internal ones vanish, public ones lose user, query and fragment.
fn clean_url(word: &str, at: usize) -> String {
    let scheme_start =
        word[..at].rfind(|ch: char| !ch.is_ascii_alphanumeric()).map_or(0, |i| i + word[i..].chars().next().map_or(1, char::len_utf8));
    let (before, scheme) = (&word[..scheme_start], &word[scheme_start..at]);
    let rest = &word[at + 3..];
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..end].rsplit('@').next().unwrap_or_default();
    let name = host_of(host);
    if !matches!(scheme, "http" | "https" | "wss" | "ws") || !name.contains('.') || is_private_host(host) {
        return format!("{before}{GONE}");
    }
    let path = rest[end..].split(['?', '#']).next().unwrap_or_default();
    let path: String = path.split_inclusive('/').map(clean_runs).collect();
    format!("{before}{scheme}://{host}{path}")
}

/// A host without its port.
fn host_of(host: &str) -> &str {
    if let Some(inner) = host.strip_prefix('[') {
        return inner.split(']').next().unwrap_or(inner);
    }
    match host.split_once(':') {
        Some((name, rest)) if !rest.contains(':') => name,
        Some(_) | None => host,
    }
}

/// Hosts and addresses that only mean something inside somebody's network.
fn is_private_host(host: &str) -> bool {
    let name = host_of(host).trim_end_matches('.').to_ascii_lowercase();
    if let Ok(ip) = name.parse::<IpAddr>() {
        // `::` and `::1` are also just punctuation in prose; hiding them costs nothing.
        return match ip {
            IpAddr::V4(v4) => {
                let [a, b, ..] = v4.octets();
                v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || (a == 100 && (64..128).contains(&b))
            }
            IpAddr::V6(_) => true,
        };
    }
    name == "localhost"
        || PRIVATE_ENDINGS.iter().any(|ending| name.ends_with(ending))
        || name.contains(".svc.")
        || name.contains(".cluster.")
}

/// A file's place on somebody's machine: `/app/x/y.js:1:2`, `C:\x\y`.
fn is_path(word: &str) -> bool {
    let unix = word.starts_with('/') && word[1..].contains('/') && !word.starts_with("/v1/") && !word.starts_with("/api/");
    let windows = word.len() > 3 && word.as_bytes()[1..3] == *b":\\" && word.as_bytes()[0].is_ascii_alphabetic();
    unix || windows || word.starts_with("file:")
}

/// Replaces keys, UUIDs and long runs of hexadecimal digits or base64 inside a word.
fn clean_runs(word: &str) -> String {
    let in_run = |ch: char| ch.is_ascii_alphanumeric() || "-_+.*".contains(ch);
    let mut out = String::with_capacity(word.len());
    let mut rest = word;
    while !rest.is_empty() {
        let start = rest.find(in_run).unwrap_or(rest.len());
        let end = rest[start..].find(|ch| !in_run(ch)).map_or(rest.len(), |at| start + at);
        out.push_str(&rest[..start]);
        let run = &rest[start..end];
        out.push_str(if is_secret_run(run) { GONE } else { run });
        rest = &rest[end..];
    }
    // Base64 may hold `/` and `=`, which end a run: a long word of nothing else is base64.
    let base64 = out.len() >= 40 && out.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b));
    let mixed = out.bytes().any(|b| b.is_ascii_uppercase())
        && out.bytes().any(|b| b.is_ascii_lowercase())
        && out.bytes().any(|b| b.is_ascii_digit());
    if base64 && mixed { GONE.to_owned() } else { out }
}

fn is_secret_run(run: &str) -> bool {
    let known = KEY_STARTS.iter().any(|start| run.len() >= start.len() + 6 && run.starts_with(start));
    known || has_uuid(run) || run.split(['-', '.', '*']).any(is_random)
}

/// 24 or more letters and digits in one piece, both present: no word of any language.
fn is_random(piece: &str) -> bool {
    piece.len() >= 24 && piece.bytes().any(|b| b.is_ascii_digit()) && piece.bytes().any(|b| b.is_ascii_alphabetic())
}

fn has_uuid(run: &str) -> bool {
    run.as_bytes()
        .windows(36)
        .any(|w| w.iter().enumerate().all(|(i, b)| if matches!(i, 8 | 13 | 18 | 23) { *b == b'-' } else { b.is_ascii_hexdigit() }))
}

fn cut_bytes(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let mut end = most;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
#[path = "sanitise_tests.rs"]
mod tests;
