//! What is written down of the settings and platforms is what the code has.

use std::path::Path;

/// `docs/settings.md` is generated: UPDATE_GOLDEN=1 writes it anew.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test's own switch, and a file of the repository")]
fn the_settings_reference_is_true() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/settings.md");
    let reference = ir_settings::reference_markdown();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &reference).expect("written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == reference, "docs/settings.md is out of date: run the tests once with UPDATE_GOLDEN=1");
}
