//! Reading JSON into a small document and the spool: the asynchronous shell around the parser.

use crate::base64_stream::{Blanks, Decoder, LEAST_ROOM};
use crate::error::{LiftError, LiftErrorKind, SpoolError};
use crate::json::{Begin, Bounds, Event, Fail, LiftKind, Parser, Places};
use crate::markdown::{Found, Scanner, Targets};
use crate::spool::Spool;
use crate::writer::SpoolWriter;
use ir_model::{Blob, LiftedBytes, LongText, Node};

/// Most pictures in one text. Each is an open file.
const MAX_PICTURES: usize = 64;

/// What a document may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiftLimits {
    /// Bytes as they arrive, all together.
    pub total: u64,
    /// Bytes of the document that are kept in memory: names, strings that stayed, and 64 for every
    /// value. One string of up to `lift_above` is held beside that.
    pub kept: usize,
    /// Bytes of one long text, without the pictures in it.
    pub text: u64,
    /// Bytes of one picture, decoded.
    pub picture: u64,
    /// Arrays and objects inside each other.
    pub depth: usize,
    /// Members and elements, all together.
    pub members: usize,
    /// Longer strings, in bytes, leave the document.
    pub lift_above: usize,
    /// Whether base64 may be written with `-` and `_` as well.
    pub url_safe: bool,
}

impl Default for LiftLimits {
    /// 64 MiB in all, 1 MiB of document, pictures and texts of 20 MiB, 128 deep, 10,000 members,
    /// lifting above 64 KiB, base64 of the standard alphabet.
    fn default() -> Self {
        let mib = 1024 * 1024;
        Self {
            total: 64 * mib,
            kept: 1024 * 1024,
            text: 20 * mib,
            picture: 20 * mib,
            depth: 128,
            members: 10_000,
            lift_above: 64 * 1024,
            url_safe: false,
        }
    }
}

/// Reads one JSON document while it arrives. String values above [`LiftLimits::lift_above`] go to
/// the spool: base64 (a `data:` URI, or bare and beginning like a picture) decoded, as
/// [`Node::Bytes`]; anything else as [`Node::Text`], with the pictures that were written into it as
/// Markdown taken out. A string that begins like base64 must be base64 to its end.
///
/// The result and every error but those of the file system are the same wherever the document is
/// cut. Lives inside a tokio runtime.
#[derive(Debug)]
pub struct Lifter {
    spool: Spool,
    limits: LiftLimits,
    parser: Parser,
    sink: Option<Sink>,
}

impl Lifter {
    /// At the beginning of a document.
    pub fn new(spool: &Spool, limits: LiftLimits) -> Self {
        let LiftLimits { kept, depth, members, lift_above, .. } = limits;
        let parser = Parser::new(Bounds { kept, depth, members, lift_above });
        Self { spool: spool.clone(), limits, parser, sink: None }
    }

    /// Reads the next bytes; waits for the disk when it is slower than the sender.
    ///
    /// # Errors
    /// What is wrong with the document, and where. It cannot be read on.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<(), LiftError> {
        let left = usize::try_from(self.limits.total - self.parser.offset()).unwrap_or(usize::MAX);
        let mut rest = &bytes[..bytes.len().min(left)];
        loop {
            let (used, event) = self.parser.step(rest)?;
            rest = &rest[used..];
            match event {
                Event::More => break,
                event => self.obey(event).await?,
            }
        }
        if bytes.len() > left {
            let limit = self.limits.total;
            return Err(self.parser.fail(Fail::new(LiftErrorKind::TooLarge { limit }, limit)));
        }
        Ok(())
    }

    /// Ends the document.
    ///
    /// # Errors
    /// That it is not complete.
    pub async fn finish(self) -> Result<Node, LiftError> {
        self.parser.finish()
    }

    async fn obey(&mut self, event: Event<'_>) -> Result<(), LiftError> {
        let done = match event {
            Event::More => Ok(()),
            Event::Begin(begin) => self.begin(begin).await,
            Event::Run { bytes, at } => self.sink().feed(bytes, Place::Raw(at)).await,
            Event::Char { bytes, len, at } => self.sink().feed(&bytes[..len], Place::Escape(at)).await,
            Event::End { at } => {
                let sink = self.sink.take().expect(BEGUN);
                match sink.finish(at).await {
                    Ok(node) => return self.parser.lifted(node),
                    Err(fail) => Err(fail),
                }
            }
        };
        done.map_err(|fail| {
            self.sink = None;
            self.parser.fail(fail)
        })
    }

    fn sink(&mut self) -> &mut Sink {
        self.sink.as_mut().expect(BEGUN)
    }

    async fn begin(&mut self, begin: Begin) -> Result<(), Fail> {
        let Begin { kind, prefix, places } = begin;
        let quote = places.quote;
        let skip = match &kind {
            LiftKind::Base64 { skip, .. } => *skip,
            LiftKind::Text => 0,
        };
        let sink = Sink::open(&self.spool, &self.limits, kind).map_err(|error| spool_fail(error, quote))?;
        self.sink = Some(Sink { quote, ..sink });
        self.sink().feed(&prefix[skip..], Place::Held(&places, skip)).await
    }
}

const BEGUN: &str = "invariant: the parser begins a string before it goes on with it";

/// Where the bytes of a piece stand in the document.
#[derive(Clone, Copy)]
enum Place<'p> {
    /// One by one from here on.
    Raw(u64),
    /// All are one escaped character.
    Escape(u64),
    /// They were held back, so many bytes into the string.
    Held(&'p Places, usize),
}

impl Place<'_> {
    fn of(self, index: usize) -> u64 {
        match self {
            Self::Raw(at) => at + index as u64,
            Self::Escape(at) => at,
            Self::Held(places, from) => places.of(from + index),
        }
    }

    fn from(self, index: usize) -> Self {
        match self {
            Self::Raw(at) => Self::Raw(at + index as u64),
            Self::Escape(at) => Self::Escape(at),
            Self::Held(places, from) => Self::Held(places, from + index),
        }
    }

    /// Control characters that were escaped are white space, those that stand there as they are do
    /// not belong into JSON. Held back strings are known to have none of these.
    fn blanks(self) -> Blanks {
        match self {
            Self::Raw(_) => Blanks::SpaceOnly,
            Self::Escape(_) | Self::Held(..) => Blanks::Any,
        }
    }
}

fn spool_fail(error: SpoolError, offset: u64) -> Fail {
    let kind = match error {
        SpoolError::Io(error) => LiftErrorKind::Io(error),
        SpoolError::TooLarge { limit } => LiftErrorKind::TooLarge { limit },
        SpoolError::Base64 { .. } => LiftErrorKind::Base64,
        SpoolError::Full => LiftErrorKind::Full,
    };
    Fail::new(kind, offset)
}

/// Where a long string goes.
#[derive(Debug)]
struct Sink {
    quote: u64,
    body: SinkBody,
}

#[derive(Debug)]
enum SinkBody {
    Picture(PictureSink, Option<String>),
    Text(Box<TextSink>),
}

impl Sink {
    fn open(spool: &Spool, limits: &LiftLimits, kind: LiftKind) -> Result<Self, SpoolError> {
        let body = match kind {
            LiftKind::Base64 { data_uri, .. } => SinkBody::Picture(PictureSink::open(spool, limits)?, data_uri),
            LiftKind::Text => SinkBody::Text(Box::new(TextSink {
                spool: spool.clone(),
                limits: *limits,
                scanner: Scanner::new(Targets::Data),
                writer: spool.writer_up_to(limits.text)?,
                pictures: Vec::new(),
                picture: None,
            })),
        };
        Ok(Self { quote: 0, body })
    }

    async fn feed(&mut self, bytes: &[u8], place: Place<'_>) -> Result<(), Fail> {
        match &mut self.body {
            SinkBody::Picture(picture, _) => picture.feed(bytes, place, self.quote).await,
            SinkBody::Text(text) => text.feed(bytes, place, self.quote).await,
        }
    }

    async fn finish(self, end: u64) -> Result<Node, Fail> {
        match self.body {
            SinkBody::Picture(picture, data_uri) => {
                let blob = picture.finish(end, self.quote).await?;
                Ok(Node::Bytes(LiftedBytes { blob, data_uri }))
            }
            SinkBody::Text(text) => text.finish(end, self.quote).await.map(Node::Text),
        }
    }
}

/// Base64 into a blob.
#[derive(Debug)]
struct PictureSink {
    decoder: Decoder,
    writer: SpoolWriter,
}

impl PictureSink {
    fn open(spool: &Spool, limits: &LiftLimits) -> Result<Self, SpoolError> {
        Ok(Self { decoder: Decoder::new(limits.url_safe), writer: spool.writer_up_to(limits.picture)? })
    }

    async fn feed(&mut self, bytes: &[u8], place: Place<'_>, quote: u64) -> Result<(), Fail> {
        let mut at = 0;
        while at < bytes.len() {
            let room = self.writer.room(LEAST_ROOM).await.map_err(|error| spool_fail(error, quote))?;
            let step = self.decoder.decode(&bytes[at..], room, place.blanks());
            self.writer.advance(step.written).map_err(|error| spool_fail(error, quote))?;
            at += step.read;
            if step.bad {
                let control = bytes[at] < 0x20 && matches!(place, Place::Raw(_));
                let kind = if control { LiftErrorKind::Syntax(crate::json::CONTROL) } else { LiftErrorKind::Base64 };
                return Err(Fail::new(kind, place.of(at)));
            }
        }
        Ok(())
    }

    /// `end` is where the base64 ends, told when it ends too early.
    async fn finish(mut self, end: u64, quote: u64) -> Result<Blob, Fail> {
        let (tail, n) = self.decoder.finish().ok_or(Fail::new(LiftErrorKind::Base64, end))?;
        let fail = |error| spool_fail(error, quote);
        self.writer.write(&tail[..n]).await.map_err(fail)?;
        self.writer.finish().await.map_err(fail)
    }
}

/// Text into a blob, and the pictures in it into theirs.
#[derive(Debug)]
struct TextSink {
    spool: Spool,
    limits: LiftLimits,
    scanner: Scanner,
    writer: SpoolWriter,
    pictures: Vec<Blob>,
    picture: Option<PictureSink>,
}

impl TextSink {
    async fn feed(&mut self, bytes: &[u8], place: Place<'_>, quote: u64) -> Result<(), Fail> {
        let fail = |error| spool_fail(error, quote);
        let mut at = 0;
        loop {
            let (used, found) = self.scanner.step(&bytes[at..]);
            let place = place.from(at);
            at += used;
            match found {
                Found::More => return Ok(()),
                Found::Text(run) => self.writer.write(run).await.map_err(fail)?,
                Found::Held(held) => self.writer.write(&held).await.map_err(fail)?,
                Found::Begin { .. } if self.pictures.len() == MAX_PICTURES => {
                    return Err(Fail::new(LiftErrorKind::Members, quote));
                }
                Found::Begin { .. } => self.picture = Some(PictureSink::open(&self.spool, &self.limits).map_err(fail)?),
                Found::Data(run) => {
                    let picture = self.picture.as_mut().expect("invariant: the scanner begins a picture before its data");
                    picture.feed(run, place, quote).await?;
                }
                Found::End => self.end_picture(place.of(used - 1), quote).await?,
            }
        }
    }

    async fn end_picture(&mut self, end: u64, quote: u64) -> Result<(), Fail> {
        if let Some(picture) = self.picture.take() {
            self.pictures.push(picture.finish(end, quote).await?);
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>, end: u64, quote: u64) -> Result<LongText, Fail> {
        // A text that was cut off in a picture: what is there of it is told by its verdict.
        self.end_picture(end, quote).await?;
        let held = self.scanner.finish();
        let fail = |error| spool_fail(error, quote);
        self.writer.write(&held).await.map_err(fail)?;
        Ok(LongText { blob: self.writer.finish().await.map_err(fail)?, pictures: self.pictures })
    }
}

#[cfg(test)]
mod tests;
