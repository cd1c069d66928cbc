//! The vault: what it seals opens for its place only, and a wrong master key is told at once.
#![expect(clippy::unwrap_used, reason = "a helper's failure is the test's failure")]

use crate::support::{Folder, refusal};
use ir_settings::NewMasterKey;
use serde_json::json;

const KEY_A: &str = "master-key-number-one";
const KEY_B: &str = "master-key-number-two";

#[test]
fn opens_for_its_place_only() {
    let file = Folder::empty().open();
    let vault = file.vault();
    let sealed = vault.seal("sk-0123456789", "key|1|Gitee|https://a.example");
    assert_eq!(vault.open(&sealed, "key|1|Gitee|https://a.example").unwrap().expose(), "sk-0123456789");
    vault.open(&sealed, "key|1|Gitee|https://b.example").unwrap_err();
    for i in 0..sealed.len() {
        let mut bent = sealed.clone();
        bent[i] ^= 1;
        vault.open(&bent, "key|1|Gitee|https://a.example").unwrap_err();
        vault.open(&sealed[..i], "key|1|Gitee|https://a.example").unwrap_err();
    }
    assert_ne!(sealed, vault.seal("sk-0123456789", "key|1|Gitee|https://a.example"), "a nonce of its own");
    assert!(!sealed.windows(5).any(|part| part == b"sk-01"));
}

#[test]
fn fingerprints_are_keyed() {
    let (a, b) = (Folder::empty(), Folder::empty());
    let print = |folder: &Folder, key: &str| folder.open_with(&[("IMG_ROUTER_SECRET_KEY", key)]).unwrap().vault().fingerprint("text");
    let one = print(&a, KEY_A);
    assert_eq!(one.len(), 64);
    assert_eq!(one, print(&a, KEY_A));
    assert_ne!(one, print(&b, KEY_B));
}

#[test]
fn a_wrong_master_key_is_refused_and_nothing_is_changed() {
    let folder = Folder::empty();
    let file = folder.open_with(&[("IMG_ROUTER_SECRET_KEY", KEY_A)]).unwrap();
    file.patch(&json!({"system": {"globalAccessKey": "first-key-0123"}})).unwrap();
    let before = folder.everything();
    for env in [&[("IMG_ROUTER_SECRET_KEY", KEY_B)][..], &[], &[("IMG_ROUTER_SECRET_KEY", "")], &[("IMG_ROUTER_SECRET_KEY", "short")]] {
        let message = refusal(folder.open_with(env));
        assert!(message.contains("master key") && !message.contains(KEY_B), "{message}");
        assert_eq!(folder.everything(), before);
    }
    folder.open_with(&[("IMG_ROUTER_SECRET_KEY", KEY_A)]).unwrap();
}

/// Proves F-65.
#[test]
fn a_lost_or_damaged_key_file_is_refused() {
    let folder = Folder::empty();
    folder.open().patch(&json!({"system": {"globalAccessKey": "first-key-0123"}})).unwrap();
    let key = folder.path("secret.key");
    assert_eq!(folder.mode("secret.key"), 0o600);
    let away = folder.path("away");
    std::fs::rename(&key, &away).unwrap();
    assert!(refusal(folder.open_with(&[])).contains("secret.key is missing"));
    assert!(!key.exists());
    // Even when the marker went with it: the file tells that something is sealed.
    std::fs::remove_file(folder.path("secret.check")).unwrap();
    assert!(refusal(folder.open_with(&[])).contains("secret.key is missing"));
    std::fs::copy(folder.config(), &key).unwrap();
    assert!(refusal(folder.open_with(&[])).contains("64 hexadecimal digits"));
    std::fs::rename(&away, &key).unwrap();
    assert_eq!(folder.open().current().settings.system.global_access_key.as_ref().unwrap().expose(), "first-key-0123");
}

#[test]
fn starts_at_once_agree_on_one_key() {
    let folder = Folder::empty();
    let prints: Vec<String> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| folder.open().vault().fingerprint("text"))).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    assert!(prints.iter().all(|print| print == &prints[0]), "{prints:?}");
}

/// Files of a folder by name.
type Files = Vec<(&'static str, Vec<u8>)>;

/// A folder with a sealed setting, and its state after each step of a rotation into the key file.
fn steps(env: &[(&str, &str)]) -> (Folder, Files, Files) {
    let folder = Folder::empty();
    folder.open_with(env).unwrap().patch(&json!({"system": {"globalAccessKey": "first-key-0123"}})).unwrap();
    let state = |folder: &Folder| -> Files {
        let read = |name: &'static str| std::fs::read(folder.path(name)).ok().map(|bytes| (name, bytes));
        ["secret.key", "secret.check"].into_iter().filter_map(read).collect()
    };
    let before = state(&folder);
    assert_eq!(folder.open_with(env).unwrap().rotate_master_key().unwrap(), NewMasterKey::File);
    let after = state(&folder);
    (folder, before, after)
}

#[expect(clippy::disallowed_methods, reason = "a test puts a folder into a state")]
fn put(folder: &Folder, name: &str, from: &[(&str, Vec<u8>)], of: &str) {
    let bytes = from.iter().find(|(known, _)| *known == of).map(|(_, bytes)| bytes);
    match bytes {
        Some(bytes) => std::fs::write(folder.path(name), bytes).unwrap(),
        None => std::fs::remove_file(folder.path(name)).unwrap_or(()),
    }
}

fn secret(folder: &Folder, env: &[(&str, &str)]) -> String {
    folder.open_with(env).unwrap().current().settings.system.global_access_key.as_ref().unwrap().expose().to_owned()
}

/// Whatever step a kill came after, the folder opens: with the old key before the marker was
/// replaced, with the new one after it.
///
/// Proves C-19, R-SEC-4.
#[test]
fn a_rotation_of_the_master_key_may_be_killed_anywhere() {
    for env in [&[][..], &[("IMG_ROUTER_SECRET_KEY", KEY_A)]] {
        let (folder, before, after) = steps(env);
        let print = folder.open().vault().fingerprint("text");
        // The new key lies beside the old one, the marker is the old one.
        put(&folder, "secret.key", &before, "secret.key");
        put(&folder, "secret.key.new", &after, "secret.key");
        put(&folder, "secret.check", &before, "secret.check");
        assert_eq!(secret(&folder, env), "first-key-0123");
        // The marker is the new one, the new key is not in its place yet.
        put(&folder, "secret.key.new", &after, "secret.key");
        put(&folder, "secret.check", &after, "secret.check");
        assert_eq!(secret(&folder, &[]), "first-key-0123");
        assert!(!folder.path("secret.key.new").exists(), "the last step was not finished");
        assert_eq!(std::fs::read(folder.path("secret.key")).unwrap(), after[0].1);
        assert_eq!(folder.mode("secret.key"), 0o600);
        // Fingerprints stay: keys are known again, idempotency keys and sessions too.
        assert_eq!(folder.open().vault().fingerprint("text"), print);
        // The old key opens nothing any more.
        put(&folder, "secret.key", &before, "secret.key");
        if env.is_empty() {
            assert!(refusal(folder.open_with(&[])).contains("not the one"));
        } else {
            assert!(refusal(folder.open_with(env)).contains("not the one"));
        }
    }
}

#[test]
fn a_new_master_key_may_come_from_the_environment() {
    let folder = Folder::empty();
    folder.open().patch(&json!({"system": {"globalAccessKey": "first-key-0123"}})).unwrap();
    let short = folder.open_with(&[("IMG_ROUTER_NEW_SECRET_KEY", "short")]).unwrap().rotate_master_key();
    assert!(short.unwrap_err().to_string().contains("at least"));
    assert_eq!(secret(&folder, &[]), "first-key-0123");
    let rotated = folder.open_with(&[("IMG_ROUTER_NEW_SECRET_KEY", KEY_A)]).unwrap().rotate_master_key();
    assert_eq!(rotated.unwrap(), NewMasterKey::Environment);
    assert!(!folder.path("secret.key").exists());
    refusal(folder.open_with(&[]));
    assert_eq!(secret(&folder, &[("IMG_ROUTER_SECRET_KEY", KEY_A)]), "first-key-0123");
    // And once more, to another one.
    let env = [("IMG_ROUTER_SECRET_KEY", KEY_A), ("IMG_ROUTER_NEW_SECRET_KEY", KEY_B)];
    folder.open_with(&env).unwrap().rotate_master_key().unwrap();
    refusal(folder.open_with(&[("IMG_ROUTER_SECRET_KEY", KEY_A)]));
    assert_eq!(secret(&folder, &[("IMG_ROUTER_SECRET_KEY", KEY_B)]), "first-key-0123");
}

/// After a rotation the marker holds the root. Without it nothing is written, rather than secrets
/// dropped that seem to belong to another address.
#[test]
fn a_lost_marker_is_refused_after_a_rotation() {
    for document in [
        json!({"system": {"globalAccessKey": "first-key-0123"}}),
        json!({"storage": {"s3": {"endpoint": "https://s3.example", "secretKey": "secret-of-the-bucket"}}}),
    ] {
        let folder = Folder::empty();
        folder.open().patch(&document).unwrap();
        folder.open().rotate_master_key().unwrap();
        let check = std::fs::read(folder.path("secret.check")).unwrap();
        std::fs::remove_file(folder.path("secret.check")).unwrap();
        let before = folder.everything();
        let message = refusal(folder.open_with(&[]));
        assert!(message.contains("secret.check is missing") || message.contains("does not open"), "{message}");
        assert_eq!(folder.everything(), before);
        put(&folder, "secret.check", &[("secret.check", check)], "secret.check");
        assert!(folder.open().current().problems.is_empty());
    }
}
