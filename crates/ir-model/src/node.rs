//! A JSON document whose big strings live in the spool.

use crate::blob::{LiftedBytes, LongText};
use serde_json::{Number, Value};

/// One JSON value. Documents read from a wire never hold a string above 64 KiB in memory: those
/// are [`Node::Bytes`] or [`Node::Text`]. Documents that we send hold pictures as [`Node::Bytes`],
/// which become base64 as they are written.
#[derive(Clone, Debug, Default)]
pub enum Node {
    /// `null`
    #[default]
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number, as written.
    Number(Number),
    /// A string that stayed in memory.
    String(String),
    /// A string of base64, decoded into the spool.
    Bytes(LiftedBytes),
    /// A long string of text, in the spool.
    Text(LongText),
    /// An array.
    Array(Vec<Node>),
    /// An object, in the order of its members.
    Object(Map),
}

/// The members of a JSON object in order; names are unique.
#[derive(Clone, Debug, Default)]
pub struct Map(pub Vec<(String, Node)>);

impl Map {
    /// The member called `name`.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, node)| node)
    }

    /// Takes the member called `name` out.
    pub fn take(&mut self, name: &str) -> Option<Node> {
        let at = self.0.iter().position(|(key, _)| key == name)?;
        Some(self.0.remove(at).1)
    }

    /// Adds or replaces a member.
    pub fn set(&mut self, name: &str, node: impl Into<Node>) {
        let node = node.into();
        match self.0.iter_mut().find(|(key, _)| key == name) {
            Some(slot) => slot.1 = node,
            None => self.0.push((name.to_owned(), node)),
        }
    }
}

impl Node {
    /// The member called `name`, if this is an object that has it.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(map) => map.get(name),
            _ => None,
        }
    }

    /// The value at a path of member names, if it is there.
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, name| node.get(name))
    }

    /// The text of a string in memory.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a string in memory, unless it is empty (New API relays write `""` for "absent").
    pub fn as_filled_str(&self) -> Option<&str> {
        self.as_str().filter(|text| !text.is_empty())
    }

    /// The elements of an array.
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// A number that is a whole one.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Number(n) => n.as_i64(),
            _ => None,
        }
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// What JSON calls it, for error messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) | Self::Bytes(_) | Self::Text(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// The same document for inspection, with lifted strings shown as `"<N bytes>"`. For tests and
    /// messages; never sent.
    pub fn to_value_lossy(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(b) => Value::Bool(*b),
            Self::Number(n) => Value::Number(n.clone()),
            Self::String(s) => Value::String(s.clone()),
            Self::Bytes(bytes) => Value::String(format!("<{} bytes>", bytes.blob.size())),
            Self::Text(text) => Value::String(format!("<{} bytes>", text.blob.size())),
            Self::Array(items) => Value::Array(items.iter().map(Self::to_value_lossy).collect()),
            Self::Object(map) => Value::Object(map.0.iter().map(|(k, v)| (k.clone(), v.to_value_lossy())).collect()),
        }
    }
}

impl From<Value> for Node {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(b) => Self::Bool(b),
            Value::Number(n) => Self::Number(n),
            Value::String(s) => Self::String(s),
            Value::Array(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            Value::Object(map) => Self::Object(Map(map.into_iter().map(|(k, v)| (k, v.into())).collect())),
        }
    }
}

impl From<LiftedBytes> for Node {
    fn from(bytes: LiftedBytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Map> for Node {
    fn from(map: Map) -> Self {
        Self::Object(map)
    }
}
