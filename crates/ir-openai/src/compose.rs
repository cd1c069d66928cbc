//! Writes JSON and streams in which base64 comes straight from files.

use ir_model::Blob;
use ir_spool::Piece;

/// A text in which some places are filled from files.
#[derive(Default)]
pub(crate) struct Composer {
    pieces: Vec<Piece>,
    text: String,
}

impl Composer {
    /// Text as it is.
    pub(crate) fn raw(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// A whole JSON value.
    pub(crate) fn value(&mut self, value: &serde_json::Value) -> &mut Self {
        self.text.push_str(&value.to_string());
        self
    }

    /// The inside of a JSON string: escaped, without the quotes.
    pub(crate) fn inside(&mut self, text: &str) -> &mut Self {
        let quoted = serde_json::Value::from(text).to_string();
        self.text.push_str(&quoted[1..quoted.len() - 1]);
        self
    }

    /// The bytes of a file as base64. Needs no escaping inside a JSON string.
    pub(crate) fn base64(&mut self, blob: &Blob) -> &mut Self {
        self.flush();
        self.pieces.push(Piece::Base64(blob.clone()));
        self
    }

    /// The pieces in order.
    pub(crate) fn finish(mut self) -> Vec<Piece> {
        self.flush();
        self.pieces
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            self.pieces.push(Piece::Bytes(std::mem::take(&mut self.text).into()));
        }
    }
}
