//! A value that must not be shown.

use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// A secret text (a platform key, a password, a token). It has no `Display` and no `Serialize`,
/// its `Debug` shows nothing, and its memory is wiped when it is dropped.
#[derive(Clone, Default)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself. Every call is a place where a secret can leak: only for writing it to the
    /// wire that it was stored for, for hashing, and for encrypting.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether nothing is there.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What may be shown: the last four characters of secrets of at least 20, else nothing of it.
    pub fn masked(&self) -> String {
        let n = self.0.chars().count();
        if n >= 20 { format!("****{}", self.0.chars().skip(n - 4).collect::<String>()) } else { "****".to_owned() }
    }

    /// Compares in time that does not depend on where the texts differ; only on whether their lengths do.
    pub fn same_as(&self, other: &str) -> bool {
        self.0.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_nothing() {
        let s = Secret::new("sk-0123456789abcdefghij");
        assert_eq!(format!("{s:?}"), "Secret(…)");
        assert_eq!(s.masked(), "****ghij");
        assert_eq!(Secret::new("short").masked(), "****");
    }

    /// Proves R-LOG-1.
    #[test]
    fn a_panic_cannot_print_it() {
        #[derive(Debug)]
        #[expect(dead_code, reason = "only printed")]
        struct Around {
            key: Secret,
        }
        let around = Around { key: Secret::new("sk-canary-0123456789") };
        let panic = std::panic::catch_unwind(|| panic!("{around:?}")).unwrap_err();
        let words = panic.downcast_ref::<String>().unwrap();
        assert_eq!(words, "Around { key: Secret(…) }");
    }

    #[test]
    fn compares_whole_values() {
        let s = Secret::new("abc");
        assert!(s.same_as("abc"));
        for other in ["", "ab", "abcd", "abd"] {
            assert!(!s.same_as(other), "{other}");
        }
        assert!(!Secret::new("").same_as("\0"));
    }
}
