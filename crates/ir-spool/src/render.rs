//! Writing a document: text from memory, pictures and long texts from the spool.

use crate::pieces::Piece;
use bytes::Bytes;
use ir_model::Node;

/// Writes a document down as JSON, members in their order, without blanks; what stayed in memory
/// exactly as `serde_json` writes it. Lifted bytes become base64 again, with the beginning of a
/// `data:` URI if they have a media type. Long texts are written without the pictures that were
/// taken out of them.
pub fn render_json(node: &Node) -> Vec<Piece> {
    let mut writer = Writer { text: Vec::new(), pieces: Vec::new() };
    writer.node(node);
    writer.end_text();
    writer.pieces
}

struct Writer {
    text: Vec<u8>,
    pieces: Vec<Piece>,
}

impl Writer {
    /// Recursion is bounded: documents are at most as deep as they are read (128), or built by hand.
    fn node(&mut self, node: &Node) {
        match node {
            Node::Null => self.text.extend_from_slice(b"null"),
            Node::Bool(true) => self.text.extend_from_slice(b"true"),
            Node::Bool(false) => self.text.extend_from_slice(b"false"),
            Node::Number(number) => self.text.extend_from_slice(number.to_string().as_bytes()),
            Node::String(text) => self.string(text),
            Node::Bytes(bytes) => {
                match &bytes.data_uri {
                    Some(media) => {
                        self.string(&format!("data:{media};base64,"));
                        // The string goes on: its closing quote comes behind the base64.
                        self.text.pop();
                    }
                    None => self.text.push(b'"'),
                }
                self.blob(Piece::Base64(bytes.blob.clone()));
            }
            Node::Text(text) => {
                self.text.push(b'"');
                self.blob(Piece::Text(text.blob.clone()));
            }
            Node::Array(items) => {
                self.text.push(b'[');
                for (at, item) in items.iter().enumerate() {
                    self.comma(at);
                    self.node(item);
                }
                self.text.push(b']');
            }
            Node::Object(map) => {
                self.text.push(b'{');
                for (at, (name, item)) in map.0.iter().enumerate() {
                    self.comma(at);
                    self.string(name);
                    self.text.push(b':');
                    self.node(item);
                }
                self.text.push(b'}');
            }
        }
    }

    fn comma(&mut self, at: usize) {
        if at > 0 {
            self.text.push(b',');
        }
    }

    fn string(&mut self, text: &str) {
        serde_json::to_writer(&mut self.text, text).expect("invariant: a string can always be written to memory");
    }

    fn blob(&mut self, piece: Piece) {
        self.end_text();
        self.pieces.push(piece);
        self.text.push(b'"');
    }

    fn end_text(&mut self) {
        if !self.text.is_empty() {
            self.pieces.push(Piece::Bytes(Bytes::from(std::mem::take(&mut self.text))));
        }
    }
}
