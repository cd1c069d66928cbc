//! Any JSON at all: read or refused, never a panic, and a refused change leaves no trace.

use crate::support::Folder;
use ir_settings::all_defs;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

fn leaf() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        (-10.0..200.0f64).prop_map(Json::from),
        (0u64..200).prop_map(Json::from),
        "\\PC{0,12}".prop_map(Json::from),
        prop::sample::select(vec!["********", "enc:v1:", "enc:v1:AAAA", "https://a.example", "a:1", "10", "true", "2K", "a，b"])
            .prop_map(Json::from),
    ]
}

fn any_json() -> impl Strategy<Value = Json> {
    leaf().prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Json::from),
            prop::collection::vec((name(), inner), 0..4).prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    let known = [
        "system",
        "providers",
        "gitee",
        "Gitee",
        "text",
        "modelMap",
        "keyPools",
        "hfModelMap",
        "main",
        "promptOptimizer",
        "apiKey",
        "baseUrl",
    ];
    prop_oneof![prop::sample::select(known.map(str::to_owned).to_vec()), "\\PC{0,6}"]
}

/// Values at places that mean something.
fn placed() -> impl Strategy<Value = Json> {
    prop::collection::vec((0..all_defs().len(), prop_oneof![leaf(), any_json()]), 1..4).prop_map(|places| {
        let mut whole = json!({});
        for (index, value) in places {
            let mut here = &mut whole;
            for part in all_defs()[index].path.split('.') {
                if !here.is_object() {
                    *here = json!({});
                }
                here = &mut here[part];
            }
            *here = value;
        }
        whole
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn files_are_read_or_refused(content in prop_oneof![any_json(), placed()]) {
        let folder = Folder::with(&content);
        let before = folder.text();
        if let Ok(file) = folder.open_with(&[]) {
            let _ = file.legacy_key_pools();
            let _ = file.stored();
            if file.patch(&json!({"system": {"port": 77}})).is_ok() {
                prop_assert_eq!(folder.open().current().settings.system.port, 77);
            }
        } else {
            prop_assert_eq!(folder.text(), before);
        }
    }

    #[test]
    fn changes_are_taken_or_leave_no_trace(change in prop_oneof![any_json(), placed()]) {
        let folder = Folder::with(&json!({"system": {"port": 1}, "other": [1]}));
        let file = folder.open();
        let before = folder.everything();
        match file.patch(&change) {
            Ok(effective) => prop_assert_eq!(&folder.open().current().rows, &effective.rows),
            Err(_) => prop_assert_eq!(folder.everything(), before),
        }
    }

    #[test]
    fn variables_are_read_or_refused(index in 0..all_defs().len(), text in "\\PC{0,20}") {
        let _ = Folder::empty().open_with(&[(&all_defs()[index].env, &text)]);
    }
}
