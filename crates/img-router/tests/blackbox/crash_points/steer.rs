//! What an operator changes: settings and keys.

use super::{Steps, armed, each};
use crate::admin::{Operator, fresh, try_send};
use crate::support::Setup;
use serde_json::{Value, json};

/// The first file of a change is the copy of the version before, the second the file itself.
pub(super) const SETTINGS: Steps = &[("file.flushed", 1), ("file.placed", 1), ("file.flushed", 2), ("file.placed", 2)];
/// The first commit of a command is that of the start.
pub(super) const KEYS: Steps = &[("store.commit", 2), ("store.committed", 2)];

/// The new master key in its file, then the marker that it opens.
pub(super) const ROTATIONS: Steps = &[("file.flushed", 1), ("file.placed", 1), ("file.flushed", 2), ("file.placed", 2)];

const MANY: usize = 10_000;

fn configuration(setup: &Setup, ending: &str) -> Value {
    let path = setup.data().join(format!("runtime-config.json{ending}"));
    let text = std::fs::read_to_string(&path).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}: {text}", path.display()))
}

/// Proves C-16, R-DUR-8, R-DUR-9.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_settings_dies_at_each_point_of_its_way() {
    let setup = fresh();
    let running = setup.start();
    let operator = Operator::first(&running).await;
    let mut deadline = 100;
    operator.change("/api/runtime-config", json!({"routing": {"deadline": deadline}})).await;
    running.stop();
    for _ in 0..each() {
        for step in SETTINGS {
            let mut running = setup.spawn_in(&[("IR_CRASHPOINT", &armed(*step))]);
            running.ready();
            let (old, new) = (deadline, deadline % 400 + 101);
            let change = json!({"routing": {"deadline": new}});
            let answer = try_send(running.port, "POST", "/api/runtime-config", &[("cookie", &operator.cookie)], &change).await;
            assert!(answer.is_err(), "{step:?}: nobody was told that it is saved");
            running.kills_itself(step.0);
            let stands = configuration(&setup, "")["routing"]["deadline"].clone();
            assert_eq!(stands, json!(if step == &("file.placed", 2) { new } else { old }), "{step:?}");
            assert!(configuration(&setup, ".bak").is_object(), "{step:?}");
            let running = setup.start();
            assert_eq!(operator.read("/api/runtime-config").await["routing"]["deadline"], stands, "{step:?}");
            let left: Vec<_> = std::fs::read_dir(setup.data()).unwrap().flatten().map(|file| file.file_name()).collect();
            assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".tmp")), "{step:?}: {left:?}");
            // What is told to be saved is on the disk.
            deadline = new + 1;
            operator.change("/api/runtime-config", json!({"routing": {"deadline": deadline}})).await;
            running.kill();
            assert_eq!(configuration(&setup, "")["routing"]["deadline"], json!(deadline), "{step:?}");
        }
    }
}

/// How many keys there are, and how many of them are switched on.
fn keys(setup: &Setup) -> (usize, usize) {
    let db = rusqlite::Connection::open(setup.data().join("img-router.db")).unwrap();
    db.query_row("SELECT count(*), sum(enabled) FROM keys", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

/// Proves C-17.
#[test]
fn a_change_of_keys_dies_at_each_point_of_its_way() {
    for turn in 0..each() {
        for step in KEYS {
            let setup = Setup::new();
            setup.run(&["keys", "add", "Gitee", "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6"]);
            let point = armed(*step);
            let arm = [("IR_CRASHPOINT", point.as_str())];
            let kept = *step == ("store.committed", 2);
            let listed: Value = serde_json::from_str(&setup.run(&["keys", "list", "--json"])).unwrap();
            let id = listed[0]["id"].as_str().unwrap();
            assert_eq!(setup.run_in(&["keys", "disable", id], "", &arm).code, -1, "{step:?}");
            assert_eq!(keys(&setup), (1, if kept { 0 } else { 1 }), "{step:?}");
            setup.run(&["keys", "enable", id]);

            // A large import is large once.
            let many = if turn == 0 && !kept { MANY } else { 100 };
            let text: String = (0..many).map(|n| format!("key-{n:08}-of-the-platform\n")).collect();
            let import = ["keys", "import", "SiliconFlow", "-"];
            let ran = setup.run_in(&import, &text, &arm);
            assert_eq!((ran.code, ran.out.as_str()), (-1, ""), "{step:?}: {ran:?}");
            assert_eq!(keys(&setup).0, if kept { 1 + many } else { 1 }, "{step:?}: all or none");
            let again = setup.run_with(&import, &text);
            let expected = if kept { format!("0 added, {many} already there") } else { format!("{many} added, 0 already there") };
            assert_eq!((again.code, again.out.trim()), (0, expected.as_str()), "{step:?}: {again:?}");
            assert_eq!(keys(&setup), (1 + many, 1 + many), "{step:?}");
        }
    }
}

/// Proves C-19.
#[test]
fn a_change_of_the_master_key_dies_at_each_point_of_its_way() {
    const KEY: &str = "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6";
    const NEW: &str = "the key of next year";
    let export = ["keys", "export", "Gitee"];
    for _ in 0..each() {
        let setup = Setup::new();
        setup.run(&["keys", "add", "Gitee", KEY]);
        for step in ROTATIONS {
            assert_eq!(setup.run_in(&["rotate-master-key"], "", &[("IR_CRASHPOINT", &armed(*step))]).code, -1, "{step:?}");
            assert_eq!(setup.run(&export).trim(), KEY, "{step:?}");
        }
        // Into the environment: the marker alone decides which key is the right one.
        for (step, holds) in [(("file.flushed", 1), false), (("file.placed", 1), true)] {
            let arm = [("IR_CRASHPOINT", armed(step)), ("IMG_ROUTER_NEW_SECRET_KEY", NEW.to_owned())];
            let arm = arm.each_ref().map(|(name, value)| (*name, value.as_str()));
            assert_eq!(setup.run_in(&["rotate-master-key"], "", &arm).code, -1, "{step:?}");
            let with_new = setup.run_in(&export, "", &[("IMG_ROUTER_SECRET_KEY", NEW)]);
            let with_old = setup.run_with(&export, "");
            let (right, wrong) = if holds { (with_new, with_old) } else { (with_old, with_new) };
            assert_eq!((right.code, right.out.trim(), wrong.code), (0, KEY, 78), "{step:?}: {wrong:?}");
        }
    }
}
