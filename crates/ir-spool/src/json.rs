//! JSON that arrives in pieces, read by a machine with a stack of its own (no recursion, no I/O).
//!
//! Strings that grow beyond a limit do not stay in the document: [`Parser::step`] hands their bytes
//! out as [`Event`]s and takes a [`Node`] in their place. The result, errors and their places
//! included, does not depend on where the input is cut.
//!
//! Stricter than RFC 8259 demands: no name twice in an object, no NUL, no lone surrogate, and the
//! bounds of [`Bounds`]. Numbers are those of `serde_json`.

mod text;

use crate::error::{LiftError, LiftErrorKind};
use ir_model::{Map, Node};
use serde_json::Number;
use std::collections::BTreeSet;
use text::Text;
pub(crate) use text::{Begin, CONTROL, Event, LiftKind, Places};

/// Longest name of a member, in bytes.
const MAX_NAME: usize = 1024;
/// Longest number, in bytes. `f64` needs 1,077 digits at the very most to be written exactly, and
/// nobody writes them.
const MAX_NUMBER: usize = 512;
/// What a value counts against [`Bounds::kept`] besides its text: about a [`Node`] and its place in
/// a list of members.
const NODE_COST: usize = 64;
/// Objects with more members look their names up in a tree.
const FEW: usize = 16;
/// Longest path in an error, in bytes.
const MAX_PATH: usize = 512;

/// What a document may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Bytes of it kept in memory.
    pub(crate) kept: usize,
    /// Arrays and objects inside each other.
    pub(crate) depth: usize,
    /// Members and elements, all together.
    pub(crate) members: usize,
    /// Longer strings (in bytes, unescaped) are handed out.
    pub(crate) lift_above: usize,
}

/// What went wrong, and at which byte of the document.
#[derive(Debug)]
pub(crate) struct Fail {
    pub(crate) kind: LiftErrorKind,
    pub(crate) offset: u64,
}

impl Fail {
    pub(crate) fn new(kind: LiftErrorKind, offset: u64) -> Self {
        Self { kind, offset }
    }

    fn syntax(what: &'static str, offset: u64) -> Self {
        Self::new(LiftErrorKind::Syntax(what), offset)
    }
}

/// How many bytes were used, and what is to be done with them.
type Taken<'a> = Result<(usize, Option<Event<'a>>), Fail>;

/// The machine.
#[derive(Debug)]
pub(crate) struct Parser {
    bounds: Bounds,
    state: State,
    stack: Vec<Frame>,
    root: Option<Node>,
    /// The place of the next byte.
    offset: u64,
    line: u64,
    line_start: u64,
    /// Where the scalar that is being read began.
    value_at: u64,
    number: Vec<u8>,
    text: Text,
    members: usize,
    kept: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A value must come; `]` may, right after `[`.
    Value {
        may_close: bool,
    },
    /// A name must come; `}` may, right after `{`.
    Name {
        may_close: bool,
    },
    Colon,
    /// A value is complete: `,` or the end of its container, or nothing more.
    Next,
    /// Inside `true`, `false` or `null`; so much of it has come.
    Word(Word, usize),
    Number,
    /// Inside a string.
    Text,
    /// A string was handed out; its node is awaited.
    Handover,
    /// An error was reported.
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    True,
    False,
    Null,
}

impl Word {
    const fn text(self) -> &'static [u8] {
        match self {
            Self::True => b"true",
            Self::False => b"false",
            Self::Null => b"null",
        }
    }

    const fn node(self) -> Node {
        match self {
            Self::True => Node::Bool(true),
            Self::False => Node::Bool(false),
            Self::Null => Node::Null,
        }
    }
}

/// An open container.
#[derive(Debug)]
enum Frame {
    Array(Vec<Node>),
    Object {
        members: Vec<(String, Node)>,
        /// The names, once there are more than [`FEW`].
        names: BTreeSet<String>,
        /// The name whose value is awaited.
        name: Option<String>,
    },
}

impl Parser {
    /// At the beginning of a document.
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            state: State::Value { may_close: false },
            stack: Vec::new(),
            root: None,
            offset: 0,
            line: 1,
            line_start: 0,
            value_at: 0,
            number: Vec::new(),
            text: Text::default(),
            members: 0,
            kept: 0,
        }
    }

    /// Reads on until something is to be done, or ([`Event::More`]) all of `input` is used. Returns
    /// how many bytes of `input` were used; the rest is to be given again.
    ///
    /// # Errors
    /// What is wrong with the document. It cannot be read on.
    pub(crate) fn step<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Event<'a>), LiftError> {
        let mut used = 0;
        while used < input.len() {
            let (n, event) = self.take(&input[used..]).map_err(|fail| self.fail(fail))?;
            self.offset += n as u64;
            used += n;
            if let Some(event) = event {
                return Ok((used, event));
            }
        }
        Ok((used, Event::More))
    }

    /// Puts the node of a string that was handed out into its place, after [`Event::End`].
    ///
    /// # Errors
    /// The bounds of the document.
    pub(crate) fn lifted(&mut self, node: Node) -> Result<(), LiftError> {
        debug_assert!(self.state == State::Handover, "no string was handed out");
        self.put(node).map_err(|fail| self.fail(fail))
    }

    /// Ends the document.
    ///
    /// # Errors
    /// That it is not complete, or empty.
    pub(crate) fn finish(mut self) -> Result<Node, LiftError> {
        if self.state == State::Number {
            self.end_number().map_err(|fail| self.fail(fail))?;
        }
        let kind = match (self.state, self.stack.is_empty()) {
            (State::Next, true) => match self.root.take() {
                Some(node) => return Ok(node),
                None => LiftErrorKind::Truncated,
            },
            (State::Value { .. }, true) => LiftErrorKind::Syntax("the document is empty"),
            _ => LiftErrorKind::Truncated,
        };
        Err(self.fail(Fail::new(kind, self.offset)))
    }

    /// Gives an error its place in the document, and reads no further.
    pub(crate) fn fail(&mut self, fail: Fail) -> LiftError {
        let path = self.path();
        self.state = State::Failed;
        let column = fail.offset.saturating_sub(self.line_start) + 1;
        LiftError { kind: fail.kind, path, line: self.line, column, offset: fail.offset }
    }

    /// The place of the next byte.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    fn take<'a>(&mut self, rest: &'a [u8]) -> Taken<'a> {
        match self.state {
            State::Text => self.take_text(rest),
            State::Number => self.take_number(rest),
            State::Word(word, have) => self.take_word(word, have, rest[0]),
            State::Value { .. } | State::Name { .. } | State::Colon | State::Next => {
                let blanks = self.skip_blanks(rest);
                if blanks > 0 {
                    return Ok((blanks, None));
                }
                self.take_mark(rest[0])
            }
            State::Handover | State::Failed => Err(Fail::syntax("an earlier part was refused", self.offset)),
        }
    }

    fn skip_blanks(&mut self, rest: &[u8]) -> usize {
        let mut n = 0;
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = rest.get(n) {
            n += 1;
            if rest[n - 1] == b'\n' {
                self.line += 1;
                self.line_start = self.offset + n as u64;
            }
        }
        n
    }

    /// One byte between values, or the first of a value.
    fn take_mark<'a>(&mut self, byte: u8) -> Taken<'a> {
        self.value_at = self.offset;
        let expected = |what| Err(Fail::syntax(what, self.offset));
        match (self.state, byte) {
            (State::Value { .. }, b'"') => self.begin_text(false),
            (State::Name { .. }, b'"') => self.begin_text(true),
            (State::Value { .. }, b'{' | b'[') => return self.open(byte),
            (State::Value { .. }, b't') => self.state = State::Word(Word::True, 1),
            (State::Value { .. }, b'f') => self.state = State::Word(Word::False, 1),
            (State::Value { .. }, b'n') => self.state = State::Word(Word::Null, 1),
            (State::Value { .. }, b'-' | b'0'..=b'9') => {
                self.number.clear();
                self.state = State::Number;
                return Ok((0, None));
            }
            (State::Value { may_close: true } | State::Next, b']') if matches!(self.stack.last(), Some(Frame::Array(_))) => self.close()?,
            (State::Name { may_close: true } | State::Next, b'}') if matches!(self.stack.last(), Some(Frame::Object { .. })) => {
                self.close()?;
            }
            (State::Colon, b':') => self.state = State::Value { may_close: false },
            (State::Next, b',') => match self.stack.last() {
                Some(Frame::Array(_)) => self.state = State::Value { may_close: false },
                Some(Frame::Object { .. }) => self.state = State::Name { may_close: false },
                None => return expected("nothing may follow the document"),
            },
            (State::Value { .. }, _) => return expected("a value was expected"),
            (State::Name { .. }, _) => return expected("a name in quotes was expected"),
            (State::Colon, _) => return expected("a colon was expected"),
            _ if self.stack.is_empty() => return expected("nothing may follow the document"),
            _ => return expected("a comma or the end was expected"),
        }
        Ok((1, None))
    }

    fn open<'a>(&mut self, byte: u8) -> Taken<'a> {
        if self.stack.len() >= self.bounds.depth {
            return Err(Fail::new(LiftErrorKind::Depth, self.offset));
        }
        if byte == b'[' {
            self.stack.push(Frame::Array(Vec::new()));
            self.state = State::Value { may_close: true };
        } else {
            self.stack.push(Frame::Object { members: Vec::new(), names: BTreeSet::new(), name: None });
            self.state = State::Name { may_close: true };
        }
        Ok((1, None))
    }

    fn close(&mut self) -> Result<(), Fail> {
        let node = match self.stack.pop().expect("invariant: the caller saw an open container") {
            Frame::Array(items) => Node::Array(items),
            Frame::Object { members, .. } => Node::Object(Map(members)),
        };
        self.put(node)
    }

    fn take_word<'a>(&mut self, word: Word, have: usize, byte: u8) -> Taken<'a> {
        if word.text()[have] != byte {
            return Err(Fail::syntax("a value was expected", self.value_at));
        }
        if have + 1 < word.text().len() {
            self.state = State::Word(word, have + 1);
        } else {
            self.put(word.node())?;
        }
        Ok((1, None))
    }

    fn take_number<'a>(&mut self, rest: &[u8]) -> Taken<'a> {
        let run = rest.iter().take_while(|b| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')).count();
        if self.number.len() + run > MAX_NUMBER {
            return Err(Fail::syntax("a number is too long", self.value_at));
        }
        self.number.extend_from_slice(&rest[..run]);
        if run < rest.len() {
            self.end_number()?;
        }
        Ok((run, None))
    }

    fn end_number(&mut self) -> Result<(), Fail> {
        let number: Number = serde_json::from_slice(&self.number).map_err(|_| Fail::syntax("not a number", self.value_at))?;
        self.put(Node::Number(number))
    }

    /// A value is complete: into its place.
    fn put(&mut self, node: Node) -> Result<(), Fail> {
        self.keep(NODE_COST)?;
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(_) if self.members >= self.bounds.members => return Err(Fail::new(LiftErrorKind::Members, self.value_at)),
            Some(Frame::Array(items)) => items.push(node),
            Some(Frame::Object { members, name, .. }) => {
                members.push((name.take().expect("invariant: a name came before the value"), node));
            }
        }
        self.members += usize::from(!self.stack.is_empty());
        self.state = State::Next;
        Ok(())
    }

    /// A name is complete.
    fn put_name(&mut self, new: String) -> Result<(), Fail> {
        let Some(Frame::Object { members, names, name }) = self.stack.last_mut() else {
            unreachable!("invariant: names are read in objects only")
        };
        if members.len() == FEW {
            names.extend(members.iter().map(|(old, _)| old.clone()));
        }
        let twice = if members.len() < FEW { members.iter().any(|(old, _)| *old == new) } else { !names.insert(new.clone()) };
        *name = Some(new);
        if twice {
            return Err(Fail::new(LiftErrorKind::DuplicateKey, self.value_at));
        }
        self.state = State::Colon;
        Ok(())
    }

    fn keep(&mut self, bytes: usize) -> Result<(), Fail> {
        self.kept += bytes;
        if self.kept > self.bounds.kept {
            return Err(Fail::new(LiftErrorKind::TooLarge { limit: self.bounds.kept as u64 }, self.value_at));
        }
        Ok(())
    }

    /// Where in the document we are, as `images[0].image_url`.
    fn path(&self) -> String {
        let mut path = String::new();
        for (at, frame) in self.stack.iter().enumerate() {
            match frame {
                // Between two elements there is no element to name.
                Frame::Array(_) if at + 1 == self.stack.len() && self.state == State::Next => {}
                Frame::Array(items) => path.push_str(&format!("[{}]", items.len())),
                Frame::Object { name: Some(name), .. } => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(name);
                }
                Frame::Object { name: None, .. } => {}
            }
        }
        path.truncate(path.floor_char_boundary(MAX_PATH));
        path
    }
}

#[cfg(test)]
mod tests;
