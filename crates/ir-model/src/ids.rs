//! Names of things.

use std::fmt;

/// Lower-case hexadecimal digits of `raw`.
pub fn hex(raw: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    raw.iter().flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]]).map(char::from).collect()
}

/// Names one request in headers, logs and the request log: 1–128 characters of `[A-Za-z0-9._-]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(String);

impl RequestId {
    /// A caller's own id, if it has the allowed form.
    pub fn parse(text: &str) -> Option<Self> {
        let ok = (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        ok.then(|| Self(text.to_owned()))
    }

    /// A new id from 128 random bits.
    pub fn random(dice: &dyn crate::Dice) -> Self {
        Self(format!("req_{}", dice.hex128()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names one entry of a key pool: random, shown to the operator, tells nothing of the key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub String);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_have_a_narrow_form() {
        assert!(RequestId::parse("a.B_c-9").is_some());
        for bad in ["", "a b", "é", "a\n", "a/b", &"x".repeat(129)] {
            assert!(RequestId::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn hex_digits() {
        assert_eq!(hex(&[0x00, 0x1f, 0xff]), "001fff");
    }
}
