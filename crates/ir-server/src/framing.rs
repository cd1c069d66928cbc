//! Heads that readers disagree about (B-10). hyper takes two of them, and does not tell, so the head is
//! looked at while it is read.
//!
//! Two lengths (or one told twice): hyper obeys `Transfer-Encoding`, drops `Content-Length` and ends the connection, so
//! nothing can be smuggled past it; but what came through a proxy that obeyed the other header is not
//! the request that its caller wrote, and must not cost anybody a picture. Lines that end without a
//! carriage return: a proxy that takes them for one long line sees other headers than hyper.

/// Bytes of a line that are looked at: a name and the longest length.
const LINE: usize = 48;
const CONTENT_LENGTH: &[u8] = b"content-length:";
const TRANSFER_ENCODING: &[u8] = b"transfer-encoding:";

/// Looks at all bytes of one connection, for its heads: a head that was sent ahead, behind another request,
/// is read by hyper without being waited for.
#[derive(Debug)]
pub(crate) struct HeadScan {
    part: Part,
    /// The beginning of the present line, in lower case.
    line: [u8; LINE],
    /// Bytes of the present line, line break and carriage returns left out.
    length: usize,
    /// Whether the request line was seen.
    begun: bool,
    /// Lines that tell a length, and what the last one tells.
    lengths: usize,
    content_length: u64,
    chunked: bool,
    /// Whether the byte before was a carriage return.
    returned: bool,
    bare_line_feed: bool,
    /// Requests before the present one.
    number: u64,
    found: Option<(u64, Ambiguous)>,
}

/// Where a connection stands (RFC 9112, 6 and 7.1).
#[derive(Debug)]
enum Part {
    Head,
    /// So many bytes of a body, or of a chunk with the line break behind it (`true`), are to come.
    Body(u64, bool),
    /// The line with a chunk's size: the size so far, and whether its digits are over.
    Size(u64, bool),
    Trailer,
    /// Nothing that follows is a request: hyper ends the connection.
    Over,
}

/// Why a head is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ambiguous {
    /// `Content-Length` and `Transfer-Encoding`, or one of them twice.
    TwoLengths,
    /// A line that ends without a carriage return.
    BareLineFeed,
}

impl HeadScan {
    pub(crate) fn new() -> Self {
        Self {
            part: Part::Head,
            line: [0; LINE],
            length: 0,
            begun: false,
            lengths: 0,
            content_length: 0,
            chunked: false,
            returned: false,
            bare_line_feed: false,
            number: 0,
            found: None,
        }
    }

    /// Takes the next bytes.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            match &mut self.part {
                Part::Over => return,
                Part::Body(left, chunk) => {
                    let skipped = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    bytes = &bytes[skipped..];
                    *left -= skipped as u64;
                    if *left == 0 {
                        if *chunk { self.part = Part::Size(0, false) } else { self.next() }
                    }
                }
                Part::Size(size, digits_over) => {
                    bytes = rest;
                    match (char::from(byte).to_digit(16), byte) {
                        (_, b'\n') => {
                            self.part = match *size {
                                0 => Part::Trailer,
                                size => size.checked_add(2).map_or(Part::Over, |all| Part::Body(all, true)),
                            };
                        }
                        (Some(digit), _) if !*digits_over => {
                            match size.checked_mul(16).and_then(|size| size.checked_add(u64::from(digit))) {
                                Some(next) => *size = next,
                                None => self.part = Part::Over,
                            }
                        }
                        _ => *digits_over = true,
                    }
                }
                Part::Head | Part::Trailer => {
                    bytes = rest;
                    self.line_byte(byte);
                }
            }
        }
    }

    fn line_byte(&mut self, byte: u8) {
        let returned = std::mem::replace(&mut self.returned, byte == b'\r');
        match byte {
            b'\n' => {
                self.bare_line_feed |= !returned;
                self.end_line();
                self.length = 0;
            }
            b'\r' => {}
            byte => {
                if let Some(place) = self.line.get_mut(self.length) {
                    *place = byte.to_ascii_lowercase();
                }
                self.length += 1;
            }
        }
    }

    fn end_line(&mut self) {
        let line = &self.line[..self.length.min(LINE)];
        if matches!(self.part, Part::Trailer) {
            if self.bare_line_feed {
                // hyper goes on reading trailers where others see their end: what it takes for the next
                // request may be the body of one.
                self.found = Some((self.number + 1, Ambiguous::BareLineFeed));
                self.part = Part::Over;
            } else if line.is_empty() {
                self.next();
            }
            return;
        }
        if let Some(value) = line.strip_prefix(CONTENT_LENGTH) {
            self.lengths += 1;
            // hyper refuses what is no number.
            let value = std::str::from_utf8(value).ok().and_then(|value| value.trim().parse().ok());
            self.content_length = value.unwrap_or(u64::MAX);
        }
        if line.starts_with(TRANSFER_ENCODING) {
            self.lengths += 1;
            self.chunked = true;
        }
        // Blank lines before a request line mean nothing (RFC 9112, 2.2).
        if self.begun && line.is_empty() {
            self.end_head();
        } else {
            self.begun |= !line.is_empty();
        }
    }

    fn end_head(&mut self) {
        if self.lengths > 1 {
            self.found = Some((self.number, Ambiguous::TwoLengths));
        } else if self.bare_line_feed {
            self.found = Some((self.number, Ambiguous::BareLineFeed));
        }
        match (self.found, self.chunked, self.content_length) {
            (Some(_), ..) => self.part = Part::Over,
            (None, true, _) => self.part = Part::Size(0, false),
            (None, false, 0) => self.next(),
            (None, false, left) => self.part = Part::Body(left, false),
        }
    }

    /// Another request may follow.
    fn next(&mut self) {
        *self = Self { number: self.number + 1, ..Self::new() };
    }

    /// The first head of the connection that is not taken: how many requests are before it, and why.
    pub(crate) fn ambiguous(&self) -> Option<(u64, Ambiguous)> {
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Proves B-10.
    #[test]
    fn heads_in_any_portions() {
        let (two, bare) = (|number| Some((number, Ambiguous::TwoLengths)), |number| Some((number, Ambiguous::BareLineFeed)));
        let chunked = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
        let table = [
            ("POST / HTTP/1.1\r\nContent-Length: 5\r\nTRANSFER-ENCODING: chunked\r\n\r\n".to_owned(), two(0)),
            ("\r\n\nPOST / HTTP/1.1\ntransfer-encoding:chunked\ncontent-length:5\n\n".to_owned(), two(0)),
            ("POST / HTTP/1.1\r\ncontent-length: 5\r\nContent-Length:5\r\n\r\n".to_owned(), two(0)),
            ("POST / HTTP/1.1\r\ncontent-length: 30\r\n\r\ntransfer-encoding: chunked\r\n\r\n".to_owned(), None),
            ("POST / HTTP/1.1\r\nx-content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n".to_owned(), None),
            ("POST /content-length: HTTP/1.1\r\nx: content-length:\r\ntransfer-encoding: chunked\r\n\r\n".to_owned(), None),
            ("POST / HTTP/1.1\r\ncontent-length-x: 5\r\ntransfer-encoding: chunked\r\n\r\n".to_owned(), None),
            ("GET / HTTP/1.1\nhost: a\r\n\r\n".to_owned(), bare(0)),
            ("GET / HTTP/1.1\r\nhost: a\nx: 1\r\n\r\n".to_owned(), bare(0)),
            ("GET / HTTP/1.1\r\nhost: a\r\n\n".to_owned(), bare(0)),
            ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 25\r\n\r\nwhat follows\nis a body\n\n".to_owned(), None),
            // Behind others, of every kind.
            ("GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\nhost: a\r\n\r\n".to_owned(), bare(1)),
            ("POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\n\na\nGET / HTTP/1.1\nhost: a\r\n\r\n".to_owned(), bare(1)),
            (format!("{chunked}0\r\n\r\nGET / HTTP/1.1\r\nhost: a\n\r\n"), bare(1)),
            (format!("{chunked}a;x=1\r\n\n234567\n9a\r\nB\r\n0123456789a\r\n0\r\nx: y\r\n\r\n{chunked}0\r\n\r\nGET /\n\n"), bare(2)),
            (format!("{chunked}0\r\n\r\n{}", chunked.replace("host: a", "content-length: 0")), two(1)),
            (format!("{chunked}0\r\n\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n"), bare(1)),
            (format!("{chunked}0\r\nx: y\n\r\n"), bare(1)),
            (format!("{chunked}5\r\na\nb\nc\r\n0\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n"), None),
            (format!("{chunked}ffffffffffffffff\r\nGET / HTTP/1.1\nhost: a\n\n"), None),
        ];
        for (bytes, ambiguous) in table {
            for portion in 1..=bytes.len() {
                let mut scan = HeadScan::new();
                bytes.as_bytes().chunks(portion).for_each(|bytes| scan.feed(bytes));
                assert_eq!(scan.ambiguous(), ambiguous, "{portion}: {bytes:?}");
            }
        }
    }
}
