//! Heads that readers disagree about (B-10). hyper takes two of them, and does not tell, so the head is
//! looked at while it is read.
//!
//! Two lengths: hyper obeys `Transfer-Encoding`, drops `Content-Length` and ends the connection, so
//! nothing can be smuggled past it; but what came through a proxy that obeyed the other header is not
//! the request that its caller wrote, and must not cost anybody a picture. Lines that end without a
//! carriage return: a proxy that takes them for one long line sees other headers than hyper.

/// Longest name that is looked for.
const LONGEST: usize = b"transfer-encoding:".len();

/// Looks at the bytes of one head.
#[derive(Debug, Default)]
pub(crate) struct HeadScan {
    /// The beginning of the present line, in lower case.
    line: [u8; LONGEST],
    /// Bytes of the present line, line break and carriage returns left out.
    length: usize,
    /// Whether the request line was seen.
    begun: bool,
    ended: bool,
    content_length: bool,
    transfer_encoding: bool,
    /// Whether the byte before was a carriage return.
    returned: bool,
    bare_line_feed: bool,
}

/// Why a head is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ambiguous {
    /// `Content-Length` and `Transfer-Encoding`.
    TwoLengths,
    /// A line that ends without a carriage return.
    BareLineFeed,
}

impl HeadScan {
    /// Takes the next bytes; those after the head are passed over.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.ended {
                return;
            }
            let returned = std::mem::replace(&mut self.returned, *byte == b'\r');
            match byte {
                b'\n' => {
                    self.bare_line_feed |= !returned;
                    self.end_line();
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
    }

    fn end_line(&mut self) {
        let line = &self.line[..self.length.min(LONGEST)];
        self.content_length |= line.starts_with(b"content-length:");
        self.transfer_encoding |= line.starts_with(b"transfer-encoding:");
        // Blank lines before a request line mean nothing (RFC 9112, 2.2).
        self.ended = self.begun && line.is_empty();
        self.begun |= !line.is_empty();
        self.length = 0;
    }

    /// What is wrong with the head, as far as it was seen.
    pub(crate) fn ambiguous(&self) -> Option<Ambiguous> {
        if self.content_length && self.transfer_encoding {
            Some(Ambiguous::TwoLengths)
        } else {
            self.bare_line_feed.then_some(Ambiguous::BareLineFeed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_in_any_portions() {
        let (two, bare) = (Some(Ambiguous::TwoLengths), Some(Ambiguous::BareLineFeed));
        let table = [
            ("POST / HTTP/1.1\r\nContent-Length: 5\r\nTRANSFER-ENCODING: chunked\r\n\r\n", two),
            ("\r\n\nPOST / HTTP/1.1\ntransfer-encoding:chunked\ncontent-length:5\n\n", two),
            ("POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\ntransfer-encoding: chunked\r\n\r\n", None),
            ("POST / HTTP/1.1\r\nx-content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n", None),
            ("POST /content-length: HTTP/1.1\r\nx: content-length:\r\ntransfer-encoding: chunked\r\n\r\n", None),
            ("POST / HTTP/1.1\r\ncontent-length-x: 5\r\ntransfer-encoding: chunked\r\n\r\n", None),
            ("GET / HTTP/1.1\nhost: a\r\n\r\n", bare),
            ("GET / HTTP/1.1\r\nhost: a\nx: 1\r\n\r\n", bare),
            ("GET / HTTP/1.1\r\nhost: a\r\n\n", bare),
            ("POST / HTTP/1.1\r\nhost: a\r\n\r\nwhat follows\nis a body\n\n", None),
        ];
        for (head, ambiguous) in table {
            for portion in 1..=head.len() {
                let mut scan = HeadScan::default();
                head.as_bytes().chunks(portion).for_each(|bytes| scan.feed(bytes));
                assert_eq!(scan.ambiguous(), ambiguous, "{portion}: {head:?}");
            }
        }
    }
}
