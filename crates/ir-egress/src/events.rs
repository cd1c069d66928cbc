//! Replies that are streams of events (`text/event-stream`, WHATWG HTML, section 9.2): told one by
//! one as they come. Data that is a document is lifted while it is read, so that a picture inside an
//! event is never in memory.

use crate::faults::{from_wire, nonsense};
use crate::reply::{MAX_TEXT, ReplyLimits, keep, lift_limits, lossy, ours};
use crate::wire::WireBody;
use bytes::{Buf, Bytes};
use ir_model::Fault;
use ir_platforms::{Event, ReplyBody};
use ir_spool::{Lifter, Spool};
use std::fmt;

/// The byte order mark of UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";
/// Most events of one stream.
const MAX_EVENTS: u32 = 100_000;
/// Longest name of a field and of an event, in bytes.
const MAX_NAME: usize = 256;
/// A whole stream may be this many times as long as one event.
const MAX_DOCUMENTS: u64 = 16;

/// The events of one reply. The connection is closed when this is dropped.
pub struct Events {
    body: WireBody,
    spool: Spool,
    limits: ReplyLimits,
    /// What came and was not read yet.
    chunk: Bytes,
    total: u64,
    events: u32,
    line: Line,
    name: Vec<u8>,
    data: Option<Data>,
    /// The last line ended with a carriage return: a line feed that follows belongs to it.
    after_cr: bool,
    /// Bytes of the byte order mark that have come; all of them behind it, or if there is none.
    mark: usize,
    over: bool,
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("total", &self.total).field("events", &self.events).finish_non_exhaustive()
    }
}

/// Where a line stands.
enum Line {
    /// Before its colon.
    Field(Vec<u8>),
    /// In the value of `event`; `true`: at its beginning.
    Name(bool),
    /// In the value of `data`; `true`: at its beginning.
    Data(bool),
    /// In something that says nothing to us.
    Other,
}

/// The data of an event.
struct Data {
    /// `None`: it is text.
    lifter: Option<Lifter>,
    /// Its first 64 KiB.
    beginning: Vec<u8>,
    bytes: u64,
}

impl Events {
    pub(crate) fn new(body: WireBody, spool: Spool, limits: ReplyLimits) -> Self {
        Self {
            body,
            spool,
            limits,
            chunk: Bytes::new(),
            total: 0,
            events: 0,
            line: Line::Field(Vec::new()),
            name: Vec::new(),
            data: None,
            after_cr: false,
            mark: 0,
            over: false,
        }
    }

    /// The next event that has data; `None` at the end. An event that the end of the stream cuts
    /// short is told if its data is whole: platforms forget the last blank line.
    ///
    /// # Errors
    /// `Timeout` or `UpstreamFault` when the connection breaks off or a bound is passed; a gate fault
    /// when our own disk fails. After one, the stream is over.
    pub async fn next(&mut self) -> Result<Option<Event>, Fault> {
        if self.over {
            return Ok(None);
        }
        let next = self.read().await;
        self.over = !matches!(next, Ok(Some(_)));
        next
    }

    async fn read(&mut self) -> Result<Option<Event>, Fault> {
        loop {
            while !self.chunk.is_empty() {
                if let Some(event) = self.piece().await? {
                    return Ok(Some(event));
                }
            }
            match self.body.chunk().await.map_err(|fault| from_wire(&fault))? {
                Some(chunk) => {
                    self.total = self.total.saturating_add(chunk.len() as u64);
                    if self.total > self.limits.max_json.saturating_mul(MAX_DOCUMENTS) {
                        return Err(nonsense("the stream of events is too long"));
                    }
                    self.chunk = chunk;
                    self.pass_mark();
                }
                None => {
                    self.over = true;
                    return Ok(self.finish().await?.filter(|event| event.json().is_some()));
                }
            }
        }
    }

    /// Passes over a byte order mark, which may be cut.
    fn pass_mark(&mut self) {
        while let (Some(wanted), Some(byte)) = (MARK.get(self.mark), self.chunk.first()) {
            if byte != wanted {
                // What looked like one begins the name of a field, which then is none that we know.
                if self.mark > 0 {
                    self.line = Line::Field(MARK[..self.mark].to_vec());
                }
                self.mark = MARK.len();
                return;
            }
            self.chunk.advance(1);
            self.mark += 1;
        }
    }

    /// Reads to the end of the line or of what came.
    async fn piece(&mut self) -> Result<Option<Event>, Fault> {
        if std::mem::take(&mut self.after_cr) && self.chunk.starts_with(b"\n") {
            self.chunk.advance(1);
        }
        let end = memchr::memchr2(b'\n', b'\r', &self.chunk);
        let part = self.chunk.split_to(end.unwrap_or(self.chunk.len()));
        self.take(part).await?;
        let Some(_) = end else { return Ok(None) };
        self.after_cr = self.chunk.first() == Some(&b'\r');
        self.chunk.advance(1);
        match std::mem::replace(&mut self.line, Line::Field(Vec::new())) {
            Line::Field(name) if name.is_empty() => return self.finish().await,
            // A field without a colon has an empty value.
            Line::Field(name) if name == b"data" => self.begin_data().await?,
            Line::Field(name) if name == b"event" => self.name.clear(),
            Line::Field(_) | Line::Name(_) | Line::Data(_) | Line::Other => {}
        }
        Ok(None)
    }

    /// Takes a part of a line.
    async fn take(&mut self, mut part: Bytes) -> Result<(), Fault> {
        if let Line::Field(name) = &mut self.line {
            let colon = memchr::memchr(b':', &part);
            let head = part.split_to(colon.unwrap_or(part.len()));
            name.extend_from_slice(&head[..head.len().min(MAX_NAME - name.len())]);
            if colon.is_none() {
                return Ok(());
            }
            part.advance(1);
            self.line = match name.as_slice() {
                b"data" => Line::Data(true),
                b"event" => Line::Name(true),
                _ => Line::Other,
            };
            match self.line {
                Line::Data(_) => self.begin_data().await?,
                Line::Name(_) => self.name.clear(),
                Line::Field(_) | Line::Other => {}
            }
        }
        if part.is_empty() {
            return Ok(());
        }
        if let Line::Data(at_start) | Line::Name(at_start) = &mut self.line
            && std::mem::take(at_start)
            && part.starts_with(b" ")
        {
            part.advance(1);
        }
        match self.line {
            Line::Data(_) => self.push(&part).await,
            Line::Name(_) => {
                let room = MAX_NAME - self.name.len();
                self.name.extend_from_slice(&part[..part.len().min(room)]);
                Ok(())
            }
            Line::Field(_) | Line::Other => Ok(()),
        }
    }

    /// A further line of data is joined to those before it.
    async fn begin_data(&mut self) -> Result<(), Fault> {
        if self.data.is_some() {
            return self.push(b"\n").await;
        }
        self.data = Some(Data { lifter: None, beginning: Vec::new(), bytes: 0 });
        Ok(())
    }

    async fn push(&mut self, part: &[u8]) -> Result<(), Fault> {
        let Some(data) = &mut self.data else { return Ok(()) };
        if data.bytes == 0 && matches!(part.first(), Some(b'{' | b'[')) {
            data.lifter = Some(Lifter::new(&self.spool, lift_limits(self.limits)));
        }
        data.bytes += part.len() as u64;
        keep(&mut data.beginning, part);
        if data.bytes > self.limits.max_json {
            return Err(nonsense("an event is too long"));
        }
        if let Some(lifter) = &mut data.lifter
            && let Err(error) = lifter.push(part).await
        {
            match ours(&error) {
                Some(fault) => return Err(fault),
                None => data.lifter = None,
            }
        }
        Ok(())
    }

    /// The event that the lines so far make, if they have data.
    async fn finish(&mut self) -> Result<Option<Event>, Fault> {
        let name = lossy(&std::mem::take(&mut self.name));
        let Some(data) = self.data.take() else { return Ok(None) };
        self.events += 1;
        if self.events > MAX_EVENTS {
            return Err(nonsense("the stream has too many events"));
        }
        if let Some(lifter) = data.lifter {
            match lifter.finish().await {
                Ok(node) => return Ok(Some(Event { name, body: ReplyBody::Json(node) })),
                Err(error) => {
                    if let Some(fault) = ours(&error) {
                        return Err(fault);
                    }
                }
            }
        }
        debug_assert!(data.beginning.len() <= MAX_TEXT);
        Ok(Some(Event { name, body: ReplyBody::Text(lossy(&data.beginning)) }))
    }
}
