//! Secrets at rest.

use ir_model::SeededDice;
use ir_settings::{Env, SettingsFile, Vault};
use std::sync::Arc;

const PLACE: &str = "keys/Doubao/https://ark.example";

/// What was sealed opens as it was, at its own place; flipped, cut, lengthened, moved, sealed by
/// another key or made up, it is refused.
pub(crate) fn run(data: &[u8]) {
    thread_local! {
        static VAULTS: [Vault; 2] = ["one master key of two", "the other master key"].map(vault);
    }
    VAULTS.with(|[vault, other]| {
        assert!(vault.open(data, PLACE).is_err(), "made up, it opens");
        let Ok(text) = std::str::from_utf8(data) else { return };
        let sealed = vault.seal(text, PLACE);
        assert_eq!(vault.open(&sealed, PLACE).expect("sealed here").expose(), text);
        assert_ne!(vault.seal(text, PLACE), sealed, "a nonce was used twice");
        assert!(text.len() < 8 || !sealed.windows(text.len()).any(|window| window == text.as_bytes()));
        assert!(other.open(&sealed, PLACE).is_err());
        for at in 0..sealed.len() {
            let mut flipped = sealed.clone();
            flipped[at] ^= 1 << (at % 8);
            assert!(vault.open(&flipped, PLACE).is_err(), "byte {at} flipped");
            if at % 7 == 0 {
                assert!(vault.open(&sealed[..at], PLACE).is_err(), "cut to {at}");
            }
        }
        assert!(vault.open(&[&sealed[..], data].concat(), PLACE).is_err() || data.is_empty());
        for place in [text, "", "keys/Gitee/https://ark.example", "keys/Doubao/https://ark.example/"] {
            assert!(place == PLACE || vault.open(&sealed, place).is_err(), "opened at {place}");
        }
        let cross = vault.seal(PLACE, text);
        assert!(text == PLACE || vault.open(&cross, PLACE).is_err());
        assert_eq!(vault.fingerprint(text), vault.fingerprint(text));
        assert_ne!(vault.fingerprint(text), other.fingerprint(text));
    });
}

fn vault(master: &str) -> Vault {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let env = Env::default().with("IMG_ROUTER_DATA_DIR", folder.path().to_string_lossy()).with("IMG_ROUTER_SECRET_KEY", master);
    SettingsFile::open(env, Arc::new(SeededDice::new(9))).expect("a new folder").vault().clone()
}
