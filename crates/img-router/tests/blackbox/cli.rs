//! The commands, as they are typed.

use crate::support::{Ran, Setup, stored};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const ADDRESS: &str = "https://relay.example/v1";
const KEYS: [&str; 3] = ["sk-one-0123456789abcdef", "sk-two-0123456789abcdef", "sk-three-0123456789abcdef"];

#[expect(clippy::disallowed_methods, reason = "the test is the operator with an editor")]
fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn row<'a>(checked: &'a Value, path: &str) -> &'a Value {
    checked["settings"].as_array().unwrap().iter().find(|row| row["path"] == path).unwrap_or_else(|| panic!("{path} is not listed"))
}

/// Proves C-19.
#[test]
fn another_master_key_opens_what_was_sealed_before() {
    let setup = Setup::new();
    setup.run(&["keys", "add", "NewApi", "--base-url", ADDRESS, KEYS[0]]);
    let old = std::fs::read(setup.data().join("secret.key")).unwrap();
    assert!(setup.run(&["rotate-master-key"]).contains("secret.check belongs to it"));
    assert_ne!(std::fs::read(setup.data().join("secret.key")).unwrap(), old);
    assert_eq!(setup.run(&["keys", "export", "NewApi"]).trim(), KEYS[0]);
    let setup = setup.env("IMG_ROUTER_NEW_SECRET_KEY", "the key of next year");
    assert!(setup.run(&["rotate-master-key"]).contains("IMG_ROUTER_SECRET_KEY"));
    let ran = setup.run_with(&["keys", "export", "NewApi"], "");
    assert_eq!(ran.code, 78, "{ran:?}");
    let setup = setup.without("IMG_ROUTER_NEW_SECRET_KEY").env("IMG_ROUTER_SECRET_KEY", "the key of next year");
    assert_eq!(setup.run(&["keys", "export", "NewApi"]).trim(), KEYS[0]);
    let running = setup.start();
    assert_eq!(setup.run_with(&["rotate-master-key"], "").code, 73);
    running.stop();
}

#[test]
fn check_shows_settings_with_their_sources() {
    let setup = Setup::new().env("API_TIMEOUT_MS", "1234");
    write(&setup.data().join("runtime-config.json"), r#"{"routing": {"deadline": 77}, "odd": 1, "system": {"port": 9}}"#);
    let checked = json(&setup.run(&["check", "--json"]));
    assert_eq!(row(&checked, "system.apiTimeout")["value"], "1234");
    assert!(row(&checked, "system.apiTimeout")["source"].as_str().unwrap().contains("API_TIMEOUT_MS"));
    assert!(row(&checked, "routing.deadline")["value"].as_str().unwrap().starts_with("77"));
    assert_eq!(row(&checked, "routing.deadline")["source"], "file");
    assert_eq!(row(&checked, "system.port")["value"], setup.port.to_string());
    assert_eq!(row(&checked, "system.cors")["source"], "default");
    assert!(!checked.to_string().contains(crate::support::KEY), "a secret is shown");
    assert!(checked["problems"].to_string().contains("odd"), "{}", checked["problems"]);
    let changed = json(&setup.run(&["check", "--changed", "--json"]));
    assert!(changed["settings"].as_array().unwrap().iter().all(|row| row["source"] != "default"));
    let ran = setup.run_with(&["check"], "");
    assert!(ran.code == 0 && ran.out.contains("SETTING") && ran.out.contains("routing.deadline") && ran.err.contains("odd"), "{ran:?}");
    let wrong = setup.env("PORT", "0").run_with(&["check"], "");
    assert!(wrong.code == 78 && wrong.err.contains("PORT"), "{wrong:?}");
}

/// Draws into a folder; the pictures' bytes.
fn drawn(setup: &Setup, folder: &Path, more: &[&str]) -> BTreeSet<Vec<u8>> {
    let folder = folder.to_str().unwrap();
    let args = [&["generate", "a lighthouse", "--demo", "--size", "96x64", "-o", folder], more].concat();
    let out = setup.run(&args);
    let files: Vec<PathBuf> = out.lines().map(PathBuf::from).collect();
    assert_eq!(files.len(), std::fs::read_dir(folder).unwrap().count(), "{out}");
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

#[test]
fn generate_draws_the_same_from_the_same_seed() {
    let setup = Setup::new();
    let first = drawn(&setup, &setup.beside("first"), &["-n", "2", "--seed", "7"]);
    let other = Setup::new();
    let second = drawn(&other, &other.beside("deep/er"), &["-n", "2", "--seed", "7"]);
    let third = drawn(&other, &other.beside("third"), &["-n", "2", "--seed", "8"]);
    assert_eq!((first.len(), &first), (2, &second));
    assert_ne!(first, third);
    for picture in &first {
        let side = |at: usize| u32::from_be_bytes(picture[at..at + 4].try_into().unwrap());
        assert_eq!((&picture[..8], side(16), side(20)), (&b"\x89PNG\r\n\x1a\n"[..], 96, 64));
    }
    assert_eq!(stored(&setup.data()).len(), 2, "the gallery has them too");
    let edited = drawn(&setup, &setup.beside("edited"), &["-i", stored(&setup.data())[0].to_str().unwrap()]);
    assert_eq!(edited.len(), 1);
}

#[test]
fn generate_says_what_is_wrong() {
    let setup = Setup::new();
    let wrong = |args: &[&str]| {
        let ran = setup.run_with(args, "");
        assert!(ran.out.is_empty() && !ran.err.is_empty(), "{args:?}: {ran:?}");
        ran.code
    };
    assert_eq!(wrong(&["generate", "a boat", "--demo", "--size", "huge"]), 64);
    assert_eq!(wrong(&["generate", "a boat", "--demo", "-i", "missing.png"]), 66);
    assert_eq!(wrong(&["generate", "a boat", "--demo", "-n", "17"]), 2);
    assert_eq!(wrong(&["generate", "a boat"]), 1, "no platform is set up");
    assert_eq!(wrong(&["generate", "a boat", "--demo", "--model", "NewApi/x"]), 1);
    write(&setup.beside("page.png"), "<html>");
    assert_eq!(wrong(&["generate", "a boat", "--demo", "-i", setup.beside("page.png").to_str().unwrap()]), 66);
}

fn list(setup: &Setup) -> Vec<Value> {
    json(&setup.run(&["keys", "list", "--json"])).as_array().unwrap().clone()
}

#[test]
fn keys_come_and_go() {
    let setup = Setup::new();
    let added = |ran: Ran, wanted: &str| assert_eq!((ran.code, ran.out.trim()), (0, wanted), "{ran:?}");
    added(
        setup.run_with(&["keys", "add", "newapi", "--base-url", ADDRESS, "--name", "mine", "--model", "m1", KEYS[0]], ""),
        "1 added, 0 already there",
    );
    added(setup.run_with(&["keys", "add", "NewApi", "--base-url", ADDRESS], KEYS[1]), "1 added, 0 already there");
    let file = setup.beside("keys.txt");
    write(&file, &format!("# ours\n{}, {}\n\n{}\n", KEYS[0], KEYS[1], KEYS[2]));
    added(setup.run_with(&["keys", "import", "NewApi", file.to_str().unwrap(), "--base-url", ADDRESS], ""), "1 added, 2 already there");
    added(setup.run_with(&["keys", "import", "NewApi", "-", "--base-url", ADDRESS], &KEYS.join("\n")), "0 added, 3 already there");
    let keys = list(&setup);
    let mine = keys.iter().find(|key| key["name"] == "mine").unwrap();
    assert_eq!((keys.len(), &mine["platform"], &mine["baseUrl"], &mine["models"][0]), (3, &"NewApi".into(), &ADDRESS.into(), &"m1".into()));
    let shown = [setup.run(&["keys", "list"]), setup.run(&["keys", "list", "--json"])].concat();
    assert!(KEYS.iter().all(|key| !shown.contains(key)), "a key is shown in full:\n{shown}");
    let exported: BTreeSet<String> = setup.run(&["keys", "export", "NewApi"]).lines().map(str::to_owned).collect();
    assert_eq!(exported, KEYS.map(str::to_owned).into());
    let id = mine["id"].as_str().unwrap().to_owned();
    let state = || list(&setup).iter().find(|key| key["id"] == *id).unwrap()["state"].clone();
    setup.run(&["keys", "disable", &id]);
    assert_eq!(state(), "off");
    setup.run(&["keys", "enable", &id]);
    assert_eq!(state(), "good");
    assert_eq!(setup.run(&["keys", "delete", &id]).trim(), "deleted");
    assert_eq!(list(&setup).len(), 2);
    for action in ["enable", "disable", "delete"] {
        let ran = setup.run_with(&["keys", action, &id], "");
        assert!(ran.code == 1 && ran.err.contains("there is no key"), "{ran:?}");
    }
}

#[test]
fn keys_that_cannot_be_kept_are_refused() {
    let setup = Setup::new();
    let refused = |args: &[&str], input: &str, code: i32| {
        let ran = setup.run_with(args, input);
        assert!(ran.code == code && !ran.err.is_empty(), "{args:?}: {ran:?}");
    };
    refused(&["keys", "add", "NewApi", KEYS[0]], "", 1);
    refused(&["keys", "add", "Nobody", KEYS[0]], "", 1);
    refused(&["keys", "add", "NewApi", "--base-url", ADDRESS], "", 64);
    refused(&["keys", "add", "NewApi", "--base-url", ADDRESS, "a key"], "", 65);
    refused(&["keys", "import", "NewApi", "missing.txt"], "", 66);
    assert!(list(&setup).is_empty());
}

#[test]
fn reindex_finds_every_picture_again() {
    let setup = Setup::new();
    drawn(&setup, &setup.beside("out"), &["-n", "3"]);
    assert!(setup.run(&["reindex"]).starts_with("3 pictures found, 0 added"));
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(setup.data().join(format!("img-router.db{ending}")));
    }
    let torn = stored(&setup.data())[0].with_file_name("20260101T000000-00000000000000000000000000000000.png");
    write(&torn, "\u{89}PNG not really");
    let said = setup.run(&["reindex"]);
    assert!(said.starts_with("4 pictures found, 3 added to the index, 1 damaged files left alone"), "{said}");
    assert!(torn.exists());
    assert!(setup.run(&["reindex"]).contains("0 added"));
}

#[test]
fn healthcheck_tells_by_its_exit_code() {
    let setup = Setup::new();
    assert_eq!(setup.run_with(&["healthcheck"], "").code, 1);
    let running = setup.start();
    assert_eq!(setup.run(&["healthcheck"]).trim(), "ready");
    let url = format!("http://127.0.0.1:{}/", setup.port);
    assert_eq!(setup.run(&["healthcheck", "--url", &url]).trim(), "ready");
    assert_eq!(setup.run_with(&["healthcheck", "--url", "nonsense"], "").code, 64);
    running.stop();
    let ran = setup.run_with(&["healthcheck"], "");
    assert!(ran.code == 1 && ran.err.contains("not reachable"), "{ran:?}");
}

#[test]
fn help_and_completions() {
    let setup = Setup::new();
    for args in [&["--help"][..], &["help"]] {
        let help = setup.run(args);
        assert!(help.contains("Examples:") && help.contains("img-router keys add") && help.contains("IMG_ROUTER_DEMO=1"), "{help}");
        for command in ["serve", "check", "generate", "reindex", "keys", "rotate-master-key", "healthcheck", "completions"] {
            assert!(help.contains(command), "{command} is missing:\n{help}");
        }
    }
    assert!(setup.run(&["completions", "bash"]).contains("complete -F _img__router"));
    assert!(setup.run(&["completions", "zsh"]).contains("#compdef img-router"));
    assert!(setup.run(&["--version"]).starts_with("img-router "));
    assert_eq!(setup.run_with(&["nonsense"], "").code, 2);
    assert!(!setup.data().exists(), "help touches nothing");
}

/// A client key is printed once, alone, so that a script can take it; lists show what may be shown.
#[test]
fn client_keys_are_made_listed_and_deleted() {
    let setup = Setup::new();
    let made = setup.run_with(&["client-keys", "add", "Ana", "--model", "m", "--per-minute", "5", "--days", "30"], "");
    assert_eq!(made.code, 0, "{made:?}");
    let key = made.out.trim();
    assert!(key.starts_with("ir-") && made.out.lines().count() == 1 && made.err.contains("Ana"), "{made:?}");
    setup.run(&["client-keys", "add", "two\nlines"]);
    let listed = setup.run(&["client-keys", "list"]);
    assert!(!listed.contains(&key[3..]) && listed.contains(&key[42..]) && listed.lines().count() == 3, "{listed}");
    let keys = json(&setup.run(&["client-keys", "list", "--json"]));
    let first = &keys[0];
    assert_eq!((&first["name"], &first["models"], &first["requestsPerMinute"]), (&"Ana".into(), &serde_json::json!(["m"]), &5.into()));
    assert_eq!(first["expires"].as_i64().unwrap() - first["created"].as_i64().unwrap(), 30 * 86_400_000);
    let id = first["id"].as_str().unwrap();
    assert_eq!(setup.run(&["client-keys", "delete", id]).trim(), "deleted");
    assert_eq!(setup.run_with(&["client-keys", "delete", id], "").code, 1);
    for wrong in [&["client-keys", "add", ""][..], &["client-keys", "add", "a", "--per-minute", "0"], &["client-keys", "add"]] {
        let ran = setup.run_with(wrong, "");
        assert!([2, 64].contains(&ran.code), "{ran:?}");
    }
    assert_eq!(json(&setup.run(&["client-keys", "list", "--json"])).as_array().unwrap().len(), 1);
}
