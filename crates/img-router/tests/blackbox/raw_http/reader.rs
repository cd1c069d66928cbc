//! A slow and strict reader of HTTP/1.1 (RFC 9112): which requests stand in a stream of bytes without any doubt. Where it stops, nothing that
//! follows may be taken for a request; and answers come for the requests that it finds, and at most one for what it stopped at.
//!
//! It is stricter than the RFC asks for, as the gateway is (B-10): lines end with CR and LF, a length is told once and in one way, and nothing is
//! coded but in chunks.

/// A request whose end is certain.
#[derive(Debug)]
pub(super) struct Request {
    /// Its answer has no body.
    pub(super) is_head: bool,
    /// What came in its body, chunks put together.
    pub(super) body: Vec<u8>,
}

/// All requests up to the first doubt.
pub(super) fn requests(mut bytes: &[u8]) -> Vec<Request> {
    let mut found = Vec::new();
    while let Some((request, rest, goes_on)) = request(bytes) {
        found.push(request);
        if !goes_on {
            break;
        }
        bytes = rest;
    }
    found
}

fn request(mut bytes: &[u8]) -> Option<(Request, &[u8], bool)> {
    // Empty lines before a request mean nothing (RFC 9112, 2.2).
    let (line, mut bytes) = loop {
        let (line, rest) = self::line(bytes)?;
        if !line.is_empty() {
            break (line, rest);
        }
        bytes = rest;
    };
    let mut words = line.split(|byte| *byte == b' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    let is_old = version == b"HTTP/1.0";
    let fine = words.next().is_none() && is_token(method) && !target.is_empty() && target.iter().all(u8::is_ascii_graphic);
    if !fine || !(is_old || version == b"HTTP/1.1") {
        return None;
    }
    let (mut lengths, mut codings, mut options) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        let (field, rest) = self::line(bytes)?;
        bytes = rest;
        if field.is_empty() {
            break;
        }
        let colon = field.iter().position(|byte| *byte == b':')?;
        let (name, value) = (&field[..colon], field[colon + 1..].trim_ascii());
        let is_text = |byte: &u8| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7F);
        if !is_token(name) || !value.iter().all(is_text) {
            return None;
        }
        let list = match name.to_ascii_lowercase().as_slice() {
            b"content-length" => &mut lengths,
            b"transfer-encoding" => &mut codings,
            b"connection" => &mut options,
            _ => continue,
        };
        list.extend(value.split(|byte| *byte == b',').map(|item| item.trim_ascii().to_ascii_lowercase()));
    }
    let (body, rest) = match (lengths.as_slice(), codings.as_slice()) {
        ([], []) => (Vec::new(), bytes),
        ([length], []) => {
            let body = bytes.get(..decimal(length)?)?;
            (body.to_vec(), &bytes[body.len()..])
        }
        ([], [only]) if !is_old && only == b"chunked" => chunks(bytes)?,
        _ => return None,
    };
    let has = |option: &[u8]| options.iter().any(|found| found == option);
    let goes_on = !has(b"close") && (!is_old || has(b"keep-alive"));
    Some((Request { is_head: method == b"HEAD", body }, rest, goes_on))
}

/// The bytes up to a line's end, which is CR and LF and nothing else.
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'))?;
    Some((&bytes[..end], bytes[end..].strip_prefix(b"\r\n")?))
}

fn chunks(mut bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut body = Vec::new();
    loop {
        let (head, rest) = line(bytes)?;
        let digits = head.split(|byte| *byte == b';').next()?.trim_ascii_end();
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let size = usize::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        if size == 0 {
            bytes = rest;
            break;
        }
        body.extend_from_slice(rest.get(..size)?);
        bytes = rest[size..].strip_prefix(b"\r\n")?;
    }
    // Trailers.
    loop {
        let (field, rest) = line(bytes)?;
        bytes = rest;
        if field.is_empty() {
            return Some((body, bytes));
        }
    }
}

fn decimal(text: &[u8]) -> Option<usize> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
}

fn is_token(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

/// The statuses of the answers in these bytes, interim ones left out; an error where they are none. The last may be cut off.
pub(super) fn statuses(mut bytes: &[u8], requests: &[Request]) -> Result<Vec<u16>, String> {
    let mut found: Vec<u16> = Vec::new();
    while !bytes.is_empty() {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { break };
        let head = std::str::from_utf8(&bytes[..end]).map_err(|_| "a head that is no text".to_owned())?.to_ascii_lowercase();
        let status = head.strip_prefix("http/1.1 ").or_else(|| head.strip_prefix("http/1.0 ")).and_then(|rest| rest.get(..3));
        let status: u16 = status.and_then(|digits| digits.parse().ok()).ok_or_else(|| format!("no status: {head}"))?;
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
        let is_bare = status < 200 || matches!(status, 204 | 304) || requests.get(found.len()).is_some_and(|request| request.is_head);
        let (length, is_chunked) = (field("content-length: "), field("transfer-encoding: ").is_some());
        bytes = &bytes[end + 4..];
        if status >= 200 {
            found.push(status);
        }
        let after = match length {
            _ if is_bare => Some(bytes),
            Some(length) => bytes.get(length.parse().map_err(|_| format!("no length: {head}"))?..),
            None if is_chunked => chunks(bytes).map(|(_, rest)| rest),
            // Up to the end of the connection.
            None => None,
        };
        match after {
            Some(rest) => bytes = rest,
            None => break,
        }
    }
    Ok(found)
}

#[test]
fn the_reader_takes_nothing_that_is_in_doubt() {
    let count = |text: &str| requests(text.as_bytes()).len();
    let good = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    assert_eq!((count(good), count(&good.repeat(3)), count(&format!("\r\n{good}"))), (1, 3, 1));
    let post = |framing: &str, body: &str| count(&format!("POST / HTTP/1.1\r\nhost: a\r\n{framing}\r\n\r\n{body}{good}"));
    for (framing, body) in [("content-length: 3", "abc"), ("Transfer-Encoding: Chunked", "3;x=y\r\nabc\r\n0\r\nx: y\r\n\r\n")] {
        assert_eq!(post(framing, body), 2, "{framing}");
    }
    for (framing, body) in [
        ("content-length: +3", "abc"),
        ("content-length: 3\r\ncontent-length: 3", "abc"),
        ("transfer-encoding: chunked", "0\r\nx\ny\r\n\r\n"),
        ("content-length: 3, 4", "abc"),
        ("content-length:", ""),
        ("content-length: 3\r\ntransfer-encoding: chunked", "0\r\n\r\n"),
        ("transfer-encoding: chunked, identity", "0\r\n\r\n"),
        ("transfer-encoding: gzip, chunked", "0\r\n\r\n"),
        ("transfer-encoding: chunked, chunked", "0\r\n\r\n"),
        ("transfer-encoding : chunked", "0\r\n\r\n"),
        ("transfer-encoding:\r\n chunked", "0\r\n\r\n"),
        ("transfer-encoding: chunked", "3\nabc\r\n0\r\n\r\n"),
        ("transfer-encoding: chunked", "-3\r\nabc\r\n0\r\n\r\n"),
        ("transfer-encoding: chunked", "3\r\nabcX0\r\n\r\n"),
        ("x: \0", ""),
        ("x", ""),
    ] {
        assert_eq!(post(framing, body), 0, "{framing} {body:?}");
    }
    assert_eq!(post("connection: close", ""), 1);
    let loose = "GET / HTTP/1.1\nhost: a\n\n";
    assert_eq!((count(loose), count(&format!("{good}{loose}{good}"))), (0, 1));
    assert_eq!(count("GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n"), 1);
    let answers = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}HTTP/1.1 400 Bad Request\r\n\r\n";
    assert_eq!(statuses(answers, &[]), Ok(vec![200, 400]));
    assert!(statuses(b"{}HTTP/1.1 200 OK\r\n\r\n", &[]).is_err());
}
