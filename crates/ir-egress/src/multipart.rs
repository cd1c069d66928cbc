//! `multipart/form-data` (RFC 7578) of known length, files streamed from the spool.

use bytes::Bytes;
use ir_model::hex;
use ir_platforms::{Part, PartBody};
use ir_spool::Piece;
use sha2::{Digest, Sha256};

/// A boundary that none of the parts can contain: it is the hash of all of them, so whoever wrote
/// a part would have had to know it before it existed.
pub(crate) fn boundary(parts: &[Part]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.name.len().to_le_bytes());
        hash.update(&part.name);
        match &part.body {
            PartBody::Text(text) => {
                hash.update([0]);
                hash.update(text.len().to_le_bytes());
                hash.update(text);
            }
            PartBody::File { filename, blob, .. } => {
                hash.update([1]);
                hash.update(filename.len().to_le_bytes());
                hash.update(filename);
                hash.update(blob.sha256());
            }
        }
    }
    format!("ImgRouter{}", hex(&hash.finalize()[..16]))
}

/// The body.
pub(crate) fn render(parts: &[Part], boundary: &str) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(2 * parts.len() + 1);
    // Text between two files, gathered into one piece.
    let mut text = String::new();
    for part in parts {
        text.push_str(&format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{}\"", quoted(&part.name)));
        match &part.body {
            PartBody::Text(value) => {
                text.push_str("\r\n\r\n");
                text.push_str(value);
            }
            PartBody::File { filename, media_type, blob } => {
                text.push_str(&format!("; filename=\"{}\"\r\ncontent-type: {media_type}\r\n\r\n", quoted(filename)));
                pieces.push(Piece::Bytes(Bytes::from(std::mem::take(&mut text))));
                pieces.push(Piece::Raw(blob.clone()));
            }
        }
        text.push_str("\r\n");
    }
    text.push_str(&format!("--{boundary}--\r\n"));
    pieces.push(Piece::Bytes(Bytes::from(text)));
    pieces
}

/// A name in quotes, escaped as the WHATWG's form encoding does it.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}
