//! Two lengths in one head. hyper obeys `Transfer-Encoding`, drops `Content-Length` and ends the
//! connection, so nothing can be smuggled past it; but what came through a proxy that obeyed the
//! other header is not the request that its caller wrote, and must not cost anybody a picture
//! (`07-security.md`, B-10). hyper does not tell, so the head is looked at while it is read.

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
}

impl HeadScan {
    /// Takes the next bytes; those after the head are passed over.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.ended {
                return;
            }
            match byte {
                b'\n' => self.end_line(),
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

    /// Whether both headers were there.
    pub(crate) fn is_ambiguous(&self) -> bool {
        self.content_length && self.transfer_encoding
    }
}

/// In a request's extensions: its head had both headers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ambiguous;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_in_any_portions() {
        let table = [
            ("POST / HTTP/1.1\r\nContent-Length: 5\r\nTRANSFER-ENCODING: chunked\r\n\r\n", true),
            ("\r\n\nPOST / HTTP/1.1\ntransfer-encoding:chunked\ncontent-length:5\n\n", true),
            ("POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\ntransfer-encoding: chunked\r\n\r\n", false),
            ("POST / HTTP/1.1\r\nx-content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n", false),
            ("POST /content-length: HTTP/1.1\r\nx: content-length:\r\ntransfer-encoding: chunked\r\n\r\n", false),
            ("POST / HTTP/1.1\r\ncontent-length-x: 5\r\ntransfer-encoding: chunked\r\n\r\n", false),
        ];
        for (head, ambiguous) in table {
            for portion in 1..=head.len() {
                let mut scan = HeadScan::default();
                head.as_bytes().chunks(portion).for_each(|bytes| scan.feed(bytes));
                assert_eq!(scan.is_ambiguous(), ambiguous, "{portion}: {head:?}");
            }
        }
    }
}
