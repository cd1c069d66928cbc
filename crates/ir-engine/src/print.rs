//! What was asked, as a hash: equal for a request and its repetition, whatever the boundaries of a
//! form or the names of its files.

use ir_model::{Ask, AskPicture, Extras, Map, Node, hex};
use sha2::{Digest, Sha256};

/// The hash of a request. `what`: which answer is wanted.
pub(crate) fn print(ask: &Ask, what: &str) -> String {
    let Ask { task, model, prompt, n, size, pictures, mask, form, extras } = ask;
    let mut hash = Sha256::new();
    let known = Extras { unknown: Map::default(), ..extras.clone() };
    let parts = [what.to_owned(), model.clone(), prompt.clone(), format!("{task:?} {n:?} {size:?} {form:?} {known:?}")];
    parts.iter().for_each(|part| text(&mut hash, part));
    for given in pictures {
        picture(&mut hash, given);
    }
    text(&mut hash, "mask");
    mask.iter().for_each(|mask| picture(&mut hash, mask));
    map(&mut hash, &extras.unknown);
    hex(&hash.finalize())
}

/// Its length stands before a text, so that no two lists of texts read the same.
fn text(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_le_bytes());
    hash.update(text.as_bytes());
}

fn picture(hash: &mut Sha256, given: &AskPicture) {
    match given {
        AskPicture::Here(picture) => hash.update(picture.blob.sha256()),
        AskPicture::Url(url) => text(hash, url),
    }
}

fn map(hash: &mut Sha256, map: &Map) {
    for (name, value) in &map.0 {
        text(hash, name);
        node(hash, value);
    }
    text(hash, "}");
}

fn node(hash: &mut Sha256, value: &Node) {
    match value {
        Node::Bytes(bytes) => hash.update(bytes.blob.sha256()),
        Node::Text(long) => {
            hash.update(long.blob.sha256());
            long.pictures.iter().for_each(|picture| hash.update(picture.sha256()));
        }
        Node::Array(items) => {
            items.iter().for_each(|item| node(hash, item));
            text(hash, "]");
        }
        Node::Object(members) => map(hash, members),
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::String(_) => text(hash, &value.to_value_lossy().to_string()),
    }
}
