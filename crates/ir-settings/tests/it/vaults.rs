//! The vault: what it seals opens for its place only, and a wrong master key is told at once.

use crate::support::{Folder, refusal};
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
