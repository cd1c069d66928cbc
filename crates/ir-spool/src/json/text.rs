//! Strings: unescaped, checked, and handed out when they are long.

use super::{Bounds, Fail, MAX_NAME, Parser, State, Taken};
use crate::base64_stream::{MAX_HEADER, data_uri};
use crate::error::LiftErrorKind;
use ir_model::Node;

/// How base64 of a picture begins: PNG, JPEG, WebP (RIFF), GIF.
const MAGIC: [&[u8]; 4] = [b"iVBORw0KGgo", b"/9j/", b"UklGR", b"R0lGOD"];
/// Escapes whose places are remembered while a string is held back. With more of them, the place
/// of an error between the last two remembered is told too early.
const MAX_ESCAPES: usize = 4096;

/// What [`Parser::step`] wants done.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// Nothing: all input is used.
    More,
    /// A long string begins.
    Begin(Begin),
    /// A part of it, as it stands in the input from `at` on. For [`LiftKind::Text`] it is UTF-8
    /// without control characters; for [`LiftKind::Base64`] nothing was checked.
    Run {
        /// The bytes.
        bytes: &'a [u8],
        /// Where the first stands in the document.
        at: u64,
    },
    /// A character of it that was escaped, or cut.
    Char {
        /// Its UTF-8, zeros behind it.
        bytes: [u8; 4],
        /// How many bytes that is.
        len: usize,
        /// Where it stands in the document.
        at: u64,
    },
    /// It is complete; [`Parser::lifted`] must follow.
    End {
        /// The closing quote's place.
        at: u64,
    },
}

/// The beginning of a long string.
#[derive(Debug)]
pub(crate) struct Begin {
    /// What it is.
    pub(crate) kind: LiftKind,
    /// What of it was held back until now.
    pub(crate) prefix: Vec<u8>,
    /// Where the bytes of the prefix stand in the document.
    pub(crate) places: Places,
}

/// What a long string is, by its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LiftKind {
    /// Base64, from `skip` on in the prefix.
    Base64 {
        /// The media type, of a `data:` URI.
        data_uri: Option<String>,
        /// Bytes before the base64.
        skip: usize,
    },
    /// Anything else.
    Text,
}

/// Maps bytes of an unescaped string to the document.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// The place of the opening quote.
    pub(crate) quote: u64,
    /// Behind each escape: how far we were in the string, and in the document behind the quote.
    escapes: Vec<(u32, u32)>,
}

impl Places {
    /// The place of byte `index` of the string.
    pub(crate) fn of(&self, index: usize) -> u64 {
        let behind = self.escapes.partition_point(|(end, _)| *end as usize <= index);
        let (end, raw) = behind.checked_sub(1).map_or((0, 0), |at| self.escapes[at]);
        self.quote + 1 + u64::from(raw) + (index - end as usize) as u64
    }

    fn escaped(&mut self, end: usize, behind: u64) {
        // Held strings are below 4 GiB, their escaped form below six times that of 64 KiB.
        let entry = (u32::try_from(end).unwrap_or(u32::MAX), u32::try_from(behind - self.quote - 1).unwrap_or(u32::MAX));
        if self.escapes.len() < MAX_ESCAPES {
            self.escapes.push(entry);
        } else if let Some(last) = self.escapes.last_mut() {
            *last = entry;
        }
    }
}

/// The string that is being read.
#[derive(Debug, Default)]
pub(super) struct Text {
    is_name: bool,
    /// Held back, as long as it may be short.
    held: Vec<u8>,
    /// As long as it may become before it is decided what it is.
    hold: usize,
    places: Places,
    lifting: Option<LiftKind>,
    escape: Escape,
    escape_at: u64,
    /// A character of a long text that was cut by the end of a piece.
    cut: [u8; 4],
    cut_len: usize,
    cut_at: u64,
}

/// How much of an escape has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    /// `\`
    Backslash,
    /// `\u` and some digits; `high` is the surrogate before, if there was one.
    Hex { digits: u8, value: u16, high: Option<u16> },
    /// A high surrogate: `\` must follow.
    Low(u16),
    /// And `u` after that.
    LowU(u16),
}

impl Parser {
    pub(super) fn begin_text(&mut self, is_name: bool) {
        let text = &mut self.text;
        text.is_name = is_name;
        text.held.clear();
        text.hold = if is_name { MAX_NAME } else { self.bounds.lift_above };
        text.places.quote = self.offset;
        text.places.escapes.clear();
        text.lifting = None;
        self.state = State::Text;
    }

    pub(super) fn take_text<'a>(&mut self, rest: &'a [u8]) -> Taken<'a> {
        if self.text.escape != Escape::None {
            return self.take_escape(rest[0]);
        }
        let text = &mut self.text;
        let free = text.hold.saturating_sub(text.held.len());
        if text.lifting.is_none() && (text.held.len() > text.hold || free == 0 && rest[0] != b'"') {
            return self.decide();
        }
        let window = if text.lifting.is_none() { &rest[..rest.len().min(free.max(1))] } else { rest };
        let end = memchr::memchr2(b'"', b'\\', window).unwrap_or(window.len());
        if end == 0 {
            if text.cut_len > 0 {
                return Err(Fail::new(LiftErrorKind::Utf8, text.cut_at));
            }
            if rest[0] == b'"' {
                return self.end_text();
            }
            text.escape = Escape::Backslash;
            text.escape_at = self.offset;
            return Ok((1, None));
        }
        let run = &window[..end];
        match text.lifting {
            None => self.hold_back(run),
            Some(LiftKind::Base64 { .. }) => Ok((end, Some(Event::Run { bytes: run, at: self.offset }))),
            Some(LiftKind::Text) => self.check_run(run),
        }
    }

    fn hold_back<'a>(&mut self, run: &[u8]) -> Taken<'a> {
        if let Some(at) = control(run) {
            return Err(Fail::syntax(CONTROL, self.offset + at as u64));
        }
        let text = &mut self.text;
        let needed = text.held.len() + run.len();
        if needed > text.held.capacity() && needed > text.hold / 2 {
            // Doubling would overshoot what can ever be needed.
            text.held.reserve_exact(text.hold - text.held.len());
        }
        text.held.extend_from_slice(run);
        Ok((run.len(), None))
    }

    /// A run of a long text: handed out as far as it is sound. What is not is met again at its
    /// beginning, so that what came before it has been dealt with wherever the input is cut.
    fn check_run<'a>(&mut self, run: &'a [u8]) -> Taken<'a> {
        let at = self.offset;
        let text = &mut self.text;
        if text.cut_len > 0 {
            text.cut[text.cut_len] = run[0];
            text.cut_len += 1;
            return match std::str::from_utf8(&text.cut[..text.cut_len]) {
                Ok(_) => {
                    let len = std::mem::take(&mut text.cut_len);
                    let mut bytes = [0; 4];
                    bytes[..len].copy_from_slice(&text.cut[..len]);
                    Ok((1, Some(Event::Char { bytes, len, at: text.cut_at })))
                }
                Err(error) if error.error_len().is_none() => Ok((1, None)),
                Err(_) => Err(Fail::new(LiftErrorKind::Utf8, text.cut_at)),
            };
        }
        let clean = control(run).unwrap_or(run.len());
        let (sound, cut) = match std::str::from_utf8(&run[..clean]) {
            Ok(_) => (clean, false),
            Err(error) => (error.valid_up_to(), error.error_len().is_none() && clean == run.len()),
        };
        if sound > 0 {
            return Ok((sound, Some(Event::Run { bytes: &run[..sound], at })));
        }
        if cut {
            text.cut[..clean].copy_from_slice(run);
            text.cut_len = clean;
            text.cut_at = at;
            return Ok((clean, None));
        }
        Err(if clean == 0 { Fail::syntax(CONTROL, at) } else { Fail::new(LiftErrorKind::Utf8, at) })
    }

    /// The string is longer than it may be held.
    fn decide<'a>(&mut self) -> Taken<'a> {
        let text = &mut self.text;
        if text.is_name {
            return Err(Fail::new(LiftErrorKind::Syntax("a name is longer than 1024 bytes"), text.places.quote));
        }
        let Some(kind) = classify(&text.held) else {
            text.hold = text.held.len() + 1;
            return Ok((0, None));
        };
        let mut prefix = std::mem::take(&mut text.held);
        let places = std::mem::take(&mut text.places);
        if kind == LiftKind::Text
            && let Err(error) = std::str::from_utf8(&prefix)
        {
            let sound = error.valid_up_to();
            if error.error_len().is_some() {
                return Err(Fail::new(LiftErrorKind::Utf8, places.of(sound)));
            }
            text.cut_len = prefix.len() - sound;
            text.cut[..text.cut_len].copy_from_slice(&prefix[sound..]);
            text.cut_at = places.of(sound);
            prefix.truncate(sound);
        }
        text.lifting = Some(kind.clone());
        Ok((0, Some(Event::Begin(Begin { kind, prefix, places }))))
    }

    fn end_text<'a>(&mut self) -> Taken<'a> {
        let text = &mut self.text;
        if text.lifting.take().is_some() {
            self.state = State::Handover;
            return Ok((1, Some(Event::End { at: self.offset })));
        }
        let string = match std::str::from_utf8(&text.held) {
            // Copied, so that it takes no more memory than it needs.
            Ok(held) => held.to_owned(),
            Err(error) => return Err(Fail::new(LiftErrorKind::Utf8, text.places.of(error.valid_up_to()))),
        };
        let is_name = text.is_name;
        self.keep(string.len())?;
        if is_name {
            self.put_name(string)?
        } else {
            self.put(Node::String(string))?
        }
        Ok((1, None))
    }

    fn take_escape<'a>(&mut self, byte: u8) -> Taken<'a> {
        let wrong = |what| Err(Fail::syntax(what, self.text.escape_at));
        let character = match self.text.escape {
            Escape::None => unreachable!("invariant: the caller saw an escape"),
            Escape::Backslash => match byte {
                b'"' | b'\\' | b'/' => char::from(byte),
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                b'u' => return self.awaits(Escape::Hex { digits: 0, value: 0, high: None }),
                _ => return wrong("an unknown escape"),
            },
            Escape::Hex { digits, value, high } => {
                let Some(digit) = char::from(byte).to_digit(16) else { return wrong("four hexadecimal digits must follow \\u") };
                let value = value << 4 | u16::try_from(digit).expect("invariant: a digit is below 16");
                if digits < 3 {
                    return self.awaits(Escape::Hex { digits: digits + 1, value, high });
                }
                match (high, value) {
                    (None, 0xd800..=0xdbff) => return self.awaits(Escape::Low(value)),
                    (None, 0) => return wrong("a NUL character"),
                    (None, _) => match char::from_u32(u32::from(value)) {
                        Some(character) => character,
                        None => return wrong(LONE),
                    },
                    (Some(high), 0xdc00..=0xdfff) => {
                        let code = 0x10000 + ((u32::from(high) - 0xd800) << 10 | (u32::from(value) - 0xdc00));
                        char::from_u32(code).expect("invariant: a pair of surrogates is a character")
                    }
                    (Some(_), _) => return wrong(LONE),
                }
            }
            Escape::Low(high) if byte == b'\\' => return self.awaits(Escape::LowU(high)),
            Escape::LowU(high) if byte == b'u' => return self.awaits(Escape::Hex { digits: 0, value: 0, high: Some(high) }),
            Escape::Low(_) | Escape::LowU(_) => return wrong(LONE),
        };
        Ok((1, self.unescaped(character)))
    }

    fn awaits<'a>(&mut self, escape: Escape) -> Taken<'a> {
        self.text.escape = escape;
        Ok((1, None))
    }

    fn unescaped<'a>(&mut self, character: char) -> Option<Event<'a>> {
        let text = &mut self.text;
        text.escape = Escape::None;
        let mut bytes = [0; 4];
        let len = character.encode_utf8(&mut bytes).len();
        if text.lifting.is_some() {
            return Some(Event::Char { bytes, len, at: text.escape_at });
        }
        text.held.extend_from_slice(&bytes[..len]);
        text.places.escaped(text.held.len(), self.offset + 1);
        None
    }

    /// Bytes of the document that are held in memory beside the tree.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.text.held.capacity() + self.text.places.escapes.capacity() * 8 + self.number.capacity()
    }
}

pub(crate) const CONTROL: &str = "a control character in a string";
const LONE: &str = "half of a surrogate pair";

/// The first control character.
fn control(run: &[u8]) -> Option<usize> {
    // Without an early end, so that it is done many bytes at a time.
    let any = run.iter().fold(false, |any, byte| any | (*byte < 0x20));
    if any { run.iter().position(|byte| *byte < 0x20) } else { None }
}

/// What a string is that begins like this; `None`: too little of it is known.
fn classify(held: &[u8]) -> Option<LiftKind> {
    let open = held.len() < MAX_HEADER;
    if let Some((media, skip)) = data_uri(held) {
        return Some(LiftKind::Base64 { data_uri: Some(media.to_owned()), skip });
    }
    let scheme = held.get(..held.len().min(5)).unwrap_or_default();
    if open && b"data:"[..scheme.len()].eq_ignore_ascii_case(scheme) && !held.contains(&b',') {
        return None;
    }
    let skip = held.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let begin = &held[skip..];
    if MAGIC.iter().any(|magic| begin.starts_with(magic)) {
        return Some(LiftKind::Base64 { data_uri: None, skip });
    }
    if open && MAGIC.iter().any(|magic| magic.starts_with(begin)) {
        return None;
    }
    Some(LiftKind::Text)
}

impl Bounds {
    /// The most bytes that a [`Parser`] holds beside the tree, whatever it reads.
    #[cfg(test)]
    pub(super) fn most_held(&self) -> usize {
        self.lift_above.max(MAX_HEADER).max(MAX_NAME) + 4 + MAX_ESCAPES * 8 + super::MAX_NUMBER
    }
}
