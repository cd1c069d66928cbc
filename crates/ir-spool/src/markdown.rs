//! Pictures written into text as Markdown: `![alt](data:image/png;base64,…)`, `![alt](https://…)`.
//!
//! One machine finds them, in text that arrives in pieces as well as in text that is there. It never
//! looks at a byte again once it is past it: an alternative text cannot hold the beginning of another
//! picture (the inner one counts, as in CommonMark), so a beginning that leads nowhere is given back
//! as text without a second look. Time is linear, and at most `MAX_HELD` bytes are held.

use crate::base64_stream::data_uri;

/// The longest `![alt](data:image/…;base64,` that is taken for one, in bytes.
const MAX_HELD: usize = 1536;
const DATA: &[u8] = b"data:image/";
const HTTP: &[u8] = b"http://";
const HTTPS: &[u8] = b"https://";

/// A picture found in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarkdownPicture {
    /// A `data:image/…;base64,` URI, as it stood in the text; its base64 was not looked at.
    DataUri(String),
    /// An `http` or `https` address, as it stood in the text.
    Url(String),
}

/// Takes pictures out of a text: what is left of it, and the pictures in order. A title
/// (`![alt](https://… "title")`) goes with its picture; a picture whose parenthesis is never closed
/// stays in the text. Linear in the length of the text.
pub fn take_pictures(text: &str) -> (String, Vec<MarkdownPicture>) {
    let bytes = text.as_bytes();
    let mut scanner = Scanner::new(Targets::DataAndUrls);
    let (mut left, mut pictures) = (Vec::with_capacity(bytes.len().min(64 * 1024)), Vec::new());
    let (mut at, mut begun, mut target) = (0, 0, Vec::new());
    loop {
        let (n, found) = scanner.step(&bytes[at..]);
        at += n;
        match found {
            Found::More => break,
            Found::Text(run) => left.extend_from_slice(run),
            Found::Held(held) => left.extend_from_slice(&held),
            Found::Begin { held, target: from } => {
                begun = at - held.len();
                target = held[from..].to_vec();
            }
            Found::Data(run) => target.extend_from_slice(run),
            Found::End => {
                let is_data = target[0].eq_ignore_ascii_case(&b'd');
                // Blanks before a title.
                target.truncate(target.trim_ascii_end().len());
                let address = whole(std::mem::take(&mut target));
                pictures.push(if is_data { MarkdownPicture::DataUri(address) } else { MarkdownPicture::Url(address) });
            }
        }
    }
    if scanner.in_picture() {
        left.extend_from_slice(&bytes[begun..]);
    }
    left.extend_from_slice(&scanner.finish());
    (whole(left), pictures)
}

fn whole(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("invariant: text is cut at ASCII characters only")
}

/// Which pictures are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Targets {
    Data,
    DataAndUrls,
}

/// What [`Scanner::step`] found. `Text` and `Data` are all that was used of the input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// Nothing more: all input is used.
    More,
    /// Text.
    Text(&'a [u8]),
    /// Text that was held back because it looked like the beginning of a picture.
    Held(Vec<u8>),
    /// A picture begins.
    Begin {
        /// From its `!` to the comma before the base64, or `//` of an address.
        held: Vec<u8>,
        /// Where its target begins in that.
        target: usize,
    },
    /// A part of the picture's base64 or address.
    Data(&'a [u8]),
    /// The picture is complete.
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Text,
    /// Behind `!`.
    Bang,
    /// In the alternative text, so many brackets deep.
    Alt(usize),
    /// Behind a `\` there.
    AltEscape(usize),
    /// Behind its closing bracket.
    Close,
    /// In the target, which begins so far into what is held.
    Target(usize),
    /// In base64.
    Data,
    /// In an address, so many parentheses deep.
    Url(usize),
    /// Behind the target: a title, or the end of `<…>`.
    Tail,
}

/// Finds pictures in text that arrives in pieces.
#[derive(Debug)]
pub(crate) struct Scanner {
    targets: Targets,
    at: At,
    held: Vec<u8>,
}

impl Scanner {
    /// At the beginning of a text.
    pub(crate) fn new(targets: Targets) -> Self {
        Self { targets, at: At::Text, held: Vec::new() }
    }

    /// Whether a picture has begun and not ended.
    pub(crate) fn in_picture(&self) -> bool {
        matches!(self.at, At::Data | At::Url(_) | At::Tail)
    }

    /// Ends the text: what was still held back of it.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.held
    }

    /// Looks at input until something is found; returns how much was used.
    pub(crate) fn step<'a>(&mut self, input: &'a [u8]) -> (usize, Found<'a>) {
        let mut used = 0;
        while let Some(&byte) = input.get(used) {
            let rest = &input[used..];
            let (n, found) = match self.at {
                At::Text => {
                    let end = beginning(rest);
                    if end > 0 {
                        debug_assert!(used == 0, "text begins behind something that was found");
                        return (end, Found::Text(&rest[..end]));
                    }
                    self.held.push(byte);
                    self.at = At::Bang;
                    (1, None)
                }
                At::Data => self.data(rest),
                At::Url(depth) => self.url(rest, depth),
                At::Tail => match memchr::memchr(b')', rest) {
                    Some(end) => (end + 1, Some(self.end())),
                    None => (rest.len(), None),
                },
                At::Bang | At::Alt(_) | At::AltEscape(_) | At::Close | At::Target(_) => self.candidate(byte),
            };
            used += n;
            if let Some(found) = found {
                return (used, found);
            }
        }
        (used, Found::More)
    }

    /// One byte of what may become a picture.
    fn candidate<'a>(&mut self, byte: u8) -> (usize, Option<Found<'a>>) {
        if self.held.len() >= MAX_HELD {
            return (0, Some(self.give_back()));
        }
        let next = match (self.at, byte) {
            (At::Bang, b'[') => At::Alt(1),
            (At::Alt(_), b'[') if self.held.last() == Some(&b'!') => {
                let before = self.held.len() - 1;
                let outer = std::mem::replace(&mut self.held, b"![".to_vec());
                self.at = At::Alt(1);
                return (1, Some(Found::Held(outer[..before].to_vec())));
            }
            (At::Alt(depth), b'[') => At::Alt(depth + 1),
            (At::Alt(1), b']') => At::Close,
            (At::Alt(depth), b']') => At::Alt(depth - 1),
            (At::Alt(depth), b'\\') => At::AltEscape(depth),
            (At::Alt(depth) | At::AltEscape(depth), _) => At::Alt(depth),
            (At::Close, b'(') => At::Target(self.held.len() + 1),
            (At::Target(from), b' ' | b'\n' | b'<') if from == self.held.len() => At::Target(from + 1),
            (At::Target(from), _) if self.may_go_on(from, byte) => {
                self.held.push(byte);
                return (1, self.begun(from, byte));
            }
            _ => return (0, Some(self.give_back())),
        };
        self.held.push(byte);
        self.at = next;
        (1, None)
    }

    /// Whether `byte` can stand next in a target.
    fn may_go_on(&self, from: usize, byte: u8) -> bool {
        let target = &self.held[from..];
        let fits = |begin: &[u8]| {
            begin.get(target.len()).is_some_and(|next| next.eq_ignore_ascii_case(&byte))
                && begin[..target.len()].eq_ignore_ascii_case(target)
        };
        if target.len() < DATA.len() {
            fits(DATA) || self.targets == Targets::DataAndUrls && (fits(HTTP) || fits(HTTPS))
        } else {
            byte.is_ascii_graphic() && !b"()<>[]!\"'\\".contains(&byte)
        }
    }

    /// After a byte of the target: whether the picture has begun.
    fn begun<'a>(&mut self, from: usize, byte: u8) -> Option<Found<'a>> {
        let target = &self.held[from..];
        if target.eq_ignore_ascii_case(HTTP) || target.eq_ignore_ascii_case(HTTPS) {
            self.at = At::Url(0);
        } else if byte != b',' {
            return None;
        } else if data_uri(target).is_some() {
            self.at = At::Data;
        } else {
            return Some(self.give_back());
        }
        Some(Found::Begin { held: std::mem::take(&mut self.held), target: from })
    }

    fn give_back<'a>(&mut self) -> Found<'a> {
        self.at = At::Text;
        Found::Held(std::mem::take(&mut self.held))
    }

    fn end<'a>(&mut self) -> Found<'a> {
        self.at = At::Text;
        Found::End
    }

    fn data<'a>(&mut self, rest: &'a [u8]) -> (usize, Option<Found<'a>>) {
        match memchr::memchr3(b')', b'"', b'>', rest) {
            Some(0) if rest[0] == b')' => (1, Some(self.end())),
            Some(0) => {
                self.at = At::Tail;
                (1, None)
            }
            end => {
                let end = end.unwrap_or(rest.len());
                (end, Some(Found::Data(&rest[..end])))
            }
        }
    }

    fn url<'a>(&mut self, rest: &'a [u8], mut depth: usize) -> (usize, Option<Found<'a>>) {
        let mut end = 0;
        while let Some(&byte) = rest.get(end) {
            match byte {
                b'(' => depth += 1,
                b')' if depth == 0 => break,
                b')' => depth -= 1,
                b' ' | b'\t' | b'\n' | b'\r' | b'>' => break,
                _ => {}
            }
            end += 1;
        }
        self.at = At::Url(depth);
        if end > 0 {
            return (end, Some(Found::Data(&rest[..end])));
        }
        if rest[0] == b')' {
            return (1, Some(self.end()));
        }
        self.at = At::Tail;
        (1, None)
    }
}

/// Where a picture may begin: `![`, or a `!` of which it is not known yet. A `!` that is not one is text
/// like any other, so that many of them cost no more.
fn beginning(text: &[u8]) -> usize {
    memchr::memchr_iter(b'!', text).find(|at| text.get(at + 1).is_none_or(|next| *next == b'[')).unwrap_or(text.len())
}

#[cfg(test)]
mod tests;
