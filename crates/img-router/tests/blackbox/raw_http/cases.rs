//! Streams of bytes that are nearly HTTP/1.1, the same for the same seed. Each holds a request for a picture where no request may be seen: in
//! a body whose end is in doubt, or behind it.

use crate::dice::Dice;
use crate::faults::GENERATE;
use crate::support::KEY;

/// A stream, and the pieces in which it is sent.
pub(super) struct Case {
    pub(super) bytes: Vec<u8>,
    pub(super) cuts: Vec<usize>,
}

/// A request as it is put together: its first line and fields, without line ends, and its body.
struct Draft {
    line: Vec<u8>,
    fields: Vec<Vec<u8>>,
    /// What ends each line.
    ends: Vec<Vec<u8>>,
    body: Vec<u8>,
}

impl Draft {
    fn new(line: &str, fields: &[&str], body: Vec<u8>) -> Self {
        let fields: Vec<Vec<u8>> = fields.iter().map(|field| field.as_bytes().to_vec()).collect();
        Self { line: line.as_bytes().to_vec(), ends: vec![b"\r\n".to_vec(); fields.len() + 2], fields, body }
    }

    fn add(&mut self, field: impl Into<Vec<u8>>) {
        self.fields.push(field.into());
        self.ends.push(b"\r\n".to_vec());
    }

    /// Leaves out every field of this name, and puts another in its place.
    fn replace(&mut self, name: &str, field: impl Into<Vec<u8>>) {
        self.fields.retain(|known| !known.starts_with(name.as_bytes()));
        self.ends.truncate(self.fields.len() + 2);
        self.add(field);
    }

    fn bytes(&self) -> Vec<u8> {
        let empty = Vec::new();
        let lines = std::iter::once(&self.line).chain(&self.fields).chain([&empty]);
        let mut all: Vec<u8> = lines.zip(&self.ends).flat_map(|(line, end)| [line.as_slice(), end].concat()).collect();
        all.extend_from_slice(&self.body);
        all
    }
}

fn document(prompt: &str) -> String {
    format!("{{\"model\":\"any\",\"prompt\":\"{prompt}\",\"response_format\":\"url\"}}")
}

fn drawing(prompt: &str, more: &[&str], framing: &str, body: Vec<u8>) -> Draft {
    let key = format!("authorization: Bearer {KEY}");
    let id = format!("x-request-id: {}", prompt.replace(' ', "-"));
    let fields = [&["host: localhost", &key, "content-type: application/json", &id], more, &[framing]].concat();
    Draft::new(&format!("POST {GENERATE} HTTP/1.1"), &fields, body)
}

/// A request for a picture, whole and good.
fn canary(prompt: &str) -> Vec<u8> {
    let body = document(prompt);
    drawing(prompt, &["connection: close"], &format!("content-length: {}", body.len()), body.into_bytes()).bytes()
}

fn chunked(body: &[u8], dice: &mut Dice) -> Vec<u8> {
    let (mut all, mut rest) = (Vec::new(), body);
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(1 + dice.place(rest.len()));
        all.extend([format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat());
        rest = after;
    }
    all.extend_from_slice(b"0\r\n\r\n");
    all
}

/// The stream of this number.
pub(super) fn case(number: u64) -> Case {
    let mut dice = Dice(0x17 ^ number.wrapping_mul(0xD134_2543_DE82_EF95));
    let mut bytes = Vec::new();
    if dice.chance(30) {
        for turn in 0..=dice.place(3) {
            bytes.extend(format!("GET /health HTTP/1.1\r\nhost: localhost\r\nx-request-id: ahead-{number}-{turn}\r\n\r\n").bytes());
        }
    }
    let hidden = canary(&format!("canary {number} in it"));
    let outer = format!("canary {number} around it");
    let mut draft = match dice.place(4) {
        0 => drawing(&outer, &[], &format!("content-length: {}", hidden.len()), hidden),
        1 => drawing(&outer, &[], "transfer-encoding: chunked", chunked(&hidden, &mut dice)),
        2 => {
            let body = chunked(document(&outer).as_bytes(), &mut dice);
            drawing(&outer, &[], "transfer-encoding: chunked", [body, hidden].concat())
        }
        _ => {
            let body = document(&outer);
            drawing(&outer, &[], &format!("content-length: {}", body.len()), [body.as_bytes(), &hidden].concat())
        }
    };
    // Some stay as they are: they show that a hidden request would be seen, were it taken.
    for _ in 0..dice.place(4) {
        spoil(&mut draft, &mut dice);
    }
    bytes.extend(draft.bytes());
    match dice.place(12) {
        0 => bytes.truncate(dice.place(bytes.len())),
        1 | 2 => scramble(&mut bytes, &mut dice),
        3 => bytes.extend(canary(&format!("canary {number} behind it"))),
        4 if dice.chance(30) => {
            let start: &[u8] = dice.pick(&[
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(),
                b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
                b"\0",
                b"\n",
                b"\r\n\r\n",
                b" ",
            ]);
            bytes.splice(0..0, start.iter().copied());
        }
        5 if dice.chance(20) => bytes = (0..1 + dice.place(3000)).map(|_| dice.byte()).collect(),
        _ => {}
    }
    let cuts = (0..dice.place(4)).map(|_| dice.place(bytes.len() + 1)).collect();
    Case { bytes, cuts }
}

const LENGTHS: [&str; 16] = [
    "0",
    "1",
    "+5",
    "-1",
    "0x10",
    "5, 5",
    "5, 6",
    "",
    "5 5",
    "5;",
    "1e2",
    "018446744073709551617",
    "99999999999999999999",
    "\u{b}5",
    "5\u{a0}",
    "five",
];
const CODINGS: [&str; 17] = [
    "chunked",
    "xchunked",
    "chunkedx",
    "Chunked",
    "chunked ",
    "\tchunked",
    "\u{b}chunked",
    "chunked, identity",
    "identity, chunked",
    "chunked, chunked",
    "gzip, chunked",
    "chunked;q=1",
    "\"chunked\"",
    "identity",
    "",
    ",",
    "chunked\u{a0}",
];
const METHODS: [&str; 16] = [
    "GET",
    "HEAD",
    "OPTIONS",
    "PUT",
    "DELETE",
    "TRACE",
    "CONNECT",
    "PATCH",
    "PROPFIND",
    "post",
    "P\0ST",
    "PO ST",
    "",
    "POST\t",
    "{}",
    "POST,POST",
];
const TARGETS: [&str; 18] = [
    "*",
    "localhost:80",
    "http://localhost/v1/images/generations",
    "http://evil.example/v1/images/generations",
    "https://localhost:99999/",
    "http://",
    "//",
    "/../v1/images/generations",
    "/v1/images/generations#x",
    "/v1/images/generations?x",
    "/v1/%69mages/generations",
    "/health",
    "/api/config",
    "/v1/models\u{7f}",
    "/%00",
    "/v1/images/generations HTTP/1.1",
    "\\v1",
    "/v1/images/edits",
];
const VERSIONS: [&str; 12] = [
    "HTTP/1.0",
    "HTTP/1.2",
    "HTTP/0.9",
    "HTTP/2.0",
    "HTTP/2",
    "http/1.1",
    "HTTP/1.1 ",
    " HTTP/1.1",
    "HTTP/1.10",
    "HTTP/1,1",
    "",
    "HTP/1.1",
];
const FIELDS: [&str; 18] = [
    "expect: 100-continue",
    "expect: 200-maybe",
    "upgrade: websocket\r\nconnection: upgrade",
    "upgrade: h2c\r\nconnection: upgrade, http2-settings",
    "connection: close",
    "connection: transfer-encoding, content-length",
    "connection: keep-alive",
    "keep-alive: timeout=9999999",
    "host: evil.example",
    "host:",
    "te: trailers",
    "trailer: content-length",
    "content-encoding: gzip",
    "x-http-method-override: DELETE",
    "content_length: 3",
    "transfer_encoding: chunked",
    "range: bytes=0-",
    "idempotency-key: \u{7f}",
];

/// One thing that no client should do.
fn spoil(draft: &mut Draft, dice: &mut Dice) {
    let line = |method: &str, target: &str, version: &str| format!("{method} {target} {version}").into_bytes();
    let field = dice.place(draft.fields.len());
    match dice.place(16) {
        0 => draft.line = line(dice.pick(&METHODS), GENERATE, "HTTP/1.1"),
        1 => draft.line = line(dice.pick(&["POST", "GET"]), dice.pick(&TARGETS), "HTTP/1.1"),
        2 => draft.line = line("POST", GENERATE, dice.pick(&VERSIONS)),
        3 => draft.replace("content-length", format!("content-length: {}", dice.pick(&LENGTHS))),
        4 => draft.add(format!("Content-Length: {}", dice.pick(&LENGTHS))),
        5 => draft.replace("transfer-encoding", format!("transfer-encoding: {}", dice.pick(&CODINGS))),
        6 => draft.add(format!("Transfer-Encoding: {}", dice.pick(&CODINGS))),
        7 => draft.add(format!(
            "{}: {}",
            dice.pick(&["content-length ", "transfer-encoding ", " x", "x\0", "", "x y", "trans\u{e9}"]),
            dice.pick(&["chunked", "0"])
        )),
        8 => draft.add(dice.pick(&FIELDS)),
        // A field that goes on in the next line.
        9 => draft.fields[field].extend_from_slice(dice.pick(&[
            b"\r\n folded".as_slice(),
            b"\r\n\tchunked",
            b"\n x",
            b"\r\n ",
            b"\rx: y",
            b"\0",
        ])),
        10 => {
            let place = dice.place(draft.ends.len());
            draft.ends[place] = dice.pick(&[b"\n".as_slice(), b"\r", b"\r\r\n", b"", b"\n\r", b" \r\n", b"\0\r\n"]).to_vec();
        }
        11 if dice.chance(25) => draft.add(["x-large: ".to_owned(), "y".repeat(1 << (8 + dice.place(10)))].concat()),
        12 if dice.chance(25) => (0..1 << (3 + dice.place(8))).for_each(|at| draft.add(format!("x-{at}: y"))),
        13 if dice.chance(25) => draft.line = line("POST", &format!("/{}", "x".repeat(1 << (8 + dice.place(10)))), "HTTP/1.1"),
        14 => {
            // The size or the end of a chunk, or whatever stands there.
            let place = dice.place(draft.body.len().min(6));
            let odd: &[u8] = dice.pick(&[
                b"-".as_slice(),
                b"+",
                b"0x",
                b" ",
                b";x=\"\r\n\"",
                b"\n",
                b"\r",
                b"ffffffffffffffff",
                b"0\r\n\r\n",
                b";\n",
                b"\0",
                b"g",
            ]);
            draft.body.splice(place..place, odd.iter().copied());
        }
        _ => scramble(&mut draft.body, dice),
    }
}

/// Changes, leaves out, repeats or puts in a few bytes.
fn scramble(bytes: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..=dice.place(3) {
        if bytes.is_empty() {
            return;
        }
        let at = dice.place(bytes.len());
        let end = (at + 1 + dice.place(16)).min(bytes.len());
        match dice.place(4) {
            0 => bytes[at] ^= 1 << dice.place(8),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            _ => {
                let odd = dice.pick(&[b"\r\n".as_slice(), b"\n", b"\0", b":", b" ", b"\r\n\r\n", b"\x80", b","]);
                bytes.splice(at..at, odd.iter().copied());
            }
        }
    }
}
